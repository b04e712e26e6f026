//! `fifteen report --live`: the table, asked of the server again and again and drawn in place.
//!
//! On a terminal each picture overwrites the one before, without clearing it first, so that
//! nothing flickers; into a pipe they come one after the other. A picture that could not be had
//! leaves the last one standing, with the reason under it.

use super::{ask, connect};
use crate::cli;
use anyhow::{Context, Result};
use fifteen::domain::UtcMs;
use fifteen::report::{Query, midnight, render};
use ratatui::crossterm::cursor::MoveTo;
use ratatui::crossterm::queue;
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{self, Clear, ClearType};
use std::io::{IsTerminal, Write};
use std::time::Duration;

pub(super) async fn redraw(args: &cli::Report, mut query: Query) -> Result<()> {
    let client = connect(args).await?;
    // The server's own time; each report says it anew.
    let mut now = client.welcome().context("the server left at once")?.now_at;
    let every = Duration::from_secs(args.every);
    let in_place = std::io::stdout().is_terminal();
    let mut last = String::new();
    if in_place {
        queue!(std::io::stdout(), Clear(ClearType::All))?;
    }
    loop {
        if args.from.is_none() {
            // Today; at midnight a new one begins.
            query.from = Some(midnight(UtcMs(now), 0, &query.zone));
        }
        let problem = tokio::select! {
            asked = ask(&client, &query, false) => match asked {
                Ok(report) => {
                    now = report.span.until_ms;
                    last = render::table(&report);
                    last += &format!("\nas of {}", report.span.until_at);
                    None
                }
                Err(error) => Some(crate::shell::said(&error)),
            },
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
        };
        let foot = match problem {
            None => format!("every {} s, ctrl-C ends", args.every),
            Some(problem) => format!("NOT FRESH: {problem}"),
        };
        draw(&last, &foot, in_place)?;
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
        }
    }
}

fn draw(table: &str, foot: &str, in_place: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if !in_place {
        writeln!(out, "{table}, {foot}\n")?;
        return Ok(out.flush()?);
    }
    let (columns, rows) = terminal::size().unwrap_or((80, 24));
    for (row, line) in (0..).zip(fitted(table, foot, usize::from(rows))) {
        let line: String = line.chars().take(usize::from(columns)).collect();
        queue!(out, MoveTo(0, row), Print(line), Clear(ClearType::UntilNewLine))?;
    }
    queue!(out, Clear(ClearType::FromCursorDown))?;
    Ok(out.flush()?)
}

/// What of the table fits on so many rows, and the foot.
fn fitted(table: &str, foot: &str, rows: usize) -> Vec<String> {
    let lines: Vec<&str> = table.lines().collect();
    let room = rows.saturating_sub(1).max(1);
    let mut fitted: Vec<String> = lines.iter().take(room).map(|line| (*line).to_owned()).collect();
    let hidden = lines.len().saturating_sub(room);
    let more = if hidden > 0 { format!("{hidden} more lines; ") } else { String::new() };
    fitted.push(format!("{more}{foot}"));
    fitted
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn what_does_not_fit_is_counted_not_scrolled() {
        let table: Vec<_> = (1..=40).map(|line| format!("line {line}")).collect();
        let fitted = |rows| super::fitted(&table.join("\n"), "ctrl-C ends", rows);
        assert_eq!(fitted(24).len(), 24);
        assert_eq!(fitted(24)[23], "17 more lines; ctrl-C ends");
        assert_eq!(fitted(50).len(), 41);
        assert_eq!(fitted(50)[40], "ctrl-C ends");
    }

    #[test]
    fn a_terminal_of_one_row_still_says_something() {
        assert_eq!(fitted("a\nb", "foot", 1), ["a", "1 more lines; foot"]);
    }
}

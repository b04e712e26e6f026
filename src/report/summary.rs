//! The report in a few lines of plain text, for the body of a mail.

use super::figures::{ClockFigures, Report};
use super::say::{count, counted, limit, moment, offset, rank, share, span};
use super::tables::{Disclosure, Tables};
use super::{By, render};
use std::fmt::Write as _;

/// Districts named at most.
const DISTRICTS: usize = 5;

/// The headline, every clock, the districts that missed most and the worst calls, at 78 columns.
#[must_use]
pub fn summary(report: &Report, clock: Option<&str>, disclosure: Disclosure) -> String {
    let about = &report.span;
    let room = report.detail.as_deref().map_or("", |detail| &*detail.room);
    let from = about.from_at.as_ref().or(about.first_received_at.as_ref());
    let from = from.map_or_else(|| "the beginning".to_owned(), |at| moment(at));
    let to = about.to_at.as_ref().unwrap_or(&about.until_at);
    let mut text = String::new();
    if !room.is_empty() {
        let _ = writeln!(text, "{}", render::shown(room));
    }
    let _ = writeln!(text, "{from} to {}", moment(to));
    let _ =
        writeln!(text, "{} (UTC{}), as of {}\n", about.zone, offset(to), moment(&about.until_at));
    let calls = &report.whole.calls;
    if calls.received + calls.reopened == 0 {
        text += "No call was received.\n";
        return text;
    }
    let _ = writeln!(text, "Calls received     {:>9}", count(calls.received));
    let _ = writeln!(text, "Acknowledged       {:>9}", count(calls.acknowledged));
    let _ = writeln!(text, "Arrived at         {:>9}", count(calls.arrived));
    let _ = writeln!(text, "Still open         {:>9}", count(calls.open));
    if calls.open_waiting > 0 {
        let _ = writeln!(text, "NOBODY HAS         {:>9}", count(calls.open_waiting));
    }
    text += "\n";
    for run in report.whole.clocks.iter().filter(|run| run.started > 0) {
        text += &one_clock(run, disclosure);
    }
    let tables = Tables::of(report, clock, disclosure);
    let districts = tables.as_ref().and_then(|tables| tables.cut(By::District));
    let worst: Vec<_> = districts
        .iter()
        .flat_map(|table| &table.rows)
        .filter_map(|row| row.missed.exact().filter(|missed| *missed > 0).zip(Some(row)))
        .filter(|(_, row)| row.share.is_some())
        .take(DISTRICTS)
        .collect();
    if let (Some(tables), false) = (&tables, worst.is_empty()) {
        let _ = writeln!(text, "\nLowest share in time ({}):", tables.clock);
        for (missed, row) in worst {
            let name = render::shown(&row.name);
            let _ = writeln!(
                text,
                "  {name:<28} {:>6} in time, {} missed of {}",
                share(row.share),
                count(missed),
                row.calls
            );
        }
    }
    text
}

fn one_clock(run: &ClockFigures, disclosure: Disclosure) -> String {
    let never = run.missed_unanswered + run.missed_closed;
    let mut text = format!(
        "{} within {}: {} in time ({}), {} missed, {} of them never\n",
        render::shown(&run.clock),
        limit(run.limit_ms),
        count(run.in_time),
        share(run.compliance),
        count(run.missed),
        count(never)
    );
    let _ = writeln!(
        text,
        "  p50 {}, p90 {}, p99 {}, max {}",
        rank(run.p50_ms),
        rank(run.p90_ms),
        rank(run.p99_ms),
        rank(run.max_ms)
    );
    let call = |worst: &super::Worst| {
        if disclosure.public { String::new() } else { format!(" (call {})", worst.call) }
    };
    if let Some(worst) = &run.waiting {
        let _ = writeln!(text, "  longest still waiting: {}{}", span(worst.ms), call(worst));
    }
    let told: u64 = run.rungs.iter().map(|rung| rung.told).sum();
    if told > 0 {
        let late: u64 = run.rungs.iter().map(|rung| rung.late).sum();
        let taken: u64 = run.rungs.iter().map(|rung| rung.taken).sum();
        let _ = writeln!(
            text,
            "  offices told: {}, {} late; {} taken",
            counted(told, "time"),
            count(late),
            count(taken)
        );
    }
    text
}

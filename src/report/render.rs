//! A report for eyes ([`table`]), for programs ([`json`]) and for spreadsheets ([`csv()`]); and
//! the list of escalations, line by line as it is folded ([`EscalationCsv`], [`escalation_json`]).
//! All of them exact; [`public_json`] and [`public_csv`] are for readers outside.

use super::figures::{Calls, ClockFigures, Figures, Report, Worst};
pub use super::public::{public_csv, public_json};
use super::say::{limit, rank, share, span, to_seconds};
pub use super::sheet::{EscalationCsv, csv, escalation_json, json};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};
use std::fmt::Write as _;

/// Width the tables are made for.
const COLUMNS: u16 = 80;
/// A line under the header and nothing else.
const RULED: TableStyle = presets::NOTHING.header_separator(LineStyle::new('─', '─', '─', '─'));

/// The report for a supervisor's eyes, at 80 columns: what it is about, what burned, how long
/// it took, who was told, and the groups if there are any.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = heading(report);
    if report.whole.calls == Calls::default() {
        return text;
    }
    text += "\nDeadlines\n";
    text += &deadlines(&report.whole);
    text += "\nFrom start to answer\n";
    text += &answers(&report.whole);
    let told = offices(&report.whole);
    if told.is_empty() {
        text += "\nNobody had to be told.\n";
    } else {
        text += "\nWho was told\n";
        text += &told;
    }
    if let (Some(by), false) = (report.by, report.groups.is_empty()) {
        let first = first_clock(report).map_or_else(String::new, shown);
        let _ = writeln!(text, "\nBy {}: {first}, and what else was missed", by.name());
        text += &groups(report);
    }
    text
}

fn heading(report: &Report) -> String {
    let (span, calls) = (&report.span, &report.whole.calls);
    let first = span.from_at.as_ref().or(span.first_received_at.as_ref());
    let first = first.map_or_else(|| "the beginning".to_owned(), |at| to_seconds(at));
    let last = to_seconds(span.to_at.as_ref().unwrap_or(&span.until_at));
    let received = count(calls.received, "call");
    let mut text = format!("{received}, {first} to {last} {}\n", shown(&span.zone));
    let withdrawn = count(calls.withdrawals, "acknowledgement");
    let mut became = vec![
        format!("{} acknowledged", calls.acknowledged),
        format!("{} arrived at", calls.arrived),
        count(calls.closed, "closing"),
        format!("{} reopened", calls.reopened),
        format!("{} open", calls.open),
        format!("{withdrawn} withdrawn"),
    ];
    if calls.open_waiting > 0 {
        became.push(format!("{} that NOBODY HAS", calls.open_waiting));
    }
    text += &wrapped("", &became);
    if !calls.closed_as.is_empty() {
        let mut closed: Vec<_> = calls.closed_as.iter().collect();
        closed.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let one = |(name, count): &(&String, &u64)| format!("{} {count}", shown(name));
        let closed: Vec<_> = closed.iter().map(one).collect();
        text += &wrapped("closed as: ", &closed);
    }
    let left_out =
        [count(report.excluded.test, "test call"), count(report.excluded.canary, "canary call")];
    text += &wrapped("left out: ", &left_out);
    if span.to_at.is_some() {
        let _ = writeln!(text, "as of {}", to_seconds(&span.until_at));
    }
    text
}

/// The items after `head`, broken between two of them where the line would be too long.
fn wrapped(head: &str, items: &[String]) -> String {
    let mut text = head.to_owned();
    let mut column = head.chars().count();
    for (place, item) in items.iter().enumerate() {
        let comma = if place + 1 < items.len() { "," } else { "" };
        let width = item.chars().count() + comma.len();
        if place > 0 && column + 1 + width > usize::from(COLUMNS) {
            text += "\n  ";
            column = 2;
        } else if place > 0 {
            text += " ";
            column += 1;
        }
        text += item;
        text += comma;
        column += width;
    }
    text + "\n"
}

fn count(of: u64, what: &str) -> String {
    format!("{of} {what}{}", if of == 1 { "" } else { "s" })
}

fn new_table(header: &[&str], left: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(RULED)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(header);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 0));
        if place >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn printed(table: &Table) -> String {
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn deadlines(figures: &Figures) -> String {
    let header = ["clock", "limit", "runs", "in time", "missed", "never", "not due", "share"];
    let mut table = new_table(&header, 1);
    for clock in &figures.clocks {
        table.add_row([
            shown(&clock.clock),
            limit(clock.limit_ms),
            clock.started.to_string(),
            clock.in_time.to_string(),
            clock.missed.to_string(),
            (clock.missed_unanswered + clock.missed_closed).to_string(),
            clock.open.to_string(),
            share(clock.compliance),
        ]);
    }
    let mut text = printed(&table);
    for clock in &figures.clocks {
        let mut notes = Vec::new();
        if clock.in_time_by_close > 0 {
            notes.push(format!("{} in time only by closing", clock.in_time_by_close));
        }
        if clock.missed_unanswered > 0 {
            notes.push(format!("{} missed and still unanswered", clock.missed_unanswered));
        }
        if clock.missed_after_withdrawal > 0 {
            notes.push(format!("{} missed after a withdrawal", clock.missed_after_withdrawal));
        }
        if !notes.is_empty() {
            text += &wrapped(&format!(" {}: ", shown(&clock.clock)), &notes);
        }
    }
    text
}

fn answers(figures: &Figures) -> String {
    let header = ["clock", "p50", "p90", "p95", "p99", "max", "slowest", "waiting"];
    let mut table = new_table(&header, 1);
    for clock in figures.clocks.iter().filter(|clock| clock.started > 0) {
        table.add_row([
            shown(&clock.clock),
            rank(clock.p50_ms),
            rank(clock.p90_ms),
            rank(clock.p95_ms),
            rank(clock.p99_ms),
            rank(clock.max_ms),
            worst(clock.longest.as_ref()),
            worst(clock.waiting.as_ref()),
        ]);
    }
    printed(&table)
}

fn offices(figures: &Figures) -> String {
    let header = ["office", "clock", "rung", "told", "again", "taken", "late", "latest by"];
    let mut table = new_table(&header, 2);
    for clock in &figures.clocks {
        for rung in &clock.rungs {
            table.add_row([
                shown(&rung.office),
                shown(&clock.clock),
                rung.rung.to_string(),
                rung.told.to_string(),
                rung.repeats.to_string(),
                rung.taken.to_string(),
                rung.late.to_string(),
                if rung.late_ms_max == 0 { "-".to_owned() } else { span(rung.late_ms_max) },
            ]);
        }
    }
    if table.is_empty() { String::new() } else { printed(&table) }
}

/// The first clock of each group, and the misses of the others.
fn groups(report: &Report) -> String {
    let by = report.by.map_or("", super::By::name);
    let header = [by, "calls", "open", "missed", "share", "p90", "max", "also missed"];
    let mut table = new_table(&header, 1);
    let first = first_clock(report);
    for group in &report.groups {
        let (calls, clocks) = (&group.figures.calls, &group.figures.clocks);
        let clock = clocks.iter().find(|clock| Some(&*clock.clock) == first);
        let of = |print: fn(&ClockFigures) -> String| clock.map_or_else(|| "-".to_owned(), print);
        let also: Vec<_> = clocks
            .iter()
            .filter(|clock| Some(&*clock.clock) != first && clock.missed > 0)
            .map(|clock| format!("{} {}", shown(&clock.clock), clock.missed))
            .collect();
        table.add_row([
            shown(&group.name),
            calls.received.to_string(),
            calls.open.to_string(),
            of(|clock| clock.missed.to_string()),
            of(|clock| share(clock.compliance)),
            of(|clock| rank(clock.p90_ms)),
            of(|clock| rank(clock.max_ms)),
            also.join(", "),
        ]);
    }
    printed(&table)
}

/// The clock a supervisor looks at first: the first of dispatch.toml that ran.
fn first_clock(report: &Report) -> Option<&str> {
    let mut ran = report.whole.clocks.iter().filter(|clock| clock.started > 0);
    ran.next().map(|clock| clock.clock.as_str())
}

fn worst(worst: Option<&Worst>) -> String {
    worst.map_or_else(|| "-".to_owned(), |worst| format!("{} #{}", span(worst.ms), worst.call))
}

/// Text somebody typed, without what would move a terminal's cursor.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::{shown, wrapped};

    #[test]
    fn long_lists_break_between_items_at_80_columns() {
        let items: Vec<_> = (0..30).map(|n| format!("disposition {n}")).collect();
        let text = wrapped("closed as: ", &items);
        assert!(text.lines().count() > 4);
        assert!(text.lines().all(|line| line.len() <= 80));
        assert_eq!(text.split_whitespace().count(), 62);
    }

    #[test]
    fn typed_text_moves_no_cursor() {
        assert_eq!(shown("a\u{1b}[2Jb"), "a?[2Jb");
    }
}

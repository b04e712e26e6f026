//! The report and the list of escalations for programs and spreadsheets: JSON and CSV.

use super::figures::{Figures, Report, RungFigures};
use super::row::EscalationRow;
use serde::Serialize;
use std::io::{self, Write};

/// The report as one JSON object and a line's end.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")
}

/// An escalation as one line of JSON.
///
/// # Errors
/// When `out` cannot be written to.
pub fn escalation_json(row: &EscalationRow, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, row)?;
    out.write_all(b"\n")
}

/// The list of escalations as CSV, one row at a time.
pub struct EscalationCsv<W: Write>(csv::Writer<W>);

impl<W: Write> EscalationCsv<W> {
    /// A list with its header.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        writer.write_record([
            "record",
            "seq",
            "at",
            "call",
            "generation",
            "clock",
            "unit",
            "rung",
            "office",
            "repeat",
            "due_at",
            "late_ms",
            "by_hand",
            "channel",
            "delivered_at",
            "seen_at",
            "taken_by",
            "taken_at",
            "person",
            "escalation",
        ])?;
        Ok(Self(writer))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When the list cannot be written to.
    pub fn write(&mut self, row: &EscalationRow) -> io::Result<()> {
        let row = EscalationRow {
            unit: row.unit.as_deref().map(plain),
            taken_by: row.taken_by.as_deref().map(plain),
            person: row.person.as_deref().map(plain),
            ..row.clone()
        };
        Ok(self.0.serialize(row)?)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the list cannot be written to.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One row a group and clock; the whole is the group "(all)".
#[derive(Serialize)]
struct CsvRow<'a> {
    by: &'a str,
    group: &'a str,
    calls_received: u64,
    calls_acknowledged: u64,
    calls_arrived: u64,
    calls_closed: u64,
    calls_reopened: u64,
    calls_open: u64,
    withdrawals: u64,
    clock: &'a str,
    limit_ms: u64,
    started: u64,
    in_time: u64,
    in_time_by_close: u64,
    missed: u64,
    missed_unanswered: u64,
    missed_closed: u64,
    missed_after_withdrawal: u64,
    open: u64,
    compliance: Option<f64>,
    p50_ms: Option<u64>,
    p90_ms: Option<u64>,
    p95_ms: Option<u64>,
    p99_ms: Option<u64>,
    max_ms: Option<u64>,
    longest_ms: Option<u64>,
    longest_call: Option<u64>,
    waiting_ms: Option<u64>,
    waiting_call: Option<u64>,
    told: u64,
    repeats: u64,
    late: u64,
    late_ms_max: u64,
    taken: u64,
}

/// The report as CSV: a header, then one row a group and clock, the whole first.
///
/// # Errors
/// When `out` cannot be written to.
pub fn csv(report: &Report, out: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let by = report.by.map_or("", super::By::name);
    csv_rows(&mut writer, "", "(all)", &report.whole)?;
    for group in &report.groups {
        csv_rows(&mut writer, by, &plain(&group.name), &group.figures)?;
    }
    writer.flush()
}

fn csv_rows<W: Write>(
    writer: &mut csv::Writer<W>,
    by: &str,
    group: &str,
    figures: &Figures,
) -> io::Result<()> {
    let calls = &figures.calls;
    for clock in &figures.clocks {
        let sum = |of: fn(&RungFigures) -> u64| clock.rungs.iter().map(of).sum();
        writer.serialize(CsvRow {
            by,
            group,
            calls_received: calls.received,
            calls_acknowledged: calls.acknowledged,
            calls_arrived: calls.arrived,
            calls_closed: calls.closed,
            calls_reopened: calls.reopened,
            calls_open: calls.open,
            withdrawals: calls.withdrawals,
            clock: &clock.clock,
            limit_ms: clock.limit_ms,
            started: clock.started,
            in_time: clock.in_time,
            in_time_by_close: clock.in_time_by_close,
            missed: clock.missed,
            missed_unanswered: clock.missed_unanswered,
            missed_closed: clock.missed_closed,
            missed_after_withdrawal: clock.missed_after_withdrawal,
            open: clock.open,
            compliance: clock.compliance,
            p50_ms: clock.p50_ms,
            p90_ms: clock.p90_ms,
            p95_ms: clock.p95_ms,
            p99_ms: clock.p99_ms,
            max_ms: clock.max_ms,
            longest_ms: clock.longest.as_ref().map(|worst| worst.ms),
            longest_call: clock.longest.as_ref().map(|worst| worst.call.0),
            waiting_ms: clock.waiting.as_ref().map(|worst| worst.ms),
            waiting_call: clock.waiting.as_ref().map(|worst| worst.call.0),
            told: sum(|rung| rung.told),
            repeats: sum(|rung| rung.repeats),
            late: sum(|rung| rung.late),
            late_ms_max: clock.rungs.iter().map(|rung| rung.late_ms_max).max().unwrap_or(0),
            taken: sum(|rung| rung.taken),
        })?;
    }
    Ok(())
}

/// Text somebody typed, so that no spreadsheet takes it for a formula.
pub(super) fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn typed_text_is_no_formula() {
        assert_eq!(plain("=1+1"), "'=1+1");
        assert_eq!(plain("harassment"), "harassment");
    }
}

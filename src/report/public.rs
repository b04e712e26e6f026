//! The report for readers outside, as JSON and CSV: the room's totals and the same tables as the
//! page has, small counts withheld, and no single call, disposition or name.

use super::disclose::Cell;
use super::figures::{ClockFigures, Report, Span};
use super::sheet::plain;
use super::tables::{Disclosure, Row, Tables};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Public<'a> {
    /// So that no copy is taken for an exact one.
    withheld_below: u64,
    span: &'a Span,
    calls: Totals,
    clocks: Vec<ClockFigures>,
    tables: Option<Tables>,
}

#[derive(Serialize)]
struct Totals {
    received: u64,
    acknowledged: u64,
    arrived: u64,
    closed: u64,
    reopened: u64,
    open: u64,
}

/// The report as one JSON object; a withheld count is `"<5"` or `"5+"`. The tables are there when
/// the report has its detail ([`super::Fold::full`]).
///
/// # Errors
/// When `out` cannot be written to.
pub fn public_json(
    report: &Report,
    clock: Option<&str>,
    below: u64,
    mut out: impl Write,
) -> io::Result<()> {
    let calls = &report.whole.calls;
    let clocks = report.whole.clocks.iter().cloned();
    let public = Public {
        withheld_below: below,
        span: &report.span,
        calls: Totals {
            received: calls.received,
            acknowledged: calls.acknowledged,
            arrived: calls.arrived,
            closed: calls.closed,
            reopened: calls.reopened,
            open: calls.open,
        },
        // The longest runs name their call.
        clocks: clocks.map(|of| ClockFigures { longest: None, waiting: None, ..of }).collect(),
        tables: Tables::of(report, clock, Disclosure { below, public: true }),
    };
    serde_json::to_writer_pretty(&mut out, &public)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct CsvRow<'a> {
    by: &'a str,
    group: String,
    clock: &'a str,
    calls: String,
    in_time: String,
    missed: String,
    open: String,
    compliance: Option<f64>,
    p50_ms: Option<u64>,
    p90_ms: Option<u64>,
    max_ms: Option<u64>,
}

/// The tables as CSV: a row a group, the whole room first as "(all)". A withheld count is "<5"
/// or "5+".
///
/// # Errors
/// When `out` cannot be written to.
pub fn public_csv(
    report: &Report,
    clock: Option<&str>,
    below: u64,
    out: impl Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if let Some(tables) = Tables::of(report, clock, Disclosure { below, public: true }) {
        let whole = report.whole.clocks.iter().find(|of| of.clock == tables.clock);
        if let Some(of) = whole {
            writer.serialize(CsvRow {
                by: "",
                group: "(all)".into(),
                clock: &tables.clock,
                calls: of.started.to_string(),
                in_time: of.in_time.to_string(),
                missed: of.missed.to_string(),
                open: of.open.to_string(),
                compliance: of.compliance,
                p50_ms: of.p50_ms,
                p90_ms: of.p90_ms,
                max_ms: of.max_ms,
            })?;
        }
        for table in &tables.cuts {
            for row in &table.rows {
                writer.serialize(csv_row(table.by.name(), &tables.clock, row))?;
            }
        }
    }
    writer.flush()
}

fn csv_row<'a>(by: &'a str, clock: &'a str, row: &Row) -> CsvRow<'a> {
    let cell = |cell: Cell| match cell {
        Cell::Exact(count) => count.to_string(),
        Cell::Few { .. } | Cell::Withheld { .. } => cell.to_string(),
    };
    let ranks = row.ranks.unwrap_or_default();
    CsvRow {
        by,
        group: plain(&row.name),
        clock,
        calls: cell(row.calls),
        in_time: cell(row.in_time),
        missed: cell(row.missed),
        open: cell(row.open),
        compliance: row.share,
        p50_ms: ranks.p50_ms,
        p90_ms: ranks.p90_ms,
        max_ms: ranks.max_ms,
    }
}

//! `fifteen calls`: the board, for a tired person at 3 a.m. Nothing of who she is stands on it.

use super::{Server, note, out, out_json, rejected, text, unexpected};
use crate::cli::Calls;
use anyhow::Result;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, presets,
};
use fifteen::protocol::{CallSummary, ListCalls, ReplyBody, Role, Stage};
use std::process::ExitCode;

pub(crate) async fn calls(args: Calls, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Operator).await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut calls: Vec<CallSummary> = Vec::new();
    let (mut after, mut more) = (None, true);
    while more && calls.len() < limit {
        let page = ListCalls {
            states: args.stages.clone(),
            district: args.district.clone(),
            priority: args.priority,
            after: after.take(),
            limit: Some(u32::try_from(limit - calls.len()).unwrap_or(u32::MAX)),
            latest_closed: false,
        };
        let reply = match server.ask(page).await? {
            Ok(reply) => reply,
            Err(rejection) => return rejected(&rejection, json),
        };
        let page = match reply.body {
            ReplyBody::Calls(page) => page,
            other => return Err(unexpected(&other)),
        };
        after = page.next;
        more = after.is_some();
        // Between two pages a call may have moved: each is shown once, where it stood first.
        for call in page.calls {
            if !calls.iter().any(|known| known.call == call.call) {
                calls.push(call);
            }
        }
    }
    calls.truncate(limit);
    if json {
        out_json(&calls)?;
    } else if calls.is_empty() {
        let narrowed =
            !args.stages.is_empty() || args.district.is_some() || args.priority.is_some();
        out(if narrowed { "no such calls" } else { "no open calls" })?;
    } else {
        out(board(&calls, server.welcome.now_at).trim_fmt())?;
    }
    if more {
        note(format_args!("there are more than {}; --limit shows further ones", calls.len()));
    }
    Ok(ExitCode::SUCCESS)
}

/// One line a call, spans against the server's `now_at`.
fn board(calls: &[CallSummary], now_at: u64) -> Table {
    let mut table = table(&[
        "call",
        "pri",
        "stage",
        "age",
        "clock",
        "told",
        "kind",
        "district",
        "claimed by",
        "units",
    ]);
    for call in calls {
        table.add_row(row(call, now_at));
    }
    for number in [0, 1, 3] {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn row(call: &CallSummary, now_at: u64) -> Vec<Cell> {
    let urgent = text::most_urgent(&call.clocks);
    let missed = urgent.is_some_and(|clock| clock.limit_at < now_at);
    let clock = urgent.map_or_else(
        || call.disposition.as_deref().map_or("-".into(), text::plain),
        |clock| text::clock(clock, now_at),
    );
    let mut kind = text::plain(&call.kind);
    if call.ringing {
        kind = format!("RINGS {kind}");
    }
    let flags = text::flags_short(call.flags);
    if !flags.is_empty() {
        kind = format!("{kind} ({flags})");
    }
    if let Some(primary) = call.primary {
        kind = format!("{kind}, repeats {primary}");
    }
    let claim = call.claim.as_ref().map_or_else(String::new, |claim| {
        let stale = if claim.stale { " (stale)" } else { "" };
        format!("{}{stale}", text::plain(&claim.who))
    });
    let units = call.units.iter();
    let units: Vec<_> = units.map(|unit| text::unit_on_call(&unit.unit, unit.status)).collect();
    let age_until = call.closed_at.unwrap_or(now_at);
    let cells = [
        call.call.to_string(),
        call.priority.to_string(),
        text::words(call.stage.as_str()),
        text::span(age_until.saturating_sub(call.received_at)),
        clock,
        urgent.map_or_else(|| "-".into(), text::rung),
        kind,
        text::plain(&call.district),
        claim,
        units.join(", "),
    ];
    let waits = matches!(call.stage, Stage::Waiting | Stage::Dispatched);
    cells
        .into_iter()
        .map(|text| match (missed, waits) {
            (true, _) => Cell::new(text).fg(Color::Red).add_attribute(Attribute::Bold),
            (false, true) => Cell::new(text).add_attribute(Attribute::Bold),
            (false, false) => Cell::new(text),
        })
        .collect()
}

/// A table with one line under its head; as wide as the terminal, or as its content in a pipe.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(Cell::new));
    // https://no-color.org
    if std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) {
        table.style_text_only();
        table.force_no_tty();
    }
    table
}

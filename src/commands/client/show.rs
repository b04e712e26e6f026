//! `fifteen show`: one call with who she is. The server records the reading before it answers.

use super::{Server, note, out, out_json, rejected, text, unexpected};
use crate::cli::Show;
use anyhow::Result;
use fifteen::protocol::{CallDetails, ReplyBody, Role, ShowCall};
use std::fmt::Write;
use std::process::ExitCode;
use text::{Times, plain};

pub(crate) async fn show(args: Show, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Operator).await?;
    let (call, reason) = (args.call, args.reason);
    let reply = match server.ask(ShowCall { call, reason }).await? {
        Ok(reply) => reply,
        Err(rejection) => return rejected(&rejection, json),
    };
    let details = match reply.body {
        ReplyBody::CallDetails(details) => details,
        other => return Err(unexpected(&other)),
    };
    if json {
        out_json(&details)?;
    } else {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = write_page(&mut page, &details, server.welcome.now_at, &Times::of(&server.welcome));
        out(page.trim_end())?;
    }
    note(format_args!("that {} read call {call} is recorded in its timeline", args.connect.who));
    Ok(ExitCode::SUCCESS)
}

fn write_page(
    page: &mut String,
    details: &CallDetails,
    now_at: u64,
    times: &Times,
) -> std::fmt::Result {
    write_head(page, details, now_at, times)?;
    write_clocks(page, details, now_at, times)?;
    if !details.notes.is_empty() {
        writeln!(page, "\nnotes")?;
        let mut day = times.day(details.summary.received_at);
        for line in &details.notes {
            new_day(page, &mut day, times.day(line.at))?;
            let (at, who) = (times.time(line.at), plain(&line.who));
            writeln!(page, "  {at}  {who}: {}", plain(&line.text))?;
        }
    }
    if !details.timeline.is_empty() {
        writeln!(page, "\ntimeline")?;
        let mut day = times.day(details.summary.received_at);
        for line in &details.timeline {
            new_day(page, &mut day, times.day(line.at))?;
            let (at, what) = (times.time(line.at), plain(&line.text));
            match &line.who {
                Some(who) => writeln!(page, "  {at}  {what}  [{}]", plain(who))?,
                None => writeln!(page, "  {at}  {what}")?,
            }
        }
    }
    Ok(())
}

fn new_day(page: &mut String, day: &mut String, next: String) -> std::fmt::Result {
    if *day != next {
        writeln!(page, "  {next}")?;
        *day = next;
    }
    Ok(())
}

fn write_head(
    page: &mut String,
    details: &CallDetails,
    now_at: u64,
    times: &Times,
) -> std::fmt::Result {
    let call = &details.summary;
    write!(
        page,
        "call {}  priority {}  {}  {}",
        call.call,
        call.priority,
        text::words(call.stage.as_str()),
        plain(&call.kind)
    )?;
    match &call.disposition {
        Some(disposition) => writeln!(page, "  {}", plain(disposition))?,
        None => writeln!(page)?,
    }
    for flag in text::flags(call.flags) {
        writeln!(page, "  ! {flag}")?;
    }
    let mut line = |name: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { writeln!(page, "  {name:<10}  {value}") }
    };
    let sealed = |field: &Option<String>| field.as_deref().map_or_else(String::new, plain);
    line("name", &sealed(&details.name))?;
    line("number", &sealed(&details.number))?;
    line("place", &details.place.as_ref().map_or_else(String::new, text::place))?;
    if let Some(at) = details.place_at {
        line("there at", &times.full(at))?;
    }
    line("district", &plain(&call.district))?;
    let age = text::span(call.closed_at.unwrap_or(now_at).saturating_sub(call.received_at));
    let source = text::words(call.source.as_str());
    let received = times.full(call.received_at);
    line("received", &format!("{received}, age {age}, by {source}"))?;
    line("line", &sealed(&details.line))?;
    if call.generation > 1 {
        line("reopened", &format!("generation {}", call.generation))?;
    }
    if let Some(primary) = call.primary {
        line("repeats", &format!("call {primary}"))?;
    }
    if let Some(claim) = &call.claim {
        let stale = if claim.stale { ", stale" } else { "" };
        let since = times.time(claim.since_at);
        line("claimed by", &format!("{} since {since}{stale}", plain(&claim.who)))?;
    }
    for unit in &call.units {
        let (status, since) =
            (text::unit_on_call(&unit.unit, unit.status), times.time(unit.since_at));
        line("unit", &format!("{status} since {since}"))?;
    }
    Ok(())
}

fn write_clocks(
    page: &mut String,
    details: &CallDetails,
    now_at: u64,
    times: &Times,
) -> std::fmt::Result {
    if details.summary.clocks.is_empty() {
        return Ok(());
    }
    writeln!(page, "\nclocks")?;
    for clock in &details.summary.clocks {
        let told = match clock.rung {
            0 => String::new(),
            _ => format!(", {} told", text::rung(clock)),
        };
        let state = match clock.stopped_at {
            Some(stopped_at) => {
                let unit = clock.unit.as_deref();
                let unit = unit.map_or_else(String::new, |unit| format!(" {}", plain(unit)));
                let how = if stopped_at > clock.limit_at {
                    format!("too late by {}", text::span(stopped_at - clock.limit_at))
                } else {
                    "in time".into()
                };
                let at = times.time(stopped_at);
                format!("{}{unit} stopped {at}, {how}", plain(&clock.clock))
            }
            None => text::clock(clock, now_at),
        };
        writeln!(page, "  {state}{told}")?;
    }
    Ok(())
}

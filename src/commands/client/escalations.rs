//! `fifteen escalations` and `fifteen take`: who was told that a deadline was missed, what is known
//! of each of them, and who took it. Nothing of who she is stands here.

use super::board::table;
use super::{Server, note, out, out_json, rejected, text, unexpected};
use crate::cli::{Escalations, Take};
use anyhow::Result;
use comfy_table::{Attribute, Cell, Color};
use fifteen::protocol::{
    Escalation, ListEscalations, Notice, Rejection, ReplyBody, Role, SeeEscalation, TakeEscalation,
};
use std::process::ExitCode;
use text::{Times, plain};

pub(crate) async fn escalations(args: Escalations, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Supervisor).await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found: Vec<Escalation> = Vec::new();
    let (mut after, mut more) = (None, true);
    while more && found.len() < limit {
        let page = ListEscalations {
            call: args.call,
            closed: args.all,
            after,
            limit: Some(u32::try_from(limit - found.len()).unwrap_or(u32::MAX)),
        };
        let mut page = match list(&server, page).await? {
            Ok(page) => page,
            Err(rejection) => return rejected(&rejection, json),
        };
        found.append(&mut page.0);
        after = page.1;
        more = after.is_some();
    }
    if json {
        out_json(&found)?;
    } else if found.is_empty() {
        out("no escalations of open calls")?;
    } else {
        out(sheet(&found, &Times::of(&server.welcome)))?;
    }
    if more {
        note(format_args!("there are more than {}; --limit shows further ones", found.len()));
    }
    Ok(ExitCode::SUCCESS)
}

type Page = (Vec<Escalation>, Option<u64>);

async fn list(server: &Server, list: ListEscalations) -> Result<Result<Page, Rejection>> {
    Ok(match server.ask(list).await? {
        Ok(reply) => match reply.body {
            ReplyBody::Escalations(page) => Ok((page.escalations, page.next)),
            other => return Err(unexpected(&other)),
        },
        Err(rejection) => Err(rejection),
    })
}

/// Takes an escalation by its id. Whoever takes it has seen it: both are recorded.
pub(crate) async fn take(args: Take, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Supervisor).await?;
    let id = args.escalation;
    let one = ListEscalations { closed: true, after: Some(id + 1), limit: Some(1), call: None };
    let page = match list(&server, one).await? {
        Ok(page) => page.0,
        Err(rejection) => return rejected(&rejection, json),
    };
    if page.first().is_none_or(|first| first.escalation != id) {
        // The server says it in its own words, with the code for programs.
        return match server.ask(SeeEscalation { escalation: id }).await? {
            Err(rejection) => rejected(&rejection, json),
            Ok(reply) => Err(unexpected(&reply.body)),
        };
    }
    let told = &page[0];
    let take = TakeEscalation {
        call: told.call,
        clock: told.clock.clone(),
        rung: Some(told.rung),
        office: Some(told.office.clone()),
    };
    for asked in [server.ask(SeeEscalation { escalation: id }).await?, server.ask(take).await?] {
        if let Err(rejection) = asked {
            return rejected(&rejection, json);
        }
    }
    let who = &args.connect.who;
    if json {
        out_json(&serde_json::json!({ "escalation": id, "call": told.call, "taken_by": who }))?;
    } else {
        out(format_args!(
            "escalation {id}: {} of call {} taken by {}; its reminders are silent, its clock is not",
            plain(&told.office),
            told.call,
            plain(who),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn sheet(found: &[Escalation], times: &Times) -> String {
    let mut table = table(&[
        "id",
        "told",
        "office",
        "call",
        "clock",
        "late",
        "again",
        "people told",
        "seen by",
        "taken by",
    ]);
    for told in found {
        let late = if told.late_ms >= 1_000 { text::span(told.late_ms) } else { "-".into() };
        let again = if told.repeat > 0 { format!("{}x", told.repeat) } else { "-".into() };
        let clock = match &told.unit {
            Some(unit) => format!("{} {}", plain(&told.clock), plain(unit)),
            None => plain(&told.clock),
        };
        let people: Vec<_> = told.notices.iter().map(notice).collect();
        let seen: Vec<_> = told.seen.iter().map(|seen| plain(&seen.who)).collect();
        let cells = [
            told.escalation.to_string(),
            times.time(told.last_told_at),
            plain(&told.office),
            told.call.to_string(),
            clock,
            late,
            again,
            people.join(", "),
            seen.join(", "),
            told.taken_by.as_deref().map_or_else(|| "NOBODY".into(), plain),
        ];
        let burns = told.taken_by.is_none();
        table.add_row(cells.into_iter().map(|text| {
            let cell = Cell::new(text);
            if burns { cell.fg(Color::Red).add_attribute(Attribute::Bold) } else { cell }
        }));
    }
    table.trim_fmt()
}

/// `Nadia by sms: seen`.
fn notice(notice: &Notice) -> String {
    let how = if notice.seen_at.is_some() {
        "seen"
    } else if notice.delivered_at.is_some() {
        "delivered"
    } else if notice.failed_at.is_some() {
        "NOT REACHED"
    } else if notice.attempts > 0 {
        "being tried again"
    } else {
        "on its way"
    };
    format!("{} by {}: {how}", plain(&notice.person), plain(&notice.channel))
}

//! `fifteen op`: what an operator does with a call, one command each.

use super::board::table;
use super::{Server, out, out_json, rejected, text, unexpected};
use crate::cli::{Action, Op};
use anyhow::Result;
use fifteen::protocol::{
    AddNote, AssignUnit, CheckIn, Claim, CloseCall, DescribeCall, Done, Escalate, LinkCall, Place,
    RecommendUnits, Recommendations, RecordCallback, ReleaseClaim, ReleaseUnit, ReopenCall,
    ReplyBody, ReportStatus, ReportedStatus, Request, Role, SetPriority, TakeEscalation, TakeOver,
};
use std::process::ExitCode;

pub(crate) async fn op(args: Op, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Operator).await?;
    let who = args.connect.who;
    let Asked { call, request, said } = asked(args.action, &who);
    let reply = match server.ask(request).await? {
        Ok(reply) => reply,
        Err(rejection) => return rejected(&rejection, json),
    };
    match reply.body {
        ReplyBody::Done(done) if json => out_json(&serde_json::json!({
            "call": call,
            "stage": done.stage,
            "awaiting_second": done.awaiting_second,
            "seq": reply.seq,
            "durable": reply.durable,
        }))?,
        ReplyBody::Done(done) => out(confirmation(call, &said, &done, &who))?,
        ReplyBody::Recommendations(ranking) if json => out_json(&ranking)?,
        ReplyBody::Recommendations(ranking) => out(advice(&ranking))?,
        other => return Err(unexpected(&other)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A request, the call it is about, and what to say once it is done.
struct Asked {
    call: u64,
    request: Request,
    said: String,
}

fn asked(action: Action, who: &str) -> Asked {
    let done = |call, request: Request, said: String| Asked { call, request, said };
    match action {
        Action::Claim { call, release: true, .. } => {
            done(call, ReleaseClaim { call }.into(), "claim released".into())
        }
        Action::Claim { call, take_over: true, .. } => {
            done(call, TakeOver { call }.into(), format!("taken over by {who}"))
        }
        Action::Claim { call, .. } => {
            done(call, Claim { call }.into(), format!("claimed by {who}"))
        }
        Action::Assign { call, unit: None } => {
            done(call, RecommendUnits { call, limit: None }.into(), String::new())
        }
        Action::Assign { call, unit: Some(unit) } => {
            let said = format!("{unit} assigned");
            done(call, AssignUnit { call, unit }.into(), said)
        }
        Action::Release { call, unit, reason } => {
            let said = format!("{unit} released");
            done(call, ReleaseUnit { call, unit, reason }.into(), said)
        }
        Action::Ack { call, unit } => heard(call, unit, ReportedStatus::Acknowledged, None),
        Action::Decline { call, unit, reason } => {
            heard(call, unit, ReportedStatus::Declined, reason)
        }
        Action::Enroute { call, unit } => heard(call, unit, ReportedStatus::EnRoute, None),
        Action::Onscene { call, unit } => heard(call, unit, ReportedStatus::OnScene, None),
        Action::Clear { call, unit } => heard(call, unit, ReportedStatus::Clear, None),
        Action::Checkin { call, unit } => {
            let said = format!("{unit} is well");
            let (at, unit) = (Some(call), Some(unit));
            done(call, CheckIn { call: at, unit }.into(), said)
        }
        Action::Close { call, disposition, remark } => {
            let said = format!("closed as {disposition}");
            let close = CloseCall { call, disposition, remark };
            done(call, close.into(), said)
        }
        Action::Reopen { call, reason } => {
            done(call, ReopenCall { call, reason }.into(), "reopened".into())
        }
        Action::Priority { call, priority, reason } => {
            let said = format!("priority {priority}");
            done(call, SetPriority { call, priority, reason }.into(), said)
        }
        Action::Note { call, text } => {
            done(call, AddNote { call, text }.into(), "note written".into())
        }
        Action::Describe {
            call,
            kind,
            district,
            place,
            number,
            name,
            silent,
            unsafe_to_ring_back,
        } => {
            let place = place.map(|words| Place { words: Some(words), ..Place::default() });
            let said = DescribeCall {
                call,
                district,
                kind,
                number,
                name,
                place,
                silent,
                unsafe_to_ring_back,
            };
            done(call, said.into(), "kept".into())
        }
        Action::Link { call, primary } => {
            let said = format!("repeats call {primary}");
            done(call, LinkCall { call, primary }.into(), said)
        }
        Action::Escalate { call, clock, reason } => {
            let said = "the next office is told".to_owned();
            done(call, Escalate { call, clock, reason }.into(), said)
        }
        Action::Callback { call, outcome, note } => {
            let said = format!("call-back recorded: {}", text::words(outcome.as_str()));
            done(call, RecordCallback { call, outcome, note }.into(), said)
        }
        Action::Take { call, clock, rung } => {
            let said = format!("escalation of {clock} taken by {who}");
            let office = None;
            done(call, TakeEscalation { call, clock, rung, office }.into(), said)
        }
    }
}

/// What a unit said by radio or telephone.
fn heard(call: u64, unit: String, status: ReportedStatus, reason: Option<String>) -> Asked {
    let said = format!("{unit} {}", text::words(status.as_str()));
    let report = ReportStatus { call, unit: Some(unit), status, reason, by_radio: true };
    Asked { call, request: report.into(), said }
}

/// `call 7: CAR-1 assigned; the call is dispatched`.
fn confirmation(call: u64, said: &str, done: &Done, who: &str) -> String {
    let said = text::plain(said);
    if done.awaiting_second {
        return format!(
            "call {call}: NOT closed yet: a second person, not {}, must close it the same way",
            text::plain(who)
        );
    }
    let stage = done.stage.map(|stage| text::words(stage.as_str()));
    match stage {
        // "closed as helped", "CAR-1 en route": the stage is said already.
        Some(stage) if !said.contains(&stage) => {
            format!("call {call}: {said}; the call is {stage}")
        }
        _ => format!("call {call}: {said}"),
    }
}

fn advice(ranking: &Recommendations) -> String {
    if ranking.units.is_empty() {
        return format!("call {}: no unit is available", ranking.call);
    }
    let mut table = table(&["", "unit", "distance", "because"]);
    for (place, unit) in ranking.units.iter().enumerate() {
        let distance = unit.distance_m.map_or_else(
            || "not known".into(),
            |metres| format!("{}.{} km", metres / 1_000, metres % 1_000 / 100),
        );
        let reasons: Vec<_> = unit.reasons.iter().map(|reason| text::plain(reason)).collect();
        let number = (place + 1).to_string();
        table.add_row([number, text::plain(&unit.unit), distance, reasons.join(", ")]);
    }
    table.trim_fmt()
}

//! Whom to tell of a missed deadline, and what came of it.

use super::{Decided, Decision, bound};
use crate::domain::bounds::{NAME_BYTES_MAX, cut};
use crate::domain::{Actor, Call, Event, Notice, RECIPIENTS_MAX, Recipient, Rejection, Telling};
use crate::engine::State;

/// What went wrong with a notice, as long as it is kept, in bytes.
const PROBLEM_BYTES_MAX: usize = 256;

fn told(state: &State, escalation: u64) -> Result<(&Call, &Telling), Rejection> {
    state.telling(escalation).ok_or(Rejection::UnknownEscalation(escalation))
}

fn pending(telling: &Telling, id: u64) -> Result<&Notice, Rejection> {
    let notice = telling.notices.iter().find(|notice| notice.id == id);
    notice.ok_or(Rejection::UnknownEscalation(telling.escalation))
}

pub(super) fn intend(state: &State, escalation: u64, to: &[Recipient]) -> Decided {
    let (call, telling) = told(state, escalation)?;
    if to.len() > RECIPIENTS_MAX {
        return Err(Rejection::TooMany { what: "people told of one rung", most: RECIPIENTS_MAX });
    }
    for recipient in to {
        bound("person", &recipient.person, NAME_BYTES_MAX)?;
        bound("channel", &recipient.channel, NAME_BYTES_MAX)?;
    }
    // Whoever is being told already by the same channel is not told twice.
    let told = |to: &&Recipient| telling.notices.iter().any(|it| it.pending() && it.to == **to);
    let to: Vec<_> = to.iter().filter(|to| !told(to)).cloned().collect();
    if to.is_empty() && telling.planned {
        return Ok(Decision::already());
    }
    let first = state.next_notice();
    Ok(Decision::of(Event::NoticesIntended { call: call.id, escalation, first, to }))
}

pub(super) fn delivery(state: &State, escalation: u64, id: u64) -> Decided {
    let (call, telling) = told(state, escalation)?;
    if pending(telling, id)?.delivered_at.is_some() {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::NoticeDelivered { call: call.id, escalation, notice: id }))
}

pub(super) fn failure(
    state: &State,
    escalation: u64,
    id: u64,
    gave_up: bool,
    problem: &str,
) -> Decided {
    let (call, telling) = told(state, escalation)?;
    if !pending(telling, id)?.pending() {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::NoticeFailed {
        call: call.id,
        escalation,
        notice: id,
        gave_up,
        problem: cut(problem, PROBLEM_BYTES_MAX).0.into(),
    }))
}

pub(super) fn see(state: &State, escalation: u64, by: &Actor) -> Decided {
    let (call, telling) = told(state, escalation)?;
    let noted = telling.seen.iter().any(|(who, _)| *who == by.who);
    let unseen = |notice: &Notice| notice.to.person == by.who && notice.seen_at.is_none();
    if noted && !telling.notices.iter().any(unseen) {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::EscalationSeen { call: call.id, escalation, by: by.clone() }))
}

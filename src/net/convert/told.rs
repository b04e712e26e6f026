//! Who was told, and what units and the room said to each other, as the wire shows it.

use crate::domain::{Call, Callsign, Dated, Event, Message, Notice, Telling, Unit};
use crate::engine::State;
use crate::protocol as wire;

/// Unread messages on the first page of a snapshot.
const UNREAD_MAX: usize = 64;

/// The escalation an event is about, as it stands after it.
pub(in crate::net) fn of_event(state: &State, dated: &Dated) -> Option<wire::Escalation> {
    let told = match &dated.transition.event {
        Event::NoticesIntended { escalation, .. }
        | Event::NoticeDelivered { escalation, .. }
        | Event::NoticeFailed { escalation, .. }
        | Event::EscalationSeen { escalation, .. } => *escalation,
        Event::Escalated { call, clock, unit, rung, .. } => {
            let mut told = state.call(*call)?.tellings.iter().rev();
            told.find(|it| (it.clock, it.rung, &it.unit) == (*clock, *rung, unit))?.escalation
        }
        Event::EscalationTaken { call, clock, rung, .. } => {
            let mut told = state.call(*call)?.tellings.iter().rev();
            told.find(|it| (it.clock, it.rung) == (*clock, *rung))?.escalation
        }
        _ => return None,
    };
    state.telling(told).and_then(|(call, telling)| escalation(state, call.id.0, telling))
}

pub(in crate::net) fn escalation(
    state: &State,
    call: u64,
    telling: &Telling,
) -> Option<wire::Escalation> {
    let (office, clock) = state.office_of(telling)?;
    Some(wire::Escalation {
        escalation: telling.escalation,
        call,
        generation: telling.generation,
        clock: clock.to_owned(),
        unit: telling.unit.as_ref().map(ToString::to_string),
        rung: u32::from(telling.rung) + 1,
        office: office.to_owned(),
        repeat: telling.repeat,
        due_at: telling.due_at.0,
        late_ms: telling.last_told_at.since(telling.due_at),
        limit_at: telling.limit_at.0,
        told_at: telling.told_at.0,
        last_told_at: telling.last_told_at.0,
        taken_by: telling.taken.as_ref().map(|(who, _)| who.to_string()),
        taken_at: telling.taken.as_ref().map(|(_, at)| at.0),
        seen: telling
            .seen
            .iter()
            .map(|(who, at)| wire::Seen { who: who.to_string(), at: at.0 })
            .collect(),
        notices: telling.notices.iter().map(notice).collect(),
    })
}

fn notice(notice: &Notice) -> wire::Notice {
    wire::Notice {
        notice: notice.id,
        person: notice.to.person.to_string(),
        channel: notice.to.channel.to_string(),
        intended_at: notice.intended_at.0,
        attempts: notice.attempts,
        delivered_at: notice.delivered_at.map(|at| at.0),
        failed_at: notice.failed_at.map(|at| at.0),
        seen_at: notice.seen_at.map(|at| at.0),
        problem: notice.problem.as_deref().map(Into::into),
    }
}

/// What came of telling people, in words.
pub(super) fn in_words(call: &Call, event: &Event) -> String {
    let reached = |id: &u64| {
        let mut notices = call.tellings.iter().flat_map(|telling| &telling.notices);
        notices.find(|notice| notice.id == *id).map_or_else(
            || format!("notice {id}"),
            |notice| format!("{} by {}", notice.to.person, notice.to.channel),
        )
    };
    match event {
        Event::NoticesIntended { to, escalation, .. } if to.is_empty() => {
            let told = call.tellings.iter().find(|telling| telling.escalation == *escalation);
            match told {
                Some(told) if !told.notices.is_empty() => "no other way to tell anybody is left",
                _ => "nobody is named who could be told",
            }
            .into()
        }
        Event::NoticesIntended { to, .. } => {
            let to = to.iter().map(|to| format!("{} by {}", to.person, to.channel));
            format!("to be told: {}", to.collect::<Vec<_>>().join(", "))
        }
        Event::NoticeDelivered { notice, .. } => format!("delivered to {}", reached(notice)),
        Event::NoticeFailed { notice, gave_up, problem, .. } => {
            let what = if *gave_up { "given up" } else { "not delivered yet" };
            format!("{what}: {}: {problem}", reached(notice))
        }
        Event::EscalationSeen { .. } => "escalation seen".into(),
        other => other.name().replace('_', " "),
    }
}

/// The message an event brought.
pub(in crate::net) fn message_of(state: &State, dated: &Dated) -> Option<wire::Message> {
    let Event::MessageSent { unit, .. } = &dated.transition.event else {
        return None;
    };
    let sent = state.unit(unit)?.messages.iter().rev().find(|sent| sent.seq == dated.seq)?;
    Some(message(unit, sent))
}

/// What the room said to the unit and the unit has not read: its link may be slow.
pub(in crate::net) fn messages(callsign: &Callsign, unit: &Unit) -> Vec<wire::Message> {
    let unread = unit.messages.iter().filter(|said| !said.to_room && !said.read);
    unread.map(|said| message(callsign, said)).collect()
}

/// What units said and nobody in the room read yet, as much as fits a page beside the calls.
pub(in crate::net) fn unread(state: &State) -> Vec<wire::Message> {
    let said = state
        .units()
        .flat_map(|(callsign, unit)| unit.unread().map(move |said| message(callsign, said)));
    said.take(UNREAD_MAX).collect()
}

fn message(unit: &Callsign, said: &Message) -> wire::Message {
    wire::Message {
        seq: said.seq,
        at: said.at.0,
        unit: unit.to_string(),
        to_room: said.to_room,
        who: said.who.to_string(),
        call: said.call.map(|call| call.0),
        read: said.read,
        text: said.text.0.to_string(),
    }
}

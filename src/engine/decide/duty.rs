//! What concerns a unit rather than a call: its shift, its link, its panic button, its messages.

use super::{Decided, Decision, bound, known, known_unit, on_call};
use crate::domain::bounds::{CREW_MAX, NAME_BYTES_MAX, NOTE_BYTES_MAX, cut};
use crate::domain::{
    Actor, Answer, CallId, Callsign, Event, Flags, Link, NewCall, PANIC_KIND, Place, Point,
    Priority, Rejection, Role, Sealed, SealedText, SignOn, Source, UtcMs,
};
use crate::engine::State;

pub(super) fn sign_on(unit: &Callsign, crew: &SignOn, linked: bool) -> Decided {
    bound("district", &crew.district, NAME_BYTES_MAX)?;
    if let Some(vehicle) = &crew.vehicle {
        bound("vehicle", vehicle, NAME_BYTES_MAX)?;
    }
    for (what, list) in [("crew", &crew.crew), ("skills", &crew.skills)] {
        if list.len() > CREW_MAX {
            return Err(Rejection::TooMany { what, most: CREW_MAX });
        }
        for name in list {
            bound(what, name, NAME_BYTES_MAX)?;
        }
    }
    let (unit, crew) = (unit.clone(), Box::new(crew.clone()));
    Ok(Decision::of(Event::UnitSignedOn { unit, crew, linked }))
}

pub(super) fn set_link(state: &State, unit: &Callsign, up: bool) -> Decided {
    let known = known_unit(state, unit)?;
    let unit = unit.clone();
    Ok(match (up, known.link) {
        (true, Link::Up) | (false, Link::Radio | Link::Lost { .. } | Link::Silent) => {
            Decision::already()
        }
        (true, _) => Decision::of(Event::UnitLinkUp { unit }),
        (false, Link::Up) => Decision::of(Event::UnitLinkLost { unit }),
    })
}

/// Never refused: a crew whose unit the room does not know is in danger all the same.
pub(super) fn panic(
    state: &State,
    now: UtcMs,
    received_at: UtcMs,
    callsign: &Callsign,
    point: Option<Point>,
    by: &Actor,
) -> Decision {
    let unit = state.unit(callsign);
    let point = point.or(unit.and_then(|unit| unit.point));
    let by = &Actor::new(cut(&by.who, NAME_BYTES_MAX).0, by.role);
    let pressed =
        |call| Event::UnitPanicked { unit: callsign.clone(), call, point, by: by.clone() };
    let open = |id: &CallId| state.call(*id).is_some_and(|call| call.closed.is_none());
    if let Some(call) = unit.and_then(|unit| unit.panic).filter(open) {
        return Decision { events: vec![pressed(call)], answer: Answer::CallPlaced(call) };
    }
    let placed = NewCall {
        source: Source::Officer,
        line: Some(callsign.as_str().into()),
        district: unit.map_or("", |unit| unit.district()).into(),
        kind: PANIC_KIND.into(),
        priority: Priority::MOST_URGENT,
        flags: Flags { sos: true, ..Flags::default() },
        sealed: Sealed {
            place: point.map(|point| Place { point: Some(point), words: None }),
            note: Some(format!("{callsign} pressed its panic button").into()),
            ..Sealed::default()
        },
    };
    let mut decision = super::place(state, now, received_at, &placed, by);
    if let (Some(_), Answer::CallPlaced(call)) = (unit, decision.answer) {
        decision.events.push(pressed(call));
    }
    decision
}

pub(super) fn say(
    state: &State,
    unit: &Callsign,
    about: Option<CallId>,
    text: &SealedText,
    by: &Actor,
) -> Decided {
    let to_room = by.role == Role::Unit;
    if let Some(call) = about {
        let call = super::identity::kept(known(state, call)?)?;
        if to_room {
            on_call(call, unit)?;
        }
    }
    known_unit(state, unit)?;
    bound("text", &text.0, NOTE_BYTES_MAX)?;
    Ok(Decision::of(Event::MessageSent {
        unit: unit.clone(),
        to_room,
        call: about,
        text: text.clone(),
        by: by.clone(),
    }))
}

pub(super) fn mark_read(state: &State, unit: &Callsign, upto: u64, by: &Actor) -> Decided {
    let to_room = by.role != Role::Unit;
    let mut messages = known_unit(state, unit)?.messages.iter();
    if !messages.any(|it| it.to_room == to_room && it.seq <= upto && !it.read) {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::MessagesRead { unit: unit.clone(), to_room, upto, by: by.clone() }))
}

//! What concerns who she is: what is learned of her, that it is read, and that it is destroyed.

use super::{Decided, Decision, bound, known, note_bound};
use crate::domain::bounds::{NAME_BYTES_MAX, WORDS_BYTES_MAX};
use crate::domain::{Actor, Answer, Call, CallId, Description, Event, Rejection, Role, Sealed};
use crate::engine::State;

/// Why a client reads when it subscribes.
const ON_ITS_SCREEN: &str = "shown on the screen that was opened";

/// `call`, if anything more may be kept of her under it.
pub(super) fn kept(call: &Call) -> Result<&Call, Rejection> {
    if call.erased_at.is_some() { Err(Rejection::IdentityErased(call.id)) } else { Ok(call) }
}

pub(super) fn open(call: &Call, reason: Option<&str>, by: &Actor) -> Decided {
    note_bound("reason", reason)?;
    if by.role == Role::Unit && !call.units.iter().any(|unit| *unit.unit.as_str() == *by.who) {
        return Err(Rejection::NotAllowed("reading a call the unit was not sent to"));
    }
    Ok(Decision::of(Event::CallOpened {
        call: call.id,
        reason: reason.map(Into::into),
        by: by.clone(),
    }))
}

/// An event a call: what a client shows from now on was read.
pub(super) fn open_shown(state: &State, calls: &[CallId], by: &Actor) -> Decision {
    let known = calls.iter().filter(|call| state.call(**call).is_some());
    let opened = |call: &CallId| Event::CallOpened {
        call: *call,
        reason: Some(ON_ITS_SCREEN.into()),
        by: by.clone(),
    };
    Decision { events: known.map(opened).collect(), answer: Answer::Done }
}

/// Which calls came from the same number says who called: to ask it is a reading.
pub(super) fn ask_earlier(state: &State, call: Option<CallId>, by: &Actor) -> Decided {
    if let Some(call) = call {
        known(state, call)?;
    }
    Ok(Decision::of(Event::EarlierAsked { call, by: by.clone() }))
}

/// It cannot be undone, so two people ask for it; of calls the room has forgotten too, for the log has not.
pub(super) fn erase(
    state: &State,
    id: CallId,
    authority: &str,
    reason: &str,
    by: &Actor,
) -> Decided {
    for (field, text) in [("authority", authority), ("reason", reason)] {
        if text.trim().is_empty() {
            return Err(Rejection::Empty(field));
        }
        bound(field, text, NAME_BYTES_MAX)?;
    }
    if id.0 == 0 || id >= state.next_call() {
        return Err(Rejection::UnknownCall(id));
    }
    if state.timer(id).is_some_and(|timer| timer.stopped_at.is_none()) {
        return Err(Rejection::EraseOpen(id));
    }
    if let Some(call) = state.call(id) {
        if call.closed.is_none() {
            return Err(Rejection::EraseOpen(id));
        }
        if call.erased_at.is_some() {
            return Ok(Decision::already());
        }
    }
    let (authority, reason) = (Box::<str>::from(authority), Box::<str>::from(reason));
    match state.erasure_asked(id) {
        Some(asked) if asked.authority == authority && asked.who == by.who => {
            Err(Rejection::EraseNeedsSecond { call: id, who: by.who.clone() })
        }
        Some(asked) if asked.authority == authority => Ok(Decision::of(Event::IdentityErased {
            call: id,
            authority,
            reason,
            proposed_by: asked.who.clone(),
            by: by.clone(),
        })),
        _ => Ok(Decision {
            events: vec![Event::ErasureProposed { call: id, authority, reason, by: by.clone() }],
            answer: Answer::AwaitingSecond,
        }),
    }
}

/// What was learned of a call. Words past their bound are refused, for whoever wrote them still has them.
pub(super) fn describe(call: &Call, said: &Description, by: &Actor) -> Decided {
    let Sealed { number, name, place, .. } = &said.sealed;
    let words = place.as_ref().and_then(|place| place.words.as_ref());
    for (field, text, bytes_max) in [
        ("district", &said.district, NAME_BYTES_MAX),
        ("kind", &said.kind, NAME_BYTES_MAX),
        ("number", number, NAME_BYTES_MAX),
        ("name", name, NAME_BYTES_MAX),
        ("place", &words.cloned(), WORDS_BYTES_MAX),
    ] {
        bound(field, text.as_deref().unwrap_or_default(), bytes_max)?;
    }
    if said.kind.as_deref().is_some_and(|kind| kind.trim().is_empty()) {
        return Err(Rejection::Empty("kind"));
    }
    let sealed = Sealed {
        number: number.clone(),
        name: name.clone(),
        place: place.clone(),
        ..Sealed::default()
    };
    let description = Description { sealed, ..said.clone() };
    if description == Description::default() {
        return Err(Rejection::Empty("description"));
    }
    let mut described = call.clone();
    described.describe(&description);
    if described == *call {
        return Ok(Decision::already());
    }
    let event =
        Event::CallDescribed { call: call.id, description: description.into(), by: by.clone() };
    Ok(Decision::of(event))
}

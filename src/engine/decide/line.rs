//! The telephone line a call came in on: it rings until somebody claims the call, or she hangs up. Whoever claims it is
//! put through; a claim says who works the call, and stops no clock but the telephone's ringing.

use super::{Decided, Decision};
use crate::domain::{Actor, Answer, Call, Event, Role};
use crate::engine::State;

pub(super) fn ring(state: &State, call: &Call) -> Decided {
    if call.closed.is_some() || state.rings(call.id) {
        return Ok(Decision::already());
    }
    let mut events = vec![Event::LineRang { call: call.id }];
    // Somebody was faster than the line.
    let holder = call.claim.as_ref().filter(|claim| !claim.stale);
    events.extend(holder.map(|claim| Event::LineAnswered {
        call: call.id,
        by: Actor::new(&claim.who, Role::Operator),
    }));
    Ok(Decision { events, answer: Answer::Done })
}

/// Whoever claims a call whose line rings, answers it.
pub(super) fn answered(state: &State, call: &Call, by: &Actor) -> Option<Event> {
    state.rings(call.id).then(|| Event::LineAnswered { call: call.id, by: by.clone() })
}

/// She is to be rung back: once, however often it is said.
pub(super) fn hang_up(state: &State, call: &Call) -> Decided {
    if call.closed.is_some() || (call.placed.flags.dropped && !state.rings(call.id)) {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::LineHungUp { call: call.id }))
}

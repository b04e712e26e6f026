//! What the device of an SOS page's press says after it. A device shows its right by the key of its press, which is a
//! secret of it and of the room; nothing of this stops a clock or closes a call.

use super::{Decided, Decision};
use crate::domain::{
    Actor, Answer, Call, CallId, Event, Fix, Key, PinProof, Priority, PriorityCause, Rejection,
    Sealed, UtcMs, WRONG_PINS_MAX,
};
use crate::engine::State;

/// Positions of one device that lie nearer to each other than this are one.
const FIX_APART_MS: u64 = 1_000;

/// The open call that a press of this device joins. One that was taken back, or seems to be, is joined no more: whoever
/// presses then is in a new danger.
pub(super) fn joined(state: &State, sealed: &Sealed) -> Option<CallId> {
    let device = sealed.press.as_ref()?.device?;
    state.pressed_from(&device)
}

pub(super) fn follow(state: &State, now: UtcMs, press: &Key, fixes: &[Fix]) -> Decided {
    let call = open(state, press)?;
    let mut last = call.last_fix().copied();
    let mut events = Vec::new();
    for fix in fixes {
        let fix = Fix { taken_at: fix.taken_at.min(now), ..*fix };
        let is_new = |last: Fix| last.n < fix.n && last.taken_at.plus(FIX_APART_MS) <= fix.taken_at;
        if last.is_none_or(is_new) {
            last = Some(fix);
            events.push(Event::CallerMoved { call: call.id, fix: Some(fix) });
        }
    }
    Ok(Decision { events, answer: Answer::Done })
}

/// Whoever sees the answer cannot tell the two PINs apart.
pub(super) fn cancel(state: &State, press: &Key, proof: &PinProof) -> Decided {
    let call = open(state, press)?;
    let (known, flags) = (call.placed.sealed.press.as_deref(), call.placed.flags);
    let is = |pin: Option<PinProof>| pin.is_some_and(|pin| pin == *proof);
    if known.is_some_and(|known| is(known.duress)) {
        if flags.duress {
            return Ok(Decision::already());
        }
        let mut decision = Decision::of(Event::DuressSignalled { call: call.id });
        if call.priority() != Priority::MOST_URGENT {
            let why = Some("she was made to take her SOS back".into());
            let cause = PriorityCause::By(Actor::room(), why);
            let priority = Priority::MOST_URGENT;
            decision.events.push(Event::PriorityChanged { call: call.id, priority, cause });
        }
        return Ok(decision);
    }
    if known.is_some_and(|known| is(known.cancel)) {
        if flags.cancelled || flags.duress {
            return Ok(Decision::already());
        }
        return Ok(Decision::of(Event::CallCancelled { call: call.id }));
    }
    let wrong = call.follow_up.as_ref().map_or(0, |since| since.wrong_pins);
    let recorded = (wrong < WRONG_PINS_MAX).then_some(Event::CancelRefused { call: call.id });
    Ok(Decision { events: recorded.into_iter().collect(), answer: Answer::WrongPin })
}

fn open<'a>(state: &'a State, press: &Key) -> Result<&'a Call, Rejection> {
    let call = state.pressed(press).ok_or(Rejection::UnknownPress)?;
    if call.closed.is_some() { Err(Rejection::CallClosed(call.id)) } else { Ok(call) }
}

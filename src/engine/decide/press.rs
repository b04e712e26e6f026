//! What the device of an SOS page's press says: the safety timer that will be a press, and all that comes after it. A
//! device shows its right by the key of its press, which is a secret of it and of the room; nothing of this stops a
//! clock or closes a call.

use super::{Decided, Decision, within_bounds};
use crate::domain::bounds::{SAFETY_TIMER_MS_MAX, WORDS_BYTES_MAX, cut};
use crate::domain::{
    Actor, Answer, CallId, Event, Fix, FollowUp, Key, NewCall, PinProof, Press, Priority,
    PriorityCause, Rejection, SafetyTimer, Sealed, UtcMs, WRONG_PINS_MAX,
};
use crate::engine::{Pressed, State};

/// Positions of one device that lie nearer to each other than this are one.
const FIX_APART_MS: u64 = 1_000;

/// The open call that a press of this device joins. One that was taken back, or seems to be, is joined no more: whoever
/// presses then is in a new danger.
pub(super) fn joined(state: &State, sealed: &Sealed) -> Option<CallId> {
    state.call_of_device(&sealed.press.as_ref()?.device?)
}

/// The safety timer that a press of this device sets off.
pub(super) fn sets_off<'a>(state: &'a State, sealed: &Sealed) -> Option<&'a SafetyTimer> {
    state.timer_of_device(&sealed.press.as_ref()?.device?)
}

/// A press knows of her what she said when she set the timer.
pub(super) fn fill_up(placed: &mut NewCall, timer: &NewCall) {
    let (sealed, known) = (&mut placed.sealed, &timer.sealed);
    sealed.number = sealed.number.take().or_else(|| known.number.clone());
    sealed.name = sealed.name.take().or_else(|| known.name.clone());
    if sealed.place.is_none() {
        sealed.place.clone_from(&known.place);
        placed.district.clone_from(&timer.district);
    }
    placed.flags.silent |= timer.flags.silent;
    placed.flags.unsafe_to_ring_back |= timer.flags.unsafe_to_ring_back;
}

pub(super) fn set_timer(
    state: &State,
    received_at: UtcMs,
    after_ms: u64,
    call: &NewCall,
    by: &Actor,
) -> Decision {
    assert!(state.rules().is_some(), "rules are adopted before the first call");
    let (placed, by) = within_bounds(call, by);
    let (call, due_at) = (state.next_call(), received_at.plus(after_ms.min(SAFETY_TIMER_MS_MAX)));
    let event = Event::SafetyTimerSet { call, due_at, placed: Box::new(placed), by };
    Decision { events: vec![event], answer: Answer::CallPlaced(call) }
}

pub(super) fn follow(state: &State, now: UtcMs, press: &Key, fixes: &[Fix]) -> Decided {
    let made = state.pressed(press).ok_or(Rejection::UnknownPress)?;
    if made.is_over() {
        return made.over();
    }
    let mut last = made.follow_up().and_then(FollowUp::last_fix).copied();
    let mut events = Vec::new();
    for fix in fixes {
        let fix = Fix { taken_at: fix.taken_at.min(now), ..*fix };
        let is_new = |last: Fix| last.n < fix.n && last.taken_at.plus(FIX_APART_MS) <= fix.taken_at;
        if last.is_none_or(is_new) {
            last = Some(fix);
            events.push(Event::CallerMoved { call: made.call(), fix: Some(fix) });
        }
    }
    Ok(Decision { events, answer: Answer::Done })
}

/// Whoever sees the answer cannot tell the two PINs apart.
pub(super) fn cancel(state: &State, now: UtcMs, press: &Key, proof: &PinProof) -> Decided {
    let made = state.pressed(press).ok_or(Rejection::UnknownPress)?;
    let known = made.placed().sealed.press.as_deref();
    let is = |pin: fn(&Press) -> Option<PinProof>| known.and_then(pin) == Some(*proof);
    let (own, forced) = (is(|press| press.cancel), is(|press| press.duress));
    if made.is_over() {
        let over = made.over()?;
        match made {
            Pressed::Timer(_) if forced => {}
            _ if own || forced => return Ok(over),
            _ => return Ok(wrong_pin(None)),
        }
    }
    match made {
        _ if forced => Ok(Decision { events: under_duress(now, made), answer: Answer::Done }),
        Pressed::Call(call) if own => {
            let flags = call.placed.flags;
            let again = flags.cancelled || flags.duress;
            let event = (!again).then_some(Event::CallCancelled { call: call.id });
            Ok(Decision { events: event.into_iter().collect(), answer: Answer::Done })
        }
        Pressed::Timer(timer) if own => {
            Ok(Decision::of(Event::SafetyTimerStopped { call: timer.call, joined: None }))
        }
        _ => {
            let wrong = made.follow_up().map_or(0, |since| since.wrong_pins);
            Ok(wrong_pin((wrong < WRONG_PINS_MAX).then_some(made.call())))
        }
    }
}

pub(super) fn demote(
    state: &State,
    press: &Key,
    priority: Priority,
    reason: &str,
    by: &Actor,
) -> Decided {
    let made = state.pressed(press).ok_or(Rejection::UnknownPress)?;
    if !is_untouched(state, press, made) || made.placed().priority >= priority {
        return Ok(Decision::already());
    }
    Ok(reprioritised(made, priority, reason, by))
}

pub(super) fn vouch(state: &State, press: &Key, by: &Actor) -> Decided {
    let made = state.pressed(press).ok_or(Rejection::UnknownPress)?;
    if !is_untouched(state, press, made) || made.placed().priority == Priority::MOST_URGENT {
        return Ok(Decision::already());
    }
    Ok(reprioritised(made, Priority::MOST_URGENT, "its device showed that it is no flood", by))
}

/// Whether this press made it, and nobody has seen to it yet.
fn is_untouched(state: &State, press: &Key, made: Pressed<'_>) -> bool {
    match made {
        Pressed::Timer(timer) => timer.stopped_at.is_none(),
        Pressed::Call(call) => {
            let first = state.keys().get(press).map(|kept| kept.seq);
            let own = first.is_some() && call.history.first().copied() == first;
            own && call.waits() && call.units.is_empty() && call.claim.is_none()
        }
    }
}

fn reprioritised(made: Pressed<'_>, priority: Priority, reason: &str, by: &Actor) -> Decision {
    let cause = PriorityCause::By(by.clone(), Some(cut(reason, WORDS_BYTES_MAX).0.into()));
    Decision::of(Event::PriorityChanged { call: made.call(), priority, cause })
}

/// What the room hears of it; nothing, if it has heard.
fn under_duress(now: UtcMs, made: Pressed<'_>) -> Vec<Event> {
    let id = made.call();
    let mut events = Vec::with_capacity(3);
    match made {
        Pressed::Call(call) if call.placed.flags.duress => return events,
        Pressed::Call(_) => {}
        // She needs help now, whether or not she stopped it before.
        Pressed::Timer(timer) => events.push(Event::CallReceived {
            call: id,
            received_at: now,
            placed: timer.placed.clone(),
            by: timer.by.clone(),
        }),
    }
    events.push(Event::DuressSignalled { call: id });
    if made.placed().priority != Priority::MOST_URGENT {
        let why = Some("she was made to take her SOS back".into());
        let cause = PriorityCause::By(Actor::room(), why);
        events.push(Event::PriorityChanged { call: id, priority: Priority::MOST_URGENT, cause });
    }
    events
}

fn wrong_pin(recorded: Option<CallId>) -> Decision {
    let event = recorded.map(|call| Event::CancelRefused { call });
    Decision { events: event.into_iter().collect(), answer: Answer::WrongPin }
}

impl Pressed<'_> {
    /// Nothing more is kept of what its device says.
    fn is_over(&self) -> bool {
        match self {
            Self::Call(call) => call.closed.is_some(),
            Self::Timer(timer) => timer.stopped_at.is_some(),
        }
    }

    /// What its device hears then. Of a call that was taken back, or seems to be, as of a timer that was stopped: whether
    /// there was a call at all must not show.
    fn over(&self) -> Decided {
        match self {
            Self::Call(call) if !call.placed.flags.cancelled && !call.placed.flags.duress => {
                Err(Rejection::CallClosed(call.id))
            }
            _ => Ok(Decision::already()),
        }
    }

    fn placed(&self) -> &NewCall {
        match self {
            Self::Call(call) => &call.placed,
            Self::Timer(timer) => &timer.placed,
        }
    }

    fn follow_up(&self) -> Option<&FollowUp> {
        match self {
            Self::Call(call) => call.follow_up.as_deref(),
            Self::Timer(timer) => timer.follow_up.as_deref(),
        }
    }
}

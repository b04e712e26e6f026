//! The room's timers, derived from the state: one timer a call, one a safety timer, one a unit whose link is
//! lost, and one for the trails of the oldest day, each set to the next thing that is due there.
//!
//! What is due is moved from the wheel to the overdue set and fired from there, most urgent
//! first, so that after an outage the worst comes first and a command can come between.

use super::state::State;
use super::wheel::{Handle, Wheel};
use crate::domain::{Call, CallId, Callsign, ClockPoint, Link, Priority, UtcMs};
use hashbrown::HashMap;
use std::collections::BTreeSet;

const UNIT_BIT: u64 = 1 << 63;
const TRAILS: u64 = u64::MAX;

/// What a timer watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Watch {
    /// A call, or the safety timer that will be one.
    Call(CallId),
    Unit(u32),
    /// The trails of the oldest day.
    Trails,
}

impl Watch {
    fn key(self) -> u64 {
        match self {
            Self::Call(id) => {
                assert!(id.0 < UNIT_BIT, "call numbers count up from 1 and stay under 2^63");
                id.0
            }
            Self::Unit(number) => UNIT_BIT | u64::from(number),
            Self::Trails => TRAILS,
        }
    }

    fn of(key: u64) -> Self {
        match u32::try_from(key & !UNIT_BIT) {
            Ok(number) if key & UNIT_BIT != 0 => Self::Unit(number),
            _ if key == TRAILS => Self::Trails,
            _ => Self::Call(CallId(key)),
        }
    }
}

/// What a call does next of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step<'a> {
    /// A point of the clock run with this clock and unit.
    Clock { clock: u8, unit: Option<&'a Callsign>, point: ClockPoint },
    /// It rises one priority.
    Age(Priority),
    /// Its claim goes stale.
    ClaimStale,
}

/// The next thing due on `call`, and when; `None` when nothing is.
pub(super) fn next_step<'a>(
    state: &State,
    call: &'a Call,
    claim_heard_at: Option<UtcMs>,
) -> Option<(UtcMs, Step<'a>)> {
    if call.closed.is_some() {
        return None;
    }
    let rules = state.rules_of(call);
    let clocks = call.clocks.iter().filter_map(|run| {
        let rule = &rules.clocks[usize::from(run.clock)];
        let (at, point) = run.next(rule, rules.ladder(rule))?;
        Some((at, Step::Clock { clock: run.clock, unit: run.unit.as_ref(), point }))
    });
    let aging = call.waits().then(|| {
        let aging_ms = rules.aging_ms(call.priority())?;
        Some((call.aging_from.plus(aging_ms), Step::Age(call.priority().raised()?)))
    });
    let stale = call.claim.as_ref().filter(|claim| !claim.stale).map(|claim| {
        let heard_at = claim_heard_at.map_or(claim.since, |heard_at| heard_at.max(claim.since));
        (heard_at.plus(rules.claim_stale_ms), Step::ClaimStale)
    });
    clocks.chain(aging.flatten()).chain(stale).min()
}

/// All timers of the room.
pub(super) struct Timers {
    wheel: Wheel,
    overdue: BTreeSet<(Priority, UtcMs, u64)>,
    armed: HashMap<u64, Armed>,
    /// When the holder of a claim last said so; not state: a heartbeat is no transition.
    heartbeats: HashMap<CallId, UtcMs>,
}

#[derive(Clone, Copy)]
enum Armed {
    Wheel(UtcMs, Handle),
    Overdue(Priority, UtcMs),
}

impl Timers {
    /// The timers of `state`. Claims count as renewed at `now`: nobody could renew them before.
    pub(super) fn new(state: &State, now: UtcMs) -> Self {
        let mut timers = Self {
            wheel: Wheel::new(),
            overdue: BTreeSet::new(),
            armed: HashMap::new(),
            heartbeats: state
                .calls()
                .filter(|call| call.claim.is_some())
                .map(|call| (call.id, now))
                .collect(),
        };
        for call in state.calls() {
            timers.arm(state, Watch::Call(call.id));
        }
        for timer in state.timers() {
            timers.arm(state, Watch::Call(timer.call));
        }
        for (_, unit) in state.units() {
            timers.arm(state, Watch::Unit(unit.number));
        }
        timers.arm(state, Watch::Trails);
        timers
    }

    /// The holder of the claim on `call` is still working it.
    pub(super) fn heartbeat(&mut self, state: &State, call: CallId, now: UtcMs) {
        self.heartbeats.insert(call, now);
        self.arm(state, Watch::Call(call));
    }

    /// The next step of a call, as its timer sees it.
    pub(super) fn next_of<'a>(&self, state: &State, call: &'a Call) -> Option<(UtcMs, Step<'a>)> {
        next_step(state, call, self.heartbeats.get(&call.id).copied())
    }

    /// When the timer of `watch` is due.
    pub(super) fn due_of(&self, state: &State, watch: Watch) -> Option<UtcMs> {
        match watch {
            Watch::Call(id) => match state.call(id) {
                Some(call) => self.next_of(state, call).map(|(at, _)| at),
                None => state
                    .timer(id)
                    .filter(|timer| timer.stopped_at.is_none())
                    .map(|timer| timer.due_at),
            },
            Watch::Unit(number) => match state.unit_numbered(number)?.1.link {
                Link::Lost { at } => Some(at.plus(state.rules()?.unit_silent_ms)),
                _ => None,
            },
            Watch::Trails => state.trails_due_at(),
        }
    }

    /// Sets the timer of `watch` to what is due there next.
    pub(super) fn arm(&mut self, state: &State, watch: Watch) {
        if let Watch::Call(id) = watch
            && state.call(id).is_none_or(|call| call.claim.is_none())
        {
            self.heartbeats.remove(&id);
        }
        let key = watch.key();
        let due = self.due_of(state, watch);
        match self.armed.get(&key).copied() {
            Some(Armed::Wheel(at, _)) if due == Some(at) => return,
            Some(Armed::Wheel(_, handle)) => {
                self.wheel.cancel(handle);
            }
            Some(Armed::Overdue(priority, at)) => {
                self.overdue.remove(&(priority, at, key));
            }
            None => {}
        }
        if let Some(at) = due {
            let handle = self.wheel.insert(key, at);
            self.armed.insert(key, Armed::Wheel(at, handle));
        } else {
            self.armed.remove(&key);
        }
    }

    /// The earliest instant anything is due.
    pub(super) fn next_deadline(&self) -> Option<UtcMs> {
        let overdue = self.overdue.iter().map(|(_, at, _)| *at).min();
        overdue.into_iter().chain(self.wheel.next_deadline()).min()
    }

    /// The most urgent thing due at `now`, with the instant it was due.
    pub(super) fn pop(&mut self, state: &State, now: UtcMs) -> Option<(UtcMs, Watch)> {
        while let Some((at, key)) = self.wheel.pop_due(now) {
            let priority = match Watch::of(key) {
                Watch::Call(id) => state.call(id).map(Call::priority),
                Watch::Unit(_) => None,
                Watch::Trails => Some(Priority::LEAST_URGENT),
            };
            let priority = priority.unwrap_or(Priority::MOST_URGENT);
            self.overdue.insert((priority, at, key));
            self.armed.insert(key, Armed::Overdue(priority, at));
        }
        let (_, at, key) = self.overdue.pop_first()?;
        self.armed.remove(&key);
        Some((at, Watch::of(key)))
    }
}

//! The deterministic core: one thread, no I/O, no clock of its own.
//!
//! ```text
//!   Command ──decide──> events ──apply──> State ──arm──> timers ──due──> events ──apply──> ...
//! ```
//! [`Engine::submit`] takes a command at an instant, [`Engine::tick`] lets fire what is due,
//! [`Engine::next_deadline`] says until when to sleep. Same inputs at the same instants give the
//! same events, byte for byte. It never refuses a call and never lets a ladder fall silent.

mod decide;
mod keys;
mod queue;
mod recommend;
mod state;
mod timers;
mod triage;
pub mod wheel;

pub use decide::{Decision, decide};
pub use keys::{Kept, Keys};
pub use queue::Queue;
pub use recommend::{Reason, Recommendation, recommend};
pub use state::{Canary, ErasureAsked, Frozen, Pressed, State};
pub use triage::{Proposal, Weight};

use crate::domain::{
    Actor, Answer, CallId, ClockPoint, Command, Dated, Event, KeyMark, Leaving, Link, Order,
    PriorityCause, Rejection, SafetyTimer, Transition, UtcMs,
};
use timers::{Step, Timers, Watch};

/// The disposition the room closes its own canary with.
pub const CANARY_DISPOSITION: &str = "canary";

/// What came of an accepted command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its answer.
    pub answer: Answer,
    /// It was accepted before under the same key; nothing was done now.
    pub repeated: bool,
    /// The answer holds once the log is on the disk up to here.
    pub seq: u64,
}

/// The core.
pub struct Engine {
    state: State,
    timers: Timers,
    now: UtcMs,
}

impl Engine {
    /// A core that goes on from `state` at `now`, which is not before the state's own instant:
    /// a clock that is behind its log waits for the log.
    #[must_use]
    pub fn new(state: State, now: UtcMs) -> Self {
        let now = now.max(state.at);
        let timers = Timers::new(&state, now);
        Self { state, timers, now }
    }

    /// What the room knows.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The instant of the last submit or tick.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        self.now
    }

    /// The earliest instant at which [`Engine::tick`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMs> {
        self.timers.next_deadline()
    }

    /// Takes a command at `now`; what happened is appended to `out`. An instant before the last
    /// one counts as the last one.
    ///
    /// Deadlines of the same call that passed before `now` fire first, so an acknowledgement
    /// never undoes a miss; a command exactly on a deadline is in time.
    ///
    /// # Errors
    /// A [`Rejection`] for the sender. `out` may hold events of the call's own deadlines even so.
    pub fn submit(
        &mut self,
        now: UtcMs,
        order: &Order,
        out: &mut Vec<Dated>,
    ) -> Result<Accepted, Rejection> {
        self.now = self.now.max(now);
        let mark = order.key.map(|key| KeyMark { key, fingerprint: fingerprint(&order.command) });
        if let Some(mark) = mark
            && let Some(kept) = self.state.keys().get(&mark.key)
        {
            if !kept.fits(mark.fingerprint) {
                return Err(Rejection::KeyReused);
            }
            return Ok(Accepted { answer: kept.answer, repeated: true, seq: kept.seq });
        }
        self.settle(order, out);
        let decision = decide(&self.state, self.now, order)?;
        if decision.events.is_empty()
            && let Command::ClaimCall { call, .. } = order.command
        {
            self.timers.heartbeat(&self.state, call, self.now);
        }
        let says_it = |event: &Event| keys::answer_of(event) == decision.answer;
        let carrier = decision.events.iter().position(says_it);
        debug_assert_eq!(carrier.is_none(), decision.events.is_empty(), "a key without its answer");
        for (nth, event) in decision.events.into_iter().enumerate() {
            let mark = mark.filter(|_| nth == carrier.unwrap_or(0));
            self.commit(Transition { event, mark }, out);
        }
        Ok(Accepted { answer: decision.answer, repeated: false, seq: self.state.seq })
    }

    /// Fires what is due at or before `now`, most urgent first, until nothing is or about
    /// `events_max` events were appended to `out`. True when more is due.
    pub fn tick(&mut self, now: UtcMs, events_max: usize, out: &mut Vec<Dated>) -> bool {
        self.now = self.now.max(now);
        let until = out.len() + events_max;
        while let Some((due_at, watch)) = self.timers.pop(&self.state, self.now) {
            let before = out.len();
            self.fire(watch, due_at, out);
            if out.len() == before {
                // Nothing came of it, and its timer is gone from the wheel; an event arms anew.
                self.timers.arm(&self.state, watch);
            }
            if out.len() >= until {
                break;
            }
        }
        self.next_deadline().is_some_and(|at| at <= self.now)
    }

    /// Fires what the calls and the unit of a command missed before now.
    fn settle(&mut self, order: &Order, out: &mut Vec<Dated>) {
        if let Some(unit) = decide::unit_of(&order.command).and_then(|unit| self.state.unit(unit)) {
            let watch = Watch::Unit(unit.number);
            let leaves_all = matches!(
                order.command,
                Command::SignOffUnit { .. } | Command::SetOutOfService { .. }
            );
            let calls = leaves_all.then(|| unit.calls.clone());
            if let Some(due_at) = self.timers.due_of(&self.state, watch)
                && due_at < self.now
            {
                self.fire(watch, due_at, out);
            }
            for id in calls.into_iter().flatten() {
                self.settle_call(id, self.now, out);
            }
        }
        if let Some(id) = touched(&order.command).or_else(|| self.pressed(&order.command)) {
            self.settle_call(id, self.now, out);
        }
    }

    /// The call that a command of an SOS page's device speaks of.
    fn pressed(&self, command: &Command) -> Option<CallId> {
        match command {
            Command::FollowCaller { press, .. }
            | Command::CancelPress { press, .. }
            | Command::DemotePress { press, .. }
            | Command::VouchPress { press } => {
                self.state.pressed(press).map(|pressed| pressed.call())
            }
            Command::PlaceCall { call, .. } => {
                let device = call.sealed.press.as_ref()?.device?;
                let timer = || Some(self.state.timer_of_device(&device)?.call);
                self.state.call_of_device(&device).or_else(timer)
            }
            _ => None,
        }
    }

    /// Fires what was due on a call before `instant`.
    fn settle_call(&mut self, id: CallId, instant: UtcMs, out: &mut Vec<Dated>) {
        while let Some(due_at) = self.timers.due_of(&self.state, Watch::Call(id))
            && due_at < instant
        {
            self.fire(Watch::Call(id), due_at, out);
        }
    }

    fn fire(&mut self, watch: Watch, due_at: UtcMs, out: &mut Vec<Dated>) {
        if let Watch::Unit(number) = watch {
            // A unit that leaves takes its clocks along: what they missed until then comes first.
            let unit = self.state.unit_numbered(number);
            for id in unit.map(|(_, unit)| unit.calls.clone()).unwrap_or_default() {
                self.settle_call(id, due_at.plus(1), out);
            }
        }
        if let Watch::Call(id) = watch
            && let Some(open) = self.state.timer(id).and_then(|timer| self.joins(timer))
        {
            self.settle_call(open, self.now, out);
        }
        for event in self.due_events(watch, due_at) {
            self.commit(Transition { event, mark: None }, out);
        }
    }

    fn due_events(&self, watch: Watch, due_at: UtcMs) -> Vec<Event> {
        match watch {
            Watch::Unit(number) => self.silence(number),
            Watch::Trails => self.erase_trails(),
            Watch::Call(id) => {
                let Some(call) = self.state.call(id) else {
                    return self.state.timer(id).map_or_else(Vec::new, |timer| self.set_off(timer));
                };
                let Some((at, step)) = self.timers.next_of(&self.state, call) else {
                    return Vec::new();
                };
                assert!(at <= self.now, "a timer stands for what is due on its call");
                let generation = call.generation;
                match step {
                    Step::Age(priority) => vec![Event::PriorityChanged {
                        call: id,
                        priority,
                        cause: PriorityCause::Aged,
                    }],
                    Step::ClaimStale => vec![Event::ClaimWentStale { call: id }],
                    Step::Clock { clock, unit, point: ClockPoint::Warning(warning) } => {
                        vec![Event::ClockWarned {
                            call: id,
                            generation,
                            clock,
                            unit: unit.cloned(),
                            warning,
                            due_at,
                        }]
                    }
                    Step::Clock { clock, unit, point } => {
                        let (rung, repeat) = match point {
                            ClockPoint::Rung(rung) => (rung, 0),
                            ClockPoint::Repeat(repeat) => (self.last_rung(call, clock), repeat),
                            ClockPoint::Warning(_) => unreachable!("taken by the arm above"),
                        };
                        let mut events = vec![Event::Escalated {
                            call: id,
                            generation,
                            clock,
                            unit: unit.cloned(),
                            rung,
                            repeat,
                            due_at,
                            by_hand: None,
                        }];
                        if call.is_canary() {
                            events.push(Event::CallClosed {
                                call: id,
                                disposition: CANARY_DISPOSITION.into(),
                                by: Actor::room(),
                                remark: None,
                            });
                        }
                        events
                    }
                }
            }
        }
    }

    /// The open call of a safety timer's device: it stands for the timer's own.
    fn joins(&self, timer: &SafetyTimer) -> Option<CallId> {
        self.state.call_of_device(&timer.placed.sealed.press.as_ref()?.device?)
    }

    /// She did not say that she is safe: the timer is a call now, received when it was due.
    fn set_off(&self, timer: &SafetyTimer) -> Vec<Event> {
        let (call, by) = (timer.call, timer.by.clone());
        if let Some(open) = self.joins(timer) {
            let silent = timer.placed.flags.silent;
            return vec![
                Event::PressedAgain { call: open, by, silent },
                Event::SafetyTimerStopped { call, joined: Some(open) },
            ];
        }
        let placed = timer.placed.clone();
        vec![Event::CallReceived { call, received_at: timer.due_at, placed, by }]
    }

    fn last_rung(&self, call: &crate::domain::Call, clock: u8) -> u8 {
        let rules = self.state.rules_of(call);
        let rungs = rules.ladder(&rules.clocks[usize::from(clock)]).rungs.len();
        u8::try_from(rungs - 1).expect("a ladder has at most 255 rungs")
    }

    /// Where devices were on days that are over for long enough is known no more.
    fn erase_trails(&self) -> Vec<Event> {
        let kept_ms = self.state.rules().and_then(|rules| rules.trail_kept_ms);
        let before = kept_ms.map(|ms| UtcMs::of_day(UtcMs(self.now.since(UtcMs(ms))).day()));
        before.map(|before| Event::TrailsErased { before }).into_iter().collect()
    }

    /// A unit was not heard for its limit: it leaves every call it has not arrived at.
    fn silence(&self, number: u32) -> Vec<Event> {
        let Some((callsign, unit)) = self.state.unit_numbered(number) else {
            return Vec::new();
        };
        let mut events = vec![Event::UnitWentSilent { unit: callsign.clone() }];
        for call in unit.calls.iter().filter_map(|id| self.state.call(*id)) {
            use crate::domain::Progress;
            if call.assignment(callsign).is_some_and(|unit| unit.progress < Progress::OnScene) {
                let room = Actor::room();
                decide::leaves(call, callsign, Leaving::Silent, None, &room, &mut events);
            }
        }
        events
    }

    /// The units with a timer that `event` may make the room forget.
    fn watched_units(&self, event: &Event) -> Vec<u32> {
        let lost = |callsign| {
            let unit = self.state.unit(callsign)?;
            matches!(unit.link, Link::Lost { .. }).then_some(unit.number)
        };
        let on_call = match event {
            Event::CallClosed { call, .. } => self.state.call(*call),
            _ => None,
        };
        let freed = on_call.into_iter().flat_map(|call| &call.units);
        let named = event.unit().into_iter();
        named.chain(freed.map(|assignment| &assignment.unit)).filter_map(lost).collect()
    }

    fn commit(&mut self, transition: Transition, out: &mut Vec<Dated>) {
        let watched = self.watched_units(&transition.event);
        self.state.apply(self.now, &transition);
        let event = &transition.event;
        for number in watched {
            self.timers.arm(&self.state, Watch::Unit(number));
        }
        if let Event::RulesAdopted(_) = event {
            for (_, unit) in self.state.units() {
                self.timers.arm(&self.state, Watch::Unit(unit.number));
            }
        }
        if matches!(
            event,
            Event::RulesAdopted(_) | Event::CallerMoved { .. } | Event::TrailsErased { .. }
        ) {
            self.timers.arm(&self.state, Watch::Trails);
        }
        if let Some(call) = event.call() {
            self.timers.arm(&self.state, Watch::Call(call));
        }
        if let Some(unit) = event.unit().and_then(|callsign| self.state.unit(callsign)) {
            self.timers.arm(&self.state, Watch::Unit(unit.number));
        }
        out.push(Dated { seq: self.state.seq, at: self.now, transition });
    }
}

/// The call whose deadlines a command must not overtake.
fn touched(command: &Command) -> Option<CallId> {
    match command {
        Command::ClaimCall { call, .. }
        | Command::RingLine { call }
        | Command::HangUpLine { call }
        | Command::ReleaseClaim { call }
        | Command::AssignUnit { call, .. }
        | Command::ReleaseUnit { call, .. }
        | Command::ReportProgress { call, .. }
        | Command::DeclineCall { call, .. }
        | Command::ClearUnit { call, .. }
        | Command::CheckIn { call, .. }
        | Command::SetPriority { call, .. }
        | Command::EscalateCall { call, .. }
        | Command::TakeEscalation { call, .. }
        | Command::RecordCallback { call, .. }
        | Command::CloseCall { call, .. }
        | Command::ReopenCall { call, .. } => Some(*call),
        _ => None,
    }
}

/// First four bytes of the BLAKE3 hash of what a command asks; when its first byte came in is
/// not part of what it asks.
fn fingerprint(command: &Command) -> u32 {
    let bytes = match command {
        Command::PlaceCall { call, .. } => rmp_serde::to_vec(call),
        Command::SetSafetyTimer { call, .. } => rmp_serde::to_vec(&("safety timer", call)),
        Command::Panic { unit, point, .. } => rmp_serde::to_vec(&(unit, point)),
        other => rmp_serde::to_vec(other),
    };
    let hash = blake3::hash(&bytes.expect("every command has an encoding"));
    let [a, b, c, d, ..] = *hash.as_bytes();
    match u32::from_be_bytes([a, b, c, d]) {
        KeyMark::FORGOTTEN => 1,
        fingerprint => fingerprint,
    }
}

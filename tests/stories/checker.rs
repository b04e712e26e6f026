//! A second opinion, written from the rules and not from the engine: it reads the events alone,
//! keeps a naive room of its own, and objects to the first thing that should not have happened,
//! or should have and did not.

use fifteen::domain::{CallId, Dated, Event, Leaving, PriorityCause, Progress, Source};
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: u64 = 60_000;
const EVERY: u64 = 15 * MINUTE;
const ACKNOWLEDGE: u8 = 0;
const ARRIVE: u8 = 1;
const TURNOUT: u8 = 2;
const CALLBACK: u8 = 3;
const SAFETY: u8 = 4;
const CANARY: u8 = 5;

/// The shipped table: limit, warning, rungs.
const TABLE: [(u64, Option<u64>, u32); 6] = [
    (15 * MINUTE, Some(10 * MINUTE), 4),
    (15 * MINUTE, Some(10 * MINUTE), 4),
    (90_000, None, 1),
    (5 * MINUTE, Some(2 * MINUTE), 1),
    (30 * MINUTE, Some(25 * MINUTE), 1),
    (2_000, None, 1),
];
const AGING: [u64; 5] = [0, u64::MAX, 15 * MINUTE, 20 * MINUTE, 30 * MINUTE];
const STALE: u64 = 45_000;
const SILENT: u64 = 5 * MINUTE;
const LEFT_MIN: u64 = 2 * MINUTE;
pub const DAY: u64 = 24 * 60 * MINUTE;
/// How long trails are known after their day.
pub const TRAIL_KEPT: u64 = 60 * MINUTE;

#[derive(Debug, Clone)]
struct Run {
    warn_at: Option<u64>,
    next_at: u64,
    told: u32,
    stopped_at: Option<u64>,
    silenced: bool,
}

impl Run {
    fn from(clock: u8, start: u64) -> Self {
        let (limit, warn, _) = TABLE[usize::from(clock)];
        Self {
            warn_at: warn.map(|warn| start + warn),
            next_at: start + limit,
            told: 0,
            stopped_at: None,
            silenced: false,
        }
    }

    fn due(&self, clock: u8) -> Option<u64> {
        let (_, _, rungs) = TABLE[usize::from(clock)];
        let mute = self.silenced && self.told >= rungs;
        let rung = (!mute).then_some(self.next_at);
        let due = self.warn_at.into_iter().chain(rung).min();
        due.filter(|_| self.stopped_at.is_none())
    }
}

#[derive(Debug, Clone, Default)]
struct Seen {
    generation: u32,
    received_at: u64,
    priority: u8,
    dropped: bool,
    canary: bool,
    acknowledged: bool,
    arrived: bool,
    closed: bool,
    aging_from: u64,
    claim: Option<(u64, bool)>,
    units: BTreeMap<String, Progress>,
    runs: BTreeMap<(u8, String), Run>,
}

impl Seen {
    fn waits(&self) -> bool {
        !self.closed && !self.acknowledged && !self.canary
    }

    fn due(&self) -> Option<u64> {
        if self.closed {
            return None;
        }
        let runs = self.runs.iter().filter_map(|((clock, _), run)| run.due(*clock));
        let aging = AGING[usize::from(self.priority)];
        let aging = (self.waits() && aging < u64::MAX).then(|| self.aging_from + aging);
        let claim = self.claim.filter(|(_, stale)| !stale);
        runs.chain(aging).chain(claim.map(|(at, _)| at + STALE)).min()
    }

    fn start(&mut self, at: u64) {
        let whole = |clock| ((clock, String::new()), Run::from(clock, at));
        self.runs = if self.canary {
            [whole(CANARY)].into()
        } else {
            [whole(ACKNOWLEDGE), whole(ARRIVE)].into()
        };
        if self.dropped && !self.canary {
            self.runs.extend([whole(CALLBACK)]);
        }
    }

    fn stop(&mut self, clock: u8, at: u64) {
        if let Some(run) = self.runs.get_mut(&(clock, String::new())) {
            run.stopped_at.get_or_insert(at);
        }
    }
}

/// What the events so far amount to.
#[derive(Debug, Default)]
pub struct Checker {
    calls: BTreeMap<CallId, Seen>,
    /// Safety timers by the number kept for their call: when they are due, while they run.
    timers: BTreeMap<CallId, Option<u64>>,
    /// The days of which trails are known.
    trail_days: BTreeSet<u64>,
    signed_on: BTreeSet<String>,
    lost: BTreeMap<String, u64>,
    /// Calls a unit must now leave, one after the other.
    leaving: BTreeSet<CallId>,
    /// A call whose acknowledgement must be withdrawn next.
    owed: Option<CallId>,
    told: BTreeSet<(CallId, u32, u8, String, u8, u32, u64)>,
    seq: u64,
    at: u64,
    pub escalations: usize,
}

impl Checker {
    /// Takes in what happened next.
    pub fn see(&mut self, dated: &Dated) {
        let at = dated.at.0;
        let event = &dated.transition.event;
        assert_eq!(dated.seq, self.seq + 1, "numbers without gaps");
        assert!(at >= self.at, "time never runs back");
        (self.seq, self.at) = (dated.seq, at);
        if let Event::TrailsErased { before } = event {
            assert_eq!(
                before.0,
                (at - TRAIL_KEPT) / DAY * DAY,
                "the days that are over for so long"
            );
            let known = self.trail_days.split_off(&(before.0 / DAY));
            assert!(!std::mem::replace(&mut self.trail_days, known).is_empty(), "nothing to erase");
            return;
        }
        if let Event::CallerMoved { .. } = event {
            self.trail_days.insert(at / DAY);
        }
        self.in_turn(event);
        if !of_a_timer(event) {
            self.nothing_overtaken(event, at);
        }
        self.change(event, at);
        // A unit known by voice is known for as long as it is on a call.
        let (calls, signed_on) = (&self.calls, &self.signed_on);
        self.lost.retain(|unit, _| {
            signed_on.contains(unit) || calls.values().any(|call| call.units.contains_key(unit))
        });
    }

    /// Everything due at or before `now` has fired.
    pub fn ticked(&self, now: u64) {
        if let Some(due) = self.due() {
            assert!(due > now, "due at {due}, not fired at {now}");
        }
        assert!(self.owed.is_none() && self.leaving.is_empty());
    }

    /// When something is due next.
    pub fn due(&self) -> Option<u64> {
        let calls = self.calls.values().filter_map(Seen::due);
        let timers = self.timers.values().flatten().copied();
        let trails = self.trail_days.first().map(|day| (day + 1) * DAY + TRAIL_KEPT);
        calls.chain(timers).chain(trails).chain(self.lost.values().map(|at| at + SILENT)).min()
    }

    /// The waiting calls, sorted the naive way.
    pub fn queue(&self) -> Vec<CallId> {
        let mut waiting: Vec<_> = self.calls.iter().filter(|(_, call)| call.waits()).collect();
        waiting.sort_by_key(|(id, call)| (call.priority, call.received_at, **id));
        waiting.into_iter().map(|(id, _)| *id).collect()
    }

    /// The holder of a claim was heard.
    pub fn heard(&mut self, call: CallId, at: u64) {
        if let Some((heard_at, _)) = &mut self.calls.get_mut(&call).unwrap().claim {
            *heard_at = at;
        }
    }

    /// The room started again: nobody could renew a claim.
    pub fn restarted(&mut self, now: u64) {
        for call in self.calls.values_mut() {
            if let Some((heard_at, false)) = &mut call.claim {
                *heard_at = now;
            }
        }
    }

    /// A withdrawal, and the leaving of a unit that is gone, come at once.
    fn in_turn(&mut self, event: &Event) {
        match (self.owed.take(), event) {
            (Some(owed), Event::AcknowledgementWithdrawn { call }) => assert_eq!(*call, owed),
            (Some(owed), other) => panic!("call {owed} lost its last unit, then {other:?}"),
            (None, Event::AcknowledgementWithdrawn { call }) => panic!("call {call} kept a unit"),
            (None, Event::UnitLeft { call, leaving, .. }) => {
                let gone =
                    matches!(leaving, Leaving::Silent | Leaving::SignedOff | Leaving::OutOfService);
                assert_eq!(self.leaving.remove(call), gone);
            }
            (None, other) => assert!(self.leaving.is_empty(), "still to leave, and {other:?}"),
        }
    }

    /// No command comes before what its call, or its unit, had missed.
    fn nothing_overtaken(&self, event: &Event, at: u64) {
        // A note, a link, a reading, a word or who is told changes nothing a clock could see.
        let harmless = matches!(
            event,
            Event::NoteAdded { .. }
                | Event::CallLinked { .. }
                | Event::CallDescribed { .. }
                | Event::CallOpened { .. }
                | Event::UnitPanicked { .. }
                | Event::MessageSent { .. }
                | Event::NoticesIntended { .. }
                | Event::NoticeDelivered { .. }
                | Event::NoticeFailed { .. }
                | Event::EscalationSeen { .. }
        );
        if let Some(call) = event.call().and_then(|id| self.calls.get(&id))
            && !harmless
        {
            let overtaken = call.due().is_some_and(|due| due < at);
            assert!(!overtaken, "{event:?} overtook {call:?}");
        }
        if let Some(unit) = event.unit() {
            let lost = self.lost.get(unit.as_str());
            assert!(lost.is_none_or(|lost| lost + SILENT >= at), "{event:?}");
        }
    }

    fn change(&mut self, event: &Event, at: u64) {
        let name = event.unit().map(|unit| unit.to_string());
        let unit = name.clone().unwrap_or_default();
        if self.safety_timer(event, at) {
            return;
        }
        if let Event::CallReceived { call, received_at, placed, .. } = event {
            let mut seen = Seen {
                generation: 1,
                received_at: received_at.0,
                priority: placed.priority.number(),
                dropped: placed.flags.dropped,
                canary: placed.source == Source::Canary,
                aging_from: received_at.0,
                ..Seen::default()
            };
            seen.start(received_at.0);
            assert!(self.calls.insert(*call, seen).is_none(), "a number twice");
            return;
        }
        match event {
            Event::UnitSignedOn { .. } => {
                self.signed_on.insert(unit);
                self.lost.remove(name.as_deref().unwrap_or_default());
                return;
            }
            Event::UnitSignedOff { .. } | Event::UnitOutOfService { .. } => {
                if let Event::UnitSignedOff { .. } = event {
                    self.signed_on.remove(&unit);
                }
                let on = |call: &&Seen| call.units.contains_key(&unit);
                assert!(self.calls.values().filter(on).all(|c| c.due().is_none_or(|d| d >= at)));
                self.leaving = self.calls_of(&unit, |_| true);
                return;
            }
            Event::UnitLinkLost { .. } => {
                self.lost.insert(unit, at);
                return;
            }
            Event::UnitLinkUp { .. } => {
                self.lost.remove(&unit);
                return;
            }
            Event::UnitWentSilent { .. } => {
                let due = self.lost.remove(&unit).expect("its link was lost") + SILENT;
                assert!(due <= at, "silent {} ms early", due - at);
                self.leaving = self.calls_of(&unit, |progress| progress < Progress::OnScene);
                for id in &self.leaving {
                    let missed = self.calls[id].due().is_some_and(|missed| missed <= due);
                    assert!(!missed, "{unit} took a missed deadline along");
                }
                return;
            }
            _ => {}
        }
        let Some(id) = event.call() else { return };
        let call = self.calls.get_mut(&id).expect("of a call that was received");
        match event {
            Event::UnitAssigned { .. } => assign(call, &unit, at),
            Event::UnitProgressed { progress, .. } => progressed(call, &unit, *progress, at),
            Event::UnitLeft { .. } => {
                call.units.remove(&unit).expect("it was on the call");
                call.runs.retain(|(_, of), _| *of != unit);
                let stands = call.units.values().any(|p| *p >= Progress::Acknowledged);
                if call.acknowledged && !call.arrived && !stands {
                    self.owed = Some(id);
                }
            }
            Event::AcknowledgementWithdrawn { .. } => {
                call.acknowledged = false;
                call.aging_from = at;
                // A canary has no such clock, and a call-taker's slip may send it a unit.
                if let Some(run) = call.runs.get_mut(&(ACKNOWLEDGE, String::new())) {
                    let stopped_at = run.stopped_at.take().expect("it was stopped");
                    let left = run.next_at.saturating_sub(stopped_at).max(LEFT_MIN);
                    let moved = at + left - run.next_at;
                    run.warn_at = run.warn_at.map(|warn_at| warn_at + moved);
                    run.next_at = at + left;
                    run.silenced = false;
                }
            }
            Event::UnitCheckedIn { .. } => {
                call.runs.insert((SAFETY, unit), Run::from(SAFETY, at));
            }
            Event::PriorityChanged { priority, cause, .. } => {
                call.aging_from = match cause {
                    PriorityCause::By(..) => at,
                    PriorityCause::Aged => {
                        assert!(call.waits() && priority.number() + 1 == call.priority);
                        let due = call.aging_from + AGING[usize::from(call.priority)];
                        assert_eq!(call.due(), Some(due), "in order of what is due");
                        assert!(due <= at);
                        due
                    }
                };
                call.priority = priority.number();
            }
            Event::CallClaimed { .. } => call.claim = Some((at, false)),
            Event::ClaimReleased { .. } => call.claim = None,
            Event::ClaimWentStale { .. } => {
                let (heard_at, stale) = call.claim.as_mut().expect("it was claimed");
                assert!(!*stale && *heard_at + STALE <= at);
                *stale = true;
            }
            Event::LineHungUp { .. } => {
                let run = call.runs.get(&(CALLBACK, String::new()));
                if run.is_none_or(|run| run.stopped_at.is_some()) {
                    call.runs.insert((CALLBACK, String::new()), Run::from(CALLBACK, at));
                }
                call.dropped = true;
            }
            Event::CallbackRecorded { .. } => call.stop(CALLBACK, at),
            Event::CallClosed { .. } => {
                call.closed = true;
                call.claim = None;
                call.units.clear();
                call.runs.clear();
            }
            Event::CallReopened { generation, .. } => {
                assert!(call.closed && *generation == call.generation + 1);
                call.generation += 1;
                (call.closed, call.acknowledged, call.arrived) = (false, false, false);
                call.aging_from = at;
                call.start(at);
            }
            Event::ClockWarned { generation, clock, due_at, .. } => {
                assert_eq!(call.due(), Some(due_at.0), "in order of what is due");
                assert!(*generation == call.generation && due_at.0 <= at);
                let run = call.runs.get_mut(&(*clock, unit)).expect("it runs");
                assert_eq!(run.warn_at.take(), Some(due_at.0));
            }
            Event::Escalated { .. } => self.escalated(event, id, unit, at),
            Event::EscalationTaken { clock, rung, .. } => {
                let (_, _, rungs) = TABLE[usize::from(*clock)];
                for ((of, _), run) in &mut call.runs {
                    if of == clock && run.told >= rungs && u32::from(*rung) + 1 == rungs {
                        run.silenced = true;
                    }
                }
            }
            _ => {}
        }
    }

    /// What concerns a safety timer; true when that is all of it.
    fn safety_timer(&mut self, event: &Event, at: u64) -> bool {
        let Some(id) = event.call() else { return false };
        let due = self.timers.get(&id).copied();
        let runs_out = due.flatten().is_some_and(|due| due < at);
        let number = || self.calls.keys().chain(self.timers.keys()).max().map_or(1, |id| id.0 + 1);
        match event {
            Event::SafetyTimerSet { due_at, .. } => {
                assert_eq!(id.0, number(), "a number of its own");
                self.timers.insert(id, Some(due_at.0));
                true
            }
            Event::SafetyTimerStopped { joined, .. } => {
                let due = due.flatten().expect("it runs");
                match joined {
                    // What was due before it on that call came before it.
                    Some(open) => assert!(due <= at && !self.calls[open].closed),
                    None => assert!(at <= due, "a stop undid a timer that had run out"),
                }
                self.timers.insert(id, None);
                true
            }
            Event::CallReceived { received_at, .. } => {
                match due {
                    Some(Some(due)) if runs_out => assert_eq!(received_at.0, due, "by itself"),
                    Some(_) => {}
                    None => assert_eq!(id.0, number(), "a number of its own"),
                }
                self.timers.remove(&id);
                false
            }
            Event::CallerMoved { .. }
            | Event::CancelRefused { .. }
            | Event::PriorityChanged { .. }
                if due.is_some() =>
            {
                assert!(due.flatten().is_some() && !runs_out, "{event:?} after the timer");
                true
            }
            _ => false,
        }
    }

    fn escalated(&mut self, event: &Event, id: CallId, unit: String, at: u64) {
        let Event::Escalated { generation, clock, rung, repeat, due_at, by_hand, .. } = event
        else {
            unreachable!()
        };
        let call = self.calls.get_mut(&id).unwrap();
        let (_, _, rungs) = TABLE[usize::from(*clock)];
        let call_due = call.due();
        let run = call.runs.get_mut(&(*clock, unit.clone())).expect("it runs");
        assert!(run.stopped_at.is_none(), "a stopped clock told somebody");
        assert_eq!(*generation, call.generation, "of an older generation");
        assert_eq!(u32::from(*rung), run.told.min(rungs - 1), "the next office");
        assert_eq!(*repeat, (run.told + 1).saturating_sub(rungs), "the next repeat");
        assert!(due_at.0 <= at, "told early");
        if by_hand.is_some() {
            assert_eq!(due_at.0, at);
            let on_from_here = at + EVERY;
            run.next_at =
                if run.next_at > at { run.next_at.min(on_from_here) } else { on_from_here };
            run.silenced = false;
        } else {
            assert_eq!(due_at.0, run.next_at, "at its instant");
            assert_eq!(call_due, Some(due_at.0), "in order of what is due");
            assert!(!(run.silenced && run.told >= rungs), "it was taken");
            run.next_at += EVERY;
        }
        run.told += 1;
        self.escalations += 1;
        let once = (id, *generation, *clock, unit, *rung, *repeat, due_at.0);
        assert!(self.told.insert(once), "told twice: {event:?}");
    }

    fn calls_of(&self, unit: &str, which: impl Fn(Progress) -> bool) -> BTreeSet<CallId> {
        self.calls
            .iter()
            .filter(|(_, call)| call.units.get(unit).is_some_and(|p| which(*p)))
            .map(|(id, _)| *id)
            .collect()
    }
}

fn of_a_timer(event: &Event) -> bool {
    match event {
        Event::Escalated { by_hand, .. } => by_hand.is_none(),
        Event::PriorityChanged { cause, .. } => *cause == PriorityCause::Aged,
        Event::UnitLeft { leaving, .. } => *leaving == Leaving::Silent,
        Event::CallClosed { by, .. } => by.role == fifteen::domain::Role::Room,
        Event::ClockWarned { .. }
        | Event::ClaimWentStale { .. }
        | Event::UnitWentSilent { .. }
        | Event::AcknowledgementWithdrawn { .. } => true,
        _ => false,
    }
}

fn assign(call: &mut Seen, unit: &str, at: u64) {
    call.units.insert(unit.to_owned(), Progress::Assigned);
    let turnout = Run::from(TURNOUT, at);
    call.runs.insert((TURNOUT, unit.to_owned()), turnout);
}

fn progressed(call: &mut Seen, unit: &str, progress: Progress, at: u64) {
    if !call.units.contains_key(unit) {
        assign(call, unit, at);
    }
    let before = call.units.insert(unit.to_owned(), progress).unwrap();
    assert!(progress > before, "an earlier status was taken");
    call.runs.remove(&(TURNOUT, unit.to_owned()));
    call.acknowledged = true;
    call.stop(ACKNOWLEDGE, at);
    if progress == Progress::OnScene {
        call.arrived = true;
        call.stop(ARRIVE, at);
        let safety = Run::from(SAFETY, at);
        call.runs.insert((SAFETY, unit.to_owned()), safety);
    }
}

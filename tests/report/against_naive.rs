//! Random rooms, counted a second time by a model that keeps every event of every call.

use super::{clock, karachi, report_of};
use crate::room::Room;
use fifteen::domain::{
    CallId, CallbackOutcome, Callsign, Command, Dated, Event, Progress, Role, UtcMs,
};
use fifteen::report::{ClockFigures, Query};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
pub enum Step {
    Call { dropped: bool, test: bool },
    Assign(usize, usize),
    Progress(usize, usize, Progress),
    Leave(usize, usize, bool),
    CheckIn(usize, usize),
    Callback(usize),
    Close(usize),
    Reopen(usize),
    Take(usize),
    Wait(u64),
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (call, unit) = (0..8_usize, 0..4_usize);
    let progress =
        prop_oneof![Just(Progress::Acknowledged), Just(Progress::EnRoute), Just(Progress::OnScene)];
    let wait =
        prop_oneof![Just(60_000_u64), Just(90_000), Just(300_000), Just(900_000), 0..2_000_000_u64];
    let step = prop_oneof![
        2 => (any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(dropped, test)| Step::Call { dropped, test }),
        2 => (call.clone(), unit.clone()).prop_map(|(c, u)| Step::Assign(c, u)),
        4 => (call.clone(), unit.clone(), progress).prop_map(|(c, u, p)| Step::Progress(c, u, p)),
        3 => (call.clone(), unit.clone(), any::<bool>()).prop_map(|(c, u, d)| Step::Leave(c, u, d)),
        1 => (call.clone(), unit).prop_map(|(c, u)| Step::CheckIn(c, u)),
        1 => call.clone().prop_map(Step::Callback),
        2 => call.clone().prop_map(Step::Close),
        1 => call.clone().prop_map(Step::Reopen),
        1 => call.prop_map(Step::Take),
        6 => wait.prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

const UNITS: [&str; 4] = ["CAR-1", "CAR-2", "CAR-3", "CAR-4"];

pub fn run(steps: &[Step]) -> Room {
    let mut room = Room::open();
    UNITS.iter().for_each(|unit| room.sign_on(unit));
    let id = |call: usize| CallId(call as u64 + 1);
    let unit = |unit: usize| Callsign::new(UNITS[unit]).unwrap();
    for step in steps {
        // What the room rejects is no event, and in no report.
        let _ = match *step {
            Step::Call { dropped, test } => {
                let mut call = Room::new_call(2);
                call.flags.dropped = dropped;
                call.flags.test = test;
                room.place(call);
                continue;
            }
            Step::Wait(ms) => {
                room.millis(ms);
                continue;
            }
            Step::Assign(call, unit) => room.assign(id(call), UNITS[unit]),
            Step::Progress(call, unit, progress) => room.progress(id(call), UNITS[unit], progress),
            Step::Leave(c, u, true) => {
                room.operator(Command::DeclineCall { call: id(c), unit: unit(u), reason: None })
            }
            Step::Leave(c, u, false) => {
                room.operator(Command::ClearUnit { call: id(c), unit: unit(u) })
            }
            Step::CheckIn(c, u) => room.operator(Command::CheckIn { call: id(c), unit: unit(u) }),
            Step::Callback(call) => room.operator(Command::RecordCallback {
                call: id(call),
                outcome: CallbackOutcome::NoAnswer,
                note: None,
            }),
            Step::Close(call) => room.close(id(call), "Saima", "helped"),
            Step::Reopen(call) => {
                room.operator(Command::ReopenCall { call: id(call), reason: None })
            }
            Step::Take(call) => room.submit(
                "Director",
                Role::Supervisor,
                Command::TakeEscalation { call: id(call), clock: "acknowledge".into(), rung: None },
            ),
        };
    }
    room
}

/// A run as the model has it: start, what its span counts from, first answer, end by closing.
#[derive(Debug, Clone, Default)]
struct Span {
    start: u64,
    from: u64,
    answer: Option<u64>,
    closed: Option<u64>,
}

/// Its start, the call's first receipt, whether it was dropped, and all its events.
type Generation<'a> = (u64, u64, bool, Vec<&'a Dated>);

/// Every run of every clock, by name, found by reading a call's whole history.
#[derive(Default)]
struct Naive {
    runs: BTreeMap<&'static str, Vec<Span>>,
    /// Generations acknowledged in time that were escalated after that, by the clock.
    missed_again: u64,
    told: BTreeMap<(&'static str, u8, bool), u64>,
    taken: u64,
}

fn unit_of(event: &Event) -> Option<&Callsign> {
    match event {
        Event::UnitAssigned { unit, .. }
        | Event::UnitProgressed { unit, .. }
        | Event::UnitLeft { unit, .. }
        | Event::UnitCheckedIn { unit, .. } => Some(unit),
        _ => None,
    }
}

const CLOCKS: [&str; 5] = ["acknowledge", "arrive", "turnout", "callback", "safety"];

impl Naive {
    fn read(log: &[Dated]) -> Self {
        let mut naive = Self::default();
        let mut generations: BTreeMap<(CallId, u32), Generation<'_>> = BTreeMap::new();
        let mut newest: BTreeMap<CallId, (u32, bool, u64)> = BTreeMap::new();
        for dated in log {
            let event = &dated.transition.event;
            let Some(id) = event.call() else { continue };
            match event {
                Event::CallReceived { placed, received_at, .. } => {
                    if placed.flags.test {
                        continue;
                    }
                    newest.insert(id, (1, placed.flags.dropped, received_at.0));
                    let all = (received_at.0, received_at.0, placed.flags.dropped, Vec::new());
                    generations.insert((id, 1), all);
                }
                Event::CallReopened { generation, .. } => {
                    let Some((newest, dropped, first)) = newest.get_mut(&id) else {
                        continue;
                    };
                    *newest = *generation;
                    let all = (dated.at.0, *first, *dropped, Vec::new());
                    generations.insert((id, *generation), all);
                }
                _ => {
                    if let Some((generation, ..)) = newest.get(&id) {
                        generations.get_mut(&(id, *generation)).unwrap().3.push(dated);
                    }
                }
            }
        }
        for (start, first, dropped, events) in generations.values() {
            naive.generation(*start, *first, *dropped, events);
        }
        naive
    }

    fn generation(&mut self, start: u64, first: u64, dropped: bool, events: &[&Dated]) {
        let first_at = |wanted: &dyn Fn(&Event) -> bool| {
            let found = events.iter().find(|dated| wanted(&dated.transition.event));
            found.map(|dated| dated.at.0)
        };
        let closed = first_at(&|event| matches!(event, Event::CallClosed { .. }));
        let reached = |least: Progress| {
            first_at(
                &|event| matches!(event, Event::UnitProgressed { progress, .. } if *progress >= least),
            )
        };
        let of_call = |answer| Span { start, from: first, answer, closed };
        let mut add = |name, span| self.runs.entry(name).or_default().push(span);
        add("acknowledge", of_call(reached(Progress::Acknowledged)));
        add("arrive", of_call(reached(Progress::OnScene)));
        if dropped {
            let tried = first_at(&|event| matches!(event, Event::CallbackRecorded { .. }));
            add("callback", of_call(tried));
        }
        for unit in UNITS {
            let history: Vec<_> = events
                .iter()
                .filter(|dated| {
                    let event = &dated.transition.event;
                    unit_of(event).is_some_and(|known| known.as_str() == unit)
                        || matches!(event, Event::CallClosed { .. })
                })
                .collect();
            let mut turnout: Option<Span> = None;
            let mut safety: Option<Span> = None;
            let mut on_call = false;
            for dated in history {
                let at = dated.at.0;
                let fresh = || Span { start: at, from: at, ..Span::default() };
                let mut end = |name, run: &mut Option<Span>| {
                    if let Some(run) = run.take() {
                        add(name, Span { answer: Some(at), ..run });
                    }
                };
                match &dated.transition.event {
                    Event::UnitAssigned { .. } => {
                        turnout = Some(fresh());
                        on_call = true;
                    }
                    Event::UnitProgressed { progress, .. } => {
                        // Heard on the radio before it was assigned: assigned at that instant.
                        if !on_call {
                            turnout = Some(fresh());
                            on_call = true;
                        }
                        end("turnout", &mut turnout);
                        if *progress == Progress::OnScene && safety.is_none() {
                            safety = Some(fresh());
                        }
                    }
                    Event::UnitCheckedIn { .. } => {
                        end("safety", &mut safety);
                        safety = Some(fresh());
                    }
                    _ => {
                        end("turnout", &mut turnout);
                        end("safety", &mut safety);
                        on_call = false;
                    }
                }
            }
            for (name, run) in [("turnout", turnout), ("safety", safety)] {
                if let Some(run) = run {
                    add(name, run);
                }
            }
        }
        self.escalations(start, reached(Progress::Acknowledged), events);
    }

    fn escalations(&mut self, start: u64, acknowledged: Option<u64>, events: &[&Dated]) {
        let in_time = acknowledged.is_some_and(|at| at <= start + 900_000);
        let mut again = false;
        let mut withdrawn = false;
        let mut taken = BTreeSet::new();
        for (place, dated) in events.iter().enumerate() {
            match &dated.transition.event {
                Event::AcknowledgementWithdrawn { .. } => withdrawn = true,
                Event::Escalated { clock, rung, repeat, .. } => {
                    let name = CLOCKS[usize::from(*clock)];
                    *self.told.entry((name, *rung, *repeat > 0)).or_default() += 1;
                    // An answer of the same instant is in time, though the office was told.
                    let stopped = events[place..].iter().any(|later| {
                        let event = &later.transition.event;
                        later.at == dated.at
                            && matches!(
                                event,
                                Event::UnitProgressed { .. } | Event::CallClosed { .. }
                            )
                    });
                    again |= *clock == 0 && in_time && withdrawn && !stopped;
                }
                Event::EscalationTaken { clock, rung, .. } => {
                    taken.insert((*clock, *rung));
                }
                _ => {}
            }
        }
        self.taken += taken.len() as u64;
        self.missed_again += u64::from(again);
    }

    fn check(&self, found: &ClockFigures, limit: u64, end: u64) {
        let name = CLOCKS.into_iter().find(|name| *name == found.clock).unwrap();
        let runs = self.runs.get(name).cloned().unwrap_or_default();
        let count = |wanted: &dyn Fn(&Span, u64) -> bool| {
            runs.iter().filter(|run| wanted(run, run.start + limit)).count() as u64
        };
        // The room ticked at its last instant, so what is due then was told.
        assert_eq!(found.limit_ms, limit, "{name}");
        assert_eq!(found.started, runs.len() as u64, "{name} started");
        assert_eq!(
            found.in_time,
            count(&|run, due| run.answer.or(run.closed).is_some_and(|at| at <= due)),
            "{name} in time"
        );
        assert_eq!(
            found.in_time_by_close,
            count(&|run, due| run.answer.is_none() && run.closed.is_some_and(|at| at <= due)),
            "{name} in time by close"
        );
        assert_eq!(
            found.missed,
            count(&|run, due| run.answer.or(run.closed).map_or(end >= due, |at| at > due)),
            "{name} missed"
        );
        assert_eq!(
            found.missed_unanswered,
            count(&|run, due| run.answer.or(run.closed).is_none() && end >= due),
            "{name} missed and unanswered"
        );
        assert_eq!(
            found.missed_closed,
            count(&|run, due| run.answer.is_none() && run.closed.is_some_and(|at| at > due)),
            "{name} missed and closed"
        );
        assert_eq!(found.in_time + found.missed + found.open, found.started, "{name} adds up");
        let mut spans: Vec<_> =
            runs.iter().map(|run| run.answer.map_or(u64::MAX, |at| at - run.from)).collect();
        spans.sort_unstable();
        let rank = |percent: usize| {
            let rank = (percent * spans.len()).div_ceil(100);
            let span = spans.get(rank.max(1) - 1).copied();
            span.filter(|ms| *ms != u64::MAX)
        };
        assert_eq!(found.p50_ms, rank(50), "{name} p50");
        assert_eq!(found.p90_ms, rank(90), "{name} p90");
        assert_eq!(found.p95_ms, rank(95), "{name} p95");
        assert_eq!(found.p99_ms, rank(99), "{name} p99");
        assert_eq!(found.max_ms, rank(100), "{name} max");
        let longest = spans.iter().rev().copied().find(|ms| *ms != u64::MAX);
        assert_eq!(found.longest.as_ref().map(|worst| worst.ms), longest, "{name} longest");
        for rung in &found.rungs {
            let told = |again| {
                let key = (name, u8::try_from(rung.rung - 1).unwrap(), again);
                self.told.get(&key).copied().unwrap_or(0)
            };
            assert_eq!((rung.told, rung.repeats), (told(false), told(true)), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn figures_are_those_of_a_model_that_keeps_everything(steps in steps()) {
        let mut room = run(&steps);
        room.until(room.now);
        let naive = Naive::read(&room.log);
        let report = report_of(&room.log, Query::all(karachi()), room.now);
        let limits = [900_000, 900_000, 90_000, 300_000, 1_800_000];
        for (name, limit) in CLOCKS.into_iter().zip(limits) {
            naive.check(&clock(&report.whole, name), limit, room.now.0);
        }
        let acknowledge = clock(&report.whole, "acknowledge");
        prop_assert_eq!(acknowledge.missed_after_withdrawal, naive.missed_again);
        let taken: u64 = acknowledge.rungs.iter().map(|rung| rung.taken).sum();
        prop_assert_eq!(taken, naive.taken);
        let told: u64 = report.whole.clocks.iter().flat_map(|clock| &clock.rungs)
            .map(|rung| rung.told + rung.repeats).sum();
        prop_assert_eq!(told, naive.told.values().sum::<u64>());
        let calls = &report.whole.calls;
        prop_assert_eq!(calls.received + calls.reopened, calls.closed + calls.open);
        prop_assert!(UtcMs(report.span.until_ms) >= room.now);
    }
}

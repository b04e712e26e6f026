//! The auditor: a log against the receipts of what was acknowledged, and against a naive model of the clocks.
//! It knows the events and nothing of the engine, so that an error of the engine cannot hide in it.

use fifteen::domain::{Dated, Event, Progress, Rules, Trigger, UtcMs};
use std::collections::{BTreeMap, BTreeSet};

/// Sixteen bytes a client chose.
pub(crate) type KeyBytes = [u8; 16];

/// A reply somebody got.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) key: KeyBytes,
    /// The reply's sequence.
    pub(crate) seq: u64,
    /// The call it was about.
    pub(crate) call: Option<u64>,
    /// The request's `type`.
    pub(crate) what: &'static str,
}

/// What the auditor saw.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) faults: Vec<String>,
    pub(crate) receipts: usize,
    pub(crate) calls: usize,
    pub(crate) escalations: usize,
    /// Escalations that were due while the server was dead.
    pub(crate) late: usize,
}

/// The event a request must have left in the log under its key.
pub(crate) fn event_of(request: &str) -> &'static str {
    match request {
        "place_call" => "call_received",
        "claim" => "call_claimed",
        "assign_unit" => "unit_assigned",
        "report_status" => "unit_progressed",
        "add_note" => "note_added",
        "record_callback" => "callback_recorded",
        "close_call" => "call_closed",
        "reopen_call" => "call_reopened",
        "sign_on" => "unit_signed_on",
        other => panic!("no event is known for {other}"),
    }
}

/// Compares everything. `asked` are all keys ever sent; `dead` are spans in which no server ran.
pub(crate) fn audit(
    log: &[Dated],
    receipts: &[Receipt],
    asked: &BTreeSet<KeyBytes>,
    dead: &[(UtcMs, UtcMs)],
) -> Audit {
    let mut audit = Audit::default();
    audit.order(log);
    audit.keys(log, receipts, asked);
    audit.clocks(log, dead);
    audit
}

impl Audit {
    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// Numbers without gaps, instants in order, calls numbered from 1.
    fn order(&mut self, log: &[Dated]) {
        let mut at = UtcMs(0);
        for (expected, dated) in (1..).zip(log) {
            if dated.seq != expected {
                self.fault(format!(
                    "transition {expected} is missing, {} stands in its place",
                    dated.seq
                ));
                break;
            }
            if dated.at < at {
                self.fault(format!("transition {expected} is dated before the one before"));
            }
            at = dated.at;
            if let Event::CallReceived { call, .. } = &dated.transition.event {
                self.calls += 1;
                if call.0 != self.calls as u64 {
                    self.fault(format!("call {call} is the {}. call", self.calls));
                }
            }
        }
    }

    /// Every receipt once; what was never acknowledged at most once; nothing nobody asked for.
    fn keys(&mut self, log: &[Dated], receipts: &[Receipt], asked: &BTreeSet<KeyBytes>) {
        let mut marks: BTreeMap<KeyBytes, Vec<&Dated>> = BTreeMap::new();
        for dated in log {
            if let Some(mark) = dated.transition.mark {
                marks.entry(mark.key.0).or_default().push(dated);
            }
        }
        for (key, stands) in &marks {
            if stands.len() > 1 {
                let seqs: Vec<u64> = stands.iter().map(|dated| dated.seq).collect();
                self.fault(format!("key {key:02x?} was done twice, at {seqs:?}"));
            }
            if !asked.contains(key) {
                self.fault(format!("key {key:02x?} was never asked"));
            }
        }
        for receipt in receipts {
            self.receipts += 1;
            let Receipt { key, seq, call, what } = receipt;
            let Some(dated) = marks.get(key).map(|stands| stands[0]) else {
                self.fault(format!("{what} was acknowledged at {seq} and is not in the log"));
                continue;
            };
            let event = &dated.transition.event;
            if dated.seq > *seq {
                self.fault(format!("{what} was acknowledged at {seq}, before {}", dated.seq));
            }
            if event.name() != event_of(what) || event.call().map(|id| id.0) != *call {
                let (name, at) = (event.name(), dated.seq);
                self.fault(format!("{what} of {call:?} is {name} of another at {at}"));
            }
        }
    }

    /// Every deadline that passed has escalated once, in order, at its time or later; no other has.
    fn clocks(&mut self, log: &[Dated], dead: &[(UtcMs, UtcMs)]) {
        let mut model = Model::default();
        for dated in log {
            let stopped = model.take(dated, self);
            for (run, missing) in stopped {
                self.fault(format!("{run:?} was due at {missing} and never escalated"));
            }
            if let Event::Escalated { due_at, .. } = dated.transition.event {
                self.escalations += 1;
                let was_dead = |(from, to): &(UtcMs, UtcMs)| *from < due_at && due_at < *to;
                if dead.iter().any(was_dead) {
                    self.late += 1;
                    if dated.at <= due_at {
                        self.fault(format!("{} was due to the dead and is not late", dated.seq));
                    }
                }
            }
        }
        let end = log.last().map_or(UtcMs(0), |dated| dated.at);
        for (run, clock) in &model.runs {
            if clock.due() < end {
                self.fault(format!("{run:?} was due at {} and never escalated", clock.due()));
            }
        }
    }
}

/// Call, generation, clock, unit.
type Run = (u64, u32, u8, Option<String>);

#[derive(Debug)]
struct Clock {
    limit_at: UtcMs,
    every_ms: u64,
    rungs: u64,
    /// Escalations so far.
    fired: u64,
}

impl Clock {
    fn due(&self) -> UtcMs {
        self.limit_at.plus(self.fired * self.every_ms)
    }

    /// Rung and repeat of the next escalation.
    fn point(&self) -> (u64, u64) {
        (self.fired.min(self.rungs - 1), (self.fired + 1).saturating_sub(self.rungs))
    }
}

/// Clocks as design.md tells them, for calls whose acknowledgement is never withdrawn.
#[derive(Default)]
struct Model {
    rules: Option<Rules>,
    generations: BTreeMap<u64, u32>,
    runs: BTreeMap<Run, Clock>,
}

impl Model {
    /// Takes an event in; the runs it stops that should have escalated before.
    fn take(&mut self, dated: &Dated, audit: &mut Audit) -> Vec<(Run, UtcMs)> {
        let at = dated.at;
        match &dated.transition.event {
            Event::RulesAdopted(rules) => self.rules = Some((**rules).clone()),
            Event::CallReceived { call, received_at, .. } => {
                self.generations.insert(call.0, 1);
                self.start(call.0, Trigger::Received, None, *received_at);
            }
            Event::CallReopened { call, generation, .. } => {
                self.generations.insert(call.0, *generation);
                self.start(call.0, Trigger::Received, None, at);
            }
            Event::UnitAssigned { call, unit, .. } => {
                let unit = Some(unit.to_string());
                self.start(call.0, Trigger::UnitAssigned, unit, at);
            }
            Event::UnitProgressed { call, unit, progress, .. } => {
                let mut stops = vec![Trigger::Acknowledged, Trigger::UnitAcknowledged];
                let arrived = *progress == Progress::OnScene;
                if arrived {
                    stops.push(Trigger::OnScene);
                }
                let unit = unit.to_string();
                let missing = self.stop(call.0, &stops, Some(&unit), at);
                if arrived {
                    self.start(call.0, Trigger::UnitOnScene, Some(unit), at);
                }
                return missing;
            }
            Event::CallClosed { call, .. } => return self.stop(call.0, &[], None, at),
            Event::Escalated { .. } => self.escalated(dated, audit),
            _ => {}
        }
        Vec::new()
    }

    fn start(&mut self, call: u64, trigger: Trigger, unit: Option<String>, at: UtcMs) {
        let rules = self.rules.as_ref().expect("rules before calls");
        let generation = self.generations[&call];
        for (index, rule) in (0_u8..).zip(&rules.clocks) {
            if rule.starts == trigger {
                let ladder = rules.ladder(rule);
                let clock = Clock {
                    limit_at: at.plus(rule.limit_ms),
                    every_ms: ladder.every_ms,
                    rungs: ladder.rungs.len() as u64,
                    fired: 0,
                };
                let run = (call, generation, index, unit.clone());
                self.runs.insert(run, clock);
            }
        }
    }

    /// Stops what one of `triggers` stops; without any the call is closed and everything stops.
    fn stop(
        &mut self,
        call: u64,
        triggers: &[Trigger],
        unit: Option<&str>,
        at: UtcMs,
    ) -> Vec<(Run, UtcMs)> {
        let rules = self.rules.as_ref().expect("rules before calls");
        let mut missing = Vec::new();
        let of_call = (call, 0, 0, None)..(call + 1, 0, 0, None);
        let stopped: Vec<Run> = (self.runs.range(of_call).map(|(run, _)| run))
            .filter(|run| {
                let stops = &rules.clocks[usize::from(run.2)].stops;
                let concerned = run.3.is_none() || run.3.as_deref() == unit;
                triggers.is_empty() || (concerned && triggers.iter().any(|it| stops.contains(it)))
            })
            .cloned()
            .collect();
        for run in stopped {
            let due = self.runs[&run].due();
            self.runs.remove(&run);
            // Exactly on the deadline is in time.
            if due < at {
                missing.push((run, due));
            }
        }
        missing
    }

    fn escalated(&mut self, dated: &Dated, audit: &mut Audit) {
        let Event::Escalated { call, generation, clock, unit, rung, repeat, due_at, .. } =
            &dated.transition.event
        else {
            return;
        };
        let (seq, told) = (dated.seq, (u64::from(*rung), u64::from(*repeat)));
        let run = (call.0, *generation, *clock, unit.as_ref().map(ToString::to_string));
        let Some(clock) = self.runs.get_mut(&run) else {
            return audit.fault(format!("{run:?} escalated at {seq} and was not running"));
        };
        let (point, due) = (clock.point(), clock.due());
        if told < point {
            return audit.fault(format!("{run:?} escalated {told:?} twice, again at {seq}"));
        }
        if told > point {
            audit.fault(format!("{run:?} left {point:?} out, at {seq}"));
        }
        if told == point && *due_at != due {
            audit.fault(format!("{run:?} {told:?} was due at {due}, not {due_at}, at {seq}"));
        }
        if dated.at < *due_at {
            audit.fault(format!("{run:?} escalated early, at {seq}"));
        }
        clock.fired = told.0 + told.1 + 1;
    }
}

/// The auditor is worth only what it notices.
mod tampered {
    use super::*;
    use fifteen::domain::{
        Actor, Answer, CallId, Callsign, Command, Flags, Key, NewCall, Order, Priority, Role,
        Sealed, SignOn, Source,
    };
    use fifteen::engine::{Engine, State};

    struct Played {
        log: Vec<Dated>,
        receipts: Vec<Receipt>,
        asked: BTreeSet<KeyBytes>,
    }

    impl Played {
        fn audit(&self) -> Audit {
            audit(&self.log, &self.receipts, &self.asked, &[])
        }

        /// The first fault, which there must be.
        fn fault(&self) -> String {
            let Audit { faults, .. } = self.audit();
            assert!(!faults.is_empty(), "nothing was noticed");
            faults.join("; ")
        }

        fn find(&self, wanted: &str) -> usize {
            let named = |dated: &Dated| dated.transition.event.name() == wanted;
            self.log.iter().position(named).unwrap()
        }

        /// Takes one transition out as if it had never been.
        fn lose(&mut self, at: usize) {
            self.log.remove(at);
            for (seq, dated) in (1..).zip(&mut self.log) {
                dated.seq = seq;
            }
        }

        /// Puts one transition in again after itself.
        fn double(&mut self, at: usize) {
            self.log.insert(at, self.log[at].clone());
            for (seq, dated) in (1..).zip(&mut self.log) {
                dated.seq = seq;
            }
        }
    }

    /// A true log: a call worked in time, one forgotten for an hour and a half, one reopened.
    fn played() -> Played {
        let mut engine = Engine::new(State::default(), UtcMs(0));
        let (mut log, mut receipts, mut asked) = (Vec::new(), Vec::new(), BTreeSet::new());
        let rules = Box::new(fifteen::config::Settings::shipped().rules);
        let room = Order { by: Actor::room(), key: None, command: Command::AdoptRules(rules) };
        engine.submit(UtcMs(0), &room, &mut log).unwrap();
        let unit = Callsign::new("Alpha-1").unwrap();
        let call = || NewCall {
            source: Source::PhoneLine,
            line: None,
            district: "Gulberg".into(),
            kind: "threat".into(),
            priority: Priority::MOST_URGENT,
            flags: Flags::default(),
            sealed: Sealed::default(),
        };
        let place = |minute: u64| Command::PlaceCall {
            received_at: UtcMs(minute * 60_000),
            call: Box::new(call()),
        };
        let crew = SignOn {
            district: "Gulberg".into(),
            crew: Vec::new(),
            skills: Vec::new(),
            vehicle: None,
            point: None,
        };
        let close = |id: u64| Command::CloseCall {
            call: CallId(id),
            disposition: "helped".into(),
            remark: None,
        };
        let script: Vec<(u64, &'static str, Option<u64>, Command)> = vec![
            (
                0,
                "sign_on",
                None,
                Command::SignOnUnit { unit: unit.clone(), crew: Box::new(crew), linked: false },
            ),
            (1, "place_call", Some(1), place(1)),
            (1, "place_call", Some(2), place(1)),
            (2, "place_call", Some(3), place(2)),
            (
                3,
                "assign_unit",
                Some(1),
                Command::AssignUnit { call: CallId(1), unit: unit.clone() },
            ),
            (
                6,
                "report_status",
                Some(1),
                Command::ReportProgress {
                    call: CallId(1),
                    unit,
                    progress: Progress::OnScene,
                    by_radio: true,
                },
            ),
            (40, "close_call", Some(3), close(3)),
            (41, "reopen_call", Some(3), Command::ReopenCall { call: CallId(3), reason: None }),
            (91, "close_call", Some(2), close(2)),
            (99, "close_call", Some(1), close(1)),
        ];
        for (number, (minute, what, call, command)) in (1_u8..).zip(script) {
            let now = UtcMs(minute * 60_000);
            while let Some(due) = engine.next_deadline().filter(|due| *due < now) {
                engine.tick(due, 100, &mut log);
            }
            let key = [number; 16];
            let order =
                Order { by: Actor::new("Sana", Role::Operator), key: Some(Key(key)), command };
            let accepted = engine.submit(now, &order, &mut log).unwrap();
            assert_ne!(accepted.answer, Answer::AwaitingSecond);
            asked.insert(key);
            let seq = accepted.seq;
            receipts.push(Receipt { key, seq, call, what });
        }
        Played { log, receipts, asked }
    }

    #[test]
    fn true_books_are_passed() {
        let audit = played().audit();
        assert_eq!(audit.faults, Vec::<String>::new());
        assert_eq!((audit.receipts, audit.calls), (10, 3));
        // Call 2: both clocks, 4 rungs and 2 repeats; call 3: 2 rungs twice over, then 3 of
        // another generation; the turnout of call 1, and the safety of its unit.
        assert!(audit.escalations > 15, "{audit:?}");
    }

    #[test]
    fn lost_transition_is_noticed() {
        let mut books = played();
        let at = books.find("call_closed");
        books.lose(at);
        assert!(books.fault().contains("is not in the log"), "{}", books.fault());
        let mut books = played();
        books.log.remove(5);
        assert!(books.fault().contains("transition 6 is missing"));
    }

    #[test]
    fn command_done_twice_is_noticed() {
        let mut books = played();
        let at = books.find("call_reopened");
        books.double(at);
        assert!(books.fault().contains("was done twice"), "{}", books.fault());
    }

    #[test]
    fn reply_before_its_transition_is_noticed() {
        let mut books = played();
        books.receipts[4].seq -= 1;
        assert!(books.fault().contains("before"), "{}", books.fault());
    }

    #[test]
    fn answer_about_another_call_is_noticed() {
        let mut books = played();
        books.receipts[2].call = Some(1);
        assert!(books.fault().contains("of another"), "{}", books.fault());
    }

    #[test]
    fn command_nobody_sent_is_noticed() {
        let mut books = played();
        books.asked.remove(&[3; 16]);
        assert!(books.fault().contains("never asked"), "{}", books.fault());
    }

    #[test]
    fn every_single_lost_escalation_is_noticed() {
        let whole = played();
        for at in 0..whole.log.len() {
            if whole.log[at].transition.event.name() == "escalated" {
                let mut books = played();
                books.lose(at);
                let fault = books.fault();
                let named = fault.contains("left") || fault.contains("never escalated");
                assert!(named, "{at}: {fault}");
            }
        }
    }

    #[test]
    fn every_single_doubled_escalation_is_noticed() {
        let whole = played();
        for at in 0..whole.log.len() {
            if whole.log[at].transition.event.name() == "escalated" {
                let mut books = played();
                books.double(at);
                assert!(books.fault().contains("twice"), "{at}: {}", books.fault());
            }
        }
    }

    #[test]
    fn early_misdated_or_old_escalation_is_noticed() {
        let mut books = played();
        let at = books.find("escalated");
        let Event::Escalated { due_at, .. } = &mut books.log[at].transition.event else {
            unreachable!("found by its name");
        };
        *due_at = due_at.plus(1);
        assert!(books.fault().contains("was due at"), "{}", books.fault());
        let mut books = played();
        let last = books.log.len() - 1;
        let again = books.log[at].transition.event.clone();
        books.log[last].transition.event = again;
        assert!(books.fault().contains("escalated"), "{}", books.fault());
    }

    #[test]
    fn escalation_due_in_the_servers_death_counts_as_late() {
        let books = played();
        let dead = [(UtcMs(16 * 60_000 - 1), UtcMs(16 * 60_000 + 1))];
        let audit = audit(&books.log, &books.receipts, &books.asked, &dead);
        assert_eq!(audit.late, 2, "two clocks of call 2 ran out then");
        let named = |fault: &String| fault.contains("is not late");
        assert!(audit.faults.iter().all(named), "{:?}", audit.faults);
        assert_eq!(audit.faults.len(), 2, "in this log they were on time");
    }
}

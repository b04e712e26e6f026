//! A room on virtual time: submit, let minutes pass, see who was told.

use fifteen::config::Settings;
use fifteen::domain::*;
use fifteen::engine::{Accepted, Engine, State};

/// 2026-01-01T00:00:00Z.
pub const START: UtcMs = UtcMs(1_767_225_600_000);

/// An engine, its clock, and all it said.
pub struct Room {
    pub engine: Engine,
    pub now: UtcMs,
    pub log: Vec<Dated>,
}

impl Room {
    /// A room under the shipped rules.
    pub fn open() -> Self {
        Self::under(Settings::shipped().rules)
    }

    /// A room under `rules`.
    pub fn under(rules: Rules) -> Self {
        let mut room =
            Self { engine: Engine::new(State::default(), START), now: START, log: Vec::new() };
        room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules))).unwrap();
        room
    }

    pub fn submit(
        &mut self,
        who: &str,
        role: Role,
        command: Command,
    ) -> Result<Accepted, Rejection> {
        let order = Order { by: Actor::new(who, role), key: None, command };
        self.order(&order)
    }

    pub fn order(&mut self, order: &Order) -> Result<Accepted, Rejection> {
        self.engine.submit(self.now, order, &mut self.log)
    }

    pub fn operator(&mut self, command: Command) -> Result<Accepted, Rejection> {
        self.submit("Saima", Role::Operator, command)
    }

    /// Lets time pass, waking exactly at each deadline.
    pub fn until(&mut self, instant: UtcMs) {
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= instant) {
            self.now = self.now.max(at);
            while self.engine.tick(self.now, 1_000, &mut self.log) {}
        }
        self.now = instant;
    }

    pub fn millis(&mut self, ms: u64) {
        self.until(self.now.plus(ms));
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.millis(seconds * 1_000);
    }

    pub fn minutes(&mut self, minutes: u64) {
        self.seconds(minutes * 60);
    }

    pub fn new_call(priority: u8) -> NewCall {
        NewCall {
            source: Source::PhoneLine,
            line: None,
            district: "Lahore".into(),
            kind: "harassment".into(),
            priority: Priority::new(priority).unwrap(),
            flags: Flags::default(),
            sealed: Sealed { number: Some("+923001234567".into()), ..Sealed::default() },
        }
    }

    pub fn place(&mut self, call: NewCall) -> CallId {
        let command = Command::PlaceCall { received_at: self.now, call: Box::new(call) };
        match self.submit("line-1", Role::Intake, command).unwrap().answer {
            Answer::CallPlaced(id) => id,
            other => panic!("a placed call answers with its number, not {other:?}"),
        }
    }

    pub fn call(&mut self, priority: u8) -> CallId {
        self.place(Self::new_call(priority))
    }

    pub fn sign_on(&mut self, unit: &str) {
        let unit = Callsign::new(unit).unwrap();
        let crew = Box::new(SignOn { district: "Lahore".into(), ..SignOn::default() });
        let who = unit.as_str().to_owned();
        self.submit(&who, Role::Unit, Command::SignOnUnit { unit, crew, linked: true }).unwrap();
    }

    pub fn assign(&mut self, call: CallId, unit: &str) -> Result<Accepted, Rejection> {
        self.operator(Command::AssignUnit { call, unit: Callsign::new(unit).unwrap() })
    }

    /// An operator records what a unit said by radio.
    pub fn progress(
        &mut self,
        call: CallId,
        unit: &str,
        progress: Progress,
    ) -> Result<Accepted, Rejection> {
        let unit = Callsign::new(unit).unwrap();
        self.operator(Command::ReportProgress { call, unit, progress, by_radio: true })
    }

    pub fn close(
        &mut self,
        call: CallId,
        who: &str,
        disposition: &str,
    ) -> Result<Accepted, Rejection> {
        let command = Command::CloseCall { call, disposition: disposition.into(), remark: None };
        self.submit(who, Role::Operator, command)
    }

    pub fn stage(&self, call: CallId) -> Stage {
        self.engine.state().call(call).unwrap().stage()
    }

    pub fn events(&self) -> Vec<Event> {
        self.log.iter().map(|dated| dated.transition.event.clone()).collect()
    }

    /// The offices told that the clock `name` was missed, in order, repeats included.
    pub fn told(&self, name: &str) -> Vec<String> {
        let rules = self.engine.state().rules().unwrap();
        let (index, rule) = rules.clock(name).unwrap();
        self.log
            .iter()
            .filter_map(|dated| match &dated.transition.event {
                Event::Escalated { clock, rung, .. } if *clock == index => {
                    Some(rules.ladder(rule).rungs[usize::from(*rung)].to_string())
                }
                _ => None,
            })
            .collect()
    }

    /// Live state equals the fold of the log.
    pub fn replayed(&self) -> State {
        let mut state = State::default();
        for dated in &self.log {
            state.apply(dated.at, &dated.transition);
        }
        state
    }

    /// A room under the shipped rules after `change`.
    pub fn with(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Settings::shipped().rules;
        change(&mut rules);
        Self::under(rules)
    }

    /// What the unit itself says over the wire.
    pub fn says(&mut self, unit: &str, command: Command) -> Result<Accepted, Rejection> {
        self.submit(unit, Role::Unit, command)
    }

    /// The unit itself reports how far it has come.
    pub fn report(
        &mut self,
        call: CallId,
        name: &str,
        progress: Progress,
    ) -> Result<Accepted, Rejection> {
        let command = Command::ReportProgress { call, unit: unit(name), progress, by_radio: false };
        self.says(name, command)
    }

    pub fn decline(&mut self, call: CallId, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        let reason = None;
        self.says(name, Command::DeclineCall { call, unit, reason })
    }

    pub fn release(&mut self, call: CallId, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        let reason = None;
        self.operator(Command::ReleaseUnit { call, unit, reason })
    }

    pub fn clear(&mut self, call: CallId, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        self.says(name, Command::ClearUnit { call, unit })
    }

    pub fn check_in(&mut self, call: CallId, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        self.says(name, Command::CheckIn { call, unit })
    }

    pub fn sign_off(&mut self, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        self.says(name, Command::SignOffUnit { unit })
    }

    pub fn out_of_service(&mut self, name: &str) -> Result<Accepted, Rejection> {
        let unit = unit(name);
        let reason = "puncture".into();
        self.says(name, Command::SetOutOfService { unit, reason })
    }

    pub fn link(&mut self, name: &str, up: bool) {
        let unit = unit(name);
        self.submit("room", Role::Room, Command::SetLink { unit, up }).unwrap();
    }

    pub fn claim(&mut self, call: CallId, who: &str) -> Result<Accepted, Rejection> {
        let take_over = false;
        self.submit(who, Role::Operator, Command::ClaimCall { call, take_over })
    }

    pub fn prioritise(&mut self, call: CallId, priority: u8) {
        let priority = Priority::new(priority).unwrap();
        let reason = None;
        self.operator(Command::SetPriority { call, priority, reason }).unwrap();
    }

    pub fn callback(&mut self, call: CallId, outcome: CallbackOutcome) {
        self.operator(Command::RecordCallback { call, outcome, note: None }).unwrap();
    }

    pub fn reopen(&mut self, call: CallId) {
        let reason = Some("she rang again".into());
        self.operator(Command::ReopenCall { call, reason }).unwrap();
    }

    pub fn escalate(&mut self, call: CallId, clock: &str) -> Result<Accepted, Rejection> {
        let clock = Some(clock.into());
        let reason = None;
        self.operator(Command::EscalateCall { call, clock, reason })
    }

    pub fn take(&mut self, call: CallId, rung: Option<u8>) -> Result<Accepted, Rejection> {
        let clock = "acknowledge".into();
        let command = Command::TakeEscalation { call, clock, rung };
        self.submit("DIG Operations", Role::Supervisor, command)
    }

    /// A unit signs on, is sent and acknowledges.
    pub fn acknowledged(&mut self, call: CallId, name: &str) {
        self.sign_on(name);
        self.assign(call, name).unwrap();
        self.report(call, name, Progress::Acknowledged).unwrap();
    }

    pub fn canary(&mut self) -> CallId {
        let mut call = Self::new_call(4);
        call.source = Source::Canary;
        self.place(call)
    }

    pub fn flagged(&mut self, flag: impl FnOnce(&mut Flags)) -> CallId {
        let mut call = Self::new_call(2);
        flag(&mut call.flags);
        self.place(call)
    }

    pub fn get(&self, call: CallId) -> &Call {
        self.engine.state().call(call).unwrap()
    }

    pub fn queue(&self) -> Vec<CallId> {
        self.engine.state().queue().iter().collect()
    }

    /// The command is refused, and nothing happens.
    pub fn refused(&mut self, who: &str, role: Role, command: Command) -> Rejection {
        let (before, events) = (self.engine.state().clone(), self.log.len());
        let rejection = self.submit(who, role, command).unwrap_err();
        assert_eq!(self.log.len(), events, "{rejection} came with an event");
        assert!(before == *self.engine.state(), "{rejection} changed the room");
        rejection
    }

    /// Nobody wakes the engine for so long; then it wakes.
    pub fn outage(&mut self, minutes: u64) {
        self.now = self.now.plus(minutes * MINUTE);
        while self.engine.tick(self.now, 1_000, &mut self.log) {}
    }

    /// Events of this name so far.
    pub fn count(&self, name: &str) -> usize {
        let same = |dated: &&Dated| dated.transition.event.name() == name;
        self.log.iter().filter(same).count()
    }

    /// Names of the events from number `from` of the log on.
    pub fn names_from(&self, from: usize) -> Vec<&'static str> {
        self.log[from..].iter().map(|dated| dated.transition.event.name()).collect()
    }

    /// Everything the clock `name` said.
    pub fn said(&self, name: &str) -> Vec<Said> {
        let (index, _) = self.engine.state().rules().unwrap().clock(name).unwrap();
        let since_start = |at: UtcMs| at.since(START);
        self.log
            .iter()
            .filter_map(|dated| match &dated.transition.event {
                Event::Escalated { call, generation, clock, rung, repeat, due_at, .. }
                    if *clock == index =>
                {
                    Some(Said {
                        call: call.0,
                        generation: *generation,
                        rung: Some(*rung),
                        repeat: *repeat,
                        due_ms: since_start(*due_at),
                        late_ms: dated.at.since(*due_at),
                    })
                }
                Event::ClockWarned { call, generation, clock, due_at, .. } if *clock == index => {
                    Some(Said {
                        call: call.0,
                        generation: *generation,
                        rung: None,
                        repeat: 0,
                        due_ms: since_start(*due_at),
                        late_ms: dated.at.since(*due_at),
                    })
                }
                _ => None,
            })
            .collect()
    }

    /// When the clock `name` told an office, in ms since the start, repeats included.
    pub fn told_at(&self, name: &str) -> Vec<u64> {
        let told = |said: &Said| said.rung.map(|_| said.due_ms + said.late_ms);
        self.said(name).iter().filter_map(told).collect()
    }

    /// When the clock `name` warned, in ms since the start.
    pub fn warned_at(&self, name: &str) -> Vec<u64> {
        self.said(name)
            .iter()
            .filter(|said| said.rung.is_none())
            .map(|said| said.due_ms + said.late_ms)
            .collect()
    }
}

/// A minute in milliseconds.
pub const MINUTE: u64 = 60_000;

/// A callsign.
pub fn unit(name: &str) -> Callsign {
    Callsign::new(name).unwrap()
}

/// One thing a clock said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub call: u64,
    pub generation: u32,
    /// `None`: a warning.
    pub rung: Option<u8>,
    pub repeat: u32,
    /// Since the start.
    pub due_ms: u64,
    pub late_ms: u64,
}

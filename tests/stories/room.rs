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
        let mut room = Self {
            engine: Engine::new(State::default(), START),
            now: START,
            log: Vec::new(),
        };
        room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules)))
            .unwrap();
        room
    }

    pub fn submit(
        &mut self,
        who: &str,
        role: Role,
        command: Command,
    ) -> Result<Accepted, Rejection> {
        let order = Order {
            by: Actor::new(who, role),
            key: None,
            command,
        };
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
            sealed: Sealed {
                number: Some("+923001234567".into()),
                ..Sealed::default()
            },
        }
    }

    pub fn place(&mut self, call: NewCall) -> CallId {
        let command = Command::PlaceCall {
            received_at: self.now,
            call: Box::new(call),
        };
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
        let crew = Box::new(SignOn {
            district: "Lahore".into(),
            ..SignOn::default()
        });
        let who = unit.as_str().to_owned();
        self.submit(
            &who,
            Role::Unit,
            Command::SignOnUnit {
                unit,
                crew,
                linked: true,
            },
        )
        .unwrap();
    }

    pub fn assign(&mut self, call: CallId, unit: &str) -> Result<Accepted, Rejection> {
        self.operator(Command::AssignUnit {
            call,
            unit: Callsign::new(unit).unwrap(),
        })
    }

    /// An operator records what a unit said by radio.
    pub fn progress(
        &mut self,
        call: CallId,
        unit: &str,
        progress: Progress,
    ) -> Result<Accepted, Rejection> {
        let unit = Callsign::new(unit).unwrap();
        self.operator(Command::ReportProgress {
            call,
            unit,
            progress,
            by_radio: true,
        })
    }

    pub fn close(
        &mut self,
        call: CallId,
        who: &str,
        disposition: &str,
    ) -> Result<Accepted, Rejection> {
        let command = Command::CloseCall {
            call,
            disposition: disposition.into(),
            remark: None,
        };
        self.submit(who, Role::Operator, command)
    }

    pub fn stage(&self, call: CallId) -> Stage {
        self.engine.state().call(call).unwrap().stage()
    }

    pub fn events(&self) -> Vec<Event> {
        self.log
            .iter()
            .map(|dated| dated.transition.event.clone())
            .collect()
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
}

//! Any commands at any instants: the room agrees with its own log, with a naive queue, and with
//! a checker that knows the rules and not the code.

use crate::checker::{Checker, TRAIL_KEPT};
use crate::room::{Room, unit};
use fifteen::domain::*;
use fifteen::engine::{Engine, State};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One thing done to the room.
#[derive(Debug, Clone)]
enum Act {
    /// Time passes, and the engine wakes at each deadline.
    Pass(u64),
    /// Time passes and nobody wakes the engine.
    Sleep(u64),
    /// To so many ms around the next deadline, asleep.
    Near(i64),
    /// The engine wakes once, for a few events.
    Batch(usize),
    /// Somebody asks for something.
    Ask(Ask),
    /// The engine starts again from its log.
    Restart,
}

#[derive(Debug, Clone)]
struct Ask {
    what: u8,
    call: u64,
    unit: u8,
    number: u8,
    who: u8,
    key: Option<u8>,
}

fn act() -> impl Strategy<Value = Act> {
    let span = prop_oneof![
        10 => Just(1),
        10 => 1..1_000_u64,
        10 => 1_000..120_000_u64,
        10 => Just(44_999),
        10 => Just(90_000),
        20 => 60_000..1_200_000_u64,
        10 => 1_200_000..12_000_000_u64,
        1 => DAY - 1..DAY + 2,
    ];
    let ask = (
        0..53_u8,
        prop_oneof![9 => 1..5_u64, 1 => 0..9_u64],
        0..4_u8,
        0..6_u8,
        0..5_u8,
        prop::option::weighted(0.2, 0..4_u8),
    )
        .prop_map(|(what, call, unit, number, who, key)| {
            Act::Ask(Ask { what, call, unit, number, who, key })
        });
    prop_oneof![
        12 => ask,
        3 => span.clone().prop_map(Act::Pass),
        1 => span.prop_map(Act::Sleep),
        1 => (-1..2_i64).prop_map(Act::Near),
        1 => (1..4_usize).prop_map(Act::Batch),
        1 => Just(Act::Restart),
    ]
}

/// How long a key is kept, in ms.
const DAY: u64 = 24 * 3_600_000;

const UNITS: [&str; 4] = ["CAR-1", "CAR-2", "CAR-3", "CAR-4"];

impl Ask {
    fn order(&self, now: UtcMs, state: &State) -> Order {
        let unit_name = UNITS[usize::from(self.unit)];
        let by = match self.who {
            0..=1 => Actor::new(unit_name, Role::Unit),
            2 => Actor::new("Noor", Role::Operator),
            3 => Actor::new("Asif", Role::Supervisor),
            _ => Actor::new("Saima", Role::Operator),
        };
        Order {
            by,
            key: self.key.map(|key| Key([key; 16])),
            command: self.command(now, unit(unit_name), state),
        }
    }

    fn command(&self, now: UtcMs, unit: Callsign, state: &State) -> Command {
        let call = CallId(self.call);
        let reason = None;
        let number = self.number;
        let told = state.tellings_before(u64::MAX).nth(usize::from(number));
        let escalation = told.map_or(1, |(_, telling)| telling.escalation);
        let notice = told.and_then(|(_, telling)| Some(telling.notices.last()?.id)).unwrap_or(1);
        match self.what {
            0..=3 => {
                let mut placed = Room::new_call(1 + number % 4);
                placed.flags.dropped = self.who == 0;
                placed.flags.silent = self.who == 1;
                if self.who > 2 {
                    placed.sealed.press = Some(Box::new(Press {
                        device: Some(Key([number % 2; 16])),
                        cancel: Some(PinProof([1; 32])),
                        duress: Some(PinProof([2; 32])),
                    }));
                }
                if self.who == 2 && number == 0 {
                    placed.source = Source::Canary;
                }
                let earlier_ms = [0, 0, 0, 5, 60_000, 1_000_000][usize::from(number)];
                Command::PlaceCall {
                    received_at: UtcMs(now.0 - earlier_ms),
                    call: Box::new(placed),
                }
            }
            46..=48 => {
                let mut placed = Room::new_call(1 + number % 2);
                placed.flags.silent = self.who == 1;
                placed.sealed.press = Some(Box::new(Press {
                    device: (self.who > 0).then_some(Key([number % 2; 16])),
                    cancel: Some(PinProof([1; 32])),
                    duress: Some(PinProof([2; 32])),
                }));
                let after_ms = [0, 1_000, 60_000, 600_000, 900_000, u64::MAX][usize::from(number)];
                let call = Box::new(placed);
                Command::SetSafetyTimer { received_at: UtcMs(now.0 - 3), after_ms, call }
            }
            49 => Command::RingLine { call },
            50 => Command::HangUpLine { call },
            42..=43 => {
                let point = Point::from_degrees(31.5, 74.3, 5).unwrap();
                let fix = |n| Fix { n: u32::from(n), point, taken_at: now };
                let fixes = vec![fix(number), fix(self.who)];
                Command::FollowCaller { press: Key([self.unit; 16]), fixes }
            }
            52 => Command::DescribeCall {
                call,
                description: Box::new(Description {
                    kind: (number > 2).then(|| "threat".into()),
                    silent: self.who == 3,
                    sealed: Sealed {
                        number: Some(format!("030{}{number}", self.who).into()),
                        ..Sealed::default()
                    },
                    ..Description::default()
                }),
            },
            51 if number < 3 => {
                let priority = Priority::new(2 + number).unwrap();
                let reason = "many presses".into();
                Command::DemotePress { press: Key([self.unit; 16]), priority, reason }
            }
            51 => Command::VouchPress { press: Key([self.unit; 16]) },
            44..=45 => {
                let proof = PinProof([number % 3; 32]);
                Command::CancelPress { press: Key([self.unit; 16]), proof }
            }
            4 | 31..=33 => Command::ClaimCall { call, take_over: number == 0 },
            5 => Command::ReleaseClaim { call },
            6..=8 => Command::AssignUnit { call, unit },
            9 => Command::ReleaseUnit { call, unit, reason },
            10..=14 => Command::ReportProgress {
                call,
                unit,
                progress: [
                    Progress::Assigned,
                    Progress::Acknowledged,
                    Progress::Acknowledged,
                    Progress::EnRoute,
                    Progress::EnRoute,
                    Progress::OnScene,
                ][usize::from(number)],
                by_radio: self.who > 1,
            },
            15..=16 => Command::DeclineCall { call, unit, reason },
            17 => Command::ClearUnit { call, unit },
            18 => Command::CheckIn { call, unit },
            19 => Command::SetPriority {
                call,
                priority: Priority::new(1 + number % 4).unwrap(),
                reason,
            },
            20 => Command::EscalateCall {
                call,
                clock: [None, Some("arrive".into())][usize::from(number % 2)].clone(),
                reason,
            },
            21 => Command::TakeEscalation {
                call,
                clock: ["acknowledge", "arrive", "turnout", "no such"][usize::from(number % 4)]
                    .into(),
                rung: None,
            },
            22 => Command::RecordCallback { call, outcome: CallbackOutcome::NoAnswer, note: None },
            23 => Command::CloseCall {
                call,
                disposition: ["helped", "hoax", "prank"][usize::from(number % 3)].into(),
                remark: None,
            },
            24 => Command::ReopenCall { call, reason },
            25 => Command::LinkCall { call, primary: CallId(u64::from(number)) },
            26 => Command::SetLink { unit, up: number.is_multiple_of(2) },
            27..=28 => Command::SignOnUnit { unit, crew: Box::default(), linked: number > 0 },
            29 => match number {
                0 => Command::SignOffUnit { unit },
                1 => Command::SetOutOfService { unit, reason: "x".into() },
                _ => Command::SetAvailable { unit },
            },
            34 => Command::Panic { unit, point: None, received_at: now },
            35 => Command::SendMessage {
                unit,
                call: (number > 2).then_some(call),
                text: SealedText("x".into()),
            },
            36 => Command::MarkRead { unit, upto: state.seq },
            37..=38 => Command::IntendNotices {
                escalation,
                to: (0..number % 3)
                    .map(|nth| Recipient {
                        person: format!("person {nth}").into(),
                        channel: "sms".into(),
                    })
                    .collect(),
            },
            39 => Command::RecordDelivery { escalation, notice },
            40 => Command::RecordFailure {
                escalation,
                notice,
                gave_up: number.is_multiple_of(2),
                problem: "x".into(),
            },
            41 => Command::SeeEscalation { escalation },
            _ => Command::AddNote { call, text: SealedText("x".into()) },
        }
    }
}

/// A room and those who watch it.
struct Watched {
    room: Room,
    shadow: State,
    checker: Checker,
    seen: usize,
    /// What each key was first used for, what it was answered, and when.
    keys: BTreeMap<Key, (Command, Answer, UtcMs)>,
}

impl Watched {
    fn new() -> Self {
        let mut watched = Self {
            room: Room::with(|rules| rules.trail_kept_ms = Some(TRAIL_KEPT)),
            shadow: State::default(),
            checker: Checker::default(),
            seen: 0,
            keys: BTreeMap::new(),
        };
        watched.watch();
        watched
    }

    fn watch(&mut self) {
        for dated in &self.room.log[self.seen..] {
            self.shadow.apply(dated.at, &dated.transition);
            self.checker.see(dated);
        }
        self.seen = self.room.log.len();
        assert!(self.shadow == *self.room.engine.state(), "the log says another state");
        assert_eq!(self.room.queue(), self.checker.queue());
        let due = self.room.engine.next_deadline().map(|at| at.0);
        assert_eq!(due, self.checker.due(), "the next deadline");
        assert_eq!(self.room.engine.state().strays, 0);
    }

    fn wake(&mut self, until: UtcMs) {
        loop {
            let now = self.room.now;
            while self.room.engine.tick(now, 1_000, &mut self.room.log) {}
            self.watch();
            self.checker.ticked(now.0);
            assert!(self.room.engine.next_deadline().is_none_or(|at| at > now));
            match self.room.engine.next_deadline().filter(|at| *at <= until) {
                Some(at) => self.room.now = at,
                None if now < until => self.room.now = until,
                None => break,
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Pass(ms) => self.wake(self.room.now.plus(*ms)),
            Act::Sleep(ms) => self.room.now = self.room.now.plus(*ms),
            Act::Near(by_ms) => {
                if let Some(at) = self.room.engine.next_deadline() {
                    let near = UtcMs(at.0.saturating_add_signed(*by_ms));
                    self.room.now = self.room.now.max(near);
                }
            }
            Act::Batch(events_max) => {
                let now = self.room.now;
                self.room.engine.tick(now, *events_max, &mut self.room.log);
            }
            Act::Ask(ask) => {
                let order = ask.order(self.room.now, self.room.engine.state());
                self.ask(&order);
            }
            Act::Restart => {
                let (state, _) = State::load(&self.shadow.save()).unwrap();
                self.room.engine = Engine::new(state, self.room.now);
                self.checker.restarted(self.room.now.0);
            }
        }
        self.watch();
    }

    fn ask(&mut self, order: &Order) {
        let known = order.key.and_then(|key| {
            let (command, answer, at) = self.keys.get(&key)?;
            (self.room.engine.state().at.since(*at) <= DAY).then(|| (command.clone(), *answer))
        });
        let from = self.room.log.len();
        let asked = self.room.order(order);
        let fresh = &self.room.log[from..];
        for dated in fresh {
            if let Event::Escalated { due_at, by_hand: None, .. }
            | Event::ClockWarned { due_at, .. } = &dated.transition.event
            {
                assert!(*due_at < self.room.now, "a timer before the commands of its instant");
            }
        }
        if let Some((command, answer)) = known {
            assert!(fresh.is_empty(), "a key did something twice");
            match asked {
                Ok(accepted) => {
                    assert!(accepted.repeated && accepted.answer == answer);
                    assert_eq!(command, asks(&order.command));
                }
                Err(rejection) => {
                    assert_eq!(rejection, Rejection::KeyReused);
                    assert_ne!(command, asks(&order.command));
                }
            }
            return;
        }
        let Ok(accepted) = asked else { return };
        assert!(!accepted.repeated, "nobody used this key");
        if let Some(key) = order.key
            && fresh.iter().any(|dated| dated.transition.mark.is_some())
        {
            let first = (asks(&order.command), accepted.answer, self.room.now);
            self.keys.insert(key, first);
        }
        let claimed = |dated: &Dated| dated.transition.event.name() == "call_claimed";
        if let Command::ClaimCall { call, .. } = order.command
            && !fresh.iter().any(claimed)
        {
            self.watch_then_heard(call);
        }
    }

    /// A heartbeat: what was overdue first, then the claim counts from now.
    fn watch_then_heard(&mut self, call: CallId) {
        for dated in &self.room.log[self.seen..] {
            self.shadow.apply(dated.at, &dated.transition);
            self.checker.see(dated);
        }
        self.seen = self.room.log.len();
        self.checker.heard(call, self.room.now.0);
    }
}

/// What a command asks, whenever its first byte came in.
fn asks(command: &Command) -> Command {
    let mut command = command.clone();
    if let Command::PlaceCall { received_at, .. } | Command::Panic { received_at, .. } =
        &mut command
    {
        *received_at = UtcMs(0);
    }
    if let Command::SetSafetyTimer { received_at, after_ms, .. } = &mut command {
        (*received_at, *after_ms) = (UtcMs(0), 0);
    }
    command
}

fn encoded(log: &[Dated]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for dated in log {
        bytes.extend(dated.seq.to_be_bytes());
        bytes.extend(dated.at.0.to_be_bytes());
        bytes.extend(rmp_serde::to_vec(&dated.transition).unwrap());
    }
    bytes
}

#[test]
fn a_room_after_another_transition_has_another_digest() {
    let mut room = Room::open();
    let mut digests = std::collections::BTreeSet::new();
    for _ in 0..20 {
        assert!(digests.insert(room.engine.state().digest()));
        room.call(2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn the_room_keeps_its_rules_whatever_is_asked_of_it(acts in prop::collection::vec(act(), 1..120)) {
        let mut watched = Watched::new();
        for act in &acts {
            watched.act(act);
        }
        // And when nobody asks any more, no ladder falls silent.
        watched.wake(watched.room.now.plus(20 * 60_000));
        let state = watched.room.engine.state();
        prop_assert_eq!(state.digest(), watched.shadow.digest());
        let saved = state.save();
        prop_assert_eq!(State::digest_of(&saved), state.digest(), "what is written is what is digested");
        let (loaded, digest) = State::load(&saved).unwrap();
        prop_assert!(loaded == *state);
        prop_assert_eq!((loaded.digest(), digest), (state.digest(), state.digest()));
    }

    #[test]
    fn the_same_commands_at_the_same_instants_give_the_same_bytes(acts in prop::collection::vec(act(), 1..80)) {
        let run = || {
            let mut watched = Watched::new();
            for act in &acts {
                watched.act(act);
            }
            encoded(&watched.room.log)
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_room_that_restarts_goes_on_as_one_that_did_not(
        before in prop::collection::vec(act(), 1..60),
        after in prop::collection::vec(act(), 1..40),
    ) {
        // A restart counts claims as renewed, so nobody claims anything here.
        let claims = |act: &&Act| !matches!(act, Act::Ask(Ask { what: 4 | 31..=33, .. }) | Act::Restart);
        let mut watched = Watched::new();
        for act in before.iter().filter(claims) {
            watched.act(act);
        }
        let mut restarted = Room {
            engine: Engine::new(watched.room.replayed(), watched.room.now),
            now: watched.room.now,
            log: Vec::new(),
        };
        let from = watched.room.log.len();
        for act in after.iter().filter(claims) {
            let now = watched.room.now;
            watched.act(act);
            match act {
                Act::Ask(ask) => {
                    let order = ask.order(now, restarted.engine.state());
                    let _ = restarted.order(&order);
                }
                Act::Batch(events_max) => {
                    restarted.engine.tick(now, *events_max, &mut restarted.log);
                }
                Act::Pass(_) => {
                    restarted.millis(0);
                    restarted.until(watched.room.now);
                }
                _ => restarted.now = watched.room.now,
            }
        }
        prop_assert_eq!(encoded(&watched.room.log[from..]), encoded(&restarted.log));
        prop_assert!(*watched.room.engine.state() == *restarted.engine.state());
    }
}

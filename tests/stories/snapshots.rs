//! Snapshots are taken while the room goes on: a call waits for a step of one, never for all of it.

use super::degraded::{Failing, Service, keyring};
use super::room::Room;
use fifteen::config::Settings as Config;
use fifteen::domain::*;
use fifteen::engine::State;
use fifteen::journal::*;
use fifteen::service::{self, NoFeed, Opened, Settings};
use std::sync::mpsc;
use std::time::Duration;

/// What a start finds, and from which snapshot.
fn started(journal: &Failing) -> (State, Option<u64>) {
    let replayed = replay_as(journal, &Opened::with(keyring())).unwrap();
    assert!(replayed.passed_over.is_empty(), "{:?}", replayed.passed_over);
    (replayed.state.state, replayed.snapshot.map(|manifest| manifest.seq))
}

fn asked(service: &Service) -> mpsc::Receiver<Result<(u64, u64), String>> {
    let (sender, told) = mpsc::channel();
    service.handle.ask(move |room| {
        room.unwrap().take_snapshot(move |taken| {
            // Nobody may wait any more.
            let _ = sender.send(taken.map_err(ToString::to_string));
        });
    });
    told
}

#[test]
fn a_call_is_taken_between_the_steps_of_a_snapshot() {
    let mut service = Service::with(Failing::default(), None, 3);
    let mut kept = Vec::new();
    for key in 1..40 {
        let (_, durable) = service.place(key);
        assert!(durable);
        let (state, snapshot) = started(service.shift.journal());
        assert_eq!(state.digest(), service.shift.engine().state().digest());
        kept.extend(snapshot.filter(|seq| kept.last() != Some(seq)));
    }
    assert!(kept.len() > 5, "{kept:?}");
    assert!(kept.windows(2).all(|two| two[0] + 3 <= two[1]), "none before it is due: {kept:?}");
    let steps: Vec<&[u64]> = service.shift.journal().stepped.chunks(3).collect();
    for (steps, seq) in steps.iter().zip(&kept) {
        assert!(steps[0] > *seq, "written after the turn that froze it");
        assert!(steps.windows(2).all(|two| two[0] < two[1]), "a commit between them: {steps:?}");
    }
}

#[test]
fn what_is_under_way_asks_for_turns_until_it_is_kept() {
    let mut service = Service::on(Failing::default());
    service.place(1);
    assert!(!service.shift.is_asked());
    let told = asked(&service);
    assert!(service.shift.is_asked());
    let mut turns = 0;
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
        turns += 1;
    }
    assert_eq!(turns, 4, "one begins it, and three steps keep it");
    let seq = service.shift.engine().state().seq;
    let manifest = service.shift.journal().manifests().unwrap().remove(0);
    assert_eq!(told.try_recv().unwrap().unwrap(), (seq, manifest.len));
    assert_eq!(started(service.shift.journal()).1, Some(seq));
}

#[test]
fn nothing_is_archived_up_to_a_snapshot_that_is_not_read_back() {
    let mut service = Service::on(Failing::default());
    service.place(1);
    let told = asked(&service);
    service.shift.turn().unwrap();
    for key in 2..6 {
        service.handle.ask(|room| room.unwrap().archive());
        service.place(key);
    }
    assert!(told.try_recv().unwrap().is_ok());
    let journal = service.shift.journal();
    assert_eq!((journal.stepped.len(), journal.trimmed.first()), (3, Some(&3)));
}

#[test]
fn what_is_old_moves_a_step_a_turn_and_the_room_gives_the_turns_by_itself() {
    let mut service = Service::on(Failing::of_trims(5));
    service.handle.ask(|room| room.unwrap().archive());
    service.shift.turn().unwrap();
    assert_eq!(service.shift.journal().trimmed.len(), 1);
    // A call waits for none of the others.
    assert!(service.place(1).1);
    assert_eq!(service.shift.journal().trimmed.len(), 2);
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    assert_eq!(service.shift.journal().trimmed.len(), 6);
    // Nothing is left of it.
    service.place(2);
    assert_eq!(service.shift.journal().trimmed.len(), 6);
}

#[test]
fn while_the_log_takes_nothing_nothing_is_moved_and_the_room_does_not_ask_for_turns() {
    let mut service = Service::on(Failing::of_trims(5));
    service.handle.ask(|room| room.unwrap().archive());
    service.shift.turn().unwrap();
    service.break_log(true);
    assert!(!service.place(1).1);
    let trimmed = service.shift.journal().trimmed.len();
    assert!(!service.shift.is_asked(), "it would ask for ever");
    service.place(2);
    assert_eq!(service.shift.journal().trimmed.len(), trimmed);
    service.break_log(false);
    service.pass(60_000);
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    assert_eq!(service.shift.journal().trimmed.len(), 6, "it goes on when the log does");
}

#[test]
fn who_asks_while_one_is_under_way_gets_the_next() {
    let mut service = Service::on(Failing::default());
    let first = asked(&service);
    service.place(1);
    let second = asked(&service);
    let (later, _) = service.place(2);
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    let seq =
        |told: mpsc::Receiver<Result<(u64, u64), String>>| told.try_recv().unwrap().unwrap().0;
    let (first, second) = (seq(first), seq(second));
    assert!(first < later.seq && second >= later.seq, "{first}, {second} of {}", later.seq);
}

#[test]
fn an_erasure_meanwhile_ends_it_and_the_next_one_stands_alone() {
    let mut service = Service::on(Failing::default());
    let first = asked(&service);
    let (placed, _) = service.place(1);
    let Answer::CallPlaced(call) = placed.answer else { panic!("placed") };
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    let before = first.try_recv().unwrap().unwrap().0;
    let saima = Actor::new("Saima", Role::Operator);
    let close = Command::CloseCall { call, disposition: "helped".into(), remark: None };
    service.order_by(saima, None, close).unwrap();
    let erase =
        Command::EraseIdentity { call, authority: "a court".into(), reason: "ordered".into() };
    service.order_by(Actor::new("Hina", Role::Admin), None, erase.clone()).unwrap();
    let second = asked(&service);
    service.shift.turn().unwrap();
    assert!(second.try_recv().is_err(), "it is under way");
    let (erased, _) = service.order_by(Actor::new("Omar", Role::Admin), None, erase).unwrap();
    let why = second.try_recv().unwrap().unwrap_err();
    assert!(why.contains("erasure"), "{why}");
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    let manifests = service.shift.journal().manifests().unwrap();
    let kept: Vec<u64> = manifests.iter().map(|it| it.seq).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0] >= erased.seq && before < erased.seq);
    let (state, snapshot) = started(service.shift.journal());
    assert_eq!(
        (state.digest(), snapshot),
        (service.shift.engine().state().digest(), Some(kept[0]))
    );
    // Nothing is left to be done of it.
    service.place(2);
    assert!(!service.shift.is_asked());
}

#[test]
fn an_erasure_while_those_of_an_earlier_one_are_dropped_has_a_snapshot_after_it_too() {
    let mut service = Service::on(Failing::default());
    let erasure = |call| Command::EraseIdentity {
        call,
        authority: "a court".into(),
        reason: "ordered".into(),
    };
    let by = |service: &mut Service, who, role, command| {
        service.order_by(Actor::new(who, role), None, command).unwrap().0.seq
    };
    let calls = [CallId(1), CallId(2)];
    for (call, key) in calls.into_iter().zip(1..) {
        service.place(key);
        let close = Command::CloseCall { call, disposition: "helped".into(), remark: None };
        by(&mut service, "Saima", Role::Operator, close);
        by(&mut service, "Hina", Role::Admin, erasure(call));
    }
    by(&mut service, "Omar", Role::Admin, erasure(calls[0]));
    // Begun by that turn; three keep it, and one drops some.
    for _ in 0..4 {
        service.shift.turn().unwrap();
    }
    assert!(service.shift.is_asked(), "there is more to drop");
    let erased = by(&mut service, "Omar", Role::Admin, erasure(calls[1]));
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    let (state, snapshot) = started(service.shift.journal());
    assert!(snapshot.is_some_and(|seq| seq >= erased), "{snapshot:?} of {erased}");
    assert_eq!(state.digest(), service.shift.engine().state().digest());
}

#[test]
fn one_that_fails_is_told_and_is_not_tried_at_every_turn() {
    let mut failing = Failing::default();
    failing.fails = true;
    let mut service = Service::with(failing, None, 5);
    let told = asked(&service);
    service.place(1);
    service.shift.turn().unwrap();
    assert!(told.try_recv().unwrap().unwrap_err().contains("no snapshot is taken"));
    for key in 2..6 {
        service.place(key);
    }
    assert!(service.shift.journal().stepped.len() <= 3, "{:?}", service.shift.journal().stepped);
}

#[test]
fn while_the_log_takes_nothing_none_is_written_and_who_asks_is_told() {
    let mut service = Service::on(Failing::default());
    let first = asked(&service);
    service.place(1);
    assert!(service.shift.is_asked(), "it is under way");
    service.break_log(true);
    service.place(2);
    let steps = service.shift.journal().stepped.len();
    let second = asked(&service);
    service.shift.turn().unwrap();
    assert!(second.try_recv().unwrap().unwrap_err().contains("the log takes nothing"));
    assert!(!service.shift.is_asked(), "it rests, and asks for no turns");
    assert_eq!(service.shift.journal().stepped.len(), steps);
    service.break_log(false);
    service.pass(60_000);
    while service.shift.is_asked() {
        service.shift.turn().unwrap();
    }
    assert!(first.try_recv().unwrap().is_ok(), "it goes on when the log does");
    let (state, _) = started(service.shift.journal());
    assert_eq!(state.digest(), service.shift.engine().state().digest());
}

#[test]
fn a_state_of_thousands_of_calls_is_read_as_one_of_few() {
    let mut room = Room::open();
    for nth in 0..8_000_u16 {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&nth.to_be_bytes());
        let order = Order {
            by: Actor::new("line-1", Role::Intake),
            key: Some(Key(key)),
            command: Command::PlaceCall {
                received_at: room.now,
                call: Box::new(Room::new_call(2)),
            },
        };
        room.order(&order).unwrap();
    }
    let state = room.engine.state();
    let bytes = state.save();
    assert!(bytes.len() > 1 << 20, "read on two processors: {}", bytes.len());
    let (read, digest) = State::load(&bytes).unwrap();
    assert!(read == *state && digest == state.digest());
    for cut in [0, 1, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(State::load(&bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn a_room_that_ends_waits_for_no_archive() {
    let (closed, log) = mpsc::channel();
    let closing = move |journal: Failing| {
        closed.send(journal.trimmed.len()).unwrap();
        Ok(())
    };
    let journal = Failing::of_trims(10_000);
    let room = service::start(journal, State::default(), settings(), NoFeed, closing).unwrap();
    let handle = room.handle.clone();
    room.handle.ask(move |room| {
        room.unwrap().archive();
        // Within this turn, so that the next one is the last.
        handle.drain();
    });
    room.thread.join().unwrap().unwrap();
    let steps = log.recv().unwrap();
    assert!(steps <= 2, "{steps} of ten thousand");
}

fn settings() -> Settings {
    Settings {
        rules: Config::shipped().rules,
        snapshot_every: 1_000_000,
        keep_live: Duration::from_secs(604_800),
        clock_rate: 1,
        heads: None,
        keyring: keyring(),
    }
}

#[test]
fn a_room_with_threads_makes_them_apart_and_takes_one_at_its_end() {
    let (closed, log) = mpsc::channel();
    let closing = move |journal: MemoryJournal| {
        closed.send(journal).unwrap();
        Ok(())
    };
    let room =
        service::start(MemoryJournal::default(), State::default(), settings(), NoFeed, closing);
    let room = room.unwrap();
    let mut taken = 0;
    for _ in 0..3 {
        let (sender, told) = mpsc::channel();
        room.handle.ask(move |room| {
            let by = std::thread::current().id();
            room.unwrap().take_snapshot(move |taken| {
                assert_eq!(std::thread::current().id(), by, "the engine's thread keeps it");
                sender.send(taken.map(|(seq, _)| seq).unwrap()).unwrap();
            });
        });
        taken = told.recv().unwrap();
        let order =
            Order { by: Actor::room(), key: None, command: Command::RecordClockStep { by_ms: 7 } };
        let submitted = room.handle.submit(order);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(submitted).unwrap().unwrap();
    }
    room.handle.drain();
    room.thread.join().unwrap().unwrap();
    let log = log.recv().unwrap();
    let seqs: Vec<u64> = log.manifests().unwrap().iter().map(|manifest| manifest.seq).collect();
    assert_eq!(seqs, [log.last().seq, taken]);
    let from_it = replay_as(&log, &Opened::with(keyring())).unwrap();
    let from_start = replay_from_start_as(&log, &Opened::with(keyring())).unwrap();
    assert_eq!((from_it.records, from_it.state.state), (0, from_start.state.state));
}

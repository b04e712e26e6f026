//! Logs of every version ever written, kept as they were: today's program reads each of them to
//! the same events and the same state.
//!
//! `tests/fixtures/log-vN/` holds `backup/` (a backup: plain files), `events.jsonl` (each
//! transition as it reads), `digest.txt` (how many there are, and the digest of the state), and
//! since version 3 `keyring.txt` (the keys to what is sealed in it).
//! A kept log is never written again. When one of these tests fails, the change breaks somebody's
//! log: mend the change. Two exceptions, both worth a line in the commit:
//! - *State* got or lost a field: the digest changes and no log does. Renew `digest.txt` alone.
//! - An event got a field, with a default: old events are no longer encoded as they were. Keep a
//!   log-v(N+1) that has the field ([`keeps_a_log_of_today`]), and check *its* bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

#[path = "stories/room.rs"]
#[expect(dead_code, reason = "the stories use more of the room than a kept log does")]
mod room;

use fifteen::domain::*;
use fifteen::engine::State;
use fifteen::journal::{
    Journal, JournalError, Options, RecordRef, Store, inspect, replay_from_start_as,
};
use fifteen::seal::{Gone, Keyring, Since};
use fifteen::service::{Opened, Writer, decode_sealed, encode};
use room::{MINUTE, Room, START, unit};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The versions kept.
const VERSIONS: [u32; 7] = [1, 2, 3, 4, 5, 6, 7];

fn kept(version: u32) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(format!("tests/fixtures/log-v{version}"))
}

/// The keys of a kept log: `keyring.txt` since there are any. Nobody in it is real, so it may lie in the open here.
fn keyring(version: u32) -> Keyring {
    let (kept, folder) = (kept(version).join("keyring.txt"), tempfile::tempdir().unwrap());
    if !kept.exists() {
        return Keyring::from_seed([0; 32], Since::default());
    }
    let own = folder.path().join("keys");
    std::fs::copy(kept, &own).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).unwrap();
    Keyring::load(&own).unwrap().unwrap()
}

/// A kept log, restored into a folder of its own.
fn restored(version: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (backup, data) = (kept(version).join("backup"), folder.path().join("data"));
    inspect::restore(&backup, &data, Options::default()).unwrap();
    folder
}

/// Every transition of a log with the bytes it was read from.
fn transitions(data: &Path, keyring: &Keyring) -> Vec<(Dated, u16, Vec<u8>)> {
    let mut all = Vec::new();
    inspect::dump(data, &Options::default(), 1, |seq, record| {
        let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
        let dated = decode_sealed(read, keyring).map_err(|why| JournalError::Fold { seq, why })?;
        all.push((dated, record.schema, record.body));
        Ok(())
    })
    .unwrap();
    all
}

fn as_lines(transitions: &[(Dated, u16, Vec<u8>)]) -> String {
    let mut lines = String::new();
    for (dated, schema, _) in transitions {
        let Dated { seq, at, transition } = dated;
        let Transition { event, mark } = transition;
        let line = serde_json::json!({
            "seq": seq, "at": at.0, "schema": schema, "mark": mark, "event": event,
        });
        writeln!(lines, "{line}").unwrap();
    }
    lines
}

fn summary(state: &State) -> String {
    let digest = blake3::Hash::from_bytes(state.digest());
    format!("transitions {}\ndigest {digest}\n", state.seq)
}

#[test]
fn a_kept_log_folds_to_the_state_it_was() {
    for version in VERSIONS {
        let folder = restored(version);
        let store = Store::open(&folder.path().join("data"), Options::default()).unwrap();
        let opened = Opened::with(keyring(version));
        let folded = replay_from_start_as(&store, &opened).unwrap().state;
        store.close().unwrap();
        let expected = std::fs::read_to_string(kept(version).join("digest.txt")).unwrap();
        assert_eq!(summary(&folded.state), expected, "version {version}");
        assert_eq!(folded.state.strays, 0, "every transition found its call");
    }
}

#[test]
fn every_kept_transition_reads_as_it_did() {
    for version in VERSIONS {
        let folder = restored(version);
        let lines = as_lines(&transitions(&folder.path().join("data"), &keyring(version)));
        let expected = std::fs::read_to_string(kept(version).join("events.jsonl")).unwrap();
        for (line, expected) in lines.lines().zip(expected.lines()) {
            assert_eq!(line, expected, "version {version}");
        }
        assert_eq!(lines.lines().count(), expected.lines().count());
    }
}

#[test]
fn a_kept_transition_is_written_as_it_was_read() {
    for version in VERSIONS {
        let folder = restored(version);
        let keyring = keyring(version);
        for (dated, schema, body) in transitions(&folder.path().join("data"), &keyring) {
            if schema == 1 {
                let again = rmp_serde::to_vec(&dated.transition).unwrap();
                assert_eq!(again, body, "version {version}: {dated:?}");
                continue;
            }
            let event = &dated.transition.event;
            let gone = matches!(event, Event::CallerMoved { fix: None, .. });
            if gone || event.call().is_some_and(|call| !keyring.has(call)) {
                continue; // What was sealed in it is gone.
            }
            let again = encode(&dated, &keyring);
            assert_eq!(again.body, body, "version {version}: {dated:?}");
            assert_eq!((again.schema, again.at), (schema, dated.at));
        }
    }
}

#[test]
fn everything_that_can_happen_is_in_a_kept_log() {
    let all: Vec<_> = VERSIONS
        .iter()
        .flat_map(|version| {
            transitions(&restored(*version).path().join("data"), &keyring(*version))
        })
        .collect();
    let happened = all.iter().map(|(dated, ..)| dated.transition.event.name());
    let happened: BTreeSet<String> = happened.map(Into::into).collect();
    let missing: Vec<_> = names_of::<Event>().difference(&happened).cloned().collect();
    assert!(
        missing.is_empty(),
        "in no kept log: {missing:?}; keep a log of the next version that has them"
    );

    let mut words = BTreeSet::new();
    for line in as_lines(&all).lines() {
        words_of(&serde_json::from_str(line).unwrap(), &mut words);
    }
    let mut within = names_of::<Leaving>();
    within.append(&mut names_of::<CallbackOutcome>());
    within.append(&mut names_of::<Source>());
    within.append(&mut names_of::<PriorityCause>());
    within.remove("assigned"); // Nobody reports it: it is what UnitAssigned says.
    let missing: Vec<_> = within.difference(&words).collect();
    assert!(missing.is_empty(), "no event of a kept log says {missing:?}");
}

/// The names of an enum's variants, as its decoder lists them.
fn names_of<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let Err(unknown) = serde_json::from_str::<T>("\"no such variant\"") else {
        panic!("an unknown variant was taken for one");
    };
    let text = unknown.to_string();
    let names = text.split('`').skip(3).step_by(2).map(Into::into);
    let names: BTreeSet<String> = names.collect();
    assert!(names.len() > 1, "{text}");
    names
}

/// Every text and every name of a field in `value`.
fn words_of(value: &serde_json::Value, words: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(word) => {
            words.insert(word.clone());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| words_of(item, words)),
        serde_json::Value::Object(fields) => {
            for (name, item) in fields {
                words.insert(name.clone());
                words_of(item, words);
            }
        }
        _ => {}
    }
}

/// Writes the log of today into `target/log-kept`; move it to `tests/fixtures/log-vN` and never
/// touch it again.
///
/// `cargo test --test fixture -- --ignored keeps_a_log_of_today`
#[test]
#[ignore = "run by hand when a new version of the log is to be kept"]
fn keeps_a_log_of_today() {
    let told = everything_happens();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/log-kept");
    if root.exists() {
        std::fs::remove_dir_all(&root).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keys = folder.path().join("data.keys");
    let keyring =
        Keyring::create(&keys, *b"a seed of a log in which nobody ", Since { seq: 1, call: 1 });
    let keyring = keyring.unwrap();
    // Two spans of one log, by two writers, so that there is more than one epoch.
    for events in [&told[..told.len() / 2], &told[told.len() / 2..]] {
        let store = Store::open(&data, Options::default()).unwrap();
        let mut writer = Writer::take_over(store, "a kept log", keyring.clone()).unwrap();
        for commit in events.chunks(7) {
            writer.commit(commit).unwrap();
        }
        writer.into_journal().close().unwrap();
    }
    let erased = told.iter().filter_map(|dated| match dated.transition.event {
        Event::IdentityErased { call, .. } => Some(call),
        _ => None,
    });
    let trails = told.iter().filter_map(|dated| match dated.transition.event {
        Event::TrailsErased { before } => Some(before.day()),
        _ => None,
    });
    let trails_before_day = trails.max().unwrap_or(0);
    keyring.erase(&Gone { calls: erased.collect(), trails_before_day, upto: 0 }).unwrap();
    // Some of it in the archive, the rest live.
    let middle = told[told.len() / 3].at;
    inspect::archive(&data, Options::default(), middle).unwrap();
    std::fs::create_dir_all(&root).unwrap();
    inspect::backup(&data, &Options::default(), &root.join("backup")).unwrap();

    let store = Store::open(&data, Options::default()).unwrap();
    assert!(store.archived() > 0, "a part of it is archived");
    let folded = replay_from_start_as(&store, &Opened::with(keyring.clone())).unwrap().state;
    store.close().unwrap();
    std::fs::write(root.join("digest.txt"), summary(&folded.state)).unwrap();
    std::fs::write(root.join("events.jsonl"), as_lines(&transitions(&data, &keyring))).unwrap();
    std::fs::copy(keys, root.join("keyring.txt")).unwrap();
    println!("kept in {}", root.display());
}

/// A day in which everything happens at least once. Nobody in it is real.
fn everything_happens() -> Vec<Dated> {
    let mut room = Room::open();
    for callsign in ["LHR-1", "LHR-2", "LHR-3", "LHR-4"] {
        room.sign_on(callsign);
    }
    the_room_itself(&mut room);
    one_call_from_end_to_end(&mut room);
    units_leave(&mut room);
    nobody_answers(&mut room);
    hard_to_close(&mut room);
    calls_of_every_source(&mut room);
    people_are_told(&mut room);
    one_presses_sos(&mut room);
    one_walks_home(&mut room);
    lines_ring(&mut room);
    a_crew_in_danger(&mut room);
    one_is_erased(&mut room);
    room.minutes(45);
    trails_are_erased(&mut room);
    assert!(room.replayed() == *room.engine.state());
    room.log
}

fn the_room_itself(room: &mut Room) {
    let own = [
        Command::RecordClockStep { by_ms: -90_000 },
        Command::RecordSpill { first: 3 },
        Command::RecordMerge,
        Command::RecordFailedLogIns { person: Some("Saima".into()), count: 3 },
        Command::RecordPersonChange {
            person: "Saima".into(),
            what: "disabled".into(),
            by: "a-keeper".into(),
        },
        Command::RecordShedWork { what: "pushes".into(), count: 12 },
    ];
    for command in own {
        room.submit("room", Role::Room, command).unwrap();
    }
}

/// Keyed, described in full, claimed, answered, visited, closed, and reopened.
fn one_call_from_end_to_end(room: &mut Room) {
    let point = Point::from_degrees(31.5497, 74.3436, 25);
    let new = NewCall {
        line: Some("15".into()),
        flags: Flags { unsafe_to_ring_back: true, ..Flags::default() },
        sealed: Sealed {
            number: Some("+920000000001".into()),
            name: Some("a made-up caller".into()),
            place: Some(Place { point, words: Some("behind the made-up mill".into()) }),
            note: Some("a man follows her".into()),
            press: None,
        },
        ..Room::new_call(2)
    };
    let order = Order {
        by: Actor::new("line-1", Role::Intake),
        key: Some(Key([7; 16])),
        command: Command::PlaceCall { received_at: room.now, call: Box::new(new) },
    };
    let Answer::CallPlaced(call) = room.order(&order).unwrap().answer else {
        panic!("a placed call answers with its number");
    };
    assert!(room.order(&order).unwrap().repeated);
    room.seconds(20);
    room.claim(call, "Saima").unwrap();
    room.operator(Command::OpenCall { call, reason: Some("to find the street".into()) }).unwrap();
    room.operator(Command::AddNote { call, text: SealedText("she is at the gate now".into()) })
        .unwrap();
    room.operator(Command::ReleaseClaim { call }).unwrap();
    let repeat = room.call(3);
    let (repeated, primary) = (repeat, call);
    room.operator(Command::LinkCall { call: repeated, primary }).unwrap();
    room.operator(Command::SetPriority {
        call,
        priority: Priority::new(1).unwrap(),
        reason: Some("he has a knife".into()),
    })
    .unwrap();
    room.close(repeat, "Saima", "helped").unwrap();
    room.assign(call, "LHR-1").unwrap();
    room.report(call, "LHR-1", Progress::Acknowledged).unwrap();
    room.progress(call, "LHR-1", Progress::EnRoute).unwrap();
    room.says("LHR-1", Command::MoveUnit { unit: unit("LHR-1"), point: point.unwrap() }).unwrap();
    room.minutes(4);
    room.report(call, "LHR-1", Progress::OnScene).unwrap();
    room.minutes(26);
    room.check_in(call, "LHR-1").unwrap();
    room.minutes(31);
    room.clear(call, "LHR-1").unwrap();
    room.operator(Command::CloseCall {
        call,
        disposition: "helped".into(),
        remark: Some(SealedText("taken home".into())),
    })
    .unwrap();
    room.operator(Command::ReopenCall { call, reason: Some("he came back".into()) }).unwrap();
    room.claim(call, "Saima").unwrap();
    room.minutes(2); // The claim goes stale.
    room.close(call, "Saima", "helped").unwrap();
}

/// In each of the six ways a unit can leave a call.
fn units_leave(room: &mut Room) {
    let call = room.call(2);
    room.assign(call, "LHR-1").unwrap();
    room.decline(call, "LHR-1").unwrap();
    room.assign(call, "LHR-1").unwrap();
    room.report(call, "LHR-1", Progress::Acknowledged).unwrap();
    room.minutes(1);
    room.release(call, "LHR-1").unwrap(); // The acknowledgement is withdrawn.
    room.assign(call, "LHR-2").unwrap();
    room.assign(call, "LHR-3").unwrap();
    room.assign(call, "LHR-4").unwrap();
    room.out_of_service("LHR-2").unwrap();
    room.says("LHR-2", Command::SetAvailable { unit: unit("LHR-2") }).unwrap();
    room.sign_off("LHR-3").unwrap();
    room.link("LHR-1", false);
    room.seconds(30);
    room.link("LHR-1", true);
    room.link("LHR-4", false);
    room.minutes(6); // LHR-4 goes silent.
    room.close(call, "Saima", "helped").unwrap();
}

/// The whole ladder, its last rung again, one told by hand, one taken; and a low call that ages.
fn nobody_answers(room: &mut Room) {
    let (call, low) = (room.call(1), room.call(4));
    room.minutes(12);
    room.operator(Command::EscalateCall {
        call,
        clock: None,
        reason: Some("she has rung three times".into()),
    })
    .unwrap();
    room.minutes(80);
    room.take(call, None).unwrap();
    room.minutes(16);
    room.close(call, "Saima", "helped").unwrap();
    room.close(low, "Saima", "helped").unwrap();
}

/// A dropped call: rung back in every way, closed as a hoax by two.
fn hard_to_close(room: &mut Room) {
    let call = room.flagged(|flags| flags.dropped = true);
    room.minutes(6);
    for outcome in [
        CallbackOutcome::NoAnswer,
        CallbackOutcome::WrongNumber,
        CallbackOutcome::Unsafe,
        CallbackOutcome::Reached,
    ] {
        room.operator(Command::RecordCallback { call, outcome, note: None }).unwrap();
    }
    let command = Command::CloseCall {
        call,
        disposition: "hoax".into(),
        remark: Some(SealedText("a child at play".into())),
    };
    room.submit("Saima", Role::Operator, command.clone()).unwrap();
    room.submit("Rabia", Role::Supervisor, command).unwrap();
}

fn calls_of_every_source(room: &mut Room) {
    for source in [Source::App, Source::WalkIn, Source::Partner, Source::Officer] {
        let call = room.place(NewCall { source, ..Room::new_call(3) });
        if source != Source::App {
            room.close(call, "Saima", "helped").unwrap();
        }
    }
    room.canary();
    assert!(room.now > START.plus(MINUTE));
}

/// One person reached at the second attempt, one not at all; a rung seen by the first.
fn people_are_told(room: &mut Room) {
    room.call(1);
    room.minutes(16);
    let escalation = room.engine.state().unsettled().last().unwrap().1.escalation;
    let to = |person: &str| Recipient { person: person.into(), channel: "sms".into() };
    let own = |room: &mut Room, command| room.submit("room", Role::Room, command).unwrap();
    own(room, Command::IntendNotices { escalation, to: vec![to("Nadia"), to("Bilal")] });
    let first = room.engine.state().next_notice() - 2;
    let fails = |notice, gave_up| Command::RecordFailure {
        escalation,
        notice,
        gave_up,
        problem: "the gateway answered 503".into(),
    };
    own(room, fails(first, false));
    own(room, Command::RecordDelivery { escalation, notice: first });
    own(room, fails(first + 1, true));
    room.submit("Nadia", Role::Supervisor, Command::SeeEscalation { escalation }).unwrap();
}

/// Pressed twice, followed, a wrong PIN tried; taken back, and then under duress.
fn one_presses_sos(room: &mut Room) {
    let press = Press {
        device: Some(Key([8; 16])),
        cancel: Some(PinProof([1; 32])),
        duress: Some(PinProof([2; 32])),
    };
    let mut new = Room::new_call(2);
    new.flags.sos = true;
    new.sealed.press = Some(Box::new(press));
    for key in [Key([9; 16]), Key([10; 16])] {
        let command = Command::PlaceCall { received_at: room.now, call: Box::new(new.clone()) };
        let by = Actor::new("sos page", Role::Intake);
        room.order(&Order { by, key: Some(key), command }).unwrap();
    }
    let press = Key([9; 16]);
    let point = Point::from_degrees(31.5497, 74.3436, 25).unwrap();
    let fixes = vec![Fix { n: 1, point, taken_at: room.now }];
    room.submit("sos page", Role::Intake, Command::FollowCaller { press, fixes }).unwrap();
    let priority = Priority::new(2).unwrap();
    let command = Command::DemotePress { press, priority, reason: "many presses".into() };
    room.submit("sos page", Role::Intake, command).unwrap();
    let command = Command::RatePlace { point, rating: Rating::Unsafe };
    room.submit("sos page", Role::Intake, command).unwrap();
    for proof in [3, 1, 2] {
        let command = Command::CancelPress { press, proof: PinProof([proof; 32]) };
        room.submit("sos page", Role::Intake, command).unwrap();
    }
}

/// Where devices were that day is known no more on the next but one.
fn trails_are_erased(room: &mut Room) {
    let rules = room.engine.state().rules().unwrap().clone();
    let rules = Rules { trail_kept_ms: Some(60 * MINUTE), ..rules };
    room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules))).unwrap();
    room.minutes(26 * 60);
}

/// Telephone lines: one is answered, one is hung up.
fn lines_ring(room: &mut Room) {
    for answered in [true, false] {
        let call = room.call(2);
        let sealed = Sealed { name: Some("Rukhsana".into()), ..Sealed::default() };
        let kind = Some("threat".into());
        let description = Box::new(Description { kind, sealed, ..Description::default() });
        room.operator(Command::DescribeCall { call, description }).unwrap();
        room.submit("telephone exchange", Role::Intake, Command::RingLine { call }).unwrap();
        room.seconds(6);
        if answered {
            room.claim(call, "Saima").unwrap();
        } else {
            let command = Command::HangUpLine { call };
            room.submit("telephone exchange", Role::Intake, command).unwrap();
        }
    }
}

/// Safety timers: one is stopped, one joins the call that her device has open, one runs out.
fn one_walks_home(room: &mut Room) {
    let ask = |room: &mut Room, number: u8, device: u8, after_ms: u64| {
        let mut new = Room::new_call(1);
        new.sealed.press = Some(Box::new(Press {
            device: Some(Key([device; 16])),
            cancel: Some(PinProof([1; 32])),
            duress: Some(PinProof([2; 32])),
        }));
        let (received_at, call) = (room.now, Box::new(new));
        let command = Command::SetSafetyTimer { received_at, after_ms, call };
        let by = Actor::new("sos page", Role::Intake);
        room.order(&Order { by, key: Some(Key([number; 16])), command }).unwrap();
    };
    ask(room, 12, 11, 20 * MINUTE);
    let press = Key([12; 16]);
    let command = Command::CancelPress { press, proof: PinProof([1; 32]) };
    room.submit("sos page", Role::Intake, command).unwrap();
    ask(room, 13, 12, MINUTE);
    ask(room, 14, 12, 2 * MINUTE);
    room.minutes(3);
}

/// Asked about, and then destroyed by two people on a court's order.
fn one_is_erased(room: &mut Room) {
    let call = room.call(2);
    room.operator(Command::AskEarlier { call: Some(call) }).unwrap();
    room.operator(Command::AddNote { call, text: SealedText("her brother rang too".into()) })
        .unwrap();
    room.close(call, "Saima", "helped").unwrap();
    let erase = Command::EraseIdentity {
        call,
        authority: "Sessions Court, made up, 12/2026".into(),
        reason: "ordered".into(),
    };
    room.submit("Hina", Role::Admin, erase.clone()).unwrap();
    room.submit("Omar", Role::Admin, erase).unwrap();
}

/// A panic button, and a word each way.
fn a_crew_in_danger(room: &mut Room) {
    let car = unit("LHR-1");
    let point = Point::from_degrees(31.5497, 74.3436, 25);
    let pressed = Command::Panic { unit: car.clone(), point, received_at: room.now };
    room.says("LHR-1", pressed).unwrap();
    let say = |text: &str| Command::SendMessage {
        unit: car.clone(),
        call: None,
        text: SealedText(text.into()),
    };
    room.says("LHR-1", say("two men, one armed")).unwrap();
    room.operator(say("LHR-2 is two minutes away")).unwrap();
    let upto = room.engine.state().seq;
    room.says("LHR-1", Command::MarkRead { unit: car.clone(), upto }).unwrap();
    room.operator(Command::MarkRead { unit: car.clone(), upto }).unwrap();
}

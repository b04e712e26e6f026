//! Who she was is destroyed when a court says so, by two people, and the log stays whole.

use crate::room::{Room, unit};
use fifteen::domain::*;
use fifteen::engine::State;
use fifteen::journal::{
    Fold, Journal, MemoryJournal, RECORD_BYTES_MAX, RecordRef, Snapshot, replay_as,
    replay_from_start, replay_from_start_as,
};
use fifteen::seal::{Gone, Keyring, Since};
use fifteen::service::{Keyless, Opened, Writer, decode, decode_sealed, encode};

pub const SINCE: Since = Since { seq: 1, call: 1 };

pub fn keyring() -> Keyring {
    Keyring::from_seed([4; 32], SINCE)
}

fn erase(call: CallId) -> Command {
    Command::EraseIdentity { call, authority: "a court".into(), reason: "ordered".into() }
}

fn gone(call: CallId, upto: u64) -> Gone {
    Gone { calls: vec![call], upto, ..Gone::default() }
}

/// A call that names her in every way a call can, closed.
fn told_all(room: &mut Room, name: &str) -> CallId {
    let text = |what: &str| Some(Box::<str>::from(format!("{name} {what}")));
    let press = Key([name.as_bytes()[0] + 100; 16]);
    let new = NewCall {
        sealed: Sealed {
            number: Some("+920000000017".into()),
            name: text("herself"),
            place: Some(Place { point: None, words: text("lane") }),
            note: text("whispers"),
            press: Some(Box::new(Press { device: Some(press), ..Press::default() })),
        },
        ..Room::new_call(2)
    };
    let page = |command, key| Order { by: Actor::new("sos page", Role::Intake), key, command };
    let placing = Command::PlaceCall { received_at: room.now, call: Box::new(new) };
    let Answer::CallPlaced(call) = room.order(&page(placing, Some(press))).unwrap().answer else {
        panic!("a placed call answers with its number");
    };
    let point = Point::from_degrees(31.5497, 74.3436, 25).unwrap();
    let fixes = vec![Fix { n: 1, point, taken_at: room.now }];
    room.order(&page(Command::FollowCaller { press, fixes }, None)).unwrap();
    let note = |what| SealedText(text(what).unwrap());
    room.operator(Command::OpenCall { call, reason: text("must be found") }).unwrap();
    let keyed = Order {
        by: Actor::new("Saima", Role::Operator),
        key: Some(Key([name.as_bytes()[0]; 16])),
        command: Command::RecordCallback {
            call,
            outcome: CallbackOutcome::Reached,
            note: Some(note("answered")),
        },
    };
    room.order(&keyed).unwrap();
    room.assign(call, "LHR-1").unwrap();
    room.report(call, "LHR-1", Progress::Acknowledged).unwrap();
    let say = Command::SendMessage { unit: unit("LHR-1"), call: Some(call), text: note("waits") };
    room.operator(say).unwrap();
    room.release(call, "LHR-1").unwrap();
    let remark = Some(note("is home"));
    room.operator(Command::CloseCall { call, disposition: "helped".into(), remark }).unwrap();
    call
}

/// The log of a room in memory, sealed.
pub fn written(room: &Room, keyring: &Keyring) -> MemoryJournal {
    let mut writer = Writer::take_over(MemoryJournal::new(), "test", keyring.clone()).unwrap();
    for commit in room.log.chunks(5) {
        writer.commit(commit).unwrap();
    }
    writer.into_journal()
}

fn bytes(journal: &MemoryJournal) -> Vec<u8> {
    journal.tail(1).unwrap().flat_map(|frame| frame.unwrap().bytes().to_vec()).collect()
}

pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn no_name_is_in_the_bytes_of_the_log_and_all_come_back_with_the_keys() {
    let mut room = Room::open();
    room.sign_on("LHR-1");
    told_all(&mut room, "Zulaikha");
    let log = written(&room, &keyring());
    for needle in ["Zulaikha", "920000000017"] {
        assert!(!holds(&bytes(&log), needle), "{needle}");
    }
    assert!(
        holds(&rmp_serde::to_vec(&room.log[1].transition).unwrap(), "LHR-1"),
        "the search finds"
    );
    let opened = replay_from_start_as(&log, &Opened::with(keyring())).unwrap();
    assert_eq!(opened.state.state, *room.engine.state());
    let read = log.tail(1).unwrap().flat_map(|frame| {
        let frame = frame.unwrap();
        frame.records().map(|record| decode_sealed(record, &keyring()).unwrap()).collect::<Vec<_>>()
    });
    assert!(read.eq(room.log.iter().cloned()), "every event is as it was");
    assert_eq!(bytes(&written(&room, &keyring())), bytes(&log), "and the bytes are the same again");
}

#[test]
fn without_keys_the_log_reads_as_redacted_and_nothing_is_missing() {
    let mut room = Room::open();
    room.sign_on("LHR-1");
    told_all(&mut room, "Zulaikha");
    let log = written(&room, &keyring());
    let mut expected = room.log.iter();
    for frame in log.tail(1).unwrap() {
        for record in frame.unwrap().records() {
            let (read, whole) = (decode(record).unwrap(), expected.next().unwrap());
            assert_eq!(read.transition, whole.transition.clone().redacted());
        }
    }
    assert!(expected.next().is_none());
    let keyless = replay_from_start::<Keyless>(&log).unwrap().state;
    assert!(keyless.sealed > 5);
    assert_eq!(keyless.stamp(), None, "a state without what is sealed vouches for no snapshot");
    assert_eq!(keyless.state.strays, 0);
}

#[test]
fn what_may_name_her_is_what_redacting_leaves_out() {
    let mut room = Room::open();
    room.sign_on("LHR-1");
    told_all(&mut room, "Zulaikha");
    for dated in &room.log {
        let redacted = dated.transition.clone().redacted();
        assert_eq!(dated.transition.may_name_her(), redacted != dated.transition, "{dated:?}");
        assert!(!holds(&rmp_serde::to_vec(&redacted).unwrap(), "Zulaikha"), "{dated:?}");
    }
}

#[test]
fn two_people_erase_and_the_replay_is_the_state_that_lived() {
    let (mut room, keyring) = (Room::open(), keyring());
    room.sign_on("LHR-1");
    let call = told_all(&mut room, "Zulaikha");
    let other = told_all(&mut room, "Noreen");
    let asked = room.submit("Hina", Role::Admin, erase(call)).unwrap();
    assert_eq!(asked.answer, Answer::AwaitingSecond);
    let alone = room.submit("Hina", Role::Admin, erase(call));
    assert!(matches!(alone, Err(Rejection::EraseNeedsSecond { .. })));
    assert!(room.engine.state().call(call).unwrap().placed.sealed.name.is_some(), "not yet");
    room.submit("Omar", Role::Admin, erase(call)).unwrap();
    let state = room.engine.state();
    assert!(!holds(&state.save(), "Zulaikha") && holds(&state.save(), "Noreen"));
    assert!(state.from_number("+920000000017").all(|known| known.id == other));

    let log = written(&room, &keyring);
    let chain = log.last().chain;
    keyring.erase(&gone(call, log.last().seq)).unwrap();
    let replayed = replay_from_start_as(&log, &Opened::with(keyring.clone())).unwrap();
    assert_eq!(replayed.state.state, *room.engine.state());
    assert_eq!(replayed.state.digest(), room.engine.state().digest());
    assert_eq!(replayed.state.gone.calls, [call]);
    assert_eq!(replayed.tail.chain, chain, "and no byte of the log moved");
    let kept = replayed.state.state.call(other).unwrap();
    assert_eq!(
        kept.placed.sealed.name.as_deref(),
        Some("Noreen herself"),
        "the others are untouched"
    );
}

#[test]
fn nothing_more_is_kept_of_her_and_the_call_can_still_be_read() {
    let (mut room, keyring) = (Room::open(), keyring());
    room.sign_on("LHR-1");
    let call = told_all(&mut room, "Zulaikha");
    for who in ["Hina", "Omar"] {
        room.submit(who, Role::Admin, erase(call)).unwrap();
    }
    let text = SealedText("Zulaikha again".into());
    let say = Command::SendMessage { unit: unit("LHR-1"), call: Some(call), text: text.clone() };
    for refused in [
        Command::AddNote { call, text },
        Command::ReopenCall { call, reason: Some("Zulaikha came back".into()) },
        say,
    ] {
        assert_eq!(room.operator(refused).unwrap_err(), Rejection::IdentityErased(call));
    }
    let before = room.log.len();
    room.submit("Omar", Role::Admin, erase(call)).unwrap();
    assert_eq!(room.log.len(), before, "twice is once");
    let reason = Some("Zulaikha's file".into());
    room.operator(Command::OpenCall { call, reason }).unwrap();
    keyring.erase(&gone(call, 0)).unwrap();
    let last = encode(room.log.last().unwrap(), &keyring);
    assert!(!holds(&last.body, "Zulaikha"), "who reads it is written without why");
    let record = RecordRef { seq: 9, at: last.at, schema: last.schema, body: &last.body };
    assert!(decode_sealed(record, &keyring).is_ok());
}

#[test]
fn an_erasure_needs_a_closed_call_an_authority_and_a_reason() {
    let mut room = Room::open();
    let call = room.call(1);
    let mut asked = |command| room.submit("Hina", Role::Admin, command).unwrap_err();
    assert_eq!(asked(erase(call)), Rejection::EraseOpen(call));
    assert_eq!(asked(erase(CallId(9))), Rejection::UnknownCall(CallId(9)));
    assert_eq!(asked(erase(CallId(0))), Rejection::UnknownCall(CallId(0)));
    let blank = |authority: &str, reason: &str| Command::EraseIdentity {
        call,
        authority: authority.into(),
        reason: reason.into(),
    };
    assert_eq!(asked(blank(" ", "x")), Rejection::Empty("authority"));
    assert_eq!(asked(blank("x", "")), Rejection::Empty("reason"));
    assert!(matches!(asked(blank("x", &"x".repeat(97))), Rejection::TooLong { .. }));
}

#[test]
fn another_authority_is_another_request() {
    let mut room = Room::open();
    let call = room.call(1);
    room.close(call, "Saima", "helped").unwrap();
    room.submit("Hina", Role::Admin, erase(call)).unwrap();
    let other =
        Command::EraseIdentity { call, authority: "another".into(), reason: "ordered".into() };
    let answered = room.submit("Omar", Role::Admin, other).unwrap();
    assert_eq!(answered.answer, Answer::AwaitingSecond);
    let asked = room.engine.state().erasure_asked(call).unwrap();
    assert_eq!((&*asked.who, &*asked.authority), ("Omar", "another"));
}

#[test]
fn a_call_the_room_has_forgotten_is_erased_all_the_same() {
    let mut room = Room::open();
    let call = room.call(1);
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(9 * 24 * 60);
    room.call(1);
    assert!(room.engine.state().call(call).is_none());
    for who in ["Hina", "Omar"] {
        room.submit(who, Role::Admin, erase(call)).unwrap();
    }
    assert_eq!(room.log.last().unwrap().transition.event.name(), "identity_erased");
    assert_eq!(room.engine.state().strays, 0);
}

#[test]
fn the_key_of_an_erased_request_still_does_nothing_twice() {
    let (mut room, keyring) = (Room::open(), keyring());
    let order = Order {
        by: Actor::new("line-1", Role::Intake),
        key: Some(Key([5; 16])),
        command: Command::PlaceCall { received_at: room.now, call: Box::new(Room::new_call(2)) },
    };
    let first = room.order(&order).unwrap();
    let Answer::CallPlaced(call) = first.answer else { panic!("placed") };
    room.close(call, "Saima", "helped").unwrap();
    for who in ["Hina", "Omar"] {
        room.submit(who, Role::Admin, erase(call)).unwrap();
    }
    let again = room.order(&order).unwrap();
    assert!(again.repeated && again.answer == first.answer);
    // The fingerprint, a hash of her words, is in the log in the clear nowhere, nor in the state any more.
    let log = written(&room, &keyring);
    for frame in log.tail(1).unwrap() {
        for record in frame.unwrap().records() {
            let mark = decode(record).unwrap().transition.mark;
            assert!(mark.is_none_or(|mark| mark.fingerprint == KeyMark::FORGOTTEN));
        }
    }
    assert_eq!(
        room.engine.state().keys().get(&Key([5; 16])).unwrap().fingerprint,
        KeyMark::FORGOTTEN
    );
}

#[test]
fn a_snapshot_is_sealed_and_dies_with_the_erasure() {
    let (mut room, keyring) = (Room::open(), keyring());
    room.sign_on("LHR-1");
    let call = told_all(&mut room, "Zulaikha");
    let mut log = written(&room, &keyring);
    let opened = replay_as(&log, &Opened::with(keyring.clone())).unwrap();
    let snapshot = Snapshot::of(&opened.state, &opened.tail);
    assert!(!holds(&snapshot.state, "Zulaikha"));
    assert_ne!(snapshot.manifest.digest, opened.state.digest(), "no hash of her in the clear");
    log.put_snapshot(&snapshot).unwrap();
    let from_it = replay_as(&log, &Opened::with(keyring.clone())).unwrap();
    assert_eq!((from_it.records, &from_it.state.state), (0, room.engine.state()));
    let keyless = replay_as(&log, &State::default()).unwrap();
    assert_eq!(keyless.passed_over.len(), 1, "it opens with the keyring only");

    keyring.erase(&gone(call, snapshot.manifest.seq + 1)).unwrap();
    let replayed = replay_as(&log, &Opened::with(keyring.clone())).unwrap();
    assert_eq!(replayed.passed_over.len(), 1);
    assert!(!holds(&replayed.state.state.save(), "Zulaikha"));
    log.drop_snapshots_before(snapshot.manifest.seq + 1).unwrap();
    assert!(log.manifests().unwrap().is_empty());
}

#[test]
fn another_rooms_keyring_is_told_so_and_a_lost_one_is_gone_without() {
    let mut room = Room::open();
    room.sign_on("LHR-1");
    told_all(&mut room, "Zulaikha");
    let log = written(&room, &keyring());
    let other = Opened::with(Keyring::from_seed([8; 32], SINCE));
    let said = replay_from_start_as(&log, &other).unwrap_err().to_string();
    assert!(said.contains("another room's keyring"), "{said}");
    let since = Since { seq: log.last().seq + 1, call: 99 };
    let anew = Opened::with(Keyring::from_seed([8; 32], since));
    let replayed = replay_from_start_as(&log, &anew).unwrap().state.state;
    assert!(!holds(&replayed.save(), "Zulaikha"));
    assert_eq!(replayed.seq, room.engine.state().seq);
}

#[test]
fn the_longest_of_everything_fits_a_record_sealed() {
    let mut room = Room::open();
    room.sign_on("LHR-1");
    let long = "ع".repeat(5_000);
    let call = room.place(NewCall {
        line: Some(long.as_str().into()),
        district: long.as_str().into(),
        kind: long.as_str().into(),
        sealed: Sealed {
            number: Some(long.as_str().into()),
            name: Some(long.as_str().into()),
            place: Some(Place {
                point: Point::from_degrees(31.5, 74.3, u32::MAX),
                words: Some(long.as_str().into()),
            }),
            note: Some(long.as_str().into()),
            press: Some(Box::new(Press {
                device: Some(Key([255; 16])),
                cancel: Some(PinProof([255; 32])),
                duress: Some(PinProof([255; 32])),
            })),
        },
        ..Room::new_call(1)
    });
    let who = "w".repeat(bounds::NAME_BYTES_MAX);
    let most = "x".repeat(bounds::NOTE_BYTES_MAX);
    let (text, reason) = (SealedText(most.as_str().into()), Some(most.as_str().into()));
    for command in [
        Command::AddNote { call, text: text.clone() },
        Command::OpenCall { call, reason: reason.clone() },
        Command::SendMessage { unit: unit("LHR-1"), call: Some(call), text },
        Command::EscalateCall { call, clock: None, reason },
    ] {
        room.submit(&who, Role::Supervisor, command).unwrap();
    }
    let mark = Some(KeyMark { key: Key([255; 16]), fingerprint: u32::MAX });
    for dated in &room.log {
        let transition = Transition { mark, ..dated.transition.clone() };
        let dated = Dated { seq: u64::MAX, transition, ..dated.clone() };
        let bytes = encode(&dated, &keyring()).body.len();
        assert!(bytes <= RECORD_BYTES_MAX, "{bytes} bytes: {}", dated.transition.event.name());
    }
}

#[test]
fn wrong_pins_are_counted_beyond_an_erasure_as_a_replay_counts_them() {
    let (mut room, keyring) = (Room::open(), keyring());
    let (call, _) = crate::sos::press(&mut room, 1, crate::sos::pressed(1));
    let fix = crate::sos::fix(&room, 1, 31.5);
    crate::sos::follow(&mut room, 1, vec![fix]).unwrap();
    assert_eq!(crate::sos::cancel(&mut room, 1, PinProof([9; 32])), Ok(Answer::WrongPin));
    room.close(call, "Saima", "helped").unwrap();
    for who in ["Hina", "Omar"] {
        room.submit(who, Role::Admin, erase(call)).unwrap();
    }
    let since = room.get(call).follow_up.clone().unwrap();
    assert_eq!((since.wrong_pins, since.trail.len()), (1, 0));
    let log = written(&room, &keyring);
    keyring.erase(&gone(call, 0)).unwrap();
    let replayed = replay_from_start_as(&log, &Opened::with(keyring)).unwrap();
    assert!(replayed.state.state == *room.engine.state());
}

#[test]
fn of_erasures_that_nobody_agrees_to_the_oldest_is_forgotten() {
    let mut room = Room::open();
    let calls: Vec<CallId> = (0..66).map(|_| room.call(2)).collect();
    for call in &calls {
        room.close(*call, "Saima", "helped").unwrap();
        room.submit("Hina", Role::Admin, erase(*call)).unwrap();
        room.seconds(1);
    }
    let waits = |call: &&CallId| room.engine.state().erasure_asked(**call).is_some();
    assert_eq!(calls.iter().filter(waits).copied().collect::<Vec<_>>(), calls[2..]);
}

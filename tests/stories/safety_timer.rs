//! "I am walking home": a press that happens by itself unless she says before that she is safe.

use crate::room::Room;
use crate::sos::{CANCEL, DEVICE, DURESS, as_it_was_lived, cancel, fix, flags, follow, key, press};
use fifteen::domain::bounds::SAFETY_TIMER_MS_MAX;
use fifteen::domain::*;
use fifteen::engine::{Accepted, Engine};

const MINUTE: u64 = 60_000;

fn walking() -> NewCall {
    let mut call = crate::sos::pressed(1);
    call.kind = "safety_timer".into();
    call.sealed.number = Some("+920000000031".into());
    call
}

fn set(room: &mut Room, number: u8, minutes: u64, call: NewCall) -> (CallId, Accepted) {
    let (received_at, after_ms) = (room.now, minutes * MINUTE);
    let order = Order {
        by: Actor::new("sos page", Role::Intake),
        key: Some(key(number)),
        command: Command::SetSafetyTimer { received_at, after_ms, call: Box::new(call) },
    };
    let accepted = room.order(&order).unwrap();
    match accepted.answer {
        Answer::CallPlaced(call) => (call, accepted),
        other => panic!("a safety timer keeps a number, not {other:?}"),
    }
}

fn received(room: &Room) -> usize {
    room.count("call_received")
}

#[test]
fn it_is_a_call_when_she_says_nothing_and_her_clocks_run_from_that_instant() {
    let mut room = Room::open();
    let set_at = room.now;
    let (id, _) = set(&mut room, 1, 20, walking());
    assert_eq!(room.engine.next_deadline(), Some(set_at.plus(20 * MINUTE)));
    room.millis(20 * MINUTE - 1);
    assert!(room.engine.state().call(id).is_none() && room.queue().is_empty());
    as_it_was_lived(&room);
    room.millis(1);
    let call = room.get(id);
    assert_eq!(
        (call.received_at, call.priority()),
        (set_at.plus(20 * MINUTE), Priority::MOST_URGENT)
    );
    assert_eq!(call.placed.sealed.number.as_deref(), Some("+920000000031"));
    assert_eq!(room.queue(), [id]);
    room.minutes(60);
    assert_eq!(received(&room), 1, "once");
    assert_eq!(room.told_at("acknowledge")[0], 35 * MINUTE, "15 minutes after it was a call");
    as_it_was_lived(&room);
}

#[test]
fn what_her_device_sends_again_under_its_key_is_answered_as_before() {
    let order = |number: u8, proof: PinProof| Order {
        by: Actor::new("sos page", Role::Intake),
        key: Some(key(number)),
        command: Command::CancelPress { press: key(1), proof },
    };
    for pin in [CANCEL, DURESS] {
        let sent = [(2, PinProof([3; 32]), Answer::WrongPin), (3, pin, Answer::Done)];
        let mut room = Room::open();
        set(&mut room, 1, 20, walking());
        for (number, proof, answer) in sent {
            assert_eq!(room.order(&order(number, proof)).unwrap().answer, answer);
        }
        let before = room.log.len();
        for restarts in [false, true] {
            if restarts {
                room.engine = Engine::new(room.replayed(), room.now);
            }
            for (number, proof, answer) in sent {
                let again = room.order(&order(number, proof)).unwrap();
                assert_eq!((again.answer, again.repeated), (answer, true));
            }
        }
        assert_eq!(room.log.len(), before);
    }
}

#[test]
fn she_says_that_she_is_safe_and_nothing_comes_of_it() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 20, walking());
    room.minutes(5);
    assert_eq!(cancel(&mut room, 1, PinProof([3; 32])), Ok(Answer::WrongPin));
    assert_eq!(room.count("cancel_refused"), 1);
    assert_eq!(cancel(&mut room, 1, CANCEL), Ok(Answer::Done));
    assert_eq!(room.engine.next_deadline(), None);
    let before = room.log.len();
    assert_eq!(cancel(&mut room, 1, CANCEL), Ok(Answer::Done), "sent again");
    assert_eq!(cancel(&mut room, 1, PinProof([3; 32])), Ok(Answer::WrongPin));
    let here = fix(&room, 1, 31.5);
    assert_eq!(follow(&mut room, 1, vec![here]), Ok(0), "where she is now is nobody's business");
    room.minutes(120);
    assert_eq!(room.log.len(), before);
    assert!(room.engine.state().call(id).is_none());
    let (next, _) = press(&mut room, 2, walking());
    assert!(next > id, "its number is nobody else's");
    as_it_was_lived(&room);
}

#[test]
fn to_the_last_instant_is_in_time_and_a_millisecond_later_it_is_a_call() {
    for (late_ms, calls) in [(0, 0), (1, 1)] {
        let mut room = Room::open();
        let (id, _) = set(&mut room, 1, 20, walking());
        // Asleep until then: the command comes first, and settles what was due before it.
        room.now = room.now.plus(20 * MINUTE + late_ms);
        assert_eq!(cancel(&mut room, 1, CANCEL), Ok(Answer::Done));
        room.millis(0);
        assert_eq!(received(&room), calls, "{late_ms} ms late");
        if calls == 1 {
            assert!(flags(&room, id).cancelled, "and people close it");
        }
        as_it_was_lived(&room);
    }
}

#[test]
fn where_she_walked_goes_along() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 20, walking());
    for n in 1..=3 {
        room.minutes(2);
        let here = fix(&room, n, 31.5 + f64::from(n) / 100.0);
        assert_eq!(follow(&mut room, 1, vec![here]), Ok(1));
        assert_eq!(follow(&mut room, 1, vec![here]), Ok(0), "sent twice, kept once");
    }
    as_it_was_lived(&room);
    room.minutes(20);
    let last = Point::from_degrees(31.53, 74.3, 12).unwrap();
    assert_eq!(room.get(id).whereabouts().unwrap().point, Some(last));
    // And on, by the same key.
    let here = fix(&room, 4, 31.6);
    assert_eq!(follow(&mut room, 1, vec![here]), Ok(1));
    as_it_was_lived(&room);
}

#[test]
fn under_duress_it_is_a_call_at_once_and_her_device_hears_what_a_stop_says() {
    let answers = |proof| {
        let mut room = Room::open();
        let (id, _) = set(&mut room, 1, 20, walking());
        room.minutes(5);
        let mut said = vec![format!("{:?}", cancel(&mut room, 1, proof))];
        let called = room.engine.state().call(id).is_some();
        room.minutes(1);
        let here = fix(&room, 1, 31.5);
        said.push(format!("{:?}", follow(&mut room, 1, vec![here]).map(|_| ())));
        said.push(format!("{:?}", cancel(&mut room, 1, PinProof([3; 32]))));
        if called {
            let flags = flags(&room, id);
            assert!(flags.duress && !flags.cancelled);
            assert_eq!(room.get(id).received_at, UtcMs(room.now.0 - MINUTE), "from that instant");
            assert!(room.get(id).last_fix().is_some());
            let by = Actor::new("Saima", Role::Operator);
            let outcome = CallbackOutcome::Reached;
            let mut ask = |who: &str, command| {
                room.order(&Order { by: Actor::new(who, by.role), key: None, command }).unwrap();
            };
            ask("Saima", Command::RecordCallback { call: id, outcome, note: None });
            let close =
                || Command::CloseCall { call: id, disposition: "helped".into(), remark: None };
            ask("Saima", close());
            assert!(room.get(id).closed.is_some());
        }
        // That people closed it must not show either.
        room.minutes(1);
        let here = fix(&room, 2, 31.6);
        said.push(format!("{:?}", follow(&mut room, 1, vec![here]).map(|_| ())));
        for proof in [CANCEL, PinProof([3; 32])] {
            said.push(format!("{:?}", cancel(&mut room, 1, proof)));
        }
        as_it_was_lived(&room);
        (said, called)
    };
    let (stopped, no_call) = answers(CANCEL);
    let (forced, call) = answers(DURESS);
    assert!(call && !no_call);
    assert_eq!(stopped, forced);
}

#[test]
fn forced_after_she_stopped_it_is_a_call_all_the_same() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 20, walking());
    cancel(&mut room, 1, CANCEL).unwrap();
    assert_eq!(cancel(&mut room, 1, DURESS), Ok(Answer::Done));
    assert!(flags(&room, id).duress);
    assert_eq!(cancel(&mut room, 1, DURESS), Ok(Answer::Done));
    assert_eq!(received(&room), 1);
    as_it_was_lived(&room);
}

#[test]
fn a_press_of_her_device_sets_it_off_and_knows_what_she_said() {
    let mut room = Room::open();
    let mut call = walking();
    (call.flags.silent, call.flags.unsafe_to_ring_back) = (true, true);
    call.sealed.place = Some(Place { point: None, words: Some("canal road".into()) });
    let (id, _) = set(&mut room, 1, 20, call);
    room.minutes(3);
    let mut pressed = crate::sos::pressed(1);
    pressed.kind = "sos".into();
    pressed.sealed.number = None;
    pressed.sealed.place = None;
    assert_eq!(press(&mut room, 2, pressed).0, id, "one woman, one call");
    let call = room.get(id);
    assert_eq!((&*call.placed.kind, call.received_at), ("sos", room.now));
    let sealed = &call.placed.sealed;
    assert_eq!(sealed.number.as_deref(), Some("+920000000031"));
    assert_eq!(sealed.place.as_ref().unwrap().words.as_deref(), Some("canal road"));
    let flags = call.placed.flags;
    assert!(flags.silent && flags.unsafe_to_ring_back, "and nobody rings her");
    for number in [1, 2] {
        let here = fix(&room, u32::from(number), 31.5);
        assert_eq!(follow(&mut room, number, vec![here]), Ok(1), "either key follows it up");
        room.seconds(2);
    }
    room.minutes(60);
    assert_eq!(received(&room), 1, "it does not happen again");
    as_it_was_lived(&room);
}

#[test]
fn it_joins_the_call_that_her_device_has_open() {
    let mut room = Room::open();
    let (open, _) = press(&mut room, 1, walking());
    let mut quiet = walking();
    quiet.flags.silent = true;
    let (id, _) = set(&mut room, 2, 20, quiet);
    room.minutes(30);
    assert_eq!((received(&room), room.count("pressed_again")), (1, 1));
    assert!(flags(&room, open).silent && room.engine.state().call(id).is_none());
    as_it_was_lived(&room);
}

#[test]
fn after_an_outage_it_is_a_call_of_when_it_was_due_and_late_for_its_offices() {
    let mut room = Room::open();
    let set_at = room.now;
    let (id, _) = set(&mut room, 1, 20, walking());
    room.outage(50);
    room.millis(0);
    assert_eq!(room.get(id).received_at, set_at.plus(20 * MINUTE));
    assert_eq!(room.told_at("acknowledge"), [50 * MINUTE; 2], "both at once");
    let dues = room.events().into_iter().filter_map(|event| match event {
        Event::Escalated { clock: 0, due_at, .. } => Some(due_at.since(set_at) / MINUTE),
        _ => None,
    });
    assert_eq!(dues.collect::<Vec<_>>(), [35, 50]);
    as_it_was_lived(&room);
}

#[test]
fn set_again_by_the_same_key_the_first_stands() {
    let mut room = Room::open();
    let due = room.now.plus(20 * MINUTE);
    let (id, first) = set(&mut room, 1, 20, walking());
    room.minutes(2);
    let (again, second) = set(&mut room, 1, 18, walking());
    assert_eq!((id, first.repeated, second.repeated), (again, false, true));
    assert_eq!(room.engine.next_deadline(), Some(due));
}

#[test]
fn none_is_further_ahead_than_half_a_day() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 48 * 60, walking());
    let due_at = room.engine.state().timer(id).unwrap().due_at;
    assert_eq!(due_at, room.now.plus(SAFETY_TIMER_MS_MAX));
}

#[test]
fn a_device_may_have_two_and_the_second_joins_the_call_of_the_first() {
    let mut room = Room::open();
    let (first, _) = set(&mut room, 1, 20, walking());
    let (second, _) = set(&mut room, 2, 40, walking());
    room.minutes(90);
    assert_eq!((received(&room), room.count("safety_timer_stopped")), (1, 1));
    assert!(room.engine.state().call(first).is_some());
    assert!(room.engine.state().call(second).is_none());
    // One without a device is a call whatever else there is.
    let mut unknown = walking();
    unknown.sealed.press.as_mut().unwrap().device = None;
    set(&mut room, 3, 1, unknown);
    room.minutes(2);
    assert_eq!(received(&room), 2);
    as_it_was_lived(&room);
}

#[test]
fn a_stopped_one_is_forgotten_after_a_day() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 20, walking());
    cancel(&mut room, 1, CANCEL).unwrap();
    let state = |room: &Room| room.engine.state().timer(id).is_some();
    room.millis(24 * 60 * MINUTE);
    room.call(3);
    assert!(state(&room), "her device may still ask");
    room.millis(1);
    room.call(3);
    assert!(!state(&room));
    assert_eq!(cancel(&mut room, 1, CANCEL), Err(Rejection::UnknownPress));
    as_it_was_lived(&room);
}

#[test]
fn who_set_it_can_be_erased_once_it_is_stopped() {
    let mut room = Room::open();
    let (id, _) = set(&mut room, 1, 20, walking());
    let here = fix(&room, 1, 31.5);
    follow(&mut room, 1, vec![here]).unwrap();
    let erase =
        || Command::EraseIdentity { call: id, authority: "court".into(), reason: "ordered".into() };
    let refused = room.refused("Saima", Role::Supervisor, erase());
    assert_eq!(refused, Rejection::EraseOpen(id), "she may need help yet");
    cancel(&mut room, 1, CANCEL).unwrap();
    for who in ["Saima", "Asif"] {
        room.submit(who, Role::Supervisor, erase()).unwrap();
    }
    let timer = room.engine.state().timer(id).unwrap();
    assert!(timer.placed.sealed == Sealed::default() && timer.follow_up.is_none());
    as_it_was_lived(&room);
}

#[test]
fn nothing_of_her_is_in_the_clear_of_it() {
    let mut room = Room::open();
    set(&mut room, 1, 20, walking());
    let dated = room.log.last().unwrap();
    assert!(dated.transition.may_name_her());
    let shown = format!("{:?}", dated.transition.clone().redacted());
    assert!(!shown.contains("0000031") && !shown.contains(&format!("{DEVICE:?}")), "{shown}");
}

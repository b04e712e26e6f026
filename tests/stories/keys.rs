//! A request's key: the same again does nothing twice.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{
    Actor, Answer, CallId, CallbackOutcome, Command, Key, Order, Priority, Progress, Rejection,
    Role,
};

fn keyed(number: u8, command: Command) -> Order {
    Order { by: Actor::new("Saima", Role::Operator), key: Some(Key([number; 16])), command }
}

fn place(room: &Room) -> Command {
    Command::PlaceCall { received_at: room.now, call: Box::new(Room::new_call(1)) }
}

fn raise(call: CallId, priority: u8) -> Command {
    Command::SetPriority { call, priority: Priority::new(priority).unwrap(), reason: None }
}

#[test]
fn the_same_key_again_is_answered_with_the_same_call() {
    let mut room = Room::open();
    let order = keyed(1, place(&room));
    let first = room.order(&order).unwrap();
    room.minutes(1);
    // Sent again: its first byte comes later, and it is the same request.
    let again = room.order(&keyed(1, place(&room))).unwrap();
    assert_eq!(again.answer, Answer::CallPlaced(CallId(1)));
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.seq, again.seq);
    assert_eq!(room.count("call_received"), 1);
}

#[test]
fn another_key_is_another_call() {
    let mut room = Room::open();
    for number in 1..=3 {
        let order = keyed(number, place(&room));
        room.order(&order).unwrap();
    }
    assert_eq!(room.queue().len(), 3);
}

#[test]
fn without_a_key_each_is_a_call() {
    let mut room = Room::open();
    assert_ne!(room.call(1), room.call(1));
}

#[test]
fn a_key_used_for_another_command_is_refused() {
    let mut room = Room::open();
    let call = room.call(2);
    room.order(&keyed(1, raise(call, 1))).unwrap();
    let events = room.log.len();
    for other in [raise(call, 3), place(&room), Command::ReleaseClaim { call }] {
        assert_eq!(room.order(&keyed(1, other)), Err(Rejection::KeyReused));
    }
    assert_eq!(room.log.len(), events);
}

#[test]
fn a_repeat_does_nothing_even_when_the_room_has_moved_on() {
    let mut room = Room::open();
    let call = room.call(3);
    room.order(&keyed(1, raise(call, 1))).unwrap();
    room.prioritise(call, 4);
    assert!(room.order(&keyed(1, raise(call, 1))).unwrap().repeated);
    assert_eq!(room.get(call).priority().number(), 4);
}

#[test]
fn a_repeat_is_answered_after_the_call_is_closed() {
    let mut room = Room::open();
    let call = room.call(3);
    let note = Command::RecordCallback { call, outcome: CallbackOutcome::Reached, note: None };
    room.order(&keyed(1, note.clone())).unwrap();
    room.close(call, "Saima", "helped").unwrap();
    let again = room.order(&keyed(1, note)).unwrap();
    assert_eq!((again.answer, again.repeated), (Answer::Done, true));
}

#[test]
fn a_first_of_two_people_is_told_the_same_again() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.silent = true);
    room.callback(call, CallbackOutcome::NoAnswer);
    let close = Command::CloseCall { call, disposition: "hoax".into(), remark: None };
    room.order(&keyed(1, close.clone())).unwrap();
    let again = room.order(&keyed(1, close)).unwrap();
    assert_eq!((again.answer, again.repeated), (Answer::AwaitingSecond, true));
}

#[test]
fn a_rejected_command_leaves_its_key_free() {
    let mut room = Room::open();
    let order = keyed(1, raise(CallId(1), 1));
    assert_eq!(room.order(&order), Err(Rejection::UnknownCall(CallId(1))));
    room.call(3);
    assert!(!room.order(&order).unwrap().repeated);
}

#[test]
fn a_command_of_many_events_is_one_key() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    let order = keyed(1, Command::SignOffUnit { unit: crate::room::unit("CAR-1") });
    let from = room.log.len();
    room.order(&order).unwrap();
    assert_eq!(
        room.names_from(from),
        ["unit_signed_off", "unit_left", "acknowledgement_withdrawn"]
    );
    let marks: Vec<_> =
        room.log[from..].iter().map(|dated| dated.transition.mark.is_some()).collect();
    assert_eq!(marks, [true, false, false]);
    assert!(room.order(&order).unwrap().repeated);
}

#[test]
fn a_key_is_kept_a_day_and_then_forgotten() {
    const DAY: u64 = 24 * 60 * MINUTE;
    for (later_ms, repeated) in [(DAY, true), (DAY + 1, false)] {
        let mut room = Room::open();
        let order = keyed(1, place(&room));
        room.order(&order).unwrap();
        room.close(CallId(1), "Saima", "helped").unwrap();
        room.until(START.plus(later_ms));
        room.call(4); // keys go when something happens
        assert_eq!(room.order(&order).unwrap().repeated, repeated);
    }
}

#[test]
fn keys_outlive_a_restart() {
    let mut room = Room::open();
    let order = keyed(1, place(&room));
    room.order(&order).unwrap();
    room.engine = fifteen::engine::Engine::new(room.replayed(), room.now);
    assert!(room.order(&order).unwrap().repeated);
    let kept = room.engine.state().keys().get(&Key([1; 16])).unwrap();
    assert_eq!(kept.answer, Answer::CallPlaced(CallId(1)));
}

#[test]
fn timers_bear_no_key() {
    let mut room = Room::open();
    let order = keyed(1, place(&room));
    room.order(&order).unwrap();
    room.minutes(60);
    room.now = room.now.plus(3 * MINUTE);
    let unit = crate::room::unit("CAR-1");
    let report = Command::ReportProgress {
        call: CallId(1),
        unit,
        progress: Progress::OnScene,
        by_radio: true,
    };
    room.outage(30);
    room.now = room.now.plus(30 * MINUTE);
    room.order(&keyed(2, report)).unwrap();
    for dated in &room.log {
        let timed = matches!(
            dated.transition.event.name(),
            "escalated" | "clock_warned" | "priority_changed"
        );
        assert!(!(timed && dated.transition.mark.is_some()));
    }
    let kept = |number| room.engine.state().keys().get(&Key([number; 16])).is_some();
    assert!(kept(1) && kept(2));
}

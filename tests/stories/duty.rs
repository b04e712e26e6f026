//! A crew's panic button, and what units and the room say to each other.

use crate::room::{Room, unit};
use fifteen::domain::*;

fn panic(room: &mut Room, name: &str, point: Option<Point>) -> CallId {
    let command = Command::Panic { unit: unit(name), point, received_at: room.now };
    match room.says(name, command).unwrap().answer {
        Answer::CallPlaced(call) => call,
        other => panic!("a panic button makes a call, not {other:?}"),
    }
}

fn say(room: &mut Room, who: &str, role: Role, text: &str) {
    let text = SealedText(text.into());
    room.submit(who, role, Command::SendMessage { unit: unit("CAR-1"), call: None, text }).unwrap();
}

fn unread(room: &Room) -> Vec<String> {
    let known = room.engine.state().unit(&unit("CAR-1")).unwrap();
    known.unread().map(|message| message.text.0.to_string()).collect()
}

#[test]
fn a_panic_button_makes_a_call_of_the_highest_priority_with_all_its_clocks() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let waiting = room.call(1);
    let point = Point::from_degrees(31.5, 74.3, 5);
    let call = panic(&mut room, "CAR-1", point);
    let placed = &room.get(call).placed;
    assert_eq!((placed.priority.number(), &*placed.kind), (1, PANIC_KIND));
    assert_eq!((placed.source, &*placed.district), (Source::Officer, "Lahore"));
    assert_eq!(placed.sealed.place.as_ref().unwrap().point, point);
    assert!(placed.flags.sos, "two people must agree before it is closed as an error");
    assert!(placed.sealed.note.as_ref().unwrap().contains("CAR-1"), "who pressed it");
    assert_eq!(room.engine.state().unit(&unit("CAR-1")).unwrap().panic, Some(call));
    assert_eq!(room.queue(), [waiting, call]);
    room.minutes(15);
    let told = |dated: &&Dated| matches!(dated.transition.event, Event::Escalated { call: c, .. } if c == call);
    assert_eq!(room.log.iter().filter(told).count(), 2, "acknowledge and arrive");
}

#[test]
fn pressed_again_it_is_the_same_call_and_the_room_is_alarmed_again() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = panic(&mut room, "CAR-1", None);
    assert_eq!(panic(&mut room, "CAR-1", None), call);
    assert_eq!((room.count("call_received"), room.count("unit_panicked")), (1, 2));
    room.callback(call, CallbackOutcome::Reached);
    room.close(call, "Saima", "helped").unwrap();
    assert_ne!(panic(&mut room, "CAR-1", None), call, "once that is over it is a new one");
}

#[test]
fn a_crew_the_room_does_not_know_is_heard_too() {
    let mut room = Room::open();
    let call = panic(&mut room, "CAR-9", None);
    assert_eq!(room.get(call).placed.line.as_deref(), Some("CAR-9"));
    assert_eq!(room.count("unit_panicked"), 0);
    assert_eq!(room.engine.state().strays, 0);
}

#[test]
fn no_unit_presses_the_button_of_another() {
    let mut room = Room::open();
    let command = Command::Panic { unit: unit("CAR-1"), point: None, received_at: room.now };
    assert_eq!(room.refused("CAR-2", Role::Unit, command).code(), "not_allowed");
}

#[test]
fn the_same_press_sent_again_is_the_same_press() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    for _ in 0..2 {
        let command = Command::Panic { unit: unit("CAR-1"), point: None, received_at: room.now };
        let by = Actor::new("CAR-1", Role::Unit);
        room.order(&Order { by, key: Some(Key([3; 16])), command }).unwrap();
        room.seconds(5);
    }
    assert_eq!(room.count("unit_panicked"), 1);
}

#[test]
fn messages_go_both_ways_and_are_unread_until_the_other_side_read_them() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    say(&mut room, "CAR-1", Role::Unit, "which gate?");
    say(&mut room, "Saima", Role::Operator, "the blue one");
    assert_eq!(unread(&room), ["which gate?"]);
    let upto = room.engine.state().seq;
    room.says("CAR-1", Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    assert_eq!(unread(&room), ["which gate?"], "the crew read what the room said, not its own");
    room.says("CAR-1", Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    assert_eq!(room.count("messages_read"), 1, "its own are not its to read");
    room.operator(Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    assert_eq!(unread(&room), [] as [&str; 0]);
    room.operator(Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    assert_eq!(room.count("messages_read"), 2);
}

#[test]
fn a_message_nobody_read_outlives_the_shift_of_its_crew() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    say(&mut room, "CAR-1", Role::Unit, "the child is with us");
    room.sign_off("CAR-1").unwrap();
    assert_eq!(unread(&room), ["the child is with us"]);
    let upto = room.engine.state().seq;
    room.operator(Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    assert!(room.engine.state().unit(&unit("CAR-1")).is_none());
}

#[test]
fn the_latest_messages_are_kept_and_unread_ones_longest() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    say(&mut room, "CAR-1", Role::Unit, "unread");
    for number in 0..MESSAGES_MAX {
        say(&mut room, "Saima", Role::Operator, &number.to_string());
        let upto = room.engine.state().seq;
        room.says("CAR-1", Command::MarkRead { unit: unit("CAR-1"), upto }).unwrap();
    }
    assert_eq!(unread(&room), ["unread"]);
    assert_eq!(room.engine.state().unit(&unit("CAR-1")).unwrap().messages.len(), MESSAGES_MAX);
}

#[test]
fn a_message_names_a_call_that_its_unit_is_on() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(2);
    let text = SealedText("x".into());
    let about =
        |call| Command::SendMessage { unit: unit("CAR-1"), call: Some(call), text: text.clone() };
    assert_eq!(room.refused("CAR-1", Role::Unit, about(call)).code(), "not_assigned");
    let unknown = about(CallId(99));
    assert_eq!(room.refused("Saima", Role::Operator, unknown).code(), "unknown_call");
    room.assign(call, "CAR-1").unwrap();
    room.says("CAR-1", about(call)).unwrap();
    let text = SealedText("x".repeat(1_025).into());
    let long = Command::SendMessage { unit: unit("CAR-1"), call: None, text };
    assert_eq!(room.refused("CAR-1", Role::Unit, long).code(), "too_large");
}

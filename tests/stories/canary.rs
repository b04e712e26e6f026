//! The room's own test call: the whole path, and not a trace in the room.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{Command, Event};

#[test]
fn it_walks_from_receipt_to_escalation_and_is_closed() {
    let mut room = Room::open();
    let from = room.log.len();
    let canary = room.canary();
    assert_eq!(room.engine.next_deadline(), Some(START.plus(2_000)));
    room.seconds(2);
    assert_eq!(room.names_from(from), ["call_received", "escalated", "call_closed"]);
    assert_eq!(room.told("canary"), ["canary sink"]);
    assert!(matches!(
        room.events().last(),
        Some(Event::CallClosed { disposition, .. }) if &**disposition == "canary"
    ));
    assert!(room.engine.state().call(canary).is_none());
}

#[test]
fn it_leaves_no_trace_in_the_room() {
    let mut room = Room::open();
    let call = room.call(4);
    room.canary();
    assert_eq!(room.queue(), [call]);
    room.minutes(1);
    for _ in 0..50 {
        room.canary();
        room.seconds(5);
    }
    assert_eq!(room.queue(), [call]);
    assert_eq!(room.engine.state().calls().count(), 1);
    assert_eq!(room.count("escalated"), 51);
    assert!(room.said("acknowledge").is_empty() && room.said("arrive").is_empty());
}

#[test]
fn it_does_not_keep_an_empty_room_awake() {
    let mut room = Room::open();
    room.canary();
    room.seconds(2);
    assert_eq!(room.engine.next_deadline(), None);
}

#[test]
fn the_room_knows_that_it_flew_and_came_through() {
    let mut room = Room::open();
    assert_eq!(room.engine.state().canary().placed_at, None);
    room.minutes(1);
    room.canary();
    let flying = room.engine.state().canary();
    assert_eq!(flying.placed_at, Some(START.plus(MINUTE)));
    assert_eq!(flying.passed_at, None);
    room.minutes(1);
    let passed = room.engine.state().canary();
    assert_eq!(passed.passed_at, Some(START.plus(MINUTE + 2_000)));
    assert_eq!(passed.late_ms, 0);
}

#[test]
fn a_late_one_says_by_how_much() {
    let mut room = Room::open();
    room.canary();
    room.outage(3);
    let canary = room.engine.state().canary();
    assert_eq!(canary.passed_at, Some(START.plus(3 * MINUTE)));
    assert_eq!(canary.late_ms, 3 * MINUTE - 2_000);
}

#[test]
fn only_the_wheel_makes_it_pass() {
    let mut room = Room::open();
    let call = room.canary();
    room.operator(Command::EscalateCall { call, clock: None, reason: None }).unwrap();
    assert_eq!(room.engine.state().canary().passed_at, None);
    room.seconds(1);
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(1);
    assert_eq!(room.engine.state().canary().passed_at, None);
    assert!(room.engine.state().call(call).is_none());
}

//! In what order waiting calls are served, and that none starves.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{CallId, Command, Event, Priority, PriorityCause, Progress, Role};

#[test]
fn calls_wait_by_priority_then_receipt_then_number() {
    let mut room = Room::open();
    let late_low = room.call(4);
    room.seconds(1);
    let (first, same_instant) = (room.call(2), room.call(2));
    room.seconds(1);
    let (later, urgent) = (room.call(2), room.call(1));
    assert_eq!(room.queue(), [urgent, first, same_instant, later, late_low]);
}

#[test]
fn how_many_wait_and_since_when_is_known_by_priority() {
    let mut room = Room::open();
    assert!(room.engine.state().queue().is_empty());
    let first = room.call(2);
    room.seconds(1);
    let urgent = room.call(1);
    room.call(2);
    let queue = room.engine.state().queue();
    assert!(!queue.is_empty() && queue.len() == 3);
    let at = |number| queue.waiting_at(Priority::new(number).unwrap());
    let since = |call| Some(room.get(call).received_at);
    assert_eq!([at(1), at(2), at(3)], [(1, since(urgent)), (2, since(first)), (0, None)]);
}

#[test]
fn the_receipt_counts_not_the_moment_it_was_taken() {
    let mut room = Room::open();
    room.seconds(10);
    let taken_first = room.call(2);
    let command = Command::PlaceCall { received_at: START, call: Box::new(Room::new_call(2)) };
    room.submit("line-2", Role::Intake, command).unwrap();
    assert_eq!(room.queue(), [CallId(2), taken_first]);
}

#[test]
fn raising_a_priority_moves_the_call_and_lowering_moves_it_back() {
    let mut room = Room::open();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            room.seconds(1);
            room.call(3)
        })
        .collect();
    room.prioritise(calls[2], 1);
    assert_eq!(room.queue(), [calls[2], calls[0], calls[1], calls[3]]);
    room.prioritise(calls[0], 4);
    assert_eq!(room.queue(), [calls[2], calls[1], calls[3], calls[0]]);
    room.prioritise(calls[2], 3);
    room.prioritise(calls[0], 3);
    assert_eq!(room.queue(), calls);
}

#[test]
fn a_priority_changes_while_a_unit_is_on_its_way() {
    let mut room = Room::open();
    let (a, b) = (room.call(3), room.call(3));
    room.acknowledged(b, "CAR-1");
    room.prioritise(b, 1);
    assert_eq!(room.queue(), [a]);
    room.decline(b, "CAR-1").unwrap();
    assert_eq!(room.queue(), [b, a]);
}

#[test]
fn the_same_priority_again_is_no_event() {
    let mut room = Room::open();
    let call = room.call(3);
    room.prioritise(call, 3);
    assert_eq!(room.count("priority_changed"), 0);
}

#[test]
fn an_acknowledged_call_leaves_from_the_middle() {
    let mut room = Room::open();
    let calls: Vec<_> = (0..5).map(|_| room.call(2)).collect();
    room.progress(calls[2], "CAR-1", Progress::Acknowledged).unwrap();
    assert_eq!(room.queue(), [calls[0], calls[1], calls[3], calls[4]]);
}

/// When a call placed at `priority` rose, in minutes since the start, and to what.
fn rises(priority: u8) -> Vec<(u64, u8)> {
    let mut room = Room::open();
    room.call(priority);
    room.minutes(600);
    room.log
        .iter()
        .filter_map(|dated| match &dated.transition.event {
            Event::PriorityChanged { priority, cause: PriorityCause::Aged, .. } => {
                Some((dated.at.since(START) / MINUTE, priority.number()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_waiting_call_rises_by_one_at_each_aging_limit() {
    assert_eq!(rises(4), [(30, 3), (50, 2), (65, 1)]);
    assert_eq!(rises(3), [(20, 2), (35, 1)]);
    assert_eq!(rises(2), [(15, 1)]);
    assert_eq!(rises(1), []);
}

#[test]
fn without_an_aging_limit_a_call_does_not_rise() {
    let mut room = Room::with(|rules| rules.aging_ms = [None; 3]);
    room.call(4);
    room.minutes(600);
    assert_eq!(room.count("priority_changed"), 0);
}

#[test]
fn an_acknowledged_call_does_not_age() {
    let mut room = Room::open();
    let call = room.call(4);
    room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
    room.minutes(100);
    assert_eq!(room.get(call).priority().number(), 4);
}

#[test]
fn a_changed_priority_ages_from_its_change() {
    let mut room = Room::open();
    let call = room.call(4);
    room.minutes(29);
    room.prioritise(call, 3);
    room.millis(20 * MINUTE - 1);
    assert_eq!(room.get(call).priority().number(), 3);
    room.millis(1);
    assert_eq!(room.get(call).priority().number(), 2);
}

#[test]
fn a_withdrawn_call_ages_from_its_withdrawal() {
    let mut room = Room::open();
    let call = room.call(2);
    room.acknowledged(call, "CAR-1");
    room.minutes(100);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(14);
    assert_eq!(room.get(call).priority().number(), 2);
    room.minutes(1);
    assert_eq!(room.get(call).priority().number(), 1);
}

#[test]
fn an_aged_call_comes_before_younger_ones_of_its_new_priority() {
    let mut room = Room::open();
    let old = room.call(3);
    room.minutes(19);
    let young = room.call(2);
    assert_eq!(room.queue(), [young, old]);
    room.minutes(1);
    assert_eq!(room.queue(), [old, young]);
}

#[test]
fn after_an_outage_a_call_has_risen_as_far_as_it_waited() {
    let mut room = Room::open();
    let call = room.call(4);
    room.outage(70);
    assert_eq!(room.get(call).priority().number(), 1);
    assert_eq!(room.count("priority_changed"), 3);
}

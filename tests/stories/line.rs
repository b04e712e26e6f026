//! A telephone line rings until somebody claims its call, or she hangs up.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::*;
use fifteen::engine::State;

fn says(room: &mut Room, command: Command) -> usize {
    let before = room.log.len();
    room.submit("telephone exchange", Role::Intake, command).unwrap();
    room.log.len() - before
}

fn ringing(room: &mut Room) -> CallId {
    let call = room.call(2);
    assert_eq!(says(room, Command::RingLine { call }), 1);
    call
}

fn as_it_was_lived(room: &Room) {
    assert!(room.replayed() == *room.engine.state(), "replayed as it was lived");
    let bytes = room.engine.state().save();
    assert!(State::load(&bytes).unwrap().0 == *room.engine.state(), "and from a snapshot");
}

#[test]
fn who_claims_it_is_put_through_and_no_clock_stops() {
    let mut room = Room::open();
    let call = ringing(&mut room);
    assert_eq!(says(&mut room, Command::RingLine { call }), 0, "it rings already");
    as_it_was_lived(&room);
    room.seconds(7);
    room.claim(call, "Saima").unwrap();
    assert!(!room.engine.state().rings(call));
    let Event::LineAnswered { by, .. } = &room.log.last().unwrap().transition.event else {
        panic!("the claim answers the line");
    };
    assert_eq!(&*by.who, "Saima");
    room.claim(call, "Saima").unwrap();
    assert_eq!(room.count("line_answered"), 1);
    room.minutes(15);
    assert_eq!(room.told_at("acknowledge").len(), 1, "a voice is no unit on its way");
    as_it_was_lived(&room);
}

#[test]
fn who_was_faster_than_the_line_is_put_through_when_it_rings() {
    let mut room = Room::open();
    let call = room.call(2);
    room.claim(call, "Saima").unwrap();
    assert_eq!(says(&mut room, Command::RingLine { call }), 2);
    assert!(!room.engine.state().rings(call));
    room.minutes(1);
    // Her claim went stale: nobody is there.
    assert_eq!(says(&mut room, Command::RingLine { call }), 1);
    assert!(room.engine.state().rings(call));
    as_it_was_lived(&room);
}

#[test]
fn who_hangs_up_before_anybody_answered_is_rung_back_within_its_limit() {
    let mut room = Room::open();
    let call = ringing(&mut room);
    room.seconds(30);
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 1);
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 0, "said twice");
    assert!(room.get(call).placed.flags.dropped && !room.engine.state().rings(call));
    as_it_was_lived(&room);
    let hung_up_at = 30_000;
    room.minutes(5);
    assert_eq!(room.told_at("callback"), [hung_up_at + 5 * 60_000]);
    // And is no hoax without a call-back and a second person.
    let close = Command::CloseCall { call, disposition: "hoax".into(), remark: None };
    assert_eq!(room.refused("Saima", Role::Operator, close), Rejection::NeedsCallback(call));
}

#[test]
fn a_line_that_was_lost_on_its_way_to_the_operator_is_rung_back_too() {
    let mut room = Room::open();
    let call = ringing(&mut room);
    room.claim(call, "Saima").unwrap();
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 1);
    assert!(room.get(call).placed.flags.dropped);
    room.callback(call, CallbackOutcome::Reached);
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 0);
    room.minutes(6);
    assert_eq!(room.count("escalated"), 0, "she was rung back");
}

#[test]
fn it_rings_again_when_she_calls_again_by_the_same_key() {
    let mut room = Room::open();
    let call = ringing(&mut room);
    says(&mut room, Command::HangUpLine { call });
    assert_eq!(says(&mut room, Command::RingLine { call }), 1);
    assert!(room.engine.state().rings(call));
    room.minutes(2);
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 1, "it rang, and was hung up");
    as_it_was_lived(&room);
}

#[test]
fn a_closed_call_does_not_ring() {
    let mut room = Room::open();
    let call = ringing(&mut room);
    room.close(call, "Saima", "helped").unwrap();
    assert!(!room.engine.state().rings(call));
    assert_eq!(says(&mut room, Command::RingLine { call }), 0);
    assert_eq!(says(&mut room, Command::HangUpLine { call }), 0);
    assert_eq!(room.engine.state().ringing().count(), 0);
    as_it_was_lived(&room);
}

#[test]
fn a_line_that_rings_and_is_lost_again_is_rung_back_within_the_first_time_or_afresh_once_it_was() {
    let mut room = Room::open();
    let call = room.call(2);
    let due = |room: &Room| {
        let rules = room.engine.state().rules().unwrap();
        let (index, rule) = rules.clock("callback").unwrap();
        let run = room.get(call).clocks.iter().find(|run| run.clock == index).unwrap();
        run.next(rule, rules.ladder(rule)).map(|(at, _)| at.0 - START.0)
    };
    let lost = |room: &mut Room| {
        for command in [Command::RingLine { call }, Command::HangUpLine { call }] {
            room.submit("telephone exchange", Role::Intake, command).unwrap();
        }
    };
    lost(&mut room);
    assert_eq!(due(&room), Some(2 * MINUTE));
    room.minutes(1);
    lost(&mut room);
    assert_eq!(due(&room), Some(2 * MINUTE), "it ran, and goes on");
    room.callback(call, CallbackOutcome::NoAnswer);
    assert_eq!(due(&room), None);
    room.minutes(1);
    lost(&mut room);
    assert_eq!(due(&room), Some(4 * MINUTE), "it was done, and begins afresh");
}

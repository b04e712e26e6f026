//! Nobody woke the engine for a while: everything overdue is told at once, late by how much, and
//! nothing twice.

use crate::room::{MINUTE, Room, START, unit};
use fifteen::domain::{Command, Event, Priority, Progress, Stage, UtcMs};
use fifteen::engine::Engine;

/// What each clock said, without how late.
fn told(room: &Room) -> Vec<(String, u64, u32, Option<u8>, u32, u64)> {
    let mut told = Vec::new();
    for clock in ["acknowledge", "arrive", "turnout", "callback", "safety"] {
        for said in room.said(clock) {
            told.push((
                clock.to_owned(),
                said.call,
                said.generation,
                said.rung,
                said.repeat,
                said.due_ms,
            ));
        }
    }
    told.sort();
    told
}

/// Calls of every kind, one of them with a unit that will not answer.
fn busy() -> Room {
    let mut room = Room::open();
    room.call(4);
    room.call(1);
    room.flagged(|flags| flags.dropped = true);
    room.sign_on("CAR-1");
    let call = room.call(3);
    room.assign(call, "CAR-1").unwrap();
    let call = room.call(2);
    room.progress(call, "CAR-2", Progress::OnScene).unwrap();
    room
}

#[test]
fn an_outage_skips_and_doubles_nothing() {
    let mut awake = busy();
    awake.minutes(200);
    for restart in [false, true] {
        let mut asleep = busy();
        if restart {
            let now = START.plus(200 * MINUTE);
            asleep.engine = Engine::new(asleep.replayed(), now);
        }
        asleep.outage(200);
        assert_eq!(told(&asleep), told(&awake));
        assert_eq!(asleep.queue(), awake.queue());
    }
}

#[test]
fn each_is_marked_late_by_how_much() {
    let mut room = busy();
    room.outage(200);
    for said in room.said("acknowledge") {
        assert_eq!(said.due_ms + said.late_ms, 200 * MINUTE);
    }
    let first = room.said("acknowledge")[0].clone();
    assert_eq!((first.due_ms, first.late_ms), (10 * MINUTE, 190 * MINUTE));
}

#[test]
fn on_time_is_late_by_nothing() {
    let mut room = busy();
    room.minutes(200);
    assert!(room.said("acknowledge").iter().all(|said| said.late_ms == 0));
}

#[test]
fn the_most_urgent_comes_first() {
    let mut room = Room::open();
    for priority in [4, 3, 1, 2, 1] {
        room.call(priority);
        room.seconds(1);
    }
    room.outage(14);
    let from = room.log.len();
    room.outage(2);
    let calls: Vec<_> = room.log[from..]
        .iter()
        .filter_map(|dated| match &dated.transition.event {
            Event::Escalated { call, clock: 0, .. } => Some(call.0),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [3, 5, 4, 2, 1]);
}

#[test]
fn in_small_batches_with_commands_between_nothing_is_lost() {
    for batch in [1, 2, 3, 7] {
        let mut whole = busy();
        whole.now = START.plus(300 * MINUTE);
        while whole.engine.tick(whole.now, 10_000, &mut whole.log) {}

        let mut room = busy();
        room.now = START.plus(300 * MINUTE);
        let mut more = true;
        let mut round = 0;
        while more {
            more = room.engine.tick(room.now, batch, &mut room.log);
            // A note, a claim and a move between batches touch no clock.
            let call = room.engine.state().calls().nth(round % 5).unwrap().id;
            room.claim(call, "Saima").unwrap();
            room.operator(Command::ReleaseClaim { call }).unwrap();
            round += 1;
        }
        assert_eq!(told(&room), told(&whole), "in batches of {batch}");
        assert!(round > 1);
    }
}

#[test]
fn a_call_raised_between_batches_comes_to_the_front() {
    let mut room = Room::with(|rules| rules.aging_ms = [None; 3]);
    let calls: Vec<_> = (0..5).map(|_| room.call(4)).collect();
    room.minutes(14);
    room.now = room.now.plus(10 * MINUTE);
    assert!(room.engine.tick(room.now, 1, &mut room.log));
    let from = room.log.len();
    let (call, priority, reason) = (calls[4], Priority::MOST_URGENT, None);
    room.operator(Command::SetPriority { call, priority, reason }).unwrap();
    room.engine.tick(room.now, 10_000, &mut room.log);
    let first = room.log[from..].iter().find_map(|dated| {
        let event = &dated.transition.event;
        (event.name() == "escalated").then(|| event.call().unwrap())
    });
    assert_eq!(first, Some(calls[4]));
}

#[test]
fn a_late_acknowledgement_does_not_undo_a_miss() {
    let mut room = Room::open();
    let call = room.call(1);
    room.now = START.plus(50 * MINUTE);
    // The command is there before the engine was woken.
    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    room.millis(0);
    let rungs: Vec<_> =
        room.said("acknowledge").iter().map(|said| (said.rung, said.late_ms / MINUTE)).collect();
    assert_eq!(rungs, [(None, 40), (Some(0), 35), (Some(1), 20), (Some(2), 5)]);
    assert_eq!(room.stage(call), Stage::OnScene);
}

#[test]
fn a_silent_units_missed_turnout_is_told_before_it_leaves() {
    let mut awake = Room::open();
    let mut asleep = Room::open();
    for room in [&mut awake, &mut asleep] {
        room.sign_on("CAR-1");
        let call = room.call(4);
        room.assign(call, "CAR-1").unwrap();
        room.seconds(10);
        room.link("CAR-1", false);
    }
    awake.minutes(12);
    asleep.outage(12);
    assert_eq!(told(&awake), told(&asleep));
    assert_eq!(asleep.told("turnout").len(), 1);
}

#[test]
fn going_does_not_hide_what_a_unit_had_missed() {
    type Go = fn(&mut Room);
    let ways: [Go; 2] = [
        |room| {
            room.sign_off("CAR-1").unwrap();
        },
        |room| {
            room.out_of_service("CAR-1").unwrap();
        },
    ];
    for go in ways {
        let mut room = Room::open();
        room.sign_on("CAR-1");
        let call = room.call(4);
        room.assign(call, "CAR-1").unwrap();
        room.now = room.now.plus(2 * MINUTE);
        go(&mut room);
        assert_eq!(room.told("turnout").len(), 1);
    }
}

#[test]
fn a_word_after_the_limit_comes_after_the_silence() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.link("CAR-1", false);
    room.now = room.now.plus(6 * MINUTE);
    room.progress(call, "CAR-1", Progress::EnRoute).unwrap();
    room.millis(0);
    assert_eq!(room.stage(call), Stage::EnRoute);
    assert_eq!(room.get(call).withdrawals, 1);
    assert_eq!(room.get(call).assignment(&unit("CAR-1")).unwrap().since, room.now);
}

#[test]
fn a_clock_behind_its_log_waits_for_the_log() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(20);
    let engine = Engine::new(room.replayed(), START);
    assert_eq!(engine.now(), START.plus(15 * MINUTE));
}

#[test]
fn a_restart_arms_what_was_running_and_nothing_else() {
    let mut room = busy();
    room.minutes(47);
    let restarted = Engine::new(room.replayed(), room.now);
    assert_eq!(restarted.next_deadline(), room.engine.next_deadline());
    assert!(*restarted.state() == *room.engine.state());
}

#[test]
fn years_of_outage_are_told_rung_by_rung() {
    const YEAR: u64 = 365 * 24 * 60;
    let mut room = Room::open();
    room.call(1);
    room.outage(YEAR);
    assert_eq!(room.told("acknowledge").len() as u64, YEAR / 15);
    let next: UtcMs = room.engine.next_deadline().unwrap();
    assert_eq!(next, START.plus((YEAR + 15) * MINUTE));
}

//! Who took responsibility, and what happens when she is let down.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{CallId, Command, Progress, Role, Stage};

const PROGRESSES: [Progress; 3] = [Progress::Acknowledged, Progress::EnRoute, Progress::OnScene];

#[test]
fn a_unit_that_acknowledges_rolls_or_arrives_has_acknowledged() {
    for progress in PROGRESSES {
        let mut room = Room::open();
        room.sign_on("CAR-1");
        let call = room.call(1);
        room.assign(call, "CAR-1").unwrap();
        room.minutes(1);
        room.report(call, "CAR-1", progress).unwrap();
        assert_eq!(room.get(call).acknowledged_at, Some(START.plus(MINUTE)));
        room.minutes(300);
        assert!(room.told("acknowledge").is_empty());
    }
}

#[test]
fn an_acknowledgement_by_radio_counts_and_says_so() {
    for progress in PROGRESSES {
        let mut room = Room::open();
        let call = room.call(1);
        room.progress(call, "NEVER-SIGNED-ON", progress).unwrap();
        assert!(room.get(call).acknowledged_at.is_some());
        assert!(room.queue().is_empty());
        assert!(room.events().iter().any(|event| matches!(
            event,
            fifteen::domain::Event::UnitProgressed { by_radio: true, by, .. } if &*by.who == "Saima"
        )));
    }
}

#[test]
fn being_assigned_is_no_acknowledgement() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    assert_eq!(room.queue(), [call]);
    room.minutes(15);
    assert_eq!(room.told("acknowledge"), ["cell in-charge"]);
}

/// Every way the last unit can leave before it arrives.
type Leave = fn(&mut Room, CallId);

const WAYS_OUT: [(&str, Leave); 7] = [
    ("declines", |room, call| {
        room.decline(call, "CAR-1").unwrap();
    }),
    ("is released", |room, call| {
        room.release(call, "CAR-1").unwrap();
    }),
    ("clears", |room, call| {
        room.clear(call, "CAR-1").unwrap();
    }),
    ("goes out of service", |room, _| {
        room.out_of_service("CAR-1").unwrap();
    }),
    ("signs off", |room, _| {
        room.sign_off("CAR-1").unwrap();
    }),
    ("is declared out of service by the room", |room, _| {
        let unit = crate::room::unit("CAR-1");
        let reason = "accident".into();
        room.operator(Command::SetOutOfService { unit, reason }).unwrap();
    }),
    ("falls silent", |room, _| {
        room.link("CAR-1", false);
        room.minutes(5);
    }),
];

#[test]
fn the_call_waits_again_when_the_last_acknowledged_unit_leaves() {
    for (way, leave) in WAYS_OUT {
        for progress in [Progress::Acknowledged, Progress::EnRoute] {
            let mut room = Room::open();
            let call = room.call(1);
            room.acknowledged(call, "CAR-1");
            room.report(call, "CAR-1", progress).unwrap();
            leave(&mut room, call);
            assert_eq!(room.stage(call), Stage::Waiting, "{way}");
            assert_eq!(room.queue(), [call], "{way}");
            assert_eq!(room.get(call).withdrawals, 1, "{way}");
            assert_eq!(room.count("acknowledgement_withdrawn"), 1, "{way}");
            assert_eq!(room.get(call).first_acknowledged_at, Some(START), "{way}");
        }
    }
}

#[test]
fn another_acknowledged_unit_keeps_the_acknowledgement() {
    for (way, leave) in WAYS_OUT {
        let mut room = Room::open();
        let call = room.call(1);
        room.acknowledged(call, "CAR-1");
        room.acknowledged(call, "CAR-2");
        leave(&mut room, call);
        assert_eq!(room.count("acknowledgement_withdrawn"), 0, "{way}");
        assert!(room.queue().is_empty(), "{way}");
        assert_eq!(room.get(call).units.len(), 1, "{way}");
    }
}

#[test]
fn a_unit_that_was_only_assigned_keeps_no_acknowledgement() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.sign_on("CAR-2");
    room.assign(call, "CAR-2").unwrap();
    room.decline(call, "CAR-1").unwrap();
    assert_eq!(room.count("acknowledgement_withdrawn"), 1);
    assert_eq!(room.stage(call), Stage::Dispatched);
    assert_eq!(room.queue(), [call]);
}

#[test]
fn nothing_is_withdrawn_when_a_unit_leaves_that_never_acknowledged() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    room.decline(call, "CAR-1").unwrap();
    assert_eq!(room.count("acknowledgement_withdrawn"), 0);
    assert_eq!(room.get(call).withdrawals, 0);
}

#[test]
fn nothing_is_withdrawn_after_arrival() {
    for (way, leave) in WAYS_OUT {
        if way == "declines" {
            continue; // a unit on scene cannot
        }
        let mut room = Room::open();
        let call = room.call(1);
        room.acknowledged(call, "CAR-1");
        room.report(call, "CAR-1", Progress::OnScene).unwrap();
        leave(&mut room, call);
        assert_eq!(room.count("acknowledgement_withdrawn"), 0, "{way}");
        assert_eq!(room.stage(call), Stage::OnScene, "{way}");
    }
}

#[test]
fn nothing_is_withdrawn_when_a_second_unit_leaves_after_the_first_arrived() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.acknowledged(call, "CAR-2");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    room.clear(call, "CAR-1").unwrap();
    room.decline(call, "CAR-2").unwrap();
    assert_eq!(room.count("acknowledgement_withdrawn"), 0);
}

#[test]
fn a_withdrawn_call_stands_in_its_old_place() {
    let mut room = Room::open();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            room.seconds(1);
            room.call(2)
        })
        .collect();
    room.acknowledged(calls[2], "CAR-1");
    assert_eq!(room.queue(), [calls[0], calls[1], calls[3], calls[4]]);
    room.decline(calls[2], "CAR-1").unwrap();
    assert_eq!(room.queue(), calls);
}

#[test]
fn its_clock_goes_on_with_what_was_left() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(4);
    room.acknowledged(call, "CAR-1");
    room.minutes(30);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(40);
    // 11 minutes were left at minute 4; the unit left at minute 34.
    assert_eq!(room.told_at("acknowledge"), [45 * MINUTE, 60 * MINUTE]);
    assert_eq!(room.warned_at("acknowledge"), [40 * MINUTE]);
}

#[test]
fn its_clock_has_two_minutes_left_at_least() {
    for acknowledged_at in [13 * MINUTE + 1, 14 * MINUTE, 15 * MINUTE] {
        let mut room = Room::open();
        let call = room.call(1);
        // Commands of the instant come first: woken just before, not at it.
        room.millis(acknowledged_at - 1);
        room.now = START.plus(acknowledged_at);
        room.acknowledged(call, "CAR-1");
        room.minutes(1);
        room.decline(call, "CAR-1").unwrap();
        let left_at = acknowledged_at + MINUTE;
        room.minutes(5);
        assert_eq!(room.told_at("acknowledge"), [left_at + 2 * MINUTE]);
        assert_eq!(room.warned_at("acknowledge"), [10 * MINUTE]);
    }
}

#[test]
fn what_is_left_is_counted_to_the_millisecond_above_two_minutes() {
    let mut room = Room::open();
    let call = room.call(1);
    room.millis(13 * MINUTE - 1);
    room.acknowledged(call, "CAR-1");
    room.decline(call, "CAR-1").unwrap();
    room.minutes(5);
    assert_eq!(room.told_at("acknowledge"), [15 * MINUTE]);
}

#[test]
fn the_ladder_goes_on_from_its_rung_after_a_withdrawal() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(40);
    room.acknowledged(call, "CAR-1"); // 5 minutes before the third rung
    room.minutes(20);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(30);
    assert_eq!(room.told("acknowledge"), ["cell in-charge", "DPO", "RPO", "DIG Operations"]);
    assert_eq!(room.told_at("acknowledge"), [15, 30, 65, 80].map(|minute| minute * MINUTE));
}

#[test]
fn the_next_rung_is_two_minutes_away_at_least_after_a_withdrawal() {
    let mut room = Room::open();
    let call = room.call(1);
    room.millis(45 * MINUTE - 1);
    room.acknowledged(call, "CAR-1");
    room.millis(1);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(3);
    assert_eq!(room.told_at("acknowledge"), [15, 30, 47].map(|minute| minute * MINUTE));
}

#[test]
fn each_withdrawal_is_counted_and_the_first_acknowledgement_kept() {
    let mut room = Room::open();
    let call = room.call(1);
    for round in 1..=4 {
        room.minutes(1);
        room.acknowledged(call, "CAR-1");
        assert_eq!(room.get(call).first_acknowledged_at, Some(START.plus(MINUTE)));
        room.minutes(1);
        room.decline(call, "CAR-1").unwrap();
        assert_eq!(room.get(call).withdrawals, round);
        assert_eq!(room.get(call).acknowledged_at, None);
    }
    // 1 minute of waiting a round, 11 left after the fourth, at minute 8.
    room.minutes(11);
    assert_eq!(room.told_at("acknowledge"), [19 * MINUTE]);
}

#[test]
fn the_arrive_clock_runs_through_a_withdrawal() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.minutes(10);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(10);
    assert_eq!(room.told_at("arrive"), [15 * MINUTE]);
}

#[test]
fn a_withdrawn_call_is_acknowledged_anew() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.decline(call, "CAR-1").unwrap();
    room.minutes(3);
    room.acknowledged(call, "CAR-2");
    assert_eq!(room.get(call).acknowledged_at, Some(START.plus(3 * MINUTE)));
    room.minutes(60);
    assert!(room.told("acknowledge").is_empty());
}

#[test]
fn a_clock_something_else_stopped_stays_stopped_at_a_withdrawal() {
    let mut room = Room::with(|rules| {
        let callback = fifteen::domain::Trigger::CallbackRecorded;
        rules.clocks[0].stops.push(callback);
    });
    let call = room.call(1);
    room.minutes(1);
    room.callback(call, fifteen::domain::CallbackOutcome::Reached);
    room.minutes(1);
    room.acknowledged(call, "CAR-1");
    room.decline(call, "CAR-1").unwrap();
    room.minutes(60);
    assert!(room.told("acknowledge").is_empty());
}

#[test]
fn a_clock_that_rolling_stopped_goes_on_at_a_withdrawal() {
    let mut room = Room::with(|rules| {
        rules.clocks[0].stops = vec![fifteen::domain::Trigger::EnRoute];
    });
    let call = room.call(1);
    room.minutes(2);
    room.acknowledged(call, "CAR-1");
    room.minutes(1);
    room.report(call, "CAR-1", Progress::EnRoute).unwrap();
    room.minutes(7);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(30);
    // 12 minutes were left.
    assert_eq!(room.told_at("acknowledge")[0], 22 * MINUTE);
}

#[test]
fn a_unit_on_two_calls_withdraws_from_both_when_it_goes() {
    let mut room = Room::open();
    let (a, b) = (room.call(1), room.call(2));
    room.acknowledged(a, "CAR-1");
    room.assign(b, "CAR-1").unwrap();
    room.report(b, "CAR-1", Progress::EnRoute).unwrap();
    room.out_of_service("CAR-1").unwrap();
    assert_eq!(room.queue(), [a, b]);
    assert_eq!(room.count("acknowledgement_withdrawn"), 2);
}

#[test]
fn an_operators_claim_stops_no_clock() {
    let mut room = Room::open();
    let call = room.call(1);
    for _ in 0..100 {
        let take_over = false;
        let claim = Command::ClaimCall { call, take_over };
        room.submit("Saima", Role::Operator, claim).unwrap();
        room.seconds(15);
    }
    assert_eq!(room.queue(), [call]);
    assert_eq!(room.stage(call), Stage::Waiting);
    assert_eq!(room.told_at("acknowledge"), [15 * MINUTE]);
    assert_eq!(room.told_at("arrive"), [15 * MINUTE]);
}

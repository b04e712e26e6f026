//! Each clock of the shipped table: what starts it, what stops it, its limit and its warnings.

use crate::room::{MINUTE, Room, START, unit};
use fifteen::domain::{CallbackOutcome, Command, Event, Progress, Role, Trigger};

#[test]
fn acknowledge_warns_at_ten_minutes_and_is_missed_at_fifteen() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(29);
    assert_eq!(room.warned_at("acknowledge"), [10 * MINUTE]);
    assert_eq!(room.told_at("acknowledge"), [15 * MINUTE]);
}

#[test]
fn arrive_warns_at_ten_minutes_and_is_missed_at_fifteen() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::EnRoute).unwrap();
    room.minutes(29);
    assert_eq!(room.warned_at("arrive"), [10 * MINUTE]);
    assert_eq!(room.told_at("arrive"), [15 * MINUTE]);
    assert!(room.warned_at("acknowledge").is_empty());
}

#[test]
fn arriving_stops_arrive_and_closing_stops_both() {
    let mut room = Room::open();
    let (reached, ended) = (room.call(1), room.call(1));
    room.progress(reached, "CAR-1", Progress::OnScene).unwrap();
    room.check_in(reached, "CAR-1").unwrap();
    room.close(ended, "Saima", "helped").unwrap();
    room.minutes(29);
    assert!(room.said("arrive").is_empty() && room.said("acknowledge").is_empty());
}

#[test]
fn a_stamp_exactly_on_the_deadline_is_in_time_and_a_millisecond_later_is_not() {
    for (late_ms, told) in [(0, 0), (1, 1)] {
        let mut room = Room::open();
        let call = room.call(1);
        room.millis(15 * MINUTE - 1);
        // The engine is not woken at the deadline: the command comes with it, or after it.
        room.now = START.plus(15 * MINUTE + late_ms);
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        room.minutes(1);
        assert_eq!(room.told("acknowledge").len(), told);
        assert_eq!(room.told("arrive").len(), told);
    }
}

#[test]
fn commands_of_an_instant_come_before_its_timers() {
    let mut room = Room::open();
    let call = room.call(1);
    room.millis(15 * MINUTE - 1);
    room.now = START.plus(15 * MINUTE);
    room.close(call, "Saima", "helped").unwrap();
    room.millis(0);
    assert_eq!(room.count("escalated"), 0);
}

#[test]
fn a_missed_deadline_comes_before_the_command_that_is_late() {
    let mut room = Room::open();
    let call = room.call(1);
    room.now = START.plus(15 * MINUTE + 1);
    let from = room.log.len();
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(
        room.names_from(from),
        ["clock_warned", "clock_warned", "escalated", "escalated", "call_closed"]
    );
}

#[test]
fn turnout_is_missed_at_ninety_seconds_and_repeats_to_the_supervisor() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.seconds(10);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(32);
    assert_eq!(room.told_at("turnout"), [100_000, 100_000 + 15 * MINUTE, 100_000 + 30 * MINUTE]);
    assert_eq!(room.told("turnout"), ["room supervisor"; 3]);
    assert!(room.warned_at("turnout").is_empty());
}

#[test]
fn turnout_is_each_units_own() {
    let mut room = Room::open();
    let call = room.call(1);
    for (seconds, name) in [(0, "CAR-1"), (20, "CAR-2"), (20, "CAR-3")] {
        room.seconds(seconds);
        room.sign_on(name);
        room.assign(call, name).unwrap();
    }
    room.seconds(30);
    room.report(call, "CAR-2", Progress::Acknowledged).unwrap();
    room.minutes(5);
    let missed: Vec<_> = room
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Escalated { unit, clock: 2, .. } => unit,
            _ => None,
        })
        .collect();
    assert_eq!(missed, [unit("CAR-1"), unit("CAR-3")]);
    assert_eq!(room.told_at("turnout"), [90_000, 130_000]);
}

#[test]
fn answering_stops_turnout_whatever_the_answer() {
    type Answer = fn(&mut Room, fifteen::domain::CallId);
    let answers: [Answer; 7] = [
        |room, call| {
            room.report(call, "CAR-1", Progress::Acknowledged).unwrap();
        },
        |room, call| {
            room.report(call, "CAR-1", Progress::EnRoute).unwrap();
        },
        |room, call| {
            room.report(call, "CAR-1", Progress::OnScene).unwrap();
        },
        |room, call| {
            room.decline(call, "CAR-1").unwrap();
        },
        |room, call| {
            room.release(call, "CAR-1").unwrap();
        },
        |room, _| {
            room.sign_off("CAR-1").unwrap();
        },
        |room, call| {
            room.close(call, "Saima", "helped").unwrap();
        },
    ];
    for answer in answers {
        let mut room = Room::open();
        room.sign_on("CAR-1");
        let call = room.call(1);
        room.assign(call, "CAR-1").unwrap();
        room.seconds(90 - 1);
        answer(&mut room, call);
        room.minutes(60);
        assert!(room.said("turnout").is_empty());
    }
}

#[test]
fn turnout_starts_again_when_the_unit_is_assigned_again() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(1);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(1);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(2);
    assert_eq!(room.told_at("turnout"), [2 * MINUTE + 90_000]);
}

#[test]
fn assigning_a_unit_twice_starts_nothing_anew() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(1);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(1);
    assert_eq!(room.told_at("turnout"), [90_000]);
    assert_eq!(room.count("unit_assigned"), 1);
}

#[test]
fn callback_runs_for_dropped_calls_only() {
    let mut room = Room::open();
    room.call(1);
    room.flagged(|flags| flags.silent = true);
    room.flagged(|flags| flags.sos = true);
    let dropped = room.flagged(|flags| flags.dropped = true);
    room.minutes(21);
    assert_eq!(room.warned_at("callback"), [2 * MINUTE]);
    assert_eq!(room.told_at("callback"), [5 * MINUTE, 20 * MINUTE]);
    assert!(room.said("callback").iter().all(|said| said.call == dropped.0));
    assert_eq!(room.told("callback"), ["room supervisor"; 2]);
}

#[test]
fn ringing_back_stops_callback_and_no_other_clock() {
    for outcome in [
        CallbackOutcome::Reached,
        CallbackOutcome::NoAnswer,
        CallbackOutcome::WrongNumber,
        CallbackOutcome::Unsafe,
    ] {
        let mut room = Room::open();
        let call = room.flagged(|flags| flags.dropped = true);
        room.minutes(1);
        room.callback(call, outcome);
        room.minutes(19);
        assert!(room.said("callback").is_empty());
        assert_eq!(room.told_at("acknowledge"), [15 * MINUTE]);
    }
}

#[test]
fn an_acknowledgement_does_not_stop_callback() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.dropped = true);
    room.acknowledged(call, "CAR-1");
    room.minutes(6);
    assert_eq!(room.told_at("callback"), [5 * MINUTE]);
}

#[test]
fn safety_warns_at_twenty_five_minutes_on_scene_and_is_missed_at_thirty() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    room.minutes(45);
    assert_eq!(room.warned_at("safety"), [26 * MINUTE]);
    assert_eq!(room.told_at("safety"), [31 * MINUTE, 46 * MINUTE]);
    assert_eq!(room.told("safety"), ["room supervisor"; 2]);
}

#[test]
fn checking_in_restarts_safety() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    for _ in 0..10 {
        room.minutes(24);
        room.check_in(call, "CAR-1").unwrap();
    }
    assert!(room.said("safety").is_empty());
    room.minutes(30);
    assert_eq!(room.told_at("safety"), [270 * MINUTE]);
    // A crew that was missed and answers is watched again from its warning on.
    room.check_in(call, "CAR-1").unwrap();
    room.minutes(30);
    assert_eq!(room.warned_at("safety"), [265 * MINUTE, 295 * MINUTE]);
    assert_eq!(room.told_at("safety"), [270 * MINUTE, 300 * MINUTE]);
}

#[test]
fn one_crews_check_in_says_nothing_of_another() {
    let mut room = Room::open();
    let call = room.call(1);
    for name in ["CAR-1", "CAR-2"] {
        room.acknowledged(call, name);
        room.report(call, name, Progress::OnScene).unwrap();
    }
    room.minutes(20);
    room.check_in(call, "CAR-1").unwrap();
    room.minutes(20);
    assert_eq!(room.told_at("safety"), [30 * MINUTE]);
}

#[test]
fn clearing_stops_safety_and_so_does_closing() {
    for by_closing in [false, true] {
        let mut room = Room::open();
        let call = room.call(1);
        room.acknowledged(call, "CAR-1");
        room.report(call, "CAR-1", Progress::OnScene).unwrap();
        room.minutes(20);
        if by_closing {
            room.close(call, "Saima", "helped").unwrap();
        } else {
            room.clear(call, "CAR-1").unwrap();
        }
        room.minutes(60);
        assert!(room.said("safety").is_empty());
    }
}

#[test]
fn a_crew_on_scene_that_goes_silent_is_still_watched() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    room.link("CAR-1", false);
    room.minutes(30);
    assert_eq!(room.count("unit_went_silent"), 1);
    assert_eq!(room.told_at("safety"), [30 * MINUTE]);
}

#[test]
fn closing_stops_every_clock() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.dropped = true);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    room.sign_on("CAR-2");
    room.assign(call, "CAR-2").unwrap();
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(room.engine.next_deadline(), None);
    room.minutes(600);
    assert_eq!(room.count("escalated") + room.count("clock_warned"), 0);
}

#[test]
fn an_event_of_the_call_may_stop_the_clock_of_a_unit() {
    let mut room = Room::with(|rules| rules.clocks[2].stops.push(Trigger::CallbackRecorded));
    let call = room.call(1);
    for name in ["CAR-1", "CAR-2"] {
        room.sign_on(name);
        room.assign(call, name).unwrap();
    }
    room.callback(call, CallbackOutcome::Reached);
    room.minutes(10);
    assert!(room.told("turnout").is_empty());
}

#[test]
fn a_clock_is_data_any_start_and_stop_will_do() {
    // From rolling to arriving, ten minutes, warned at four and eight.
    let mut room = Room::with(|rules| {
        let mut drive = rules.clocks[1].clone();
        drive.name = "drive".into();
        drive.starts = Trigger::EnRoute;
        drive.limit_ms = 10 * MINUTE;
        drive.warn_ms = vec![4 * MINUTE, 8 * MINUTE];
        rules.clocks.push(drive);
    });
    let call = room.call(1);
    room.minutes(1);
    room.acknowledged(call, "CAR-1");
    room.minutes(1);
    room.report(call, "CAR-1", Progress::EnRoute).unwrap();
    room.minutes(14);
    assert_eq!(room.warned_at("drive"), [6 * MINUTE, 10 * MINUTE]);
    assert_eq!(room.told_at("drive"), [12 * MINUTE]);
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    room.minutes(20);
    assert_eq!(room.told_at("drive").len(), 1);
}

#[test]
fn a_deadline_may_be_a_millisecond_or_ten_years_away() {
    const TEN_YEARS: u64 = 10 * 366 * 24 * 60 * MINUTE;
    for limit_ms in [1, TEN_YEARS] {
        let mut room = Room::with(|rules| {
            rules.clocks.truncate(1);
            rules.clocks[0].limit_ms = limit_ms;
            rules.clocks[0].warn_ms.clear();
        });
        room.call(1);
        assert_eq!(room.engine.next_deadline(), Some(START.plus(limit_ms)));
        room.millis(limit_ms);
        assert_eq!(room.told_at("acknowledge"), [limit_ms]);
    }
}

#[test]
fn a_clock_step_is_an_event_and_moves_nothing() {
    for by_ms in [3_600_000, -3_600_000] {
        let mut room = Room::open();
        room.call(1);
        room.minutes(7);
        let deadline = room.engine.next_deadline();
        room.submit("room", Role::Room, Command::RecordClockStep { by_ms }).unwrap();
        assert_eq!(room.events().last(), Some(&Event::ClockStepped { by_ms }));
        assert_eq!(room.engine.next_deadline(), deadline);
        room.minutes(30);
        assert_eq!(room.told_at("acknowledge"), [15 * MINUTE, 30 * MINUTE]);
    }
}

#[test]
fn an_instant_before_the_last_counts_as_the_last() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(15);
    room.now = START;
    room.call(2);
    assert_eq!(room.log.last().unwrap().at, START.plus(15 * MINUTE));
    room.millis(0);
    assert_eq!(room.told("acknowledge").len(), 1);
}

#[test]
fn an_empty_room_sleeps_for_ever() {
    let room = Room::open();
    assert_eq!(room.engine.next_deadline(), None);
}

#[test]
fn the_next_deadline_is_exact() {
    let mut room = Room::open();
    let call = room.call(2);
    let expect = |room: &mut Room, ms: u64| {
        assert_eq!(room.engine.next_deadline(), Some(START.plus(ms)));
        room.until(START.plus(ms));
    };
    expect(&mut room, 10 * MINUTE); // both warnings
    expect(&mut room, 15 * MINUTE); // both limits, and it rises to priority 1
    room.claim(call, "Saima").unwrap();
    expect(&mut room, 15 * MINUTE + 45_000);
    room.sign_on("CAR-1");
    room.assign(call, "CAR-1").unwrap();
    expect(&mut room, 15 * MINUTE + 45_000 + 90_000);
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    expect(&mut room, 17 * MINUTE + 15_000 + 25 * MINUTE); // safety's warning
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(room.engine.next_deadline(), None);
}

#[test]
fn nothing_happens_between_deadlines() {
    let mut room = Room::open();
    room.call(2);
    let mut idle = 0;
    for second in 1..3_600 {
        let now = START.plus(second * 1_000);
        let due = room.engine.next_deadline().is_some_and(|at| at <= now);
        let events = room.log.len();
        room.now = now;
        assert!(!room.engine.tick(now, 1_000, &mut room.log));
        assert_eq!(room.log.len() > events, due, "second {second}");
        idle += usize::from(!due);
    }
    assert!(idle > 3_500);
}

#[test]
fn waking_late_by_a_little_or_often_tells_the_same() {
    let told = |step_ms: u64| {
        let mut room = Room::open();
        room.call(1);
        room.call(3);
        while room.now < START.plus(100 * MINUTE) {
            room.now = room.now.plus(step_ms);
            while room.engine.tick(room.now, 1, &mut room.log) {}
        }
        let due = |said: crate::room::Said| (said.call, said.rung, said.repeat, said.due_ms);
        let mut told: Vec<_> = room.said("acknowledge").into_iter().map(due).collect();
        told.sort();
        told
    };
    assert_eq!(told(100 * MINUTE), told(1_000));
    assert_eq!(told(5 * MINUTE), told(1_000));
}

#[test]
fn a_clock_of_the_call_hears_whether_a_unit_is_done_or_was_taken_away() {
    for (leaves, told) in [(Room::clear as fn(&mut Room, _, &str) -> _, 0), (Room::release, 1)] {
        let mut room = Room::with(|rules| {
            let mut seen_to = rules.clocks[1].clone();
            seen_to.name = "seen to".into();
            seen_to.starts = Trigger::OnScene;
            seen_to.stops = vec![Trigger::UnitCleared];
            rules.clocks = vec![seen_to];
        });
        let call = room.call(1);
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        leaves(&mut room, call, "CAR-1").unwrap();
        room.minutes(16);
        assert_eq!(room.told("seen to").len(), told);
    }
}

//! Where her device was is destroyed by itself, a day at a time, and the log stays whole.

use crate::erasure::{keyring, written};
use crate::room::{MINUTE, Room, START};
use crate::sos::{as_it_was_lived, fix, follow, press, pressed};
use fifteen::domain::*;
use fifteen::engine::State;
use fifteen::journal::{Journal, replay_from_start_as};
use fifteen::seal::{Gone, Keyring};
use fifteen::service::{Opened, decode_sealed};

const DAY: u64 = 24 * 60 * MINUTE;

/// Trails are kept for so long after their day; calls and keys longer, so that a device is heard for days.
fn room(trail_kept_ms: Option<u64>) -> Room {
    Room::with(|rules| {
        rules.trail_kept_ms = trail_kept_ms;
        (rules.key_kept_ms, rules.closed_kept_ms) = (60 * DAY, 60 * DAY);
    })
}

fn trail(room: &Room, call: CallId) -> Vec<u32> {
    let since = room.get(call).follow_up.as_ref();
    since.map_or_else(Vec::new, |since| since.trail.iter().map(|fix| fix.n).collect())
}

fn moves(room: &mut Room, n: u32) {
    let fix = fix(room, n, 31.5);
    assert_eq!(follow(room, 1, vec![fix]), Ok(1));
}

fn erased(room: &Room) -> Vec<(u64, u64)> {
    let said = room.log.iter().filter_map(|dated| match dated.transition.event {
        Event::TrailsErased { before } => Some((dated.at.0 - START.0, before.0 - START.0)),
        _ => None,
    });
    said.collect()
}

/// What a replay finds that has lost the keys as the log says.
fn replayed_without(room: &Room, keyring: &Keyring) -> (State, Gone) {
    let log = written(room, keyring);
    let met = replay_from_start_as(&log, &Opened::with(keyring.clone())).unwrap().state;
    keyring.erase(&met.gone).unwrap();
    let replayed = replay_from_start_as(&log, &Opened::with(keyring.clone())).unwrap().state;
    (replayed.state, replayed.gone)
}

#[test]
fn a_days_trails_go_when_they_were_kept_for_long_enough_after_it() {
    let mut room = room(Some(2 * DAY));
    let (call, _) = press(&mut room, 1, pressed(1));
    room.minutes(60);
    moves(&mut room, 1);
    room.until(START.plus(DAY - 1));
    moves(&mut room, 2);
    room.millis(1_000);
    moves(&mut room, 3);
    room.close(call, "Saima", "helped").unwrap();
    room.until(START.plus(3 * DAY - 1));
    assert_eq!(trail(&room, call), [1, 2, 3]);
    assert_eq!(room.get(call).last_fix().map(|fix| fix.n), Some(3));
    room.millis(1);
    assert_eq!(trail(&room, call), [3]);
    room.until(START.plus(20 * DAY));
    assert_eq!(trail(&room, call), [0_u32; 0]);
    assert!(room.get(call).follow_up.is_none() && room.get(call).placed.sealed.number.is_some());
    assert_eq!(erased(&room), [(3 * DAY, DAY), (4 * DAY, 2 * DAY)], "and then it sleeps");
    assert_eq!(room.engine.next_deadline(), None);
    as_it_was_lived(&room);
}

#[test]
fn the_bytes_stay_and_nobody_reads_them_and_the_replay_is_the_state_that_lived() {
    let (mut room, keyring) = (room(Some(DAY)), keyring());
    let (call, _) = press(&mut room, 1, pressed(1));
    for n in 1..=3 {
        room.until(START.plus(u64::from(n - 1) * DAY));
        moves(&mut room, n);
    }
    assert_eq!(trail(&room, call), [2, 3]);
    let (state, gone) = replayed_without(&room, &keyring);
    assert_eq!((gone.trails_before_day, gone.calls.len()), (START.day() + 1, 0));
    assert!(state == *room.engine.state());
    let log = written(&room, &Keyring::from_seed([4; 32], crate::erasure::SINCE));
    let mut shown = Vec::new();
    for frame in log.tail(1).unwrap() {
        for record in frame.unwrap().records() {
            if let Event::CallerMoved { fix, .. } =
                decode_sealed(record, &keyring).unwrap().transition.event
            {
                shown.push(fix.map(|fix| fix.n));
            }
        }
    }
    assert_eq!(shown, [None, Some(2), Some(3)]);
    // What is written from now on of that day has no key either.
    let about = fifteen::seal::About { call, trail_day: Some(START.day()) };
    assert!(keyring.seal(about, 1, b"", b"there").is_none());
}

#[test]
fn a_trail_past_its_bound_loses_the_same_whether_it_was_lived_or_replayed() {
    let (mut room, keyring) = (room(Some(DAY)), keyring());
    let (call, _) = press(&mut room, 1, pressed(1));
    room.until(START.plus(DAY - 100_000));
    for n in 1..=300 {
        moves(&mut room, n);
        room.seconds(1);
    }
    // Told late: it was there the day before.
    let late = Fix { taken_at: room.now.plus(5_000), ..fix(&room, 301, 31.5) };
    room.minutes(1);
    follow(&mut room, 1, vec![late]).unwrap();
    room.until(START.plus(2 * DAY));
    assert_eq!(trail(&room, call).len(), 201, "100 of the day before are gone");
    let (state, _) = replayed_without(&room, &keyring);
    assert!(state == *room.engine.state());
}

#[test]
fn a_position_that_came_a_day_late_goes_with_the_day_it_was_there() {
    let (mut room, keyring) = (room(Some(DAY)), keyring());
    let (call, _) = press(&mut room, 1, pressed(1));
    moves(&mut room, 1);
    let late = Fix { taken_at: room.now.plus(30 * MINUTE), ..fix(&room, 2, 31.6) };
    room.until(START.plus(DAY + MINUTE));
    assert_eq!(follow(&mut room, 1, vec![late]), Ok(1));
    room.until(START.plus(2 * DAY));
    assert_eq!(trail(&room, call), [0_u32; 0]);
    let (state, _) = replayed_without(&room, &keyring);
    assert!(state == *room.engine.state());
}

#[test]
fn a_room_that_was_down_makes_up_for_all_the_days_at_once() {
    let mut room = room(Some(DAY));
    press(&mut room, 1, pressed(1));
    for n in 1..=3 {
        moves(&mut room, n);
        room.until(START.plus(u64::from(n) * DAY - MINUTE));
    }
    room.outage(10 * 24 * 60);
    room.millis(0);
    assert_eq!(erased(&room), [(2 * DAY, DAY), (13 * DAY - MINUTE, 11 * DAY)]);
    as_it_was_lived(&room);
}

#[test]
fn without_a_time_they_are_kept_and_go_with_the_first_day_that_has_one() {
    let mut room = room(None);
    let (call, _) = press(&mut room, 1, pressed(1));
    moves(&mut room, 1);
    room.until(START.plus(40 * DAY));
    assert_eq!(trail(&room, call), [1]);
    let rules = room.engine.state().rules().unwrap().clone();
    let rules = Rules { trail_kept_ms: Some(5 * DAY), ..rules };
    room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules))).unwrap();
    room.minutes(1);
    assert_eq!((trail(&room, call).len(), room.engine.state().trails_due_at()), (1, None));
    moves(&mut room, 2);
    room.until(START.plus(46 * DAY));
    assert_eq!((trail(&room, call).len(), erased(&room).len()), (0, 1));
    as_it_was_lived(&room);
}

#[test]
fn a_safety_timers_trail_goes_too_and_a_room_without_any_has_no_timer() {
    let mut room = room(Some(0));
    assert_eq!(room.engine.next_deadline(), None);
    room.until(START.plus(DAY - 30 * MINUTE));
    let (received_at, after_ms) = (room.now, 60 * MINUTE);
    let order = Order {
        by: Actor::new("sos page", Role::Intake),
        key: Some(crate::sos::key(1)),
        command: Command::SetSafetyTimer { received_at, after_ms, call: Box::new(pressed(1)) },
    };
    room.order(&order).unwrap();
    moves(&mut room, 1);
    assert!(room.engine.state().timers().all(|timer| timer.follow_up.is_some()));
    room.until(START.plus(DAY));
    assert!(room.engine.state().timers().all(|timer| timer.follow_up.is_none()));
    as_it_was_lived(&room);
}

//! The room kept from snapshots and pushes.

use crate::samples::{call, closed, pushed, snapshot, unit, urgent, with_unit};
use fifteen::client::Update;
use fifteen::console::room::{Change, Room};
use fifteen::protocol::{Snapshot, UnitStatus, UnitSummary};

#[test]
fn the_old_picture_stays_until_the_new_one_is_whole() {
    let mut room = Room::default();
    room.apply(Update::Snapshot(snapshot(vec![call(1)], 1, 1)));
    assert!(room.is_whole());
    room.apply(Update::Snapshot(snapshot(vec![call(2)], 1, 2)));
    assert!(room.call(1).is_some() && room.call(2).is_none(), "one page of two");
    room.apply(Update::Snapshot(snapshot(vec![call(3)], 2, 2)));
    assert!(room.call(1).is_none() && room.call(2).is_some() && room.call(3).is_some());
}

#[test]
fn a_snapshot_begun_and_broken_off_leaves_no_trace() {
    let mut room = Room::default();
    room.apply(Update::Snapshot(snapshot(vec![call(1)], 1, 2)));
    room.apply(Update::Snapshot(snapshot(vec![call(2)], 1, 1)));
    assert!(room.call(1).is_none() && room.call(2).is_some());
}

#[test]
fn an_urgent_call_that_came_while_the_link_was_lost_is_heard() {
    let mut room = Room::default();
    let first = snapshot(vec![urgent(1)], 1, 1);
    assert_eq!(room.apply(Update::Snapshot(first)), Change::Whole { alarms: 0 });
    let again = snapshot(vec![urgent(1), urgent(2), call(3)], 1, 1);
    assert_eq!(room.apply(Update::Snapshot(again)), Change::Whole { alarms: 1 });
}

#[test]
fn of_closed_calls_only_the_latest_are_kept() {
    let mut room = Room::default();
    for id in 1..=205 {
        room.apply(pushed(id, "call_closed", closed(id)));
        while room.forget_closed().is_some() {}
    }
    assert_eq!(room.calls().count(), 200);
    assert!(room.call(5).is_none() && room.call(6).is_some());
}

#[test]
fn an_update_that_comes_twice_changes_nothing() {
    let mut room = Room::default();
    room.apply(pushed(1, "call_received", call(1)));
    room.apply(pushed(1, "call_received", call(1)));
    assert_eq!(room.calls().count(), 1);
}

#[test]
fn the_end_of_a_call_frees_its_units_and_ends_its_panic() {
    let (mut room, scene, sent) = (Room::default(), UnitStatus::OnScene, UnitStatus::Dispatched);
    let units = vec![
        unit("CAR-1", scene, &[1]),
        unit("CAR-2", scene, &[1, 2]),
        UnitSummary { panic: Some(1), ..unit("CAR-3", UnitStatus::Available, &[]) },
        UnitSummary { panic: Some(9), ..unit("CAR-4", UnitStatus::Available, &[]) },
    ];
    let calls = vec![with_unit(call(1), "CAR-1", scene), with_unit(call(2), "CAR-2", sent)];
    room.apply(Update::Snapshot(Snapshot { units, ..snapshot(calls, 1, 1) }));
    room.apply(pushed(101, "call_closed", closed(1)));
    let of = |callsign: &str| room.unit(callsign).unwrap();
    assert!(of("CAR-1").status == UnitStatus::Available && of("CAR-1").calls.is_empty());
    assert!(of("CAR-2").status == sent && of("CAR-2").calls == [2], "it is on another still");
    assert_eq!((of("CAR-3").panic, of("CAR-4").panic), (None, Some(9)));
}

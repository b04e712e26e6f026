//! What cannot be done is refused: nothing happens, and the answer says why and what to do.

use crate::room::{MINUTE, Room, unit};
use fifteen::domain::{
    CallId, CallbackOutcome, Command, Event, Key, Order, Point, Priority, Progress, Rating,
    Rejection, Role, SealedText, SignOn, bounds,
};
use std::collections::{BTreeMap, BTreeSet};

fn about_a_call(call: CallId) -> Vec<Command> {
    let unit = unit("CAR-1");
    let reason = None;
    vec![
        Command::ClaimCall { call, take_over: false },
        Command::ReleaseClaim { call },
        Command::AssignUnit { call, unit: unit.clone() },
        Command::ReleaseUnit { call, unit: unit.clone(), reason: reason.clone() },
        Command::ReportProgress {
            call,
            unit: unit.clone(),
            progress: Progress::OnScene,
            by_radio: true,
        },
        Command::DeclineCall { call, unit: unit.clone(), reason: reason.clone() },
        Command::ClearUnit { call, unit: unit.clone() },
        Command::CheckIn { call, unit },
        Command::SetPriority { call, priority: Priority::LEAST_URGENT, reason: reason.clone() },
        Command::EscalateCall { call, clock: None, reason },
        Command::RecordCallback { call, outcome: CallbackOutcome::Reached, note: None },
        Command::CloseCall { call, disposition: "helped".into(), remark: None },
    ]
}

fn about_a_known_call(call: CallId) -> Vec<Command> {
    let reason = None;
    vec![
        Command::AddNote { call, text: SealedText("x".into()) },
        Command::LinkCall { call, primary: CallId(1) },
        Command::TakeEscalation { call, clock: "acknowledge".into(), rung: None },
        Command::ReopenCall { call, reason: reason.clone() },
        Command::OpenCall { call, reason },
    ]
}

#[test]
fn an_unknown_call_is_named() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    for call in [CallId(0), CallId(7), CallId(u64::MAX)] {
        for command in [about_a_call(call), about_a_known_call(call)].concat() {
            let rejection = room.refused("Saima", Role::Operator, command);
            assert_eq!(rejection, Rejection::UnknownCall(call));
        }
    }
    let call = room.call(1);
    let primary = CallId(99);
    let link = Command::LinkCall { call, primary };
    let rejection = room.refused("Saima", Role::Operator, link);
    assert_eq!(rejection, Rejection::UnknownCall(primary));
}

#[test]
fn a_closed_call_is_reopened_first() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.close(call, "Saima", "helped").unwrap();
    for command in about_a_call(call) {
        let rejection = room.refused("Saima", Role::Operator, command);
        assert_eq!(rejection, Rejection::CallClosed(call));
    }
}

#[test]
fn an_open_call_is_not_reopened() {
    let mut room = Room::open();
    let call = room.call(1);
    let reason = None;
    let rejection = room.refused("Saima", Role::Operator, Command::ReopenCall { call, reason });
    assert_eq!(rejection, Rejection::CallOpen(call));
}

#[test]
fn an_unknown_unit_is_named() {
    let mut room = Room::open();
    let call = room.call(1);
    let unit = unit("CAR-9");
    let point = fifteen::domain::Point::from_degrees(1.0, 1.0, 0).unwrap();
    for command in [
        Command::AssignUnit { call, unit: unit.clone() },
        Command::SignOffUnit { unit: unit.clone() },
        Command::SetOutOfService { unit: unit.clone(), reason: "x".into() },
        Command::SetAvailable { unit: unit.clone() },
        Command::MoveUnit { unit: unit.clone(), point },
        Command::SetLink { unit: unit.clone(), up: true },
    ] {
        let rejection = room.refused("Saima", Role::Operator, command);
        assert_eq!(rejection, Rejection::UnknownUnit(unit.clone()));
    }
}

#[test]
fn a_unit_not_on_the_call_is_named() {
    let mut room = Room::open();
    let call = room.call(1);
    room.sign_on("CAR-1");
    let unit = unit("CAR-1");
    let reason = None;
    for command in [
        Command::ReleaseUnit { call, unit: unit.clone(), reason: reason.clone() },
        Command::DeclineCall { call, unit: unit.clone(), reason },
        Command::ClearUnit { call, unit: unit.clone() },
        Command::CheckIn { call, unit: unit.clone() },
    ] {
        for (who, role) in [("Saima", Role::Operator), ("CAR-1", Role::Unit)] {
            let unit = unit.clone();
            let rejection = room.refused(who, role, command.clone());
            assert_eq!(rejection, Rejection::NotAssigned { call, unit });
        }
    }
}

#[test]
fn an_unknown_clock_is_refused_and_the_list_named() {
    let mut room = Room::open();
    let call = room.call(1);
    let given: Box<str> = "coffee".into();
    let known = "acknowledge, arrive, turnout, callback, safety, canary".to_owned();
    let refusal = Rejection::UnknownClock { given: given.clone(), known };
    let (clock, reason) = (Some(given.clone()), None);
    let escalate = Command::EscalateCall { call, clock, reason };
    assert_eq!(room.refused("Saima", Role::Operator, escalate), refusal);
    let (clock, rung) = (given, None);
    let take = Command::TakeEscalation { call, clock, rung };
    assert_eq!(room.refused("Asif", Role::Supervisor, take), refusal);
}

#[test]
fn what_is_not_a_call_may_be_refused_for_its_length() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    let unit = unit("CAR-1");
    let long: Box<str> = "x".repeat(bounds::NOTE_BYTES_MAX + 1).into();
    let reason = Some(long.clone());
    let crew = |crew: SignOn| Command::SignOnUnit {
        unit: unit.clone(),
        crew: Box::new(crew),
        linked: true,
    };
    for (field, command) in [
        ("note", Command::AddNote { call, text: SealedText(long.clone()) }),
        ("reason", Command::ReleaseUnit { call, unit: unit.clone(), reason: reason.clone() }),
        ("reason", Command::DeclineCall { call, unit: unit.clone(), reason: reason.clone() }),
        (
            "reason",
            Command::SetPriority { call, priority: Priority::LEAST_URGENT, reason: reason.clone() },
        ),
        ("reason", Command::EscalateCall { call, clock: None, reason: reason.clone() }),
        ("reason", Command::OpenCall { call, reason: reason.clone() }),
        ("reason", Command::ReopenCall { call, reason }),
        (
            "remark",
            Command::CloseCall {
                call,
                disposition: "helped".into(),
                remark: Some(SealedText(long.clone())),
            },
        ),
        ("reason", Command::SetOutOfService { unit: unit.clone(), reason: long.clone() }),
        ("district", crew(SignOn { district: long.clone(), ..SignOn::default() })),
        ("vehicle", crew(SignOn { vehicle: Some(long.clone()), ..SignOn::default() })),
        ("crew", crew(SignOn { crew: vec![long.clone()], ..SignOn::default() })),
        ("skills", crew(SignOn { skills: vec![long], ..SignOn::default() })),
    ] {
        let rejection = room.refused("Saima", Role::Operator, command);
        let Rejection::TooLong { field: named, bytes, bytes_max } = rejection else {
            panic!("{field}: {rejection}");
        };
        assert_eq!((named, bytes), (field, bounds::NOTE_BYTES_MAX + 1));
        assert!(bytes_max == bounds::NOTE_BYTES_MAX || bytes_max == bounds::NAME_BYTES_MAX);
    }
    let nobody = "n".repeat(97);
    let rejection = room.refused(&nobody, Role::Operator, Command::ReleaseClaim { call });
    assert!(matches!(rejection, Rejection::TooLong { field: "name", .. }));
}

#[test]
fn a_crew_has_so_many_names_and_skills() {
    let mut room = Room::open();
    let many: Vec<Box<str>> = vec!["x".into(); bounds::CREW_MAX + 1];
    for (what, crew) in [
        ("crew", SignOn { crew: many.clone(), ..SignOn::default() }),
        ("skills", SignOn { skills: many.clone(), ..SignOn::default() }),
    ] {
        let command =
            Command::SignOnUnit { unit: unit("CAR-1"), crew: Box::new(crew), linked: true };
        let rejection = room.refused("CAR-1", Role::Unit, command);
        let most = bounds::CREW_MAX;
        assert_eq!(rejection, Rejection::TooMany { what, most });
    }
}

/// One of each rejection, each brought about in a room: its code and its text.
fn one_of_each() -> BTreeSet<(&'static str, String)> {
    let mut room = Room::open();
    let mut seen = BTreeMap::new();
    let mut note = |rejection: Rejection| {
        let variant = std::mem::discriminant(&rejection);
        seen.insert(format!("{variant:?}"), (rejection.code(), rejection.to_string()));
    };
    let operator = Role::Operator;
    let reason = None;
    let (call, other) = (room.call(1), room.call(1));
    let silent = room.flagged(|flags| flags.silent = true);
    let car = unit("CAR-1");
    let nobody = CallId(99);
    note(room.refused("S", operator, Command::ReleaseClaim { call: nobody }));
    note(room.assign(call, "CAR-1").unwrap_err());
    room.sign_on("CAR-1");
    note(room.clear(call, "CAR-1").unwrap_err());
    room.acknowledged(call, "CAR-1");
    note(room.check_in(call, "CAR-1").unwrap_err());
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    note(room.report(call, "CAR-1", Progress::EnRoute).unwrap_err());
    room.claim(call, "Saima").unwrap();
    note(room.claim(call, "Noor").unwrap_err());
    note(room.close(call, "Saima", "prank").unwrap_err());
    note(room.close(silent, "Saima", "hoax").unwrap_err());
    room.callback(silent, CallbackOutcome::NoAnswer);
    room.close(silent, "Saima", "hoax").unwrap();
    note(room.close(silent, "Saima", "hoax").unwrap_err());
    note(room.escalate(call, "coffee").unwrap_err());
    note(room.escalate(call, "acknowledge").unwrap_err());
    note(room.take(other, None).unwrap_err());
    let link = |call, primary| Command::LinkCall { call, primary };
    note(room.refused("S", operator, link(other, other)));
    let reopen = Command::ReopenCall { call, reason };
    note(room.refused("S", operator, reopen));
    room.close(call, "Saima", "helped").unwrap();
    note(room.close(call, "Saima", "helped").unwrap_err());
    room.out_of_service("CAR-1").unwrap();
    note(room.assign(other, "CAR-1").unwrap_err());
    let text = SealedText("x".repeat(2_000).into());
    note(room.refused("S", operator, Command::AddNote { call, text }));
    let crew = Box::new(SignOn { crew: vec!["x".into(); 13], ..SignOn::default() });
    let linked = true;
    let sign_on = Command::SignOnUnit { unit: car.clone(), crew, linked };
    note(room.refused("S", operator, sign_on));
    note(room.refused("CAR-2", Role::Unit, Command::SignOffUnit { unit: car }));
    let mut order = Order {
        by: fifteen::domain::Actor::new("Saima", operator),
        key: Some(Key([7; 16])),
        command: link(other, call),
    };
    room.order(&order).unwrap();
    order.command = link(other, silent);
    note(room.order(&order).unwrap_err());
    seen.into_values().collect()
}

#[test]
fn every_rejection_is_reached_and_says_what_was_wrong_and_what_to_do() {
    let said = one_of_each();
    let expected = [
        ("call_closed", "call 1 is closed; reopen it first"),
        ("call_open", "call 1 is open; only a closed call is reopened"),
        ("claimed", "call 1 is claimed by Saima; take it over if it must be you"),
        (
            "key_reused",
            "this key was used before for another command; make a new key for each command",
        ),
        ("link_cycle", "call 2 cannot repeat call 2: it is the same call, or repeats this one"),
        (
            "needs_callback",
            "call 3 was silent, dropped or an SOS: record a call-back attempt before it is \
             closed so",
        ),
        (
            "needs_second_person",
            "call 3 was silent, dropped or an SOS: a second person, not Saima, must close it \
             the same way",
        ),
        ("no_clock_running", "no such clock runs on call 1; there is nothing to escalate"),
        ("not_allowed", "acting for another unit is not for this role"),
        ("not_assigned", "unit CAR-1 is not on call 1; assign it first"),
        ("out_of_order", "unit CAR-1 is not on scene at call 1; only a unit on scene checks in"),
        (
            "out_of_order",
            "unit CAR-1 is already on_scene on call 1; an earlier status changes nothing",
        ),
        ("rung_not_told", "that rung of call 2 has not been told; there is nothing to take"),
        ("too_large", "note is 2000 bytes long; at most 1024"),
        ("too_large", "crew: at most 12"),
        ("unit_unavailable", "unit CAR-1 is out of service; set it available first"),
        ("unknown_call", "call 99 is not known here; `fifteen calls` lists those that are"),
        (
            "unknown_clock",
            "clock \"coffee\" is not configured; one of: acknowledge, arrive, turnout, \
             callback, safety, canary",
        ),
        ("unknown_unit", "unit CAR-1 is not signed on; it signs on with `fifteen unit CAR-1`"),
        (
            "wrong_disposition",
            "disposition \"prank\" is not configured; one of: helped, case registered, \
             referred, duplicate, recorded, hoax, error, unanswered",
        ),
    ];
    let expected: BTreeSet<_> =
        expected.into_iter().map(|(code, text)| (code, text.to_owned())).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_refused_command_may_wake_what_was_overdue_and_nothing_more() {
    let mut room = Room::open();
    let call = room.call(1);
    room.now = room.now.plus(16 * MINUTE);
    room.close(call, "Saima", "prank").unwrap_err();
    assert_eq!(room.count("escalated"), 2);
    room.millis(0);
    assert_eq!(room.count("escalated"), 2);
}

#[test]
fn a_rated_place_is_no_nearer_than_a_hundred_metres() {
    let mut room = Room::open();
    let point = |lat, lon| Point::from_degrees(lat, lon, 12).unwrap();
    for (said, kept) in [
        (point(31.549_74, 74.343_61), (31.55, 74.344)),
        (point(-0.000_4, -0.000_6), (0.0, -0.001)),
        (point(90.0, 180.0), (90.0, 180.0)),
        (point(-90.0, -180.0), (-90.0, -180.0)),
    ] {
        let command = Command::RatePlace { point: said, rating: Rating::Partly };
        room.submit("sos page", Role::Intake, command).unwrap();
        let Some(Event::PlaceRated { point, .. }) = room.events().pop() else { panic!() };
        assert_eq!((point, point.accuracy_m), (Point::from_degrees(kept.0, kept.1, 0).unwrap(), 0));
    }
}

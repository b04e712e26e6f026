//! Units: shifts, links, who is sent where, and what a unit may touch.

use crate::room::{MINUTE, Room, unit};
use fifteen::domain::{
    CallId, Command, FEMALE_OFFICER, Link, Point, Priority, Progress, Rejection, Role, SealedText,
    SignOn, Stage,
};
use fifteen::engine::{Reason, recommend};

fn status(room: &Room, name: &str) -> &'static str {
    let state = room.engine.state();
    let callsign = unit(name);
    state.unit(&callsign).map_or("unknown", |unit| state.status(&callsign, unit).name())
}

#[test]
fn a_units_status_follows_its_calls_and_its_word() {
    let mut room = Room::open();
    assert_eq!(status(&room, "CAR-1"), "unknown");
    room.sign_on("CAR-1");
    assert_eq!(status(&room, "CAR-1"), "available");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    assert_eq!(status(&room, "CAR-1"), "dispatched");
    for (progress, name) in [
        (Progress::Acknowledged, "acknowledged"),
        (Progress::EnRoute, "en_route"),
        (Progress::OnScene, "on_scene"),
    ] {
        room.report(call, "CAR-1", progress).unwrap();
        assert_eq!(status(&room, "CAR-1"), name);
    }
    room.clear(call, "CAR-1").unwrap();
    assert_eq!(status(&room, "CAR-1"), "available");
    room.out_of_service("CAR-1").unwrap();
    assert_eq!(status(&room, "CAR-1"), "out_of_service");
    let set = Command::SetAvailable { unit: unit("CAR-1") };
    room.says("CAR-1", set.clone()).unwrap();
    room.says("CAR-1", set).unwrap();
    assert_eq!(room.count("unit_available"), 1);
    assert_eq!(status(&room, "CAR-1"), "available");
    room.sign_off("CAR-1").unwrap();
    assert_eq!(status(&room, "CAR-1"), "unknown");
}

#[test]
fn a_later_status_passes_through_the_earlier_ones() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    room.assign(call, "CAR-1").unwrap();
    room.minutes(1);
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    let call = room.get(call);
    assert_eq!(call.acknowledged_at, Some(room.now));
    assert_eq!(call.en_route_at, Some(room.now));
    assert_eq!(call.on_scene_at, Some(room.now));
}

#[test]
fn an_earlier_status_changes_nothing() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    for progress in [Progress::Assigned, Progress::Acknowledged, Progress::EnRoute] {
        let report =
            Command::ReportProgress { call, unit: unit("CAR-1"), progress, by_radio: false };
        let (now, unit) = ("on_scene", unit("CAR-1"));
        let rejection = room.refused("CAR-1", Role::Unit, report);
        assert_eq!(rejection, Rejection::OutOfOrder { call, unit, now });
    }
}

#[test]
fn the_same_status_again_is_no_event() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    let events = room.log.len();
    room.report(call, "CAR-1", Progress::Acknowledged).unwrap();
    assert_eq!(room.log.len(), events);
}

#[test]
fn a_unit_on_scene_no_longer_declines() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.report(call, "CAR-1", Progress::EnRoute).unwrap();
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    let (now, unit) = ("on_scene", unit("CAR-1"));
    let rejection = room.decline(call, "CAR-1").unwrap_err();
    assert_eq!(rejection, Rejection::OutOfOrder { call, unit, now });
}

#[test]
fn only_a_unit_on_scene_checks_in() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    let unit = unit("CAR-1");
    let rejection = room.check_in(call, "CAR-1").unwrap_err();
    assert_eq!(rejection, Rejection::NotOnScene { call, unit });
}

#[test]
fn progress_that_says_only_assigned_assigns_nobody() {
    let mut room = Room::open();
    let call = room.call(1);
    let unit = unit("GHOST");
    let report = Command::ReportProgress {
        call,
        unit: unit.clone(),
        progress: Progress::Assigned,
        by_radio: true,
    };
    let rejection = room.refused("Saima", Role::Operator, report);
    assert_eq!(rejection, Rejection::NotAssigned { call, unit });
}

#[test]
fn a_unit_known_by_voice_lasts_as_long_as_its_calls() {
    let mut room = Room::open();
    let (a, b) = (room.call(1), room.call(1));
    room.progress(a, "VOICE", Progress::EnRoute).unwrap();
    room.progress(b, "VOICE", Progress::Acknowledged).unwrap();
    room.close(a, "Saima", "helped").unwrap();
    assert_eq!(status(&room, "VOICE"), "acknowledged");
    room.close(b, "Saima", "helped").unwrap();
    assert_eq!(status(&room, "VOICE"), "unknown");
}

#[test]
fn a_unit_known_by_voice_goes_without_a_stray() {
    type Go = fn(&mut Room);
    let ways: [Go; 2] = [
        |room| {
            let unit = unit("VOICE");
            room.operator(Command::SignOffUnit { unit }).unwrap();
        },
        |room| {
            let (unit, reason) = (unit("VOICE"), "accident".into());
            room.operator(Command::SetOutOfService { unit, reason }).unwrap();
        },
    ];
    for go in ways {
        let mut room = Room::open();
        let (a, b) = (room.call(1), room.call(1));
        room.progress(a, "VOICE", Progress::EnRoute).unwrap();
        room.progress(b, "VOICE", Progress::Acknowledged).unwrap();
        go(&mut room);
        assert_eq!(room.engine.state().strays, 0);
        assert_eq!(room.queue(), [a, b]);
        assert_eq!(status(&room, "VOICE"), "unknown");
    }
}

#[test]
fn a_unit_out_of_service_is_not_sent() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    room.out_of_service("CAR-1").unwrap();
    let call = room.call(1);
    let car = unit("CAR-1");
    let assign = Command::AssignUnit { call, unit: car.clone() };
    let rejection = room.refused("Saima", Role::Operator, assign.clone());
    assert_eq!(rejection, Rejection::UnitOutOfService(car.clone()));
    room.says("CAR-1", Command::SetAvailable { unit: car }).unwrap();
    room.operator(assign).unwrap();
}

#[test]
fn a_unit_is_silent_five_minutes_after_its_link_was_lost() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.minutes(1);
    room.link("CAR-1", false);
    room.millis(5 * MINUTE - 1);
    assert_eq!(room.stage(call), Stage::Acknowledged);
    room.millis(1);
    assert_eq!(room.stage(call), Stage::Waiting);
    assert_eq!(room.count("unit_went_silent"), 1);
    let state = room.engine.state();
    assert_eq!(state.unit(&unit("CAR-1")).unwrap().link, Link::Silent);
}

#[test]
fn a_unit_that_comes_back_in_time_is_not_silent() {
    for back_after_ms in [0, 1, 5 * MINUTE] {
        let mut room = Room::open();
        let call = room.call(1);
        room.acknowledged(call, "CAR-1");
        room.link("CAR-1", false);
        // Exactly at the limit is in time.
        room.now = room.now.plus(back_after_ms);
        room.link("CAR-1", true);
        room.minutes(100);
        assert_eq!(room.count("unit_went_silent"), 0);
        assert_eq!(room.stage(call), Stage::Acknowledged);
    }
}

#[test]
fn a_unit_that_comes_back_too_late_was_silent() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.link("CAR-1", false);
    room.now = room.now.plus(5 * MINUTE + 1);
    room.link("CAR-1", true);
    assert_eq!(room.count("unit_went_silent"), 1);
    assert_eq!(room.queue(), [call]);
    let state = room.engine.state();
    assert_eq!(state.unit(&unit("CAR-1")).unwrap().link, Link::Up);
}

#[test]
fn a_unit_on_the_radio_cannot_lose_its_link() {
    let mut room = Room::open();
    let call = room.call(1);
    room.progress(call, "VOICE", Progress::EnRoute).unwrap();
    room.link("VOICE", false);
    room.minutes(14);
    assert_eq!(room.count("unit_link_lost"), 0);
    assert_eq!(room.stage(call), Stage::EnRoute);
}

#[test]
fn a_silent_unit_that_is_heard_is_a_unit_again() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.link("CAR-1", false);
    room.minutes(6);
    room.progress(call, "CAR-1", Progress::EnRoute).unwrap();
    assert_eq!(room.stage(call), Stage::EnRoute);
    room.minutes(8);
    assert_eq!(room.stage(call), Stage::EnRoute);
    assert_eq!(room.count("unit_went_silent"), 1);
}

#[test]
fn a_unit_that_is_forgotten_wakes_nobody() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    room.link("CAR-1", false);
    room.sign_off("CAR-1").unwrap();
    assert_eq!(room.engine.next_deadline(), None);
    // By voice, then linked, then its only call ends while its link is lost.
    let call = room.call(1);
    room.progress(call, "CAR-2", Progress::EnRoute).unwrap();
    room.link("CAR-2", true);
    room.link("CAR-2", false);
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(room.engine.next_deadline(), None);
}

#[test]
fn a_unit_that_left_words_nobody_has_read_is_off_duty() {
    let mut room = Room::open();
    room.sign_on("CAR-2");
    let text = SealedText("The car is at the workshop.".into());
    room.says("CAR-2", Command::SendMessage { unit: unit("CAR-2"), call: None, text }).unwrap();
    room.sign_off("CAR-2").unwrap();
    assert_eq!(status(&room, "CAR-2"), "signed_off");
}

#[test]
fn a_unit_speaks_for_itself_only() {
    let mut room = Room::open();
    let call = room.call(1);
    room.acknowledged(call, "CAR-1");
    room.acknowledged(call, "CAR-2");
    let unit = unit("CAR-1");
    let reason = None;
    let point = Point::from_degrees(31.0, 74.0, 5).unwrap();
    for command in [
        Command::ReportProgress {
            call,
            unit: unit.clone(),
            progress: Progress::OnScene,
            by_radio: false,
        },
        Command::DeclineCall { call, unit: unit.clone(), reason: reason.clone() },
        Command::ReleaseUnit { call, unit: unit.clone(), reason },
        Command::AssignUnit { call, unit: unit.clone() },
        Command::ClearUnit { call, unit: unit.clone() },
        Command::CheckIn { call, unit: unit.clone() },
        Command::SignOnUnit { unit: unit.clone(), crew: Box::default(), linked: true },
        Command::SignOffUnit { unit: unit.clone() },
        Command::SetOutOfService { unit: unit.clone(), reason: "lunch".into() },
        Command::SetAvailable { unit: unit.clone() },
        Command::MoveUnit { unit: unit.clone(), point },
        Command::SetLink { unit, up: false },
    ] {
        let rejection = room.refused("CAR-2", Role::Unit, command);
        assert_eq!(rejection, Rejection::NotAllowed("acting for another unit"));
    }
}

/// Everything a unit could try on a call, itself aside.
fn on_a_call(call: CallId, other: CallId) -> Vec<Command> {
    let reason = None;
    vec![
        Command::ClaimCall { call, take_over: true },
        Command::ReleaseClaim { call },
        Command::AssignUnit { call, unit: unit("CAR-1") },
        Command::SetPriority { call, priority: Priority::LEAST_URGENT, reason: reason.clone() },
        Command::AddNote { call, text: SealedText("x".into()) },
        Command::LinkCall { call, primary: other },
        Command::EscalateCall { call, clock: None, reason },
        Command::TakeEscalation { call, clock: "acknowledge".into(), rung: None },
        Command::RecordCallback {
            call,
            outcome: fifteen::domain::CallbackOutcome::Reached,
            note: None,
        },
        Command::CloseCall { call, disposition: "helped".into(), remark: None },
    ]
}

#[test]
fn a_unit_touches_only_calls_it_is_on() {
    let mut room = Room::open();
    let (hers, other) = (room.call(1), room.call(1));
    room.acknowledged(hers, "CAR-1");
    for command in on_a_call(other, hers) {
        let rejection = room.refused("CAR-1", Role::Unit, command);
        let what = "touching a call the unit is not on";
        assert_eq!(rejection, Rejection::NotAllowed(what));
    }
    let progress = Progress::OnScene;
    let rejection = room.report(other, "CAR-1", progress).unwrap_err();
    let unit = unit("CAR-1");
    assert_eq!(rejection, Rejection::NotAssigned { call: other, unit });
    let text = SealedText("he left".into());
    room.says("CAR-1", Command::AddNote { call: hers, text }).unwrap();
}

#[test]
fn a_unit_cannot_touch_a_call_once_it_is_closed() {
    let mut room = Room::open();
    let (hers, other) = (room.call(1), room.call(1));
    room.acknowledged(hers, "CAR-1");
    room.close(hers, "Saima", "helped").unwrap();
    for command in on_a_call(hers, other) {
        let rejection = room.refused("CAR-1", Role::Unit, command);
        assert!(
            rejection == Rejection::CallClosed(hers)
                || rejection == Rejection::NotAllowed("touching a call the unit is not on")
        );
    }
    let reason = None;
    let reopen = Command::ReopenCall { call: hers, reason };
    let rejection = room.refused("CAR-1", Role::Unit, reopen);
    let what = "touching a call the unit is not on";
    assert_eq!(rejection, Rejection::NotAllowed(what));
}

#[test]
fn a_move_is_where_the_unit_is() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let point = Point::from_degrees(31.5, 74.3, 5).unwrap();
    let unit = unit("CAR-1");
    let command = Command::MoveUnit { unit: unit.clone(), point };
    room.says("CAR-1", command).unwrap();
    let known = room.engine.state().unit(&unit).unwrap();
    assert_eq!(known.point, Some(point));
}

fn crew(district: &str, female: bool, point: Option<(f64, f64)>) -> Box<SignOn> {
    let skills = if female { vec![FEMALE_OFFICER.into()] } else { Vec::new() };
    Box::new(SignOn {
        district: district.into(),
        skills,
        point: point.and_then(|(lat, lon)| Point::from_degrees(lat, lon, 0)),
        ..SignOn::default()
    })
}

#[test]
fn units_are_recommended_by_district_distance_female_officer_and_rest() {
    let mut room = Room::open();
    let mut placed = Room::new_call(1);
    placed.sealed.place =
        Some(fifteen::domain::Place { point: Point::from_degrees(31.50, 74.30, 0), words: None });
    let call = room.place(placed);
    for (name, crew) in [
        ("FAR", crew("Lahore", false, Some((31.60, 74.30)))),
        ("NEAR", crew("Lahore", false, Some((31.501, 74.30)))),
        ("NEAR-HER", crew("Lahore", true, Some((31.502, 74.30)))),
        ("NOWHERE", crew("Lahore", true, None)),
        ("OTHER", crew("Multan", true, Some((31.50, 74.30)))),
        ("USED", crew("Lahore", false, Some((31.501, 74.30)))),
        ("BUSY", crew("Lahore", true, Some((31.50, 74.30)))),
        ("OUT", crew("Lahore", true, Some((31.50, 74.30)))),
    ] {
        let unit = unit(name);
        let linked = true;
        room.says(name, Command::SignOnUnit { unit, crew, linked }).unwrap();
    }
    room.out_of_service("OUT").unwrap();
    let other = room.call(1);
    room.assign(other, "BUSY").unwrap();
    room.assign(other, "USED").unwrap();
    room.release(other, "USED").unwrap();
    room.minutes(3);
    let state = room.engine.state();
    let ranked = recommend(state, room.get(call), room.now, 10);
    let names: Vec<_> = ranked.iter().map(|r| r.unit.as_str()).collect();
    assert_eq!(names, ["NEAR-HER", "NEAR", "USED", "FAR", "NOWHERE", "OTHER"]);
    assert!(ranked[0].reasons.contains(&Reason::FemaleOfficer));
    assert_eq!(ranked[0].reasons[0], Reason::SameDistrict);
    assert!(ranked[1].reasons.contains(&Reason::NotUsedYet));
    assert!(ranked[2].reasons.contains(&Reason::IdleMs(3 * MINUTE)));
    assert!(ranked[4].reasons.contains(&Reason::DistanceUnknown));
    assert_eq!(ranked[5].reasons[0], Reason::OtherDistrict);
    assert_eq!(ranked[4].distance_m, None);
    assert_eq!(recommend(state, room.get(call), room.now, 2).len(), 2);
}

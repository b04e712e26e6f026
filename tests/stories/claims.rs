//! Who is working a call: claims, heartbeats, take-over.

use crate::room::{Room, START};
use fifteen::domain::{CallId, Command, Rejection, Role};

fn take_over(call: CallId) -> Command {
    Command::ClaimCall { call, take_over: true }
}

fn holder(room: &Room, call: CallId) -> Option<(&str, bool)> {
    let claim = room.get(call).claim.as_ref()?;
    Some((&claim.who, claim.stale))
}

#[test]
fn a_claim_is_fresh_for_forty_five_seconds_to_the_millisecond() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.millis(44_999);
    assert_eq!(holder(&room, call), Some(("Saima", false)));
    room.millis(1);
    assert_eq!(holder(&room, call), Some(("Saima", true)));
    room.minutes(10);
    assert_eq!(room.count("claim_went_stale"), 1);
}

#[test]
fn a_heartbeat_renews_a_claim_and_is_no_event() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    for _ in 0..20 {
        room.seconds(15);
        room.claim(call, "Saima").unwrap();
    }
    assert_eq!(room.count("call_claimed"), 1);
    assert_eq!(room.count("claim_went_stale"), 0);
    let last = room.now;
    room.minutes(2);
    let stale = room.log.iter().find(|dated| {
        let event = &dated.transition.event;
        event.name() == "claim_went_stale"
    });
    assert_eq!(stale.unwrap().at, last.plus(45_000));
}

#[test]
fn a_heartbeat_exactly_at_forty_five_seconds_is_in_time() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.now = START.plus(45_000);
    room.claim(call, "Saima").unwrap();
    room.millis(0);
    assert_eq!(holder(&room, call), Some(("Saima", false)));
}

#[test]
fn a_fresh_claim_is_refused_to_others_and_taken_over_on_purpose() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    let who = "Saima".into();
    let refusal = room.claim(call, "Noor").unwrap_err();
    assert_eq!(refusal, Rejection::Claimed { call, who });
    room.submit("Noor", Role::Operator, take_over(call)).unwrap();
    assert_eq!(holder(&room, call), Some(("Noor", false)));
    room.seconds(44);
    assert_eq!(holder(&room, call), Some(("Noor", false)));
}

#[test]
fn a_stale_claim_is_anybodys() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.seconds(45);
    room.claim(call, "Noor").unwrap();
    assert_eq!(holder(&room, call), Some(("Noor", false)));
}

#[test]
fn who_let_a_claim_go_stale_may_claim_again() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.seconds(50);
    room.claim(call, "Saima").unwrap();
    assert_eq!(holder(&room, call), Some(("Saima", false)));
    room.seconds(45);
    assert_eq!(room.count("claim_went_stale"), 2);
}

#[test]
fn a_claim_is_released_by_its_holder_or_a_supervisor() {
    let mut room = Room::open();
    let call = room.call(1);
    let release = Command::ReleaseClaim { call };
    room.claim(call, "Saima").unwrap();
    let who = "Saima".into();
    let refusal = room.refused("Noor", Role::Operator, release.clone());
    assert_eq!(refusal, Rejection::Claimed { call, who });
    room.operator(release.clone()).unwrap();
    assert_eq!(holder(&room, call), None);
    room.claim(call, "Saima").unwrap();
    room.submit("Asif", Role::Supervisor, release.clone()).unwrap();
    assert_eq!(holder(&room, call), None);
    // Nobody has it: it is so already.
    room.submit("Noor", Role::Operator, release).unwrap();
    assert_eq!(room.count("claim_released"), 2);
    room.minutes(2);
    assert_eq!(room.count("claim_went_stale"), 0);
}

#[test]
fn closing_ends_a_claim() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(2);
    assert_eq!(room.count("claim_went_stale"), 0);
    assert_eq!(holder(&room, call), None);
}

#[test]
fn a_claim_counts_as_renewed_when_the_room_restarts() {
    let mut room = Room::open();
    let call = room.call(1);
    room.claim(call, "Saima").unwrap();
    room.seconds(40);
    room.now = room.now.plus(3_600_000);
    room.engine = fifteen::engine::Engine::new(room.replayed(), room.now);
    room.millis(44_999);
    assert_eq!(holder(&room, call), Some(("Saima", false)));
    room.millis(1);
    assert_eq!(holder(&room, call), Some(("Saima", true)));
}

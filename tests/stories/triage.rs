//! What is known of a caller and a place, what it proposes, and what it never does.

use crate::room::{MINUTE, Room};
use fifteen::config::Settings;
use fifteen::domain::*;
use fifteen::engine::{Proposal, Weight};

fn shipped() -> Triage {
    Settings::shipped().triage
}

/// A call of the usual number that ended so.
fn ended(room: &mut Room, disposition: &str) -> CallId {
    let call = room.call(3);
    room.close(call, "Saima", disposition).unwrap();
    call
}

fn of_caller(room: &Room) -> Counts {
    shipped().count(room.engine.state().from_number("0300 1234567"), room.now)
}

fn weighed(room: &Room) -> Proposal {
    shipped().weigh(&of_caller(room), &Counts::default(), Flags::default())
}

#[test]
fn calls_are_counted_by_what_came_of_them() {
    let mut room = Room::open();
    for disposition in ["hoax", "helped", "case registered", "referred", "duplicate", "error"] {
        ended(&mut room, disposition);
    }
    room.minutes(5);
    room.call(3);
    let mut trial = Room::new_call(3);
    trial.flags.test = true;
    room.place(trial);
    let last_at = Some(room.now);
    assert_eq!(of_caller(&room), Counts { calls: 7, open: 1, real: 3, hoax: 1, last_at });
}

#[test]
fn a_hoax_is_held_against_the_number_until_it_lapses() {
    let mut room = Room::open();
    ended(&mut room, "hoax");
    let lapses_ms = shipped().hoax_lapses_ms;
    room.millis(lapses_ms - 1);
    assert_eq!(of_caller(&room).hoax, 1);
    assert_eq!(weighed(&room).reasons, [(Weight::CallerHoax(1), -3)]);
    room.millis(1);
    assert_eq!((of_caller(&room).hoax, of_caller(&room).calls), (0, 1));
    assert_eq!(weighed(&room), Proposal::default());
}

#[test]
fn she_who_calls_again_is_raised_and_told_why() {
    let mut room = Room::open();
    room.call(3);
    assert_eq!(weighed(&room), Proposal { raise: 1, reasons: vec![(Weight::CallerOpen(1), 4)] });
    ended(&mut room, "helped");
    let flags = Flags { silent: true, dropped: true, ..Flags::default() };
    let place = Counts { calls: 2, open: 1, ..Counts::default() };
    let proposal = shipped().weigh(&of_caller(&room), &place, flags);
    let said: Vec<_> = proposal.reasons.iter().map(|(why, by)| format!("{why} ({by:+})")).collect();
    assert_eq!(
        said,
        [
            "1 other call of hers open (+4)",
            "she cannot speak (+4)",
            "1 real call of this number (+3)",
            "1 other call from this place open (+2)",
            "the line was cut (+1)",
        ]
    );
    assert_eq!(proposal.raise, 3, "14 points, four to each");
}

#[test]
fn hoaxes_take_back_and_never_lower() {
    let mut room = Room::open();
    for _ in 0..9 {
        ended(&mut room, "hoax");
    }
    let silent = Flags { silent: true, ..Flags::default() };
    let proposal = shipped().weigh(&of_caller(&room), &Counts::default(), silent);
    assert_eq!(proposal.reasons, [(Weight::Silent, 4), (Weight::CallerHoax(9), -3)]);
    assert_eq!(proposal.raise, 0, "one point is left of four");
    assert_eq!(weighed(&room).raise, 0, "and less than nothing is nothing");
    // One real call is worth more than any number of hoaxes, which may be another's on a shared telephone.
    ended(&mut room, "helped");
    assert_eq!(weighed(&room).reasons, [(Weight::CallerReal(1), 3)]);
}

#[test]
fn a_room_may_propose_nothing_or_weigh_otherwise() {
    let caller = Counts { calls: 9, open: 9, real: 9, ..Counts::default() };
    let none = Triage { raise_each: 0, ..shipped() };
    assert_eq!(none.weigh(&caller, &caller, Flags::default()).raise, 0);
    let all =
        Triage { raise_each: 1, points: Points { caller_open: 127, ..Points::default() }, ..none };
    let proposal = all.weigh(&caller, &caller, Flags::default());
    assert_eq!((proposal.raise, proposal.reasons), (3, vec![(Weight::CallerOpen(9), 127)]));
    let worst = Points { caller_open: -128, ..Points::default() };
    assert_eq!(Triage { points: worst, ..all }.weigh(&caller, &caller, Flags::default()).raise, 0);
}

#[test]
fn what_came_of_other_calls_from_there_weighs_too() {
    let points = shipped().points;
    let of_place = |real, hoax| {
        let place = Counts { calls: real + hoax, real, hoax, ..Counts::default() };
        shipped().weigh(&Counts::default(), &place, Flags::default()).reasons
    };
    assert_eq!(of_place(2, 0), [(Weight::PlaceReal(2), points.place_real)]);
    assert_eq!(of_place(0, 2), [(Weight::PlaceHoax(2), points.place_hoax)]);
    assert_eq!(
        of_place(2, 2),
        of_place(2, 0),
        "a hoax is not held against who was in danger there"
    );
}

#[test]
fn what_is_forgotten_or_erased_counts_no_more() {
    let mut room = Room::open();
    let call = ended(&mut room, "helped");
    for who in ["Bilal", "Nadia"] {
        let (authority, reason) = ("court".into(), "order 7".into());
        let erase = Command::EraseIdentity { call, authority, reason };
        room.submit(who, Role::Supervisor, erase).unwrap();
    }
    assert_eq!(of_caller(&room), Counts::default());
    ended(&mut room, "helped");
    room.millis(Settings::shipped().rules.closed_kept_ms + MINUTE);
    room.call(4);
    assert_eq!(of_caller(&room).calls, 1, "the new one");
}

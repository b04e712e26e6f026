//! What is learned of a call after it was taken.

use crate::erasure::{keyring, written};
use crate::room::Room;
use crate::sos::as_it_was_lived;
use fifteen::domain::*;
use fifteen::journal::replay_from_start_as;
use fifteen::seal::Gone;
use fifteen::service::{Opened, encode};

fn place(words: &str) -> Option<Place> {
    Some(Place { words: Some(words.into()), point: None })
}

fn learned(room: &mut Room, call: CallId, description: Description) -> Result<usize, Rejection> {
    let before = room.log.len();
    room.operator(Command::DescribeCall { call, description: Box::new(description) })?;
    Ok(room.log.len() - before)
}

/// What an exchange knows of a line.
fn line(room: &mut Room) -> CallId {
    let mut call = Room::new_call(2);
    (call.kind, call.district) = ("unknown".into(), "".into());
    room.place(call)
}

#[test]
fn a_description_brings_no_pins_and_no_first_note_with_it() {
    let mut room = Room::open();
    let call = line(&mut room);
    let mut sealed = crate::sos::pressed(2).sealed;
    (sealed.name, sealed.note) = (Some("Ayesha".into()), Some("noted first".into()));
    assert_eq!(learned(&mut room, call, Description { sealed, ..Description::default() }), Ok(1));
    let last = &room.log.last().unwrap().transition.event;
    let Event::CallDescribed { description, .. } = last else { panic!("{}", last.name()) };
    let only = Sealed {
        number: crate::sos::pressed(2).sealed.number,
        name: Some("Ayesha".into()),
        place: crate::sos::pressed(2).sealed.place,
        ..Sealed::default()
    };
    assert!(description.sealed == only);
    let known = &room.get(call).placed.sealed;
    assert!(known.press.is_none() && known.note == Room::new_call(2).sealed.note);
}

#[test]
fn what_is_said_replaces_what_stood_there_and_the_rest_stays() {
    let mut room = Room::open();
    let call = line(&mut room);
    let clocks = room.get(call).clocks.clone();
    let point = Point::from_degrees(30.81, 73.45, 40);
    let sealed = Sealed { place: Some(Place { point, words: None }), ..Sealed::default() };
    assert_eq!(learned(&mut room, call, Description { sealed, ..Description::default() }), Ok(1));
    let said = Description {
        kind: Some("threat".into()),
        district: Some("Okara".into()),
        unsafe_to_ring_back: true,
        sealed: Sealed {
            name: Some("Ayesha".into()),
            place: place("Blue gate"),
            ..Sealed::default()
        },
        ..Description::default()
    };
    assert_eq!(learned(&mut room, call, said.clone()), Ok(1));
    assert_eq!(learned(&mut room, call, said), Ok(0), "it is known by now");
    let known = room.get(call);
    assert_eq!((&*known.placed.kind, &*known.placed.district), ("threat", "Okara"));
    let sealed = &known.placed.sealed;
    assert_eq!(
        (sealed.name.as_deref(), sealed.number.as_deref()),
        (Some("Ayesha"), Some("+923001234567"))
    );
    assert_eq!(sealed.place, Some(Place { point, words: Some("Blue gate".into()) }));
    assert!(known.placed.flags.unsafe_to_ring_back && !known.placed.flags.silent);
    assert_eq!((known.priority().number(), &known.clocks), (2, &clocks), "no clock is touched");
    as_it_was_lived(&room);
}

#[test]
fn by_another_number_she_is_found_under_that() {
    let mut room = Room::open();
    let call = line(&mut room);
    let sealed = Sealed { number: Some("0311 7654321".into()), ..Sealed::default() };
    learned(&mut room, call, Description { sealed, ..Description::default() }).unwrap();
    let found =
        |number| room.engine.state().from_number(number).map(|call| call.id).collect::<Vec<_>>();
    assert_eq!((found("+923117654321"), found("0300 1234567").len()), (vec![call], 0));
    as_it_was_lived(&room);
}

#[test]
fn what_guards_how_a_call_may_end_is_only_added() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.silent = true);
    let said = Description { kind: Some("advice".into()), ..Description::default() };
    learned(&mut room, call, said).unwrap();
    assert!(room.get(call).placed.flags.silent);
    let close = Command::CloseCall { call, disposition: "hoax".into(), remark: None };
    assert_eq!(room.operator(close).unwrap_err(), Rejection::NeedsCallback(call));
}

#[test]
fn what_is_too_long_or_nothing_is_refused_and_a_closed_call_can_be_put_right() {
    let mut room = Room::open();
    let call = line(&mut room);
    let kind = |kind: &str| Description { kind: Some(kind.into()), ..Description::default() };
    let name = Sealed { name: Some("a".repeat(200).into()), ..Sealed::default() };
    let long = learned(&mut room, call, Description { sealed: name, ..Description::default() });
    assert!(matches!(long, Err(Rejection::TooLong { field: "name", bytes: 200, .. })), "{long:?}");
    assert_eq!(learned(&mut room, call, kind(" ")), Err(Rejection::Empty("kind")));
    let nothing = learned(&mut room, call, Description::default());
    assert_eq!(nothing, Err(Rejection::Empty("description")));
    assert_eq!(
        learned(&mut room, CallId(99), kind("threat")),
        Err(Rejection::UnknownCall(CallId(99)))
    );
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(learned(&mut room, call, kind("threat")), Ok(1));
    as_it_was_lived(&room);
}

#[test]
fn a_press_keeps_its_pins_whatever_is_said_of_its_call() {
    let mut room = Room::open();
    let (call, _) = crate::sos::press(&mut room, 1, crate::sos::pressed(1));
    let press = Some(Box::new(Press::default()));
    let sealed =
        Sealed { name: Some("Ayesha".into()), press, note: Some("x".into()), ..Sealed::default() };
    learned(&mut room, call, Description { sealed, ..Description::default() }).unwrap();
    assert_eq!(crate::sos::cancel(&mut room, 1, crate::sos::CANCEL), Ok(Answer::Done));
    assert!(room.get(call).placed.flags.cancelled && room.get(call).placed.sealed.note.is_none());
}

#[test]
fn nothing_of_her_is_in_the_clear_of_it_and_it_is_erased_with_the_call() {
    let (mut room, keyring) = (Room::open(), keyring());
    let call = line(&mut room);
    let sealed = Sealed {
        name: Some("Zulaikha".into()),
        number: Some("0311 7654321".into()),
        place: place("Zulaikha's house"),
        ..Sealed::default()
    };
    let said = Description { kind: Some("threat".into()), sealed, ..Description::default() };
    learned(&mut room, call, said).unwrap();
    let body = encode(room.log.last().unwrap(), &keyring).body;
    let holds = |text: &str| crate::erasure::holds(&body, text);
    assert!(holds("threat") && !holds("Zulaikha") && !holds("7654321"));
    room.close(call, "Saima", "helped").unwrap();
    for who in ["Bilal", "Nadia"] {
        let (authority, reason) = ("court".into(), "order 7".into());
        room.submit(who, Role::Admin, Command::EraseIdentity { call, authority, reason }).unwrap();
    }
    let again = Description { kind: Some("advice".into()), ..Description::default() };
    assert_eq!(learned(&mut room, call, again), Err(Rejection::IdentityErased(call)));
    keyring.erase(&Gone { calls: vec![call], ..Gone::default() }).unwrap();
    let log = written(&room, &keyring);
    let replayed = replay_from_start_as(&log, &Opened::with(keyring)).unwrap().state.state;
    assert!(replayed == *room.engine.state());
    assert_eq!(&*replayed.call(call).unwrap().placed.kind, "threat");
}

#[test]
fn a_unit_says_it_only_of_a_call_it_is_on() {
    let mut room = Room::open();
    let call = line(&mut room);
    room.sign_on("LHR-1");
    let description =
        Box::new(Description { kind: Some("threat".into()), ..Description::default() });
    let say = Command::DescribeCall { call, description };
    assert!(room.says("LHR-1", say.clone()).is_err());
    room.assign(call, "LHR-1").unwrap();
    assert!(room.says("LHR-1", say).is_ok());
}

//! One press of the SOS button, and what her device says after it.

use crate::room::Room;
use fifteen::domain::*;
use fifteen::engine::{Accepted, State};

pub const CANCEL: PinProof = PinProof([1; 32]);
pub const DURESS: PinProof = PinProof([2; 32]);
pub const DEVICE: Key = Key([77; 16]);

pub fn key(number: u8) -> Key {
    Key([number; 16])
}

pub fn pressed(priority: u8) -> NewCall {
    let press = Press { device: Some(DEVICE), cancel: Some(CANCEL), duress: Some(DURESS) };
    let mut call = Room::new_call(priority);
    call.flags.sos = true;
    call.sealed.press = Some(Box::new(press));
    call
}

pub fn press(room: &mut Room, number: u8, call: NewCall) -> (CallId, Accepted) {
    let order = Order {
        by: Actor::new("sos page", Role::Intake),
        key: Some(key(number)),
        command: Command::PlaceCall { received_at: room.now, call: Box::new(call) },
    };
    let accepted = room.order(&order).unwrap();
    match accepted.answer {
        Answer::CallPlaced(call) => (call, accepted),
        other => panic!("a press is a call, not {other:?}"),
    }
}

pub fn says(room: &mut Room, command: Command) -> Result<Accepted, Rejection> {
    room.submit("sos page", Role::Intake, command)
}

pub fn cancel(room: &mut Room, number: u8, proof: PinProof) -> Result<Answer, Rejection> {
    says(room, Command::CancelPress { press: key(number), proof }).map(|done| done.answer)
}

pub fn fix(room: &Room, n: u32, lat: f64) -> Fix {
    Fix { n, point: Point::from_degrees(lat, 74.3, 12).unwrap(), taken_at: room.now }
}

pub fn follow(room: &mut Room, number: u8, fixes: Vec<Fix>) -> Result<usize, Rejection> {
    let before = room.log.len();
    says(room, Command::FollowCaller { press: key(number), fixes })?;
    Ok(room.log.len() - before)
}

pub fn flags(room: &Room, call: CallId) -> Flags {
    room.engine.state().call(call).unwrap().placed.flags
}

pub fn as_it_was_lived(room: &Room) {
    assert!(room.replayed() == *room.engine.state(), "replayed as it was lived");
    let bytes = room.engine.state().save();
    assert!(State::load(&bytes).unwrap().0 == *room.engine.state(), "and from a snapshot");
}

#[test]
fn a_press_is_one_call_however_often_it_is_sent() {
    let mut room = Room::open();
    let (call, first) = press(&mut room, 1, pressed(1));
    let (again, second) = press(&mut room, 1, pressed(1));
    assert_eq!((call, first.repeated, second.repeated), (again, false, true));
    assert_eq!(room.engine.state().calls().count(), 1);
}

#[test]
fn another_press_of_the_same_device_joins_its_open_call() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    let (joined, accepted) = press(&mut room, 2, pressed(1));
    assert_eq!((joined, accepted.repeated), (call, false));
    assert_eq!(room.engine.state().calls().count(), 1);
    // Its own key is as good as the first.
    let here = fix(&room, 1, 31.5);
    assert_eq!(follow(&mut room, 2, vec![here]).unwrap(), 1);
    as_it_was_lived(&room);

    let mut other = pressed(1);
    other.sealed.press.as_mut().unwrap().device = Some(Key([78; 16]));
    assert_ne!(press(&mut room, 3, other).0, call, "another device is another woman");
    other = pressed(1);
    other.sealed.press.as_mut().unwrap().device = None;
    assert_ne!(press(&mut room, 4, other).0, call, "a device that says nothing joins nothing");
}

#[test]
fn a_silent_press_makes_the_call_it_joins_silent_and_no_other_makes_it_loud() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    assert!(!flags(&room, call).silent);
    for (number, silent) in [(2, true), (3, false)] {
        let mut again = pressed(1);
        again.flags.silent = silent;
        assert_eq!(press(&mut room, number, again).0, call);
        let flags = flags(&room, call);
        assert!(flags.silent && flags.unsafe_to_ring_back, "{number}");
    }
    as_it_was_lived(&room);
}

#[test]
fn a_press_after_the_call_ended_is_a_call_of_its_own() {
    let mut room = Room::open();
    let (closed, _) = press(&mut room, 1, pressed(1));
    room.close(closed, "Saima", "helped").unwrap();
    let (second, _) = press(&mut room, 2, pressed(1));
    assert_ne!(second, closed);
    cancel(&mut room, 2, CANCEL).unwrap();
    let (third, _) = press(&mut room, 3, pressed(1));
    assert_ne!(third, second, "whoever presses after she took it back is in a new danger");
    // Reopened, the first call is hers again; the latest is joined.
    room.operator(Command::ReopenCall { call: closed, reason: None }).unwrap();
    assert_eq!(press(&mut room, 4, pressed(1)).0, third);
    as_it_was_lived(&room);
    room.close(third, "Saima", "helped").unwrap();
    assert_eq!(press(&mut room, 5, pressed(1)).0, closed);
    as_it_was_lived(&room);
}

#[test]
fn her_trail_is_kept_once_in_order_and_the_unit_is_sent_to_its_end() {
    let mut room = Room::open();
    let mut call = pressed(1);
    call.sealed.place = Some(Place { point: None, words: Some("by the canal".into()) });
    let (call, _) = press(&mut room, 1, call);
    room.seconds(5);
    let first = fix(&room, 1, 31.5);
    room.seconds(5);
    let second = fix(&room, 2, 31.6);
    assert_eq!(follow(&mut room, 1, vec![first, second]).unwrap(), 2);
    assert_eq!(follow(&mut room, 1, vec![first, second]).unwrap(), 0, "sent twice, kept once");
    let ahead = Fix { taken_at: room.now.plus(60_000), ..fix(&room, 3, 31.7) };
    assert_eq!(follow(&mut room, 1, vec![ahead]).unwrap(), 0, "no clock runs ahead of the room's");
    room.seconds(1);
    assert_eq!(follow(&mut room, 1, vec![ahead]).unwrap(), 1);
    let there = room.now;
    room.seconds(2);
    let later = Fix { taken_at: room.now, ..ahead };
    assert_eq!(follow(&mut room, 1, vec![later]).unwrap(), 0, "its number says that it was sent");

    let call = room.engine.state().call(call).unwrap();
    let place = call.whereabouts().unwrap();
    assert_eq!((place.point, place.words.as_deref()), (Some(ahead.point), Some("by the canal")));
    assert_eq!(call.last_fix().unwrap().taken_at, there);
    assert_eq!(call.follow_up.as_ref().unwrap().trail.len(), 3);
    as_it_was_lived(&room);
}

#[test]
fn a_trail_without_end_is_bounded_and_pushes_no_story_out() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    for n in 1..=400 {
        room.seconds(1);
        let here = fix(&room, n, 31.5);
        follow(&mut room, 1, vec![here]).unwrap();
    }
    let call = room.engine.state().call(call).unwrap();
    let trail = &call.follow_up.as_ref().unwrap().trail;
    assert_eq!((trail.len(), trail[0].n, trail[TRAIL_MAX - 1].n), (TRAIL_MAX, 145, 400));
    assert_eq!(call.history.len(), 1, "that it was received; the trail is beside it");
    let crowd = (401..=500).map(|n| fix(&room, n, 31.5)).collect();
    assert_eq!(follow(&mut room, 1, crowd).unwrap(), 0, "a second apart, or one");
}

#[test]
fn taken_back_it_is_a_call_until_people_close_it() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    assert_eq!(cancel(&mut room, 1, CANCEL).unwrap(), Answer::Done);
    assert!(flags(&room, call).cancelled && !flags(&room, call).duress);
    let told = room.log.len();
    assert_eq!(cancel(&mut room, 1, CANCEL).unwrap(), Answer::Done);
    assert_eq!(room.log.len(), told, "once");
    let refused = room.close(call, "Saima", "error").unwrap_err();
    assert!(matches!(refused, Rejection::NeedsCallback(_)), "{refused}");
    room.minutes(16);
    assert_eq!(room.told("acknowledge"), ["cell in-charge"], "its clocks go on");
    as_it_was_lived(&room);
}

#[test]
fn duress_answers_as_taking_back_does_and_is_most_urgent() {
    let (mut free, mut forced) = (Room::open(), Room::open());
    let (call, _) = press(&mut free, 1, pressed(3));
    press(&mut forced, 1, pressed(3));
    let answers = (cancel(&mut free, 1, CANCEL), cancel(&mut forced, 1, DURESS));
    assert_eq!(answers.0, answers.1);
    assert!(flags(&forced, call).duress && !flags(&forced, call).cancelled);
    let priority = |room: &Room| room.engine.state().call(call).unwrap().priority();
    assert_eq!(priority(&forced), Priority::MOST_URGENT);
    assert_eq!(priority(&free), Priority::new(3).unwrap());

    // Her trail goes on in both, and the right PIN afterwards changes nothing that the room knows.
    for room in [&mut free, &mut forced] {
        let here = fix(room, 1, 31.5);
        assert_eq!(follow(room, 1, vec![here]).unwrap(), 1);
    }
    assert_eq!(cancel(&mut forced, 1, CANCEL).unwrap(), Answer::Done);
    assert_eq!(cancel(&mut forced, 1, DURESS).unwrap(), Answer::Done);
    assert_eq!(forced.count("duress_signalled"), 1, "said twice, said once");
    assert!(flags(&forced, call).duress && !flags(&forced, call).cancelled);
    // First taken back, then made to say so again.
    assert_eq!(cancel(&mut free, 1, DURESS).unwrap(), Answer::Done);
    assert!(flags(&free, call).duress);
    as_it_was_lived(&forced);
    as_it_was_lived(&free);
}

#[test]
fn a_wrong_pin_takes_nothing_back_and_is_recorded_so_often() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    for tried in 1..=WRONG_PINS_MAX + 4 {
        assert_eq!(cancel(&mut room, 1, PinProof([9; 32])).unwrap(), Answer::WrongPin);
        let recorded = room.engine.state().call(call).unwrap().follow_up.as_ref().unwrap();
        assert_eq!(recorded.wrong_pins, tried.min(WRONG_PINS_MAX));
    }
    assert!(!flags(&room, call).cancelled);
    assert_eq!(cancel(&mut room, 1, DURESS).unwrap(), Answer::Done, "the right ones still count");
    as_it_was_lived(&room);

    let mut bare = pressed(1);
    **bare.sealed.press.as_mut().unwrap() = Press::default();
    press(&mut room, 2, bare);
    assert_eq!(cancel(&mut room, 2, CANCEL).unwrap(), Answer::WrongPin, "there is no PIN");
}

#[test]
fn only_the_key_of_a_press_follows_it_up() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    let here = fix(&room, 1, 31.5);
    assert_eq!(follow(&mut room, 9, vec![here]).unwrap_err(), Rejection::UnknownPress);
    // The key of a call that is no press is none.
    let order = Order {
        by: Actor::new("line-1", Role::Intake),
        key: Some(key(5)),
        command: Command::PlaceCall { received_at: room.now, call: Box::new(Room::new_call(1)) },
    };
    room.order(&order).unwrap();
    assert_eq!(cancel(&mut room, 5, CANCEL).unwrap_err(), Rejection::UnknownPress);
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(cancel(&mut room, 1, CANCEL).unwrap_err(), Rejection::CallClosed(call));
    assert_eq!(follow(&mut room, 1, vec![here]).unwrap_err(), Rejection::CallClosed(call));
}

#[test]
fn what_was_due_on_the_call_comes_before_what_her_device_says() {
    for what in 0..3 {
        let mut room = Room::open();
        press(&mut room, 1, pressed(1));
        // Fifteen minutes and more, and nobody woke the engine.
        room.now = room.now.plus(16 * 60_000);
        match what {
            0 => drop(press(&mut room, 2, pressed(1))),
            1 => {
                let here = fix(&room, 1, 31.5);
                follow(&mut room, 1, vec![here]).unwrap();
            }
            _ => drop(cancel(&mut room, 1, DURESS).unwrap()),
        }
        let events: Vec<_> = room.log.iter().map(|dated| dated.transition.event.name()).collect();
        let place = |name| events.iter().position(|event| *event == name).unwrap();
        let said = ["pressed_again", "caller_moved", "duress_signalled"][what];
        assert!(place("escalated") < place(said), "{events:?}");
    }
}

fn behind(room: &mut Room, number: u8) -> usize {
    let before = room.log.len();
    let (press, priority) = (key(number), Priority::new(2).unwrap());
    let command = Command::DemotePress { press, priority, reason: "many presses".into() };
    says(room, command).unwrap();
    room.log.len() - before
}

fn vouched(room: &mut Room, number: u8) -> usize {
    let before = room.log.len();
    says(room, Command::VouchPress { press: key(number) }).unwrap();
    room.log.len() - before
}

#[test]
fn in_a_flood_a_press_stands_behind_and_is_in_front_again_when_it_is_vouched_for() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    let other = room.call(1);
    assert_eq!(room.queue(), [call, other]);
    assert_eq!((behind(&mut room, 1), behind(&mut room, 1)), (1, 0), "once");
    assert_eq!(room.queue(), [other, call], "taken, on its clocks, and behind");
    assert!(room.get(call).clocks.len() > 1);
    assert_eq!((vouched(&mut room, 1), vouched(&mut room, 1)), (1, 0));
    assert_eq!(room.queue(), [call, other]);
    as_it_was_lived(&room);
    let unknown = Command::VouchPress { press: key(9) };
    assert_eq!(says(&mut room, unknown), Err(Rejection::UnknownPress));
}

#[test]
fn a_press_that_joined_or_that_people_saw_to_is_not_put_behind() {
    let mut room = Room::open();
    let (call, _) = press(&mut room, 1, pressed(1));
    press(&mut room, 2, pressed(1));
    assert_eq!(
        behind(&mut room, 2),
        0,
        "the second press of her device is no reason to lower the first"
    );
    room.claim(call, "Saima").unwrap();
    assert_eq!(behind(&mut room, 1), 0, "somebody works it");
    room.prioritise(call, 3);
    assert_eq!(vouched(&mut room, 1), 0, "and knows better than her device");
    assert_eq!(room.get(call).priority().number(), 3);
}

#[test]
fn a_safety_timer_can_be_put_behind_and_is_a_call_there() {
    let mut room = Room::open();
    for number in [1, 2] {
        let mut call = pressed(1);
        call.sealed.press.as_mut().unwrap().device = None;
        let (received_at, call) = (room.now, Box::new(call));
        let order = Order {
            by: Actor::new("sos page", Role::Intake),
            key: Some(key(number)),
            command: Command::SetSafetyTimer { received_at, after_ms: 60_000, call },
        };
        room.order(&order).unwrap();
        assert_eq!(behind(&mut room, number), 1);
    }
    assert_eq!(vouched(&mut room, 2), 1);
    room.minutes(1);
    room.millis(1);
    let priorities: Vec<_> =
        room.engine.state().calls().map(|call| call.priority().number()).collect();
    assert_eq!(priorities, [2, 1]);
    as_it_was_lived(&room);
}

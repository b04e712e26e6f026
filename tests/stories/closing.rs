//! How a call ends, who may say that nobody needed help, and how it goes on again.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{
    Answer, CallbackOutcome, Command, Event, Flags, Progress, Rejection, Role, Stage,
};

#[test]
fn every_listed_disposition_closes_a_call() {
    let rules = fifteen::config::Settings::shipped().rules;
    for disposition in &rules.dispositions {
        let mut room = Room::open();
        let call = room.call(1);
        let accepted = room.close(call, "Saima", &disposition.name).unwrap();
        assert_eq!(accepted.answer, Answer::Done);
        let closed = room.get(call).closed.as_ref().unwrap();
        assert_eq!((&closed.disposition, closed.at), (&disposition.name, START));
        assert_eq!(&*closed.who, "Saima");
    }
}

#[test]
fn a_disposition_not_listed_is_refused_and_the_list_named() {
    let mut room = Room::open();
    let call = room.call(1);
    for given in ["prank", "Helped", "helped ", "", "canary"] {
        let command = Command::CloseCall { call, disposition: given.into(), remark: None };
        let rejection = room.refused("Saima", Role::Operator, command);
        let known = "helped, case registered, referred, duplicate, recorded, hoax, error, \
                     unanswered";
        let given = given.into();
        let known = known.to_owned();
        assert_eq!(rejection, Rejection::WrongDisposition { given, known });
    }
}

const GUARDED: [fn(&mut Flags); 3] =
    [|flags| flags.silent = true, |flags| flags.dropped = true, |flags| flags.sos = true];
const NOBODY_NEEDED_HELP: [&str; 3] = ["hoax", "error", "unanswered"];

#[test]
fn a_silent_dropped_or_sos_call_is_no_hoax_without_a_call_back() {
    for flag in GUARDED {
        for disposition in NOBODY_NEEDED_HELP {
            let mut room = Room::open();
            let call = room.flagged(flag);
            let command =
                Command::CloseCall { call, disposition: disposition.into(), remark: None };
            let rejection = room.refused("Saima", Role::Operator, command);
            assert_eq!(rejection, Rejection::NeedsCallback(call));
        }
    }
}

#[test]
fn nor_by_one_person_alone() {
    for flag in GUARDED {
        for disposition in NOBODY_NEEDED_HELP {
            let mut room = Room::open();
            let call = room.flagged(flag);
            room.callback(call, CallbackOutcome::NoAnswer);
            let first = room.close(call, "Saima", disposition).unwrap();
            assert_eq!(first.answer, Answer::AwaitingSecond);
            assert_eq!(room.stage(call), Stage::Waiting);
            let who = "Saima".into();
            let again = room.close(call, "Saima", disposition).unwrap_err();
            assert_eq!(again, Rejection::NeedsSecondPerson { call, who });
            let second = room.close(call, "Noor", disposition).unwrap();
            assert_eq!(second.answer, Answer::Done);
            assert_eq!(room.stage(call), Stage::Closed);
        }
    }
}

#[test]
fn proposing_to_close_stops_no_clock() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.silent = true);
    room.callback(call, CallbackOutcome::NoAnswer);
    room.close(call, "Saima", "hoax").unwrap();
    room.minutes(15);
    assert_eq!(room.told("acknowledge"), ["cell in-charge"]);
}

#[test]
fn two_people_who_differ_have_not_agreed() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.silent = true);
    room.callback(call, CallbackOutcome::NoAnswer);
    room.close(call, "Saima", "hoax").unwrap();
    let other = room.close(call, "Noor", "error").unwrap();
    assert_eq!(other.answer, Answer::AwaitingSecond);
    let agreed = room.close(call, "Saima", "error").unwrap();
    assert_eq!(agreed.answer, Answer::Done);
}

#[test]
fn a_guarded_call_that_was_helped_is_closed_by_one() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.sos = true);
    let accepted = room.close(call, "Saima", "helped").unwrap();
    assert_eq!(accepted.answer, Answer::Done);
}

#[test]
fn a_call_back_that_was_not_tried_is_no_attempt() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.dropped = true);
    room.callback(call, CallbackOutcome::Unsafe);
    let rejection = room.close(call, "Saima", "hoax").unwrap_err();
    assert_eq!(rejection, Rejection::NeedsCallback(call));
    for outcome in
        [CallbackOutcome::Reached, CallbackOutcome::NoAnswer, CallbackOutcome::WrongNumber]
    {
        let mut room = Room::open();
        let call = room.flagged(|flags| flags.dropped = true);
        room.callback(call, outcome);
        room.close(call, "Saima", "hoax").unwrap();
        room.close(call, "Noor", "hoax").unwrap();
    }
}

#[test]
fn closing_takes_the_call_out_of_the_queue_and_frees_its_units() {
    let mut room = Room::open();
    let call = room.call(1);
    room.sign_on("CAR-1");
    room.assign(call, "CAR-1").unwrap();
    room.close(call, "Saima", "helped").unwrap();
    assert!(room.queue().is_empty());
    let state = room.engine.state();
    let car = crate::room::unit("CAR-1");
    let known = state.unit(&car).unwrap();
    assert!(known.calls.is_empty());
    assert_eq!(state.status(&car, known).name(), "available");
}

#[test]
fn reopening_is_a_new_generation_with_the_first_receipt() {
    let mut room = Room::open();
    let call = room.call(2);
    room.minutes(5);
    room.acknowledged(call, "CAR-1");
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(60);
    room.reopen(call);
    let again = room.get(call);
    assert_eq!((again.generation, again.received_at), (2, START));
    assert_eq!(again.first_acknowledged_at, Some(START.plus(5 * MINUTE)));
    assert_eq!(again.acknowledged_at, None);
    assert_eq!(room.stage(call), Stage::Waiting);
    assert_eq!(room.queue(), [call]);
    assert!(matches!(
        room.events().last(),
        Some(Event::CallReopened { generation: 2, received_at: START, .. })
    ));
}

#[test]
fn old_timers_never_touch_a_new_generation() {
    for closed_at in [0, 5, 10, 14, 16, 44, 61] {
        let mut room = Room::open();
        let call = room.flagged(|flags| flags.dropped = true);
        room.minutes(closed_at);
        room.close(call, "Saima", "helped").unwrap();
        let before = room.log.len();
        room.seconds(30);
        room.reopen(call);
        let reopened = room.now.since(START);
        room.minutes(46);
        let told = room.told_at("acknowledge");
        let new = &told[told.len() - 3..];
        assert_eq!(
            new,
            [15, 30, 45].map(|minute| reopened + minute * MINUTE),
            "closed at minute {closed_at}"
        );
        let (acknowledge, callback) = (room.said("acknowledge"), room.said("callback"));
        let later = |said: &&crate::room::Said| said.due_ms > closed_at * MINUTE;
        for said in acknowledge.iter().chain(&callback).filter(later) {
            assert_eq!(said.generation, 2, "{:?}", &room.log[before..]);
        }
    }
}

#[test]
fn a_reopened_dropped_call_wants_a_call_back_of_its_own() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.dropped = true);
    room.callback(call, CallbackOutcome::NoAnswer);
    room.close(call, "Saima", "hoax").unwrap();
    room.close(call, "Noor", "hoax").unwrap();
    room.reopen(call);
    assert_eq!(room.close(call, "Saima", "hoax"), Err(Rejection::NeedsCallback(call)));
    room.minutes(5);
    assert_eq!(room.told_at("callback"), [5 * MINUTE]);
}

#[test]
fn an_old_proposal_does_not_count_in_a_new_generation() {
    let mut room = Room::open();
    let call = room.flagged(|flags| flags.silent = true);
    room.callback(call, CallbackOutcome::NoAnswer);
    room.close(call, "Saima", "hoax").unwrap();
    room.close(call, "Noor", "helped").unwrap();
    room.reopen(call);
    room.callback(call, CallbackOutcome::NoAnswer);
    let answer = room.close(call, "Noor", "hoax").unwrap().answer;
    assert_eq!(answer, Answer::AwaitingSecond);
}

#[test]
fn a_call_reopens_again_and_again() {
    let mut room = Room::open();
    let call = room.call(1);
    for generation in 2..6 {
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        room.close(call, "Saima", "helped").unwrap();
        room.minutes(1);
        room.reopen(call);
        assert_eq!(room.get(call).generation, generation);
        assert_eq!(room.get(call).on_scene_at, None);
    }
}

#[test]
fn a_closed_call_is_known_for_seven_days_and_then_forgotten() {
    const DAY: u64 = 24 * 60;
    let mut room = Room::open();
    let call = room.call(1);
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(7 * DAY);
    let other = room.call(1);
    room.reopen(call);
    room.close(call, "Saima", "helped").unwrap();
    room.close(other, "Saima", "helped").unwrap();
    // Reopened, it is kept as long again, whatever was noted at its first closing.
    room.minutes(7 * DAY);
    room.call(1);
    assert!(room.engine.state().call(call).is_some());
    room.millis(1);
    let newest = room.call(1);
    assert!(room.engine.state().call(call).is_none());
    let reason = None;
    let rejection = room.refused("Saima", Role::Operator, Command::ReopenCall { call, reason });
    assert_eq!(rejection, Rejection::UnknownCall(call));
    assert_eq!(newest.0, 4, "a number is never used twice");
}

#[test]
fn the_calls_closed_lately_are_each_there_once_and_only_while_closed() {
    let mut room = Room::open();
    let (first, second) = (room.call(1), room.call(1));
    room.close(first, "Saima", "helped").unwrap();
    room.minutes(1);
    room.close(second, "Saima", "helped").unwrap();
    let lately =
        |room: &Room| room.engine.state().closed_lately().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(lately(&room), [second, first], "the last one first");
    room.reopen(first);
    assert_eq!(lately(&room), [second], "not one that goes on");
    room.close(first, "Saima", "helped").unwrap();
    assert_eq!(lately(&room), [first, second], "once, by when it was closed last");
}

//! A call's life, from its first byte to its disposition.

use crate::room::{MINUTE, Room, START, unit};
use fifteen::domain::{
    Actor, Answer, CallId, Command, Event, Place, Point, Progress, Rejection, Role, SealedText,
    Source, Stage, Transition, UtcMs, bounds,
};
use fifteen::engine::State;

#[test]
fn calls_are_numbered_from_one_upwards() {
    let mut room = Room::open();
    let numbers: Vec<_> = (0..5).map(|_| room.call(2).0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_call_keeps_all_it_was_given() {
    let mut room = Room::open();
    let mut call = Room::new_call(2);
    call.source = Source::Partner;
    call.line = Some("shelter line".into());
    call.flags.silent = true;
    call.flags.test = true;
    call.sealed.name = Some("Ayesha".into());
    call.sealed.note = Some("whispers".into());
    call.sealed.place = Some(Place {
        point: Point::from_degrees(31.5, 74.3, 25),
        words: Some("behind the mill".into()),
    });
    let id = room.place(call.clone());
    assert_eq!(room.get(id).placed, call);
}

#[test]
fn the_first_byte_is_the_start() {
    let mut room = Room::open();
    room.minutes(2);
    let command = Command::PlaceCall { received_at: START, call: Box::new(Room::new_call(1)) };
    room.submit("line-1", Role::Intake, command).unwrap();
    assert_eq!(room.get(CallId(1)).received_at, START);
    room.minutes(20);
    assert_eq!(room.told_at("acknowledge"), [15 * MINUTE]);
}

#[test]
fn a_first_byte_ahead_of_the_clock_counts_as_now() {
    let mut room = Room::open();
    let command = Command::PlaceCall {
        received_at: START.plus(60 * MINUTE),
        call: Box::new(Room::new_call(1)),
    };
    room.submit("line-1", Role::Intake, command).unwrap();
    assert_eq!(room.get(CallId(1)).received_at, START);
}

#[test]
fn a_call_that_waited_outside_past_its_limit_escalates_at_once() {
    let mut room = Room::open();
    room.minutes(16);
    let command = Command::PlaceCall { received_at: START, call: Box::new(Room::new_call(1)) };
    room.submit("line-1", Role::Intake, command).unwrap();
    room.millis(0);
    let first = &room.said("acknowledge")[1];
    assert_eq!((first.due_ms, first.late_ms), (15 * MINUTE, MINUTE));
}

#[test]
fn the_stages_follow_the_help() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    let call = room.call(1);
    assert_eq!(room.stage(call), Stage::Waiting);
    room.assign(call, "CAR-1").unwrap();
    assert_eq!(room.stage(call), Stage::Dispatched);
    for (progress, stage) in [
        (Progress::Acknowledged, Stage::Acknowledged),
        (Progress::EnRoute, Stage::EnRoute),
        (Progress::OnScene, Stage::OnScene),
    ] {
        room.report(call, "CAR-1", progress).unwrap();
        assert_eq!(room.stage(call), stage);
    }
    room.close(call, "Saima", "helped").unwrap();
    assert_eq!(room.stage(call), Stage::Closed);
}

#[test]
fn a_second_unit_may_come_at_any_stage() {
    let mut room = Room::open();
    let call = room.call(1);
    for (number, progress) in
        [Progress::Acknowledged, Progress::EnRoute, Progress::OnScene].into_iter().enumerate()
    {
        let name = format!("CAR-{number}");
        room.acknowledged(call, &name);
        room.report(call, &name, progress).unwrap();
    }
    assert_eq!(room.get(call).units.len(), 3);
}

#[test]
fn a_call_holds_sixty_four_units_and_refuses_the_next() {
    let mut room = Room::open();
    let call = room.call(1);
    for number in 0..bounds::UNITS_PER_CALL_MAX {
        let name = format!("CAR-{number}");
        room.sign_on(&name);
        room.assign(call, &name).unwrap();
    }
    room.sign_on("ONE-MORE");
    let one_more = unit("ONE-MORE");
    let refusal = Rejection::TooMany { what: "units on one call", most: 64 };
    let assign = Command::AssignUnit { call, unit: one_more.clone() };
    assert_eq!(room.refused("Saima", Role::Operator, assign), refusal);
    let by_radio = Command::ReportProgress {
        call,
        unit: one_more,
        progress: Progress::OnScene,
        by_radio: true,
    };
    assert_eq!(room.refused("Saima", Role::Operator, by_radio), refusal);
}

#[test]
fn an_overlong_call_is_taken_cut_and_marked() {
    let mut room = Room::open();
    // Three bytes a letter, so that the bound falls inside one.
    let long: Box<str> = "ہ".repeat(2_000).into();
    let mut call = Room::new_call(1);
    call.line = Some(long.clone());
    call.district = long.clone();
    call.kind = long.clone();
    call.sealed.number = Some(long.clone());
    call.sealed.name = Some(long.clone());
    call.sealed.note = Some(long.clone());
    call.sealed.place = Some(Place { point: None, words: Some(long.clone()) });
    let id = room.place(call);
    let kept = &room.get(id).placed;
    assert!(kept.flags.cut);
    let place = kept.sealed.place.as_ref().unwrap();
    for (text, bytes_max) in [
        (kept.line.as_ref().unwrap(), bounds::NAME_BYTES_MAX),
        (&kept.district, bounds::NAME_BYTES_MAX),
        (&kept.kind, bounds::NAME_BYTES_MAX),
        (kept.sealed.number.as_ref().unwrap(), bounds::NAME_BYTES_MAX),
        (kept.sealed.name.as_ref().unwrap(), bounds::NAME_BYTES_MAX),
        (kept.sealed.note.as_ref().unwrap(), bounds::NOTE_BYTES_MAX),
        (place.words.as_ref().unwrap(), bounds::WORDS_BYTES_MAX),
    ] {
        assert!(text.len() <= bytes_max && text.len() + 2 > bytes_max - 2);
        assert!(long.starts_with(&**text));
    }
}

#[test]
fn a_call_that_fits_is_not_marked_and_a_mark_it_came_with_stays() {
    let mut room = Room::open();
    let plain = room.call(1);
    assert!(!room.get(plain).placed.flags.cut);
    let marked = room.flagged(|flags| flags.cut = true);
    assert!(room.get(marked).placed.flags.cut);
}

#[test]
fn no_call_is_refused_whatever_it_says() {
    let mut room = Room::open();
    for source in [Source::PhoneLine, Source::App, Source::WalkIn, Source::Partner, Source::Officer]
    {
        let mut call = Room::new_call(4);
        call.source = source;
        call.district = "".into();
        call.kind = "never heard of".into();
        call.sealed = Default::default();
        room.place(call);
    }
    let command =
        Command::PlaceCall { received_at: UtcMs(START.0 + 1), call: Box::new(Room::new_call(1)) };
    let nameless = "n".repeat(5_000);
    room.submit(&nameless, Role::Intake, command).unwrap();
    assert_eq!(room.queue().len(), 6);
}

#[test]
fn ten_thousand_waiting_calls_are_no_reason_to_refuse_one() {
    let mut room = Room::open();
    for number in 0..10_000 {
        room.call(1 + (number % 4) as u8);
    }
    let last = room.call(1);
    assert_eq!(last, CallId(10_001));
    assert!(room.queue().contains(&last));
}

#[test]
fn shed_work_is_recorded() {
    let mut room = Room::open();
    let command = Command::RecordShedWork { what: "pushes".into(), count: 12 };
    room.submit("room", Role::Room, command).unwrap();
    let shed = Event::WorkShed { what: "pushes".into(), count: 12 };
    assert_eq!(room.events().last(), Some(&shed));
}

fn link(call: CallId, primary: CallId) -> Command {
    Command::LinkCall { call, primary }
}

#[test]
fn a_duplicate_is_linked_and_never_deleted() {
    let mut room = Room::open();
    let (first, again) = (room.call(1), room.call(1));
    room.operator(link(again, first)).unwrap();
    assert_eq!(room.get(again).primary, Some(first));
    assert_eq!(room.queue(), [first, again]);
    room.minutes(15);
    assert_eq!(room.told("acknowledge").len(), 2);
}

#[test]
fn linking_twice_is_one_event() {
    let mut room = Room::open();
    let (first, again) = (room.call(1), room.call(1));
    room.operator(link(again, first)).unwrap();
    room.operator(link(again, first)).unwrap();
    assert_eq!(room.count("call_linked"), 1);
}

#[test]
fn links_never_form_a_circle() {
    let mut room = Room::open();
    let (a, b, c) = (room.call(1), room.call(1), room.call(1));
    room.operator(link(b, a)).unwrap();
    room.operator(link(c, b)).unwrap();
    for (call, primary) in [(a, a), (a, b), (a, c), (b, c)] {
        let rejection = room.refused("Saima", Role::Operator, link(call, primary));
        assert_eq!(rejection, Rejection::LinkCycle { call, primary });
    }
    // To another primary it may still go.
    room.operator(link(c, a)).unwrap();
    assert_eq!(room.get(c).primary, Some(a));
}

#[test]
fn a_closed_call_may_still_be_linked_and_noted() {
    let mut room = Room::open();
    let (first, again) = (room.call(1), room.call(1));
    room.close(again, "Saima", "duplicate").unwrap();
    room.operator(link(again, first)).unwrap();
    let text = SealedText("same woman, second phone".into());
    room.operator(Command::AddNote { call: again, text }).unwrap();
    assert_eq!(room.get(again).notes.len(), 1);
    assert_eq!(room.stage(again), Stage::Closed);
}

#[test]
fn notes_stand_in_the_order_written() {
    let mut room = Room::open();
    let call = room.call(1);
    for text in ["first", "second"] {
        let text = SealedText(text.into());
        room.operator(Command::AddNote { call, text }).unwrap();
        room.seconds(1);
    }
    let notes = &room.get(call).notes;
    assert_eq!(&*notes[0].text.0, "first");
    assert_eq!((&*notes[1].text.0, &*notes[1].who), ("second", "Saima"));
    assert_eq!(notes[1].at, START.plus(1_000));
}

#[test]
fn a_call_holds_so_many_notes_and_refuses_the_next() {
    let mut room = Room::open();
    let call = room.call(1);
    let text = SealedText("x".into());
    for _ in 0..bounds::NOTES_MAX {
        let text = text.clone();
        room.operator(Command::AddNote { call, text }).unwrap();
    }
    let rejection = room.refused("Saima", Role::Operator, Command::AddNote { call, text });
    let what = "notes on one call";
    assert_eq!(rejection, Rejection::TooMany { what, most: 256 });
}

#[test]
fn reading_a_call_is_an_event() {
    let mut room = Room::open();
    let call = room.call(1);
    let reason = Some("to ring her".into());
    room.operator(Command::OpenCall { call, reason }).unwrap();
    assert!(matches!(
        room.events().last(),
        Some(Event::CallOpened { by, .. }) if &*by.who == "Saima"
    ));
}

#[test]
fn a_unit_reads_only_calls_it_is_on() {
    let mut room = Room::open();
    let (hers, other) = (room.call(1), room.call(1));
    room.acknowledged(hers, "CAR-1");
    let open = |call| Command::OpenCall { call, reason: None };
    room.says("CAR-1", open(hers)).unwrap();
    assert_eq!(room.count("call_opened"), 1);
    let rejection = room.refused("CAR-1", Role::Unit, open(other));
    let what = "reading a call the unit was not sent to";
    assert_eq!(rejection, Rejection::NotAllowed(what));
    room.close(hers, "Saima", "helped").unwrap();
    let rejection = room.refused("CAR-1", Role::Unit, open(hers));
    assert_eq!(rejection, Rejection::NotAllowed(what));
}

#[test]
fn a_placed_call_answers_with_its_number() {
    let mut room = Room::open();
    let command = Command::PlaceCall { received_at: START, call: Box::new(Room::new_call(1)) };
    let accepted = room.submit("line-1", Role::Intake, command).unwrap();
    assert_eq!(accepted.answer, Answer::CallPlaced(CallId(1)));
    assert_eq!((accepted.repeated, accepted.seq), (false, 2));
}

#[test]
fn every_transition_fits_a_log_record() {
    // The worst of each kind of text at once; the frame around a record takes under 300 bytes.
    let mut room = Room::open();
    let long = |bytes: usize| -> Box<str> { "x".repeat(bytes).into() };
    let huge = long(9_000);
    let mut call = Room::new_call(1);
    call.line = Some(huge.clone());
    call.district = huge.clone();
    call.kind = huge.clone();
    call.sealed.number = Some(huge.clone());
    call.sealed.name = Some(huge.clone());
    call.sealed.note = Some(huge.clone());
    call.sealed.place = Some(Place {
        point: Point::from_degrees(-31.5, -174.3, u32::MAX),
        words: Some(huge.clone()),
    });
    let call = room.place(call);
    let (name, note) = (long(bounds::NAME_BYTES_MAX), SealedText(long(bounds::NOTE_BYTES_MAX)));
    let operator = Role::Operator;
    let text = note.clone();
    room.submit(&name, operator, Command::AddNote { call, text }).unwrap();
    let reason = Some(note.0.clone());
    let clock = None;
    let escalate = Command::EscalateCall { call, clock, reason };
    room.submit(&name, operator, escalate).unwrap();
    let crew = fifteen::domain::SignOn {
        district: name.clone(),
        crew: vec![name.clone(); bounds::CREW_MAX],
        skills: vec![name.clone(); bounds::CREW_MAX],
        vehicle: Some(name.clone()),
        point: Point::from_degrees(-31.5, -174.3, u32::MAX),
    };
    let sign_on = Command::SignOnUnit { unit: unit(&name), crew: Box::new(crew), linked: true };
    room.submit(&name, operator, sign_on).unwrap();
    let shed = Command::RecordShedWork { what: huge, count: u64::MAX };
    room.submit("room", Role::Room, shed).unwrap();
    let remark = Some(note);
    let close = Command::CloseCall { call, disposition: "helped".into(), remark };
    room.submit(&name, operator, close).unwrap();
    for dated in &room.log {
        let bytes = rmp_serde::to_vec(&dated.transition).unwrap().len();
        let name = dated.transition.event.name();
        assert!(bytes <= 4_096 - 300, "{name} takes {bytes} bytes");
    }
}

#[test]
fn what_speaks_of_something_unknown_is_counted_and_what_concerns_no_call_is_not() {
    let mut state = State::default();
    let apply = |state: &mut State, event| {
        state.apply(UtcMs(1_000), &Transition { event, mark: None });
        state.strays
    };
    let by = || Actor::new("Saima", Role::Operator);
    for event in [
        Event::ClockStepped { by_ms: 9 },
        Event::WorkShed { what: "queries".into(), count: 1 },
        Event::EarlierAsked { call: None, by: by() },
        Event::LogInsFailed { person: None, count: 1 },
        Event::PersonChanged { person: "Saima".into(), what: "disabled".into(), by: "root".into() },
    ] {
        assert_eq!(apply(&mut state, event), 0);
    }
    for strays in 1..=3 {
        assert_eq!(apply(&mut state, Event::CallClaimed { call: CallId(7), by: by() }), strays);
    }
}

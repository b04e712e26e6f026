//! What the console does, a story each: keys and pushes in, requests and screens out.

use crate::samples::*;
use fifteen::client::Update;
use fifteen::console::command_line::Pane;
use fifteen::console::{Effect, Msg, Purpose, Refusal};
use fifteen::protocol::*;

fn requests(desk: &mut Desk) -> Vec<Request> {
    desk.asked().into_iter().map(|(request, _)| request).collect()
}

fn answer(desk: &mut Desk, purpose: Purpose) {
    desk.take(Msg::Replied(purpose, Ok(ReplyBody::Done(Done::default()))));
}

/// The call opened and read, nothing asked that was not answered.
fn opened(call: CallSummary) -> Desk {
    let mut desk = Desk::with(vec![call.clone()], Vec::new());
    desk.keys("<enter>");
    desk.read(call);
    desk.effects.clear();
    desk
}

#[test]
fn opening_a_call_reads_it_once_and_asks_whom_to_send() {
    let mut desk = Desk::with(vec![urgent(7)], Vec::new());
    desk.keys("<enter>");
    let asked = requests(&mut desk);
    assert_eq!(asked[0], ShowCall { call: 7, reason: None }.into());
    assert!(matches!(asked[1], Request::RecommendUnits(_)));
    assert!(matches!(asked[2], Request::ListEarlier(_)));
    desk.read(urgent(7));
    desk.push(201, "unit_assigned", with_unit(urgent(7), "CAR-1", UnitStatus::Dispatched));
    let again = requests(&mut desk);
    assert!(
        !again.iter().any(|it| matches!(it, Request::ShowCall(_))),
        "each reading is on record"
    );
    assert!(desk.screen().contains("unit assigned") || desk.screen().contains("assigned"));
}

#[test]
fn a_note_of_somebody_else_is_fetched_because_its_words_are_sealed() {
    let mut desk = opened(urgent(7));
    desk.push(201, "note_added", urgent(7));
    desk.pass(1);
    assert_eq!(requests(&mut desk), [ShowCall { call: 7, reason: None }.into()]);
}

#[test]
fn what_is_learned_of_a_line_is_said_in_one_form_and_what_is_left_empty_stays() {
    let mut desk = opened(urgent(7));
    desk.push(201, "call_described", urgent(7));
    desk.pass(1);
    let earlier = ListEarlier { call: Some(7), ..ListEarlier::default() };
    assert_eq!(
        requests(&mut desk),
        [earlier.into(), ShowCall { call: 7, reason: None }.into()],
        "who she is is sealed, and by another number or place she may be known"
    );
    desk.keys("d");
    assert!(desk.screen().contains("What is learned of call 7"), "{}", desk.screen());
    desk.keys("<ctrl-s>");
    assert!(desk.screen().contains("say what was learned"), "{}", desk.screen());
    assert!(requests(&mut desk).is_empty());
    desk.keys("stalking<enter>Blue gate<enter><enter><enter>Ayesha<ctrl-s>");
    let place = Some(Place { words: Some("Blue gate".into()), ..Place::default() });
    let said = DescribeCall {
        call: 7,
        kind: Some("stalking".into()),
        place,
        name: Some("Ayesha".into()),
        ..DescribeCall::default()
    };
    let asked = serde_json::to_string(&requests(&mut desk)).unwrap();
    assert_eq!(asked, serde_json::to_string(&[Request::from(said)]).unwrap());
}

#[test]
fn where_she_is_since_is_fetched_twice_a_minute_and_fills_no_story() {
    let mut desk = opened(urgent(7));
    for second in 0..58 {
        desk.push(201 + second, "caller_moved", urgent(7));
        desk.pass(1);
    }
    let read = Request::from(ShowCall { call: 7, reason: None });
    assert_eq!(requests(&mut desk).iter().filter(|it| **it == read).count(), 1);
    desk.pass(5);
    assert!(!desk.screen().contains("caller moved"), "{}", desk.screen());
}

#[test]
fn duress_rings_and_says_so_whatever_is_open() {
    let mut desk = Desk::with(vec![urgent(7)], Vec::new());
    let mut forced = urgent(7);
    forced.flags = Flags { sos: true, duress: true, ..forced.flags };
    desk.push(201, "duress_signalled", forced);
    assert_eq!(desk.rang(), 1);
    assert!(desk.screen().contains("call 7: DURESS"), "{}", desk.screen());
}

#[test]
fn a_line_that_rings_stands_in_front_and_one_key_takes_the_one_that_rang_longest() {
    let ringing = |call| CallSummary { ringing: true, ..urgent(call) };
    let later = CallSummary { received_at: ringing(8).received_at + 5_000, ..ringing(8) };
    let mut desk = Desk::with(vec![urgent(9)], Vec::new());
    desk.push(201, "line_rang", later);
    desk.push(202, "line_rang", ringing(7));
    assert_eq!(desk.rang(), 1);
    let screen = desk.screen();
    assert!(screen.contains("RINGS   call 7") && screen.contains("RINGS   call 8"), "{screen}");
    assert!(!screen.contains("+00:0"), "a wait is no deadline: {screen}");
    assert!(screen.find("call 7 ").unwrap() < screen.find("call 8 ").unwrap(), "{screen}");
    // Also while a new call is being typed, which is kept.
    desk.keys("n<f3>");
    assert!(requests(&mut desk).contains(&Request::from(Claim { call: 7 })));
    desk.push(203, "line_answered", claimed(urgent(7), "sara"));
    assert!(!desk.screen().contains("RINGS   call 7"));
    desk.push(204, "line_hung_up", urgent(8));
    desk.keys("<esc>A");
    assert!(desk.screen().contains("no line rings"), "{}", desk.screen());
}

#[test]
fn a_claim_beats_every_fifteen_seconds_while_its_call_is_open() {
    let mut desk = opened(claimed(urgent(7), "sara"));
    desk.pass(46);
    let beats = requests(&mut desk);
    assert_eq!(beats, vec![Request::from(Claim { call: 7 }); 3], "at 15, 30 and 45 s");
    desk.keys("<esc>");
    desk.pass(60);
    assert_eq!(requests(&mut desk), [], "a call that is not open is not worked");
}

#[test]
fn nobody_elses_claim_is_kept_alive() {
    let mut desk = opened(claimed(urgent(7), "omar"));
    desk.pass(40);
    assert_eq!(requests(&mut desk), []);
}

#[test]
fn who_loses_a_call_to_a_take_over_hears_of_it() {
    let mut desk = opened(claimed(urgent(7), "sara"));
    desk.push(201, "call_claimed", claimed(urgent(7), "omar"));
    assert_eq!(desk.rang(), 1);
    assert!(desk.screen().contains("taken over by omar"));
}

#[test]
fn one_key_claims_takes_over_and_lets_go() {
    let mut desk = opened(urgent(7));
    desk.keys("ctC");
    assert_eq!(
        requests(&mut desk),
        [Claim { call: 7 }.into(), TakeOver { call: 7 }.into(), ReleaseClaim { call: 7 }.into()]
    );
}

#[test]
fn a_unit_is_sent_by_two_keys_the_recommended_one_first() {
    let mut desk = Desk::with(vec![urgent(7)], vec![unit("CAR-1", UnitStatus::Available, &[])]);
    desk.keys("<enter>");
    desk.effects.clear();
    let units =
        vec![Recommendation { unit: "CAR-9".into(), distance_m: Some(900), reasons: vec![] }];
    let ranking = Recommendations { call: 7, units };
    desk.take(Msg::Replied(Purpose::Recommend(7), Ok(ReplyBody::Recommendations(ranking))));
    desk.keys("a1");
    assert_eq!(requests(&mut desk), [AssignUnit { call: 7, unit: "CAR-9".into() }.into()]);
    desk.keys("a2");
    assert_eq!(requests(&mut desk), [AssignUnit { call: 7, unit: "CAR-1".into() }.into()]);
}

#[test]
fn what_a_unit_said_by_radio_takes_two_keys() {
    let mut desk = opened(with_unit(urgent(7), "CAR-1", UnitStatus::Dispatched));
    for (keys, status) in [
        ("ua", ReportedStatus::Acknowledged),
        ("ue", ReportedStatus::EnRoute),
        ("us", ReportedStatus::OnScene),
        ("uc", ReportedStatus::Clear),
    ] {
        desk.keys(keys);
        let unit = Some("CAR-1".into());
        let report = ReportStatus { call: 7, unit, status, reason: None, by_radio: true };
        assert_eq!(requests(&mut desk), [report.into()], "{keys}");
    }
    desk.keys("uk");
    let well = CheckIn { call: Some(7), unit: Some("CAR-1".into()) };
    assert_eq!(requests(&mut desk), [well.into()]);
}

#[test]
fn of_several_units_one_is_picked() {
    let mut call = with_unit(urgent(7), "CAR-1", UnitStatus::EnRoute);
    call.units.push(UnitOnCall { unit: "CAR-2".into(), ..call.units[0].clone() });
    let mut desk = opened(call);
    desk.keys("us2");
    let asked = requests(&mut desk);
    assert!(
        matches!(&asked[..], [Request::ReportStatus(it)] if it.unit.as_deref() == Some("CAR-2"))
    );
}

#[test]
fn closing_asks_for_a_disposition_and_shows_that_a_second_person_is_needed() {
    let mut silent = urgent(7);
    silent.flags.silent = true;
    let mut desk = opened(silent.clone());
    desk.keys("x");
    desk.keys("hoax<ctrl-s>");
    let asked = desk.asked();
    let (request, purpose) = &asked[0];
    assert!(matches!(request, Request::CloseCall(it) if it.disposition == "hoax"), "{request:?}");
    let second = Done { call: Some(7), stage: Some(Stage::Waiting), awaiting_second: true };
    desk.take(Msg::Replied(purpose.clone(), Ok(ReplyBody::Done(second))));
    assert!(desk.screen().contains("NOT closed yet"), "{}", desk.screen());
    desk.push(205, "close_proposed", silent);
    assert!(desk.screen().contains("WAITS FOR A SECOND PERSON"), "{}", desk.screen());
}

#[test]
fn a_form_that_was_refused_stays_with_what_was_typed_and_says_why() {
    let mut desk = opened(urgent(7));
    desk.keys("whe has a knife<ctrl-s>");
    let asked = desk.asked();
    let (request, purpose) = &asked[0];
    assert!(matches!(request, Request::AddNote(it) if it.text == "he has a knife"));
    let text = "the call is closed; reopen it first".to_owned();
    let refusal = Refusal { code: Some(Code::CallClosed), text, field: None };
    desk.take(Msg::Replied(purpose.clone(), Err(refusal)));
    let screen = desk.screen();
    assert!(screen.contains("he has a knife") && screen.contains("reopen it first"), "{screen}");
}

#[test]
fn only_a_supervisor_overrides_and_the_reason_goes_on_record_before() {
    let mut desk = opened(claimed(urgent(7), "omar"));
    desk.keys("O");
    assert!(desk.screen().contains("only a supervisor"));
    desk.model.role = Role::Supervisor;
    desk.keys("Ono answer for ten minutes<ctrl-s>");
    let asked = desk.asked();
    let (request, purpose) = &asked[0];
    assert!(
        matches!(request, Request::AddNote(it) if it.text.contains("no answer for ten minutes"))
    );
    assert_eq!(asked.len(), 1, "first the reason");
    answer(&mut desk, purpose.clone());
    assert_eq!(requests(&mut desk), [TakeOver { call: 7 }.into()]);
}

#[test]
fn without_a_link_nothing_is_sent_and_the_screen_says_so_at_once() {
    let mut desk = opened(claimed(urgent(7), "sara"));
    desk.down();
    assert!(desk.screen().contains("NO LINK"));
    desk.keys("ct<esc><enter>a");
    assert!(desk.screen().contains("no link for"), "{}", desk.screen());
    desk.pass(20);
    assert_eq!(requests(&mut desk), []);
    assert!(desk.screen().contains("violence"), "the old picture stays: {}", desk.screen());
}

#[test]
fn a_link_that_comes_back_shows_the_room_without_a_gap() {
    let mut desk = Desk::with(vec![urgent(7), call(8)], Vec::new());
    desk.down();
    desk.pass(3);
    desk.up(welcome());
    assert!(desk.screen().contains("violence"), "resumed: the picture was kept");
    assert!(!desk.screen().contains("NO LINK"));
    desk.take(Msg::Pushed(Box::new(Update::Snapshot(snapshot(vec![call(8)], 1, 2)))));
    assert!(desk.screen().contains("violence"), "half a snapshot is not shown");
    desk.take(Msg::Pushed(Box::new(Update::Snapshot(snapshot(vec![], 2, 2)))));
    assert!(!desk.screen().contains("violence"));
}

#[test]
fn a_server_that_hangs_is_said_to_be_silent() {
    let mut desk = Desk::with(vec![call(8)], Vec::new());
    for _ in 0..20 {
        desk.own += 1_000;
        desk.take(Msg::Tick);
    }
    assert!(desk.screen().contains("LINK SILENT"), "{}", desk.screen());
    desk.push(300, "call_received", call(9));
    assert!(desk.screen().contains("link up"), "anything heard brings it back");
}

#[test]
fn it_rings_for_urgent_calls_escalations_and_panics_and_for_nothing_else() {
    let mut desk = Desk::with(vec![], Vec::new());
    desk.push(201, "call_received", call(1));
    assert_eq!(desk.rang(), 0, "priority 2");
    desk.push(202, "call_received", urgent(2));
    assert_eq!(desk.rang(), 1);
    desk.pass(2);
    desk.push(203, "call_claimed", claimed(urgent(2), "omar"));
    assert_eq!(desk.rang(), 0);
    desk.push(204, "priority_changed", urgent(1));
    assert_eq!(desk.rang(), 1, "risen to 1");
    desk.pass(2);
    let told = Push {
        escalation: Some(Box::new(escalation(1, 1, "cell in-charge"))),
        ..push(205, "escalated", Some(call(1)))
    };
    desk.take(Msg::Pushed(Box::new(Update::Push(told))));
    assert_eq!(desk.rang(), 1);
}

#[test]
fn the_bell_is_silent_for_a_minute_at_most_and_shows_how_long() {
    let mut desk = Desk::with(vec![], Vec::new());
    desk.keys("z");
    assert!(desk.screen().contains("bell off 1:00"), "{}", desk.screen());
    desk.push(201, "call_received", urgent(2));
    assert_eq!(desk.rang(), 0);
    desk.pass(59);
    assert!(desk.screen().contains("bell off 0:01, 1 kept back"), "{}", desk.screen());
    desk.pass(1);
    assert_eq!(desk.rang(), 1, "what was kept back rings at the end");
}

#[test]
fn a_panic_stands_in_front_of_everything_and_one_key_opens_it() {
    let mut desk = Desk::with(vec![call(8)], vec![unit("CAR-1", UnitStatus::OnScene, &[8])]);
    desk.keys("n0300");
    let mut officer = unit("CAR-1", UnitStatus::OnScene, &[8, 9]);
    officer.panic = Some(9);
    let panicked =
        Push { unit: Some(Box::new(officer)), ..push(210, "unit_panicked", Some(urgent(9))) };
    desk.take(Msg::Pushed(Box::new(Update::Push(panicked))));
    assert_eq!(desk.rang(), 1);
    assert!(
        desk.screen().starts_with(" PANIC   CAR-1   call 9   NOBODY HAS IT"),
        "{}",
        desk.screen()
    );
    desk.effects.clear();
    desk.keys("<f9>");
    assert_eq!(requests(&mut desk)[0], ShowCall { call: 9, reason: None }.into());
    assert!(desk.model.new_call.is_some(), "the call being typed is kept");
    desk.keys("n");
    assert!(desk.screen().contains("0300"));
}

#[test]
fn a_message_of_a_unit_is_shown_until_somebody_says_they_read_it() {
    let mut desk = Desk::with(vec![call(8)], vec![unit("CAR-1", UnitStatus::OnScene, &[])]);
    let message = Message {
        seq: 300,
        at: NOW,
        unit: "CAR-1".into(),
        to_room: true,
        who: "CAR-1".into(),
        call: None,
        read: false,
        text: "gate is locked\u{1b}[2J".into(),
    };
    let said = Push { message: Some(Box::new(message)), ..push(300, "message_sent", None) };
    desk.take(Msg::Pushed(Box::new(Update::Push(said))));
    assert_eq!(desk.rang(), 1);
    assert!(desk.screen().contains("CAR-1: gate is locked [2J"), "{}", desk.screen());
    desk.keys("!");
    assert_eq!(
        requests(&mut desk),
        [MarkRead { unit: Some("CAR-1".into()), upto_seq: 300 }.into()]
    );
    assert!(!desk.screen().contains("gate is locked"));
}

#[test]
fn a_new_call_is_kept_from_the_first_key_until_it_is_placed() {
    let mut desk = Desk::with(vec![], Vec::new());
    desk.keys("n0300");
    assert!(desk.effects.iter().any(|it| matches!(it, Effect::SaveDraft(_))));
    desk.effects.clear();
    desk.keys("<ctrl-s>");
    let placed = desk.effects.iter().find_map(|it| match it {
        Effect::AskWithKey(request, key, purpose) => Some((request.clone(), *key, purpose.clone())),
        _ => None,
    });
    let (request, key, purpose) = placed.expect("it is sent");
    assert!(matches!(*request, Request::PlaceCall(it) if it.number.as_deref() == Some("0300")));
    assert!(!desk.effects.iter().any(|it| matches!(it, Effect::RemoveDraft(_))));
    let reply = CallPlaced { call: 12, received_at: NOW, priority: 4, durable: true };
    desk.take(Msg::Replied(purpose, Ok(ReplyBody::CallPlaced(reply))));
    assert!(
        desk.effects.iter().any(|it| matches!(it, Effect::RemoveDraft(known) if *known == key))
    );
    assert!(desk.model.new_call.is_none());
    assert_eq!(desk.model.open.as_ref().map(|open| open.call), Some(12));
}

#[test]
fn a_new_call_without_a_link_is_kept_and_another_can_be_taken_meanwhile() {
    let mut desk = Desk::with(vec![], Vec::new());
    desk.down();
    desk.keys("n0300<ctrl-s>");
    assert!(
        desk.effects.iter().any(|it| matches!(it, Effect::AskWithKey(..))),
        "it waits for the link"
    );
    desk.keys("<esc>");
    desk.take(Msg::FreshKey(Key([2; 16])));
    desk.keys("n0311");
    assert!(desk.screen().contains("0311") && !desk.screen().contains("0300"), "{}", desk.screen());
}

#[test]
fn a_call_an_earlier_console_sent_is_sent_again_under_its_key() {
    let mut desk = Desk::with(vec![], Vec::new());
    let mut draft = fifteen::console::draft::Draft::new(Key([9; 16]));
    draft.number = "0300".into();
    draft.sent = true;
    desk.take(Msg::Drafts(vec![draft]));
    let keys: Vec<Key> = desk
        .effects
        .iter()
        .filter_map(|it| match it {
            Effect::AskWithKey(_, key, _) => Some(*key),
            _ => None,
        })
        .collect();
    assert_eq!(keys, [Key([9; 16])]);
}

#[test]
fn leaving_takes_two_presses_within_three_seconds() {
    let mut desk = Desk::with(vec![], Vec::new());
    let quits = |desk: &Desk| desk.effects.iter().any(|it| matches!(it, Effect::Quit));
    desk.keys("q");
    desk.pass(5);
    desk.keys("q");
    assert!(!quits(&desk));
    desk.keys("q");
    assert!(quits(&desk));
}

#[test]
fn typing_a_filter_narrows_the_board_and_leaving_it_shows_all_again() {
    let mut desk = Desk::with(vec![urgent(7), call(8)], Vec::new());
    desk.keys("/domestic");
    assert!(!desk.screen().contains("violence i"), "{}", desk.screen());
    desk.keys("<esc>");
    assert_eq!(desk.model.board.len(), 2);
    desk.keys("/domestic<enter>");
    assert_eq!(desk.model.board.len(), 1);
    assert!(desk.screen().contains("SHOWING 1 of 2"), "{}", desk.screen());
    desk.keys("<esc>");
    assert_eq!(desk.model.board.len(), 2);
}

#[test]
fn an_escalation_is_seen_and_taken_by_one_key() {
    let mut desk = Desk::with(vec![urgent(7)], Vec::new());
    let page = Escalations { escalations: vec![escalation(7, 1, "cell in-charge")], next: None };
    desk.take(Msg::Replied(Purpose::Escalations, Ok(ReplyBody::Escalations(page))));
    desk.keys("4sE");
    let take = TakeEscalation { call: 7, clock: "acknowledge".into(), rung: Some(1), office: None };
    assert_eq!(requests(&mut desk), [SeeEscalation { escalation: 51 }.into(), take.into()]);
    assert_eq!(desk.model.pane, Pane::Escalations);
}

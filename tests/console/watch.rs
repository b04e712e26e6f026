//! A supervisor's watch: what is before their eyes is said to be seen, once each time they are told; and the room
//! hears when nobody could be told.

use crate::samples::*;
use fifteen::client::Update;
use fifteen::console::command_line::Pane;
use fifteen::console::{Model, Msg, Purpose, Refusal};
use fifteen::protocol::*;

/// A watch with one escalation on its screen.
fn watching() -> Desk {
    let mut desk = Desk::with(vec![call(7)], Vec::new());
    let model = std::mem::replace(&mut desk.model, Desk::new(Role::Supervisor, 80, 24).model);
    desk.model = Model::watching(model);
    desk.effects.clear();
    told(&mut desk, 201, "escalated", escalation(7, 1, "cell in-charge"));
    desk
}

fn told(desk: &mut Desk, seq: u64, event: &str, escalation: Escalation) {
    let push = Push { escalation: Some(Box::new(escalation)), ..push(seq, event, Some(call(7))) };
    desk.take(Msg::Pushed(Box::new(Update::Push(push))));
}

/// Escalations said to be seen since this was last asked.
fn seen(desk: &mut Desk) -> Vec<(u64, Purpose)> {
    let asked = desk.asked().into_iter().filter_map(|(request, purpose)| match request {
        Request::SeeEscalation(see) => Some((see.escalation, purpose)),
        _ => None,
    });
    asked.collect()
}

fn notice(person: &str, failed: bool) -> Notice {
    Notice {
        notice: 1,
        person: person.into(),
        channel: "feed".into(),
        intended_at: u64::MAX / 2,
        attempts: 0,
        delivered_at: None,
        failed_at: failed.then_some(1),
        seen_at: None,
        problem: None,
    }
}

#[test]
fn what_stands_on_a_watch_is_seen_once_and_again_when_told_again() {
    let mut desk = watching();
    let first = escalation(7, 1, "cell in-charge");
    assert_eq!(seen(&mut desk).len(), 1);
    desk.pass(5);
    assert_eq!(seen(&mut desk), [], "once");
    let me = desk.model.me.clone();
    let to_me = Escalation { notices: vec![notice(&me, false)], ..first.clone() };
    told(&mut desk, 202, "notices_intended", to_me);
    assert_eq!(seen(&mut desk).len(), 1, "the notice to them is seen too");
    told(&mut desk, 203, "escalated", Escalation { repeat: 1, ..first });
    assert_eq!(seen(&mut desk).len(), 1, "and each reminder");
}

#[test]
fn what_the_server_did_not_hear_is_said_again_and_what_it_refused_is_not() {
    let mut desk = watching();
    let (_, purpose) = seen(&mut desk).remove(0);
    let lost = Refusal { code: None, text: "no answer".into(), field: None };
    desk.take(Msg::Replied(purpose, Err(lost)));
    let (_, purpose) = seen(&mut desk).remove(0);
    let no = Refusal { code: Some(Code::UnknownEscalation), text: "?".into(), field: None };
    desk.take(Msg::Replied(purpose, Err(no)));
    desk.pass(5);
    assert_eq!(seen(&mut desk), []);
}

#[test]
fn another_pane_and_an_operators_console_see_nothing_for_a_supervisor() {
    let mut desk = watching();
    seen(&mut desk);
    desk.keys("1");
    assert_eq!(desk.model.pane, Pane::Board);
    told(&mut desk, 202, "escalated", escalation(7, 2, "DPO"));
    assert_eq!(seen(&mut desk), [], "nobody looks at that pane");
    desk.keys("4");
    assert_eq!(seen(&mut desk).len(), 1);
    let mut operators = Desk::with(vec![call(7)], Vec::new());
    operators.keys("4");
    told(&mut operators, 201, "escalated", escalation(7, 1, "cell in-charge"));
    assert_eq!(seen(&mut operators), []);
}

#[test]
fn the_room_hears_that_nobody_was_reached() {
    for (notices, words) in [
        (vec![notice("Nadia", true)], "nobody of the DPO could be reached"),
        (Vec::new(), "nobody is named to be told for the DPO"),
    ] {
        let mut desk = Desk::with(vec![call(7)], Vec::new());
        desk.rang();
        told(&mut desk, 201, "notices_intended", Escalation { notices, ..escalation(7, 2, "DPO") });
        assert!(desk.screen().contains(words), "{}", desk.screen());
        assert_eq!(desk.rang(), 1);
    }
    let mut desk = Desk::with(vec![call(7)], Vec::new());
    let notices = vec![notice("Nadia", true), notice("Bilal", false)];
    told(&mut desk, 201, "notices_intended", Escalation { notices, ..escalation(7, 2, "DPO") });
    assert!(!desk.screen().contains("reached"), "somebody is still being told");
}

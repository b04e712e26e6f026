//! The crew's screen without a terminal: what it shows and what it says, key by key.

use super::*;
use fifteen::client::unit::Unsaid;
use fifteen::protocol::{Code, Key};

const NOW: u64 = 1_767_225_600_000;

fn desk(lines: bool) -> Desk {
    let mut desk = Desk::new("CAR-1", lines, 0, NOW);
    desk.news(up(), NOW);
    desk.news(PatrolNews::SignedOn, NOW);
    desk
}

fn up() -> PatrolNews {
    let welcome = serde_json::json!({
        "version": 1, "server": "x", "node": 77, "seq": 0, "now_at": NOW, "heartbeat_ms": 1,
        "drill": false, "degraded": false
    });
    PatrolNews::Up(Box::new(serde_json::from_value(welcome).unwrap()))
}

fn assigned(call: u64) -> PatrolNews {
    let assignment = serde_json::json!({
        "call": call, "generation": 1, "kind": "assault\u{1b}[2J", "priority": 1,
        "district": "Gulberg", "place": { "words": "House 12\rLane 3" }, "name": "Zara",
        "flags": { "unsafe_to_ring_back": true }, "assigned_at": NOW
    });
    PatrolNews::Told(UnitNews::Assigned(serde_json::from_value(assignment).unwrap()))
}

fn entry(saying: Saying) -> Entry {
    Entry { key: Key([1; 16]), at: NOW, node: None, saying }
}

fn press(desk: &mut Desk, keys: &str) -> Vec<Act> {
    let press = |key: char| if key == '\n' { Press::Enter } else { Press::Letter(key) };
    keys.chars().flat_map(|key| desk.press(press(key), NOW)).collect()
}

fn said(acts: Vec<Act>) -> Vec<Saying> {
    let saying = |act| if let Act::Say(saying) = act { Some(saying) } else { None };
    acts.into_iter().filter_map(saying).collect()
}

fn printed(acts: &[Act]) -> String {
    let text = |act: &Act| match act {
        Act::Print(text) | Act::Ring(text) => Some(text.clone()),
        _ => None,
    };
    acts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

#[test]
fn where_she_is_now_is_a_line_and_duress_rings() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    let changed = |lat: f64, duress: bool| {
        let assignment = serde_json::json!({
            "call": 7, "generation": 1, "kind": "assault\u{1b}[2J", "priority": 1,
            "district": "Gulberg", "place": { "lat": lat, "lon": 74.3 }, "name": "Zara",
            "flags": { "unsafe_to_ring_back": true, "duress": duress }, "assigned_at": NOW
        });
        PatrolNews::Told(UnitNews::Changed(serde_json::from_value(assignment).unwrap()))
    };
    let acts = desk.news(changed(31.5, false), NOW);
    assert!(
        matches!(&acts[..], [Act::Print(line)] if line.contains("31.5") && line.contains("call 7"))
    );
    let acts = desk.news(changed(31.6, true), NOW);
    assert!(
        matches!(&acts[..], [Act::Ring(card)] if card.contains("DURESS") && card.contains("31.6"))
    );
}

#[test]
fn one_key_is_one_answer_from_the_acceptance_to_the_clear() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    let all = said(press(&mut desk, "aeskc\n"));
    let words: Vec<_> = all.iter().map(|saying| (saying.word(), saying.call())).collect();
    let call = Some(7);
    let wanted = ["accept", "en_route", "on_scene", "check_in", "clear"].map(|word| (word, call));
    assert_eq!(words, wanted);
}

#[test]
fn a_digit_is_a_reason_and_so_is_a_typed_text() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    let decline = |reason: &str| vec![Saying::Decline { call: 7, reason: reason.into() }];
    assert_eq!(said(press(&mut desk, "d1")), decline("car broken down"));
    assert_eq!(said(press(&mut desk, "dno fuel 2\n")), decline("no fuel 2"));
    // Nothing is declined without a reason, and nothing by a key pressed in error.
    assert_eq!(said(press(&mut desk, "d\n")), []);
    press(&mut desk, "d");
    desk.press(Press::Escape, NOW);
    assert_eq!(said(press(&mut desk, "a")), [Saying::Accept { call: 7 }]);
}

#[test]
fn a_panic_takes_two_presses_within_three_seconds() {
    let panic = Saying::Panic { lat: None, lon: None };
    let mut desk = desk(false);
    assert_eq!(said(press(&mut desk, "pp")), std::slice::from_ref(&panic));
    assert!(desk.status(NOW).starts_with("PANIC UNSENT"), "{}", desk.status(NOW));
    desk.news(
        PatrolNews::Sent { entry: entry(panic.clone()), repeated: false, placed: Some(9) },
        NOW,
    );
    assert!(!desk.status(NOW).contains("PANIC"));
    let mut at = |after: u64| said(desk.press(Press::Letter('p'), NOW + after));
    assert_eq!(at(10_000), []);
    assert_eq!(at(13_000), [], "too late: the first again");
    assert_eq!(at(13_100), [panic]);
    assert_eq!(at(20_000), []);
    assert_eq!(said(press(&mut desk, "k")), [], "another key between");
    assert_eq!(said(press(&mut desk, "p")), []);
}

#[test]
fn a_panic_key_held_down_is_one_panic() {
    let mut desk = desk(false);
    let held = (0..90).flat_map(|press| desk.press(Press::Letter('p'), NOW + press * 33));
    assert_eq!(said(held.collect()).len(), 1);
}

#[test]
fn signing_off_takes_two_presses() {
    let mut desk = desk(false);
    assert_eq!(said(press(&mut desk, "q")), []);
    assert_eq!(said(press(&mut desk, "x")), []);
    assert_eq!(said(press(&mut desk, "qq")), [Saying::SignOff]);
}

#[test]
fn an_assignment_is_said_again_until_it_is_answered() {
    let mut desk = desk(false);
    let shown = desk.news(assigned(7), NOW);
    assert!(matches!(&shown[..], [Act::Ring(card)] if card.contains("a accept")));
    assert!(desk.wants_ticks());
    assert_eq!(desk.tick(NOW + 9_000), []);
    let again = desk.tick(NOW + 10_000);
    assert!(matches!(&again[..], [Act::Ring(line)] if line.contains("NOT ANSWERED 0:10: call 7")));
    assert!(desk.status(NOW).contains("7 ANSWER!"), "{}", desk.status(NOW));
    press(&mut desk, "a");
    assert_eq!(desk.tick(NOW + 60_000), []);
    assert!(desk.status(NOW).contains("7 acknowledged..."), "not sent yet");
    let sent = PatrolNews::Sent {
        entry: entry(Saying::Accept { call: 7 }),
        repeated: false,
        placed: None,
    };
    desk.news(sent, NOW);
    assert!(desk.status(NOW).contains("7 acknowledged |"), "{}", desk.status(NOW));
}

#[test]
fn a_rejected_answer_leaves_the_assignment_unanswered() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    press(&mut desk, "a");
    let (entry, text) = (entry(Saying::Accept { call: 7 }), "call 7 is closed".to_owned());
    let acts = desk.news(PatrolNews::Rejected { entry, code: Code::CallClosed, text }, NOW);
    assert!(printed(&acts).contains("call 7 accept: rejected: call 7 is closed"));
    assert!(desk.status(NOW).contains("7 ANSWER!"));
}

#[test]
fn a_new_call_never_moves_under_the_finger() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    press(&mut desk, "ae");
    desk.news(assigned(9), NOW);
    assert!(desk.status(NOW).contains("9 ANSWER! | 7 en route"), "{}", desk.status(NOW));
    assert_eq!(said(press(&mut desk, "s")), [Saying::OnScene { call: 7 }]);
    // But accepting is meant for what has no answer.
    assert_eq!(said(press(&mut desk, "a")), [Saying::Accept { call: 9 }]);
    assert_eq!(said(press(&mut desk, "e")), [Saying::EnRoute { call: 9 }]);
    press(&mut desk, "n");
    assert_eq!(said(press(&mut desk, "c\n")), [Saying::Clear { call: 7, disposition: None }]);
}

#[test]
fn in_lines_with_several_calls_the_number_has_to_be_said() {
    let mut desk = desk(true);
    desk.news(assigned(7), NOW);
    assert_eq!(said(desk.line("e", NOW)), [Saying::EnRoute { call: 7 }]);
    desk.news(assigned(9), NOW);
    assert_eq!(printed(&desk.line("s", NOW)), "say which call: 7, 9");
    assert_eq!(said(desk.line("s 9", NOW)), [Saying::OnScene { call: 9 }]);
    let reason = "2 flat tyres".to_owned();
    assert_eq!(said(desk.line("d 7 2 flat tyres", NOW)), [Saying::Decline { call: 7, reason }]);
}

#[test]
fn the_link_and_what_is_unsent_are_always_in_the_status_line_and_fit_a_phone() {
    let mut desk = desk(false);
    assert_eq!(desk.status(NOW), "link ok | 0 unsent | on duty | CAR-1");
    desk.news(assigned(7), NOW);
    desk.news(PatrolNews::Down { why: "cut".into() }, NOW);
    let acts = press(&mut desk, "s");
    assert!(printed(&acts).contains("KEPT, NOT SENT: call 7 on scene"), "{acts:?}");
    desk.unsent = 3;
    let status = desk.status(NOW + 80_000);
    assert_eq!(status, "NO LINK 1:20 | 3 UNSENT | 7 on scene... | CAR-1");
    assert!(status.find("| CAR-1").unwrap() <= 44, "only the callsign falls off a phone's screen");
}

#[test]
fn a_drill_is_marked_in_every_status_line() {
    let mut desk = desk(false);
    let PatrolNews::Up(mut welcome) = up() else { panic!("up is up") };
    (welcome.drill, welcome.degraded) = (true, true);
    let told = printed(&desk.news(PatrolNews::Up(welcome), NOW));
    assert!(told.contains("DRILL") && told.contains("DEGRADED"), "{told}");
    assert!(desk.status(NOW).starts_with("DRILL | link ok"), "{}", desk.status(NOW));
    desk.news(PatrolNews::Down { why: "cut".into() }, NOW);
    assert!(desk.status(NOW).starts_with("DRILL | NO LINK"), "{}", desk.status(NOW));
}

#[test]
fn what_comes_over_the_wire_steers_no_terminal() {
    let mut desk = desk(false);
    let message = serde_json::json!({
        "seq": 5, "at": NOW, "unit": "CAR-1", "who": "Sana\u{7}", "text": "go\u{1b}]0;x\u{7} now"
    });
    let message = PatrolNews::Told(UnitNews::Message(serde_json::from_value(message).unwrap()));
    let down = PatrolNews::Down { why: "\u{1b}[2J".into() };
    let (code, text) = (Code::CallClosed, "\u{1b}[2J".to_owned());
    let rejected = PatrolNews::Rejected { entry: entry(Saying::Available), code, text };
    for news in [assigned(7), message, down, rejected] {
        let shown = printed(&desk.news(news, NOW));
        assert!(!shown.is_empty() && !shown.contains(['\u{1b}', '\u{7}', '\r']), "{shown:?}");
    }
    assert_eq!(press(&mut desk, "r").last(), Some(&Act::Read(5)));
}

#[test]
fn a_unit_signed_off_by_the_room_is_told_and_may_come_back_and_its_own_sign_off_ends_it() {
    let mut desk = desk(false);
    let told = desk.news(PatrolNews::SignedOff { by_room: true }, NOW);
    assert!(matches!(&told[..], [Act::Ring(line)] if line.contains("o signs on again")));
    assert!(desk.status(NOW).contains("not on duty"));
    assert_eq!(press(&mut desk, "o"), [Act::SignOn]);
    let told = desk.news(PatrolNews::SignedOff { by_room: false }, NOW);
    assert_eq!(told.last(), Some(&Act::Quit(0)));
}

#[test]
fn the_rooms_words_for_a_clear_are_offered_once_they_have_come() {
    let mut desk = desk(false);
    desk.news(assigned(7), NOW);
    assert_eq!(press(&mut desk, "c"), [Act::AskWords]);
    let offered = desk.words_came(vec!["helped".into(), "no_one_there".into()]);
    assert_eq!(printed(&offered), "  1 helped\n  2 no one there");
    let disposition = Some("no_one_there".to_owned());
    assert_eq!(said(press(&mut desk, "2")), [Saying::Clear { call: 7, disposition }]);
    let too_long = Unsaid::TooLong.to_string();
    assert!(too_long.contains("1024"), "{too_long}");
}

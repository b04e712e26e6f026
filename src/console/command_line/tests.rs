//! Lines as operators type them.

use super::*;
use crate::protocol::{
    AddNote, AssignUnit, CallbackOutcome, Claim, CloseCall, Escalate, LinkCall, RecommendUnits,
    RecordCallback, ReleaseClaim, ReleaseUnit, ReportStatus, ReportedStatus, SendMessage,
    SetPriority, TakeEscalation, TakeOver,
};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn context() -> Context {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Context {
        call: Some(7),
        calls: vec![7, 8, 12],
        units: owned(&["CAR-1", "CAR-12", "BIKE 3"]),
        dispositions: owned(&["helped", "case registered", "case", "hoax"]),
        districts: owned(&["Lahore", "Nankana Sahib"]),
        kinds: owned(&["domestic violence", "harassment"]),
        clocks: owned(&["acknowledge", "arrive"]),
    }
}

fn asked(line: &str) -> Request {
    match parse(line, &context()) {
        Ok(Typed::Ask(request)) => *request,
        other => panic!("{line}: {other:?}"),
    }
}

fn wrong(line: &str) -> String {
    parse(line, &context()).unwrap_err()
}

fn heard(call: u64, unit: &str, status: ReportedStatus, reason: Option<&str>) -> Request {
    let (unit, reason) = (Some(unit.into()), reason.map(str::to_owned));
    ReportStatus { call, unit, status, reason, by_radio: true }.into()
}

#[test]
fn a_line_asks_what_fifteen_op_would() {
    let unit = || "CAR-1".to_owned();
    let text = |text: &str| Some(text.to_owned());
    let cases: Vec<(&str, Request)> = vec![
        (":claim 8", Claim { call: 8 }.into()),
        (":claim 8 --take-over", TakeOver { call: 8 }.into()),
        (":claim --release", ReleaseClaim { call: 7 }.into()),
        (":assign 8 CAR-1", AssignUnit { call: 8, unit: unit() }.into()),
        (":assign CAR-1", AssignUnit { call: 7, unit: unit() }.into()),
        (":assign bike 3", AssignUnit { call: 7, unit: "BIKE 3".into() }.into()),
        (":assign 12", RecommendUnits { call: 12, limit: None }.into()),
        (":release 8 CAR-1", ReleaseUnit { call: 8, unit: unit(), reason: None }.into()),
        (
            ":release CAR-1 crew is ill",
            ReleaseUnit { call: 7, unit: unit(), reason: text("crew is ill") }.into(),
        ),
        (":ack 8 car-1", heard(8, "CAR-1", ReportedStatus::Acknowledged, None)),
        (
            ":decline 8 CAR-1 --reason no fuel",
            heard(8, "CAR-1", ReportedStatus::Declined, Some("no fuel")),
        ),
        (":enroute CAR-12", heard(7, "CAR-12", ReportedStatus::EnRoute, None)),
        (":onscene #8 CAR-9", heard(8, "CAR-9", ReportedStatus::OnScene, None)),
        (":clear CAR-1", heard(7, "CAR-1", ReportedStatus::Clear, None)),
        (
            ":close 8 case registered --remark FIR 12",
            CloseCall { call: 8, disposition: "case registered".into(), remark: text("FIR 12") }
                .into(),
        ),
        (
            ":close \"Case Registered\"",
            CloseCall { call: 7, disposition: "case registered".into(), remark: None }.into(),
        ),
        (
            ":close case she is home",
            CloseCall { call: 7, disposition: "case".into(), remark: text("she is home") }.into(),
        ),
        (":priority 2", SetPriority { call: 7, priority: 2, reason: None }.into()),
        (
            ":p 8 1 he has a gun",
            SetPriority { call: 8, priority: 1, reason: text("he has a gun") }.into(),
        ),
        (
            ":priority 1 he has a gun",
            SetPriority { call: 7, priority: 1, reason: text("he has a gun") }.into(),
        ),
        (":note 8 she \"whispers\"", AddNote { call: 8, text: "she \"whispers\"".into() }.into()),
        (":note she whispers", AddNote { call: 7, text: "she whispers".into() }.into()),
        (":link 12", LinkCall { call: 7, primary: 12 }.into()),
        (":link 12 8", LinkCall { call: 12, primary: 8 }.into()),
        (
            ":escalate --clock arrive --reason no car",
            Escalate { call: 7, clock: text("arrive"), reason: text("no car") }.into(),
        ),
        (
            ":callback no_answer rang twice",
            RecordCallback {
                call: 7,
                outcome: CallbackOutcome::NoAnswer,
                note: text("rang twice"),
            }
            .into(),
        ),
        (
            ":take 8 --rung 2",
            TakeEscalation { call: 8, clock: "acknowledge".into(), rung: Some(2), office: None }
                .into(),
        ),
        (
            ":message CAR-1 gate is behind",
            SendMessage { unit: text("CAR-1"), call: None, text: "gate is behind".into() }.into(),
        ),
    ];
    for (line, request) in cases {
        assert_eq!(asked(line), request, "{line}");
    }
}

#[test]
fn a_line_moves_about() {
    let read = |line: &str| parse(line, &context()).unwrap();
    assert_eq!(read(":12"), Typed::Open(12));
    assert_eq!(read(":go #12"), Typed::Open(12));
    assert_eq!(read(":open"), Typed::Open(7));
    assert_eq!(read(":go units"), Typed::Go(Pane::Units));
    assert_eq!(read(":sort clock reverse"), Typed::Sort(SortBy::Clock, true));
    assert_eq!(read(":silence"), Typed::Silence(60));
    assert_eq!(read(":silence 10"), Typed::Silence(10));
    assert_eq!(read(":n"), Typed::NewCall);
    assert_eq!(read(":?"), Typed::Help);
    assert_eq!(read(": quit "), Typed::Quit);
    let filter = Filter {
        district: Some("Nankana Sahib".into()),
        priority: Some(1),
        stage: Some(Stage::EnRoute),
        mine: true,
        words: vec!["knife".into()],
        ..Filter::default()
    };
    let words = "p1 mine district:\"Nankana Sahib\" stage:en_route knife";
    assert_eq!(read(&format!("/{words}")), Typed::Filter(filter.clone()));
    assert_eq!(read(&format!(":filter {words}")), Typed::Filter(filter));
    assert_eq!(read("/"), Typed::Filter(Filter::default()));
    assert_eq!(read(":filter"), Typed::Filter(Filter::default()));
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    for (line, said) in [
        (":", "Tab offers them"),
        (":clsoe 7", ":help lists them"),
        (":colse", "no command `colse`"),
        (":close 7", "a way a call ends is missing. As in: :close [CALL] DISPOSITION"),
        (":close 7 murder", "`murder` is not a way a call ends: helped, case registered"),
        (":assign 7 CAR-1 now", "`now` has no place here"),
        (":priority 9", "`9` is not a priority: 1 (most urgent) to 4"),
        (":claim seven", "`seven` has no place here"),
        (":claim --take-over --release", "opposites"),
        (":claim --steal", "no `--steal` at `claim`. As in: :claim [CALL] [--take-over]"),
        (":escalate --clock", "--clock of what?"),
        (":take --rung 0", "`0` is not a rung"),
        (":silence 600", "from 1 to 60"),
        (":go nowhere", "board, call, units"),
        (":note 7", "the text is missing"),
        ("/stage:asleep", "no such stage"),
        ("/town:x", "there are district, kind, stage, unit, priority"),
    ] {
        let found = wrong(line);
        assert!(found.contains(said), "{line}: {found}");
    }
    let nowhere = Context { call: None, ..context() };
    assert!(parse(":claim", &nowhere).unwrap_err().contains("which call?"));
}

#[test]
fn every_action_of_the_usage_has_a_verb_and_no_two_share_a_name() {
    let mut names: Vec<&str> = VERBS.iter().flat_map(|verb| [verb.name, verb.short]).collect();
    names.retain(|name| !name.is_empty());
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for verb in VERBS {
        for take in verb.takes {
            if let Some(flag) = take.flag {
                assert!(verb.usage.contains(&format!("[--{flag}")), "{}", verb.name);
            }
        }
        let named = verb.usage.split_whitespace().next().is_some();
        assert_eq!(named, !verb.takes.is_empty(), "{}", verb.name);
    }
}

fn opened(text: &str) -> CommandLine {
    let mut line = CommandLine::new();
    line.open("");
    line.edit.set(":");
    line.edit.set(text);
    line.offer(&context());
    line
}

fn press(line: &mut CommandLine, code: KeyCode) -> Outcome {
    line.key(KeyEvent::new(code, KeyModifiers::NONE), &context())
}

fn completed(text: &str) -> String {
    let mut line = opened(text);
    press(&mut line, KeyCode::Tab);
    line.edit.text().to_owned()
}

#[test]
fn tab_completes_what_may_stand_there() {
    assert_eq!(completed(":onsc"), ":onscene ");
    assert_eq!(completed(":close 7 reg"), ":close 7 case registered ");
    assert_eq!(completed(":close 7 case reg"), ":close 7 case registered ");
    assert_eq!(completed(":assign bik"), ":assign BIKE 3 ");
    assert_eq!(completed(":escalate --cl"), ":escalate --clock ");
    assert_eq!(completed(":escalate --clock ar"), ":escalate --clock arrive ");
    assert_eq!(completed(":callback unsa"), ":callback unsafe ");
    assert_eq!(completed("/mine nank"), "/mine district:\"Nankana Sahib\" ");
    assert_eq!(completed(":filter p1 dom"), ":filter p1 kind:\"domestic violence\" ");
    assert_eq!(completed(":note she"), ":note she", "nothing to offer");
}

#[test]
fn tab_goes_round_the_candidates() {
    let mut line = opened(":ack 7 car");
    for expected in [":ack 7 CAR-1", ":ack 7 CAR-12", ":ack 7 CAR-1"] {
        press(&mut line, KeyCode::Tab);
        assert_eq!(line.edit.text(), expected);
    }
    press(&mut line, KeyCode::BackTab);
    assert_eq!(line.edit.text(), ":ack 7 CAR-12");
    let Outcome::Typed(Typed::Ask(_)) = press(&mut line, KeyCode::Enter) else {
        panic!("not read");
    };
    assert!(!line.is_open());
}

#[test]
fn what_is_behind_the_cursor_stays() {
    let mut line = opened(":ack 7 bi --x");
    line.edit.go(":ack 7 bi".len());
    line.offer(&context());
    press(&mut line, KeyCode::Tab);
    assert_eq!(line.edit.text(), ":ack 7 BIKE 3  --x");
}

#[test]
fn the_past_comes_back_and_what_names_her_is_not_written_down() {
    let mut line = CommandLine::new();
    for past in [":claim 7", "/Ayesha", ":note 7 Ayesha is hurt", ":go units"] {
        line.open(past);
        assert!(matches!(press(&mut line, KeyCode::Enter), Outcome::Typed(_)), "{past}");
    }
    line.open(":x");
    for expected in [":go units", ":note 7 Ayesha is hurt", ":claim 7", ":claim 7"] {
        press(&mut line, KeyCode::Up);
        assert_eq!(line.edit.text(), expected);
    }
    press(&mut line, KeyCode::Down);
    press(&mut line, KeyCode::Down);
    press(&mut line, KeyCode::Down);
    assert_eq!(line.edit.text(), ":x");
    assert_eq!(line.history(), ":claim 7\n:go units\n");
    assert!(!format!("{line:?}").contains("Ayesha"));
    let mut later = CommandLine::with_history(&line.history());
    later.open(":");
    press(&mut later, KeyCode::Up);
    assert_eq!(later.edit.text(), ":go units");
}

#[test]
fn a_search_filters_while_it_is_typed() {
    let mut line = CommandLine::new();
    line.open("/");
    for c in "p2 lah".chars() {
        press(&mut line, KeyCode::Char(c));
    }
    let filter = line.filter().unwrap();
    assert_eq!((filter.priority, filter.words), (Some(2), vec!["lah".to_owned()]));
    assert_eq!(press(&mut line, KeyCode::Esc), Outcome::Cancelled);
    assert_eq!(line.filter(), None);
}

fn drawn(line: &CommandLine, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| line.view(frame, frame.area(), &Theme::mono())).unwrap();
    terminal.backend().to_string()
}

#[test]
fn the_line_looks_so() {
    let mut line = opened(":cl");
    press(&mut line, KeyCode::Tab);
    insta::assert_snapshot!("verbs_that_match_with_what_they_do", drawn(&line, 80, 10));
    let mut line = opened(":close 7 murder");
    press(&mut line, KeyCode::Enter);
    insta::assert_snapshot!("a_line_that_cannot_be_read", drawn(&line, 80, 10));
}

proptest! {
    #[test]
    fn no_line_makes_reading_or_completing_panic(
        sigil in "[:/]?",
        verb in proptest::sample::select(VERBS),
        words in proptest::collection::vec(
            prop_oneof![
                any::<String>(),
                "[0-9]{1,3}",
                proptest::sample::select(vec!["CAR-1", "case reg", "--reason", "--clock", "--", "\"", "p1", "district:\"", "ਕੀ", "\u{130}"]).prop_map(str::to_owned),
            ],
            0..6,
        ),
    ) {
        let line = format!("{sigil}{} {}", verb.name, words.join(" "));
        let _ = parse(&line, &context());
        let (from, found) = complete::complete(&line, &context());
        prop_assert!(line.is_char_boundary(from) && found.len() <= 64);
        let mut typed = opened(&line);
        for code in [KeyCode::Tab, KeyCode::BackTab, KeyCode::Left, KeyCode::Tab, KeyCode::Up, KeyCode::Down, KeyCode::Enter] {
            press(&mut typed, code);
            drawn(&typed, 9, 3);
        }
    }
}

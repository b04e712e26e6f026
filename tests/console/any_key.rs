//! No key, paste, size or message makes the console fall over, in any order.

use crate::samples::*;
use fifteen::client::Update;
use fifteen::console::{Msg, Purpose, Refusal};
use fifteen::protocol::*;
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn key() -> impl Strategy<Value = Msg> {
    let code = prop_oneof![
        6 => "[ -~]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap_or('x'))),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down,
            KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp,
            KeyCode::PageDown, KeyCode::Backspace, KeyCode::Delete, KeyCode::F(9), KeyCode::F(2),
        ]),
    ];
    let modifiers = prop_oneof![
        8 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    (code, modifiers).prop_map(|(code, modifiers)| Msg::Key(KeyEvent::new(code, modifiers)))
}

fn happening() -> impl Strategy<Value = Msg> {
    let id = 1..9_u64;
    prop_oneof![
        12 => key(),
        1 => ".{0,30}".prop_map(Msg::Paste),
        1 => (1..300_u16, 1..90_u16).prop_map(|(columns, rows)| Msg::Resize(columns, rows)),
        1 => Just(Msg::Tick),
        3 => (id.clone(), 0..6_u8).prop_map(|(id, what)| {
            let mut it = with_unit(urgent(id), "CAR-1", UnitStatus::EnRoute);
            it.kind = "\u{1b}[31mگھر\u{202e}".into();
            Msg::Pushed(Box::new(match what {
                0 => pushed(200 + id, "call_received", it),
                1 => pushed(200 + id, "note_added", it),
                2 => pushed(200 + id, "call_closed", closed(id)),
                3 => Update::Snapshot(snapshot(vec![it, closed(9)], 1, 1)),
                4 => {
                    let mut unit = unit("CAR-1", UnitStatus::OnScene, &[id]);
                    unit.panic = (id > 4).then_some(id);
                    let unit = Some(Box::new(unit));
                    Update::Push(Push { unit, ..push(200 + id, "unit_panicked", Some(it)) })
                }
                _ => {
                    let told = Some(Box::new(escalation(id, 1, "DPO")));
                    Update::Push(Push { escalation: told, ..push(200 + id, "escalated", Some(it)) })
                }
            }))
        }),
        1 => id.prop_map(|id| {
            let refusal = Refusal { code: Some(Code::Claimed), text: "no\u{7}".into(), field: None };
            let purpose = Purpose::Command { call: Some(id), said: "x".into(), form: Some(id) };
            Msg::Replied(purpose, Err(refusal))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_makes_the_console_fall_over(
        happenings in prop::collection::vec((happening(), 0..3_000_u64), 1..60),
        linked: bool,
    ) {
        let calls = (1..9).map(call).collect();
        let mut desk = Desk::with(calls, vec![unit("CAR-1", UnitStatus::Available, &[])]);
        if !linked {
            desk.down();
        }
        for (msg, later) in happenings {
            desk.own += later;
            desk.take(msg);
            let screen = desk.screen();
            let steers = screen.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}'));
            prop_assert!(!steers, "somebody else's words steer the terminal: {:?}", screen);
        }
    }
}

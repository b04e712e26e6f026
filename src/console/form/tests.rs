//! Forms under keys, and what they look like.

use super::*;
use crate::console::theme::Theme;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn press(form: &mut Form, code: KeyCode) -> Outcome {
    form.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_in(form: &mut Form, text: &str) {
    for c in text.chars() {
        press(form, KeyCode::Char(c));
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn close() -> Form {
    let dispositions =
        words(&["helped", "case registered", "referred", "duplicate", "recorded", "hoax"]);
    let fields = vec![
        Field::new(
            "disposition",
            "How it ended",
            Kind::Choice { words: dispositions, free: false },
        )
        .required(),
        Field::new("remark", "Remark", Kind::Text { bytes_max: NOTE_BYTES_MAX }),
    ];
    Form::new("Close call 7", fields)
}

fn every_kind() -> Form {
    let districts = words(&["Lahore", "Faisalabad", "Multan", "لاہور"]);
    let fields = vec![
        Field::new("number", "Number", Kind::Phone),
        Field::new("district", "District", Kind::Choice { words: districts, free: true }),
        Field::new("priority", "Priority", Kind::Priority),
        Field::new("primary", "Repeats call", Kind::Number),
        Field::new("sos", "SOS", Kind::Toggle),
        Field::new("note", "Note", Kind::Text { bytes_max: 40 }).hint("what she says"),
    ];
    Form::new("Every kind", fields)
}

fn drawn(form: &Form, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| form.view(frame, frame.area(), &Theme::mono())).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_few_letters_and_enter_choose_and_the_last_enter_sends() {
    let mut form = close();
    type_in(&mut form, "cas");
    press(&mut form, KeyCode::Enter);
    assert_eq!(form.text("disposition"), "case registered");
    type_in(&mut form, "FIR 12");
    let Outcome::Submitted(values) = press(&mut form, KeyCode::Enter) else {
        panic!("not sent");
    };
    assert_eq!(values.text("disposition"), Some("case registered"));
    assert_eq!(values.text("remark"), Some("FIR 12"));
}

#[test]
fn what_is_needed_is_said_at_its_field_which_gets_the_keys() {
    let mut form = close();
    press(&mut form, KeyCode::Tab);
    let sent = form.key(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
    assert_eq!(sent, Outcome::Edited);
    assert_eq!(form.focused(), "disposition");
    assert!(drawn(&form, 60, 10).contains("How it ended is needed"));
}

#[test]
fn a_word_that_is_none_of_the_list_is_not_sent() {
    let mut form = close();
    type_in(&mut form, "zzz");
    let sent = form.key(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL));
    assert_eq!(sent, Outcome::Edited);
    assert!(drawn(&form, 70, 10).contains("none of the list"));
    press(&mut form, KeyCode::Backspace);
    assert!(!drawn(&form, 70, 10).contains("none of the list"));
}

#[test]
fn arrows_go_through_the_list() {
    let mut form = close();
    press(&mut form, KeyCode::Down);
    press(&mut form, KeyCode::Down);
    press(&mut form, KeyCode::Tab);
    assert_eq!(form.text("disposition"), "case registered");
    // Come back to, all are offered, and the next letter begins anew.
    press(&mut form, KeyCode::BackTab);
    assert_eq!(form.fields[0].lines(), 6);
    type_in(&mut form, "ho");
    press(&mut form, KeyCode::Tab);
    assert_eq!(form.text("disposition"), "hoax");
}

#[test]
fn a_choice_only_passed_through_stays_as_it_was() {
    let mut form = close().with("disposition", "hoax");
    press(&mut form, KeyCode::Tab);
    press(&mut form, KeyCode::BackTab);
    press(&mut form, KeyCode::Tab);
    assert_eq!(form.text("disposition"), "hoax");
    let mut empty = close();
    press(&mut empty, KeyCode::Tab);
    assert_eq!(empty.text("disposition"), "");
}

#[test]
fn where_another_word_may_be_given_it_is_the_last_of_the_list() {
    let mut form = every_kind();
    form.focus("district");
    type_in(&mut form, "Lah");
    press(&mut form, KeyCode::Down);
    press(&mut form, KeyCode::Tab);
    assert_eq!(form.text("district"), "Lah");
    form.focus("district");
    type_in(&mut form, "lah");
    press(&mut form, KeyCode::Tab);
    assert_eq!(form.text("district"), "Lahore");
}

#[test]
fn a_number_takes_digits_of_every_script_and_says_so_of_letters() {
    let mut form = every_kind();
    type_in(&mut form, "۰۳۰۰ ੧੨x");
    assert_eq!(form.text("number"), "0300 12");
    assert!(drawn(&form, 70, 14).contains("digits, please"));
    form.paste("tel: ٤٥٦\n");
    assert_eq!(form.text("number"), "0300 12 456");
}

#[test]
fn what_the_server_refused_stands_at_its_field() {
    let mut form = every_kind();
    form.refused(Some("priority"), "priority 9 is not one of 1, 2, 3, 4");
    assert_eq!(form.focused(), "priority");
    assert!(drawn(&form, 70, 14).contains("! Priority: priority 9"));
    form.refused(None, "call 7 is closed");
    assert!(drawn(&form, 70, 14).contains("! call 7 is closed"));
}

#[test]
fn what_is_typed_is_not_in_debug_output() {
    let mut form = every_kind();
    type_in(&mut form, "03001234567");
    assert!(!format!("{form:?} {:?}", form.values()).contains("0300"));
}

#[test]
fn forms_look_so() {
    let mut form = every_kind();
    type_in(&mut form, "0300 1234567");
    press(&mut form, KeyCode::Tab);
    type_in(&mut form, "l");
    insta::assert_snapshot!("a_form_with_its_list_at_80_columns", drawn(&form, 80, 24));
    press(&mut form, KeyCode::Tab);
    type_in(&mut form, "2");
    form.focus("note");
    type_in(&mut form, "وہ گھر میں بند ہے اور دروازہ");
    insta::assert_snapshot!("a_form_too_full_at_50_columns", drawn(&form, 50, 11));
    insta::assert_snapshot!("a_form_at_160_columns", drawn(&form, 160, 50));
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        any::<char>().prop_map(KeyCode::Char),
        proptest::sample::select(vec!['a', 'l', ' ', '1', '4', 's', 'd', 'y', 'ਕ', 'ی', '\u{301}'])
            .prop_map(KeyCode::Char),
        proptest::sample::select(vec![
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Enter,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::PageDown,
            KeyCode::PageUp,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::Esc,
            KeyCode::F(3),
        ]),
    ];
    let modifiers = proptest::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_keys_and_no_size_make_a_form_panic(
        keys in proptest::collection::vec(any_key(), 0..80),
        columns in 1u16..100,
        rows in 1u16..30,
        paste in any::<String>(),
    ) {
        for mut form in [every_kind(), close(), every_kind().sent_by_ctrl_s()] {
            for (at, key) in keys.iter().enumerate() {
                form.key(*key);
                if at == 7 {
                    form.paste(&paste);
                }
                drawn(&form, columns, rows);
            }
        }
    }
}

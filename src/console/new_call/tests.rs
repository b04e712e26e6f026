//! A call being taken: what is asked, proposed, sent, kept, and what it looks like.

use super::*;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const KEY: Key = Key([7; 16]);

fn words() -> Words {
    let kinds = [
        ("violence in progress", 1),
        ("abduction", 1),
        ("domestic violence", 2),
        ("stalking", 2),
        ("harassment", 3),
        ("property dispute", 4),
    ];
    let districts: [(&str, &[&str]); 3] = [
        ("Lahore", &["Lahore Cantt", "Model Town", "Raiwind", "Shalimar"]),
        ("Faisalabad", &["Jaranwala", "Samundri"]),
        ("Nankana Sahib", &["Shahkot"]),
    ];
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Words {
        kinds: kinds.map(|(kind, priority)| (kind.to_owned(), priority)).into(),
        districts: districts.map(|(name, tehsils)| (name.to_owned(), owned(tehsils))).into(),
    }
}

fn press(call: &mut NewCall, code: KeyCode) -> Outcome {
    call.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn ctrl(call: &mut NewCall, c: char) -> Outcome {
    call.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

fn type_in(call: &mut NewCall, text: &str) {
    for c in text.chars() {
        press(call, KeyCode::Char(c));
    }
}

fn drawn(call: &NewCall, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| call.view(frame, frame.area(), &Theme::mono())).unwrap();
    terminal.backend().to_string()
}

fn filled() -> NewCall {
    let mut call = NewCall::new(KEY, &words());
    tabs(&mut call, "0300 1234567\tdv\t\t12 Mall Road, upper floor\tlah\tmod\tAyesha");
    call
}

fn before(calls: Vec<Earlier>) -> Before {
    let counts = "12 calls, 1 open, 4 real, 2 hoax, last 12 Mar 21:40".into();
    let why =
        vec!["1 other call of hers open (+4)".into(), "4 real calls of this number (+3)".into()];
    Before { calls, counts, raise: 1, why }
}

fn earlier_call(call: u64, priority: u8) -> Earlier {
    Earlier {
        call,
        when: "12 Mar 21:40".into(),
        kind: "domestic violence".into(),
        district: "Lahore".into(),
        priority,
        stage: "case registered".into(),
    }
}

/// Tab comes as a key of its own.
fn tabs(call: &mut NewCall, text: &str) {
    for (at, part) in text.split('\t').enumerate() {
        if at > 0 {
            press(call, KeyCode::Tab);
        }
        type_in(call, part);
    }
}

#[test]
fn a_call_is_taken_with_a_few_letters_a_field() {
    let mut call = NewCall::new(KEY, &words());
    tabs(
        &mut call,
        "0300 1234567\tdv\t\t12 Mall Road, upper floor\tlah\tmod\tAyesha\tshe whispers",
    );
    press(&mut call, KeyCode::Tab);
    press(&mut call, KeyCode::Char(' '));
    let Outcome::Place(key, placed) = ctrl(&mut call, 's') else {
        panic!("not sent");
    };
    let mut expected = PlaceCall::new(Source::PhoneLine, "Lahore", "domestic violence");
    expected.number = Some("0300 1234567".into());
    let words = Some("12 Mall Road, upper floor, Model Town".into());
    expected.place = Some(Place { words, ..Place::default() });
    expected.name = Some("Ayesha".into());
    expected.note = Some("she whispers".into());
    expected.silent = true;
    assert_eq!((key, *placed), (KEY, expected));
    assert!(call.draft().sent, "to be saved as sent before it is");
}

#[test]
fn a_call_with_nothing_but_silence_is_sent() {
    let mut call = NewCall::new(KEY, &Words::default());
    let Outcome::Place(_, placed) = ctrl(&mut call, 's') else {
        panic!("not sent");
    };
    assert_eq!(*placed, PlaceCall::new(Source::PhoneLine, "", "unknown"));
}

#[test]
fn the_number_is_looked_up_as_it_grows() {
    let mut call = NewCall::new(KEY, &words());
    type_in(&mut call, "030");
    assert_eq!(press(&mut call, KeyCode::Char('0')), Outcome::LookUp(Number("0300".into())));
    let first = call.number().unwrap();
    assert!(drawn(&call, 80, 24).contains("looking"));
    press(&mut call, KeyCode::Char('1'));
    call.earlier(&first, before(vec![earlier_call(3, 1)]));
    assert!(drawn(&call, 80, 24).contains("looking"), "an answer for another number");
    call.earlier(&Number("03001".into()), before(vec![earlier_call(3, 1)]));
    assert!(drawn(&call, 80, 24).contains("3 12 Mar 21:40 P1"));
    call.form.set("kind", "harassment");
    call.set_words(&words());
    assert!(drawn(&call, 160, 24).contains("2 proposed, 3 by its kind"));
    assert_eq!(press(&mut call, KeyCode::Left), Outcome::Edited, "nothing to ask anew");
    assert!(!format!("{first:?} {call:?} {:?}", call.draft()).contains("0300"));
}

#[test]
fn the_kind_proposes_and_the_operator_decides_for_good() {
    let mut call = NewCall::new(KEY, &words());
    tabs(&mut call, "\tstalk\t");
    assert!(drawn(&call, 80, 24).contains("2 by its kind"));
    assert_eq!(call.draft().priority, None);
    press(&mut call, KeyCode::Char('1'));
    press(&mut call, KeyCode::BackTab);
    type_in(&mut call, "prop");
    press(&mut call, KeyCode::Tab);
    assert_eq!(call.draft().priority, Some(1), "a change sticks");
    press(&mut call, KeyCode::Backspace);
    assert_eq!(call.draft().priority, None);
    assert!(drawn(&call, 80, 24).contains("4 by its kind"));
}

#[test]
fn tehsils_are_those_of_the_district() {
    let mut call = NewCall::new(KEY, &words());
    tabs(&mut call, "\t\t\t\tfais\t");
    let screen = drawn(&call, 80, 24);
    assert!(screen.contains("Jaranwala") && !screen.contains("Raiwind"), "{screen}");
}

#[test]
fn what_the_room_does_not_know_is_sent_as_typed() {
    let mut call = NewCall::new(KEY, &words());
    tabs(&mut call, "\tzzz kind\t\t\tKarachi");
    let Outcome::Place(_, placed) = ctrl(&mut call, 's') else {
        panic!("not sent");
    };
    assert_eq!((&*placed.kind, &*placed.district), ("zzz kind", "Karachi"));
}

#[test]
fn once_sent_nothing_changes_until_the_answer_and_again_is_the_same() {
    let mut call = filled();
    let first = ctrl(&mut call, 's');
    let before = call.draft();
    type_in(&mut call, "more");
    assert_eq!(call.paste("more"), Outcome::Ignored);
    ctrl(&mut call, 'd');
    ctrl(&mut call, 'd');
    assert_eq!(call.draft(), before);
    assert_eq!(ctrl(&mut call, 's'), first);
    let mut resumed = NewCall::resume(before, &Words::default());
    assert!(resumed.is_sent());
    assert_eq!(ctrl(&mut resumed, 's'), first, "after a crash too");
}

#[test]
fn a_refusal_opens_the_form_again_under_a_new_key() {
    let mut call = filled();
    ctrl(&mut call, 's');
    call.refused(Some("district"), "no such district", Key([8; 16]));
    assert!(!call.is_sent());
    assert!(drawn(&call, 80, 24).contains("! District: no such district"));
    type_in(&mut call, "fais");
    let Outcome::Place(key, placed) = ctrl(&mut call, 's') else {
        panic!("not sent");
    };
    assert_eq!((key, &*placed.district), (Key([8; 16]), "Faisalabad"));
}

#[test]
fn leaving_keeps_what_was_typed_and_only_two_presses_throw_it_away() {
    let mut call = NewCall::new(KEY, &words());
    assert_eq!(press(&mut call, KeyCode::Esc), Outcome::Discarded, "nothing was typed");
    type_in(&mut call, "0300");
    assert_eq!(press(&mut call, KeyCode::Esc), Outcome::SetAside);
    assert_eq!(ctrl(&mut call, 'd'), Outcome::Edited);
    assert!(drawn(&call, 80, 24).contains("Ctrl-D again"));
    press(&mut call, KeyCode::Char('1'));
    assert_eq!(ctrl(&mut call, 'd'), Outcome::Edited, "a key between keeps it");
    assert_eq!(ctrl(&mut call, 'd'), Outcome::Discarded);
}

#[test]
fn a_draft_brings_the_form_back_as_it_was() {
    let mut call = filled();
    call.form.focus("source");
    type_in(&mut call, "walk");
    press(&mut call, KeyCode::Tab);
    let draft = call.draft();
    assert_eq!(draft.source, Source::WalkIn);
    assert_eq!(NewCall::resume(draft.clone(), &words()).draft(), draft);
}

#[test]
fn a_new_call_looks_so() {
    let mut call = NewCall::new(KEY, &words());
    insta::assert_snapshot!("an_empty_new_call_at_80_columns", drawn(&call, 80, 24));
    tabs(&mut call, "0300 1234567");
    call.earlier(
        &Number("0300 1234567".into()),
        before(vec![earlier_call(4_021, 1), earlier_call(9, 3)]),
    );
    tabs(&mut call, "\tvio");
    insta::assert_snapshot!("a_new_call_and_her_earlier_ones", drawn(&call, 80, 24));
    tabs(&mut call, "\t\tگھر نمبر ۷، شالیمار\tlah\t\tਅਮਨਦੀਪ ਕੌਰ\t");
    insta::assert_snapshot!("a_new_call_in_urdu_and_gurmukhi_at_160", drawn(&call, 160, 50));
    ctrl(&mut call, 's');
    insta::assert_snapshot!("a_new_call_that_is_sent_at_40_columns", drawn(&call, 40, 12));
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        any::<char>().prop_map(KeyCode::Char),
        proptest::sample::select(vec!['a', 'l', 'v', ' ', '1', '۴', 's', 'd', 'ਕ', 'ی', '\u{301}'])
            .prop_map(KeyCode::Char),
        proptest::sample::select(vec![
            KeyCode::Tab,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Enter,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Backspace,
            KeyCode::Esc,
        ]),
    ];
    let modifiers = proptest::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
    ]);
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_keys_and_no_size_make_it_panic_and_the_draft_is_what_it_shows(
        keys in proptest::collection::vec(any_key(), 0..80),
        columns in 1u16..170,
        rows in 1u16..40,
        paste in any::<String>(),
    ) {
        let mut call = NewCall::new(KEY, &words());
        for (at, key) in keys.iter().enumerate() {
            if let Outcome::Place(..) = call.key(*key) {
                call.refused(None, "try again", KEY);
            }
            if at == 9 {
                call.paste(&paste);
            }
            drawn(&call, columns, rows);
            let draft = call.draft();
            prop_assert_eq!(NewCall::resume(draft.clone(), &words()).draft(), draft);
        }
    }
}

//! A line being typed. The cursor stands between graphemes, so one press of a key passes or
//! deletes what a person calls one character, in Urdu and Gurmukhi too. Never longer than its
//! limit in bytes, never holds a control character. Text is shown in the order it is stored:
//! turning Urdu round is the terminal's part.

use super::width::{grapheme_width, plain};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// A one-line editor.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    text: String,
    /// In bytes; always at a grapheme's edge.
    cursor: usize,
    bytes_max: usize,
}

/// What a key or a paste did to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The text changed.
    Changed,
    /// Only the cursor may have moved.
    Moved,
    /// The text is as long as it may be; what did not fit was left out.
    Full,
    /// Not a key of the editor.
    Ignored,
}

/// What of the line is seen, and where the cursor is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// At most the columns asked for; `…` stands where the line goes on outside.
    pub text: String,
    /// The cursor's column, from 0, less than the columns asked for.
    pub cursor: u16,
}

impl Edit {
    /// An empty line of at most `bytes_max` bytes of UTF-8.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), cursor: 0, bytes_max }
    }

    /// What is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Where the cursor is, in bytes, always at a grapheme's edge.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts other text there, cleaned and cut to the limit, the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.text.clear();
        self.cursor = 0;
        self.insert(&plain(text));
    }

    /// Puts the cursor at this byte, or at the next edge of a character after it.
    pub fn go(&mut self, to: usize) {
        self.cursor = self.edge(to);
    }

    /// Takes the text out and leaves the line empty.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Takes a key: characters, arrows, Home and End, Backspace and Delete, and of the shell's keys
    /// Ctrl-A, E, B, F, W, U, K, Alt-B and F, Ctrl and arrows.
    pub fn key(&mut self, key: KeyEvent) -> Edited {
        if key.kind == KeyEventKind::Release {
            return Edited::Ignored;
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        // AltGr comes as both, and types.
        let alt = key.modifiers.contains(KeyModifiers::ALT) && !ctrl;
        let ctrl = ctrl && !key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Left if ctrl || alt => self.move_to(self.word_before()),
            KeyCode::Right if ctrl || alt => self.move_to(self.word_after()),
            KeyCode::Left => self.move_to(self.before()),
            KeyCode::Right => self.move_to(self.after()),
            KeyCode::Home => self.move_to(0),
            KeyCode::End => self.move_to(self.text.len()),
            KeyCode::Backspace if ctrl || alt => self.delete(self.word_before(), self.cursor),
            KeyCode::Backspace => self.delete(self.before(), self.cursor),
            KeyCode::Delete if ctrl || alt => self.delete(self.cursor, self.word_after()),
            KeyCode::Delete => self.delete(self.cursor, self.after()),
            KeyCode::Char(c) if ctrl => self.control(c),
            KeyCode::Char('b') if alt => self.move_to(self.word_before()),
            KeyCode::Char('f') if alt => self.move_to(self.word_after()),
            KeyCode::Char('d') if alt => self.delete(self.cursor, self.word_after()),
            KeyCode::Char(_) if alt => Edited::Ignored,
            KeyCode::Char(c) => self.paste(c.encode_utf8(&mut [0; 4])),
            _ => Edited::Ignored,
        }
    }

    fn control(&mut self, c: char) -> Edited {
        match c {
            'a' => self.move_to(0),
            'e' => self.move_to(self.text.len()),
            'b' => self.move_to(self.before()),
            'f' => self.move_to(self.after()),
            // Ctrl-H is what many terminals send for Backspace.
            'h' => self.delete(self.before(), self.cursor),
            'w' => self.delete(self.word_before(), self.cursor),
            'u' => self.delete(0, self.cursor),
            'k' => self.delete(self.cursor, self.text.len()),
            _ => Edited::Ignored,
        }
    }

    /// Takes text that came in one piece; control characters become spaces, and what they were at
    /// its end, such as a line's, is left out.
    pub fn paste(&mut self, text: &str) -> Edited {
        self.insert(&plain(text.trim_end_matches(char::is_control)))
    }

    /// What to show in `columns`, the cursor always in it. At least 1 column is assumed.
    ///
    /// The line moves by half its window, so that it stands still while the cursor moves within.
    #[must_use]
    pub fn window(&self, columns: u16) -> Window {
        let columns = usize::from(columns.max(1));
        let total: usize = self.text.graphemes(true).map(grapheme_width).sum();
        let cursor: usize = self.text[..self.cursor].graphemes(true).map(grapheme_width).sum();
        if total < columns {
            return Window { text: self.text.clone(), cursor: column(cursor) };
        }
        // Too narrow for marks: only what is before the cursor.
        const MARKED_MIN: usize = 8;
        let (start, left, right) = if columns < MARKED_MIN {
            (cursor.saturating_sub(columns - 1), false, false)
        } else {
            let half = columns / 2;
            let start = (cursor + 2).saturating_sub(columns).div_ceil(half) * half;
            (start, start > 0, total > start + columns)
        };
        let (from, upto) = (start + usize::from(left), start + columns - usize::from(right));
        let mut text = String::from(if left { "…" } else { "" });
        let mut at = 0;
        for grapheme in self.text.graphemes(true) {
            let end = at + grapheme_width(grapheme);
            if at >= from && end <= upto {
                text.push_str(grapheme);
            } else if end > from && at < upto {
                // A wide character that is half in sight.
                text.extend(std::iter::repeat_n(' ', end.min(upto) - at.max(from)));
            }
            at = end;
        }
        text.push_str(if right { "…" } else { "" });
        Window { text, cursor: column(cursor - start) }
    }

    fn insert(&mut self, text: &str) -> Edited {
        let room = self.bytes_max.saturating_sub(self.text.len());
        let mut end = 0;
        for grapheme in text.graphemes(true) {
            if end + grapheme.len() > room {
                break;
            }
            end += grapheme.len();
        }
        self.text.insert_str(self.cursor, &text[..end]);
        self.cursor = self.edge(self.cursor + end);
        match (end, text.len()) {
            (_, 0) => Edited::Moved,
            (end, len) if end < len => Edited::Full,
            _ => Edited::Changed,
        }
    }

    fn move_to(&mut self, to: usize) -> Edited {
        self.cursor = self.edge(to);
        Edited::Moved
    }

    fn delete(&mut self, from: usize, to: usize) -> Edited {
        if from >= to {
            return Edited::Moved;
        }
        self.text.replace_range(from..to, "");
        self.cursor = self.edge(from);
        Edited::Changed
    }

    /// The first grapheme's edge at `at` or after it. What was typed or deleted can join the
    /// characters on both sides into one.
    fn edge(&self, at: usize) -> usize {
        let mut edges = self.text.grapheme_indices(true).map(|(edge, _)| edge);
        edges.find(|edge| *edge >= at).unwrap_or(self.text.len())
    }

    fn before(&self) -> usize {
        let before = self.text[..self.cursor].grapheme_indices(true).next_back();
        before.map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let next = self.text[self.cursor..].graphemes(true).next();
        self.cursor + next.map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let mut words = self.text[..self.cursor].split_word_bound_indices().rev();
        words.find(|(_, word)| is_word(word)).map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let mut words = self.text[self.cursor..].split_word_bound_indices();
        let found = words.find(|(_, word)| is_word(word));
        found.map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
    }
}

fn is_word(word: &str) -> bool {
    word.contains(char::is_alphanumeric)
}

fn column(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// The text may be hers.
impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::width::width;
    use super::*;
    use proptest::prelude::*;

    fn typed(text: &str) -> Edit {
        let mut edit = Edit::new(256);
        assert_ne!(edit.paste(text), Edited::Full);
        edit
    }

    fn press(edit: &mut Edit, code: KeyCode) -> Edited {
        edit.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn ctrl(edit: &mut Edit, c: char) -> Edited {
        edit.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    #[test]
    fn one_press_deletes_one_character_of_gurmukhi() {
        let mut edit = typed("ਕੀ ਹਾਲ");
        for left in ["ਕੀ ਹਾ", "ਕੀ ", "ਕੀ", ""] {
            assert_eq!(press(&mut edit, KeyCode::Backspace), Edited::Changed);
            assert_eq!(edit.text(), left);
        }
        assert_eq!(press(&mut edit, KeyCode::Backspace), Edited::Moved);
    }

    #[test]
    fn what_is_typed_between_characters_goes_between_them() {
        let mut edit = typed("لاہور");
        press(&mut edit, KeyCode::Home);
        press(&mut edit, KeyCode::Right);
        press(&mut edit, KeyCode::Char('x'));
        assert_eq!(edit.text(), "لxاہور");
    }

    #[test]
    fn a_word_is_deleted_whole_and_the_spaces_after_it() {
        let mut edit = typed("behind the old mill,  ");
        assert_eq!(ctrl(&mut edit, 'w'), Edited::Changed);
        assert_eq!(edit.text(), "behind the old ");
        edit.key(KeyEvent::new(KeyCode::Left, KeyModifiers::CONTROL));
        ctrl(&mut edit, 'k');
        assert_eq!(edit.text(), "behind the ");
        ctrl(&mut edit, 'u');
        assert!(edit.is_empty());
    }

    #[test]
    fn a_paste_is_one_line_without_controls() {
        let edit = typed("house 7,\r\nstreet\t2\u{1b}[31m\u{202e}\n");
        assert_eq!(edit.text(), "house 7,  street 2 [31m");
    }

    #[test]
    fn the_limit_is_in_bytes_and_cuts_no_character() {
        let mut edit = Edit::new(5);
        assert_eq!(edit.paste("ਕੀ"), Edited::Full);
        assert_eq!(edit.text(), "");
        assert_eq!(edit.paste("لاہ"), Edited::Full);
        assert_eq!(edit.text(), "لا");
        assert_eq!(press(&mut edit, KeyCode::Char('ہ')), Edited::Full);
        assert_eq!(press(&mut edit, KeyCode::Char('x')), Edited::Changed);
    }

    #[test]
    fn a_long_line_shows_where_the_cursor_is_and_that_it_goes_on() {
        let mut edit = typed("0123456789abcdefghij");
        assert_eq!(edit.window(30), Window { text: "0123456789abcdefghij".into(), cursor: 20 });
        assert_eq!(edit.window(10), Window { text: "…ghij".into(), cursor: 5 });
        press(&mut edit, KeyCode::Home);
        assert_eq!(edit.window(10), Window { text: "012345678…".into(), cursor: 0 });
    }

    #[test]
    fn a_key_let_go_types_nothing() {
        let mut edit = Edit::new(9);
        let mut key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(edit.key(key), Edited::Ignored);
        assert!(edit.is_empty());
    }

    #[test]
    fn what_is_typed_is_not_in_debug_output() {
        assert!(!format!("{:?}", typed("03001234567")).contains("0300"));
    }

    fn keys() -> impl Strategy<Value = KeyEvent> {
        let code = prop_oneof![
            4 => any::<char>().prop_map(KeyCode::Char),
            4 => proptest::sample::select(vec!['a', 'ਕ', '\u{a40}', '\u{301}', 'ل', '\u{200d}', '👩', '🇵', '\u{a4d}', 'h', 'w', 'u', 'k', 'b', 'f']).prop_map(KeyCode::Char),
            4 => proptest::sample::select(vec![
                KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End,
                KeyCode::Backspace, KeyCode::Delete, KeyCode::Tab, KeyCode::Esc,
            ]),
        ];
        let modifiers = proptest::sample::select(vec![
            KeyModifiers::NONE,
            KeyModifiers::NONE,
            KeyModifiers::CONTROL,
            KeyModifiers::ALT,
            KeyModifiers::CONTROL | KeyModifiers::ALT,
        ]);
        (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
    }

    proptest! {
        #[test]
        fn no_keys_bring_the_cursor_into_a_character(
            bytes_max in 0usize..60,
            start in any::<String>(),
            keys in proptest::collection::vec(keys(), 0..60),
            columns in 1u16..30,
        ) {
            let mut edit = Edit::new(bytes_max);
            edit.set(&start);
            for key in keys {
                edit.key(key);
                let edges: Vec<usize> = edit.text().grapheme_indices(true).map(|(at, _)| at).collect();
                prop_assert!(edit.cursor() == edit.text().len() || edges.contains(&edit.cursor()));
                prop_assert!(edit.text().len() <= bytes_max);
                prop_assert!(!edit.text().contains(char::is_control));
                let window = edit.window(columns);
                prop_assert!(width(&window.text) <= usize::from(columns), "{window:?}");
                prop_assert!(window.cursor < columns, "{window:?}");
            }
        }
    }
}

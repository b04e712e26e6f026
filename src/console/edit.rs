//! A line being typed. The cursor stands between graphemes, so one press of a key passes or
//! deletes what a person calls one character, in Urdu and Gurmukhi too. Never longer than its
//! limit in bytes, never holds a control character.

use ratatui::crossterm::event::KeyEvent;

/// A one-line editor.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    text: String,
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
        self.text = text.to_owned();
        self.cursor = self.text.len();
    }

    /// Takes the text out and leaves the line empty.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Takes a key: characters, arrows, Home and End, Backspace and Delete, and of the shell's keys
    /// Ctrl-A, E, B, F, W, U, K, Alt-B and F, Ctrl and arrows.
    pub fn key(&mut self, key: KeyEvent) -> Edited {
        let _ = key;
        Edited::Ignored
    }

    /// Takes text that came in one piece; control characters become single spaces.
    pub fn paste(&mut self, text: &str) -> Edited {
        self.text.push_str(text);
        Edited::Changed
    }

    /// What to show in `columns`, the cursor always in it. At least 1 column is assumed.
    #[must_use]
    pub fn window(&self, columns: u16) -> Window {
        let _ = columns;
        Window { text: self.text.clone(), cursor: 0 }
    }
}

/// The text may be hers.
impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

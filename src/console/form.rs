//! A form of labelled fields, worked by keys alone: Tab and Shift-Tab move, Enter goes on and at
//! the last field sends, Ctrl-S sends from anywhere, Esc leaves. What is wrong stands at its field,
//! with what to do about it.

use super::theme::Theme;
use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Any text of at most so many bytes.
    Text {
        /// The wire's bound.
        bytes_max: usize,
    },
    /// A whole number.
    Number,
    /// A telephone number: digits, `+`, spaces and dashes.
    Phone,
    /// One of these words, found by a few of its letters.
    Choice {
        /// The words.
        words: Vec<String>,
        /// Whether another word may be given.
        free: bool,
    },
    /// Yes or no, by Space.
    Toggle,
    /// 1 to 4.
    Priority,
}

/// A field as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    id: &'static str,
    label: String,
    kind: Kind,
    required: bool,
}

impl Field {
    /// A field that may stay empty.
    #[must_use]
    pub fn new(id: &'static str, label: impl Into<String>, kind: Kind) -> Self {
        Self { id, label: label.into(), kind, required: false }
    }

    /// The same, and must be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// What a key did to a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Something on it changed: draw it again.
    Edited,
    /// It is complete and is to be sent.
    Submitted(Values),
    /// It was left.
    Cancelled,
    /// Not a key of the form.
    Ignored,
}

/// What stood in the fields, by their ids.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Values(Vec<(&'static str, String)>);

impl Values {
    /// The text of a field, trimmed; none if it was empty.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == id);
        found.map(|(_, text)| &**text).filter(|text| !text.is_empty())
    }

    /// The number of a field.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<u64> {
        self.text(id)?.parse().ok()
    }

    /// The priority of a field.
    #[must_use]
    pub fn priority(&self, id: &str) -> Option<u8> {
        self.text(id)?.parse().ok()
    }

    /// Whether a toggle is on.
    #[must_use]
    pub fn on(&self, id: &str) -> bool {
        self.text(id) == Some("yes")
    }
}

/// The values may be hers.
impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// A form being filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    title: String,
    fields: Vec<Field>,
}

impl Form {
    /// An empty form; the first field has the keys.
    ///
    /// # Panics
    /// Without a field.
    #[must_use]
    pub fn new(title: impl Into<String>, fields: Vec<Field>) -> Self {
        assert!(!fields.is_empty(), "a form has a field");
        Self { title: title.into(), fields }
    }

    /// Fills a field in beforehand.
    #[must_use]
    pub fn with(self, id: &str, value: &str) -> Self {
        let _ = (id, value);
        self
    }

    /// What it is for.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What stands in the fields now.
    #[must_use]
    pub fn values(&self) -> Values {
        Values(self.fields.iter().map(|field| (field.id, String::new())).collect())
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Outcome {
        let _ = key;
        Outcome::Ignored
    }

    /// Takes text that came in one piece.
    pub fn paste(&mut self, text: &str) -> Outcome {
        let _ = text;
        Outcome::Edited
    }

    /// Shows why the server refused what was sent: at the field it named, or below them all.
    pub fn refused(&mut self, field: Option<&str>, text: &str) {
        let _ = (field, text);
    }

    /// Lines it needs, its border included.
    #[must_use]
    pub fn height(&self) -> u16 {
        3
    }

    /// Draws it into `area` and puts the terminal's cursor where typing goes.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let _ = (frame, area, theme);
    }
}

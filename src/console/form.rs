//! A form of labelled fields, worked by keys alone: Tab and Shift-Tab move, Enter goes on and at
//! the last field sends, Ctrl-S sends from anywhere, Esc leaves. What is wrong stands at its field,
//! with what to do about it.

mod field;
mod view;

pub use field::{Check, Field, Kind, NAME_BYTES_MAX, NOTE_BYTES_MAX, PLACE_BYTES_MAX};

use field::Took;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

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

    /// The priority of a field, 1 to 4.
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
#[derive(Debug, Clone)]
pub struct Form {
    title: String,
    fields: Vec<Field>,
    /// Which has the keys.
    at: usize,
    /// What is said of the whole form.
    said: Option<String>,
    /// Enter at the last field does not send: too easily pressed where much is at stake.
    enter_only_moves: bool,
    /// Ctrl-D, which the owner of the form handles, is among the keys shown.
    discardable: bool,
}

impl Form {
    /// An empty form; the first field has the keys.
    ///
    /// # Panics
    /// Without a field.
    #[must_use]
    pub fn new(title: impl Into<String>, fields: Vec<Field>) -> Self {
        assert!(!fields.is_empty(), "a form has a field");
        let title = title.into();
        Self { title, fields, at: 0, said: None, enter_only_moves: false, discardable: false }
    }

    /// The same, sent by Ctrl-S alone; Enter at the last field begins again at the first.
    #[must_use]
    pub fn sent_by_ctrl_s(mut self) -> Self {
        self.enter_only_moves = true;
        self
    }

    /// The same, with Ctrl-D among the keys it shows; whoever owns the form takes that key.
    #[must_use]
    pub fn discardable(mut self) -> Self {
        self.discardable = true;
        self
    }

    /// Fills a field in beforehand.
    #[must_use]
    pub fn with(mut self, id: &str, value: &str) -> Self {
        self.set(id, value);
        self
    }

    /// Puts a value into a field; nothing happens if there is no such field.
    pub fn set(&mut self, id: &str, value: &str) {
        if let Some(field) = self.field_mut(id) {
            field.set(value);
        }
    }

    /// Gives a choice other words.
    pub fn set_words(&mut self, id: &str, words: Vec<String>) {
        if let Some(field) = self.field_mut(id) {
            field.set_words(words);
        }
    }

    /// Says in an empty field what holds as long as it is empty.
    pub fn set_placeholder(&mut self, id: &str, words: impl Into<String>) {
        if let Some(field) = self.field_mut(id) {
            field.placeholder = words.into();
        }
    }

    /// Gives the keys to a field.
    pub fn focus(&mut self, id: &str) {
        if let Some(at) = self.fields.iter().position(|field| field.id == id) {
            self.go(at);
        }
    }

    /// Which field has the keys.
    #[must_use]
    pub fn focused(&self) -> &'static str {
        self.fields[self.at].id
    }

    /// What stands in a field as it is being typed, trimmed; empty if there is no such field.
    #[must_use]
    pub fn text(&self, id: &str) -> &str {
        self.fields.iter().find(|field| field.id == id).map_or("", Field::value)
    }

    /// What it is for.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What stands in the fields now.
    #[must_use]
    pub fn values(&self) -> Values {
        Values(self.fields.iter().map(|field| (field.id, field.value().to_owned())).collect())
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Ignored;
        }
        self.said = None;
        let last = self.fields.len() - 1;
        match key.code {
            KeyCode::Esc => return Outcome::Cancelled,
            KeyCode::Char('s') if key.modifiers == KeyModifiers::CONTROL => return self.submit(),
            KeyCode::Enter if self.at == last && !self.enter_only_moves => return self.submit(),
            KeyCode::Enter | KeyCode::Tab => {
                self.go(if self.at == last { 0 } else { self.at + 1 });
                return Outcome::Edited;
            }
            KeyCode::BackTab => {
                self.go(if self.at == 0 { last } else { self.at - 1 });
                return Outcome::Edited;
            }
            _ => {}
        }
        match (self.fields[self.at].key(key), key.code) {
            (Took::Changed | Took::Moved, _) => Outcome::Edited,
            (Took::Ignored, KeyCode::Down) => {
                self.go((self.at + 1).min(last));
                Outcome::Edited
            }
            (Took::Ignored, KeyCode::Up) => {
                self.go(self.at.saturating_sub(1));
                Outcome::Edited
            }
            (Took::Ignored, _) => Outcome::Ignored,
        }
    }

    /// Takes text that came in one piece.
    pub fn paste(&mut self, text: &str) -> Outcome {
        match self.fields[self.at].paste(text) {
            Took::Changed | Took::Moved => Outcome::Edited,
            Took::Ignored => Outcome::Ignored,
        }
    }

    /// Shows why the server refused what was sent: at the field it named, which gets the keys, or
    /// below them all.
    pub fn refused(&mut self, field: Option<&str>, text: &str) {
        let named = |known: &Field| Some(known.id) == field;
        self.said = None;
        match self.fields.iter().position(named) {
            Some(at) => {
                self.go(at);
                self.fields[at].problem = Some(text.to_owned());
            }
            None => self.said = Some(text.to_owned()),
        }
    }

    /// Says something of the whole form, until the next key.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some(text.into());
    }

    fn field_mut(&mut self, id: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.id == id)
    }

    fn go(&mut self, to: usize) {
        self.fields[self.at].leave();
        self.at = to;
        self.fields[to].enter();
    }

    fn submit(&mut self) -> Outcome {
        for field in &mut self.fields {
            field.leave();
        }
        match self.fields.iter().position(|field| field.problem.is_some()) {
            Some(wrong) => {
                self.at = wrong;
                Outcome::Edited
            }
            None => Outcome::Submitted(self.values()),
        }
    }
}

#[cfg(test)]
mod tests;

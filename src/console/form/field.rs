//! One field of a form: what it takes, what stands in it, what is wrong with it.

use super::super::edit::{Edit, Edited};
use super::super::fuzzy::{Ranked, rank};
use super::super::width::plain;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A name as the wire takes it, in bytes.
pub const NAME_BYTES_MAX: usize = 96;
/// A place in words as the wire takes it, in bytes.
pub const PLACE_BYTES_MAX: usize = 512;
/// A note, reason or remark as the wire takes it, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_024;
/// Digits of the largest number there is.
const NUMBER_BYTES_MAX: usize = 20;

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
    /// A telephone number: digits, `+`, `*`, `#`, spaces, dashes, brackets. Digits of other scripts
    /// become 0 to 9.
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

/// What a person may have to do about a value, or none if it is fine.
pub type Check = fn(&str) -> Option<String>;

/// A field of a form.
#[derive(Clone)]
pub struct Field {
    pub(super) id: &'static str,
    pub(super) label: String,
    pub(super) kind: Kind,
    pub(super) hint: String,
    /// Shown where nothing is typed.
    pub(super) placeholder: String,
    pub(super) problem: Option<String>,
    required: bool,
    check: Option<Check>,
    pub(super) edit: Edit,
    /// Of a choice: what matches, best first.
    pub(super) ranked: Vec<Ranked>,
    /// Of a choice: the line of the list that was gone to.
    picked: Option<usize>,
    /// Of a choice: it was come to with a value in it, which the next letter replaces.
    fresh: bool,
}

/// What a key did to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    Changed,
    Moved,
    Ignored,
}

impl Field {
    /// A field that may stay empty. `id` is the name of the message's field it fills, so that a
    /// refusal finds it.
    #[must_use]
    pub fn new(id: &'static str, label: impl Into<String>, kind: Kind) -> Self {
        let bytes_max = match &kind {
            Kind::Text { bytes_max } => *bytes_max,
            Kind::Number => NUMBER_BYTES_MAX,
            Kind::Phone | Kind::Choice { .. } => NAME_BYTES_MAX,
            Kind::Toggle => "yes".len(),
            Kind::Priority => 1,
        };
        let mut field = Self {
            id,
            label: label.into(),
            kind,
            hint: String::new(),
            placeholder: String::new(),
            problem: None,
            required: false,
            check: None,
            edit: Edit::new(bytes_max),
            ranked: Vec::new(),
            picked: None,
            fresh: false,
        };
        field.rank();
        field
    }

    /// The same, and must be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same with a line that helps while it has the keys.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same, held to `check` when it is left.
    #[must_use]
    pub fn checked(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    pub(super) fn value(&self) -> &str {
        self.edit.text().trim()
    }

    pub(super) fn set(&mut self, value: &str) {
        self.edit.set(value);
        self.picked = None;
        self.problem = None;
        self.rank();
    }

    pub(super) fn set_words(&mut self, new: Vec<String>) {
        if let Kind::Choice { words, .. } = &mut self.kind {
            *words = new;
            self.picked = None;
            self.rank();
        }
    }

    /// The field gets the keys.
    pub(super) fn enter(&mut self) {
        self.fresh = matches!(self.kind, Kind::Choice { .. }) && !self.edit.is_empty();
        self.rank();
    }

    /// The field loses the keys: a choice takes the line that was picked, or else the best match;
    /// then the value is looked at.
    pub(super) fn leave(&mut self) {
        if let Some(word) = self.adopted() {
            self.edit.set(&word);
        }
        (self.picked, self.fresh) = (None, false);
        self.rank();
        self.problem = self.wrong();
    }

    fn adopted(&self) -> Option<String> {
        let Kind::Choice { words, .. } = &self.kind else {
            return None;
        };
        if let Some(picked) = self.picked {
            // The line after the last match stands for what was typed.
            return self.ranked.get(picked).map(|ranked| words[ranked.index].clone());
        }
        let value = self.value();
        let same = |word: &&String| word.to_lowercase() == value.to_lowercase();
        let exact = words.iter().find(same);
        let best = self.ranked.first().filter(|_| !value.is_empty() && !self.fresh);
        exact.or(best.map(|ranked| &words[ranked.index])).cloned()
    }

    fn wrong(&self) -> Option<String> {
        let value = self.value();
        if value.is_empty() {
            return self.required.then(|| format!("{} is needed", self.label));
        }
        match &self.kind {
            Kind::Number if value.parse::<u64>().is_err() => {
                Some("not a number: digits only, and not so many".into())
            }
            Kind::Choice { words, free: false } if !words.iter().any(|word| word == value) => {
                Some("none of the list: type a few letters of one, or clear it".into())
            }
            _ => self.check.and_then(|check| check(value)),
        }
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Took {
        match self.kind {
            Kind::Toggle => self.toggle(key),
            Kind::Priority => self.priority(key),
            Kind::Choice { .. } => self.choice(key),
            _ => self.typed(key),
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Took {
        match self.kind {
            Kind::Toggle | Kind::Priority => Took::Ignored,
            Kind::Number | Kind::Phone => {
                let digits: String = text.chars().filter_map(|c| self.admitted(c)).collect();
                let edited = self.edit.paste(&digits);
                self.after(edited)
            }
            _ => {
                if std::mem::take(&mut self.fresh) {
                    self.edit.take();
                }
                let edited = self.edit.paste(text);
                self.after(edited)
            }
        }
    }

    fn toggle(&mut self, key: KeyEvent) -> Took {
        let on = !self.edit.is_empty();
        match key.code {
            KeyCode::Char(' ') => self.edit.set(if on { "" } else { "yes" }),
            KeyCode::Char('y') => self.edit.set("yes"),
            KeyCode::Char('n') => self.edit.set(""),
            _ => return Took::Ignored,
        }
        Took::Changed
    }

    fn priority(&mut self, key: KeyEvent) -> Took {
        let now: Option<u8> = self.value().parse().ok();
        let number = match key.code {
            KeyCode::Char(c) => match digit(c) {
                Some(c @ '1'..='4') => Some(c.to_string()),
                _ => return Took::Ignored,
            },
            KeyCode::Left => Some(now.map_or(1, |now| now.saturating_sub(1).max(1)).to_string()),
            KeyCode::Right => Some(now.map_or(1, |now| (now + 1).min(4)).to_string()),
            KeyCode::Backspace | KeyCode::Delete => None,
            _ => return Took::Ignored,
        };
        self.edit.set(&number.unwrap_or_default());
        self.problem = None;
        Took::Changed
    }

    fn choice(&mut self, key: KeyEvent) -> Took {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let step = match key.code {
            KeyCode::Down => 1,
            KeyCode::Up => -1,
            KeyCode::Char('n') if ctrl => 1,
            KeyCode::Char('p') if ctrl => -1,
            KeyCode::PageDown => 5,
            KeyCode::PageUp => -5,
            _ => {
                let types = matches!(key.code, KeyCode::Char(_)) && !ctrl;
                let clears = matches!(key.code, KeyCode::Backspace | KeyCode::Delete);
                if std::mem::take(&mut self.fresh) && (types || clears) {
                    self.edit.take();
                    self.picked = None;
                    self.rank();
                    if clears {
                        return Took::Changed;
                    }
                }
                return self.typed(key);
            }
        };
        let last = self.lines().saturating_sub(1);
        // From the top line, which is meant when none was gone to, down to the second.
        let from = self.picked.unwrap_or(0);
        let first_step = self.picked.is_none() && self.edit.is_empty();
        self.picked = Some(if first_step { 0 } else { from.saturating_add_signed(step).min(last) });
        Took::Moved
    }

    fn typed(&mut self, mut key: KeyEvent) -> Took {
        if let KeyCode::Char(c) = key.code
            && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
        {
            let Some(c) = self.admitted(c) else {
                self.problem = Some("digits, please; + in front if it is from abroad".into());
                return Took::Moved;
            };
            key.code = KeyCode::Char(c);
        }
        let edited = self.edit.key(key);
        self.after(edited)
    }

    fn after(&mut self, edited: Edited) -> Took {
        match edited {
            Edited::Ignored => return Took::Ignored,
            Edited::Moved => return Took::Moved,
            Edited::Changed => self.problem = None,
            Edited::Full => self.problem = Some("it is full: what did not fit is left out".into()),
        }
        self.picked = None;
        self.rank();
        Took::Changed
    }

    /// The character as the field takes it.
    fn admitted(&self, c: char) -> Option<char> {
        match self.kind {
            Kind::Number => digit(c),
            Kind::Phone => digit(c).or_else(|| "+*# -()".contains(c).then_some(c)),
            _ => Some(c),
        }
    }

    fn rank(&mut self) {
        if let Kind::Choice { words, .. } = &self.kind {
            // A value that stands is no search: all are offered, it first.
            let typed = if self.fresh { "" } else { self.edit.text() };
            self.ranked = rank(typed, words.iter().map(|word| &**word));
        }
    }

    /// Lines of a choice's list: the matches, and what was typed if that is taken too.
    pub(super) fn lines(&self) -> usize {
        self.ranked.len() + usize::from(self.takes_as_typed())
    }

    pub(super) fn takes_as_typed(&self) -> bool {
        let Kind::Choice { words, free: true } = &self.kind else {
            return false;
        };
        let value = self.value();
        !self.fresh && !value.is_empty() && !words.iter().any(|word| word == value)
    }

    /// The line of the list that Tab takes.
    pub(super) fn marked(&self) -> Option<usize> {
        let Kind::Choice { words, .. } = &self.kind else {
            return None;
        };
        let standing = || {
            let same = |ranked: &Ranked| words[ranked.index] == self.value();
            self.ranked.iter().position(same)
        };
        let best = (!self.edit.is_empty() && !self.fresh && self.lines() > 0).then_some(0);
        self.picked.or_else(standing).or(best)
    }

    /// What a line of the list says, and what of it matched.
    pub(super) fn line(&self, at: usize) -> (String, &[usize]) {
        match (&self.kind, self.ranked.get(at)) {
            (Kind::Choice { words, .. }, Some(ranked)) => {
                (words[ranked.index].clone(), &ranked.matched)
            }
            _ => (format!("\"{}\" as typed", plain(self.value())), &[]),
        }
    }
}

/// A decimal digit of Latin, Arabic, Urdu, Gurmukhi or Devanagari as 0 to 9.
fn digit(c: char) -> Option<char> {
    let zeros = ['0', '\u{660}', '\u{6f0}', '\u{a66}', '\u{966}'];
    let value = |zero: char| u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    zeros.into_iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// What stands in it may be hers.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("id", &self.id).finish_non_exhaustive()
    }
}

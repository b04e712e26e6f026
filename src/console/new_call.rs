//! The form for a new call, built for speed: her number first, so that her earlier calls are seen
//! while she speaks; the kind by a few letters, its priority proposed; place, district, tehsil.
//! Ctrl-S sends from any field. No field must be filled in: a call is never refused.

use super::draft::Draft;
use super::theme::Theme;
use crate::protocol::{Key, PlaceCall};
use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;

/// The words of the room that the form offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Kinds of emergency, with the priority each proposes.
    pub kinds: Vec<(String, u8)>,
    /// Districts, with their tehsils.
    pub districts: Vec<(String, Vec<String>)>,
}

/// An earlier call of the number, as the side list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub call: u64,
    /// When and how: `12 Mar 21:40`; the caller of the form knows the zone.
    pub when: String,
    /// Kind of emergency.
    pub kind: String,
    /// District.
    pub district: String,
    /// 1 to 4.
    pub priority: u8,
    /// Its stage in words.
    pub stage: String,
}

/// What a key did to the form. After each `Edited` and `LookUp` the draft is to be saved soon; before
/// `Place` is sent it is saved at once, as sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Something changed: draw, and save the draft.
    Edited,
    /// The number changed too: ask for `earlier_calls` of it, answer with [`NewCall::earlier`].
    LookUp(String),
    /// Send this under the key, and keep the form until the answer.
    Place(Key, Box<PlaceCall>),
    /// Left with something in it: the draft stays and comes back with the next new call.
    SetAside,
    /// Left empty, or thrown away on purpose: remove the draft.
    Discarded,
    /// Not a key of the form.
    Ignored,
}

/// A new call being taken.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCall {
    draft: Draft,
}

impl NewCall {
    /// An empty form; `key` is the one the call will be sent under.
    #[must_use]
    pub fn new(key: Key, words: &Words) -> Self {
        let _ = words;
        Self::resume(
            Draft {
                key,
                sent: false,
                number: String::new(),
                kind: String::new(),
                priority: None,
                place: String::new(),
                district: String::new(),
                tehsil: String::new(),
                name: String::new(),
                note: String::new(),
                silent: false,
                unsafe_to_ring_back: false,
                dropped: false,
                sos: false,
            },
            words,
        )
    }

    /// The form as it was left.
    #[must_use]
    pub fn resume(draft: Draft, words: &Words) -> Self {
        let _ = words;
        Self { draft }
    }

    /// The key it is or will be sent under.
    #[must_use]
    pub fn request_key(&self) -> Key {
        self.draft.key
    }

    /// What stands in it, to be saved.
    #[must_use]
    pub fn draft(&self) -> Draft {
        self.draft.clone()
    }

    /// The words of the room arrived or changed.
    pub fn set_words(&mut self, words: &Words) {
        let _ = words;
    }

    /// The answer to [`Outcome::LookUp`]; passed over when the number is another by now.
    pub fn earlier(&mut self, number: &str, calls: Vec<Earlier>) {
        let _ = (number, calls);
    }

    /// The server refused it: says so at the field, and it can be sent again, under `key` since a
    /// refused key stays refused.
    pub fn refused(&mut self, field: Option<&str>, text: &str, key: Key) {
        let _ = (field, text);
        self.draft.key = key;
    }

    /// No answer came yet: said on the form; nothing is lost.
    pub fn unanswered(&mut self, text: &str) {
        let _ = text;
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

    /// Draws it into `area`, best the whole screen, and puts the terminal's cursor where typing goes.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let _ = (frame, area, theme);
    }
}

/// All of it is hers.
impl std::fmt::Debug for NewCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCall").finish_non_exhaustive()
    }
}

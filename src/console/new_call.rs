//! The form for a new call, built for speed: her number first, so that her earlier calls are seen
//! while she speaks; the kind by a few letters, its priority proposed; place, district, tehsil.
//! Ctrl-S sends from any field. No field must be filled in: a call is never refused.
//!
//! Once sent, the form is closed to keys until the answer: under one key the server takes one call,
//! and what was changed after would be lost without a word.

use super::draft::Draft;
use super::form::{Field, Form, Kind, NAME_BYTES_MAX, NOTE_BYTES_MAX, Outcome as FormOutcome};
use super::form::{PLACE_BYTES_MAX, Values};
use super::text::wrap;
use super::theme::Theme;
use super::width::{cut, plain};
use crate::protocol::{Key, Place, PlaceCall, Room, Source};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

/// A number shorter than this is anybody's.
const LOOK_UP_DIGITS_MIN: usize = 4;
/// Columns of the list of earlier calls.
const SIDE_COLUMNS: u16 = 30;
/// The kind of a call of which nothing is known yet.
const KIND_NOT_KNOWN: &str = "unknown";

/// The words of the room that the form offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Kinds of emergency, with the priority each proposes.
    pub kinds: Vec<(String, u8)>,
    /// Districts, with their tehsils.
    pub districts: Vec<(String, Vec<String>)>,
}

impl From<&Room> for Words {
    fn from(room: &Room) -> Self {
        let kinds = room.kinds.iter().map(|kind| (kind.name.clone(), kind.priority));
        let districts =
            room.districts.iter().map(|district| (district.name.clone(), district.tehsils.clone()));
        Self { kinds: kinds.collect(), districts: districts.collect() }
    }
}

/// An earlier call of the number, as the side list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub call: u64,
    /// When: `12 Mar 21:40`; the caller of the form knows the zone.
    pub when: String,
    /// Kind of emergency.
    pub kind: String,
    /// District.
    pub district: String,
    /// 1 to 4.
    pub priority: u8,
    /// Its stage, or how it ended, in words.
    pub stage: String,
}

/// What is known of a number from before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// Its calls, latest first, as many as the side list shows.
    pub calls: Vec<Earlier>,
    /// What came of all of them, in words.
    pub counts: String,
    /// So many priorities more urgent than its kind the call may be.
    pub raise: u8,
    /// What weighs, in words.
    pub why: Vec<String>,
}

/// What a key did to the form. After each `Edited` and `LookUp` the draft is to be saved soon; before
/// `Place` is sent it is saved at once, as sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Something changed: draw, and save the draft.
    Edited,
    /// The number changed too: ask for `list_earlier` of it, answer with [`NewCall::earlier`].
    LookUp(Number),
    /// Send this under the key, and keep the form until the answer.
    Place(Key, Box<PlaceCall>),
    /// Left with something in it: the draft stays and comes back with the next new call.
    SetAside,
    /// Left empty, or thrown away on purpose: remove the draft.
    Discarded,
    /// Not a key of the form.
    Ignored,
}

/// Her number on its way to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(pub String);

/// It is hers.
impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Number(sealed)")
    }
}

/// What is known of the number's earlier calls.
#[derive(Clone, PartialEq, Eq)]
enum Known {
    /// Too few digits to ask.
    NotAsked,
    Asked,
    Told(Box<Before>),
}

/// A new call being taken.
#[derive(Clone)]
pub struct NewCall {
    key: Key,
    /// It is on its way, or was when the console ended.
    sent: bool,
    /// The next Ctrl-D throws it away.
    discarding: bool,
    form: Form,
    words: Words,
    known: Known,
}

impl NewCall {
    /// An empty form; `key` is the one the call will be sent under.
    #[must_use]
    pub fn new(key: Key, words: &Words) -> Self {
        Self::resume(Draft::new(key), words)
    }

    /// The form as it was left.
    #[must_use]
    pub fn resume(draft: Draft, words: &Words) -> Self {
        let mut form = empty_form();
        let priority = draft.priority.map(|priority| priority.to_string());
        let flag = |on: bool| if on { "yes" } else { "" };
        for (id, value) in [
            ("number", &*draft.number),
            ("kind", &draft.kind),
            ("priority", priority.as_deref().unwrap_or_default()),
            ("place", &draft.place),
            ("district", &draft.district),
            ("tehsil", &draft.tehsil),
            ("name", &draft.name),
            ("note", &draft.note),
            ("silent", flag(draft.silent)),
            ("unsafe_to_ring_back", flag(draft.unsafe_to_ring_back)),
            ("dropped", flag(draft.dropped)),
            ("sos", flag(draft.sos)),
            ("source", &said_source(draft.source)),
        ] {
            form.set(id, value);
        }
        let (key, sent) = (draft.key, draft.sent);
        let mut call = Self {
            key,
            sent,
            discarding: false,
            form,
            words: Words::default(),
            known: Known::NotAsked,
        };
        call.set_words(words);
        if sent {
            call.form.say("sent before, and no answer seen: Ctrl-S sends it again, once only");
        }
        call
    }

    /// The key it is or will be sent under.
    #[must_use]
    pub fn request_key(&self) -> Key {
        self.key
    }

    /// Whether it is on its way: nothing can be changed until the answer.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// The number to ask earlier calls of, if it is long enough: for a form that was resumed.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        let number = self.form.text("number");
        let digits = number.chars().filter(char::is_ascii_digit).count();
        (digits >= LOOK_UP_DIGITS_MIN).then(|| Number(number.to_owned()))
    }

    /// What stands in it, to be saved.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let values = self.form.values();
        let text = |id| values.text(id).unwrap_or_default().to_owned();
        Draft {
            key: self.key,
            sent: self.sent,
            source: source(&values),
            number: text("number"),
            kind: text("kind"),
            priority: values.priority("priority"),
            place: text("place"),
            district: text("district"),
            tehsil: text("tehsil"),
            name: text("name"),
            note: text("note"),
            silent: values.on("silent"),
            unsafe_to_ring_back: values.on("unsafe_to_ring_back"),
            dropped: values.on("dropped"),
            sos: values.on("sos"),
        }
    }

    /// The words of the room arrived or changed.
    pub fn set_words(&mut self, words: &Words) {
        self.words = words.clone();
        let names = |(name, _): &(String, u8)| name.clone();
        self.form.set_words("kind", words.kinds.iter().map(names).collect());
        let names = |(name, _): &(String, Vec<String>)| name.clone();
        self.form.set_words("district", words.districts.iter().map(names).collect());
        self.offer_tehsils();
        self.propose_priority();
    }

    /// The answer to [`Outcome::LookUp`]; passed over when the number is another by now.
    pub fn earlier(&mut self, number: &Number, before: Before) {
        if self.number().as_ref() == Some(number) {
            self.known = Known::Told(Box::new(before));
            self.propose_priority();
        }
    }

    /// The server refused it: says so at the field, and it can be changed and sent again, under `key`
    /// since a key that was refused is answered the same way again.
    pub fn refused(&mut self, field: Option<&str>, text: &str, key: Key) {
        (self.key, self.sent) = (key, false);
        self.form.refused(field, text);
    }

    /// No answer came yet: said on the form; nothing is lost.
    pub fn unanswered(&mut self, text: &str) {
        self.form.say(text);
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Ignored;
        }
        let ctrl_d = key.code == KeyCode::Char('d') && key.modifiers == KeyModifiers::CONTROL;
        let again = std::mem::replace(&mut self.discarding, ctrl_d);
        if self.sent {
            return self.key_while_sent(key);
        }
        if ctrl_d {
            if again || self.draft().is_empty() {
                return Outcome::Discarded;
            }
            self.form.say("Ctrl-D again throws this call away for good; any other key keeps it");
            return Outcome::Edited;
        }
        let (number, district) = (self.number(), self.form.text("district").to_owned());
        match self.form.key(key) {
            FormOutcome::Edited => self.after(number.as_ref(), &district),
            FormOutcome::Submitted(_) => {
                self.after(number.as_ref(), &district);
                self.sent = true;
                self.place()
            }
            FormOutcome::Cancelled if self.draft().is_empty() => Outcome::Discarded,
            FormOutcome::Cancelled => Outcome::SetAside,
            FormOutcome::Ignored => Outcome::Ignored,
        }
    }

    fn key_while_sent(&mut self, key: KeyEvent) -> Outcome {
        self.discarding = false;
        match key.code {
            KeyCode::Esc => Outcome::SetAside,
            KeyCode::Char('s') if key.modifiers == KeyModifiers::CONTROL => self.place(),
            _ => {
                self.form.say("sent; waiting for the answer. Ctrl-S sends it again, once only");
                Outcome::Edited
            }
        }
    }

    /// Takes text that came in one piece.
    pub fn paste(&mut self, text: &str) -> Outcome {
        self.discarding = false;
        if self.sent {
            return Outcome::Ignored;
        }
        let (number, district) = (self.number(), self.form.text("district").to_owned());
        match self.form.paste(text) {
            FormOutcome::Edited => self.after(number.as_ref(), &district),
            _ => Outcome::Ignored,
        }
    }

    /// What follows from what was typed.
    fn after(&mut self, number_before: Option<&Number>, district_before: &str) -> Outcome {
        self.propose_priority();
        if self.form.text("district") != district_before {
            self.offer_tehsils();
        }
        let number = self.number();
        if number.as_ref() == number_before {
            return Outcome::Edited;
        }
        self.known = if number.is_some() { Known::Asked } else { Known::NotAsked };
        self.propose_priority();
        number.map_or(Outcome::Edited, Outcome::LookUp)
    }

    fn offer_tehsils(&mut self) {
        let district = self.form.text("district").to_lowercase();
        let found = self.words.districts.iter().find(|(name, _)| name.to_lowercase() == district);
        let tehsils = found.map_or_else(Vec::new, |(_, tehsils)| tehsils.clone());
        self.form.set_words("tehsil", tehsils);
    }

    fn propose_priority(&mut self) {
        let kind = self.form.text("kind").to_lowercase();
        let found = self.words.kinds.iter().find(|(name, _)| name.to_lowercase() == kind);
        let raise = match &self.known {
            Known::Told(before) => before.raise,
            Known::NotAsked | Known::Asked => 0,
        };
        let said = match found {
            Some((_, priority)) if raise > 0 && *priority > 1 => {
                let raised = priority.saturating_sub(raise).max(1);
                format!("{raised} proposed, {priority} by its kind")
            }
            Some((_, priority)) => format!("{priority} by its kind"),
            None => "by its kind".into(),
        };
        self.form.set_placeholder("priority", said);
    }

    fn place(&mut self) -> Outcome {
        self.form.say("sent; waiting for the answer");
        let values = self.form.values();
        let text = |id| values.text(id).map(str::to_owned);
        // The wire has one text for the place; the tehsil is a part of it, said after it.
        let parts: Vec<String> = ["place", "tehsil"].into_iter().filter_map(text).collect();
        let words = (!parts.is_empty()).then(|| parts.join(", "));
        let kind = text("kind").unwrap_or_else(|| KIND_NOT_KNOWN.to_owned());
        let district = text("district").unwrap_or_default();
        let call = PlaceCall {
            number: text("number"),
            name: text("name"),
            place: words.map(|words| Place { words: Some(words), ..Place::default() }),
            priority: values.priority("priority"),
            note: text("note"),
            silent: values.on("silent"),
            unsafe_to_ring_back: values.on("unsafe_to_ring_back"),
            dropped: values.on("dropped"),
            sos: values.on("sos"),
            ..PlaceCall::new(source(&values), district, kind)
        };
        Outcome::Place(self.key, Box::new(call))
    }

    /// Draws it into `area`, best the whole screen, and puts the terminal's cursor where typing goes.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let area = area.intersection(frame.area());
        // On a wide screen a value wider than this is not read faster.
        const FORM_COLUMNS: u16 = 100;
        let side = if area.width >= 2 * SIDE_COLUMNS {
            (area.width.saturating_sub(FORM_COLUMNS)).max(SIDE_COLUMNS)
        } else {
            0
        };
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(side)]).areas(area);
        self.form.view(frame, left, theme);
        if side > 0 {
            self.draw_earlier(frame, right, theme);
        }
    }

    fn draw_earlier(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let block = Block::bordered()
            .title(Line::styled(" Earlier calls ", theme.title))
            .border_style(theme.border);
        let inner = block.inner(area);
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        let columns = usize::from(inner.width);
        let say = |text: &str| vec![Line::styled(cut(text, columns).into_owned(), theme.dim)];
        let lines = match &self.known {
            Known::NotAsked => say("of this number: shown here"),
            Known::Asked => say("looking ..."),
            Known::Told(before) if before.calls.is_empty() => say("none of this number"),
            Known::Told(before) => known(before, columns, theme),
        };
        for (line, at) in lines.into_iter().zip(inner.rows()) {
            frame.render_widget(line, at);
        }
    }
}

/// All of it is hers.
impl std::fmt::Debug for NewCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCall").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// What came of them in one look, what weighs, then each.
fn known(before: &Before, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let weighs = if before.raise > 0 { theme.warn } else { theme.dim };
    let counts = wrap(&before.counts, columns).into_iter().map(|line| (line, theme.value));
    let why = before.why.iter().flat_map(|why| wrap(why, columns)).map(|line| (line, weighs));
    let mut lines: Vec<_> =
        counts.chain(why).map(|(line, style)| Line::styled(line, style)).collect();
    lines.extend(before.calls.iter().flat_map(|call| earlier(call, columns, theme)));
    lines
}

/// `7 12 Mar 21:40 P1` and under it `domestic violence, closed`.
fn earlier(call: &Earlier, columns: usize, theme: &Theme) -> [Line<'static>; 3] {
    let priority = format!("P{}", call.priority);
    let style = if call.priority == 1 { theme.urgent } else { theme.value };
    let head = cut(&format!("{} {} ", call.call, plain(&call.when)), columns.saturating_sub(2))
        .into_owned();
    let in_columns = |text: &str| format!("  {}", cut(&plain(text), columns.saturating_sub(2)));
    [
        Line::from(vec![Span::styled(head, theme.label), Span::styled(priority, style)]),
        Line::styled(in_columns(&call.kind), theme.value),
        Line::styled(in_columns(&format!("{}, {}", call.stage, call.district)), theme.dim),
    ]
}

fn empty_form() -> Form {
    let text = |bytes_max| Kind::Text { bytes_max };
    let choice = || Kind::Choice { words: Vec::new(), free: true };
    let sources = Source::ALL.iter().map(|source| said_source(*source)).collect();
    let fields = vec![
        Field::new("number", "Number", Kind::Phone),
        Field::new("kind", "Kind", choice()),
        Field::new("priority", "Priority", Kind::Priority)
            .hint("1 (most urgent) to 4; Backspace: by its kind"),
        Field::new("place", "Place", text(PLACE_BYTES_MAX)).hint("where she is, in her words"),
        Field::new("district", "District", choice()),
        Field::new("tehsil", "Tehsil", choice()),
        Field::new("name", "Name", text(NAME_BYTES_MAX)),
        Field::new("note", "Note", text(NOTE_BYTES_MAX)).hint("what she says"),
        Field::new("silent", "She cannot speak", Kind::Toggle),
        Field::new("unsafe_to_ring_back", "Do NOT ring back", Kind::Toggle)
            .hint("Space: yes or no. Yes: ringing puts her in danger"),
        Field::new("dropped", "The line was cut", Kind::Toggle)
            .hint("Space: yes or no. Yes: the clock of the call-back starts"),
        Field::new("sos", "SOS pressed", Kind::Toggle),
        Field::new("source", "Came by", Kind::Choice { words: sources, free: false }),
    ];
    Form::new("New call", fields).sent_by_ctrl_s().discardable()
}

fn said_source(source: Source) -> String {
    source.as_str().replace('_', " ")
}

fn source(values: &Values) -> Source {
    let said = values.text("source").unwrap_or_default();
    let found = Source::ALL.iter().find(|source| said_source(**source) == said);
    found.copied().unwrap_or(Source::PhoneLine)
}

#[cfg(test)]
mod tests;

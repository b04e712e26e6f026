//! The line at the bottom: `:` and what to do, in the words of `fifteen op`, or `/` and what to look
//! for. One table of verbs gives parsing, completion and help, so that they cannot drift apart.
//!
//! A call may be left out: the one under the cursor is meant. Words that end a line without a flag
//! are its reason, remark or note.

mod complete;
mod parse;
mod verbs;

pub use verbs::{VERBS, Verb};

use super::edit::{Edit, Edited};
use super::theme::Theme;
use super::width::{cut, plain, width};
use crate::protocol::{Request, Stage};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

/// A verb, a note as long as the wire takes it, and what stands between them.
const LINE_BYTES_MAX: usize = 1_400;
/// Lines kept to be called back.
const HISTORY_MAX: usize = 200;
/// Candidates shown at once.
const SHOWN_MAX: usize = 6;
/// The longest silence of the bell.
pub const SILENCE_SECONDS_MAX: u32 = 60;

/// A pane of the console, as `:go` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The calls.
    Board,
    /// One call.
    Call,
    /// The units.
    Units,
    /// What was escalated, told, seen, taken.
    Escalations,
    /// Missed calls and call-backs due.
    Missed,
    /// The supervisor's figures.
    Report,
    /// How the server is.
    Health,
}

impl Pane {
    /// The panes and what they are called.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("board", Self::Board),
        ("call", Self::Call),
        ("units", Self::Units),
        ("escalations", Self::Escalations),
        ("missed", Self::Missed),
        ("report", Self::Report),
        ("health", Self::Health),
    ];

    /// The pane called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, pane)| *pane)
    }
}

/// What the board is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// As they are served.
    Queue,
    /// The most urgent clock first.
    Clock,
    /// The oldest first.
    Age,
    /// By district.
    District,
    /// By kind.
    Kind,
    /// By priority.
    Priority,
    /// By stage.
    Stage,
}

impl SortBy {
    /// The orders and what they are called.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("queue", Self::Queue),
        ("clock", Self::Clock),
        ("age", Self::Age),
        ("district", Self::District),
        ("kind", Self::Kind),
        ("priority", Self::Priority),
        ("stage", Self::Stage),
    ];

    /// The order called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, by)| *by)
    }
}

/// What calls the board shows: those that match every part given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this district, as it was typed: compared whatever its case.
    pub district: Option<String>,
    /// Of this priority.
    pub priority: Option<u8>,
    /// Of this kind.
    pub kind: Option<String>,
    /// At this stage.
    pub stage: Option<Stage>,
    /// With this unit on them.
    pub unit: Option<String>,
    /// Claimed by me.
    pub mine: bool,
    /// Words that are somewhere in what the board shows of the call: id, kind, district, unit.
    pub words: Vec<String>,
}

/// What was typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    /// Ask the server this.
    Ask(Box<Request>),
    /// Show a pane.
    Go(Pane),
    /// Open a call.
    Open(u64),
    /// Begin a new call.
    NewCall,
    /// Sort the board; the other way round when it is true.
    Sort(SortBy, bool),
    /// Show only these; an empty filter shows all.
    Filter(Filter),
    /// No bell for so many seconds, at most [`SILENCE_SECONDS_MAX`].
    Silence(u32),
    /// Show the keys and commands.
    Help,
    /// Leave the console.
    Quit,
}

/// What the line may name, for completion and for words left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The call under the cursor: meant when a verb names none.
    pub call: Option<u64>,
    /// Calls on the board.
    pub calls: Vec<u64>,
    /// Units signed on.
    pub units: Vec<String>,
    /// Ways a call may end.
    pub dispositions: Vec<String>,
    /// Districts.
    pub districts: Vec<String>,
    /// Kinds of emergency.
    pub kinds: Vec<String>,
    /// Clocks.
    pub clocks: Vec<String>,
}

/// Reads a line that begins with `:` or `/`.
///
/// # Errors
/// Says what is wrong, where, and what to do; for the person who typed it.
pub fn parse(line: &str, context: &Context) -> Result<Typed, String> {
    parse::parse(line, context)
}

/// What a key did to the line.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Draw it again. On a `/` line the filter so far is in [`CommandLine::filter`].
    Edited,
    /// Enter, and it could be read.
    Typed(Typed),
    /// Left.
    Cancelled,
    /// Not a key of the line.
    Ignored,
}

/// A line of the past.
#[derive(Clone)]
struct Past {
    line: String,
    /// It holds nobody's words: it may be written to a file.
    may_be_kept: bool,
}

/// Where a walk through the candidates stands.
#[derive(Clone, Default)]
struct Candidates {
    words: Vec<String>,
    /// What of the line they take the place of, in bytes.
    from: usize,
    /// The one that stands in the line.
    chosen: Option<usize>,
}

/// The line being typed, and the lines before it.
#[derive(Clone)]
pub struct CommandLine {
    edit: Edit,
    is_open: bool,
    /// The oldest first.
    past: Vec<Past>,
    /// Which of them stands in the line.
    at: Option<usize>,
    /// What was typed before the past was called back.
    typed: String,
    candidates: Candidates,
    wrong: Option<String>,
}

impl Default for CommandLine {
    fn default() -> Self {
        Self {
            edit: Edit::new(LINE_BYTES_MAX),
            is_open: false,
            past: Vec::new(),
            at: None,
            typed: String::new(),
            candidates: Candidates::default(),
            wrong: None,
        }
    }
}

impl CommandLine {
    /// A line without history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the history of an earlier run, one a line, the newest last.
    #[must_use]
    pub fn with_history(text: &str) -> Self {
        let mut line = Self::default();
        for past in text.lines().filter(|past| past.starts_with([':', '/'])) {
            line.remember(&plain(past), true);
        }
        line
    }

    /// The history to be kept, one a line. Lines with somebody's words (notes, remarks, reasons, what
    /// was looked for) are left out: she may be named in them.
    #[must_use]
    pub fn history(&self) -> String {
        let kept = self.past.iter().filter(|past| past.may_be_kept);
        kept.map(|past| format!("{}\n", past.line)).collect()
    }

    /// Opens it with `:` or `/`, or with a verb begun, as `:close 7 `.
    pub fn open(&mut self, start: &str) {
        self.edit.set(start);
        (self.is_open, self.at, self.wrong) = (true, None, None);
        self.offer(&Context::default());
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Lines of the screen it takes now: itself, what is wrong, what it may go on with.
    #[must_use]
    pub fn height(&self) -> u16 {
        let above = usize::from(self.wrong.is_some()) + self.candidates.words.len().min(SHOWN_MAX);
        if self.is_open { u16::try_from(1 + above).unwrap_or(u16::MAX) } else { 0 }
    }

    /// On a `/` line that can be read: the filter so far, to be shown while typed.
    #[must_use]
    pub fn filter(&self) -> Option<Filter> {
        let words = self.edit.text().strip_prefix('/').filter(|_| self.is_open)?;
        parse::filter(words).ok()
    }

    /// Takes a key: Enter reads, Tab completes, Up and Down go through history, Esc leaves.
    pub fn key(&mut self, key: KeyEvent, context: &Context) -> Outcome {
        if !self.is_open || key.kind == KeyEventKind::Release {
            return Outcome::Ignored;
        }
        let ctrl = key.modifiers == KeyModifiers::CONTROL;
        match key.code {
            KeyCode::Esc => return self.cancel(),
            KeyCode::Char('c' | 'g') if ctrl => return self.cancel(),
            // Over an empty line Backspace leaves, as in vi.
            KeyCode::Backspace if self.edit.text().len() <= 1 => return self.cancel(),
            KeyCode::Enter => return self.read(context),
            KeyCode::Tab => self.choose(1),
            KeyCode::BackTab => self.choose(-1),
            KeyCode::Up => self.recall(true, context),
            KeyCode::Down => self.recall(false, context),
            _ => return self.edited(key, context),
        }
        Outcome::Edited
    }

    /// Takes text that came in one piece.
    pub fn paste(&mut self, text: &str, context: &Context) -> Outcome {
        if !self.is_open {
            return Outcome::Ignored;
        }
        let edited = self.edit.paste(text);
        self.after(edited, context)
    }

    fn cancel(&mut self) -> Outcome {
        self.is_open = false;
        self.edit.take();
        (self.candidates, self.wrong) = (Candidates::default(), None);
        Outcome::Cancelled
    }

    fn edited(&mut self, key: KeyEvent, context: &Context) -> Outcome {
        let edited = self.edit.key(key);
        self.after(edited, context)
    }

    fn after(&mut self, edited: Edited, context: &Context) -> Outcome {
        self.wrong = match edited {
            Edited::Ignored => return Outcome::Ignored,
            Edited::Full => Some("it is full: what did not fit is left out".into()),
            _ => None,
        };
        if !self.edit.text().starts_with([':', '/']) {
            return self.cancel();
        }
        self.at = None;
        self.offer(context);
        Outcome::Edited
    }

    fn read(&mut self, context: &Context) -> Outcome {
        let line = self.edit.text().to_owned();
        match parse(&line, context) {
            Ok(typed) => {
                let may_be_kept = !parse::holds_words(&line, context);
                self.remember(&line, may_be_kept);
                self.cancel();
                Outcome::Typed(typed)
            }
            Err(wrong) => {
                self.wrong = Some(wrong);
                Outcome::Edited
            }
        }
    }

    fn remember(&mut self, line: &str, may_be_kept: bool) {
        let line = line.trim();
        if line.len() <= 1 {
            return;
        }
        self.past.retain(|past| past.line != line);
        self.past.push(Past { line: line.to_owned(), may_be_kept });
        let over = self.past.len().saturating_sub(HISTORY_MAX);
        self.past.drain(..over);
    }

    /// Calls back the line before this or after it, of those that begin alike (`:` or `/`).
    fn recall(&mut self, older: bool, context: &Context) {
        if self.at.is_none() {
            self.typed = self.edit.text().to_owned();
        }
        let sigil = self.typed.chars().next().unwrap_or(':');
        let alike = |at: &usize| self.past[*at].line.starts_with(sigil);
        let at = self.at.unwrap_or(self.past.len());
        let found = if older {
            (0..at).rev().find(alike).or(self.at)
        } else {
            (at + 1..self.past.len()).find(alike)
        };
        let line = found.map_or_else(|| self.typed.clone(), |at| self.past[at].line.clone());
        self.edit.set(&line);
        (self.at, self.wrong) = (found, None);
        self.offer(context);
    }

    /// Works out what the line may go on with.
    fn offer(&mut self, context: &Context) {
        let before = &self.edit.text()[..self.edit.cursor()];
        let (from, words) = complete::complete(before, context);
        self.candidates = Candidates { words, from, chosen: None };
    }

    /// Puts the next candidate, or the one before, into the line.
    fn choose(&mut self, step: isize) {
        let Candidates { words, from, chosen } = &mut self.candidates;
        if words.is_empty() {
            return;
        }
        let last = words.len() - 1;
        let next = match (*chosen, step > 0) {
            (None, true) => 0,
            (None, false) => last,
            (Some(at), true) => {
                if at == last {
                    0
                } else {
                    at + 1
                }
            }
            (Some(at), false) => at.checked_sub(1).unwrap_or(last),
        };
        *chosen = Some(next);
        // What stands behind the cursor stays behind it.
        let text = self.edit.text();
        let (head, tail) = (text[..*from].to_owned(), text[self.edit.cursor()..].to_owned());
        let only = if words.len() == 1 { " " } else { "" };
        self.edit.set(&format!("{head}{}{only}", words[next]));
        if !tail.is_empty() {
            let cursor = self.edit.cursor();
            self.edit.paste(&tail);
            self.edit.go(cursor);
        }
    }

    /// Draws the line into the last row of `area`, and above it what is wrong and what it may go on
    /// with; puts the terminal's cursor where typing goes.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let area = area.intersection(frame.area());
        if !self.is_open || area.is_empty() {
            return;
        }
        let row = |above: u16| Rect { y: area.bottom() - 1 - above, height: 1, ..area };
        let columns = usize::from(area.width);
        let window = self.edit.window(area.width);
        frame.render_widget(Clear, row(0));
        frame.render_widget(Line::styled(window.text, theme.value), row(0));
        frame.set_cursor_position(Position { x: area.x + window.cursor, y: row(0).y });
        let mut above = 1;
        let mut draw = |line: Line<'_>| {
            if above < area.height {
                frame.render_widget(Clear, row(above));
                frame.render_widget(line, row(above));
                above += 1;
            }
        };
        if let Some(wrong) = &self.wrong {
            let wrong = cut(&plain(&format!("! {wrong}")), columns).into_owned();
            draw(Line::styled(wrong, theme.error));
        }
        let Candidates { words, chosen, .. } = &self.candidates;
        let first = chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(SHOWN_MAX));
        let shown: Vec<_> = words.iter().enumerate().skip(first).take(SHOWN_MAX).collect();
        for (at, word) in shown.into_iter().rev() {
            let is_chosen = *chosen == Some(at);
            let (mark, style) =
                if is_chosen { ("> ", theme.selected) } else { ("  ", theme.value) };
            let word = cut(&plain(word), columns.saturating_sub(2)).into_owned();
            let verb = VERBS.iter().find(|verb| self.candidates.from == 1 && verb.name == word);
            let left = columns.saturating_sub(width(&word) + 4);
            let does = verb.map_or("", |verb| verb.does);
            let does = format!("  {}", cut(does, left));
            draw(Line::from(vec![
                Span::styled(mark, style),
                Span::styled(word, style),
                Span::styled(does, theme.dim),
            ]));
        }
    }
}

/// What is typed may be her words.
impl std::fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandLine").field("is_open", &self.is_open).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

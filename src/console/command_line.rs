//! The line at the bottom: `:` and what to do, in the words of `fifteen op`, or `/` and what to look
//! for. One table of verbs gives parsing, completion and help, so that they cannot drift apart.

use super::theme::Theme;
use crate::protocol::{Request, Stage};
use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;

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

/// What calls the board shows: those that match every part given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this district.
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
    /// No bell for so many seconds, at most 60.
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

/// A verb of the line, as help shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// What comes after it.
    pub usage: &'static str,
    /// What it does.
    pub does: &'static str,
}

/// Every verb, in the order of help.
pub const VERBS: &[Verb] = &[];

/// Reads a line that begins with `:` or `/`.
///
/// # Errors
/// Says what is wrong, where, and what to do; for the person who typed it.
pub fn parse(line: &str, context: &Context) -> Result<Typed, String> {
    let _ = (line, context);
    Err("not known".into())
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

/// The line being typed, and the lines before it.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    history: Vec<String>,
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
        Self { history: text.lines().map(str::to_owned).collect() }
    }

    /// The history to be kept, one a line; lines that may hold her words (notes, remarks) are left
    /// out.
    #[must_use]
    pub fn history(&self) -> String {
        self.history.join("\n")
    }

    /// Opens it with `:` or `/`, or with a verb begun, as `:close 7 `.
    pub fn open(&mut self, start: &str) {
        let _ = start;
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        false
    }

    /// On a `/` line that can be read: the filter so far, to be shown while typed.
    #[must_use]
    pub fn filter(&self, context: &Context) -> Option<Filter> {
        let _ = context;
        None
    }

    /// Takes a key: Enter reads, Tab completes, Up and Down go through history, Esc leaves.
    pub fn key(&mut self, key: KeyEvent, context: &Context) -> Outcome {
        let _ = (key, context);
        Outcome::Ignored
    }

    /// Takes text that came in one piece.
    pub fn paste(&mut self, text: &str, context: &Context) -> Outcome {
        let _ = (text, context);
        Outcome::Edited
    }

    /// Draws the line into the last row of `area`, and what it may go on with above it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let _ = (frame, area, theme);
    }
}

//! What can happen to the console, and what it wants done: the whole traffic between the pure part and the machine.

use super::draft::Draft;
use super::new_call::Number;
use super::watch::Sight;
use crate::client::Update;
use crate::protocol::{Code, Key, ReplyBody, Request, Welcome};
use jiff::tz::TimeZone;
use ratatui::crossterm::event::KeyEvent;

/// Something happened.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer is large and common: moved once, never kept in a list"
)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text came in one piece.
    Paste(String),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// Time passed.
    Tick,
    /// The link changed.
    Link(LinkNews),
    /// The server said something unasked.
    Pushed(Box<Update>),
    /// An answer came, or will not.
    Replied(Purpose, Result<ReplyBody, Refusal>),
    /// A key nothing was asked under yet.
    FreshKey(Key),
    /// Unfinished calls found on the disk.
    Drafts(Vec<Draft>),
    /// Something outside failed, in words.
    Trouble(String),
}

/// How the link is now.
#[derive(Debug, Clone)]
pub enum LinkNews {
    /// The server welcomed us; the room's time zone, looked up.
    Up(Box<Welcome>, TimeZone),
    /// It is gone, and is being tried again.
    Down {
        /// Attempts that failed.
        attempts: u32,
        /// Why.
        why: String,
    },
    /// It is gone for good.
    Ended {
        /// Why.
        why: String,
    },
}

/// Why there is no answer of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The server's code; none when it did not answer.
    pub code: Option<Code>,
    /// In words.
    pub text: String,
    /// The field that was wrong.
    pub field: Option<String>,
}

/// What an answer is for. Travels with the request and comes back with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A command: what is said when it is done.
    Command {
        /// The call it is about.
        call: Option<u64>,
        /// `CAR-1 assigned`.
        said: String,
        /// It was typed in the form that is open with this number.
        form: Option<u64>,
    },
    /// The beat of a claim.
    Heartbeat(u64),
    /// The sealed part of the open call.
    Details(u64),
    /// Whom to send.
    Recommend(u64),
    /// Earlier calls of the open call.
    Earlier(u64),
    /// Earlier calls of the number being typed.
    EarlierOf(Number),
    /// The new call sent under this key.
    Place(Key),
    /// The room's words.
    RoomWords,
    /// The calls closed last.
    Closed,
    /// A page of escalations.
    Escalations,
    /// How the server is.
    Health,
    /// What stands before a supervisor's eyes.
    Seen(Sight),
    /// A supervisor's reason is on record; now take the call over.
    Override(u64),
}

/// Something is to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the server.
    Ask(Box<Request>, Purpose),
    /// Ask under this key.
    AskWithKey(Box<Request>, Key, Purpose),
    /// Write the draft to the disk; bring a [`Msg::Trouble`] if that fails.
    SaveDraft(Box<Draft>),
    /// Remove the draft with this key.
    RemoveDraft(Key),
    /// Keep the command line's history.
    SaveHistory(String),
    /// Bring a [`Msg::FreshKey`].
    FreshKey,
    /// Ring.
    Bell,
    /// Draw every cell again.
    Redraw,
    /// Leave.
    Quit,
}

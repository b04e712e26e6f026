//! Notices: who is told of an escalation, by which channel, and with what result.
//!
//! ```text
//!  Escalated ──> plan ──> intent in the log ──> Runner ──> webhook, e-mail, command
//!  (committed)     ▲      (committed first)       │
//!                  └───── delivered or failed <───┘ in the log as well
//! ```
//! [`plan`] is pure: roster, escalation and past notices in, the next (person, channel) out. The
//! [`Runner`] sends on threads of its own, one notice a channel at a time, so that a slow
//! destination holds up nobody else; it never touches the engine's thread. A notice is sent at
//! least once, always under the same id: the intent is on the disk before the first attempt, and
//! after a crash what has no result is sent again.
//!
//! A [`Letter`] has no room for who she is: it carries the call's number, kind, district and
//! priority. Errors name neither addresses nor secrets. Spans are in milliseconds, instants UTC.

mod command;
mod email;
mod letter;
pub mod link;
mod outbox;
pub mod plan;
mod retry;
mod roster;
mod runner;
pub mod sign;
mod webhook;

pub use command::{COMMAND_INPUT_BYTES_MAX, CommandLine};
pub use email::Email;
pub use letter::{Escalation, Letter, Matter, REPORT_TEXT_BYTES_MAX, Report};
pub use outbox::{Bell, Clerk, Desk, Ears, Outbox, Post, Tests, bell};
pub use retry::{Retry, next_daily};
pub use roster::{ChannelRule, Kind, LinkRule, Login, Person, Roster, Secret, Tls};
pub use runner::{Outcome, Problem, QUEUED_MAX, Runner, Senders, Sent, THREADS_MAX, Unsent};
pub use webhook::Webhook;

/// A way to a person. Blocking: only the [`Runner`]'s threads call it.
pub trait Channel: Send + Sync {
    /// Sends `letter` and returns when its receiver has taken it, within the channel's time limit.
    ///
    /// # Errors
    /// [`SendError`], for the outbox: whether another attempt may help.
    fn send(&self, letter: &Letter) -> Result<(), SendError>;
}

/// Why a letter was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// Another attempt may do it; otherwise this channel is given up for this notice.
    pub again: bool,
    /// What happened, for the record: no address, no secret, nothing the far end wrote.
    pub text: String,
}

impl SendError {
    /// Another attempt may do it.
    #[must_use]
    pub fn again(text: impl Into<String>) -> Self {
        Self { again: true, text: text.into() }
    }

    /// Another attempt of the same would end the same.
    #[must_use]
    pub fn gone(text: impl Into<String>) -> Self {
        Self { again: false, text: text.into() }
    }
}

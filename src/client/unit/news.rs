//! What a patrol unit's program tells its crew, and why something was not even kept.

use super::UnitNews;
use super::outbox::Entry;
use crate::protocol::{Code, UnitStatus, Welcome};

/// What the crew has to know.
#[derive(Debug, Clone, PartialEq)]
pub enum PatrolNews {
    /// The room hears us.
    Up(Box<Welcome>),
    /// It does not; said once for each loss.
    Down {
        /// Why.
        why: String,
    },
    /// It never will again: refused, or this unit is connected from elsewhere. The last news.
    Ended {
        /// Why.
        why: String,
    },
    /// On duty.
    SignedOn,
    /// The room does not take us on duty.
    NotSignedOn {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        text: String,
    },
    /// Off duty: nothing more will come.
    SignedOff {
        /// Not by us.
        by_room: bool,
    },
    /// What the room takes us to be doing.
    Status(UnitStatus),
    /// Assigned, no longer assigned, or a message.
    Told(UnitNews),
    /// The room has it.
    Sent {
        /// What.
        entry: Entry,
        /// It had it before; nothing was done twice.
        repeated: bool,
        /// The call a panic became.
        placed: Option<u64>,
    },
    /// The room says no. It is not sent again.
    Rejected {
        /// What.
        entry: Entry,
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        text: String,
    },
    /// It waited too long to be sent safely; say it anew if it still holds.
    Expired(Entry),
    /// It was said to another log than the room has now.
    OtherLog(Entry),
    /// What is said now would not survive this program, and why; none: it would again.
    Trouble(Option<String>),
}

/// Why something was not even kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// A text past its bound.
    #[error("the text is too long: at most {} bytes", crate::protocol::TEXT_BYTES_MAX)]
    TooLong,
    /// Too much waits already.
    #[error("{} things wait already: use the radio", super::PENDING_MAX)]
    Full,
}

//! Who was told that a deadline was missed: a rung of a call's ladder, the people of its office,
//! and what is known of each of them.
//!
//! ```text
//!  escalated ──> intended ──> delivered ──> seen ──> taken
//!     (the rung)   (a person,  │ (the channel  (the person)
//!                  a channel)  │  took it)
//!                              └─ failed, tried again, given up: the person's next channel
//! ```
//! Each is a fact of its own, recorded when it is known and not before.

use super::{Callsign, UtcMs};
use serde::{Deserialize, Serialize};

/// Rungs remembered of one call; beyond it the oldest are in the log only.
pub const TELLINGS_MAX: usize = 64;
/// Notices remembered of one rung, and those who saw it.
pub const NOTICES_MAX: usize = 32;
/// People told of one rung at a time.
pub const RECIPIENTS_MAX: usize = 16;

/// A person and the channel to reach them by, both by their names in dispatch.toml: addresses
/// stay there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Recipient {
    /// The person.
    pub person: Box<str>,
    /// The channel.
    pub channel: Box<str>,
}

/// One person told by one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number, the same at every attempt.
    pub id: u64,
    /// Who, and by what.
    pub to: Recipient,
    /// When it was decided.
    pub intended_at: UtcMs,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the channel took it.
    pub delivered_at: Option<UtcMs>,
    /// When this channel was given up.
    pub failed_at: Option<UtcMs>,
    /// When the person saw it.
    pub seen_at: Option<UtcMs>,
    /// What went wrong last.
    pub problem: Option<Box<str>>,
}

impl Notice {
    /// Whether it is still to be sent.
    #[must_use]
    pub const fn pending(&self) -> bool {
        self.delivered_at.is_none() && self.failed_at.is_none() && self.seen_at.is_none()
    }
}

/// A rung of a call's ladder that was told, and told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Its id: the log sequence at which the rung was first told.
    pub escalation: u64,
    /// Generation of the call.
    pub generation: u32,
    /// Which clock, by index in the call's rule book of that generation.
    pub clock: u8,
    /// Which rule book that is.
    pub book: u32,
    /// Of which unit, for a clock of a unit.
    pub unit: Option<Callsign>,
    /// Which rung, from 0.
    pub rung: u8,
    /// The limit that was missed.
    pub limit_at: UtcMs,
    /// When it was first told.
    pub told_at: UtcMs,
    /// 0, or the number of the latest reminder.
    pub repeat: u32,
    /// When the latest telling was due.
    pub due_at: UtcMs,
    /// When it was last told.
    pub last_told_at: UtcMs,
    /// Who took it, and when.
    pub taken: Option<(Box<str>, UtcMs)>,
    /// Who saw it, and when.
    pub seen: Vec<(Box<str>, UtcMs)>,
    /// It was decided whom to tell of the latest telling.
    pub planned: bool,
    /// The people told, oldest first.
    pub notices: Vec<Notice>,
}

impl Telling {
    /// Whether something is still to be decided or sent.
    #[must_use]
    pub fn unsettled(&self) -> bool {
        !self.planned || self.notices.iter().any(Notice::pending)
    }
}

//! The rules a room runs under, as adopted into its log: clocks, ladders, limits, dispositions.
//!
//! Rules are written to the log when they change, and a call keeps the rules it was received
//! under, so a log replays to the same state whatever dispatch.toml says today.

use super::{ClockRule, Ladder, Priority};
use serde::{Deserialize, Serialize};

/// How a call may end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// Its word.
    pub name: Box<str>,
    /// It says that nobody needed help (hoax, error, unanswered): a silent, dropped or SOS call
    /// ends so only after a call-back attempt and by two people.
    pub guarded: bool,
}

/// Everything about the room that is configuration and decides what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The clocks, in the order of dispatch.toml; a run names its clock by index here.
    pub clocks: Vec<ClockRule>,
    /// The ladders.
    pub ladders: Vec<Ladder>,
    /// The dispositions a call may be closed with.
    pub dispositions: Vec<Disposition>,
    /// How long a call waits at priority 2, 3, 4 before it rises by one, in milliseconds;
    /// `None`: it does not.
    pub aging_ms: [Option<u64>; 3],
    /// What the acknowledge clock has left at least after an acknowledgement was withdrawn.
    pub withdrawn_left_ms_min: u64,
    /// A claim nobody renewed for so long is stale, in milliseconds.
    pub claim_stale_ms: u64,
    /// A unit whose link is lost for so long is silent, in milliseconds.
    pub unit_silent_ms: u64,
    /// How long the key of a request is remembered, in milliseconds.
    pub key_kept_ms: u64,
    /// How long a closed call can be shown and reopened without the log, in milliseconds.
    pub closed_kept_ms: u64,
    /// Where her device was is known for so long after the day it was recorded, UTC, in milliseconds; `None`: as long as
    /// the log. Last, and left out where there is none: rules are then as they were before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_kept_ms: Option<u64>,
}

impl Rules {
    /// How long a call waits at `priority` before it rises by one, in milliseconds.
    #[must_use]
    pub fn aging_ms(&self, priority: Priority) -> Option<u64> {
        self.aging_ms.get(usize::from(priority.number()).checked_sub(2)?).copied().flatten()
    }

    /// The index and rule of the clock called `name`.
    #[must_use]
    pub fn clock(&self, name: &str) -> Option<(u8, &ClockRule)> {
        let index = self.clocks.iter().position(|clock| &*clock.name == name)?;
        Some((u8::try_from(index).ok()?, &self.clocks[index]))
    }

    /// The disposition called `name`.
    #[must_use]
    pub fn disposition(&self, name: &str) -> Option<&Disposition> {
        self.dispositions.iter().find(|disposition| &*disposition.name == name)
    }

    /// The ladder of a clock.
    ///
    /// # Panics
    /// If `rule` is not one of these rules.
    #[must_use]
    pub fn ladder(&self, rule: &ClockRule) -> &Ladder {
        &self.ladders[rule.ladder]
    }
}

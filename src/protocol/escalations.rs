//! Who was told that a deadline was missed: the list of it, and what a supervisor does with it.

use super::nil_is_default;
use serde::{Deserialize, Serialize};

/// One rung that was told, as it stands now: reminders, who took it, and how the people of the
/// office were reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Its id: the log sequence at which the rung was first told.
    pub escalation: u64,
    /// Call id.
    pub call: u64,
    /// Generation of the call.
    pub generation: u32,
    /// The clock that escalated.
    pub clock: String,
    /// Callsign, for a clock that each unit has of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The rung told, the first is 1.
    pub rung: u32,
    /// The office told.
    pub office: String,
    /// 0 for the first telling of the rung, then the number of the latest reminder.
    pub repeat: u32,
    /// When the latest telling was due, ms since 1970 UTC.
    pub due_at: u64,
    /// How long after that it fired, ms; more than a moment only after an outage.
    pub late_ms: u64,
    /// The limit the clock missed, ms since 1970 UTC.
    pub limit_at: u64,
    /// When the rung was first told, ms since 1970 UTC.
    pub told_at: u64,
    /// When it was last told, ms since 1970 UTC.
    pub last_told_at: u64,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// When, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<u64>,
    /// Who saw it, in that order.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
    /// The people told, oldest notice first.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// Somebody had an escalation before their eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who.
    pub who: String,
    /// When, ms since 1970 UTC.
    pub at: u64,
}

/// One person told by one channel. Delivered, seen and taken are three facts, each recorded when
/// it is known and not before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id, the same at every attempt.
    pub notice: u64,
    /// Name of the person, of the configuration.
    pub person: String,
    /// Name of the channel, of the configuration.
    pub channel: String,
    /// When it was decided to tell them, ms since 1970 UTC.
    pub intended_at: u64,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the channel took it, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<u64>,
    /// When this channel was given up, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<u64>,
    /// When the person saw it, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Asks who was told of missed deadlines, latest first; answered `escalations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEscalations {
    /// Only those of this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// Also those of closed calls.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "super::is_false")]
    pub closed: bool,
    /// The next page: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Escalations a page at most; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Records that a person has an escalation before their eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeeEscalation {
    /// Its id.
    pub escalation: u64,
}

/// A page of escalations, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalations {
    /// The page.
    pub escalations: Vec<Escalation>,
    /// There are more: ask with `after` set to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

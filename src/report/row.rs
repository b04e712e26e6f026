//! One escalation as a line: who was told, when it was due, how late, who took it.

use crate::domain::CallId;
use serde::{Deserialize, Serialize};

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An office was told.
    Told,
    /// Somebody took what an office was told.
    Taken,
}

/// One line of the list of escalations. Instants are RFC 3339 in the zone of the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationRow {
    /// Told, or taken.
    pub record: Record,
    /// Number of the transition in the log.
    pub seq: u64,
    /// When it happened.
    pub at: String,
    /// The call.
    pub call: CallId,
    /// Its generation.
    pub generation: u32,
    /// The clock that was missed.
    pub clock: String,
    /// The unit, for a clock of a unit; not known of a taking.
    pub unit: Option<String>,
    /// The rung, from 1.
    pub rung: u16,
    /// The office on it.
    pub office: String,
    /// 0 for the rung itself, then the number of the repeat; not known of a taking.
    pub repeat: Option<u32>,
    /// When it was due; not known of a taking.
    pub due_at: Option<String>,
    /// How long after that it was told, in milliseconds.
    pub late_ms: Option<u64>,
    /// Somebody told it by hand.
    pub by_hand: bool,
    /// By what channel. Empty until notices are sent.
    pub channel: Option<String>,
    /// When it was delivered. Empty until notices are sent.
    pub delivered_at: Option<String>,
    /// When it was seen. Empty until notices are sent.
    pub seen_at: Option<String>,
    /// Who took it, on the row of a taking.
    pub taken_by: Option<String>,
    /// When, likewise.
    pub taken_at: Option<String>,
}

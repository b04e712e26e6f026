//! The room a client works in: the words it may use, and the limits it watches.

use super::nil_is_default;
use serde::{Deserialize, Serialize};

/// Asks what the room is configured to; answered `room`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowRoom {}

/// The room as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// IANA name of the time zone of its screens and reports.
    pub zone: String,
    /// The kinds of emergency, in the order of the configuration.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub kinds: Vec<KindWord>,
    /// The districts it answers for, with their tehsils.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub districts: Vec<DistrictWord>,
    /// How a call may end.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub dispositions: Vec<DispositionWord>,
    /// The clocks, in the order of the configuration.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub clocks: Vec<ClockWord>,
    /// Who is told, in what order.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub ladders: Vec<LadderWord>,
}

/// A kind of emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindWord {
    /// Its word.
    pub name: String,
    /// The priority a call of it gets when none is said, 1 to 4.
    pub priority: u8,
}

/// A district.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistrictWord {
    /// Its name.
    pub name: String,
    /// Its tehsils.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub tehsils: Vec<String>,
}

/// A way a call may end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispositionWord {
    /// Its word.
    pub name: String,
    /// A silent, dropped or SOS call ends so only after a call-back attempt and by two people.
    pub guarded: bool,
}

/// A clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockWord {
    /// Its name.
    pub name: String,
    /// From its start to its limit, ms.
    pub limit_ms: u64,
    /// From its start to each warning, ms, ascending.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub warn_ms: Vec<u64>,
    /// Each unit on the call has one of its own.
    pub of_unit: bool,
    /// Name of its ladder.
    pub ladder: String,
}

/// A ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderWord {
    /// Its name.
    pub name: String,
    /// From one rung to the next, and between reminders of the last, ms.
    pub every_ms: u64,
    /// The offices, first told first.
    pub rungs: Vec<String>,
}

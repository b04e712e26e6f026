//! Requests about a unit: its duty and its whereabouts.

use super::{is_false, nil_is_default};
use serde::{Deserialize, Serialize};

/// A unit comes on duty, or says again who is aboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignOn {
    /// The unit's callsign; a unit's own session may sign on only itself.
    pub unit: String,
    /// The district it serves.
    pub district: String,
    /// Who is aboard.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub crew: Vec<String>,
    /// What the crew can do, words of the configuration (`female_officer` among them).
    #[serde(default, deserialize_with = "nil_is_default")]
    pub skills: Vec<String>,
    /// Registration or description of the vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// Degrees north, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
}

/// A unit goes off duty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A unit stays on duty but cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetOutOfService {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Why.
    pub reason: String,
}

/// A unit can be sent again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAvailable {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Where a unit is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportPosition {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Degrees north, WGS 84.
    pub lat: f64,
    /// Degrees east, WGS 84.
    pub lon: f64,
    /// Radius around the point in which the unit probably is, whole metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<u32>,
    /// When it was there, ms since 1970 UTC by the unit's clock; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// The crew of a unit is in danger: makes a call of priority 1 for it, answered `call_placed`. Pressed again while
/// that call is open, it is the same call, and the room is alarmed again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Panic {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Degrees north, WGS 84; absent: where the unit was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
}

/// A message: from a unit's own session to the room, from anyone else to the unit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The call it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// What is said.
    pub text: String,
}

/// It may name her.
impl std::fmt::Debug for SendMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendMessage")
            .field("unit", &self.unit)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// Says that the messages of a unit were read: by the unit those of the room, by the room those of the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRead {
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Up to the message with this `seq`.
    pub upto_seq: u64,
}

/// A message between a unit and the room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Log sequence of it, and its id.
    pub seq: u64,
    /// When it was sent, ms since 1970 UTC.
    pub at: u64,
    /// The unit's callsign.
    pub unit: String,
    /// It goes from the unit to the room; otherwise from the room to the unit.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub to_room: bool,
    /// Who sent it.
    pub who: String,
    /// The call it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// It was read.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub read: bool,
    /// What is said.
    pub text: String,
}

/// It may name her.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("unit", &self.unit)
            .field("to_room", &self.to_room)
            .finish_non_exhaustive()
    }
}

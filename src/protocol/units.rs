//! Requests about a unit: its duty and its whereabouts.

use super::nil_is_default;
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

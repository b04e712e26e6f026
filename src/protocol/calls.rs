//! Requests about one call: from its placing to its closing.

use super::{CallbackOutcome, ReportedStatus, Source, is_false, nil_is_default};
use serde::{Deserialize, Serialize};

/// Where help is wanted: a point, words, or both.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees north, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Radius around the point in which the caller probably is, whole metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<u32>,
    /// The place in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// Where she is never reaches a log by way of `{:?}`.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place(sealed)")
    }
}

/// Takes a request for help. Never refused for want of room; answered `call_placed` once it is on the disk.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceCall {
    /// Where the request came from.
    pub source: Source,
    /// The line or trunk it came in on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The caller's number; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The caller's name; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where help is wanted; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The district that answers for the call; empty: by its line, else by its place (`[intake]` of dispatch.toml).
    pub district: String,
    /// What kind of call it is, a word of the configuration.
    pub kind: String,
    /// 1 (most urgent) to 4; absent: the kind's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// What the caller said; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The caller cannot speak.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub silent: bool,
    /// Ringing back would put the caller in danger.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub unsafe_to_ring_back: bool,
    /// The line broke before the caller could tell.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub dropped: bool,
    /// Someone pressed an SOS button.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub sos: bool,
    /// A test of the system; nobody is in need.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub test: bool,
}

impl PlaceCall {
    /// A call with what every call must have.
    #[must_use]
    pub fn new(source: Source, district: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            source,
            line: None,
            number: None,
            name: None,
            place: None,
            district: district.into(),
            kind: kind.into(),
            priority: None,
            note: None,
            silent: false,
            unsafe_to_ring_back: false,
            dropped: false,
            sos: false,
            test: false,
        }
    }
}

/// Only what a queue may show; the rest is the caller's.
impl std::fmt::Debug for PlaceCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaceCall")
            .field("source", &self.source)
            .field("district", &self.district)
            .field("kind", &self.kind)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// "I am working this call." Sent again it is the heartbeat of the claim; stale after 45 s of silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Call id.
    pub call: u64,
}

/// Lets go of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseClaim {
    /// Call id.
    pub call: u64,
}

/// Takes the claim from whoever holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeOver {
    /// Call id.
    pub call: u64,
}

/// Sends a unit to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignUnit {
    /// Call id.
    pub call: u64,
    /// The unit's callsign.
    pub unit: String,
}

/// Takes a unit off a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseUnit {
    /// Call id.
    pub call: u64,
    /// The unit's callsign.
    pub unit: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a unit says of a call it was sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportStatus {
    /// Call id.
    pub call: u64,
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What was reported.
    pub status: ReportedStatus,
    /// Why, for a decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// An operator records what the unit said by radio or telephone.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub by_radio: bool,
}

/// "We are all right": restarts the safety clock of a unit on scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    /// Call id; may be left out when the unit is on one call only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// The unit's callsign; a unit's own session may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Gives a call another priority, and with it another place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPriority {
    /// Call id.
    pub call: u64,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Adds a note to a call's sealed part.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddNote {
    /// Call id.
    pub call: u64,
    /// The note; sealed.
    pub text: String,
}

/// The note is sealed.
impl std::fmt::Debug for AddNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddNote").field("call", &self.call).finish_non_exhaustive()
    }
}

/// Says what was learned of a call after it was taken: what is there replaces what stood there, the rest stays.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DescribeCall {
    /// Call id.
    pub call: u64,
    /// The district that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// What kind of call it is, a word of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The caller's number; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The caller's name; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where help is wanted, its words and its point each for itself; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The caller cannot speak; once said, it stays.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub silent: bool,
    /// Ringing back would put the caller in danger; once said, it stays.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub unsafe_to_ring_back: bool,
}

/// Most of it is hers.
impl std::fmt::Debug for DescribeCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DescribeCall").field("call", &self.call).finish_non_exhaustive()
    }
}

/// Says that a call is about the same need as another; neither is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCall {
    /// Call id of the duplicate.
    pub call: u64,
    /// Call id of the one that is worked.
    pub primary: u64,
}

/// Tells the next rung now, before the clock does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalate {
    /// Call id.
    pub call: u64,
    /// The clock whose ladder is meant; absent: the most urgent one running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Records an attempt to call back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCallback {
    /// Call id.
    pub call: u64,
    /// How it ended.
    pub outcome: CallbackOutcome,
    /// What was said; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The note is sealed.
impl std::fmt::Debug for RecordCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordCallback")
            .field("call", &self.call)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// A person of the ladder takes an escalation: its rung is silent from now on, the clock is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeEscalation {
    /// Call id.
    pub call: u64,
    /// The clock that escalated.
    pub clock: String,
    /// The rung that is taken, the first is 1; absent: the highest told so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<u32>,
    /// The office the person takes it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
}

/// Closes a call. Answered `done` with `awaiting_second` when a second person has to close it too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseCall {
    /// Call id.
    pub call: u64,
    /// How it ended, a word of the configuration.
    pub disposition: String,
    /// In the operator's words; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// The remark is sealed.
impl std::fmt::Debug for CloseCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloseCall")
            .field("call", &self.call)
            .field("disposition", &self.disposition)
            .finish_non_exhaustive()
    }
}

/// Opens a closed call again, as a new generation of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenCall {
    /// Call id.
    pub call: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

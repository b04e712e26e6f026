//! What the server says unasked. Every push carries the state after its event, so applying one twice, or out of a
//! snapshot and again, changes nothing; none carries a caller's identity except to the unit that is sent there.

use super::{
    Escalation, Message, Place, Source, Stage, UnitStatus, is_false, is_true, nil_is_default,
    nil_is_true, yes,
};
use serde::{Deserialize, Serialize};

/// What is special about a call. Only what is true stands on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
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
    /// The caller took it back with a PIN; it is a call until people close it.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub cancelled: bool,
    /// The caller was made to take it back: whoever is beside her believes that it is. Do not ring.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub duress: bool,
}

/// Who is working a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimSummary {
    /// The operator's name.
    pub who: String,
    /// Since when, ms since 1970 UTC.
    pub since_at: u64,
    /// No heartbeat of the claim for 45 s.
    pub stale: bool,
}

/// A unit on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitOnCall {
    /// Callsign.
    pub unit: String,
    /// How far it has come with this call.
    pub status: UnitStatus,
    /// Since when, ms since 1970 UTC.
    pub since_at: u64,
}

/// A clock on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSummary {
    /// Name of the clock, of the configuration.
    pub clock: String,
    /// Callsign, for a clock that each unit has of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When the limit is or was reached, ms since 1970 UTC.
    pub limit_at: u64,
    /// When it fires next (warning, rung or repeat), ms since 1970 UTC; absent once stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<u64>,
    /// The highest rung told, the first is 1; 0: none yet.
    pub rung: u32,
    /// How often the last rung was reminded.
    pub repeats: u32,
    /// When it stopped, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<u64>,
}

/// A call as queues show it: no name, no number, no place, no note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// Call id.
    pub call: u64,
    /// 1, and one more for each reopening.
    pub generation: u32,
    /// What kind of call it is.
    pub kind: String,
    /// The district that answers for it.
    pub district: String,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// How far it has come.
    pub stage: Stage,
    /// Where it came from.
    pub source: Source,
    /// What is special about it.
    pub flags: Flags,
    /// When its first byte was read, ms since 1970 UTC.
    pub received_at: u64,
    /// First acknowledgement that stands, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<u64>,
    /// First unit rolling, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en_route_at: Option<u64>,
    /// First unit on scene, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_scene_at: Option<u64>,
    /// When it was closed, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<u64>,
    /// How it ended, a word of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// The call this one is a duplicate of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<u64>,
    /// Who is working it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimSummary>,
    /// The units on it.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub units: Vec<UnitOnCall>,
    /// Its clocks.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub clocks: Vec<ClockSummary>,
    /// How many notes it has.
    pub notes: u32,
    /// Its telephone line rings: who claims it is put through.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ringing: bool,
}

/// A unit as the room sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitSummary {
    /// Callsign.
    pub unit: String,
    /// What it is doing.
    pub status: UnitStatus,
    /// The district it serves.
    pub district: String,
    /// How many are aboard.
    pub crew: u32,
    /// What the crew can do.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub skills: Vec<String>,
    /// Ids of the calls it is on.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub calls: Vec<u64>,
    /// Degrees north, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// When it was last heard of, ms since 1970 UTC.
    pub last_seen_at: u64,
    /// Its own client is connected now; if not, it is reached by radio.
    pub linked: bool,
    /// Its crew pressed the panic button: the open call that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<u64>,
}

/// What a unit is told of a call it is sent to: all it needs to go there, and nothing to anyone else.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Call id.
    pub call: u64,
    /// Generation of the call.
    pub generation: u32,
    /// What kind of call it is.
    pub kind: String,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// The district that answers for it.
    pub district: String,
    /// Where to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The caller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The caller's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was noted when the call was taken; `show_call` has the later notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is special about it: look before ringing anyone back.
    pub flags: Flags,
    /// When the unit was sent, ms since 1970 UTC.
    pub assigned_at: u64,
}

/// The sealed part stays out of logs.
impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment")
            .field("call", &self.call)
            .field("generation", &self.generation)
            .field("kind", &self.kind)
            .field("priority", &self.priority)
            .field("district", &self.district)
            .field("flags", &self.flags)
            .field("assigned_at", &self.assigned_at)
            .finish_non_exhaustive()
    }
}

/// One transition of the log, with the state after it of whatever it touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// Log sequence of the transition. They rise; a session does not see every one.
    pub seq: u64,
    /// When it happened, ms since 1970 UTC.
    pub at: u64,
    /// What happened, snake_case past tense (`call_received`, `unit_assigned`); an open set.
    pub event: String,
    /// The transition is on the disk. False: it is kept aside and may be lost in a crash; `spill_merged` says when it no
    /// longer is.
    #[serde(default = "yes", deserialize_with = "nil_is_true", skip_serializing_if = "is_true")]
    pub durable: bool,
    /// The call after it; not to units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<CallSummary>>,
    /// The unit after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<UnitSummary>>,
    /// Who was told, when the event is an escalation or about one; as it stands after the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Box<Escalation>>,
    /// To the unit concerned only: what it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Box<Assignment>>,
    /// What was said, when the event is a message between a unit and the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<Message>>,
}

/// One page of the state as of `seq`; pushes after `seq` follow the last page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Log sequence of the state, the same on every page.
    pub seq: u64,
    /// This page, the first is 1. Page 1 replaces whatever the client held.
    pub part: u32,
    /// How many pages there are, at least 1.
    pub parts: u32,
    /// Open calls, as many as fit; none to units.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub calls: Vec<CallSummary>,
    /// Units on duty, as many as fit; to a unit only itself.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub units: Vec<UnitSummary>,
    /// To a unit only: what it is on.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// On the first page: what units said to the room and nobody read yet; to a unit, what the room said to it and it
    /// has not read.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
}

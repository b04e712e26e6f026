//! Answers: what was done or found, or why it was not done.

use super::{
    CallSummary, Code, Escalations, Place, Room, Stage, UnitSummary, is_false, is_true,
    nil_is_default, nil_is_true, yes,
};
use serde::{Deserialize, Serialize};

/// The answer to a request that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Number of the request.
    pub id: u64,
    /// Log sequence after which the answer holds; for a command, its last transition, on the disk by now unless
    /// `durable` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The key was seen before: this is the first answer again, and nothing was done twice.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub repeated: bool,
    /// The server is a drill: nothing of this is real.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub drill: bool,
    /// What was done is on the disk. False: the room's disks take nothing, it is kept aside and may be lost in a crash.
    #[serde(default = "yes", deserialize_with = "nil_is_true", skip_serializing_if = "is_true")]
    pub durable: bool,
    /// What was done or found; its `type` depends on the request.
    pub body: ReplyBody,
}

/// The answer to a request that was not done: an answer, not a failure of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text} ({code})")]
pub struct Rejection {
    /// Number of the request.
    pub id: u64,
    /// Why, for programs.
    pub code: Code,
    /// What was wrong, where, and what to do, for people. Never holds sealed fields.
    pub text: String,
    /// The field that was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The server is a drill: nothing of this is real.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub drill: bool,
}

messages! {
    /// What a reply may hold.
    #[derive(Deserialize)]
    #[serde(tag = "type")]
    pub enum ReplyBody {
        /// See [`CallPlaced`].
        "call_placed" => CallPlaced,
        /// See [`Done`].
        "done" => Done,
        /// See [`Calls`].
        "calls" => Calls,
        /// See [`CallDetails`].
        "call_details" => CallDetails,
        /// See [`Units`].
        "units" => Units,
        /// See [`Recommendations`].
        "recommendations" => Recommendations,
        /// See [`Earlier`].
        "earlier" => Earlier,
        /// See [`Escalations`].
        "escalations" => Escalations,
        /// See [`Room`].
        "room" => Room,
        /// See [`HealthStatus`].
        "health_status" => HealthStatus,
        /// See [`ReportFigures`].
        "report_figures" => ReportFigures,
        /// See [`Subscribed`].
        "subscribed" => Subscribed,
        /// See [`Stored`].
        "stored" => Stored,
    }
}

/// The call is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPlaced {
    /// Its id, for good.
    pub call: u64,
    /// When the first byte of the request was read, ms since 1970 UTC: its clocks run from here.
    pub received_at: u64,
    /// The priority it was given, 1 to 4.
    pub priority: u8,
    /// It is on the disk. False: the room's disks take nothing; the call is taken all the same, and kept aside.
    pub durable: bool,
}

/// A command was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The call it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// The call's stage after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Recorded, but a second person has to close the call too before it is closed.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub awaiting_second: bool,
}

/// A page of calls, in the order they are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// The page.
    pub calls: Vec<CallSummary>,
    /// There are more: ask with `after` set to this. Each page is as of its own instant; whoever
    /// needs every change in order subscribes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A call with its sealed part.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CallDetails {
    /// What the queues show.
    pub summary: Box<CallSummary>,
    /// The caller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The caller's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where help is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When her device was at the point of `place`, ms since 1970 UTC; absent where the point was given with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_at: Option<u64>,
    /// The line or trunk it came in on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Its notes, oldest first.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub notes: Vec<NoteLine>,
    /// What happened to it, oldest first; the latest ones if they do not all fit a frame.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub timeline: Vec<TimelineLine>,
}

/// The sealed part stays out of logs.
impl std::fmt::Debug for CallDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallDetails").field("summary", &self.summary).finish_non_exhaustive()
    }
}

/// One note of a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteLine {
    /// When, ms since 1970 UTC.
    pub at: u64,
    /// Who wrote it.
    pub who: String,
    /// The note.
    pub text: String,
}

/// The note is sealed.
impl std::fmt::Debug for NoteLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoteLine")
            .field("at", &self.at)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// One event of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// Log sequence.
    pub seq: u64,
    /// When, ms since 1970 UTC.
    pub at: u64,
    /// What happened, as in a push.
    pub event: String,
    /// Who did it; absent when a timer did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// In words.
    pub text: String,
}

/// What is known of a caller and a place from before, each latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Calls from the same number.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub same_caller: Vec<CallSummary>,
    /// Calls from the same place, other callers' too.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub same_place: Vec<CallSummary>,
    /// Calls linked with it: what it repeats, and what repeats it.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub linked: Vec<CallSummary>,
    /// What came of the calls of the number, all that are known.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub caller: Counts,
    /// The same of the place; of nothing, where only a number was asked for.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub place: Counts,
    /// So many priorities the call may be more urgent than its kind is, for what is known of it.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub raise: u8,
    /// The priority that follows, where it is more urgent than the call's is: a person decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<u8>,
    /// All that weighs, for it or against, in words.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub why: Vec<String>,
}

/// Calls of one number, or from one place, by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All that are known.
    pub calls: u32,
    /// Not closed yet.
    #[serde(default)]
    pub open: u32,
    /// That were real.
    #[serde(default)]
    pub real: u32,
    /// That were hoaxes, and are still held against it.
    #[serde(default)]
    pub hoax: u32,
    /// When the latest was received, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<u64>,
}

/// A page of units, by callsign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Units {
    /// The page.
    pub units: Vec<UnitSummary>,
    /// There are more: ask with `after_unit` set to the last of these.
    pub more: bool,
}

/// Whom to send, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendations {
    /// Call id.
    pub call: u64,
    /// The ranking.
    pub units: Vec<Recommendation>,
}

/// One unit of the ranking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Callsign.
    pub unit: String,
    /// Great-circle distance to the call, whole metres; absent if either place is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// Why it stands here, in words.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub reasons: Vec<String>,
}

/// How the server is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// Nothing is wrong.
    pub ok: bool,
    /// One of the two logs has failed; the room goes on with the other.
    pub degraded: bool,
    /// No log takes anything: nothing new is durable, replies say so. Calls are still taken.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub spilling: bool,
    /// The whole server is a drill.
    pub drill: bool,
    /// What is wrong, in words; empty when `ok`.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub problems: Vec<String>,
    /// Log sequence of the last transition.
    pub seq: u64,
    /// The server's time, ms since 1970 UTC.
    pub now_at: u64,
    /// How long it has been up, ms.
    pub uptime_ms: u64,
    /// Calls not closed.
    pub open_calls: u64,
    /// Calls nobody took responsibility for.
    pub waiting_calls: u64,
    /// Units signed on.
    pub units: u64,
    /// Connected sessions.
    pub sessions: u64,
    /// When the next timer fires, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_deadline_at: Option<u64>,
    /// The slowest commit of the last one to two minutes, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowest_commit_ms: Option<u64>,
    /// Log-ins since the start with a wrong secret.
    #[serde(default)]
    pub failed_log_ins: u64,
    /// When the first of the certificates in force ends, ms since 1970 UTC; absent without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ends_at: Option<u64>,
    /// When a canary call last came through, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_at: Option<u64>,
}

/// A supervisor's figures, in the one form they have: that of `fifteen report --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFigures {
    /// The report as JSON.
    pub report: String,
}

/// Pushes begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// True: the pushes after the hello's `last_seq` follow. False: snapshot pages come first.
    pub resumed: bool,
}

/// Something was written on the server's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Where, if it is a folder of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Log sequence it reaches up to.
    pub seq: u64,
    /// How much was written, bytes.
    pub bytes: u64,
}

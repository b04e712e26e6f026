//! Frames and messages of the wire; no sockets.
//!
//! A frame is a big-endian u32 length and one MessagePack map with names; `docs/protocol.md` is the same contract
//! for people who write clients in other languages. Nothing here touches a socket, reads a clock or knows the
//! domain: the server converts in one file of its own, so the wire can stay still while the core moves.
//!
//! ```text
//!  client                              server
//!    hello ───────────────────────────> welcome | refused
//!    request {id, key?} ──────────────> reply {id} | rejection {id}
//!    subscribe ───────────────────────> reply, snapshot pages if needed, then push, push, push ...
//!    ping <───────────────────────────> pong       (both ways)
//!                          dropped <──  said before the server closes
//! ```
//!
//! Units: names ending in `_at` are milliseconds since 1970 UTC, names ending in `_ms` are spans in milliseconds.

#[macro_use]
mod macros;

mod admin;
mod calls;
mod code;
mod deflate;
mod escalations;
mod frame;
mod hello;
mod key;
mod message;
mod push;
mod queries;
mod reply;
mod request;
mod role;
mod room;
mod scan;
mod units;
mod words;

pub use admin::{Archive, Backup, EraseIdentity, TakeSnapshot};
pub use calls::{
    AddNote, AssignUnit, CheckIn, Claim, CloseCall, DescribeCall, Escalate, LinkCall, Place,
    PlaceCall, RecordCallback, ReleaseClaim, ReleaseUnit, ReopenCall, ReportStatus, SetPriority,
    TakeEscalation, TakeOver,
};
pub use code::Code;
pub use deflate::{Deflater, Inflater};
pub use escalations::{Escalation, Escalations, ListEscalations, Notice, SeeEscalation, Seen};
pub use frame::{CLIENT_FRAME_BYTES_MAX, FrameCodec, FrameError, SERVER_FRAME_BYTES_MAX};
pub use hello::{Dropped, Hello, Ping, Pong, Refused, Welcome};
pub use key::Key;
pub use message::{ClientMessage, DecodeError, ServerMessage};
pub use push::{
    Assignment, CallSummary, ClaimSummary, ClockSummary, Flags, Push, Snapshot, UnitOnCall,
    UnitSummary,
};
pub use queries::{
    Health, ListCalls, ListEarlier, ListUnits, RecommendUnits, Report, ShowCall, Subscribe,
    Unsubscribe,
};
pub use reply::{
    CallDetails, CallPlaced, Calls, Counts, Done, Earlier, HealthStatus, NoteLine, Recommendation,
    Recommendations, Rejection, Reply, ReplyBody, ReportFigures, Stored, Subscribed, TimelineLine,
    Units,
};
pub use request::{Request, RequestFrame, RequestNature};
pub use role::{ALLOWED, Role};
pub use room::{ClockWord, DispositionWord, DistrictWord, KindWord, LadderWord, Room, ShowRoom};
pub use scan::DEPTH_MAX;
pub use units::{
    MarkRead, Message, Panic, ReportPosition, SendMessage, SetAvailable, SetOutOfService, SignOff,
    SignOn,
};
pub use words::{CallbackOutcome, ReportBy, ReportedStatus, Source, Stage, UnitStatus};

/// The version of the protocol spoken here, said in the first frame. It rises only when an old client would
/// misread a message: a new message, a new optional field or a new code does not raise it.
pub const VERSION: u32 = 1;

/// Silence after which either side takes the other for dead, in heartbeats of `Welcome::heartbeat_ms`.
pub const HEARTBEATS_MISSED_MAX: u64 = 3;

/// Longest wait of a client for the welcome to its hello, ms; a server waits shorter, as its room is configured.
pub const HELLO_WAIT_MS_MAX: u64 = 10_000;

/// Unanswered requests of one connection at most. A server reads on only when it has answered some: nothing is
/// refused for it, the socket fills up and the client waits.
pub const IN_FLIGHT_MAX: usize = 256;

/// Longest running text (notes, remarks, reasons; a place in words is half as long), bytes of UTF-8. Beyond it a request is rejected
/// with `too_large`; a `place_call` never is: the text is cut at a character and the call is taken.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Longest name, number, callsign, district, kind or other word, bytes of UTF-8; the same beyond it.
pub const WORD_BYTES_MAX: usize = 96;

/// Most entries of a list in a request (crew, skills); beyond it `too_large`.
pub const LIST_ITEMS_MAX: usize = 12;

/// Most calls or units on one page of an answer or a snapshot.
pub const PAGE_ITEMS_MAX: usize = 400;

/// A field that is nil counts as absent: many clients write out every field they know.
fn nil_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The same for a field that is true when absent.
fn nil_is_true<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    <Option<bool> as serde::Deserialize>::deserialize(deserializer).map(|said| said.unwrap_or(true))
}

const fn yes() -> bool {
    true
}

/// Serde's `skip_serializing_if` hands a reference.
const fn is_true(flag: &bool) -> bool {
    *flag
}

/// Serde's `skip_serializing_if` hands a reference.
const fn is_false(flag: &bool) -> bool {
    !*flag
}

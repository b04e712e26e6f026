//! What counts, of a caller and a place, when a new call is weighed against what is known of them from before.

use super::UtcMs;
use serde::Deserialize;

/// Triage as the room wants it: what counts as what, and what it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triage {
    /// Dispositions of a call that was a hoax.
    pub hoax: Vec<Box<str>>,
    /// Dispositions of a call that was real.
    pub real: Vec<Box<str>>,
    /// A hoax is held against number and place for so long, in milliseconds after the call was closed.
    pub hoax_lapses_ms: u64,
    /// So many points raise a call by one priority; 0: no priority is proposed.
    pub raise_each: u32,
    /// What each thing weighs.
    pub points: Points,
}

/// What each thing weighs, once however often it is true. Less than nothing only takes back what others gave: no
/// proposal lies below what was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Points {
    /// Another call of the number is open.
    pub caller_open: i8,
    /// A call of the number was real.
    pub caller_real: i8,
    /// Calls of the number were hoaxes, and none was real.
    pub caller_hoax: i8,
    /// Another call from the place is open.
    pub place_open: i8,
    /// A call from the place was real.
    pub place_real: i8,
    /// Calls from the place were hoaxes, and none was real.
    pub place_hoax: i8,
    /// She cannot speak.
    pub silent: i8,
    /// Ringing back puts her in danger.
    pub unsafe_to_ring_back: i8,
    /// The line was cut.
    pub dropped: i8,
    /// She pressed SOS.
    pub sos: i8,
}

/// Calls of one number, or from one place, by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that are known.
    pub calls: u32,
    /// Not closed yet.
    pub open: u32,
    /// That were real.
    pub real: u32,
    /// That were hoaxes, and are still held against it.
    pub hoax: u32,
    /// When the latest was received.
    pub last_at: Option<UtcMs>,
}

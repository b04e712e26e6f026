//! Instants and spans of the room: whole milliseconds, never read from a clock here.
//!
//! Every instant is an argument. The one file that asks the machine for the time is
//! `service/clock.rs`; in a replay the instants come from the trace.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A day UTC has no leap second.
const DAY_MS: u64 = 24 * 3_600_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcMs(pub u64);

impl UtcMs {
    /// The instant `span_ms` later; the end of time rather than an overflow.
    #[must_use]
    pub const fn plus(self, span_ms: u64) -> Self {
        Self(self.0.saturating_add(span_ms))
    }

    /// Its day, counted from 1970-01-01, UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / DAY_MS
    }

    /// The first instant of a day so counted.
    #[must_use]
    pub const fn of_day(day: u64) -> Self {
        Self(day.saturating_mul(DAY_MS))
    }

    /// How long ago `earlier` was, in milliseconds; 0 if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UtcMs {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
            Some(stamp) => write!(f, "{stamp:.3}"),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

//! The room's clock: the one file of the program that asks the machine what time it is.
//!
//! Room time is UTC at the start plus the time since then of a clock that no one can set and
//! that counts while the machine sleeps (`CLOCK_BOOTTIME`). When the wall clock is set, room time
//! goes on as if nothing had happened and the step is recorded; the next start begins at the wall
//! clock again, but never before the end of the log.

#![expect(clippy::disallowed_methods, reason = "the one file that asks the machine for the time")]

use crate::domain::UtcMs;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A wall clock this far from room time was set by somebody, in milliseconds.
const STEP_MS: i64 = 1_000;

/// Room time. Cheap to clone; all clones show the same.
#[derive(Debug, Clone)]
pub struct RoomClock {
    utc_base_ms: u64,
    boot_base_ms: u64,
    wall_offset_ms: Arc<AtomicI64>,
}

fn boot_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000 + nanos / 1_000_000
}

fn wall_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

impl RoomClock {
    /// A clock that starts now, but not before `not_before`, the end of the log.
    #[must_use]
    pub fn start(not_before: UtcMs) -> Self {
        let wall_ms = wall_ms();
        let utc_base_ms = wall_ms.max(not_before.0);
        Self {
            utc_base_ms,
            boot_base_ms: boot_ms(),
            wall_offset_ms: Arc::new(AtomicI64::new(offset_ms(wall_ms, utc_base_ms))),
        }
    }

    /// Room time now.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        UtcMs(self.utc_base_ms + boot_ms().saturating_sub(self.boot_base_ms))
    }

    /// Real time from now until room time `instant`; zero when it has come.
    #[must_use]
    pub fn until(&self, instant: UtcMs) -> std::time::Duration {
        std::time::Duration::from_millis(instant.since(self.now()))
    }

    /// By how much the wall clock moved against room time since this was last asked, in
    /// milliseconds, if somebody set it.
    #[must_use]
    pub fn wall_step_ms(&self) -> Option<i64> {
        let offset = offset_ms(wall_ms(), self.now().0);
        let before = self.wall_offset_ms.load(Ordering::Relaxed);
        let step_ms = offset - before;
        if step_ms.abs() < STEP_MS {
            return None;
        }
        self.wall_offset_ms.store(offset, Ordering::Relaxed);
        Some(step_ms)
    }

    /// How far the wall clock is ahead of room time, in milliseconds, as last seen.
    #[must_use]
    pub fn wall_ahead_ms(&self) -> i64 {
        self.wall_offset_ms.load(Ordering::Relaxed)
    }
}

fn offset_ms(wall_ms: u64, room_ms: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    signed(wall_ms) - signed(room_ms)
}

/// Measures how long something takes, for alarms and figures; never for a decision.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> std::time::Duration {
        self.0.elapsed()
    }
}

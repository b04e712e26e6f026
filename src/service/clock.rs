//! The room's clock: the one file of the program that asks the machine what time it is.
//!
//! Room time is UTC at the start plus the time since then of a clock that no one can set and
//! that counts while the machine sleeps (`CLOCK_BOOTTIME`). When the wall clock is set, room time
//! goes on as if nothing had happened and the step is recorded; the next start begins at the wall
//! clock again, but never before the end of the log.
//!
//! In a drill room time goes a number of times faster, from the wall clock on; it has left the
//! wall clock then, and a wall clock that is set means nothing to it.

#![expect(clippy::disallowed_methods, reason = "the one file that asks the machine for the time")]

use crate::domain::UtcMs;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A wall clock this far from room time was set by somebody, in milliseconds.
const STEP_MS: i64 = 1_000;

/// Where a room's clock reads the time: the machine, or a simulation.
pub trait TimeSource: Send + Sync {
    /// Milliseconds of a clock that nobody can set and that counts while the machine sleeps.
    fn boot_ms(&self) -> u64;
    /// Milliseconds since 1970 by the clock that people set.
    fn wall_ms(&self) -> u64;
}

/// The machine's own clocks.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

impl TimeSource for Machine {
    fn boot_ms(&self) -> u64 {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        seconds * 1_000 + nanos / 1_000_000
    }

    fn wall_ms(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Room time. Cheap to clone; all clones show the same.
#[derive(Clone)]
pub struct RoomClock {
    source: Arc<dyn TimeSource>,
    pace: Pace,
    wall_offset_ms: Arc<AtomicI64>,
}

/// Room time as a straight line over the time since the machine started.
#[derive(Debug, Clone, Copy)]
struct Pace {
    utc_base_ms: u64,
    boot_base_ms: u64,
    /// Room milliseconds that pass in one; 1 but for a drill.
    rate: u32,
}

impl Pace {
    fn at(self, boot_ms: u64) -> UtcMs {
        let passed_ms = boot_ms.saturating_sub(self.boot_base_ms);
        UtcMs(self.utc_base_ms.saturating_add(passed_ms.saturating_mul(self.rate.into())))
    }

    /// Rounded up: whoever sleeps so long wakes when it has come, never just before.
    fn until(self, boot_ms: u64, instant: UtcMs) -> Duration {
        Duration::from_millis(instant.since(self.at(boot_ms)).div_ceil(self.rate.into()))
    }
}

impl RoomClock {
    /// A clock that starts now, but not before `not_before`, the end of the log.
    #[must_use]
    pub fn start(not_before: UtcMs) -> Self {
        Self::start_at_rate(not_before, 1)
    }

    /// The same, going `rate` times as fast: for a drill. A rate of 0 counts as 1.
    #[must_use]
    pub fn start_at_rate(not_before: UtcMs, rate: u32) -> Self {
        Self::over(Arc::new(Machine), not_before, rate)
    }

    /// The same, by another source of time than the machine.
    #[must_use]
    pub fn over(source: Arc<dyn TimeSource>, not_before: UtcMs, rate: u32) -> Self {
        let wall_ms = source.wall_ms();
        let utc_base_ms = wall_ms.max(not_before.0);
        Self {
            pace: Pace { utc_base_ms, boot_base_ms: source.boot_ms(), rate: rate.max(1) },
            source,
            wall_offset_ms: Arc::new(AtomicI64::new(offset_ms(wall_ms, utc_base_ms))),
        }
    }

    /// Room time now.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        self.pace.at(self.source.boot_ms())
    }

    /// The machine's own date, which somebody may set: for what is dated outside the room, such as
    /// a certificate.
    #[must_use]
    pub fn wall_now(&self) -> UtcMs {
        UtcMs(self.source.wall_ms())
    }

    /// Real time from now until room time `instant`; zero when it has come.
    #[must_use]
    pub fn until(&self, instant: UtcMs) -> Duration {
        self.pace.until(self.source.boot_ms(), instant)
    }

    /// By how much the wall clock moved against room time since this was last asked, in
    /// milliseconds, if somebody set it. None in a drill.
    #[must_use]
    pub fn wall_step_ms(&self) -> Option<i64> {
        if self.pace.rate > 1 {
            return None;
        }
        let offset = offset_ms(self.source.wall_ms(), self.now().0);
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

impl std::fmt::Debug for RoomClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomClock").field("pace", &self.pace).finish_non_exhaustive()
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
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: UtcMs = UtcMs(1_772_000_000_000);

    fn pace(rate: u32) -> Pace {
        Pace { utc_base_ms: BASE.0, boot_base_ms: 5_000, rate }
    }

    #[test]
    fn a_drill_of_sixty_makes_a_minute_of_a_second() {
        assert_eq!(pace(60).at(5_000), BASE);
        assert_eq!(pace(60).at(6_000), BASE.plus(60_000));
        assert_eq!(pace(60).until(6_000, BASE.plus(15 * 60_000)), Duration::from_secs(14));
        assert_eq!(pace(60).until(30_000, BASE.plus(15 * 60_000)), Duration::ZERO);
        assert_eq!(
            pace(60).at(0),
            BASE,
            "a boot clock cannot go back; if it did, room time would not"
        );
    }

    #[test]
    fn at_rate_one_room_time_is_real_time() {
        assert_eq!(pace(1).at(5_001), BASE.plus(1));
        assert_eq!(pace(1).until(5_000, BASE.plus(15 * 60_000)), Duration::from_mins(15));
    }

    #[test]
    fn whoever_sleeps_until_an_instant_wakes_when_it_has_come() {
        for rate in [1, 2, 7, 60, 1_000] {
            for ahead_ms in [1, 2, 59, 60, 61, 999, 1_000, 1_001, 900_000] {
                let instant = BASE.plus(ahead_ms);
                let slept_ms = u64::try_from(pace(rate).until(5_000, instant).as_millis()).unwrap();
                assert!(pace(rate).at(5_000 + slept_ms) >= instant, "{rate} {ahead_ms}");
                assert!(pace(rate).at(5_000 + slept_ms - 1) < instant, "{rate} {ahead_ms}");
            }
        }
    }

    #[test]
    fn a_drill_takes_no_notice_of_the_wall_clock() {
        let clock = RoomClock::start_at_rate(UtcMs(0), 1_000);
        let set = RoomClock { wall_offset_ms: Arc::new(AtomicI64::new(1 << 40)), ..clock.clone() };
        assert_eq!(set.wall_step_ms(), None);
        assert_eq!(RoomClock::start_at_rate(UtcMs(0), 0).pace.rate, 1);
    }
}

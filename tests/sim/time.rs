//! Simulated time: the runtime's own virtual clock, and a wall clock that people set.

use fifteen::service::clock::TimeSource;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

/// 2026-01-01T21:00:00Z: most runs see a midnight.
const START_MS: u64 = 1_767_225_600_000 + 21 * 3_600_000;

#[derive(Clone)]
pub struct SimTime {
    began: Instant,
    wall_ahead_ms: Arc<AtomicI64>,
}

impl SimTime {
    pub fn start() -> Self {
        Self { began: Instant::now(), wall_ahead_ms: Arc::default() }
    }

    /// Somebody sets the wall clock, or it drifts.
    pub fn set_wall(&self, by_ms: i64) {
        self.wall_ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Milliseconds of the run.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }
}

impl TimeSource for SimTime {
    fn boot_ms(&self) -> u64 {
        1_000 + self.ms()
    }

    fn wall_ms(&self) -> u64 {
        (START_MS + self.ms()).saturating_add_signed(self.wall_ahead_ms.load(Ordering::Relaxed))
    }
}

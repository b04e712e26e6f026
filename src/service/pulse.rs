//! How the engine's thread fares: what commits take, how many transitions they carry, how late
//! deadlines fire. A few numbers of fixed size, added to after a commit and read when somebody
//! asks; nothing here wakes the thread, allocates while it runs, or names a call.

use crate::domain::{Dated, Event, UtcMs};
use std::time::Duration;

/// How figures of one kind are spread: their number and sum within fixed bounds.
#[derive(Debug, Clone)]
pub struct Spread {
    bounds: &'static [f64],
    /// One more than bounds: the last holds what is beyond them all.
    cells: Vec<Cell>,
}

/// The figures between one bound and the next.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cell {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Spread {
    fn over(bounds: &'static [f64]) -> Self {
        Self { bounds, cells: vec![Cell::default(); bounds.len() + 1] }
    }

    fn add(&mut self, figure: f64) {
        // A bound belongs to the figures below it, as Prometheus counts.
        let cell = &mut self.cells[self.bounds.partition_point(|bound| *bound < figure)];
        cell.count += 1;
        cell.sum += figure;
    }

    /// The cells, lowest first; the last is beyond every bound.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }
}

/// Bounds of what a commit takes, in seconds: a disk's 0.2 ms up to the alarm and beyond.
pub const COMMIT_SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 10.0];
/// Bounds of a commit's transitions.
pub const COMMIT_TRANSITIONS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0];
/// Bounds of how late a deadline fires, in seconds: a millisecond up to an outage of a day.
pub const LATE_SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 900.0, 3_600.0,
    86_400.0,
];

/// What the engine's thread remembers of its own work since it started.
#[derive(Debug, Clone)]
pub struct Pulse {
    minute: u64,
    /// The slowest commit of this minute and of the one before, so that everybody who asks is
    /// told the same.
    slowest: [Duration; 2],
    /// What commits took, in seconds.
    pub commit_seconds: Spread,
    /// Transitions of a commit.
    pub commit_transitions: Spread,
    /// By how much escalations came after their instants, in seconds. Those told by hand have none.
    pub late_seconds: Spread,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            minute: 0,
            slowest: [Duration::ZERO; 2],
            commit_seconds: Spread::over(COMMIT_SECONDS),
            commit_transitions: Spread::over(COMMIT_TRANSITIONS),
            late_seconds: Spread::over(LATE_SECONDS),
        }
    }
}

impl Pulse {
    fn turn(&mut self, now: UtcMs) {
        let minute = now.0 / 60_000;
        match minute.saturating_sub(self.minute) {
            0 => {}
            1 => self.slowest = [Duration::ZERO, self.slowest[0]],
            _ => self.slowest = [Duration::ZERO; 2],
        }
        self.minute = minute;
    }

    /// `events` were committed, which took so long.
    pub(super) fn committed(&mut self, now: UtcMs, took: Duration, events: &[Dated]) {
        self.turn(now);
        self.slowest[0] = self.slowest[0].max(took);
        self.commit_seconds.add(took.as_secs_f64());
        self.commit_transitions.add(f64::from(u32::try_from(events.len()).unwrap_or(u32::MAX)));
        for dated in events {
            if let Event::Escalated { due_at, by_hand: None, .. } = &dated.transition.event {
                let late = Duration::from_millis(dated.at.since(*due_at));
                self.late_seconds.add(late.as_secs_f64());
            }
        }
    }

    /// The slowest commit of the last one to two minutes before `now`.
    pub fn slowest_commit(&mut self, now: UtcMs) -> Duration {
        self.turn(now);
        self.slowest[0].max(self.slowest[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_counted_once_at_or_below_its_bound() {
        let mut spread = Spread::over(&[1.0, 10.0]);
        for figure in [0.0, 1.0, 1.5, 10.0, 11.0, 1e9] {
            spread.add(figure);
        }
        let counts: Vec<u64> = spread.cells().iter().map(|cell| cell.count).collect();
        assert_eq!(counts, [2, 2, 2]);
        assert!((spread.cells()[1].sum - 11.5).abs() < f64::EPSILON);
    }

    #[test]
    fn every_bound_is_above_the_one_before() {
        for bounds in [COMMIT_SECONDS, COMMIT_TRANSITIONS, LATE_SECONDS] {
            assert!(bounds.is_sorted_by(|below, above| below < above), "{bounds:?}");
        }
    }
}

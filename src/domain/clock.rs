//! A clock is a named SLA timer on a call: configuration ([`ClockRule`]) and its run on one
//! call ([`ClockRun`]).
//!
//! ```text
//!   start ───────── warn ───────── limit ─── +every ─── +every ─── +every ─── ...
//!                   warned         rung 0    rung 1     rung 2     rung 3, then its repeats
//! ```
//! Instants are absolute. A stop freezes the run; a withdrawal of what stopped it lets it go on
//! with what was left of it.

use super::{Callsign, Ladder, UtcMs};
use serde::{Deserialize, Serialize};

/// What can start, stop or restart a clock. Those named `unit_...` concern one unit on the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A call was received (or reopened).
    Received,
    /// A call whose caller was cut off was received.
    DroppedReceived,
    /// A canary call was received.
    CanaryReceived,
    /// A named person took responsibility for responding.
    Acknowledged,
    /// The first unit is on its way.
    EnRoute,
    /// The first unit arrived.
    OnScene,
    /// An attempt to ring the caller back was recorded.
    CallbackRecorded,
    /// The call was closed.
    Closed,
    /// A unit was assigned.
    UnitAssigned,
    /// That unit acknowledged.
    UnitAcknowledged,
    /// That unit declined.
    UnitDeclined,
    /// That unit was released.
    UnitReleased,
    /// That unit arrived.
    UnitOnScene,
    /// That unit said it is well.
    UnitCheckedIn,
    /// That unit is done with the call.
    UnitCleared,
}

impl Trigger {
    /// Whether it concerns one unit on the call rather than the call.
    #[must_use]
    pub const fn of_unit(self) -> bool {
        matches!(
            self,
            Self::UnitAssigned
                | Self::UnitAcknowledged
                | Self::UnitDeclined
                | Self::UnitReleased
                | Self::UnitOnScene
                | Self::UnitCheckedIn
                | Self::UnitCleared
        )
    }
}

/// One clock as dispatch.toml describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRule {
    /// Its name.
    pub name: Box<str>,
    /// What starts it; a `unit_...` trigger makes it a clock of each unit on the call.
    pub starts: Trigger,
    /// What stops it, closing aside, which stops every clock.
    pub stops: Vec<Trigger>,
    /// What starts it anew.
    pub restarts: Vec<Trigger>,
    /// From its start to its deadline, in milliseconds.
    pub limit_ms: u64,
    /// From its start to each warning, in milliseconds, ascending, each under the limit.
    pub warn_ms: Vec<u64>,
    /// Index of its ladder in the rules.
    pub ladder: usize,
}

/// A clock's next event in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Its warning of this number, from 0.
    Warning(u8),
    /// The rung of this number, from 0, is told.
    Rung(u8),
    /// The last rung is told again, for the time of this number, from 1.
    Repeat(u32),
}

/// A clock running, or stopped, on one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRun {
    /// Index of its rule in the call's rule book.
    pub clock: u8,
    /// The unit it watches, for a clock of a unit.
    pub unit: Option<Callsign>,
    /// Its deadline.
    pub limit_at: UtcMs,
    /// When the next rung, or the next repeat of the last, is told.
    pub rung_at: UtcMs,
    /// Warnings given.
    pub warned: u8,
    /// Rungs told.
    pub rungs: u8,
    /// Repeats of the last rung.
    pub repeats: u32,
    /// The last rung's person took it: its repeats are silenced.
    pub taken: bool,
    /// When it was stopped, if it is.
    pub stopped_at: Option<UtcMs>,
}

impl ClockRun {
    /// A fresh run from `start`.
    #[must_use]
    pub fn start(clock: u8, rule: &ClockRule, unit: Option<Callsign>, start: UtcMs) -> Self {
        let limit_at = start.plus(rule.limit_ms);
        Self {
            clock,
            unit,
            limit_at,
            rung_at: limit_at,
            warned: 0,
            rungs: 0,
            repeats: 0,
            taken: false,
            stopped_at: None,
        }
    }

    /// What it does next and when; `None` while stopped, or taken at the end of its ladder.
    #[must_use]
    pub fn next(&self, rule: &ClockRule, ladder: &Ladder) -> Option<(UtcMs, Point)> {
        if self.stopped_at.is_some() {
            return None;
        }
        let warning = rule.warn_ms.get(usize::from(self.warned)).map(|warn_ms| {
            // The deadline moves when a run goes on after a withdrawal; warnings keep their
            // distance to it.
            let before_limit_ms = rule.limit_ms - warn_ms;
            (UtcMs(self.limit_at.0.saturating_sub(before_limit_ms)), Point::Warning(self.warned))
        });
        let rung = if usize::from(self.rungs) < ladder.rungs.len() {
            Some((self.rung_at, Point::Rung(self.rungs)))
        } else if self.taken {
            None
        } else {
            Some((self.rung_at, Point::Repeat(self.repeats + 1)))
        };
        warning.into_iter().chain(rung).min()
    }

    /// Marks `point` as done; `due_at` is the instant it was due, from which the next counts.
    pub fn done(&mut self, point: Point, due_at: UtcMs, ladder: &Ladder) {
        match point {
            Point::Warning(number) => self.warned = number + 1,
            Point::Rung(rung) => {
                self.rungs = rung + 1;
                self.rung_at = due_at.plus(ladder.every_ms);
            }
            Point::Repeat(repeat) => {
                self.repeats = repeat;
                self.rung_at = due_at.plus(ladder.every_ms);
            }
        }
    }

    /// The next rung told by hand at `now`: the ladder goes on from here, but never later than
    /// it would have.
    #[must_use]
    pub fn by_hand(&self, ladder: &Ladder) -> Point {
        if usize::from(self.rungs) < ladder.rungs.len() {
            Point::Rung(self.rungs)
        } else {
            Point::Repeat(self.repeats + 1)
        }
    }

    /// Marks what [`ClockRun::by_hand`] named as told at `now`.
    pub fn done_by_hand(&mut self, point: Point, now: UtcMs, ladder: &Ladder) {
        let planned = self.rung_at;
        self.done(point, now, ladder);
        self.taken = false;
        self.rung_at = if planned > now { planned.min(self.rung_at) } else { self.rung_at };
    }

    /// Stops it at `now`; a second stop changes nothing.
    pub fn stop(&mut self, now: UtcMs) {
        self.stopped_at.get_or_insert(now);
    }

    /// Lets a stopped run go on at `now` with what was left to its next rung, at least
    /// `left_ms_min`. Nobody stays silenced: the situation is a new one.
    pub fn resume(&mut self, now: UtcMs, left_ms_min: u64) {
        let Some(stopped_at) = self.stopped_at.take() else {
            return;
        };
        let left_ms = self.rung_at.since(stopped_at).max(left_ms_min);
        let was_in_time = stopped_at <= self.limit_at;
        let shift_ms = now.plus(left_ms).since(self.rung_at);
        self.rung_at = now.plus(left_ms);
        if was_in_time {
            self.limit_at = self.limit_at.plus(shift_ms);
        }
        self.taken = false;
    }
}

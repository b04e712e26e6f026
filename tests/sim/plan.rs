//! What a run is made of: drawn from its seed, or made smaller to find the shortest story.

use crate::dice::Dice;
use std::collections::BTreeSet;
use std::fmt;

/// What may go wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The server dies at an append: before it, or after it and before any reply.
    CrashAtAppend,
    /// The server dies at any other instant, between two turns.
    CrashBetween,
    /// It dies again while it replays or takes a snapshot.
    CrashAtUpkeep,
    /// A commit fails; what it wrote may or may not be there afterwards.
    CommitFails,
    /// Commits take up to seconds.
    SlowDisk,
    /// The wall clock is set, drifts or stands still.
    WallClock,
    /// Links break.
    LinkCut,
    /// Links go silent and look alive.
    HalfOpen,
    /// A reader reads slowly or not at all.
    SlowReader,
    /// A second server is started on the same log.
    SecondServer,
    /// Units go silent: their program ends and comes back.
    UnitLost,
    /// The ways to people fail.
    Channels,
    /// Both logs fail and commits are spilled, until a log works again or the server starts anew.
    LogsFail,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::CrashAtAppend,
        Self::CrashBetween,
        Self::CrashAtUpkeep,
        Self::CommitFails,
        Self::SlowDisk,
        Self::WallClock,
        Self::LinkCut,
        Self::HalfOpen,
        Self::SlowReader,
        Self::SecondServer,
        Self::UnitLost,
        Self::Channels,
        Self::LogsFail,
    ];
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    /// Room minutes with faults; a quiet hour follows.
    pub minutes: u64,
    /// A call comes so often, in milliseconds of room time.
    pub call_every_ms: u64,
    pub operators: usize,
    pub units: usize,
    pub supervisors: usize,
    /// Transitions from one snapshot to the next.
    pub snapshot_every: u64,
    pub faults: BTreeSet<Fault>,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "plan");
        Self {
            seed,
            minutes: dice.span(60, 720),
            call_every_ms: 1_000 * dice.span(45, 900),
            operators: dice.below(3) + 1,
            units: dice.below(4) + 1,
            supervisors: dice.below(2) + 1,
            snapshot_every: dice.span(100, 1_500),
            faults: Fault::ALL.into_iter().filter(|_| !dice.once_in(3)).collect(),
        }
    }

    /// The same run made smaller in one way each, the boldest first.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut plan = self.clone();
            change(&mut plan);
            if plan != *self {
                all.push(plan);
            }
        };
        with(&|plan| plan.faults.clear());
        with(&|plan| plan.minutes = (plan.minutes / 4).max(5));
        with(&|plan| plan.minutes = (plan.minutes * 3 / 4).max(5));
        with(&|plan| plan.call_every_ms *= 4);
        with(&|plan| plan.call_every_ms = plan.call_every_ms * 3 / 2);
        with(&|plan| plan.operators = 1);
        with(&|plan| plan.units = 1);
        with(&|plan| plan.supervisors = 0);
        for fault in &self.faults {
            with(&|plan| {
                plan.faults.remove(fault);
            });
        }
        all
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, minutes, call_every_ms, operators, units, supervisors, .. } = self;
        write!(
            f,
            "SIM_SEED={seed}: {minutes} min, a call every {} s, {operators} operators, {units} units, \
             {supervisors} supervisors, a snapshot every {}, {:?}",
            call_every_ms / 1_000,
            self.snapshot_every,
            self.faults
        )
    }
}

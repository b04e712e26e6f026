//! Runs a trace through the engine on virtual time, as fast as it goes.
//!
//! ```text
//!   stamps   ──a────────b─b──────────────c──────────x (stale or rejected)
//!   deadlines  ──1──2─────────3──4──5────────6
//!   run      a 1 2 b b 3 4 5 c                       and ends at c: 6 is never reached
//! ```
//! Before a stamp every deadline before it fires at its own instant; those of the very instant
//! fire after its commands. A stamp that changes nothing moves no time, so the run ends at the
//! last accepted one.

use super::figures::Tally;
use super::{DISPOSITION, Figures, Plan, Planned, RejectedByReason, Row, TraceError, Verdict};
use crate::domain::{Answer, CallId, Command, Dated, Order, Rejection, Rules, Trigger, UtcMs};
use crate::engine::{Engine, State};
use crate::journal::ahead;
use std::collections::HashMap;
use std::time::Duration;

/// Events handed to the sink at once, about.
pub const BATCH: usize = 512;

/// `rules` without the clocks that nothing recorded can feed: those that start with something a
/// trace says, and that nothing it says stops or restarts, the close aside. With the shipped
/// rules that is `safety`: a trace has no check-ins, so every crew whose call has no close would
/// be taken for silent every fifteen minutes until the trace ends.
#[must_use]
pub fn fed_by_a_trace(rules: &Rules) -> Rules {
    use Trigger::{
        Acknowledged, Closed, EnRoute, OnScene, Received, UnitAcknowledged, UnitAssigned,
        UnitOnScene,
    };
    let said =
        [Received, UnitAssigned, UnitAcknowledged, Acknowledged, EnRoute, UnitOnScene, OnScene];
    let mut fed = rules.clone();
    fed.clocks.retain(|clock| {
        let mut ends = clock.stops.iter().chain(&clock.restarts);
        !said.contains(&clock.starts)
            || ends.clone().all(|end| *end == Closed)
            || ends.any(|end| said.contains(end))
    });
    fed
}

/// Why a trace cannot be replayed here. For whoever started it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The room has a past.
    #[error("the room already holds {0} transitions; a trace is replayed into an empty one")]
    NotEmpty(u64),
    /// A clock the figures are about is not configured.
    #[error("the rules have no clock {0:?}, and the figures of a replay are about it")]
    NoClock(&'static str),
    /// Recorded calls could not be closed.
    #[error(
        "the rules have no disposition {DISPOSITION:?}, which recorded calls are closed with; add it to dispatch.toml"
    )]
    NoDisposition,
}

/// Why a replay broke off.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E: std::error::Error + 'static> {
    /// The trace is malformed; what came before it was replayed.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The sink failed.
    #[error("the events of the replay could not be stored")]
    Sink(#[source] E),
    /// The engine answered a stamp otherwise than the rules of a replay say: a mistake of ours.
    #[error("line {line}: the room answered a stamp of this row otherwise than expected: {answer}")]
    Unexpected {
        /// Line of the row.
        line: u64,
        /// What the engine said.
        answer: String,
    },
}

/// A replay about to run.
pub struct Replay {
    engine: Engine,
    rules: Rules,
}

/// A replay that ran.
pub struct Replayed {
    /// The engine as the last accepted stamp left it.
    pub engine: Engine,
    /// What the events amount to.
    pub tally: Tally,
    /// Stamps rejected.
    pub rejected: RejectedByReason,
    /// Stamps that named an earlier status after a later one.
    pub stale_stamps: u64,
    /// Instant of the last accepted stamp; `None` for a trace without rows.
    pub ended_at: Option<UtcMs>,
}

impl Replayed {
    /// The figures; `elapsed` is how long it took.
    #[must_use]
    pub fn figures(&self, elapsed: Duration) -> Figures {
        self.tally.figures(self.rejected, self.stale_stamps, elapsed, self.engine.state().digest())
    }
}

impl Replay {
    /// A replay into the empty room of `engine`, under `rules`.
    ///
    /// # Errors
    /// [`Unfit`] when the room is not empty, or the rules lack what a replay needs.
    pub fn new(engine: Engine, rules: Rules) -> Result<Self, Unfit> {
        match engine.state().seq {
            0 => {}
            seq => return Err(Unfit::NotEmpty(seq)),
        }
        for name in [super::figures::ACKNOWLEDGE, super::figures::ARRIVE] {
            if rules.clock(name).is_none() {
                return Err(Unfit::NoClock(name));
            }
        }
        if rules.disposition(DISPOSITION).is_none() {
            return Err(Unfit::NoDisposition);
        }
        Ok(Self { engine, rules })
    }

    /// Replays `rows`, which are in the order of their receipt and are read ahead by a thread of its own. `sink` gets
    /// every event in order, about [`BATCH`] at once, with the state after them, and may empty what it is given;
    /// `progress` gets the rows received so far, once a batch. The first event adopts the rules, at the first receipt.
    ///
    /// # Errors
    /// [`ReplayError`]: the trace is malformed or the sink failed. What the sink took by then is
    /// a whole run up to some stamp.
    pub fn run<E: std::error::Error + 'static>(
        self,
        rows: impl Iterator<Item = Result<Row, TraceError>> + Send,
        sink: impl FnMut(&State, &mut Vec<Dated>) -> Result<(), E>,
        progress: impl FnMut(u64),
    ) -> Result<Replayed, ReplayError<E>> {
        std::thread::scope(|scope| self.run_planned(Plan::new(ahead(scope, rows)), sink, progress))
    }

    fn run_planned<E: std::error::Error + 'static>(
        self,
        mut plan: Plan<impl Iterator<Item = Result<Row, TraceError>>>,
        sink: impl FnMut(&State, &mut Vec<Dated>) -> Result<(), E>,
        progress: impl FnMut(u64),
    ) -> Result<Replayed, ReplayError<E>> {
        let mut run = Run {
            engine: self.engine,
            calls: HashMap::new(),
            out: Vec::with_capacity(2 * BATCH),
            tally: Tally::under(&self.rules),
            placed: 0,
            sink,
            progress,
        };
        let mut rejected = RejectedByReason::default();
        let mut stale_stamps = 0;
        let mut ended_at = None;
        while let Some(planned) = plan.next().transpose()? {
            match planned.verdict {
                Verdict::Accepted => {
                    let at = planned.at;
                    match ended_at {
                        None => run.adopt(at, &self.rules)?,
                        Some(before) if before < at => run.fire_before(at)?,
                        Some(_) => {}
                    }
                    ended_at = Some(at);
                    run.apply(planned)?;
                }
                verdict => {
                    run.refuse(planned)?;
                    match verdict {
                        Verdict::AfterClose => rejected.after_close += 1,
                        _ => stale_stamps += 1,
                    }
                }
            }
        }
        if let Some(at) = ended_at {
            run.fire_before(at.plus(1))?;
        }
        run.flush()?;
        rejected.before_receipt = plan.before_receipt();
        Ok(Replayed { engine: run.engine, tally: run.tally, rejected, stale_stamps, ended_at })
    }
}

struct Run<S, P> {
    engine: Engine,
    /// The calls of rows with stamps to come.
    calls: HashMap<u64, CallId>,
    out: Vec<Dated>,
    tally: Tally,
    placed: u64,
    sink: S,
    progress: P,
}

impl<S, P, E> Run<S, P>
where
    S: FnMut(&State, &mut Vec<Dated>) -> Result<(), E>,
    P: FnMut(u64),
    E: std::error::Error + 'static,
{
    fn adopt(&mut self, at: UtcMs, rules: &Rules) -> Result<(), ReplayError<E>> {
        let order = Order {
            by: crate::domain::Actor::room(),
            key: None,
            command: Command::AdoptRules(Box::new(rules.clone())),
        };
        match self.engine.submit(at, &order, &mut self.out) {
            Ok(_) => Ok(()),
            Err(rejection) => Err(unexpected(0, &rejection)),
        }
    }

    /// Lets every deadline before `at` fire, each at its own instant.
    fn fire_before(&mut self, at: UtcMs) -> Result<(), ReplayError<E>> {
        while let Some(due_at) = self.engine.next_deadline().filter(|due_at| *due_at < at) {
            while self.engine.tick(due_at, BATCH, &mut self.out) {
                self.flush_full()?;
            }
            self.flush_full()?;
        }
        Ok(())
    }

    fn apply(&mut self, planned: Planned) -> Result<(), ReplayError<E>> {
        let (at, row, line, last) = (planned.at, planned.row, planned.line, planned.last);
        let call = self.call_of(row, last);
        let order = planned.order(call);
        match self.engine.submit(at, &order, &mut self.out) {
            Ok(accepted) => {
                if let Answer::CallPlaced(call) = accepted.answer {
                    self.placed += 1;
                    if !last {
                        self.calls.insert(row, call);
                    }
                }
                self.flush_full()
            }
            Err(rejection) => Err(unexpected(line, &rejection)),
        }
    }

    /// Has the engine say itself that a stamp changes nothing. It is asked without moving time,
    /// for nothing may fire on account of such a stamp; the answer does not depend on time.
    fn refuse(&mut self, planned: Planned) -> Result<(), ReplayError<E>> {
        let (verdict, line) = (planned.verdict, planned.line);
        let call = self.call_of(planned.row, planned.last);
        let order = planned.order(call);
        let now = self.engine.now();
        match (self.engine.submit(now, &order, &mut self.out), verdict) {
            (Err(Rejection::OutOfOrder { .. }), Verdict::Stale)
            // Closed too long ago to be known is closed as well.
            | (
                Err(Rejection::CallClosed(_) | Rejection::UnknownCall(_)),
                Verdict::AfterClose,
            ) => Ok(()),
            (Err(rejection), _) => Err(unexpected(line, &rejection)),
            (Ok(_), _) => Err(unexpected(line, &"accepted")),
        }
    }

    /// The call of a row; number 0, which no call has, before it is placed.
    fn call_of(&mut self, row: u64, last: bool) -> CallId {
        let call = if last { self.calls.remove(&row) } else { self.calls.get(&row).copied() };
        call.unwrap_or_default()
    }

    fn flush_full(&mut self) -> Result<(), ReplayError<E>> {
        if self.out.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ReplayError<E>> {
        if !self.out.is_empty() {
            for dated in &self.out {
                self.tally.take(dated);
            }
            (self.sink)(self.engine.state(), &mut self.out).map_err(ReplayError::Sink)?;
            self.out.clear();
        }
        (self.progress)(self.placed);
        Ok(())
    }
}

fn unexpected<E: std::error::Error + 'static>(
    line: u64,
    answer: &dyn std::fmt::Display,
) -> ReplayError<E> {
    ReplayError::Unexpected { line, answer: answer.to_string() }
}

//! Recorded call traces, and their replay through the engine on virtual time.
//!
//! ```text
//!   file ──Reader──> Row ──Plan──> Planned (a command at its instant) ──Replay──> events ──> sink
//!                                                                          └──> Tally ──> Figures
//! ```
//! Everything streams: memory grows with the calls that are open, not with the trace. Nothing here
//! reads a clock or writes a file; every instant comes from the trace.

pub mod figures;
pub mod plan;
pub mod reader;
pub mod replay;
pub mod year;

pub use figures::{Figures, Percentiles, RejectedByReason, Tally};
pub use plan::{Ask, Plan, Planned, Stamp, Verdict, judge};
pub use reader::{Reader, Row, Scan, TraceError, scan};
pub use replay::{Replay, ReplayError, Replayed, Unfit, fed_by_a_trace};
pub use year::Year;

use crate::domain::{Actor, Role};

/// Who reports what a trace says: an operator who hears it on the radio.
pub const OPERATOR: &str = "trace";

/// The disposition a recorded call is closed with; the agency's own word is the remark.
pub const DISPOSITION: &str = "recorded";

/// The actor of every command of a trace.
#[must_use]
pub fn actor() -> Actor {
    Actor::new(OPERATOR, Role::Operator)
}

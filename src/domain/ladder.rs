//! Who is told when a deadline is missed: named offices, in order, and never silence.

use serde::{Deserialize, Serialize};

/// The offices told, one rung at the limit and one each further `every_ms`; the last rung
/// repeats every `every_ms` until someone acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Its name in dispatch.toml.
    pub name: Box<str>,
    /// From one rung to the next, and between repeats of the last, in milliseconds; never 0.
    pub every_ms: u64,
    /// The offices, first told first; never empty.
    pub rungs: Vec<Box<str>>,
}

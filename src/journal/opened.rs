//! What opening the log found and did, for the start's log lines and for `health`.

use super::record::Tail;
use serde::Serialize;
use std::fmt;

/// The report of one opening.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Opened {
    /// Where the log ends.
    pub tail: Tail,
    /// The last transition in the archive.
    pub archived: u64,
    /// The log was closed in order the last time.
    pub clean: bool,
    /// What was out of order, and what was done about it.
    pub notes: Vec<Note>,
}

/// One thing found out of order, and already put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Note {
    /// Nothing was there: a new log.
    Created,
    /// There was no sled folder although there was a log.
    SledMissing,
    /// The sled folder did not open; it is kept under another name.
    SledSetAside {
        /// Its new name.
        kept: String,
        /// Why it did not open.
        why: String,
    },
    /// There was no room to try the sled folder on a copy first: it was opened as it was.
    SledUntried {
        /// What had no room.
        why: String,
    },
    /// The folder set aside opened after sled's page table snapshots were removed from a copy of it.
    SledSalvaged,
    /// Transitions sled lacked, taken from the witness.
    PutBack {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The witness ended in a commit that a crash interrupted.
    WitnessTorn {
        /// The first sequence number not readable there.
        seq: u64,
    },
    /// Transitions the witness lacked, taken from sled.
    Completed {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The witness folder cannot be written: the log is degraded from the start.
    WitnessUnusable {
        /// Why.
        why: String,
    },
    /// Transitions that neither log had taken while running, taken from the spill.
    Merged {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The spill folder cannot be used: what both logs refuse would be in memory alone.
    SpillUnusable {
        /// Why.
        why: String,
    },
    /// The disk was full: the ballast was given back, for the log to go on with.
    BallastReleased,
    /// There is no room for the ballast.
    BallastMissing,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => write!(f, "a new log"),
            Self::SledMissing => write!(f, "the sled folder was missing"),
            Self::SledSetAside { kept, why } => {
                write!(f, "the sled folder did not open ({why}); kept as {kept}")
            }
            Self::SledUntried { why } => {
                write!(
                    f,
                    "no room to try the sled folder on a copy first ({why}); opened as it was"
                )
            }
            Self::SledSalvaged => {
                write!(f, "a copy of the folder set aside opened without its page table snapshots")
            }
            Self::PutBack { from, to } => {
                write!(f, "transitions {from} to {to} put back into sled from the witness")
            }
            Self::WitnessTorn { seq } => {
                write!(f, "the witness ended in an interrupted commit at transition {seq}")
            }
            Self::Completed { from, to } => {
                write!(f, "transitions {from} to {to} put into the witness from sled")
            }
            Self::WitnessUnusable { why } => {
                write!(f, "DEGRADED, the witness cannot be used: {why}")
            }
            Self::Merged { from, to } => {
                write!(f, "transitions {from} to {to} merged into the log from the spill")
            }
            Self::SpillUnusable { why } => write!(f, "the spill cannot be used: {why}"),
            Self::BallastReleased => {
                write!(f, "the disk was full; the ballast was given back: make room, then restart")
            }
            Self::BallastMissing => write!(f, "no room on the disk for the ballast"),
        }
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.notes == [Note::Created] {
            return write!(f, "{}", Note::Created);
        }
        let how = if self.clean { "closed in order" } else { "not closed in order" };
        write!(
            f,
            "log ends at transition {} (epoch {}), {how}, archived up to {}",
            self.tail.seq, self.tail.epoch, self.archived
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

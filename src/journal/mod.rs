//! The ordered list of what happened: the one thing that must never be lost or changed.
//!
//! Transitions are packed into [`Frame`]s, chained by BLAKE3, and written to two logs side by side: sled and the
//! witness (plain files). A commit is acknowledged when both are on the disk. What is old moves to compressed
//! archive files, one or more a day; nothing is deleted before it stands there, verified.
//! ```text
//!            append                     trim_step
//!  frames ──┬──> sled     <data>/log ──────┬──> archive <data>/archive/2026-11-21.fifteen.zst
//!           └──> witness  <data>/witness ──┘
//!  neither takes it:  spill <data>/spill, or elsewhere; merged into the logs when one takes it again ([`Appended::Spilled`])
//!  replay:  snapshot (if one verifies) ──> archive ──> sled, or the witness when sled is gone
//! ```
//! The log never looks inside an event, never reads a clock, never retries a sync that failed and never deletes
//! what is not archived. Instants are UTC milliseconds, sizes are bytes.

mod ahead;
mod archive;
mod archiving;
mod chain;
mod error;
mod files;
mod frame;
pub mod inspect;
mod layout;
mod memory;
mod open;
mod opened;
mod probe;
mod record;
mod replay;
mod sled_log;
mod snapshot;
mod spill;
mod store;
mod witness;
mod witness_writer;

use crate::domain::UtcMs;
pub(crate) use ahead::ahead;
pub use error::{Fault, JournalError};
pub use frame::{FRAME_BYTES_MAX, FRAME_VERSION, Frame, Records, pack};
pub use memory::MemoryJournal;
pub use opened::{Note, Opened};
pub use probe::{Prober, probe};
pub use record::{RECORD_BYTES_MAX, Record, RecordRef, Tail};
pub use replay::{Fold, Replayed, replay, replay_as, replay_from_start, replay_from_start_as};
pub use snapshot::{Manifest, Snapshot, Step};
pub use store::{Options, Store};

/// The largest commit taken at once, in bytes of frames (about 8,000 small transitions).
pub const COMMIT_BYTES_MAX: usize = 1 << 20;

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// On the disk, in both logs unless the journal is degraded. Only now may anybody be answered.
    Durable(Tail),
    /// The log does not end where the caller thought, or another epoch is in force. Nothing was written.
    Conflict {
        /// Where it ends.
        tail: Tail,
    },
    /// No log took it: it is kept aside under the same chain, for the logs to take when they can. Whoever is answered
    /// must be told that it is not durable.
    Spilled {
        /// Where the list ends with it.
        tail: Tail,
        /// On the spill's disk; otherwise in memory alone.
        kept: bool,
    },
    /// Written or not: the caller must read the log's end again. Never the answer of a local store.
    Unknown,
}

/// One of the two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The sled database.
    Sled,
    /// The plain files.
    Witness,
}

/// How the log is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every commit is in both logs.
    Whole,
    /// One log failed and takes nothing until reopened; the room goes on with the other.
    Degraded {
        /// The one that failed.
        which: Which,
        /// Why.
        why: String,
    },
    /// Both failed: nothing more can be acknowledged as durable until one is reopened.
    Poisoned {
        /// Why.
        why: String,
    },
    /// Both failed and commits are kept aside: nothing is durable from `from` on.
    Spilling {
        /// The first transition that no log has.
        from: u64,
        /// Why the logs take nothing.
        why: String,
        /// Why not even the spill does, if so: what is new is in memory alone.
        spill: Option<String>,
    },
}

/// Spilled transitions that a log has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Merged {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What a trim did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Trimmed {
    /// The archive now holds everything up to this number.
    pub archived: u64,
    /// Transitions that came into the archive by this.
    pub moved: u64,
    /// There is another step to do.
    pub more: bool,
}

/// Frames in order, checked by number and chain as they are read.
pub type Frames<'a> = Box<dyn Iterator<Item = Result<Frame, JournalError>> + Send + 'a>;

/// The log as the rest of the program knows it: conditional, so that a log shared by several servers fits too.
pub trait Journal: Send {
    /// Writes a commit if the log is at `epoch` and ends at `expected_seq`. Returns when it is durable.
    ///
    /// # Errors
    /// Not durable: frames that do not follow the end, a commit over [`COMMIT_BYTES_MAX`], or no log left to write.
    fn append(
        &mut self,
        epoch: u64,
        expected_seq: u64,
        frames: &[Frame],
    ) -> Result<Appended, JournalError>;

    /// Every frame from the one that holds `from_seq` on, archive included. Memory stays bounded.
    ///
    /// # Errors
    /// The log cannot be read. Damage further on is an item of the stream, and its last.
    fn tail(&self, from_seq: u64) -> Result<Frames<'_>, JournalError>;

    /// Where the log ends.
    fn last(&self) -> Tail;

    /// Takes the log over: the next epoch, if `old_epoch` is the one in force.
    ///
    /// # Errors
    /// [`JournalError::EpochTaken`] when somebody was faster.
    fn claim(&mut self, old_epoch: u64, node: &str) -> Result<u64, JournalError>;

    /// A bounded step of keeping a snapshot whose bytes are known to be the manifest's: it is written, read back, then all
    /// but the last two are dropped. Gives the next step, and `None` when that is done. Commits may come between steps.
    ///
    /// # Errors
    /// It could not be written or does not read back; the ones before it are still there.
    fn put_snapshot_step(
        &mut self,
        snapshot: &Snapshot,
        step: Step,
    ) -> Result<Option<Step>, JournalError>;

    /// Keeps a snapshot at once.
    ///
    /// # Errors
    /// As [`Journal::put_snapshot_step`], and when its bytes do not match its manifest.
    fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), JournalError> {
        snapshot.check()?;
        let mut next = Some(Step::default());
        while let Some(step) = next {
            next = self.put_snapshot_step(snapshot, step)?;
        }
        Ok(())
    }

    /// The snapshots kept, newest first, unread.
    ///
    /// # Errors
    /// The store cannot be read.
    fn manifests(&self) -> Result<Vec<Manifest>, JournalError>;

    /// Reads one snapshot and checks its bytes against the manifest.
    ///
    /// # Errors
    /// [`JournalError::Unfit`] when chunks are missing or changed.
    fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError>;

    /// A bounded step of dropping the snapshots of what was before transition `seq`, which an erasure left without keys.
    /// True: there is more to drop. A log that keeps them has them passed over at each start.
    ///
    /// # Errors
    /// The store cannot be written.
    fn drop_snapshots_before(&mut self, seq: u64) -> Result<bool, JournalError> {
        let _ = seq;
        Ok(false)
    }

    /// A bounded step of moving whole frames up to `upto_seq`, and before the first that ends at `before` or later, to the
    /// archive: they are written there, read back, and only then dropped here. Commits may come between steps.
    ///
    /// # Errors
    /// Nothing was deleted that is not archived; the next step begins anew.
    fn trim_step(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError>;

    /// Moves all of it at once.
    ///
    /// # Errors
    /// As [`Journal::trim_step`].
    fn trim(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError> {
        let mut all = self.trim_step(upto_seq, before)?;
        while all.more {
            let step = self.trim_step(upto_seq, before)?;
            all = Trimmed { moved: all.moved + step.moved, ..step };
        }
        Ok(all)
    }

    /// The last transition in the archive; 0 while nothing is.
    fn archived(&self) -> u64;

    /// How the log is.
    fn health(&self) -> Health;

    /// While commits are spilled: tries whether a log takes them now, all of them, in order. `None`: nothing was
    /// spilled. Called at intervals, from between two commits.
    ///
    /// # Errors
    /// Not yet; everything stays where it is.
    fn reopen(&mut self) -> Result<Option<Merged>, JournalError> {
        Ok(None)
    }

    /// Whether so much is kept in memory alone that other work must give way to calls.
    fn is_full(&self) -> bool {
        false
    }
}

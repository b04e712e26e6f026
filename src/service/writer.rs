//! From events to the disk: encodes, packs, appends, and knows how the last commits went.

use super::clock::Stopwatch;
use super::record::{encode, snapshot_of};
use crate::domain::{Dated, UtcMs};
use crate::engine::Frozen;
use crate::journal::{
    Appended, COMMIT_BYTES_MAX, Frame, Journal, JournalError, Manifest, Record, Tail, Trimmed, pack,
};
use crate::seal::Keyring;
use std::time::Duration;
use tracing::error;

/// A commit that takes longer is an alarm.
pub const COMMIT_ALARM: Duration = Duration::from_secs(2);

/// Why a commit failed for good.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The log failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Somebody else wrote to this log.
    #[error("the log ends at transition {found}, not at {expected}: another process wrote to it")]
    Conflict {
        /// Where it was to end.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// The log cannot say whether the commit is durable.
    #[error("the log does not know whether the commit after transition {0} is durable")]
    Unknown(u64),
}

/// How a commit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In the log, on the disk.
    Durable,
    /// In no log: spilled, under the same chain.
    Aside {
        /// The first transition of this commit of which that is so.
        first: u64,
    },
}

/// The only writer of a log.
pub struct Writer<J> {
    journal: J,
    tail: Tail,
    keyring: Keyring,
}

impl<J: Journal> Writer<J> {
    /// Takes the log over as `node`; what may name her is sealed under `keyring`.
    ///
    /// # Errors
    /// The log cannot be taken over.
    pub fn take_over(mut journal: J, node: &str, keyring: Keyring) -> Result<Self, JournalError> {
        let before = journal.last();
        let epoch = journal.claim(before.epoch, node)?;
        let tail = Tail { epoch, ..journal.last() };
        Ok(Self { journal, tail, keyring })
    }

    /// Where the log ends.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// The log, to read.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// The log, for its upkeep.
    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }

    /// The keys under which it seals.
    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Gives the log back.
    pub fn into_journal(self) -> J {
        self.journal
    }

    /// Makes `events` durable. Returns only when they are, or are kept aside: [`Kept::Aside`].
    ///
    /// # Errors
    /// Neither, or nobody knows; then nothing may be answered and the room must start anew from
    /// the log.
    pub fn commit(&mut self, events: &[Dated]) -> Result<Kept, CommitError> {
        let records: Vec<Record> =
            events.iter().map(|event| encode(event, &self.keyring)).collect();
        self.commit_records(&records)
    }

    /// The same of events that [`encode`] sealed under the keyring of this writer.
    pub(super) fn commit_records(&mut self, records: &[Record]) -> Result<Kept, CommitError> {
        let watch = Stopwatch::start();
        let frames = pack(&self.tail, self.tail.epoch, records)?;
        let (mut rest, mut kept) = (frames.as_slice(), Kept::Durable);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            // What the log does not take it takes none of what follows, either.
            kept = match self.append(now)? {
                Kept::Aside { .. } if matches!(kept, Kept::Aside { .. }) => kept,
                now => now,
            };
            rest = later;
        }
        let elapsed = watch.elapsed();
        if elapsed > COMMIT_ALARM {
            error!(seq = self.tail.seq, ?elapsed, "slow commit: the disk is in trouble");
        }
        Ok(kept)
    }

    fn append(&mut self, frames: &[Frame]) -> Result<Kept, CommitError> {
        let expected = self.tail.seq;
        match self.journal.append(self.tail.epoch, expected, frames)? {
            Appended::Durable(tail) => {
                self.tail = tail;
                Ok(Kept::Durable)
            }
            Appended::Spilled { tail, .. } => {
                self.tail = tail;
                Ok(Kept::Aside { first: expected + 1 })
            }
            Appended::Conflict { tail } => Err(CommitError::Conflict { expected, found: tail.seq }),
            Appended::Unknown => Err(CommitError::Unknown(expected)),
        }
    }

    /// Keeps a snapshot of `state`, which is the state at the end of the log.
    ///
    /// # Errors
    /// It could not be written; nothing is lost, the next start takes longer.
    ///
    /// # Panics
    /// When `state` is ahead of the log: snapshots are taken between commits.
    pub(super) fn snapshot(&mut self, state: &Frozen) -> Result<Manifest, JournalError> {
        assert_eq!(state.seq(), self.tail.seq, "a snapshot is taken between commits");
        let snapshot =
            snapshot_of(state, &self.tail, &self.keyring).ok_or_else(|| no_key_to(state.seq()))?;
        self.journal.put_snapshot(&snapshot)?;
        Ok(snapshot.manifest)
    }

    /// A step of moving what happened before `horizon` to the archive, and nothing past the older snapshot.
    pub(super) fn archive_step(&mut self, horizon: UtcMs) -> Result<Trimmed, JournalError> {
        let oldest = self.journal.manifests()?.last().map_or(0, |manifest| manifest.seq);
        self.journal.trim_step(oldest, horizon)
    }
}

/// Why there is no snapshot of the state after transition `seq`.
pub(super) fn no_key_to(seq: u64) -> JournalError {
    JournalError::Fold { seq, why: "an erasure after it destroyed the key of its snapshot".into() }
}

/// How many of `frames` one commit takes.
fn fitting(frames: &[Frame]) -> usize {
    let mut bytes = 0;
    let fits = frames.iter().take_while(|frame| {
        bytes += frame.bytes().len();
        bytes <= COMMIT_BYTES_MAX
    });
    fits.count().max(1)
}

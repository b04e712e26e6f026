//! The log in memory, for tests and simulation: the same contract, nothing on a disk.

use super::chain::{Followed, follows};
use super::error::{Fault, JournalError};
use super::frame::Frame;
use super::record::Tail;
use super::snapshot::{KEPT, Manifest, Snapshot, Step};
use super::{Appended, COMMIT_BYTES_MAX, Frames, Health, Journal, Trimmed};
use crate::domain::UtcMs;

/// Everything in vectors. What is trimmed stays readable, as it would from an archive.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    frames: Vec<Frame>,
    archived: u64,
    tail: Tail,
    snapshots: Vec<Snapshot>,
}

impl MemoryJournal {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What every store refuses before it writes: a commit too large, or one that does not follow the end.
pub(crate) fn admit(tail: &Tail, epoch: u64, frames: &[Frame]) -> Result<Tail, JournalError> {
    let bytes = frames.iter().map(|frame| frame.bytes().len()).sum();
    if bytes > COMMIT_BYTES_MAX {
        return Err(JournalError::CommitTooLarge { bytes, max: COMMIT_BYTES_MAX });
    }
    let mut end = *tail;
    for frame in frames {
        follows(frame, &end, "commit")?;
        if frame.epoch() != epoch {
            let fault = Fault::Header("packed under another epoch than it is appended under");
            return Err(JournalError::damaged("commit", frame.first_seq(), fault));
        }
        end = Tail { epoch, ..frame.tail() };
    }
    Ok(end)
}

impl Journal for MemoryJournal {
    fn append(
        &mut self,
        epoch: u64,
        expected_seq: u64,
        frames: &[Frame],
    ) -> Result<Appended, JournalError> {
        if epoch != self.tail.epoch || expected_seq != self.tail.seq {
            return Ok(Appended::Conflict { tail: self.tail });
        }
        self.tail = admit(&self.tail, epoch, frames)?;
        self.frames.extend_from_slice(frames);
        Ok(Appended::Durable(self.tail))
    }

    fn tail(&self, from_seq: u64) -> Result<Frames<'_>, JournalError> {
        let from = self.frames.partition_point(|frame| frame.last_seq() < from_seq);
        Ok(Box::new(Followed::new(self.frames[from..].iter().cloned().map(Ok), "memory", None)))
    }

    fn last(&self) -> Tail {
        self.tail
    }

    fn claim(&mut self, old_epoch: u64, _node: &str) -> Result<u64, JournalError> {
        if old_epoch != self.tail.epoch {
            return Err(JournalError::EpochTaken { old: old_epoch, current: self.tail.epoch });
        }
        self.tail.epoch += 1;
        Ok(self.tail.epoch)
    }

    fn put_snapshot_step(
        &mut self,
        snapshot: &Snapshot,
        _step: Step,
    ) -> Result<Option<Step>, JournalError> {
        self.snapshots.retain(|kept| kept.manifest.seq != snapshot.manifest.seq);
        self.snapshots.push(snapshot.clone());
        self.snapshots.sort_by_key(|kept| std::cmp::Reverse(kept.manifest.seq));
        self.snapshots.truncate(KEPT);
        Ok(None)
    }

    fn manifests(&self) -> Result<Vec<Manifest>, JournalError> {
        Ok(self.snapshots.iter().map(|kept| kept.manifest.clone()).collect())
    }

    fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError> {
        self.snapshots.iter().find(|kept| kept.manifest == *manifest).cloned().map_or_else(
            || {
                Err(JournalError::unfit(
                    format!("snapshot at {}", manifest.seq),
                    "it is not kept any more",
                ))
            },
            |kept| kept.check().map(|()| kept),
        )
    }

    fn drop_snapshots_before(&mut self, seq: u64) -> Result<bool, JournalError> {
        self.snapshots.retain(|kept| kept.manifest.seq >= seq);
        Ok(false)
    }

    fn archived(&self) -> u64 {
        self.archived
    }

    fn trim_step(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError> {
        let old = |frame: &&Frame| frame.last_seq() <= upto_seq && frame.last_at() < before;
        let whole = self.frames.iter().take_while(old).count();
        let upto =
            whole.checked_sub(1).map_or(0, |at| self.frames[at].last_seq()).max(self.archived);
        let moved = upto - self.archived;
        self.archived = upto;
        Ok(Trimmed { archived: upto, moved, more: false })
    }

    fn health(&self) -> Health {
        Health::Whole
    }
}

//! A snapshot: the state at one sequence number, only ever used to shorten a start.
//!
//! It is stored in chunks with a manifest written last. One that does not verify is passed over, never trusted.

use super::error::JournalError;
use super::frame::FRAME_BYTES_MAX;
use super::record::Tail;
use super::replay::Fold;
use crate::domain::UtcMs;
use serde::{Deserialize, Serialize};

/// Bytes of state stored under one key.
pub(crate) const CHUNK_BYTES: usize = FRAME_BYTES_MAX;
/// How many snapshots are kept.
pub(crate) const KEPT: usize = 2;

/// What a snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The last transition folded into it.
    pub seq: u64,
    /// The log's chain there.
    pub chain: [u8; 32],
    /// The state's own digest, or what stands for it: [`Fold::stamp`].
    pub digest: [u8; 32],
    /// BLAKE3 of the state's bytes.
    pub hash: [u8; 32],
    /// Length of the state's bytes.
    pub len: u64,
    /// How many chunks hold them.
    pub chunks: u32,
    /// When the last transition happened.
    pub at: UtcMs,
    /// The epoch in force then.
    pub epoch: u64,
}

impl Manifest {
    /// The end of the log as this snapshot saw it.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail { seq: self.seq, chain: self.chain, epoch: self.epoch, at: self.at }
    }
}

/// A manifest and the bytes it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What it says about itself.
    pub manifest: Manifest,
    /// What [`Fold::save`] gave.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// The snapshot of `fold` after the transitions up to `tail`.
    pub fn of<F: Fold>(fold: &F, tail: &Tail) -> Self {
        Self::new(fold.save(), fold.stamp().unwrap_or_default(), tail)
    }

    /// A snapshot of the bytes of a state after the transitions up to `tail`, and what is stored of its digest.
    ///
    /// # Panics
    /// Never: a state is far below 16 TiB.
    #[must_use]
    pub fn new(state: Vec<u8>, stamp: [u8; 32], tail: &Tail) -> Self {
        let manifest = Manifest {
            seq: tail.seq,
            chain: tail.chain,
            digest: stamp,
            hash: blake3::hash(&state).into(),
            len: state.len() as u64,
            chunks: u32::try_from(state.len().div_ceil(CHUNK_BYTES))
                .expect("a state is far below 16 TiB"),
            at: tail.at,
            epoch: tail.epoch,
        };
        Self { manifest, state }
    }

    /// Whether the manifest and the bytes belong together.
    ///
    /// # Errors
    /// [`JournalError::Unfit`] saying which part differs.
    pub fn check(&self) -> Result<(), JournalError> {
        let Self { manifest, state } = self;
        if state.len() as u64 != manifest.len {
            return Err(self.unfit(format!("{} bytes of {} are there", state.len(), manifest.len)));
        }
        if blake3::hash(state) != manifest.hash {
            return Err(self.unfit("its bytes do not match its hash"));
        }
        Ok(())
    }

    pub(super) fn unfit(&self, why: impl ToString) -> JournalError {
        JournalError::unfit(format!("snapshot at {}", self.manifest.seq), why)
    }
}

/// What is next to be done to keep a snapshot, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Step {
    /// Nothing of that number may be left of an earlier attempt.
    #[default]
    Clear,
    /// The chunks, from this one on.
    Write(u32),
    /// The manifest, after which it is there for the next start.
    Sign,
    /// What was written, from this chunk on, is read again.
    ReadBack(u32),
    /// All but the last two go.
    DropOld,
}

//! Folding the log into a state: from the newest snapshot that verifies, or from the first transition.
//!
//! Streaming: memory is bounded by the state, not by the log. A snapshot that fails any check is passed over with
//! a warning; damage in the log itself is an error that names the place.
//!
//! The state takes one transition after another, in order; all else is done ahead of it:
//! ```text
//!   a thread   .. | batch n+2: read, its chain followed
//!   processors        batch n+1, in pieces: opened, decoded
//!   state                 batch n
//! ```

use super::ahead;
use super::chain::{Followed, follows};
use super::error::JournalError;
use super::record::{RecordRef, Tail};
use super::snapshot::{Manifest, Snapshot};
use super::{Frame, Journal};
use rayon::prelude::*;
use tracing::warn;

/// What a replay folds into; the engine's state elsewhere.
pub trait Fold: Sized {
    /// What a record says.
    type Said: Send;
    /// The state before the first transition; it opens what this one opens.
    fn fresh(&self) -> Self;
    /// What reads records apart from the state. It gives an error where a record cannot be read; replay stops there.
    fn reader(
        &self,
    ) -> impl Fn(RecordRef<'_>) -> Result<Self::Said, String> + Send + Sync + use<Self>;
    /// Takes the next transition.
    fn apply(&mut self, seq: u64, said: Self::Said);
    /// A digest of everything in the state; equal states have equal digests.
    fn digest(&self) -> [u8; 32];
    /// What is stored of the digest beside a snapshot: the digest itself, unless it would betray what is sealed.
    /// `None`: it cannot be told from here, for want of keys.
    fn stamp(&self) -> Option<[u8; 32]> {
        Some(self.digest())
    }
    /// The state as bytes.
    fn save(&self) -> Vec<u8>;
    /// The state after transition `seq` from [`Fold::save`]'s bytes, and its stamp, as [`Fold::stamp`] would give it.
    ///
    /// # Errors
    /// The bytes are of another version, or no state at all; the snapshot is passed over.
    fn load(&self, seq: u64, bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String>;
}

/// A state and how it came about.
#[derive(Debug, Clone)]
pub struct Replayed<F> {
    /// The state.
    pub state: F,
    /// Where the log ends.
    pub tail: Tail,
    /// Transitions applied on top of the snapshot.
    pub records: u64,
    /// The snapshot it began with, if any.
    pub snapshot: Option<Manifest>,
    /// Snapshots that did not verify, with the reason.
    pub passed_over: Vec<(u64, String)>,
}

/// The state at the end of the log.
///
/// # Errors
/// Damage inside the log, or a transition the state refuses.
pub fn replay<F: Fold + Default>(journal: &dyn Journal) -> Result<Replayed<F>, JournalError> {
    replay_as(journal, &F::default())
}

/// The same by a state that opens what `like` opens.
///
/// # Errors
/// As [`replay`].
pub fn replay_as<F: Fold>(journal: &dyn Journal, like: &F) -> Result<Replayed<F>, JournalError> {
    let mut passed_over = Vec::new();
    for manifest in journal.manifests()? {
        let seq = manifest.seq;
        match start(journal, &manifest, like) {
            Ok(state) => {
                let mut replayed = fold_from(journal, state, manifest.tail())?;
                replayed.snapshot = Some(manifest);
                replayed.passed_over = passed_over;
                return Ok(replayed);
            }
            Err(why) => {
                warn!(seq, %why, "snapshot does not verify; replaying from further back");
                passed_over.push((seq, why.to_string()));
            }
        }
    }
    Ok(Replayed { passed_over, ..replay_from_start_as(journal, like)? })
}

/// The state at the end of the log, without snapshots: every transition from the first, archive included.
///
/// # Errors
/// As [`replay`], and when the log no longer reaches back to the first transition.
pub fn replay_from_start<F: Fold + Default>(
    journal: &dyn Journal,
) -> Result<Replayed<F>, JournalError> {
    replay_from_start_as(journal, &F::default())
}

/// The same by a state that opens what `like` opens.
///
/// # Errors
/// As [`replay_from_start`].
pub fn replay_from_start_as<F: Fold>(
    journal: &dyn Journal,
    like: &F,
) -> Result<Replayed<F>, JournalError> {
    fold_from(journal, like.fresh(), Tail::default())
}

/// Loads a snapshot and checks its bytes, its digest, and that the log goes on from it.
fn start<F: Fold>(journal: &dyn Journal, manifest: &Manifest, like: &F) -> Result<F, JournalError> {
    let what = || format!("snapshot at {}", manifest.seq);
    let Snapshot { state, .. } = journal.snapshot(manifest)?;
    let loaded = like.load(manifest.seq, &state);
    let (state, stamp) = loaded.map_err(|why| JournalError::unfit(what(), why))?;
    if stamp != Some(manifest.digest) {
        return Err(JournalError::unfit(what(), "the state it gives has another digest"));
    }
    let last = journal.last();
    match manifest.seq.cmp(&last.seq) {
        std::cmp::Ordering::Greater => {
            return Err(JournalError::unfit(what(), "the log ends before it"));
        }
        std::cmp::Ordering::Equal if manifest.chain != last.chain => {
            return Err(JournalError::unfit(what(), "the log's chain is another one there"));
        }
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Less => {
            if let Some(next) = journal.tail(manifest.seq + 1)?.next() {
                follows(&next?, &manifest.tail(), &what())?;
            }
        }
    }
    Ok(state)
}

/// Frames read at once, each of some thirty records.
const BATCH_FRAMES: usize = 256;
/// Into how many pieces they are cut for the processors. Each piece has a reader of its own.
const PIECES: usize = 4;

fn fold_from<F: Fold>(
    journal: &dyn Journal,
    mut state: F,
    mut tail: Tail,
) -> Result<Replayed<F>, JournalError> {
    let mut records = 0;
    if tail.seq < journal.last().seq {
        let frames = Followed::new(journal.tail(tail.seq + 1)?, "replay", Some(tail));
        records = std::thread::scope(|scope| fold(&mut state, &mut tail, ahead(scope, frames)))?;
    }
    tail.epoch = tail.epoch.max(journal.last().epoch);
    Ok(Replayed { state, tail, records, snapshot: None, passed_over: Vec::new() })
}

/// Applies `frames` in order, each batch of them while the next is read. Gives how many records they held.
fn fold<F: Fold>(
    state: &mut F,
    tail: &mut Tail,
    mut frames: impl Iterator<Item = Result<Frame, JournalError>>,
) -> Result<u64, JournalError> {
    let readers: Vec<_> = (0..PIECES).map(|_| state.reader()).collect();
    let (mut records, mut failed) = (0, None);
    let mut read = Vec::new();
    loop {
        let mut batch = Vec::new();
        for frame in frames.by_ref().take(BATCH_FRAMES) {
            match frame {
                Ok(frame) => batch.push(frame),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(last) = batch.last() {
            *tail = last.tail();
        }
        if batch.is_empty() && read.is_empty() {
            return failed.map_or(Ok(records), Err);
        }
        let mut next = Ok(Vec::new());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| next = read_all(&readers, &batch));
            for (seq, said) in read.drain(..).flatten() {
                state.apply(seq, said);
                records += 1;
            }
        });
        read = next?;
    }
}

/// The records of `frames`, in order, read on all processors: the first that cannot be read is the error.
fn read_all<S: Send>(
    readers: &[impl Fn(RecordRef<'_>) -> Result<S, String> + Sync],
    frames: &[Frame],
) -> Result<Vec<Piece<S>>, JournalError> {
    let pieces = frames.par_chunks(frames.len().div_ceil(readers.len()).max(1)).zip(readers);
    let read: Vec<_> = pieces.map(|(frames, read)| read_piece(read, frames)).collect();
    read.into_iter().collect()
}

/// What a piece of a batch says, in order, each with its sequence number.
type Piece<S> = Vec<(u64, S)>;

fn read_piece<S>(
    read: impl Fn(RecordRef<'_>) -> Result<S, String>,
    frames: &[Frame],
) -> Result<Piece<S>, JournalError> {
    let records = frames.iter().flat_map(Frame::records);
    let said = records.map(|record| match read(record) {
        Ok(said) => Ok((record.seq, said)),
        Err(why) => Err(JournalError::Fold { seq: record.seq, why }),
    });
    said.collect()
}

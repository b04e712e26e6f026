//! What a person asks of a log on the disk: is it whole, what is in it, keep a copy, put it right.
//!
//! Reading goes through the archive and the witness wherever it can: plain files, so it works beside a running
//! server and never opens sled in place. Reports serialize, and print as lines for a terminal.

mod backup;
mod repair;
mod verify;

pub(crate) use backup::write_backup;
pub use backup::{BackedUp, backup, restore};
pub use repair::{Missing, Repaired, Source, Span, repair};
pub use verify::{Check, Verified, verify, verify_as};

use super::archive::Archive;
use super::chain::{Followed, follows};
use super::error::JournalError;
use super::frame::Frame;
use super::layout::Layout;
use super::record::{Record, Tail};
use super::replay::{Fold, replay_as};
use super::snapshot::{Manifest, Snapshot};
use super::spill;
use super::store::{Options, Store};
use super::witness::Reader;
use super::{Journal, Trimmed};
use crate::domain::UtcMs;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// The archive and the witness of a data folder, read as one list.
pub(crate) struct PlainLog {
    pub(crate) archive: Archive,
    layout: Layout,
}

impl PlainLog {
    pub(crate) fn open(dir: &Path, options: &Options) -> Result<Self, JournalError> {
        let layout = Layout::new(dir, options);
        Ok(Self { archive: Archive::open(&layout.archive)?, layout })
    }

    /// What is not archived yet, continuing the archive.
    pub(crate) fn live(
        &self,
    ) -> Result<impl Iterator<Item = Result<Frame, JournalError>>, JournalError> {
        let base = self.archive.tail();
        let witness = Reader::new(&self.layout.witness, base.seq + 1)?;
        let all = spill::continued(witness, &self.layout.spill, base.seq + 1);
        Ok(Followed::new(all, "witness and spill", Some(base)))
    }

    /// The same without what is only spilled.
    pub(crate) fn witness(
        &self,
    ) -> Result<impl Iterator<Item = Result<Frame, JournalError>>, JournalError> {
        let base = self.archive.tail();
        Ok(Followed::new(Reader::new(&self.layout.witness, base.seq + 1)?, "witness", Some(base)))
    }

    /// Every frame from the first.
    pub(crate) fn frames(
        &self,
    ) -> Result<impl Iterator<Item = Result<Frame, JournalError>>, JournalError> {
        let all = self.archive.frames(1).chain(self.live()?);
        Ok(Followed::new(all, "archive and witness", Some(Tail::default())))
    }
}

/// Folds frames into a fresh state, telling `at` the end after each.
pub(crate) fn fold<F: Fold>(
    like: &F,
    frames: impl Iterator<Item = Result<Frame, JournalError>>,
    mut at: impl FnMut(&F, &Frame),
) -> Result<(F, Tail), JournalError> {
    let (mut state, mut tail) = (like.fresh(), Tail::default());
    let read = state.reader();
    for frame in frames {
        let frame = frame?;
        follows(&frame, &tail, "replay")?;
        for record in frame.records() {
            let said = read(record).map_err(|why| JournalError::Fold { seq: record.seq, why })?;
            state.apply(record.seq, said);
        }
        at(&state, &frame);
        tail = frame.tail();
    }
    Ok((state, tail))
}

/// The state's digest after every transition in the archive and the witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The last transition folded.
    pub seq: u64,
    /// The log's chain there, in hex.
    pub chain: String,
    /// The state's digest, in hex.
    pub digest: String,
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transition {}\nchain      {}\nstate      {}", self.seq, self.chain, self.digest)
    }
}

/// Folds the whole log and gives the digest of the state. Works beside a running server.
///
/// # Errors
/// Damage, with place and sequence number, or a transition the state refuses.
pub fn digest<F: Fold + Default>(dir: &Path, options: &Options) -> Result<Digest, JournalError> {
    digest_as(dir, options, &F::default())
}

/// The same by a state that opens what `like` opens.
///
/// # Errors
/// As [`digest`].
pub fn digest_as<F: Fold>(dir: &Path, options: &Options, like: &F) -> Result<Digest, JournalError> {
    let (state, tail) = fold(like, PlainLog::open(dir, options)?.frames()?, |_, _| ())?;
    Ok(Digest { seq: tail.seq, chain: hex(tail.chain), digest: hex(state.digest()) })
}

/// Gives every transition from `from_seq` on to `each`, in order, and says where they end. Works beside a running
/// server.
///
/// # Errors
/// Damage, with place and sequence number; or what `each` answers.
pub fn dump(
    dir: &Path,
    options: &Options,
    from_seq: u64,
    mut each: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<Tail, JournalError> {
    let log = PlainLog::open(dir, options)?;
    let mut tail = log.archive.tail();
    let archived = log.archive.frames(from_seq);
    for frame in archived.chain(log.live()?) {
        let frame = frame?;
        for read in frame.records().filter(|read| read.seq >= from_seq) {
            each(read.seq, Record { at: read.at, schema: read.schema, body: read.body.to_vec() })?;
        }
        tail = frame.tail();
    }
    Ok(tail)
}

/// Tells `each` where every frame ends, from the first on, and says where the last does. Works beside a running
/// server.
///
/// # Errors
/// Damage, with place and sequence number.
pub fn ends(
    dir: &Path,
    options: &Options,
    mut each: impl FnMut(&Tail),
) -> Result<Tail, JournalError> {
    let mut end = Tail::default();
    for frame in PlainLog::open(dir, options)?.frames()? {
        end = frame?.tail();
        each(&end);
    }
    Ok(end)
}

/// Opens a stopped log, replays it and keeps a snapshot of the state.
///
/// # Errors
/// As [`Store::open`] and [`crate::journal::replay`].
pub fn snapshot<F: Fold + Default>(dir: &Path, options: Options) -> Result<Manifest, JournalError> {
    snapshot_as(dir, options, &F::default())
}

/// The same by a state that opens what `like` opens.
///
/// # Errors
/// As [`snapshot`].
pub fn snapshot_as<F: Fold>(
    dir: &Path,
    options: Options,
    like: &F,
) -> Result<Manifest, JournalError> {
    let mut store = Store::open(dir, options)?;
    let now = replay_as(&store, like)?;
    let snapshot = Snapshot::of(&now.state, &now.tail);
    store.put_snapshot(&snapshot)?;
    store.close()?;
    Ok(snapshot.manifest)
}

/// Opens a stopped log and moves everything that happened before `before` to the archive.
///
/// # Errors
/// As [`Store::open`] and [`Journal::trim`]; nothing is deleted that is not archived and verified.
pub fn archive(dir: &Path, options: Options, before: UtcMs) -> Result<Trimmed, JournalError> {
    let mut store = Store::open(dir, options)?;
    let trimmed = store.trim(u64::MAX, before)?;
    store.close()?;
    Ok(trimmed)
}

pub(crate) fn hex(hash: [u8; 32]) -> String {
    blake3::Hash::from_bytes(hash).to_hex().to_string()
}

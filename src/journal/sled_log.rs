//! One of the two logs: frames and snapshots in a sled 0.34.7 database.
//!
//! Everything here answers a measured weakness of sled (docs: "What is known of sled"): its flush is not a sync,
//! so the file is synced by us after each; large values go to files nobody syncs, so none is over 4 KiB and
//! `blobs/` must be empty; a half-written `snap.*.generating` prevents every later open, so it is removed first;
//! a new database is made beside its place and renamed; deletes come in small commits. After the first failure
//! nothing is written any more until the process opens it again.

use super::error::{At, Fault, JournalError};
use super::files;
use super::frame::Frame;
use super::snapshot::{CHUNK_BYTES, KEPT, Manifest, Snapshot, Step};
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Keys deleted between two commits; more of them in flight were measured to hurt.
const DELETES_A_COMMIT: usize = 64;
/// Chunks of a snapshot written or read between two commits, 256 KiB: a call that waits for one waits little longer.
const CHUNKS_A_STEP: u32 = 64;
/// From so many on, 4 MiB, they are committed by themselves, so that no call that comes has more to wait for.
const UNSYNCED_MAX: u32 = 1_024;
/// A snapshot of fewer chunks is read on one processor.
const CHUNKS_APART: u32 = 256;
const CACHE_BYTES: u64 = 64 << 20;
/// The manifest's place among the chunks of a snapshot.
const MANIFEST_CHUNK: u32 = u32::MAX;

pub(crate) struct SledLog {
    dir: PathBuf,
    db: sled::Db,
    log: sled::Tree,
    snapshots: sled::Tree,
    meta: sled::Tree,
    file: File,
    /// Chunks of a snapshot that the next flush has to take along.
    unsynced: AtomicU32,
}

impl SledLog {
    /// Opens an existing folder. May panic or hang on a damaged one: see `probe`.
    pub(crate) fn open(dir: &Path) -> Result<Self, JournalError> {
        for path in files::list(dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                files::remove(&path)?;
            }
        }
        let db = open_db(dir)?;
        let open = |name: &'static str| {
            db.open_tree(name).map_err(|error| JournalError::sled("open a tree", error))
        };
        let (log, snapshots, meta) = (open("log")?, open("snapshots")?, open("meta")?);
        let path = dir.join("db");
        let file = File::options().read(true).write(true).open(&path).at("open", &path)?;
        for name in ["", "blobs", "conf", "db"] {
            files::sync(&if name.is_empty() { dir.to_owned() } else { dir.join(name) })?;
        }
        files::sync(files::parent(dir))?;
        let unsynced = AtomicU32::new(0);
        let this = Self { dir: dir.to_owned(), db, log, snapshots, meta, file, unsynced };
        this.check_blobs()?;
        Ok(this)
    }

    /// Makes an empty database beside its place, then renames it there and opens it.
    pub(crate) fn create(dir: &Path) -> Result<Self, JournalError> {
        let new = dir.with_extension("new");
        files::remove_dir(&new)?;
        files::create_dir(&new)?;
        drop(Self::open(&new)?.flushed()?);
        files::rename(&new, dir)?;
        Self::open(dir)
    }

    fn flushed(self) -> Result<Self, JournalError> {
        self.commit()?;
        Ok(self)
    }

    /// Values this small never go to `blobs/`; if one is there, the rule was broken and it is not durable.
    pub(crate) fn check_blobs(&self) -> Result<(), JournalError> {
        match files::list(&self.dir.join("blobs"))?.first() {
            None => Ok(()),
            Some(blob) => {
                Err(JournalError::unfit(blob.display().to_string(), "blobs/ must be empty"))
            }
        }
    }

    /// Writes frames as one commit: all of them or, after a crash, none. Durable on return.
    pub(crate) fn append(&self, frames: &[Frame]) -> Result<(), JournalError> {
        guarded("append", || {
            if let [frame] = frames {
                self.log.insert(frame.first_seq().to_be_bytes(), frame.bytes())?;
            } else {
                let mut batch = sled::Batch::default();
                for frame in frames {
                    batch.insert(&frame.first_seq().to_be_bytes(), frame.bytes());
                }
                self.log.apply_batch(batch)?;
            }
            Ok(())
        })?;
        self.commit()
    }

    /// sled's flush, then the sync that makes it true. Never called again after it failed.
    pub(crate) fn commit(&self) -> Result<(), JournalError> {
        guarded("flush", || self.db.flush().map(|_| ()))?;
        self.unsynced.store(0, Ordering::Relaxed);
        let path = self.dir.join("db");
        rustix::fs::fdatasync(&self.file).at("sync", &path)
    }

    /// Frames from the one holding `from_seq`, unchecked beyond their own checksum and key.
    pub(crate) fn raw_frames(
        &self,
        from_seq: u64,
    ) -> impl Iterator<Item = Result<Frame, JournalError>> + use<> {
        let from =
            guarded("seek", || self.log.range(..=from_seq.to_be_bytes()).next_back().transpose());
        let key = from.ok().flatten().map_or(vec![0; 8], |(key, _)| key.to_vec());
        let mut range = self.log.range(key..);
        std::iter::from_fn(move || {
            loop {
                let entry =
                    catch_unwind(AssertUnwindSafe(|| range.next())).unwrap_or_else(|why| {
                        Some(Err(sled::Error::ReportableBug(panic_text(&*why))))
                    })?;
                match read_entry(entry) {
                    // The key before `from_seq` may hold a frame that ends before it.
                    Ok(frame) if frame.last_seq() < from_seq => {}
                    read => return Some(read),
                }
            }
        })
    }

    /// Deletes some whole frames up to `upto_seq`, as one commit. True: there may be more of them.
    pub(crate) fn trim_step(&self, upto_seq: u64) -> Result<bool, JournalError> {
        let mut keys = Vec::new();
        let mut range = self.log.iter();
        // What it says stands in the archive and was read for that.
        while let Some((key, value)) = guarded("read", || range.next().transpose())? {
            let seq = key.as_ref().try_into().map_or(0, u64::from_be_bytes);
            let damaged = |fault| JournalError::damaged("sled", seq, fault);
            if Frame::last_seq_in(&value).map_err(damaged)? > upto_seq {
                break;
            }
            keys.push(key.to_vec());
            if keys.len() == DELETES_A_COMMIT {
                break;
            }
        }
        self.delete(&self.log, &keys)?;
        Ok(keys.len() == DELETES_A_COMMIT)
    }

    fn delete(&self, tree: &sled::Tree, keys: &[Vec<u8>]) -> Result<(), JournalError> {
        if keys.is_empty() {
            return Ok(());
        }
        guarded("delete", || keys.iter().try_for_each(|key| tree.remove(key).map(|_| ())))?;
        self.commit()
    }

    /// The epoch in force as far as this log knows.
    pub(crate) fn epoch(&self) -> Result<u64, JournalError> {
        let value = guarded("read the epoch", || self.meta.get("epoch"))?;
        Ok(value
            .and_then(|bytes| bytes.as_ref().try_into().ok().map(u64::from_be_bytes))
            .unwrap_or(0))
    }

    pub(crate) fn put_epoch(&self, epoch: u64) -> Result<(), JournalError> {
        guarded("write the epoch", || self.meta.insert("epoch", &epoch.to_be_bytes()))?;
        self.commit()
    }

    /// Chunks first, the manifest in a commit of its own, read back, then the oldest dropped: a step of it, so small that
    /// no flush of the log has much of a snapshot to take along.
    pub(crate) fn put_snapshot_step(
        &self,
        snapshot: &Snapshot,
        step: Step,
    ) -> Result<Option<Step>, JournalError> {
        let Manifest { seq, chunks, .. } = snapshot.manifest;
        let some = |from: u32| {
            let of_bytes = snapshot.state.chunks(CHUNK_BYTES).skip(from as usize);
            (from..chunks.min(from.saturating_add(CHUNKS_A_STEP))).zip(of_bytes)
        };
        let next = |from: u32| from.saturating_add(CHUNKS_A_STEP);
        Ok(Some(match step {
            Step::Clear if self.drop_snapshots(|other| other == seq)? => Step::Clear,
            Step::Clear => Step::Write(0),
            Step::Write(from) if from < chunks => {
                guarded("write a snapshot", || {
                    some(from).try_for_each(|(index, chunk)| {
                        self.snapshots.insert(chunk_key(seq, index), chunk).map(|_| ())
                    })
                })?;
                // In a busy room the commits of calls take them along.
                let waiting = self.unsynced.fetch_add(CHUNKS_A_STEP, Ordering::Relaxed);
                if waiting >= UNSYNCED_MAX {
                    self.commit()?;
                }
                Step::Write(next(from))
            }
            Step::Write(_) => {
                self.commit()?;
                Step::Sign
            }
            Step::Sign => {
                let manifest = seal(&snapshot.manifest);
                guarded("write a snapshot", || {
                    self.snapshots.insert(chunk_key(seq, MANIFEST_CHUNK), manifest)
                })?;
                self.commit()?;
                Step::ReadBack(0)
            }
            Step::ReadBack(from) if from < chunks => {
                let same = guarded("read a snapshot", || {
                    let mut same = true;
                    for (index, chunk) in some(from) {
                        let read = self.snapshots.get(chunk_key(seq, index))?;
                        same &= read.is_some_and(|read| read == chunk);
                    }
                    Ok(same)
                })?;
                if !same {
                    return Err(snapshot.unfit("it does not read back as it was written"));
                }
                Step::ReadBack(next(from))
            }
            Step::ReadBack(_) => {
                let read = self.manifests()?;
                if !read.contains(&snapshot.manifest) {
                    return Err(snapshot.unfit("its manifest does not read back"));
                }
                Step::DropOld
            }
            Step::DropOld => {
                let kept: Vec<u64> =
                    self.manifests()?.iter().take(KEPT).map(|manifest| manifest.seq).collect();
                if !self.drop_snapshots(|other| !kept.contains(&other))? {
                    return Ok(None);
                }
                Step::DropOld
            }
        }))
    }

    /// Drops some of the snapshots that are `unwanted`, half-written ones too. True: there may be more of them.
    pub(crate) fn drop_snapshots(
        &self,
        unwanted: impl Fn(u64) -> bool,
    ) -> Result<bool, JournalError> {
        let Some(seq) = self.snapshot_seqs()?.into_iter().find(|seq| unwanted(*seq)) else {
            return Ok(false);
        };
        // The manifest sorts last and goes first: chunks without one are nothing.
        let keys = guarded("list a snapshot", || {
            let range = self.snapshots.range(chunk_key(seq, 0)..=chunk_key(seq, MANIFEST_CHUNK));
            let keys = range.keys().rev().take(DELETES_A_COMMIT);
            keys.map(|key| key.map(|key| key.to_vec())).collect::<Result<Vec<_>, _>>()
        })?;
        self.delete(&self.snapshots, &keys)?;
        Ok(true)
    }

    /// Every number under which anything of a snapshot is stored, a half-written one too.
    fn snapshot_seqs(&self) -> Result<Vec<u64>, JournalError> {
        guarded("list snapshots", || {
            let mut seqs = Vec::new();
            let mut next = self.snapshots.first()?;
            while let Some((key, _)) = next {
                let seq = key.get(..8).map_or(u64::MAX, |key| {
                    u64::from_be_bytes(key.try_into().expect("eight bytes"))
                });
                seqs.push(seq);
                next = self.snapshots.get_gt(chunk_key(seq, u32::MAX))?;
            }
            Ok(seqs)
        })
    }

    /// Snapshots with a readable manifest, newest first.
    pub(crate) fn manifests(&self) -> Result<Vec<Manifest>, JournalError> {
        let mut manifests = Vec::new();
        for seq in self.snapshot_seqs()? {
            let bytes =
                guarded("read a manifest", || self.snapshots.get(chunk_key(seq, MANIFEST_CHUNK)))?;
            match bytes.as_deref().and_then(unseal) {
                Some(manifest) => manifests.push(manifest),
                // One on its way, or one that was when a server ended.
                None => tracing::debug!(seq, "snapshot without a readable manifest is passed over"),
            }
        }
        manifests.reverse();
        Ok(manifests)
    }

    pub(crate) fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError> {
        let Manifest { seq, chunks, .. } = *manifest;
        let half = if chunks < CHUNKS_APART { chunks } else { chunks / 2 };
        let mut state = Vec::new();
        // A manifest may lie of its length: what is there is known when it has been read.
        let _ = state.try_reserve_exact(usize::try_from(manifest.len).unwrap_or(usize::MAX));
        let first = || self.chunks(seq, 0..half, state);
        let rest = || self.chunks(seq, half..chunks, Vec::new());
        // Much of it is copying out of sled's pages.
        let (first, rest) =
            if half == chunks { (first(), rest()) } else { rayon::join(first, rest) };
        let mut state = first?;
        state.append(&mut rest?);
        let snapshot = Snapshot { manifest: manifest.clone(), state };
        snapshot.check()?;
        Ok(snapshot)
    }

    /// Adds the bytes of some chunks of a snapshot, up to the first that is not there.
    fn chunks(
        &self,
        seq: u64,
        range: std::ops::Range<u32>,
        mut bytes: Vec<u8>,
    ) -> Result<Vec<u8>, JournalError> {
        guarded("read a snapshot", move || {
            for index in range {
                let Some(chunk) = self.snapshots.get(chunk_key(seq, index))? else {
                    break;
                };
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        })
    }

    /// Opens a folder and reads everything in it. Only ever on a copy: opening changes it. Frames that can be read
    /// but are wrong are not asked about here; the comparison with the witness finds those.
    pub(crate) fn examine(dir: &Path) -> Result<(), JournalError> {
        let this = guarded_open(|| Self::open(dir))?;
        for frame in this.raw_frames(0) {
            match frame {
                Err(JournalError::Damaged { .. }) => break,
                read => drop(read?),
            }
        }
        for manifest in this.manifests()? {
            if let Err(error @ JournalError::Sled { .. }) = this.snapshot(&manifest) {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn open_db(dir: &Path) -> Result<sled::Db, JournalError> {
    let config = sled::Config::new()
        .path(dir)
        .flush_every_ms(Some(500))
        .cache_capacity(CACHE_BYTES)
        .use_compression(false);
    // sled's own lock is let go a moment after a database is dropped, and `create` opens twice; the data folder's
    // LOCK already keeps other processes out.
    for _ in 0..500 {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            other => return other.map_err(|error| JournalError::sled("open", error)),
        }
    }
    Err(JournalError::sled("open", "another user of the folder does not let go of it"))
}

/// Runs a step of sled; a panic inside it is an error like any other.
fn guarded<T>(
    what: &'static str,
    step: impl FnOnce() -> sled::Result<T>,
) -> Result<T, JournalError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(done) => done.map_err(|error| JournalError::sled(what, error)),
        Err(why) => Err(JournalError::sled(what, format!("panicked: {}", panic_text(&*why)))),
    }
}

/// As [`guarded`], for a step that has errors of its own.
pub(crate) fn guarded_open<T>(
    step: impl FnOnce() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|why| {
        Err(JournalError::sled("open", format!("panicked: {}", panic_text(&*why))))
    })
}

fn panic_text(why: &(dyn std::any::Any + Send)) -> String {
    let text = why
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| why.downcast_ref::<&str>().copied());
    text.unwrap_or("without a word").to_owned()
}

fn read_entry(entry: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Frame, JournalError> {
    let (key, value) = entry.map_err(|error| JournalError::sled("read", error))?;
    let seq = key.as_ref().try_into().map_or(0, u64::from_be_bytes);
    let damaged = |fault| JournalError::damaged("sled", seq, fault);
    let frame = Frame::decode(value.to_vec()).map_err(damaged)?;
    if frame.first_seq() != seq {
        return Err(damaged(Fault::Misplaced(frame.first_seq())));
    }
    Ok(frame)
}

fn chunk_key(seq: u64, chunk: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&seq.to_be_bytes());
    key[8..].copy_from_slice(&chunk.to_be_bytes());
    key
}

fn seal(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = rmp_serde::to_vec_named(manifest).expect("a manifest is plain data");
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

fn unseal(bytes: &[u8]) -> Option<Manifest> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    (crc32c::crc32c(body).to_be_bytes() == *crc).then_some(())?;
    rmp_serde::from_slice(body).ok()
}

/// Removes sled's own snapshots of its page table: a safe first repair of a copy that does not open.
pub(crate) fn remove_page_table_snapshots(dir: &Path) -> Result<(), JournalError> {
    for path in files::list(dir)? {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")) {
            fs::remove_file(&path).at("remove", &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_no_frame_is_named_and_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let log = SledLog::create(&dir.path().join("log")).unwrap();
        log.log.insert(7_u64.to_be_bytes(), b"short").unwrap();
        let error = log.trim_step(9).unwrap_err();
        assert!(
            matches!(error, JournalError::Damaged { seq: 7, fault: Fault::Short(5), .. }),
            "{error}"
        );
    }
}

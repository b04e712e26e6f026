//! The writing half of the witness: a thread of its own, so that its sync runs beside sled's.
//!
//! After the first failure it writes nothing more: what a failed sync left on the disk nobody knows.

use super::error::{At, JournalError};
use super::files;
use super::frame::Frame;
use super::witness::{End, HEADER_BYTES, Header, encode_entry, segment_path, segments};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// The last segment of a witness, open for writing.
pub(crate) struct Writer {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    at: u64,
    segment_bytes: u64,
    /// Bytes of the entry being written; kept to be filled again.
    entry: Vec<u8>,
    failed: Option<String>,
}

impl Writer {
    /// Goes on where a reader ended, or begins the first segment with `next`.
    pub(crate) fn open(
        dir: &Path,
        end: Option<&End>,
        next: Header,
        segment_bytes: u64,
    ) -> Result<Self, JournalError> {
        let (path, file, at) = match end {
            None => new_segment(dir, next, segment_bytes)?,
            Some(end) => {
                let file =
                    File::options().read(true).write(true).open(&end.path).at("open", &end.path)?;
                // What a crash left behind the end must never be found again.
                file.set_len(end.at).at("cut", &end.path)?;
                allocate(&file, segment_bytes).at("allocate", &end.path)?;
                file.sync_all().at("sync", &end.path)?;
                (end.path.clone(), file, end.at)
            }
        };
        Ok(Self {
            dir: dir.to_owned(),
            path,
            file,
            at,
            segment_bytes,
            entry: Vec::new(),
            failed: None,
        })
    }

    /// One segment that grows with what is in it, begun with `next`.
    pub(crate) fn growing(dir: &Path, next: Header) -> Result<Self, JournalError> {
        let (path, file, at) = new_segment(dir, next, 0)?;
        let segment_bytes = u64::MAX;
        Ok(Self { dir: dir.into(), path, file, at, segment_bytes, entry: Vec::new(), failed: None })
    }

    /// Where the last commit that was synced ends.
    fn end(&self) -> End {
        End { path: self.path.clone(), at: self.at, torn: false }
    }

    /// Writes one commit and syncs it.
    pub(crate) fn append(
        &mut self,
        frames: &[Frame],
        chain_before: [u8; 32],
    ) -> Result<(), JournalError> {
        encode_entry(frames, &mut self.entry);
        let Some(first) = frames.first() else {
            return Ok(());
        };
        let entry = std::mem::take(&mut self.entry);
        let done = self.write(&entry, Header { first_seq: first.first_seq(), chain_before });
        self.entry = entry;
        done
    }

    fn write(&mut self, entry: &[u8], next: Header) -> Result<(), JournalError> {
        if let Some(why) = &self.failed {
            return Err(JournalError::Poisoned(why.clone()));
        }
        let done = self.write_synced(entry, next);
        self.failed = done.as_ref().err().map(ToString::to_string);
        done
    }

    fn write_synced(&mut self, entry: &[u8], next: Header) -> Result<(), JournalError> {
        if self.at + entry.len() as u64 > self.segment_bytes && self.at > HEADER_BYTES as u64 {
            self.file.set_len(self.at).at("seal", &self.path)?;
            self.file.sync_all().at("sync", &self.path)?;
            (self.path, self.file, self.at) = new_segment(&self.dir, next, self.segment_bytes)?;
        }
        self.file.write_all_at(entry, self.at).at("write", &self.path)?;
        rustix::fs::fdatasync(&self.file).at("sync", &self.path)?;
        self.at += entry.len() as u64;
        Ok(())
    }
}

fn new_segment(
    dir: &Path,
    header: Header,
    bytes: u64,
) -> Result<(PathBuf, File, u64), JournalError> {
    let part = dir.join("next.part");
    let path = segment_path(dir, header.first_seq);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&part)
        .at("create", &part)?;
    allocate(&file, bytes).at("allocate", &part)?;
    file.write_all_at(&header.encode(), 0).at("write", &part)?;
    file.sync_all().at("sync", &part)?;
    files::rename(&part, &path)?;
    Ok((path, file, HEADER_BYTES as u64))
}

/// Blocks for the whole segment, so that a sync writes data and no new length.
fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    if file.metadata()?.len() >= bytes {
        return Ok(());
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes),
        other => other.map_err(Into::into),
    }
}

/// Removes sealed segments in which nothing is newer than `upto_seq`.
pub(crate) fn trim(dir: &Path, upto_seq: u64) -> Result<(), JournalError> {
    let all = segments(dir)?;
    for pair in all.windows(2) {
        if pair[1].0 <= upto_seq + 1 {
            let path = &pair[0].1;
            // While it is open only its name goes. To free what it held takes the system long, and nobody waits for it.
            let held = File::open(path);
            files::remove(path)?;
            // Not opened, or no thread to be had: it is freed here.
            let _ = std::thread::Builder::new().name("freeing".into()).spawn(move || drop(held));
        }
    }
    Ok(())
}

/// The writer on its thread. One commit is under way at most.
pub(crate) struct Witness {
    jobs: Option<Sender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<Writer>>,
    spare: Vec<u8>,
}

struct Job {
    entry: Vec<u8>,
    next: Header,
}

struct Done {
    entry: Vec<u8>,
    outcome: Result<(), JournalError>,
}

impl Witness {
    /// # Errors
    /// The machine has no thread to give.
    pub(crate) fn start(mut writer: Writer) -> Result<Self, JournalError> {
        let dir = writer.dir.clone();
        let (jobs, todo) = bounded::<Job>(1);
        let (report, done) = bounded(1);
        let run = move || {
            for Job { entry, next } in todo {
                let outcome = writer.write(&entry, next);
                if report.send(Done { entry, outcome }).is_err() {
                    break;
                }
            }
            writer
        };
        let thread = std::thread::Builder::new()
            .name("witness".into())
            .spawn(run)
            .at("start the thread of", &dir)?;
        Ok(Self { jobs: Some(jobs), done, thread: Some(thread), spare: Vec::new() })
    }

    /// Hands a commit over; [`Witness::finish`] waits for it.
    pub(crate) fn begin(&mut self, frames: &[Frame], chain_before: [u8; 32]) {
        let mut entry = std::mem::take(&mut self.spare);
        encode_entry(frames, &mut entry);
        let next = Header { first_seq: frames[0].first_seq(), chain_before };
        let jobs = self.jobs.as_ref().expect("the channel is closed only in drop");
        // A thread that is gone is found out in `finish`.
        let _ = jobs.send(Job { entry, next });
    }

    /// Ends it: where its last synced commit ends. `None`: its thread panicked.
    pub(crate) fn end(mut self) -> Option<End> {
        self.jobs = None;
        self.thread.take()?.join().ok().map(|writer| writer.end())
    }

    pub(crate) fn finish(&mut self) -> Result<(), JournalError> {
        let gone = |_| JournalError::Poisoned("the witness thread is gone".into());
        let Done { entry, outcome } = self.done.recv().map_err(gone)?;
        self.spare = entry;
        outcome
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

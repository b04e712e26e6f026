//! Backup and restore: the archive's files as they are, and one more of the same kind with what is not archived.
//! ```text
//!  <backup>/archive/*.fifteen.zst
//!  <backup>/live.fifteen.zst
//!  <backup>/BACKUP             where it ends, for people
//! ```
//! A backup is written beside its place, read back, then renamed. A restore rebuilds sled from it.

use super::{PlainLog, hex};
use crate::journal::archive::{Archive, Part, PartReader, PartWriter, check_part, read_header};
use crate::journal::error::{At, JournalError};
use crate::journal::files;
use crate::journal::frame::Frame;
use crate::journal::layout::Layout;
use crate::journal::record::Tail;
use crate::journal::store::{Options, Store};
use crate::journal::witness::Header;
use crate::journal::witness_writer::Writer;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::Path;

const LIVE: &str = "live.fifteen.zst";
/// Frames written to the witness at once in a restore.
const FRAMES_A_COMMIT: usize = 128;

/// What a backup or a restore holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The last transition in it.
    pub seq: u64,
    /// The chain there, in hex.
    pub chain: String,
    /// The epoch of the last frame.
    pub epoch: u64,
    /// Archive files.
    pub archive_files: usize,
    /// Transitions not archived yet.
    pub live: u64,
}

impl BackedUp {
    fn new(archive: &Archive, tail: &Tail) -> Self {
        Self {
            seq: tail.seq,
            chain: hex(tail.chain),
            epoch: tail.epoch,
            archive_files: archive.parts().len(),
            live: tail.seq - archive.tail().seq,
        }
    }
}

impl fmt::Display for BackedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "up to transition {} (chain {}, epoch {}): {} archive files, {} transitions not archived",
            self.seq, self.chain, self.epoch, self.archive_files, self.live
        )
    }
}

/// Copies archive and witness to `to`, which must not exist. Works beside a running server: what was acknowledged
/// before the call is in it. Every byte is read back before the backup gets its name.
///
/// # Errors
/// Damage in the log, no room, or an archive run in between (call again).
pub fn backup(dir: &Path, options: &Options, to: &Path) -> Result<BackedUp, JournalError> {
    let plain = PlainLog::open(dir, options)?;
    write_backup(&plain.archive, plain.live()?, to)
}

/// The archive's files and one more with `live`, beside the place first, read back, then renamed.
pub(crate) fn write_backup(
    archive: &Archive,
    live: impl Iterator<Item = Result<Frame, JournalError>>,
    to: &Path,
) -> Result<BackedUp, JournalError> {
    if to.exists() {
        return Err(JournalError::unfit(to.display().to_string(), "it exists already"));
    }
    let part = to.with_extension("part");
    files::remove_dir(&part)?;
    files::create_dir(&part.join("archive"))?;
    for source in archive.parts() {
        let name = source.path.file_name().expect("a listed path has a name");
        let target = part.join("archive").join(name);
        fs::copy(&source.path, &target).at("copy", &source.path)?;
        files::sync(&target)?;
    }
    let mut out = PartWriter::create(&part.join(LIVE), &archive.tail())?;
    for frame in live {
        out.push(&frame?)?;
    }
    out.finish()?;
    let (archive, live) = open_backup(&part)?;
    let report = BackedUp::new(&archive, &live.tail);
    fs::write(part.join("BACKUP"), format!("{report}\n")).at("write", &part)?;
    for path in [part.join("BACKUP"), part.join("archive"), part.clone()] {
        files::sync(&path)?;
    }
    files::rename(&part, to)?;
    Ok(report)
}

/// Opens a backup and reads all of it.
fn open_backup(dir: &Path) -> Result<(Archive, Part), JournalError> {
    let archive = Archive::open(&dir.join("archive"))?;
    for part in archive.parts() {
        check_part(part.clone())?;
    }
    let (live, _) = read_header(&dir.join(LIVE))?;
    let end = archive.tail();
    if (live.before.seq, live.before.chain) != (end.seq, end.chain) {
        let why = format!("it does not continue the archive, which ends at {}", end.seq);
        return Err(JournalError::unfit(live.path.display().to_string(), why));
    }
    check_part(live.clone())?;
    Ok((archive, live))
}

/// The first of `folders` with something in it.
fn full<'a>(folders: &[&'a Path]) -> Result<Option<&'a Path>, JournalError> {
    for folder in folders {
        if !files::list(folder)?.is_empty() {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// Makes a data folder from a backup. `dir` must be empty or not exist.
///
/// # Errors
/// The backup is damaged (named, nothing started), or the folder is not empty.
pub fn restore(from: &Path, dir: &Path, options: Options) -> Result<BackedUp, JournalError> {
    if !files::list(dir)?.is_empty() {
        return Err(JournalError::unfit(
            dir.display().to_string(),
            "a log is restored into an empty folder only",
        ));
    }
    let (archive, live) = open_backup(from)?;
    let layout = Layout::new(dir, &options);
    if let Some(folder) = full(&[layout.witness.as_path(), layout.spill.as_path()])? {
        return Err(JournalError::unfit(
            folder.display().to_string(),
            "it is not empty: what is in it is of another log",
        ));
    }
    files::create_dir(dir)?;
    layout.prepare()?;
    layout.prepare_witness()?;
    for part in archive.parts() {
        let target = layout.archive.join(part.path.file_name().expect("a listed path has a name"));
        fs::copy(&part.path, &target).at("copy", &part.path)?;
        files::sync(&target)?;
    }
    files::sync(&layout.archive)?;
    let report = BackedUp::new(&archive, &live.tail);
    write_witness(&layout, live, options.witness_segment_bytes)?;
    Store::open(dir, options)?.close()?;
    Ok(report)
}

fn write_witness(layout: &Layout, live: Part, segment_bytes: u64) -> Result<(), JournalError> {
    let mut end = live.before;
    let next = Header { first_seq: end.seq + 1, chain_before: end.chain };
    let mut writer = Writer::open(&layout.witness, None, next, segment_bytes)?;
    let mut frames = PartReader::open(live)?;
    loop {
        let some = frames.by_ref().take(FRAMES_A_COMMIT).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = some.last() else {
            return Ok(());
        };
        writer.append(&some, end.chain)?;
        end = last.tail();
    }
}

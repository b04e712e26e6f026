//! Where things lie in a data folder, and the two small files beside the logs.
//! ```text
//!  <data>/LOCK       held by the one process at work here, its id inside
//!  <data>/CLOSED     the log's end, written by a stop in order; removed by the next start
//!  <data>/BALLAST    blocks to give back when the disk is full
//!  <data>/log/       sled         (log.set-aside-N: one that did not open)
//!  <data>/witness/   *.witness, EPOCH      (or elsewhere, best on another disk)
//!  <data>/spill/     *.witness   what neither log took; merged and removed by the next start   (or elsewhere)
//!  <data>/archive/   *.fifteen.zst
//! ```

use super::error::{At, JournalError};
use super::files;
use super::record::Tail;
use super::store::Options;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    pub(crate) sled: PathBuf,
    pub(crate) witness: PathBuf,
    pub(crate) spill: PathBuf,
    pub(crate) archive: PathBuf,
    pub(crate) scratch: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path, options: &Options) -> Self {
        let or_beside =
            |folder: &Option<PathBuf>, name| folder.clone().unwrap_or_else(|| dir.join(name));
        Self {
            dir: dir.to_owned(),
            sled: dir.join("log"),
            witness: or_beside(&options.witness, "witness"),
            spill: or_beside(&options.spill, "spill"),
            archive: dir.join("archive"),
            scratch: dir.join("probe"),
        }
    }

    /// The sled folders that were set aside.
    pub(crate) fn set_aside(&self) -> Result<Vec<PathBuf>, JournalError> {
        let mut paths = files::list(&self.dir)?;
        paths.retain(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("log.set-aside-"))
        });
        Ok(paths)
    }

    /// Makes the folders and removes what a crash left half made.
    pub(crate) fn prepare(&self) -> Result<(), JournalError> {
        for dir in [&self.scratch, &self.sled.with_extension("new")] {
            files::remove_dir(dir)?;
        }
        [&self.dir, &self.archive].into_iter().try_for_each(|dir| clean(dir))
    }

    /// The same for the witness, whose disk may be another, and dead: a file is written there and synced.
    pub(crate) fn prepare_witness(&self) -> Result<(), JournalError> {
        clean(&self.witness)?;
        let trial = self.witness.join("trial");
        files::replace(&trial, b"can be written")?;
        files::remove(&trial)
    }

    /// The same for the spill.
    pub(crate) fn prepare_spill(&self) -> Result<(), JournalError> {
        clean(&self.spill)
    }

    fn closed(&self) -> PathBuf {
        self.dir.join("CLOSED")
    }

    fn epoch(&self) -> PathBuf {
        self.witness.join("EPOCH")
    }

    /// The end a stop in order left behind, if the last stop was one.
    pub(crate) fn read_closed(&self) -> Result<Option<Tail>, JournalError> {
        Ok(read(&self.closed())?.and_then(|bytes| rmp_serde::from_slice(&bytes).ok()))
    }

    pub(crate) fn write_closed(&self, tail: &Tail) -> Result<(), JournalError> {
        files::replace(
            &self.closed(),
            &rmp_serde::to_vec_named(tail).expect("a tail is plain data"),
        )
    }

    pub(crate) fn remove_closed(&self) -> Result<(), JournalError> {
        files::remove(&self.closed())
    }

    /// The epoch as the witness knows it.
    pub(crate) fn read_epoch(&self) -> Result<u64, JournalError> {
        let text = read(&self.epoch())?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0))
    }

    pub(crate) fn write_epoch(&self, epoch: u64, node: &str) -> Result<(), JournalError> {
        files::replace(&self.epoch(), format!("{epoch} {node}\n").as_bytes())
    }
}

fn clean(dir: &Path) -> Result<(), JournalError> {
    files::create_dir(dir)?;
    for path in files::list(dir)? {
        if path.extension().is_some_and(|extension| extension == "part") {
            files::remove(&path)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.at("read", path).map(Some),
    }
}

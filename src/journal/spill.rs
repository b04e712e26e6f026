//! The spill: where commits go when neither log takes them, so that the room need not stop.
//!
//! ```text
//!  both logs failed ──> <spill>/*.witness, plain append and fdatasync: kept, but not acknowledged as durable
//!                  └──> memory, when the spill fails as well: kept as long as the process lives
//!  disk is back     ──> the frames follow the logs' end in the same chain: they are appended there, in order
//! ```
//! One segment of the witness's format, growing and never preallocated: its disk may be small. A sync that failed is
//! never retried; from then on frames stay in memory. Nothing here is dropped before a log has it.

use super::error::JournalError;
use super::files;
use super::frame::Frame;
use super::record::Tail;
use super::witness::{Header, Reader, segments};
use super::witness_writer::Writer;
use std::path::{Path, PathBuf};
use tracing::{error, warn};

/// Bytes of frames that no disk took, beyond which [`Spill::is_full`].
pub(crate) const MEMORY_BYTES_MAX: usize = 64 << 20;

/// The spill of a running log.
pub(crate) struct Spill {
    dir: PathBuf,
    file: SpillFile,
    /// Where the logs end; `None` while they take everything.
    base: Option<Tail>,
    /// What stands in the file, up to here.
    filed: u64,
    memory: Vec<Frame>,
    memory_bytes: usize,
}

enum SpillFile {
    Ready,
    Open(Writer),
    Failed(String),
}

impl Spill {
    /// An empty one. `usable` says why nothing can be written there, if so.
    pub(crate) fn new(dir: &Path, usable: Result<(), String>) -> Self {
        Self {
            dir: dir.to_owned(),
            file: usable.map_or_else(SpillFile::Failed, |()| SpillFile::Ready),
            base: None,
            filed: 0,
            memory: Vec::new(),
            memory_bytes: 0,
        }
    }

    /// Where the logs end, if they end before the room does.
    pub(crate) fn base(&self) -> Option<Tail> {
        self.base
    }

    /// Whether everything here is on a disk; otherwise why not.
    pub(crate) fn kept(&self) -> Result<(), String> {
        match &self.file {
            SpillFile::Failed(why) if !self.memory.is_empty() => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Whether more than the bound is in memory alone.
    pub(crate) fn is_full(&self) -> bool {
        self.memory_bytes > MEMORY_BYTES_MAX
    }

    /// Takes a commit that follows `before`. True: it is on the spill's disk.
    pub(crate) fn take(&mut self, frames: &[Frame], before: &Tail) -> bool {
        let Some(last) = frames.last() else {
            return true;
        };
        self.base.get_or_insert(*before);
        match self.write(frames, before) {
            Ok(()) => {
                self.filed = last.last_seq();
                true
            }
            Err(why) => {
                if !matches!(self.file, SpillFile::Failed(_)) {
                    error!(%why, "the spill failed too; transitions are in memory alone");
                    self.file = SpillFile::Failed(why.to_string());
                }
                self.memory_bytes += frames.iter().map(|frame| frame.bytes().len()).sum::<usize>();
                self.memory.extend_from_slice(frames);
                false
            }
        }
    }

    fn write(&mut self, frames: &[Frame], before: &Tail) -> Result<(), JournalError> {
        if let SpillFile::Ready = self.file {
            files::create_dir(&self.dir)?;
            let next = Header { first_seq: before.seq + 1, chain_before: before.chain };
            self.file = SpillFile::Open(Writer::growing(&self.dir, next)?);
        }
        match &mut self.file {
            SpillFile::Open(writer) => writer.append(frames, before.chain),
            SpillFile::Failed(why) => Err(JournalError::Poisoned(why.clone())),
            SpillFile::Ready => unreachable!("opened above"),
        }
    }

    /// Everything here, in order, from the frame that holds `from_seq` on.
    pub(crate) fn frames(
        &self,
        from_seq: u64,
    ) -> Result<impl Iterator<Item = Result<Frame, JournalError>> + '_, JournalError> {
        // A sync that failed may still have left frames behind in the file that are in memory too.
        let filed = self.filed;
        let file = match self.base {
            Some(base) if filed > base.seq => Some(Reader::new(&self.dir, from_seq)?),
            _ => None,
        };
        let file = file.into_iter().flatten().take_while(move |frame| match frame {
            Ok(frame) => frame.last_seq() <= filed,
            Err(_) => true,
        });
        let memory = self.memory.iter().filter(move |frame| frame.last_seq() >= from_seq);
        Ok(file.chain(memory.cloned().map(Ok)))
    }

    /// A log has everything: begins anew.
    pub(crate) fn merged(&mut self) {
        self.base = None;
        self.filed = 0;
        (self.memory, self.memory_bytes) = (Vec::new(), 0);
        self.file = match remove(&self.dir) {
            Ok(()) => SpillFile::Ready,
            Err(why) => {
                // The next start finds it equal to the log, and removes it then.
                warn!("the merged spill could not be removed: {why}");
                SpillFile::Failed(why.to_string())
            }
        };
    }
}

/// Removes what is spilled in `dir`: only when the logs have it. The last segment first, so that what a crash leaves
/// is still a beginning.
pub(crate) fn remove(dir: &Path) -> Result<(), JournalError> {
    segments(dir)?.iter().rev().try_for_each(|(_, path)| files::remove(path))
}

/// The frames of a log, and after its last those that are spilled in `dir`.
pub(crate) fn continued(
    log: impl Iterator<Item = Result<Frame, JournalError>>,
    dir: &Path,
    from_seq: u64,
) -> impl Iterator<Item = Result<Frame, JournalError>> {
    let (mut log, dir) = (Some(log), dir.to_owned());
    let (mut last, mut spilled) = (from_seq.saturating_sub(1), None);
    std::iter::from_fn(move || {
        if let Some(frame) = log.as_mut().and_then(Iterator::next) {
            if let Ok(frame) = &frame {
                last = frame.last_seq();
            }
            return Some(frame);
        }
        if log.take().is_some() {
            match Reader::new(&dir, last + 1) {
                Ok(reader) => spilled = Some(reader),
                Err(why) => return Some(Err(why)),
            }
        }
        // Frames the log has as well are the same: the chain says so, or the next one does not follow.
        spilled.as_mut()?.find(|frame| !matches!(frame, Ok(frame) if frame.last_seq() <= last))
    })
}

/// The first and last transition spilled in `dir`, if any.
pub(crate) fn span(dir: &Path) -> Result<Option<(u64, u64)>, JournalError> {
    Reader::new(dir, 0)?.try_fold(None, |span: Option<(u64, u64)>, frame| {
        let frame = frame?;
        let first = span.map_or(frame.first_seq(), |(first, _)| first);
        Ok(Some((first, frame.last_seq())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UtcMs;
    use crate::journal::{Record, pack};

    fn frames(before: &Tail) -> Vec<Frame> {
        pack(before, 0, [&Record { at: UtcMs(1), schema: 1, body: vec![7; 100] }]).unwrap()
    }

    #[test]
    fn what_no_disk_has_is_said_and_counted() {
        let mut spill = Spill::new(Path::new("nowhere"), Err("no disk".into()));
        let first = frames(&Tail::default());
        assert_eq!((spill.kept(), spill.is_full()), (Ok(()), false), "nothing is kept yet");
        assert!(!spill.take(&first, &Tail::default()));
        assert_eq!(spill.kept(), Err("no disk".into()));
        let bytes = first[0].bytes().len();
        assert_eq!(spill.memory_bytes, bytes);
        spill.memory_bytes = MEMORY_BYTES_MAX - bytes;
        spill.take(&frames(&first[0].tail()), &first[0].tail());
        assert!(!spill.is_full(), "up to the bound, and no more");
        spill.memory_bytes += 1;
        assert!(spill.is_full());
    }

    #[test]
    fn a_spill_that_failed_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("spill");
        std::fs::write(&folder, "in the way").unwrap();
        let mut spill = Spill::new(&folder, Ok(()));
        let first = frames(&Tail::default());
        assert!(!spill.take(&first, &Tail::default()));
        std::fs::remove_file(&folder).unwrap();
        assert!(!spill.take(&frames(&first[0].tail()), &first[0].tail()));
        assert!(spill.kept().is_err() && !folder.exists());
        let seqs: Vec<u64> = spill.frames(1).unwrap().map(|it| it.unwrap().last_seq()).collect();
        assert_eq!(seqs, [1, 2]);
    }
}

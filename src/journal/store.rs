//! The log on the disk: sled and the witness side by side, the archive behind them.
//!
//! One writer. A commit is durable when both logs have synced it; when one fails it takes nothing more until the
//! next opening and the room goes on with the other. When both fail commits go to the spill, and are not durable
//! until a log has taken them over.

use super::archive::Archive;
use super::archiving::{self, Bounds, Stage};
use super::chain::Followed;
use super::error::{Fault, JournalError};
use super::files::{self, Ballast, Lock};
use super::frame::Frame;
use super::inspect;
use super::layout::Layout;
use super::memory::admit;
use super::open::{How, Lacking, Parts, open};
use super::opened::{Note, Opened};
use super::probe::Prober;
use super::record::Tail;
use super::sled_log::SledLog;
use super::snapshot::{Manifest, Snapshot, Step};
use super::spill::Spill;
use super::witness::{End, Header, Reader};
use super::witness_writer::{self, Witness, Writer};
use super::{Appended, Frames, Health, Journal, Merged, Trimmed, Which};
use crate::domain::UtcMs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::error;

/// How a log is opened. The defaults are right for a room.
#[derive(Debug, Clone)]
pub struct Options {
    /// The witness folder; `None`: beside the data. Best on another disk.
    pub witness: Option<PathBuf>,
    /// Where commits go that neither log takes; `None`: beside the data. Best on a disk of its own.
    pub spill: Option<PathBuf>,
    /// Size of one witness segment, allocated at once.
    pub witness_segment_bytes: u64,
    /// Disk space held back for the day the disk is full.
    pub ballast_bytes: u64,
    /// How long sled may take to open before it counts as hanging.
    pub open_limit: Duration,
    /// The child that looks at a suspect folder first; `None`: a thread does, which a panic of sled can spoil.
    pub prober: Option<Prober>,
    /// Whether a log may begin where there is none; else [`JournalError::NoLog`].
    pub may_begin: bool,
    /// Bytes of frames with which a file of the archive ends; a day ends it sooner.
    pub archive_file_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            witness: None,
            spill: None,
            witness_segment_bytes: 16 << 20,
            ballast_bytes: 64 << 20,
            open_limit: Duration::from_secs(60),
            prober: None,
            may_begin: true,
            archive_file_bytes: 4 << 20,
        }
    }
}

/// A log open for writing. Close it with [`Store::close`]; dropped without, the next start looks more closely.
pub struct Store {
    layout: Layout,
    options: Options,
    /// Or why it failed.
    sled: Result<SledLog, String>,
    /// Or why it failed.
    witness: Result<Witness, String>,
    /// Where the witness can be gone on with, should sled fail too: its last synced end.
    resume: Option<(End, Tail)>,
    spill: Spill,
    archive: Archive,
    archiving: Stage,
    tail: Tail,
    opened: Opened,
    _lock: Lock,
}

impl Store {
    /// Opens the log in `dir`, or makes one there. What it found out of order is in [`Store::opened`].
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process works there, [`JournalError::NeedsRepair`] when the two logs
    /// differ in a way only a person can judge.
    pub fn open(dir: &Path, options: Options) -> Result<Self, JournalError> {
        let layout = Layout::new(dir, &options);
        files::create_dir(dir)?;
        let lock = Lock::take(dir)?;
        layout.prepare()?;
        let how = How {
            prober: options.prober.as_ref(),
            limit: options.open_limit,
            segment_bytes: options.witness_segment_bytes,
            ballast: &Ballast::new(dir, options.ballast_bytes),
            may_begin: options.may_begin,
        };
        let Parts { sled, witness, archive, opened } = open(&layout, &how)?;
        let witness = match witness {
            Ok(writer) => Ok(Witness::start(writer)?),
            Err(why) => Err(why),
        };
        let unusable = opened.notes.iter().find_map(|note| match note {
            Note::SpillUnusable { why } => Some(why.clone()),
            _ => None,
        });
        Ok(Self {
            spill: Spill::new(&layout.spill, unusable.map_or(Ok(()), Err)),
            layout,
            options,
            sled: Ok(sled),
            witness,
            resume: None,
            archive,
            archiving: Stage::default(),
            tail: opened.tail,
            opened,
            _lock: lock,
        })
    }

    /// What the opening found and did.
    #[must_use]
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// A backup of everything acknowledged so far, from whichever log is in service.
    ///
    /// # Errors
    /// As [`inspect::backup`].
    pub fn backup(&self, to: &Path) -> Result<inspect::BackedUp, JournalError> {
        let base = self.archive.tail();
        let live = Followed::new(self.live(base.seq + 1)?, "log", Some(base));
        inspect::write_backup(&self.archive, live, to)
    }

    /// Stops in order, so that the next start need not suspect anything.
    ///
    /// # Errors
    /// A log had failed, or fails now; the next start will look more closely. Nothing acknowledged is lost.
    pub fn close(self) -> Result<(), JournalError> {
        let Self { layout, sled, witness, tail, _lock, .. } = self;
        let sled = sled.map_err(JournalError::Poisoned)?;
        sled.commit()?;
        sled.check_blobs()?;
        drop(sled);
        drop(witness.map_err(JournalError::Poisoned)?);
        layout.write_closed(&tail)
    }

    fn sled(&self) -> Result<&SledLog, JournalError> {
        self.sled.as_ref().map_err(|why| JournalError::Poisoned(why.clone()))
    }

    /// Takes sled out of service for the rest of this process.
    fn sled_failed(&mut self, why: &JournalError) {
        error!(%why, "sled failed; the room goes on with the witness alone");
        // Dropping a database that failed may flush again, or hang: neither may happen.
        std::mem::forget(std::mem::replace(&mut self.sled, Err(why.to_string())));
    }

    fn witness_failed(&mut self, why: &JournalError) {
        error!(%why, "the witness failed; the room goes on with sled alone");
        let failed = std::mem::replace(&mut self.witness, Err(why.to_string()));
        // What it has is where the list ends now: the commit under way is not counted yet.
        self.resume = failed.ok().and_then(Witness::end).map(|end| (end, self.tail));
    }

    fn live(&self, from_seq: u64) -> Result<Frames<'_>, JournalError> {
        Ok(match &self.sled {
            Ok(sled) => Box::new(sled.raw_frames(from_seq)),
            Err(_) => {
                let witness = Reader::new(&self.layout.witness, from_seq)?;
                let Some(base) = self.spill.base() else {
                    return Ok(Box::new(witness));
                };
                let before = move |frame: &Result<Frame, _>| !matches!(frame, Ok(frame) if frame.last_seq() > base.seq);
                let spilled = self.spill.frames(from_seq.max(base.seq + 1))?;
                Box::new(witness.take_while(before).chain(spilled))
            }
        })
    }

    /// Both logs, or what is left of them; what fails here takes no more part.
    fn both(
        &mut self,
        on_sled: impl FnOnce(&SledLog) -> Result<(), JournalError>,
        on_witness: impl FnOnce(&mut Witness) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let sled = self.sled.as_ref().ok().and_then(|sled| on_sled(sled).err());
        let witness = self.witness.as_mut().ok().and_then(|witness| on_witness(witness).err());
        if let Some(why) = sled {
            self.sled_failed(&why);
        }
        if let Some(why) = witness {
            self.witness_failed(&why);
        }
        match (&self.sled, &self.witness) {
            (Err(sled), Err(witness)) => {
                Err(JournalError::BothFailed { sled: sled.clone(), witness: witness.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl Journal for Store {
    fn append(
        &mut self,
        epoch: u64,
        expected_seq: u64,
        frames: &[Frame],
    ) -> Result<Appended, JournalError> {
        if epoch != self.tail.epoch || expected_seq != self.tail.seq {
            return Ok(Appended::Conflict { tail: self.tail });
        }
        let end = admit(&self.tail, epoch, frames)?;
        if frames.is_empty() {
            return Ok(Appended::Durable(self.tail));
        }
        if let Ok(witness) = &mut self.witness {
            witness.begin(frames, self.tail.chain);
        }
        let done = self.both(|sled| sled.append(frames), Witness::finish);
        if matches!(done, Err(JournalError::BothFailed { .. })) {
            let kept = self.spill.take(frames, &self.tail);
            self.tail = end;
            return Ok(Appended::Spilled { tail: end, kept });
        }
        done?;
        self.tail = end;
        Ok(Appended::Durable(end))
    }

    fn tail(&self, from_seq: u64) -> Result<Frames<'_>, JournalError> {
        let archived = self.archive.tail().seq;
        let live = self.live(from_seq.max(archived + 1))?;
        if from_seq > archived {
            return Ok(Box::new(Followed::new(live, "log", None)));
        }
        Ok(Box::new(Followed::new(self.archive.frames(from_seq).chain(live), "log", None)))
    }

    fn last(&self) -> Tail {
        self.tail
    }

    fn claim(&mut self, old_epoch: u64, node: &str) -> Result<u64, JournalError> {
        let current = self.tail.epoch;
        if old_epoch != current {
            return Err(JournalError::EpochTaken { old: old_epoch, current });
        }
        let wrote = self.layout.write_epoch(current + 1, node);
        self.both(|sled| sled.put_epoch(current + 1), |_| wrote)?;
        self.tail.epoch = current + 1;
        Ok(self.tail.epoch)
    }

    fn put_snapshot_step(
        &mut self,
        snapshot: &Snapshot,
        step: Step,
    ) -> Result<Option<Step>, JournalError> {
        let done = self.sled()?.put_snapshot_step(snapshot, step);
        // One that does not read back is a bad snapshot; anything else is a sled that failed.
        if let Err(why @ (JournalError::Sled { .. } | JournalError::Io { .. })) = &done {
            self.sled_failed(why);
        }
        done
    }

    fn manifests(&self) -> Result<Vec<Manifest>, JournalError> {
        self.sled.as_ref().map_or_else(|_| Ok(Vec::new()), SledLog::manifests)
    }

    fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError> {
        self.sled()?.snapshot(manifest)
    }

    fn drop_snapshots_before(&mut self, seq: u64) -> Result<bool, JournalError> {
        let done = self.sled()?.drop_snapshots(|other| other < seq);
        if let Err(why) = &done {
            self.sled_failed(why);
        }
        done
    }

    fn archived(&self) -> u64 {
        self.archive.tail().seq
    }

    fn trim_step(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError> {
        let bounds = Bounds { upto_seq, before, file_bytes: self.options.archive_file_bytes };
        let (mut moved, mut more) = (0, true);
        self.archiving = match std::mem::take(&mut self.archiving) {
            Stage::Writing(file) => {
                let base = archiving::written(file.as_ref(), &self.archive);
                let live = Followed::new(self.live(base.seq + 1)?, "log", Some(base));
                let next = archiving::write(file, &self.archive, live, &bounds)?;
                more = next.is_some();
                next.unwrap_or(Stage::Writing(None))
            }
            Stage::Reading(file) => {
                let (next, named) = archiving::read_back(file, &mut self.archive)?;
                moved = named;
                next
            }
            Stage::Dropping => {
                let (archived, mut rest) = (self.archive.tail().seq, false);
                self.both(|sled| sled.trim_step(archived).map(|more| rest = more), |_| Ok(()))?;
                if rest {
                    Stage::Dropping
                } else {
                    let dir = &self.layout.witness;
                    let dropped = witness_writer::trim(dir, archived);
                    self.both(|_| Ok(()), |_| dropped)?;
                    Stage::Writing(None)
                }
            }
        };
        Ok(Trimmed { archived: self.archive.tail().seq, moved, more })
    }

    fn health(&self) -> Health {
        match (&self.sled, &self.witness) {
            (Ok(_), Ok(_)) => Health::Whole,
            (Err(why), Ok(_)) => Health::Degraded { which: Which::Sled, why: why.clone() },
            (Ok(_), Err(why)) => Health::Degraded { which: Which::Witness, why: why.clone() },
            (Err(sled), Err(witness)) => {
                let why = format!("sled: {sled}; witness: {witness}");
                match self.spill.base() {
                    None => Health::Poisoned { why },
                    Some(base) => {
                        let (from, spill) = (base.seq + 1, self.spill.kept().err());
                        Health::Spilling { from, why, spill }
                    }
                }
            }
        }
    }

    /// Only the witness is reopened: sled never is, in one process. It is cut to what it had synced, so that what a
    /// failed sync left behind cannot be taken for being on the disk.
    fn reopen(&mut self) -> Result<Option<Merged>, JournalError> {
        let Some(base) = self.spill.base() else {
            return Ok(None);
        };
        let Some((end, _)) = self.resume.as_ref().filter(|(_, has)| has.seq == base.seq) else {
            let why = "the witness failed before sled did and lacks what sled has: start again";
            return Err(JournalError::Poisoned(why.into()));
        };
        self.layout.prepare_witness()?;
        let next = Header { first_seq: base.seq + 1, chain_before: base.chain };
        let bytes = self.options.witness_segment_bytes;
        let mut writer = Writer::open(&self.layout.witness, Some(end), next, bytes)?;
        let mut lacking = Lacking::new(base, Which::Witness);
        let mut frames = Followed::new(self.spill.frames(next.first_seq)?, "spill", Some(base));
        let mut frame = frames.next().transpose()?;
        while let Some(now) = frame {
            frame = frames.next().transpose()?;
            lacking.push(now, frame.is_none(), |batch, chain| writer.append(batch, chain))?;
        }
        drop(frames);
        if lacking.tail().seq != self.tail.seq {
            let fault = Fault::Gap(self.tail.seq);
            return Err(JournalError::damaged("spill", lacking.tail().seq + 1, fault));
        }
        self.witness = Ok(Witness::start(writer)?);
        self.resume = None;
        self.spill.merged();
        Ok(Some(Merged { first: next.first_seq, last: self.tail.seq }))
    }

    fn is_full(&self) -> bool {
        self.spill.is_full()
    }
}

#[cfg(test)]
mod tests;

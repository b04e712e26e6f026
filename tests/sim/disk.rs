//! A log on a simulated disk. It outlives its servers; what it does wrong is drawn from the seed.
//!
//! It is written from the contract of [`Journal`] and not from the store: frames are kept as their
//! bytes and checked by a chain computed here. A crash is a panic that carries [`Crash`]: the
//! server's thread is gone at once, between any two instructions of the append it was in.

use crate::dice::Dice;
use crate::plan::Fault;
use fifteen::domain::UtcMs;
use fifteen::journal::{
    Appended, Frame, Frames, Health, Journal, JournalError, Manifest, Merged, Snapshot, Step, Tail,
    Trimmed,
};
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The payload of the panic by which a server dies.
pub struct Crash(pub &'static str);

#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

struct Inner {
    frames: Vec<Frame>,
    epoch: u64,
    archived: u64,
    /// Newest first; the flag says that it was written whole.
    snapshots: Vec<(Snapshot, bool)>,
    faults: BTreeSet<Fault>,
    dice: Dice,
    /// No log takes anything from here on: commits are kept aside, and stand behind the log for whoever opens it.
    spilled: Option<u64>,
    /// Frames that may still be read before the reader dies.
    reads_left: Option<u64>,
}

impl Inner {
    fn tail(&self) -> Tail {
        let end = self.frames.last().map(Frame::tail).unwrap_or_default();
        Tail { epoch: self.epoch, ..end }
    }

    fn draws(&mut self, fault: Fault, many: u64) -> bool {
        self.faults.contains(&fault) && self.dice.once_in(many)
    }
}

impl Disk {
    pub fn new(seed: u64, faults: &BTreeSet<Fault>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            frames: Vec::new(),
            epoch: 0,
            archived: 0,
            snapshots: Vec::new(),
            faults: faults.clone(),
            dice: Dice::of(seed, "disk"),
            spilled: None,
            reads_left: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it does what it is told.
    pub fn behave(&self) {
        let mut inner = self.inner();
        inner.faults.clear();
        inner.reads_left = None;
    }

    /// The first transition that is not in a log.
    pub fn spilled(&self) -> Option<u64> {
        self.inner().spilled
    }

    /// The last transition that a crash would leave.
    pub fn seq(&self) -> u64 {
        self.inner().tail().seq
    }

    pub fn frames(&self) -> Vec<Frame> {
        self.inner().frames.clone()
    }

    /// Opens the log, as a server does that starts. It may die while it reads.
    pub fn open(&self) -> Log {
        let mut inner = self.inner();
        inner.spilled = None;
        let dies = inner.draws(Fault::CrashAtUpkeep, 4);
        let frames = inner.frames.len();
        inner.reads_left = dies.then(|| inner.dice.below(frames + 1) as u64);
        Log { disk: self.clone(), poisoned: None }
    }

    /// The start is over: whoever reads now is not killed for it.
    pub fn started(&self) {
        self.inner().reads_left = None;
    }

    fn read(&self, at: usize) -> Option<Frame> {
        let mut inner = self.inner();
        if let Some(left) = &mut inner.reads_left {
            if *left == 0 {
                inner.reads_left = None;
                drop(inner);
                resume_unwind(Box::new(Crash("while it replayed")));
            }
            *left -= 1;
        }
        inner.frames.get(at).cloned()
    }
}

/// The log as one server has it open.
pub struct Log {
    disk: Disk,
    poisoned: Option<String>,
}

impl Journal for Log {
    fn append(
        &mut self,
        epoch: u64,
        expected_seq: u64,
        frames: &[Frame],
    ) -> Result<Appended, JournalError> {
        if let Some(why) = &self.poisoned {
            return Err(JournalError::Poisoned(why.clone()));
        }
        let mut inner = self.disk.inner();
        let tail = inner.tail();
        if epoch != tail.epoch || expected_seq != tail.seq {
            return Ok(Appended::Conflict { tail });
        }
        let mut before = tail;
        for frame in frames {
            frame.follows(before.seq, &before.chain).expect("a commit follows the end of the log");
            before = frame.tail();
        }
        if inner.draws(Fault::CrashAtAppend, 300) {
            let written = inner.dice.once_in(2);
            if written {
                inner.frames.extend_from_slice(frames);
            }
            drop(inner);
            let when = if written { "after a commit, before any reply" } else { "before a commit" };
            resume_unwind(Box::new(Crash(when)));
        }
        if inner.spilled.is_some() || inner.draws(Fault::LogsFail, 500) {
            inner.spilled.get_or_insert(tail.seq + 1);
            inner.frames.extend_from_slice(frames);
            return Ok(Appended::Spilled { tail: Tail { epoch, ..before }, kept: true });
        }
        if inner.draws(Fault::CommitFails, 600) {
            // A sync that failed: nobody knows what is on the disk.
            if inner.dice.once_in(2) {
                inner.frames.extend_from_slice(frames);
            }
            let why = "no space, or a failed sync".to_owned();
            self.poisoned = Some(why.clone());
            return Err(JournalError::BothFailed { sled: why.clone(), witness: why });
        }
        inner.frames.extend_from_slice(frames);
        Ok(Appended::Durable(Tail { epoch, ..before }))
    }

    fn tail(&self, from_seq: u64) -> Result<Frames<'_>, JournalError> {
        let from = self.disk.inner().frames.partition_point(|frame| frame.last_seq() < from_seq);
        Ok(Box::new((from..).map_while(|at| self.disk.read(at)).map(Ok)))
    }

    fn last(&self) -> Tail {
        self.disk.inner().tail()
    }

    fn claim(&mut self, old_epoch: u64, _node: &str) -> Result<u64, JournalError> {
        let mut inner = self.disk.inner();
        if old_epoch != inner.epoch {
            return Err(JournalError::EpochTaken { old: old_epoch, current: inner.epoch });
        }
        inner.epoch += 1;
        Ok(inner.epoch)
    }

    fn put_snapshot_step(
        &mut self,
        snapshot: &Snapshot,
        step: Step,
    ) -> Result<Option<Step>, JournalError> {
        // Commits come between its steps.
        if step == Step::Clear {
            return Ok(Some(Step::Write(0)));
        }
        let mut inner = self.disk.inner();
        let dies = inner.draws(Fault::CrashAtUpkeep, 3);
        let mut kept = snapshot.clone();
        if dies {
            let upto = inner.dice.below(kept.state.len());
            kept.state.truncate(upto);
        }
        inner.snapshots.retain(|(old, _)| old.manifest.seq != kept.manifest.seq);
        inner.snapshots.insert(0, (kept, !dies));
        if dies {
            drop(inner);
            resume_unwind(Box::new(Crash("while it wrote a snapshot")));
        }
        let mut whole = 0;
        inner.snapshots.retain(|(_, is_whole)| {
            whole += usize::from(*is_whole);
            whole <= 2
        });
        Ok(None)
    }

    fn manifests(&self) -> Result<Vec<Manifest>, JournalError> {
        Ok(self.disk.inner().snapshots.iter().map(|(kept, _)| kept.manifest.clone()).collect())
    }

    fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError> {
        let inner = self.disk.inner();
        let found = inner.snapshots.iter().find(|(kept, _)| kept.manifest == *manifest);
        let (kept, _) = found.expect("a manifest that was listed");
        kept.check().map(|()| kept.clone())
    }

    fn trim_step(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError> {
        let archived = self.archived();
        let mut upto = archived;
        for frame in self.tail(archived + 1)? {
            let frame = frame?;
            if frame.last_seq() > upto_seq || frame.last_at() >= before {
                break;
            }
            upto = frame.last_seq();
        }
        self.disk.inner().archived = upto;
        Ok(Trimmed { archived: upto, moved: upto - archived, more: false })
    }

    fn reopen(&mut self) -> Result<Option<Merged>, JournalError> {
        let mut inner = self.disk.inner();
        let last = inner.tail().seq;
        let Some(first) = inner.spilled else {
            return Ok(None);
        };
        if !inner.faults.is_empty() && !inner.dice.once_in(6) {
            return Err(JournalError::Poisoned("the disk is still away".into()));
        }
        inner.spilled = None;
        Ok(Some(Merged { first, last }))
    }

    fn archived(&self) -> u64 {
        self.disk.inner().archived
    }

    fn health(&self) -> Health {
        match &self.poisoned {
            None => Health::Whole,
            Some(why) => Health::Poisoned { why: why.clone() },
        }
    }
}

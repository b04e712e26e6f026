//! Snapshots, taken while the room goes on.
//!
//! ```text
//!  due ──> freeze ──> [ a thread: encode, seal, hash ] ──> a step after each commit: write, read back, drop the oldest
//! ```
//! The copy shares its pages with the state, and a step is 256 KiB: no call waits for more than that, however many are
//! open. Where the engine has no thread of its own, in a simulation, the copy is sealed between two turns.

use super::handle::Message;
use super::inbox::WeakWay;
use super::record::snapshot_of;
use super::writer::no_key_to;
use crate::engine::{Frozen, State};
use crate::journal::{Journal, JournalError, Manifest, Snapshot, Step, Tail};
use crate::seal::Keyring;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Builder;
use tracing::{info, warn};

/// Told how it went of the snapshot it asked for: where it stands and its size in bytes.
pub(super) type Told = Box<dyn FnOnce(Result<(u64, u64), &JournalError>) + Send>;

/// A snapshot that a thread has made, or why there is none.
pub(super) struct Made {
    seq: u64,
    snapshot: Result<Snapshot, JournalError>,
}

impl Made {
    fn of(state: &Frozen, tail: &Tail, keyring: &Keyring) -> Self {
        let seq = tail.seq;
        let snapshot = catch_unwind(AssertUnwindSafe(|| snapshot_of(state, tail, keyring)));
        // A thread that ended without a word would be waited for until the room ends.
        let died = |_| JournalError::unfit(format!("snapshot at {seq}"), "its thread panicked");
        let snapshot = snapshot.map_err(died).and_then(|it| it.ok_or_else(|| no_key_to(seq)));
        Self { seq, snapshot }
    }
}

enum Stage {
    /// A thread makes it of a copy.
    Making(u64),
    /// It is on its way into the log.
    Keeping(Snapshot, Step),
    /// It is kept; those that an erasure left without keys are dropped.
    Dropping,
}

/// What became of a turn's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stepped {
    /// Nothing that anybody need know.
    On,
    /// One more snapshot is kept.
    Kept,
}

/// The snapshots of a room.
pub(super) struct Snapshots<F> {
    /// Transitions from one to the next.
    every: u64,
    /// Where the last one was begun.
    begun: u64,
    stage: Option<Stage>,
    /// Those of before this transition have lost their keys to an erasure.
    erased_upto: u64,
    /// Who waits for the one under way, and for the next one.
    told: Vec<Told>,
    asked: Vec<Told>,
    /// How a thread says that it has made one; none where there are no threads.
    way: Option<WeakWay<F>>,
}

impl<F: 'static> Snapshots<F> {
    /// The last one in `journal` is where the next is counted from.
    pub(super) fn of(journal: &dyn Journal, every: u64) -> Result<Self, JournalError> {
        let begun = journal.manifests()?.first().map_or(0, |manifest| manifest.seq);
        let (told, asked) = (Vec::new(), Vec::new());
        Ok(Self { every, begun, stage: None, erased_upto: 0, told, asked, way: None })
    }

    /// From now on a thread makes them, and says so by `way`.
    pub(super) fn make_apart(&mut self, way: WeakWay<F>) {
        self.way = Some(way);
    }

    /// One more is wanted, of now or later.
    pub(super) fn ask(&mut self, told: Told) {
        self.asked.push(told);
    }

    /// What is told of before `upto` was erased: no snapshot of before it opens any more.
    pub(super) fn erased(&mut self, upto: u64) {
        self.erased_upto = self.erased_upto.max(upto);
    }

    /// Whether the next step waits for nothing.
    pub(super) const fn is_at_work(&self) -> bool {
        matches!(self.stage, Some(Stage::Keeping(..) | Stage::Dropping))
    }

    /// Whether one is to be begun.
    pub(super) fn is_due(&self, tail: &Tail) -> bool {
        let due = tail.seq.saturating_sub(self.begun) >= self.every;
        self.stage.is_none() && (due || self.erased_upto > self.begun || !self.asked.is_empty())
    }

    /// None is begun for now: who asked for one is told why.
    pub(super) fn refuse(&mut self, why: &str) {
        let why = JournalError::unfit("no snapshot is taken now", why);
        self.asked.drain(..).for_each(|told| told(Err(&why)));
    }

    /// Begins one of `state`, which is the state at the log's end, `tail`.
    pub(super) fn begin(&mut self, state: &State, tail: Tail, keyring: &Keyring) {
        self.begun = tail.seq;
        self.told.append(&mut self.asked);
        self.stage = Some(Stage::Making(tail.seq));
        let frozen = state.freeze();
        let keys = keyring.clone();
        let Some(way) = self.way.clone() else {
            return self.made(Made::of(&frozen, &tail, &keys));
        };
        let make_and_say = move || {
            let made = Made::of(&frozen, &tail, &keys);
            drop(frozen);
            if let Some(way) = way.upgrade() {
                // An engine that is gone needs none.
                let _ = way.put(Message::Snapshot(made));
                way.ring();
            }
        };
        if let Err(source) = Builder::new().name("snapshot".into()).spawn(make_and_say) {
            self.failed(&JournalError::Io { what: "starting a snapshot's thread".into(), source });
        }
    }

    /// A thread has made one.
    pub(super) fn made(&mut self, made: Made) {
        if !matches!(self.stage, Some(Stage::Making(seq)) if seq == made.seq) {
            return;
        }
        match made.snapshot {
            Ok(snapshot) => self.stage = Some(Stage::Keeping(snapshot, Step::default())),
            Err(why) => self.failed(&why),
        }
    }

    /// Does the next step of what is under way.
    pub(super) fn step(&mut self, journal: &mut dyn Journal) -> Stepped {
        match self.stage.take() {
            Some(Stage::Keeping(snapshot, _)) if snapshot.manifest.seq < self.erased_upto => {
                self.failed(&no_key_to(snapshot.manifest.seq));
                drop_apart(snapshot);
            }
            Some(Stage::Keeping(snapshot, step)) => {
                match journal.put_snapshot_step(&snapshot, step) {
                    Ok(Some(next)) => self.stage = Some(Stage::Keeping(snapshot, next)),
                    Ok(None) => {
                        self.kept(&snapshot.manifest);
                        drop_apart(snapshot);
                        return Stepped::Kept;
                    }
                    Err(error) => {
                        self.failed(&error);
                        drop_apart(snapshot);
                    }
                }
            }
            Some(Stage::Dropping) => self.drop_erased(journal),
            waiting => self.stage = waiting,
        }
        Stepped::On
    }

    /// It is in the log.
    pub(super) fn kept(&mut self, manifest: &Manifest) {
        info!(seq = manifest.seq, "snapshot taken");
        self.begun = manifest.seq;
        self.told.drain(..).for_each(|told| told(Ok((manifest.seq, manifest.len))));
        self.stage = (self.erased_upto > 0).then_some(Stage::Dropping);
    }

    /// There is none; the next one is counted from where it was begun.
    pub(super) fn failed(&mut self, why: &JournalError) {
        warn!("no snapshot, the next start takes longer: {why}");
        self.told.drain(..).for_each(|told| told(Err(why)));
        self.stage = None;
    }

    /// Their keys are gone already; nobody need wonder why they do not open.
    fn drop_erased(&mut self, journal: &mut dyn Journal) {
        match journal.drop_snapshots_before(self.erased_upto) {
            Ok(true) => return self.stage = Some(Stage::Dropping),
            Ok(false) => {}
            Err(error) => warn!("snapshots that no key opens are still there: {error}"),
        }
        // Of an erasure that came meanwhile the last one has lost its key, too.
        if self.erased_upto <= self.begun {
            self.erased_upto = 0;
        }
    }

    /// At the end, when nobody waits any more but for it: whether one is to be taken at once, in place of what is under way.
    pub(super) fn is_last_due(&mut self, tail: &Tail) -> bool {
        let was = self.stage.take();
        self.told.append(&mut self.asked);
        was.is_some() || tail.seq > self.begun || !self.told.is_empty()
    }
}

/// Snapshots of fewer bytes are freed where they are.
const APART_BYTES: usize = 1 << 20;

/// The system takes hundreds of MiB back in tens of milliseconds, in which no call is to wait.
fn drop_apart(snapshot: Snapshot) {
    if snapshot.state.len() >= APART_BYTES {
        // Without a thread for it, it has been dropped by now.
        let _ = Builder::new().name("snapshot".into()).spawn(move || drop(snapshot));
    }
}

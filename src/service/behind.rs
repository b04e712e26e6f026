//! A writer on a thread of its own, where nobody waits for answers: deciding goes on while what was decided is sealed,
//! packed and on its way to the disk. A room that answers does not use it: its replies wait for their commit.
//!
//! When this thread is behind, whoever decides seals as well before it hands over: so both have work until the end.

use super::record::encode;
use super::writer::{CommitError, Writer};
use crate::domain::{Dated, UtcMs};
use crate::engine::{Frozen, State};
use crate::journal::{Journal, JournalError, Record};
use crate::seal::Keyring;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::thread::JoinHandle;

/// Commits that wait; whoever decides waits at more.
const AHEAD_MAX: usize = 32;
/// From so many on whoever decides seals what it hands over.
const BEHIND: usize = 4;
/// Steps of archiving after each commit, some 4 MiB of it.
const STEPS: usize = 64;

enum Job {
    Commit(Vec<Dated>),
    CommitSealed(Vec<Record>),
    Snapshot {
        state: Frozen,
        /// What is older moves to the archive.
        before: UtcMs,
    },
}

/// The way to it.
pub struct Behind<J> {
    jobs: Sender<Job>,
    keyring: Keyring,
    thread: JoinHandle<Result<Writer<J>, CommitError>>,
}

impl<J: Journal + 'static> Behind<J> {
    /// Gives `writer` a thread.
    ///
    /// # Errors
    /// The machine has none to give.
    pub fn start(writer: Writer<J>) -> Result<Self, CommitError> {
        let (jobs, todo) = bounded(AHEAD_MAX);
        let keyring = writer.keyring().clone();
        let run = move || work(writer, &todo);
        let thread =
            std::thread::Builder::new().name("commit".into()).spawn(run).map_err(|source| {
                JournalError::Io { what: "starting the commit thread".into(), source }
            })?;
        Ok(Self { jobs, keyring, thread })
    }

    /// Hands over what happened. False: a commit failed, and [`Behind::finish`] says why.
    #[must_use]
    pub fn commit(&self, events: Vec<Dated>) -> bool {
        let job = if self.jobs.len() < BEHIND {
            Job::Commit(events)
        } else {
            Job::CommitSealed(events.iter().map(|event| encode(event, &self.keyring)).collect())
        };
        self.jobs.send(job).is_ok()
    }

    /// Hands over a snapshot of `state`, which is the state after all that was handed over, and lets what is older than
    /// `before` move to the archive. False as in [`Behind::commit`].
    #[must_use]
    pub fn snapshot(&self, state: &State, before: UtcMs) -> bool {
        self.jobs.send(Job::Snapshot { state: state.freeze(), before }).is_ok()
    }

    /// Waits until all is on the disk, and gives the log back.
    ///
    /// # Errors
    /// The first commit that failed; nothing after it was done.
    ///
    /// # Panics
    /// When its thread did.
    pub fn finish(self) -> Result<J, CommitError> {
        drop(self.jobs);
        match self.thread.join() {
            Ok(ended) => ended.map(Writer::into_journal),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn work<J: Journal>(mut writer: Writer<J>, jobs: &Receiver<Job>) -> Result<Writer<J>, CommitError> {
    // What is older may be archived: some steps after each commit, so that whoever decides goes on meanwhile.
    let mut archiving = None;
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Commit(events) => {
                writer.commit(&events)?;
            }
            Job::CommitSealed(records) => {
                writer.commit_records(&records)?;
            }
            Job::Snapshot { state, before } => {
                writer.snapshot(&state)?;
                archiving = Some(before);
            }
        }
        archive(&mut writer, &mut archiving, STEPS)?;
    }
    archive(&mut writer, &mut archiving, usize::MAX)?;
    Ok(writer)
}

/// So many steps, or as many as there are to do.
fn archive<J: Journal>(
    writer: &mut Writer<J>,
    archiving: &mut Option<UtcMs>,
    most: usize,
) -> Result<(), JournalError> {
    for _ in 0..most {
        let Some(before) = *archiving else {
            break;
        };
        if !writer.archive_step(before)?.more {
            *archiving = None;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, Command, Order};
    use crate::engine::Engine;
    use crate::journal::{Fold, MemoryJournal, replay_as};
    use crate::seal::{Keyring, Since};
    use crate::service::Opened;

    fn keyring() -> Keyring {
        Keyring::from_seed([7; 32], Since { seq: 1, call: 1 })
    }

    /// So many steps of a wall clock, a second apart; the digest after the last.
    fn stepped(steps: i64, mut look: impl FnMut(&State, Vec<Dated>)) -> [u8; 32] {
        let mut engine = Engine::new(State::default(), UtcMs(0));
        for nth in 1..=steps {
            let command = Command::RecordClockStep { by_ms: nth };
            let order = Order { by: Actor::room(), key: None, command };
            let mut events = Vec::new();
            engine.submit(UtcMs(1_000 * nth.unsigned_abs()), &order, &mut events).unwrap();
            look(engine.state(), events);
        }
        engine.state().digest()
    }

    #[test]
    fn all_that_was_handed_over_is_in_the_log_and_what_is_old_in_the_archive() {
        let writer = Writer::take_over(MemoryJournal::new(), "test", keyring()).unwrap();
        let behind = Behind::start(writer).unwrap();
        let digest = stepped(80, |state, events| {
            assert!(behind.commit(events));
            if state.seq % 30 == 0 {
                assert!(behind.snapshot(state, UtcMs(20_000)));
            }
        });
        let journal = behind.finish().unwrap();
        let seqs: Vec<u64> = journal.manifests().unwrap().iter().map(|it| it.seq).collect();
        assert_eq!((journal.last().seq, &seqs[..]), (80, &[60, 30][..]));
        assert_eq!(journal.archived(), 19, "what is older than the twentieth second");
        let replayed = replay_as(&journal, &Opened::with(keyring())).unwrap();
        assert_eq!(Fold::digest(&replayed.state), digest);
        assert_eq!(replayed.snapshot.map(|it| it.seq), Some(60));
    }

    #[test]
    fn what_whoever_decides_sealed_is_the_same_log() {
        let log = |behind: bool| {
            let mut writer = Writer::take_over(MemoryJournal::new(), "test", keyring()).unwrap();
            let (jobs, todo) = bounded(80);
            let keyring = keyring();
            stepped(80, |_, events| {
                let job = match behind {
                    false => Job::Commit(events),
                    true => {
                        Job::CommitSealed(events.iter().map(|it| encode(it, &keyring)).collect())
                    }
                };
                jobs.send(job).unwrap();
            });
            drop(jobs);
            writer = work(writer, &todo).unwrap();
            writer.tail()
        };
        assert_eq!(log(false), log(true));
    }

    #[test]
    fn a_log_that_another_wrote_to_takes_nothing_more_and_says_so() {
        let mut writer = Writer::take_over(MemoryJournal::new(), "test", keyring()).unwrap();
        let epoch = writer.tail().epoch;
        writer.journal_mut().claim(epoch, "another").unwrap();
        let behind = Behind::start(writer).unwrap();
        let mut taken = Vec::new();
        stepped(80, |_, events| taken.push(behind.commit(events)));
        assert!(matches!(behind.finish(), Err(CommitError::Conflict { .. })), "{taken:?}");
        assert_eq!(taken.last(), Some(&false), "whoever decides is told");
    }
}

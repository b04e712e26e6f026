//! A writer on a thread of its own, where nobody waits for answers: deciding goes on while what was decided is sealed,
//! packed and on its way to the disk. A room that answers does not use it: its replies wait for their commit.

use super::record::Saved;
use super::writer::{CommitError, Writer};
use crate::domain::{Dated, UtcMs};
use crate::engine::State;
use crate::journal::{Journal, JournalError};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Commits under way or waiting; whoever decides waits at more.
const AHEAD_MAX: usize = 4;

enum Job {
    Commit(Vec<Dated>),
    Snapshot {
        state: Saved,
        /// What is older moves to the archive.
        before: UtcMs,
    },
}

/// The way to it.
pub struct Behind<J> {
    jobs: SyncSender<Job>,
    thread: JoinHandle<Result<Writer<J>, CommitError>>,
}

impl<J: Journal + 'static> Behind<J> {
    /// Gives `writer` a thread.
    ///
    /// # Errors
    /// The machine has none to give.
    pub fn start(writer: Writer<J>) -> Result<Self, CommitError> {
        let (jobs, todo) = sync_channel(AHEAD_MAX);
        let run = move || work(writer, &todo);
        let thread =
            std::thread::Builder::new().name("commit".into()).spawn(run).map_err(|source| {
                JournalError::Io { what: "starting the commit thread".into(), source }
            })?;
        Ok(Self { jobs, thread })
    }

    /// Hands over what happened. False: a commit failed, and [`Behind::finish`] says why.
    #[must_use]
    pub fn commit(&self, events: Vec<Dated>) -> bool {
        self.jobs.send(Job::Commit(events)).is_ok()
    }

    /// Hands over a snapshot of `state`, which is the state after all that was handed over, and lets what is older than
    /// `before` move to the archive. False as in [`Behind::commit`].
    #[must_use]
    pub fn snapshot(&self, state: &State, before: UtcMs) -> bool {
        self.jobs.send(Job::Snapshot { state: Saved::of(state), before }).is_ok()
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
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Commit(events) => {
                writer.commit(&events)?;
            }
            Job::Snapshot { state, before } => {
                writer.snapshot(&state)?;
                while writer.archive_step(before)? > 0 {}
            }
        }
    }
    Ok(writer)
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

    /// Eighty steps of a wall clock, a second apart; the digest after the last.
    fn stepped(mut look: impl FnMut(&State, Vec<Dated>)) -> [u8; 32] {
        let mut engine = Engine::new(State::default(), UtcMs(0));
        for nth in 1..=80 {
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
        let digest = stepped(|state, events| {
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
    fn a_log_that_another_wrote_to_takes_nothing_more_and_says_so() {
        let mut writer = Writer::take_over(MemoryJournal::new(), "test", keyring()).unwrap();
        let epoch = writer.tail().epoch;
        writer.journal_mut().claim(epoch, "another").unwrap();
        let behind = Behind::start(writer).unwrap();
        let mut taken = Vec::new();
        stepped(|_, events| taken.push(behind.commit(events)));
        assert!(matches!(behind.finish(), Err(CommitError::Conflict { .. })), "{taken:?}");
        assert_eq!(taken.last(), Some(&false), "whoever decides is told");
    }
}

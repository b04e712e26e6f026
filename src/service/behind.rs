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
        let thread = std::thread::Builder::new().name("commit".into()).spawn(run).map_err(
            |source| JournalError::Io { what: "starting the commit thread".into(), source },
        )?;
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

fn work<J: Journal>(
    mut writer: Writer<J>,
    jobs: &Receiver<Job>,
) -> Result<Writer<J>, CommitError> {
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

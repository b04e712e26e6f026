//! The flow of snapshots and pushes towards its reader, and what happens when the reader is slow.

use crate::protocol::{Push, Snapshot};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// One step of the state that is followed. Each carries the state after it, so applying one twice changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A page of the whole state; page 1 replaces everything held.
    Snapshot(Snapshot),
    /// One transition.
    Push(Push),
}

/// Where updates come out; dropping it ends the subscription.
#[derive(Debug)]
pub struct Updates {
    receiver: mpsc::Receiver<Update>,
}

impl Updates {
    pub(super) const fn new(receiver: mpsc::Receiver<Update>) -> Self {
        Self { receiver }
    }

    /// The next update, over reconnections too; none once the client has ended or another took the flow over.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<Update> {
        self.receiver.recv().await
    }
}

/// What may be handed to the reader now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Everything.
    Live,
    /// Nothing, until the reader has emptied its queue.
    Lagging,
    /// Nothing before page 1 of a snapshot.
    AwaitingSnapshot,
}

/// The connection's end of the flow.
#[derive(Debug)]
pub(super) struct Follower {
    updates: mpsc::Sender<Update>,
    flow: Flow,
    /// Log sequence up to which the reader has, or will find in its queue, everything. None while it has a gap.
    pub(super) last_seq: Option<u64>,
}

impl Follower {
    pub(super) const fn new(updates: mpsc::Sender<Update>, last_seq: Option<u64>) -> Self {
        Self { updates, flow: Flow::AwaitingSnapshot, last_seq }
    }

    /// A subscription begins (again): what comes next is a snapshot, unless the server resumed.
    pub(super) const fn begin(&mut self, resumed: bool) {
        self.flow = if resumed { Flow::Live } else { Flow::AwaitingSnapshot };
    }

    /// Hands a push over.
    pub(super) fn push(&mut self, push: Push) {
        if self.flow == Flow::Live {
            let seq = push.seq;
            if self.hand(Update::Push(push)) {
                self.last_seq = Some(seq);
            }
        }
    }

    /// Hands a page over. Between the pages there is nothing to resume from: the reader's old state is gone and the
    /// new one is not whole.
    pub(super) fn snapshot(&mut self, page: Snapshot) {
        if page.part == 1 && self.flow == Flow::AwaitingSnapshot {
            self.flow = Flow::Live;
        }
        if self.flow == Flow::Live {
            let whole = (page.part >= page.parts).then_some(page.seq);
            if self.hand(Update::Snapshot(page)) {
                self.last_seq = whole;
            }
        }
    }

    fn hand(&mut self, update: Update) -> bool {
        match self.updates.try_send(update) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                tracing::warn!("pushes come faster than they are read; a fresh snapshot will do");
                self.flow = Flow::Lagging;
                self.last_seq = None;
                false
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.updates.is_closed()
    }

    /// The sender to wait on, if the reader has to catch up first.
    pub(super) fn lagging(&self) -> Option<mpsc::Sender<Update>> {
        (self.flow == Flow::Lagging).then(|| self.updates.clone())
    }
}

/// Resolves when a lagging reader has emptied its queue; never without one.
pub(super) async fn drained(lagging: Option<mpsc::Sender<Update>>) {
    match lagging {
        // An error means that the reader is gone, which ends the waiting as well.
        Some(updates) => drop(updates.reserve_many(updates.max_capacity()).await),
        None => std::future::pending().await,
    }
}

//! How the rest of the program speaks to the engine's thread.

use super::inbox::Way;
use super::room::Room;
use super::snapshots::Made;
use crate::domain::{Order, Rejection};
use crate::engine::{Accepted, State};
use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// The engine's thread is gone or the log has failed: nothing was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The log took nothing.
    #[error("the log has failed, nothing was acknowledged: {0}")]
    Log(String),
    /// The erasure is in the log, and the keys could not be destroyed on the disk.
    #[error(
        "the erasure is recorded and its keys are still on the disk: the keyring cannot be written; it is tried again until it can"
    )]
    Keyring,
    /// The engine ended, in order or not, before it came to this.
    #[error("the room is closed: its engine has stopped; come back when the server is up again")]
    Closed,
}

/// What became of an order, known to be on the disk.
pub type Outcome = Result<Result<Accepted, Rejection>, Failed>;

/// Work on the engine's thread, done after a commit.
pub(super) type Ask<F> = Box<dyn FnOnce(Result<&mut Room<'_, F>, &Failed>) + Send>;

/// Takes an order's outcome on the engine's thread, with the room as the disk has it; without
/// when there is none any more.
pub(super) type Answering = Box<dyn FnOnce(Outcome, Option<&State>) + Send>;

pub(super) enum Message<F> {
    Order {
        order: Order,
        answer: Answering,
        _place: OwnedSemaphorePermit,
    },
    Ask {
        ask: Ask<F>,
        _place: OwnedSemaphorePermit,
    },
    /// A snapshot was made.
    Snapshot(Made),
    /// Finish what is queued, commit, end.
    Drain,
}

/// Whether a question found a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It will be answered.
    Queued,
    /// The engine has more urgent work: questions are shed before calls are.
    Shed,
}

/// Told that a message waits, where no thread of the engine's sleeps on it.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

/// A way to the engine's thread; clones lead to the same one.
pub struct Handle<F> {
    /// Rung beside the engine when it has no thread of its own.
    pub(super) ring: Option<Ring>,
    pub(super) way: Way<F>,
    /// Where it is said that messages wait, when somebody gathers them before the engine is woken.
    pub(super) gather: Option<Arc<Notify>>,
    pub(super) orders: Arc<Semaphore>,
    pub(super) asks: Arc<Semaphore>,
}

impl<F> Clone for Handle<F> {
    fn clone(&self) -> Self {
        Self {
            ring: self.ring.clone(),
            way: self.way.clone(),
            gather: self.gather.clone(),
            orders: Arc::clone(&self.orders),
            asks: Arc::clone(&self.asks),
        }
    }
}

impl<F> Handle<F> {
    /// Sends an order; `answer` is called on the engine's thread once it is committed. Waits for
    /// a place when the engine is behind: an order is never refused for that.
    pub async fn order(
        &self,
        order: Order,
        answer: impl FnOnce(Outcome, Option<&State>) + Send + 'static,
    ) {
        let Ok(place) = Arc::clone(&self.orders).acquire_owned().await else {
            return answer(Err(gone()), None);
        };
        let message = Message::Order { order, answer: Box::new(answer), _place: place };
        if let Some(Message::Order { answer, .. }) = self.send(message) {
            answer(Err(gone()), None);
        }
    }

    /// Sends an order and waits for its outcome.
    ///
    /// # Errors
    /// [`Failed`] when the engine's thread is gone or the log has failed.
    pub async fn submit(&self, order: Order) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        self.order(order, move |outcome, _| {
            // Nobody waits any more: the order stands all the same.
            let _ = sender.send(outcome);
        })
        .await;
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Asks something of the room, answered after the next commit; shed when too many wait.
    pub fn ask(
        &self,
        ask: impl FnOnce(Result<&mut Room<'_, F>, &Failed>) + Send + 'static,
    ) -> Asked {
        let Ok(place) = Arc::clone(&self.asks).try_acquire_owned() else {
            return Asked::Shed;
        };
        let message = Message::Ask { ask: Box::new(ask), _place: place };
        if let Some(Message::Ask { ask, .. }) = self.send(message) {
            ask(Err(&gone()));
        }
        Asked::Queued
    }

    /// Lets the engine finish what is queued, commit and end.
    pub fn drain(&self) {
        // A thread that is gone has nothing to drain.
        let _ = self.way.put(Message::Drain);
        wake(&self.way, self.ring.as_ref());
    }

    /// A handle for many who speak from one runtime: what they say in one round of it wakes the engine once. The
    /// future does the waking, and must run in that runtime, behind those who speak.
    pub fn gathered(self) -> (Self, impl Future<Output = ()> + Send + use<F>)
    where
        F: 'static,
    {
        let gather = Arc::new(Notify::new());
        let (told, way, ring) = (Arc::clone(&gather), self.way.weak(), self.ring.clone());
        let waking = async move {
            loop {
                told.notified().await;
                // Whoever the network has woken by now speaks first.
                tokio::task::yield_now().await;
                match way.upgrade() {
                    Some(way) => wake(&way, ring.as_ref()),
                    None => return,
                }
            }
        };
        (Self { gather: Some(gather), ..self }, waking)
    }

    /// Puts a message in, and gives it back when the engine is gone.
    fn send(&self, message: Message<F>) -> Option<Message<F>> {
        let unsent = self.way.put(message);
        if unsent.is_none() {
            match &self.gather {
                Some(gather) => gather.notify_one(),
                None => wake(&self.way, self.ring.as_ref()),
            }
        }
        unsent
    }
}

fn wake<F>(way: &Way<F>, ring: Option<&Ring>) {
    way.ring();
    if let Some(ring) = ring {
        ring();
    }
}

pub(super) fn gone() -> Failed {
    Failed::Closed
}

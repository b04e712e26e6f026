//! Carries the answers of one commit from the engine's thread to their sessions.
//!
//! A task that is woken from another thread costs a call of the system and mostly an interrupt of a processor: once for
//! all the answers of a commit, not once for each.

use super::stream::Outgoing;
use tokio::sync::mpsc;

/// An answer, and the session it goes to.
struct Letter {
    to: mpsc::UnboundedSender<Outgoing>,
    answer: Outgoing,
}

/// Where answers are handed in. Not bounded by itself: each has the place its request took.
#[derive(Clone)]
pub(super) struct Post(mpsc::UnboundedSender<Letter>);

impl Post {
    /// A post, and its carrier, to run beside the sessions; it ends with the last way to hand in.
    pub(super) fn new() -> (Self, impl Future<Output = ()> + Send) {
        let (hand_in, mut letters) = mpsc::unbounded_channel::<Letter>();
        let carry = async move {
            while let Some(Letter { to, answer }) = letters.recv().await {
                // A session that has ended needs no answer; the client asks again under its key.
                let _ = to.send(answer);
            }
        };
        (Self(hand_in), carry)
    }

    pub(super) fn send(&self, to: mpsc::UnboundedSender<Outgoing>, answer: Outgoing) {
        // The carrier is gone only when the runtime is, and every session with it.
        let _ = self.0.send(Letter { to, answer });
    }
}

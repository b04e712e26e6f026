//! Where a request's answer goes, and what it is made of.

use super::limits::kib;
use super::post::Post;
use super::stream::Outgoing;
use super::{Server, convert};
use crate::domain::{self, CallId, Order};
use crate::engine::{Accepted, State};
use crate::protocol::{Code, Rejection, Reply, ReplyBody, ServerMessage};
use crate::service::{Failed, Outcome};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Where a request's answer goes.
pub(super) struct Answering {
    pub(super) id: u64,
    /// Every answer of a drill says that it is one.
    pub(super) drill: bool,
    pub(super) out: mpsc::UnboundedSender<Outgoing>,
    /// The way to it from the engine's thread.
    pub(super) post: Post,
    pub(super) place: OwnedSemaphorePermit,
    /// Set aside for the answer's bytes, where it may be long.
    pub(super) unread: Option<OwnedSemaphorePermit>,
}

impl Answering {
    pub(super) fn send(self, message: ServerMessage) {
        let (out, _, answer) = self.packed(message);
        // A session that has ended needs no answer; the client asks again under its key.
        let _ = out.send(answer);
    }

    fn packed(
        mut self,
        mut message: ServerMessage,
    ) -> (mpsc::UnboundedSender<Outgoing>, Post, Outgoing) {
        match &mut message {
            ServerMessage::Reply(reply) => reply.drill = self.drill,
            ServerMessage::Rejection(rejection) => rejection.drill = self.drill,
            _ => {}
        }
        let frame = message.encode();
        // What the answer does not need is given back at once.
        let unread = self.unread.take().and_then(|mut all| all.split(kib(frame.len()) as usize));
        (self.out, self.post, Outgoing { frame, _place: Some(self.place), _unread: unread })
    }

    pub(super) fn reply(self, seq: Option<u64>, repeated: bool, body: impl Into<ReplyBody>) {
        let id = self.id;
        let reply = Reply { id, seq, repeated, drill: false, durable: true, body: body.into() };
        self.send(reply.into());
    }

    /// What became of a command that was done.
    fn done(&self, accepted: Accepted, call: Option<CallId>, state: Option<&State>) -> Reply {
        Reply {
            id: self.id,
            seq: Some(accepted.seq),
            repeated: accepted.repeated,
            drill: false,
            durable: convert::is_durable(&accepted, state),
            body: convert::reply(accepted, call, state),
        }
    }

    pub(super) fn reject(self, code: Code, text: impl Into<String>) {
        let rejection = self.rejection(code, text.into());
        self.send(rejection.into());
    }

    fn rejection(&self, code: Code, text: String) -> Rejection {
        Rejection { id: self.id, code, text, field: None, drill: false }
    }

    /// What became of a command, from the engine's thread.
    pub(super) fn outcome(self, outcome: Outcome, call: Option<CallId>, state: Option<&State>) {
        let message = match outcome {
            Ok(Ok(accepted)) => self.done(accepted, call, state).into(),
            Ok(Err(rejection)) => convert::rejection(self.id, &rejection).into(),
            Err(failed) => self.rejection(failed_code(&failed), failed.to_string()).into(),
        };
        let (out, post, answer) = self.packed(message);
        post.send(out, answer);
    }
}

/// What an engine that takes nothing more is called on the wire.
/// Asks the room for an order and waits until what came of it is on the disk; `tell` makes the answer there, of what was
/// accepted and the room as it is then.
pub(super) async fn ask<T: Send + 'static>(
    server: &Server,
    order: Order,
    tell: impl FnOnce(&Accepted, Option<&State>) -> T + Send + 'static,
) -> Result<Result<T, domain::Rejection>, Failed> {
    let (sender, receiver) = oneshot::channel();
    let answer = move |outcome: Outcome, state: Option<&State>| {
        let told = outcome.map(|decided| decided.map(|accepted| tell(&accepted, state)));
        // Whoever is gone asks again.
        let _ = sender.send(told);
    };
    server.handle.order(order, answer).await;
    receiver.await.unwrap_or(Err(Failed::Closed))
}

pub(super) fn failed_code(failed: &Failed) -> Code {
    match failed {
        Failed::Log(_) | Failed::Keyring => Code::JournalFailed,
        Failed::Closed => Code::ShuttingDown,
    }
}

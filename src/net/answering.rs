//! Where a request's answer goes, and what it is made of.

use super::convert;
use super::limits::kib;
use super::stream::Outgoing;
use crate::domain::CallId;
use crate::engine::{Accepted, State};
use crate::protocol::{Code, Rejection, Reply, ReplyBody, ServerMessage};
use crate::service::{Failed, Outcome};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Where a request's answer goes.
pub(super) struct Answering {
    pub(super) id: u64,
    /// Every answer of a drill says that it is one.
    pub(super) drill: bool,
    pub(super) out: mpsc::UnboundedSender<Outgoing>,
    pub(super) place: OwnedSemaphorePermit,
    /// Set aside for the answer's bytes, where it may be long.
    pub(super) unread: Option<OwnedSemaphorePermit>,
}

impl Answering {
    pub(super) fn send(mut self, mut message: ServerMessage) {
        match &mut message {
            ServerMessage::Reply(reply) => reply.drill = self.drill,
            ServerMessage::Rejection(rejection) => rejection.drill = self.drill,
            _ => {}
        }
        let frame = message.encode();
        // What the answer does not need is given back at once.
        let unread = self.unread.take().and_then(|mut all| all.split(kib(frame.len()) as usize));
        // A session that has ended needs no answer; the client asks again under its key.
        let _ = self.out.send(Outgoing { frame, _place: Some(self.place), _unread: unread });
    }

    pub(super) fn reply(self, seq: Option<u64>, repeated: bool, body: impl Into<ReplyBody>) {
        let id = self.id;
        let reply = Reply { id, seq, repeated, drill: false, durable: true, body: body.into() };
        self.send(reply.into());
    }

    /// What became of a command that was done.
    fn done(self, accepted: Accepted, call: Option<CallId>, state: Option<&State>) {
        let reply = Reply {
            id: self.id,
            seq: Some(accepted.seq),
            repeated: accepted.repeated,
            drill: false,
            durable: convert::is_durable(&accepted, state),
            body: convert::reply(accepted, call, state),
        };
        self.send(reply.into());
    }

    pub(super) fn reject(self, code: Code, text: impl Into<String>) {
        let rejection =
            Rejection { id: self.id, code, text: text.into(), field: None, drill: false };
        self.send(rejection.into());
    }

    pub(super) fn outcome(self, outcome: Outcome, call: Option<CallId>, state: Option<&State>) {
        match outcome {
            Ok(Ok(accepted)) => self.done(accepted, call, state),
            Ok(Err(rejection)) => {
                let rejection = convert::rejection(self.id, &rejection);
                self.send(rejection.into());
            }
            Err(failed) => self.reject(failed_code(&failed), failed.to_string()),
        }
    }
}

/// What an engine that takes nothing more is called on the wire.
pub(super) fn failed_code(failed: &Failed) -> Code {
    match failed {
        Failed::Log(_) | Failed::Keyring => Code::JournalFailed,
        Failed::Closed => Code::ShuttingDown,
    }
}

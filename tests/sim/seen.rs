//! What the world outside saw of the server: every word it said, every receipt, every notice that
//! went out. Judged here where it can be judged at once; the rest by `judge` from the log.

use crate::disk::Disk;
use fifteen::protocol::{Code, Reply, ReplyBody, Role, ServerMessage, Stage};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Stands in everything about a caller that nobody but who is sent to her may see.
pub const HERS: &str = "CANARY-ZULAIKHA";

/// A server said that this call was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub key: [u8; 16],
    pub seq: u64,
    pub call: u64,
}

/// Somebody was shown who she is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub who: String,
    pub role: Role,
    pub call: u64,
    pub seq: u64,
}

/// The waiting calls as a list of the server had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub seq: u64,
    pub waiting: Vec<u64>,
}

/// A PIN was said to be right: the call, or the number kept for it, up to where in the log, and which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed {
    pub call: u64,
    pub seq: u64,
    pub forced: bool,
}

/// A notice that went out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    pub escalation: u64,
    pub person: String,
    pub channel: String,
}

#[derive(Default)]
pub struct Book {
    pub wrong: Vec<String>,
    pub receipts: Vec<Receipt>,
    pub typed: Vec<Typed>,
    pub shown: Vec<Shown>,
    pub listed: Vec<Listed>,
    /// How often each notice went out, by number.
    pub sent: BTreeMap<u64, Vec<Notice>>,
    /// Starts of a server: the log's end before it, and room time.
    pub starts: Vec<(u64, u64)>,
    /// The state's digest at some numbers of the log, as the running server had it.
    pub digests: Vec<(u64, [u8; 32])>,
    /// What happened, for people: milliseconds of the run, and words.
    pub story: Vec<(u64, String)>,
    pub words: u64,
}

#[derive(Clone)]
pub struct Seen {
    book: Arc<Mutex<Book>>,
    disk: Disk,
}

impl Seen {
    pub fn new(disk: Disk) -> Self {
        Self { book: Arc::default(), disk }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wrong(&self, what: impl Into<String>) {
        self.book().wrong.push(what.into());
    }

    pub fn tell(&self, at_ms: u64, what: impl Into<String>) {
        self.book().story.push((at_ms, what.into()));
    }

    /// A server answered a page, just now.
    pub fn answered(&self, seq: u64) {
        let on_disk = self.disk.seq();
        if seq > on_disk {
            let text =
                format!("said before it was committed: {seq} to a page, the log ends at {on_disk}");
            self.wrong(text);
        }
    }

    /// A server said something, just now.
    pub fn said(&self, who: &str, role: Role, message: ServerMessage, bytes: &[u8]) {
        let (on_disk, spilled) = (self.disk.seq(), self.disk.spilled());
        let mut book = self.book();
        book.words += 1;
        let of_commit = match &message {
            ServerMessage::Reply(reply) => reply.seq,
            ServerMessage::Push(push) => Some(push.seq),
            ServerMessage::Snapshot(page) => Some(page.seq),
            ServerMessage::Welcome(welcome) => Some(welcome.seq),
            _ => None,
        };
        if of_commit.is_some_and(|seq| seq > on_disk) {
            book.wrong.push(format!(
                "said before it was committed: {} of {of_commit:?}, the log ends at {on_disk}",
                message.name()
            ));
        }
        let hers = bytes.windows(HERS.len()).any(|window| window == HERS.as_bytes());
        let mut explained = 0;
        match message {
            ServerMessage::Reply(reply) => {
                let done = matches!(reply.body, ReplyBody::CallPlaced(_) | ReplyBody::Done(_));
                let aside = reply.seq.zip(spilled).is_some_and(|(seq, first)| seq >= first);
                if done && reply.durable && aside {
                    let seq = reply.seq;
                    book.wrong
                        .push(format!("said to be durable: {seq:?}, spilled from {spilled:?}"));
                }
                if let (ReplyBody::CallDetails(details), Some(seq)) = (&reply.body, reply.seq) {
                    explained += 1;
                    let call = details.summary.call;
                    book.shown.push(Shown { who: who.into(), role, call, seq });
                }
                listed(&mut book, &reply);
            }
            ServerMessage::Push(push) => {
                if let Some(assignment) = &push.assignment {
                    explained += 1;
                    let (call, seq) = (assignment.call, push.seq);
                    book.shown.push(Shown { who: who.into(), role, call, seq });
                }
            }
            ServerMessage::Snapshot(page) => {
                for assignment in &page.assignments {
                    explained += 1;
                    let (call, seq) = (assignment.call, page.seq);
                    book.shown.push(Shown { who: who.into(), role, call, seq });
                }
            }
            ServerMessage::Rejection(rejection) if role == Role::Intake => {
                let passing = [Code::JournalFailed, Code::ShuttingDown];
                if !passing.contains(&rejection.code) {
                    book.wrong.push(format!("a call was refused: {rejection}"));
                }
            }
            _ => {}
        }
        if hers && explained == 0 {
            book.wrong.push(format!(
                "{who} ({role}) heard who she is, in a frame of {} bytes",
                bytes.len()
            ));
        }
    }
}

/// A first page of the list has the waiting calls in their order.
fn listed(book: &mut Book, reply: &Reply) {
    if let (ReplyBody::Calls(page), Some(seq)) = (&reply.body, reply.seq) {
        let waits = |stage| matches!(stage, Stage::Waiting | Stage::Dispatched);
        let waiting = page.calls.iter().filter(|call| waits(call.stage)).map(|call| call.call);
        book.listed.push(Listed { seq, waiting: waiting.collect() });
    }
}

//! The task that owns the socket: sessions, one after another, and the requests that outlive them.

use super::follow::{Follower, Update, drained};
use super::session::Session;
use super::{ClientConfig, ClientError, Connect, Link, backoff};
use crate::protocol::{
    ClientMessage, Code, Hello, Ping, Pong, Reply, ReplyBody, Request, RequestFrame, RequestNature,
    ServerMessage, Subscribe, Unsubscribe,
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes that may wait for the socket before no more requests are taken.
const OUT_BYTES_MAX: usize = 256 * 1024;

type Answer<T> = oneshot::Sender<Result<T, ClientError>>;

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Ask {
    /// Send this frame and bring the answer; with a `node` only to that log.
    Request {
        id: u64,
        frame: Bytes,
        nature: RequestNature,
        node: Option<u64>,
        answer: Answer<Reply>,
    },
    /// Subscribe, and hand updates here from now on.
    Follow { updates: mpsc::Sender<Update>, answer: Answer<()> },
}

/// A request without an answer yet.
struct Waiting {
    frame: Bytes,
    nature: RequestNature,
    node: Option<u64>,
    answer: Answer<Reply>,
}

impl Waiting {
    /// Whether it may be sent over a session with the log `node`. One that may not is answered so.
    fn fits(self, node: u64) -> Option<Self> {
        if self.answer.is_closed() {
            return None;
        }
        if self.node.is_none_or(|meant| meant == node) {
            return Some(self);
        }
        let _ = self.answer.send(Err(ClientError::OtherLog { node }));
        None
    }
}

/// How a session came to its end.
enum End {
    /// Nobody holds a handle any more.
    Unwanted,
    /// To be tried again.
    Lost(String),
    /// Not to be tried again: the server said so.
    Final(String),
}

pub(super) struct Connection<C: Connect> {
    transport: C,
    hello: Hello,
    config: ClientConfig,
    asked: mpsc::Receiver<Ask>,
    ids: Arc<AtomicU64>,
    /// By id, so that they are sent again in the order they were asked.
    waiting: BTreeMap<u64, Waiting>,
    follower: Option<Follower>,
    /// The hello's own `last_seq`, until a reader goes on from it.
    resume_from: Option<u64>,
    /// The subscribe under way, and who waits for it if it was not the task itself.
    subscribing: Option<(u64, Option<Answer<()>>)>,
}

impl<C: Connect> Connection<C> {
    pub(super) const fn new(
        transport: C,
        hello: Hello,
        config: ClientConfig,
        asked: mpsc::Receiver<Ask>,
        ids: Arc<AtomicU64>,
    ) -> Self {
        let resume_from = hello.last_seq;
        Self {
            transport,
            hello,
            config,
            asked,
            ids,
            waiting: BTreeMap::new(),
            follower: None,
            resume_from,
            subscribing: None,
        }
    }

    /// The first connection, on the caller's time; the rest goes on in a task.
    pub(super) async fn establish(mut self) -> Result<watch::Receiver<Link>, ClientError> {
        let mut attempts = 0;
        let session = loop {
            match self.open().await {
                Ok(session) => break session,
                Err(error) if self.config.patient && error.is_passing() => {
                    tokio::time::sleep(self.pause(attempts)).await;
                    attempts = attempts.saturating_add(1);
                }
                Err(error) => return Err(error),
            }
        };
        let (link, watched) = watch::channel(Link::Up(session.welcome.clone()));
        tokio::spawn(self.run(Some(session), link));
        Ok(watched)
    }

    /// All in a task, the first connection too.
    pub(super) fn begin(self) -> watch::Receiver<Link> {
        let why = "not connected yet".to_owned();
        let (link, watched) = watch::channel(Link::Down { attempts: 0, why });
        tokio::spawn(self.run(None, link));
        watched
    }

    fn pause(&self, attempts: u32) -> Duration {
        let ClientConfig { backoff_min_ms, backoff_max_ms, draw, .. } = self.config;
        backoff::pause(attempts, backoff_min_ms, backoff_max_ms, draw())
    }

    /// Session after session, until nobody wants one or the server wants none.
    async fn run(mut self, mut session: Option<Session<C::Io>>, link: watch::Sender<Link>) {
        let mut attempts = 0;
        loop {
            if let Some(session) = session.take() {
                match self.serve_until_lost(session, &mut attempts).await {
                    End::Unwanted => return,
                    End::Lost(why) => {
                        tracing::warn!(%why, "connection lost");
                        self.after_loss(&why);
                        link.send_replace(Link::Down { attempts: 0, why });
                        if self.rest(attempts).await.is_none() {
                            return;
                        }
                    }
                    End::Final(why) => return Self::end(&link, why),
                }
            }
            attempts = attempts.saturating_add(1);
            match self.open().await {
                Ok(opened) => {
                    link.send_replace(Link::Up(opened.welcome.clone()));
                    session = Some(opened);
                }
                Err(ClientError::Refused(refused)) if !refused.is_passing() => {
                    return Self::end(&link, refused.to_string());
                }
                Err(error) => {
                    let why = error.to_string();
                    link.send_replace(Link::Down { attempts, why });
                    if self.rest(attempts).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn serve_until_lost(&mut self, mut session: Session<C::Io>, attempts: &mut u32) -> End {
        let began = Instant::now();
        let end = self.serve(&mut session).await;
        // A server that welcomes and then drops at once must not be hammered.
        if began.elapsed() >= Duration::from_millis(self.config.backoff_max_ms) {
            *attempts = 0;
        }
        end
    }

    /// Ends for good. Dropping what waits answers it: see `Client::ended`.
    fn end(link: &watch::Sender<Link>, why: String) {
        tracing::error!(%why, "connection ended for good");
        link.send_replace(Link::Ended { why });
    }

    /// What the end of a connection means to those who wait.
    fn after_loss(&mut self, why: &str) {
        self.waiting.retain(|_, waiting| !waiting.answer.is_closed());
        let lost: Vec<u64> = (self.waiting.iter())
            .filter(|(_, waiting)| waiting.nature == RequestNature::Upkeep)
            .map(|(id, _)| *id)
            .collect();
        for waiting in lost.iter().filter_map(|id| self.waiting.remove(id)) {
            let why = why.to_owned();
            let _ = waiting.answer.send(Err(ClientError::Lost { why }));
        }
    }

    /// Pauses before the next attempt, still taking requests; none when nobody wants one any more.
    async fn rest(&mut self, attempts: u32) -> Option<()> {
        let until = Instant::now() + self.pause(attempts);
        loop {
            let room = self.waiting.len() < self.config.in_flight_max;
            tokio::select! {
                biased;
                () = sleep_until(until) => return Some(()),
                ask = self.asked.recv(), if room => {
                    if let Some((id, waiting)) = self.take(ask?, None::<&mut Session<C::Io>>) {
                        self.waiting.insert(id, waiting);
                    }
                }
            }
        }
    }

    /// Connects and says hello.
    async fn open(&mut self) -> Result<Session<C::Io>, ClientError> {
        let limit = Duration::from_millis(self.config.connect_ms);
        timeout(limit, self.greet()).await.unwrap_or_else(|_| {
            let ms = self.config.connect_ms;
            let late = format!("no welcome within {ms} ms");
            Err(io::Error::new(io::ErrorKind::TimedOut, late).into())
        })
    }

    async fn greet(&mut self) -> Result<Session<C::Io>, ClientError> {
        self.hello.last_seq = match &self.follower {
            Some(follower) => follower.last_seq,
            None => self.resume_from,
        };
        let stream = self.transport.connect().await?;
        let session = Session::greet(stream, &self.hello).await?;
        let node = session.welcome.node;
        if self.hello.node.replace(node) != Some(node) {
            self.forget_place();
        }
        Ok(session)
    }

    /// Another log: sequences of the old one mean nothing in it.
    const fn forget_place(&mut self) {
        self.resume_from = None;
        if let Some(follower) = &mut self.follower {
            follower.last_seq = None;
        }
    }

    /// One session from its welcome to its end. Nothing in here waits for anything but the next thing to happen.
    async fn serve(&mut self, session: &mut Session<C::Io>) -> End {
        if self.follower.as_ref().is_some_and(|f| !f.is_gone()) {
            let answer = self.subscribing.take().and_then(|(_, answer)| answer);
            self.subscribe(session, answer);
        }
        let node = session.welcome.node;
        for (id, waiting) in std::mem::take(&mut self.waiting) {
            if let Some(waiting) = waiting.fits(node) {
                session.say(waiting.frame.clone());
                self.waiting.insert(id, waiting);
            }
        }
        loop {
            let room = self.waiting.len() < self.config.in_flight_max
                && session.writer.out.len() < OUT_BYTES_MAX;
            let lagging = self.follower.as_ref().and_then(Follower::lagging);
            let (speak_at, dead_at) = (session.speak_at(), session.dead_at());
            let unsent = session.writer.has_unsent();
            tokio::select! {
                // The same order each time. The heart beats however busy the server is; what it said
                // last is heard before a write finds out that it is gone.
                biased;
                ask = self.asked.recv(), if room => {
                    let Some(ask) = ask else { return End::Unwanted };
                    if let Some((id, waiting)) = self.take(ask, Some(session))
                        && let Some(waiting) = waiting.fits(node)
                    {
                        session.say(waiting.frame.clone());
                        self.waiting.insert(id, waiting);
                    }
                }
                () = drained(lagging) => self.subscribe(session, None),
                () = sleep_until(speak_at) => session.say(ClientMessage::Ping(Ping::default()).encode()),
                frame = session.reader.next() => {
                    session.heard = Instant::now();
                    let heard = match frame {
                        Some(Ok(frame)) => self.hear(session, &frame),
                        Some(Err(error)) => Err(End::Lost(error.to_string())),
                        None => Err(End::Lost("the server closed the connection".to_owned())),
                    };
                    if let Err(end) = heard {
                        return end;
                    }
                }
                written = session.writer.write(), if unsent => {
                    if let Err(error) = written {
                        return End::Lost(error.to_string());
                    }
                }
                () = sleep_until(dead_at) => {
                    let ms = session.dead_after().as_millis();
                    return End::Lost(format!("nothing heard from the server for {ms} ms"));
                }
            }
        }
    }

    /// Takes an ask: a request comes back as something that waits, a following begins at once or with the next session.
    fn take(&mut self, ask: Ask, session: Option<&mut Session<C::Io>>) -> Option<(u64, Waiting)> {
        match ask {
            Ask::Request { id, frame, nature, node, answer } => {
                Some((id, Waiting { frame, nature, node, answer }))
            }
            Ask::Follow { updates, answer } => {
                // Only the very first reader may go on from where the hello says; a later one starts from a snapshot.
                self.follower = Some(Follower::new(updates, self.resume_from.take()));
                match session {
                    Some(session) => self.subscribe(session, Some(answer)),
                    None => self.subscribing = Some((0, Some(answer))),
                }
                None
            }
        }
    }

    fn subscribe(&mut self, session: &mut Session<C::Io>, answer: Option<Answer<()>>) {
        if let Some(follower) = &mut self.follower {
            follower.begin(false);
        }
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        session.say(request(id, Subscribe {}));
        self.subscribing = Some((id, answer));
    }

    /// Hears one frame.
    fn hear(&mut self, session: &mut Session<C::Io>, frame: &[u8]) -> Result<(), End> {
        let message = match ServerMessage::decode(frame) {
            Ok(message) => message,
            Err(error) if error.code == Code::UnknownMessage => {
                tracing::debug!(%error, "a message of a newer server is passed over");
                return Ok(());
            }
            Err(error) => return Err(End::Lost(error.to_string())),
        };
        match message {
            ServerMessage::Reply(reply) => self.answered(session, reply.id, Ok(reply)),
            ServerMessage::Rejection(no) => self.answered(session, no.id, Err(no.into())),
            ServerMessage::Push(push) => {
                if let Some(follower) = &mut self.follower {
                    follower.push(push);
                }
                self.end_if_unread(session);
            }
            ServerMessage::Snapshot(page) => {
                if let Some(follower) = &mut self.follower {
                    follower.snapshot(page);
                }
                self.end_if_unread(session);
            }
            ServerMessage::Ping(ping) => {
                session.say(ClientMessage::Pong(Pong { id: ping.id }).encode());
            }
            ServerMessage::Pong(_) => {}
            // Coming back would throw the newer connection out, and so on for ever.
            ServerMessage::Dropped(dropped) if dropped.code == Code::Replaced => {
                return Err(End::Final(dropped.to_string()));
            }
            ServerMessage::Dropped(dropped) => return Err(End::Lost(dropped.to_string())),
            ServerMessage::Welcome(_) | ServerMessage::Refused(_) => {
                return Err(End::Lost("the server greeted twice".to_owned()));
            }
        }
        Ok(())
    }

    fn answered(
        &mut self,
        session: &mut Session<C::Io>,
        id: u64,
        answer: Result<Reply, ClientError>,
    ) {
        if let Some((_, asker)) = self.subscribing.take_if(|(subscribe, _)| *subscribe == id) {
            self.subscribed(session, asker, answer);
        } else if is_too_late(&answer) && self.waiting.contains_key(&id) {
            // Not done, and never will be on this connection, which is about to end: asked again on the next.
            tracing::debug!(id, "the server goes down; the request waits for the next one");
        } else if let Some(waiting) = self.waiting.remove(&id) {
            // Whoever gave up waiting does not need it.
            let _ = waiting.answer.send(answer);
        } else {
            tracing::debug!(id, "an answer that nobody waits for");
        }
    }

    fn subscribed(
        &mut self,
        session: &mut Session<C::Io>,
        asker: Option<Answer<()>>,
        answer: Result<Reply, ClientError>,
    ) {
        let resumed =
            matches!(&answer, Ok(Reply { body: ReplyBody::Subscribed(said), .. }) if said.resumed);
        match &mut self.follower {
            // The hello spoke for an earlier reader; this one holds nothing yet.
            Some(follower) if resumed && follower.last_seq.is_none() => {
                return self.subscribe(session, asker);
            }
            Some(follower) => follower.begin(resumed),
            None => {}
        }
        if answer.is_err() {
            self.follower = None;
        }
        if let Some(asker) = asker {
            let _ = asker.send(answer.map(drop));
        }
    }

    fn end_if_unread(&mut self, session: &mut Session<C::Io>) {
        if self.follower.take_if(|follower| follower.is_gone()).is_some() {
            let id = self.ids.fetch_add(1, Ordering::Relaxed);
            session.say(request(id, Unsubscribe {}));
        }
    }
}

/// The server came to the request when it had closed already.
fn is_too_late(answer: &Result<Reply, ClientError>) -> bool {
    matches!(answer, Err(ClientError::Rejected(no)) if no.code == Code::ShuttingDown)
}

fn request(id: u64, request: impl Into<Request>) -> Bytes {
    let request = request.into();
    ClientMessage::Request(RequestFrame { id, key: None, request }).encode()
}

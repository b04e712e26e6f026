//! One connection: hello, then requests in and replies and pushes out, until either side ends it.
//!
//! Reading and writing are two tasks. A peer that does not read is dropped by the writer's time
//! limit, one that does not speak by the reader's; neither holds anybody up.

use super::answering::Answering;
use super::arrival::{come_in, frame_code, greet};
use super::census::Counted;
use super::convert;
use super::door::Arrival;
use super::feed::View;
use super::limits::{Bucket, is_put_off, kib};
use super::people::{self, LetIn, Stay};
use super::stream::{Farewell, Frames, Outgoing, Writer, write_all};
use super::{Server, Shed, queries, readings};
use crate::domain::{Actor, CallId, Callsign, Command, Order, Role, UtcMs};
use crate::protocol::{
    ClientMessage, Code, Dropped, HEARTBEATS_MISSED_MAX, Hello, Ping, Pong, Refused, Rejection,
    Request, RequestFrame, ServerMessage, Subscribed,
};
use crate::service::Asked;
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::{debug, info};

/// Requests of one session under way at once; further ones wait in its socket.
const UNDER_WAY_MAX: usize = 256;

/// What a session is, once it has said so.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) by: Actor,
    role: crate::protocol::Role,
    last_seq: Option<u64>,
    out: mpsc::UnboundedSender<Outgoing>,
    places: Arc<Semaphore>,
    pushes: mpsc::UnboundedSender<Option<mpsc::Receiver<Bytes>>>,
    questions: Mutex<Bucket>,
    positions: Mutex<Bucket>,
}

/// Serves one connection to its end.
pub(super) async fn run<R, W>(server: Arc<Server>, (read, write): (R, W), arrival: Arrival)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let Arrival { id, peer, knock, papers } = arrival;
    let mut frames = Frames::new(read, &server);
    let writer = Writer::new(write);
    let limit = server.settings.listen.handshake_limit;
    let greeted = tokio::select! {
        biased;
        greeted = tokio::time::timeout(limit, greet(&mut frames, &papers)) => greeted,
        () = knock.ended() => return server.shed(Shed::Handshakes),
    };
    let mut hello = match greeted {
        Ok(Ok(hello)) => hello,
        // Who comes again and again with rubbish is not answered again and again.
        Ok(Err(_)) if knock.too_fast() => return server.shed(Shed::Connections),
        Ok(Err(Some(refused))) => {
            debug!(id, %peer, code = %refused.code, "refused");
            return writer.last(refused.into(), limit).await;
        }
        Ok(Err(None)) => return,
        Err(_) => {
            let text = "say hello first, with role and name".to_owned();
            let refused = Refused { code: Code::HelloExpected, text };
            return writer.last(refused.into(), limit).await;
        }
    };
    // How long a log-in takes is ours to say, and no part of the limit above.
    let let_in = tokio::select! {
        biased;
        let_in = people::let_in(&server, &mut hello, peer.ip()) => let_in,
        () = knock.ended() => return server.shed(Shed::Handshakes),
    };
    let let_in = match let_in {
        Ok(let_in) => let_in,
        Err(refused) => {
            debug!(id, %peer, code = %refused.code, "refused");
            return writer.last(refused.into(), limit).await;
        }
    };
    let seat = match come_in(&server, knock, hello.role) {
        Ok(seat) => seat,
        Err(refused) => return writer.last(refused.into(), limit).await,
    };
    let counted = Counted::enter(&server, hello.role);
    info!(id, %peer, role = %hello.role, "session");
    let looks = (hello.role == crate::protocol::Role::Supervisor).then(|| hello.who.clone());
    if let Some(who) = &looks {
        server.looks(who, true);
    }
    let why = talk(&server, id, hello, let_in, &mut frames, writer).await;
    drop((counted, seat));
    if let Some(who) = &looks {
        server.looks(who, false);
    }
    info!(id, %why, "session ended");
}

async fn talk<R, W>(
    server: &Arc<Server>,
    id: u64,
    hello: Hello,
    let_in: LetIn,
    frames: &mut Frames<R>,
    writer: Writer<W>,
) -> &'static str
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let who = hello.who.trim().to_owned();
    let by = Actor::new(&who, convert::role(hello.role));
    let heartbeat = server.settings.listen.heartbeat;
    let (limits, now) = (&server.settings.limits, server.clock.now());
    let (out, outgoing) = mpsc::unbounded_channel();
    let (pushes, subscriptions) = mpsc::unbounded_channel();
    let session = Session {
        id,
        role: hello.role,
        last_seq: hello.last_seq.filter(|_| hello.node == Some(server.node)),
        by,
        out,
        places: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        pushes,
        questions: Mutex::new(Bucket::per_second(limits.questions_per_second, now)),
        positions: Mutex::new(Bucket::one_every(limits.position_every, now)),
    };
    let replaced = if session.by.role == Role::Unit {
        let replaced = server.take_unit(&who, id);
        set_link(server, &who, true).await;
        replaced
    } else {
        Arc::new(Notify::new())
    };
    let mut welcome = queries::welcome(server).await;
    welcome.token_ends_at = let_in.seat.as_ref().map(|seat| seat.expires_at.0);
    welcome.token = let_in.fresh.map(|token| token.expose().to_owned());
    // Held to the end of the session.
    let asks = hello.deflate && session.by.role == Role::Unit;
    let narrow = asks.then(|| server.door.narrow()).flatten();
    welcome.deflate = narrow.is_some();
    if welcome.deflate {
        frames.inflate();
    }
    let mut stay = Stay::of(server, let_in.seat);
    let patience = heartbeat.saturating_mul(u32::try_from(HEARTBEATS_MISSED_MAX).unwrap_or(3));
    let (parting, mut farewell) = oneshot::channel();
    let writing = tokio::spawn(write_all(
        writer,
        welcome,
        outgoing,
        subscriptions,
        heartbeat,
        patience,
        parting,
    ));
    let mut stopping = server.stopping.clone();
    let why = loop {
        tokio::select! {
            // What ends a session comes before what a busy peer still says; and the same order each time.
            biased;
            () = replaced.notified() => {
                session.drop_it(Code::Replaced, "this unit is connected from elsewhere now");
                break "replaced";
            }
            why = stay.ended() => {
                session.drop_it(Code::AccessEnded, &why.to_string());
                break "access ended";
            }
            why = &mut farewell => {
                if why == Ok(Farewell::Slow) {
                    server.shed(Shed::Pushes);
                    break "the peer does not read";
                }
                break "the connection broke";
            }
            () = stopped(&mut stopping) => {
                // What is under way is answered first; the engine drains meanwhile.
                let all = u32::try_from(UNDER_WAY_MAX).unwrap_or(u32::MAX);
                let answered = Arc::clone(&session.places).acquire_many_owned(all);
                let _ = tokio::time::timeout(super::FAREWELL, answered).await;
                session.drop_it(Code::ShuttingDown, "the server stops; connect again");
                break "the server stops";
            }
            frame = tokio::time::timeout(patience, frames.next()) => {
                let (frame, received_at) = match frame {
                    Ok(Ok(Some(frame))) => frame,
                    Ok(Ok(None)) => break "the peer left",
                    Ok(Err(error)) => {
                        session.drop_it(frame_code(&error), &error.to_string());
                        break "a broken frame";
                    }
                    Err(_) => {
                        session.drop_it(Code::SilentPeer, "nothing was heard for three heartbeats");
                        break "silent";
                    }
                };
                if let Err(why) = session.take(server, &frame, received_at).await {
                    break why;
                }
            }
        }
    };
    let _ = server.handle.ask(move |room| {
        if let Ok(room) = room {
            room.feed.unsubscribe(id);
        }
    });
    if session.by.role == Role::Unit && server.leave_unit(&who, id) {
        set_link(server, &who, false).await;
    }
    drop(session);
    // The writer ends by itself when everything queued is written, or the peer does not read it.
    let _ = writing.await;
    why
}

/// Resolves when the server stops.
pub(super) async fn stopped(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    // The sender is gone only when the server is.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn set_link(server: &Server, who: &str, up: bool) {
    let Some(unit) = Callsign::new(who) else {
        return;
    };
    let order = Order { by: Actor::room(), key: None, command: Command::SetLink { unit, up } };
    // A unit that has not signed on has no link to lose: the rejection says only that.
    let _ = server.handle.submit(order).await;
}

impl Session {
    fn say(&self, message: ServerMessage) {
        // The writer is gone only when the session is.
        let _ = self.out.send(Outgoing { frame: message.encode(), _place: None, _unread: None });
    }

    fn say_from(&self, place: OwnedSemaphorePermit, message: ServerMessage) {
        // As in `say`.
        let _ =
            self.out.send(Outgoing { frame: message.encode(), _place: Some(place), _unread: None });
    }

    fn drop_it(&self, code: Code, text: &str) {
        self.say(Dropped { code, text: text.to_owned() }.into());
    }

    /// Takes one frame. An error ends the session.
    async fn take(
        &self,
        server: &Arc<Server>,
        frame: &[u8],
        received_at: UtcMs,
    ) -> Result<(), &'static str> {
        // Whatever will be answered takes a place until it was, pings too: a peer that only writes cannot fill
        // our memory with answers.
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return Err("the session is closed");
        };
        let request = match ClientMessage::decode(frame) {
            Ok(ClientMessage::Request(request)) => request,
            Ok(ClientMessage::Ping(Ping { id })) => {
                self.say_from(place, Pong { id }.into());
                return Ok(());
            }
            Ok(ClientMessage::Pong(_)) => return Ok(()),
            Ok(ClientMessage::Hello(_)) => {
                self.drop_it(Code::Malformed, "hello comes once, first");
                return Err("a second hello");
            }
            Err(error) => match error.rejection() {
                Some(rejection) => {
                    self.say_from(place, rejection.into());
                    return Ok(());
                }
                None => {
                    self.drop_it(error.code.clone(), &error.text);
                    return Err("a frame that is no message");
                }
            },
        };
        let drill = server.settings.drill.is_some();
        let mut answering = Answering {
            id: request.id,
            drill,
            out: self.out.clone(),
            post: server.post.clone(),
            place,
            unread: None,
        };
        let name = request.request.name();
        if !self.role.allows(name) {
            answering.reject(Code::NotAllowed, format!("{name} is not for the role {}", self.role));
            return Ok(());
        }
        if is_put_off(name) {
            match self.afford(server, &request.request) {
                Ok(unread) => answering.unread = Some(unread),
                Err(shed) => {
                    queries::busy(server, answering, shed);
                    return Ok(());
                }
            }
        }
        self.handle(server, request, received_at, answering).await;
        Ok(())
    }

    /// Room for the answer to what is no work on a call, or why it is put off.
    fn afford(&self, server: &Server, request: &Request) -> Result<OwnedSemaphorePermit, Shed> {
        let now = server.clock.now();
        let take = |bucket: &Mutex<Bucket>| {
            bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now)
        };
        let position = matches!(request, Request::ReportPosition(_)) && self.by.role == Role::Unit;
        if position && !take(&self.positions) {
            return Err(Shed::Positions);
        }
        if !take(&self.questions) {
            return Err(Shed::Questions);
        }
        server.door.unread().ok_or(Shed::Answers)
    }

    async fn handle(
        &self,
        server: &Arc<Server>,
        frame: RequestFrame,
        received_at: UtcMs,
        answering: Answering,
    ) {
        let RequestFrame { key, request, .. } = frame;
        let sealed_since = server.keyring.since().call;
        if let Request::EraseIdentity(erase) = &request
            && erase.call < sealed_since
        {
            let text = format!(
                "call {} was taken before this keyring was made, at call {sealed_since}: what the log has of her is in the clear, or under the keyring before it",
                erase.call
            );
            return answering.reject(Code::BadValue, text);
        }
        let on = self.only_call(server, &request).await;
        let command =
            match convert::command(&request, &self.by, received_at, &server.settings, |_| on) {
                Ok(command) => command,
                Err(bad) => {
                    let rejection = Rejection {
                        id: answering.id,
                        code: Code::BadValue,
                        text: format!("{}: {}", bad.field, bad.text),
                        field: Some(bad.field.to_owned()),
                        drill: false,
                    };
                    return answering.send(rejection.into());
                }
            };
        let Some(command) = command else {
            return self.query(server, request, answering).await;
        };
        // Every reading of the sealed part is recorded, and allowed or not as things stand then: a key must not
        // open a call again to somebody who was once sent there.
        let reading = matches!(request, Request::ShowCall(_) | Request::ListEarlier(_));
        let key = key.filter(|_| !reading);
        let order = convert::order(&self.by, key, command);
        match request {
            Request::ShowCall(show) => {
                readings::show(server, order, CallId(show.call), answering).await
            }
            Request::ListEarlier(asked) => readings::earlier(server, order, asked, answering).await,
            request => submit(server, order, convert::about::call_of(&request), answering).await,
        }
    }

    /// The one call a unit is on, for a check-in that does not say which.
    async fn only_call(&self, server: &Server, request: &Request) -> Option<CallId> {
        let Request::CheckIn(check_in) = request else {
            return None;
        };
        let unit = Callsign::new(check_in.unit.as_deref().unwrap_or(&self.by.who))?;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let asked = server.handle.ask(move |room| {
            let calls =
                room.ok().and_then(|room| Some(room.engine.state().unit(&unit)?.calls.clone()));
            let only = calls.filter(|calls| calls.len() == 1).map(|calls| calls[0]);
            let _ = sender.send(only);
        });
        if asked == Asked::Shed { None } else { receiver.await.ok().flatten() }
    }

    async fn query(&self, server: &Arc<Server>, request: Request, answering: Answering) {
        match request {
            Request::Subscribe(_) => self.subscribe(server, answering).await,
            Request::Unsubscribe(_) => {
                let id = self.id;
                let _ = self.pushes.send(None);
                let asked = server.handle.ask(move |room| {
                    if let Ok(room) = room {
                        room.feed.unsubscribe(id);
                    }
                });
                match asked {
                    Asked::Queued => {
                        answering.reply(None, false, crate::protocol::Done::default());
                    }
                    Asked::Shed => queries::busy(server, answering, Shed::Queries),
                }
            }
            other => queries::query(server, other, answering),
        }
    }

    async fn subscribe(&self, server: &Arc<Server>, answering: Answering) {
        if !readings::before_a_subscription(server, &self.by, self.last_seq).await {
            return queries::busy(server, answering, Shed::Queries);
        }
        let (push, receiver) = mpsc::channel(server.settings.listen.push_backlog_max);
        let view = if self.by.role == Role::Unit {
            match Callsign::new(&self.by.who) {
                Some(callsign) => View::Unit(callsign),
                None => return answering.reject(Code::BadValue, "who: no callsign"),
            }
        } else {
            View::Room
        };
        let (id, last_seq, out) = (self.id, self.last_seq, self.out.clone());
        let pushes = self.pushes.clone();
        let inside = Arc::clone(server);
        let runtime = tokio::runtime::Handle::current();
        queries::ask(server, answering, move |room, answering| {
            let state = room.engine.state();
            let (reader, begin) = room.feed.begin(state, view, last_seq, push);
            // What it had before goes on when there is no room for more.
            let Some(mut unread) = inside.door.unread_frames(&begin.frames) else {
                // The engine's thread has no runtime of its own to record it with.
                let _within = runtime.enter();
                return queries::busy(&inside, answering, Shed::Answers);
            };
            // First the way, then the subscription: what is pushed from here on has where to go,
            // and goes after the reply and the frames below, which the writer takes first.
            let _ = pushes.send(Some(receiver));
            room.feed.subscribe(id, reader);
            answering.reply(Some(state.seq), false, Subscribed { resumed: begin.resumed });
            for frame in begin.frames {
                let unread = unread.split(kib(frame.len()) as usize);
                let _ = out.send(Outgoing { frame, _place: None, _unread: unread });
            }
        });
    }
}

async fn submit(server: &Server, order: Order, call: Option<CallId>, answering: Answering) {
    server.handle.order(order, move |outcome, state| answering.outcome(outcome, call, state)).await;
}

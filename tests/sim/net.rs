//! A simulated network: links with delays that break, go silent, or carry slowly. Everything a
//! server says passes by the [`Seen`] on its way.

use crate::dice::Dice;
use crate::seen::Seen;
use crate::signal::Signal;
use bytes::BytesMut;
use fifteen::client::Connect;
use fifteen::domain::{Order, Rejection};
use fifteen::engine::{Accepted, State};
use fifteen::net::Hall;
use fifteen::protocol::{FrameCodec, Role, ServerMessage};
use fifteen::service::Outcome;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::codec::Decoder;

/// What a link does to what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    Well,
    /// Nothing arrives any more, and nobody is told.
    Nothing,
    /// What the server says arrives very late.
    Slowly,
    /// It is gone.
    Cut,
}

type Control = Signal<Carries>;

struct Inner {
    hall: Option<Arc<Hall>>,
    links: Vec<Control>,
    dice: Dice,
}

#[derive(Clone)]
pub struct Net {
    inner: Arc<Mutex<Inner>>,
    seen: Seen,
}

impl Net {
    pub fn new(seed: u64, seen: Seen) -> Self {
        let inner = Inner { hall: None, links: Vec::new(), dice: Dice::of(seed, "net") };
        Self { inner: Arc::new(Mutex::new(inner)), seen }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server listens.
    pub fn open(&self, hall: Arc<Hall>) {
        self.inner().hall = Some(hall);
    }

    /// The server is gone, and every link with it.
    pub fn close(&self) {
        let mut inner = self.inner();
        inner.hall = None;
        for link in inner.links.drain(..) {
            link.set(Carries::Cut);
        }
    }

    fn some_link(&self) -> Option<Control> {
        let mut inner = self.inner();
        inner.links.retain(|link| link.get() != Carries::Cut);
        let at = {
            let count = inner.links.len();
            inner.dice.below(count)
        };
        inner.links.get(at).cloned()
    }

    pub fn cut_one(&self) {
        if let Some(link) = self.some_link() {
            link.set(Carries::Cut);
        }
    }

    pub fn silence_one(&self) {
        if let Some(link) = self.some_link() {
            link.set(Carries::Nothing);
        }
    }

    pub fn slow_one(&self) {
        if let Some(link) = self.some_link() {
            link.set(Carries::Slowly);
        }
    }

    /// What a page asks, each time over a link of its own, which may lose the question or the answer.
    pub async fn page(&self, order: Order) -> Option<Result<Accepted, Rejection>> {
        sleep(self.delay()).await;
        let (hall, loses) = {
            let mut inner = self.inner();
            (inner.hall.clone()?, inner.dice.below(12))
        };
        let (sender, receiver) = oneshot::channel();
        let seen = self.seen.clone();
        if loses != 0 {
            let answer = move |outcome: Outcome, _: Option<&State>| {
                if let Ok(Ok(accepted)) = &outcome {
                    seen.answered(accepted.seq);
                }
                // Whoever hung up asks again.
                let _ = sender.send(outcome.ok());
            };
            hall.handle().order(order, answer).await;
        }
        let limit = Duration::from_secs(20);
        let answered = tokio::time::timeout(limit, receiver).await.ok()?.ok()??;
        sleep(self.delay()).await;
        (loses != 1).then_some(answered)
    }

    /// The way of `who` to the server.
    pub fn way(&self, who: &str, role: Role) -> Way {
        Way { net: self.clone(), who: who.into(), role }
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.inner().dice.span(1, 120))
    }
}

/// One client's way to the server.
pub struct Way {
    net: Net,
    who: String,
    role: Role,
}

impl Connect for Way {
    type Io = DuplexStream;

    async fn connect(&mut self) -> io::Result<DuplexStream> {
        sleep(self.net.delay()).await;
        let (client, far_client) = duplex(1 << 16);
        let (server, far_server) = duplex(1 << 14);
        let carries = Signal::new(Carries::Well);
        {
            let mut inner = self.net.inner();
            let Some(hall) = inner.hall.clone() else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            inner.links.push(carries.clone());
            let peer = ([127, 0, 0, 1], 1).into();
            tokio::spawn(async move { hall.session(server, peer).await });
        }
        let (from_client, to_client) = split(far_client);
        let (from_server, to_server) = split(far_server);
        let up = Half { net: self.net.clone(), carries: carries.clone(), heard: None };
        let heard = Some((self.who.clone(), self.role, BytesMut::new()));
        let down = Half { net: self.net.clone(), carries, heard };
        tokio::spawn(up.carry(from_client, to_server));
        tokio::spawn(down.carry(from_server, to_client));
        Ok(client)
    }
}

/// One direction of a link.
struct Half {
    net: Net,
    carries: Control,
    /// What the server says to whom, as far as it was heard.
    heard: Option<(String, Role, BytesMut)>,
}

impl Half {
    async fn carry(mut self, mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
        let mut bytes = vec![0; 8 << 10];
        loop {
            let carries = self.carries.clone();
            let read = tokio::select! {
                biased;
                () = carries.until(|it| it == Carries::Cut) => return,
                read = from.read(&mut bytes) => read,
            };
            let Ok(read @ 1..) = read else { return };
            self.hear(&bytes[..read]);
            let mut wait = self.net.delay();
            let now = self.carries.get();
            match now {
                Carries::Well => {}
                Carries::Cut => return,
                Carries::Slowly => {
                    wait += Duration::from_secs(if self.heard.is_some() { 40 } else { 0 })
                }
                Carries::Nothing => {
                    carries.until(|it| it != Carries::Nothing).await;
                    return;
                }
            }
            sleep(wait).await;
            if self.carries.get() == Carries::Cut || to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some((who, role, stream)) = &mut self.heard else { return };
        stream.extend_from_slice(bytes);
        let mut codec = FrameCodec::for_client();
        while let Ok(Some(frame)) = codec.decode(stream) {
            match ServerMessage::decode(&frame) {
                Ok(message) => self.net.seen.said(who, *role, message, &frame),
                Err(error) => self.net.seen.wrong(format!("the server said {error}")),
            }
        }
    }
}

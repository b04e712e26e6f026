//! Typed async client of the wire: ask, get the answer, follow what happens; the connection looks after itself.
//!
//! One task owns the socket. It beats the heart, notices a dead peer, connects again with growing pauses, and sends
//! unanswered commands again under their keys, so that an answer, when it comes, is the answer to something done once.
//! It never waits for a slow reader of pushes: what does not fit is thrown away and made good by a fresh snapshot.
//!
//! ```text
//!            welcome                     lost: socket, silence, dropped
//!  connect ──────────> up ─────────────────────────────> down ── pause, hello with last_seq ──> up
//!     │ refused            every handle dropped             │ refused for good
//!     └──> error           └──> ended                       └──> ended, every request answered with it
//! ```

mod backoff;
mod connection;
mod error;
mod follow;
mod session;
mod tls;
mod transport;
pub mod unit;

pub use error::ClientError;
pub use follow::{Update, Updates};
pub use tls::{Tls, TlsFiles};
pub use transport::{Connect, Tcp, Way};
pub use unit::{Patrol, UnitClient, UnitNews};

use crate::protocol::{
    CLIENT_FRAME_BYTES_MAX, ClientMessage, Hello, IN_FLIGHT_MAX, Key, Reply, Request, RequestFrame,
    RequestNature, Welcome,
};
use connection::{Ask, Connection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot, watch};

/// Bounds and spans of a client.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Longest wait for connection and welcome together, ms.
    pub connect_ms: u64,
    /// First pause before connecting again, ms; doubled each time, with jitter.
    pub backoff_min_ms: u64,
    /// Longest pause before connecting again, ms.
    pub backoff_max_ms: u64,
    /// Unanswered requests at most; the next one waits in `request`.
    pub in_flight_max: usize,
    /// Updates that may wait for their reader; beyond it they are replaced by a fresh snapshot.
    pub updates_max: usize,
    /// Keep trying if the very first connection fails, rather than say so.
    pub patient: bool,
    /// Draws the jitter of these pauses.
    pub draw: fn() -> u64,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            backoff_min_ms: 100,
            backoff_max_ms: 5_000,
            in_flight_max: IN_FLIGHT_MAX,
            updates_max: 1_024,
            patient: false,
            draw: backoff::draw,
        }
    }
}

/// Whether the server hears us now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It does, and this is how it greeted us.
    Up(Welcome),
    /// It does not; the client goes on trying.
    Down {
        /// Attempts that failed since the link was lost.
        attempts: u32,
        /// Why it was lost, or why the last attempt failed.
        why: String,
    },
    /// It does not, and the client has stopped trying.
    Ended {
        /// Why.
        why: String,
    },
}

/// A handle on the connection; clones share it, and it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Client {
    asks: mpsc::Sender<Ask>,
    link: watch::Receiver<Link>,
    ids: Arc<AtomicU64>,
    updates_max: usize,
}

impl Client {
    /// Connects over plain TCP to `addr` (`host:port`) and says `hello`.
    ///
    /// # Errors
    /// The server cannot be reached, does not speak this protocol, or refuses the hello.
    pub async fn connect(addr: impl Into<String>, hello: Hello) -> Result<Self, ClientError> {
        Self::connect_with(Tcp::new(addr), hello, ClientConfig::default()).await
    }

    /// The same over any transport, with bounds of your own. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// As [`Client::connect`]; with `patient` only a refusal.
    pub async fn connect_with<C: Connect>(
        transport: C,
        hello: Hello,
        config: ClientConfig,
    ) -> Result<Self, ClientError> {
        let (asks, asked) = mpsc::channel(config.in_flight_max.max(1));
        let ids = Arc::new(AtomicU64::new(1));
        let updates_max = config.updates_max.max(1);
        let connection = Connection::new(transport, hello, config, asked, Arc::clone(&ids));
        let link = connection.establish().await?;
        Ok(Self { asks, link, ids, updates_max })
    }

    /// The same without waiting for the first connection: the link is down at first, and requests wait for it.
    /// A hello that is refused for good ends the client ([`Link::Ended`]).
    #[must_use]
    pub fn begin<C: Connect>(transport: C, hello: Hello, config: ClientConfig) -> Self {
        let (asks, asked) = mpsc::channel(config.in_flight_max.max(1));
        let ids = Arc::new(AtomicU64::new(1));
        let updates_max = config.updates_max.max(1);
        let connection = Connection::new(transport, hello, config, asked, Arc::clone(&ids));
        Self { asks, link: connection.begin(), ids, updates_max }
    }

    /// Asks, and waits for the answer, over as many connections as it takes. A command gets a fresh key, so sending it
    /// again is safe; put `tokio::time::timeout` around it to give up (it may then still have been done).
    ///
    /// # Errors
    /// [`ClientError::Rejected`] is the server's answer; everything else means that there was none.
    pub async fn request(&self, request: impl Into<Request>) -> Result<Reply, ClientError> {
        let request = request.into();
        let key = (request.nature() == RequestNature::Command)
            .then(|| Key(uuid::Uuid::new_v4().into_bytes()));
        self.ask(request, key, None).await
    }

    /// Asks under a key of your own: one that was written down before, so that a crash of this process
    /// does not do it twice either.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_with_key(
        &self,
        request: impl Into<Request>,
        key: Key,
    ) -> Result<Reply, ClientError> {
        self.ask(request.into(), Some(key), None).await
    }

    /// Asks the log `node` (of [`Welcome::node`]) and no other, under a key if there is one. Dropping the future takes
    /// the request back as far as it can be: it is not sent again on another connection.
    ///
    /// # Errors
    /// As [`Client::request`]; [`ClientError::OtherLog`] when the server has, or came back with, another log.
    pub async fn request_of_log(
        &self,
        node: u64,
        request: impl Into<Request>,
        key: Option<Key>,
    ) -> Result<Reply, ClientError> {
        self.ask(request.into(), key, Some(node)).await
    }

    /// Subscribes, and follows what happens: first a snapshot (or what was missed since the hello's `last_seq`), then
    /// pushes, over reconnections too. A second call takes the flow over from the first.
    ///
    /// # Errors
    /// The server rejects it for this role, or the client has ended.
    pub async fn pushes(&self) -> Result<Updates, ClientError> {
        let (updates, receiver) = mpsc::channel(self.updates_max);
        let (answer, answered) = oneshot::channel();
        self.send(Ask::Follow { updates, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(self.ended()))?;
        Ok(Updates::new(receiver))
    }

    /// Whether the server hears us now; the receiver wakes at every change.
    #[must_use]
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// The greeting of the connection that is up.
    #[must_use]
    pub fn welcome(&self) -> Option<Welcome> {
        match &*self.link.borrow() {
            Link::Up(welcome) => Some(welcome.clone()),
            Link::Down { .. } | Link::Ended { .. } => None,
        }
    }

    async fn ask(
        &self,
        request: Request,
        key: Option<Key>,
        node: Option<u64>,
    ) -> Result<Reply, ClientError> {
        let nature = request.nature();
        if nature == RequestNature::Session {
            return Err(ClientError::UsePushes);
        }
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let frame = ClientMessage::Request(RequestFrame { id, key, request }).encode();
        if frame.len() > CLIENT_FRAME_BYTES_MAX {
            let (len, max) = (frame.len(), CLIENT_FRAME_BYTES_MAX);
            return Err(ClientError::TooLarge { len, max });
        }
        let (answer, answered) = oneshot::channel();
        self.send(Ask::Request { id, frame, nature, node, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    async fn send(&self, ask: Ask) -> Result<(), ClientError> {
        self.asks.send(ask).await.map_err(|_| self.ended())
    }

    fn ended(&self) -> ClientError {
        let why = match &*self.link.borrow() {
            Link::Ended { why } => why.clone(),
            Link::Up(_) | Link::Down { .. } => "the client's task is gone".to_owned(),
        };
        ClientError::Closed { why }
    }
}

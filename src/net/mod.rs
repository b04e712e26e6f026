//! The listener: sessions over TCP, each with a role, speaking [`crate::protocol`].
//!
//! A session that misbehaves is told why and dropped; no other notices. Intake is taken beyond
//! every limit. Nothing here decides about a call: it converts, asks the engine's thread
//! ([`crate::service`]), and replies once that says it is on the disk.

mod census;
mod convert;
mod feed;
mod health;
mod metrics;
mod notices;
mod queries;
mod readings;
mod session;
mod shed;
mod stream;

use crate::config::Settings;
use crate::domain::UtcMs;
use crate::engine::State;
use crate::journal::{Journal, JournalError, Options};
use crate::seal::Keyring;
use crate::service::clock::RoomClock;
use crate::service::{self, CommitError, Handle};
use census::Census;
use feed::WireFeed;
use shed::{Shed, Tally};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

/// How long sessions may take to hear their last replies when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why the server does not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not loopback and nothing encrypts.
    #[error(
        "{0} is reachable from outside and this version speaks plain text: listen on 127.0.0.1, or set listen.plain_text_outside_loopback = true and a listen.token_file"
    )]
    Exposed(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// People could not be told of what they must be told.
    #[error("nobody could be told of an escalation: {0}")]
    Notices(String),
    /// The engine could not start, or stopped on a failed commit.
    #[error(transparent)]
    Engine(#[from] CommitError),
    /// The engine's thread panicked: an invariant did not hold.
    #[error(
        "the engine stopped on a broken invariant; the log is whole up to the last reply, start again"
    )]
    Panicked,
}

/// What all sessions share.
struct Server {
    handle: Handle<WireFeed>,
    clock: RoomClock,
    settings: Settings,
    /// Identity of the log; positions in two logs cannot be compared.
    node: u64,
    started_at: UtcMs,
    session_ids: AtomicU64,
    tally: Tally,
    sessions: AtomicUsize,
    census: Census,
    /// The session that speaks for each unit now.
    units: Mutex<HashMap<String, (u64, Arc<Notify>)>>,
    notes: Vec<String>,
    files: LogFiles,
    keyring: Keyring,
    /// Supervisors connected now, and how often.
    watchers: Arc<Mutex<HashMap<String, usize>>>,
    /// How the last test of each channel went.
    tests: crate::notify::Tests,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// Makes session `id` the voice of `unit`; an older one is told that it was replaced.
    fn take_unit(&self, unit: &str, id: u64) -> Arc<Notify> {
        let replaced = Arc::new(Notify::new());
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, older)) = units.insert(unit.to_owned(), (id, Arc::clone(&replaced))) {
            older.notify_one();
        }
        replaced
    }

    /// A supervisor's session began or ended.
    fn looks(&self, who: &str, now: bool) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = watchers.entry(who.to_owned()).or_default();
        *sessions = if now { *sessions + 1 } else { sessions.saturating_sub(1) };
        if *sessions == 0 {
            watchers.remove(who);
        }
    }

    /// Whether session `id` was still the voice of `unit`, which now has none.
    fn leave_unit(&self, unit: &str, id: u64) -> bool {
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        let own = units.get(unit).is_some_and(|(holder, _)| *holder == id);
        if own {
            units.remove(unit);
        }
        own
    }
}

/// A log opened and folded, ready to be served.
pub struct Opened<J> {
    /// The log.
    pub journal: J,
    /// Its fold.
    pub state: State,
    /// The keys to what is sealed in it.
    pub keyring: Keyring,
    /// What opening it found, for `health`.
    pub notes: Vec<String>,
    /// Its plain files, for what reads much of it beside the engine.
    pub files: LogFiles,
}

/// The archive and the witness of a log: plain files, read beside the engine's thread.
#[derive(Debug, Clone)]
pub struct LogFiles {
    /// The data folder.
    pub dir: PathBuf,
    /// How it was opened.
    pub options: Options,
}

/// Serves the room until `stop` resolves or the log fails. `ready` is told the address once
/// clients can connect.
///
/// # Errors
/// [`ServeError`]; what was acknowledged before is on the disk.
pub async fn serve<J: Journal + 'static>(
    settings: Settings,
    opened: Opened<J>,
    closing: impl FnOnce(J) -> Result<(), JournalError> + Send + 'static,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = settings.listen.address;
    let plain = settings.listen.plain_text_outside_loopback && !settings.tokens.is_empty();
    if !address.ip().is_loopback() && !plain {
        return Err(ServeError::Exposed(address));
    }
    let (listener, address) = bind(address).await?;
    let looks = match settings.metrics.listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let seq = opened.journal.last().seq;
    let (bell, ears) = crate::notify::bell();
    let feed = WireFeed::new(&opened.state, seq, settings.listen.resume_max, bell);
    let engine = service::Settings {
        rules: settings.rules.clone(),
        snapshot_every: settings.journal.snapshot_every,
        keep_live: settings.journal.keep_live,
        clock_rate: settings.drill.unwrap_or(1),
        keyring: opened.keyring.clone(),
        heads: settings.drill.is_none().then(|| service::heads_of(&opened.files.dir)),
    };
    let started = service::start(opened.journal, opened.state, engine, feed, closing)?;
    let node = node(&started.handle).await;
    let (stopper, stopping) = watch::channel(false);
    let server = Arc::new(Server {
        started_at: started.clock.now(),
        handle: started.handle,
        clock: started.clock,
        settings,
        node,
        session_ids: AtomicU64::new(1),
        tally: Tally::default(),
        sessions: AtomicUsize::new(0),
        census: Census::default(),
        units: Mutex::default(),
        notes: opened.notes,
        files: opened.files,
        keyring: opened.keyring,
        watchers: Arc::default(),
        tests: Arc::default(),
        stopping,
    });
    let telling = match notices::start(&server, ears) {
        Ok(telling) => telling,
        Err(why) => {
            server.handle.drain();
            wait_for(started.thread).await?;
            return Err(ServeError::Notices(why));
        }
    };
    info!(%address, "serving");
    let looks = looks.map(|(listener, address)| {
        info!(%address, "metrics and health");
        tokio::spawn(metrics::serve(Arc::clone(&server), listener))
    });
    ready(address);
    let engine_ended = wait_for(started.thread);
    tokio::pin!(engine_ended, stop);
    let canary = tokio::spawn(health::canary(Arc::clone(&server)));
    let early = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    tokio::spawn(session::run(Arc::clone(&server), socket, peer));
                }
                Err(error) => {
                    // Out of file handles, mostly: the sessions that are there go on.
                    warn!("a connection could not be taken: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut stop => break None,
            ended = &mut engine_ended => break Some(ended),
        }
    };
    canary.abort();
    if let Some(looks) = looks {
        looks.abort();
    }
    drop(listener);
    // Sessions stop reading; what they have asked is still answered, then the engine ends.
    let _ = stopper.send(true);
    notices::stop(telling).await;
    server.handle.drain();
    let outcome = match early {
        Some(ended) => ended,
        None => engine_ended.await,
    };
    let farewell = async {
        while server.sessions.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        warn!("some sessions did not take their last replies in time");
    }
    outcome
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn wait_for(
    thread: std::thread::JoinHandle<Result<(), CommitError>>,
) -> Result<(), ServeError> {
    match tokio::task::spawn_blocking(move || thread.join()).await {
        Ok(Ok(ended)) => Ok(ended?),
        Ok(Err(_)) | Err(_) => Err(ServeError::Panicked),
    }
}

/// The identity of the log: its first frame's chain, the same for good.
async fn node(handle: &Handle<WireFeed>) -> u64 {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let asked = handle.ask(move |room| {
        let first = room.ok().and_then(|room| room.journal.tail(1).ok()?.next()?.ok());
        let chain = first.map_or([0; 32], |frame| frame.chain());
        let [a, b, c, d, e, f, g, h, ..] = chain;
        // Nobody waits any more only when the server is gone.
        let _ = sender.send(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    });
    match asked {
        service::Asked::Queued => receiver.await.unwrap_or(0),
        service::Asked::Shed => 0,
    }
}

//! The listener: sessions over TCP, each with a role, speaking [`crate::protocol`].
//!
//! A session that misbehaves is told why and dropped; no other notices. Intake is taken beyond
//! every limit. Nothing here decides about a call: it converts, asks the engine's thread
//! ([`crate::service`]), and replies once that says it is on the disk.

mod answering;
mod arrival;
mod census;
mod certificates;
mod connections;
mod convert;
mod door;
mod error;
mod feed;
mod health;
mod limits;
mod metrics;
mod modem;
mod notices;
mod people;
mod post;
mod pressed;
mod queries;
mod readings;
mod reload;
mod session;
mod shed;
mod sip;
mod stream;
mod web;

pub use self::error::ServeError;

use crate::config::Settings;
use crate::domain::UtcMs;
use crate::engine::State;
use crate::journal::{Journal, JournalError, Options};
use crate::notify::Ears;
use crate::seal::Keyring;
use crate::service::clock::RoomClock;
use crate::service::{self, CommitError, Handle, Ring, Shift};
use census::Census;
use certificates::Certificates;
use connections::{Connections, Places};
pub use feed::WireFeed;
use limits::Door;
use post::Post;
use reload::{Reload, Reloads};
use shed::{Shed, Tally};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{info, warn};
pub use web::document;

/// What one side of [`Inside`] may write before the other reads.
const INSIDE_BYTES: usize = 64 * 1024;

/// How long sessions may take to hear their last replies when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// What all sessions share.
struct Server {
    handle: Handle<WireFeed>,
    post: Post,
    clock: RoomClock,
    settings: Settings,
    /// Identity of the log; positions in two logs cannot be compared.
    node: u64,
    started_at: UtcMs,
    session_ids: AtomicU64,
    tally: Tally,
    sessions: AtomicUsize,
    census: Census,
    door: Arc<Door>,
    /// Presses of the SOS page.
    flood: web::Flood,
    /// The session that speaks for each unit now.
    units: Mutex<HashMap<String, (u64, Arc<Notify>)>>,
    notes: Vec<String>,
    files: LogFiles,
    keyring: Keyring,
    /// Supervisors connected now, and how often.
    watchers: Arc<Mutex<HashMap<String, usize>>>,
    /// The telephone lines that ring.
    lines: Arc<sip::Lines>,
    /// How the last test of each channel went.
    tests: crate::notify::Tests,
    stopping: watch::Receiver<bool>,
    /// Who is let in; without them whoever reaches loopback.
    people: Option<Arc<people::Registry>>,
    /// Those of TLS; without them plain text is spoken.
    certificates: Option<Arc<Certificates>>,
    reloads: Reloads,
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

/// The server without its doors: what sessions need, and the engine's shift beside it. [`serve`]
/// puts a listener before it; a simulation brings its own connections and gives the engine its turns.
pub struct Hall {
    server: Arc<Server>,
    ears: Ears,
    stopper: watch::Sender<bool>,
}

/// Who and what is let in at the doors; a simulation has none.
#[derive(Default)]
struct Doors {
    certificates: Option<Arc<Certificates>>,
    people: Option<Arc<people::Registry>>,
    papers: Option<Arc<sip::Papers>>,
}

impl Hall {
    /// Opens the room on its log. `ring` as in [`Shift::begin`]. Must be called inside the runtime of its sessions.
    ///
    /// # Errors
    /// As [`Shift::begin`].
    pub fn open<J: Journal>(
        settings: Settings,
        opened: Opened<J>,
        clock: RoomClock,
        ring: Option<Ring>,
    ) -> Result<(Self, Shift<J, WireFeed>), CommitError> {
        Self::open_under(Doors::default(), settings, opened, clock, ring)
    }

    fn open_under<J: Journal>(
        doors: Doors,
        settings: Settings,
        opened: Opened<J>,
        clock: RoomClock,
        ring: Option<Ring>,
    ) -> Result<(Self, Shift<J, WireFeed>), CommitError> {
        let seq = opened.journal.last().seq;
        let (bell, ears) = crate::notify::bell();
        let lines = Arc::new(sip::Lines::default());
        let recent_max = settings.listen.resume_max;
        let feed = WireFeed::new(&opened.state, seq, recent_max, bell, Arc::clone(&lines));
        let engine = service::Settings {
            rules: settings.rules.clone(),
            snapshot_every: settings.journal.snapshot_every,
            keep_live: settings.journal.keep_live,
            clock_rate: settings.drill.unwrap_or(1),
            keyring: opened.keyring.clone(),
            // A simulated log has no folder.
            heads: (settings.drill.is_none() && opened.files.dir.is_dir())
                .then(|| service::heads_of(&opened.files.dir)),
        };
        let Opened { journal, state, keyring, notes, files } = opened;
        let (shift, handle) = Shift::begin(journal, state, engine, feed, clock.clone(), ring)?;
        let (handle, waking) = handle.gathered();
        let (post, carrying) = Post::new();
        tokio::spawn(waking);
        tokio::spawn(carrying);
        let node = node(shift.journal());
        let mut reloads = Reloads::default();
        let Doors { certificates, people, papers } = doors;
        if let Some(certificates) = &certificates {
            reloads.add(Arc::clone(certificates) as Arc<dyn Reload>);
        }
        if let Some(papers) = papers {
            reloads.add(papers as Arc<dyn Reload>);
        }
        // A drill reads them once.
        if let Some(people) = people.as_ref().filter(|_| settings.drill.is_none()) {
            reloads.add(Arc::clone(people) as Arc<dyn Reload>);
        }
        let (stopper, stopping) = watch::channel(false);
        let door = Arc::new(Door::new(settings.limits, clock.now()));
        let flood = web::Flood::new(settings.limits.presses, clock.now());
        let server = Arc::new(Server {
            started_at: clock.now(),
            handle,
            post,
            clock,
            certificates,
            people,
            reloads,
            settings,
            node,
            session_ids: AtomicU64::new(1),
            tally: Tally::default(),
            sessions: AtomicUsize::new(0),
            census: Census::default(),
            door,
            flood,
            units: Mutex::default(),
            notes,
            files,
            keyring,
            watchers: Arc::default(),
            lines,
            tests: Arc::default(),
            stopping,
        });
        Ok((Self { server, ears, stopper }, shift))
    }

    /// A way to the engine.
    #[must_use]
    pub fn handle(&self) -> Handle<WireFeed> {
        self.server.handle.clone()
    }

    /// What an outbox of this room hears by.
    pub fn ears(&self) -> &Ears {
        &self.ears
    }

    /// Serves one connection to its end.
    pub fn session<Io>(&self, io: Io, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<Io>
    where
        Io: AsyncRead + AsyncWrite + Send + 'static,
    {
        let arrival = door::Arrival::of(&self.server, peer);
        session::run(Arc::clone(&self.server), tokio::io::split(io), arrival)
    }

    /// Lets every session end in order.
    pub fn stop(&self) {
        // Nobody hears it when no session is left.
        let _ = self.stopper.send(true);
    }
}

/// A way in for this process itself, past the listener and its TLS.
pub struct Inside(Arc<Server>);

impl Inside {
    /// A connection on which nobody said hello yet. Must be called inside the runtime.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (theirs, ours) = tokio::io::duplex(INSIDE_BYTES);
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let arrival = door::Arrival::of(&self.0, here);
        tokio::spawn(session::run(Arc::clone(&self.0), tokio::io::split(ours), arrival));
        theirs
    }
}

/// Serves the room until `stop` resolves or the log fails. `ready` is told the address once
/// clients can connect. At each `hang_ups` what comes from files is read again.
///
/// # Errors
/// [`ServeError`]; what was acknowledged before is on the disk.
pub async fn serve<J: Journal + 'static>(
    settings: Settings,
    opened: Opened<J>,
    closing: impl FnOnce(J) -> Result<(), JournalError> + Send + 'static,
    ready: impl FnOnce(SocketAddr, Inside),
    mut hang_ups: mpsc::Receiver<()>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = settings.listen.address;
    let listen = &settings.listen;
    let plain = listen.plain_text_outside_loopback && listen.people_file.is_some();
    let certificates = Certificates::open(&settings.listen)?.map(Arc::new);
    if !address.ip().is_loopback() && certificates.is_none() && !plain {
        return Err(ServeError::Exposed(address));
    }
    let (listener, address) = bind(address).await?;
    let looks = bind_if(settings.metrics.listen).await?;
    let web = match settings.web.listen {
        Some(address) if !address.ip().is_loopback() && certificates.is_none() => {
            return Err(ServeError::WebExposed(address));
        }
        address => bind_if(address).await?,
    };
    let modem = bind_if(settings.sms.modem).await?;
    let papers = sip::Papers::open(&settings.sip, &settings.listen)?.map(Arc::new);
    let lines = sip::Addresses::bound(&settings.sip).await?;
    let ringing: Vec<_> = opened.state.ringing().collect();
    let rate = settings.drill.unwrap_or(1);
    let clock = RoomClock::start_at_rate(opened.state.at, rate);
    let people = people::Registry::of(&settings, &clock)?;
    let doors = Doors { certificates, people, papers: papers.clone() };
    let (hall, shift) = Hall::open_under(doors, settings, opened, clock, None)?;
    let Hall { server, ears, stopper } = hall;
    let started = shift.spawn(server.handle.clone(), server.clock.clone(), closing)?;
    let telling = match notices::start(&server, ears) {
        Ok(telling) => telling,
        Err(why) => {
            server.handle.drain();
            wait_for(started.thread).await?;
            return Err(ServeError::Notices(why));
        }
    };
    let tls = server.certificates.is_some();
    if let Some(problem) =
        server.certificates.as_ref().and_then(|it| it.problem(server.clock.wall_now()))
    {
        warn!("{problem}");
    }
    info!(%address, tls, "serving");
    let looks = looks.map(|(listener, address)| {
        info!(%address, "metrics and health");
        tokio::spawn(metrics::serve(Arc::clone(&server), listener))
    });
    let places = Places::of(&server.settings);
    let web = web.map(|(listener, address)| {
        info!(%address, tls, "calls over HTTP");
        let connections = Connections::new(listener, places.clone());
        tokio::spawn(web::serve(Arc::clone(&server), connections))
    });
    let modem = modem.map(|(listener, address)| {
        info!(%address, "text messages");
        let connections = Connections::new(listener, places.clone());
        tokio::spawn(modem::serve(Arc::clone(&server), connections))
    });
    for (address, tls) in [(lines.plain, false), (lines.tls, true)] {
        if let Some(address) = address {
            info!(%address, tls, "telephone lines");
        }
    }
    let lines = tokio::spawn(sip::serve(Arc::clone(&server), lines, papers, ringing));
    ready(address, Inside(Arc::clone(&server)));
    let engine_ended = wait_for(started.thread);
    tokio::pin!(engine_ended, stop);
    let canary = tokio::spawn(health::canary(Arc::clone(&server)));
    let recording = server
        .people
        .clone()
        .map(|registry| tokio::spawn(people::record_changes(Arc::clone(&server), registry)));
    let connections = Connections::new(listener, places);
    let early = loop {
        tokio::select! {
            accepted = connections.next(&server) => match accepted {
                Ok((socket, peer, place)) => {
                    let entering = door::enter(Arc::clone(&server), socket, peer);
                    tokio::spawn(async move {
                        entering.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file handles, mostly: the sessions that are there go on.
                    warn!("a connection could not be taken: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(()) = hang_ups.recv() => {
                let server = Arc::clone(&server);
                // It waits for a disk that may hang.
                tokio::task::spawn_blocking(move || server.reloads.again());
            }
            () = &mut stop => break None,
            ended = &mut engine_ended => break Some(ended),
        }
    };
    canary.abort();
    if let Some(recording) = recording {
        recording.abort();
    }
    for listening in looks.into_iter().chain(web).chain(modem) {
        listening.abort();
    }
    drop(connections);
    // Sessions stop reading; what they have asked is still answered, then the engine ends.
    let _ = stopper.send(true);
    notices::stop(telling).await;
    // A line that rings hears that it must look elsewhere.
    if let Err(panicked) = lines.await {
        warn!("the telephone lines: {panicked}");
    }
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

async fn bind_if(
    address: Option<SocketAddr>,
) -> Result<Option<(TcpListener, SocketAddr)>, ServeError> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
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
fn node(journal: &dyn Journal) -> u64 {
    let first = journal.tail(1).ok().and_then(|mut frames| frames.next()?.ok());
    let [a, b, c, d, e, f, g, h, ..] = first.map_or([0; 32], |frame| frame.chain());
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

//! The loop of the engine's thread.

use super::clock::{RoomClock, Stopwatch};
use super::handle::{Answering, Failed, Handle, Message, Ring};
use super::heads::keep_head;
use super::inbox::{Inbox, Woken, inbox};
use super::pulse::Pulse;
use super::record::note_erasure;
use super::snapshots::{Snapshots, Stepped};
use super::writer::{CommitError, Kept, Writer};
use crate::domain::{Actor, Callsign, Command, Dated, Link, Order, Rejection, Role, Rules, UtcMs};
use crate::engine::{Accepted, Engine, State};
use crate::journal::{Journal, JournalError, Tail, Trimmed};
use crate::seal::{Gone, Keyring};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::{error, info, warn};

/// Orders waiting for the engine at once; more wait in their sessions.
const ORDERS_MAX: usize = 8_192;
/// Questions waiting at once; more are shed.
const ASKS_MAX: usize = 512;
/// Orders decided into one commit: half of what waits, so that the network is busy with those answers while the disk
/// takes the rest; but no fewer than this, for every commit costs the same, and no more than that.
const BATCH_MIN: usize = 32;
const BATCH_MAX: usize = 1_024;
/// Events of timers fired into one commit, so that an outage's backlog lets commands between.
const TICK_EVENTS_MAX: usize = 2_048;

/// How long after a vain attempt the log is asked again to take over what is kept aside.
const REOPEN_MS: u64 = 5_000;

/// Who hears of what is committed. Called on the engine's thread, after the commit.
pub trait Feed: Send + 'static {
    /// `events` are on the disk, but for those of which [`State::is_durable`] says that they are not; `state` is the
    /// room after them.
    fn committed(&mut self, state: &State, events: &[Dated]);
}

/// Nobody.
pub struct NoFeed;

impl Feed for NoFeed {
    fn committed(&mut self, _state: &State, _events: &[Dated]) {}
}

/// What a question sees: the room as the disk has it.
pub struct Room<'a, F> {
    /// The core.
    pub engine: &'a Engine,
    /// Who hears of commits.
    pub feed: &'a mut F,
    /// The log.
    pub journal: &'a mut dyn Journal,
    /// Where it ends.
    pub tail: Tail,
    /// How the thread fares.
    pub pulse: &'a mut Pulse,
    /// The keys to what is sealed in the log.
    pub keyring: &'a Keyring,
    archiving: &'a mut bool,
    snapshots: &'a mut Snapshots<F>,
}

impl<F: 'static> Room<'_, F> {
    /// Takes a snapshot of now or later. When it is kept, `told` hears on the engine's thread where it stands, and its
    /// size in bytes.
    pub fn take_snapshot(
        &mut self,
        told: impl FnOnce(Result<(u64, u64), &JournalError>) + Send + 'static,
    ) {
        self.snapshots.ask(Box::new(told));
    }

    /// Moves what is old to the archive, a step after each of the next turns.
    pub fn archive(&mut self) {
        *self.archiving = true;
    }
}

/// How the thread is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rules of the room.
    pub rules: Rules,
    /// Transitions from one snapshot to the next.
    pub snapshot_every: u64,
    /// What is older moves to the archive.
    pub keep_live: Duration,
    /// How many times faster than time the room's clock goes; 1 but for a drill.
    pub clock_rate: u32,
    /// The keys under which what may name her is sealed.
    pub keyring: Keyring,
    /// Where the signed head of each day goes; nowhere in a drill.
    pub heads: Option<PathBuf>,
}

/// A running engine thread.
pub struct Started<F> {
    /// The way to it.
    pub handle: Handle<F>,
    /// Room time.
    pub clock: RoomClock,
    /// The thread; ends after [`Handle::drain`], or with the error that stopped the room.
    pub thread: std::thread::JoinHandle<Result<(), CommitError>>,
}

/// Starts the engine's thread on `state`, the fold of `journal`. `closing` gets the log back at an
/// orderly end.
///
/// # Errors
/// The log cannot be taken over, or the first commit fails.
pub fn start<J: Journal + 'static, F: Feed>(
    journal: J,
    state: State,
    settings: Settings,
    feed: F,
    closing: impl FnOnce(J) -> Result<(), JournalError> + Send + 'static,
) -> Result<Started<F>, CommitError> {
    let clock = RoomClock::start_at_rate(state.at, settings.clock_rate);
    let (shift, handle) = Shift::begin(journal, state, settings, feed, clock.clone(), None)?;
    shift.spawn(handle, clock, closing)
}

/// An order decided and waiting for its commit.
struct Pending {
    decided: Result<Accepted, Rejection>,
    answer: Answering,
    /// It promises that keys are gone.
    erases: bool,
}

/// The engine at work: its loop, a turn at a time. It has a thread of its own, but in a simulation,
/// which gives it its turns.
pub struct Shift<J, F> {
    inbox: Inbox<F>,
    engine: Engine,
    writer: Writer<J>,
    clock: RoomClock,
    feed: F,
    settings: Settings,
    snapshots: Snapshots<F>,
    pulse: Pulse,
    archiving: bool,
    /// What is erased by the log and has its keys still in the keyring's file.
    unerased: Gone,
    events: Vec<Dated>,
    /// When the log is next asked to take over what is kept aside.
    reopen_at: Option<UtcMs>,
}

impl<J: Journal, F: Feed> Shift<J, F> {
    /// Takes `journal` over, whose fold is `state`, and does what a start does before anybody is
    /// heard. `ring` is rung after each message, for whoever gives the turns.
    ///
    /// # Errors
    /// The log cannot be taken over, or the first commit fails.
    pub fn begin(
        journal: J,
        state: State,
        settings: Settings,
        feed: F,
        clock: RoomClock,
        ring: Option<Ring>,
    ) -> Result<(Self, Handle<F>), CommitError> {
        let node = format!("pid {}", std::process::id());
        let writer = Writer::take_over(journal, &node, settings.keyring.clone())?;
        let snapshots = Snapshots::of(writer.journal(), settings.snapshot_every)?;
        let (way, inbox) = inbox();
        let mut shift = Self {
            inbox,
            engine: Engine::new(state, clock.now()),
            writer,
            clock,
            feed,
            settings,
            snapshots,
            pulse: Pulse::default(),
            archiving: false,
            unerased: Gone::default(),
            events: Vec::new(),
            reopen_at: None,
        };
        shift.open()?;
        let handle = Handle {
            ring,
            way,
            gather: None,
            orders: Arc::new(Semaphore::new(ORDERS_MAX)),
            asks: Arc::new(Semaphore::new(ASKS_MAX)),
        };
        Ok((shift, handle))
    }

    /// Gives the loop a thread.
    ///
    /// # Errors
    /// The machine has none to give.
    pub fn spawn(
        mut self,
        handle: Handle<F>,
        clock: RoomClock,
        closing: impl FnOnce(J) -> Result<(), JournalError> + Send + 'static,
    ) -> Result<Started<F>, CommitError>
    where
        J: 'static,
    {
        self.snapshots.make_apart(handle.way.weak());
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || self.run(closing))
            .map_err(|source| JournalError::Io {
                what: "starting the engine's thread".into(),
                source,
            })?;
        Ok(Started { handle, clock, thread })
    }

    /// The core.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The log.
    pub fn journal(&self) -> &J {
        self.writer.journal()
    }

    /// Whether a turn has something to do, whatever the time.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.inbox.is_empty() || self.has_upkeep()
    }

    /// Whether there is a step of a snapshot or of archiving to do. What no log takes must not be overtaken by either.
    fn has_upkeep(&self) -> bool {
        (self.snapshots.is_at_work() || self.archiving) && self.engine.state().spilled().is_none()
    }

    /// What a start does before anybody is heard: the rules of today, a clock that was behind its
    /// log, and units whose clients cannot be connected any more.
    fn open(&mut self) -> Result<(), CommitError> {
        // What was kept aside was merged when the log was opened, before this process took it over.
        self.own(Command::RecordMerge);
        let rules = Box::new(self.settings.rules.clone());
        self.own(Command::AdoptRules(rules));
        let ahead_ms = self.clock.wall_ahead_ms();
        if ahead_ms < 0 {
            warn!(
                ahead_ms,
                "the wall clock is behind the log; room time goes on from the log's end"
            );
            self.own(Command::RecordClockStep { by_ms: ahead_ms });
        }
        let linked: Vec<Callsign> = self
            .engine
            .state()
            .units()
            .filter(|(_, unit)| unit.link == Link::Up)
            .map(|(callsign, _)| callsign.clone())
            .collect();
        for unit in linked {
            self.own(Command::SetLink { unit, up: false });
        }
        self.commit()
    }

    /// An order of the room itself.
    fn own(&mut self, command: Command) {
        let order = Order { by: Actor::room(), key: None, command };
        if let Err(rejection) = self.engine.submit(self.clock.now(), &order, &mut self.events) {
            warn!(code = rejection.code(), "the room rejected its own order: {rejection}");
        }
    }

    fn run(
        mut self,
        closing: impl FnOnce(J) -> Result<(), JournalError>,
    ) -> Result<(), CommitError> {
        let mut draining = false;
        // The last snapshot is taken at once, and what is old waits for the next start.
        while !draining || !self.inbox.is_empty() {
            draining |= !draining && self.wait() == Woken::Alone;
            draining |= self.take_turn(draining)?;
        }
        closing(self.writer.into_journal())?;
        Ok(())
    }

    /// One turn: a share of what waits and all that is due, decided, committed, answered. True: drain.
    ///
    /// # Errors
    /// The commit failed; nothing of this turn was answered but so, and the room must end.
    pub fn turn(&mut self) -> Result<bool, CommitError> {
        self.take_turn(false)
    }

    fn take_turn(&mut self, mut draining: bool) -> Result<bool, CommitError> {
        self.try_reopen();
        if let Some(step_ms) = self.clock.wall_step_ms() {
            warn!(step_ms, "the wall clock was set; no deadline moves");
            self.own(Command::RecordClockStep { by_ms: step_ms });
        }
        let (mut pending, mut asks) = (Vec::new(), Vec::new());
        let now = self.clock.now();
        let full = self.writer.journal().is_full();
        for message in self.inbox.take(BATCH_MIN, BATCH_MAX) {
            match message {
                Message::Order { order, answer, .. } if full && !is_urgent(&order) => {
                    answer(Err(Failed::Log(FULL.into())), None);
                }
                Message::Order { order, answer, .. } => {
                    let erases = matches!(order.command, Command::EraseIdentity { .. });
                    let decided = self.engine.submit(now, &order, &mut self.events);
                    pending.push(Pending { decided, answer, erases });
                }
                Message::Ask { ask, .. } => asks.push(ask),
                Message::Snapshot(made) => self.snapshots.made(made),
                Message::Drain => draining = true,
            }
        }
        self.engine.tick(self.clock.now(), TICK_EVENTS_MAX, &mut self.events);
        if let Err(error) = self.commit() {
            let failed = Failed::Log(error.to_string());
            for order in pending {
                (order.answer)(Err(failed.clone()), None);
            }
            for ask in asks {
                ask(Err(&failed));
            }
            return Err(error);
        }
        for order in pending {
            let outcome = match &order.decided {
                Ok(_) if order.erases && !self.unerased.is_nothing() => Err(Failed::Keyring),
                _ => Ok(order.decided),
            };
            (order.answer)(outcome, Some(self.engine.state()));
        }
        for ask in asks {
            let tail = self.writer.tail();
            ask(Ok(&mut Room {
                engine: &self.engine,
                feed: &mut self.feed,
                journal: self.writer.journal_mut(),
                tail,
                pulse: &mut self.pulse,
                keyring: &self.settings.keyring,
                archiving: &mut self.archiving,
                snapshots: &mut self.snapshots,
            }));
        }
        self.upkeep(draining);
        self.archive_step();
        Ok(draining)
    }

    /// Sleeps until a message comes or the next deadline is there.
    fn wait(&self) -> Woken {
        if self.has_upkeep() {
            return self.inbox.wait(Some(Duration::ZERO));
        }
        let deadlines = self.engine.next_deadline().into_iter().chain(self.reopen_at);
        self.inbox.wait(deadlines.min().map(|deadline| self.clock.until(deadline)))
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        if self.events.is_empty() {
            return Ok(());
        }
        self.sign_the_day_that_ended();
        let watch = Stopwatch::start();
        if let Kept::Aside { first } = self.writer.commit(&self.events)? {
            self.say_spilled(first)?;
        }
        self.pulse.committed(self.clock.now(), watch.elapsed(), &self.events);
        self.feed.committed(self.engine.state(), &self.events);
        for dated in &self.events {
            note_erasure(&mut self.unerased, dated.seq, &dated.transition.event);
        }
        self.snapshots.erased(self.unerased.upto);
        self.events.clear();
        self.destroy_keys();
        Ok(())
    }

    /// Says in the chain where it left the log, when it just did.
    fn say_spilled(&mut self, first: u64) -> Result<(), CommitError> {
        if self.engine.state().spilled().is_some() {
            return Ok(());
        }
        error!(first, "the log takes nothing: transitions are kept aside, and are not durable");
        let said = self.events.len();
        self.own(Command::RecordSpill { first });
        self.writer.commit(&self.events[said..])?;
        self.reopen_at = Some(self.clock.now().plus(REOPEN_MS));
        Ok(())
    }

    /// Asks the log, when it is time, to take over what is kept aside.
    fn try_reopen(&mut self) {
        let now = self.clock.now();
        if self.reopen_at.is_none_or(|at| now < at) {
            return;
        }
        match self.writer.journal_mut().reopen() {
            Ok(merged) => {
                self.reopen_at = None;
                info!(?merged, "the log has taken over what was kept aside");
                self.own(Command::RecordMerge);
            }
            Err(error) => {
                warn!("the log still takes nothing: {error}");
                self.reopen_at = Some(now.plus(REOPEN_MS));
            }
        }
    }

    /// When the log is next asked, for whoever gives the turns.
    #[must_use]
    pub fn reopen_at(&self) -> Option<UtcMs> {
        self.reopen_at
    }

    /// Before the first transition of a later day, so that no crash leaves a day out.
    fn sign_the_day_that_ended(&self) {
        let (tail, first) = (self.writer.tail(), self.events.first());
        let ended = first.is_some_and(|first| first.at.day() > tail.at.day());
        let Some(dir) = self.settings.heads.as_ref().filter(|_| ended && tail.seq > 0) else {
            return;
        };
        let head = self.settings.keyring.sign(tail.seq, tail.chain, tail.at);
        match keep_head(dir, &head) {
            Ok(_) => {
                info!(seq = head.seq, chain = %head.chain, at = %head.at, "the day's head is signed")
            }
            Err(error) => warn!("the head of the day that ended could not be kept: {error}"),
        }
    }

    /// What the log says is erased, no key may open. Done before anybody is told, and again until it is on the disk;
    /// a crash in between is made good by the next start, which meets the event on its way.
    fn destroy_keys(&mut self) {
        if self.unerased.is_nothing() {
            return;
        }
        match self.settings.keyring.erase(&self.unerased) {
            Ok(()) => {
                let Gone { calls, trails_before_day, .. } = std::mem::take(&mut self.unerased);
                info!(calls = calls.len(), trails_before_day, "erased: the keys are destroyed");
            }
            Err(why) => error!(%why, "keys of what was erased are still on the disk; trying again"),
        }
    }

    /// What is older may be archived.
    fn horizon(&self) -> UtcMs {
        let keep_ms = u64::try_from(self.settings.keep_live.as_millis()).unwrap_or(u64::MAX);
        UtcMs(self.clock.now().since(UtcMs(keep_ms)))
    }

    /// Snapshots, and what is old to the archive. A failure here loses nothing.
    fn upkeep(&mut self, closing: bool) {
        self.destroy_keys();
        if self.engine.state().spilled().is_some() {
            return self.snapshots.refuse("the log takes nothing");
        }
        if !closing {
            self.archiving |= self.snapshots.step(self.writer.journal_mut()) == Stepped::Kept;
        }
        // Past a snapshot no start meets an erasure any more whose keys are still there.
        if !self.unerased.is_nothing() {
            return self.snapshots.refuse("an erasure is not on the disk yet");
        }
        let tail = self.writer.tail();
        if closing {
            self.take_last_snapshot(&tail);
        } else if self.snapshots.is_due(&tail) {
            self.snapshots.begin(self.engine.state(), tail, &self.settings.keyring);
        }
    }

    /// At once: nobody waits for the room any more but for its end.
    fn take_last_snapshot(&mut self, tail: &Tail) {
        if !self.snapshots.is_last_due(tail) {
            return;
        }
        match self.writer.snapshot(&self.engine.state().freeze()) {
            Ok(manifest) => self.snapshots.kept(&manifest),
            Err(error) => self.snapshots.failed(&error),
        }
        while self.snapshots.is_at_work() {
            self.snapshots.step(self.writer.journal_mut());
        }
    }

    /// One bounded step of archiving, between two commits, so that no call waits for it.
    fn archive_step(&mut self) {
        // One that is not read back yet must not be what is archived up to.
        let waits = self.engine.state().spilled().is_some() || self.snapshots.is_at_work();
        if !self.archiving || waits {
            return;
        }
        let horizon = self.horizon();
        match self.writer.archive_step(horizon) {
            Ok(Trimmed { moved, more, .. }) => {
                self.archiving = more;
                if moved > 0 {
                    info!(moved, "transitions moved to the archive");
                }
            }
            Err(error) => {
                self.archiving = false;
                warn!("nothing was archived: {error}");
            }
        }
    }
}

/// Why an order is not taken when even the memory for what is kept aside is full.
const FULL: &str =
    "no disk takes anything and the memory for it is full: calls and alarms are still taken";

/// What is taken even then.
fn is_urgent(order: &Order) -> bool {
    let call = matches!(
        order.command,
        Command::PlaceCall { .. }
            | Command::SetSafetyTimer { .. }
            | Command::Panic { .. }
            | Command::CancelPress { .. }
    );
    // The room's own: notices, above all.
    call || order.by.role == Role::Room
}

//! The durable outbox: what the log says people are still to be told, made into notices, and what
//! came of them put back into the log.
//!
//! ```text
//!  commit ──ring──> what is unsettled? ──> plan ──> NoticesIntended ──commit──> Runner ──> person
//!                         ▲                                                       │
//!                         └── NoticeDelivered, NoticeFailed, in the log <─────────┘
//! ```
//! It keeps nothing of its own that a crash could lose: the committed state says which rungs were
//! told without anybody having decided whom to tell, and which notices have no result yet. What
//! was sent and not recorded is sent again under the same id. One thread, asleep until it is
//! rung; the engine's thread does no more than ring.

mod daily;
mod work;

use super::plan::plan;
use super::{Letter, Outcome, Problem, Report, Roster, Runner, Senders, Sent, Unsent};
use crate::domain::{Actor, Command, Event, Order, Recipient, Rejection, Role, UtcMs};
use crate::service::clock::RoomClock;
use crate::service::{Asked, Feed, Handle};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use daily::Daily;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use tracing::warn;
use work::Work;

/// When the room is too busy to be asked, or the runner is full, it is tried again after this.
const BUSY_MS: u64 = 500;

enum Ring {
    /// Something in the log concerns notices.
    Changed,
    /// No log takes anything any more, or one does again.
    Disks { durable: bool },
    /// End.
    Stop,
}

/// Rings the outbox; never waits.
#[derive(Clone)]
pub struct Bell(Sender<Ring>);

/// What the outbox hears by.
pub struct Ears {
    rung: Receiver<Ring>,
    ring: Sender<Ring>,
}

/// A bell for the feed, and the ears that hear it.
#[must_use]
pub fn bell() -> (Bell, Ears) {
    let (ring, rung) = unbounded();
    (Bell(ring.clone()), Ears { rung, ring })
}

impl Ears {
    /// Whether it rang since this was last asked.
    #[must_use]
    pub fn rang(&self) -> bool {
        self.rung.try_iter().count() > 0
    }
}

impl Bell {
    /// Rings if `event` leaves something to tell, or settles something.
    pub fn heard_of(&self, event: &Event) {
        let disks = match event {
            Event::SpillBegan { .. } => Some(false),
            Event::SpillMerged { .. } => Some(true),
            _ => None,
        };
        if let Some(durable) = disks {
            // Nobody hears it when there is nobody to be told.
            let _ = self.0.send(Ring::Disks { durable });
        }
        let concerns = matches!(
            event,
            Event::Escalated { .. }
                | Event::NoticesIntended { .. }
                | Event::NoticeFailed { .. }
                | Event::EscalationSeen { .. }
        );
        // One ring that is not heard yet is enough for whatever came since. Nobody hears it when
        // there is nobody to be told.
        if concerns && self.0.is_empty() {
            let _ = self.0.send(Ring::Changed);
        }
    }
}

/// What came of the last test of each channel: the problem, if there was one.
pub type Tests = Arc<Mutex<BTreeMap<Recipient, Option<Problem>>>>;

/// What the outbox works with.
pub struct Desk {
    /// The room's name.
    pub room: Box<str>,
    /// Its zone.
    pub zone: TimeZone,
    /// Who is told.
    pub roster: Arc<Roster>,
    /// Whether somebody's live feed is open.
    pub looks: Box<dyn Fn(&str) -> bool + Send>,
    /// Makes the report of the day that ended before an instant.
    pub report: Box<dyn Fn(UtcMs) -> Option<Report> + Send>,
    /// Who is told that the room's disks take nothing, by name.
    pub wardens: Vec<Box<str>>,
    /// Where the results of tests are kept, for `health`.
    pub tests: Tests,
}

/// The running outbox.
pub struct Outbox {
    ring: Sender<Ring>,
    thread: JoinHandle<()>,
}

/// Notices posted to the runner: which escalation each is of.
type Posted = Arc<Mutex<BTreeMap<u64, u64>>>;

impl Outbox {
    /// Starts it. `runtime` carries its orders to the engine.
    ///
    /// # Errors
    /// A channel that cannot send, or no thread to be had; in words, for whoever keeps
    /// dispatch.toml.
    pub fn start<F: Feed>(
        desk: Desk,
        ears: Ears,
        handle: Handle<F>,
        clock: RoomClock,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, String> {
        let clock_now = clock.clone();
        let now: Arc<dyn Fn() -> UtcMs + Send + Sync> = Arc::new(move || {
            // Receivers go by the wall clock; room time goes on as it was when somebody set it.
            UtcMs(clock_now.now().0.saturating_add_signed(clock_now.wall_ahead_ms()))
        });
        let senders = Senders::of(&desk.roster, &now)
            .map_err(|(channel, error)| format!("channel {channel:?}: {error}"))?;
        let clerk = Arc::new(Clerk::new(handle, Arc::clone(&desk.tests)));
        let no_thread = |error| format!("no thread for notices: {error}");
        let (recording, carrier) = (Arc::clone(&clerk), runtime.clone());
        let record = move |sent| carrier.block_on(recording.record(&sent));
        let runner =
            Runner::start(senders, &desk.roster, clock.clone(), record).map_err(no_thread)?;
        let daily = Daily::after(&desk, clock.now());
        let Ears { rung, ring } = ears;
        let inside = Inside { desk, clerk, runtime, clock, runner, daily };
        let thread = std::thread::Builder::new()
            .name("outbox".into())
            .spawn(move || inside.run(&rung))
            .map_err(no_thread)?;
        Ok(Self { ring, thread })
    }

    /// Ends it: what is under way ends within its limit, the rest goes out after the next start.
    pub fn stop(self) {
        // Nobody hears it when it is gone already.
        let _ = self.ring.send(Ring::Stop);
        if self.thread.join().is_err() {
            warn!("the outbox panicked; what was not sent goes out after the next start");
        }
    }
}

/// Sends what is posted; its outcome comes back to [`Clerk::record`].
pub trait Post {
    /// Takes a notice to be sent by `channel` after so many attempts.
    ///
    /// # Errors
    /// It was not taken.
    fn post(&self, letter: Letter, channel: &str, attempts: u32, now: UtcMs) -> Result<(), Unsent>;

    /// This notice needs no sending any more.
    fn forget(&self, notice: u64);
}

impl Post for Runner {
    fn post(&self, letter: Letter, channel: &str, attempts: u32, now: UtcMs) -> Result<(), Unsent> {
        Self::post(self, letter, channel, attempts, now)
    }

    fn forget(&self, notice: u64) {
        Self::forget(self, notice);
    }
}

/// Puts into the log whom to tell and what came of it. What it does takes no thread of its own: it
/// is called by those that send, by the outbox's, or by a simulation.
pub struct Clerk<F> {
    handle: Handle<F>,
    posted: Posted,
    tests: Tests,
}

impl<F: Feed> Clerk<F> {
    /// A clerk who has posted nothing yet. `tests` is where the results of daily tests go.
    pub fn new(handle: Handle<F>, tests: Tests) -> Self {
        Self { handle, posted: Posted::default(), tests }
    }

    /// Gives an order and waits until it is on the disk. False: the log took nothing.
    async fn give(&self, command: Command) -> bool {
        let order = Order { by: Actor::new("notices", Role::Room), key: None, command };
        match self.handle.submit(order).await {
            // A call that was forgotten meanwhile has nothing to be told any more.
            Ok(Ok(_) | Err(Rejection::UnknownEscalation(_))) => true,
            Ok(Err(rejection)) => {
                warn!(code = rejection.code(), "a notice's record was rejected: {rejection}");
                true
            }
            Err(_) => false,
        }
    }

    /// Puts what came of an attempt into the log.
    pub async fn record(&self, sent: &Sent) {
        let (problem, ended) = match &sent.outcome {
            Outcome::Delivered => (None, true),
            Outcome::Again { problem, .. } => (Some(problem.clone()), false),
            Outcome::GaveUp { problem } => (Some(problem.clone()), true),
        };
        if daily::is_daily(sent.notice) {
            if let Some(problem) = &problem {
                warn!(person = %sent.person, channel = %sent.channel, "test or report: {problem}");
            }
            if ended {
                let to = Recipient { person: sent.person.clone(), channel: sent.channel.clone() };
                lock(&self.tests).insert(to, problem);
            }
            return;
        }
        let notice = sent.notice;
        let Some(escalation) = lock(&self.posted).get(&notice).copied() else {
            return;
        };
        let command = match problem {
            None => Command::RecordDelivery { escalation, notice },
            Some(problem) => {
                let problem = problem.into();
                Command::RecordFailure { escalation, notice, gave_up: ended, problem }
            }
        };
        let recorded = self.give(command).await;
        // Without a record it stays posted here, and is sent again after a restart.
        if ended && recorded {
            lock(&self.posted).remove(&notice);
        }
    }

    /// Decides and posts all that is unsettled; false: there is more, or the room was too busy.
    pub async fn settle(&self, desk: &Desk, post: &impl Post, now: UtcMs) -> bool {
        let Some(work) = self.ask().await else {
            return false;
        };
        for notice in &work.settled {
            // Seen, or of a call that is forgotten: nothing is left to send.
            post.forget(*notice);
            lock(&self.posted).remove(notice);
        }
        let mut done = work.all;
        for undecided in &work.undecided {
            let to = plan(&desk.roster, &undecided.due(), &undecided.past(), &desk.looks);
            let to = to.intents.into_iter();
            let to = to.map(|it| Recipient { person: it.person, channel: it.channel }).collect();
            let escalation = undecided.escalation();
            done &= self.give(Command::IntendNotices { escalation, to }).await;
        }
        for pending in work.pending {
            let (escalation, notice) = (pending.escalation, pending.notice);
            let channel = pending.channel.clone();
            let gone = |problem: &str| {
                let problem = problem.into();
                Command::RecordFailure { escalation, notice, gave_up: true, problem }
            };
            let attempts = pending.attempts;
            let Some(letter) = pending.letter(desk) else {
                done &= self.give(gone("dispatch.toml names no such person any more")).await;
                continue;
            };
            lock(&self.posted).insert(notice, escalation);
            match post.post(letter, &channel, attempts, now) {
                Ok(()) => {}
                Err(unsent) => {
                    lock(&self.posted).remove(&notice);
                    done &= unsent == Unsent::NoChannel
                        && self.give(gone("dispatch.toml names no such channel any more")).await;
                }
            }
        }
        done
    }

    /// What the committed state says is to be done; `None` when the room is too busy to say.
    async fn ask(&self) -> Option<Work> {
        let posted = lock(&self.posted).clone();
        let (sender, receiver) = oneshot::channel();
        let asked = self.handle.ask(move |room| {
            if let Ok(room) = room {
                // Nobody waits for it when the outbox has ended.
                let _ = sender.send(Work::of(room.engine.state(), &posted));
            }
        });
        if asked == Asked::Shed { None } else { receiver.await.ok() }
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the outbox's thread has.
struct Inside<F> {
    desk: Desk,
    clerk: Arc<Clerk<F>>,
    runtime: tokio::runtime::Handle,
    clock: RoomClock,
    runner: Runner,
    daily: Daily,
}

impl<F: Feed> Inside<F> {
    fn run(mut self, rung: &Receiver<Ring>) {
        loop {
            // What was left by a crash is there before anything rings.
            let now = self.clock.now();
            let settling = self.clerk.settle(&self.desk, &self.runner, now);
            let busy = !self.runtime.block_on(settling);
            let now = self.clock.now();
            let mut wake_at = self.daily.next_at();
            if busy {
                wake_at = wake_at.min(now.plus(BUSY_MS));
            }
            let mut letters = Vec::new();
            match rung.recv_timeout(self.clock.until(wake_at)) {
                Ok(Ring::Disks { durable }) => {
                    letters = self.daily.disks(&self.desk, self.clock.now(), durable);
                }
                Ok(Ring::Changed) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Ring::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            letters.extend(self.daily.due(&self.desk, self.clock.now()));
            for (letter, channel) in letters {
                let now = self.clock.now();
                if let Err(unsent) = self.runner.post(letter, &channel, 0, now) {
                    warn!(%channel, "a letter of no call was not sent: {unsent}");
                }
            }
        }
        self.runner.stop();
    }
}

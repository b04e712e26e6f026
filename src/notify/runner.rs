//! The threads that send. One notice a channel at a time and several channels at once: a slow
//! destination holds up its own notices and nobody else's.
//!
//! ```text
//!  post ──> lane a: due now [most urgent first] │ due later [by time] ──┐
//!           lane b: ...                                                 ├──> threads ──> report
//!           lane c: ...                             (one at a time) ────┘        again: due later
//! ```
//! Nothing here is durable: what is posted was intended in the log before, and what has no result
//! there is posted again after a crash. What is told to the report is for the log.

use super::retry::Retry;
use super::{Channel, CommandLine, Email, Kind, Letter, Roster, SendError, Webhook};
use crate::domain::UtcMs;
use crate::service::clock::RoomClock;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tracing::error;

/// Notices queued or under way at once; the log keeps the rest.
pub const QUEUED_MAX: usize = 16_384;
/// Threads that send.
pub const THREADS_MAX: usize = 8;

/// The sender of each channel; none for a feed.
pub struct Senders(BTreeMap<Box<str>, Option<Arc<dyn Channel>>>);

impl Senders {
    /// The senders that `roster` asks for. `now` is the wall clock that receivers check.
    ///
    /// # Errors
    /// A channel's name, and why it cannot send: its secret was not read, or its host is none.
    pub fn of(
        roster: &Roster,
        now: &Arc<dyn Fn() -> UtcMs + Send + Sync>,
    ) -> Result<Self, (Box<str>, SendError)> {
        let mut senders = BTreeMap::new();
        for rule in &roster.channels {
            let sender = sender(roster, &rule.kind, now);
            let sender = sender.map_err(|error| (rule.name.clone(), error))?;
            senders.insert(rule.name.clone(), sender);
        }
        Ok(Self(senders))
    }

    /// Only those given, by name; `None` is a feed.
    #[must_use]
    pub fn only<const N: usize>(senders: [(&str, Option<Arc<dyn Channel>>); N]) -> Self {
        Self(senders.into_iter().map(|(name, sender)| (name.into(), sender)).collect())
    }

    /// The sender of the channel of this name; `None`: a feed, or no channel.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.0.get(name)?.as_ref()
    }
}

fn sender(
    roster: &Roster,
    kind: &Kind,
    now: &Arc<dyn Fn() -> UtcMs + Send + Sync>,
) -> Result<Option<Arc<dyn Channel>>, SendError> {
    let limit = roster.send_limit;
    let unread = || SendError::gone("its secret was not read");
    Ok(Some(match kind {
        Kind::Feed => return Ok(None),
        Kind::Command { argv } => Arc::new(CommandLine::new(argv, limit)),
        Kind::Webhook { url, secret, .. } => {
            let key = secret.as_ref().or(roster.secret.as_ref()).ok_or_else(unread)?;
            Arc::new(Webhook::new(url, key.clone(), limit, Arc::clone(now)))
        }
        Kind::Email { host, port, tls, from, login } => {
            let login = match login {
                None => None,
                Some(login) => Some((&*login.user, login.password.as_ref().ok_or_else(unread)?)),
            };
            Arc::new(Email::new((host, *port), *tls, from.clone(), login, limit)?)
        }
    }))
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The notice.
    pub notice: u64,
    /// Who was to be told.
    pub person: Box<str>,
    /// By which channel.
    pub channel: Box<str>,
    /// The number of this attempt, from 1; of a feed, 0.
    pub attempt: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It is tried again by this channel.
    Again {
        /// What went wrong.
        problem: Problem,
        /// When.
        next_at: UtcMs,
    },
    /// This channel is given up for it.
    GaveUp {
        /// What went wrong.
        problem: Problem,
    },
}

/// Why an attempt failed, in words without addresses or secrets.
pub type Problem = String;

/// Why a notice was not queued. It stays in the log without a result; post it again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// As many as fit are queued.
    #[error("{QUEUED_MAX} notices are queued already")]
    Full,
    /// dispatch.toml changed since it was intended.
    #[error("there is no such channel any more")]
    NoChannel,
    /// The program is ending.
    #[error("the runner is stopping")]
    Stopping,
}

/// Sends what is posted, and reports what came of it.
pub struct Runner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    clock: RoomClock,
    retry: Retry,
    feed_wait_ms: u64,
    report: Box<dyn Fn(Sent) + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    lanes: BTreeMap<Box<str>, Lane>,
    posted: BTreeMap<u64, Posted>,
    stopping: bool,
}

/// One channel's notices.
#[derive(Default)]
struct Lane {
    sender: Option<Arc<dyn Channel>>,
    busy: bool,
    now: BTreeSet<Place>,
    later: BTreeSet<(UtcMs, u64)>,
}

/// A place among those due: urgency, age, number.
type Place = (u8, UtcMs, u64);

struct Posted {
    letter: Arc<Letter>,
    channel: Box<str>,
    attempts: u32,
}

impl Posted {
    fn place(&self) -> Place {
        (self.letter.urgency(), self.letter.intended_at, self.letter.notice)
    }

    fn sent(&self, attempt: u32, outcome: Outcome) -> Sent {
        Sent {
            notice: self.letter.notice,
            person: self.letter.person.clone(),
            channel: self.channel.clone(),
            attempt,
            outcome,
        }
    }
}

/// A notice under way, in its lane.
struct Attempt {
    letter: Arc<Letter>,
    channel: Box<str>,
    number: u32,
}

/// What a thread is to do next.
enum Turn {
    Send(Attempt, Arc<dyn Channel>),
    Report(Sent),
    Stop,
}

impl Runner {
    /// Starts the threads. `report` is called on them, after each attempt, and may wait for the
    /// log: meanwhile only its own channel waits.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn start(
        senders: Senders,
        roster: &Roster,
        clock: RoomClock,
        report: impl Fn(Sent) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let lane = |sender| Lane { sender, ..Lane::default() };
        let lanes: BTreeMap<_, _> =
            senders.0.into_iter().map(|(name, sender)| (name, lane(sender))).collect();
        let threads = lanes.len().min(THREADS_MAX);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { lanes, ..Queue::default() }),
            changed: Condvar::new(),
            clock,
            retry: roster.retry,
            feed_wait_ms: roster.feed_wait_ms,
            report: Box::new(report),
        });
        let mut runner = Self { shared, threads: Vec::new() };
        for number in 1..=threads {
            let shared = Arc::clone(&runner.shared);
            let thread = std::thread::Builder::new().name(format!("notices {number}"));
            runner.threads.push(thread.spawn(move || shared.run())?);
        }
        Ok(runner)
    }

    /// Queues `letter` for `channel`, after `attempts` failed ones, for not before `not_before`.
    /// A notice that is queued or under way already stays as it is. Never waits.
    ///
    /// # Errors
    /// [`Unsent`], for the caller: the intent stays without a result.
    pub fn post(
        &self,
        letter: Letter,
        channel: &str,
        attempts: u32,
        not_before: UtcMs,
    ) -> Result<(), Unsent> {
        let mut queue = self.shared.lock();
        if queue.stopping {
            return Err(Unsent::Stopping);
        }
        let notice = letter.notice;
        if queue.posted.contains_key(&notice) {
            return Ok(());
        }
        if queue.posted.len() >= QUEUED_MAX {
            return Err(Unsent::Full);
        }
        let lane = queue.lanes.get_mut(channel).ok_or(Unsent::NoChannel)?;
        let due_at = match lane.sender {
            Some(_) => not_before,
            None => letter.intended_at.plus(self.shared.feed_wait_ms),
        };
        lane.later.insert((due_at, notice));
        let posted = Posted { letter: Arc::new(letter), channel: channel.into(), attempts };
        queue.posted.insert(notice, posted);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Makes no further attempt at `notice`: a feed showed it, or there is nothing left to tell.
    /// An attempt under way ends, and is reported. `true`: it was waiting, and nothing will be.
    pub fn forget(&self, notice: u64) -> bool {
        let mut queue = self.shared.lock();
        let Some(posted) = queue.posted.remove(&notice) else {
            return false;
        };
        let lane = queue.lanes.get_mut(&posted.channel).expect("a posted notice has its lane");
        let later = lane.later.len();
        lane.later.retain(|(_, queued)| *queued != notice);
        lane.now.remove(&posted.place()) || lane.later.len() < later
    }

    /// Notices queued or under way.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.lock().posted.len()
    }

    /// Lets what is under way end, within its limit, and starts nothing more. What was queued has
    /// no result.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().expect("a sender's and a report's panic are caught");
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics while it holds the queue")
    }

    fn run(&self) {
        loop {
            match self.turn() {
                Turn::Stop => return,
                Turn::Report(sent) => self.tell(sent),
                Turn::Send(attempt, sender) => {
                    let result = catch_unwind(AssertUnwindSafe(|| sender.send(&attempt.letter)));
                    let result =
                        result.unwrap_or_else(|_| Err(SendError::again("the sender panicked")));
                    self.sent(&attempt, result);
                }
            }
        }
    }

    fn tell(&self, sent: Sent) {
        let notice = sent.notice;
        if catch_unwind(AssertUnwindSafe(|| (self.report)(sent))).is_err() {
            error!(
                notice,
                "what came of a notice could not be recorded; the next start sends it again"
            );
        }
    }

    /// Waits for something to do.
    fn turn(&self) -> Turn {
        let mut queue = self.lock();
        loop {
            if queue.stopping {
                return Turn::Stop;
            }
            let now = self.clock.now();
            if let Some(turn) = queue.next(now) {
                // There may be more for another thread, and a deadline for it to wait for.
                self.changed.notify_one();
                return turn;
            }
            let due_at = queue.next_due();
            queue = match due_at {
                None => self.changed.wait(queue).expect("nothing panics while it holds the queue"),
                Some(at) => {
                    let waited = self.changed.wait_timeout(queue, self.clock.until(at));
                    waited.expect("nothing panics while it holds the queue").0
                }
            };
        }
    }

    fn sent(&self, attempt: &Attempt, result: Result<(), SendError>) {
        let (notice, number) = (attempt.letter.notice, attempt.number);
        let next_at = self.retry.next_at(number, self.clock.now(), draw());
        let outcome = match result {
            Ok(()) => Outcome::Delivered,
            Err(SendError { again, text: problem }) => {
                let forgotten = !self.lock().posted.contains_key(&notice);
                match next_at.filter(|_| again && !forgotten) {
                    Some(next_at) => Outcome::Again { problem, next_at },
                    None => Outcome::GaveUp { problem },
                }
            }
        };
        // Before the lane is free: the results of one notice reach the log in their order.
        self.tell(Sent {
            notice,
            person: attempt.letter.person.clone(),
            channel: attempt.channel.clone(),
            attempt: number,
            outcome: outcome.clone(),
        });
        let mut queue = self.lock();
        let again_at = match (outcome, queue.posted.get_mut(&notice)) {
            (Outcome::Again { next_at, .. }, Some(posted)) => {
                posted.attempts = number;
                Some(next_at)
            }
            _ => {
                queue.posted.remove(&notice);
                None
            }
        };
        let lane = queue.lanes.get_mut(&attempt.channel).expect("a lane stays");
        lane.busy = false;
        if let Some(at) = again_at {
            lane.later.insert((at, notice));
        }
        drop(queue);
        self.changed.notify_one();
    }
}

impl Queue {
    /// The most urgent thing due at `now` in a lane that is free.
    fn next(&mut self, now: UtcMs) -> Option<Turn> {
        let mut best: Option<(Place, Box<str>)> = None;
        for (name, lane) in &mut self.lanes {
            while let Some(&(at, notice)) = lane.later.first()
                && at <= now
            {
                lane.later.remove(&(at, notice));
                let posted = self.posted.get(&notice).expect("what is queued is posted");
                lane.now.insert(posted.place());
            }
            let Some(place) = lane.now.first().copied().filter(|_| !lane.busy) else {
                continue;
            };
            if best.as_ref().is_none_or(|(first, _)| place < *first) {
                best = Some((place, name.clone()));
            }
        }
        let (place, channel) = best?;
        let notice = place.2;
        let lane = self.lanes.get_mut(&channel).expect("it was just there");
        lane.now.remove(&place);
        let Some(sender) = lane.sender.clone() else {
            let posted = self.posted.remove(&notice).expect("what is queued is posted");
            let problem = "the feed did not show it in time".into();
            return Some(Turn::Report(posted.sent(0, Outcome::GaveUp { problem })));
        };
        lane.busy = true;
        let posted = self.posted.get(&notice).expect("what is queued is posted");
        let letter = Arc::clone(&posted.letter);
        Some(Turn::Send(Attempt { letter, channel, number: posted.attempts + 1 }, sender))
    }

    /// When the next notice of a free lane is due.
    fn next_due(&self) -> Option<UtcMs> {
        let free = self.lanes.values().filter(|lane| !lane.busy);
        free.filter_map(|lane| lane.later.first().map(|(at, _)| *at)).min()
    }
}

/// A random number; jitter needs no better source, and a UUID is at hand.
fn draw() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

//! A patrol unit's program without its screen: on duty, told where to go, saying what has to arrive.
//!
//! What is said goes to the [`Outbox`] first and from there to the room, one at a time: a later status never overtakes
//! an earlier one, and each is done once. Only a panic overtakes. What was said to one log is never said to another.
//!
//! ```text
//!            sent what was left from before             room signs it off, or the crew
//!  wanted ──────────────────────────────────> on duty ─────────────────────────────────> off
//!    ▲                                           │ another log, or one put back in time     │
//!    └───────────────────────────────────────────┴──────────────────────────────────────────┘ sign on again
//! ```
//! Units: `_at` is ms since 1970 UTC by the room's clock as far as it is known here.

use super::news::{PatrolNews, Unsaid};
use super::outbox::{Entry, Kept, Outbox};
use super::position::{Fix, PositionLimits, Positions};
use super::saying::Saying;
use super::told::Told;
use crate::client::{Client, ClientConfig, ClientError, Connect, Link, Update, Updates};
use crate::protocol::{Hello, Key, MarkRead, Reply, ReportPosition, Request, SignOn, UnitStatus};
use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::watch;

/// What is older than this is not sent any more: the room keeps a key for 24 hours and could do it twice.
const EXPIRES_MS: u64 = 23 * 3_600_000;

/// Longest time between two looks at the clock, ms.
const LOOK_MS_MAX: u64 = 3_600_000;

/// What a unit's program is given.
#[derive(Debug, Clone)]
pub struct PatrolConfig {
    /// Who is aboard, and what they can do.
    pub duty: SignOn,
    /// How often positions are reported.
    pub positions: PositionLimits,
    /// The connection's bounds.
    pub client: ClientConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Wanted,
    /// Up to this log sequence, at least.
    On(u64),
    Off,
}

type Asked<T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send>>;

/// A patrol unit at work.
pub struct Patrol {
    pub(super) client: Client,
    pub(super) link: watch::Receiver<Link>,
    pub(super) sign_on: SignOn,
    pub(super) duty: Duty,
    pub(super) outbox: Outbox,
    /// What waited already when this program began; it is sent before the unit signs on, because it may end in a sign-off.
    pub(super) before: BTreeSet<Key>,
    /// The log spoken with now, or last.
    pub(super) node: Option<u64>,
    pub(super) up: bool,
    pub(super) down_told: bool,
    pub(super) ended: bool,
    pub(super) clock: Box<dyn Fn() -> u64 + Send>,
    /// What the room's clock is ahead of ours; none before the first welcome.
    pub(super) ahead_ms: Option<i64>,
    pub(super) updates: Option<Updates>,
    pub(super) subscribing: Option<Asked<Updates>>,
    pub(super) signing: Option<Asked<Reply>>,
    pub(super) sending: Option<(Key, Asked<Reply>)>,
    pub(super) alarming: Option<(Key, Asked<Reply>)>,
    pub(super) moving: Option<Asked<Reply>>,
    pub(super) reading: Option<Asked<Reply>>,
    pub(super) rest_until: u64,
    pub(super) positions: Positions,
    pub(super) read_upto: Option<u64>,
    pub(super) told: Told,
    pub(super) status: Option<UnitStatus>,
    pub(super) trouble: Option<String>,
    pub(super) news: VecDeque<PatrolNews>,
}

impl std::fmt::Debug for Patrol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (duty, up, unsent) = (self.duty, self.up, self.outbox.len());
        write!(f, "Patrol {{ duty: {duty:?}, up: {up}, unsent: {unsent} }}")
    }
}

impl Patrol {
    /// Begins: connects, sends what `outbox` still holds, signs on. `clock` tells ms since 1970 UTC and never goes back
    /// while the program runs. Must be called inside a tokio runtime.
    pub fn begin<C: Connect>(
        transport: C,
        hello: Hello,
        config: PatrolConfig,
        outbox: Outbox,
        clock: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        // A car's link is narrow, and dear.
        let hello = Hello { deflate: true, ..hello };
        let client = Client::begin(transport, hello, config.client);
        Self {
            link: client.link(),
            client,
            sign_on: config.duty,
            duty: Duty::Wanted,
            before: outbox.iter().map(|entry| entry.key).collect(),
            node: outbox.iter().filter_map(|entry| entry.node).last(),
            outbox,
            up: false,
            down_told: false,
            ended: false,
            clock: Box::new(clock),
            ahead_ms: None,
            updates: None,
            subscribing: None,
            signing: None,
            sending: None,
            alarming: None,
            moving: None,
            reading: None,
            rest_until: 0,
            positions: Positions::new(config.positions),
            read_upto: None,
            told: Told::default(),
            status: None,
            trouble: None,
            news: VecDeque::new(),
        }
    }

    /// Says something: on the disk when this returns, sent in its turn. The same `key` again is the same thing said; without one it is new.
    ///
    /// # Errors
    /// It was not kept and will not be sent.
    pub fn say(&mut self, saying: Saying, key: Option<Key>) -> Result<Key, Unsaid> {
        if !saying.fits() {
            return Err(Unsaid::TooLong);
        }
        let key = key.unwrap_or_else(|| Key(uuid::Uuid::new_v4().into_bytes()));
        for (key, saying) in saying.parts(key) {
            let entry = Entry { key, at: self.now(), node: self.node, saying };
            if self.outbox.keep(entry) == Kept::Full {
                return Err(Unsaid::Full);
            }
        }
        Ok(key)
    }

    /// The receiver's latest fix; sent when it is worth it.
    pub fn moved(&mut self, fix: Fix) {
        if fix.is_on_globe() {
            self.positions.moved(fix);
        }
    }

    /// The crew read the messages up to this `seq`.
    pub fn read(&mut self, upto_seq: u64) {
        self.read_upto = self.read_upto.max(Some(upto_seq));
    }

    /// On duty again, after the room or the crew ended it.
    pub fn sign_on(&mut self) {
        if self.duty == Duty::Off {
            self.duty = Duty::Wanted;
        }
    }

    /// How much was said and is not confirmed.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.outbox.len()
    }

    /// Everything said and not confirmed, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.outbox.iter()
    }

    /// Whether the room hears us.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether the room has the unit on duty, as far as it was heard: not known while a sign-on waits for its answer.
    #[must_use]
    pub const fn is_on_duty(&self) -> Option<bool> {
        match self.duty {
            Duty::On(_) => Some(true),
            Duty::Off => Some(false),
            Duty::Wanted => None,
        }
    }

    /// The room's time, ms since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> u64 {
        (self.clock)().saturating_add_signed(self.ahead_ms.unwrap_or(0))
    }

    /// The connection below, for questions.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the crew has to know next; the work is done in here, so it has to be asked again and again. None once the
    /// client has ended. Safe to cancel.
    pub async fn next(&mut self) -> Option<PatrolNews> {
        loop {
            self.go_on();
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            if self.ended {
                return None;
            }
            let wake = self.wake_after();
            tokio::select! {
                // In this order they are asked, too, where several begin at once: an alarm goes first.
                biased;
                (key, said) = keyed_answer(&mut self.alarming) => self.answered(key, said),
                changed = self.link.changed() => match changed {
                    Ok(()) => self.link_changed(),
                    Err(_) => self.end("the client's task is gone".into()),
                },
                subscribed = answer(&mut self.subscribing) => match subscribed {
                    Ok(updates) => self.updates = Some(updates),
                    Err(_) => self.rest(),
                },
                signed_on = answer(&mut self.signing) => self.signed_on(signed_on),
                (key, said) = keyed_answer(&mut self.sending) => self.answered(key, said),
                update = next_update(&mut self.updates) => match update {
                    Some(update) => self.updated(update),
                    None => self.updates = None,
                },
                // A position that did not arrive is made good by the next one, a reading by the next reading.
                _ = answer(&mut self.moving) => {}
                _ = answer(&mut self.reading) => {}
                () = tokio::time::sleep(wake) => {}
            }
        }
    }

    /// Starts whatever can be started now.
    fn go_on(&mut self) {
        self.expire();
        if self.trouble.as_deref() != self.outbox.trouble() {
            self.trouble = self.outbox.trouble().map(ToOwned::to_owned);
            self.news.push_back(PatrolNews::Trouble(self.trouble.clone()));
        }
        let Some(node) = self.node.filter(|_| self.up) else { return };
        let resting = self.now() < self.rest_until;
        if self.updates.is_none() && self.subscribing.is_none() && !resting {
            let client = self.client.clone();
            self.subscribing = Some(Box::pin(async move { client.pushes().await }));
        }
        if self.alarming.is_none() && !resting {
            let alarm = self.outbox.iter().find(|entry| entry.saying.is_for_any_log());
            self.alarming =
                alarm.map(|alarm| (alarm.key, self.ask(node, alarm.saying.request(), alarm.key)));
        }
        let in_turn = |entry: &&Entry| !entry.saying.is_for_any_log();
        let head = self.outbox.iter().find(in_turn).filter(|_| !resting).cloned();
        let left = self.outbox.iter().filter(in_turn).any(|entry| self.before.contains(&entry.key));
        if self.duty == Duty::Wanted && self.signing.is_none() && !left && !resting {
            let key = Key(uuid::Uuid::new_v4().into_bytes());
            self.signing = Some(self.ask(node, self.sign_on.clone().into(), key));
        }
        if let Some(head) = head
            && self.sending.is_none()
            && (self.duty != Duty::Wanted || left)
        {
            // From here on it may have been heard by this log, and so by no other.
            self.outbox.bind(head.key, node);
            self.sending = Some((head.key, self.ask(node, head.saying.request(), head.key)));
        }
        if !matches!(self.duty, Duty::On(_)) {
            return;
        }
        if self.moving.is_none()
            && let Some(Fix { lat, lon, accuracy_m }) = self.positions.take(self.now())
        {
            let here = ReportPosition { unit: None, lat, lon, accuracy_m, at: None };
            self.moving = Some(self.ask_once(node, here.into()));
        }
        if self.reading.is_none()
            && let Some(upto_seq) = self.read_upto.take()
        {
            let read = MarkRead { unit: None, upto_seq };
            self.reading = Some(self.ask_once(node, read.into()));
        }
    }

    fn ask(&self, node: u64, request: Request, key: Key) -> Asked<Reply> {
        let client = self.client.clone();
        Box::pin(async move { client.request_of_log(node, request, Some(key)).await })
    }

    /// Asks what may get lost: no key, which would only be bytes.
    fn ask_once(&self, node: u64, request: Request) -> Asked<Reply> {
        let client = self.client.clone();
        Box::pin(async move { client.request_of_log(node, request, None).await })
    }

    fn wake_after(&self) -> Duration {
        let now = self.now();
        let on = self.up && matches!(self.duty, Duty::On(_));
        let times = [
            Some(self.rest_until).filter(|&at| at > now),
            self.positions.due_at().filter(|_| on && self.moving.is_none()),
            self.outbox.head().filter(|_| self.ahead_ms.is_some()).map(|head| head.at + EXPIRES_MS),
        ];
        let at = times.into_iter().flatten().min().unwrap_or(u64::MAX);
        Duration::from_millis(at.saturating_sub(now).clamp(1, LOOK_MS_MAX))
    }

    /// Sets aside what is too old. Only by the room's clock: ours may have begun in 1970.
    fn expire(&mut self) {
        if self.ahead_ms.is_none() {
            return;
        }
        let now = self.now();
        let old = |entry: &Entry| now.saturating_sub(entry.at) >= EXPIRES_MS;
        if self.outbox.iter().any(old) {
            let gone = self.outbox.set_aside("expired", old);
            self.forget(&gone);
            self.news.extend(gone.into_iter().map(PatrolNews::Expired));
        }
    }

    /// Takes back what is under way of `gone`.
    pub(super) fn forget(&mut self, gone: &[Entry]) {
        let is_gone = |key: &Key| gone.iter().any(|entry| entry.key == *key);
        self.sending.take_if(|(key, _)| is_gone(key));
        self.alarming.take_if(|(key, _)| is_gone(key));
    }
}

async fn next_update(updates: &mut Option<Updates>) -> Option<Update> {
    match updates {
        Some(updates) => updates.next().await,
        None => pending().await,
    }
}

/// The answer to what is asked in `slot`, which is empty then; never while it is empty.
async fn answer<T>(slot: &mut Option<Asked<T>>) -> Result<T, ClientError> {
    let Some(asked) = slot else { return pending().await };
    let answer = asked.await;
    *slot = None;
    answer
}

async fn keyed_answer(slot: &mut Option<(Key, Asked<Reply>)>) -> (Key, Result<Reply, ClientError>) {
    let Some((key, asked)) = slot else { return pending().await };
    let answered = (*key, asked.await);
    *slot = None;
    answered
}

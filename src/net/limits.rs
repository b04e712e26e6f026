//! What a stranger may have of the server: connections, handshakes, sessions, questions, bytes.
//! None of it is ever a reason to refuse a call.
//!
//! ```text
//!  connection ──> handshake ─────────> session ──────────────> questions
//!   of all:        of all, of one       of one address:         of one session a second; what is
//!   file handles   address: the oldest  `busy`, intake aside    unread of all answers: `busy`
//!                  makes room
//! ```
//! A connection is not refused before it has said what it is for: it may be a call. Those that say
//! nothing make room for those that come after, and of those that come too fast intake alone is
//! let in. All tables are bounded by what they count.

use crate::config::Limits;
use crate::domain::UtcMs;
use crate::protocol::Role;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Addresses, or whatever else, whose rate is remembered.
const RATES_MAX: usize = 8_192;
/// Where there is no room, what could be forgotten is looked for so often: it is looked at one by one.
const SWEEP_MS: u64 = 1_000;
/// Seconds' worth of a rate that may come at once.
const BURST_SECONDS: f64 = 4.0;
/// What is set aside of the unread bytes for an answer that is not made yet, in KiB: the longest.
const ANSWER_KIB: u32 = 1_024;
/// What is left to a handshake that has to make room.
const GRACE: Duration = Duration::from_millis(500);
/// Positions of a unit that may come at once.
const POSITIONS_AT_ONCE: f64 = 5.0;

/// What is done for a call or with a unit, and never put off: everything else is.
const WORK_OF_CALLS: &[&str] = &[
    "place_call",
    "claim",
    "release_claim",
    "take_over",
    "assign_unit",
    "release_unit",
    "report_status",
    "check_in",
    "set_priority",
    "add_note",
    "describe_call",
    "link_call",
    "escalate",
    "record_callback",
    "take_escalation",
    "close_call",
    "reopen_call",
    "sign_on",
    "sign_off",
    "set_out_of_service",
    "set_available",
    "panic",
];

/// Whether the request called `name` is put off rather than a call.
pub(super) fn is_put_off(name: &str) -> bool {
    !WORK_OF_CALLS.contains(&name)
}

/// So many a second, with some saved up. Time is room time, an argument.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_ms: f64,
    most: f64,
    left: f64,
    at: UtcMs,
}

impl Bucket {
    pub(super) fn per_second(rate: u32, now: UtcMs) -> Self {
        let most = f64::from(rate) * BURST_SECONDS;
        Self { per_ms: f64::from(rate) / 1_000.0, most, left: most, at: now }
    }

    /// Of a unit's positions: one each `every`, a few at once after a bad link.
    pub(super) fn one_every(every: Duration, now: UtcMs) -> Self {
        let most = POSITIONS_AT_ONCE;
        Self { per_ms: 1.0 / (every.as_secs_f64() * 1_000.0), most, left: most, at: now }
    }

    /// So many an hour, all of them at once if need be.
    pub(super) fn per_hour(rate: u32, now: UtcMs) -> Self {
        let most = f64::from(rate);
        Self { per_ms: most / 3_600_000.0, most, left: most, at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: UtcMs) -> bool {
        let passed_ms = f64::from(u32::try_from(now.since(self.at)).unwrap_or(u32::MAX));
        self.at = self.at.max(now);
        self.left = (self.left + passed_ms * self.per_ms).min(self.most);
        let there = self.left >= 1.0;
        if there {
            self.left -= 1.0;
        }
        there
    }

    /// As full as it gets: forgetting it changes nothing.
    fn is_full(&self, now: UtcMs) -> bool {
        let mut later = self.clone();
        later.take(now) && later.left + 1.0 >= later.most
    }
}

/// Who is counted as one: an address, or the network a house has of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Origin(IpAddr);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            four @ IpAddr::V4(_) => Self(four),
        }
    }
}

/// The door: what every connection passes.
pub(super) struct Door {
    limits: Limits,
    table: Mutex<Table>,
    /// KiB that may be encoded and unread, of all sessions together.
    unread: Arc<Semaphore>,
    /// Links that may be compressed.
    narrow: Arc<Semaphore>,
}

/// A rate for each of whatever it is, bounded.
pub(super) struct Rates<K> {
    each: Bucket,
    of: HashMap<K, Bucket>,
    /// When those that are full were last forgotten.
    swept_at: UtcMs,
    /// What all that are new share when there are too many; without it they have what they want.
    others: Option<Bucket>,
}

impl<K: Copy + Eq + Hash> Rates<K> {
    /// Each begins as `each` is, and so do all together that there is no room for.
    pub(super) fn new(each: Bucket) -> Self {
        Self { others: Some(each.clone()), ..Self::forgiving(each) }
    }

    /// Each begins as `each` is; those that there is no room for are not held to anything.
    pub(super) fn forgiving(each: Bucket) -> Self {
        Self { swept_at: each.at, each, of: HashMap::new(), others: None }
    }

    /// Takes one of `key`'s, if there is one.
    pub(super) fn take(&mut self, key: K, now: UtcMs) -> bool {
        let has_room = |of: &HashMap<K, Bucket>| of.contains_key(&key) || of.len() < RATES_MAX;
        if !has_room(&self.of) && now.since(self.swept_at) >= SWEEP_MS {
            self.swept_at = now;
            self.of.retain(|_, bucket| !bucket.is_full(now));
        }
        if !has_room(&self.of) {
            return self.others.as_mut().is_none_or(|others| others.take(now));
        }
        self.of.entry(key).or_insert_with(|| self.each.clone()).take(now)
    }
}

struct Table {
    rates: Rates<Origin>,
    /// Connections that have not said who they are, oldest first.
    handshakes: BTreeMap<Origin, BTreeMap<u64, CancellationToken>>,
    handshakes_all: usize,
    sessions: HashMap<Origin, usize>,
}

impl Door {
    pub(super) fn new(limits: Limits, now: UtcMs) -> Self {
        let kib = limits.unread_mib.saturating_mul(1_024).min(Semaphore::MAX_PERMITS);
        let each = Bucket::per_second(limits.connections_per_second, now);
        let table = Table {
            rates: Rates::new(each),
            handshakes: BTreeMap::new(),
            handshakes_all: 0,
            sessions: HashMap::new(),
        };
        let links = limits.narrow_links_max.min(Semaphore::MAX_PERMITS);
        Self {
            limits,
            table: Mutex::new(table),
            unread: Arc::new(Semaphore::new(kib)),
            narrow: Arc::new(Semaphore::new(links)),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection from `address`, numbered `id`, begins its handshake; where there are too many,
    /// the oldest ends.
    pub(super) fn knock(self: &Arc<Self>, address: IpAddr, id: u64, now: UtcMs) -> Knock {
        let origin = Origin::of(address);
        let mut table = self.table();
        let too_fast = !table.rates.take(origin, now);
        let of_address = table.handshakes.get(&origin).map_or(0, BTreeMap::len);
        if of_address >= self.limits.handshakes_per_address {
            table.end_oldest(origin);
        } else if table.handshakes_all >= self.limits.handshakes_max {
            table.end_any();
        }
        let ended = CancellationToken::new();
        table.handshakes.entry(origin).or_default().insert(id, ended.clone());
        table.handshakes_all += 1;
        Knock { door: Arc::clone(self), origin, id, too_fast, ended }
    }

    /// Ends the oldest handshake of whoever has most, for a connection that finds no file handle.
    pub(super) fn make_room(&self) {
        self.table().end_any();
    }

    /// Handshakes under way.
    pub(super) fn handshakes(&self) -> usize {
        self.table().handshakes_all
    }

    /// Sets bytes aside for one answer; none when too much is unread already.
    pub(super) fn unread(&self) -> Option<OwnedSemaphorePermit> {
        self.unread_kib(ANSWER_KIB)
    }

    /// Sets aside what `frames` take.
    pub(super) fn unread_frames(&self, frames: &[bytes::Bytes]) -> Option<OwnedSemaphorePermit> {
        self.unread_kib(frames.iter().map(|frame| kib(frame.len())).sum())
    }

    /// A place for a link that is compressed; none when there are as many as may be.
    pub(super) fn narrow(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.narrow).try_acquire_owned().ok()
    }

    fn unread_kib(&self, kib: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.unread).try_acquire_many_owned(kib).ok()
    }
}

/// Bytes as KiB, rounded up.
pub(super) fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX)
}

impl Table {
    fn end_oldest(&mut self, origin: Origin) {
        let oldest = self.handshakes.get_mut(&origin).and_then(BTreeMap::pop_first);
        if let Some((_, ended)) = oldest {
            self.handshakes_all -= 1;
            ended.cancel();
        }
        self.forget_empty(origin);
    }

    fn end_any(&mut self) {
        let by_most = |waiting: &BTreeMap<u64, _>| {
            (waiting.len(), Reverse(waiting.first_key_value().map(|(id, _)| *id)))
        };
        let most = self.handshakes.iter().max_by_key(|(_, waiting)| by_most(waiting));
        if let Some(origin) = most.map(|(origin, _)| *origin) {
            self.end_oldest(origin);
        }
    }

    fn forget_empty(&mut self, origin: Origin) {
        if self.handshakes.get(&origin).is_some_and(BTreeMap::is_empty) {
            self.handshakes.remove(&origin);
        }
    }
}

/// A connection in its handshake; it is no more when this is dropped or has come in.
pub(super) struct Knock {
    door: Arc<Door>,
    origin: Origin,
    id: u64,
    too_fast: bool,
    ended: CancellationToken,
}

/// Why a hello is answered `busy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMany {
    /// Connections a second from its address.
    Connections,
    /// Sessions of its address.
    Sessions,
}

impl Knock {
    /// Resolves when this handshake has had to make room.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
        // Its hello may be in the kernel: a crowd that comes at once is no attack.
        tokio::time::sleep(GRACE).await;
    }

    /// Whether its address comes too fast to be told why it is refused.
    pub(super) fn too_fast(&self) -> bool {
        self.too_fast
    }

    /// Comes in as `role`. Intake always does.
    pub(super) fn come_in(self, role: Role) -> Result<Option<Seat>, TooMany> {
        if role == Role::Intake {
            return Ok(None);
        }
        if self.too_fast {
            return Err(TooMany::Connections);
        }
        let mut table = self.door.table();
        let sessions = table.sessions.entry(self.origin).or_default();
        if *sessions >= self.door.limits.sessions_per_address {
            return Err(TooMany::Sessions);
        }
        *sessions += 1;
        drop(table);
        Ok(Some(Seat { door: Arc::clone(&self.door), origin: self.origin }))
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        let mut table = self.door.table();
        let waiting = table.handshakes.get_mut(&self.origin);
        if waiting.is_some_and(|waiting| waiting.remove(&self.id).is_some()) {
            table.handshakes_all -= 1;
        }
        table.forget_empty(self.origin);
    }
}

/// A session's place among those of its address.
pub(super) struct Seat {
    door: Arc<Door>,
    origin: Origin,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.door.table();
        if let Some(sessions) = table.sessions.get_mut(&self.origin) {
            *sessions -= 1;
            if *sessions == 0 {
                table.sessions.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests;

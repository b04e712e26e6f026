//! Everything the room knows, as the fold of its events.
//!
//! [`State::apply`] cannot fail and asks nothing of the outside: the same code runs live, in a
//! replay and in a standby. Timers are not state: they are armed from it ([`super::timers`]).

mod apply;
mod calls;
mod clocks;
mod duty;
mod earlier;
mod erasure;
mod frozen;
mod load;
mod presses;
mod tellings;

pub use erasure::ErasureAsked;
pub use frozen::Frozen;
pub use presses::Pressed;

use self::calls::Calls;
use super::keys::Keys;
use super::queue::Queue;
use crate::domain::{
    Call, CallId, Callsign, Key, Progress, Rules, SafetyTimer, Unit, UnitStatus, UtcMs,
};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What digests are derived for.
const DIGEST: &str = "fifteen 2026 state digest v1";

/// When the canary last flew, and when it last came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Canary {
    /// The last one placed.
    pub placed_at: Option<UtcMs>,
    /// The last one that reached its escalation.
    pub passed_at: Option<UtcMs>,
    /// By how much that one was late, in milliseconds.
    pub late_ms: u64,
}

/// The state of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Sequence of the last transition applied; 0 before the first.
    pub seq: u64,
    /// Instant of the last transition applied.
    pub at: UtcMs,
    books: Vec<Rules>,
    calls: Calls,
    next_call: u64,
    units: BTreeMap<Callsign, Unit>,
    unit_numbers: BTreeMap<u32, Callsign>,
    next_unit: u32,
    keys: Keys,
    closed: VecDeque<(UtcMs, CallId, u32)>,
    canary: Canary,
    /// Transitions that spoke of a call or unit unknown here. Not 0: the log was not written by
    /// this engine.
    pub strays: u64,
    #[serde(default)]
    next_notice: u64,
    /// Erasures that wait for a second person.
    #[serde(default)]
    erasures: BTreeMap<CallId, ErasureAsked>,
    /// Last of what is written, and left out while it is empty: states and digests are then as they were before it.
    #[serde(default, skip_serializing_if = "Seldom::is_empty")]
    seldom: Seldom,
    #[serde(skip)]
    queue: Queue,
    /// The rungs told of the calls known, by their id, and those of them with something to do.
    #[serde(skip)]
    told: BTreeMap<u64, CallId>,
    #[serde(skip)]
    unsettled: BTreeSet<u64>,
    /// The calls from each number, oldest first; of a number without calls, nothing.
    #[serde(skip)]
    callers: HashMap<u64, SmallVec<[CallId; 2]>>,
    /// The open calls that presses of a device join, and its safety timers, which they set off.
    #[serde(skip)]
    devices: BTreeSet<(Key, CallId)>,
    /// The safety timers that were stopped, by when.
    #[serde(skip)]
    stopped: BTreeSet<(UtcMs, CallId)>,
}

/// What a room mostly has none of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Seldom {
    /// The first transition that the log has not taken.
    spilled: Option<u64>,
    /// The safety timers that run, and those stopped lately.
    timers: BTreeMap<CallId, SafetyTimer>,
    /// The calls whose telephone line rings.
    ringing: BTreeSet<CallId>,
    /// The days on which a device told where it was, under rules that do not keep that for good, as far as it is known
    /// still.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    trail_days: BTreeSet<u64>,
}

impl Seldom {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            seq: 0,
            at: UtcMs(0),
            books: Vec::new(),
            calls: Calls::default(),
            next_call: 1,
            units: BTreeMap::new(),
            unit_numbers: BTreeMap::new(),
            next_unit: 1,
            keys: Keys::default(),
            closed: VecDeque::new(),
            canary: Canary::default(),
            strays: 0,
            next_notice: 1,
            erasures: BTreeMap::new(),
            seldom: Seldom::default(),
            queue: Queue::default(),
            told: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            callers: HashMap::new(),
            devices: BTreeSet::new(),
            stopped: BTreeSet::new(),
        }
    }
}

impl State {
    /// The rules in force; `None` before the first were adopted.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.books.last()
    }

    /// The rules a call runs under.
    ///
    /// # Panics
    /// If `call` is not of this state.
    #[must_use]
    pub fn rules_of(&self, call: &Call) -> &Rules {
        &self.books[call.book as usize]
    }

    /// A call by its number.
    #[must_use]
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    /// The calls known, by number: all that are open, and those closed lately.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> + '_ {
        self.calls.iter()
    }

    /// The calls numbered after `after`, by number.
    pub fn calls_after(&self, after: CallId) -> impl Iterator<Item = &Call> + '_ {
        self.calls.after(after)
    }

    /// The calls that are closed, those closed last first.
    pub fn closed_lately(&self) -> impl Iterator<Item = &Call> + '_ {
        self.closed.iter().rev().filter_map(|(_, id, generation)| {
            let still = |call: &&Call| call.closed.is_some() && call.generation == *generation;
            self.call(*id).filter(still)
        })
    }

    /// The number the next call gets.
    #[must_use]
    pub fn next_call(&self) -> CallId {
        CallId(self.next_call)
    }

    /// A unit by its callsign.
    #[must_use]
    pub fn unit(&self, callsign: &Callsign) -> Option<&Unit> {
        self.units.get(callsign)
    }

    /// The units known, by callsign.
    pub fn units(&self) -> impl Iterator<Item = (&Callsign, &Unit)> + '_ {
        self.units.iter()
    }

    pub(crate) fn unit_numbered(&self, number: u32) -> Option<(&Callsign, &Unit)> {
        self.units.get_key_value(self.unit_numbers.get(&number)?)
    }

    /// The waiting calls.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The keys remembered.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The first transition that the log has not taken, if there is one: it and all after it are kept aside.
    #[must_use]
    pub fn spilled(&self) -> Option<u64> {
        self.seldom.spilled
    }

    /// Whether the log has taken what happened as number `seq`.
    #[must_use]
    pub fn is_durable(&self, seq: u64) -> bool {
        self.seldom.spilled.is_none_or(|first| seq < first)
    }

    /// Whether the telephone line of a call rings.
    #[must_use]
    pub fn rings(&self, call: CallId) -> bool {
        self.seldom.ringing.contains(&call)
    }

    /// The calls whose telephone line rings, by number.
    pub fn ringing(&self) -> impl Iterator<Item = CallId> + '_ {
        self.seldom.ringing.iter().copied()
    }

    /// When the oldest day's trails are known no more.
    #[must_use]
    pub fn trails_due_at(&self) -> Option<UtcMs> {
        let kept_ms = self.rules()?.trail_kept_ms?;
        let day = self.seldom.trail_days.first()?;
        Some(UtcMs::of_day(day + 1).plus(kept_ms))
    }

    /// How the canary fares.
    #[must_use]
    pub fn canary(&self) -> Canary {
        self.canary
    }

    /// What a unit is doing, from its calls and its own word.
    #[must_use]
    pub fn status(&self, callsign: &Callsign, unit: &Unit) -> UnitStatus {
        let furthest = unit
            .calls
            .iter()
            .filter_map(|id| Some(self.calls.get(id)?.assignment(callsign)?.progress))
            .max();
        match furthest {
            Some(Progress::OnScene) => UnitStatus::OnScene,
            Some(Progress::EnRoute) => UnitStatus::EnRoute,
            Some(Progress::Acknowledged) => UnitStatus::Acknowledged,
            Some(Progress::Assigned) => UnitStatus::Dispatched,
            None if unit.out_of_service.is_some() => UnitStatus::OutOfService,
            None if unit.signed_on.is_some() => UnitStatus::Available,
            None => UnitStatus::SignedOff,
        }
    }

    /// BLAKE3 over the state's encoding: two states with one digest are the same.
    ///
    /// # Panics
    /// Never: encoding into a hash cannot fail.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(DIGEST);
        let mut buffered = std::io::BufWriter::with_capacity(1 << 16, &mut hasher);
        rmp_serde::encode::write(&mut buffered, self).expect("a hash takes every byte");
        std::io::Write::flush(&mut buffered).expect("a hash takes every byte");
        drop(buffered);
        *hasher.finalize().as_bytes()
    }

    /// [`State::digest`] of the state that [`State::save`] made `saved` of.
    #[must_use]
    pub fn digest_of(saved: &[u8]) -> [u8; 32] {
        *blake3::Hasher::new_derive_key(DIGEST).update(saved).finalize().as_bytes()
    }

    /// The state as bytes, for a snapshot.
    ///
    /// # Panics
    /// Never: every field has an encoding.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).expect("every field of the state has an encoding")
    }
}

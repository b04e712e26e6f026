//! A state as it was at one moment, to be written while the room goes on.

use super::State;
use std::collections::{BTreeMap, BTreeSet};

/// A copy of what of a state is stored. It shares the calls and the keys with the state until that changes them.
#[derive(Debug)]
pub struct Frozen(Box<State>);

impl Frozen {
    /// The sequence of the last transition in it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.0.seq
    }

    /// As [`State::save`].
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.0.save()
    }

    /// As [`State::digest`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest()
    }
}

impl State {
    /// The state as it is now, for a snapshot.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        Frozen(Box::new(Self {
            seq: self.seq,
            at: self.at,
            books: self.books.clone(),
            calls: self.calls.clone(),
            next_call: self.next_call,
            units: self.units.clone(),
            unit_numbers: self.unit_numbers.clone(),
            next_unit: self.next_unit,
            keys: self.keys.frozen(),
            closed: self.closed.clone(),
            canary: self.canary,
            strays: self.strays,
            next_notice: self.next_notice,
            erasures: self.erasures.clone(),
            seldom: self.seldom.clone(),
            // What is looked up by is not stored.
            queue: super::Queue::default(),
            told: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            callers: super::HashMap::new(),
            devices: BTreeSet::new(),
            stopped: BTreeSet::new(),
        }))
    }
}

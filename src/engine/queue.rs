//! Waiting calls in the order they are served: priority, first received, number.
//!
//! An ordered set, so that a call leaves from the middle, or moves when its priority changes, in
//! the logarithm of the queue's length.

use crate::domain::{Call, CallId, Priority, UtcMs};
use std::collections::BTreeSet;
use std::ops::Bound;

/// The waiting calls.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Queue {
    places: BTreeSet<(Priority, UtcMs, CallId)>,
}

impl Queue {
    fn place(call: &Call) -> (Priority, UtcMs, CallId) {
        (call.priority(), call.received_at, call.id)
    }

    /// Takes `call` in at its place; a call already there stays.
    pub(crate) fn insert(&mut self, call: &Call) {
        self.places.insert(Self::place(call));
    }

    /// Takes `call` out from wherever it stands.
    pub(crate) fn remove(&mut self, call: &Call) {
        self.places.remove(&Self::place(call));
    }

    /// The waiting calls, the one to serve first in front.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = CallId> + '_ {
        self.places.iter().map(|(_, _, id)| *id)
    }

    /// The waiting calls behind a place, whether a call stands there any more or not.
    pub fn behind(&self, place: (Priority, UtcMs, CallId)) -> impl Iterator<Item = CallId> + '_ {
        let behind = (Bound::Excluded(place), Bound::Unbounded);
        self.places.range(behind).map(|(_, _, id)| *id)
    }

    /// How many calls of `priority` wait, and when the first of them was received.
    #[must_use]
    pub fn waiting_at(&self, priority: Priority) -> (usize, Option<UtcMs>) {
        let first = (priority, UtcMs(0), CallId(0));
        let last = (priority, UtcMs(u64::MAX), CallId(u64::MAX));
        let mut there = self.places.range(first..=last);
        let oldest_at = there.clone().next().map(|(_, at, _)| *at);
        (there.by_ref().count(), oldest_at)
    }

    /// How many calls wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

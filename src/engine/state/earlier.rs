//! What is known of a caller and a place from before. Looked up, and never part of a decision.

use super::State;
use crate::domain::{Call, CallId, Description, Place};
use hashbrown::hash_map::Entry;
use std::sync::Arc;

/// Calls looked at for the same place, latest first: a question must not hold up the room.
const PLACES_MAX: usize = 20_000;
/// Two points so near each other are one place, in metres.
const SAME_PLACE_M: f64 = 75.0;

/// A telephone number as it is looked up by: its last ten digits, whatever country or trunk
/// code was written before them. `None` for what is too short to be a number.
fn caller_key(number: &str) -> Option<u64> {
    const LAST_TEN: u64 = 10_000_000_000;
    let digits = number.chars().filter_map(|c| c.to_digit(10)).map(u64::from);
    let (count, key) =
        digits.fold((0, 0), |(count, key), digit| (count + 1, (key * 10 + digit) % LAST_TEN));
    (count >= 4).then_some(key)
}

impl State {
    pub(super) fn remember_caller(&mut self, call: &Call) {
        if let Some(key) = call.placed.sealed.number.as_deref().and_then(caller_key) {
            let calls = self.callers.entry(key).or_default();
            if let Err(place) = calls.binary_search(&call.id) {
                calls.insert(place, call.id);
            }
        }
    }

    pub(super) fn forget_caller(&mut self, call: &Call) {
        if let Some(key) = call.placed.sealed.number.as_deref().and_then(caller_key)
            && let Entry::Occupied(mut entry) = self.callers.entry(key)
        {
            let calls = entry.get_mut();
            if let Ok(place) = calls.binary_search(&call.id) {
                calls.remove(place);
            }
            if calls.is_empty() {
                entry.remove();
            }
        }
    }

    /// Something was learned of a call; by another number it is found under that.
    pub(super) fn describe(&mut self, id: CallId, said: &Description) -> Option<()> {
        let mut call = self.calls.remove(&id)?;
        self.forget_caller(&call);
        Arc::make_mut(&mut call).describe(said);
        self.remember_caller(&call);
        self.calls.insert(call);
        Some(())
    }

    /// Calls from this number, latest first.
    pub fn from_number(&self, number: &str) -> impl Iterator<Item = &Call> + '_ {
        let calls = caller_key(number).and_then(|key| self.callers.get(&key));
        calls.into_iter().flatten().rev().filter_map(|id| self.call(*id))
    }

    /// Other calls from the place of `call`, among the latest known, latest first.
    pub fn from_place_of<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Call> + 'a {
        let place = call.placed.sealed.place.as_ref();
        let latest = self.calls().rev().take(PLACES_MAX);
        latest.filter(move |other| {
            let there = other.placed.sealed.place.as_ref();
            other.id != call.id
                && place.zip(there).is_some_and(|(here, there)| same_place(here, there))
        })
    }

    /// The call that `call` repeats, and those that repeat it or the same one, latest first.
    pub fn linked_with<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Call> + 'a {
        let root = call.primary.unwrap_or(call.id);
        let linked = self.calls().rev().take(PLACES_MAX);
        linked.filter(move |other| {
            other.id != call.id && (other.id == root || other.primary == Some(root))
        })
    }
}

fn same_place(here: &Place, there: &Place) -> bool {
    let words = |place: &Place| {
        let words = place.words.as_deref()?.trim().to_lowercase();
        (!words.is_empty()).then_some(words)
    };
    let near = here.point.zip(there.point).is_some_and(|(a, b)| a.distance_m(b) <= SAME_PLACE_M);
    near || words(here).is_some_and(|here| Some(here) == words(there))
}

#[cfg(test)]
mod tests {
    use super::caller_key;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let one = caller_key("0300 1234567");
        assert!(one.is_some());
        assert_eq!(one, caller_key("+92-300-1234567"));
        assert_ne!(one, caller_key("0300 1234568"));
        assert_eq!(caller_key("15"), None);
    }
}

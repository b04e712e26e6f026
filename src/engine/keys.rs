//! The keys of accepted commands and what they were answered, for as long as the rules keep them.
//!
//! Only accepted commands are remembered: a rejected one changed nothing, and is decided anew.

use crate::domain::{Answer, Event, Key, KeyMark, UtcMs};
use hashbrown::HashMap;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::Arc;

/// A remembered answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the command the key was first used for.
    pub fingerprint: u32,
    /// What it was answered.
    pub answer: Answer,
    /// Log sequence of the event that carries the key: its first, where that says the answer.
    pub seq: u64,
}

/// What the command was answered whose key this event carries: a replay knows the answer by it alone.
pub(super) const fn answer_of(event: &Event) -> Answer {
    match event {
        Event::CallReceived { call, .. }
        | Event::UnitPanicked { call, .. }
        | Event::SafetyTimerSet { call, .. }
        | Event::PressedAgain { call, .. } => Answer::CallPlaced(*call),
        Event::CloseProposed { .. } | Event::ErasureProposed { .. } => Answer::AwaitingSecond,
        Event::CancelRefused { .. } => Answer::WrongPin,
        _ => Answer::Done,
    }
}

impl Kept {
    /// Whether a command with this fingerprint may be the one the key was first used for.
    #[must_use]
    pub fn fits(self, fingerprint: u32) -> bool {
        self.fingerprint == KeyMark::FORGOTTEN || self.fingerprint == fingerprint
    }
}

/// Keys to a page, which copies share until one of them changes it.
const PAGE: usize = 256;

/// A key, since when it is remembered, and its answer.
type Remembered = (UtcMs, Key, Kept);

/// Remembered keys, oldest first, in pages; each has a number, counted up from the first of the first page.
#[derive(Debug, Default, Clone)]
pub struct Keys {
    pages: VecDeque<Arc<Vec<Remembered>>>,
    /// The number of the first in the first page, remembered or forgotten.
    base: u64,
    /// The number of the oldest remembered.
    oldest: u64,
    numbers: HashMap<Key, u64>,
}

impl Keys {
    /// What `key` was answered.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Kept> {
        self.numbered(*self.numbers.get(key)?).map(|(.., kept)| *kept)
    }

    pub(crate) fn remember(&mut self, at: UtcMs, mark: KeyMark, answer: Answer, seq: u64) {
        let kept = Kept { fingerprint: mark.fingerprint, answer, seq };
        let Some(number) = self.numbers.get(&mark.key) else {
            return self.push((at, mark.key, kept));
        };
        let (page, at) = self.place(*number);
        let known = self.pages.get_mut(page).and_then(|page| Arc::make_mut(page).get_mut(at));
        if let Some((.., known)) = known {
            *known = kept;
        }
    }

    fn push(&mut self, new: Remembered) {
        if self.pages.back().is_none_or(|page| page.len() == PAGE) {
            self.pages.push_back(Arc::new(Vec::with_capacity(PAGE)));
        }
        let before = (self.pages.len() - 1) * PAGE;
        if let Some(page) = self.pages.back_mut() {
            self.numbers.insert(new.1, self.base + (before + page.len()) as u64);
            Arc::make_mut(page).push(new);
        }
    }

    /// The page of a number, and its place there.
    fn place(&self, number: u64) -> (usize, usize) {
        let nth = usize::try_from(number - self.base).unwrap_or(usize::MAX);
        (nth / PAGE, nth % PAGE)
    }

    fn numbered(&self, number: u64) -> Option<&Remembered> {
        let (page, at) = self.place(number);
        self.pages.get(page)?.get(at)
    }

    /// Those remembered, oldest first.
    fn iter(&self) -> impl Iterator<Item = &Remembered> + '_ {
        let (_, forgotten) = self.place(self.oldest);
        self.pages.iter().flat_map(|page| page.iter()).skip(forgotten)
    }

    /// Of no key is remembered any more what was asked under it: a hash of few words is those words.
    pub(crate) fn forget_fingerprints(&mut self) {
        for page in &mut self.pages {
            let all = Arc::make_mut(page).iter_mut();
            all.for_each(|(.., kept)| kept.fingerprint = KeyMark::FORGOTTEN);
        }
    }

    pub(crate) fn forget_before(&mut self, instant: UtcMs) {
        while let Some((at, key, _)) = self.numbered(self.oldest).copied() {
            if at >= instant {
                break;
            }
            self.numbers.remove(&key);
            self.oldest += 1;
            if self.place(self.oldest) == (1, 0) {
                self.pages.pop_front();
                self.base = self.oldest;
            }
        }
    }

    /// A copy to be written, which finds none.
    pub(super) fn frozen(&self) -> Self {
        let (pages, numbers) = (self.pages.clone(), HashMap::new());
        Self { pages, base: self.base, oldest: self.oldest, numbers }
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.numbers.len() == other.numbers.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Keys {}

impl Serialize for Keys {
    /// In the order remembered, so that equal states have equal bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = self.base + self.pages.iter().map(|page| page.len() as u64).sum::<u64>();
        let mut all = serializer.serialize_seq(usize::try_from(end - self.oldest).ok())?;
        self.iter().try_for_each(|remembered| all.serialize_element(remembered))?;
        all.end()
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Vec::<Remembered>::deserialize(deserializer)?;
        let mut keys = Self { numbers: HashMap::with_capacity(kept.len()), ..Self::default() };
        kept.into_iter().for_each(|remembered| keys.push(remembered));
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In a list, as simply as can be.
    #[derive(Clone, Default)]
    struct Model {
        all: Vec<Remembered>,
    }

    #[derive(Debug, Clone)]
    enum Act {
        /// So many keys, from this one on.
        Remember(u16, u16),
        ForgetBefore(u64),
        ForgetFingerprints,
        Copy,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (0..2_000u16, 1..300u16).prop_map(|(first, many)| Act::Remember(first, many)),
            4 => (0..400u64).prop_map(Act::ForgetBefore),
            1 => Just(Act::ForgetFingerprints),
            1 => Just(Act::Copy),
        ]
    }

    fn key(number: u16) -> Key {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        Key(key)
    }

    fn same(keys: &Keys, model: &Model) -> Result<(), TestCaseError> {
        prop_assert!(keys.iter().eq(&model.all));
        for number in 0..2_300 {
            let known = model.all.iter().find(|(_, it, _)| *it == key(number));
            prop_assert_eq!(keys.get(&key(number)), known.map(|(.., kept)| *kept));
        }
        let bytes = rmp_serde::to_vec(keys).unwrap();
        prop_assert_eq!(&bytes, &rmp_serde::to_vec(&model.all).unwrap());
        prop_assert_eq!(&bytes, &rmp_serde::to_vec(&keys.frozen()).unwrap());
        let read: Keys = rmp_serde::from_slice(&bytes).unwrap();
        prop_assert_eq!(&read, keys);
        prop_assert!(read.iter().all(|(_, key, kept)| read.get(key) == Some(*kept)));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Beside a list; and no copy changes when the other does.
        #[test]
        fn keys_are_remembered_in_order(acts in prop::collection::vec(act(), 1..40)) {
            let (mut keys, mut model) = (Keys::default(), Model::default());
            let mut copies = Vec::new();
            for (act, now) in acts.into_iter().zip(0..) {
                match act {
                    Act::Remember(first, many) => for number in first..first + many {
                        let at = UtcMs(now * 10);
                        let mark = KeyMark { key: key(number), fingerprint: u32::from(number) };
                        keys.remember(at, mark, Answer::Done, now);
                        let kept = Kept { fingerprint: mark.fingerprint, answer: Answer::Done, seq: now };
                        match model.all.iter_mut().find(|(_, it, _)| *it == mark.key) {
                            Some((.., known)) => *known = kept,
                            None => model.all.push((at, mark.key, kept)),
                        }
                    }
                    Act::ForgetBefore(instant) => {
                        keys.forget_before(UtcMs(instant));
                        let old = |(at, ..): &Remembered| at.0 < instant;
                        let upto = model.all.iter().position(|it| !old(it)).unwrap_or(model.all.len());
                        model.all.drain(..upto);
                    }
                    Act::ForgetFingerprints => {
                        keys.forget_fingerprints();
                        let all = model.all.iter_mut();
                        all.for_each(|(.., kept)| kept.fingerprint = KeyMark::FORGOTTEN);
                    }
                    Act::Copy => copies.push((keys.clone(), model.clone())),
                }
            }
            copies.push((keys, model));
            copies.iter().try_for_each(|(keys, model)| same(keys, model))?;
        }
    }

    #[test]
    fn states_that_came_by_different_ways_are_equal() {
        let (mut long, mut short) = (Keys::default(), Keys::default());
        for number in 0..1_000 {
            let mark = KeyMark { key: key(number), fingerprint: 1 };
            long.remember(UtcMs(number.into()), mark, Answer::Done, 1);
            if number >= 700 {
                short.remember(UtcMs(number.into()), mark, Answer::Done, 1);
                assert_ne!(long, short);
            }
        }
        long.forget_before(UtcMs(700));
        assert_eq!(long, short);
        assert_eq!(long.pages.len(), 2, "what is forgotten takes no room");
        let again = KeyMark { key: key(999), fingerprint: 2 };
        short.remember(UtcMs(5_000), again, Answer::Done, 1);
        assert_ne!(long, short);
    }
}

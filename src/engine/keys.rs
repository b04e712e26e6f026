//! The keys of accepted commands and what they were answered, for as long as the rules keep them.
//!
//! Only accepted commands are remembered: a rejected one changed nothing, and is decided anew.

use crate::domain::{Answer, Event, Key, KeyMark, UtcMs};
use hashbrown::HashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;

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

/// Remembered keys, oldest first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Keys {
    order: VecDeque<(UtcMs, Key)>,
    answers: HashMap<Key, Kept>,
}

impl Keys {
    /// What `key` was answered.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Kept> {
        self.answers.get(key).copied()
    }

    pub(crate) fn remember(&mut self, at: UtcMs, mark: KeyMark, answer: Answer, seq: u64) {
        let kept = Kept { fingerprint: mark.fingerprint, answer, seq };
        if self.answers.insert(mark.key, kept).is_none() {
            self.order.push_back((at, mark.key));
        }
    }

    /// Of no key is remembered any more what was asked under it: a hash of few words is those words.
    pub(crate) fn forget_fingerprints(&mut self) {
        self.answers.values_mut().for_each(|kept| kept.fingerprint = KeyMark::FORGOTTEN);
    }

    pub(crate) fn forget_before(&mut self, instant: UtcMs) {
        while let Some((at, key)) = self.order.front() {
            if *at >= instant {
                break;
            }
            self.answers.remove(key);
            self.order.pop_front();
        }
    }
}

impl Serialize for Keys {
    /// In the order remembered, so that equal states have equal bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.order.iter().map(|(at, key)| (at, key, self.answers[key])))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Vec::<(UtcMs, Key, Kept)>::deserialize(deserializer)?;
        let mut keys = Self::default();
        for (at, key, kept) in kept {
            keys.order.push_back((at, key));
            keys.answers.insert(key, kept);
        }
        Ok(keys)
    }
}

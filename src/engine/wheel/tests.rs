//! The wheel beside a sorted set, step by step.

use super::{Handle, ROOT, Wheel};
use crate::domain::UtcMs;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const YEAR_MS: u64 = 365 * 24 * 3_600_000;
/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

/// The wheel, the set it must equal, and the handles that are out.
struct Pair {
    wheel: Wheel,
    model: BTreeSet<(u64, u64)>,
    handles: BTreeMap<u64, (u64, Handle)>,
    gone: Vec<Handle>,
    now: u64,
    keys: u64,
}

#[derive(Debug, Clone)]
enum Step {
    /// Arm one timer this far ahead of now, or behind it.
    Insert(i64),
    /// Arm many at one instant, keys in no order.
    Burst(u16, i64),
    /// Cancel the nth of those armed, by key.
    Cancel(usize),
    /// Cancel the earliest: the front must be found anew.
    CancelFirst,
    /// Cancel one that fired or was cancelled.
    CancelGone(usize),
    /// Move on and fire what is due; each fired timer arms another this far from its instant.
    Advance(u64, Option<i64>),
    /// Move to the next deadline exactly and fire this many.
    FireSome(u8),
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..3i64,
        4 => 0..2_000i64,
        4 => 0..5_400_000i64,
        2 => 0..10 * YEAR_MS as i64,
        1 => -5_000..0i64,
        1 => Just(i64::MAX),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => span().prop_map(Step::Insert),
        2 => (1..150u16, span()).prop_map(|(many, ahead)| Step::Burst(many, ahead)),
        6 => any::<usize>().prop_map(Step::Cancel),
        3 => Just(Step::CancelFirst),
        1 => any::<usize>().prop_map(Step::CancelGone),
        2 => (0..3_000u64, proptest::option::of(-5..2_000i64)).prop_map(|(ms, then)| Step::Advance(ms, then)),
        1 => (0..3 * YEAR_MS).prop_map(|ms| Step::Advance(ms, None)),
        6 => (1..80u8).prop_map(Step::FireSome),
    ]
}

impl Pair {
    fn new() -> Self {
        Self {
            wheel: Wheel { sorted: 50, long: 1, ..Wheel::new() },
            model: BTreeSet::new(),
            handles: BTreeMap::new(),
            gone: Vec::new(),
            now: START_MS,
            keys: 0,
        }
    }

    fn insert(&mut self, at: u64) {
        // An odd multiplier scatters the keys over all their bits and repeats none; every third
        // key counts up, as the engine's do.
        self.keys += 1;
        let key = match self.keys % 3 {
            0 => self.keys,
            _ => self.keys.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 << 63,
        };
        let handle = self.wheel.insert(key, UtcMs(at));
        assert!(self.model.insert((at, key)));
        self.handles.insert(key, (at, handle));
    }

    fn cancel(&mut self, key: u64) {
        let (at, handle) = self.handles.remove(&key).expect("armed");
        assert!(self.wheel.cancel(handle));
        assert!(self.model.remove(&(at, key)));
        self.gone.push(handle);
    }

    /// Fires one timer due by now, if any, and says when it was due.
    fn fire(&mut self) -> Option<u64> {
        let fired = self.wheel.pop_due(UtcMs(self.now));
        let due = self.model.first().copied().filter(|&(at, _)| at <= self.now);
        assert_eq!(fired, due.map(|(at, key)| (UtcMs(at), key)));
        let (at, key) = due?;
        self.model.pop_first();
        let (_, handle) = self.handles.remove(&key).expect("armed");
        self.gone.push(handle);
        Some(at)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Insert(ahead) => self.insert(self.now.saturating_add_signed(ahead)),
            Step::Burst(many, ahead) => {
                for _ in 0..many {
                    self.insert(self.now.saturating_add_signed(ahead));
                }
            }
            Step::Cancel(nth) => {
                let nth = nth % self.handles.len().max(1);
                if let Some(&key) = self.handles.keys().nth(nth) {
                    self.cancel(key);
                }
            }
            Step::CancelFirst => {
                if let Some(&(_, key)) = self.model.first() {
                    self.cancel(key);
                }
            }
            Step::CancelGone(nth) => {
                if let Some(&handle) = self.gone.get(nth % self.gone.len().max(1)) {
                    assert!(!self.wheel.cancel(handle));
                }
            }
            Step::Advance(ms, then) => {
                self.now = self.now.saturating_add(ms);
                let mut again = 20;
                while let Some(at) = self.fire() {
                    self.check();
                    if let (Some(ahead), 1..) = (then, again) {
                        again -= 1;
                        self.insert(at.saturating_add_signed(ahead));
                    }
                }
            }
            Step::FireSome(many) => {
                if let Some(&(at, _)) = self.model.first() {
                    self.now = self.now.max(at.min(START_MS + 100 * YEAR_MS));
                }
                for _ in 0..many {
                    self.fire();
                    self.check();
                }
            }
        }
        self.check();
    }

    fn check(&self) {
        let first = self.model.first().map(|&(at, _)| UtcMs(at));
        assert_eq!(self.wheel.next_deadline(), first);
        assert_eq!(self.wheel.len(), self.model.len());
        assert_eq!(self.wheel.is_empty(), self.model.is_empty());
    }

    /// Fires everything, to the end of time; then nothing of the wheel but its root is in use.
    fn drain(&mut self) {
        self.now = u64::MAX;
        while self.fire().is_some() {
            self.check();
        }
        self.check();
        assert_eq!(self.wheel.spare.len() + 1, self.wheel.rings.len());
        assert_eq!(self.wheel.rings[ROOT as usize].first(), None);
        assert_eq!(self.wheel.pool.in_use(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn wheel_equals_a_sorted_set_after_every_step(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
        }
        pair.drain();
    }

    #[test]
    fn thousands_of_timers_fire_in_order(
        spans in proptest::collection::vec(0..20_000u64, 1_000..3_000),
        cancelled in proptest::collection::vec(any::<usize>(), 0..2_000)
    ) {
        let mut pair = Pair::new();
        for ahead in spans {
            pair.insert(START_MS + ahead);
        }
        for nth in cancelled {
            pair.take(&Step::Cancel(nth));
        }
        pair.drain();
    }
}

#[test]
fn timers_of_one_instant_fire_in_key_order() {
    let mut wheel = Wheel::new();
    let keys: Vec<u64> = (0..5_000).map(|n| n * 7_919 % 5_003).collect();
    for &key in &keys {
        wheel.insert(key, UtcMs(START_MS));
    }
    let fired: Vec<u64> =
        std::iter::from_fn(|| wheel.pop_due(UtcMs(START_MS))).map(|(_, key)| key).collect();
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(fired, sorted);
}

#[test]
fn deadline_is_due_on_its_millisecond_and_not_before() {
    let mut wheel = Wheel::new();
    wheel.insert(1, UtcMs(START_MS + 900_000));
    assert_eq!(wheel.pop_due(UtcMs(START_MS + 899_999)), None);
    let due = UtcMs(START_MS + 900_000);
    assert_eq!(wheel.pop_due(due), Some((due, 1)));
}

#[test]
fn handle_of_a_fired_timer_cancels_nothing() {
    let mut wheel = Wheel::new();
    let fired = wheel.insert(1, UtcMs(5));
    assert_eq!(wheel.pop_due(UtcMs(5)), Some((UtcMs(5), 1)));
    wheel.insert(2, UtcMs(9));
    assert!(!wheel.cancel(fired));
    assert_eq!(wheel.next_deadline(), Some(UtcMs(9)));
}

#[test]
fn cell_of_a_fired_timer_is_used_again() {
    let mut wheel = Wheel::new();
    for at in 0..200 {
        let handle = wheel.insert(1, UtcMs(at));
        assert_eq!(handle.cell(), 0);
        assert!(wheel.pop_due(UtcMs(at)).is_some());
    }
}

#[test]
fn key_armed_many_times_fires_as_often() {
    let mut wheel = Wheel { sorted: 50, long: 1, ..Wheel::new() };
    for _ in 0..2_000 {
        wheel.insert(15, UtcMs(START_MS));
    }
    for _ in 0..2_000 {
        assert_eq!(wheel.pop_due(UtcMs(u64::MAX)), Some((UtcMs(START_MS), 15)));
    }
    assert_eq!(wheel.pop_due(UtcMs(u64::MAX)), None);
}

#[test]
fn steady_state_takes_no_more_memory() {
    let mut wheel = Wheel::new();
    let mut handles = std::collections::VecDeque::new();
    let mut held = 0;
    // A call every 50 ms, each with a clock of 15 minutes; most are cancelled after 5 minutes.
    for call in 0..400_000u64 {
        let now = START_MS + 50 * call;
        while wheel.pop_due(UtcMs(now)).is_some() {}
        handles.push_back(wheel.insert(call, UtcMs(now + 900_000)));
        if handles.len() > 6_000 {
            let oldest = handles.pop_front().unwrap();
            if call % 20 != 0 {
                assert!(wheel.cancel(oldest));
            }
        }
        if call == 100_000 {
            held = wheel.memory_bytes();
        }
    }
    assert_eq!(wheel.memory_bytes(), held);
}

#[test]
fn places_that_cancels_left_in_a_far_bucket_are_used_again() {
    let mut wheel = Wheel::new();
    let far = UtcMs(START_MS + YEAR_MS);
    wheel.insert(0, UtcMs(START_MS));
    let mut handles: Vec<Handle> = (1..=1_000).map(|key| wheel.insert(key, far)).collect();
    for key in 1_001..100_000u64 {
        let nth = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let handle = &mut handles[nth as usize % 1_000];
        assert!(wheel.cancel(*handle));
        *handle = wheel.insert(key, far);
    }
    let chunks = (1_001 + super::GONE) / 256 + 1;
    let in_use = wheel.pool.in_use();
    assert!((chunks - 1..2 * chunks).contains(&in_use), "{in_use} chunks in use for {chunks}");
}

#[test]
fn long_bucket_is_split_while_it_is_filled() {
    let mut wheel = Wheel { long: 2, ..Wheel::new() };
    wheel.insert(0, UtcMs(START_MS));
    for key in 0..50_000 {
        wheel.insert(key, UtcMs(START_MS + 1 + key * 7_919 % 3_600_000));
        for ring in &wheel.rings {
            assert!(ring.slots.iter().all(|round| round.chunks <= 3));
        }
    }
    assert!(wheel.rings.len() > 1, "nothing was split");
}

#[test]
fn timer_in_the_midst_of_the_front_takes_the_rest_back() {
    let mut wheel = Wheel::new();
    for key in (0..1_000).rev() {
        wheel.insert(key, UtcMs(START_MS + key * 10));
    }
    assert_eq!(wheel.front.len(), 1_000, "each is before all others");
    let handle = wheel.insert(1_000, UtcMs(START_MS + 5_001));
    assert_eq!(wheel.front.len(), 501, "501 come before it");
    assert!(wheel.cancel(handle));
    wheel.insert(1_001, UtcMs(START_MS + 9));
    assert_eq!(wheel.front.len(), 502, "one comes before it");
    let fired: Vec<u64> =
        std::iter::from_fn(|| wheel.pop_due(UtcMs(u64::MAX))).map(|(_, key)| key).collect();
    let expected: Vec<u64> = [0, 1_001].into_iter().chain(1..1_000).collect();
    assert_eq!(fired, expected);
}

#[test]
fn front_stays_short_when_each_timer_is_before_all_others() {
    let mut wheel = Wheel { sorted: 50, ..Wheel::new() };
    for ahead in (0..5_000).rev() {
        wheel.insert(ahead, UtcMs(START_MS + ahead));
        assert_eq!(wheel.next_deadline(), Some(UtcMs(START_MS + ahead)));
        assert!(wheel.front.len() <= 100);
    }
    let fired: Vec<u64> =
        std::iter::from_fn(|| wheel.pop_due(UtcMs(u64::MAX))).map(|(_, key)| key).collect();
    assert_eq!(fired, (0..5_000).collect::<Vec<u64>>());
}

#[test]
fn timer_costs_at_most_48_bytes() {
    let mut wheel = Wheel::new();
    for key in 0..200_000u64 {
        let ahead = 900_000 + key * 7_919 % 3_600_000;
        wheel.insert(key, UtcMs(START_MS + ahead));
    }
    let each = wheel.memory_bytes() / wheel.len();
    // An instant, a key, a place and a generation, and its number in a list.
    let itself = 8 + 8 + 4 + 4 + 4;
    assert!((itself..=48).contains(&each), "{each} bytes a timer");
}

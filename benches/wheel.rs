//! The wheel beside its peers: nanoseconds to insert, cancel and fire, and bytes a timer.
//!
//! Run: `cargo bench --bench wheel` (10 thousand and 1 million timers), or
//! `cargo bench --bench wheel -- 10000000` for other sizes; `-- scattered` draws the keys at
//! random instead of counting up; `-- pauses` has the longest single insert and fire of the wheel,
//! of as many timers of which none is cancelled.
//!
//! The work of a round: insert all, with deadlines 15 minutes ahead and spread over an hour;
//! cancel 95 % in random order; fire the rest by advancing. Every operation is divided by its own
//! count, so a fired timer carries all the cost of advancing. The median round is shown; the
//! structure is kept between rounds. Each contender has a process of its own, so that memory
//! (growth of the resident set in the first round) is its own too.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

use fifteen::domain::UtcMs;
use fifteen::engine::wheel::{Handle, Wheel};
use hierarchical_hash_wheel_timer::IdOnlyTimerEntry;
use hierarchical_hash_wheel_timer::wheels::{Skip, cancellable::QuadWheelWithOverflow};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_util::time::{DelayQueue, delay_queue};

const SEED: u64 = 15;
const MINUTE_MS: u64 = 60_000;
/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;
const ROUND_MS: u64 = 120 * MINUTE_MS;
const CONTENDERS: [&str; 5] =
    ["wheel", "BTreeSet", "BinaryHeap, lazy", "DelayQueue", "hash wheel 1.4"];

/// One timer of the workload. `nth` counts from 0, for contenders that need an array beside.
#[derive(Clone, Copy)]
struct Timer {
    nth: usize,
    key: u64,
    at: u64,
}

/// What is measured. Peers that cannot cancel by key alone are given the instant, a mark or a
/// handle for nothing.
trait Contender {
    fn insert(&mut self, timers: &[Timer]);
    /// Not timed: what the caller has in hand when it cancels these.
    fn prepare(&mut self, _timers: &[Timer]) {}
    fn cancel(&mut self, timers: &[Timer]);
    /// Fires all that is left; gives how many, and the sum of keys.
    fn fire(&mut self) -> (usize, u64);
    fn bytes(&self) -> Option<usize> {
        None
    }
    /// Bytes a timer that are the caller's own in the figure of the resident set.
    fn own(&self) -> usize {
        0
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let scattered = args.iter().any(|arg| arg == "scattered");
    let mut sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    if let Some(name) = args.iter().find_map(|arg| arg.strip_prefix("only=")) {
        measure(name, sizes[0], scattered);
        return;
    }
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    if args.iter().any(|arg| arg == "pauses") {
        for size in sizes {
            pauses(size, scattered);
        }
        return;
    }
    let keys = if scattered { "drawn at random" } else { "counting up" };
    println!("seed {SEED}, keys {keys}, 15 min ahead over 60 min, 95 % cancelled, ns an operation");
    for size in sizes {
        println!(
            "\n{size:>10} timers  {:>8} {:>8} {:>8} {:>8} {:>8}",
            "insert", "cancel", "fire", "sum", "bytes"
        );
        let sums: Vec<f64> =
            CONTENDERS.iter().map(|name| in_own_process(name, size, scattered)).collect();
        let best = sums[1..].iter().copied().fold(f64::INFINITY, f64::min);
        println!("best peer / wheel: {:.1}", best / sums[0]);
    }
}

fn in_own_process(name: &str, size: usize, scattered: bool) -> f64 {
    let mut child = Command::new(std::env::current_exe().expect("a path to this program"));
    child.arg(format!("only={name}")).arg(size.to_string());
    if scattered {
        child.arg("scattered");
    }
    let output = child.output().expect("the child ran");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8(output.stdout).expect("text");
    print!("{line}");
    let sum = line.split_whitespace().rev().nth(1).expect("five figures");
    sum.parse().expect("a number")
}

fn measure(name: &str, size: usize, scattered: bool) {
    let mut contender: Box<dyn Contender> = match name {
        "wheel" => {
            Box::new(Ours { wheel: Wheel::new(), handles: vec![None; size], doomed: Vec::new() })
        }
        "BTreeSet" => Box::new(BTreeSet::new()),
        "BinaryHeap, lazy" => Box::new(LazyHeap::new(size)),
        "DelayQueue" => Box::new(Delays::new(size)),
        "hash wheel 1.4" => Box::new(HashWheel::new()),
        _ => panic!("no contender {name}"),
    };
    let rounds = (3_000_000 / size).clamp(3, 101);
    let mut random = Random(SEED);
    let mut spent: [Vec<f64>; 3] = Default::default();
    let mut bytes = 0;
    for round in 0..rounds {
        let mut timers = workload(&mut random, size, round, scattered);
        let mut doomed = timers.clone();
        random.shuffle(&mut doomed);
        let left = doomed.split_off(size - size / 20);
        let before = resident_bytes();
        spent[0].push(ns_each(size, || contender.insert(&timers)));
        if round == 0 {
            let grown = resident_bytes().saturating_sub(before) - contender.own() * size;
            bytes = contender.bytes().unwrap_or(grown) / size;
        }
        timers.clear();
        contender.prepare(&doomed);
        spent[1].push(ns_each(doomed.len(), || contender.cancel(&doomed)));
        let mut fired = (0, 0);
        spent[2].push(ns_each(left.len(), || fired = contender.fire()));
        let sum = left.iter().fold(0u64, |sum, timer| sum.wrapping_add(timer.key));
        assert_eq!(fired, (left.len(), sum), "the right timers fired");
    }
    let [insert, cancel, fire] = spent.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    });
    let sum = insert + cancel + fire;
    println!("{name:>17}  {insert:>8.1} {cancel:>8.1} {fire:>8.1} {sum:>8.1} {bytes:>8}");
}

/// A timer is late by as long as the step before it takes.
fn pauses(size: usize, scattered: bool) {
    let mut wheel = Wheel::new();
    let mut longest = [Duration::ZERO; 2];
    for timer in workload(&mut Random(SEED), size, 0, scattered) {
        let start = Instant::now();
        wheel.insert(timer.key, UtcMs(timer.at));
        longest[0] = longest[0].max(start.elapsed());
    }
    while let Some(now) = wheel.next_deadline() {
        let start = Instant::now();
        wheel.pop_due(now);
        longest[1] = longest[1].max(start.elapsed());
    }
    let [insert, fire] = longest.map(|longest| longest.as_secs_f64() * 1e3);
    println!("{size:>10} timers, longest insert {insert:.2} ms, longest fire {fire:.2} ms");
}

fn workload(random: &mut Random, size: usize, round: usize, scattered: bool) -> Vec<Timer> {
    let now = START_MS + round as u64 * ROUND_MS;
    (0..size)
        .map(|nth| Timer {
            nth,
            key: match scattered {
                true => random.next(),
                false => (round * size + nth) as u64,
            },
            at: now + 15 * MINUTE_MS + random.next() % (60 * MINUTE_MS),
        })
        .collect()
}

fn ns_each(count: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / count as f64
}

/// The resident set, from /proc; 0 where there is none.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    pages.and_then(|pages| pages.parse().ok()).unwrap_or(0) * 4096
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ x >> 31
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

/// Ours, with the handles its caller keeps.
struct Ours {
    wheel: Wheel,
    handles: Vec<Option<Handle>>,
    doomed: Vec<Handle>,
}

impl Contender for Ours {
    fn insert(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.handles[timer.nth] = Some(self.wheel.insert(timer.key, UtcMs(timer.at)));
        }
    }

    fn prepare(&mut self, timers: &[Timer]) {
        let handles = &self.handles;
        self.doomed.clear();
        self.doomed.extend(timers.iter().filter_map(|timer| handles[timer.nth]));
    }

    fn cancel(&mut self, _timers: &[Timer]) {
        for &handle in &self.doomed {
            assert!(self.wheel.cancel(handle));
        }
    }

    /// As the engine does: wake at the next deadline, fire what is due.
    fn fire(&mut self) -> (usize, u64) {
        let mut fired = (0, 0u64);
        while let Some(now) = self.wheel.next_deadline() {
            while let Some((_, key)) = self.wheel.pop_due(now) {
                fired = (fired.0 + 1, fired.1.wrapping_add(key));
            }
        }
        fired
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.wheel.memory_bytes())
    }
}

impl Contender for BTreeSet<(u64, u64)> {
    fn insert(&mut self, timers: &[Timer]) {
        for timer in timers {
            assert!(BTreeSet::insert(self, (timer.at, timer.key)));
        }
    }

    fn cancel(&mut self, timers: &[Timer]) {
        for timer in timers {
            assert!(self.remove(&(timer.at, timer.key)));
        }
    }

    fn fire(&mut self) -> (usize, u64) {
        let mut fired = (0, 0u64);
        while let Some((_, key)) = self.pop_first() {
            fired = (fired.0 + 1, fired.1.wrapping_add(key));
        }
        fired
    }
}

/// A heap whose cancelled timers are marked and stay until they come up.
struct LazyHeap {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    dead: Vec<bool>,
}

impl LazyHeap {
    fn new(size: usize) -> Self {
        Self { heap: BinaryHeap::new(), dead: vec![false; size] }
    }
}

impl Contender for LazyHeap {
    fn insert(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.dead[timer.nth] = false;
            self.heap.push(Reverse((timer.at, timer.key, timer.nth)));
        }
    }

    fn cancel(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.dead[timer.nth] = true;
        }
    }

    fn fire(&mut self) -> (usize, u64) {
        let mut fired = (0, 0u64);
        while let Some(Reverse((_, key, nth))) = self.heap.pop() {
            if !self.dead[nth] {
                fired = (fired.0 + 1, fired.1.wrapping_add(key));
            }
        }
        fired
    }
}

/// tokio-util's wheel, its time paused and moved on by the second.
struct Delays {
    runtime: tokio::runtime::Runtime,
    queue: DelayQueue<u64>,
    handles: Vec<Option<delay_queue::Key>>,
    doomed: Vec<delay_queue::Key>,
    start: tokio::time::Instant,
}

impl Delays {
    fn new(size: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let guard = runtime.enter();
        let start = tokio::time::Instant::now();
        let queue = DelayQueue::new();
        drop(guard);
        Self { runtime, queue, handles: vec![None; size], doomed: Vec::new(), start }
    }
}

impl Contender for Delays {
    fn insert(&mut self, timers: &[Timer]) {
        let _guard = self.runtime.enter();
        for timer in timers {
            let at = self.start + Duration::from_millis(timer.at - START_MS);
            self.handles[timer.nth] = Some(self.queue.insert_at(timer.key, at));
        }
    }

    fn prepare(&mut self, timers: &[Timer]) {
        let handles = &self.handles;
        self.doomed.clear();
        self.doomed.extend(timers.iter().filter_map(|timer| handles[timer.nth]));
    }

    fn cancel(&mut self, _timers: &[Timer]) {
        let _guard = self.runtime.enter();
        for handle in &self.doomed {
            self.queue.remove(handle);
        }
    }

    fn fire(&mut self) -> (usize, u64) {
        let queue = &mut self.queue;
        self.runtime.block_on(async {
            let mut fired = (0, 0u64);
            while !queue.is_empty() {
                tokio::time::advance(Duration::from_secs(1)).await;
                std::future::poll_fn(|context| {
                    while let std::task::Poll::Ready(Some(key)) = queue.poll_expired(context) {
                        fired = (fired.0 + 1, fired.1.wrapping_add(key.into_inner()));
                    }
                    std::task::Poll::Ready(())
                })
                .await;
            }
            fired
        })
    }

    fn own(&self) -> usize {
        size_of::<Option<delay_queue::Key>>()
    }
}

/// The wheel of crate hierarchical_hash_wheel_timer: its cancel by key drops the entry, its
/// buckets keep a dead reference until they come up.
struct HashWheel {
    wheel: QuadWheelWithOverflow<IdOnlyTimerEntry<u64>>,
    now: u64,
}

impl HashWheel {
    fn new() -> Self {
        Self { wheel: QuadWheelWithOverflow::new(), now: START_MS }
    }
}

impl Contender for HashWheel {
    fn insert(&mut self, timers: &[Timer]) {
        for timer in timers {
            let delay = Duration::from_millis(timer.at - self.now);
            let entry = IdOnlyTimerEntry::new(timer.key, delay);
            self.wheel.insert(entry).expect("in the future");
        }
    }

    fn cancel(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.wheel.cancel(&timer.key).expect("inserted");
        }
    }

    fn fire(&mut self) -> (usize, u64) {
        let mut fired = (0, 0u64);
        loop {
            match self.wheel.can_skip() {
                Skip::Empty => return fired,
                Skip::Millis(ms) => {
                    self.wheel.skip(ms);
                    self.now += u64::from(ms);
                }
                Skip::None => {}
            }
            self.now += 1;
            for entry in self.wheel.tick() {
                fired = (fired.0 + 1, fired.1.wrapping_add(entry.id));
            }
        }
    }
}

//! Hierarchical timing wheel: which key is due next, and when.
//!
//! Rings of 256 buckets, one ring a byte of the instant (after Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", SOSP 1987), but a ring is made only when the bucket above it
//! comes to the front and holds too many timers to search. It knows keys and instants (ms), not
//! calls; it never reads a clock, never sleeps, and visits no instant at which nothing is due.
//!
//! ```text
//!  byte of the instant   4: 50 days   3: 4.7 h     2: 65 s       1: 256 ms     0: 1 ms
//!                        [..|A0|..]──>[..|7F|..]──>[..|12|..]──>[..|C4|..]──>[..]
//!                            └ timers      └ timers     └ timers     └ the front: searched
//! ```
//!
//! - **No cursor.** Rings stand on absolute time, so a timer before the one last fired, or at the
//!   very instant being fired, goes where it belongs like any other. The textbook wheel turns
//!   with the clock and does not know its exact next deadline without a search of a bucket.
//! - **The front is always known**: after the front timer leaves, the first bucket (found by
//!   occupancy bitmaps) is split until it fits one chunk, then searched. A timer moves down at
//!   most once a byte in its life, mostly once or twice.
//! - **One instant, many timers**: below the last byte of the instant come the bytes of the key,
//!   by the same rule, so a burst fires in key order and is never sorted.
//! - **Cancel is by handle** and takes the timer out at once; nothing dead is kept. Cancel by key
//!   was built and measured first: the hash index under it cost more than the wheel (1 million
//!   timers on one noisy machine: insert, cancel and fire 490 to 690 ns in sum, against 190 to
//!   290 by handle), since each look-up waits for memory before it knows where to look next.
//!   `benches/wheel.rs` has the comparison with other queues.
//!
//! Memory: 36 bytes a timer and what the arrays hold in reserve, and 1 KiB a ring. A ring lives as
//! long as a timer is under it.

mod handles;
mod pool;
#[cfg(test)]
mod tests;

use crate::domain::UtcMs;
pub use handles::Handle;
use handles::Handles;
use pool::{NO_CHUNK, Pool, Timer};

/// Buckets in a ring: one for each value of a byte.
const SLOTS: usize = 256;

/// The ring of the first byte, always there.
const ROOT: u32 = 0;

/// Bytes of the instant; a deeper ring is one of the key.
const INSTANT_BYTES: u32 = 8;

/// The last byte of the key. A bucket of its ring holds one key of one instant.
const LAST_BYTE: u32 = 15;

/// Set in a slot that holds a ring; otherwise it holds the first chunk of a chain.
const IS_RING: u32 = 1 << 31;

/// No timer at the front: the wheel is empty.
const NOWHERE: u32 = u32::MAX;

/// Timers by instant, then by key.
#[derive(Debug)]
pub struct Wheel {
    pool: Pool,
    handles: Handles,
    rings: Vec<Ring>,
    /// Rings no longer used, for the next that is needed.
    spare: Vec<u32>,
    /// Where the earliest timer stands.
    front: u32,
    /// The ring of the last insert, a good place to begin the next.
    finger: u32,
}

#[derive(Debug)]
struct Ring {
    occupied: [u64; SLOTS / 64],
    slots: [u32; SLOTS],
    /// The bucket this ring was made of.
    above: u32,
    /// Which byte it goes by: 0 the first of the instant, 8 the first of the key.
    byte: u32,
    /// An instant inside it.
    base: u64,
}

impl Wheel {
    /// An empty wheel. It needs no starting instant: rings stand on absolute time.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pool: Pool::new(),
            handles: Handles::new(),
            rings: vec![Ring::new(0, 0, 0)],
            spare: Vec::new(),
            front: NOWHERE,
            finger: ROOT,
        }
    }

    /// Arms a timer for `at`; an instant in the past is due at once. A key armed twice fires
    /// twice.
    pub fn insert(&mut self, key: u64, at: UtcMs) -> Handle {
        let handle = self.handles.open();
        let timer = Timer { at: at.0, key, cell: handle.cell() };
        let bucket = self.bucket_for(timer);
        let place = self.push(bucket, timer);
        if self.front == NOWHERE || timer < self.pool.get(self.front) {
            self.front = place;
        }
        handle
    }

    /// Disarms a timer; false if it has fired or was cancelled before.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let Some(place) = self.handles.place(handle) else {
            return false;
        };
        self.remove(place, handle.cell());
        true
    }

    /// The earliest instant of all timers, exactly; none if there is no timer.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMs> {
        (self.front != NOWHERE).then(|| UtcMs(self.pool.get(self.front).at))
    }

    /// Takes out the first timer, by instant and then key, that is due at or before `now`.
    pub fn pop_due(&mut self, now: UtcMs) -> Option<(UtcMs, u64)> {
        if self.front == NOWHERE {
            return None;
        }
        let timer = self.pool.get(self.front);
        if timer.at > now.0 {
            return None;
        }
        self.remove(self.front, timer.cell);
        Some((UtcMs(timer.at), timer.key))
    }

    /// Timers armed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether no timer is armed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.handles.len() == 0
    }

    /// Memory held, used or not, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.pool.memory_bytes()
            + self.handles.memory_bytes()
            + self.rings.capacity() * size_of::<Ring>()
            + self.spare.capacity() * size_of::<u32>()
    }

    /// The bucket a timer belongs to: up from the finger until the ring covers the instant, then
    /// down to the last ring.
    fn bucket_for(&mut self, timer: Timer) -> u32 {
        let mut ring = self.finger;
        while !self.rings[ring as usize].covers(timer.at) {
            ring = ring_of(self.rings[ring as usize].above);
        }
        loop {
            let here = &self.rings[ring as usize];
            let digit = digit(timer, here.byte);
            let slot = here.slots[digit];
            if slot & IS_RING == 0 {
                if here.byte < INSTANT_BYTES {
                    self.finger = ring;
                }
                return bucket(ring, digit);
            }
            ring = slot & !IS_RING;
        }
    }

    /// Puts a timer into a bucket; gives its place.
    fn push(&mut self, bucket: u32, timer: Timer) -> u32 {
        let ring = &mut self.rings[ring_of(bucket) as usize];
        let slot = slot_of(bucket);
        let (head, place) = self.pool.push(ring.slots[slot], bucket, timer);
        ring.fill(slot, head);
        self.handles.moved(timer.cell, place);
        place
    }

    /// Takes out the timer at `place`, whose handle has `cell`. Keeps the front.
    fn remove(&mut self, place: u32, cell: u32) {
        self.handles.close(cell);
        let bucket = self.pool.bucket_of(place);
        let mut ring = ring_of(bucket);
        let slot = slot_of(bucket);
        let (head, last) = self.pool.pop(self.rings[ring as usize].slots[slot]);
        let was_front = self.front == place;
        if last != place {
            let moved = self.pool.get(last);
            self.pool.set(place, moved);
            self.handles.moved(moved.cell, place);
            if self.front == last {
                self.front = place;
            }
        }
        if head == NO_CHUNK {
            ring = self.clear(bucket);
        } else {
            self.rings[ring as usize].slots[slot] = head;
        }
        if was_front {
            self.find_front(ring);
        }
    }

    /// Empties a bucket, and every ring that is empty with it; gives the ring that is left.
    fn clear(&mut self, mut bucket: u32) -> u32 {
        loop {
            let ring = ring_of(bucket);
            let here = &mut self.rings[ring as usize];
            here.clear(slot_of(bucket));
            if ring == ROOT || here.first().is_some() {
                return ring;
            }
            bucket = here.above;
            if self.finger == ring {
                self.finger = ring_of(bucket);
            }
            self.spare.push(ring);
        }
    }

    /// Finds the earliest timer under `ring`, before which nothing is left.
    fn find_front(&mut self, mut ring: u32) {
        loop {
            let here = &self.rings[ring as usize];
            let Some(slot) = here.first() else {
                self.front = NOWHERE;
                return;
            };
            let head = here.slots[slot];
            if head & IS_RING != 0 {
                ring = head & !IS_RING;
            } else if self.pool.next(head) != NO_CHUNK && here.byte < LAST_BYTE {
                ring = self.split(bucket(ring, slot));
            } else {
                self.front = self.earliest(head);
                return;
            }
        }
    }

    /// The place of the earliest timer in a chunk.
    fn earliest(&self, chunk: u32) -> u32 {
        let first =
            self.pool.places(chunk).zip(self.pool.timers(chunk)).min_by_key(|&(_, timer)| *timer);
        first.expect("a chunk in use is not empty").0
    }

    /// Makes a bucket into a ring by the first byte in which its timers differ, with rings of one
    /// bucket for the bytes they share; gives the last ring.
    fn split(&mut self, above: u32) -> u32 {
        let mut ring = ring_of(above);
        let mut slot = slot_of(above);
        let mut head = self.rings[ring as usize].slots[slot];
        let sample = self.pool.timers(head)[0];
        let fork = self.fork(head, sample);
        for byte in self.rings[ring as usize].byte + 1..=fork {
            let below = self.open_ring(Ring::new(bucket(ring, slot), byte, sample.at));
            self.rings[ring as usize].fill(slot, below | IS_RING);
            ring = below;
            slot = digit(sample, byte);
        }
        while head != NO_CHUNK {
            for from in self.pool.places(head) {
                let timer = self.pool.get(from);
                self.push(bucket(ring, digit(timer, fork)), timer);
            }
            head = self.pool.close(head);
        }
        ring
    }

    /// The first byte in which the timers of a chain differ; the last one if in none.
    fn fork(&self, mut chunk: u32, sample: Timer) -> u32 {
        let mut differ = Timer::default();
        while chunk != NO_CHUNK {
            for timer in self.pool.timers(chunk) {
                differ.at |= timer.at ^ sample.at;
                differ.key |= timer.key ^ sample.key;
            }
            chunk = self.pool.next(chunk);
        }
        let same_bits = match differ.at {
            0 => u64::BITS + differ.key.leading_zeros(),
            at => at.leading_zeros(),
        };
        (same_bits / 8).min(LAST_BYTE)
    }

    fn open_ring(&mut self, ring: Ring) -> u32 {
        if let Some(spare) = self.spare.pop() {
            self.rings[spare as usize] = ring;
            return spare;
        }
        let number = self.rings.len();
        assert!(number < 1 << 23, "a ring's number and slot fit 31 bits");
        self.rings.push(ring);
        number as u32
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    const fn new(above: u32, byte: u32, base: u64) -> Self {
        Self { occupied: [0; SLOTS / 64], slots: [NO_CHUNK; SLOTS], above, byte, base }
    }

    /// Whether instants like `at` belong under this ring. Only asked of rings of the instant.
    const fn covers(&self, at: u64) -> bool {
        (at ^ self.base).unbounded_shr(u64::BITS - 8 * self.byte) == 0
    }

    const fn fill(&mut self, slot: usize, content: u32) {
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.slots[slot] = content;
    }

    const fn clear(&mut self, slot: usize) {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        self.slots[slot] = NO_CHUNK;
    }

    /// The first occupied slot.
    fn first(&self) -> Option<usize> {
        let word = self.occupied.iter().position(|&bits| bits != 0)?;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }
}

/// The value of one byte of (instant, key), the first byte being 0.
const fn digit(timer: Timer, byte: u32) -> usize {
    let word = if byte < INSTANT_BYTES { timer.at } else { timer.key };
    (word >> (56 - 8 * (byte % 8)) & 0xFF) as usize
}

const fn bucket(ring: u32, slot: usize) -> u32 {
    ring << 8 | slot as u32
}

const fn ring_of(bucket: u32) -> u32 {
    bucket >> 8
}

const fn slot_of(bucket: u32) -> usize {
    (bucket & 0xFF) as usize
}

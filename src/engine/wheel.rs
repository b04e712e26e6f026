//! Hierarchical timing wheel: which key is due next, and when.
//!
//! Rings of 256 buckets, one ring a byte of the instant (after Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", SOSP 1987), but a ring is made only when the bucket above it
//! holds too many timers to sort. It knows keys and instants (ms), not calls; it never reads a
//! clock, never sleeps, and visits no instant at which nothing is due.
//!
//! ```text
//!  byte of the instant   4: 50 days   3: 4.7 h     2: 65 s       1: 256 ms     0: 1 ms
//!                        [..|A0|..]──>[..|7F|..]──>[..|12|..]──> ...
//!                            └ timers      └ timers     └ timers, sorted: the front
//! ```
//!
//! - **No cursor.** Rings stand on absolute time, so a timer before the one last fired, or at the
//!   very instant being fired, goes where it belongs like any other. The textbook wheel turns
//!   with the clock and does not know its exact next deadline without a search of a bucket.
//! - **The front is sorted**: when its last timer leaves, the first bucket (found by occupancy
//!   bitmaps), split if it is long, is sorted and is the front. A timer armed for before the end of
//!   the front joins it, or, if many come before it, takes what comes after it back to the buckets.
//! - **No long pause.** A bucket is split while it is filled, before it is so long that splitting
//!   it would make others late: `cargo bench --bench wheel -- pauses` has the longest step.
//! - **One instant, many timers**: below the last byte of the instant come the bytes of the key,
//!   by the same rule, so a burst fires in key order and no more of it is sorted at once.
//! - **Cancel is by handle**, and what is cancelled is gone at once. Its place and its cell are
//!   given back a little later, 64 together: one by one each waits for its own memory, in a
//!   row they wait at once. Cancel by key was built and measured first: the hash index under it
//!   cost more than the wheel, since each look-up waits for memory before it knows where to look
//!   next. `benches/wheel.rs` has the comparison with other queues.
//! - **A timer does not move.** It stays in its cell; buckets list cells by number, and splitting
//!   a bucket moves numbers.
//!
//! Memory: 28 bytes a timer and what the arrays hold in reserve, 2 KiB a ring, 1 KiB a bucket that
//! is begun, and the front. A ring lives as long as a timer is under it. A list keeps a chunk as
//! long as one timer of it is armed; places that cancels left in it are used again.

mod cells;
mod pool;
#[cfg(test)]
mod tests;

use crate::domain::UtcMs;
pub use cells::Handle;
use cells::{Cells, Order};
use pool::{Pool, Round, chunk_of};

/// Buckets in a ring: one for each value of a byte.
const SLOTS: usize = 256;

/// A timer joins the front if no more than these come before it there.
const MOVED: usize = 64;

/// A bucket of no more timers is sorted rather than split. The front grows to twice as many.
const SORTED: usize = 16_384;

/// A bucket of more chunks, a quarter of a million timers, is split while it is filled.
const LONG: u32 = 1_024;

/// Timers that are gone before what they had is given back.
const GONE: usize = 64;

/// The ring of the first byte, always there.
const ROOT: u32 = 0;

/// Bytes of the instant; a deeper ring is one of the key.
const INSTANT_BYTES: u32 = 8;

/// The last byte of the key. A bucket of its ring holds one key of one instant.
const LAST_BYTE: u32 = 15;

/// Set in a slot that holds a ring; otherwise it holds the first chunk of a round.
const IS_RING: u32 = 1 << 31;

/// The place of a timer that is in no bucket but at the front.
const AT_FRONT: u32 = u32::MAX;

/// Timers by instant, then by key.
#[derive(Debug)]
pub struct Wheel {
    pool: Pool,
    cells: Cells,
    rings: Vec<Ring>,
    /// Rings no longer used, for the next that is needed.
    spare: Vec<u32>,
    /// [`SORTED`] and [`LONG`]; less in tests, so that few timers split many buckets.
    sorted: usize,
    long: u32,
    /// Cells and places of timers that are gone, not yet given back.
    gone: Vec<(u32, u32)>,
    /// The earliest timers, the first of all at the end; none in a bucket is before one of these.
    /// Empty only if no timer is armed.
    front: Vec<(Order, u32)>,
    /// The ring of the last insert, a good place to begin the next.
    finger: u32,
}

#[derive(Debug)]
struct Ring {
    occupied: [u64; SLOTS / 64],
    slots: [Round; SLOTS],
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
            cells: Cells::new(),
            rings: vec![Ring::new(0, 0, 0)],
            spare: Vec::new(),
            sorted: SORTED,
            long: LONG,
            gone: Vec::with_capacity(GONE),
            front: Vec::new(),
            finger: ROOT,
        }
    }

    /// Arms a timer for `at`; an instant in the past is due at once. A key armed twice fires
    /// twice.
    pub fn insert(&mut self, key: u64, at: UtcMs) -> Handle {
        let order = (at.0, key);
        let handle = self.cells.open(order);
        if self.front.first().is_none_or(|&(last, _)| order < last) {
            self.insert_front(order, handle.cell());
        } else {
            self.push(order, handle.cell());
        }
        handle
    }

    /// Disarms a timer; false if it has fired or was cancelled before.
    #[inline]
    pub fn cancel(&mut self, handle: Handle) -> bool {
        let armed = self.cells.is_armed(handle);
        if armed {
            let cell = handle.cell();
            match self.cells.close(cell) {
                AT_FRONT => self.cancel_front(cell),
                place => self.give_back_later(cell, place),
            }
        }
        armed
    }

    /// The earliest instant of all timers, exactly; none if there is no timer.
    #[must_use]
    #[inline]
    pub fn next_deadline(&self) -> Option<UtcMs> {
        self.front.last().map(|&((at, _), _)| UtcMs(at))
    }

    /// Takes out the first timer, by instant and then key, that is due at or before `now`.
    #[inline]
    pub fn pop_due(&mut self, now: UtcMs) -> Option<(UtcMs, u64)> {
        let ((at, key), cell) = self.front.pop_if(|((at, _), _)| *at <= now.0)?;
        self.cells.close(cell);
        self.cells.free(cell);
        if self.front.is_empty() {
            self.fill_front();
        }
        Some((UtcMs(at), key))
    }

    /// Timers armed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether no timer is armed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cells.len() == 0
    }

    /// Memory held, used or not, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.pool.memory_bytes()
            + self.cells.memory_bytes()
            + self.front.capacity() * size_of::<(Order, u32)>()
            + self.gone.capacity() * size_of::<(u32, u32)>()
            + self.rings.capacity() * size_of::<Ring>()
            + self.spare.capacity() * size_of::<u32>()
    }

    /// Puts a timer among those of the front, or, if many come before it or are there, into a
    /// bucket, with all that come after it.
    #[inline(never)]
    fn insert_front(&mut self, order: Order, cell: u32) {
        let nth = self.front.partition_point(|&other| other > (order, cell));
        if self.front.len() - nth <= MOVED && self.front.len() < 2 * self.sorted {
            self.cells.moved(cell, AT_FRONT);
            self.front.insert(nth, (order, cell));
            return;
        }
        let earlier = self.front.split_off(nth);
        for (order, cell) in std::mem::replace(&mut self.front, earlier) {
            self.push(order, cell);
        }
        self.push(order, cell);
        if self.front.is_empty() {
            self.fill_front();
        }
    }

    /// Takes the timer of a closed cell from the front.
    #[inline(never)]
    fn cancel_front(&mut self, cell: u32) {
        let order = self.cells.order(cell);
        let nth = self.front.partition_point(|&other| other > (order, cell));
        self.front.remove(nth);
        self.cells.free(cell);
        if self.front.is_empty() {
            self.fill_front();
        }
    }

    /// Makes the first bucket, split until it is short enough, the front.
    #[inline(never)]
    fn fill_front(&mut self) {
        self.give_back();
        let mut ring = ROOT;
        while let Some(slot) = self.rings[ring as usize].first() {
            let here = &self.rings[ring as usize];
            let head = here.slots[slot].head;
            let bucket = bucket(ring, slot);
            if head & IS_RING != 0 {
                ring = head & !IS_RING;
            } else if here.byte < LAST_BYTE && !self.pool.is_short(head, self.sorted) {
                ring = self.split(bucket);
            } else {
                self.front = self.take_all(head);
                self.front.sort_unstable_by(|a, b| b.cmp(a));
                for &(_, cell) in &self.front {
                    self.cells.moved(cell, AT_FRONT);
                }
                self.clear(bucket);
                return;
            }
        }
    }

    /// Puts a timer into the bucket it belongs to, and splits that if it is long.
    fn push(&mut self, order: Order, cell: u32) {
        let bucket = self.bucket_for(order);
        self.list(bucket, cell);
        let ring = &self.rings[ring_of(bucket) as usize];
        if ring.slots[slot_of(bucket)].chunks > self.long && ring.byte < LAST_BYTE {
            self.give_back();
            self.split(bucket);
        }
    }

    /// The bucket a timer belongs to: up from the finger until the ring covers the instant, then
    /// down to the last ring.
    fn bucket_for(&mut self, order: Order) -> u32 {
        let mut ring = self.finger;
        while !self.rings[ring as usize].covers(order.0) {
            ring = ring_of(self.rings[ring as usize].above);
        }
        loop {
            let here = &self.rings[ring as usize];
            let digit = digit(order, here.byte);
            let slot = here.slots[digit].head;
            if slot & IS_RING == 0 {
                if here.byte < INSTANT_BYTES {
                    self.finger = ring;
                }
                return bucket(ring, digit);
            }
            ring = slot & !IS_RING;
        }
    }

    /// Lists the timer of `cell` in a bucket.
    fn list(&mut self, bucket: u32, cell: u32) {
        let ring = &mut self.rings[ring_of(bucket) as usize];
        let slot = slot_of(bucket);
        let place = self.pool.push(&mut ring.slots[slot], bucket, cell);
        ring.occupy(slot);
        self.cells.moved(cell, place);
    }

    /// Notes what a timer had that is gone.
    #[inline]
    fn give_back_later(&mut self, cell: u32, place: u32) {
        self.gone.push((cell, place));
        if self.gone.len() == GONE {
            self.give_back();
        }
    }

    /// Gives back what timers had that are gone. Apart, so that a cancel itself is short and the
    /// processor begins the next one early.
    #[inline(never)]
    fn give_back(&mut self) {
        let mut gone = std::mem::take(&mut self.gone);
        for (cell, place) in gone.drain(..) {
            self.cells.free(cell);
            if self.pool.take(place) {
                self.drop_chunk(chunk_of(place));
            }
        }
        self.gone = gone;
    }

    /// Gives back an empty chunk, and its bucket if there is no other in it.
    fn drop_chunk(&mut self, chunk: u32) {
        let bucket = self.pool.bucket_of(chunk);
        let round = &mut self.rings[ring_of(bucket) as usize].slots[slot_of(bucket)];
        self.pool.drop_empty(round, chunk);
        if round.chunks == 0 {
            self.clear(bucket);
        }
    }

    /// Empties a bucket, and every ring that is empty with it.
    fn clear(&mut self, mut bucket: u32) {
        loop {
            let ring = ring_of(bucket);
            let here = &mut self.rings[ring as usize];
            here.clear(slot_of(bucket));
            if ring == ROOT || here.first().is_some() {
                return;
            }
            bucket = here.above;
            if self.finger == ring {
                self.finger = ring_of(bucket);
            }
            self.spare.push(ring);
        }
    }

    /// Makes a bucket into a ring by the first byte in which its timers differ, with rings of one
    /// bucket for the bytes they share; gives the last ring.
    fn split(&mut self, above: u32) -> u32 {
        let (mut ring, mut slot) = (ring_of(above), slot_of(above));
        let here = &mut self.rings[ring as usize];
        let byte = here.byte;
        let round = std::mem::replace(&mut here.slots[slot], Round::EMPTY);
        let timers = self.take_all(round.head);
        let fork = fork(&timers);
        let (sample, _) = timers[0];
        for byte in byte + 1..=fork {
            let below = self.open_ring(Ring::new(bucket(ring, slot), byte, sample.0));
            let here = &mut self.rings[ring as usize];
            here.slots[slot].head = below | IS_RING;
            here.occupy(slot);
            ring = below;
            slot = digit(sample, byte);
        }
        for (order, cell) in timers {
            self.list(bucket(ring, digit(order, fork)), cell);
        }
        ring
    }

    /// Takes a bucket's chunks away; gives its timers. First their cells from the lists, then what
    /// the cells hold: so the processor waits for many cells at once.
    fn take_all(&mut self, head: u32) -> Vec<(Order, u32)> {
        let mut cells = Vec::new();
        let mut chunk = head;
        loop {
            cells.extend(self.pool.timers(chunk));
            let next = self.pool.next(chunk);
            self.pool.close(chunk);
            if next == head {
                break;
            }
            chunk = next;
        }
        cells.into_iter().map(|cell| (self.cells.order(cell), cell)).collect()
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
        Self { occupied: [0; SLOTS / 64], slots: [Round::EMPTY; SLOTS], above, byte, base }
    }

    /// Whether instants like `at` belong under this ring. Only asked of rings of the instant.
    const fn covers(&self, at: u64) -> bool {
        (at ^ self.base).unbounded_shr(u64::BITS - 8 * self.byte) == 0
    }

    const fn occupy(&mut self, slot: usize) {
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    const fn clear(&mut self, slot: usize) {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        self.slots[slot] = Round::EMPTY;
    }

    /// The first occupied slot.
    fn first(&self) -> Option<usize> {
        let word = self.occupied.iter().position(|&bits| bits != 0)?;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }
}

/// The first byte in which timers differ; the last one if in none.
fn fork(timers: &[(Order, u32)]) -> u32 {
    let (sample, _) = timers[0];
    let mut differ = (0, 0);
    for ((at, key), _) in timers {
        differ.0 |= at ^ sample.0;
        differ.1 |= key ^ sample.1;
    }
    let same_bits = match differ {
        (0, keys) => u64::BITS + keys.leading_zeros(),
        (at, _) => at.leading_zeros(),
    };
    (same_bits / 8).min(LAST_BYTE)
}

/// The value of one byte of (instant, key), the first byte being 0.
const fn digit((at, key): Order, byte: u32) -> usize {
    let word = if byte < INSTANT_BYTES { at } else { key };
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

//! Where each key's timer stands: open addressing, one 8-byte cell a key, no tombstones.
//!
//! ```text
//!  cell = tag (32 bits) | place (32 bits)      tag = hash of key / 4 (30 bits) | key % 4
//! ```
//! The tag alone gives a cell's home, so growing and deleting read no timer, and growing streams
//! through both tables in order. Keys that differ only in their last two bits (the clocks of one
//! call, calls taken one after the other) share a cache line: most inserts then miss nothing.
//! hashbrown's `HashTable<u32>` was the alternative; it reads two lines (control byte, then
//! place) where this reads one, and reads every timer again when it grows.

/// A cell without a key. No place is `u32::MAX`, so no tag makes a live cell equal to it.
const EMPTY: u64 = u64::MAX;

/// A smaller table is not worth having.
const CELLS_MIN: usize = 16;

/// Key to place. Never holds a key or a place twice; the caller keeps the keys themselves.
#[derive(Debug)]
pub(super) struct Index {
    /// A power of two of them, at most 13/16 in use.
    cells: Vec<u64>,
    /// How far a tag's hash is shifted down to make a group of four cells.
    shift: u32,
    len: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            cells: vec![EMPTY; CELLS_MIN],
            shift: shift_for(CELLS_MIN),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn memory_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u64>()
    }

    /// Notes that `key` stands at `place`. False, and nothing done, if the key is there already;
    /// `is_at` says whether a place holds this key.
    pub(super) fn insert(&mut self, key: u64, place: u32, is_at: impl Fn(u32) -> bool) -> bool {
        assert!(place != u32::MAX, "the wheel is full");
        if (self.len + 1) * 16 > self.cells.len() * 13 {
            self.grow();
        }
        let tag = tag_of(key);
        let mask = self.cells.len() - 1;
        let mut at = self.home(tag);
        loop {
            let cell = self.cells[at];
            if cell == EMPTY {
                break;
            }
            if tag_in(cell) == tag && is_at(place_in(cell)) {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.cells[at] = cell(tag, place);
        self.len += 1;
        true
    }

    /// Forgets `key` and gives the place it stood at; `is_at` says whether a place holds it.
    pub(super) fn take(&mut self, key: u64, is_at: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag_of(key);
        let mask = self.cells.len() - 1;
        let mut at = self.home(tag);
        loop {
            let cell = self.cells[at];
            if cell == EMPTY {
                return None;
            }
            if tag_in(cell) == tag && is_at(place_in(cell)) {
                self.vacate(at);
                return Some(place_in(cell));
            }
            at = (at + 1) & mask;
        }
    }

    /// Forgets `key`, known to stand at `place`.
    pub(super) fn remove(&mut self, key: u64, place: u32) {
        let at = self.find(key, place);
        self.vacate(at);
    }

    /// Notes that `key`, known to stand at `from`, now stands at `to`.
    pub(super) fn moved(&mut self, key: u64, from: u32, to: u32) {
        let at = self.find(key, from);
        self.cells[at] = cell(tag_of(key), to);
    }

    /// The cell of a key whose place is known: equality of the whole cell, since places are
    /// unique, so the timer itself is not read.
    fn find(&self, key: u64, place: u32) -> usize {
        let tag = tag_of(key);
        let wanted = cell(tag, place);
        let mask = self.cells.len() - 1;
        let mut at = self.home(tag);
        while self.cells[at] != wanted {
            assert!(self.cells[at] != EMPTY, "every timer is in the index");
            at = (at + 1) & mask;
        }
        at
    }

    /// Empties a cell and closes the gap, so that no search ever stops short of its key
    /// (Knuth, The Art of Computer Programming, vol. 3, 6.4, algorithm R).
    fn vacate(&mut self, at: usize) {
        let mask = self.cells.len() - 1;
        let mut hole = at;
        let mut next = at;
        loop {
            next = (next + 1) & mask;
            let cell = self.cells[next];
            if cell == EMPTY {
                break;
            }
            let home = self.home(tag_in(cell));
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.cells[hole] = cell;
                hole = next;
            }
        }
        self.cells[hole] = EMPTY;
        self.len -= 1;
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.cells.len() * 2;
        let old = std::mem::replace(&mut self.cells, vec![EMPTY; size]);
        self.shift = shift_for(size);
        let mask = size - 1;
        for cell in old {
            if cell != EMPTY {
                let mut at = self.home(tag_in(cell));
                while self.cells[at] != EMPTY {
                    at = (at + 1) & mask;
                }
                self.cells[at] = cell;
            }
        }
    }

    /// The first cell to look at: the hash picks a group of four, the key's last bits one of them.
    const fn home(&self, tag: u32) -> usize {
        (((tag >> 2) >> self.shift) << 2 | (tag & 3)) as usize
    }
}

const fn shift_for(cells: usize) -> u32 {
    assert!(cells.is_power_of_two() && cells.trailing_zeros() <= 32);
    32 - cells.trailing_zeros()
}

/// Two multiplications (the mixer of splitmix64, shortened), no seed: keys come from the engine,
/// not from strangers, and the same run must take the same steps.
const fn tag_of(key: u64) -> u32 {
    let mut hash = (key >> 2).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((hash >> 34) as u32) << 2 | (key & 3) as u32
}

const fn cell(tag: u32, place: u32) -> u64 {
    (tag as u64) << 32 | place as u64
}

const fn tag_in(cell: u64) -> u32 {
    (cell >> 32) as u32
}

const fn place_in(cell: u64) -> u32 {
    cell as u32
}

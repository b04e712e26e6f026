//! The armed timers, each in a cell that is its own until it fires or is cancelled.
//!
//! A cell is reused, its generation counted up each time, so that the handle of a timer that
//! fired or was cancelled finds nothing (until one cell has been reused four billion times).

/// Names one armed timer until it fires or is cancelled; after that it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    cell: u32,
    generation: u32,
}

/// When a timer fires: by instant, then by key.
pub(super) type Order = (u64, u64);

#[derive(Debug, Clone, Copy)]
struct Cell {
    at: u64,
    key: u64,
    /// Where its bucket's list has it.
    place: u32,
    generation: u32,
}

/// The cells in use and the free ones.
#[derive(Debug)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    /// A bit for each free cell, and above each a bit for each word that is not 0, to one word.
    free: [Vec<u64>; LEVELS],
    len: usize,
    /// Free cells that are in no word of `free`, a bit each, and the first they count from.
    ready: u64,
    ready_from: u32,
}

/// 64 to this power is more than a `u32` counts.
const LEVELS: usize = 6;

impl Cells {
    pub(super) const fn new() -> Self {
        Self {
            cells: Vec::new(),
            free: [const { Vec::new() }; LEVELS],
            len: 0,
            ready: 0,
            ready_from: 0,
        }
    }

    /// Cells in use.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let words: usize = self.free.iter().map(Vec::capacity).sum();
        self.cells.capacity() * size_of::<Cell>() + words * size_of::<u64>()
    }

    /// Puts a timer into a free cell; its place is to be told by [`Cells::moved`]. The next free
    /// one, not the last freed: after cancels in any order, new timers still fill memory in order.
    pub(super) fn open(&mut self, (at, key): Order) -> Handle {
        let cell = self.next_free().unwrap_or_else(|| self.grow());
        self.len += 1;
        let here = &mut self.cells[cell as usize];
        (here.at, here.key) = (at, key);
        Handle { cell, generation: here.generation }
    }

    /// Whether the timer of `handle` is armed.
    #[inline]
    pub(super) fn is_armed(&self, handle: Handle) -> bool {
        let cell = self.cells.get(handle.cell as usize);
        cell.is_some_and(|cell| cell.generation == handle.generation)
    }

    /// When the timer of `cell` fires.
    #[inline]
    pub(super) fn order(&self, cell: u32) -> Order {
        let Cell { at, key, .. } = self.cells[cell as usize];
        (at, key)
    }

    /// Notes where the timer of `cell` stands now.
    #[inline]
    pub(super) fn moved(&mut self, cell: u32, place: u32) {
        self.cells[cell as usize].place = place;
    }

    /// The timer of `cell` is gone, its handle names nothing; gives the place it had. The cell is
    /// not used again before [`Cells::free`].
    #[inline]
    pub(super) fn close(&mut self, cell: u32) -> u32 {
        self.len -= 1;
        let closed = &mut self.cells[cell as usize];
        closed.generation = closed.generation.wrapping_add(1);
        closed.place
    }

    /// Gives a closed cell back.
    #[inline]
    pub(super) fn free(&mut self, cell: u32) {
        let mut bit = cell as usize;
        for level in &mut self.free {
            let word = &mut level[bit / 64];
            let known = *word != 0;
            *word |= 1 << (bit % 64);
            if known {
                return;
            }
            bit /= 64;
        }
    }

    /// Takes a free cell: of the same 64 as the last one, or else of the lowest 64 of all.
    fn next_free(&mut self) -> Option<u32> {
        if self.ready == 0 {
            self.ready_from = self.take_word()?;
        }
        let bit = self.ready.trailing_zeros();
        self.ready &= self.ready - 1;
        Some(self.ready_from + bit)
    }

    /// Makes the lowest free cells of one word ready; gives the first of the word.
    fn take_word(&mut self) -> Option<u32> {
        if *self.free[LEVELS - 1].first()? == 0 {
            return None;
        }
        let mut word = 0;
        for level in self.free[1..].iter().rev() {
            word = word * 64 + level[word].trailing_zeros() as usize;
        }
        let first = word as u32 * 64;
        self.ready = std::mem::take(&mut self.free[0][word]);
        for level in &mut self.free[1..] {
            let above = &mut level[word / 64];
            *above &= !(1 << (word % 64));
            if *above != 0 {
                break;
            }
            word /= 64;
        }
        Some(first)
    }

    fn grow(&mut self) -> u32 {
        let cell = self.cells.len();
        if cell == self.cells.capacity() {
            self.cells.reserve_exact(super::pool::growth(cell).max(64));
            let mut words = self.cells.capacity();
            for level in &mut self.free {
                words = words.div_ceil(64);
                level.reserve_exact(words - level.len());
                level.resize(words, 0);
            }
        }
        self.cells.push(Cell { at: 0, key: 0, place: 0, generation: 0 });
        cell as u32
    }
}

impl Handle {
    pub(super) const fn cell(self) -> u32 {
        self.cell
    }
}

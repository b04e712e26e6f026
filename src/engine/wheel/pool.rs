//! Room for the buckets' lists of timers, in chunks of [`CHUNK`]: one growing array and a free list.
//!
//! A bucket is a round of chunks. A timer keeps its place in the list until its bucket is split:
//! each chunk has a bit for every place, and taking a timer out clears one. Filling the gap with
//! the bucket's last timer was built first; its cancel then waits for memory three times more, for
//! the last timer, for the gap and for the last one's handle. Places that were left come to use
//! again as the bucket is filled round and round.

/// A bit for each place of a chunk.
type Bits = u64;

/// Timers a chunk.
const CHUNK: u32 = Bits::BITS;

/// No chunk: an empty bucket, the end of the free list.
pub(super) const NO_CHUNK: u32 = (1 << 31) - 1;

#[derive(Debug)]
struct Chunk {
    /// The one after it in its bucket, which is a round, or in the free list.
    next: u32,
    /// The one before it in its bucket.
    prev: u32,
    /// Whose it is.
    bucket: u32,
}

/// The chunks in use and the free ones.
#[derive(Debug)]
pub(super) struct Pool {
    /// The cell of the timer at each place.
    cells: Vec<u32>,
    /// Of each chunk, which places hold a timer. Apart from the rest: a cancel needs no more.
    taken: Vec<Bits>,
    chunks: Vec<Chunk>,
    free: u32,
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { cells: Vec::new(), taken: Vec::new(), chunks: Vec::new(), free: NO_CHUNK }
    }

    pub(super) const fn memory_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u32>()
            + self.taken.capacity() * size_of::<Bits>()
            + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Chunks in use.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        let free = std::iter::successors(Some(self.free), |&chunk| {
            (chunk != NO_CHUNK).then(|| self.next(chunk))
        });
        self.chunks.len() - free.take_while(|&chunk| chunk != NO_CHUNK).count()
    }

    /// The bucket that has `chunk`.
    pub(super) fn bucket_of(&self, chunk: u32) -> u32 {
        self.chunks[chunk as usize].bucket
    }

    /// The chunk after this one in its bucket; the first again after the last.
    #[inline]
    pub(super) fn next(&self, chunk: u32) -> u32 {
        self.chunks[chunk as usize].next
    }

    /// Timers in a chunk.
    #[inline]
    pub(super) fn len(&self, chunk: u32) -> u32 {
        self.taken[chunk as usize].count_ones()
    }

    /// The cells of a chunk's timers.
    #[inline]
    pub(super) fn timers(&self, chunk: u32) -> impl Iterator<Item = u32> {
        let first = (chunk * CHUNK) as usize;
        let cells = &self.cells[first..first + CHUNK as usize];
        let mut taken = self.taken[chunk as usize];
        std::iter::from_fn(move || {
            let place = (taken != 0).then(|| taken.trailing_zeros())?;
            taken &= taken - 1;
            Some(cells[place as usize])
        })
    }

    /// Puts a timer into the bucket whose round begins at `head`; gives the round's new beginning
    /// and the timer's place. The chunk after a full one is tried before another is opened.
    #[inline]
    pub(super) fn push(&mut self, mut head: u32, bucket: u32, cell: u32) -> (u32, u32) {
        if head == NO_CHUNK {
            head = self.open(head, bucket);
        } else if self.is_full(head) {
            head = self.next(head);
            if self.is_full(head) {
                head = self.open(head, bucket);
            }
        }
        let taken = &mut self.taken[head as usize];
        let place = head * CHUNK + taken.trailing_ones();
        *taken |= *taken + 1;
        self.cells[place as usize] = cell;
        (head, place)
    }

    /// Takes the timer at `place` out; whether that was the last of its chunk.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> bool {
        let taken = &mut self.taken[chunk_of(place) as usize];
        *taken &= !(1 << (place % CHUNK));
        *taken == 0
    }

    /// Takes an empty chunk out of the round that begins at `head` and gives it back; gives the
    /// round's new beginning.
    pub(super) fn drop_empty(&mut self, head: u32, chunk: u32) -> u32 {
        let Chunk { next, prev, .. } = self.chunks[chunk as usize];
        self.chunks[prev as usize].next = next;
        self.chunks[next as usize].prev = prev;
        self.close(chunk);
        match head {
            _ if next == chunk => NO_CHUNK,
            _ if head == chunk => next,
            _ => head,
        }
    }

    /// Gives a chunk back, whatever it holds and whichever are beside it.
    pub(super) fn close(&mut self, chunk: u32) {
        self.chunks[chunk as usize].next = self.free;
        self.free = chunk;
    }

    fn is_full(&self, chunk: u32) -> bool {
        self.taken[chunk as usize] == Bits::MAX
    }

    /// An empty chunk, put before `next` in its round, or a round of its own.
    fn open(&mut self, next: u32, bucket: u32) -> u32 {
        let chunk = match self.free {
            NO_CHUNK => self.grow(),
            free => {
                self.free = self.next(free);
                free
            }
        };
        self.taken[chunk as usize] = 0;
        self.chunks[chunk as usize] = Chunk { next: chunk, prev: chunk, bucket };
        if next != NO_CHUNK {
            let prev = std::mem::replace(&mut self.chunks[next as usize].prev, chunk);
            self.chunks[prev as usize].next = chunk;
            self.chunks[chunk as usize] = Chunk { next, prev, bucket };
        }
        chunk
    }

    fn grow(&mut self) -> u32 {
        let chunk = self.chunks.len();
        let places = (chunk + 1) * CHUNK as usize;
        assert!(places <= u32::MAX as usize, "the wheel holds at most 4 billion timers");
        if chunk == self.chunks.capacity() {
            let more = growth(chunk).max(4);
            self.chunks.reserve_exact(more);
            self.taken.reserve_exact(more);
            self.cells.reserve_exact(more * CHUNK as usize);
        }
        self.chunks.push(Chunk { next: NO_CHUNK, prev: NO_CHUNK, bucket: 0 });
        self.taken.push(0);
        self.cells.resize(places, 0);
        chunk as u32
    }
}

/// The chunk that has `place`.
pub(super) const fn chunk_of(place: u32) -> u32 {
    place / CHUNK
}

/// How much an array of `len` grows. An eighth, not twofold: room never used would be most of
/// what a timer costs, and large blocks grow by remapping pages, not by copying.
pub(super) const fn growth(len: usize) -> usize {
    len / 8
}

//! Room for the buckets' lists of timers, in chunks of [`CHUNK`]: one growing array and a free list.
//!
//! A bucket is a round of chunks. A timer keeps its place in the list until its bucket is split:
//! each chunk has a bit for every place, and taking a timer out clears one. Filling the gap with
//! the bucket's last timer was built first; its cancel then waits for memory three times more, for
//! the last timer, for the gap and for the last one's handle. Places that were left come to use
//! again as the bucket is filled round and round.

/// Places a chunk. Which chunk is next in a bucket is known only when one is read, and each waits
/// for memory: few long ones are read sooner than many short ones.
const CHUNK: u32 = 256;

/// Places a word of bits.
const WORD: u32 = u64::BITS;

/// No chunk: an empty bucket, the end of the free list.
pub(super) const NO_CHUNK: u32 = (1 << 31) - 1;

/// A bucket's chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    /// The one that is filled now.
    pub(super) head: u32,
    pub(super) chunks: u32,
}

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
    /// A bit for each place: whether it holds a timer. Apart from the rest: a cancel needs no more.
    taken: Vec<u64>,
    chunks: Vec<Chunk>,
    free: u32,
}

impl Round {
    pub(super) const EMPTY: Self = Self { head: NO_CHUNK, chunks: 0 };
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { cells: Vec::new(), taken: Vec::new(), chunks: Vec::new(), free: NO_CHUNK }
    }

    pub(super) const fn memory_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u32>()
            + self.taken.capacity() * size_of::<u64>()
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

    /// Whether the round that begins at `head` has no more timers than `most`.
    pub(super) fn is_short(&self, head: u32, most: usize) -> bool {
        let mut timers = 0;
        let mut chunk = head;
        loop {
            timers +=
                self.words(chunk).iter().map(|word| word.count_ones() as usize).sum::<usize>();
            chunk = self.next(chunk);
            if timers > most || chunk == head {
                return timers <= most;
            }
        }
    }

    /// The cells of a chunk's timers.
    #[inline]
    pub(super) fn timers(&self, chunk: u32) -> impl Iterator<Item = u32> {
        let cells = self.cells[range(chunk, 1)].chunks(WORD as usize);
        cells.zip(self.words(chunk)).flat_map(|(cells, &word)| {
            let mut taken = word;
            std::iter::from_fn(move || {
                let place = (taken != 0).then(|| taken.trailing_zeros())?;
                taken &= taken - 1;
                Some(cells[place as usize])
            })
        })
    }

    /// Puts a timer into a bucket; gives its place. The chunk after a full one is tried before
    /// another is opened.
    #[inline]
    pub(super) fn push(&mut self, round: &mut Round, bucket: u32, cell: u32) -> u32 {
        let place = self.vacant(round.head).unwrap_or_else(|| self.turn(round, bucket));
        self.taken[(place / WORD) as usize] |= 1 << (place % WORD);
        self.cells[place as usize] = cell;
        place
    }

    /// Moves a round whose head is full on by one chunk, or by a new one; gives a place in it.
    #[inline(never)]
    fn turn(&mut self, round: &mut Round, bucket: u32) -> u32 {
        let next = if round.head == NO_CHUNK { NO_CHUNK } else { self.next(round.head) };
        let vacant = self.vacant(next);
        round.head = if vacant.is_some() { next } else { self.open(next, bucket) };
        round.chunks += u32::from(vacant.is_none());
        vacant.unwrap_or(round.head * CHUNK)
    }

    /// The first place of a chunk that holds no timer.
    #[inline]
    fn vacant(&self, chunk: u32) -> Option<u32> {
        if chunk == NO_CHUNK {
            return None;
        }
        let words = self.words(chunk);
        let nth = words.iter().position(|&word| word != u64::MAX)?;
        Some(chunk * CHUNK + nth as u32 * WORD + words[nth].trailing_ones())
    }

    /// Takes the timer at `place` out; whether that was the last of its chunk.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> bool {
        let taken = &mut self.taken[(place / WORD) as usize];
        *taken &= !(1 << (place % WORD));
        *taken == 0 && self.words(chunk_of(place)).iter().all(|&word| word == 0)
    }

    /// Takes an empty chunk out of its round and gives it back.
    pub(super) fn drop_empty(&mut self, round: &mut Round, chunk: u32) {
        let Chunk { next, prev, .. } = self.chunks[chunk as usize];
        self.chunks[prev as usize].next = next;
        self.chunks[next as usize].prev = prev;
        self.close(chunk);
        round.chunks -= 1;
        match round.head {
            _ if next == chunk => round.head = NO_CHUNK,
            head if head == chunk => round.head = next,
            _ => {}
        }
    }

    /// Gives a chunk back, whatever it holds and whichever are beside it.
    pub(super) fn close(&mut self, chunk: u32) {
        self.chunks[chunk as usize].next = self.free;
        self.free = chunk;
    }

    fn words(&self, chunk: u32) -> &[u64] {
        &self.taken[range(chunk, WORD)]
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
        self.taken[range(chunk, WORD)].fill(0);
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
            self.taken.reserve_exact(more * (CHUNK / WORD) as usize);
            self.cells.reserve_exact(more * CHUNK as usize);
        }
        self.chunks.push(Chunk { next: NO_CHUNK, prev: NO_CHUNK, bucket: 0 });
        self.taken.resize(places / WORD as usize, 0);
        self.cells.resize(places, 0);
        chunk as u32
    }
}

/// Where a chunk stands in an array that has one for so many places.
const fn range(chunk: u32, places: u32) -> std::ops::Range<usize> {
    let each = (CHUNK / places) as usize;
    let first = chunk as usize * each;
    first..first + each
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

//! Room for timers, in chunks of [`CHUNK`] side by side: one growing array and a free list.
//!
//! A bucket is a chain of chunks of which only the first may be part full, so taking a timer out
//! of the middle is filling its gap with the last one. Splitting a bucket reads memory in order;
//! a list linked timer by timer waited for memory at every step.

/// Timers a chunk. A bucket of one chunk is searched rather than split.
pub(super) const CHUNK: usize = 32;

/// No chunk: the end of a chain, an empty bucket.
pub(super) const NO_CHUNK: u32 = (1 << 31) - 1;

/// What the wheel knows of a timer. The order of the fields is the order of firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Timer {
    pub(super) at: u64,
    pub(super) key: u64,
    /// Of its handle.
    pub(super) cell: u32,
}

#[derive(Debug)]
struct Chunk {
    /// The rest of the chain, or of the free list.
    next: u32,
    /// Whose chain this is.
    bucket: u32,
    /// Timers in it; all but the first chunk of a chain are full.
    fill: u32,
}

/// The chunks in use and the free ones.
#[derive(Debug)]
pub(super) struct Pool {
    timers: Vec<Timer>,
    chunks: Vec<Chunk>,
    free: u32,
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { timers: Vec::new(), chunks: Vec::new(), free: NO_CHUNK }
    }

    pub(super) const fn memory_bytes(&self) -> usize {
        self.timers.capacity() * size_of::<Timer>() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Chunks in use.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        let free = std::iter::successors(Some(self.free), |&chunk| {
            (chunk != NO_CHUNK).then(|| self.next(chunk))
        });
        self.chunks.len() - free.take_while(|&chunk| chunk != NO_CHUNK).count()
    }

    pub(super) fn get(&self, place: u32) -> Timer {
        self.timers[place as usize]
    }

    pub(super) fn set(&mut self, place: u32, timer: Timer) {
        self.timers[place as usize] = timer;
    }

    /// The bucket whose chain holds `place`.
    pub(super) fn bucket_of(&self, place: u32) -> u32 {
        self.chunks[place as usize / CHUNK].bucket
    }

    pub(super) fn next(&self, chunk: u32) -> u32 {
        self.chunks[chunk as usize].next
    }

    /// The places in use in a chunk.
    pub(super) fn places(&self, chunk: u32) -> std::ops::Range<u32> {
        let first = chunk * CHUNK as u32;
        first..first + self.chunks[chunk as usize].fill
    }

    /// The timers in a chunk.
    pub(super) fn timers(&self, chunk: u32) -> &[Timer] {
        let places = self.places(chunk);
        &self.timers[places.start as usize..places.end as usize]
    }

    /// Puts a timer into the chain that begins at `head`; gives the chain's new beginning and
    /// the timer's place.
    pub(super) fn push(&mut self, head: u32, bucket: u32, timer: Timer) -> (u32, u32) {
        let head = match self.chunks.get(head as usize) {
            Some(chunk) if (chunk.fill as usize) < CHUNK => head,
            _ => self.open(head, bucket),
        };
        let chunk = &mut self.chunks[head as usize];
        let place = head * CHUNK as u32 + chunk.fill;
        chunk.fill += 1;
        self.timers[place as usize] = timer;
        (head, place)
    }

    /// Takes the last timer off the chain that begins at `head`; gives the chain's new beginning
    /// and the place that is free now. What stood there can be read until the next push.
    pub(super) fn pop(&mut self, head: u32) -> (u32, u32) {
        let chunk = &mut self.chunks[head as usize];
        chunk.fill -= 1;
        let place = head * CHUNK as u32 + chunk.fill;
        if chunk.fill > 0 {
            return (head, place);
        }
        (self.close(head), place)
    }

    /// Gives a chunk back, whatever it holds; gives the rest of its chain.
    pub(super) fn close(&mut self, head: u32) -> u32 {
        let chunk = &mut self.chunks[head as usize];
        let rest = std::mem::replace(&mut chunk.next, self.free);
        self.free = head;
        rest
    }

    fn open(&mut self, next: u32, bucket: u32) -> u32 {
        let new = Chunk { next, bucket, fill: 0 };
        if self.free != NO_CHUNK {
            let head = self.free;
            self.free = std::mem::replace(&mut self.chunks[head as usize], new).next;
            return head;
        }
        let head = self.chunks.len();
        assert!(
            (head + 1) * CHUNK <= u32::MAX as usize,
            "the wheel holds at most 4 billion timers"
        );
        if head == self.chunks.capacity() {
            let more = growth(head).max(4);
            self.chunks.reserve_exact(more);
            self.timers.reserve_exact(more * CHUNK);
        }
        self.chunks.push(new);
        self.timers.resize((head + 1) * CHUNK, Timer::default());
        head as u32
    }
}

/// How much an array of `len` grows. An eighth, not twofold: room never used would be most of
/// what a timer costs, and large blocks grow by remapping pages, not by copying.
pub(super) const fn growth(len: usize) -> usize {
    len / 8
}

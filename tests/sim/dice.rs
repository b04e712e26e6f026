//! All chance of a run, from its seed. Each part of the world throws dice of its own, so that
//! taking one part away leaves the others' throws as they were.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of one part of the run `seed`.
    pub fn of(seed: u64, part: &str) -> Self {
        let hash = blake3::hash(format!("{seed} {part}").as_bytes());
        Self(u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()))
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end.max(1) as u64).unwrap()
    }

    pub fn span(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from + 1)
    }

    /// True once in `many` throws.
    pub fn once_in(&mut self, many: u64) -> bool {
        self.number().is_multiple_of(many)
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A waiting time around `mean_ms`, as of things that do not know of each other.
    pub fn wait_ms(&mut self, mean_ms: u64) -> u64 {
        let unit = (self.number() >> 11) as f64 / (1_u64 << 53) as f64;
        (-(1.0 - unit).ln() * mean_ms as f64) as u64 + 1
    }

    pub fn key(&mut self) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.number().to_le_bytes());
        key[8..].copy_from_slice(&self.number().to_le_bytes());
        key
    }
}

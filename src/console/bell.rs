//! When the console rings: a new call of priority 1, an escalation, a panic, a message. It can be silenced for a
//! minute at most, and what it kept back in that minute rings at its end.

/// Longest silence, ms.
pub const SILENCE_MS_MAX: u64 = 60_000;
/// Two reasons within this ring once, ms.
const AGAIN_MS: u64 = 700;

/// The bell.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    silent_until: Option<u64>,
    kept_back: u32,
    rang_at: Option<u64>,
}

impl Bell {
    /// There is a reason to ring; whether it rings now.
    pub fn ring(&mut self, own: u64) -> bool {
        if self.left(own) > 0 {
            self.kept_back += 1;
            return false;
        }
        if self.rang_at.is_some_and(|rang| own < rang + AGAIN_MS) {
            return false;
        }
        self.rang_at = Some(own);
        true
    }

    /// Silences it for `ms`, at most [`SILENCE_MS_MAX`] from now.
    pub fn silence(&mut self, ms: u64, own: u64) {
        self.silent_until = Some(own + ms.min(SILENCE_MS_MAX));
    }

    /// Ends the silence; whether it rings for what was kept back.
    pub fn unsilence(&mut self, own: u64) -> bool {
        self.silent_until = None;
        std::mem::take(&mut self.kept_back) > 0 && self.ring(own)
    }

    /// Time passed; whether it rings for what was kept back.
    pub fn tick(&mut self, own: u64) -> bool {
        self.silent_until.is_some() && self.left(own) == 0 && self.unsilence(own)
    }

    /// How long it stays silent, ms; 0 when it is not.
    #[must_use]
    pub fn left(&self, own: u64) -> u64 {
        self.silent_until.map_or(0, |until| until.saturating_sub(own))
    }

    /// How often it would have rung in this silence.
    #[must_use]
    pub const fn kept_back(&self) -> u32 {
        self.kept_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_a_minute_at_most() {
        let mut bell = Bell::default();
        bell.silence(3_600_000, 1_000);
        assert_eq!(bell.left(1_000), SILENCE_MS_MAX);
        assert!(!bell.ring(60_999));
        assert!(bell.tick(61_000), "what was kept back rings at the end");
        assert!(!bell.tick(62_000));
        assert!(bell.ring(63_000));
    }

    #[test]
    fn a_silence_without_a_reason_ends_quietly() {
        let mut bell = Bell::default();
        bell.silence(5_000, 0);
        assert!(!bell.tick(5_000));
        assert_eq!(bell.left(5_000), 0);
    }

    #[test]
    fn a_burst_of_reasons_rings_once() {
        let mut bell = Bell::default();
        let rung = (0..100).filter(|at| bell.ring(*at)).count();
        assert_eq!(rung, 1);
        assert!(bell.ring(AGAIN_MS));
    }
}

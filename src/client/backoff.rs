//! Pauses between attempts: doubling, with jitter, so that a room of screens does not come back in one instant.

use std::time::Duration;

/// The pause after `attempts` failures in a row: half of it fixed, half drawn.
pub(super) fn pause(attempts: u32, min_ms: u64, max_ms: u64, drawn: u64) -> Duration {
    let doubled = min_ms.saturating_mul(1_u64.checked_shl(attempts).unwrap_or(u64::MAX));
    let whole_ms = doubled.clamp(1, max_ms.max(1));
    let half_ms = whole_ms / 2;
    Duration::from_millis(whole_ms - half_ms + drawn % (half_ms + 1))
}

/// A random number; jitter needs no better source, and a UUID is at hand.
pub(super) fn draw() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_up_to_its_bound() {
        let longest = |attempts| pause(attempts, 100, 5_000, u64::MAX);
        assert!(longest(0) <= Duration::from_millis(100));
        assert!(longest(3) <= Duration::from_millis(800));
        for attempts in [6, 31, 64, u32::MAX] {
            let pause = pause(attempts, 100, 5_000, 0);
            assert_eq!(pause, Duration::from_millis(2_500), "{attempts}");
        }
    }

    #[test]
    fn pause_is_never_less_than_half_nor_more_than_the_whole() {
        for drawn in 0..1_000 {
            let pause = pause(2, 100, 5_000, drawn);
            assert!((200..=400).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}

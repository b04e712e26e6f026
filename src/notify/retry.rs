//! When the next attempt is made, and when the next day's test or report: pure, time and chance
//! are arguments.

use crate::domain::UtcMs;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// Attempts and pauses on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts before the next channel is tried; at least 1.
    pub attempts_max: u32,
    /// The first pause, doubled after each failure.
    pub first_ms: u64,
    /// The longest pause.
    pub max_ms: u64,
}

impl Retry {
    /// When to try again after `attempts` failed ones, the last at `now`; `None`: this channel is
    /// given up. Half of the pause is fixed, half comes from `drawn`, any random number, so that
    /// what failed together does not come back together.
    #[must_use]
    pub fn next_at(&self, attempts: u32, now: UtcMs, drawn: u64) -> Option<UtcMs> {
        if attempts >= self.attempts_max {
            return None;
        }
        let doubled = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
        let whole_ms = self.first_ms.saturating_mul(doubled).clamp(1, self.max_ms.max(1));
        let half_ms = whole_ms / 2;
        Some(now.plus(whole_ms - half_ms + drawn % (half_ms + 1)))
    }
}

/// The first instant after `now` at which it is `time` in `zone`. A time that a change of the
/// clocks skips comes as much later as the change was; one that comes twice counts once.
#[must_use]
pub fn next_daily(time: Time, zone: &TimeZone, now: UtcMs) -> UtcMs {
    let now_ms = i64::try_from(now.0).unwrap_or(i64::MAX);
    let Ok(stamp) = jiff::Timestamp::from_millisecond(now_ms) else {
        return UtcMs(u64::MAX);
    };
    let mut day = stamp.to_zoned(zone.clone()).date();
    // Two days are enough: today's has come, tomorrow's has not.
    for _ in 0..3 {
        let at = zone.to_ambiguous_zoned(day.to_datetime(time)).compatible();
        let at_ms = at.ok().and_then(|at| u64::try_from(at.timestamp().as_millisecond()).ok());
        match (at_ms, day.tomorrow()) {
            (Some(at_ms), _) if at_ms > now.0 => return UtcMs(at_ms),
            (_, Ok(tomorrow)) => day = tomorrow,
            _ => break,
        }
    }
    UtcMs(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use proptest::prelude::*;

    const RETRY: Retry = Retry { attempts_max: 4, first_ms: 5_000, max_ms: 12_000 };

    #[test]
    fn pauses_double_up_to_their_bound_and_end() {
        let at = |attempts, drawn| RETRY.next_at(attempts, UtcMs(0), drawn).map(|at| at.0);
        assert_eq!(at(1, 2_500), Some(5_000));
        assert_eq!(at(2, 5_000), Some(10_000));
        assert_eq!(at(3, 6_000), Some(12_000));
        assert_eq!(at(3, 0), Some(6_000));
        assert_eq!(at(4, 0), None);
        let endless = Retry { attempts_max: u32::MAX, ..RETRY };
        assert_eq!(endless.next_at(u32::MAX - 1, UtcMs(7), 0), Some(UtcMs(6_007)));
    }

    proptest! {
        #[test]
        fn a_pause_is_never_less_than_half_nor_more_than_the_whole(
            attempts in 1_u32..100, first_ms in 0_u64..100_000, max_ms in 0_u64..1_000_000,
            now in 0_u64..u64::MAX / 2, drawn: u64,
        ) {
            let retry = Retry { attempts_max: 100, first_ms, max_ms };
            let at = retry.next_at(attempts, UtcMs(now), drawn).expect("attempts are left");
            let doubled = u128::from(first_ms) << (attempts - 1).min(64);
            let whole = doubled.clamp(1, u128::from(max_ms.max(1)));
            let pause = u128::from(at.0 - now);
            prop_assert!(pause >= whole / 2 && pause <= whole, "{pause} of {whole}");
        }

        #[test]
        fn the_next_day_is_ahead_and_at_its_time(now in 0_u64..4_000_000_000_000, hour in 0_i8..24) {
            let zone = TimeZone::get("Asia/Karachi").unwrap();
            let at = next_daily(time(hour, 30, 0, 0), &zone, UtcMs(now));
            prop_assert!(at.0 > now && at.0 - now <= 25 * 3_600_000, "{now} {at:?}");
            let there = jiff::Timestamp::from_millisecond(at.0 as i64).unwrap().to_zoned(zone);
            prop_assert_eq!((there.hour(), there.minute(), there.second()), (hour, 30, 0));
        }
    }

    #[test]
    fn a_time_the_clocks_skip_still_comes_that_day() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let night: jiff::Timestamp = "2025-03-30T00:00:00Z".parse().unwrap();
        let now = UtcMs(night.as_millisecond() as u64);
        let at = next_daily(time(2, 30, 0, 0), &zone, now);
        assert_eq!(at.to_string(), "2025-03-30T01:30:00.000Z");
    }
}

//! Which calls are in a daily report. Pure: when it is due, and sending it, is another's work.
//!
//! A report covers what was received from the daily report before it up to its own instant, so
//! that every call is in exactly one of them, also where a day has 23 or 25 hours.

use super::timestamp;
use crate::domain::UtcMs;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Which calls are in the daily report that is due at `due`: received at or after the first
/// instant and before the second, which is `due` itself.
#[must_use]
pub fn daily_span(due: UtcMs, at: Time, zone: &TimeZone) -> (UtcMs, UtcMs) {
    let date = timestamp(due).map(|stamp| zone.to_datetime(stamp).date());
    let days = std::iter::successors(date, |date| date.yesterday().ok()).take(8);
    let before = days.filter_map(|date| instant(date, at, zone)).find(|before| *before < due);
    (before.unwrap_or(UtcMs(0)), due)
}

fn instant(date: Date, at: Time, zone: &TimeZone) -> Option<UtcMs> {
    let zoned = zone.to_ambiguous_zoned(date.to_datetime(at)).compatible().ok()?;
    u64::try_from(zoned.timestamp().as_millisecond()).ok().map(UtcMs)
}

/// Midnight in `zone` on the day of `now`, or that many days before.
#[must_use]
pub fn midnight(now: UtcMs, days_before: i64, zone: &TimeZone) -> UtcMs {
    let today = timestamp(now).map(|stamp| zone.to_datetime(stamp).date());
    let date = today.and_then(|today| today.checked_sub(days_before.days()).ok());
    date.and_then(|date| instant(date, Time::midnight(), zone)).unwrap_or(UtcMs(0))
}

#[cfg(test)]
mod tests {
    use super::{daily_span, midnight};
    use crate::domain::UtcMs;
    use jiff::civil::{Time, time};
    use jiff::tz::TimeZone;

    fn ms(text: &str) -> UtcMs {
        let stamp: jiff::Timestamp = text.parse().unwrap();
        UtcMs(u64::try_from(stamp.as_millisecond()).unwrap())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// When the next one is due, said naively: what sends it must agree.
    fn next_daily(now: UtcMs, at: Time, zone: &TimeZone) -> UtcMs {
        let today = super::timestamp(now).map(|stamp| zone.to_datetime(stamp).date());
        let yesterday = today.and_then(|today| today.yesterday().ok());
        let days = std::iter::successors(yesterday, |date| date.tomorrow().ok()).take(8);
        let mut due = days.filter_map(|date| super::instant(date, at, zone));
        due.find(|due| *due > now).unwrap_or(UtcMs(u64::MAX))
    }

    #[test]
    fn the_next_one_is_after_now_never_at_it() {
        let karachi = zone("Asia/Karachi");
        let next = |now| next_daily(ms(now), time(6, 0, 0, 0), &karachi);
        assert_eq!(next("2026-01-01T00:59:59.999Z"), ms("2026-01-01T01:00:00Z"));
        assert_eq!(next("2026-01-01T01:00:00Z"), ms("2026-01-02T01:00:00Z"));
        assert_eq!(next("2026-01-01T23:30:00Z"), ms("2026-01-02T01:00:00Z"));
    }

    #[test]
    fn a_time_the_clocks_skip_or_repeat_is_one_report() {
        let new_york = zone("America/New_York");
        let at = time(2, 30, 0, 0);
        // 2026-03-08 has no 02:30; 2026-11-01 has 01:30 twice.
        let skipped = next_daily(ms("2026-03-07T12:00:00Z"), at, &new_york);
        assert_eq!(skipped, ms("2026-03-08T03:30:00-04:00"));
        assert_eq!(next_daily(skipped, at, &new_york), ms("2026-03-09T02:30:00-04:00"));
        let span = daily_span(skipped, at, &new_york);
        assert_eq!(span, (ms("2026-03-07T02:30:00-05:00"), skipped));
        let at = time(1, 30, 0, 0);
        let first = next_daily(ms("2026-10-31T12:00:00Z"), at, &new_york);
        assert_eq!(first, ms("2026-11-01T01:30:00-04:00"));
        assert_eq!(next_daily(first, at, &new_york), ms("2026-11-02T01:30:00-05:00"));
    }

    #[test]
    fn every_call_is_in_exactly_one_report() {
        let zones = ["Asia/Karachi", "America/New_York", "Pacific/Apia", "Africa/Cairo", "UTC"];
        let times = [Time::midnight(), time(0, 30, 0, 0), time(2, 30, 0, 0), time(23, 59, 59, 0)];
        for (name, at) in zones.iter().flat_map(|name| times.map(|at| (name, at))) {
            let zone = zone(name);
            // Apia left out 2011-12-30; the others change their clocks twice in the year.
            let mut due = next_daily(ms("2011-06-01T00:00:00Z"), at, &zone);
            for _ in 0..500 {
                let next = next_daily(due, at, &zone);
                assert!(next > due && next.since(due) <= 25 * 3_600_000, "{name} {due} {next}");
                assert_eq!(daily_span(next, at, &zone), (due, next), "{name}");
                // Asked at any instant between, the same one is next.
                let between = UtcMs(due.0 + (next.0 - due.0) / 2);
                assert_eq!(next_daily(between, at, &zone), next, "{name}");
                due = next;
            }
        }
    }

    #[test]
    fn midnight_is_that_of_the_zone() {
        let karachi = zone("Asia/Karachi");
        let now = ms("2026-01-01T20:00:00Z");
        assert_eq!(midnight(now, 0, &karachi), ms("2026-01-01T19:00:00Z"));
        assert_eq!(midnight(now, 7, &karachi), ms("2025-12-25T19:00:00Z"));
    }

    #[test]
    fn beyond_the_calendar_nothing_is_due() {
        assert_eq!(next_daily(UtcMs(u64::MAX), time(6, 0, 0, 0), &zone("UTC")), UtcMs(u64::MAX));
    }
}

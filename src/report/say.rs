//! Counts, spans and shares as a person says them; the same words in every form of the report.

/// A count with its thousands apart.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// So many of them, in words.
pub(super) fn counted(of: u64, what: &str) -> String {
    format!("{} {what}{}", count(of), if of == 1 { "" } else { "s" })
}

/// A span in its two largest units, rounded down.
pub(super) fn span(ms: u64) -> String {
    let (seconds, minutes, hours, days) =
        (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0) if ms > 0 => format!("{ms}ms"),
        (0, 0, 0, _) => format!("{seconds}s"),
        (0, 0, _, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, ..) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// A limit or the end of a bar: as a span, without what is nothing.
pub(super) fn limit(ms: u64) -> String {
    if ms >= 60_000 && ms.is_multiple_of(3_600_000) {
        return format!("{}h", ms / 3_600_000);
    }
    span(ms).trim_end_matches("00s").trim_end_matches("00m").to_owned()
}

/// A percentile: an unanswered run is longer than any.
pub(super) fn rank(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), span)
}

/// A share, rounded down: 100 % is said only of no miss at all.
pub(super) fn share(share: Option<f64>) -> String {
    share.map_or_else(
        || "-".to_owned(),
        |share| format!("{:.1}%", (share * 1_000.0 + 1e-6).floor() / 10.0),
    )
}

/// An instant without its fraction of a second.
pub(super) fn to_seconds(stamp: &str) -> String {
    let Some((seconds, rest)) = stamp.split_once('.') else {
        return stamp.to_owned();
    };
    seconds.to_owned() + rest.trim_start_matches(|digit: char| digit.is_ascii_digit())
}

/// An instant as it is said beside others of the same zone: weekday, day and time.
pub(super) fn moment(stamp: &str) -> String {
    shaped(stamp, "%a %-d %b %Y, %H:%M")
}

/// The same to the second and without the year, for a list of many.
pub(super) fn clock_time(stamp: &str) -> String {
    shaped(stamp, "%-d %b %H:%M:%S")
}

fn shaped(stamp: &str, shape: &str) -> String {
    let civil = stamp.get(..19).and_then(|civil| civil.parse::<jiff::civil::DateTime>().ok());
    civil.map_or_else(|| stamp.to_owned(), |civil| civil.strftime(shape).to_string())
}

/// The offset a stamp was written with.
pub(super) fn offset(stamp: &str) -> &str {
    let time = stamp.get(19..).unwrap_or_default();
    time.find(['+', '-', 'Z']).map_or("", |at| &time[at..])
}

#[cfg(test)]
mod tests {
    use super::{clock_time, moment, offset};
    use super::{count, limit, share, span, to_seconds};

    #[test]
    fn thousands_stand_apart() {
        let said = [0, 999, 1_000, 12_345, 1_234_567].map(count);
        assert_eq!(said, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn spans_are_said_in_two_units() {
        let said = [0, 999, 12_345, 208_533, 900_000, 3_728_190, 90_061_000].map(span);
        assert_eq!(said, ["0s", "999ms", "12s", "3m28s", "15m00s", "1h02m", "1d01h"]);
    }

    #[test]
    fn limits_leave_out_what_is_nothing() {
        let said = [90_000, 900_000, 1_200_000, 3_600_000, 5_400_000, 86_400_000].map(limit);
        assert_eq!(said, ["1m30s", "15m", "20m", "1h", "1h30m", "24h"]);
    }

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(share(Some(0.9999)), "99.9%");
        assert_eq!(share(Some(1.0)), "100.0%");
        assert_eq!(share(Some(0.753)), "75.3%");
        assert_eq!(share(None), "-");
    }

    #[test]
    fn instants_are_said_in_their_own_zone() {
        let stamp = "2026-01-01T05:00:09.123+05:00";
        assert_eq!(moment(stamp), "Thu 1 Jan 2026, 05:00");
        assert_eq!(clock_time(stamp), "1 Jan 05:00:09");
        assert_eq!(offset(stamp), "+05:00");
        assert_eq!(offset("2026-01-01T05:00:09Z"), "Z");
        assert_eq!((moment("soon"), offset("soon")), ("soon".to_owned(), ""));
    }

    #[test]
    fn a_stamp_is_to_the_second() {
        assert_eq!(to_seconds("2026-01-01T05:00:00.123+05:00"), "2026-01-01T05:00:00+05:00");
        assert_eq!(to_seconds("2026-01-01T05:00:00+05:00"), "2026-01-01T05:00:00+05:00");
    }
}

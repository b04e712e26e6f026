//! How spans, instants and other people's words look on the screen.
//!
//! What came over the wire never reaches the terminal as it came: [`plain`] takes out whatever would steer it.

use super::width::{self, grapheme_width};
use crate::protocol::{ClockSummary, Counts, Flags, Place};
use jiff::tz::TimeZone;
use unicode_segmentation::UnicodeSegmentation;

/// A span as `m:ss`, from an hour on `h:mm:ss`; whole seconds, cut off.
#[must_use]
pub fn span(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A span in at most five columns, so that a column of them stays narrow: `12:31`, `3h07`, `4d02`.
#[must_use]
pub fn age(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0..100 => format!("{minutes}:{:02}", ms / 1_000 % 60),
        100..6_000 => format!("{}h{:02}", minutes / 60, minutes % 60),
        _ => format!("{}d{:02}", minutes / 1_440, minutes / 60 % 24),
    }
}

/// What is left until `at`, or by how much it is past: ` 02:29`, `+04:10`. Six columns up to a hundred minutes.
#[must_use]
pub fn countdown(at: u64, now: u64) -> String {
    let (sign, ms) = if at < now { ('+', now - at) } else { (' ', at - now) };
    let span = age(ms);
    let zero = if span.len() < 5 && span.contains(':') { "0" } else { "" };
    format!("{sign}{zero}{span}")
}

/// A word of the wire as people write it.
#[must_use]
pub fn words(word: &str) -> String {
    plain(word).replace('_', " ")
}

/// Words of somebody else without what would steer a terminal.
#[must_use]
pub fn plain(words: &str) -> String {
    width::plain(words).into_owned()
}

/// The same in at most so many columns, with an ellipsis where it is longer.
#[must_use]
pub fn cut(words: &str, columns: usize) -> String {
    width::cut(&width::plain(words), columns).into_owned()
}

/// The same in exactly so many columns.
#[must_use]
pub fn fit(words: &str, columns: usize) -> String {
    width::pad(&width::plain(words), columns)
}

/// The text in lines of at most `columns` columns, broken at spaces, and within a word only if it must be.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in plain(text).split(' ').filter(|word| !word.is_empty()) {
        let wide = width::width(word);
        if used > 0 && used + 1 + wide > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wide <= columns - used {
            line.push_str(word);
            used += wide;
            continue;
        }
        for letter in word.graphemes(true) {
            if used > 0 && used + grapheme_width(letter) > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(letter);
            used += grapheme_width(letter);
        }
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The clock a person has to look at: of those that run, the one whose limit comes or came first.
#[must_use]
pub fn most_urgent(clocks: &[ClockSummary]) -> Option<&ClockSummary> {
    let running = clocks.iter().filter(|clock| clock.stopped_at.is_none());
    running.min_by_key(|clock| clock.limit_at)
}

/// What is special about a call, the most dangerous first.
#[must_use]
pub fn flags(flags: Flags) -> Vec<&'static str> {
    named(
        flags,
        [
            "DURESS: she was made to take it back, do not ring",
            "DO NOT RING BACK: it puts her in danger",
            "SOS",
            "she cannot speak",
            "the line was cut",
            "a test, nobody is in need",
            "taken back with her PIN",
        ],
    )
}

/// The same in a few letters each, for a list.
#[must_use]
pub fn flags_short(set: Flags) -> String {
    named(set, ["DURESS", "NO-RING", "SOS", "silent", "dropped", "test", "taken back"]).join(" ")
}

fn named(flags: Flags, names: [&'static str; 7]) -> Vec<&'static str> {
    let Flags { silent, unsafe_to_ring_back, dropped, sos, test, cancelled, duress } = flags;
    let set = [duress, unsafe_to_ring_back, sos, silent, dropped, test, cancelled];
    set.into_iter().zip(names).filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

/// A place as words, point, or both.
#[must_use]
pub fn place(place: &Place) -> String {
    let words = place.words.as_deref().map(plain);
    let point = place.lat.zip(place.lon).map(|(lat, lon)| {
        let about = place.accuracy_m;
        let about = about.map_or_else(String::new, |metres| format!(" within {metres} m"));
        format!("{lat:.5}, {lon:.5}{about}")
    });
    match (words, point) {
        (Some(words), Some(point)) => format!("{words} ({point})"),
        (Some(words), None) => words,
        (None, Some(point)) => point,
        (None, None) => "not known".into(),
    }
}

/// Metres as an operator says them.
#[must_use]
pub fn distance(metres: u32) -> String {
    if metres < 1_000 {
        format!("{metres} m")
    } else {
        format!("{}.{} km", metres / 1_000, metres % 1_000 / 100)
    }
}

/// Time of day in the room's zone.
#[must_use]
pub fn time_of_day(at: u64, zone: &TimeZone) -> String {
    print(at, zone, "%H:%M:%S")
}

/// Day and month, for where one day ends and the next begins.
#[must_use]
pub fn day(at: u64, zone: &TimeZone) -> String {
    print(at, zone, "%a %d %b")
}

/// Day and minute, for a list: `12 Mar 21:40`.
#[must_use]
pub fn when(at: u64, zone: &TimeZone) -> String {
    print(at, zone, "%d %b %H:%M")
}

/// Day, time and offset.
#[must_use]
pub fn full(at: u64, zone: &TimeZone) -> String {
    print(at, zone, "%Y-%m-%d %H:%M:%S %:z")
}

/// What came of the calls of a number or a place: `7 calls, 1 open, 3 real, 2 hoax, last 12 Mar 21:40`.
#[must_use]
pub fn counts(counts: &Counts, zone: &TimeZone) -> String {
    let mut said = format!("{} call{}", counts.calls, if counts.calls == 1 { "" } else { "s" });
    for (count, what) in [(counts.open, "open"), (counts.real, "real"), (counts.hoax, "hoax")] {
        if count > 0 {
            said += &format!(", {count} {what}");
        }
    }
    if let Some(at) = counts.last_at {
        said += &format!(", last {}", when(at, zone));
    }
    said
}

fn print(at: u64, zone: &TimeZone, format: &str) -> String {
    let stamp = i64::try_from(at).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(
        || at.to_string(),
        |stamp| stamp.to_zoned(zone.clone()).strftime(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_to_their_columns() {
        assert_eq!(span(3_661_000), "1:01:01");
        assert_eq!(age(751_000), "12:31");
        assert_eq!(age(3 * 3_600_000 + 7 * 60_000), "3h07");
        assert_eq!(age(98 * 3_600_000 + 3_600_000 * 24), "5d02");
        assert_eq!(countdown(149_000, 0), " 02:29");
        assert_eq!(countdown(0, 250_000), "+04:10");
        for ms in [0, 59_999, 5_999_000, 6_000_000, 359_000_000, 4_000_000_000] {
            assert!(width::width(&countdown(ms, 0)) <= 6, "{}", countdown(ms, 0));
            assert!(width::width(&age(ms)) <= 5, "{}", age(ms));
        }
    }

    #[test]
    fn words_of_any_script_fill_exactly_their_columns() {
        for text in [
            "",
            "abc",
            "گھر نمبر ۷، لاہور",
            "ਪਿੰਡ ਕਲਾਨੌਰ ਗੁਰਦਾਸਪੁਰ",
            "日本語のテスト",
            "e\u{301}e\u{301}e\u{301}e\u{301}",
        ] {
            for columns in 0..24 {
                assert_eq!(width::width(&fit(text, columns)), columns, "{text} in {columns}");
            }
            for columns in 2..24 {
                let lines = wrap(text, columns);
                assert!(
                    lines.iter().all(|line| width::width(line) <= columns),
                    "{lines:?} in {columns}"
                );
            }
        }
    }

    #[test]
    fn wrapping_loses_no_letter() {
        let text = "she hides in the bathroom, supercalifragilisticexpialidocious";
        let joined: String = wrap(text, 10).concat();
        assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
    }
}

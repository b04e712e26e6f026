//! How spans, instants and other people's words look on a terminal.

pub(crate) use fifteen::console::text::{place, plain};
use fifteen::protocol::Flags;
use jiff::tz::TimeZone;

/// A span as `m:ss`, from an hour on `h:mm:ss`; whole seconds, cut off.
pub(crate) fn span(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A word of the wire as people write it.
pub(crate) fn words(word: &str) -> String {
    plain(word).replace('_', " ")
}

/// What is special about a call, the most dangerous first.
pub(crate) fn flags(flags: Flags) -> Vec<&'static str> {
    let named = [
        (flags.duress, "DURESS: she was made to take it back, do not ring"),
        (flags.unsafe_to_ring_back, "DO NOT RING BACK: it puts her in danger"),
        (flags.sos, "SOS"),
        (flags.silent, "she cannot speak"),
        (flags.dropped, "the line was cut"),
        (flags.test, "a test, nobody is in need"),
        (flags.cancelled, "taken back with her PIN"),
    ];
    let set = named.iter().filter(|(set, _)| *set);
    set.map(|(_, name)| *name).collect()
}

/// Instants in one zone: that of the room is what the people in it say to each other.
pub(crate) struct Times {
    pub(crate) zone: TimeZone,
}

impl Times {
    /// Times of the zone of this terminal.
    pub(crate) fn here() -> Self {
        Self { zone: TimeZone::system() }
    }

    pub(crate) fn print(&self, at: u64, format: &str) -> String {
        let stamp = i64::try_from(at).ok();
        let stamp = stamp.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        stamp.map_or_else(
            || at.to_string(),
            |stamp| stamp.to_zoned(self.zone.clone()).strftime(format).to_string(),
        )
    }

    /// Time of day.
    pub(crate) fn time(&self, at: u64) -> String {
        self.print(at, "%H:%M:%S")
    }

    /// Day, time and offset.
    pub(crate) fn full(&self, at: u64) -> String {
        self.print(at, "%Y-%m-%d %H:%M:%S %:z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_at_a_glance() {
        assert_eq!(span(999), "0:00");
        assert_eq!(span(252_000), "4:12");
        assert_eq!(span(3_600_000), "1:00:00");
    }

    #[test]
    fn other_peoples_words_do_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a [2Jb cd");
        assert_eq!(plain("گھر نمبر 7"), "گھر نمبر 7");
    }
}

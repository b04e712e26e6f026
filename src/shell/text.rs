//! How instants and other people's words look on a terminal: as on the console, in lines.

pub(crate) use fifteen::console::text::{flags, place, plain, span, words};
use fifteen::console::text::{full, time_of_day};
use jiff::tz::TimeZone;

/// Instants in one zone: that of the room is what the people in it say to each other.
pub(crate) struct Times {
    pub(crate) zone: TimeZone,
}

impl Times {
    /// Times of the zone of this terminal.
    pub(crate) fn here() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// Time of day.
    pub(crate) fn time(&self, at: u64) -> String {
        time_of_day(at, &self.zone)
    }

    /// Day, time and offset.
    pub(crate) fn full(&self, at: u64) -> String {
        full(at, &self.zone)
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

//! How spans, instants and other people's words look on a terminal.

pub(super) use fifteen::console::text::{place, plain};
use fifteen::protocol::{ClockSummary, Flags, UnitStatus, Welcome};
use jiff::tz::TimeZone;

/// A span as `m:ss`, from an hour on `h:mm:ss`; whole seconds, cut off.
pub(super) fn span(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A countdown: like a span, with minutes of two digits, so that a column of them lines up.
fn countdown(ms: u64) -> String {
    let span = span(ms);
    if span.len() < 5 { format!("0{span}") } else { span }
}

/// The clock a person has to look at: of those that run, the one whose limit comes or came first.
pub(super) fn most_urgent(clocks: &[ClockSummary]) -> Option<&ClockSummary> {
    let running = clocks.iter().filter(|clock| clock.stopped_at.is_none());
    running.min_by_key(|clock| clock.limit_at)
}

/// `acknowledge 03:12`, or `acknowledge missed by 04:10`.
pub(super) fn clock(clock: &ClockSummary, now_at: u64) -> String {
    let name = plain(&clock.clock);
    let unit = clock.unit.as_deref();
    let unit = unit.map_or_else(String::new, |unit| format!(" {}", plain(unit)));
    if clock.limit_at < now_at {
        let late = countdown(now_at - clock.limit_at);
        format!("{name}{unit} missed by {late}")
    } else {
        format!("{name}{unit} {}", countdown(clock.limit_at - now_at))
    }
}

/// The rung of a clock, and how often the last one was told again.
pub(super) fn rung(clock: &ClockSummary) -> String {
    match (clock.rung, clock.repeats) {
        (0, _) => "-".into(),
        (rung, 0) => format!("rung {rung}"),
        (rung, repeats) => format!("rung {rung}, again {repeats}x"),
    }
}

/// A word of the wire as people write it.
pub(super) fn words(word: &str) -> String {
    plain(word).replace('_', " ")
}

pub(super) fn unit_on_call(unit: &str, status: UnitStatus) -> String {
    format!("{} {}", plain(unit), words(status.as_str()))
}

/// What is special about a call, the most dangerous first.
pub(super) fn flags(flags: Flags) -> Vec<&'static str> {
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

/// The same in a word each, for a list.
pub(super) fn flags_short(flags: Flags) -> String {
    let named = [
        (flags.duress, "DURESS"),
        (flags.unsafe_to_ring_back, "no ring-back"),
        (flags.sos, "SOS"),
        (flags.silent, "silent"),
        (flags.dropped, "dropped"),
        (flags.test, "test"),
        (flags.cancelled, "taken back"),
    ];
    let set: Vec<_> = named.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    set.join(", ")
}

/// Instants in the zone of the room: that is what the people in it say to each other.
pub(super) struct Times {
    zone: TimeZone,
}

impl Times {
    /// Times of the room that said `welcome`; of the terminal, when it named no zone known here.
    pub(super) fn of(welcome: &Welcome) -> Self {
        Self { zone: TimeZone::get(&welcome.zone).unwrap_or_else(|_| TimeZone::system()) }
    }

    pub(super) fn here() -> Self {
        Self { zone: TimeZone::system() }
    }

    fn print(&self, at: u64, format: &str) -> String {
        let stamp = i64::try_from(at).ok();
        let stamp = stamp.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        stamp.map_or_else(
            || at.to_string(),
            |stamp| stamp.to_zoned(self.zone.clone()).strftime(format).to_string(),
        )
    }

    /// Time of day.
    pub(super) fn time(&self, at: u64) -> String {
        self.print(at, "%H:%M:%S")
    }

    /// Day, time and offset.
    pub(super) fn full(&self, at: u64) -> String {
        self.print(at, "%Y-%m-%d %H:%M:%S %:z")
    }

    /// Day alone, for where one day ends and the next begins.
    pub(super) fn day(&self, at: u64) -> String {
        self.print(at, "%Y-%m-%d")
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
        assert_eq!(countdown(192_000), "03:12");
        assert_eq!(countdown(3_600_000 * 26 + 61_000), "26:01:01");
    }

    #[test]
    fn other_peoples_words_do_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a [2Jb cd");
        assert_eq!(plain("گھر نمبر 7"), "گھر نمبر 7");
    }

    #[test]
    fn the_clock_whose_limit_came_first_is_shown() {
        let clock_at = |clock: &str, limit_at, stopped_at| ClockSummary {
            clock: clock.into(),
            unit: None,
            limit_at,
            next_at: None,
            rung: 0,
            repeats: 0,
            stopped_at,
        };
        let clocks = [
            clock_at("acknowledge", 1_000, Some(500)),
            clock_at("arrive", 900_000, None),
            clock_at("turnout", 90_000, None),
        ];
        let urgent = most_urgent(&clocks).unwrap();
        assert_eq!(clock(urgent, 60_000), "turnout 00:30");
        assert_eq!(clock(urgent, 90_000), "turnout 00:00");
        assert_eq!(clock(urgent, 340_000), "turnout missed by 04:10");
    }
}

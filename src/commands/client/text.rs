//! How clocks and calls look on a terminal, and the times of a room.

pub(super) use crate::shell::text::{Times, flags, place, plain, span, words};
pub(super) use fifteen::console::text::{flags_short, most_urgent};
use fifteen::protocol::{ClockSummary, UnitStatus, Welcome};
use jiff::tz::TimeZone;

/// A countdown: like a span, with minutes of two digits, so that a column of them lines up.
fn countdown(ms: u64) -> String {
    let span = span(ms);
    if span.len() < 5 { format!("0{span}") } else { span }
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

pub(super) fn unit_on_call(unit: &str, status: UnitStatus) -> String {
    format!("{} {}", plain(unit), words(status.as_str()))
}

impl Times {
    /// Times of the room that said `welcome`; of the terminal, when it named no zone known here.
    pub(super) fn of(welcome: &Welcome) -> Self {
        Self { zone: TimeZone::get(&welcome.zone).unwrap_or_else(|_| TimeZone::system()) }
    }

    /// Day alone, for where one day ends and the next begins.
    pub(super) fn day(&self, at: u64) -> String {
        self.full(at).split(' ').next().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countdowns_line_up() {
        assert_eq!(countdown(192_000), "03:12");
        assert_eq!(countdown(3_600_000 * 26 + 61_000), "26:01:01");
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

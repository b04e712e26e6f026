//! A made-up year of a province's emergency line, from a recorded city and the load that was published.
//!
//! How many call, and how many of them are hoaxes or break off, is what Punjab's 15 line published of 2023 and 2024
//! (20 to 27.5 million calls, about 57 % irrelevant, about 30 % dropped). What a call is about, how urgent, and how long
//! each step of the help took is drawn from the rows of a recorded trace, a whole row a call, so that what belongs
//! together stays together; rows whose end was not recorded are not drawn, for a call that nobody closes escalates every
//! quarter of an hour for the rest of the year. How calls spread over the hours of a day and the days of a week is assumed
//! ([`HOURS`], [`DAYS`]). The same seed gives the same year, row by row, and no more than one row is ever held.

use super::{Row, TraceError};
use crate::domain::{Callsign, NewCall, Priority, Sealed, Source, UtcMs};
use oorandom::Rand64;

/// Calls by the hour of the day, in parts of each other: an assumption, a city's common shape.
pub const HOURS: [u32; 24] = [
    34, 26, 20, 16, 14, 15, 20, 28, 38, 44, 48, 50, 52, 53, 54, 56, 60, 64, 68, 72, 74, 70, 58, 46,
];

/// Calls by the day of the week, from Monday: an assumption.
pub const DAYS: [u32; 7] = [98, 97, 97, 99, 104, 106, 99];

/// The year that is made: 2025, from midnight in Karachi.
const FROM: UtcMs = UtcMs(1_735_671_600_000);
const HOUR_MS: u64 = 3_600_000;
const YEAR_HOURS: usize = 365 * 24;
/// 1 January 2025 was a Wednesday.
const FIRST_DAY: usize = 2;

/// Of a thousand calls.
const HOAXES: u64 = 570;
const DROPPED: u64 = 300;
/// How long a hoax keeps its line, and how long until one that broke off is settled.
const HOAX_MS: (u64, u64) = (20_000, 180_000);
const DROPPED_MS: (u64, u64) = (30_000, 420_000);

/// The rows of a year that never was, in the order of their receipt.
pub struct Year {
    /// What real calls are drawn from; never empty.
    recorded: Vec<Row>,
    districts: Vec<Box<str>>,
    random: Rand64,
    /// The share of the year's load that comes before each of its hours; and 1 at its end.
    before: Vec<f64>,
    hour: usize,
    made: u64,
    calls: u64,
    /// The share of the load that has passed.
    passed: f64,
    last_at: UtcMs,
}

impl Year {
    /// A year of `calls`; none when no row of `recorded` has an end to draw from.
    #[must_use]
    pub fn new(
        mut recorded: Vec<Row>,
        districts: Vec<Box<str>>,
        calls: u64,
        seed: u64,
    ) -> Option<Self> {
        recorded.retain(|row| row.closed_at.is_some());
        if recorded.is_empty() {
            return None;
        }
        let load = |hour: usize| HOURS[hour % 24] * DAYS[(FIRST_DAY + hour / 24) % 7];
        let all: f64 = (0..YEAR_HOURS).map(|hour| f64::from(load(hour))).sum();
        let mut before = vec![0.0];
        let mut sum = 0.0;
        for hour in 0..YEAR_HOURS {
            sum += f64::from(load(hour)) / all;
            before.push(sum);
        }
        Some(Self {
            recorded,
            districts,
            random: Rand64::new(seed.into()),
            before,
            hour: 0,
            made: 0,
            calls,
            passed: 0.0,
            last_at: FROM,
        })
    }

    /// When the next call comes: the smallest of those left, uniform over the load that is left, so that exactly so
    /// many calls come and each stands where it would if it were drawn by itself.
    fn next_at(&mut self) -> UtcMs {
        #[expect(clippy::cast_precision_loss, reason = "a share of at most some ten million")]
        let left = (self.calls - self.made) as f64;
        let drawn = 1.0 - self.random.rand_float();
        self.passed = 1.0 - (1.0 - self.passed) * drawn.powf(1.0 / left);
        while self.hour + 1 < YEAR_HOURS && self.before[self.hour + 1] <= self.passed {
            self.hour += 1;
        }
        let (from, to) = (self.before[self.hour], self.before[self.hour + 1]);
        let part = ((self.passed - from) / (to - from)).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "within an hour"
        )]
        let into_ms = (part * HOUR_MS as f64) as u64;
        let at = FROM.plus(self.hour as u64 * HOUR_MS + into_ms);
        self.last_at = self.last_at.max(at);
        self.last_at
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.rand_range(0..end)
    }

    fn between(&mut self, (from, to): (u64, u64)) -> u64 {
        self.random.rand_range(from..to)
    }

    /// An index below `len`, which is not 0.
    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }
}

impl Iterator for Year {
    type Item = Result<Row, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.made == self.calls {
            return None;
        }
        let received_at = self.next_at();
        self.made += 1;
        let drawn = self.index(self.recorded.len());
        let district = self.index(self.districts.len().max(1));
        let number = format!("+92 3{:02} {:07}", self.below(50), self.below(10_000_000));
        let (sort, hoax_ms) = (self.below(1_000), self.between(HOAX_MS));
        let dropped_ms = self.between(DROPPED_MS);
        let (recorded, district) = (&self.recorded[drawn], self.districts.get(district));
        let mut row = Row {
            line: 0,
            call_ref: Callsign::new(&format!("Y{}", self.made)).expect("short and plain"),
            received_at,
            call: NewCall {
                source: Source::PhoneLine,
                district: district.cloned().unwrap_or_default(),
                sealed: Sealed {
                    number: Some(number.into()),
                    place: recorded.call.sealed.place.clone(),
                    ..Sealed::default()
                },
                ..recorded.call.clone()
            },
            acknowledged_at: None,
            en_route_at: None,
            on_scene_at: None,
            closed_at: None,
            unit: "".into(),
            disposition: "".into(),
        };
        if sort < HOAXES {
            row.closed_at = Some(received_at.plus(hoax_ms));
            row.disposition = "hoax".into();
        } else if sort < HOAXES + DROPPED {
            row.call.kind = "dropped call".into();
            row.call.priority = Priority::new(3).expect("one of four");
            row.call.flags.dropped = true;
            row.call.sealed.place = None;
            row.closed_at = Some(received_at.plus(dropped_ms));
            row.disposition = "rang back".into();
        } else {
            let moved = |at: Option<UtcMs>| {
                // Recorded flaws stay: a stamp before its own receipt is one here as well.
                Some(UtcMs(at?.0.wrapping_sub(recorded.received_at.0).wrapping_add(received_at.0)))
            };
            row.acknowledged_at = moved(recorded.acknowledged_at);
            row.en_route_at = moved(recorded.en_route_at);
            row.on_scene_at = moved(recorded.on_scene_at);
            row.closed_at = moved(recorded.closed_at);
            row.disposition = recorded.disposition.clone();
        }
        Some(Ok(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Vec<Row> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sf_police_2026.csv.gz");
        super::super::Reader::open(path.as_ref()).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn year(recorded: &[Row], calls: u64, seed: u64) -> Vec<Row> {
        let districts = vec!["Lahore".into(), "Multan".into()];
        let year = Year::new(recorded.to_vec(), districts, calls, seed).unwrap();
        year.map(Result::unwrap).collect()
    }

    #[test]
    fn exactly_so_many_calls_come_in_order_and_within_the_year() {
        let recorded = recorded();
        let rows = year(&recorded, 20_000, 1);
        assert_eq!(rows.len(), 20_000);
        assert!(rows.is_sorted_by_key(|row| row.received_at));
        let end = FROM.plus(YEAR_HOURS as u64 * HOUR_MS);
        assert!(rows[0].received_at >= FROM && rows[19_999].received_at < end);
    }

    #[test]
    fn the_same_seed_is_the_same_year_and_another_is_another() {
        let recorded = recorded();
        assert_eq!(year(&recorded, 500, 7), year(&recorded, 500, 7));
        assert_ne!(year(&recorded, 500, 7), year(&recorded, 500, 8));
    }

    #[test]
    fn the_published_shares_and_the_assumed_hours_come_out() {
        let recorded = recorded();
        let rows = year(&recorded, 50_000, 3);
        let share = |of: &dyn Fn(&Row) -> bool| {
            rows.iter().filter(|row| of(row)).count() as f64 / rows.len() as f64
        };
        let near = |share: f64, wanted: f64| (share - wanted).abs() < 0.01;
        assert!(near(share(&|row| row.disposition.as_ref() == "hoax"), 0.57));
        assert!(near(share(&|row| row.call.flags.dropped), 0.30));
        let hour = |row: &Row| ((row.received_at.0 - FROM.0) / HOUR_MS % 24) as usize;
        let all: u32 = HOURS.iter().sum();
        for (at, weight) in HOURS.iter().enumerate() {
            let wanted = f64::from(*weight) / f64::from(all);
            assert!(near(share(&|row| hour(row) == at), wanted), "hour {at}");
        }
    }

    #[test]
    fn a_real_call_is_a_whole_recorded_row_moved() {
        let recorded = recorded();
        let real = |row: &&Row| row.disposition.as_ref() != "hoax" && !row.call.flags.dropped;
        let rows = year(&recorded, 5_000, 4);
        for row in rows.iter().filter(real) {
            let after =
                |row: &Row, at: Option<UtcMs>| at.map(|at| at.0.wrapping_sub(row.received_at.0));
            let same = |one: &Row| {
                one.call.kind == row.call.kind
                    && one.call.priority == row.call.priority
                    && after(one, one.acknowledged_at) == after(row, row.acknowledged_at)
                    && after(one, one.closed_at) == after(row, row.closed_at)
            };
            assert!(recorded.iter().any(same), "{row:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_from_calls_without_an_end() {
        let mut unfinished = recorded();
        unfinished.retain(|row| row.closed_at.is_none());
        assert!(!unfinished.is_empty());
        assert!(Year::new(unfinished, Vec::new(), 10, 1).is_none());
    }
}

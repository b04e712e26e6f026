//! What a printed report shows beside the figures: the cuts it prints, how long answers took, at
//! which hours, and each escalation's story. Counts, spans and offices; nothing about a person
//! but who took an escalation.

use super::figures::Group;
use super::open::{Outcome, Verdict};
use super::stories::{Stories, Story};
use super::tally::ClockName;
use super::{By, hour, timestamp};
use crate::domain::{CallId, UtcMs};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Beside the figures of a [`super::Report`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// The room's name; empty where nobody said it.
    pub room: String,
    /// Number of the last transition that is in the figures.
    pub seq: u64,
    /// The log's chain there, in hex: `journal verify` finds the same in an unaltered log.
    pub chain: Option<String>,
    /// The groups, cut by each of [`Detail::CUTS`].
    pub cuts: Vec<Cut>,
    /// How long answers took, for each clock of a call that ran.
    pub spreads: Vec<Spread>,
    /// When the runs began, likewise.
    pub weeks: Vec<Week>,
    /// Local days of the span by weekday, Monday first.
    pub days: [u32; 7],
    /// How soon an operator took a call up; `None` where the log has no such stamp.
    pub picked_up: Option<PickedUp>,
    /// Escalations there were: deadlines of a run that an office was told of.
    pub stories_total: u64,
    /// Those told of most, at most [`Detail::STORIES_MAX`].
    pub stories: Vec<Story>,
}

impl Detail {
    /// What the printed report is cut by.
    pub const CUTS: [By; 4] = [By::District, By::Kind, By::Priority, By::Shift];
    /// Stories at most.
    pub const STORIES_MAX: usize = 60;
    /// Groups of a cut at most; the others are counted in [`Cut::further`].
    pub const GROUPS_MAX: usize = 60;
}

/// The groups of one cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// What they are cut by.
    pub by: By,
    /// At most [`Detail::GROUPS_MAX`], most missed deadlines first where [`super::Report::groups`]
    /// are.
    pub groups: Vec<Group>,
    /// Groups left out.
    pub further: u64,
}

impl Cut {
    pub(super) fn new(by: By, mut groups: Vec<Group>) -> Self {
        let further = groups.len().saturating_sub(Detail::GROUPS_MAX) as u64;
        groups.truncate(Detail::GROUPS_MAX);
        Self { by, groups, further }
    }
}

/// How long the runs of a clock took to their first answer. All bars and counts together are the
/// clock's `started`; of it `in_time` is `closed_in_time` and all bars' `in_time`, `missed` is
/// `never` and all bars' `late`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// The clock's name.
    pub clock: String,
    /// The limit the bars were made for.
    pub limit_ms: u64,
    /// Answered runs, shortest first.
    pub bars: Vec<Bar>,
    /// Closed in time, unanswered.
    pub closed_in_time: u64,
    /// Missed and never answered, closed or not.
    pub never: u64,
    /// Unanswered and not yet due.
    pub open: u64,
}

/// Answered runs that took at most so long, and longer than the bar before says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Its longest span, included; `None`: all that are longer than the bar before.
    pub upto_ms: Option<u64>,
    /// Answered in time, as the rules of the run have it.
    pub in_time: u64,
    /// Answered late. A call that was reopened may be in time beyond the limit: its span counts
    /// from its first receipt.
    pub late: u64,
}

impl Spread {
    /// Bars up to the limit: a minute each for a limit of fifteen.
    pub const BARS_IN_TIME: u64 = 15;
    /// Where the bars beyond the limit end, in limits over 3: 20, 30, 45 minutes, 1, 2, 4, 8 and
    /// 24 hours for fifteen minutes.
    const THIRDS: [u64; 8] = [4, 6, 9, 12, 24, 48, 96, 288];

    fn new(clock: &ClockName) -> Self {
        let limit_ms = clock.limit_ms.max(1);
        let within = (1..=Self::BARS_IN_TIME)
            .map(|part| (limit_ms.saturating_mul(part) / Self::BARS_IN_TIME).max(1));
        let beyond = Self::THIRDS.iter().map(|thirds| limit_ms.saturating_mul(*thirds) / 3);
        let mut ends: Vec<u64> = within.chain(beyond).collect();
        ends.dedup();
        let ends = ends.into_iter().map(Some).chain([None]);
        Self {
            clock: clock.name.to_string(),
            limit_ms,
            bars: ends.map(|upto_ms| Bar { upto_ms, ..Bar::default() }).collect(),
            ..Self::default()
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        match (outcome.answer_ms, outcome.verdict) {
            (Some(ms), verdict) => {
                let fits = |bar: &&mut Bar| bar.upto_ms.is_none_or(|upto_ms| ms <= upto_ms);
                let bar = self.bars.iter_mut().find(fits).expect("the last bar takes any span");
                match verdict {
                    Verdict::InTime | Verdict::ClosedInTime => bar.in_time += 1,
                    _ => bar.late += 1,
                }
            }
            (None, Verdict::InTime | Verdict::ClosedInTime) => self.closed_in_time += 1,
            (None, Verdict::NotDue) => self.open += 1,
            (None, _) => self.never += 1,
        }
    }
}

/// When the runs of a clock began: by local weekday, Monday first, and local hour of the call's
/// first receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// The clock's name.
    pub clock: String,
    /// Runs.
    pub started: [[u64; 24]; 7],
    /// Of them: missed.
    pub missed: [[u64; 24]; 7],
}

/// How soon an operator claimed a call that came in by an intake, from its receipt. A telephone's
/// own ringing before that is in no log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickedUp {
    /// Calls that came in by an intake, which nobody at a desk had placed.
    pub calls: u64,
    /// Claimed within 15 seconds.
    pub within_15s: u64,
    /// Claimed within 20 seconds, those within 15 among them.
    pub within_20s: u64,
    /// Claimed later.
    pub later: u64,
    /// Never claimed.
    pub never: u64,
}

/// The detail of the events taken so far.
pub(super) struct Collector {
    zone: TimeZone,
    of_clock: Vec<Option<(Spread, Week)>>,
    /// Calls nobody has claimed; each leaves with its call's closing.
    ringing: BTreeMap<CallId, UtcMs>,
    picked_up: PickedUp,
    pub(super) stories: Stories,
}

impl Collector {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            of_clock: Vec::new(),
            ringing: BTreeMap::new(),
            picked_up: PickedUp::default(),
            stories: Stories::new(Detail::STORIES_MAX),
        }
    }

    /// A call came in by an intake.
    pub(super) fn rings(&mut self, call: CallId, received_at: UtcMs) {
        self.picked_up.calls += 1;
        self.ringing.insert(call, received_at);
    }

    /// An operator claimed it, for the first time or again.
    pub(super) fn picked_up(&mut self, call: CallId, at: UtcMs) {
        let Some(received_at) = self.ringing.remove(&call) else {
            return;
        };
        let after_ms = at.since(received_at);
        self.picked_up.within_15s += u64::from(after_ms <= 15_000);
        self.picked_up.within_20s += u64::from(after_ms <= 20_000);
        self.picked_up.later += u64::from(after_ms > 20_000);
    }

    /// It was closed.
    pub(super) fn closed(&mut self, call: CallId) {
        self.ringing.remove(&call);
        self.stories.closed(call);
    }

    /// A run of the clock `clocks[place]` is over, or at the end of the log.
    pub(super) fn run(
        &mut self,
        clocks: &[ClockName],
        place: usize,
        (call, received_at): (CallId, UtcMs),
        outcome: &Outcome,
    ) {
        let Some(clock) = clocks.get(place).filter(|clock| !clock.of_unit && !clock.canary) else {
            return;
        };
        self.stories.ended(call, &clock.name, outcome);
        if self.of_clock.len() <= place {
            self.of_clock.resize_with(place + 1, || None);
        }
        let new =
            || (Spread::new(clock), Week { clock: clock.name.to_string(), ..Week::default() });
        let (spread, week) = self.of_clock[place].get_or_insert_with(new);
        spread.add(outcome);
        if let Some((day, hour)) =
            weekday(&self.zone, received_at).zip(hour(&self.zone, received_at))
            && let Ok(hour) = usize::try_from(hour)
        {
            week.started[day][hour] += 1;
            let missed = matches!(
                outcome.verdict,
                Verdict::Late | Verdict::MissedClosed | Verdict::MissedUnanswered
            );
            week.missed[day][hour] += u64::from(missed);
        }
    }

    /// `span`: from when to when calls could be received.
    pub(super) fn finish(
        self,
        cuts: Vec<Cut>,
        span: (Option<UtcMs>, Option<UtcMs>),
        seq: u64,
    ) -> Detail {
        let mut picked_up = self.picked_up;
        let claimed = picked_up.within_20s + picked_up.later;
        picked_up.never = picked_up.calls - claimed;
        let (spreads, weeks) = self.of_clock.into_iter().flatten().unzip();
        let (stories_total, stories) = self.stories.finish();
        Detail {
            room: String::new(),
            seq,
            chain: None,
            cuts,
            spreads,
            weeks,
            days: days(&self.zone, span),
            // Without one claim the room does not work with claims, and nothing can be said.
            picked_up: (claimed > 0).then_some(picked_up),
            stories_total,
            stories,
        }
    }
}

fn weekday(zone: &TimeZone, at: UtcMs) -> Option<usize> {
    let day = zone.to_datetime(timestamp(at)?).weekday().to_monday_zero_offset();
    usize::try_from(day).ok()
}

/// How many of each weekday the span touches, Monday first.
fn days(zone: &TimeZone, span: (Option<UtcMs>, Option<UtcMs>)) -> [u32; 7] {
    let mut days = [0; 7];
    let date = |at: UtcMs| timestamp(at).map(|at| zone.to_datetime(at).date());
    let (Some(first), Some(last)) = (span.0.and_then(date), span.1.and_then(date)) else {
        return days;
    };
    let Ok(between) = first.until(last) else {
        return days;
    };
    let count = u32::try_from(between.get_days()).map_or(0, |between| between + 1);
    let start = first.weekday().to_monday_zero_offset();
    for (weekday, days) in (0_i8..).zip(&mut days) {
        // Whole weeks, and one more for the weekdays that the rest of a week touches.
        let ahead = u32::try_from((weekday - start).rem_euclid(7)).unwrap_or(0);
        *days = (count + 6).saturating_sub(ahead) / 7;
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_counted_day_by_day() {
        let zone = TimeZone::get("Asia/Karachi").unwrap();
        let day = 86_400_000;
        // 2026-01-01, a Thursday, at noon.
        let first = 1_767_250_800_000;
        for length in 0..40 {
            let last = UtcMs(first + length * day);
            let mut naive = [0; 7];
            for passed in 0..=length {
                naive[weekday(&zone, UtcMs(first + passed * day)).unwrap()] += 1;
            }
            assert_eq!(days(&zone, (Some(UtcMs(first)), Some(last))), naive, "{length}");
        }
    }

    #[test]
    fn a_span_as_long_as_the_limit_is_in_the_last_bar_within_it() {
        let clock =
            ClockName { name: "arrive".into(), of_unit: false, limit_ms: 900_000, canary: false };
        for (ms, verdict, place) in [
            (0, Verdict::InTime, 0),
            (60_000, Verdict::InTime, 0),
            (60_001, Verdict::InTime, 1),
            (900_000, Verdict::InTime, 14),
            (900_001, Verdict::Late, 15),
            (86_400_000, Verdict::Late, 22),
            (u64::MAX, Verdict::Late, 23),
        ] {
            let mut spread = Spread::new(&clock);
            spread.add(&Outcome {
                clock: 0,
                verdict,
                from: UtcMs(0),
                answer_ms: Some(ms),
                missed_again: false,
            });
            let found = spread.bars.iter().position(|bar| bar.in_time + bar.late > 0);
            assert_eq!(found, Some(place), "{ms}");
        }
    }
}

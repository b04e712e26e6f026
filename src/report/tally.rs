//! Figures while they are counted: the whole, and each group of each cut.

use super::figures::{Calls, ClockFigures, Figures, RungFigures, Worst};
use super::open::{Outcome, Verdict};
use super::spans::{Grain, Spans};
use super::{By, stamp};
use crate::domain::{CallId, UtcMs};
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// A clock as every group names it: the same in all rule books that have one of that name.
#[derive(Debug)]
pub(super) struct ClockName {
    pub name: Box<str>,
    pub of_unit: bool,
    pub limit_ms: u64,
    /// A clock of the room's own canary, which is in no figure.
    pub canary: bool,
}

/// The longest so far; the lower call number where two are as long.
#[derive(Clone, Copy)]
struct Longest {
    ms: u64,
    call: CallId,
    from: UtcMs,
}

impl Longest {
    fn take(kept: &mut Option<Self>, ms: u64, call: CallId, from: UtcMs) {
        let longer =
            |kept: &Self| (ms, std::cmp::Reverse(call)) > (kept.ms, std::cmp::Reverse(kept.call));
        if kept.as_ref().is_none_or(longer) {
            *kept = Some(Self { ms, call, from });
        }
    }

    fn worst(self, zone: &TimeZone) -> Worst {
        Worst { call: self.call, ms: self.ms, since_at: stamp(zone, self.from) }
    }
}

struct ClockTally {
    /// Counts only; spans and names are filled in at the end.
    figures: ClockFigures,
    spans: Spans,
    longest: Option<Longest>,
    waiting: Option<Longest>,
}

/// The figures of a set of calls, being counted.
pub(super) struct Tally {
    pub calls: Calls,
    clocks: Vec<ClockTally>,
    grain: Grain,
}

impl Tally {
    fn new(grain: Grain) -> Self {
        Self { calls: Calls::default(), clocks: Vec::new(), grain }
    }

    fn clock(&mut self, clock: usize) -> &mut ClockTally {
        while self.clocks.len() <= clock {
            self.clocks.push(ClockTally {
                figures: ClockFigures::default(),
                spans: Spans::new(self.grain),
                longest: None,
                waiting: None,
            });
        }
        &mut self.clocks[clock]
    }

    /// Counts a run; `end` is the end of the log.
    pub(super) fn run(&mut self, clock: usize, call: CallId, outcome: &Outcome, end: UtcMs) {
        let tally = self.clock(clock);
        let figures = &mut tally.figures;
        figures.started += 1;
        figures.missed_after_withdrawal += u64::from(outcome.missed_again);
        match outcome.verdict {
            Verdict::InTime => figures.in_time += 1,
            Verdict::ClosedInTime => {
                figures.in_time += 1;
                figures.in_time_by_close += 1;
            }
            Verdict::Late => figures.missed += 1,
            Verdict::MissedClosed => {
                figures.missed += 1;
                figures.missed_closed += 1;
            }
            Verdict::MissedUnanswered => {
                figures.missed += 1;
                figures.missed_unanswered += 1;
            }
            Verdict::NotDue => figures.open += 1,
        }
        if let Some(ms) = outcome.answer_ms {
            tally.spans.add(ms);
            Longest::take(&mut tally.longest, ms, call, outcome.from);
        } else if matches!(outcome.verdict, Verdict::MissedUnanswered | Verdict::NotDue) {
            let ms = end.since(outcome.from);
            Longest::take(&mut tally.waiting, ms, call, outcome.from);
        }
    }

    pub(super) fn rung(&mut self, clock: usize, rung: u8, office: &str) -> &mut RungFigures {
        let rung = u16::from(rung) + 1;
        let rungs = &mut self.clock(clock).figures.rungs;
        let known = rungs.iter().position(|known| known.rung == rung && known.office == office);
        let place = known.unwrap_or_else(|| {
            rungs.push(RungFigures { rung, office: office.to_owned(), ..RungFigures::default() });
            rungs.len() - 1
        });
        &mut rungs[place]
    }

    fn missed(&self) -> u64 {
        self.clocks.iter().map(|clock| clock.figures.missed).sum()
    }

    /// The figures; every clock of `clocks` when `all`, else those that ran.
    pub(super) fn finish(mut self, clocks: &[ClockName], all: bool, zone: &TimeZone) -> Figures {
        if let Some(last) = clocks.len().checked_sub(1) {
            self.clock(last);
        }
        let ran = |tally: &ClockTally| tally.figures.started > 0 || !tally.figures.rungs.is_empty();
        Figures {
            calls: self.calls,
            clocks: self
                .clocks
                .into_iter()
                .zip(clocks)
                .filter(|(tally, name)| ran(tally) || all && !name.canary)
                .map(|(tally, name)| tally.finish(name, zone))
                .collect(),
        }
    }
}

impl ClockTally {
    fn finish(mut self, name: &ClockName, zone: &TimeZone) -> ClockFigures {
        let mut figures = self.figures;
        // A histogram may say a little more than the longest there was.
        let longest_ms = self.longest.map_or(0, |longest| longest.ms);
        let [p50_ms, p90_ms, p95_ms, p99_ms, p100_ms] = self
            .spans
            .nearest_ranks([50, 90, 95, 99, 100], figures.started)
            .map(|found| found.map(|ms| ms.min(longest_ms)));
        figures.clock = name.name.to_string();
        figures.of_unit = name.of_unit;
        figures.limit_ms = name.limit_ms;
        figures.p50_ms = p50_ms;
        figures.p90_ms = p90_ms;
        figures.p95_ms = p95_ms;
        figures.p99_ms = p99_ms;
        figures.max_ms = p100_ms.map(|_| longest_ms);
        figures.error_permille_max = self.spans.error_permille_max();
        figures.compliance = compliance(figures.in_time - figures.in_time_by_close, figures.missed);
        figures.longest = self.longest.map(|longest| longest.worst(zone));
        figures.waiting = self.waiting.map(|longest| longest.worst(zone));
        figures.rungs.sort_by(|a, b| (a.rung, &a.office).cmp(&(b.rung, &b.office)));
        figures
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 10,000, which an f64 holds")]
fn compliance(in_time: u64, missed: u64) -> Option<f64> {
    let share = (in_time * 10_000).checked_div(in_time + missed)?;
    Some(share as f64 / 10_000.0)
}

/// Where a call is counted beside the whole: its group in each cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places([Option<u16>; By::ALL.len()]);

/// The groups of one cut.
#[derive(Default)]
struct Groups {
    groups: Vec<(String, Tally)>,
    places: HashMap<String, u16>,
}

/// The whole and its groups, cut in as many ways as were asked for.
pub(super) struct Tallies {
    pub whole: Tally,
    cuts: Vec<Groups>,
    grain: Grain,
    groups_max: usize,
}

/// The group of everything past the bound.
const OTHER: &str = "(other)";

impl Tallies {
    pub(super) fn new(whole: Grain, group: Grain, groups_max: usize, cuts: usize) -> Self {
        let cuts = (0..cuts).map(|_| Groups::default()).collect();
        Self { whole: Tally::new(whole), cuts, grain: group, groups_max }
    }

    /// Its place in every cut, `name` saying what each calls it.
    pub(super) fn places(&mut self, mut name: impl FnMut(usize) -> String) -> Places {
        let mut places = Places::default();
        for (cut, place) in places.0.iter_mut().enumerate().take(self.cuts.len()) {
            *place = Some(self.place(cut, name(cut)));
        }
        places
    }

    /// The place of the group of that name; past the bound, that of all others.
    fn place(&mut self, cut: usize, name: String) -> u16 {
        let of = &mut self.cuts[cut];
        if let Some(place) = of.places.get(&name) {
            return *place;
        }
        if of.groups.len() + 1 >= self.groups_max && name != OTHER {
            return self.place(cut, OTHER.to_owned());
        }
        let place = u16::try_from(of.groups.len()).expect("the bound of groups fits 16 bits");
        of.groups.push((name.clone(), Tally::new(self.grain)));
        of.places.insert(name, place);
        place
    }

    /// Counts in the whole and in the groups.
    pub(super) fn each(&mut self, places: Places, mut count: impl FnMut(&mut Tally)) {
        count(&mut self.whole);
        for (of, place) in self.cuts.iter_mut().zip(places.0) {
            if let Some((_, tally)) = place.and_then(|place| of.groups.get_mut(usize::from(place)))
            {
                count(tally);
            }
        }
    }

    /// The whole, and the groups of each cut by name or, for those of `worst_first`, with most
    /// missed deadlines first.
    pub(super) fn into_parts(
        self,
        worst_first: impl Fn(usize) -> bool,
    ) -> (Tally, Vec<Vec<(String, Tally)>>) {
        let sorted = |(cut, of): (usize, Groups)| {
            let mut groups = of.groups;
            groups.sort_by(|(a, x), (b, y)| {
                let by_missed = if worst_first(cut) {
                    y.missed().cmp(&x.missed())
                } else {
                    std::cmp::Ordering::Equal
                };
                by_missed.then_with(|| a.cmp(b))
            });
            groups
        };
        (self.whole, self.cuts.into_iter().enumerate().map(sorted).collect())
    }
}

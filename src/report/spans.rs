//! A bounded collection of spans that knows its nearest ranks: each span as it is up to a limit,
//! then a histogram that may say a little too much, never too little.

use hdrhistogram::Histogram;

/// How much a collection may hold and how fine its histogram is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grain {
    /// Spans kept as they are, 8 bytes each.
    pub exact_max: usize,
    /// Significant digits after that: 3 is within 0.1 % and up to 150 KiB, 2 within 1 % and up
    /// to 20 KiB for spans up to a day.
    pub digits: u8,
}

enum Kept {
    Exact(Vec<u64>),
    Rough(Histogram<u64>),
}

pub(super) struct Spans {
    grain: Grain,
    kept: Kept,
}

impl Spans {
    pub(super) const fn new(grain: Grain) -> Self {
        Self { grain, kept: Kept::Exact(Vec::new()) }
    }

    pub(super) fn add(&mut self, ms: u64) {
        match &mut self.kept {
            Kept::Exact(spans) if spans.len() < self.grain.exact_max => spans.push(ms),
            Kept::Exact(spans) => {
                let mut rough = Histogram::new(self.grain.digits)
                    .expect("a grain has one to five significant digits");
                for ms in spans.iter().copied().chain([ms]) {
                    record(&mut rough, ms);
                }
                self.kept = Kept::Rough(rough);
            }
            Kept::Rough(rough) => record(rough, ms),
        }
    }

    /// By how many thousandths a rank may be too long.
    pub(super) const fn error_permille_max(&self) -> u8 {
        match (&self.kept, self.grain.digits) {
            (Kept::Exact(_), _) => 0,
            (Kept::Rough(_), 3..) => 1,
            (Kept::Rough(_), _) => 10,
        }
    }

    /// The spans at the nearest ranks of `percents` among `of` runs, those that are not here
    /// being longer than all that are; `None` where the rank falls on one of them. `percents`
    /// ascend.
    pub(super) fn nearest_ranks<const N: usize>(
        &mut self,
        percents: [u64; N],
        of: u64,
    ) -> [Option<u64>; N] {
        let ranks = percents.map(|percent| (percent * of).div_ceil(100).max(1));
        match &mut self.kept {
            Kept::Exact(spans) => {
                spans.sort_unstable();
                ranks.map(|rank| spans.get(usize::try_from(rank - 1).ok()?).copied())
            }
            Kept::Rough(rough) => {
                let mut found = [None; N];
                let mut next = 0;
                let mut seen = 0;
                for step in rough.iter_recorded() {
                    seen += step.count_at_value();
                    while next < N && ranks[next] <= seen {
                        found[next] = Some(
                            rough.highest_equivalent(step.value_iterated_to()).min(rough.max()),
                        );
                        next += 1;
                    }
                }
                found
            }
        }
    }
}

fn record(rough: &mut Histogram<u64>, ms: u64) {
    rough.record(ms).expect("a histogram without a bound grows to any span");
}

#[cfg(test)]
mod tests {
    use super::{Grain, Spans};
    use proptest::prelude::*;

    const PERCENTS: [u64; 5] = [50, 90, 95, 99, 100];

    fn naive(spans: &[u64], of: u64, percent: u64) -> Option<u64> {
        let mut sorted = spans.to_vec();
        sorted.sort_unstable();
        let rank = (percent * of).div_ceil(100).max(1);
        sorted.get(usize::try_from(rank).unwrap() - 1).copied()
    }

    proptest! {
        #[test]
        fn ranks_are_exact_up_to_the_limit_and_never_too_short_beyond(
            spans in prop::collection::vec(0_u64..100_000_000, 0..200),
            unanswered in 0_u64..40,
            exact_max in 0_usize..200,
            digits in 2_u8..4,
        ) {
            let mut kept = Spans::new(Grain { exact_max, digits });
            spans.iter().for_each(|ms| kept.add(*ms));
            let of = spans.len() as u64 + unanswered;
            let error = u64::from(kept.error_permille_max());
            prop_assert_eq!(error == 0, spans.len() <= exact_max);
            for (found, percent) in kept.nearest_ranks(PERCENTS, of).into_iter().zip(PERCENTS) {
                let exact = naive(&spans, of, percent);
                prop_assert_eq!(found.is_some(), exact.is_some());
                if let (Some(found), Some(exact)) = (found, exact) {
                    prop_assert!(found >= exact && found <= exact + exact * error / 1_000);
                }
            }
        }
    }

    #[test]
    fn a_rank_on_an_unanswered_run_is_none() {
        let mut spans = Spans::new(Grain { exact_max: 8, digits: 3 });
        (1..=9).for_each(|ms| spans.add(ms));
        assert_eq!(spans.nearest_ranks([50, 90, 91], 10), [Some(5), Some(9), None]);
        assert_eq!(Spans::new(Grain { exact_max: 8, digits: 3 }).nearest_ranks([50], 0), [None]);
    }
}

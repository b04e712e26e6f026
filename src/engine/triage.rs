//! How urgent a call may be for what is known of its caller and its place: a pure sum with its reasons. It proposes; a
//! person decides.
//!
//! It counts the calls the room knows, open ones and those closed within `closed_kept`, so a count never outlives the
//! calls it is of: what is erased counts no more.

use crate::domain::{Call, Counts, Flags, Triage, UtcMs};

/// Calls of one number or place that are counted at most: a question must not hold up the room.
const COUNTED_MAX: usize = 1_000;
/// A call is raised by so many priorities at most: from the last to the first.
const RAISE_MAX: u32 = 3;

/// What weighs for or against a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// So many other calls of the number are open.
    CallerOpen(u32),
    /// So many calls of the number were real.
    CallerReal(u32),
    /// So many calls of the number were hoaxes.
    CallerHoax(u32),
    /// So many other calls from the place are open.
    PlaceOpen(u32),
    /// So many calls from the place were real.
    PlaceReal(u32),
    /// So many calls from the place were hoaxes.
    PlaceHoax(u32),
    /// She cannot speak.
    Silent,
    /// Ringing back puts her in danger.
    UnsafeToRingBack,
    /// The line was cut.
    Dropped,
    /// She pressed SOS.
    Sos,
}

impl std::fmt::Display for Weight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        match *self {
            Self::CallerOpen(n) => write!(f, "{n} other call{} of hers open", plural(n)),
            Self::CallerReal(n) => write!(f, "{n} real call{} of this number", plural(n)),
            Self::CallerHoax(n) => write!(f, "{n} hoax call{} of this number", plural(n)),
            Self::PlaceOpen(n) => write!(f, "{n} other call{} from this place open", plural(n)),
            Self::PlaceReal(n) => write!(f, "{n} real call{} from this place", plural(n)),
            Self::PlaceHoax(n) => write!(f, "{n} hoax call{} from this place", plural(n)),
            Self::Silent => f.write_str("she cannot speak"),
            Self::UnsafeToRingBack => f.write_str("not safe to ring back"),
            Self::Dropped => f.write_str("the line was cut"),
            Self::Sos => f.write_str("SOS pressed"),
        }
    }
}

/// By how much a call is to be raised, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// So many priorities above what its kind or its caller asks; 0: it stays.
    pub raise: u8,
    /// Everything that weighs, with its points, the heaviest first.
    pub reasons: Vec<(Weight, i8)>,
}

impl Triage {
    /// What came of `calls`, latest first, at `now`.
    pub fn count<'a>(&self, calls: impl Iterator<Item = &'a Call>, now: UtcMs) -> Counts {
        let mut counts = Counts::default();
        for call in calls.filter(|call| !call.placed.flags.test).take(COUNTED_MAX) {
            counts.calls += 1;
            counts.last_at = counts.last_at.max(Some(call.received_at));
            let Some(closed) = &call.closed else {
                counts.open += 1;
                continue;
            };
            counts.real += u32::from(self.real.contains(&closed.disposition));
            let lapsed = now.since(closed.at) >= self.hoax_lapses_ms;
            counts.hoax += u32::from(self.hoax.contains(&closed.disposition) && !lapsed);
        }
        counts
    }

    /// What weighs in a call with these `flags`, whose number and place had these calls before.
    #[must_use]
    pub fn weigh(&self, caller: &Counts, place: &Counts, flags: Flags) -> Proposal {
        let points = &self.points;
        let hoaxer = |counts: &Counts| if counts.real == 0 { counts.hoax } else { 0 };
        let all = [
            (caller.open > 0, Weight::CallerOpen(caller.open), points.caller_open),
            (caller.real > 0, Weight::CallerReal(caller.real), points.caller_real),
            (hoaxer(caller) > 0, Weight::CallerHoax(caller.hoax), points.caller_hoax),
            (place.open > 0, Weight::PlaceOpen(place.open), points.place_open),
            (place.real > 0, Weight::PlaceReal(place.real), points.place_real),
            (hoaxer(place) > 0, Weight::PlaceHoax(place.hoax), points.place_hoax),
            (flags.silent, Weight::Silent, points.silent),
            (flags.unsafe_to_ring_back, Weight::UnsafeToRingBack, points.unsafe_to_ring_back),
            (flags.dropped, Weight::Dropped, points.dropped),
            (flags.sos, Weight::Sos, points.sos),
        ];
        let weighs = |(holds, weight, points): (bool, Weight, i8)| {
            (holds && points != 0).then_some((weight, points))
        };
        let mut reasons: Vec<_> = all.into_iter().filter_map(weighs).collect();
        reasons.sort_by_key(|(_, points)| std::cmp::Reverse(points.unsigned_abs()));
        let sum: i64 = reasons.iter().map(|(_, points)| i64::from(*points)).sum();
        let sum = u32::try_from(sum.max(0)).unwrap_or(u32::MAX);
        let raise = sum.checked_div(self.raise_each).unwrap_or(0).min(RAISE_MAX);
        Proposal { raise: u8::try_from(raise).expect("at most three"), reasons }
    }
}

//! Which of a receiver's many fixes go over a narrow link: the latest, seldom, and only when it says something new.
//! Positions are never kept for later: an old one is worth nothing.

/// Where the unit is: degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Radius it is good to, whole metres.
    pub accuracy_m: Option<u32>,
}

/// How often positions are reported.
#[derive(Debug, Clone, Copy)]
pub struct PositionLimits {
    /// Never more often than this, ms.
    pub every_ms: u64,
    /// Moved less than this it waits for `still_ms`, metres.
    pub moved_m: f64,
    /// Reported after so long though it hardly moved, ms.
    pub still_ms: u64,
}

impl Default for PositionLimits {
    fn default() -> Self {
        Self { every_ms: 15_000, moved_m: 30.0, still_ms: 60_000 }
    }
}

impl Fix {
    /// Metres to `other`, good to a per cent over the kilometres a car does between two reports: the globe is taken
    /// for flat, with degrees of longitude as long as they are here.
    fn distance_m(self, other: Self) -> f64 {
        const METRES_A_DEGREE: f64 = 111_195.0;
        let north = other.lat - self.lat;
        let around = (other.lon - self.lon + 540.0).rem_euclid(360.0) - 180.0;
        let east = around * self.lat.to_radians().cos();
        METRES_A_DEGREE * north.hypot(east)
    }

    /// Whether it is on the globe.
    #[must_use]
    pub fn is_on_globe(self) -> bool {
        // A receiver without a fix says NaN, which is in no range.
        (-90.0..=90.0).contains(&self.lat) && (-180.0..=180.0).contains(&self.lon)
    }
}

/// The latest fix, and the last one that was sent.
#[derive(Debug, Default)]
pub(super) struct Positions {
    limits: PositionLimits,
    sent: Option<(u64, Fix)>,
    latest: Option<Fix>,
}

impl Positions {
    pub(super) fn new(limits: PositionLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn moved(&mut self, fix: Fix) {
        self.latest = Some(fix);
    }

    /// When the latest fix may go, ms; none when there is none.
    pub(super) fn due_at(&self) -> Option<u64> {
        let latest = self.latest?;
        let Some((at, sent)) = self.sent else { return Some(0) };
        let moved = sent.distance_m(latest) > self.limits.moved_m;
        let pause_ms = if moved { self.limits.every_ms } else { self.limits.still_ms };
        Some(at + pause_ms.max(self.limits.every_ms))
    }

    /// The fix to send at `now`, if one is due. It counts as sent: should the link break, the next one says more.
    pub(super) fn take(&mut self, now: u64) -> Option<Fix> {
        let fix = self.latest.filter(|_| self.due_at().is_some_and(|at| at <= now))?;
        self.latest = None;
        self.sent = Some((now, fix));
        Some(fix)
    }

    /// The room's log is another one: it knows no position of ours.
    pub(super) fn forget_sent(&mut self) {
        if let Some((_, fix)) = self.sent.take() {
            self.latest.get_or_insert(fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// About so many metres north of a street in Lahore.
    fn north(metres: f64) -> Fix {
        Fix { lat: 31.5 + metres / 111_195.0, lon: 74.3, accuracy_m: None }
    }

    #[test]
    fn a_moving_car_is_reported_at_most_every_fifteen_seconds_and_where_it_is_then() {
        let mut positions = Positions::new(PositionLimits::default());
        let mut sent = Vec::new();
        for second in 0..60 {
            positions.moved(north(f64::from(second) * 14.0));
            let now = u64::try_from(second).unwrap() * 1_000;
            sent.extend(positions.take(now).map(|fix| (second, fix)));
        }
        let seconds: Vec<_> = sent.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [0, 15, 30, 45]);
        assert_eq!(sent[1].1, north(15.0 * 14.0), "the latest fix, not an older one");
    }

    #[test]
    fn a_parked_car_is_reported_once_a_minute() {
        let mut positions = Positions::new(PositionLimits::default());
        let mut sent = 0;
        for second in 0..600_u64 {
            // The receiver's own noise.
            positions.moved(north(if second % 2 == 0 { 4.0 } else { -4.0 }));
            sent += usize::from(positions.take(second * 1_000).is_some());
        }
        assert_eq!(sent, 10);
    }

    #[test]
    fn without_a_new_fix_nothing_is_due() {
        let mut positions = Positions::new(PositionLimits::default());
        positions.moved(north(0.0));
        assert!(positions.take(0).is_some());
        assert_eq!((positions.due_at(), positions.take(1_000_000)), (None, None));
    }

    #[test]
    fn thirty_metres_are_thirty_metres_in_every_direction() {
        let here = Fix { lat: 31.5, lon: 179.9999, accuracy_m: None };
        let east = Fix { lon: -179.9999, ..here };
        assert!((here.distance_m(east) - 18.96).abs() < 0.1, "{}", here.distance_m(east));
        assert!((north(0.0).distance_m(north(30.0)) - 30.0).abs() < 0.1);
        assert!(!Fix { lat: f64::NAN, ..here }.is_on_globe());
    }
}

//! Which unit for which call: a pure ranking with its reasons. It proposes; a person decides.

use super::state::State;
use crate::domain::{Call, Callsign, Link, Unit, UnitStatus, UtcMs};

/// Distances nearer to each other than this count as equal, in metres: a female officer aboard
/// is worth more than a kilometre of road.
const BAND_M: f64 = 1_000.0;

/// Why a unit stands where it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// It serves the call's district.
    SameDistrict,
    /// It serves another.
    OtherDistrict,
    /// So far away by great circle, in metres.
    Distance(f64),
    /// Where it or the call is is not known.
    DistanceUnknown,
    /// A female officer is aboard.
    FemaleOfficer,
    /// Idle so long, in milliseconds.
    IdleMs(u64),
    /// Not sent out this shift.
    NotUsedYet,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SameDistrict => f.write_str("same district"),
            Self::OtherDistrict => f.write_str("another district"),
            Self::Distance(metres) => write!(f, "{:.1} km away", metres / 1_000.0),
            Self::DistanceUnknown => f.write_str("distance unknown"),
            Self::FemaleOfficer => f.write_str("female officer aboard"),
            Self::IdleMs(idle_ms) => write!(f, "last sent {} min ago", idle_ms / 60_000),
            Self::NotUsedYet => f.write_str("not sent out yet"),
        }
    }
}

/// A unit and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// Which.
    pub unit: Callsign,
    /// By great circle, in metres, where both places are known.
    pub distance_m: Option<f64>,
    /// The reasons, weightiest first.
    pub reasons: Vec<Reason>,
}

/// The available units that can be reached, for `call`, best first: its own district before others, then nearer (by
/// whole kilometres; unknown last), then a female officer aboard, then the one idle longest, then
/// by callsign. At most `most`.
#[must_use]
pub fn recommend(state: &State, call: &Call, now: UtcMs, most: usize) -> Vec<Recommendation> {
    let mut ranked: Vec<_> = state
        .units()
        .filter(|(callsign, unit)| state.status(callsign, unit) == UnitStatus::Available)
        // Whoever cannot be reached now is not sent.
        .filter(|(_, unit)| matches!(unit.link, Link::Up | Link::Radio))
        .map(|(callsign, unit)| (rank(call, callsign, unit), callsign, unit))
        .collect();
    ranked.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    ranked.truncate(most);
    ranked
        .into_iter()
        .map(|(_, callsign, unit)| Recommendation {
            unit: callsign.clone(),
            distance_m: distance_m(call, unit),
            reasons: reasons(call, unit, now),
        })
        .collect()
}

type Rank = (bool, u64, bool, Option<UtcMs>, Callsign);

fn rank(call: &Call, callsign: &Callsign, unit: &Unit) -> Rank {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a distance on the globe is at most 20,038 km"
    )]
    let band = distance_m(call, unit).map_or(u64::MAX, |metres| (metres / BAND_M) as u64);
    (
        unit.district() != &*call.placed.district,
        band,
        !unit.female_officer(),
        unit.last_used_at,
        callsign.clone(),
    )
}

fn distance_m(call: &Call, unit: &Unit) -> Option<f64> {
    let place = call.placed.sealed.place.as_ref()?.point?;
    Some(place.distance_m(unit.point?))
}

fn reasons(call: &Call, unit: &Unit, now: UtcMs) -> Vec<Reason> {
    let same = unit.district() == &*call.placed.district;
    let mut reasons = vec![
        if same { Reason::SameDistrict } else { Reason::OtherDistrict },
        distance_m(call, unit).map_or(Reason::DistanceUnknown, Reason::Distance),
    ];
    if unit.female_officer() {
        reasons.push(Reason::FemaleOfficer);
    }
    reasons.push(
        unit.last_used_at.map_or(Reason::NotUsedYet, |used_at| Reason::IdleMs(now.since(used_at))),
    );
    reasons
}

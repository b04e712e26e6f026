//! Where: a point with its accuracy, words, or both.

use serde::{Deserialize, Serialize};

/// A point on WGS 84 in ten-millionths of a degree (about 1 cm), so that equal means equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    /// Latitude, 1e-7 degrees, north positive.
    pub lat_e7: i32,
    /// Longitude, 1e-7 degrees, east positive.
    pub lon_e7: i32,
    /// Radius the point is good to, in metres; 0 when not told.
    pub accuracy_m: u32,
}

/// How safe somebody finds a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// One is safe there.
    Safe,
    /// At times, or in company.
    Partly,
    /// One is not.
    Unsafe,
}

impl Point {
    /// The point of the grid of so many 1e-7 degrees that is nearest, good to nothing said.
    #[must_use]
    pub fn to_grid(self, step_e7: i32) -> Self {
        let nearest = |at: i32| {
            let grid = (i64::from(at) + i64::from(step_e7) / 2).div_euclid(step_e7.into());
            i32::try_from(grid * i64::from(step_e7)).unwrap_or(at)
        };
        Self { lat_e7: nearest(self.lat_e7), lon_e7: nearest(self.lon_e7), accuracy_m: 0 }
    }

    /// A point from degrees; `None` when it is not on the globe.
    #[must_use]
    pub fn from_degrees(lat: f64, lon: f64, accuracy_m: u32) -> Option<Self> {
        let on_globe =
            lat.is_finite() && lon.is_finite() && lat.abs() <= 90.0 && lon.abs() <= 180.0;
        #[expect(clippy::cast_possible_truncation, reason = "at most 1.8e9, which an i32 holds")]
        on_globe.then(|| Self {
            lat_e7: (lat * 1e7).round() as i32,
            lon_e7: (lon * 1e7).round() as i32,
            accuracy_m,
        })
    }

    /// Latitude in degrees.
    #[must_use]
    pub fn lat(self) -> f64 {
        f64::from(self.lat_e7) / 1e7
    }

    /// Longitude in degrees.
    #[must_use]
    pub fn lon(self) -> f64 {
        f64::from(self.lon_e7) / 1e7
    }

    /// Great-circle distance in metres (haversine on a sphere of 6,371,008.8 m, the mean radius
    /// of IUGG), good to 0.5 % anywhere.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        let (lat_a, lat_b) = (self.lat().to_radians(), other.lat().to_radians());
        let half_lat = (lat_b - lat_a) / 2.0;
        let half_lon = (other.lon() - self.lon()).to_radians() / 2.0;
        let chord = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
        2.0 * EARTH_RADIUS_M * chord.sqrt().min(1.0).asin()
    }
}

/// A place as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The point, if a device or a map gave one.
    pub point: Option<Point>,
    /// The words, if a person gave them.
    pub words: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::Point;

    #[test]
    fn distance_is_the_great_circle() {
        let lahore = Point::from_degrees(31.5497, 74.3436, 0).unwrap();
        let multan = Point::from_degrees(30.1978, 71.4711, 0).unwrap();
        let km = lahore.distance_m(multan) / 1_000.0;
        assert!((km - 312.0).abs() < 3.0, "{km}");
        assert!(lahore.distance_m(lahore) < 1e-6);
    }

    #[test]
    fn a_point_off_the_globe_is_none() {
        assert!(Point::from_degrees(90.1, 0.0, 0).is_none());
        assert!(Point::from_degrees(0.0, f64::NAN, 0).is_none());
    }
}

//! The map: the borders of the districts, and in which of them a point lies.
//!
//! The police supply it, as GeoJSON (RFC 7946: WGS 84, longitude first); none ships. It is read once, at the start, and
//! never guesses: a point in no district has none.

use crate::domain::Point;
use geo::{BoundingRect, Coord, Intersects, MultiPolygon, Rect};
use geojson::{FeatureCollection, GeometryValue, Position};
use std::path::{Path, PathBuf};

/// A map of a province in 5 decimals has a hundredth of that.
const MAP_BYTES_MAX: u64 = 64 << 20;

/// Why a map cannot be used; for whoever supplies it.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It cannot be read.
    #[error("map {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is no map of districts.
    #[error("map {path}: {problem}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
}

/// One district: its name and all its land.
#[derive(Debug, Clone)]
struct District {
    name: Box<str>,
    land: MultiPolygon,
    around: Rect,
}

/// The districts of a map, by name.
#[derive(Debug, Clone)]
pub struct Borders {
    districts: Vec<District>,
}

impl Borders {
    /// Reads the map in `path`; the property `name` of each feature is the district's name.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn read(path: &Path, name: &str) -> Result<Self, MapError> {
        let unreadable = |source| MapError::Unreadable { path: path.into(), source };
        let wrong = |problem| MapError::Wrong { path: path.into(), problem };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > MAP_BYTES_MAX {
            return Err(wrong(format!("is {bytes} bytes long; at most {MAP_BYTES_MAX}")));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?, name).map_err(wrong)
    }

    /// The same of its text.
    ///
    /// # Errors
    /// What is wrong, and in which feature.
    pub fn parse(text: &str, name: &str) -> Result<Self, String> {
        let features: FeatureCollection =
            text.parse().map_err(|error| format!("is no GeoJSON FeatureCollection: {error}"))?;
        let mut districts = Vec::with_capacity(features.features.len());
        for (number, feature) in (1..).zip(features.features) {
            let of = |problem: String| format!("feature {number}: {problem}");
            let named = feature.property(name).and_then(|it| it.as_str()).map(str::trim);
            let Some(named) = named.filter(|named| !named.is_empty()) else {
                return Err(of(format!("has no property {name:?} with a name in it")));
            };
            let value = feature.geometry.as_ref().map(|it| &it.value);
            let Some(polygons) = value.and_then(polygons) else {
                return Err(of("is no Polygon and no MultiPolygon".into()));
            };
            // The crate that makes land of them takes it for granted.
            if polygons.iter().flatten().flatten().any(|position| position.len() < 2) {
                return Err(of("has a position without longitude or latitude".into()));
            }
            let value = GeometryValue::MultiPolygon { coordinates: polygons };
            let land: MultiPolygon =
                value.try_into().map_err(|it: geojson::Error| of(it.to_string()))?;
            let Some(around) = land.bounding_rect() else {
                return Err(of("has no land".into()));
            };
            let globe = Rect::new(Coord { x: -180.0, y: -90.0 }, Coord { x: 180.0, y: 90.0 });
            if !(globe.intersects(&around.min()) && globe.intersects(&around.max())) {
                return Err(of("lies beyond the globe: longitude comes first, in degrees".into()));
            }
            districts.push(District { name: named.into(), land, around });
        }
        if districts.is_empty() {
            return Err("has no feature in it".into());
        }
        // A border belongs to both: the first by name answers for it, each time.
        districts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { districts })
    }

    /// The district a point lies in.
    #[must_use]
    pub fn district_of(&self, point: Point) -> Option<&str> {
        let at = Coord { x: point.lon(), y: point.lat() };
        let here =
            |district: &&District| district.around.intersects(&at) && district.land.intersects(&at);
        self.districts.iter().find(here).map(|district| &*district.name)
    }

    /// The names on it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.districts.iter().map(|district| &*district.name)
    }
}

/// The polygons of a geometry that is land: each its rings.
fn polygons(value: &GeometryValue) -> Option<Vec<Vec<Vec<Position>>>> {
    match value {
        GeometryValue::Polygon { coordinates } => Some(vec![coordinates.clone()]),
        GeometryValue::MultiPolygon { coordinates } => Some(coordinates.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(name: &str, west: f64, hole: bool) -> String {
        let ring = |min: f64, max: f64| {
            let (a, b) = (west + min, west + max);
            format!("[[{a},{min}],[{b},{min}],[{b},{max}],[{a},{max}],[{a},{min}]]")
        };
        let rings =
            if hole { format!("{},{}", ring(0.0, 4.0), ring(1.0, 2.0)) } else { ring(0.0, 4.0) };
        format!(
            r#"{{"type":"Feature","properties":{{"name":"{name}"}},"geometry":{{"type":"Polygon","coordinates":[{rings}]}}}}"#
        )
    }

    fn map(features: &[String]) -> String {
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
    }

    fn at(lat: f64, lon: f64) -> Point {
        Point::from_degrees(lat, lon, 0).unwrap()
    }

    #[test]
    fn a_point_has_the_district_it_lies_in_and_none_beyond() {
        let map = map(&[square("West", 0.0, true), square("East", 4.0, false)]);
        let borders = Borders::parse(&map, "name").unwrap();
        assert_eq!(borders.names().collect::<Vec<_>>(), ["East", "West"]);
        for (lat, lon, district) in [
            (3.0, 3.0, Some("West")),
            (3.0, 7.9, Some("East")),
            (1.5, 1.5, None),
            (3.0, 4.0, Some("East")),
            (5.0, 3.0, None),
            (3.0, -0.1, None),
            (7.9, 3.0, None),
        ] {
            assert_eq!(borders.district_of(at(lat, lon)), district, "{lat} {lon}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused_and_the_feature_named() {
        let good = square("West", 0.0, false);
        for (text, word) in [
            (String::new(), "no GeoJSON"),
            ("{}".into(), "no GeoJSON"),
            (map(&[]), "no feature"),
            (
                map(&[good.clone(), good.replace("\"name\"", "\"title\"")]),
                "feature 2: has no property",
            ),
            (map(&[good.replace("West", " ")]), "feature 1: has no property"),
            (map(&[good.replace("\"West\"", "7")]), "feature 1: has no property"),
            (
                map(&[good
                    .replace("Polygon", "LineString")
                    .replace("[[[", "[[")
                    .replace("]]]", "]]")]),
                "no Polygon",
            ),
            (map(&[square("West", 400.0, false)]), "beyond the globe"),
            (map(&[good.replacen("[0,0]", "[0]", 1)]), "feature 1: has a position without"),
            (
                map(&[good
                    .replace("[[[", "[[\"x\",[")
                    .replace("Polygon\",", "Polygon\",\"x\":1,")]),
                "no GeoJSON",
            ),
        ] {
            let said = Borders::parse(&text, "name").unwrap_err();
            assert!(said.contains(word), "{text:.60}: {said}");
        }
        let nowhere = Borders::read(Path::new("/nowhere/map.geojson"), "name").unwrap_err();
        assert!(nowhere.to_string().starts_with("map /nowhere/map.geojson: "), "{nowhere}");
    }

    #[test]
    fn punjab_is_found_on_its_own_map() {
        let path = Path::new("../shared/data/punjab_districts_osm_2023.geojson");
        if !path.exists() {
            eprintln!("skipped: {} is not there", path.display());
            return;
        }
        let borders = Borders::read(path, "name").unwrap();
        for (lat, lon, district) in [
            (31.582, 74.329, Some("Lahore")),
            (33.598, 73.044, Some("Rawalpindi")),
            (30.198, 71.469, Some("Multan")),
            (31.418, 73.079, Some("Faisalabad")),
            (30.809, 73.459, Some("Okara")),
            (24.861, 67.010, None),
            (28.614, 77.209, None),
        ] {
            assert_eq!(borders.district_of(at(lat, lon)), district, "{lat} {lon}");
        }
    }
}

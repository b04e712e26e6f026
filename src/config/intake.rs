//! `[intake]`: which district answers for a call that does not say one.

use super::ConfigError;
use super::check::{Checked, name, wrong};
use crate::domain::Point;
use crate::map::Borders;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lines of a whole province's exchanges.
const LINES_MAX: usize = 4_096;

/// `[intake]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intake {
    /// The districts by the lines that calls come in on.
    pub lines: BTreeMap<String, String>,
    /// The map of the districts, GeoJSON, which the police supply.
    pub map: Option<PathBuf>,
    /// The property of a feature of the map that is the district's name; `name` if it is not said.
    pub map_name: Option<String>,
    /// The district of a call that nothing else gives one; empty: it has none, and every district hears of it.
    pub district: String,
    #[serde(skip)]
    borders: Option<Arc<Borders>>,
}

impl Intake {
    /// The district that answers for a call that came in on `line`, from `point`, and says none: by the line, which is
    /// one district's own, else by the point.
    #[must_use]
    pub fn district_of(&self, line: Option<&str>, point: Option<Point>) -> &str {
        let by_line = line.and_then(|line| self.lines.get(line)).map(String::as_str);
        let by_point = || point.and_then(|at| self.district_at(at));
        by_line.or_else(by_point).unwrap_or(&self.district)
    }

    /// The district a point lies in, where there is a map.
    #[must_use]
    pub fn district_at(&self, point: Point) -> Option<&str> {
        self.borders.as_ref()?.district_of(point)
    }

    pub(super) fn check(&self) -> Checked<()> {
        if self.lines.len() > LINES_MAX {
            return wrong("intake.lines", format!("are more than {LINES_MAX}"));
        }
        for (line, district) in &self.lines {
            name("intake.lines", line)?;
            name(&format!("intake.lines.{line:?}"), district)?;
        }
        if !self.district.is_empty() {
            name("intake.district", &self.district)?;
        }
        if self.map_name.is_some() && self.map.is_none() {
            return wrong("intake.map_name", "is of no use without intake.map");
        }
        Ok(())
    }

    /// Reads the map, whose path is beside dispatch.toml.
    pub(super) fn read_map(&mut self, beside: &Path) -> Result<(), ConfigError> {
        self.map = self.map.take().map(|map| beside.join(map));
        if let Some(map) = &self.map {
            let name = self.map_name.as_deref().unwrap_or("name");
            self.borders = Some(Arc::new(Borders::read(map, name)?));
        }
        Ok(())
    }
}

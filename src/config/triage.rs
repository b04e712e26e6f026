//! `[triage]`: what counts as a hoax and what as real, and what each thing known of a call weighs.

use super::check::{Checked, ms, wrong};
use crate::domain::{Points, Rules, Triage};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TriageTable {
    hoax: Vec<String>,
    real: Vec<String>,
    #[serde(with = "humantime_serde")]
    hoax_lapses: Duration,
    raise_each: u32,
    points: Points,
}

/// A room that says nothing of it shows counts of nothing, and proposes nothing.
impl Default for TriageTable {
    fn default() -> Self {
        Self {
            hoax: Vec::new(),
            real: Vec::new(),
            hoax_lapses: Duration::from_secs(3 * 24 * 3_600),
            raise_each: 0,
            points: Points::default(),
        }
    }
}

impl TriageTable {
    pub(super) fn checked(self, rules: &Rules) -> Checked<Triage> {
        let known = |key: &str, names: &[String]| -> Checked<Vec<Box<str>>> {
            if let Some(name) = names.iter().find(|name| rules.disposition(name).is_none()) {
                return wrong(key, format!("{name:?} is no [[disposition]]"));
            }
            Ok(names.iter().map(|name| name.as_str().into()).collect())
        };
        let (hoax, real) = (known("triage.hoax", &self.hoax)?, known("triage.real", &self.real)?);
        if let Some(name) = hoax.iter().find(|name| real.contains(name)) {
            return wrong("triage.hoax", format!("{name:?} cannot be real too"));
        }
        let hoax_lapses_ms = ms("triage.hoax_lapses", self.hoax_lapses)?;
        Ok(Triage { hoax, real, hoax_lapses_ms, raise_each: self.raise_each, points: self.points })
    }
}

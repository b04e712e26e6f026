//! What every table is checked by.

use crate::domain::bounds;
use std::time::Duration;

/// Ten years: the longest span a clock may have.
const LIMIT_MS_MAX: u64 = 3_653 * 24 * 3_600_000;

/// What was made of a table, or the key that is wrong and why.
pub(super) type Checked<T> = Result<T, (String, String)>;

pub(super) fn wrong<T>(key: impl Into<String>, problem: impl Into<String>) -> Checked<T> {
    Err((key.into(), problem.into()))
}

pub(super) fn ms(key: &str, span: Duration) -> Checked<u64> {
    match u64::try_from(span.as_millis()) {
        Ok(0) => wrong(key, "is 0; at least 1ms"),
        Ok(ms) if ms <= LIMIT_MS_MAX => Ok(ms),
        _ => wrong(key, "is longer than ten years"),
    }
}

pub(super) fn name(key: &str, text: &str) -> Checked<Box<str>> {
    if text.trim().is_empty() || text.trim() != text {
        return wrong(key, "is empty or has blanks at its ends");
    }
    if text.len() > bounds::NAME_BYTES_MAX {
        return wrong(key, format!("is longer than {} bytes", bounds::NAME_BYTES_MAX));
    }
    Ok(text.into())
}

pub(super) fn unique<'a>(table: &str, names: impl Iterator<Item = &'a str>) -> Checked<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return wrong(format!("{table} {name:?}"), "is there twice; names are unique");
        }
    }
    Ok(())
}

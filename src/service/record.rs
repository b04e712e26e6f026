//! Events as the log's bytes, and the room's state as the log's fold.

use crate::domain::{Dated, SCHEMA, Transition};
use crate::engine::State;
use crate::journal::{Fold, Record, RecordRef};

/// The log's record of what happened.
///
/// # Panics
/// Never: every event has an encoding.
#[must_use]
pub fn encode(dated: &Dated) -> Record {
    let body = rmp_serde::to_vec(&dated.transition).expect("every event has an encoding");
    Record { at: dated.at, schema: SCHEMA, body }
}

/// What a record of the log says happened.
///
/// # Errors
/// A text for people when the record is of a newer schema, or is no event.
pub fn decode(record: RecordRef<'_>) -> Result<Dated, String> {
    if record.schema > SCHEMA {
        return Err(format!(
            "transition {} has schema {}; this program knows up to {SCHEMA}, take a newer one",
            record.seq, record.schema
        ));
    }
    // The parser's own words may quote what it read, and what it read may be her name.
    let transition: Transition = rmp_serde::from_slice(record.body).map_err(|_| {
        format!("transition {} does not read as an event of schema {}", record.seq, record.schema)
    })?;
    Ok(Dated { seq: record.seq, at: record.at, transition })
}

impl Fold for State {
    fn fresh() -> Self {
        Self::default()
    }

    fn apply(&mut self, _seq: u64, record: RecordRef<'_>) -> Result<(), String> {
        let dated = decode(record)?;
        Self::apply(self, dated.at, &dated.transition);
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        Self::digest(self)
    }

    fn save(&self) -> Vec<u8> {
        Self::save(self)
    }

    fn load(bytes: &[u8]) -> Result<Self, String> {
        // Not the parser's words: they may quote her name.
        Self::load(bytes).map_err(|_| "its bytes do not read as a state".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UtcMs;

    #[test]
    fn an_error_never_quotes_what_stands_in_the_log() {
        let body = rmp_serde::to_vec(&[("Ayesha", 1)]).unwrap();
        let record = RecordRef { seq: 7, at: UtcMs(0), schema: SCHEMA, body: &body };
        let said = decode(record).unwrap_err();
        assert!(said.contains("transition 7") && !said.contains("Ayesha"), "{said}");
        let said = <State as Fold>::load(&body).unwrap_err();
        assert!(!said.contains("Ayesha"), "{said}");
    }
}

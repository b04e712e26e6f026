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
    let transition: Transition = rmp_serde::from_slice(record.body)
        .map_err(|error| format!("transition {} is no event: {error}", record.seq))?;
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
        Self::load(bytes).map_err(|error| error.to_string())
    }
}

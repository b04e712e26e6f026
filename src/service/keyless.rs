//! The room as its log reads without keys, and how much of the log is sealed.

use super::record::{decode, is_sealed};
use crate::engine::State;
use crate::journal::{Fold, RecordRef};

/// A state without what is sealed. It is folded from the first transition, never from a snapshot, so that all that is
/// sealed is met.
#[derive(Debug, Clone, Default)]
pub struct Keyless {
    /// The state.
    pub state: State,
    /// Transitions with something sealed in them.
    pub sealed: u64,
}

impl Fold for Keyless {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn apply(&mut self, _seq: u64, record: RecordRef<'_>) -> Result<(), String> {
        self.sealed += u64::from(is_sealed(record));
        let dated = decode(record)?;
        self.state.apply(dated.at, &dated.transition);
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        self.state.digest()
    }

    fn stamp(&self) -> Option<[u8; 32]> {
        (self.sealed == 0).then(|| self.digest())
    }

    fn save(&self) -> Vec<u8> {
        self.state.save()
    }

    fn load(&self, _seq: u64, _bytes: &[u8]) -> Result<Self, String> {
        Err("without keys a log is read from its start".to_owned())
    }
}

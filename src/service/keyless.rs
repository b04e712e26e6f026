//! The room as its log reads without keys, and how much of the log is sealed.

use super::record::{decode, is_sealed};
use crate::domain::Dated;
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
    /// What happened, and whether anything of it is sealed.
    type Said = (Dated, bool);

    fn fresh(&self) -> Self {
        Self::default()
    }

    fn reader(&self) -> impl Fn(RecordRef<'_>) -> Result<(Dated, bool), String> + use<> {
        |record| Ok((decode(record)?, is_sealed(record)))
    }

    fn apply(&mut self, _seq: u64, (dated, sealed): (Dated, bool)) {
        self.sealed += u64::from(sealed);
        self.state.apply(dated.at, &dated.transition);
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

    fn load(&self, _seq: u64, _bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String> {
        Err("without keys a log is read from its start".to_owned())
    }
}

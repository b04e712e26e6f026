//! Destroying who a call was about: the part of it that is state. The keys are destroyed by whoever writes the log.
//!
//! What is left is the same whether a state lived through the erasure or was replayed from a log whose sealed parts
//! cannot be opened any more: everything that comes of them is set to what an unopened record gives.

use super::State;
use crate::domain::{Actor, CallId, Sealed, SealedText, UtcMs};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Erasures that may wait for a second person at once; beyond it the oldest is forgotten.
const ASKED_MAX: usize = 64;

/// An erasure that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureAsked {
    /// When it was asked for.
    pub at: UtcMs,
    /// By whom.
    pub who: Box<str>,
    /// On whose authority.
    pub authority: Box<str>,
}

impl State {
    /// The erasure of `call` that waits for a second person.
    #[must_use]
    pub fn erasure_asked(&self, call: CallId) -> Option<&ErasureAsked> {
        self.erasures.get(&call)
    }

    pub(super) fn propose_erasure(
        &mut self,
        at: UtcMs,
        call: CallId,
        authority: &str,
        by: &Actor,
    ) -> Option<()> {
        (call.0 < self.next_call).then_some(())?;
        self.erasures.remove(&call);
        if self.erasures.len() >= ASKED_MAX {
            let oldest = self.erasures.iter().min_by_key(|(id, asked)| (asked.at, **id));
            let oldest = oldest.map(|(id, _)| *id);
            oldest.and_then(|id| self.erasures.remove(&id));
        }
        let asked = ErasureAsked { at, who: by.who.clone(), authority: authority.into() };
        self.erasures.insert(call, asked);
        Some(())
    }

    /// Of a call that was forgotten here, only messages about it may be left.
    pub(super) fn erase(&mut self, at: UtcMs, id: CallId) -> Option<()> {
        (id.0 < self.next_call).then_some(())?;
        self.erasures.remove(&id);
        // Which of them were of her words need not be known.
        self.keys.forget_fingerprints();
        let messages = self.units.values_mut().flat_map(|unit| &mut unit.messages);
        for message in messages.filter(|message| message.call == Some(id)) {
            message.text = SealedText::withheld();
        }
        if let Some(timer) = self.seldom.timers.get_mut(&id) {
            timer.placed.sealed = Sealed::default();
            timer.follow_up = None;
        }
        if let Some(mut call) = self.calls.remove(&id) {
            self.forget_caller(&call);
            let erased = Arc::make_mut(&mut call);
            erased.placed.sealed = Sealed::default();
            erased.notes.iter_mut().for_each(|note| note.text = SealedText::withheld());
            if let Some(mut since) = erased.follow_up.take().filter(|since| since.wrong_pins > 0) {
                since.trail = Vec::new();
                erased.follow_up = Some(since);
            }
            erased.erased_at = Some(at);
            self.calls.insert(call);
        }
        Some(())
    }
}

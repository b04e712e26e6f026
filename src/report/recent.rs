//! A bounded memory of calls closed lately of which an office was told: an escalation may be
//! taken after the close, and the taking does not say again what the call was.
//!
//! Past its bound the oldest is forgotten; a taking later than that is not counted.

use super::open::Closed;
use crate::domain::CallId;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub(super) struct Recent {
    calls: BTreeMap<CallId, (u64, Closed)>,
    order: VecDeque<(u64, CallId)>,
    next: u64,
}

impl Recent {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn insert(&mut self, call: Closed, calls_max: usize) {
        self.next += 1;
        self.order.push_back((self.next, call.id));
        self.calls.insert(call.id, (self.next, call));
        while self.order.len() > calls_max {
            let Some((number, id)) = self.order.pop_front() else {
                break;
            };
            // A call closed again since has a newer number and stays.
            if self.calls.get(&id).is_some_and(|(newest, _)| *newest == number) {
                self.calls.remove(&id);
            }
        }
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Closed> {
        self.calls.get(&id).map(|(_, call)| call)
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Closed> {
        self.calls.get_mut(&id).map(|(_, call)| call)
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Closed> {
        self.calls.remove(&id).map(|(_, call)| call)
    }
}

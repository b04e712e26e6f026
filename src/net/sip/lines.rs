//! The telephone lines that ring here: what becomes of each, for whoever holds it.

use crate::domain::{CallId, Dated, Event};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// How a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Nobody has taken it.
    Rings,
    /// This person has.
    Answered(Box<str>),
    /// Its call ended, or counts as hung up.
    Over,
}

/// The lines that are held.
#[derive(Default)]
pub(in crate::net) struct Lines(Mutex<BTreeMap<CallId, watch::Sender<Line>>>);

impl Lines {
    /// Listens to the line of `call` from now on.
    pub(super) fn listen(&self, call: CallId) -> watch::Receiver<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, sender| !sender.is_closed());
        lines.entry(call).or_insert_with(|| watch::Sender::new(Line::Rings)).subscribe()
    }

    /// The lines that were held and ring still, once whoever held them is gone.
    pub(super) fn let_go(&self) -> Vec<CallId> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ringing = lines.iter().filter(|(_, sender)| *sender.borrow() == Line::Rings);
        let ringing = ringing.map(|(call, _)| *call).collect();
        lines.clear();
        ringing
    }

    /// Something was committed.
    pub(in crate::net) fn committed(&self, dated: &Dated) {
        let (call, now) = match &dated.transition.event {
            Event::LineRang { call } => (call, Line::Rings),
            Event::LineAnswered { call, by } => (call, Line::Answered(by.who.clone())),
            Event::LineHungUp { call } | Event::CallClosed { call, .. } => (call, Line::Over),
            _ => return,
        };
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = lines.get(call) {
            sender.send_replace(now);
        }
    }
}

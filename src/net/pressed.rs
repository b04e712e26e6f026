//! What the device of an SOS page's press may know of its call: how far help has come, and nothing else.
//!
//! A call that was taken back says so and then nothing more, and so does one whose caller was made to take it back:
//! whoever looks over her shoulder, or at her link, sees the same.

use crate::domain::{Call, CallId, Dated, Stage};
use crate::engine::State;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::sync::watch;
use utoipa::ToSchema;

/// How far help has come, as her page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PressState {
    /// The call is taken.
    Taken,
    /// A named person took responsibility for responding.
    Acknowledged,
    /// A unit is on its way.
    EnRoute,
    /// A unit arrived.
    OnScene,
    /// People closed the call.
    Closed,
    /// It was taken back.
    Cancelled,
}

impl PressState {
    fn of(call: &Call) -> Self {
        let flags = call.placed.flags;
        match call.stage() {
            _ if flags.cancelled || flags.duress => Self::Cancelled,
            Stage::Waiting | Stage::Dispatched => Self::Taken,
            Stage::Acknowledged => Self::Acknowledged,
            Stage::EnRoute => Self::EnRoute,
            Stage::OnScene => Self::OnScene,
            Stage::Closed => Self::Closed,
        }
    }
}

/// The calls whose devices listen.
#[derive(Default)]
pub(super) struct Presses(BTreeMap<CallId, watch::Sender<PressState>>);

impl Presses {
    /// Listens to `call`; begins with how it stands.
    pub(super) fn listen(&mut self, call: &Call) -> watch::Receiver<PressState> {
        self.0.retain(|_, sender| !sender.is_closed());
        let sender =
            self.0.entry(call.id).or_insert_with(|| watch::Sender::new(PressState::of(call)));
        sender.subscribe()
    }

    /// Something was committed.
    pub(super) fn committed(&self, state: &State, dated: &Dated) {
        let id = dated.transition.event.call();
        let listened = id.and_then(|id| Some((self.0.get(&id)?, state.call(id)?)));
        if let Some((sender, call)) = listened {
            let now = PressState::of(call);
            sender.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
    }
}

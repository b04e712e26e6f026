//! What the device of an SOS page's press may know of its call: how far help has come, and nothing else.
//!
//! A call that was taken back says so and then nothing more, and so does one whose caller was made to take it back:
//! whoever looks over her shoulder, or at her link, sees the same.

use crate::domain::{Call, CallId, Dated, SafetyTimer, Stage};
use crate::engine::{Pressed, State};
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::sync::watch;
use utoipa::ToSchema;

/// How far help has come, as her page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PressState {
    /// Her safety timer runs.
    Running,
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
    /// It was taken back, or she said that she is safe.
    Cancelled,
}

impl PressState {
    fn of(pressed: Pressed<'_>) -> Self {
        match pressed {
            Pressed::Call(call) => Self::of_call(call),
            Pressed::Timer(SafetyTimer { stopped_at: None, .. }) => Self::Running,
            Pressed::Timer(_) => Self::Cancelled,
        }
    }

    fn of_call(call: &Call) -> Self {
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

/// The calls, and safety timers, whose devices listen.
#[derive(Default)]
pub(super) struct Presses(BTreeMap<CallId, watch::Sender<PressState>>);

impl Presses {
    /// Listens to what a press made; begins with how it stands.
    pub(super) fn listen(&mut self, pressed: Pressed<'_>) -> watch::Receiver<PressState> {
        self.0.retain(|_, sender| !sender.is_closed());
        let now = || watch::Sender::new(PressState::of(pressed));
        self.0.entry(pressed.call()).or_insert_with(now).subscribe()
    }

    /// Something was committed.
    pub(super) fn committed(&self, state: &State, dated: &Dated) {
        let id = dated.transition.event.call();
        let listened = id.and_then(|id| Some((self.0.get(&id)?, state.made(id)?)));
        if let Some((sender, pressed)) = listened {
            let now = PressState::of(pressed);
            sender.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
    }
}

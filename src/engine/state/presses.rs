//! The presses of SOS pages: which call a press made, and what its device said since.

use super::State;
use crate::domain::{Answer, Call, CallId, Fix, FollowUp, Key};
use std::collections::BTreeSet;

/// Keeps `devices`, those with an open call, as `call` now has it.
pub(super) fn note_device(devices: &mut BTreeSet<(Key, CallId)>, call: &Call) {
    let Some(device) = call.placed.sealed.press.as_ref().and_then(|press| press.device) else {
        return;
    };
    let flags = call.placed.flags;
    if call.closed.is_none() && !flags.cancelled && !flags.duress {
        devices.insert((device, call.id));
    } else {
        devices.remove(&(device, call.id));
    }
}

impl State {
    /// The call that the press with this key made, or joined. Known for as long as keys are.
    #[must_use]
    pub fn pressed(&self, press: &Key) -> Option<&Call> {
        let Answer::CallPlaced(id) = self.keys().get(press)?.answer else {
            return None;
        };
        self.call(id).filter(|call| call.placed.sealed.press.is_some())
    }

    /// The latest open call of a device, unless it was taken back.
    pub(crate) fn pressed_from(&self, device: &Key) -> Option<CallId> {
        let calls = self.devices.range((*device, CallId(0))..=(*device, CallId(u64::MAX)));
        calls.last().map(|(_, id)| *id)
    }

    /// Her device pressed again: what it says of ringing her holds for the call that is open.
    pub(super) fn pressed_again(&mut self, id: CallId, silent: bool) -> Option<()> {
        let flags = &mut self.calls.get_mut(&id)?.placed.flags;
        flags.silent |= silent;
        flags.unsafe_to_ring_back |= silent;
        Some(())
    }

    pub(super) fn caller_moved(&mut self, id: CallId, fix: Option<Fix>) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        // Without the key to it, that she moved is all that is known.
        if let Some(fix) = fix {
            call.follow_up.get_or_insert_default().keep(fix);
        }
        Some(())
    }

    pub(super) fn cancel_refused(&mut self, id: CallId) -> Option<()> {
        let since: &mut FollowUp = self.calls.get_mut(&id)?.follow_up.get_or_insert_default();
        since.wrong_pins += 1;
        Some(())
    }
}

//! What a unit and the room say to each other.

use super::State;
use crate::domain::{Actor, CallId, Callsign, MESSAGES_MAX, Message, SealedText, UtcMs};

impl State {
    pub(super) fn message(
        &mut self,
        at: UtcMs,
        unit: &Callsign,
        to_room: bool,
        call: Option<CallId>,
        text: &SealedText,
        by: &Actor,
    ) -> Option<()> {
        let seq = self.seq;
        let known = if to_room { self.heard(at, unit)? } else { self.units.get_mut(unit)? };
        if known.messages.len() >= MESSAGES_MAX {
            // What was read goes before what was not.
            let oldest = known.messages.iter().position(|message| message.read);
            known.messages.remove(oldest.unwrap_or(0));
        }
        let (who, text) = (by.who.clone(), text.clone());
        known.messages.push(Message { seq, at, to_room, who, call, text, read: false });
        Some(())
    }

    pub(super) fn read(&mut self, unit: &Callsign, to_room: bool, upto: u64) -> Option<()> {
        let known = self.units.get_mut(unit)?;
        let messages = known.messages.iter_mut();
        messages
            .filter(|message| message.to_room == to_room && message.seq <= upto)
            .for_each(|message| message.read = true);
        self.forget_unit(unit);
        Some(())
    }
}

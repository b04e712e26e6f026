//! Units: that they are known, and what they and the room say to each other.

use super::State;
use crate::domain::{
    Actor, CallId, Callsign, Link, MESSAGES_MAX, Message, SealedText, SignOn, Unit, UtcMs,
};

impl State {
    pub(super) fn sign_on(&mut self, at: UtcMs, callsign: &Callsign, crew: &SignOn, linked: bool) {
        let unit = self.meet_unit(at, callsign);
        unit.point = crew.point.or(unit.point);
        unit.signed_on = Some(crew.clone());
        unit.link = if linked { Link::Up } else { Link::Radio };
        unit.heard_at = at;
    }

    pub(super) fn meet_unit(&mut self, at: UtcMs, callsign: &Callsign) -> &mut Unit {
        self.units.entry(callsign.clone()).or_insert_with(|| {
            let number = self.next_unit;
            self.next_unit += 1;
            self.unit_numbers.insert(number, callsign.clone());
            Unit {
                number,
                signed_on: None,
                out_of_service: None,
                link: Link::Radio,
                point: None,
                heard_at: at,
                last_used_at: None,
                calls: Vec::new(),
                panic: None,
                messages: Vec::new(),
            }
        })
    }

    pub(super) fn heard(&mut self, at: UtcMs, callsign: &Callsign) -> Option<&mut Unit> {
        let unit = self.units.get_mut(callsign)?;
        unit.heard_at = at;
        if unit.link == Link::Silent {
            unit.link = Link::Radio;
        }
        Some(unit)
    }

    pub(super) fn forget_unit(&mut self, callsign: &Callsign) {
        if let Some(unit) = self.units.get(callsign)
            && unit.forgettable()
        {
            self.unit_numbers.remove(&unit.number);
            self.units.remove(callsign);
        }
    }

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

//! What each event does to the state. Cannot fail: an event about something unknown here is
//! counted as a stray and changes nothing.

use super::State;
use super::clocks::{run_of, start_clocks, trigger};
use super::presses::note_device;
use crate::domain::{
    Assignment, Call, CallId, CallbackOutcome, Callsign, Claim, Closing, Event, Leaving, Link,
    NewCall, Note, PriorityCause, Progress, Transition, Trigger, UtcMs,
};
use crate::engine::keys::answer_of;
use std::sync::Arc;

impl State {
    /// Takes the next transition in. Numbers it, applies it, forgets what is old enough.
    pub fn apply(&mut self, at: UtcMs, transition: &Transition) {
        self.seq += 1;
        self.at = self.at.max(at);
        self.forget();
        if self.change(at, &transition.event).is_none() {
            self.strays += 1;
        }
        // A trail of hours would push the rest of its story out.
        let told = !matches!(transition.event, Event::CallerMoved { .. });
        let call = transition.event.call().filter(|_| told);
        if let Some(call) = call.and_then(|id| self.calls.get_mut(&id)) {
            call.touch(self.seq);
        }
        if let Some(mark) = transition.mark {
            let answer = answer_of(&transition.event);
            self.keys.remember(self.at, mark, answer, self.seq);
        }
    }

    fn forget(&mut self) {
        let Some(rules) = self.books.last() else {
            return;
        };
        let ago = |ms| UtcMs(self.at.since(UtcMs(ms)));
        let (keys, horizon) = (ago(rules.key_kept_ms), ago(rules.closed_kept_ms));
        self.keys.forget_before(keys);
        self.forget_timers(keys);
        while let Some((closed_at, id, generation)) = self.closed.front().copied() {
            if closed_at >= horizon {
                break;
            }
            self.closed.pop_front();
            let same = |call: &Call| call.generation == generation && call.closed.is_some();
            if self.call(id).is_some_and(same) {
                self.forget_call(id);
            }
        }
    }

    /// `None`: the event speaks of something unknown here.
    fn change(&mut self, at: UtcMs, event: &Event) -> Option<()> {
        match event {
            Event::RulesAdopted(rules) => self.books.push((**rules).clone()),
            Event::SpillBegan { first } => self.seldom.spilled = Some(*first),
            Event::SpillMerged { .. } => self.seldom.spilled = None,
            Event::ClockStepped { .. }
            | Event::WorkShed { .. }
            | Event::EarlierAsked { .. }
            | Event::LogInsFailed { .. }
            | Event::PlaceRated { .. }
            | Event::PersonChanged { .. } => {}
            Event::ErasureProposed { call, authority, by, .. } => {
                self.propose_erasure(at, *call, authority, by)?;
            }
            Event::IdentityErased { call, .. } => self.erase(at, *call)?,
            Event::CallReceived { call, received_at, placed, .. } => {
                self.receive(at, *call, *received_at, placed)?;
            }
            Event::UnitSignedOn { unit, crew, linked } => self.sign_on(at, unit, crew, *linked),
            Event::UnitSignedOff { unit, .. } => {
                let known = self.units.get_mut(unit)?;
                known.signed_on = None;
                known.out_of_service = None;
                self.forget_unit(unit);
            }
            Event::UnitOutOfService { unit, reason, .. } => {
                self.heard(at, unit)?.out_of_service = Some(reason.clone());
            }
            Event::UnitAvailable { unit, .. } => self.heard(at, unit)?.out_of_service = None,
            Event::UnitMoved { unit, point } => self.heard(at, unit)?.point = Some(*point),
            Event::UnitLinkLost { unit } => self.units.get_mut(unit)?.link = Link::Lost { at },
            Event::UnitLinkUp { unit } => self.heard(at, unit)?.link = Link::Up,
            Event::UnitWentSilent { unit } => self.units.get_mut(unit)?.link = Link::Silent,
            Event::UnitProgressed { call, unit, progress, .. } => {
                self.assign(at, *call, unit)?;
                self.progress(at, *call, unit, *progress)?;
            }
            Event::UnitAssigned { call, unit, .. } => self.assign(at, *call, unit)?,
            Event::UnitLeft { call, unit, leaving, .. } => self.leave(at, *call, unit, *leaving)?,
            Event::CallClosed { call, disposition, by, .. } => {
                let closing = Closing { at, who: by.who.clone(), disposition: disposition.clone() };
                self.close(*call, closing)?;
            }
            Event::CallReopened { call, generation, .. } => self.reopen(at, *call, *generation)?,
            Event::AcknowledgementWithdrawn { call } => self.withdraw(at, *call)?,
            Event::PriorityChanged { call, priority, cause } => {
                let Some(call) = self.calls.get_mut(call) else {
                    return self.reprioritise_timer(*call, *priority);
                };
                self.queue.remove(call);
                // An aged call waits at its new priority since its limit, however late the room
                // came to say so.
                let aged_ms = match cause {
                    PriorityCause::Aged => self.books[call.book as usize].aging_ms(call.priority()),
                    PriorityCause::By(..) => None,
                };
                call.aging_from = aged_ms.map_or(at, |aged_ms| call.aging_from.plus(aged_ms));
                call.placed.priority = *priority;
                if call.waits() {
                    self.queue.insert(call);
                }
            }
            Event::UnitPanicked { unit, call, point, .. } => {
                let unit = self.heard(at, unit)?;
                unit.panic = Some(*call);
                unit.point = point.or(unit.point);
            }
            Event::MessageSent { unit, to_room, call, text, by } => {
                self.message(at, unit, *to_room, *call, text, by)?;
            }
            Event::MessagesRead { unit, to_room, upto, .. } => self.read(unit, *to_room, *upto)?,
            Event::NoticesIntended { escalation, first, to, .. } => {
                self.intend(at, *escalation, *first, to)?;
            }
            Event::NoticeDelivered { escalation, notice, .. } => {
                self.delivered(at, *escalation, *notice)?;
            }
            Event::NoticeFailed { escalation, notice, gave_up, problem, .. } => {
                self.failed(at, *escalation, *notice, *gave_up, problem)?;
            }
            Event::LineRang { call } => {
                self.calls.get(call)?;
                self.seldom.ringing.insert(*call);
            }
            Event::LineAnswered { call, .. } => {
                self.seldom.ringing.remove(call);
            }
            Event::LineHungUp { call } => self.hung_up(at, *call)?,
            Event::SafetyTimerSet { call, due_at, placed, by } => {
                self.set_timer(*call, *due_at, placed, by);
            }
            Event::SafetyTimerStopped { call, .. } => self.stop_timer(at, *call)?,
            Event::CallDescribed { call, description, .. } => self.describe(*call, description)?,
            Event::CallerMoved { call, fix } => self.caller_moved(at, *call, *fix)?,
            Event::TrailsErased { before } => self.erase_trails(*before),
            Event::CancelRefused { call } => self.cancel_refused(*call)?,
            Event::PressedAgain { call, silent, .. } => self.pressed_again(*call, *silent)?,
            Event::CallCancelled { call } => {
                let call = self.calls.get_mut(call)?;
                call.placed.flags.cancelled = true;
                note_device(&mut self.devices, call);
            }
            Event::DuressSignalled { call } => {
                let call = self.calls.get_mut(call)?;
                call.placed.flags.duress = true;
                note_device(&mut self.devices, call);
            }
            Event::EscalationSeen { escalation, by, .. } => self.seen(at, *escalation, by)?,
            Event::Escalated { call, .. } => {
                self.change_call(at, event)?;
                self.tell(at, *call, event)?;
            }
            Event::EscalationTaken { call, clock, rung, by } => {
                self.change_call(at, event)?;
                self.take(at, *call, *clock, *rung, by)?;
            }
            _ => self.change_call(at, event)?,
        }
        Some(())
    }

    /// Events that change one call and neither its place in the queue nor a unit's calls.
    fn change_call(&mut self, at: UtcMs, event: &Event) -> Option<()> {
        let call = self.calls.get_mut(&event.call()?)?;
        let rules = &self.books[call.book as usize];
        match event {
            Event::CallClaimed { by, .. } => {
                call.claim = Some(Claim { who: by.who.clone(), since: at, stale: false });
            }
            Event::ClaimReleased { .. } => call.claim = None,
            Event::ClaimWentStale { .. } => call.claim.as_mut()?.stale = true,
            Event::UnitCheckedIn { unit, .. } => {
                trigger(call, rules, Trigger::UnitCheckedIn, Some(unit), at);
                self.units.get_mut(unit)?.heard_at = at;
            }
            Event::NoteAdded { text, by, .. } => {
                call.notes.push(Note { at, who: by.who.clone(), text: text.clone() });
            }
            Event::CallLinked { primary, .. } => call.primary = Some(*primary),
            Event::CallbackRecorded { outcome, .. } => {
                // That it was not tried stops the clock, and is no attempt.
                call.callbacks += u32::from(*outcome != CallbackOutcome::Unsafe);
                trigger(call, rules, Trigger::CallbackRecorded, None, at);
            }
            Event::CloseProposed { disposition, by, .. } => {
                call.close_proposed =
                    Some(Closing { at, who: by.who.clone(), disposition: disposition.clone() });
            }
            Event::ClockWarned { clock, unit, warning, due_at, .. } => {
                let (run, ladder) = run_of(call, rules, *clock, unit.as_ref())?;
                run.done(crate::domain::ClockPoint::Warning(*warning), *due_at, ladder);
            }
            Event::Escalated { clock, unit, rung, repeat, due_at, by_hand, .. } => {
                use crate::domain::ClockPoint::{Repeat, Rung};
                let canary_passed = call.is_canary() && by_hand.is_none();
                let (run, ladder) = run_of(call, rules, *clock, unit.as_ref())?;
                let point = if *repeat == 0 { Rung(*rung) } else { Repeat(*repeat) };
                if by_hand.is_some() {
                    run.done_by_hand(point, at, ladder);
                } else {
                    run.done(point, *due_at, ladder);
                }
                if canary_passed {
                    self.canary.passed_at = Some(at);
                    self.canary.late_ms = at.since(*due_at);
                }
            }
            Event::EscalationTaken { clock, rung, .. } => {
                let last = rules.ladder(rules.clocks.get(usize::from(*clock))?).rungs.len() - 1;
                if usize::from(*rung) == last {
                    call.clocks
                        .iter_mut()
                        .filter(|run| run.clock == *clock && usize::from(run.rungs) > last)
                        .for_each(|run| run.taken = true);
                }
            }
            Event::CallOpened { .. } => {}
            _ => return None,
        }
        Some(())
    }

    fn receive(
        &mut self,
        at: UtcMs,
        id: CallId,
        received_at: UtcMs,
        placed: &NewCall,
    ) -> Option<()> {
        let book = self.books.len().checked_sub(1)?;
        self.next_call = self.next_call.max(id.0 + 1);
        let follow_up = self.set_off_timer(id);
        let mut call = Call {
            id,
            generation: 1,
            book: u32::try_from(book).ok()?,
            placed: placed.clone(),
            received_at,
            history: Vec::new(),
            acknowledged_at: None,
            first_acknowledged_at: None,
            en_route_at: None,
            on_scene_at: None,
            closed: None,
            claim: None,
            close_proposed: None,
            callbacks: 0,
            withdrawals: 0,
            primary: None,
            units: Vec::new(),
            clocks: Vec::new(),
            notes: Vec::new(),
            aging_from: received_at,
            tellings: Vec::new(),
            erased_at: None,
            follow_up,
        };
        start_clocks(&mut call, &self.books[book], received_at);
        if call.is_canary() {
            self.canary.placed_at = Some(at);
        }
        if call.waits() {
            self.queue.insert(&call);
        }
        self.remember_caller(&call);
        note_device(&mut self.devices, &call);
        self.calls.insert(Arc::new(call));
        Some(())
    }

    fn hung_up(&mut self, at: UtcMs, id: CallId) -> Option<()> {
        self.seldom.ringing.remove(&id);
        let call = self.calls.get_mut(&id)?;
        call.placed.flags.dropped = true;
        let rules = &self.books[call.book as usize];
        trigger(call, rules, Trigger::DroppedReceived, None, at);
        Some(())
    }

    fn assign(&mut self, at: UtcMs, id: CallId, callsign: &Callsign) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        if call.assignment(callsign).is_some() {
            return Some(());
        }
        let rules = &self.books[call.book as usize];
        call.units.push(Assignment {
            unit: callsign.clone(),
            progress: Progress::Assigned,
            since: at,
            assigned_at: at,
        });
        trigger(call, rules, Trigger::UnitAssigned, Some(callsign), at);
        let unit = self.meet_unit(at, callsign);
        unit.calls.push(id);
        unit.last_used_at = Some(at);
        Some(())
    }

    fn progress(
        &mut self,
        at: UtcMs,
        id: CallId,
        callsign: &Callsign,
        progress: Progress,
    ) -> Option<()> {
        self.heard(at, callsign)?;
        let call = self.calls.get_mut(&id)?;
        let rules = &self.books[call.book as usize];
        let waited = call.waits();
        let assignment = call.units.iter_mut().find(|unit| unit.unit == *callsign)?;
        let before = assignment.progress;
        if progress <= before {
            return Some(());
        }
        assignment.progress = progress;
        assignment.since = at;
        if before < Progress::Acknowledged {
            trigger(call, rules, Trigger::UnitAcknowledged, Some(callsign), at);
            if call.acknowledged_at.is_none() {
                call.acknowledged_at = Some(at);
                call.first_acknowledged_at.get_or_insert(at);
                trigger(call, rules, Trigger::Acknowledged, None, at);
            }
        }
        if progress >= Progress::EnRoute && call.en_route_at.is_none() {
            call.en_route_at = Some(at);
            trigger(call, rules, Trigger::EnRoute, None, at);
        }
        if progress == Progress::OnScene {
            trigger(call, rules, Trigger::UnitOnScene, Some(callsign), at);
            if call.on_scene_at.is_none() {
                call.on_scene_at = Some(at);
                trigger(call, rules, Trigger::OnScene, None, at);
            }
        }
        if waited {
            self.queue.remove(call);
        }
        Some(())
    }

    fn leave(
        &mut self,
        at: UtcMs,
        id: CallId,
        callsign: &Callsign,
        leaving: Leaving,
    ) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        let rules = &self.books[call.book as usize];
        let cause = match leaving {
            Leaving::Declined => Trigger::UnitDeclined,
            Leaving::Cleared => Trigger::UnitCleared,
            _ => Trigger::UnitReleased,
        };
        trigger(call, rules, cause, Some(callsign), at);
        call.units.retain(|assignment| assignment.unit != *callsign);
        // Whatever watched this unit on this call has nothing left to watch.
        call.clocks.retain(|run| run.unit.as_ref() != Some(callsign));
        self.units.get_mut(callsign)?.calls.retain(|other| *other != id);
        self.forget_unit(callsign);
        Some(())
    }

    fn withdraw(&mut self, at: UtcMs, id: CallId) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        let rules = &self.books[call.book as usize];
        let withdrawn = [
            (Trigger::Acknowledged, call.acknowledged_at.take()),
            (Trigger::EnRoute, call.en_route_at.take()),
        ];
        call.withdrawals += 1;
        call.aging_from = at;
        for run in &mut call.clocks {
            let stops = &rules.clocks[usize::from(run.clock)].stops;
            // What something else stopped stays so.
            if withdrawn.iter().any(|(cause, stopped_at)| {
                stops.contains(cause) && stopped_at.is_some() && run.stopped_at == *stopped_at
            }) {
                run.resume(at, rules.withdrawn_left_ms_min);
            }
        }
        if call.waits() {
            self.queue.insert(call);
        }
        Some(())
    }

    fn close(&mut self, id: CallId, closing: Closing) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        self.queue.remove(call);
        self.seldom.ringing.remove(&id);
        for run in &mut call.clocks {
            run.stop(closing.at);
        }
        call.clocks.retain(|run| run.unit.is_none());
        call.claim = None;
        call.close_proposed = None;
        let units = std::mem::take(&mut call.units);
        if call.is_canary() {
            self.forget_call(id);
        } else {
            self.closed.push_back((closing.at, id, call.generation));
            call.closed = Some(closing);
            note_device(&mut self.devices, call);
        }
        for assignment in units {
            if let Some(unit) = self.units.get_mut(&assignment.unit) {
                unit.calls.retain(|other| *other != id);
            }
            self.forget_unit(&assignment.unit);
        }
        Some(())
    }

    fn reopen(&mut self, at: UtcMs, id: CallId, generation: u32) -> Option<()> {
        let book = self.books.len().checked_sub(1)?;
        let call = self.calls.get_mut(&id)?;
        call.generation = generation;
        call.book = u32::try_from(book).ok()?;
        call.closed = None;
        call.acknowledged_at = None;
        call.en_route_at = None;
        call.on_scene_at = None;
        call.callbacks = 0;
        call.aging_from = at;
        call.clocks.clear();
        start_clocks(call, &self.books[book], at);
        self.queue.insert(call);
        note_device(&mut self.devices, call);
        Some(())
    }
}

//! The presses of SOS pages: which call a press made or will make, and what its device said since.

use super::State;
use crate::domain::{
    Actor, Answer, Call, CallId, Fix, FollowUp, Key, NewCall, Priority, SafetyTimer, UtcMs,
};
use std::collections::BTreeSet;

/// Keeps `devices`, those with an open call or a safety timer, as `call` now has it.
pub(super) fn note_device(devices: &mut BTreeSet<(Key, CallId)>, call: &Call) {
    let flags = call.placed.flags;
    let joins = call.closed.is_none() && !flags.cancelled && !flags.duress;
    note(devices, &call.placed, call.id, joins);
}

fn note(devices: &mut BTreeSet<(Key, CallId)>, placed: &NewCall, id: CallId, joins: bool) {
    let Some(device) = device_of(placed) else {
        return;
    };
    if joins {
        devices.insert((device, id));
    } else {
        devices.remove(&(device, id));
    }
}

fn device_of(placed: &NewCall) -> Option<Key> {
    placed.sealed.press.as_ref()?.device
}

/// What the key of a press stands for.
#[derive(Clone, Copy)]
pub enum Pressed<'a> {
    /// The call it made, joined or became.
    Call(&'a Call),
    /// The safety timer that runs, or was stopped.
    Timer(&'a SafetyTimer),
}

impl Pressed<'_> {
    /// The number of the call, or the one kept for it.
    #[must_use]
    pub fn call(&self) -> CallId {
        match self {
            Self::Call(call) => call.id,
            Self::Timer(timer) => timer.call,
        }
    }
}

impl State {
    /// What the press with this key made. Known for as long as keys are.
    #[must_use]
    pub fn pressed(&self, press: &Key) -> Option<Pressed<'_>> {
        let Answer::CallPlaced(id) = self.keys().get(press)?.answer else {
            return None;
        };
        let of_a_page = |made: &Pressed<'_>| match made {
            Pressed::Call(call) => call.placed.sealed.press.is_some(),
            Pressed::Timer(_) => true,
        };
        self.made(id).filter(of_a_page)
    }

    /// The call of this number, or the safety timer that keeps it.
    #[must_use]
    pub fn made(&self, id: CallId) -> Option<Pressed<'_>> {
        let timer = || self.timer(id).map(Pressed::Timer);
        self.call(id).map(Pressed::Call).or_else(timer)
    }

    /// The safety timer for whose call this number is kept.
    #[must_use]
    pub fn timer(&self, id: CallId) -> Option<&SafetyTimer> {
        self.seldom.timers.get(&id)
    }

    /// The safety timers that run, and those stopped lately, by the number of their call.
    pub fn timers(&self) -> impl Iterator<Item = &SafetyTimer> + '_ {
        self.seldom.timers.values()
    }

    /// The latest open call of a device, unless it was taken back.
    pub(crate) fn call_of_device(&self, device: &Key) -> Option<CallId> {
        self.of_device(device).find(|id| self.calls.get(id).is_some())
    }

    /// The latest safety timer of a device that runs.
    pub(crate) fn timer_of_device(&self, device: &Key) -> Option<&SafetyTimer> {
        self.of_device(device).find_map(|id| self.timer(id))
    }

    fn of_device(&self, device: &Key) -> impl Iterator<Item = CallId> + '_ {
        let all = self.devices.range((*device, CallId(0))..=(*device, CallId(u64::MAX)));
        all.rev().map(|(_, id)| *id)
    }

    pub(super) fn set_timer(&mut self, id: CallId, due_at: UtcMs, placed: &NewCall, by: &Actor) {
        self.next_call = self.next_call.max(id.0 + 1);
        let timer = SafetyTimer {
            call: id,
            placed: Box::new(placed.clone()),
            by: by.clone(),
            due_at,
            stopped_at: None,
            follow_up: None,
        };
        note(&mut self.devices, placed, id, true);
        self.seldom.timers.insert(id, timer);
    }

    pub(super) fn reprioritise_timer(&mut self, id: CallId, priority: Priority) -> Option<()> {
        self.seldom.timers.get_mut(&id)?.placed.priority = priority;
        Some(())
    }

    pub(super) fn stop_timer(&mut self, at: UtcMs, id: CallId) -> Option<()> {
        let timer = self.seldom.timers.get_mut(&id)?;
        timer.stopped_at = Some(at);
        note(&mut self.devices, &timer.placed, id, false);
        self.stopped.insert((at, id));
        Some(())
    }

    /// The timer of this number becomes a call: what her device said since it was set.
    pub(super) fn set_off_timer(&mut self, id: CallId) -> Option<Box<FollowUp>> {
        let timer = self.seldom.timers.remove(&id)?;
        note(&mut self.devices, &timer.placed, id, false);
        timer.stopped_at.map(|at| self.stopped.remove(&(at, id)));
        timer.follow_up
    }

    pub(super) fn forget_timers(&mut self, stopped_before: UtcMs) {
        while let Some((at, id)) = self.stopped.first().copied()
            && at < stopped_before
        {
            self.stopped.pop_first();
            self.seldom.timers.remove(&id);
        }
    }

    pub(super) fn index_timers(&mut self) {
        for timer in self.seldom.timers.values() {
            note(&mut self.devices, &timer.placed, timer.call, timer.stopped_at.is_none());
            self.stopped.extend(timer.stopped_at.map(|at| (at, timer.call)));
        }
    }

    /// Her device pressed again: what it says of ringing her holds for the call that is open.
    pub(super) fn pressed_again(&mut self, id: CallId, silent: bool) -> Option<()> {
        let flags = &mut self.calls.get_mut(&id)?.placed.flags;
        flags.silent |= silent;
        flags.unsafe_to_ring_back |= silent;
        Some(())
    }

    pub(super) fn caller_moved(&mut self, at: UtcMs, id: CallId, fix: Option<Fix>) -> Option<()> {
        let since = self.follow_up_of(id)?;
        // Without the key to it, that she moved is all that is known.
        if let Some(fix) = fix {
            since.get_or_insert_default().keep(fix);
        }
        // Under rules that keep trails for good, days are not counted; those of before go with the first that is.
        if self.rules().is_some_and(|rules| rules.trail_kept_ms.is_some()) {
            self.seldom.trail_days.insert(at.day());
        }
        Some(())
    }

    /// Forgets where devices were before that: what was recorded before it, and with it what was older when it came. What
    /// is left is what a replay finds that cannot open the rest any more.
    pub(super) fn erase_trails(&mut self, before: UtcMs) {
        let forget = |since: &mut Option<Box<FollowUp>>| {
            if let Some(kept) = since {
                kept.trail.retain(|fix| fix.taken_at >= before);
            }
            since.take_if(|kept| **kept == FollowUp::default());
        };
        self.calls.change(|call| call.follow_up.is_some(), |call| forget(&mut call.follow_up));
        self.seldom.timers.values_mut().for_each(|timer| forget(&mut timer.follow_up));
        self.seldom.trail_days = self.seldom.trail_days.split_off(&before.day());
    }

    pub(super) fn cancel_refused(&mut self, id: CallId) -> Option<()> {
        self.follow_up_of(id)?.get_or_insert_default().wrong_pins += 1;
        Some(())
    }

    fn follow_up_of(&mut self, id: CallId) -> Option<&mut Option<Box<FollowUp>>> {
        match self.calls.get_mut(&id) {
            Some(call) => Some(&mut call.follow_up),
            None => Some(&mut self.seldom.timers.get_mut(&id)?.follow_up),
        }
    }
}

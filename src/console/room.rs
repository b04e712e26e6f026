//! The room as the server last showed it: calls, units, escalations, messages. Kept by applying updates; each carries
//! the state after it, so one that comes twice changes nothing.
//!
//! A fresh snapshot is collected aside and taken over when its last page is there: until then the old picture stays.

use crate::client::Update;
use crate::protocol::{
    CallSummary, Escalation, Message, Push, Snapshot, Stage, UnitStatus, UnitSummary,
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Closed calls kept, the latest.
const CLOSED_MAX: usize = 200;
/// Escalations kept, the latest.
const ESCALATIONS_MAX: usize = 2_000;
/// Unread messages kept, the latest.
const MESSAGES_MAX: usize = 200;

/// What the server showed.
#[derive(Debug, Clone, Default)]
pub struct Room {
    calls: HashMap<u64, CallSummary>,
    closed: VecDeque<u64>,
    units: BTreeMap<String, UnitSummary>,
    escalations: BTreeMap<u64, Escalation>,
    messages: BTreeMap<u64, Message>,
    incoming: Option<Snapshot>,
    whole: bool,
    seq: u64,
}

/// What an update changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Nothing to be seen yet.
    Nothing,
    /// Everything; the urgent calls and panics that were not known before.
    Whole {
        /// How many there are that somebody must hear.
        alarms: usize,
    },
    /// What one push touched.
    Step {
        /// The push.
        push: Box<Push>,
        /// The call as it was before.
        before: Option<Box<CallSummary>>,
        /// The unit as it was before.
        unit_before: Option<Box<UnitSummary>>,
    },
}

impl Room {
    /// Takes an update in.
    pub fn apply(&mut self, update: Update) -> Change {
        match update {
            Update::Snapshot(page) => self.page(page),
            Update::Push(push) => self.push(push),
        }
    }

    fn page(&mut self, page: Snapshot) -> Change {
        let last = page.part >= page.parts;
        match &mut self.incoming {
            Some(incoming) if page.part > 1 => {
                incoming.calls.extend(page.calls);
                incoming.units.extend(page.units);
                incoming.messages.extend(page.messages);
            }
            _ => self.incoming = Some(page),
        }
        match self.incoming.take_if(|_| last) {
            Some(whole) => self.take_over(whole),
            None => Change::Nothing,
        }
    }

    fn take_over(&mut self, snapshot: Snapshot) -> Change {
        let mut calls: HashMap<u64, CallSummary> =
            snapshot.calls.into_iter().map(|call| (call.call, call)).collect();
        let units: BTreeMap<String, UnitSummary> =
            snapshot.units.into_iter().map(|unit| (unit.unit.clone(), unit)).collect();
        let new_calls = calls.values().filter(|call| {
            let known = self.calls.get(&call.call);
            is_urgent(call) && !known.is_some_and(is_urgent)
        });
        let new_panics = units.values().filter(|unit| {
            let known = self.units.get(&unit.unit).and_then(|known| known.panic);
            unit.panic.is_some() && unit.panic != known
        });
        let new_messages =
            snapshot.messages.iter().filter(|message| !self.messages.contains_key(&message.seq));
        // At the start everything is new, and nothing of it happened just now.
        let alarms = if self.whole { new_calls.count() + new_messages.count() } else { 0 };
        let alarms = alarms + new_panics.count();
        self.closed.retain(|id| !calls.contains_key(id));
        for id in &self.closed {
            if let Some(call) = self.calls.remove(id) {
                calls.insert(*id, call);
            }
        }
        self.calls = calls;
        self.units = units;
        self.messages.clear();
        for message in snapshot.messages {
            self.hear(message);
        }
        self.escalations.retain(|_, escalation| self.calls.contains_key(&escalation.call));
        self.whole = true;
        self.seq = snapshot.seq;
        Change::Whole { alarms }
    }

    fn push(&mut self, push: Push) -> Change {
        self.seq = self.seq.max(push.seq);
        let before = push.call.as_ref().and_then(|call| {
            self.note_closing(call);
            let before = self.calls.insert(call.call, (**call).clone()).map(Box::new);
            if call.stage == Stage::Closed {
                self.let_go(call.call);
            }
            before
        });
        let unit_before = push
            .unit
            .as_ref()
            .and_then(|unit| self.units.insert(unit.unit.clone(), (**unit).clone()).map(Box::new));
        if let Some(unit) = &push.unit
            && unit.status == UnitStatus::SignedOff
        {
            self.units.remove(&unit.unit);
        }
        if let Some(escalation) = &push.escalation {
            self.escalated((**escalation).clone());
        }
        if let Some(message) = &push.message {
            self.hear((**message).clone());
        }
        Change::Step { push: Box::new(push), before, unit_before }
    }

    /// What the end of a call is to its units, and to one whose panic it was. Its push shows the call alone, so they
    /// would stand as busy, or in danger, until they are heard of again.
    fn let_go(&mut self, call: u64) {
        for unit in self.units.values_mut() {
            unit.panic = unit.panic.filter(|panic| *panic != call);
            let before = unit.calls.len();
            unit.calls.retain(|id| *id != call);
            if unit.calls.len() < before {
                let others = unit.calls.iter().filter_map(|id| self.calls.get(id));
                let on_them = others.flat_map(|call| &call.units).filter(|it| it.unit == unit.unit);
                let furthest = on_them.map(|it| it.status).max_by_key(|status| progress(*status));
                unit.status = furthest.unwrap_or(UnitStatus::Available);
            }
        }
    }

    /// Keeps the closed calls few: the oldest of them is forgotten.
    fn note_closing(&mut self, call: &CallSummary) {
        let known = self.closed.iter().position(|id| *id == call.call);
        match (call.stage == Stage::Closed, known) {
            (true, None) => self.closed.push_back(call.call),
            (false, Some(place)) => drop(self.closed.remove(place)),
            _ => {}
        }
    }

    /// Calls that were closed before this console looked, the latest first.
    pub fn closed_before(&mut self, calls: Vec<CallSummary>) {
        for call in calls {
            if self.closed.len() < CLOSED_MAX && !self.calls.contains_key(&call.call) {
                self.closed.push_front(call.call);
                self.calls.insert(call.call, call);
            }
        }
    }

    /// The closed call that is to be forgotten now, if there are too many.
    pub fn forget_closed(&mut self) -> Option<CallSummary> {
        let oldest = (self.closed.len() > CLOSED_MAX).then(|| self.closed.pop_front())??;
        self.escalations.retain(|_, escalation| escalation.call != oldest);
        self.calls.remove(&oldest)
    }

    /// An escalation as it stands now.
    pub fn escalated(&mut self, escalation: Escalation) {
        self.escalations.insert(escalation.escalation, escalation);
        while self.escalations.len() > ESCALATIONS_MAX {
            self.escalations.pop_first();
        }
    }

    fn hear(&mut self, message: Message) {
        if !message.to_room || message.read {
            self.messages.remove(&message.seq);
            return;
        }
        self.messages.insert(message.seq, message);
        while self.messages.len() > MESSAGES_MAX {
            self.messages.pop_first();
        }
    }

    /// Messages of `unit` up to `seq` were read.
    pub fn read(&mut self, unit: &str, seq: u64) {
        self.messages.retain(|number, message| message.unit != unit || *number > seq);
    }

    /// Whether a whole picture was there once.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// A call.
    #[must_use]
    pub fn call(&self, id: u64) -> Option<&CallSummary> {
        self.calls.get(&id)
    }

    /// Every call, in no order.
    pub fn calls(&self) -> impl Iterator<Item = &CallSummary> {
        self.calls.values()
    }

    /// The units on duty, by callsign.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = &UnitSummary> {
        self.units.values()
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, callsign: &str) -> Option<&UnitSummary> {
        self.units.get(callsign)
    }

    /// The escalations, latest first.
    pub fn escalations(&self) -> impl DoubleEndedIterator<Item = &Escalation> {
        self.escalations.values().rev()
    }

    /// Units in danger, with the call that stands for it.
    pub fn panics(&self) -> impl Iterator<Item = (&UnitSummary, u64)> {
        self.units.values().filter_map(|unit| Some((unit, unit.panic?)))
    }

    /// What units said and nobody read, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }
}

/// How far a unit has come on a call.
const fn progress(status: UnitStatus) -> u8 {
    match status {
        UnitStatus::OnScene => 3,
        UnitStatus::EnRoute => 2,
        UnitStatus::Acknowledged => 1,
        _ => 0,
    }
}

/// Somebody must hear of it.
fn is_urgent(call: &CallSummary) -> bool {
    call.priority == 1 && call.stage == Stage::Waiting && !call.flags.test
}

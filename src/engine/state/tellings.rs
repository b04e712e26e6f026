//! Who was told of missed deadlines: the part of the state that notices are sent from.

use super::State;
use super::presses::note_device;
use crate::domain::{
    Actor, Call, CallId, Event, NOTICES_MAX, Notice, Recipient, TELLINGS_MAX, Telling, UtcMs,
};

impl State {
    /// A rung told, by its id, with its call.
    #[must_use]
    pub fn telling(&self, escalation: u64) -> Option<(&Call, &Telling)> {
        let call = self.call(*self.told.get(&escalation)?)?;
        let telling = call.tellings.iter().find(|telling| telling.escalation == escalation)?;
        Some((call, telling))
    }

    /// The rungs told of the calls known here with ids under `before`, latest first.
    pub fn tellings_before(&self, before: u64) -> impl Iterator<Item = (&Call, &Telling)> + '_ {
        self.told.range(..before).rev().filter_map(|(id, _)| self.telling(*id))
    }

    /// The rungs of which people are still to be told, oldest first.
    pub fn unsettled(&self) -> impl Iterator<Item = (&Call, &Telling)> + '_ {
        self.unsettled.iter().filter_map(|id| self.telling(*id))
    }

    /// The number the next notice gets.
    #[must_use]
    pub fn next_notice(&self) -> u64 {
        self.next_notice
    }

    /// The office and the clock of a rung told, by their names.
    #[must_use]
    pub fn office_of(&self, telling: &Telling) -> Option<(&str, &str)> {
        let rules = self.books.get(telling.book as usize)?;
        let rule = rules.clocks.get(usize::from(telling.clock))?;
        let office = rules.ladder(rule).rungs.get(usize::from(telling.rung))?;
        Some((office, &rule.name))
    }

    /// What is looked up by and is not stored: made anew from the calls.
    pub(super) fn index(&mut self) {
        self.index_timers();
        let calls = std::mem::take(&mut self.calls);
        for call in calls.iter() {
            if call.waits() {
                self.queue.insert(call);
            }
            self.remember_caller(call);
            note_device(&mut self.devices, call);
            for telling in &call.tellings {
                self.told.insert(telling.escalation, call.id);
                if telling.unsettled() {
                    self.unsettled.insert(telling.escalation);
                }
            }
        }
        self.calls = calls;
    }

    pub(super) fn forget_call(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        self.forget_caller(&call);
        for telling in &call.tellings {
            self.told.remove(&telling.escalation);
            self.unsettled.remove(&telling.escalation);
        }
    }

    /// A rung is told, or told again; the room's own canary tells nobody.
    pub(super) fn tell(&mut self, at: UtcMs, id: CallId, event: &Event) -> Option<()> {
        let Event::Escalated { generation, clock, unit, rung, repeat, due_at, .. } = event else {
            return None;
        };
        let seq = self.seq;
        let call = self.calls.get_mut(&id)?;
        if call.is_canary() {
            return Some(());
        }
        let same = |telling: &&mut Telling| {
            (telling.generation, telling.clock, telling.rung) == (*generation, *clock, *rung)
                && telling.unit == *unit
        };
        let known = call.tellings.iter_mut().rev().find(same).filter(|_| *repeat > 0);
        if let Some(telling) = known {
            telling.repeat = *repeat;
            telling.due_at = *due_at;
            telling.last_told_at = at;
            telling.planned = false;
            self.unsettled.insert(telling.escalation);
            return Some(());
        }
        let run = call.clocks.iter().find(|run| run.clock == *clock && run.unit == *unit);
        let telling = Telling {
            escalation: seq,
            generation: *generation,
            clock: *clock,
            book: call.book,
            unit: unit.clone(),
            rung: *rung,
            limit_at: run.map_or(*due_at, |run| run.limit_at),
            told_at: at,
            repeat: *repeat,
            due_at: *due_at,
            last_told_at: at,
            taken: None,
            seen: Vec::new(),
            planned: false,
            notices: Vec::new(),
        };
        if call.tellings.len() >= TELLINGS_MAX {
            let oldest = call.tellings.remove(0);
            self.told.remove(&oldest.escalation);
            self.unsettled.remove(&oldest.escalation);
        }
        call.tellings.push(telling);
        self.told.insert(seq, id);
        self.unsettled.insert(seq);
        Some(())
    }

    /// Somebody took a rung: all that was told of it in this generation, by any unit's clock.
    pub(super) fn take(
        &mut self,
        at: UtcMs,
        id: CallId,
        clock: u8,
        rung: u8,
        by: &Actor,
    ) -> Option<()> {
        let call = self.calls.get_mut(&id)?;
        let generation = call.generation;
        for telling in &mut call.tellings {
            if (telling.generation, telling.clock, telling.rung) == (generation, clock, rung) {
                telling.taken.get_or_insert((by.who.clone(), at));
            }
        }
        Some(())
    }

    pub(super) fn intend(
        &mut self,
        at: UtcMs,
        escalation: u64,
        first: u64,
        to: &[Recipient],
    ) -> Option<()> {
        self.next_notice = self.next_notice.max(first + to.len() as u64);
        self.change_telling(escalation, |telling| {
            telling.planned = true;
            telling.notices.extend((first..).zip(to).map(|(id, to)| Notice {
                id,
                to: to.clone(),
                intended_at: at,
                attempts: 0,
                delivered_at: None,
                failed_at: None,
                seen_at: None,
                problem: None,
            }));
            while telling.notices.len() > NOTICES_MAX {
                // What is still to be sent is kept before what is told already.
                let oldest = telling.notices.iter().position(|notice| !notice.pending());
                telling.notices.remove(oldest.unwrap_or(0));
            }
            Some(())
        })
    }

    pub(super) fn delivered(&mut self, at: UtcMs, escalation: u64, id: u64) -> Option<()> {
        self.change_telling(escalation, |telling| {
            let notice = telling.notices.iter_mut().find(|notice| notice.id == id)?;
            notice.delivered_at.get_or_insert(at);
            Some(())
        })
    }

    pub(super) fn failed(
        &mut self,
        at: UtcMs,
        escalation: u64,
        id: u64,
        gave_up: bool,
        problem: &str,
    ) -> Option<()> {
        self.change_telling(escalation, |telling| {
            let notice = telling.notices.iter_mut().find(|notice| notice.id == id)?;
            notice.attempts += 1;
            notice.problem = Some(problem.into());
            if gave_up {
                notice.failed_at = Some(at);
                // Whom to tell instead, and how, is to be decided.
                telling.planned = false;
            }
            Some(())
        })
    }

    pub(super) fn seen(&mut self, at: UtcMs, escalation: u64, by: &Actor) -> Option<()> {
        self.change_telling(escalation, |telling| {
            if telling.seen.len() < NOTICES_MAX
                && telling.seen.iter().all(|(who, _)| *who != by.who)
            {
                telling.seen.push((by.who.clone(), at));
            }
            for notice in telling.notices.iter_mut().filter(|notice| notice.to.person == by.who) {
                notice.seen_at.get_or_insert(at);
            }
            Some(())
        })
    }

    fn change_telling(
        &mut self,
        escalation: u64,
        change: impl FnOnce(&mut Telling) -> Option<()>,
    ) -> Option<()> {
        let call = self.calls.get_mut(self.told.get(&escalation)?)?;
        let telling = call.tellings.iter_mut().find(|told| told.escalation == escalation)?;
        change(telling)?;
        if telling.unsettled() {
            self.unsettled.insert(escalation);
        } else {
            self.unsettled.remove(&escalation);
        }
        Some(())
    }
}

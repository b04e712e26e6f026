//! What a crew has been told already, so that each thing is told once, over reconnections too.

use super::UnitNews;
use crate::client::Update;
use crate::protocol::{Assignment, Message, Push, Snapshot};
use std::collections::{BTreeMap, VecDeque};

/// The assignments and messages the crew knows of.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By call; the instant in it tells a second assignment to one call from the first.
    known: BTreeMap<u64, Assignment>,
    /// Log sequence of the last message told.
    message_seq: u64,
    pub(super) news: VecDeque<UnitNews>,
}

impl Told {
    pub(super) fn apply(&mut self, update: Update) {
        match update {
            Update::Snapshot(page) => self.snapshot(page),
            Update::Push(push) => self.push(push),
        }
    }

    fn snapshot(&mut self, page: Snapshot) {
        let unit = page.units.iter().flat_map(|unit| unit.calls.iter());
        let assigned = page.assignments.iter().map(|assignment| &assignment.call);
        let held: Vec<u64> = unit.chain(assigned).copied().collect();
        // A unit's snapshot is one page; a second one could only add.
        if page.part == 1 {
            self.keep_only(&held);
        }
        page.assignments.into_iter().for_each(|new| self.assigned(new));
        // What was read on another screen of this unit is no news on this one.
        let unread = page.messages.into_iter().filter(|message| !message.read);
        unread.for_each(|new| self.message(new));
    }

    fn push(&mut self, push: Push) {
        if let Some(assignment) = push.assignment {
            self.assigned(*assignment);
        }
        if let Some(unit) = push.unit {
            self.keep_only(&unit.calls);
        }
        if let Some(message) = push.message {
            self.message(*message);
        }
    }

    fn assigned(&mut self, assignment: Assignment) {
        let before = self.known.insert(assignment.call, assignment.clone());
        let same = before.as_ref().is_some_and(|it| it.assigned_at == assignment.assigned_at);
        if !same {
            self.news.push_back(UnitNews::Assigned(Box::new(assignment)));
        } else if before.as_ref() != Some(&assignment) {
            self.news.push_back(UnitNews::Changed(Box::new(assignment)));
        }
    }

    fn message(&mut self, message: Message) {
        // Its own messages come back to a unit too.
        if message.seq > self.message_seq && !message.to_room && !message.read {
            self.message_seq = message.seq;
            self.news.push_back(UnitNews::Message(Box::new(message)));
        }
    }

    /// Sequences of another log cannot be compared with this one's.
    pub(super) fn another_log(&mut self) {
        self.message_seq = 0;
    }

    pub(super) fn keep_only(&mut self, held: &[u64]) {
        let news = &mut self.news;
        self.known.retain(|&call, _| {
            let kept = held.contains(&call);
            if !kept {
                news.push_back(UnitNews::Ended { call });
            }
            kept
        });
    }
}

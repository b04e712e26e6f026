//! Each escalation's story: which deadline was missed, who was told of it and when, by what
//! channel, who took it, and what became of it.
//!
//! Stories of open calls are all held, like the calls themselves; of closed ones as many as are
//! printed, those told of most.

use super::open::{Outcome, Verdict};
use super::row::{EscalationRow, Record};
use crate::domain::CallId;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One deadline of one run that offices were told of. Instants are RFC 3339 in the report's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The call.
    pub call: CallId,
    /// Its generation.
    pub generation: u32,
    /// The clock.
    pub clock: String,
    /// The unit, for a clock of a unit.
    pub unit: Option<String>,
    /// The offices told, in order.
    pub told: Vec<Told>,
    /// What became of the run; `None` for a clock of a unit.
    pub ended: Option<Ended>,
    /// From the call's receipt to the first answer, in milliseconds.
    pub answer_ms: Option<u64>,
}

/// What became of a run that offices were told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Answered at or before the deadline; the office was told by hand, or of a withdrawal.
    InTime,
    /// Answered late.
    Late,
    /// Closed without an answer.
    Closed,
    /// Nobody has answered.
    Unanswered,
}

/// An office that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its number: that of its first telling in the log.
    pub escalation: u64,
    /// Its rung, from 1.
    pub rung: u16,
    /// The office.
    pub office: String,
    /// When it was told first.
    pub at: String,
    /// When that was due.
    pub due_at: Option<String>,
    /// By how much it was late, in milliseconds.
    pub late_ms: u64,
    /// Somebody told it by hand.
    pub by_hand: bool,
    /// How often it was told again.
    pub repeats: u64,
    /// When last.
    pub last_at: String,
    /// Who took it.
    pub taken_by: Option<String>,
    /// When.
    pub taken_at: Option<String>,
    /// The people told, a line a person and channel.
    pub notices: Vec<Notice>,
    /// Who saw it first.
    pub seen_by: Option<String>,
    /// When.
    pub seen_at: Option<String>,
}

/// How a person was told by a channel; reminders of the rung by the same one are one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The person, as dispatch.toml names them.
    pub person: String,
    /// The channel, likewise.
    pub channel: String,
    /// When the channel took it first.
    pub delivered_at: Option<String>,
    /// When it was given up first.
    pub failed_at: Option<String>,
}

#[derive(Default)]
pub(super) struct Stories {
    open: BTreeMap<CallId, Vec<Story>>,
    /// Of calls that are closed; at most twice as many stories as are kept.
    closed: BTreeMap<CallId, Vec<Story>>,
    closed_stories: usize,
    kept_max: usize,
    total: u64,
}

impl Stories {
    pub(super) fn new(kept_max: usize) -> Self {
        Self { kept_max, ..Self::default() }
    }

    /// A line of the list of escalations goes into its story.
    pub(super) fn take(&mut self, row: &EscalationRow) {
        match row.record {
            Record::Told => self.told(row),
            Record::Taken => self.taken(row),
            Record::Intended | Record::Delivered | Record::Failed | Record::Seen => {
                self.noticed(row);
            }
        }
    }

    fn told(&mut self, row: &EscalationRow) {
        let of_call = self.open.entry(row.call).or_default();
        let same = |story: &Story| {
            story.generation == row.generation && story.clock == row.clock && story.unit == row.unit
        };
        let place = of_call.iter().position(same).unwrap_or_else(|| {
            self.total += 1;
            of_call.push(Story {
                call: row.call,
                generation: row.generation,
                clock: row.clock.clone(),
                unit: row.unit.clone(),
                told: Vec::new(),
                ended: None,
                answer_ms: None,
            });
            of_call.len() - 1
        });
        let told = &mut of_call[place].told;
        let again = row.repeat.is_some_and(|repeat| repeat > 0);
        if let Some(told) = told.iter_mut().rfind(|told| told.rung == row.rung && again) {
            told.repeats += 1;
            told.last_at.clone_from(&row.at);
            return;
        }
        told.push(Told {
            escalation: row.seq,
            rung: row.rung,
            office: row.office.clone(),
            last_at: row.at.clone(),
            at: row.at.clone(),
            due_at: row.due_at.clone(),
            late_ms: if row.by_hand { 0 } else { row.late_ms.unwrap_or(0) },
            by_hand: row.by_hand,
            repeats: u64::from(again),
            taken_by: None,
            taken_at: None,
            notices: Vec::new(),
            seen_by: None,
            seen_at: None,
        });
    }

    /// What became of telling a person.
    fn noticed(&mut self, row: &EscalationRow) {
        let of_call = self.open.get_mut(&row.call).or_else(|| self.closed.get_mut(&row.call));
        let mut told = of_call.into_iter().flatten().flat_map(|story| &mut story.told);
        let Some(told) = told.find(|told| Some(told.escalation) == row.escalation) else {
            return;
        };
        let person = row.person.as_deref().unwrap_or_default();
        if row.record == Record::Seen {
            told.seen_by.get_or_insert_with(|| person.to_owned());
            told.seen_at.get_or_insert_with(|| row.at.clone());
        }
        let Some(channel) = &row.channel else {
            return;
        };
        let same = |known: &Notice| known.channel == *channel && known.person == person;
        let place = told.notices.iter().position(same).unwrap_or_else(|| {
            let (person, channel) = (person.to_owned(), channel.clone());
            told.notices.push(Notice { person, channel, ..Notice::default() });
            told.notices.len() - 1
        });
        let notice = &mut told.notices[place];
        match row.record {
            Record::Delivered => {
                notice.delivered_at.get_or_insert_with(|| row.at.clone());
            }
            Record::Failed => {
                notice.failed_at.get_or_insert_with(|| row.at.clone());
            }
            _ => {}
        }
    }

    fn taken(&mut self, row: &EscalationRow) {
        let of_call = self.open.get_mut(&row.call).or_else(|| self.closed.get_mut(&row.call));
        let stories = of_call.into_iter().flatten();
        let same =
            |story: &&mut Story| story.generation == row.generation && story.clock == row.clock;
        for told in stories.filter(same).flat_map(|story| &mut story.told) {
            if told.rung == row.rung && told.taken_at.is_none() {
                told.taken_by.clone_from(&row.taken_by);
                told.taken_at.clone_from(&row.taken_at);
            }
        }
    }

    /// A run of a clock of the call is over, or at the end of the log.
    pub(super) fn ended(&mut self, call: CallId, clock: &str, outcome: &Outcome) {
        let stories = self.open.get_mut(&call).into_iter().flatten();
        let mut same = stories
            .filter(|story| story.clock == clock && story.unit.is_none() && story.ended.is_none());
        if let Some(story) = same.next() {
            story.answer_ms = outcome.answer_ms;
            story.ended = Some(match outcome.verdict {
                Verdict::InTime => Ended::InTime,
                Verdict::Late => Ended::Late,
                Verdict::ClosedInTime | Verdict::MissedClosed => Ended::Closed,
                Verdict::MissedUnanswered | Verdict::NotDue => Ended::Unanswered,
            });
        }
    }

    /// The call was closed: its stories end here, but for who may still take them.
    pub(super) fn closed(&mut self, call: CallId) {
        let Some(stories) = self.open.remove(&call) else {
            return;
        };
        self.closed_stories += stories.len();
        self.closed.entry(call).or_default().extend(stories);
        if self.closed_stories > 2 * self.kept_max {
            let kept = worst(std::mem::take(&mut self.closed), self.kept_max);
            self.closed_stories = kept.len();
            for story in kept {
                self.closed.entry(story.call).or_default().push(story);
            }
        }
    }

    /// How many there were, and those told of most, in that order.
    pub(super) fn finish(self) -> (u64, Vec<Story>) {
        let mut all = self.closed;
        for (call, stories) in self.open {
            all.entry(call).or_default().extend(stories);
        }
        (self.total, worst(all, self.kept_max))
    }
}

/// Those told of most, the lower call number first where two are equal.
fn worst(stories: BTreeMap<CallId, Vec<Story>>, kept_max: usize) -> Vec<Story> {
    let mut all: Vec<Story> = stories.into_values().flatten().collect();
    let rank = |story: &Story| {
        let repeats: u64 = story.told.iter().map(|told| told.repeats).sum();
        (Reverse(story.told.len()), Reverse(repeats), story.call, story.generation)
    };
    all.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.clock.cmp(&b.clock)));
    all.truncate(kept_max);
    all
}

//! What the committed state says is still to be done about telling people.

use super::Desk;
use crate::domain::{Notice, Priority, UtcMs};
use crate::engine::State;
use crate::notify::plan::{Due, Past, Stage};
use crate::notify::{Escalation, Letter, Matter};
use std::collections::{BTreeMap, BTreeSet};

/// Rungs decided in one pass, and notices posted: a question must not hold up the room.
const PASS_MAX: usize = 256;

/// A pass of the outbox.
pub(super) struct Work {
    /// Rungs of which it is to be decided whom to tell, the most urgent first.
    pub(super) undecided: Vec<Undecided>,
    /// Notices to be sent that the runner does not have yet.
    pub(super) pending: Vec<Pending>,
    /// Notices the runner has that need no sending any more.
    pub(super) settled: Vec<u64>,
    /// There is no more than this.
    pub(super) all: bool,
}

/// A rung and what was done about it so far.
pub(super) struct Undecided {
    escalation: u64,
    priority: Priority,
    last_told_at: UtcMs,
    office: Box<str>,
    district: Box<str>,
    settled: bool,
    notices: Vec<Notice>,
}

/// A notice to be sent.
pub(super) struct Pending {
    pub(super) escalation: u64,
    pub(super) notice: u64,
    pub(super) channel: Box<str>,
    pub(super) attempts: u32,
    person: Box<str>,
    intended_at: UtcMs,
    matter: Escalation,
}

impl Work {
    /// The work left in `state`, but for the notices in `posted`, which are under way.
    pub(super) fn of(state: &State, posted: &BTreeMap<u64, u64>) -> Self {
        let mut left: BTreeSet<u64> = BTreeSet::new();
        let (mut undecided, mut pending, mut all) = (Vec::new(), Vec::new(), true);
        for (call, telling) in state.unsettled() {
            let Some((office, clock)) = state.office_of(telling) else {
                continue;
            };
            if !telling.planned {
                undecided.push(Undecided {
                    escalation: telling.escalation,
                    priority: call.priority(),
                    last_told_at: telling.last_told_at,
                    office: office.into(),
                    district: call.placed.district.clone(),
                    settled: telling.taken.is_some() || call.closed.is_some(),
                    notices: telling.notices.clone(),
                });
            }
            for notice in telling.notices.iter().filter(|notice| notice.pending()) {
                left.insert(notice.id);
                if posted.contains_key(&notice.id) {
                    continue;
                }
                if pending.len() >= PASS_MAX {
                    all = false;
                    continue;
                }
                pending.push(Pending {
                    escalation: telling.escalation,
                    notice: notice.id,
                    channel: notice.to.channel.clone(),
                    attempts: notice.attempts,
                    person: notice.to.person.clone(),
                    intended_at: notice.intended_at,
                    matter: Escalation {
                        escalation: telling.escalation,
                        call: call.id,
                        kind: call.placed.kind.clone(),
                        district: call.placed.district.clone(),
                        priority: call.priority(),
                        clock: clock.into(),
                        unit: telling.unit.as_ref().map(|unit| unit.as_str().into()),
                        office: office.into(),
                        rung: u32::from(telling.rung) + 1,
                        repeat: telling.repeat,
                        limit_at: telling.limit_at,
                        due_at: telling.due_at,
                        late_ms: telling.last_told_at.since(telling.due_at),
                        durable: state.is_durable(telling.escalation),
                        take_link: None,
                    },
                });
            }
        }
        undecided.sort_by_key(|it| (it.priority, it.escalation));
        all &= undecided.len() <= PASS_MAX;
        undecided.truncate(PASS_MAX);
        let settled = posted.keys().filter(|notice| !left.contains(notice)).copied().collect();
        Self { undecided, pending, settled, all }
    }
}

impl Undecided {
    pub(super) fn escalation(&self) -> u64 {
        self.escalation
    }

    /// The latest telling of the rung, as the plan sees it. A reminder is a telling of its own, so
    /// tellings are told apart by when they were told.
    pub(super) fn due(&self) -> Due<'_> {
        Due {
            escalation: self.last_told_at.0,
            told_at: self.last_told_at,
            office: &self.office,
            district: &self.district,
            settled: self.settled,
        }
    }

    pub(super) fn past(&self) -> Vec<Past<'_>> {
        let past = self.notices.iter().map(|notice| Past {
            escalation: if notice.intended_at >= self.last_told_at {
                self.last_told_at.0
            } else {
                0
            },
            person: &notice.to.person,
            channel: &notice.to.channel,
            stage: match (notice.delivered_at.or(notice.seen_at), notice.failed_at) {
                (Some(at), _) => Stage::Delivered(at),
                (None, Some(at)) => Stage::Failed(at),
                (None, None) => Stage::Pending,
            },
        });
        past.collect()
    }
}

impl Pending {
    /// The letter; `None` when its person is not in dispatch.toml any more.
    pub(super) fn letter(self, desk: &Desk) -> Option<Letter> {
        let person = desk.roster.person(&self.person)?;
        // As of the intent: every attempt, also after a crash, has the same link.
        let intended_at = self.intended_at;
        let take_link = desk.roster.take_link(self.escalation, &person.name, intended_at);
        Some(Letter {
            notice: self.notice,
            intended_at,
            room: desk.room.clone(),
            drill: false,
            person: person.name.clone(),
            email: person.email.clone(),
            phone: person.phone.clone(),
            matter: Matter::Escalation(Box::new(Escalation { take_link, ..self.matter })),
            zone: desk.zone.clone(),
        })
    }
}

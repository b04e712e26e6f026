//! The list of escalations, line by line: who was told, when it was due, how late; by what channel
//! each person was reached, who saw it, who took it.

use super::fold::{Book, Fold, Held};
use super::stamp;
use crate::domain::{CallId, Callsign, Dated, Event, NOTICES_MAX, Recipient, TELLINGS_MAX};
use serde::{Deserialize, Serialize};

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An office was told.
    Told,
    /// A person of it was to be told by a channel.
    Intended,
    /// The channel took the notice.
    Delivered,
    /// The channel was given up.
    Failed,
    /// Somebody had the escalation before their eyes.
    Seen,
    /// Somebody took what an office was told.
    Taken,
}

/// What the fold keeps of a rung told, to know it again by its number.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    escalation: u64,
    clock: u8,
    unit: Option<Callsign>,
    rung: u8,
    notices: Vec<(u64, Recipient)>,
}

/// One line of the list of escalations. Instants are RFC 3339 in the zone of the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationRow {
    /// Told, or taken.
    pub record: Record,
    /// Number of the transition in the log.
    pub seq: u64,
    /// When it happened.
    pub at: String,
    /// The call.
    pub call: CallId,
    /// Its generation.
    pub generation: u32,
    /// The clock that was missed.
    pub clock: String,
    /// The unit, for a clock of a unit; not known of a taking.
    pub unit: Option<String>,
    /// The rung, from 1.
    pub rung: u16,
    /// The office on it.
    pub office: String,
    /// 0 for the rung itself, then the number of the repeat; not known of a taking.
    pub repeat: Option<u32>,
    /// When it was due; not known of a taking.
    pub due_at: Option<String>,
    /// How long after that it was told, in milliseconds.
    pub late_ms: Option<u64>,
    /// Somebody told it by hand.
    pub by_hand: bool,
    /// By what channel, on the rows of a notice.
    pub channel: Option<String>,
    /// When it was delivered, on the row of that.
    pub delivered_at: Option<String>,
    /// When it was seen, likewise.
    pub seen_at: Option<String>,
    /// Who took it, on the row of a taking.
    pub taken_by: Option<String>,
    /// When, likewise.
    pub taken_at: Option<String>,
    /// Who was told by the channel, or saw it.
    pub person: Option<String>,
    /// The rung told that a notice or a seeing is of: the number of its first telling.
    pub escalation: Option<u64>,
}

impl Fold {
    /// The rows of `dated`, if it is about an escalation and its call is one this report counts.
    /// Asked right before or after taking it.
    #[must_use]
    pub fn rows(&self, dated: &Dated) -> Vec<EscalationRow> {
        match &dated.transition.event {
            Event::NoticesIntended { call, escalation, to, .. } => {
                let to = to.iter().filter_map(|to| {
                    self.notice_row(dated, Record::Intended, *call, *escalation, Some(to))
                });
                to.collect()
            }
            Event::NoticeDelivered { call, escalation, notice }
            | Event::NoticeFailed { call, escalation, notice, gave_up: true, .. } => {
                let delivered = matches!(dated.transition.event, Event::NoticeDelivered { .. });
                let record = if delivered { Record::Delivered } else { Record::Failed };
                let telling = self.tellings(*call).iter().find(|one| one.escalation == *escalation);
                let to = telling.and_then(|telling| {
                    telling.notices.iter().find(|(id, _)| id == notice).map(|(_, to)| to)
                });
                self.notice_row(dated, record, *call, *escalation, to).into_iter().collect()
            }
            Event::EscalationSeen { call, escalation, by } => {
                let row = self.notice_row(dated, Record::Seen, *call, *escalation, None);
                row.map(|row| EscalationRow { person: Some(by.who.to_string()), ..row })
                    .into_iter()
                    .collect()
            }
            _ => self.row(dated).into_iter().collect(),
        }
    }

    fn row(&self, dated: &Dated) -> Option<EscalationRow> {
        let zone = &self.query.zone;
        match &dated.transition.event {
            Event::Escalated { call, generation, clock, unit, rung, repeat, due_at, by_hand } => {
                let (_, book) = self.known(*call)?;
                let (clock, office) = book.office(*clock, *rung)?;
                let at = stamp(zone, dated.at);
                Some(EscalationRow {
                    unit: unit.as_ref().map(|unit| unit.as_str().to_owned()),
                    repeat: Some(*repeat),
                    due_at: Some(stamp(zone, *due_at)),
                    late_ms: Some(dated.at.since(*due_at)),
                    by_hand: by_hand.is_some(),
                    ..row(Record::Told, dated, at, (*call, *generation), clock, *rung, office)
                })
            }
            Event::EscalationTaken { call, clock, rung, by } => {
                let (generation, book) = self.known(*call)?;
                let (clock, office) = book.office(*clock, *rung)?;
                let at = stamp(zone, dated.at);
                Some(EscalationRow {
                    taken_by: Some(by.who.to_string()),
                    taken_at: Some(at.clone()),
                    ..row(Record::Taken, dated, at, (*call, generation), clock, *rung, office)
                })
            }
            _ => None,
        }
    }

    /// The row of what became of a notice, or of a seeing.
    fn notice_row(
        &self,
        dated: &Dated,
        record: Record,
        call: CallId,
        escalation: u64,
        to: Option<&Recipient>,
    ) -> Option<EscalationRow> {
        let (generation, book) = self.known(call)?;
        let telling = self.tellings(call).iter().find(|one| one.escalation == escalation)?;
        let (clock, office) = book.office(telling.clock, telling.rung)?;
        let at = stamp(&self.query.zone, dated.at);
        let when = |wanted: Record| (record == wanted).then(|| at.clone());
        Some(EscalationRow {
            unit: telling.unit.as_ref().map(|unit| unit.as_str().to_owned()),
            channel: to.map(|to| to.channel.to_string()),
            person: to.map(|to| to.person.to_string()),
            delivered_at: when(Record::Delivered),
            seen_at: when(Record::Seen),
            escalation: Some(escalation),
            ..row(record, dated, at.clone(), (call, generation), clock, telling.rung, office)
        })
    }

    /// Keeps what later rows are found by.
    pub(super) fn remember(&mut self, dated: &Dated) {
        let Some(call) = dated.transition.event.call() else {
            return;
        };
        match &dated.transition.event {
            Event::Escalated { clock, unit, rung, repeat, .. } => {
                let Some(tellings) = self.tellings_mut(call) else {
                    return;
                };
                let same =
                    |one: &Telling| (one.clock, one.rung) == (*clock, *rung) && one.unit == *unit;
                // As the engine numbers them: a reminder is no telling of its own.
                if *repeat == 0 || !tellings.iter().any(same) {
                    if tellings.len() >= TELLINGS_MAX {
                        tellings.remove(0);
                    }
                    tellings.push(Telling {
                        escalation: dated.seq,
                        clock: *clock,
                        unit: unit.clone(),
                        rung: *rung,
                        notices: Vec::new(),
                    });
                }
            }
            Event::NoticesIntended { escalation, first, to, .. } => {
                let tellings = self.tellings_mut(call).into_iter().flatten();
                let mut own = tellings.filter(|one| one.escalation == *escalation);
                if let Some(telling) = own.next() {
                    let room = NOTICES_MAX.saturating_sub(telling.notices.len());
                    telling.notices.extend((*first..).zip(to.iter().cloned()).take(room));
                }
            }
            _ => {}
        }
    }

    fn tellings(&self, id: CallId) -> &[Telling] {
        match self.open.get(&id) {
            Some(Held::Counted(call)) => &call.tellings,
            Some(Held::Test) => &[],
            None => self.recent.get(id).map(|call| &*call.tellings).unwrap_or_default(),
        }
    }

    fn tellings_mut(&mut self, id: CallId) -> Option<&mut Vec<Telling>> {
        match self.open.get_mut(&id) {
            Some(Held::Counted(call)) => Some(&mut call.tellings),
            Some(Held::Test) => None,
            None => self.recent.get_mut(id).map(|call| &mut call.tellings),
        }
    }

    /// Generation and rules of a call that is counted and still held or remembered.
    fn known(&self, id: CallId) -> Option<(u32, &Book)> {
        let (generation, book) = match self.open.get(&id) {
            Some(Held::Counted(call)) => (call.generation, call.book),
            Some(Held::Test) => return None,
            None => {
                let call = self.recent.get(id)?;
                (call.generation, call.book)
            }
        };
        Some((generation, &self.books[book?]))
    }
}

fn row(
    record: Record,
    dated: &Dated,
    at: String,
    (call, generation): (CallId, u32),
    clock: &str,
    rung: u8,
    office: &str,
) -> EscalationRow {
    EscalationRow {
        record,
        seq: dated.seq,
        at,
        call,
        generation,
        clock: clock.to_owned(),
        unit: None,
        rung: u16::from(rung) + 1,
        office: office.to_owned(),
        repeat: None,
        due_at: None,
        late_ms: None,
        by_hand: false,
        channel: None,
        delivered_at: None,
        seen_at: None,
        taken_by: None,
        taken_at: None,
        person: None,
        escalation: (record == Record::Told).then_some(dated.seq),
    }
}

//! One escalation as a line: who was told, when it was due, how late, who took it.

use super::fold::{Book, Fold, Held};
use super::stamp;
use crate::domain::{CallId, Dated, Event};
use serde::{Deserialize, Serialize};

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An office was told.
    Told,
    /// Somebody took what an office was told.
    Taken,
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
    /// By what channel. Empty until notices are sent.
    pub channel: Option<String>,
    /// When it was delivered. Empty until notices are sent.
    pub delivered_at: Option<String>,
    /// When it was seen. Empty until notices are sent.
    pub seen_at: Option<String>,
    /// Who took it, on the row of a taking.
    pub taken_by: Option<String>,
    /// When, likewise.
    pub taken_at: Option<String>,
}

impl Fold {
    /// The row of an escalation told or taken, if that is what `dated` is and its call is one
    /// this report counts. Asked right before or after taking it.
    #[must_use]
    pub fn row(&self, dated: &Dated) -> Option<EscalationRow> {
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
    }
}

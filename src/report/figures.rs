//! The report itself: counts and spans, nothing about a person.

use super::{By, Detail};
use crate::domain::CallId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of a span of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which calls, and in which zone every `_at` is written.
    pub span: Span,
    /// Calls left out of every other figure.
    pub excluded: Excluded,
    /// All calls of the span.
    pub whole: Figures,
    /// What the groups are cut by.
    pub by: Option<By>,
    /// The groups. Districts and kinds: most missed deadlines first; the others in their own
    /// order. Past [`super::Fold::GROUPS_MAX`] the rest are one group, "(other)".
    pub groups: Vec<Group>,
    /// What the printed report shows beside it; of [`super::Fold::full`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
}

impl Report {
    /// Says in its detail, if it has one, whose log it was made from and what chain that log had
    /// at its end.
    #[must_use]
    pub fn signed(mut self, room: &str, chain: Option<String>) -> Self {
        if let Some(detail) = &mut self.detail {
            room.clone_into(&mut detail.room);
            detail.chain = chain;
        }
        self
    }

    /// Makes a report with detail smaller: fewer stories, then fewer groups of its longest cut;
    /// what is left out stays counted. False: there is nothing to leave out.
    pub fn shorten(&mut self) -> bool {
        let Some(detail) = &mut self.detail else {
            return false;
        };
        if !detail.stories.is_empty() {
            detail.stories.truncate(detail.stories.len() / 2);
            return true;
        }
        let longest = detail.cuts.iter_mut().max_by_key(|cut| cut.groups.len());
        let Some(cut) = longest.filter(|cut| cut.groups.len() > 8) else {
            return false;
        };
        let kept = cut.groups.len() / 2;
        cut.further += (cut.groups.len() - kept) as u64;
        cut.groups.truncate(kept);
        true
    }
}

/// Which calls a report is about. Instants are RFC 3339 with the zone's offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The zone's name.
    pub zone: String,
    /// Calls received at or after it; `None`: from the beginning.
    pub from_at: Option<String>,
    /// Calls received before it; `None`: to the end.
    pub to_at: Option<String>,
    /// Receipt of the earliest call counted.
    pub first_received_at: Option<String>,
    /// Receipt of the latest call counted.
    pub last_received_at: Option<String>,
    /// What happened up to this instant is in the figures.
    pub until_at: String,
    /// The same in milliseconds since 1970.
    pub until_ms: u64,
}

/// Calls that concern nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Flagged as a test.
    pub test: u64,
    /// The room's own canaries.
    pub canary: u64,
}

/// A group and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The district, kind, priority, hour or shift; "(none)" where the call had none.
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of a set of calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// What became of the calls.
    pub calls: Calls,
    /// Each clock, in the order of dispatch.toml.
    pub clocks: Vec<ClockFigures>,
}

/// What became of calls. `received + reopened == closed + open`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Calls received.
    pub received: u64,
    /// Of them: acknowledged before they were first closed, withdrawn or not.
    pub acknowledged: u64,
    /// Of them: a unit arrived before they were first closed.
    pub arrived: u64,
    /// Acknowledgements withdrawn; a call may lose several.
    pub withdrawals: u64,
    /// Closed calls that went on; a call may do so several times.
    pub reopened: u64,
    /// Of those: acknowledged (again) after it.
    pub reopened_acknowledged: u64,
    /// Closings; a reopened call may be closed several times.
    pub closed: u64,
    /// The closings by disposition.
    pub closed_as: BTreeMap<String, u64>,
    /// Open at the end.
    pub open: u64,
    /// Of them: nobody has taken responsibility, or nobody has it any more.
    pub open_waiting: u64,
}

/// One clock. A run is one start of it: a clock of a call runs once a generation, a clock of a
/// unit once a start, and a restart is the stop of one run and the start of the next.
/// `started == in_time + missed + open`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockFigures {
    /// Its name.
    pub clock: String,
    /// It watches a unit on a call rather than the call.
    pub of_unit: bool,
    /// Its limit in the rules adopted last; every run is judged by the rules it ran under.
    pub limit_ms: u64,
    /// Runs.
    pub started: u64,
    /// Runs first stopped at or before their deadline.
    pub in_time: u64,
    /// Of them: a clock of a call that was stopped by closing alone, unanswered.
    pub in_time_by_close: u64,
    /// Runs not stopped at or before their deadline.
    pub missed: u64,
    /// Of them: still unanswered at the end.
    pub missed_unanswered: u64,
    /// Of them: closed without ever being answered.
    pub missed_closed: u64,
    /// Runs in time whose acknowledgement was withdrawn, and which missed what was left to
    /// them. They stay counted in time.
    pub missed_after_withdrawal: u64,
    /// Runs unanswered at the end and not yet due.
    pub open: u64,
    /// In time, of the runs that were either answered in time or missed; closed unanswered in
    /// time is neither. To four decimals, rounded down; `None` when there is none.
    pub compliance: Option<f64>,
    /// From the start to the first answer in milliseconds, nearest rank over all runs; `None`
    /// where the rank falls on an unanswered one. Calls count from their first receipt, in every
    /// generation. Closing a call is no answer, unless nothing else stops the clock; a clock of
    /// a unit is answered by whatever ends it.
    pub p50_ms: Option<u64>,
    /// Likewise.
    pub p90_ms: Option<u64>,
    /// Likewise.
    pub p95_ms: Option<u64>,
    /// Likewise.
    pub p99_ms: Option<u64>,
    /// Likewise: the longest of all, `None` while any run is unanswered. Always exact.
    pub max_ms: Option<u64>,
    /// By how many thousandths the percentiles may be too long: 0 while few enough runs were
    /// counted to keep each ([`super::Fold::EXACT_MAX`]), then 1, in groups 10. Never too short.
    pub error_permille_max: u8,
    /// The longest of the answered runs; exact.
    pub longest: Option<Worst>,
    /// The longest of the runs unanswered at the end.
    pub waiting: Option<Worst>,
    /// Whom it told.
    pub rungs: Vec<RungFigures>,
}

/// The run that took longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worst {
    /// Its call.
    pub call: CallId,
    /// How long, in milliseconds.
    pub ms: u64,
    /// From when on.
    pub since_at: String,
}

/// An office on the ladder of a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungFigures {
    /// Its rung, from 1.
    pub rung: u16,
    /// The office.
    pub office: String,
    /// Runs on which it was told; repeats apart.
    pub told: u64,
    /// Times it was told again, as the last rung.
    pub repeats: u64,
    /// Of both: told by hand.
    pub by_hand: u64,
    /// Of both: told by the clock more than a second after it was due.
    pub late: u64,
    /// By how much at worst, in milliseconds.
    pub late_ms_max: u64,
    /// Escalations somebody took: one a call, generation, clock and rung.
    pub taken: u64,
}

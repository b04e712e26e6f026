//! A supervisor's figures, folded from the journal's events alone: how many calls, which
//! deadlines were missed, who was told, how long she waited, and which call was the worst.
//!
//! ```text
//!   events ──> Fold::take ──> open calls ──closed──> tallies ──Fold::finish──> Report ──> render
//!                    └──────> Fold::row ──> one EscalationRow an escalation          └──> Tables
//!                                                                    html(), summary() <──┘
//! ```
//! The fold is streaming: it holds the open calls, the tallies, and a bounded memory of calls
//! closed lately ([`Fold::RECENT_MAX`]), and so many escalations' stories as are printed; never a list of all calls. It reads no clock, and nothing
//! in it carries who she is: no number, name, place, note or reason has a field here.
//!
//! [`render`] gives all figures exactly, to the room and its supervisors. [`html()`],
//! [`summary()`] and the public forms withhold small counts ([`Tables`], [`disclose`]), and never
//! let one be worked out from the others.
//!
//! What the figures mean is said on each field of [`Calls`], [`ClockFigures`] and
//! [`RungFigures`]. Spans are milliseconds; instants are printed in the zone of the [`Query`].

mod daily;
mod detail;
pub mod disclose;
mod figures;
mod fold;
mod html;
mod open;
mod public;
mod recent;
pub mod render;
mod row;
mod say;
mod sheet;
mod spans;
mod stories;
mod summary;
mod tables;
mod tally;

pub use daily::{daily_span, midnight};
pub use detail::{Bar, Cut, Detail, PickedUp, Spread, Week};
pub use figures::{
    Calls, ClockFigures, Excluded, Figures, Group, Report, RungFigures, Span, Worst,
};
pub use fold::Fold;
pub use html::html;
pub use row::{EscalationRow, Record};
pub use stories::{Ended, Notice, Story, Told};
pub use summary::summary;
pub use tables::{Disclosure, Ranks, Row, Table, Tables, WeekRow, WeekTable};

use crate::domain::{Priority, UtcMs};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Which calls a report is about, and how it is cut.
#[derive(Debug, Clone)]
pub struct Query {
    /// Calls first received at or after this instant; `None`: from the beginning.
    pub from: Option<UtcMs>,
    /// Calls first received before this instant; `None`: to the end.
    pub to: Option<UtcMs>,
    /// Also a row of figures for each value of this.
    pub by: Option<By>,
    /// The zone of every time that is printed, of hours and of shifts.
    pub zone: TimeZone,
}

impl Query {
    /// All calls, uncut, in `zone`.
    #[must_use]
    pub const fn all(zone: TimeZone) -> Self {
        Self { from: None, to: None, by: None, zone }
    }

    fn wants(&self, received_at: UtcMs) -> bool {
        self.from.is_none_or(|from| received_at >= from)
            && self.to.is_none_or(|to| received_at < to)
    }

    /// The group a call belongs to in a cut.
    fn group(
        &self,
        by: By,
        received_at: UtcMs,
        district: &str,
        kind: &str,
        priority: Priority,
    ) -> String {
        let or_none = |text: &str| {
            if text.is_empty() { "(none)".to_owned() } else { text.to_owned() }
        };
        match by {
            By::District => or_none(district),
            By::Kind => or_none(kind),
            By::Priority => priority.to_string(),
            By::Hour => hour(&self.zone, received_at)
                .map_or_else(|| "(none)".to_owned(), |hour| format!("{hour:02}")),
            By::Shift => match hour(&self.zone, received_at) {
                Some(6..14) => "morning 06-14".to_owned(),
                Some(14..22) => "evening 14-22".to_owned(),
                Some(_) => "night 22-06".to_owned(),
                None => "(none)".to_owned(),
            },
        }
    }
}

/// What a report can be cut by. All of them are the call's as it was received; what a reopened
/// call does next counts under the priority it was reopened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The district that serves the call.
    District,
    /// The kind of emergency.
    Kind,
    /// The priority.
    Priority,
    /// The local hour of its first receipt, 00 to 23.
    Hour,
    /// The local shift of its first receipt: morning 06-14, evening 14-22, night 22-06.
    Shift,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::District, Self::Kind, Self::Priority, Self::Hour, Self::Shift];

    /// Its name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::District => "district",
            Self::Kind => "kind",
            Self::Priority => "priority",
            Self::Hour => "hour",
            Self::Shift => "shift",
        }
    }
}

impl std::str::FromStr for By {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|by| by.name() == name)
            .ok_or_else(|| format!("{name:?} is not one of district, kind, priority, hour, shift"))
    }
}

fn timestamp(at: UtcMs) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()
}

fn hour(zone: &TimeZone, at: UtcMs) -> Option<i8> {
    timestamp(at).map(|at| zone.to_datetime(at).hour())
}

/// `at` as RFC 3339 in `zone` with its offset, milliseconds only where there are some.
fn stamp(zone: &TimeZone, at: UtcMs) -> String {
    timestamp(at).map_or_else(
        || at.to_string(),
        |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
    )
}

/// The zone's IANA name, or its offset where it has none.
fn zone_name(zone: &TimeZone, at: UtcMs) -> String {
    zone.iana_name().map_or_else(
        || {
            timestamp(at)
                .map_or_else(|| "unknown zone".to_owned(), |at| zone.to_offset(at).to_string())
        },
        str::to_owned,
    )
}

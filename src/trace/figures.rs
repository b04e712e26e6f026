//! What a replay amounts to, counted from its events alone.
//!
//! Times are exact, to the millisecond, and nearest rank over all calls: a call that nobody ever
//! came to counts as infinitely late.

use crate::domain::{CallId, Dated, Event, Progress, Rules, UtcMs};
use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The clock that a named person's responsibility stops.
pub const ACKNOWLEDGE: &str = "acknowledge";
/// The clock that an arrival stops.
pub const ARRIVE: &str = "arrive";

/// Stamps rejected, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RejectedByReason {
    /// They lay before their call's receipt.
    pub before_receipt: u64,
    /// They lay after their call's close.
    pub after_close: u64,
}

impl RejectedByReason {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.before_receipt + self.after_close
    }
}

/// Milliseconds from receipt, nearest rank over all calls; `None` where the rank falls on a call
/// that never got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Percentiles {
    /// Half of the calls were no later.
    pub p50: Option<u64>,
    /// Nine in ten.
    pub p90: Option<u64>,
    /// Nineteen in twenty.
    pub p95: Option<u64>,
    /// Ninety-nine in a hundred.
    pub p99: Option<u64>,
}

/// The figures of a replay; as JSON the object that `fifteen replay --json` prints, as text a
/// table for a supervisor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Calls received.
    pub calls: u64,
    /// Of these acknowledged, ever.
    pub acknowledged: u64,
    /// Acknowledged at or before the limit of the clock `acknowledge`.
    pub acknowledged_in_time: u64,
    /// Calls a unit arrived at, ever.
    pub on_scene: u64,
    /// Arrived at or before the limit of the clock `arrive`.
    pub on_scene_in_time: u64,
    /// How often each rung of the clock `acknowledge` was told.
    pub escalations: Vec<u64>,
    /// Repeats of its last rung.
    pub reminders: u64,
    /// Stamps rejected.
    pub rejected_stamps: u64,
    /// The same by reason.
    pub rejected_by_reason: RejectedByReason,
    /// Stamps that named an earlier status after a later one.
    pub stale_stamps: u64,
    /// Receipt to acknowledgement.
    pub acknowledge_ms: Percentiles,
    /// Receipt to first arrival.
    pub on_scene_ms: Percentiles,
    /// Transitions in the log.
    pub transitions: u64,
    /// How long the run took.
    pub elapsed_s: f64,
    /// Digest of the state at the end, in hex.
    pub digest: String,
    /// The offices of the ladder of `acknowledge`.
    #[serde(skip)]
    pub rungs: Vec<Box<str>>,
}

/// Counts the events of one replay: one set of rules, no call reopened.
#[derive(Debug, Default)]
pub struct Tally {
    rules: Option<Watched>,
    calls: u64,
    /// Calls that may still get further.
    open: HashMap<CallId, Open>,
    acknowledge: Times,
    on_scene: Times,
    escalations: Vec<u64>,
    reminders: u64,
    transitions: u64,
}

/// What of the rules the figures are about.
#[derive(Debug)]
struct Watched {
    acknowledge: Option<u8>,
    acknowledge_limit_ms: u64,
    arrive_limit_ms: u64,
    rungs: Vec<Box<str>>,
}

#[derive(Debug)]
struct Open {
    received_at: UtcMs,
    acknowledged: bool,
    on_scene: bool,
}

impl Tally {
    /// An empty count under `rules`; adopted ones take their place.
    #[must_use]
    pub fn under(rules: &Rules) -> Self {
        let mut tally = Self::default();
        tally.watch(rules);
        tally
    }

    fn watch(&mut self, rules: &Rules) {
        let watched = Watched::of(rules);
        self.escalations.resize(watched.rungs.len(), 0);
        self.rules = Some(watched);
    }

    fn watches(&self, clock: u8) -> bool {
        self.rules.as_ref().and_then(|rules| rules.acknowledge) == Some(clock)
    }

    /// Takes the next event in.
    pub fn take(&mut self, dated: &Dated) {
        self.transitions += 1;
        match &dated.transition.event {
            Event::Escalated { clock, rung, repeat, .. } if self.watches(*clock) => {
                match self.escalations.get_mut(usize::from(*rung)) {
                    Some(told) if *repeat == 0 => *told += 1,
                    _ => self.reminders += 1,
                }
            }
            Event::RulesAdopted(rules) => self.watch(rules),
            Event::CallReceived { call, received_at, .. } => {
                self.calls += 1;
                self.open.insert(
                    *call,
                    Open { received_at: *received_at, acknowledged: false, on_scene: false },
                );
            }
            Event::UnitProgressed { call, progress, .. } => {
                let Some(open) = self.open.get_mut(call) else {
                    return;
                };
                let ms = dated.at.since(open.received_at);
                if *progress >= Progress::Acknowledged && !open.acknowledged {
                    open.acknowledged = true;
                    self.acknowledge.add(ms);
                }
                if *progress == Progress::OnScene && !open.on_scene {
                    open.on_scene = true;
                    self.on_scene.add(ms);
                }
            }
            Event::CallClosed { call, .. } => {
                self.open.remove(call);
            }
            _ => {}
        }
    }

    /// The figures, with what the events do not say.
    #[must_use]
    pub fn figures(
        &self,
        rejected: RejectedByReason,
        stale_stamps: u64,
        elapsed: Duration,
        digest: [u8; 32],
    ) -> Figures {
        let limit = |of: fn(&Watched) -> u64| self.rules.as_ref().map_or(0, of);
        Figures {
            calls: self.calls,
            acknowledged: self.acknowledge.count(),
            acknowledged_in_time: self
                .acknowledge
                .within(limit(|rules| rules.acknowledge_limit_ms)),
            on_scene: self.on_scene.count(),
            on_scene_in_time: self.on_scene.within(limit(|rules| rules.arrive_limit_ms)),
            escalations: self.escalations.clone(),
            reminders: self.reminders,
            rejected_stamps: rejected.total(),
            rejected_by_reason: rejected,
            stale_stamps,
            acknowledge_ms: self.acknowledge.percentiles(self.calls),
            on_scene_ms: self.on_scene.percentiles(self.calls),
            transitions: self.transitions,
            elapsed_s: elapsed.as_secs_f64(),
            digest: blake3::Hash::from_bytes(digest).to_hex().to_string(),
            rungs: self.rules.as_ref().map(|rules| rules.rungs.clone()).unwrap_or_default(),
        }
    }
}

impl Watched {
    fn of(rules: &Rules) -> Self {
        let acknowledge = rules.clock(ACKNOWLEDGE);
        Self {
            acknowledge: acknowledge.map(|(index, _)| index),
            acknowledge_limit_ms: acknowledge.map_or(0, |(_, rule)| rule.limit_ms),
            arrive_limit_ms: rules.clock(ARRIVE).map_or(0, |(_, rule)| rule.limit_ms),
            rungs: acknowledge
                .map(|(_, rule)| rules.ladder(rule).rungs.clone())
                .unwrap_or_default(),
        }
    }
}

/// Every time, exactly: 4 bytes each up to 49 days, 8 beyond.
#[derive(Debug, Default)]
struct Times {
    short_ms: Vec<u32>,
    long_ms: Vec<u64>,
}

impl Times {
    fn add(&mut self, ms: u64) {
        match u32::try_from(ms) {
            Ok(ms) => self.short_ms.push(ms),
            Err(_) => self.long_ms.push(ms),
        }
    }

    fn count(&self) -> u64 {
        (self.short_ms.len() + self.long_ms.len()) as u64
    }

    fn within(&self, limit_ms: u64) -> u64 {
        let short = self.short_ms.iter().map(|ms| u64::from(*ms));
        short.chain(self.long_ms.iter().copied()).filter(|ms| *ms <= limit_ms).count() as u64
    }

    fn percentiles(&self, of: u64) -> Percentiles {
        let (mut short, mut long) = (self.short_ms.clone(), self.long_ms.clone());
        short.sort_unstable();
        long.sort_unstable();
        let at = |percent: u64| {
            let place = usize::try_from((percent * of).div_ceil(100).checked_sub(1)?).ok()?;
            match short.get(place) {
                Some(ms) => Some(u64::from(*ms)),
                None => long.get(place - short.len()).copied(),
            }
        };
        Percentiles { p50: at(50), p90: at(90), p95: at(95), p99: at(99) }
    }
}

impl fmt::Display for Figures {
    /// What a supervisor asks first: how many, how many in time, who was told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u64| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share is shown to one place after the point"
            )]
            let percent = 100.0 * part as f64 / self.calls.max(1) as f64;
            format!("{percent:.1} %")
        };
        let mut table = plain_table(&["", "calls", "share", "p50", "p90", "p95", "p99"]);
        let times = |times: &Percentiles| [times.p50, times.p90, times.p95, times.p99].map(span);
        let mut line = |name: &str, calls: u64, times: [String; 4]| {
            let cells = [name.to_owned(), grouped(calls), share(calls)];
            table.add_row(cells.into_iter().chain(times));
        };
        let none = || [const { String::new() }; 4];
        line("received", self.calls, none());
        line("acknowledged", self.acknowledged, times(&self.acknowledge_ms));
        line("  in time", self.acknowledged_in_time, none());
        line("on scene", self.on_scene, times(&self.on_scene_ms));
        line("  in time", self.on_scene_in_time, none());
        writeln!(f, "{table}\n")?;

        let mut table = plain_table(&["not acknowledged: told", "times", "share"]);
        for (rung, told) in self.rungs.iter().zip(&self.escalations) {
            table.add_row([rung.to_string(), grouped(*told), share(*told)]);
        }
        if let Some(last) = self.rungs.last() {
            let again = format!("  {last} again");
            table.add_row([again, grouped(self.reminders), String::new()]);
        }
        writeln!(f, "{table}\n")?;

        let RejectedByReason { before_receipt, after_close } = self.rejected_by_reason;
        writeln!(
            f,
            "Stamps rejected: {} ({} before the receipt, {} after the close); an earlier status after a later one: {}.",
            grouped(self.rejected_stamps),
            grouped(before_receipt),
            grouped(after_close),
            grouped(self.stale_stamps),
        )?;
        writeln!(f, "{} transitions in {:.2} s.", grouped(self.transitions), self.elapsed_s)?;
        write!(f, "Digest {}", self.digest)
    }
}

fn plain_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(Row::from(header));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as hours, minutes and seconds; `never` for a call nobody came to.
fn span(ms: Option<u64>) -> String {
    let Some(ms) = ms else {
        return "never".into();
    };
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

//! `[queue]`, `[[clock]]`, `[[ladder]]`, `[[disposition]]`: what the core runs under.

use super::check::{Checked, ms, name, unique, wrong};
use crate::domain::{ClockRule, Disposition, Ladder, Rules, Trigger, bounds};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueTable {
    aging: Aging,
    #[serde(with = "humantime_serde")]
    withdrawn_left_min: Duration,
    #[serde(with = "humantime_serde")]
    claim_stale: Duration,
    #[serde(with = "humantime_serde")]
    unit_silent: Duration,
    #[serde(with = "humantime_serde")]
    key_kept: Duration,
    #[serde(with = "humantime_serde")]
    closed_kept: Duration,
    #[serde(default, with = "humantime_serde::option")]
    trail_kept: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aging {
    #[serde(rename = "2", default, with = "humantime_serde::option")]
    second: Option<Duration>,
    #[serde(rename = "3", default, with = "humantime_serde::option")]
    third: Option<Duration>,
    #[serde(rename = "4", default, with = "humantime_serde::option")]
    fourth: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockTable {
    name: String,
    starts: Trigger,
    stops: Vec<Trigger>,
    #[serde(default)]
    restarts: Vec<Trigger>,
    #[serde(with = "humantime_serde")]
    limit: Duration,
    #[serde(default)]
    warn: Vec<Span>,
    ladder: String,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Span(#[serde(with = "humantime_serde")] Duration);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LadderTable {
    name: String,
    #[serde(with = "humantime_serde")]
    every: Duration,
    rungs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DispositionTable {
    name: String,
    #[serde(default)]
    guarded: bool,
}

/// The rules of the tables, checked.
pub(super) fn rules(
    queue: &QueueTable,
    clock: &[ClockTable],
    ladder: &[LadderTable],
    disposition: &[DispositionTable],
) -> Checked<Rules> {
    let ladders = ladders(ladder)?;
    let clocks = clocks(clock, &ladders)?;
    let dispositions = dispositions(disposition)?;
    let if_said = |key: &str, span: Option<Duration>| span.map(|span| ms(key, span)).transpose();
    let rules = Rules {
        clocks,
        ladders,
        dispositions,
        aging_ms: [
            if_said("queue.aging.2", queue.aging.second)?,
            if_said("queue.aging.3", queue.aging.third)?,
            if_said("queue.aging.4", queue.aging.fourth)?,
        ],
        withdrawn_left_ms_min: ms("queue.withdrawn_left_min", queue.withdrawn_left_min)?,
        claim_stale_ms: ms("queue.claim_stale", queue.claim_stale)?,
        unit_silent_ms: ms("queue.unit_silent", queue.unit_silent)?,
        key_kept_ms: ms("queue.key_kept", queue.key_kept)?,
        closed_kept_ms: ms("queue.closed_kept", queue.closed_kept)?,
        trail_kept_ms: if_said("queue.trail_kept", queue.trail_kept)?,
    };
    let bytes = rmp_serde::to_vec(&rules).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > bounds::RULES_BYTES_MAX {
        let most = bounds::RULES_BYTES_MAX;
        return wrong(
            "clock, ladder, disposition",
            format!("take {bytes} bytes together; at most {most}: fewer or shorter names"),
        );
    }
    Ok(rules)
}

fn ladders(tables: &[LadderTable]) -> Checked<Vec<Ladder>> {
    unique("ladder", tables.iter().map(|ladder| &*ladder.name))?;
    let mut ladders = Vec::new();
    for table in tables {
        let key = format!("ladder {:?}", table.name);
        if table.rungs.is_empty() || table.rungs.len() > 32 {
            return wrong(
                format!("{key}.rungs"),
                "must name 1 to 32 offices: a ladder never falls silent",
            );
        }
        let rungs = table.rungs.iter().map(|rung| name(&format!("{key}.rungs"), rung));
        ladders.push(Ladder {
            name: name("ladder.name", &table.name)?,
            every_ms: ms(&format!("{key}.every"), table.every)?,
            rungs: rungs.collect::<Checked<_>>()?,
        });
    }
    Ok(ladders)
}

fn clocks(tables: &[ClockTable], ladders: &[Ladder]) -> Checked<Vec<ClockRule>> {
    unique("clock", tables.iter().map(|clock| &*clock.name))?;
    if tables.is_empty() || tables.len() > 32 {
        return wrong("clock", "there must be 1 to 32 clocks");
    }
    let mut clocks = Vec::new();
    for table in tables {
        let key = format!("clock {:?}", table.name);
        let limit_ms = ms(&format!("{key}.limit"), table.limit)?;
        let Some(ladder) = ladders.iter().position(|ladder| *ladder.name == *table.ladder) else {
            let known = ladders.iter().map(|ladder| &*ladder.name).collect::<Vec<_>>().join(", ");
            return wrong(
                format!("{key}.ladder"),
                format!("{:?} is no ladder here; one of: {known}", table.ladder),
            );
        };
        let mut warn_ms = Vec::new();
        for Span(warn) in &table.warn {
            let at_ms = ms(&format!("{key}.warn"), *warn)?;
            if at_ms >= limit_ms
                || warn_ms.last().is_some_and(|last| at_ms <= *last)
                || warn_ms.len() >= 8
            {
                return wrong(
                    format!("{key}.warn"),
                    "must be at most 8 spans, ascending, each under the limit",
                );
            }
            warn_ms.push(at_ms);
        }
        if table.starts == Trigger::Closed {
            return wrong(format!("{key}.starts"), "closing stops every clock and starts none");
        }
        for trigger in table.stops.iter().chain(&table.restarts) {
            if *trigger == table.starts
                || (table.stops.contains(trigger) && table.restarts.contains(trigger))
            {
                return wrong(
                    format!("{key}.stops"),
                    "one event cannot start, restart and stop the same clock",
                );
            }
        }
        if table.stops.is_empty() {
            return wrong(
                format!("{key}.stops"),
                "names no event; closing stops it anyway, say \"closed\"",
            );
        }
        clocks.push(ClockRule {
            name: name("clock.name", &table.name)?,
            starts: table.starts,
            stops: table.stops.clone(),
            restarts: table.restarts.clone(),
            limit_ms,
            warn_ms,
            ladder,
        });
    }
    Ok(clocks)
}

fn dispositions(tables: &[DispositionTable]) -> Checked<Vec<Disposition>> {
    unique("disposition", tables.iter().map(|disposition| &*disposition.name))?;
    if tables.is_empty() {
        return wrong("disposition", "there is none; a call could never be closed");
    }
    tables
        .iter()
        .map(|table| {
            Ok(Disposition { name: name("disposition.name", &table.name)?, guarded: table.guarded })
        })
        .collect()
}

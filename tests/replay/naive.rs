//! The figures counted without an engine: sort everything, walk it once, count.

use fifteen::domain::UtcMs;
use fifteen::trace::Row;
use std::collections::HashMap;

const LIMIT_MS: u64 = 15 * 60_000;

/// What must come out, in the order of the issue.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Naive {
    pub calls: u64,
    pub acknowledged: u64,
    pub acknowledged_in_time: u64,
    pub on_scene: u64,
    pub on_scene_in_time: u64,
    pub escalations: Vec<u64>,
    pub reminders: u64,
    pub before_receipt: u64,
    pub after_close: u64,
    pub stale_stamps: u64,
    pub acknowledge_ms: [Option<u64>; 4],
    pub on_scene_ms: [Option<u64>; 4],
}

impl Naive {
    /// Counts `rows` under the shipped limits: 15 minutes, four rungs, 15 minutes apart.
    pub fn count(rows: &[Row]) -> Self {
        let mut stamps = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let all = [
                Some(row.received_at),
                row.acknowledged_at,
                row.en_route_at,
                row.on_scene_at,
                row.closed_at,
            ];
            for (kind, at) in all.into_iter().enumerate() {
                stamps.extend(at.map(|at| (at, kind, number)));
            }
        }
        stamps.sort_unstable();

        let mut it = Self { calls: rows.len() as u64, escalations: vec![0; 4], ..Self::default() };
        let mut reached: HashMap<usize, usize> = HashMap::new();
        let (mut acknowledged, mut on_scene, mut stopped) =
            (HashMap::new(), HashMap::new(), HashMap::new());
        let mut end = UtcMs(0);
        for (at, kind, number) in stamps {
            match reached.get(&number) {
                None if kind > 0 => it.before_receipt += 1,
                Some(4) => it.after_close += 1,
                Some(before) if kind < *before => it.stale_stamps += 1,
                _ => {
                    reached.insert(number, kind);
                    end = at;
                    if (1..=3).contains(&kind) {
                        acknowledged.entry(number).or_insert(at);
                    }
                    if kind == 3 {
                        on_scene.insert(number, at);
                    }
                    if kind > 0 {
                        stopped.entry(number).or_insert(at);
                    }
                }
            }
        }

        for (number, row) in rows.iter().enumerate() {
            let stop = stopped.get(&number).copied().unwrap_or(UtcMs(u64::MAX));
            for step in 1.. {
                let due = row.received_at.plus(step * LIMIT_MS);
                // A stamp exactly on the deadline is in time; timers of the last instant fire.
                if due >= stop || due > end {
                    break;
                }
                match it.escalations.get_mut(step as usize - 1) {
                    Some(told) => *told += 1,
                    None => it.reminders += 1,
                }
            }
        }

        let spans = |at: &HashMap<usize, UtcMs>| {
            let mut spans: Vec<u64> =
                at.iter().map(|(number, at)| at.0 - rows[*number].received_at.0).collect();
            spans.sort_unstable();
            spans
        };
        let ranks = |spans: &[u64]| {
            [50, 90, 95, 99].map(|percent| {
                let rank = (percent * rows.len()).div_ceil(100);
                spans.get(rank.checked_sub(1)?).copied()
            })
        };
        let in_time = |spans: &[u64]| spans.iter().filter(|ms| **ms <= LIMIT_MS).count() as u64;
        let (acknowledged, on_scene) = (spans(&acknowledged), spans(&on_scene));
        it.acknowledged = acknowledged.len() as u64;
        it.acknowledged_in_time = in_time(&acknowledged);
        it.on_scene = on_scene.len() as u64;
        it.on_scene_in_time = in_time(&on_scene);
        it.acknowledge_ms = ranks(&acknowledged);
        it.on_scene_ms = ranks(&on_scene);
        it
    }

    /// The same of a replay's figures.
    pub fn of(figures: &fifteen::trace::Figures) -> Self {
        let four = |of: fifteen::trace::Percentiles| [of.p50, of.p90, of.p95, of.p99];
        assert_eq!(
            figures.rejected_stamps,
            figures.rejected_by_reason.total(),
            "the split adds up"
        );
        Self {
            calls: figures.calls,
            acknowledged: figures.acknowledged,
            acknowledged_in_time: figures.acknowledged_in_time,
            on_scene: figures.on_scene,
            on_scene_in_time: figures.on_scene_in_time,
            escalations: figures.escalations.clone(),
            reminders: figures.reminders,
            before_receipt: figures.rejected_by_reason.before_receipt,
            after_close: figures.rejected_by_reason.after_close,
            stale_stamps: figures.stale_stamps,
            acknowledge_ms: four(figures.acknowledge_ms),
            on_scene_ms: four(figures.on_scene_ms),
        }
    }
}

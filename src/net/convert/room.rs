//! The room's configuration as the wire shows it.

use crate::config::Settings;
use crate::domain::{Counts, Rules};
use crate::protocol as wire;

pub(in crate::net) fn room(settings: &Settings) -> wire::Room {
    let Rules { clocks, ladders, dispositions, .. } = &settings.rules;
    wire::Room {
        name: settings.room.name.clone(),
        zone: settings.room.zone.clone(),
        kinds: settings
            .kinds
            .iter()
            .map(|kind| wire::KindWord {
                name: kind.name.clone(),
                priority: kind.priority.number(),
            })
            .collect(),
        districts: settings
            .districts
            .iter()
            .map(|it| wire::DistrictWord {
                name: it.name.to_string(),
                tehsils: it.tehsils.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        dispositions: dispositions
            .iter()
            .map(|it| wire::DispositionWord { name: it.name.to_string(), guarded: it.guarded })
            .collect(),
        clocks: clocks
            .iter()
            .map(|clock| wire::ClockWord {
                name: clock.name.to_string(),
                limit_ms: clock.limit_ms,
                warn_ms: clock.warn_ms.clone(),
                of_unit: clock.starts.of_unit(),
                ladder: ladders[clock.ladder].name.to_string(),
            })
            .collect(),
        ladders: ladders
            .iter()
            .map(|ladder| wire::LadderWord {
                name: ladder.name.to_string(),
                every_ms: ladder.every_ms,
                rungs: ladder.rungs.iter().map(ToString::to_string).collect(),
            })
            .collect(),
    }
}

pub(in crate::net) fn counts(counts: &Counts) -> wire::Counts {
    let Counts { calls, open, real, hoax, last_at } = *counts;
    wire::Counts { calls, open, real, hoax, last_at: last_at.map(|at| at.0) }
}

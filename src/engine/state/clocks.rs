//! The clocks of one call: what starts, stops and restarts them.

use crate::domain::{Call, Callsign, ClockRun, Flags, Ladder, Rules, Trigger, UtcMs};

pub(super) fn start_clocks(call: &mut Call, rules: &Rules, start: UtcMs) {
    let Flags { dropped, .. } = call.placed.flags;
    let canary = call.is_canary();
    let starts = |cause: Trigger| match cause {
        Trigger::Received => !canary,
        Trigger::DroppedReceived => !canary && dropped,
        Trigger::CanaryReceived => canary,
        _ => false,
    };
    for (index, rule) in (0_u8..).zip(&rules.clocks) {
        if starts(rule.starts) {
            call.clocks.push(ClockRun::start(index, rule, None, start));
        }
    }
}

/// Lets `cause` stop, restart and start the call's clocks.
pub(super) fn trigger(
    call: &mut Call,
    rules: &Rules,
    cause: Trigger,
    unit: Option<&Callsign>,
    at: UtcMs,
) {
    for run in &mut call.clocks {
        let rule = &rules.clocks[usize::from(run.clock)];
        if cause.of_unit() && run.unit.is_some() && run.unit.as_ref() != unit {
            continue;
        }
        if rule.stops.contains(&cause) {
            run.stop(at);
        } else if rule.restarts.contains(&cause) {
            *run = ClockRun::start(run.clock, rule, run.unit.take(), at);
        }
    }
    call.clocks.retain(|run| run.unit.is_none() || run.stopped_at.is_none());
    for (index, rule) in (0_u8..).zip(&rules.clocks) {
        if rule.starts != cause {
            continue;
        }
        let fresh = ClockRun::start(index, rule, unit.cloned(), at);
        let same = |run: &&mut ClockRun| run.clock == index && run.unit.as_ref() == unit;
        match call.clocks.iter_mut().find(same) {
            Some(run) if run.stopped_at.is_some() => *run = fresh,
            Some(_) => {}
            None => call.clocks.push(fresh),
        }
    }
}

pub(super) fn run_of<'a>(
    call: &'a mut Call,
    rules: &'a Rules,
    clock: u8,
    unit: Option<&Callsign>,
) -> Option<(&'a mut ClockRun, &'a Ladder)> {
    let rule = rules.clocks.get(usize::from(clock))?;
    let run = call.clocks.iter_mut().find(|run| run.clock == clock && run.unit.as_ref() == unit)?;
    Some((run, rules.ladder(rule)))
}

//! An open call as the fold holds it: its units' progress and the runs of its clocks.
//!
//! [`crate::domain::ClockRun`] says when a run is due, here as in the engine; what a report adds
//! is the first answer, kept through withdrawals.

use super::row::Telling;
use super::tally::Places;
use crate::domain::{
    CallId, Callsign, ClockPoint, ClockRule, ClockRun, Leaving, Progress, Rules, Trigger, UtcMs,
};

/// A run of a clock.
#[derive(Debug)]
struct Run {
    /// As the engine has it.
    run: ClockRun,
    /// What its span is measured from.
    from: UtcMs,
    /// Its deadline before any withdrawal moved it.
    deadline: UtcMs,
    /// Its first stop by anything but closing alone.
    answered_at: Option<UtcMs>,
    /// The clock told an office since the run was started or resumed.
    told: bool,
    /// Until when a withdrawal has let it go on; before the first, its deadline.
    left_until: UtcMs,
    /// It missed what a withdrawal had left to it.
    missed_again: bool,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answered at or before the deadline.
    InTime,
    /// Closed at or before the deadline, unanswered.
    ClosedInTime,
    /// Answered after the deadline.
    Late,
    /// Closed after the deadline, unanswered.
    MissedClosed,
    /// Past the deadline and still unanswered.
    MissedUnanswered,
    /// Neither answered nor due.
    NotDue,
}

/// A run that is over, or at the end of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// Index of its clock in the call's book.
    pub clock: u8,
    pub verdict: Verdict,
    pub from: UtcMs,
    /// From `from` to the first answer.
    pub answer_ms: Option<u64>,
    pub missed_again: bool,
}

/// How a run is looked at for the last time.
#[derive(Clone, Copy)]
enum Last {
    Ended(UtcMs),
    Unfinished(UtcMs),
}

impl Run {
    fn start(clock: u8, rule: &ClockRule, unit: Option<Callsign>, at: UtcMs, from: UtcMs) -> Self {
        let run = ClockRun::start(clock, rule, unit, at);
        Self {
            from,
            deadline: run.limit_at,
            left_until: run.limit_at,
            answered_at: None,
            told: false,
            missed_again: false,
            run,
        }
    }

    fn stop(&mut self, at: UtcMs) {
        if self.run.stopped_at.is_some() {
            return;
        }
        self.run.stop(at);
        self.missed_again |= self.answered_at.is_some() && at > self.left_until;
        self.answered_at.get_or_insert(at);
    }

    fn outcome(&self, last: Last) -> Outcome {
        let running = self.run.stopped_at.is_none();
        let verdict = match (self.answered_at, last) {
            (Some(at), _) if at <= self.deadline => Verdict::InTime,
            (Some(_), _) => Verdict::Late,
            (None, Last::Ended(at)) if at <= self.deadline => Verdict::ClosedInTime,
            (None, Last::Ended(_)) => Verdict::MissedClosed,
            // At the deadline itself a stop can still come, unless its rung was told already.
            (None, Last::Unfinished(end)) if end > self.deadline || self.told => {
                Verdict::MissedUnanswered
            }
            (None, Last::Unfinished(_)) => Verdict::NotDue,
        };
        let left_over = match last {
            Last::Ended(at) => at > self.left_until,
            Last::Unfinished(end) => end > self.left_until || self.told,
        };
        Outcome {
            clock: self.run.clock,
            verdict,
            from: self.from,
            answer_ms: self.answered_at.map(|at| at.since(self.from)),
            missed_again: verdict == Verdict::InTime && (self.missed_again || running && left_over),
        }
    }
}

/// An open call that is counted.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub generation: u32,
    /// Index of its rules; `None`: received before any were adopted.
    pub book: Option<usize>,
    /// Its group in every cut.
    pub places: Places,
    pub received_at: UtcMs,
    /// Start of its generation.
    started_at: UtcMs,
    units: Vec<(Callsign, Progress)>,
    runs: Vec<Run>,
    /// Somebody has responsibility now.
    pub acknowledged: bool,
    ever_acknowledged: bool,
    en_route: bool,
    on_scene: bool,
    /// An office was told, so that somebody may take it even after the close.
    pub told: bool,
    /// Clocks and rungs somebody took.
    pub taken: Vec<(u8, u8)>,
    /// Rungs told, oldest first.
    pub tellings: Vec<Telling>,
}

/// Something that happened to a call for the first time in its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Milestone {
    Acknowledged,
    Arrived,
}

impl OpenCall {
    pub(super) fn start(
        generation: u32,
        rules: Option<(usize, &Rules)>,
        places: Places,
        received_at: UtcMs,
        started_at: UtcMs,
        dropped: bool,
    ) -> Self {
        let mut call = Self {
            generation,
            book: rules.map(|(book, _)| book),
            places,
            received_at,
            started_at,
            units: Vec::new(),
            runs: Vec::new(),
            acknowledged: false,
            ever_acknowledged: false,
            en_route: false,
            on_scene: false,
            told: false,
            taken: Vec::new(),
            tellings: Vec::new(),
        };
        for (index, rule) in rules.iter().flat_map(|(_, rules)| (0_u8..).zip(&rules.clocks)) {
            if rule.starts == Trigger::Received
                || dropped && rule.starts == Trigger::DroppedReceived
            {
                call.runs.push(Run::start(index, rule, None, started_at, received_at));
            }
        }
        // Most open calls of a log wait: a third of what the fold holds would be slack.
        call.runs.shrink_to_fit();
        call
    }

    /// The unit is on the call from now on, if it was not.
    pub(super) fn assign(
        &mut self,
        rules: &Rules,
        unit: &Callsign,
        at: UtcMs,
        over: &mut Vec<Outcome>,
    ) {
        if self.units.iter().all(|(known, _)| known != unit) {
            self.units.push((unit.clone(), Progress::Assigned));
            self.trigger(rules, Trigger::UnitAssigned, Some(unit), at, over);
        }
    }

    /// The unit has come so far; what lies before is passed through.
    pub(super) fn progress(
        &mut self,
        rules: &Rules,
        unit: &Callsign,
        progress: Progress,
        at: UtcMs,
        over: &mut Vec<Outcome>,
        mut reached: impl FnMut(Milestone),
    ) {
        self.assign(rules, unit, at, over);
        let Some((_, known)) = self.units.iter_mut().find(|(known, _)| known == unit) else {
            return;
        };
        let before = *known;
        if progress <= before {
            return;
        }
        *known = progress;
        if before < Progress::Acknowledged {
            self.trigger(rules, Trigger::UnitAcknowledged, Some(unit), at, over);
            if !self.acknowledged {
                self.acknowledged = true;
                self.trigger(rules, Trigger::Acknowledged, None, at, over);
                if !std::mem::replace(&mut self.ever_acknowledged, true) {
                    reached(Milestone::Acknowledged);
                }
            }
        }
        if progress >= Progress::EnRoute && !std::mem::replace(&mut self.en_route, true) {
            self.trigger(rules, Trigger::EnRoute, None, at, over);
        }
        if progress == Progress::OnScene {
            self.trigger(rules, Trigger::UnitOnScene, Some(unit), at, over);
            if !std::mem::replace(&mut self.on_scene, true) {
                self.trigger(rules, Trigger::OnScene, None, at, over);
                reached(Milestone::Arrived);
            }
        }
    }

    /// The unit is gone, and whatever watched it has nothing left to watch.
    pub(super) fn leave(
        &mut self,
        rules: &Rules,
        unit: &Callsign,
        leaving: Leaving,
        at: UtcMs,
        over: &mut Vec<Outcome>,
    ) {
        let cause = match leaving {
            Leaving::Declined => Trigger::UnitDeclined,
            Leaving::Cleared => Trigger::UnitCleared,
            _ => Trigger::UnitReleased,
        };
        self.trigger(rules, cause, Some(unit), at, over);
        self.units.retain(|(known, _)| known != unit);
        self.runs.retain_mut(|run| {
            let watched = run.run.unit.as_ref() == Some(unit);
            if watched {
                run.stop(at);
                over.push(run.outcome(Last::Ended(at)));
            }
            !watched
        });
    }

    /// Nobody has responsibility any more.
    pub(super) fn withdraw(&mut self, rules: &Rules, at: UtcMs) {
        self.acknowledged = false;
        self.en_route = false;
        for run in &mut self.runs {
            if run.run.stopped_at.is_some()
                && rule_of(rules, run.run.clock)
                    .is_some_and(|rule| rule.stops.contains(&Trigger::Acknowledged))
            {
                run.run.resume(at, rules.withdrawn_left_ms_min);
                run.left_until = run.run.rung_at;
                run.told = false;
            }
        }
    }

    /// `cause` stops, restarts and starts the call's clocks, as it does in the engine.
    pub(super) fn trigger(
        &mut self,
        rules: &Rules,
        cause: Trigger,
        unit: Option<&Callsign>,
        at: UtcMs,
        over: &mut Vec<Outcome>,
    ) {
        self.runs.retain_mut(|run| {
            let Some(rule) = rule_of(rules, run.run.clock) else {
                return true;
            };
            if run.run.unit.is_some() && run.run.unit.as_ref() != unit {
                return true;
            }
            if rule.stops.contains(&cause) {
                run.stop(at);
            } else if rule.restarts.contains(&cause) {
                run.stop(at);
                over.push(run.outcome(Last::Ended(at)));
                *run = Run::start(run.run.clock, rule, run.run.unit.take(), at, at);
            }
            let done = run.run.unit.is_some() && run.run.stopped_at.is_some();
            if done {
                over.push(run.outcome(Last::Ended(at)));
            }
            !done
        });
        for (index, rule) in (0_u8..).zip(&rules.clocks) {
            if rule.starts != cause {
                continue;
            }
            let known = self.position(index, unit);
            match known.map(|place| &mut self.runs[place]) {
                Some(run) if run.run.stopped_at.is_some() => {
                    over.push(run.outcome(Last::Ended(at)));
                    *run = Run::start(index, rule, unit.cloned(), at, at);
                }
                Some(_) => {}
                None => self.runs.push(Run::start(index, rule, unit.cloned(), at, at)),
            }
        }
    }

    /// A warning, or an office told: the run goes on from there. A run the fold does not know
    /// (see [`super::recent`]) is taken up here, so that no miss is left out.
    pub(super) fn told(
        &mut self,
        rules: &Rules,
        clock: u8,
        unit: Option<&Callsign>,
        point: ClockPoint,
        told: Told,
    ) {
        let Some(rule) = rule_of(rules, clock) else {
            return;
        };
        let Some(ladder) = rules.ladders.get(rule.ladder) else {
            return;
        };
        let place = match self.position(clock, unit) {
            Some(place) => place,
            None if unit.is_some() => return,
            None => {
                let run = Run::start(clock, rule, None, self.started_at, self.received_at);
                self.runs.push(run);
                self.runs.len() - 1
            }
        };
        let run = &mut self.runs[place];
        match told {
            Told::ByClock { due_at } => {
                run.run.done(point, due_at, ladder);
                run.told |= !matches!(point, ClockPoint::Warning(_));
            }
            Told::ByHand { at } => run.run.done_by_hand(point, at, ladder),
        }
    }

    /// The call was closed: every run is over.
    pub(super) fn close(&mut self, rules: Option<&Rules>, at: UtcMs, over: &mut Vec<Outcome>) {
        for mut run in self.runs.drain(..) {
            let answers = run.run.unit.is_some()
                || rules
                    .and_then(|rules| rule_of(rules, run.run.clock))
                    .is_none_or(|rule| rule.stops.iter().all(|stop| *stop == Trigger::Closed));
            if answers {
                run.stop(at);
            }
            over.push(run.outcome(Last::Ended(at)));
        }
    }

    /// How its runs stand at the end of the log.
    pub(super) fn stand(&self, end: UtcMs, over: &mut Vec<Outcome>) {
        over.extend(self.runs.iter().map(|run| run.outcome(Last::Unfinished(end))));
    }

    fn position(&self, clock: u8, unit: Option<&Callsign>) -> Option<usize> {
        self.runs.iter().position(|run| run.run.clock == clock && run.run.unit.as_ref() == unit)
    }
}

/// Who told an office.
#[derive(Clone, Copy)]
pub(super) enum Told {
    ByClock { due_at: UtcMs },
    ByHand { at: UtcMs },
}

fn rule_of(rules: &Rules, clock: u8) -> Option<&ClockRule> {
    rules.clocks.get(usize::from(clock))
}

/// What a report needs of a call it no longer holds.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    pub id: CallId,
    pub generation: u32,
    pub book: Option<usize>,
    pub places: Places,
    pub taken: Vec<(u8, u8)>,
    pub tellings: Vec<Telling>,
}

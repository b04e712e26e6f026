//! The fold: one event at a time, holding what is open and forgetting what is closed.

use super::detail::{Collector, Cut, Detail};
use super::figures::{Excluded, Group, Report, Span};
use super::open::{Closed, Milestone, OpenCall, Outcome, Told};
use super::recent::Recent;
use super::spans::Grain;
use super::tally::{ClockName, Places, Tallies, Tally};
use super::{By, Query, stamp, zone_name};
use crate::domain::{
    CallId, ClockPoint, Dated, Event, Flags, NewCall, Priority, Role, Rules, Source, Trigger, UtcMs,
};
use std::collections::BTreeMap;

/// Told so long after it was due counts as late.
const LATE_MS: u64 = 1_000;

/// Rules, and which clock of the report each of its clocks is.
pub(super) struct Book {
    rules: Box<Rules>,
    clocks: Vec<usize>,
}

impl Book {
    /// The name of a clock and the office on one of its rungs.
    pub(super) fn office(&self, clock: u8, rung: u8) -> Option<(&str, &str)> {
        let rule = self.rules.clocks.get(usize::from(clock))?;
        let ladder = self.rules.ladders.get(rule.ladder)?;
        Some((&rule.name, ladder.rungs.get(usize::from(rung))?))
    }
}

pub(super) enum Held {
    Counted(Box<OpenCall>),
    Test,
}

/// The figures of the events taken so far.
pub struct Fold {
    pub(super) query: Query,
    pub(super) books: Vec<Book>,
    clocks: Vec<ClockName>,
    pub(super) open: BTreeMap<CallId, Held>,
    pub(super) recent: Recent,
    tallies: Tallies,
    excluded: Excluded,
    received: Option<(UtcMs, UtcMs)>,
    last_at: UtcMs,
    last_seq: u64,
    over: Vec<Outcome>,
    /// What the groups of the tallies are cut by.
    cuts: Vec<By>,
    detail: Option<Box<Collector>>,
}

impl Fold {
    /// Groups at most; the last is "(other)".
    pub const GROUPS_MAX: usize = 1_000;
    /// Answered runs of a clock up to which the percentiles of the whole are exact; beyond it
    /// they are within 0.1 %. In a group [`Fold::GROUP_EXACT_MAX`], and 1 %.
    pub const EXACT_MAX: usize = 65_536;
    /// The same in a group.
    pub const GROUP_EXACT_MAX: usize = 2_048;
    /// Closed calls remembered: those an office was told of, which somebody may still take.
    pub const RECENT_MAX: usize = 4_096;

    /// Nothing taken yet.
    #[must_use]
    pub fn new(query: Query) -> Self {
        let cuts = query.by.into_iter().collect();
        Self::cut(query, cuts)
    }

    /// The same, for a report with its [`Detail`]: what the printed report is made of.
    #[must_use]
    pub fn full(query: Query) -> Self {
        let mut cuts = Detail::CUTS.to_vec();
        cuts.extend(query.by.filter(|by| !Detail::CUTS.contains(by)));
        let detail = Collector::new(query.zone.clone());
        Self { detail: Some(Box::new(detail)), ..Self::cut(query, cuts) }
    }

    fn cut(query: Query, cuts: Vec<By>) -> Self {
        let whole = Grain { exact_max: Self::EXACT_MAX, digits: 3 };
        let group = Grain { exact_max: Self::GROUP_EXACT_MAX, digits: 2 };
        Self {
            query,
            books: Vec::new(),
            clocks: Vec::new(),
            open: BTreeMap::new(),
            recent: Recent::default(),
            tallies: Tallies::new(whole, group, Self::GROUPS_MAX, cuts.len()),
            excluded: Excluded::default(),
            received: None,
            last_at: UtcMs(0),
            last_seq: 0,
            over: Vec::new(),
            cuts,
            detail: None,
        }
    }

    /// Open calls held; nothing else grows with the number of calls.
    #[must_use]
    pub fn calls_held(&self) -> usize {
        self.open.len()
    }

    /// Closed calls remembered, never over [`Fold::RECENT_MAX`].
    #[must_use]
    pub fn closed_remembered(&self) -> usize {
        self.recent.len()
    }

    /// Takes the next event in. Events come in the order of their numbers, from the first the
    /// log has: a call is judged by rules adopted before it.
    pub fn take(&mut self, dated: &Dated) {
        let at = dated.at;
        self.last_at = self.last_at.max(at);
        self.last_seq = dated.seq;
        if self.detail.is_some() {
            let rows = self.rows(dated);
            let stories = self.detail.as_mut().map(|detail| &mut detail.stories);
            stories.into_iter().for_each(|stories| rows.iter().for_each(|row| stories.take(row)));
        }
        match &dated.transition.event {
            Event::RulesAdopted(rules) => self.adopt(rules),
            Event::CallReceived { call, received_at, placed, by } => {
                self.receive(*call, *received_at, placed, by.role);
            }
            Event::CallReopened {
                call,
                generation,
                received_at,
                district,
                kind,
                priority,
                flags,
                ..
            } => {
                if self.query.wants(*received_at) {
                    let group = (&**district, &**kind, *priority);
                    self.reopen(at, (*call, *generation), *received_at, group, *flags);
                }
            }
            Event::CallClosed { call, disposition, .. } => self.close(at, *call, disposition),
            Event::EscalationTaken { call, clock, rung, .. } => self.taken(*call, *clock, *rung),
            event => {
                if let Some(id) = event.call() {
                    self.change(at, id, event);
                }
            }
        }
        self.remember(dated);
    }

    /// The report as of `end`, or as of the last event where that is later.
    #[must_use]
    pub fn finish(mut self, end: UtcMs) -> Report {
        let end = end.max(self.last_at);
        for (id, held) in std::mem::take(&mut self.open) {
            let Held::Counted(call) = held else { continue };
            self.tallies.each(call.places, |tally| {
                tally.calls.open += 1;
                tally.calls.open_waiting += u64::from(!call.acknowledged);
            });
            call.stand(end, &mut self.over);
            self.count_runs(id, (call.book, call.places, call.received_at), end);
        }
        let zone = &self.query.zone;
        let (first, last) = self.received.unzip();
        let span = Span {
            zone: zone_name(zone, end),
            from_at: self.query.from.map(|at| stamp(zone, at)),
            to_at: self.query.to.map(|at| stamp(zone, at)),
            first_received_at: first.map(|at| stamp(zone, at)),
            last_received_at: last.map(|at| stamp(zone, at)),
            until_at: stamp(zone, end),
            until_ms: end.0,
        };
        let worst_first = |cut: usize| matches!(self.cuts[cut], By::District | By::Kind);
        let (whole, cuts) = self.tallies.into_parts(worst_first);
        let whole = whole.finish(&self.clocks, true, zone);
        let finished = |groups: Vec<(String, Tally)>| {
            let finish = |(name, tally): (String, Tally)| Group {
                name,
                figures: tally.finish(&self.clocks, false, zone),
            };
            groups.into_iter().map(finish).collect::<Vec<_>>()
        };
        let mut cuts: Vec<_> =
            self.cuts.iter().copied().zip(cuts.into_iter().map(finished)).collect();
        let groups = cuts.iter().find(|(by, _)| Some(*by) == self.query.by);
        let groups = groups.map(|(_, groups)| groups.clone()).unwrap_or_default();
        let detail = self.detail.map(|detail| {
            cuts.retain(|(by, _)| Detail::CUTS.contains(by));
            let cuts = cuts.into_iter().map(|(by, groups)| Cut::new(by, groups)).collect();
            let days = (self.query.from.or(first), self.query.to.map(|to| to.min(end)).or(last));
            Box::new(detail.finish(cuts, days, self.last_seq))
        });
        Report { span, excluded: self.excluded, whole, by: self.query.by, groups, detail }
    }

    fn adopt(&mut self, rules: &Rules) {
        let mut clocks = Vec::with_capacity(rules.clocks.len());
        for rule in &rules.clocks {
            let name = ClockName {
                name: rule.name.clone(),
                of_unit: rule.starts.of_unit(),
                limit_ms: rule.limit_ms,
                canary: rule.starts == Trigger::CanaryReceived,
            };
            let known = self.clocks.iter().position(|known| known.name == name.name);
            if let Some(place) = known {
                self.clocks[place] = name;
                clocks.push(place);
            } else {
                self.clocks.push(name);
                clocks.push(self.clocks.len() - 1);
            }
        }
        self.books.push(Book { rules: Box::new(rules.clone()), clocks });
    }

    fn receive(&mut self, id: CallId, received_at: UtcMs, placed: &NewCall, by: Role) {
        if !self.query.wants(received_at) {
            return;
        }
        if placed.source == Source::Canary {
            self.excluded.canary += 1;
            return;
        }
        if placed.flags.test {
            self.excluded.test += 1;
            self.open.insert(id, Held::Test);
            return;
        }
        let (first, last) = self.received.unwrap_or((received_at, received_at));
        self.received = Some((first.min(received_at), last.max(received_at)));
        let places = self.places(received_at, &placed.district, &placed.kind, placed.priority);
        self.tallies.each(places, |tally| tally.calls.received += 1);
        let call = OpenCall::start(
            1,
            newest(&self.books),
            places,
            received_at,
            received_at,
            placed.flags.dropped,
        );
        self.open.insert(id, Held::Counted(Box::new(call)));
        // A call that a person at a desk places was picked up before.
        if let Some(detail) = self.detail.as_mut().filter(|_| by == Role::Intake) {
            detail.rings(id, received_at);
        }
    }

    fn reopen(
        &mut self,
        at: UtcMs,
        (id, generation): (CallId, u32),
        received_at: UtcMs,
        (district, kind, priority): (&str, &str, Priority),
        flags: Flags,
    ) {
        self.recent.remove(id);
        if flags.test {
            self.open.insert(id, Held::Test);
            return;
        }
        let places = self.places(received_at, district, kind, priority);
        self.tallies.each(places, |tally| tally.calls.reopened += 1);
        let call = OpenCall::start(
            generation,
            newest(&self.books),
            places,
            received_at,
            at,
            flags.dropped,
        );
        self.open.insert(id, Held::Counted(Box::new(call)));
    }

    fn close(&mut self, at: UtcMs, id: CallId, disposition: &str) {
        let Some(Held::Counted(mut call)) = self.open.remove(&id) else {
            return;
        };
        self.tallies.each(call.places, |tally| {
            tally.calls.closed += 1;
            let closed_as = &mut tally.calls.closed_as;
            if let Some(count) = closed_as.get_mut(disposition) {
                *count += 1;
            } else {
                closed_as.insert(disposition.to_owned(), 1);
            }
        });
        let rules = call.book.map(|book| &*self.books[book].rules);
        call.close(rules, at, &mut self.over);
        self.count_runs(id, (call.book, call.places, call.received_at), at);
        if let Some(detail) = &mut self.detail {
            detail.closed(id);
        }
        if call.told {
            let closed = Closed {
                id,
                generation: call.generation,
                book: call.book,
                places: call.places,
                taken: std::mem::take(&mut call.taken),
                tellings: std::mem::take(&mut call.tellings),
            };
            self.recent.insert(closed, Self::RECENT_MAX);
        }
    }

    fn taken(&mut self, id: CallId, clock: u8, rung: u8) {
        let (book, places, taken) = match self.open.get_mut(&id) {
            Some(Held::Counted(call)) => (call.book, call.places, &mut call.taken),
            Some(Held::Test) => return,
            None => match self.recent.get_mut(id) {
                Some(call) => (call.book, call.places, &mut call.taken),
                None => return,
            },
        };
        let Some(book) = book.map(|book| &self.books[book]) else {
            return;
        };
        if let Some((_, office)) = book.office(clock, rung)
            && !taken.contains(&(clock, rung))
        {
            taken.push((clock, rung));
            let place = book.clocks[usize::from(clock)];
            self.tallies.each(places, |tally| tally.rung(place, rung, office).taken += 1);
        }
    }

    /// Events that change one open call.
    fn change(&mut self, at: UtcMs, id: CallId, event: &Event) {
        let Some(Held::Counted(call)) = self.open.get_mut(&id) else {
            return;
        };
        let Some(book) = call.book.map(|book| &self.books[book]) else {
            return;
        };
        let (rules, over, tallies) = (&book.rules, &mut self.over, &mut self.tallies);
        match event {
            Event::CallClaimed { .. } => {
                if let Some(detail) = &mut self.detail {
                    detail.picked_up(id, at);
                }
            }
            Event::UnitAssigned { unit, .. } => call.assign(rules, unit, at, over),
            Event::UnitProgressed { unit, progress, .. } => {
                let (places, first) = (call.places, call.generation == 1);
                call.progress(rules, unit, *progress, at, over, |milestone| {
                    tallies.each(places, |tally| match (milestone, first) {
                        (Milestone::Acknowledged, true) => tally.calls.acknowledged += 1,
                        (Milestone::Acknowledged, false) => tally.calls.reopened_acknowledged += 1,
                        (Milestone::Arrived, true) => tally.calls.arrived += 1,
                        (Milestone::Arrived, false) => {}
                    });
                });
            }
            Event::UnitLeft { unit, leaving, .. } => call.leave(rules, unit, *leaving, at, over),
            Event::AcknowledgementWithdrawn { .. } => {
                call.withdraw(rules, at);
                tallies.each(call.places, |tally| tally.calls.withdrawals += 1);
            }
            Event::UnitCheckedIn { unit, .. } => {
                call.trigger(rules, Trigger::UnitCheckedIn, Some(unit), at, over);
            }
            Event::LineHungUp { .. } => {
                call.trigger(rules, Trigger::DroppedReceived, None, at, over);
            }
            Event::CallbackRecorded { .. } => {
                call.trigger(rules, Trigger::CallbackRecorded, None, at, over);
            }
            Event::ClockWarned { generation, clock, unit, warning, due_at, .. }
                if *generation == call.generation =>
            {
                let told = Told::ByClock { due_at: *due_at };
                let point = ClockPoint::Warning(*warning);
                call.told(rules, *clock, unit.as_ref(), point, told);
            }
            Event::Escalated { generation, .. } if *generation == call.generation => {
                escalate(at, call, book, event, tallies);
            }
            _ => {}
        }
        let of = (call.book, call.places, call.received_at);
        self.count_runs(id, of, at);
    }

    /// Counts the runs that are over.
    fn count_runs(
        &mut self,
        id: CallId,
        (book, places, received_at): (Option<usize>, Places, UtcMs),
        end: UtcMs,
    ) {
        for outcome in self.over.drain(..) {
            let place = book
                .and_then(|book| self.books[book].clocks.get(usize::from(outcome.clock)).copied());
            if let Some(place) = place {
                self.tallies.each(places, |tally| tally.run(place, id, &outcome, end));
                if let Some(detail) = &mut self.detail {
                    detail.run(&self.clocks, place, (id, received_at), &outcome);
                }
            }
        }
    }

    /// Where a call is counted in every cut.
    fn places(
        &mut self,
        received_at: UtcMs,
        district: &str,
        kind: &str,
        priority: Priority,
    ) -> Places {
        let (query, cuts) = (&self.query, &self.cuts);
        self.tallies.places(|cut| query.group(cuts[cut], received_at, district, kind, priority))
    }
}

fn newest(books: &[Book]) -> Option<(usize, &Rules)> {
    books.last().map(|book| (books.len() - 1, &*book.rules))
}

/// An office was told: counted, and the run goes on.
fn escalate(at: UtcMs, call: &mut OpenCall, book: &Book, event: &Event, tallies: &mut Tallies) {
    let Event::Escalated { clock, unit, rung, repeat, due_at, by_hand, .. } = event else {
        return;
    };
    let Some((_, office)) = book.office(*clock, *rung) else {
        return;
    };
    let (point, told) = (
        if *repeat == 0 { ClockPoint::Rung(*rung) } else { ClockPoint::Repeat(*repeat) },
        if by_hand.is_some() { Told::ByHand { at } } else { Told::ByClock { due_at: *due_at } },
    );
    call.told = true;
    call.told(&book.rules, *clock, unit.as_ref(), point, told);
    let place = book.clocks[usize::from(*clock)];
    let late_ms = if by_hand.is_some() { 0 } else { at.since(*due_at) };
    tallies.each(call.places, |tally| {
        let figures = tally.rung(place, *rung, office);
        if *repeat == 0 {
            figures.told += 1;
        } else {
            figures.repeats += 1;
        }
        figures.by_hand += u64::from(by_hand.is_some());
        figures.late += u64::from(late_ms > LATE_MS);
        figures.late_ms_max = figures.late_ms_max.max(late_ms);
    });
}

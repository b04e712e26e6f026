//! Once a day: a test of every channel of everybody, and the report to whoever gets it. What was
//! due while the server was down is not made up for.

use super::Desk;
use crate::domain::UtcMs;
use crate::notify::{Kind, Letter, Matter, Person, next_daily};
use std::sync::Arc;

/// Tests and reports have numbers from here on; notices of the log never come so far.
const FIRST: u64 = 1 << 62;

/// Whether a notice is a test or a report, and not of the log.
pub(super) const fn is_daily(notice: u64) -> bool {
    notice >= FIRST
}

/// When the next are due.
pub(super) struct Daily {
    test_at: UtcMs,
    report_at: UtcMs,
    number: u64,
}

const NEVER: UtcMs = UtcMs(u64::MAX);

impl Daily {
    pub(super) fn after(desk: &Desk, now: UtcMs) -> Self {
        let next = |time: Option<_>| time.map_or(NEVER, |time| next_daily(time, &desk.zone, now));
        let roster = &desk.roster;
        Self { test_at: next(roster.test_at), report_at: next(roster.report_at), number: FIRST }
    }

    pub(super) fn next_at(&self) -> UtcMs {
        self.test_at.min(self.report_at)
    }

    /// What is due at `now`: each letter with its channel.
    pub(super) fn due(&mut self, desk: &Desk, now: UtcMs) -> Vec<(Letter, Box<str>)> {
        let mut letters = Vec::new();
        let (test, report) = (now >= self.test_at, now >= self.report_at);
        if test {
            for person in &desk.roster.people {
                for channel in sending(desk, person) {
                    letters.push((self.letter(desk, person, now, Matter::Test), channel.clone()));
                }
            }
        }
        if report && let Some(made) = (desk.report)(self.report_at) {
            let made = Arc::new(made);
            for person in desk.roster.people.iter().filter(|person| person.reports) {
                // The first channel that sends: a report is no alarm.
                if let Some(channel) = sending(desk, person).next() {
                    let matter = Matter::Report(Arc::clone(&made));
                    letters.push((self.letter(desk, person, now, matter), channel.clone()));
                }
            }
        }
        if test || report {
            let Self { test_at, report_at, .. } = Self::after(desk, now);
            (self.test_at, self.report_at) = (test_at, report_at);
        }
        letters
    }

    fn letter(&mut self, desk: &Desk, person: &Person, now: UtcMs, matter: Matter) -> Letter {
        self.number += 1;
        Letter {
            notice: self.number,
            intended_at: now,
            room: desk.room.clone(),
            drill: false,
            person: person.name.clone(),
            email: person.email.clone(),
            phone: person.phone.clone(),
            matter,
            zone: desk.zone.clone(),
        }
    }
}

/// The channels of a person that send something; a feed shows and sends nothing.
fn sending<'a>(desk: &'a Desk, person: &'a Person) -> impl Iterator<Item = &'a Box<str>> {
    person.channels.iter().filter(|name| {
        desk.roster.channel(name).is_some_and(|rule| !matches!(rule.kind, Kind::Feed))
    })
}

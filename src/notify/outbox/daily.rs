//! What is of no call, and in no log. Once a day: a test of every channel of everybody, and the report to whoever gets it. What was
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

    /// What those who answer for the room's disks are told, by each of their ways: what came of it is in no log.
    pub(super) fn disks(
        &mut self,
        desk: &Desk,
        now: UtcMs,
        durable: bool,
    ) -> Vec<(Letter, Box<str>)> {
        let mut letters = Vec::new();
        for person in desk.wardens.iter().filter_map(|name| desk.roster.person(name)) {
            for channel in sending(desk, person) {
                let letter = self.letter(desk, person, now, Matter::Disks { durable });
                letters.push((letter, channel.clone()));
            }
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

#[cfg(test)]
mod tests {
    use super::{Daily, is_daily};
    use crate::domain::UtcMs;
    use crate::notify::{ChannelRule, Desk, Kind, Matter, Person, Report, Retry, Roster};
    use jiff::civil::time;
    use jiff::tz::TimeZone;
    use std::sync::Arc;
    use std::time::Duration;

    /// 2026-01-01T00:00:00Z.
    const START: UtcMs = UtcMs(1_767_225_600_000);
    const HOUR: u64 = 3_600_000;

    fn person(name: &str, channels: &[&str], reports: bool) -> Person {
        Person {
            name: name.into(),
            office: None,
            districts: Vec::new(),
            channels: channels.iter().map(|name| (*name).into()).collect(),
            email: None,
            phone: None,
            reports,
        }
    }

    fn desk() -> Desk {
        let command = || Kind::Command { argv: vec!["true".into()] };
        let channels = [("feed", Kind::Feed), ("sms", command()), ("mail", command())];
        let roster = Roster {
            retry: Retry { attempts_max: 1, first_ms: 1, max_ms: 1 },
            send_limit: Duration::from_secs(1),
            feed_wait_ms: 1,
            test_at: Some(time(6, 0, 0, 0)),
            report_at: Some(time(7, 0, 0, 0)),
            secret_file: None,
            secret: None,
            link: None,
            people: vec![
                person("Nadia", &["feed", "sms", "mail"], true),
                person("Bilal", &["mail"], false),
            ],
            channels: channels.map(|(name, kind)| ChannelRule { name: name.into(), kind }).into(),
        };
        let made = |due: UtcMs| Report { title: due.to_string(), text: String::new(), html: None };
        Desk {
            room: "Room".into(),
            zone: TimeZone::UTC,
            roster: Arc::new(roster),
            looks: Box::new(|_| false),
            report: Box::new(move |due| Some(made(due))),
            wardens: Vec::new(),
            tests: Arc::default(),
        }
    }

    fn sent(daily: &mut Daily, now: UtcMs) -> Vec<(String, String, &'static str)> {
        let letters = daily.due(&desk(), now).into_iter().map(|(letter, channel)| {
            assert!(is_daily(letter.notice), "never taken for a notice of the log");
            let what = match letter.matter {
                Matter::Test => "test",
                Matter::Report(_) => "report",
                Matter::Disks { .. } => "disks",
                Matter::Escalation(_) => "escalation",
            };
            (letter.person.to_string(), channel.to_string(), what)
        });
        letters.collect()
    }

    #[test]
    fn every_channel_that_sends_is_tested_once_a_day() {
        let mut daily = Daily::after(&desk(), START);
        assert_eq!(daily.next_at(), START.plus(6 * HOUR));
        assert!(sent(&mut daily, START.plus(6 * HOUR - 1)).is_empty());
        let tests = sent(&mut daily, START.plus(6 * HOUR));
        let expected = [("Nadia", "sms"), ("Nadia", "mail"), ("Bilal", "mail")];
        let expected = expected.map(|(who, by)| (who.to_owned(), by.to_owned(), "test"));
        assert_eq!(tests, expected, "a feed shows and sends nothing");
        assert!(sent(&mut daily, START.plus(6 * HOUR + 1)).is_empty(), "once");
        assert_eq!(daily.next_at(), START.plus(7 * HOUR));
    }

    #[test]
    fn the_report_goes_to_those_who_get_it_by_their_first_channel_that_sends() {
        let mut daily = Daily::after(&desk(), START.plus(6 * HOUR));
        let reports = sent(&mut daily, START.plus(7 * HOUR));
        assert_eq!(reports, [("Nadia".to_owned(), "sms".to_owned(), "report")]);
        assert_eq!(daily.next_at(), START.plus(30 * HOUR));
    }

    #[test]
    fn who_answers_for_the_disks_is_told_by_every_way() {
        let desk = Desk { wardens: vec!["Nadia".into(), "nobody".into()], ..desk() };
        let mut daily = Daily::after(&desk, START);
        for (durable, word) in [(false, "WITHOUT A DISK"), (true, "has a disk again")] {
            let letters = daily.disks(&desk, START, durable);
            let ways: Vec<&str> = letters.iter().map(|(_, channel)| &**channel).collect();
            assert_eq!(ways, ["sms", "mail"]);
            for (letter, _) in letters {
                assert!(letter.headline().contains(word), "{}", letter.headline());
                assert!(is_daily(letter.notice));
                assert_eq!(letter.json()["disks"]["durable"], durable);
            }
        }
    }

    #[test]
    fn each_letter_of_a_day_has_an_id_of_its_own() {
        let mut daily = Daily::after(&desk(), START);
        let letters = daily.due(&desk(), START.plus(7 * HOUR));
        let mut ids: Vec<_> = letters.iter().map(|(letter, _)| letter.id()).collect();
        assert_eq!(ids.len(), 4);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }
}

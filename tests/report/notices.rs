//! The story of an escalation, with the people who were told of it.

use super::{full, rows};
use crate::room::Room;
use fifteen::domain::{Command, Dated, Event, Progress, Recipient, Role, Transition};
use fifteen::report::{Disclosure, Ended, Query, Record, html};

/// An event of the room's own.
fn happens(room: &mut Room, event: Event) {
    let seq = room.log.last().map_or(1, |dated| dated.seq + 1);
    let transition = Transition { event, mark: None };
    room.log.push(Dated { seq, at: room.now, transition });
}

fn told() -> (Room, fifteen::domain::CallId, u64) {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(16);
    let first = room.log.iter().find(|dated| dated.transition.event.name() == "escalated");
    let escalation = first.unwrap().seq;
    (room, call, escalation)
}

#[test]
fn a_story_says_who_was_told_by_what_and_who_saw_and_took_it() {
    let (mut room, call, escalation) = told();
    let to =
        |person: &str, channel: &str| Recipient { person: person.into(), channel: channel.into() };
    let to = vec![to("SP Ayesha", "sms"), to("SP Ayesha", "e-mail")];
    let by = fifteen::domain::Actor::new("SP Ayesha", Role::Supervisor);
    happens(&mut room, Event::NoticesIntended { call, escalation, first: 7, to });
    happens(
        &mut room,
        Event::NoticeFailed { call, escalation, notice: 7, gave_up: true, problem: "x".into() },
    );
    happens(&mut room, Event::NoticeDelivered { call, escalation, notice: 8 });
    happens(&mut room, Event::EscalationSeen { call, escalation, by: by.clone() });
    happens(&mut room, Event::EscalationTaken { call, clock: 0, rung: 0, by });
    let records: Vec<_> =
        rows(&room, Query::all(super::karachi())).iter().skip(2).map(|row| row.record).collect();
    let expected = [
        Record::Intended,
        Record::Intended,
        Record::Failed,
        Record::Delivered,
        Record::Seen,
        Record::Taken,
    ];
    assert_eq!(records, expected);
    let report = full(&room);
    let stories = &report.detail.as_ref().unwrap().stories;
    let story = stories.iter().find(|story| story.clock == "acknowledge").unwrap();
    let told = &story.told[0];
    assert_eq!((told.escalation, &*told.office), (escalation, "cell in-charge"));
    let notices: Vec<_> = told
        .notices
        .iter()
        .map(|of| (&*of.channel, of.delivered_at.is_some(), of.failed_at.is_some()))
        .collect();
    assert_eq!(notices, [("sms", false, true), ("e-mail", true, false)]);
    assert_eq!(told.seen_by.as_deref(), Some("SP Ayesha"));
    assert_eq!(told.taken_by.as_deref(), Some("SP Ayesha"));
    let page = html(&report, None, Disclosure::default());
    assert!(page.contains("SP Ayesha, e-mail: delivered"), "{page}");
    assert!(page.contains("given up"));
}

#[test]
fn a_story_ends_with_the_answer_the_close_or_nothing() {
    let mut room = Room::open();
    let [answered, closed, nobody] = [room.call(1), room.call(1), room.call(1)];
    room.minutes(20);
    room.progress(answered, "CAR-1", Progress::OnScene).unwrap();
    room.close(closed, "Saima", "helped").unwrap();
    room.minutes(80);
    let report = full(&room);
    let detail = report.detail.unwrap();
    let ended = |call| {
        let mut own = detail.stories.iter().filter(|story| story.call == call);
        own.find(|story| story.clock == "acknowledge").map(|story| (story.ended, story.answer_ms))
    };
    assert_eq!(ended(answered), Some((Some(Ended::Late), Some(20 * 60_000))));
    assert_eq!(ended(closed), Some((Some(Ended::Closed), None)));
    assert_eq!(ended(nobody), Some((Some(Ended::Unanswered), None)));
    assert_eq!(detail.stories_total, 7, "three calls, two clocks each, and a crew's safety");
    assert_eq!(detail.stories[0].call, nobody, "what was told of most comes first");
}

#[test]
fn a_taking_after_the_close_is_in_the_story() {
    let (mut room, call, _) = told();
    room.close(call, "Saima", "helped").unwrap();
    let take = Command::TakeEscalation { call, clock: "acknowledge".into(), rung: Some(0) };
    if room.submit("the DPO", Role::Supervisor, take).is_ok() {
        let report = full(&room);
        let stories = report.detail.unwrap().stories;
        let story = stories.iter().find(|story| story.clock == "acknowledge").unwrap();
        assert_eq!(story.told[0].taken_by.as_deref(), Some("the DPO"));
        assert_eq!(story.ended, Some(Ended::Closed));
    }
}

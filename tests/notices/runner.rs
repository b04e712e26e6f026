//! The threads that send: isolation, order, attempts, what happens at each bound.

use super::hooks::Receiver;
use super::mail::Post;
use super::*;
use crossbeam_channel::{Receiver as Inbox, Sender, bounded, unbounded};
use fifteen::notify::plan::{Due, Past, Stage, Standing, plan};
use fifteen::notify::{Outcome, QUEUED_MAX, Retry, Runner, Senders, Sent, Unsent};
use fifteen::service::clock::RoomClock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A roster that does not wait between attempts.
fn hasty(attempts_max: u32) -> Roster {
    let mut roster = roster("");
    roster.retry = Retry { attempts_max, first_ms: 1, max_ms: 1 };
    roster.feed_wait_ms = 1;
    roster
}

fn running<const N: usize>(
    roster: &Roster,
    senders: [(&str, Option<Arc<dyn Channel>>); N],
) -> (Runner, Inbox<Sent>) {
    let (report, reports) = unbounded();
    let tell = move |sent| drop(report.send(sent));
    let clock = RoomClock::start(UtcMs(0));
    (Runner::start(Senders::only(senders), roster, clock, tell).unwrap(), reports)
}

fn numbered(notice: u64) -> Letter {
    Letter { notice, ..letter() }
}

fn post(runner: &Runner, notice: u64, channel: &str) {
    runner.post(numbered(notice), channel, 0, UtcMs(0)).unwrap();
}

/// The next result; a test that waits this long has failed.
fn next(reports: &Inbox<Sent>) -> Sent {
    reports.recv_timeout(LONG).expect("a result comes")
}

/// A sender that says when it began, and goes on when it is told to.
fn gated() -> (Option<Arc<dyn Channel>>, Inbox<u64>, Sender<()>) {
    let (begun, begins) = unbounded();
    let (go, gate) = bounded(0);
    let sender = acting(move |letter| {
        begun.send(letter.notice).unwrap();
        gate.recv_timeout(LONG).map_err(|_| SendError::gone("the test is over"))
    });
    (sender, begins, go)
}

#[test]
fn a_slow_destination_holds_up_nobody_else() {
    let (slow, begins, go) = gated();
    let (runner, reports) = running(&hasty(1), [("slow", slow), ("quick", acting(|_| Ok(())))]);
    for notice in 1..=20 {
        post(&runner, notice, "slow");
    }
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
    for notice in 101..=150 {
        post(&runner, notice, "quick");
    }
    for _ in 101..=150 {
        assert_eq!((&*next(&reports).channel, begins.len()), ("quick", 0));
    }
    drop(go);
}

#[test]
fn one_notice_a_channel_is_under_way_and_several_channels_are() {
    let under_way: [Arc<AtomicUsize>; 2] = Default::default();
    let met = Arc::new(std::sync::Barrier::new(2));
    let sender = |number: usize| {
        let (count, met) = (Arc::clone(&under_way[number]), Arc::clone(&met));
        acting(move |_| {
            assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "a second one");
            // Ends only if the other channel is under way as well.
            met.wait();
            count.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    };
    let (runner, reports) = running(&hasty(1), [("a", sender(0)), ("b", sender(1))]);
    for notice in 1..=50 {
        post(&runner, notice, "a");
        post(&runner, 100 + notice, "b");
    }
    for _ in 0..100 {
        assert_eq!(next(&reports).outcome, Outcome::Delivered);
    }
}

#[test]
fn the_most_urgent_goes_first_and_the_oldest_of_these() {
    let (sender, begins, go) = gated();
    let (runner, _reports) = running(&hasty(1), [("a", sender)]);
    post(&runner, 1, "a");
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
    for (notice, priority, at) in [(2, 3, 5), (3, 1, 9), (4, 1, 7), (5, 4, 1), (6, 1, 7)] {
        let missed = Escalation { priority: Priority::new(priority).unwrap(), ..escalation() };
        let letter = Letter {
            intended_at: UtcMs(at),
            matter: Matter::Escalation(Box::new(missed)),
            ..numbered(notice)
        };
        runner.post(letter, "a", 0, UtcMs(0)).unwrap();
    }
    let test = Letter { matter: Matter::Test, intended_at: UtcMs(0), ..numbered(7) };
    runner.post(test, "a", 0, UtcMs(0)).unwrap();
    let order = (0..6).map(|_| {
        go.send(()).unwrap();
        begins.recv_timeout(LONG).unwrap()
    });
    assert_eq!(order.collect::<Vec<_>>(), [4, 6, 3, 2, 5, 7]);
    drop(go);
}

#[test]
fn a_failed_notice_is_tried_again_under_its_id_and_then_given_up() {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ids);
    let sender = acting(move |letter| {
        seen.lock().unwrap().push(letter.id());
        Err(SendError::again("no answer"))
    });
    let (runner, reports) = running(&hasty(3), [("a", sender)]);
    post(&runner, 1, "a");
    for attempt in 1..=2 {
        let sent = next(&reports);
        assert_eq!(sent.attempt, attempt);
        assert!(matches!(sent.outcome, Outcome::Again { .. }), "{sent:?}");
    }
    let last = next(&reports);
    let problem = "no answer".to_owned();
    assert_eq!((last.attempt, last.outcome), (3, Outcome::GaveUp { problem }));
    let ids = ids.lock().unwrap();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == numbered(1).id()));
    runner.stop();
}

#[test]
fn attempts_from_before_a_crash_count() {
    let (runner, reports) =
        running(&hasty(3), [("a", acting(|_| Err(SendError::again("no answer"))))]);
    runner.post(letter(), "a", 2, UtcMs(0)).unwrap();
    let sent = next(&reports);
    assert_eq!(sent.attempt, 3);
    assert!(matches!(sent.outcome, Outcome::GaveUp { .. }), "{sent:?}");
}

#[test]
fn what_cannot_help_is_not_tried_again() {
    let (runner, reports) =
        running(&hasty(3), [("a", acting(|_| Err(SendError::gone("answered 404"))))]);
    post(&runner, 1, "a");
    let sent = next(&reports);
    let problem = "answered 404".to_owned();
    assert_eq!((sent.attempt, sent.outcome), (1, Outcome::GaveUp { problem }));
    runner.stop();
    assert!(reports.is_empty());
}

#[test]
fn a_sender_that_panics_is_a_failed_attempt() {
    let first = AtomicUsize::new(0);
    let sender = acting(move |_| match first.fetch_add(1, Ordering::SeqCst) {
        0 => panic!("on purpose"),
        _ => Ok(()),
    });
    let (runner, reports) = running(&hasty(3), [("a", sender)]);
    post(&runner, 1, "a");
    assert!(matches!(next(&reports).outcome, Outcome::Again { .. }));
    assert_eq!(next(&reports).outcome, Outcome::Delivered);
    runner.stop();
}

#[test]
fn a_notice_posted_twice_is_sent_once() {
    let (sender, begins, go) = gated();
    let (runner, reports) = running(&hasty(3), [("a", sender)]);
    for _ in 0..3 {
        post(&runner, 1, "a");
    }
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
    post(&runner, 1, "a");
    post(&runner, 2, "a");
    go.send(()).unwrap();
    assert_eq!(next(&reports).notice, 1);
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 2);
    drop(go);
}

#[test]
fn a_feed_that_showed_nothing_is_given_up_and_one_that_did_is_not() {
    let mut roster = hasty(3);
    roster.feed_wait_ms = 3_600_000;
    let (runner, reports) = running(&roster, [("feed", None)]);
    let now = RoomClock::start(UtcMs(0)).now();
    let old = Letter { intended_at: UtcMs(now.0 - 3_600_000), ..numbered(1) };
    let shown = Letter { intended_at: now, ..numbered(2) };
    runner.post(shown, "feed", 0, UtcMs(0)).unwrap();
    runner.post(old, "feed", 0, UtcMs(0)).unwrap();
    let sent = next(&reports);
    let problem = "the feed did not show it in time".to_owned();
    assert_eq!((sent.notice, sent.outcome), (1, Outcome::GaveUp { problem }));
    assert!(runner.forget(2) && !runner.forget(2) && !runner.forget(1));
    assert_eq!(runner.queued(), 0);
    runner.stop();
    assert!(reports.is_empty());
}

#[test]
fn what_is_forgotten_is_not_tried_again() {
    let (begun, begins) = bounded(0);
    let (go, gate) = bounded(0);
    let sender = acting(move |_| {
        begun.send(()).unwrap();
        gate.recv().unwrap();
        Err(SendError::again("no answer"))
    });
    let (runner, reports) = running(&hasty(3), [("a", sender)]);
    post(&runner, 1, "a");
    post(&runner, 2, "a");
    begins.recv().unwrap();
    assert!(!runner.forget(1), "it is under way, and will be reported");
    assert!(runner.forget(2), "it waited, and will not");
    go.send(()).unwrap();
    assert!(matches!(next(&reports).outcome, Outcome::GaveUp { .. }));
    runner.stop();
    assert!(reports.is_empty());
}

#[test]
fn a_full_queue_says_so_and_takes_again_when_there_is_room() {
    let (sender, begins, go) = gated();
    let (runner, reports) = running(&hasty(1), [("a", sender)]);
    for notice in 0..QUEUED_MAX {
        post(&runner, notice as u64, "a");
    }
    let more = || runner.post(numbered(u64::MAX), "a", 0, UtcMs(0));
    assert_eq!(more(), Err(Unsent::Full));
    assert_eq!(runner.post(numbered(u64::MAX - 1), "b", 0, UtcMs(0)), Err(Unsent::Full));
    begins.recv_timeout(LONG).unwrap();
    go.send(()).unwrap();
    assert_eq!(next(&reports).outcome, Outcome::Delivered);
    // The second one begins after the first has left the queue.
    begins.recv_timeout(LONG).unwrap();
    assert_eq!(more(), Ok(()));
    drop(go);
}

#[test]
fn a_channel_that_is_gone_is_said() {
    let (runner, _reports) = running(&hasty(1), [("a", acting(|_| Ok(())))]);
    assert_eq!(runner.post(letter(), "b", 0, UtcMs(0)), Err(Unsent::NoChannel));
}

#[test]
fn a_report_that_panics_holds_up_nothing() {
    let (report, reports) = unbounded();
    let tell = move |sent: Sent| {
        assert_ne!(sent.notice, 1, "on purpose");
        report.send(sent).unwrap();
    };
    let senders = Senders::only([("a", acting(|_| Ok(())))]);
    let clock = RoomClock::start(UtcMs(0));
    let runner = Runner::start(senders, &hasty(1), clock, tell).unwrap();
    post(&runner, 1, "a");
    post(&runner, 2, "a");
    assert_eq!(next(&reports).notice, 2);
}

#[test]
fn an_unreachable_channel_is_followed_by_the_next_and_the_end_is_told() {
    let broken = Receiver::start(|_| (503, Vec::new()));
    let mailbox = Post::start();
    let tables = format!(
        r#"
        [[channel]]
        name = "hook"
        kind = "webhook"
        url = "{}"
        secret_file = "not-read-here"
        [[channel]]
        name = "mail"
        kind = "email"
        host = "127.0.0.1"
        port = {}
        tls = "none"
        from = "room@cell.example"
        [[person]]
        name = "DPO Lahore"
        office = "DPO"
        districts = ["Lahore"]
        channels = ["hook", "mail"]
        email = "dpo@example.org"
        [[person]]
        name = "DPO Multan"
        office = "DPO"
        districts = ["Multan"]
        channels = ["hook"]
        "#,
        broken.url(),
        mailbox.address.port()
    );
    let mut roster = roster(&tables);
    roster.retry = Retry { attempts_max: 2, first_ms: 1, max_ms: 1 };
    roster.secret = Some(key());
    let senders = Senders::of(&roster, &wall(TOLD_AT)).map_err(|(name, _)| name).unwrap();
    let (report, reports) = unbounded();
    let tell = move |sent| drop(report.send(sent));
    let clock = RoomClock::start(UtcMs(0));
    let runner = Runner::start(senders, &roster, clock, tell).unwrap();
    let (mut past, mut notice) = (Vec::new(), 0);
    let mut ends = Vec::new();
    for district in ["Lahore", "Multan"] {
        let due =
            Due { escalation: 4711, told_at: TOLD_AT, office: "DPO", district, settled: false };
        past.clear();
        loop {
            let planned = plan(&roster, &due, &past, |_| false);
            let [intent] = &planned.intents[..] else {
                ends.push(planned.standing);
                break;
            };
            notice += 1;
            let letter = Letter { person: intent.person.clone(), ..numbered(notice) };
            runner.post(letter, &intent.channel, 0, UtcMs(0)).unwrap();
            let stage = loop {
                match next(&reports).outcome {
                    Outcome::Delivered => break Stage::Delivered(TOLD_AT),
                    Outcome::GaveUp { .. } => break Stage::Failed(TOLD_AT),
                    Outcome::Again { .. } => {}
                }
            };
            let person = &roster.person(&intent.person).unwrap().name;
            let channel = &roster.channel(&intent.channel).unwrap().name;
            past.push(Past { escalation: 4711, person, channel, stage });
        }
    }
    assert_eq!(ends, [Standing::Going, Standing::NobodyReached]);
    assert_eq!(broken.got().len(), 4, "two attempts each");
    assert_eq!(mailbox.taken().len(), 1);
}

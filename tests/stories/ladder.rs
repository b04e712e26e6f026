//! Who is told when a deadline is missed: once each, and never silence.

use crate::room::{MINUTE, Room, START};
use fifteen::domain::{
    Answer, CallId, Command, Dated, Event, HISTORY_MAX, Progress, Rejection, Role,
};

#[test]
fn one_rung_at_the_limit_and_one_each_fifteen_minutes() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(60);
    assert_eq!(room.told("acknowledge"), ["cell in-charge", "DPO", "RPO", "DIG Operations"]);
    assert_eq!(room.told_at("acknowledge"), [15, 30, 45, 60].map(|minute| minute * MINUTE));
}

#[test]
fn the_last_rung_repeats_for_ever() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(7 * 24 * 60);
    let said = room.said("acknowledge");
    let repeats: Vec<_> = said.iter().filter(|said| said.repeat > 0).collect();
    assert_eq!(repeats.len(), 7 * 24 * 4 - 4);
    for (number, said) in (1..).zip(repeats) {
        assert_eq!((said.rung, said.repeat), (Some(3), number));
        assert_eq!(said.due_ms, (60 + 15 * u64::from(number)) * MINUTE);
    }
    assert!(room.engine.next_deadline().is_some());
}

#[test]
fn each_rung_and_each_repeat_is_told_exactly_once() {
    let mut room = Room::open();
    for _ in 0..20 {
        room.call(2);
        room.seconds(7);
    }
    room.minutes(300);
    for clock in ["acknowledge", "arrive"] {
        let mut told: Vec<_> = room
            .said(clock)
            .into_iter()
            .map(|said| (said.call, said.generation, said.rung, said.repeat))
            .collect();
        let all = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), all);
        assert!(all >= 20 * 20);
    }
}

#[test]
fn acting_ends_the_ladder_wherever_it_stands() {
    for rungs in 1..=6 {
        let mut room = Room::open();
        let call = room.call(1);
        room.minutes(15 * rungs);
        room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
        room.minutes(300);
        assert_eq!(room.told("acknowledge").len() as u64, rungs);
    }
}

#[test]
fn taking_the_last_rung_silences_its_repeats() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(61);
    assert_eq!(room.take(call, None).unwrap().answer, Answer::Done);
    assert!(matches!(
        room.events().last(),
        Some(Event::EscalationTaken { rung: 3, by, .. }) if &*by.who == "DIG Operations"
    ));
    room.minutes(600);
    assert_eq!(room.told("acknowledge").len(), 4);
    // The clock of the same call it did not take goes on.
    assert!(room.told("arrive").len() > 40);
}

#[test]
fn taking_silences_the_rung_and_not_the_clock() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(61);
    room.take(call, None).unwrap();
    assert_eq!(room.queue(), [call]);
    let running = |room: &Room| {
        let runs = &room.get(call).clocks;
        runs.iter().filter(|run| run.stopped_at.is_none()).count()
    };
    assert_eq!(running(&room), 2);
    room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
    assert_eq!(running(&room), 1);
}

#[test]
fn taking_a_lower_rung_stops_none_above_it() {
    for rung in 0..3 {
        let mut room = Room::open();
        let call = room.call(1);
        room.minutes(15 * (u64::from(rung) + 1));
        room.take(call, Some(rung)).unwrap();
        room.minutes(100);
        let all = (15 * (u64::from(rung) + 1) + 100) / 15;
        assert_eq!(room.told("acknowledge").len() as u64, all);
    }
}

#[test]
fn a_withdrawal_ends_the_silence() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(61);
    room.take(call, None).unwrap();
    room.acknowledged(call, "CAR-1");
    room.minutes(60);
    assert_eq!(room.told("acknowledge").len(), 4);
    room.decline(call, "CAR-1").unwrap();
    room.minutes(60);
    // 14 minutes were left to the next repeat.
    assert_eq!(
        room.told_at("acknowledge")[4..],
        [135, 150, 165, 180].map(|minute| minute * MINUTE)
    );
}

#[test]
fn a_withdrawal_long_after_a_taking_leaves_two_minutes() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(61);
    room.take(call, None).unwrap();
    room.minutes(239);
    room.acknowledged(call, "CAR-1");
    room.decline(call, "CAR-1").unwrap();
    room.minutes(20);
    assert_eq!(room.told_at("acknowledge")[4..], [302, 317].map(|minute| minute * MINUTE));
}

#[test]
fn a_rung_not_told_cannot_be_taken() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(14);
    assert_eq!(room.take(call, None), Err(Rejection::RungNotTold(call)));
    assert_eq!(room.take(call, Some(0)), Err(Rejection::RungNotTold(call)));
    room.minutes(1);
    assert_eq!(room.take(call, Some(1)), Err(Rejection::RungNotTold(call)));
    room.take(call, Some(0)).unwrap();
}

#[test]
fn a_rung_that_another_clock_told_is_not_taken_for_this_one() {
    let mut room = Room::open();
    let call = room.call(1);
    room.escalate(call, "arrive").unwrap();
    assert_eq!(room.take(call, None), Err(Rejection::RungNotTold(call)));
    room.escalate(call, "acknowledge").unwrap();
    room.take(call, None).unwrap();
}

#[test]
fn by_hand_the_ladder_comes_forward() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(3);
    room.escalate(call, "acknowledge").unwrap();
    room.minutes(1);
    room.escalate(call, "acknowledge").unwrap();
    room.minutes(60);
    assert_eq!(room.told("acknowledge")[..4], ["cell in-charge", "DPO", "RPO", "DIG Operations"]);
    // Two by hand, then the third at the limit: sooner than it would have been, never later.
    assert_eq!(room.told_at("acknowledge")[..5], [3, 4, 15, 30, 45].map(|minute| minute * MINUTE));
}

#[test]
fn by_hand_no_rung_comes_later_than_it_would_have() {
    for by_hand_at in 0..100 {
        let mut room = Room::open();
        let call = room.call(1);
        room.minutes(by_hand_at);
        room.escalate(call, "acknowledge").unwrap();
        room.minutes(150 - by_hand_at);
        let told = room.told_at("acknowledge");
        for (number, at) in (1..).zip(told) {
            assert!(at <= 15 * MINUTE * number, "by hand at {by_hand_at}");
        }
    }
}

#[test]
fn by_hand_at_the_deadline_stands_for_the_rung_that_was_due() {
    let mut room = Room::open();
    let call = room.call(1);
    room.millis(15 * MINUTE - 1);
    room.now = START.plus(15 * MINUTE);
    room.escalate(call, "acknowledge").unwrap();
    room.minutes(15);
    assert_eq!(room.told_at("acknowledge"), [15 * MINUTE, 30 * MINUTE]);
    assert_eq!(room.told("acknowledge"), ["cell in-charge", "DPO"]);
}

#[test]
fn by_hand_at_the_top_is_a_repeat_and_ends_a_silence() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(61);
    room.take(call, None).unwrap();
    room.minutes(60);
    room.escalate(call, "acknowledge").unwrap();
    room.minutes(20);
    let said = room.said("acknowledge");
    let last: Vec<_> = said[5..].iter().map(|s| (s.rung, s.repeat)).collect();
    assert_eq!(last, [(Some(3), 1), (Some(3), 2)]);
    assert_eq!(room.told_at("acknowledge")[4..], [121, 136].map(|minute| minute * MINUTE));
}

#[test]
fn by_hand_says_who_and_why() {
    let mut room = Room::open();
    let call = room.call(1);
    let command = fifteen::domain::Command::EscalateCall {
        call,
        clock: None,
        reason: Some("he is at the door".into()),
    };
    room.submit("Saima", Role::Operator, command).unwrap();
    assert!(matches!(
        room.events().last(),
        Some(Event::Escalated { clock: 0, rung: 0, repeat: 0, by_hand: Some((by, Some(why))), .. })
            if &*by.who == "Saima" && &**why == "he is at the door"
    ));
}

#[test]
fn by_hand_without_a_clock_takes_the_first_that_runs() {
    let mut room = Room::open();
    let call = room.call(1);
    room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
    let command = fifteen::domain::Command::EscalateCall { call, clock: None, reason: None };
    room.operator(command).unwrap();
    assert_eq!(room.told("arrive"), ["cell in-charge"]);
    assert!(room.told("acknowledge").is_empty());
}

#[test]
fn a_stopped_clock_is_not_escalated_by_hand() {
    let mut room = Room::open();
    let call = room.call(1);
    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    let refusal = room.escalate(call, "acknowledge").unwrap_err();
    assert_eq!(refusal, Rejection::NoClockRunning(call));
}

#[test]
fn by_hand_on_one_clock_leaves_the_others_be() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(1);
    room.escalate(call, "acknowledge").unwrap();
    room.minutes(14);
    assert_eq!(room.told_at("arrive"), [15 * MINUTE]);
}

#[test]
fn deadlines_of_one_instant_are_told_most_urgent_first_then_by_number() {
    let mut room = Room::open();
    let calls: Vec<_> = [4, 1, 3, 1, 2].map(|priority| room.call(priority)).into();
    room.minutes(15);
    let told: Vec<_> = room
        .said("acknowledge")
        .iter()
        .filter(|said| said.rung.is_some())
        .map(|said| CallId(said.call))
        .collect();
    assert_eq!(told, [calls[1], calls[3], calls[4], calls[2], calls[0]]);
}

#[test]
fn a_call_left_to_its_reminders_remembers_its_beginning_and_its_latest() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(15 * 1_000);
    let about = |dated: &&Dated| dated.transition.event.call() == Some(call);
    let all: Vec<u64> = room.log.iter().filter(about).map(|dated| dated.seq).collect();
    let kept = &room.engine.state().call(call).unwrap().history;
    assert!(all.len() > 1_000 && kept.len() <= HISTORY_MAX);
    assert_eq!(kept[..32], all[..32]);
    assert_eq!(kept[kept.len() - 100..], all[all.len() - 100..]);
}

#[test]
fn taking_what_one_unit_missed_does_not_silence_what_another_will_miss() {
    let mut room = Room::open();
    let call = room.call(1);
    room.sign_on("CAR-1");
    room.sign_on("CAR-2");
    room.assign(call, "CAR-1").unwrap();
    room.seconds(60);
    room.assign(call, "CAR-2").unwrap();
    room.seconds(30);
    assert_eq!(room.said("turnout").len(), 1);
    let take = Command::TakeEscalation { call, clock: "turnout".into(), rung: None };
    room.submit("Nadia", Role::Supervisor, take).unwrap();
    room.minutes(32);
    let repeats: Vec<_> = room.said("turnout").iter().map(|said| said.repeat).collect();
    assert_eq!(repeats, [0, 0, 1, 2], "the second car's, told and told again");
}

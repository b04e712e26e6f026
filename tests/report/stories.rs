//! Each figure, on a room small enough to count by hand.

use super::{by, calls, clock, dropped, karachi, report, report_of, rows, whole};
use crate::room::{Room, START};
use fifteen::domain::{
    CallId, CallbackOutcome, Callsign, Command, NewCall, Priority, Progress, Role, Source,
};
use fifteen::report::{By, Fold, Query, Record};

const MINUTE: u64 = 60_000;

fn unit(name: &str) -> Callsign {
    Callsign::new(name).unwrap()
}

fn reopen(room: &mut Room, call: CallId) {
    room.operator(Command::ReopenCall { call, reason: None }).unwrap();
}

fn take(room: &mut Room, call: CallId, who: &str) {
    let command = Command::TakeEscalation { call, clock: "acknowledge".into(), rung: None };
    room.submit(who, Role::Supervisor, command).unwrap();
}

#[test]
fn an_answer_on_the_deadline_is_in_time_and_one_after_it_is_missed() {
    let mut room = Room::open();
    let (exact, after) = (room.call(1), room.call(1));
    room.millis(15 * MINUTE - 1);
    room.now = START.plus(15 * MINUTE);
    room.progress(exact, "CAR-1", Progress::OnScene).unwrap();
    room.until(START.plus(15 * MINUTE + 1));
    room.progress(after, "CAR-2", Progress::OnScene).unwrap();
    for name in ["acknowledge", "arrive"] {
        let clock = clock(&whole(&room), name);
        assert_eq!((clock.started, clock.in_time, clock.missed), (2, 1, 1));
        assert_eq!((clock.missed_unanswered, clock.missed_closed), (0, 0));
        assert_eq!(clock.p50_ms, Some(15 * MINUTE));
        assert_eq!(clock.max_ms, Some(15 * MINUTE + 1));
        assert_eq!(clock.longest.unwrap().call, after);
        assert_eq!(clock.compliance, Some(0.5));
        assert_eq!(clock.rungs[0].told, 1);
        assert_eq!(clock.rungs[0].office, "cell in-charge");
    }
}

#[test]
fn a_rank_that_falls_on_an_unanswered_call_is_null() {
    let mut room = Room::open();
    for n in 0..10 {
        let call = room.call(2);
        if n < 9 {
            room.seconds(1);
            room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
        }
    }
    room.minutes(20);
    let acknowledge = clock(&whole(&room), "acknowledge");
    assert_eq!(acknowledge.p50_ms, Some(1_000));
    assert_eq!(acknowledge.p90_ms, Some(1_000));
    assert_eq!((acknowledge.p95_ms, acknowledge.p99_ms, acknowledge.max_ms), (None, None, None));
    assert_eq!((acknowledge.missed, acknowledge.missed_unanswered), (1, 1));
    assert_eq!(acknowledge.compliance, Some(0.9));
    let waiting = acknowledge.waiting.unwrap();
    assert_eq!((waiting.call, waiting.ms), (CallId(10), 20 * MINUTE));
    assert_eq!(waiting.since_at, "2026-01-01T05:00:09+05:00");
    assert_eq!(calls(&room).open_waiting, 1);
}

#[test]
fn what_is_open_and_not_due_is_neither_in_time_nor_missed() {
    let mut room = Room::open();
    room.call(1);
    room.minutes(14);
    let early = clock(&whole(&room), "acknowledge");
    assert_eq!((early.started, early.in_time, early.missed, early.open), (1, 0, 0, 1));
    assert_eq!((early.compliance, early.p50_ms), (None, None));
    // At the deadline the commands of that instant come first; once its rung is told, it is missed.
    let mut fold_before = Fold::new(Query::all(karachi()));
    room.log.iter().for_each(|dated| fold_before.take(dated));
    let due = START.plus(15 * MINUTE);
    assert_eq!(clock(&fold_before.finish(due).whole, "acknowledge").open, 1);
    room.until(due);
    assert_eq!(clock(&whole(&room), "acknowledge").missed_unanswered, 1);
}

#[test]
fn a_close_without_an_answer_is_no_answer() {
    let mut room = Room::open();
    let (early, late) = (room.call(1), room.call(1));
    room.minutes(5);
    room.close(early, "Saima", "duplicate").unwrap();
    room.minutes(15);
    room.close(late, "Saima", "helped").unwrap();
    let figures = whole(&room);
    let acknowledge = clock(&figures, "acknowledge");
    assert_eq!((acknowledge.in_time, acknowledge.in_time_by_close), (1, 1));
    assert_eq!((acknowledge.missed, acknowledge.missed_closed), (1, 1));
    assert_eq!((acknowledge.p50_ms, acknowledge.compliance), (None, Some(0.0)));
    assert!(acknowledge.waiting.is_none());
    assert_eq!(figures.calls.closed_as["helped"], 1);
    assert_eq!(figures.calls.closed_as["duplicate"], 1);
    assert_eq!((figures.calls.closed, figures.calls.open), (2, 0));
}

#[test]
fn the_first_acknowledgement_stands_and_its_withdrawal_is_counted() {
    let mut room = Room::open();
    let call = room.call(2);
    room.minutes(3);
    room.progress(call, "CAR-1", Progress::EnRoute).unwrap();
    room.minutes(2);
    let leave = Command::ReleaseUnit { call, unit: unit("CAR-1"), reason: None };
    room.operator(leave).unwrap();
    let waiting = whole(&room);
    assert_eq!((waiting.calls.withdrawals, waiting.calls.open_waiting), (1, 1));
    assert_eq!(clock(&waiting, "acknowledge").in_time, 1);
    assert_eq!(clock(&waiting, "acknowledge").missed_after_withdrawal, 0);
    // Twelve minutes were left when CAR-1 acknowledged.
    room.minutes(13);
    room.progress(call, "CAR-2", Progress::OnScene).unwrap();
    let figures = whole(&room);
    let acknowledge = clock(&figures, "acknowledge");
    assert_eq!(acknowledge.max_ms, Some(3 * MINUTE));
    assert_eq!((acknowledge.in_time, acknowledge.missed), (1, 0));
    assert_eq!(acknowledge.missed_after_withdrawal, 1);
    assert_eq!(acknowledge.rungs[0].told, 1);
    assert_eq!((figures.calls.acknowledged, figures.calls.arrived), (1, 1));
    assert_eq!(clock(&figures, "arrive").max_ms, Some(18 * MINUTE));
}

#[test]
fn a_reopened_call_runs_again_and_counts_from_its_first_receipt() {
    let mut room = Room::open();
    let call = room.call(2);
    room.minutes(1);
    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    room.minutes(1);
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(60);
    reopen(&mut room, call);
    room.minutes(10);
    room.progress(call, "CAR-2", Progress::Acknowledged).unwrap();
    let figures = whole(&room);
    let calls = &figures.calls;
    assert_eq!((calls.received, calls.reopened, calls.closed, calls.open), (1, 1, 1, 1));
    assert_eq!((calls.acknowledged, calls.reopened_acknowledged), (1, 1));
    let acknowledge = clock(&figures, "acknowledge");
    assert_eq!((acknowledge.started, acknowledge.in_time, acknowledge.missed), (2, 2, 0));
    assert_eq!(acknowledge.p50_ms, Some(MINUTE));
    assert_eq!(acknowledge.max_ms, Some(72 * MINUTE));
    let arrive = clock(&figures, "arrive");
    assert_eq!((arrive.started, arrive.in_time, arrive.open), (2, 1, 1));
    assert_eq!(arrive.waiting.unwrap().ms, 72 * MINUTE);
}

#[test]
fn who_hung_up_while_her_line_rang_is_counted_from_when_she_did() {
    let mut room = Room::open();
    let (rung_back, forgotten) = (room.call(2), room.call(2));
    let lines = |room: &mut Room, command| {
        room.submit("telephone exchange", Role::Intake, command).unwrap();
    };
    for call in [rung_back, forgotten] {
        lines(&mut room, Command::RingLine { call });
    }
    room.seconds(40);
    for call in [rung_back, forgotten] {
        lines(&mut room, Command::HangUpLine { call });
    }
    room.seconds(50);
    let outcome = CallbackOutcome::Reached;
    room.operator(Command::RecordCallback { call: rung_back, outcome, note: None }).unwrap();
    room.minutes(10);
    let figures = report(&room, Query::all(karachi())).whole;
    let callback = clock(&figures, "callback");
    assert_eq!((callback.started, callback.in_time, callback.p50_ms), (2, 1, Some(50_000)));
    assert_eq!(callback.rungs[0].told, 1);
}

#[test]
fn what_a_reopening_does_not_repeat_is_remembered() {
    let mut room = Room::open();
    let cut_off = dropped(&mut room);
    let mut test = Room::new_call(1);
    test.flags.test = true;
    let test = room.place(test);
    let tried =
        Command::RecordCallback { call: cut_off, outcome: CallbackOutcome::Reached, note: None };
    room.seconds(30);
    room.operator(tried.clone()).unwrap();
    for call in [cut_off, test] {
        room.close(call, "Saima", "helped").unwrap();
        reopen(&mut room, call);
    }
    room.seconds(10);
    room.operator(tried).unwrap();
    room.minutes(20);
    let report = report(&room, Query::all(karachi()));
    let callback = clock(&report.whole, "callback");
    assert_eq!((callback.started, callback.in_time), (2, 2));
    assert_eq!(callback.p50_ms, Some(30_000));
    assert_eq!(callback.max_ms, Some(40_000));
    assert_eq!(report.excluded.test, 1);
    assert_eq!((report.whole.calls.received, report.whole.calls.reopened), (1, 1));
    assert_eq!(clock(&report.whole, "acknowledge").rungs[0].told, 1);
}

#[test]
fn a_clock_of_a_unit_runs_once_a_start_and_a_check_in_starts_it_again() {
    let mut room = Room::open();
    let call = room.call(1);
    for name in ["CAR-1", "CAR-2", "CAR-3"] {
        room.sign_on(name);
        room.assign(call, name).unwrap();
    }
    room.seconds(20);
    room.progress(call, "CAR-1", Progress::Acknowledged).unwrap();
    room.seconds(10);
    let decline = Command::DeclineCall { call, unit: unit("CAR-2"), reason: None };
    room.submit("CAR-2", Role::Unit, decline).unwrap();
    room.seconds(90);
    let turnout = clock(&whole(&room), "turnout");
    assert!(turnout.of_unit);
    assert_eq!((turnout.started, turnout.in_time), (3, 2));
    assert_eq!((turnout.missed, turnout.missed_unanswered), (1, 1));
    assert_eq!((turnout.p50_ms, turnout.p90_ms), (Some(30_000), None));
    assert_eq!(turnout.rungs[0].office, "room supervisor");

    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    room.minutes(20);
    let well = Command::CheckIn { call, unit: unit("CAR-1") };
    room.operator(well).unwrap();
    room.minutes(31);
    room.close(call, "Saima", "helped").unwrap();
    let figures = whole(&room);
    let safety = clock(&figures, "safety");
    assert_eq!((safety.started, safety.in_time, safety.missed), (2, 1, 1));
    assert_eq!((safety.p50_ms, safety.max_ms), (Some(20 * MINUTE), Some(31 * MINUTE)));
    // Closing ended the third unit's turnout, late.
    let turnout = clock(&figures, "turnout");
    assert_eq!((turnout.missed, turnout.missed_unanswered, turnout.missed_closed), (1, 0, 0));
    assert_eq!(turnout.max_ms, Some(2 * MINUTE + 51 * MINUTE));
}

#[test]
fn escalations_are_counted_by_office_repeat_and_lateness() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(15 + 45 + 30);
    take(&mut room, call, "Director");
    take(&mut room, call, "Director");
    room.minutes(60);
    let acknowledge = clock(&whole(&room), "acknowledge");
    let told: Vec<_> = acknowledge
        .rungs
        .iter()
        .map(|rung| (rung.rung, rung.office.as_str(), rung.told, rung.repeats, rung.taken))
        .collect();
    assert_eq!(
        told,
        [
            (1, "cell in-charge", 1, 0, 0),
            (2, "DPO", 1, 0, 0),
            (3, "RPO", 1, 0, 0),
            (4, "DIG Operations", 1, 2, 1),
        ]
    );
    // The machine slept through two deadlines, and told them when it woke: 2 s late and not late.
    let mut room = Room::open();
    room.call(1);
    room.millis(2_000);
    room.call(1);
    room.now = START.plus(15 * MINUTE + 2_001);
    while room.engine.tick(room.now, 1_000, &mut room.log) {}
    let first = &clock(&whole(&room), "acknowledge").rungs[0];
    assert_eq!((first.told, first.late, first.late_ms_max), (2, 1, 2_001));
    // By hand is never late, and makes no miss.
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(1);
    let command = Command::EscalateCall { call, clock: Some("acknowledge".into()), reason: None };
    room.operator(command).unwrap();
    let acknowledge = clock(&whole(&room), "acknowledge");
    assert_eq!((acknowledge.rungs[0].told, acknowledge.rungs[0].by_hand), (1, 1));
    assert_eq!((acknowledge.missed, acknowledge.rungs[0].late), (0, 0));
}

#[test]
fn an_escalation_taken_after_the_close_is_still_taken() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(31);
    room.close(call, "Saima", "helped").unwrap();
    room.minutes(5);
    take(&mut room, call, "the DPO's reader");
    let acknowledge = clock(&whole(&room), "acknowledge");
    assert_eq!(acknowledge.rungs[1].taken, 1);
    let rows = rows(&room, Query::all(karachi()));
    let taken: Vec<_> = rows.iter().filter(|row| row.record == Record::Taken).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].office, "DPO");
    assert_eq!(taken[0].taken_by.as_deref(), Some("the DPO's reader"));
    assert_eq!(taken[0].taken_at.as_deref(), Some("2026-01-01T05:36:00+05:00"));
}

#[test]
fn every_escalation_is_a_row() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(31);
    let rows = rows(&room, Query::all(karachi()));
    let told: Vec<_> = rows
        .iter()
        .filter(|row| row.clock == "acknowledge")
        .map(|row| (row.rung, row.office.as_str(), row.at.as_str(), row.late_ms))
        .collect();
    assert_eq!(
        told,
        [
            (1, "cell in-charge", "2026-01-01T05:15:00+05:00", Some(0)),
            (2, "DPO", "2026-01-01T05:30:00+05:00", Some(0)),
        ]
    );
    assert!(rows.iter().all(|row| row.call == call && row.record == Record::Told));
    assert!(rows.iter().all(|row| row.due_at.as_ref() == Some(&row.at)));
}

#[test]
fn tests_and_canaries_are_counted_apart() {
    let mut room = Room::open();
    let mut test = Room::new_call(1);
    test.flags.test = true;
    room.place(test);
    room.place(NewCall { source: Source::Canary, ..Room::new_call(4) });
    room.minutes(60);
    let report = report(&room, by(By::District));
    assert_eq!((report.excluded.test, report.excluded.canary), (1, 1));
    assert_eq!(report.whole.calls.received, 0);
    assert!(report.groups.is_empty());
    assert!(report.whole.clocks.iter().all(|clock| clock.started == 0));
    assert!(report.whole.clocks.iter().all(|clock| clock.rungs.is_empty()));
    assert!(rows(&room, Query::all(karachi())).is_empty());
}

#[test]
fn hours_and_shifts_are_local() {
    // The room opens at 05:00 in Karachi: 00:00 in UTC.
    let mut room = Room::open();
    for _ in 0..10 {
        room.call(3);
        room.minutes(30);
    }
    let names = |by_what| {
        let report = report(&room, by(by_what));
        let group = |group: fifteen::report::Group| (group.name, group.figures.calls.received);
        report.groups.into_iter().map(group).collect::<Vec<_>>()
    };
    let hours = [("05", 2), ("06", 2), ("07", 2), ("08", 2), ("09", 2)];
    assert_eq!(names(By::Hour), hours.map(|(name, n)| (name.to_owned(), n)));
    let shifts = [("morning 06-14", 8), ("night 22-06", 2)];
    assert_eq!(names(By::Shift), shifts.map(|(name, n)| (name.to_owned(), n)));
}

#[test]
fn groups_add_up_and_the_worst_comes_first() {
    let mut room = Room::open();
    for (district, kind, priority) in [
        ("Lahore", "threat", 2),
        ("Multan", "threat", 1),
        ("Multan", "stalking", 2),
        ("", "stalking", 2),
    ] {
        let call = room.place(NewCall {
            district: district.into(),
            kind: kind.into(),
            priority: Priority::new(priority).unwrap(),
            ..Room::new_call(1)
        });
        if district == "Lahore" {
            room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        }
    }
    room.minutes(16);
    let names = |by_what| {
        let report = report(&room, by(by_what));
        let missed = |group: &fifteen::report::Group| clock(&group.figures, "acknowledge").missed;
        let sum: u64 = report.groups.iter().map(missed).sum();
        assert_eq!(sum, clock(&report.whole, "acknowledge").missed);
        report.groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
    };
    assert_eq!(names(By::District), ["Multan", "(none)", "Lahore"]);
    assert_eq!(names(By::Kind), ["stalking", "threat"]);
    assert_eq!(names(By::Priority), ["1", "2"]);
}

#[test]
fn a_span_is_of_calls_received_in_it_and_its_end_is_open() {
    let mut room = Room::open();
    for _ in 0..4 {
        room.call(2);
        room.minutes(10);
    }
    room.minutes(60);
    let query = Query {
        from: Some(START.plus(10 * MINUTE)),
        to: Some(START.plus(30 * MINUTE)),
        ..Query::all(karachi())
    };
    let in_span: Vec<_> = rows(&room, query.clone()).iter().map(|row| row.call.0).collect();
    assert!(in_span.iter().all(|call| [2, 3].contains(call)) && in_span.contains(&3));
    let report = report(&room, query);
    assert_eq!(report.whole.calls.received, 2);
    assert_eq!(clock(&report.whole, "acknowledge").missed, 2);
    let span = report.span;
    assert_eq!(span.from_at.as_deref(), Some("2026-01-01T05:10:00+05:00"));
    assert_eq!(span.last_received_at.as_deref(), Some("2026-01-01T05:20:00+05:00"));
    assert_eq!(span.zone, "Asia/Karachi");
}

#[test]
fn a_call_is_judged_by_the_rules_it_was_received_under() {
    let mut room = Room::open();
    room.call(1);
    let mut rules = room.engine.state().rules().unwrap().clone();
    // The clock moves to another place in the book, and halves its limit.
    rules.clocks.rotate_right(1);
    let (index, _) = rules.clock("acknowledge").unwrap();
    rules.clocks[usize::from(index)].limit_ms = 7 * MINUTE;
    rules.clocks[usize::from(index)].warn_ms.clear();
    room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules))).unwrap();
    room.call(1);
    room.minutes(10);
    let acknowledge = clock(&whole(&room), "acknowledge");
    assert_eq!((acknowledge.started, acknowledge.missed, acknowledge.open), (2, 1, 1));
    assert_eq!(acknowledge.limit_ms, 7 * MINUTE);
    assert_eq!(acknowledge.rungs[0].told, 1);
}

#[test]
fn closed_calls_leave_nothing_behind() {
    let mut room = Room::open();
    let mut fold = Fold::new(by(By::District));
    for n in 0..3 * Fold::RECENT_MAX {
        let call = if n % 2 == 0 { room.call(3) } else { dropped(&mut room) };
        room.progress(call, "CAR-1", Progress::OnScene).unwrap();
        room.millis(1);
        room.close(call, "Saima", "helped").unwrap();
        room.log.drain(..).for_each(|dated| fold.take(&dated));
        assert_eq!(fold.calls_held(), 0);
        assert!(fold.closed_remembered() <= Fold::RECENT_MAX);
    }
    let report = fold.finish(room.now);
    assert_eq!(report.whole.calls.closed, 3 * Fold::RECENT_MAX as u64);
    assert_eq!(clock(&report.whole, "arrive").p99_ms, Some(0));
}

#[test]
fn groups_are_bounded() {
    let mut room = Room::open();
    for n in 0..Fold::GROUPS_MAX + 500 {
        room.place(NewCall { kind: format!("kind {n}").into(), ..Room::new_call(4) });
    }
    let report = report(&room, by(By::Kind));
    assert_eq!(report.groups.len(), Fold::GROUPS_MAX);
    let other = report.groups.iter().find(|group| group.name == "(other)");
    assert_eq!(other.unwrap().figures.calls.received, 501);
}

#[test]
fn a_log_without_its_beginning_is_no_disaster() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(40);
    take(&mut room, call, "Director");
    room.close(call, "Saima", "helped").unwrap();
    reopen(&mut room, call);
    room.minutes(40);
    for skip in 0..room.log.len() {
        let report = report_of(&room.log[skip..], by(By::Hour), room.now);
        assert!(report.whole.calls.received <= 1);
    }
}

//! Small traces: the rules of a replay one by one, and random ones against the naive count.

use crate::naive::Naive;
use crate::{replay, shipped};
use fifteen::domain::{
    Callsign, Dated, Event, Flags, NewCall, Priority, Progress, Rules, Sealed, Source, UtcMs,
};
use fifteen::engine::{Engine, State};
use fifteen::trace::{Reader, Replay, ReplayError, Row, Unfit};
use proptest::prelude::*;
use std::io::Cursor;

/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000;
const MINUTE: u64 = 60_000;

/// A row received at `received` minutes; stamps in minutes as acknowledged, en route, on scene,
/// closed.
fn row(name: &str, received: u64, stamps: [Option<u64>; 4]) -> Row {
    let at = |minutes: u64| UtcMs(START + minutes * MINUTE);
    row_ms(name, at(received), stamps.map(|stamp| stamp.map(at)))
}

fn row_ms(name: &str, received_at: UtcMs, stamps: [Option<UtcMs>; 4]) -> Row {
    let [acknowledged_at, en_route_at, on_scene_at, closed_at] = stamps;
    Row {
        line: 0,
        call_ref: Callsign::new(name).unwrap(),
        received_at,
        call: NewCall {
            source: Source::PhoneLine,
            line: None,
            district: "NORTH".into(),
            kind: "FIGHT".into(),
            priority: Priority::new(3).unwrap(),
            flags: Flags::default(),
            sealed: Sealed::default(),
        },
        acknowledged_at,
        en_route_at,
        on_scene_at,
        closed_at,
        unit: "".into(),
        disposition: "UTL".into(),
    }
}

/// Runs `rows`, checks the figures against the naive count and the state against the log.
fn run(rows: &[Row]) -> Vec<Dated> {
    let mut log = Vec::new();
    let figures = replay(shipped(), rows.iter().cloned().map(Ok), |dated| {
        log.push(dated.clone());
    });
    assert_eq!(Naive::of(&figures), Naive::count(rows), "{rows:#?}");
    let mut state = State::default();
    for dated in &log {
        state.apply(dated.at, &dated.transition);
    }
    let digest = blake3::Hash::from_bytes(state.digest()).to_hex();
    assert_eq!(*digest, *figures.digest, "the state is the fold of the log");
    log
}

fn at(dated: &Dated) -> u64 {
    (dated.at.0 - START) / MINUTE
}

fn told(log: &[Dated]) -> Vec<u64> {
    let acknowledge =
        |dated: &&Dated| matches!(dated.transition.event, Event::Escalated { clock: 0, .. });
    log.iter().filter(acknowledge).map(at).collect()
}

#[test]
fn the_rules_are_adopted_first_and_at_the_first_receipt() {
    let log = run(&[row("A", 3, [None; 4]), row("B", 4, [None; 4])]);
    assert!(matches!(log[0].transition.event, Event::RulesAdopted(_)));
    assert_eq!((log[0].seq, at(&log[0])), (1, 3));
}

#[test]
fn a_trace_without_rows_says_nothing() {
    assert!(run(&[]).is_empty());
}

#[test]
fn a_row_is_reported_by_a_unit_of_its_own_and_closed_as_recorded() {
    let log = run(&[row("25-1", 0, [Some(1), None, Some(5), Some(9)])]);
    let mut said = Vec::new();
    for dated in &log {
        match &dated.transition.event {
            Event::UnitProgressed { unit, progress, by_radio, by, .. } => {
                assert!(*by_radio && &*by.who == "trace" && unit.as_str() == "25-1");
                said.push(progress.name());
            }
            Event::CallClosed { disposition, remark, .. } => {
                assert_eq!(&**disposition, "recorded");
                assert_eq!(&*remark.as_ref().unwrap().0, "UTL");
                said.push("closed");
            }
            _ => {}
        }
    }
    assert_eq!(said, [Progress::Acknowledged.name(), Progress::OnScene.name(), "closed"]);
}

#[test]
fn a_stamp_on_the_deadline_is_in_time() {
    let log = run(&[
        row("A", 0, [Some(15), None, None, None]),
        row("B", 0, [None, Some(15), None, None]),
        row("C", 0, [None, None, Some(16), None]),
    ]);
    assert_eq!(told(&log), [15]);
}

#[test]
fn the_run_ends_after_the_timers_of_the_last_accepted_stamp() {
    let log = run(&[row("A", 0, [None; 4]), row("B", 30, [None; 4])]);
    assert_eq!(told(&log), [15, 30]);
}

#[test]
fn a_rejected_or_stale_stamp_moves_no_time() {
    // A waits; B's acknowledgement comes after its arrival, C's after its close.
    let log = run(&[
        row("A", 0, [None; 4]),
        row("B", 1, [Some(50), None, Some(20), None]),
        row("C", 2, [Some(50), None, None, Some(20)]),
    ]);
    assert_eq!(told(&log), [15, 16, 17]);
    assert_eq!(at(log.last().unwrap()), 20);
    // After them an accepted one: what was due meanwhile fires at its own instants.
    let log = run(&[row("A", 0, [None; 4]), row("B", 1, [Some(50), None, Some(10), Some(62)])]);
    assert_eq!(told(&log), [15, 30, 45, 60]);
}

#[test]
fn a_close_before_the_receipt_leaves_the_call_open() {
    let log = run(&[row("A", 20, [Some(60), None, None, Some(5)])]);
    assert_eq!(told(&log), [35, 50]);
    assert!(!log.iter().any(|dated| matches!(dated.transition.event, Event::CallClosed { .. })));
}

#[test]
fn a_stamp_long_after_a_close_counts_as_after_it() {
    let month = 30 * 24 * 60;
    run(&[
        row("A", 0, [Some(2 * month + 1), None, None, Some(1)]),
        row("B", month, [None; 4]),
        row("C", 2 * month, [None; 4]),
    ]);
}

#[test]
fn a_very_long_disposition_is_cut_and_closes_all_the_same() {
    let mut long = row("A", 0, [None, None, None, Some(1)]);
    long.disposition = "é".repeat(2_000).into();
    run(&[long]);
}

#[test]
fn a_replay_is_for_an_empty_room_and_rules_that_fit() {
    let empty = || Engine::new(State::default(), UtcMs(0));
    let without = |change: fn(&mut Rules)| {
        let mut rules = shipped();
        change(&mut rules);
        Replay::new(empty(), rules).err().unwrap()
    };
    assert_eq!(
        without(|rules| rules.clocks.retain(|clock| &*clock.name != "arrive")),
        Unfit::NoClock("arrive")
    );
    assert_eq!(
        without(|rules| rules.dispositions.retain(|word| &*word.name != "recorded")),
        Unfit::NoDisposition
    );
    let rows = [Ok(row("A", 0, [None; 4]))];
    let sink = |_: &State, _: &mut Vec<Dated>| Ok::<(), std::io::Error>(());
    let replay = Replay::new(empty(), shipped()).unwrap();
    let Ok(ran) = replay.run(rows.into_iter(), sink, |_| ()) else {
        panic!("one call is replayed");
    };
    assert_eq!(Replay::new(ran.engine, shipped()).err().unwrap(), Unfit::NotEmpty(2));
}

#[test]
fn a_sink_that_fails_ends_the_replay() {
    let replay = Replay::new(Engine::new(State::default(), UtcMs(0)), shipped()).unwrap();
    let rows = (0..10_000).map(|number| Ok(row(&format!("A{number}"), number, [None; 4])));
    let mut batches = 0;
    let sink = |_: &State, events: &mut Vec<Dated>| {
        batches += 1;
        assert!((1..=1_100).contains(&events.len()), "{}", events.len());
        if batches == 3 {
            return Err(std::io::Error::other("full"));
        }
        Ok(())
    };
    let ended = replay.run(rows, sink, |_| ());
    assert!(matches!(ended, Err(ReplayError::Sink(_))));
    assert_eq!(batches, 3);
}

#[test]
fn a_malformed_line_ends_the_replay() {
    let text = "call_ref,received_at,source,kind,priority,district,lat,lon,caller,acknowledged_at,unit,en_route_at,on_scene_at,closed_at,disposition\nA,2026-01-01T00:00:00.000Z,phone,x,1,,,,,,,,,,\nB,2026-01-01T00:00:00.000Z,phone,x,7,,,,,,,,,,\n";
    let rows = Reader::new("t.csv", Cursor::new(text)).unwrap();
    let replay = Replay::new(Engine::new(State::default(), UtcMs(0)), shipped()).unwrap();
    let sink = |_: &State, _: &mut Vec<Dated>| Ok::<(), std::io::Error>(());
    let Err(told) = replay.run(rows, sink, |_| ()) else {
        panic!("line 3 is malformed");
    };
    assert!(told.to_string().contains("line 3, column priority"));
}

/// Instants around the deadlines, so that ties with them and with one another are common.
fn instant() -> impl Strategy<Value = UtcMs> {
    (0_u64..26, 0_u64..3).prop_map(|(step, around)| UtcMs(START + step * 5 * MINUTE + around - 1))
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let stamp = || prop::option::weighted(0.6, instant());
    let calls = prop::collection::vec((instant(), [stamp(), stamp(), stamp(), stamp()]), 0..12);
    calls.prop_map(|mut calls| {
        calls.sort_by_key(|(received_at, _)| *received_at);
        calls
            .into_iter()
            .enumerate()
            .map(|(number, (received_at, stamps))| {
                row_ms(&format!("A{number}"), received_at, stamps)
            })
            .collect()
    })
}

/// The same rows as trace v1.
fn written(rows: &[Row]) -> String {
    let mut text = format!("{}\n", fifteen::trace::reader::COLUMNS.join(","));
    for row in rows {
        let or_empty = |at: Option<UtcMs>| at.map_or(String::new(), |at| at.to_string());
        let fields = [
            row.call_ref.to_string(),
            row.received_at.to_string(),
            "phone".into(),
            row.call.kind.to_string(),
            row.call.priority.to_string(),
            row.call.district.to_string(),
            String::new(),
            String::new(),
            String::new(),
            or_empty(row.acknowledged_at),
            or_empty(row.en_route_at),
            or_empty(row.on_scene_at),
            or_empty(row.closed_at),
            row.unit.to_string(),
            row.disposition.to_string(),
        ];
        text += &fields.join(",");
        text.push('\n');
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn any_trace_amounts_to_its_naive_count(rows in rows()) {
        run(&rows);
    }

    #[test]
    fn what_is_written_is_read(rows in rows()) {
        let read: Vec<Row> = Reader::new("t.csv", Cursor::new(written(&rows)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let lined = rows.into_iter().zip(2..).map(|(row, line)| Row { line, ..row });
        prop_assert_eq!(read, lined.collect::<Vec<_>>());
    }
}

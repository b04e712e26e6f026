//! Real cities. The one that ships is always run; the others where they are present: in
//! `../shared/traces` beside the project, or in the folder FIFTEEN_SHARED names.

use crate::naive::Naive;
use crate::{replay, shipped};
use fifteen::trace::{Figures, Reader, Row, fed_by_a_trace, scan};
use std::path::{Path, PathBuf};

/// A trace of another city; `None`, and said so, where it is absent.
fn recorded(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("FIFTEEN_SHARED").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .map(|folder| folder.join("traces").join(name))
        .find(|path| path.exists());
    if found.is_none() {
        println!("skipped: {name} is not here");
    }
    found
}

fn san_francisco() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sf_police_2026.csv.gz")
}

/// The figures under the rules less what a trace cannot feed, checked against a naive count.
fn run(path: &Path) -> Figures {
    let figures = replay(fed_by_a_trace(&shipped()), Reader::open(path).unwrap(), |_| ());
    let rows: Vec<Row> = Reader::open(path).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(Naive::of(&figures), Naive::count(&rows));
    figures
}

#[test]
fn san_francisco_waits_as_it_was_recorded() {
    let figures = run(&san_francisco());
    assert_eq!((figures.calls, figures.acknowledged), (1_073, 1_071));
    assert_eq!((figures.acknowledged_in_time, figures.on_scene), (480, 837));
    assert_eq!(figures.on_scene_in_time, 278);
    assert_eq!(figures.escalations, [591, 465, 391, 309]);
    assert_eq!((figures.reminders, figures.rejected_stamps), (2_041, 9));
    assert_eq!(figures.acknowledge_ms.p50, Some(1_221_000));
    assert_eq!(figures.acknowledge_ms.p90, Some(9_107_000));
    assert_eq!(figures.on_scene_ms.p90, None, "never, for one in ten");
}

#[test]
fn alexandria_waits_as_it_was_recorded() {
    let Some(path) = recorded("alexandria_2025.csv.gz") else {
        return;
    };
    let figures = run(&path);
    assert_eq!((figures.calls, figures.acknowledged), (14_051, 13_718));
    assert_eq!(figures.acknowledged_in_time, 10_691);
    assert_eq!((figures.on_scene, figures.on_scene_in_time), (12_358, 8_169));
    assert_eq!(figures.escalations, [3_299, 2_185, 1_689, 1_362]);
    assert_eq!((figures.reminders, figures.rejected_stamps), (1_146_914, 8));
    assert_eq!(figures.stale_stamps, 67);
    assert_eq!(figures.acknowledge_ms.p50, Some(208_533));
    assert_eq!(figures.acknowledge_ms.p90, Some(3_728_190));
}

#[test]
fn new_york_waits_as_it_was_recorded() {
    let Some(path) = recorded("nyc_ems_2020.csv.gz") else {
        return;
    };
    let figures = run(&path);
    assert_eq!((figures.calls, figures.acknowledged), (100_338, 100_338));
    assert_eq!(figures.acknowledged_in_time, 92_814);
    assert_eq!(figures.on_scene_in_time, 73_665);
    assert_eq!(figures.escalations, [7_524, 4_494, 3_021, 2_169]);
    assert_eq!((figures.reminders, figures.stale_stamps), (9_303, 1_685));
    assert_eq!(figures.acknowledge_ms.p50, Some(61_000));
}

/// The safety clock of crews on scene, of which no trace says that they are well, changes none of
/// the figures.
#[test]
fn figures_are_the_same_under_all_the_shipped_rules() {
    let all = replay(shipped(), Reader::open(&san_francisco()).unwrap(), |_| ());
    let fed = run(&san_francisco());
    assert_eq!(Naive::of(&all), Naive::of(&fed));
    assert!(all.transitions > fed.transitions);
}

#[test]
fn two_runs_say_the_same_bytes() {
    let run = || {
        let mut bytes = Vec::new();
        let mut seq = 0;
        let figures = replay(shipped(), Reader::open(&san_francisco()).unwrap(), |dated| {
            seq += 1;
            assert_eq!(dated.seq, seq, "events come in order, without gaps");
            let entry = (dated.seq, dated.at, &dated.transition);
            rmp_serde::encode::write(&mut bytes, &entry).unwrap();
        });
        assert_eq!(figures.transitions, seq);
        (figures, bytes)
    };
    let (first, second) = (run(), run());
    assert_eq!(first.0, second.0);
    assert!(first.1 == second.1, "the events differ");
}

#[test]
fn a_scan_counts_the_rows() {
    let scan = scan(&san_francisco()).unwrap();
    assert_eq!(scan.rows, 1_073);
    let (first, last) = scan.received.unwrap();
    assert_eq!(first.to_string(), "2025-11-29T00:23:38.000Z");
    assert!(first < last);
}

#[test]
fn the_table_names_the_offices() {
    let text = run(&san_francisco()).to_string();
    for word in ["DIG Operations again", "2,041", "20:21", "never", "55.1 %"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
}

#[test]
fn the_json_object_has_its_keys() {
    let json = serde_json::to_value(run(&san_francisco())).unwrap();
    let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(|key| &**key).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "acknowledge_ms",
            "acknowledged",
            "acknowledged_in_time",
            "calls",
            "digest",
            "elapsed_s",
            "escalations",
            "on_scene",
            "on_scene_in_time",
            "on_scene_ms",
            "rejected_by_reason",
            "rejected_stamps",
            "reminders",
            "stale_stamps",
            "transitions"
        ]
    );
    assert_eq!(json["rejected_stamps"], 9);
    assert!(json["on_scene_ms"]["p90"].is_null());
    assert_eq!(json["digest"].as_str().unwrap().len(), 64);
}

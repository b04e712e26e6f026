//! Stops of every kind: what was acknowledged is there again.

use crate::common::*;
use fifteen::journal::*;
use std::fs;

#[test]
fn everything_acknowledged_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 40, 30);
    let mut store = open(dir.path());
    assert!(!store.opened().clean);
    assert_eq!(store.opened().notes, []);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
    commit(&mut store, 5);
    store.close().unwrap();
    let mut store = open(dir.path());
    assert!(store.opened().clean);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total + 5));
    commit(&mut store, 1);
    drop(store);
    let store = open(dir.path());
    assert!(!store.opened().clean, "the stop in order before this crash does not speak for it");
}

#[test]
fn a_start_goes_on_in_the_segment_where_the_last_one_ended() {
    let dir = tempfile::tempdir().unwrap();
    for closed in [false, true, false] {
        let mut store = open(dir.path());
        commit(&mut store, 10);
        if closed {
            store.close().unwrap();
        }
    }
    drop(open(dir.path()));
    assert_eq!(fs::metadata(dir.path().join("BALLAST")).unwrap().len(), 4 << 10);
    let segments = segments(dir.path());
    let allocated = fs::metadata(&segments[0]).unwrap().len();
    assert_eq!((segments.len(), allocated), (1, 64 << 10));
}

#[test]
fn a_mark_of_the_last_stop_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 1, 1);
    let mark = dir.path().join("CLOSED");
    fs::create_dir(&mark).unwrap();
    let error = refused(dir.path()).to_string();
    assert!(error.contains(&format!("read {}", mark.display())), "{error}");
}

#[test]
fn a_claim_survives_the_loss_of_either_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.claim(0, "a").unwrap();
    commit(&mut store, 1);
    store.claim(1, "b").unwrap();
    drop(store);
    fs::remove_file(dir.path().join("witness/EPOCH")).unwrap();
    assert_eq!(open(dir.path()).last().epoch, 2, "from sled");
    let other = tempfile::tempdir().unwrap();
    let mut store = open(other.path());
    store.claim(0, "a").unwrap();
    drop(store);
    fs::remove_dir_all(other.path().join("log")).unwrap();
    assert_eq!(open(other.path()).last().epoch, 1, "from the witness");
}

#[test]
fn second_opener_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = refused(dir.path()).to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
    drop(store);
    open(dir.path());
}

#[test]
fn missing_sled_folder_is_made_again_from_the_witness() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 40, 30);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::SledMissing, Note::PutBack { from: 1, to: total }]);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
}

#[test]
fn missing_witness_is_made_again_from_sled() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 40, 30);
    fs::remove_dir_all(dir.path().join("witness")).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::Completed { from: 1, to: total }]);
    drop(store);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(total));
}

#[test]
fn tail_that_sled_lost_is_put_back_from_the_witness() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    let (db, tree) = sled_log(dir.path());
    for _ in 0..3 {
        tree.pop_max().unwrap();
    }
    drop((db, tree));
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::PutBack { from: 71, to: 100 }]);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
}

#[test]
fn torn_witness_tail_is_completed_from_sled() {
    let whole = tempfile::tempdir().unwrap();
    let total = crashed(whole.path(), 10, 10);
    let end = written(&segments(whole.path())[0]);
    let last_entry = position(&segments(whole.path())[0], "transition 91:") - 80;
    for cut in (last_entry + 1..end).step_by(97).chain([end - 1]) {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let segment = &segments(dir.path())[0];
        let mut bytes = fs::read(segment).unwrap();
        bytes[cut..].fill(0);
        fs::write(segment, bytes).unwrap();
        let mut store = open(dir.path());
        let notes = &store.opened().notes;
        assert!(notes.contains(&Note::Completed { from: 91, to: 100 }), "cut at {cut}: {notes:?}");
        commit(&mut store, 10);
        drop(store);
        fs::remove_dir_all(dir.path().join("log")).unwrap();
        assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(total + 10));
    }
}

#[test]
fn commit_that_only_the_witness_has_in_part_is_gone_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 2, 200);
    // The second commit, of several frames, never reached sled and tore in the witness.
    let (db, tree) = sled_log(dir.path());
    let keys: Vec<_> = tree.range(201_u64.to_be_bytes()..).keys().map(Result::unwrap).collect();
    assert!(keys.len() > 3);
    keys.iter().for_each(|key| drop(tree.remove(key).unwrap()));
    drop((db, tree));
    let segment = &segments(dir.path())[0];
    let end = written(segment);
    flip(segment, end - 10);
    let mut store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::WitnessTorn { seq: 201 }]);
    assert_eq!(store.last().seq, 200, "no half of a commit");
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(200));
    commit(&mut store, 1);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [], "nothing of the torn commit is left behind a shorter one");
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(201));
}

#[test]
fn leftover_of_a_crash_inside_sled_or_in_making_one_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    fs::write(dir.path().join("log/snap.FFFFFFFFFFFFFFF0.generating"), [1; 40]).unwrap();
    fs::create_dir(dir.path().join("log.new")).unwrap();
    fs::write(dir.path().join("witness/next.part"), [1; 40]).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, []);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
}

#[test]
fn room_goes_on_with_sled_when_the_witness_fails() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store, 10);
    // The next segment cannot be made.
    fs::rename(dir.path().join("witness"), dir.path().join("gone")).unwrap();
    (0..30).for_each(|_| commit(&mut store, 100));
    assert!(
        matches!(store.health(), Health::Degraded { which: Which::Witness, .. }),
        "{:?}",
        store.health()
    );
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(3_010));
    assert!(store.close().is_err(), "a degraded log was not closed in order");
    fs::rename(dir.path().join("gone"), dir.path().join("witness")).unwrap();
    let store = open(dir.path());
    assert!(
        matches!(store.opened().notes[..], [Note::Completed { to: 3_010, .. }]),
        "{}",
        store.opened()
    );
    assert_eq!(store.health(), Health::Whole);
}

#[test]
fn room_starts_without_its_witness_disk_if_sled_has_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    fs::rename(dir.path().join("witness"), dir.path().join("elsewhere")).unwrap();
    fs::write(dir.path().join("witness"), "not a folder").unwrap();
    let mut store = open(dir.path());
    assert!(matches!(store.opened().notes[..], [Note::WitnessUnusable { .. }]));
    assert!(matches!(store.health(), Health::Degraded { which: Which::Witness, .. }));
    assert_eq!(store.claim(0, "lahore-1").unwrap(), 1);
    commit(&mut store, 10);
    drop(store);
    fs::rename(dir.path().join("log"), dir.path().join("log.away")).unwrap();
    let error = refused(dir.path()).to_string();
    assert!(error.contains("sled has no log"), "never an empty room: {error}");
    assert!(!dir.path().join("log").exists(), "and nothing that could be taken for one");
    fs::rename(dir.path().join("log.away"), dir.path().join("log")).unwrap();
    fs::remove_file(dir.path().join("witness")).unwrap();
    fs::rename(dir.path().join("elsewhere"), dir.path().join("witness")).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::Completed { from: total + 1, to: total + 10 }]);
    assert_eq!((store.health(), store.last().epoch), (Health::Whole, 1));
}

#[test]
fn sled_folder_that_never_answers_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    // A child that says nothing and does not end.
    let prober = Prober {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "exec tail -f /dev/null".into()],
    };
    let hasty = Options {
        prober: Some(prober),
        open_limit: std::time::Duration::from_millis(300),
        ..options()
    };
    let store = Store::open(dir.path(), hasty).unwrap();
    let notes = &store.opened().notes;
    assert!(
        matches!(&notes[0], Note::SledSetAside { why, .. } if why.contains("no answer within")),
        "{notes:?}"
    );
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
}

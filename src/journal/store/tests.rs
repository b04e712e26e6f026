//! Logs that fail, one or both, and what is kept of what they did not take.

use super::*;
use crate::domain::UtcMs;
use crate::journal::{Record, pack};

fn commit(store: &mut Store) {
    let tail = store.last();
    let record = Record { at: UtcMs(tail.seq), schema: 1, body: vec![1; 100] };
    let frames = pack(&tail, tail.epoch, [&record]).unwrap();
    assert!(matches!(store.append(tail.epoch, tail.seq, &frames), Ok(Appended::Durable(_))));
}

fn open(dir: &Path) -> Store {
    Store::open(dir, Options { ballast_bytes: 0, ..Options::default() }).unwrap()
}

#[test]
fn room_goes_on_with_the_witness_when_sled_fails() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..3).for_each(|_| commit(&mut store));
    // As after a failed sync, except that sled lets go of its files.
    let why = JournalError::sled("flush", "the disk said no");
    drop(std::mem::replace(&mut store.sled, Err(why.to_string())));
    (0..3).for_each(|_| commit(&mut store));
    assert!(matches!(store.health(), Health::Degraded { which: Which::Sled, .. }));
    let read: u64 = store.tail(1).unwrap().map(|frame| u64::from(frame.unwrap().count())).sum();
    assert_eq!(read, 6, "the witness is read instead");
    assert_eq!(store.trim(2, UtcMs(u64::MAX)).unwrap().archived, 2, "and archived from");
    assert!(store.close().is_err());
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [crate::journal::Note::PutBack { from: 4, to: 6 }]);
    assert_eq!(store.health(), Health::Whole);
}

fn seqs(store: &Store) -> Vec<u64> {
    store.tail(1).unwrap().map(|frame| frame.unwrap().last_seq()).collect()
}

/// As [`commit`] when no log takes anything; whether the spill did.
fn spilled(store: &mut Store) -> bool {
    let tail = store.last();
    let record = Record { at: UtcMs(tail.seq), schema: 1, body: vec![2; 100] };
    let frames = pack(&tail, tail.epoch, [&record]).unwrap();
    match store.append(tail.epoch, tail.seq, &frames) {
        Ok(Appended::Spilled { tail: end, kept }) if end == frames[0].tail() => kept,
        other => panic!("{other:?}"),
    }
}

/// Both logs take nothing more, as after failed syncs, except that sled lets go of its files.
fn fail_both(store: &mut Store) {
    drop(std::mem::replace(&mut store.sled, Err("the disk said no".into())));
    store.witness_failed(&JournalError::Poisoned("the disk said no".into()));
}

#[test]
fn what_no_log_takes_is_merged_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..3).for_each(|_| commit(&mut store));
    fail_both(&mut store);
    assert!((0..3).all(|_| spilled(&mut store)));
    assert!(matches!(store.health(), Health::Spilling { from: 4, spill: None, .. }));
    assert_eq!(seqs(&store), [1, 2, 3, 4, 5, 6], "readers see what is spilled");
    let tail = store.last();
    drop(store);
    let options = Options::default();
    assert_eq!(inspect::dump(dir.path(), &options, 1, |_, _| Ok(())).unwrap().seq, 6);
    let mut store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::Merged { from: 4, to: 6 }]);
    assert_eq!((store.health(), store.last().chain), (Health::Whole, tail.chain));
    commit(&mut store);
    store.close().unwrap();
    assert!(open(dir.path()).opened().notes.is_empty(), "merged once, in both logs");
}

#[test]
fn what_waits_to_be_merged_is_known_by_its_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..3).for_each(|_| commit(&mut store));
    fail_both(&mut store);
    (0..3).for_each(|_| assert!(spilled(&mut store)));
    assert_eq!(crate::journal::spill::span(&store.layout.spill).unwrap(), Some((4, 6)));
}

#[test]
fn a_spill_folder_that_cannot_be_one_leaves_memory_and_the_room_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("elsewhere");
    std::fs::write(&in_the_way, "no folder").unwrap();
    let options =
        Options { ballast_bytes: 0, spill: Some(in_the_way.clone()), ..Options::default() };
    let mut store = Store::open(dir.path(), options).unwrap();
    assert!(matches!(&store.opened().notes[..], [Note::Created, Note::SpillUnusable { .. }]));
    std::fs::remove_file(&in_the_way).unwrap();
    commit(&mut store);
    fail_both(&mut store);
    assert!(!spilled(&mut store), "what was unusable at the start is not tried later");
    assert!(matches!(store.health(), Health::Spilling { from: 2, spill: Some(_), .. }));
    let record = Record { at: UtcMs(1), schema: 1, body: vec![3; 3_900] };
    let mut commits = 0;
    while !store.is_full() {
        let tail = store.last();
        let frames = pack(&tail, tail.epoch, std::iter::repeat_n(&record, 256)).unwrap();
        store.append(tail.epoch, tail.seq, &frames).unwrap();
        commits += 1;
    }
    assert_eq!(commits, 67, "a million bytes each, up to 64 MiB in memory alone");
}

#[test]
fn a_witness_that_works_again_takes_what_is_spilled_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    assert_eq!(store.reopen().unwrap(), None);
    (0..3).for_each(|_| commit(&mut store));
    fail_both(&mut store);
    (0..3).for_each(|_| assert!(spilled(&mut store)));
    assert_eq!(store.reopen().unwrap(), Some(Merged { first: 4, last: 6 }));
    commit(&mut store);
    assert!(matches!(store.health(), Health::Degraded { which: Which::Sled, .. }));
    assert_eq!(seqs(&store), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(files::list(&store.layout.spill).unwrap(), <[PathBuf; 0]>::default());
    // And once more, without a restart between.
    store.witness_failed(&JournalError::Poisoned("no".into()));
    assert!(spilled(&mut store));
    assert_eq!(store.reopen().unwrap(), Some(Merged { first: 8, last: 8 }));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::PutBack { from: 4, to: 8 }]);
}

#[test]
fn a_spill_that_fails_too_leaves_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store);
    fail_both(&mut store);
    assert!(spilled(&mut store));
    let broken = Spill::new(&store.layout.spill, Err("no disk".into()));
    // The file stays, as it would; what comes now is nowhere but here.
    let whole = std::mem::replace(&mut store.spill, broken);
    store.spill.take(
        &whole.frames(2).unwrap().map(Result::unwrap).collect::<Vec<_>>(),
        &whole.base().unwrap(),
    );
    assert!(!spilled(&mut store));
    assert!(matches!(store.health(), Health::Spilling { from: 2, spill: Some(_), .. }));
    assert_eq!(store.reopen().unwrap(), Some(Merged { first: 2, last: 3 }));
    assert_eq!(seqs(&store), [1, 2, 3]);
    drop(store);
    let notes = open(dir.path()).opened().notes.clone();
    assert_eq!(notes, [Note::PutBack { from: 2, to: 3 }]);
}

#[test]
fn a_witness_that_lacks_what_sled_has_waits_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store);
    store.witness_failed(&JournalError::Poisoned("no".into()));
    commit(&mut store);
    drop(std::mem::replace(&mut store.sled, Err("no".into())));
    assert!(spilled(&mut store));
    assert!(store.reopen().unwrap_err().to_string().contains("start again"));
    drop(store);
    let store = open(dir.path());
    let notes = [Note::Completed { from: 2, to: 2 }, Note::Merged { from: 3, to: 3 }];
    assert_eq!(store.opened().notes, notes);
}

#[test]
fn a_spill_of_another_history_stops_the_start_and_repair_sets_it_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..2).for_each(|_| commit(&mut store));
    fail_both(&mut store);
    assert!(spilled(&mut store));
    drop(store);
    let away = dir.path().join("away");
    std::fs::rename(dir.path().join("spill"), &away).unwrap();
    // The room went on without it.
    let mut store = open(dir.path());
    (0..2).for_each(|_| commit(&mut store));
    store.close().unwrap();
    std::fs::remove_dir_all(dir.path().join("spill")).unwrap();
    std::fs::rename(&away, dir.path().join("spill")).unwrap();
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let said = Store::open(dir.path(), options.clone()).err().unwrap().to_string();
    assert!(said.contains("transition 3") && said.contains("journal repair"), "{said}");
    let repaired = inspect::repair(dir.path(), options, false).unwrap();
    assert_eq!(repaired.foreign, [3], "{repaired}");
    assert!(repaired.kept.iter().any(|kept| kept.contains("spill")), "{repaired}");
    assert_eq!(seqs(&open(dir.path())), [1, 2, 3, 4]);
}

#[test]
fn a_repair_takes_what_is_spilled() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store);
    fail_both(&mut store);
    (0..2).for_each(|_| assert!(spilled(&mut store)));
    drop(store);
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let repaired = inspect::repair(dir.path(), options, false).unwrap();
    let spans: Vec<_> = repaired.spans.iter().map(|it| (it.from, it.to, it.source)).collect();
    assert_eq!(spans, [(1, 1, inspect::Source::Both), (2, 3, inspect::Source::Spill)]);
    assert_eq!(seqs(&open(dir.path())), [1, 2, 3]);
}

#[test]
fn a_torn_spill_keeps_what_was_synced() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store);
    fail_both(&mut store);
    (0..2).for_each(|_| assert!(spilled(&mut store)));
    let path = crate::journal::witness::segment_path(&store.layout.spill, 2);
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(open(dir.path()).opened().notes, [Note::Merged { from: 2, to: 2 }]);
}

#[test]
fn nothing_is_acknowledged_when_both_logs_failed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store);
    store.sled_failed(&JournalError::sled("flush", "no"));
    store.witness_failed(&JournalError::Poisoned("no".into()));
    assert!(matches!(store.health(), Health::Poisoned { .. }));
    assert!(spilled(&mut store), "kept, and said to be no more than that");
    assert!(store.close().is_err());
}

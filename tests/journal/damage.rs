//! Bytes that changed under the log: found, named, and put right where that needs no judgement.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

/// Overwrites what is stored under `key` in sled.
fn put(dir: &Path, key: u64, value: &[u8]) {
    let (db, tree) = sled_log(dir);
    tree.insert(key.to_be_bytes(), value).unwrap();
    db.flush().unwrap();
}

fn named(error: &JournalError, seq: u64) {
    let text = error.to_string();
    assert!(matches!(error, JournalError::NeedsRepair { .. }), "{text}");
    assert!(text.contains(&format!("transition {seq}:")), "{text}");
    assert!(text.contains("fifteen journal repair"), "{text}");
}

#[test]
fn flipped_byte_inside_the_witness_is_named() {
    let whole = tempfile::tempdir().unwrap();
    crashed(whole.path(), 10, 10);
    let start = position(&segments(whole.path())[0], "transition 41:");
    // In a body, in the entry's checksum, its length, its magic.
    for at in [start, start - 68, start - 72, start - 79] {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        flip(&segments(dir.path())[0], at);
        named(&refused(dir.path()), 41);
    }
}

#[test]
fn flipped_byte_in_a_sealed_segment_is_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 20, 100);
    let sealed = &segments(dir.path())[0];
    let end = written(sealed);
    flip(sealed, end - 20);
    let error = refused(dir.path());
    named(&error, first_of(&segments(dir.path())[1]) - 100);
}

#[test]
fn a_zeroed_commit_is_no_end_while_others_stand_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    let segment = &segments(dir.path())[0];
    let mut bytes = fs::read(segment).unwrap();
    let start = position(segment, "transition 31:") - 79;
    assert_eq!(bytes[start..start + 4], bytes[64..68], "every commit begins so");
    let next = position(segment, "transition 41:") - 79;
    bytes[start..next].fill(0);
    fs::write(segment, bytes).unwrap();
    named(&refused(dir.path()), 31);
}

#[test]
fn a_segment_of_a_later_version_is_not_read_as_one_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 1, 1);
    let segment = &segments(dir.path())[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[11] += 1;
    let sum = crc32c::crc32c(&bytes[..60]).to_be_bytes();
    bytes[60..64].copy_from_slice(&sum);
    fs::write(segment, bytes).unwrap();
    let error = refused(dir.path());
    named(&error, 1);
    assert!(error.to_string().contains("of a version known here"), "{error}");
}

#[test]
fn a_torn_end_is_one_whatever_its_own_bytes_look_like() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    let segment = &segments(dir.path())[0];
    let mut bytes = fs::read(segment).unwrap();
    // The last commit, of which the half was written: and in that half stand the four bytes every commit begins with.
    let start = position(segment, "transition 91:") - 79;
    let mark = bytes[start..start + 4].to_vec();
    assert_eq!(mark, bytes[64..68], "every commit begins so");
    let end = written(segment);
    bytes[start + 200..end].fill(0);
    bytes[start + 100..start + 104].copy_from_slice(&mark);
    bytes[start + 104..start + 108].copy_from_slice(&4_u32.to_be_bytes());
    fs::write(segment, bytes).unwrap();
    let store = open(dir.path());
    let notes = &store.opened().notes;
    assert!(notes.contains(&Note::WitnessTorn { seq: 91 }), "{notes:?}");
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total), "sled has it");
}

#[test]
fn segment_that_lost_its_bytes_is_named_and_repaired() {
    for left in [0, 63] {
        let dir = tempfile::tempdir().unwrap();
        let total = crashed(dir.path(), 10, 10);
        let segment = fs::File::options().write(true).open(&segments(dir.path())[0]).unwrap();
        segment.set_len(left).unwrap();
        named(&refused(dir.path()), 1);
        assert!(inspect::repair(dir.path(), options(), false).unwrap().missing.is_none());
        assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(total));
    }
}

/// As a crash leaves it between the header and the first commit.
#[test]
fn segment_that_is_its_header_alone_is_completed_from_sled() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    let segment = fs::File::options().write(true).open(&segments(dir.path())[0]).unwrap();
    segment.set_len(64).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::Completed { from: 1, to: total }]);
}

#[test]
fn edited_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    // A frame that is well formed in itself, with another history in it.
    let tail = MemoryJournal::new().last();
    let edited: Vec<Record> = (1..=10).map(|n| Record { body: vec![1; 20], ..record(n) }).collect();
    put(dir.path(), 1, pack(&tail, 0, &edited).unwrap()[0].bytes());
    named(&refused(dir.path()), 1);
}

#[test]
fn gap_is_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    let (db, tree) = sled_log(dir.path());
    tree.remove(51_u64.to_be_bytes()).unwrap();
    drop((db, tree));
    named(&refused(dir.path()), 51);
}

#[test]
fn reordered_frames_are_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    let (db, tree) = sled_log(dir.path());
    let swapped = tree.get(31_u64.to_be_bytes()).unwrap().unwrap();
    tree.insert(21_u64.to_be_bytes(), swapped).unwrap();
    drop((db, tree));
    named(&refused(dir.path()), 21);
}

#[test]
fn wrong_chain_is_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    let records: Vec<Record> = (51..=60).map(record).collect();
    let other = Tail { seq: 50, chain: [3; 32], ..Tail::default() };
    put(dir.path(), 51, pack(&other, 0, &records).unwrap()[0].bytes());
    named(&refused(dir.path()), 51);
}

#[test]
fn two_logs_that_went_different_ways_are_named() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 5, 10);
    let mut fork = MemoryJournal::new();
    (0..4).for_each(|_| commit(&mut fork, 10));
    let tail = fork.last();
    let other: Vec<Record> = (41..=50).map(|n| Record { schema: 2, ..record(n) }).collect();
    put(dir.path(), 41, pack(&tail, 0, &other).unwrap()[0].bytes());
    named(&refused(dir.path()), 41);
}

#[test]
fn damaged_sled_file_is_put_right_from_the_witness() {
    let whole = tempfile::tempdir().unwrap();
    let total = crashed(whole.path(), 250, 60);
    // A second opening makes sled write down its page table; damage before that point keeps it from opening.
    drop(open(whole.path()));
    let size = fs::metadata(whole.path().join("log/db")).unwrap().len();
    let used = written(&whole.path().join("log/db"));
    let mut set_aside = 0;
    for at in (0..24).map(|n| n * used / 24 + 11) {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        flip(&dir.path().join("log/db"), at);
        let store = open(dir.path());
        set_aside += usize::from(
            store.opened().notes.iter().any(|note| matches!(note, Note::SledSetAside { .. })),
        );
        assert_eq!(
            replay_from_start::<Seen>(&store).unwrap().state,
            seen(total),
            "byte {at}: {}",
            store.opened()
        );
    }
    assert!(set_aside > 0, "none of these damages kept sled from opening: the test does not bite");
    for cut in [1, 100, 4_096, size / 2, size - 1, size] {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let file = fs::File::options().write(true).open(dir.path().join("log/db")).unwrap();
        file.set_len(size - cut).unwrap();
        let store = open(dir.path());
        assert_eq!(
            replay_from_start::<Seen>(&store).unwrap().state,
            seen(total),
            "cut {cut}: {}",
            store.opened()
        );
    }
}

/// After a stop in order sled is not tried on a copy before: what opens without a word may fail when it is read.
#[test]
fn sled_that_opens_and_does_not_read_is_put_right_from_the_witness() {
    let whole = tempfile::tempdir().unwrap();
    let total = crashed(whole.path(), 60, 60);
    open(whole.path()).close().unwrap();
    let used = written(&whole.path().join("log/db"));
    let mut failed_when_read = 0;
    for at in (0..40).map(|n| n * used / 40 + 11) {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        flip(&dir.path().join("log/db"), at);
        let store = open(dir.path());
        let opened = store.opened();
        assert!(opened.clean);
        let why = opened.notes.iter().find_map(|note| match note {
            Note::SledSetAside { why, .. } => Some(why),
            _ => None,
        });
        failed_when_read += usize::from(why.is_some_and(|why| why.contains("sled, read:")));
        assert_eq!(
            replay_from_start::<Seen>(&store).unwrap().state,
            seen(total),
            "byte {at}: {opened}"
        );
    }
    assert!(
        failed_when_read > 0,
        "each kept sled from opening, or nothing: the test does not bite"
    );
}

#[test]
fn sled_folder_that_does_not_open_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    fs::write(dir.path().join("log/conf"), [0xA5; 64]).unwrap();
    fs::write(dir.path().join("log/db"), [0xA5; 100_000]).unwrap();
    let mut store = open(dir.path());
    let Some(Note::SledSetAside { kept, .. }) = store.opened().notes.first() else {
        panic!("{}", store.opened())
    };
    assert_eq!(fs::read(Path::new(kept).join("conf")).unwrap(), [0xA5; 64]);
    assert!(store.opened().notes.contains(&Note::PutBack { from: 1, to: total }));
    let said = store.opened().to_string();
    assert!(said.contains("the sled folder did not open") && said.contains(kept), "{said}");
    assert!(said.contains(&format!("transitions 1 to {total} put back into sled")), "{said}");
    let why = probe(Path::new(kept)).unwrap_err().to_string();
    assert!(why.starts_with("sled, open: "), "{why}");
    commit(&mut store, 1);
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total + 1));
}

/// Without a witness sled is all there is: what it can do without is taken from a copy of it.
#[test]
fn sled_alone_gets_one_more_chance_without_its_page_table() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 60, 60);
    open(dir.path()).close().unwrap();
    fs::remove_dir_all(dir.path().join("witness")).unwrap();
    fs::remove_file(dir.path().join("CLOSED")).unwrap();
    let tables: Vec<_> = fs::read_dir(dir.path().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap."))
        .collect();
    assert!(!tables.is_empty(), "the second opening wrote one");
    for table in &tables {
        fs::write(table, [0xA5; 4_000]).unwrap();
    }
    let store = open(dir.path());
    let notes = &store.opened().notes;
    assert!(notes.contains(&Note::SledSalvaged), "{}", store.opened());
    assert!(notes.contains(&Note::Completed { from: 1, to: total }), "{}", store.opened());
    assert_eq!(replay_from_start::<Seen>(&store).unwrap().state, seen(total));
}

#[test]
fn sled_alone_and_beyond_help_is_refused_by_each_start_and_never_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    fs::remove_dir_all(dir.path().join("witness")).unwrap();
    fs::write(dir.path().join("log/conf"), [0xA5; 64]).unwrap();
    fs::write(dir.path().join("log/db"), [0xA5; 100_000]).unwrap();
    for _ in 0..3 {
        let error = refused(dir.path()).to_string();
        assert!(error.contains("sled, open:"), "{error}");
        assert_eq!(fs::read(dir.path().join("log/db")).unwrap(), [0xA5; 100_000]);
    }
}

#[test]
fn loss_at_the_end_of_both_logs_after_a_stop_in_order_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..10).for_each(|_| commit(&mut store, 10));
    store.close().unwrap();
    let (db, tree) = sled_log(dir.path());
    tree.pop_max().unwrap();
    drop((db, tree));
    let segment = &segments(dir.path())[0];
    let end = written(segment);
    flip(segment, end - 3);
    named(&refused(dir.path()), 91);
}

#[test]
fn corrupted_snapshot_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for _ in 0..2 {
        commit(&mut store, 50);
        take_snapshot(&mut store);
    }
    drop(store);
    let damage = |seq: u64| {
        let (db, _log) = sled_log(dir.path());
        let tree = db.open_tree("snapshots").unwrap();
        let (key, chunk) = tree.range(seq.to_be_bytes()..).next().unwrap().unwrap();
        let mut chunk = chunk.to_vec();
        chunk[100] ^= 1;
        tree.insert(key, chunk).unwrap();
    };
    damage(100);
    let store = open(dir.path());
    let replayed = replay::<Seen>(&store).unwrap();
    assert_eq!((replayed.snapshot.unwrap().seq, replayed.records), (50, 50));
    assert_eq!(replayed.passed_over.len(), 1);
    assert_eq!(replayed.state, seen(100));
    drop(store);
    damage(50);
    let replayed = replay::<Seen>(&open(dir.path())).unwrap();
    let passed_over: Vec<u64> = replayed.passed_over.iter().map(|(seq, _)| *seq).collect();
    assert_eq!((replayed.snapshot, passed_over), (None, vec![100, 50]));
    assert_eq!(replayed.state, seen(100));
}

/// What a folder's plain files give, up to the first error.
fn readable(dir: &Path) -> (Vec<Record>, Option<JournalError>) {
    let mut found = Vec::new();
    let keep = |_, record| {
        found.push(record);
        Ok(())
    };
    let error = inspect::dump(dir, &options(), 1, keep).err();
    (found, error)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_change_to_a_plain_file_gives_a_record_that_was_never_written(
        archived: bool,
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        static WHOLE: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let mut store = open(dir.path());
            (0..20).for_each(|_| commit(&mut store, 20));
            store.trim(200, UtcMs(u64::MAX)).unwrap();
            dir
        });
        let dir = tempfile::tempdir().unwrap();
        for part in ["witness", "archive"] {
            fs::create_dir(dir.path().join(part)).unwrap();
            copy(&whole.path().join(part), &dir.path().join(part));
        }
        let hurt = if archived { with_extension(&dir.path().join("archive"), "zst") } else { segments(dir.path()) };
        let end = written(&hurt[0]);
        let mut bytes = fs::read(&hurt[0]).unwrap();
        for (at, byte) in hits {
            bytes[at.index(end)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(end));
        }
        fs::write(&hurt[0], bytes).unwrap();
        let (found, _) = readable(dir.path());
        prop_assert_eq!(&found[..], &(1..=found.len() as u64).map(record).collect::<Vec<_>>()[..]);
    }
}

//! Verify, digest, dump, backup, restore, repair: what a person asks of a log.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::inspect::*;
use fifteen::journal::*;
use std::fs;
use std::path::Path;

fn wrong(report: &Verified) -> Vec<&'static str> {
    report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect()
}

/// A log with an archive, two snapshots and a live part.
fn lived(dir: &Path) -> u64 {
    let mut store = open(dir);
    for day in 0..3 {
        (0..10).for_each(|_| commit_at(&mut store, 25, day * DAY));
        take_snapshot(&mut store);
    }
    store.close().unwrap();
    archive(dir, options(), UtcMs(MIDNIGHT + DAY)).unwrap();
    750
}

#[test]
fn whole_log_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let total = lived(dir.path());
    let before = fs::read(dir.path().join("log/db")).unwrap();
    let report = verify::<Seen>(dir.path(), &options()).unwrap();
    assert!(report.ok(), "{report}");
    assert_eq!(report.seq, total);
    assert_eq!(
        fs::read(dir.path().join("log/db")).unwrap(),
        before,
        "sled was not opened in place"
    );
    let digest = digest::<Seen>(dir.path(), &options()).unwrap();
    assert_eq!(digest.digest, report.digest);
    let said = digest.to_string();
    assert!(said.contains(&format!("transition {total}\n")), "{said}");
    assert!(said.contains(&digest.chain) && said.contains(&report.digest), "{said}");
    let store = open(dir.path());
    assert!(store.opened().clean, "and the log is as it was");
    let said = store.opened().to_string();
    assert_eq!(said, "log ends at transition 750 (epoch 0), closed in order, archived up to 250");
    let whole = report.checks.iter().find(|check| check.name == "archive and witness whole");
    let frames = store.tail(1).unwrap().count();
    assert!(frames > 10);
    assert_eq!(
        whole.unwrap().detail,
        format!("750 transitions in {frames} frames, chain unbroken")
    );
}

/// A way to hurt the sled database of a folder.
fn sled(hurt: impl Fn(&sled::Db, &sled::Tree)) -> impl Fn(&Path) {
    move |dir| {
        let (db, tree) = sled_log(dir);
        hurt(&db, &tree);
        db.flush().unwrap();
    }
}

#[test]
fn verify_names_what_is_wrong() {
    let whole = tempfile::tempdir().unwrap();
    lived(whole.path());
    let check = |hurt: &dyn Fn(&Path), names: &[&str], says: &str| {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        hurt(dir.path());
        let report = verify::<Seen>(dir.path(), &options()).unwrap();
        assert!(!report.ok(), "not found: {names:?}");
        assert!(names.iter().all(|name| wrong(&report).contains(name)), "{report}");
        assert!(report.to_string().contains(says), "{says}: {report}");
    };
    let gone = sled(|_, tree| drop(tree.remove(301_u64.to_be_bytes()).unwrap()));
    check(
        &gone,
        &["sled whole", "sled equals the witness"],
        "transition 301: expected here, found 326",
    );
    let short = sled(|_, tree| drop(tree.pop_max().unwrap()));
    check(&short, &["sled equals the witness"], "transition 726:");
    let before = open(whole.path())
        .tail(725)
        .unwrap()
        .map(|frame| frame.unwrap().tail())
        .find(|tail| tail.seq == 725)
        .unwrap();
    let others: Vec<Record> = (726..=750).map(|n| Record { at: before.at, ..record(n) }).collect();
    let other = pack(&before, before.epoch, &others).unwrap().remove(0);
    let forked = sled(|_, tree| drop(tree.insert(726_u64.to_be_bytes(), other.bytes()).unwrap()));
    check(
        &forked,
        &["sled equals the witness"],
        "transition 726: sled has up to 750, the witness has up to 750",
    );
    let edited = sled(|_, tree| {
        let mut frame = tree.get(301_u64.to_be_bytes()).unwrap().unwrap().to_vec();
        frame[100] ^= 1;
        tree.insert(301_u64.to_be_bytes(), frame).unwrap();
    });
    check(&edited, &["sled whole"], "transition 301: the checksum");
    let other_snapshot = sled(|db, _| {
        let tree = db.open_tree("snapshots").unwrap();
        let (key, chunk) = tree.first().unwrap().unwrap();
        let mut chunk = chunk.to_vec();
        chunk[5] ^= 1;
        tree.insert(key, chunk).unwrap();
    });
    check(&other_snapshot, &["snapshots read back"], "snapshot at 500");
    check(&|dir| flip(&segments(dir)[0], 300), &["archive and witness whole"], "witness");
    let big = sled(|db, _| drop(db.insert("x", vec![7; 400_000]).unwrap()));
    check(&big, &["sled opens (a copy)"], "blobs/ must be empty");
    check(
        &|dir| fs::write(dir.join("log/db"), [9; 9_000]).unwrap(),
        &["sled opens (a copy)"],
        "sled",
    );
    let file = "archive/2026-11-21.fifteen.zst";
    check(&|dir| flip(&dir.join(file), 2_000), &["archive and witness whole"], file);
    check(&|dir| flip(&dir.join(file), 30), &["archive files connect"], file);
}

#[test]
fn a_snapshot_that_is_not_of_this_log_is_named() {
    let lies: [&dyn Fn(&mut Manifest); 2] =
        [&|manifest| manifest.chain = [7; 32], &|manifest| manifest.digest = [7; 32]];
    for lie in lies {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        commit(&mut store, 50);
        let mut snapshot = Snapshot::of(&seen(50), &store.last());
        lie(&mut snapshot.manifest);
        store.put_snapshot(&snapshot).unwrap();
        store.close().unwrap();
        let report = verify::<Seen>(dir.path(), &options()).unwrap();
        assert_eq!(wrong(&report), ["snapshots equal a replay"], "{report}");
        assert!(report.to_string().contains("not the snapshot at 50"), "{report}");
    }
}

#[test]
fn two_things_at_one_instant_are_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let frames = pack(&store.last(), 0, &[record(1), record(1)]).unwrap();
    store.append(0, 0, &frames).unwrap();
    drop(store);
    let report = verify::<Seen>(dir.path(), &options()).unwrap();
    assert!(report.ok(), "{report}");
}

#[test]
fn time_that_goes_back_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit_at(&mut store, 10, DAY);
    commit(&mut store, 10);
    store.close().unwrap();
    let report = verify::<Seen>(dir.path(), &options()).unwrap();
    assert_eq!(wrong(&report), ["times in order"]);
    assert!(report.to_string().contains("transition 11 happened before"), "{report}");
}

#[test]
fn log_in_use_is_not_verified_but_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store, 10);
    assert!(matches!(verify::<Seen>(dir.path(), &options()), Err(JournalError::Locked { .. })));
    assert_eq!(digest::<Seen>(dir.path(), &options()).unwrap().seq, 10);
    let mut dumped = Vec::new();
    let keep = |seq, record| {
        dumped.push((seq, record));
        Ok(())
    };
    dump(dir.path(), &options(), 4, keep).unwrap();
    assert_eq!(dumped, (4..=10).map(|n| (n, record(n))).collect::<Vec<_>>());
}

#[test]
fn backup_of_a_running_log_restores_to_the_same_digest() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path());
    let mut store = open(dir.path());
    commit_at(&mut store, 25, 2 * DAY);
    let out = tempfile::tempdir().unwrap();
    let (a, b, back) = (out.path().join("a"), out.path().join("b"), out.path().join("back"));
    let made = store.backup(&a).unwrap();
    assert_eq!((made.seq, made.live, made.archive_files), (775, 525, 1));
    assert_eq!(backup(dir.path(), &options(), &b).unwrap(), made, "from the plain files too");
    assert!(store.backup(&a).is_err(), "a backup is never overwritten");
    let before = replay_from_start::<Seen>(&store).unwrap();
    assert_eq!(restore(&a, &back, options()).unwrap(), made);
    let restored = open(&back);
    assert!(restored.opened().clean);
    assert_eq!(restored.last(), store.last());
    assert_eq!(replay::<Seen>(&restored).unwrap().state, before.state);
    drop(restored);
    assert_eq!(first_of(&segments(&back)[0]), 251, "the first that is not archived");
    let report = verify::<Seen>(&back, &options()).unwrap();
    assert!(report.ok(), "{report}");
    assert!(restore(&b, &back, options()).is_err(), "only into an empty folder");
    flip(&b.join("live.fifteen.zst"), 700);
    let error = restore(&b, &out.path().join("c"), options()).unwrap_err().to_string();
    assert!(error.contains("live.fifteen.zst") && !out.path().join("c").exists(), "{error}");
}

#[test]
fn a_log_that_is_archived_to_its_end_is_backed_up_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path());
    archive(dir.path(), options(), UtcMs(u64::MAX)).unwrap();
    let out = tempfile::tempdir().unwrap();
    let (made, back) = (out.path().join("made"), out.path().join("back"));
    let report = backup(dir.path(), &options(), &made).unwrap();
    assert_eq!((report.seq, report.live), (750, 0));
    assert_eq!(restore(&made, &back, options()).unwrap(), report);
    let mut store = open(&back);
    assert_eq!((store.last().seq, store.archived()), (750, 750));
    commit_at(&mut store, 25, 3 * DAY);
}

#[test]
fn nothing_is_restored_beside_what_another_log_left() {
    let dir = tempfile::tempdir().unwrap();
    lived(dir.path());
    let out = tempfile::tempdir().unwrap();
    let (made, back) = (out.path().join("made"), out.path().join("back"));
    backup(dir.path(), &options(), &made).unwrap();
    for other in ["witness", "spill"] {
        let folder = out.path().join(other);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("of-another"), "log").unwrap();
        let mut elsewhere = options();
        match other {
            "witness" => elsewhere.witness = Some(folder.clone()),
            _ => elsewhere.spill = Some(folder.clone()),
        }
        let error = restore(&made, &back, elsewhere).unwrap_err().to_string();
        assert!(error.contains(folder.to_str().unwrap()), "{error}");
        assert!(error.contains("is not empty") && !back.exists(), "{error}");
    }
}

#[test]
fn repair_joins_what_each_log_still_has() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    open(dir.path()).claim(0, "lahore-1").unwrap();
    let segment = segments(dir.path())[0].clone();
    flip(&segment, position(&segment, "transition 35:"));
    let (db, tree) = sled_log(dir.path());
    tree.remove(71_u64.to_be_bytes()).unwrap();
    drop((db, tree));
    refused(dir.path());
    let report = repair(dir.path(), options(), false).unwrap();
    let span = |from, to, source| Span { from, to, source };
    let expected = [
        span(1, 30, Source::Both),
        span(31, 40, Source::Sled),
        span(41, 70, Source::Both),
        span(71, 80, Source::Witness),
        span(81, 100, Source::Both),
    ];
    assert_eq!(report.spans, expected, "{report}");
    assert_eq!((report.missing.clone(), report.kept.len()), (None, 2));
    let store = open(dir.path());
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(total));
    assert_eq!(store.last().epoch, 1, "who owned the log stays known");
    drop(store);
    assert!(verify::<Seen>(dir.path(), &options()).unwrap().ok());
}

#[test]
fn repair_takes_from_a_folder_set_aside_what_nothing_else_has() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    fs::rename(dir.path().join("log"), dir.path().join("log.set-aside-1")).unwrap();
    drop(open(dir.path()));
    let segment = segments(dir.path())[0].clone();
    flip(&segment, position(&segment, "transition 35:"));
    let (db, tree) = sled_log(dir.path());
    tree.remove(31_u64.to_be_bytes()).unwrap();
    drop((db, tree));
    refused(dir.path());
    let report = repair(dir.path(), options(), false).unwrap();
    let span = |from, to, source| Span { from, to, source };
    let spans =
        [span(1, 30, Source::Both), span(31, 40, Source::SetAside), span(41, 100, Source::Both)];
    assert_eq!((&report.spans[..], &report.missing), (&spans[..], &None), "{report}");
    assert!(report.to_string().contains("transitions 31 to 40: SetAside\n"), "{report}");
    assert_eq!(digest::<Seen>(dir.path(), &options()).unwrap().chain, report.chain);
    assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(total));
}

#[test]
fn a_log_that_was_only_set_aside_is_not_begun_anew_and_a_repair_brings_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let total = crashed(dir.path(), 10, 10);
    fs::rename(dir.path().join("log"), dir.path().join("log.set-aside-1")).unwrap();
    fs::remove_dir_all(dir.path().join("witness")).unwrap();
    for _ in 0..2 {
        let error = refused(dir.path()).to_string();
        assert!(error.contains("log.set-aside-1") && error.contains("journal repair"), "{error}");
    }
    let report = repair(dir.path(), options(), false).unwrap();
    assert_eq!(report.spans, [Span { from: 1, to: total, source: Source::SetAside }], "{report}");
    assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(total));
}

#[test]
fn repair_gives_nothing_up_unasked() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 10, 10);
    let segment = segments(dir.path())[0].clone();
    flip(&segment, position(&segment, "transition 35:"));
    let (db, tree) = sled_log(dir.path());
    tree.remove(31_u64.to_be_bytes()).unwrap();
    drop((db, tree));
    let report = repair(dir.path(), options(), false).unwrap();
    assert_eq!(report.missing, Some(Missing { from: 31, found_from: 41, found_to: 100 }));
    assert_eq!((report.opened.clone(), report.kept.len()), (None, 0), "{report}");
    refused(dir.path());
    let report = repair(dir.path(), options(), true).unwrap();
    assert_eq!(report.opened.unwrap().tail.seq, 30);
    assert!(report.kept.iter().all(|kept| Path::new(kept).exists()));
    assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(30));
}

#[test]
fn repair_leaves_the_shorter_of_two_histories_out_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    crashed(dir.path(), 5, 10);
    let mut fork = MemoryJournal::new();
    (0..4).for_each(|_| commit(&mut fork, 10));
    let other: Vec<Record> = (41..=45).map(|n| Record { schema: 2, ..record(n) }).collect();
    let (db, tree) = sled_log(dir.path());
    tree.insert(41_u64.to_be_bytes(), pack(&fork.last(), 0, &other).unwrap()[0].bytes()).unwrap();
    drop((db, tree));
    refused(dir.path());
    let report = repair(dir.path(), options(), false).unwrap();
    assert_eq!(report.foreign, [41], "{report}");
    assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(50));
}

#[test]
fn repair_of_an_archived_log_keeps_its_archive() {
    let dir = tempfile::tempdir().unwrap();
    let total = lived(dir.path());
    let before = digest::<Seen>(dir.path(), &options()).unwrap();
    fs::remove_dir_all(dir.path().join("witness")).unwrap();
    let report = repair(dir.path(), options(), false).unwrap();
    assert_eq!(report.spans[0], Span { from: 1, to: 250, source: Source::Archive });
    assert_eq!(report.spans.last().unwrap().to, total);
    assert_eq!(digest::<Seen>(dir.path(), &options()).unwrap(), before);
    assert_eq!(first_of(&segments(dir.path())[0]), 251, "the first that is not archived");
}

#[test]
fn a_snapshot_of_an_empty_log_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    assert_eq!(take_snapshot(&mut store), 0);
    commit(&mut store, 3);
    drop(store);
    let verified = inspect::verify::<Seen>(dir.path(), &options()).unwrap();
    assert!(verified.ok(), "{verified}");
}

#[test]
fn repair_keeps_a_claim_that_only_sled_knows() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    commit(&mut store, 10);
    commit(&mut store, 10);
    store.claim(0, "a").unwrap();
    drop(store);
    let segment = &segments(dir.path())[0];
    flip(segment, position(segment, "transition 3:"));
    fs::remove_file(dir.path().join("witness/EPOCH")).unwrap();
    refused(dir.path());
    assert!(inspect::repair(dir.path(), options(), false).unwrap().missing.is_none());
    assert_eq!(open(dir.path()).last().epoch, 1);
}

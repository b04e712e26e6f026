//! What every store promises, asked of each of them in the same words.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::*;

fn each_store(check: impl Fn(&mut dyn Journal)) {
    check(&mut MemoryJournal::new());
    let dir = tempfile::tempdir().unwrap();
    check(&mut open(dir.path()));
}

#[test]
fn what_was_appended_is_read_in_order() {
    each_store(|journal| {
        assert_eq!(journal.last(), Tail::default());
        for count in [1, 8, 64, 512] {
            commit(journal, count);
        }
        let mut next = 1;
        for frame in journal.tail(1).unwrap() {
            for read in frame.unwrap().records() {
                let wrote = record(next);
                assert_eq!(
                    (read.seq, read.at, read.schema, read.body),
                    (next, wrote.at, 1, &wrote.body[..])
                );
                next += 1;
            }
        }
        assert_eq!(next, 586);
        assert_eq!(journal.last().at, record(585).at);
        assert_eq!(replay::<Seen>(journal).unwrap().state, seen(585));
    });
}

#[test]
fn tail_begins_with_the_frame_that_holds_the_number_asked_for() {
    each_store(|journal| {
        (0..20).for_each(|_| commit(journal, 100));
        for from in [1, 2, 99, 100, 101, 1_234, 2_000] {
            let first = journal.tail(from).unwrap().next().unwrap().unwrap();
            assert!(first.first_seq() <= from && from <= first.last_seq(), "{from}");
        }
        assert!(journal.tail(2_001).unwrap().next().is_none());
    });
}

#[test]
fn append_on_another_end_is_a_conflict_and_writes_nothing() {
    each_store(|journal| {
        commit(journal, 3);
        let tail = journal.last();
        let stale = pack(&Tail::default(), 0, &[record(1)]).unwrap();
        assert_eq!(journal.append(0, 0, &stale).unwrap(), Appended::Conflict { tail });
        let frames = pack(&tail, 0, &[record(4)]).unwrap();
        assert_eq!(journal.append(0, 4, &frames).unwrap(), Appended::Conflict { tail });
        assert_eq!(journal.append(1, 3, &frames).unwrap(), Appended::Conflict { tail });
        assert_eq!(replay::<Seen>(journal).unwrap().state, seen(3));
        assert_eq!(journal.append(0, 3, &frames).unwrap(), Appended::Durable(frames[0].tail()));
    });
}

#[test]
fn frames_that_do_not_continue_the_chain_are_refused() {
    each_store(|journal| {
        commit(journal, 3);
        let tail = journal.last();
        let other = pack(&Tail { chain: [9; 32], ..tail }, 0, &[record(4)]).unwrap();
        let error = journal.append(0, 3, &other).unwrap_err();
        assert!(
            matches!(error, JournalError::Damaged { seq: 4, fault: Fault::Chain, .. }),
            "{error}"
        );
        let many: Vec<Record> = (4..400).map(record).collect();
        let mut swapped = pack(&tail, 0, &many).unwrap();
        swapped.swap(0, 1);
        assert!(matches!(
            journal.append(0, 3, &swapped).unwrap_err(),
            JournalError::Damaged { seq: 4, .. }
        ));
        assert_eq!(journal.last(), tail);
        commit(journal, 1);
    });
}

#[test]
fn a_commit_over_the_bound_is_refused_and_the_log_goes_on() {
    each_store(|journal| {
        let big = Record { body: vec![1; 4_000], ..record(1) };
        let frames = pack(&journal.last(), 0, std::iter::repeat_n(&big, 300)).unwrap();
        assert!(matches!(
            journal.append(0, 0, &frames).unwrap_err(),
            JournalError::CommitTooLarge { .. }
        ));
        commit(journal, 1);
    });
}

#[test]
fn only_the_latest_claim_may_append() {
    each_store(|journal| {
        commit(journal, 1);
        assert_eq!(journal.claim(0, "lahore-1").unwrap(), 1);
        assert!(matches!(
            journal.claim(0, "lahore-2"),
            Err(JournalError::EpochTaken { old: 0, current: 1 })
        ));
        let frames = pack(&journal.last(), 0, &[record(2)]).unwrap();
        assert!(
            matches!(journal.append(0, 1, &frames).unwrap(), Appended::Conflict { tail } if tail.epoch == 1)
        );
        commit(journal, 1);
        assert_eq!(replay::<Seen>(journal).unwrap().state, seen(2));
    });
}

#[test]
fn replay_starts_from_the_newest_snapshot() {
    each_store(|journal| {
        for _ in 0..4 {
            commit(journal, 50);
            take_snapshot(journal);
        }
        commit(journal, 7);
        let seqs: Vec<u64> =
            journal.manifests().unwrap().iter().map(|manifest| manifest.seq).collect();
        assert_eq!(seqs, [200, 150], "the last two are kept");
        let replayed = replay::<Seen>(journal).unwrap();
        let manifest = replayed.snapshot.unwrap();
        assert_eq!((replayed.records, manifest.seq), (7, 200));
        assert_eq!(manifest.digest, seen(200).digest(), "the state's own, where it says no other");
        assert_eq!(replayed.state, seen(207));
        assert_eq!(replayed.tail, journal.last());
        assert_eq!(replay_from_start::<Seen>(journal).unwrap().state, seen(207));
    });
}

#[test]
fn snapshot_of_another_state_is_passed_over() {
    each_store(|journal| {
        commit(journal, 50);
        let tail = journal.last();
        journal.put_snapshot(&Snapshot::of(&seen(50), &tail)).unwrap();
        commit(journal, 50);
        // The chain of a log that never was; a digest that is not the state's.
        let lie = Tail { chain: [7; 32], ..journal.last() };
        journal.put_snapshot(&Snapshot::of(&seen(100), &lie)).unwrap();
        let replayed = replay::<Seen>(journal).unwrap();
        assert_eq!((replayed.snapshot.unwrap().seq, replayed.passed_over[0].0), (50, 100));
        assert_eq!(replayed.state, seen(100));
        commit(journal, 10);
        assert_eq!(replay::<Seen>(journal).unwrap().state, seen(110));
        let mut wrong = Snapshot::of(&seen(99), &journal.last());
        wrong.manifest.digest = seen(110).digest();
        journal.put_snapshot(&wrong).unwrap();
        assert_eq!(replay::<Seen>(journal).unwrap().state, seen(110));
    });
}

#[test]
fn snapshot_whose_bytes_do_not_match_is_not_taken() {
    each_store(|journal| {
        commit(journal, 10);
        let mut bad = Snapshot::of(&seen(10), &journal.last());
        bad.state[9_000] ^= 1;
        assert!(matches!(journal.put_snapshot(&bad), Err(JournalError::Unfit { .. })));
        let replayed = replay::<Seen>(journal).unwrap();
        assert_eq!(replayed.state, seen(10));
        assert_eq!(journal.health(), Health::Whole);
    });
}

#[test]
fn commits_come_between_the_steps_of_a_snapshot_and_one_left_at_any_of_them_is_cleared_away() {
    let mut stop = 0;
    loop {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        commit(&mut store, 50);
        take_snapshot(&mut store);
        commit(&mut store, 50);
        let large = [seen(100).save(), vec![7; 1_200_000]].concat();
        let snapshot = Snapshot::new(large, seen(100).digest(), &store.last());
        let mut next = Some(Step::default());
        let mut steps = Vec::new();
        while let Some(step) = next.filter(|_| steps.len() < stop) {
            next = store.put_snapshot_step(&snapshot, step).unwrap();
            steps.push(step);
            commit(&mut store, 1);
        }
        let end = store.last().seq;
        drop(store);
        let mut store = open(dir.path());
        let replayed = replay::<Seen>(&store).unwrap();
        assert_eq!((replayed.state, replayed.passed_over), (seen(end), vec![]), "{steps:?}");
        let signed = steps.contains(&Step::Sign);
        assert_eq!(replayed.snapshot.unwrap().seq, if signed { 100 } else { 50 }, "{steps:?}");
        commit(&mut store, 1);
        take_snapshot(&mut store);
        let kept: Vec<u64> = store.manifests().unwrap().iter().map(|it| it.seq).collect();
        assert_eq!(kept, [end + 1, if signed { 100 } else { 50 }], "{steps:?}");
        drop(store);
        let (db, _) = sled_log(dir.path());
        let keys = db.open_tree("snapshots").unwrap().iter().keys();
        let mut there: Vec<u64> =
            keys.map(|key| u64::from_be_bytes(key.unwrap()[..8].try_into().unwrap())).collect();
        there.dedup();
        there.reverse();
        assert_eq!(there, kept, "nothing is left of others: {steps:?}");
        if next.is_none() {
            assert!(stop > 8, "{steps:?}");
            return;
        }
        stop += 1;
    }
}

#[test]
fn what_is_trimmed_is_still_read() {
    each_store(|journal| {
        (0..10).for_each(|_| commit(journal, 100));
        let before = replay_from_start::<Seen>(journal).unwrap().state.digest();
        let frames: Vec<Frame> = journal.tail(1).unwrap().map(Result::unwrap).collect();
        let first = frames[0].last_at();
        assert_eq!(
            journal.trim(555, first).unwrap().moved,
            0,
            "a frame that ends then is not before"
        );
        let moved = journal.trim(555, first.plus(1)).unwrap().moved;
        let old = frames.iter().take_while(|frame| frame.last_at() == first);
        assert_eq!(moved, old.map(|frame| u64::from(frame.count())).sum::<u64>());
        let trimmed = journal.trim(555, UtcMs(u64::MAX)).unwrap();
        assert!(
            trimmed.archived <= 555 && trimmed.archived > 500,
            "whole frames only: {trimmed:?}"
        );
        assert_eq!(trimmed.moved + moved, trimmed.archived);
        assert_eq!(
            journal.trim(100, UtcMs(u64::MAX)).unwrap().moved,
            0,
            "trimming back does nothing"
        );
        commit(journal, 1);
        let after = replay_from_start::<Seen>(journal).unwrap();
        assert_eq!((after.state.count, after.records), (1_001, 1_001));
        assert_eq!(seen(1_000).digest(), before);
        assert_eq!(after.state, seen(1_001));
        let first = journal.tail(300).unwrap().next().unwrap().unwrap();
        assert!(first.first_seq() <= 300 && 300 <= first.last_seq());
    });
}

#[test]
fn snapshots_of_before_an_erasure_are_dropped_and_no_later_one() {
    each_store(|journal| {
        commit(journal, 10);
        let first = take_snapshot(journal);
        commit(journal, 10);
        let second = take_snapshot(journal);
        let seqs = |journal: &dyn Journal| -> Vec<u64> {
            journal.manifests().unwrap().iter().map(|manifest| manifest.seq).collect()
        };
        while journal.drop_snapshots_before(first).unwrap() {}
        assert_eq!(seqs(journal), [second, first]);
        while journal.drop_snapshots_before(second).unwrap() {}
        assert_eq!(seqs(journal), [second]);
        while journal.drop_snapshots_before(second + 1).unwrap() {}
        assert!(seqs(journal).is_empty());
    });
}

#[test]
fn an_opening_says_whether_the_log_is_new_and_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let said = store.opened().to_string();
    assert!(!said.contains("log ends"), "{said}");
    commit(&mut store, 3);
    let tail = store.last();
    let hex: String = tail.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(tail.chain_hex(), hex);
    store.close().unwrap();
    let said = open(dir.path()).opened().to_string();
    assert!(said.starts_with("log ends at transition 3 (epoch "), "{said}");
    assert!(said.contains("closed in order") && !said.contains("not closed"), "{said}");
}

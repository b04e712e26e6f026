//! Moving old days away: nothing is deleted that does not stand in the archive.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::*;
use std::fs;
use std::path::Path;

/// Three days of 40 commits of 25 transitions each.
fn three_days(dir: &Path) -> Store {
    let mut store = open(dir);
    for day in 0..3 {
        (0..40).for_each(|_| commit_at(&mut store, 25, day * DAY));
    }
    store
}

fn archive_before(store: &mut Store, before: u64) -> u64 {
    store.trim(u64::MAX, UtcMs(before)).unwrap();
    store.archived()
}

fn names(dir: &Path) -> Vec<String> {
    let paths = with_extension(&dir.join("archive"), "zst");
    paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn closed_days_become_one_file_each_and_replay_gives_the_same_digest() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    let before = replay_from_start::<Seen>(&store).unwrap().state.digest();
    assert_eq!(archive_before(&mut store, MIDNIGHT + 2 * DAY), 2_000);
    assert_eq!(names(dir.path()), ["2026-11-21.fifteen.zst", "2026-11-22.fifteen.zst"]);
    assert_eq!(replay_from_start::<Seen>(&store).unwrap().state.digest(), before);
    store.close().unwrap();
    let (db, tree) = sled_log(dir.path());
    assert_eq!(
        tree.first().unwrap().unwrap().0,
        2_001_u64.to_be_bytes(),
        "sled holds the last day only"
    );
    drop((db, tree));
    assert!(first_of(&segments(dir.path())[0]) > 1, "the witness was trimmed");
    let store = open(dir.path());
    assert_eq!(store.opened().archived, 2_000);
    assert_eq!(replay_from_start::<Seen>(&store).unwrap().state.digest(), before);
}

#[test]
fn a_segment_goes_with_the_last_transition_that_is_in_it_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    let (first, second) = (segments(dir.path())[0].clone(), first_of(&segments(dir.path())[1]));
    let ends = |frame: &Frame, at: u64| frame.last_seq() == at;
    let frames: Vec<Frame> = store.tail(1).unwrap().map(Result::unwrap).collect();
    let last = frames.iter().position(|frame| ends(frame, second - 1)).expect("whole commits");
    store.trim(frames[last - 1].last_seq(), UtcMs(u64::MAX)).unwrap();
    assert!(first.exists(), "one frame of it is not archived");
    store.trim(frames[last].last_seq(), UtcMs(u64::MAX)).unwrap();
    assert!(!first.exists(), "nothing of it is still wanted");
}

#[test]
fn the_log_is_read_from_any_transition_of_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    archive_before(&mut store, MIDNIGHT + 2 * DAY);
    // The first and the last of each file, and their neighbours.
    for from in [1, 2, 999, 1_000, 1_001, 1_002, 1_999, 2_000, 2_001, 2_002] {
        let frames: Vec<Frame> = store.tail(from).unwrap().map(Result::unwrap).collect();
        let first = &frames[0];
        assert!(first.first_seq() <= from && from <= first.last_seq(), "from {from}");
        let last = frames.last().unwrap().last_seq();
        let held: u64 = frames.iter().map(|it| it.last_seq() - it.first_seq() + 1).sum();
        assert_eq!((last, held), (3_000, 3_001 - first.first_seq()), "from {from}: each once");
    }
}

const FILE_BYTES: usize = 20_000;

fn small_files() -> Options {
    Options { archive_file_bytes: FILE_BYTES, ..options() }
}

#[test]
fn bounded_steps_make_several_files_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), small_files()).unwrap();
    (0..40).for_each(|_| commit(&mut store, 25));
    // Each file ends with the frame that makes it so large.
    let (mut expected, mut bytes) = (vec![0], 0);
    for frame in store.tail(1).unwrap().map(Result::unwrap) {
        if bytes >= FILE_BYTES {
            expected.push(0);
            bytes = 0;
        }
        bytes += frame.bytes().len();
        *expected.last_mut().unwrap() += u64::from(frame.count());
    }
    assert!(expected.len() > 2, "{expected:?}");
    let (mut came, mut count) = (Vec::new(), 1_000);
    loop {
        let step = store.trim_step(1_000, UtcMs(u64::MAX)).unwrap();
        assert_eq!(step.archived, store.archived());
        came.extend((step.moved > 0).then_some(step.moved));
        if !step.more {
            break;
        }
        // Commits go on between the steps, and all is read at each.
        commit(&mut store, 1);
        count += 1;
        assert_eq!(replay_from_start::<Seen>(&store).unwrap().state, seen(count));
    }
    assert_eq!(came, expected);
    let mut names = names(dir.path());
    assert_eq!(names.pop().unwrap(), "2026-11-21.fifteen.zst", "the first");
    let mut first = 1;
    for (name, transitions) in names.iter().zip(expected) {
        first += transitions;
        assert_eq!(*name, format!("2026-11-21.{first:016}.fifteen.zst"));
    }
}

#[test]
fn a_step_moves_little_and_one_that_a_crash_cut_off_begins_anew() {
    // Three hundred frames of one transition: more than four steps of each kind.
    let whole = tempfile::tempdir().unwrap();
    let mut store = open(whole.path());
    (0..300).for_each(|_| commit(&mut store, 1));
    store.close().unwrap();
    let keys = |dir: &Path| sled_log(dir).1.len();
    let (mut steps, mut left) = (0, 300);
    loop {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let mut store = open(dir.path());
        let mut step = Trimmed { more: true, ..Trimmed::default() };
        for _ in 0..steps {
            assert!(step.more);
            step = store.trim_step(299, UtcMs(u64::MAX)).unwrap();
        }
        // A crash: nothing is closed.
        drop(store);
        let now = keys(dir.path());
        assert!(left - now <= 64, "step {steps} dropped {left} - {now} frames");
        assert!(step.archived == 299 || now == 300, "what is dropped is archived");
        left = now;
        let mut store = open(dir.path());
        assert_eq!(replay_from_start::<Seen>(&store).unwrap().state, seen(300));
        store.trim(299, UtcMs(u64::MAX)).unwrap();
        assert_eq!((store.archived(), names(dir.path()).len()), (299, 1));
        store.close().unwrap();
        assert_eq!(keys(dir.path()), 1, "what the crash left undropped is dropped");
        if !step.more && steps > 0 {
            break;
        }
        steps += 1;
    }
    assert_eq!(
        (steps, left),
        (1 + 5 + 5 + 5 + 1, 1),
        "dropping, writing, reading, dropping, and nothing more"
    );
}

#[test]
fn a_file_that_was_named_and_not_taken_for_archived_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    let before = replay_from_start::<Seen>(&store).unwrap().state;
    // As when the sync of the folder fails behind the rename.
    let named = dir.path().join("archive/2026-11-21.fifteen.zst");
    fs::create_dir_all(named.parent().unwrap()).unwrap();
    fs::write(&named, b"what a sync did not vouch for").unwrap();
    assert_eq!(archive_before(&mut store, MIDNIGHT + 2 * DAY), 2_000);
    assert_eq!(names(dir.path()), ["2026-11-21.fifteen.zst", "2026-11-22.fifteen.zst"]);
    store.close().unwrap();
    assert_eq!(replay_from_start::<Seen>(&open(dir.path())).unwrap().state, before);
}

#[test]
fn crash_between_archiving_and_trimming_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(three_days(dir.path()));
    let before = tempfile::tempdir().unwrap();
    copy(dir.path(), before.path());
    let mut store = open(dir.path());
    let digest = replay_from_start::<Seen>(&store).unwrap().state.digest();
    archive_before(&mut store, MIDNIGHT + DAY);
    drop(store);
    // The archive of after, the logs of before; and a file the crash left half written.
    copy(&dir.path().join("archive"), &before.path().join("archive"));
    fs::write(before.path().join("archive/2026-11-22.fifteen.part"), [1; 100]).unwrap();
    let mut store = open(before.path());
    assert_eq!(
        (store.archived(), replay_from_start::<Seen>(&store).unwrap().state.digest()),
        (1_000, digest)
    );
    archive_before(&mut store, MIDNIGHT + 2 * DAY);
    assert_eq!(
        (store.archived(), replay_from_start::<Seen>(&store).unwrap().state.digest()),
        (2_000, digest)
    );
    store.close().unwrap();
    let (_db, tree) = sled_log(before.path());
    assert_eq!(
        tree.first().unwrap().unwrap().0,
        2_001_u64.to_be_bytes(),
        "the interrupted trim was done too"
    );
}

#[test]
fn sled_lost_after_archiving_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    let digest = replay_from_start::<Seen>(&store).unwrap().state.digest();
    archive_before(&mut store, MIDNIGHT + 2 * DAY);
    drop(store);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().notes, [Note::SledMissing, Note::PutBack { from: 2_001, to: 3_000 }]);
    assert_eq!(replay::<Seen>(&store).unwrap().state.digest(), digest);
}

#[test]
fn sled_that_does_not_open_is_made_again_from_behind_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    (0..10).for_each(|_| commit(&mut store, 25));
    store.trim(125, UtcMs(u64::MAX)).unwrap();
    drop(store);
    assert_eq!(segments(dir.path()).len(), 1, "it begins before the archive's end");
    fs::write(dir.path().join("log/db"), [0xA5; 100_000]).unwrap();
    let store = open(dir.path());
    let notes = &store.opened().notes;
    assert!(notes.contains(&Note::PutBack { from: 126, to: 250 }), "{}", store.opened());
    assert_eq!(replay::<Seen>(&store).unwrap().state, seen(250));
}

#[test]
fn damaged_archive_file_is_named_and_nothing_more_is_trimmed_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    take_snapshot(&mut store);
    archive_before(&mut store, MIDNIGHT + 2 * DAY);
    store.close().unwrap();
    let file = dir.path().join("archive/2026-11-22.fifteen.zst");
    let size = fs::metadata(&file).unwrap().len() as usize;
    flip(&file, size / 2);
    let store = open(dir.path());
    assert_eq!(replay::<Seen>(&store).unwrap().records, 0, "the room starts from its snapshot");
    let error = replay_from_start::<Seen>(&store).unwrap_err().to_string();
    assert!(error.contains("2026-11-22.fifteen.zst"), "{error}");
    drop(store);
    fs::remove_file(dir.path().join("archive/2026-11-21.fifteen.zst")).unwrap();
    let error = refused(dir.path()).to_string();
    assert!(error.contains("transition 1: expected here, found 1001"), "{error}");
}

/// The archive of three days, two closed; `other` makes them of another history.
fn archived(other: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for day in 0..3 {
        (0..40).for_each(|_| commit_at(&mut store, 25, day * DAY + u64::from(other)));
    }
    archive_before(&mut store, MIDNIGHT + 2 * DAY);
    store.close().unwrap();
    dir
}

#[test]
fn an_archive_file_of_another_log_is_named_by_its_first_transition() {
    let (dir, other) = (archived(false), archived(true));
    let second = "archive/2026-11-22.fifteen.zst";
    fs::copy(other.path().join(second), dir.path().join(second)).unwrap();
    let error = refused(dir.path()).to_string();
    assert!(error.contains(second) && error.contains("transition 1001: the chain"), "{error}");
}

#[test]
fn an_archive_file_that_ends_too_early_is_named_by_the_first_transition_gone() {
    let dir = archived(false);
    let file = dir.path().join("archive/2026-11-22.fifteen.zst");
    let whole = fs::read(&file).unwrap();
    let says = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let report = inspect::verify::<Seen>(dir.path(), &options()).unwrap().to_string();
        assert!(report.contains(what), "{what}: {report}");
    };
    says(&whole[..140], "read transition 1001 of");
    // The header of the whole day over the frames of its first half.
    let body = zstd::decode_all(&whole[..]).unwrap();
    let mut half = 0;
    for _ in 0..20 {
        half += 2 + frame_len(&body[half..]);
    }
    let first_gone = Frame::decode(body[half + 2..][..frame_len(&body[half..])].to_vec()).unwrap();
    let mut bytes = whole[..120].to_vec();
    bytes.extend(zstd::encode_all(&body[..half], 0).unwrap());
    says(&bytes, &format!("read transition {} of", first_gone.first_seq()));
}

fn frame_len(body: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([body[0], body[1]]))
}

#[test]
fn an_archive_header_that_names_another_end_than_its_frames_is_named() {
    let dir = archived(false);
    let file = dir.path().join("archive/2026-11-22.fifteen.zst");
    let mut bytes = fs::read(&file).unwrap();
    // The time of the last transition, and the header's checksum made right again.
    bytes[107] ^= 1;
    let sum = crc32c::crc32c(&bytes[..116]).to_be_bytes();
    bytes[116..120].copy_from_slice(&sum);
    fs::write(&file, bytes).unwrap();
    let report = inspect::verify::<Seen>(dir.path(), &options()).unwrap().to_string();
    let said = "transition 2000: the header names another end than the frames have";
    assert!(report.contains(said), "{report}");
}

#[test]
fn what_was_moved_away_is_counted_over_all_steps() {
    let dir = tempfile::tempdir().unwrap();
    three_days(dir.path()).close().unwrap();
    let done = inspect::archive(dir.path(), small_files(), UtcMs(MIDNIGHT + DAY)).unwrap();
    assert_eq!(done, Trimmed { archived: 1_000, moved: 1_000, more: false });
    let done = inspect::archive(dir.path(), small_files(), UtcMs(MIDNIGHT + 2 * DAY)).unwrap();
    assert_eq!(done, Trimmed { archived: 2_000, moved: 1_000, more: false });
}

#[test]
fn any_zstd_tool_reads_an_archive_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = three_days(dir.path());
    archive_before(&mut store, MIDNIGHT + DAY);
    let file = fs::File::open(dir.path().join("archive/2026-11-21.fifteen.zst")).unwrap();
    let plain = zstd::decode_all(file).unwrap();
    let first = Frame::decode(plain[2..2 + frame_len(&plain)].to_vec()).unwrap();
    assert_eq!((first.first_seq(), first.follows(0, &[0; 32])), (1, Ok(())));
}

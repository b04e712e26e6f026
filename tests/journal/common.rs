//! A log for a test, a state to fold it into, and ways to hurt it.

use fifteen::domain::UtcMs;
use fifteen::journal::{
    Appended, Fold, Journal, JournalError, Options, Prober, Record, RecordRef, Snapshot, Store,
    pack, replay,
};
use std::fs;
use std::path::{Path, PathBuf};

/// 2026-11-21T00:00:00Z.
pub(crate) const MIDNIGHT: u64 = 1_795_219_200_000;
pub(crate) const DAY: u64 = 86_400_000;

/// Counts and hashes everything it is told; any change, loss or swap changes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    pub(crate) hash: [u8; 32],
}

impl Fold for Seen {
    type Said = Record;

    fn fresh(&self) -> Self {
        Self { count: 0, hash: [0; 32] }
    }

    fn reader(&self) -> impl Fn(RecordRef<'_>) -> Result<Record, String> + use<> {
        |RecordRef { at, schema, body, .. }| Ok(Record { at, schema, body: body.to_vec() })
    }

    fn apply(&mut self, seq: u64, record: Record) {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.hash).update(&seq.to_be_bytes()).update(&record.at.0.to_be_bytes());
        hash.update(&record.schema.to_be_bytes()).update(&record.body);
        self.hash = hash.finalize().into();
        self.count += 1;
    }

    fn digest(&self) -> [u8; 32] {
        blake3::hash(&self.save()).into()
    }

    fn save(&self) -> Vec<u8> {
        // Several chunks, the last one not full.
        let filler = self.hash.iter().copied().cycle().take(10_000);
        self.count.to_be_bytes().into_iter().chain(self.hash).chain(filler).collect()
    }

    fn load(&self, _seq: u64, bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String> {
        let (count, rest) = bytes.split_first_chunk::<8>().ok_or("too short")?;
        let (hash, _) = rest.split_first_chunk::<32>().ok_or("too short")?;
        let state = Self { count: u64::from_be_bytes(*count), hash: *hash };
        let digest = state.digest();
        Ok((state, Some(digest)))
    }
}

/// Transition `n`: a second after the one before, with a body of its own.
pub(crate) fn record(n: u64) -> Record {
    let body = format!("transition {n}: {}", "x".repeat((n % 150) as usize)).into_bytes();
    Record { at: UtcMs(MIDNIGHT + n * 1_000), schema: 1, body }
}

/// Appends `count` transitions in one commit.
pub(crate) fn commit(journal: &mut dyn Journal, count: u64) {
    commit_at(journal, count, 0);
}

/// As [`commit`], `later` milliseconds later.
pub(crate) fn commit_at(journal: &mut dyn Journal, count: u64, later: u64) {
    let tail = journal.last();
    let records: Vec<Record> = (1..=count)
        .map(|n| record(tail.seq + n))
        .map(|record| Record { at: record.at.plus(later), ..record })
        .collect();
    let frames = pack(&tail, tail.epoch, &records).unwrap();
    let end = journal.append(tail.epoch, tail.seq, &frames).unwrap();
    assert!(matches!(end, Appended::Durable(end) if end.seq == tail.seq + count), "{end:?}");
}

/// What `n` transitions of [`commit`] fold into.
pub(crate) fn seen(n: u64) -> Seen {
    let mut state = Seen::default();
    for seq in 1..=n {
        state.apply(seq, record(seq));
    }
    state
}

pub(crate) fn take_snapshot(journal: &mut dyn Journal) -> u64 {
    let now = replay::<Seen>(journal).unwrap();
    journal.put_snapshot(&Snapshot::of(&now.state, &now.tail)).unwrap();
    now.tail.seq
}

pub(crate) fn options() -> Options {
    let program = std::env::current_exe().unwrap();
    let args = ["child::opens_the_folder_it_is_told", "--exact", "--ignored", "--nocapture"]
        .map(Into::into)
        .to_vec();
    Options {
        witness_segment_bytes: 64 << 10,
        ballast_bytes: 4 << 10,
        prober: Some(Prober { program, args }),
        ..Options::default()
    }
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, options()).unwrap()
}

/// The error of an opening that must not succeed.
pub(crate) fn refused(dir: &Path) -> JournalError {
    match Store::open(dir, options()) {
        Ok(store) => panic!("opened although it must not: {}", store.opened()),
        Err(error) => error,
    }
}

/// A log of `commits` commits of `each` transitions, then dropped without a word as in a crash.
pub(crate) fn crashed(dir: &Path, commits: u64, each: u64) -> u64 {
    let mut store = open(dir);
    for _ in 0..commits {
        commit(&mut store, each);
    }
    commits * each
}

/// Opens the sled database of a stopped log, as no program but a test may.
pub(crate) fn sled_log(dir: &Path) -> (sled::Db, sled::Tree) {
    for _ in 0..1_000 {
        match sled::open(dir.join("log")) {
            Ok(db) => {
                let tree = db.open_tree("log").unwrap();
                return (db, tree);
            }
            Err(error) if error.to_string().contains("lock") => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("sled keeps its lock");
}

pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    with_extension(&dir.join("witness"), "witness")
}

/// The transition a segment begins with, by its name.
pub(crate) fn first_of(segment: &Path) -> u64 {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

pub(crate) fn with_extension(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

/// Changes one byte of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Where what was written into a preallocated file ends.
pub(crate) fn written(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}

pub(crate) fn position(path: &Path, text: &str) -> usize {
    let bytes = fs::read(path).unwrap();
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}

/// Copies what is in a folder into another that is there.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

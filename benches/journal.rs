//! What the log costs: commits of 1, 8, 64 and 512 transitions, replay, rebuild, archive. Fixed inputs, printed.
//!
//! `cargo bench --bench journal [-- FOLDER]`: FOLDER should be on the disk in question (default: the system's
//! temporary folder). Every commit is synced in both logs before the next begins.

use fifteen::domain::UtcMs;
use fifteen::journal::{
    Appended, Fold, Journal, Options, Record, RecordRef, Store, Tail, pack, replay_from_start,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BODY_BYTES: usize = 110;
const REPLAYED: u64 = 1_000_000;
const SMALL: u64 = 100_000;
const COMMITS: [(usize, usize); 4] = [(1, 4_000), (8, 4_000), (64, 3_000), (512, 1_000)];

/// The cheapest state there is, so that the log is what is measured.
#[derive(Default)]
struct Sum(u64);

impl Fold for Sum {
    type Said = u64;
    fn fresh(&self) -> Self {
        Self(0)
    }
    fn reader(&self) -> impl Fn(RecordRef<'_>) -> Result<u64, String> + use<> {
        |record| Ok(record.at.0.wrapping_add(u64::from(record.body[0])))
    }
    fn apply(&mut self, seq: u64, said: u64) {
        self.0 = self.0.wrapping_add(seq ^ said);
    }
    fn digest(&self) -> [u8; 32] {
        blake3::hash(&self.save()).into()
    }
    fn save(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
    fn load(&self, _seq: u64, bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String> {
        let bytes = bytes.try_into().map_err(|_| "not eight bytes")?;
        let state = Self(u64::from_be_bytes(bytes));
        let digest = state.digest();
        Ok((state, Some(digest)))
    }
}

fn main() {
    let base = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let base = base.join(format!("fifteen-bench-{}", std::process::id()));
    println!(
        "inputs: bodies of {BODY_BYTES} bytes, 5 s apart, one writer, folder on the disk of {}",
        base.display()
    );
    packing();
    for (each, commits) in COMMITS {
        appending(&base.join(format!("append-{each}")), each, commits);
    }
    reading(&base.join("replay"));
    archiving_small(&base.join("small"));
    std::fs::remove_dir_all(&base).expect("the bench's own folder");
}

fn packing() {
    let records = records(0, 512);
    let (took, frames) = timed(|| {
        let mut tail = Tail::default();
        let mut frames = 0;
        for _ in 0..2_000 {
            let packed = pack(&tail, 1, &records).expect("small records");
            frames += packed.len();
            tail = packed.last().expect("frames").tail();
        }
        frames
    });
    let count = 2_000 * records.len();
    println!(
        "pack: {} records/s, {:.1} records a frame",
        rate(count as u64, took),
        count as f64 / frames as f64
    );
}

fn appending(dir: &Path, each: usize, commits: usize) {
    let mut store = open(dir);
    let mut took = Vec::with_capacity(commits);
    let mut frame_bytes = 0;
    for _ in 0..commits {
        let tail = store.last();
        let records = records(tail.seq, each);
        let (time, bytes) = timed(|| commit(&mut store, &records));
        took.push(time);
        frame_bytes += bytes;
    }
    store.close().expect("closed in order");
    let total: Duration = took.iter().sum();
    took.sort();
    let at = |part: f64| took[((commits - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let count = (each * commits) as u64;
    let per = |bytes: u64| bytes as f64 / count as f64;
    println!(
        "append {each:>3} a commit x {commits}: {:>9} records/s; commit p50 {:.2} p99 {:.2} max {:.2} ms; \
         bytes a record: frames {:.0}, sled on disk {:.0}, witness on disk {:.0}",
        rate(count, total),
        at(0.5),
        at(0.99),
        at(1.0),
        per(frame_bytes),
        per(size(&dir.join("log"))),
        per(size(&dir.join("witness"))),
    );
}

fn reading(dir: &Path) {
    let mut store = open(dir);
    while store.last().seq < REPLAYED {
        let records = records(store.last().seq, 4_000);
        commit(&mut store, &records);
    }
    let state = |store: &Store| replay_from_start::<Sum>(store).expect("a whole log");
    let (took, first) = timed(|| state(&store));
    println!("replay from sled: {} records/s ({REPLAYED} records)", rate(first.records, took));
    store.close().expect("closed in order");
    let (took, store) = timed(|| open(dir));
    println!("open, both logs compared: {} records/s", rate(REPLAYED, took));
    drop(store);
    let (took, store) = timed(|| open(dir));
    println!("open after a crash (copy and probe first): {} records/s", rate(REPLAYED, took));
    drop(store);
    std::fs::remove_dir_all(dir.join("log")).expect("the bench's own folder");
    let (took, mut store) = timed(|| open(dir));
    println!("open with sled rebuilt from the witness: {} records/s", rate(REPLAYED, took));
    archiving(&mut store, "archive and trim");
    let (took, again) = timed(|| state(&store));
    println!("replay from the archive: {} records/s", rate(again.records, took));
    println!("archive: {:.1} bytes a record", size(&dir.join("archive")) as f64 / REPLAYED as f64);
    assert_eq!(first.state.digest(), again.state.digest(), "one history, one digest");
}

/// Frames of one record, as a quiet room writes them.
fn archiving_small(dir: &Path) {
    let mut store = open(dir);
    while store.last().seq < SMALL {
        let mut tail = store.last();
        let (expected, mut frames) = (tail.seq, Vec::new());
        for record in records(tail.seq, 1_000) {
            frames.extend(pack(&tail, tail.epoch, &[record]).expect("a small record"));
            tail = frames.last().expect("a frame").tail();
        }
        store.append(tail.epoch, expected, &frames).expect("durable");
    }
    archiving(&mut store, "archive and trim, a record a frame");
}

/// Each step is one that a call may wait for.
fn archiving(store: &mut Store, what: &str) {
    let records = store.last().seq;
    let mut steps = Vec::new();
    let (took, ()) = timed(|| {
        loop {
            let (step, trimmed) =
                timed(|| store.trim_step(records, UtcMs(u64::MAX)).expect("archived"));
            steps.push(step);
            if !trimmed.more {
                return;
            }
        }
    });
    steps.sort();
    let at = |part: f64| steps[((steps.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} records/s; {} steps, p50 {:.1} p99 {:.1} max {:.1} ms",
        rate(records, took),
        steps.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn open(dir: &Path) -> Store {
    let store = Store::open(dir, Options { ballast_bytes: 0, ..Options::default() });
    store.expect("a log in the bench's own folder")
}

fn commit(store: &mut Store, records: &[Record]) -> u64 {
    let tail = store.last();
    let frames = pack(&tail, tail.epoch, records).expect("small records");
    let end = store.append(tail.epoch, tail.seq, &frames).expect("durable");
    assert!(matches!(end, Appended::Durable(_)));
    frames.iter().map(|frame| frame.bytes().len() as u64).sum()
}

fn records(after: u64, count: usize) -> Vec<Record> {
    let one = |n: u64| {
        // A small generator with a fixed seed: bodies as compressible as half-random events are.
        let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let body = (0..BODY_BYTES).map(|at| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            if at % 2 == 0 { b'a' } else { x as u8 }
        });
        Record { at: UtcMs(1_795_219_200_000 + n * 5_000), schema: 1, body: body.collect() }
    };
    (1..=count as u64).map(|n| one(after + n)).collect()
}

fn size(path: &Path) -> u64 {
    let entry = std::fs::metadata(path).expect("it is there");
    if entry.is_file() {
        use std::os::unix::fs::MetadataExt;
        return entry.blocks() * 512;
    }
    let entries = std::fs::read_dir(path).expect("it is there");
    entries.map(|entry| size(&entry.expect("it is there").path())).sum()
}

fn rate(count: u64, took: Duration) -> u64 {
    (count as f64 / took.as_secs_f64()) as u64
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

//! One damage at a time, of every kind, at every kind of place, in every file of a log: it is put right, or the start is
//! refused by name and a repair says what is gone. Never a history that is shorter or other in silence.
//!
//! `FIFTEEN_SWEEP=1` tries all; otherwise every tenth case is tried, and `FIFTEEN_SEED` says which tenth.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::*;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a segment's header, of an entry's, and of the length before each frame.
const HEADER: usize = 64;
const ENTRY: usize = 12;
const LENGTH: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    FlipBit,
    ZeroSector,
    ZeroPage,
    Truncate,
    DropFile,
}

/// What came of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Verify sees nothing wrong, and nothing is: the bytes meant nothing.
    Harmless,
    /// The start puts it right by itself.
    PutRight,
    /// The start is refused by name; a repair brings everything back.
    Repaired,
    /// The start is refused by name; what is gone is named, a backup is needed.
    Named,
}

/// A log with everything in it: archive files, sealed segments, snapshots, a claim. The last transition.
fn everything(dir: &Path, closed: bool) -> u64 {
    let mut store = open(dir);
    store.claim(0, "here").unwrap();
    for day in 0..4 {
        for _ in 0..6 {
            commit_at(&mut store, 60, day * DAY);
        }
        take_snapshot(&mut store);
    }
    let upto = store.last().seq * 2 / 3;
    store.trim(upto, UtcMs(u64::MAX)).unwrap();
    assert!(with_extension(&dir.join("archive"), "zst").len() > 1);
    assert!(segments(dir).len() > 1, "a sealed segment and the last");
    let last = store.last().seq;
    if closed {
        store.close().unwrap();
    }
    last
}

fn history(store: &Store) -> Result<Seen, JournalError> {
    Ok(replay_from_start::<Seen>(store)?.state)
}

/// Names a transition, or the file.
fn names(why: &JournalError, file: &str) -> bool {
    let text = why.to_string();
    text.contains("transition ") || text.contains(file)
}

/// Places in a file: what stands there, and where.
fn places(path: &Path) -> Vec<(&'static str, usize)> {
    let (len, end) = (usize::try_from(fs::metadata(path).unwrap().len()).unwrap(), written(path));
    let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let mut places = match &*kind {
        "witness" => vec![
            ("first byte", 0),
            ("first number", 19),
            ("chain before", 30),
            ("header checksum", HEADER - 2),
            ("entry magic", HEADER + 1),
            ("entry length", HEADER + 7),
            ("entry checksum", HEADER + 9),
            ("frame length", HEADER + ENTRY + 1),
            ("frame header", HEADER + ENTRY + LENGTH + 3),
            ("record", HEADER + ENTRY + LENGTH + 200),
            ("middle", end / 2),
            ("last entry", end - 40),
            ("last byte", end - 1),
            ("behind the end", end + 300),
        ],
        _ => vec![
            ("first byte", 0),
            ("header", 9),
            ("an eighth", end / 8),
            ("a quarter", end / 4),
            ("middle", end / 2),
            ("three quarters", end * 3 / 4),
            ("near the end", end.saturating_sub(20)),
            ("last byte", end.saturating_sub(1)),
        ],
    };
    places.retain(|(_, at)| *at < len);
    places.dedup_by_key(|(_, at)| *at);
    places
}

fn damage(path: &Path, deed: Deed, at: usize) {
    if deed == Deed::DropFile {
        return fs::remove_file(path).unwrap();
    }
    let mut bytes = fs::read(path).unwrap();
    let mut zero = |size: usize| {
        let from = at / size * size;
        let upto = bytes.len().min(from + size);
        bytes[from..upto].fill(0);
    };
    match deed {
        Deed::FlipBit => bytes[at] ^= 0x10,
        Deed::ZeroSector => zero(512),
        Deed::ZeroPage => zero(4_096),
        Deed::Truncate => bytes.truncate(at),
        Deed::DropFile => {}
    }
    fs::write(path, bytes).unwrap();
}

/// The files of a log, below its folder; not what only processes use.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("LOCK") && !path.ends_with("BALLAST") {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Its kind, for the table.
fn kind(file: &Path, all: &[PathBuf]) -> String {
    let last_of_kind = all.iter().rfind(|other| other.extension() == file.extension());
    let name = file.to_string_lossy().into_owned();
    match file.extension().unwrap_or_default().to_str().unwrap() {
        "witness" if last_of_kind.is_some_and(|last| last == file) => "witness, last".into(),
        "witness" => "witness, sealed".into(),
        "zst" => "archive".into(),
        _ if name.starts_with("log/snap") => "log/snap".into(),
        _ => name,
    }
}

/// One case; why it is a fault.
fn outcome(dir: &Path, total: u64, names_file: &str) -> Result<Outcome, String> {
    let seen_wrong = inspect::verify::<Seen>(dir, &options()).map_or(true, |report| !report.ok());
    match Store::open(dir, options()) {
        Ok(store) => {
            return match history(&store) {
                Ok(state) if state == whole(total) && store.last().epoch == 1 => {
                    let silent = !seen_wrong && store.opened().notes.is_empty();
                    Ok(if silent { Outcome::Harmless } else { Outcome::PutRight })
                }
                // The archive's files are read when they are asked for, not at each start.
                Err(why) if seen_wrong && names(&why, names_file) => Ok(Outcome::Named),
                _ => Err(format!("another history in silence: {}", store.opened())),
            };
        }
        Err(JournalError::NeedsRepair { source, .. }) if names(&source, names_file) => {}
        Err(other) => return Err(format!("not refused by name: {other}")),
    }
    if !seen_wrong {
        return Err("refused, and verify finds nothing".into());
    }
    match inspect::repair(dir, options(), false) {
        // The archive is whole or it is not: what it had is in a backup.
        Err(why) if names(&why, names_file) => Ok(Outcome::Named),
        Err(why) => Err(format!("repair: {why}")),
        Ok(report) if report.missing.is_some() => {
            let given_up = inspect::repair(dir, options(), true);
            given_up.map(|_| Outcome::Named).map_err(|why| format!("repair, giving up: {why}"))
        }
        Ok(_) => {
            let store = Store::open(dir, options()).map_err(|why| format!("repaired: {why}"))?;
            let state = history(&store).map_err(|why| format!("repaired: {why}"))?;
            let back = state == whole(total) && store.last().epoch == 1;
            back.then_some(Outcome::Repaired).ok_or_else(|| "repaired, another history".into())
        }
    }
}

/// The history of [`everything`].
fn whole(total: u64) -> Seen {
    let mut state = Seen::default();
    for seq in 1..=total {
        let record = record(seq);
        state.apply(seq, Record { at: record.at.plus((seq - 1) / 360 * DAY), ..record });
    }
    state
}

/// How often each outcome came, by kind of file and deed.
#[derive(Default)]
struct Table(BTreeMap<(String, Deed), BTreeMap<Outcome, usize>>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [Outcome::Harmless, Outcome::PutRight, Outcome::Repaired, Outcome::Named];
        write!(f, "{:<20} {:<10}", "file", "damage")?;
        columns.iter().try_for_each(|column| write!(f, " {column:>9?}"))?;
        for ((kind, deed), counts) in &self.0 {
            write!(f, "\n{kind:<20} {:<10}", format!("{deed:?}"))?;
            for column in columns {
                write!(f, " {:>9}", counts.get(&column).copied().unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

#[test]
fn no_damage_anywhere_makes_another_history_in_silence() {
    let all = std::env::var_os("FIFTEEN_SWEEP").is_some();
    let seed: usize = std::env::var("FIFTEEN_SEED").map_or(1, |text| text.parse().unwrap());
    println!("FIFTEEN_SEED={seed}, {}", if all { "all cases" } else { "every tenth case" });
    let (mut table, mut faults, mut nth, mut tried) = (Table::default(), Vec::new(), seed, 0);
    for closed in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let total = everything(folder.path(), closed);
        let there = files(folder.path());
        for file in &there {
            let path = folder.path().join(file);
            let deeds = [Deed::FlipBit, Deed::ZeroSector, Deed::ZeroPage, Deed::Truncate];
            let cases = places(&path)
                .into_iter()
                .flat_map(|(place, at)| deeds.map(|deed| (deed, place, at)))
                .chain([(Deed::DropFile, "whole", 0)]);
            for (deed, place, at) in cases {
                nth += 1;
                if !all && !nth.is_multiple_of(10) {
                    continue;
                }
                let hurt = tempfile::tempdir().unwrap();
                copy(folder.path(), hurt.path());
                damage(&hurt.path().join(file), deed, at);
                let name = file.file_name().unwrap().to_str().unwrap();
                tried += 1;
                match outcome(hurt.path(), total, name) {
                    Ok(came) => {
                        let row = table.0.entry((kind(file, &there), deed)).or_default();
                        *row.entry(came).or_default() += 1;
                    }
                    Err(why) => faults.push(format!(
                        "closed {closed}: {deed:?} at {place} ({at}) of {file:?}: {why}"
                    )),
                }
            }
        }
    }
    println!("{table}\n{tried} cases");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn what_both_logs_lost_is_named_and_the_rest_comes_back() {
    for gone in [1, 31, 51, 91] {
        let dir = tempfile::tempdir().unwrap();
        crashed(dir.path(), 10, 10);
        let (db, tree) = sled_log(dir.path());
        tree.remove(u64::to_be_bytes(gone)).unwrap();
        drop((db, tree));
        let segment = &segments(dir.path())[0];
        flip(segment, position(segment, &format!("transition {gone}:")));
        if gone == 91 {
            // The last commit of both: as if it had never been.
            assert_eq!(open(dir.path()).last().seq, 90);
            continue;
        }
        let text = refused(dir.path()).to_string();
        assert!(text.contains(&format!("transition {gone}:")), "{text}");
        let report = inspect::repair(dir.path(), options(), false).unwrap();
        let missing = report.missing.expect("what is gone is named");
        assert_eq!((missing.from, missing.found_from, missing.found_to), (gone, gone + 10, 100));
        assert!(Store::open(dir.path(), options()).is_err(), "nothing was changed");
        inspect::repair(dir.path(), options(), true).unwrap();
        assert_eq!(replay::<Seen>(&open(dir.path())).unwrap().state, seen(gone - 1));
    }
}

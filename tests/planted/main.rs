//! The checkers of the simulation, and those of the crashed disk, are themselves checked: each bug of a list is planted
//! in a copy of the sources, and some seed must notice it.
//!
//! That every plant still fits its place is tested in each `cargo test`; the bugs are planted by `cargo sim-planted` and
//! `cargo disk-planted`, which build the tests once for each of them. `SIM_PLANTED='word|word'` plants only those whose
//! names hold one of the words, `SIM_SEEDS=a..b` gives other seeds.

#![expect(clippy::unwrap_used, reason = "a test may end in a panic")]

mod disk;
mod list;

use list::{BUGS, Bug};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A source with the bug in it.
fn planted(bug: &Bug, file: &str) -> String {
    let mut text = std::fs::read_to_string(root().join(file)).unwrap();
    for (_, from, to) in bug.changes.iter().filter(|(changed, _, _)| *changed == file) {
        let places = text.matches(from).count();
        assert_eq!(places, 1, "{}: {file} has {from:?} in {places} places", bug.name);
        text = text.replace(from, to);
    }
    text
}

#[test]
fn every_bug_still_has_its_place() {
    for bug in BUGS.iter().chain(disk::BUGS) {
        for (file, _, _) in bug.changes {
            planted(bug, file);
        }
    }
    assert!(BUGS.len() >= 15);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if ["target", ".git", "fuzz"].iter().any(|left_out| name == *left_out) {
            continue;
        }
        let (path, target) = (entry.path(), to.join(&name));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What the simulation says of the sources in `tree`: the seed that failed and its finding.
fn simulate(tree: &Path, seeds: &str) -> Result<Option<(String, String)>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .current_dir(tree)
        .args(["test", "--quiet", "--test", "sim", "every_seed", "--", "--nocapture"])
        .env("CARGO_TARGET_DIR", root().join("target"))
        .env("SIM_FIRST", "1")
        .env("SIM_SEEDS", seeds)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let caught = said.lines().find_map(|line| line.strip_prefix("CAUGHT by seed "));
    match caught.and_then(|line| line.split_once(": ")) {
        Some((seed, finding)) => Ok(Some((seed.to_owned(), finding.to_owned()))),
        None if run.status.success() => Ok(None),
        None => Err(String::from_utf8_lossy(&run.stderr).into_owned()),
    }
}

/// What the crashes of `tests/disk` say of the sources in `tree`, as [`simulate`] does.
fn crash(tree: &Path, seeds: &str) -> Result<Option<(String, String)>, String> {
    let (from, to) = seeds.split_once("..").unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        let run = Command::new(&cargo)
            .current_dir(tree)
            .args(["test", "--test", "disk", "--", "--nocapture", "--test-threads", "1"])
            .env("CARGO_TARGET_DIR", root().join("target"))
            .env("RUST_BACKTRACE", "0")
            .env("FIFTEEN_SEED", seed.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        assert!(!said.contains("SKIPPED"), "{said}");
        // A failure of the recorder itself notices nothing.
        if !said.contains("running ") || said.contains("internal error") {
            return Err(said.into_owned());
        }
        if !run.status.success() {
            let panicked = said.lines().skip_while(|line| !line.contains("panicked at"));
            return Ok(Some((seed.to_string(), panicked.skip(1).take(1).collect())));
        }
    }
    Ok(None)
}

#[test]
#[ignore = "builds the crashes once for each bug: cargo disk-planted"]
fn every_bug_planted_below_the_log_is_caught() {
    caught(disk::BUGS, "1..4", crash);
}

#[test]
#[ignore = "builds the simulation once for each bug: cargo sim-planted"]
fn every_planted_bug_is_caught() {
    caught(BUGS, "0..40", simulate);
}

/// What is said of a tree by those seeds: the one that failed and its finding.
type Judge = fn(&Path, &str) -> Result<Option<(String, String)>, String>;

fn caught(bugs: &[Bug], seeds: &str, judge: Judge) {
    let seeds = std::env::var("SIM_SEEDS").unwrap_or_else(|_| seeds.into());
    let only = std::env::var("SIM_PLANTED").unwrap_or_default();
    let tree = tempfile::tempdir().unwrap();
    copy(&root(), tree.path());
    println!("seeds {seeds}\n{:<62} {:>5}  finding", "planted bug", "seed");
    let mut missed = Vec::new();
    for bug in bugs.iter().filter(|bug| only.split('|').any(|word| bug.name.contains(word))) {
        for (file, _, _) in bug.changes {
            std::fs::write(tree.path().join(file), planted(bug, file)).unwrap();
        }
        match judge(tree.path(), &seeds) {
            Ok(Some((seed, finding))) => {
                let finding: String = finding.chars().take(90).collect();
                println!("{:<62} {seed:>5}  {finding}", bug.name);
            }
            Ok(None) => {
                println!("{:<62} {:>5}", bug.name, "MISSED");
                missed.push(bug.name);
            }
            Err(why) => {
                println!("{:<62} {:>5}  it does not build or run", bug.name, "?");
                eprintln!("{}: {why}", bug.name);
                missed.push(bug.name);
            }
        }
        for (file, _, _) in bug.changes {
            std::fs::copy(root().join(file), tree.path().join(file)).unwrap();
        }
    }
    assert!(missed.is_empty(), "no seed of {seeds} noticed: {missed:?}");
}

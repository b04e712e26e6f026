//! The store: commits, snapshots, trims, claims, stops and starts, then crashes at any moment of all that, and crashes
//! of the starts after those.

use crate::common::{MIDNIGHT, Seen, copy, options, record, seen, take_snapshot};
use crate::dice::Dice;
use crate::platter::{Lies, Platter};
use crate::strace::{Step, read, recorded};
use crate::{crashes, number, scratch};
use fifteen::domain::UtcMs;
use fifteen::journal::{
    Appended, Journal, JournalError, Options, Store, inspect, pack, replay, replay_from_start,
};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

const TURNS: usize = 60;

fn rules() -> Options {
    Options { witness_segment_bytes: 24 << 10, ..options() }
}

/// One life of a log, told on stdout: what is begun before it is, what is done once it is.
fn live(dir: &Path, dice: &mut Dice, turns: usize) {
    let mut store = Store::open(dir, rules()).unwrap();
    println!("opened {}", store.last().seq);
    for _ in 0..turns {
        match dice.below(20) {
            0 => {
                let seq = take_snapshot(&mut store);
                println!("snapshot {seq}");
            }
            1 => {
                let before = UtcMs(MIDNIGHT + store.last().seq * 600);
                // All of it is some four steps: commits come between them.
                for _ in 0..=dice.below(6) {
                    let trimmed = store.trim_step(u64::MAX, before).unwrap();
                    println!("archived {}", trimmed.archived);
                    if !trimmed.more {
                        break;
                    }
                }
            }
            2 => {
                let epoch = store.claim(store.last().epoch, "here").unwrap();
                println!("epoch {epoch}");
            }
            3 if dice.once_in(2) => {
                println!("closing");
                store.close().unwrap();
                store = Store::open(dir, rules()).unwrap();
            }
            _ => commit(&mut store, dice),
        }
    }
}

fn commit(store: &mut Store, dice: &mut Dice) {
    let tail = store.last();
    let upto = tail.seq + if dice.once_in(6) { dice.span(20, 150) } else { dice.span(1, 4) };
    println!("asked {upto}");
    let records: Vec<_> = (tail.seq + 1..=upto).map(record).collect();
    let frames = pack(&tail, tail.epoch, &records).unwrap();
    match store.append(tail.epoch, tail.seq, &frames).unwrap() {
        Appended::Durable(end) => println!("durable {}", end.seq),
        Appended::Spilled { tail, .. } => println!("spilled {}", tail.seq),
        other => panic!("{other:?}"),
    }
}

/// What had been said by some moment.
#[derive(Debug, Clone, Default)]
struct Told {
    line: Vec<u8>,
    asked: u64,
    durable: u64,
    archived: u64,
    epoch: u64,
    /// Something was committed since it was last stopped in order.
    at_work: bool,
}

impl Told {
    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
            let mut words = line.split(' ');
            let (what, number) = (words.next(), words.next().and_then(|it| it.parse().ok()));
            match (what, number) {
                (Some("asked"), Some(upto)) => self.asked = upto,
                (Some("durable"), Some(upto)) => (self.durable, self.at_work) = (upto, true),
                (Some("closing"), None) => self.at_work = false,
                (Some("archived"), Some(upto)) => self.archived = upto,
                (Some("epoch"), Some(epoch)) => self.epoch = epoch,
                _ => {}
            }
        }
    }
}

/// What was counted over many crashes.
#[derive(Debug, Default)]
struct Count {
    images: usize,
    again: usize,
    repaired: usize,
    told_durable: u64,
    more_than_told: usize,
    notes: std::collections::BTreeMap<String, usize>,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} crashes, {} of them during a start after a crash, {} repaired by command; {} acknowledged transitions looked for; {} times a commit \
             nobody was told of was there; found out of order and put right: {:?}",
            self.images,
            self.again,
            self.repaired,
            self.told_durable,
            self.more_than_told,
            self.notes
        )
    }
}

/// Opens what a crash left: everything acknowledged is there, nothing is that was not asked for.
fn check(dir: &Path, lies: Lies, told: &Told, count: &mut Count) -> Result<(), String> {
    inspect::verify::<Seen>(dir, &rules()).map_err(|why| format!("verify: {why}"))?;
    let store = match Store::open(dir, rules()) {
        // A crash alone never needs a person; a disk that lied may.
        Err(JournalError::NeedsRepair { .. }) if lies != Lies::Nobodys => {
            let repaired = inspect::repair(dir, rules(), false);
            let repaired = repaired.map_err(|why| format!("repair: {why}"))?;
            if repaired.missing.is_some() {
                return Err(format!("repair: {repaired}"));
            }
            count.repaired += 1;
            Store::open(dir, rules())
        }
        other => other,
    };
    let store = store.map_err(|why| format!("does not open: {why}"))?;
    let end = store.last();
    if end.seq < told.durable {
        return Err(format!("{} was acknowledged, the log ends at {}", told.durable, end.seq));
    }
    if end.seq > told.asked {
        return Err(format!("the log ends at {}, {} was asked for", end.seq, told.asked));
    }
    if end.epoch < told.epoch || store.archived() < told.archived {
        return Err(format!("epoch {}, archived {}; said: {told:?}", end.epoch, store.archived()));
    }
    // Where nobody lies: the word's own removal may be among what was not synced.
    if lies == Lies::Nobodys && told.at_work && store.opened().clean {
        return Err("it died at work, and opens as if it had been stopped in order".into());
    }
    for state in [replay::<Seen>(&store), replay_from_start::<Seen>(&store)] {
        let state = state.map_err(|why| format!("replay: {why}"))?.state;
        if state != seen(end.seq) {
            return Err("the log's transitions are not those that were asked for".into());
        }
    }
    count.images += 1;
    count.told_durable += told.durable;
    count.more_than_told += usize::from(end.seq > told.durable);
    for note in &store.opened().notes {
        let name = format!("{note:?}");
        let name = name.split([' ', '{']).next().unwrap_or_default();
        *count.notes.entry(name.to_owned()).or_default() += 1;
    }
    store.close().map_err(|why| format!("close: {why}"))?;
    let after = inspect::verify::<Seen>(dir, &rules()).map_err(|why| format!("verify: {why}"))?;
    if !after.ok() || after.seq != end.seq {
        return Err(format!("opened and closed, and then: {after}"));
    }
    Ok(())
}

/// The recording of one life of the log in `dir`; none where there is no recorder.
fn recording(dir: &Path, seed: u64, turns: usize) -> Option<Vec<Step>> {
    let log = dir.with_extension("strace");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["store::lives_one_life", "--exact", "--ignored", "--nocapture"]);
    command.env("FIFTEEN_LIFE", format!("{seed} {turns} {}", dir.display()));
    let output = recorded(&command, &log, &[])?.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(read(&log, dir))
}

#[test]
#[ignore = "run as a child process, recorded"]
fn lives_one_life() {
    let life = std::env::var("FIFTEEN_LIFE").unwrap();
    let mut words = life.splitn(3, ' ');
    let mut number = || words.next().unwrap().parse().unwrap();
    let (seed, turns) = (number(), number());
    let dir = PathBuf::from(words.next().unwrap());
    live(&dir, &mut Dice::of(seed, "life"), usize::try_from(turns).unwrap());
}

/// Tells `told` what the log's own process said.
fn hear(told: &mut Told, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Said { to, bytes } if to.starts_with("1 ") => told.hear(bytes),
            _ => {}
        }
    }
}

/// Records a life and crashes it; with `again`, every tenth start after a crash is recorded and crashed as well.
fn lost(lies: Lies, images: usize, again: bool, count: &mut Count) -> Option<Result<(), String>> {
    let seed = number("FIFTEEN_SEED", 1);
    println!("FIFTEEN_SEED={seed} FIFTEEN_IMAGES={images}, syncs not done: {lies:?}");
    let place = scratch();
    let dir = place.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let platter = Platter::of(&dir, lies);
    let steps = recording(&dir, seed, TURNS)?;
    let (mut told, mut nth) = (Told::default(), 0);
    let judge = |new: &[Step], left: &Path| {
        hear(&mut told, new);
        nth += 1;
        if again && nth % 10 == 0 {
            lost_again(left, nth, &told, count)?;
        }
        check(left, lies, &told, count)
    };
    Some(crashes(&steps, platter, &mut Dice::of(seed, "crashes"), images, judge))
}

/// The start after a crash crashes as well. It is recorded on a copy, so that the folder stays as the crash left it.
fn lost_again(dir: &Path, seed: u64, told: &Told, count: &mut Count) -> Result<(), String> {
    let place = scratch();
    let again = place.path().join("data");
    std::fs::create_dir(&again).unwrap();
    copy(dir, &again);
    let platter = Platter::of(&again, Lies::Nobodys);
    let steps = recording(&again, seed, 2).expect("it was to be had before");
    let mut told = told.clone();
    let judge = |new: &[Step], left: &Path| {
        hear(&mut told, new);
        count.again += 1;
        check(left, Lies::Nobodys, &told, count)
    };
    crashes(&steps, platter, &mut Dice::of(seed, "again"), 6, judge)
        .map_err(|why| format!("the start after it crashed {why}"))
}

#[test]
fn a_disk_that_syncs_nothing_is_found_out() {
    let mut count = Count::default();
    let Some(found) = lost(Lies::Everybodys, 60, false, &mut count) else { return };
    let why = found.expect_err("the check does not bite");
    println!("{}", why.lines().next().unwrap_or_default());
}

#[test]
fn either_log_alone_may_lose_what_it_said_was_synced() {
    for lies in [Lies::Sleds, Lies::Witnesses] {
        let mut count = Count::default();
        match lost(lies, 20, false, &mut count) {
            None => return,
            Some(Ok(())) => println!("{count}"),
            Some(Err(why)) => panic!("{lies:?}: {why}"),
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_a_crash_at_any_system_call() {
    let images = usize::try_from(number("FIFTEEN_IMAGES", 60)).unwrap();
    let mut count = Count::default();
    match lost(Lies::Nobodys, images, true, &mut count) {
        None => return,
        Some(Ok(())) => {}
        Some(Err(why)) => panic!("{why}"),
    }
    println!("{count}");
    assert!(count.images >= images && count.told_durable > 0);
}

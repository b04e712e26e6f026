//! The real store and the real server on a disk that loses, tears, reorders and corrupts what was not synced: their
//! system calls are recorded, and crashes at any of them are made from the recording.
//!
//! `FIFTEEN_IMAGES` is how many crashes of the store are tried, `FIFTEEN_ROOM_IMAGES` how many of the server, and
//! `FIFTEEN_SEED` the seed of a run. Needs `strace`; says so where it is not to be had.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

#[path = "../journal/child.rs"]
mod child;
#[path = "../journal/common.rs"]
#[expect(dead_code, reason = "shared with the tests of the log")]
mod common;
#[path = "../sim/dice.rs"]
#[expect(dead_code, reason = "shared with the simulation")]
mod dice;
#[path = "../wire/peer.rs"]
#[expect(dead_code, reason = "shared with the tests of the wire")]
mod peer;
mod platter;
mod room;
#[path = "../wire/server.rs"]
#[expect(dead_code, reason = "shared with the tests of the wire")]
mod server;
mod store;
mod strace;

use dice::Dice;
use platter::{Names, Platter};
use std::path::Path;
use strace::Step;

/// From the environment, or this.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// A scratch folder in memory where there is one: these tests bring their own disk.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// Crashes at so many moments of a recording that began on `platter`. `judge` is told the steps since the last one and
/// where the crash left what it left.
fn crashes(
    steps: &[Step],
    mut platter: Platter,
    dice: &mut Dice,
    images: usize,
    mut judge: impl FnMut(&[Step], &Path) -> Result<(), String>,
) -> Result<(), String> {
    let mut moments: Vec<usize> = (0..images).map(|_| dice.below(steps.len() + 1)).collect();
    moments.sort_unstable();
    let mut done = 0;
    for moment in moments {
        let new = &steps[done..moment];
        new.iter().for_each(|step| platter.step(step));
        done = moment;
        let names = if dice.once_in(2) { Names::Strict } else { Names::Ordered };
        let left = scratch();
        platter.crash(names, dice, left.path());
        judge(new, left.path()).map_err(|why| {
            let of = steps.len();
            format!(
                "after {moment} of {of} steps, names {names:?}: {why}\n{}",
                story(&steps[..moment])
            )
        })?;
    }
    Ok(())
}

/// The last steps before a crash.
fn story(steps: &[Step]) -> String {
    let last = &steps[steps.len().saturating_sub(40)..];
    let line = |step: &Step| format!("{step:?}").chars().take(160).collect::<String>();
    last.iter().map(line).collect::<Vec<_>>().join("\n")
}

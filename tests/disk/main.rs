//! The real store and the real server on a disk that loses, tears, reorders and corrupts what was not synced: their
//! system calls are recorded, and crashes at any of them are made from the recording.
//!
//! `FIFTEEN_IMAGES` is how many crashes are tried, `FIFTEEN_SEED` the seed of a run. Needs `strace`; says so where it
//! is not to be had.

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

use std::path::Path;

/// From the environment, or this.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// A scratch folder in memory where there is one: these tests bring their own disk.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

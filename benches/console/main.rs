//! What an operator waits for: from a key to the screen with ten thousand waiting calls, from a call placed to the
//! console that shows it, from the start of a program to its first picture.
//!
//! `cargo bench --bench console`, or `-- keys`, `-- placed`, `-- start` for one of the three. The rooms are the same each
//! time; the servers are processes of their own, on loopback, with their logs in the system's temporary folder.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

mod keys;
mod placed;
mod screen;
mod start;

use std::time::Duration;

fn main() {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|arg| arg == name);
    for (name, measure) in [
        ("keys", keys::measure as fn()),
        ("placed", placed::measure as fn()),
        ("start", start::measure as fn()),
    ] {
        if wanted(name) {
            measure();
        }
    }
}

/// p50, p99 and the longest, in ms.
fn line(what: &str, mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let ms = |at: usize| took.get(at).map_or(f64::NAN, |it| it.as_secs_f64() * 1_000.0);
    // Nearest rank: the smallest time that so many of a hundred do not exceed.
    let rank = |percent: usize| ms((took.len() * percent).div_ceil(100).saturating_sub(1));
    let (p50, p99, longest) = (rank(50), rank(99), ms(took.len().saturating_sub(1)));
    format!("  {what:<34}{:>6}  p50 {p50:>8.3}  p99 {p99:>8.3}  max {longest:>8.3} ms", took.len())
}

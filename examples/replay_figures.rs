//! Runs a recorded trace through the engine in memory and prints its figures.
//!
//!     cargo run --release --example replay_figures -- examples/sf_police_2026.csv.gz

use fifteen::config::Settings;
use fifteen::domain::UtcMs;
use fifteen::engine::{Engine, State};
use fifteen::trace::{Reader, Replay, fed_by_a_trace};
use std::convert::Infallible;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).ok_or_else(|| anyhow::anyhow!("which trace?"))?;
    #[expect(clippy::disallowed_methods, reason = "an example times itself")]
    let started = std::time::Instant::now();
    let engine = Engine::new(State::default(), UtcMs(0));
    let rules = fed_by_a_trace(&Settings::shipped().rules);
    let replayed = Replay::new(engine, rules)?.run(
        Reader::open(path.as_ref())?,
        |_, _| Ok::<(), Infallible>(()),
        |_| (),
    )?;
    let figures = replayed.figures(started.elapsed());
    println!("{figures}");
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

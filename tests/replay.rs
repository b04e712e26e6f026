//! Recorded traces: what a file must be, and what its replay amounts to, against a naive count.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[path = "replay/cities.rs"]
mod cities;
#[path = "replay/malformed.rs"]
mod malformed;
#[path = "replay/naive.rs"]
mod naive;
#[path = "replay/small.rs"]
mod small;

use fifteen::config::Settings;
use fifteen::domain::{Dated, Rules, UtcMs};
use fifteen::engine::{Engine, State};
use fifteen::trace::{Figures, Replay, Row, TraceError};
use std::convert::Infallible;
use std::time::Duration;

/// The shipped rules.
pub fn shipped() -> Rules {
    Settings::shipped().rules
}

/// Replays `rows` into an empty room; `look` sees every event.
pub fn replay(
    rules: Rules,
    rows: impl Iterator<Item = Result<Row, TraceError>> + Send,
    mut look: impl FnMut(&Dated),
) -> Figures {
    let engine = Engine::new(State::default(), UtcMs(0));
    let sink = |_: &State, events: &mut Vec<Dated>| {
        events.drain(..).for_each(|dated| look(&dated));
        Ok::<(), Infallible>(())
    };
    let replayed = Replay::new(engine, rules).unwrap().run(rows, sink, |_| ()).unwrap();
    assert_eq!(replayed.engine.state().strays, 0);
    replayed.figures(Duration::ZERO)
}

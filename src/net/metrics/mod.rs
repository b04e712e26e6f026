//! Figures for Prometheus (`/metrics`) and one word on how the room is (`/healthz`), over plain
//! HTTP on a listener of their own: whoever looks there can hold up nobody who calls.
//!
//! Nothing is gathered before somebody asks, so an idle room stays asleep. A look asks the
//! engine's thread one question, as any session would; while calls come first the question is
//! shed, and the last figures are served, marked as old. However many look, the room is asked
//! once a second at most. No figure has a name, a number or a place in it, and every label is one
//! of a closed set of words.

mod figures;
mod http;
mod machine;
mod page;

use super::Server;
use crate::domain::UtcMs;
use crate::service::{Asked, Failed};
use figures::Figures;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};

/// Figures so old are good enough for whoever asks next.
const FRESH_MS: u64 = 1_000;
/// An engine that has not answered for so long is in trouble.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers on `listener` until it is dropped.
pub(super) async fn serve(server: Arc<Server>, listener: TcpListener) {
    let board = Board { server, last: Mutex::new(None) };
    http::serve(Arc::new(board), listener).await;
}

/// What the last look saw.
struct Board {
    server: Arc<Server>,
    last: Mutex<Option<(UtcMs, Arc<Figures>)>>,
}

/// What a look saw.
struct Look {
    /// The latest figures there are.
    figures: Option<Arc<Figures>>,
    /// How old they are.
    age_ms: u64,
    /// Why there are no newer ones.
    missed: Option<Missed>,
}

/// Why the room could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Missed {
    /// Calls come first just now.
    Shed,
    /// The engine has not answered in time.
    Silent,
    /// There is no room any more.
    Ended(Failed),
}

impl Board {
    async fn look(&self) -> Look {
        // Held while the room is asked: who comes meanwhile waits for the same answer.
        let mut last = self.last.lock().await;
        let now = self.server.clock.now();
        let old = |at: &UtcMs| now.since(*at);
        let missed = match last.as_ref().map(|(at, _)| old(at)) {
            Some(age_ms) if age_ms < FRESH_MS => None,
            _ => match self.ask().await {
                Ok(figures) => {
                    *last = Some((now, Arc::new(figures)));
                    None
                }
                Err(missed) => Some(missed),
            },
        };
        Look {
            figures: last.as_ref().map(|(_, figures)| Arc::clone(figures)),
            age_ms: last.as_ref().map_or(0, |(at, _)| old(at)),
            missed,
        }
    }

    async fn ask(&self) -> Result<Figures, Missed> {
        let (sender, receiver) = oneshot::channel();
        let server = Arc::clone(&self.server);
        let asked = self.server.handle.ask(move |room| {
            let seen = match room {
                Ok(room) => Ok(Figures::of(&server, room)),
                Err(failed) => Err(Missed::Ended(failed.clone())),
            };
            // Whoever looked may have given up.
            let _ = sender.send(seen);
        });
        if asked == Asked::Shed {
            return Err(Missed::Shed);
        }
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) => Err(Missed::Ended(Failed::Closed)),
            Err(_) => Err(Missed::Silent),
        }
    }
}

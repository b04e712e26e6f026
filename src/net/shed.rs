//! Work put off or refused so that calls can be taken: counted, and recorded in the log.

use super::Server;
use crate::domain::{Actor, Command, Order};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing::warn;

/// What is shed is summed up over so long into one entry of the log.
const SUM: Duration = Duration::from_secs(1);

/// Work that is shed before a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shed {
    /// Questions answered `busy`.
    Queries,
    /// Readers dropped because they did not keep up with the pushes.
    Pushes,
    /// Connections refused because their address came too fast.
    Connections,
    /// Handshakes ended to make room for others.
    Handshakes,
    /// Sessions refused because there were too many, of all or of one address.
    Sessions,
    /// Requests answered `busy` because their session asked too fast.
    Questions,
    /// Positions not taken because their unit sent too many.
    Positions,
    /// Answers not made because too much was unread.
    Answers,
}

impl Shed {
    /// Every kind, in the order of the variants.
    pub(super) const ALL: [Self; 8] = [
        Self::Queries,
        Self::Pushes,
        Self::Connections,
        Self::Handshakes,
        Self::Sessions,
        Self::Questions,
        Self::Positions,
        Self::Answers,
    ];

    /// As the log, the metrics and the operator's log call it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queries => "queries",
            Self::Pushes => "pushes",
            Self::Connections => "connections",
            Self::Handshakes => "handshakes",
            Self::Sessions => "sessions",
            Self::Questions => "questions",
            Self::Positions => "positions",
            Self::Answers => "answers",
        }
    }
}

/// How much of each kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: [Count; Shed::ALL.len()],
}

#[derive(Debug, Default)]
struct Count {
    /// Since the last entry of the log.
    fresh: AtomicU64,
    /// Since the start.
    total: AtomicU64,
}

impl Tally {
    /// Everything of one kind since the start.
    pub(super) fn total(&self, what: Shed) -> u64 {
        self.kinds[what as usize].total.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Counts work put off so that calls can be taken, and has the log say so: summed up
    /// over a second.
    pub(super) fn shed(self: &Arc<Self>, what: Shed) {
        let count = &self.tally.kinds[what as usize];
        count.total.fetch_add(1, Ordering::Relaxed);
        if count.fresh.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let server = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(SUM).await;
            let count = server.tally.kinds[what as usize].fresh.swap(0, Ordering::Relaxed);
            let what = what.as_str();
            warn!(what, count, "shed, so that calls could be taken");
            let command = Command::RecordShedWork { what: what.into(), count };
            let order = Order { by: Actor::room(), key: None, command };
            server.handle.order(order, |_, _| {}).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_count_and_name() {
        for (at, what) in Shed::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, at, "{what:?} is counted in its own place");
        }
        let names: std::collections::BTreeSet<_> = Shed::ALL.map(Shed::as_str).into();
        assert_eq!(names.len(), Shed::ALL.len());
    }
}

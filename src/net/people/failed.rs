//! Failed log-ins, counted and recorded: summed up over a second, as shed work is.

use super::super::Server;
use crate::domain::{Actor, Command, Order};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::warn;

/// What failed is summed up over so long.
const SUM: Duration = Duration::from_secs(1);
/// People named in the log for one such while; the others are counted with the unknown.
const NAMED_MAX: usize = 16;

/// How often, and whom it was tried on.
#[derive(Default)]
pub(super) struct Failed {
    total: AtomicU64,
    /// Since the last record; empty when none is under way. Unknown names are counted together.
    fresh: Mutex<BTreeMap<Option<Box<str>>, u64>>,
}

impl Failed {
    /// Since the start.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Counts one more, on `person` if there is such a one.
    pub(super) fn count(&self, server: &Arc<Server>, person: Option<&str>) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let mut fresh = self.fresh();
        let first = fresh.is_empty();
        add(&mut fresh, person);
        drop(fresh);
        if first {
            tokio::spawn(record(Arc::clone(server)));
        }
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, BTreeMap<Option<Box<str>>, u64>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(fresh: &mut BTreeMap<Option<Box<str>>, u64>, person: Option<&str>) {
    let person: Option<Box<str>> = person.map(Into::into);
    let known = fresh.contains_key(&person) || fresh.len() < NAMED_MAX;
    *fresh.entry(person.filter(|_| known)).or_default() += 1;
}

async fn record(server: Arc<Server>) {
    tokio::time::sleep(SUM).await;
    let Some(registry) = &server.people else { return };
    let fresh = std::mem::take(&mut *registry.failed.fresh());
    for (person, count) in fresh {
        warn!(person = person.as_deref().unwrap_or("(no such person)"), count, "log-ins failed");
        let command = Command::RecordFailedLogIns { person, count };
        let order = Order { by: Actor::room(), key: None, command };
        server.handle.order(order, |_, _| {}).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_each_up_to_a_bound_and_the_rest_together() {
        let mut fresh = BTreeMap::new();
        for number in 0..100 {
            add(&mut fresh, Some(&format!("person {number}")));
            add(&mut fresh, None);
        }
        assert!(fresh.len() <= NAMED_MAX + 1);
        assert_eq!(fresh.values().sum::<u64>(), 200);
    }
}

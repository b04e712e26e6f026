//! What a look sees of the room, gathered on the engine's thread in one go.

use super::super::feed::WireFeed;
use super::super::{Server, health};
use crate::domain::{Notice, Priority, UtcMs};
use crate::engine::{Canary, State};
use crate::journal::Health;
use crate::protocol::HealthStatus;
use crate::service::{Pulse, Room};

/// The room at one instant.
pub(super) struct Figures {
    /// As `fifteen health` is told it.
    pub(super) health: HealthStatus,
    /// How the log is.
    pub(super) log: Health,
    /// The calls that wait, a row a priority.
    pub(super) waiting: Vec<Waiting>,
    /// What is still to be sent; none when dispatch.toml names nobody to send to.
    pub(super) outbox: Option<Pending>,
    /// How the canary fares; none when there is none.
    pub(super) canary: Option<Canary>,
    /// Calls taken by this log, the canary's among them.
    pub(super) calls: u64,
    /// What the engine's thread remembers of its own work.
    pub(super) pulse: Pulse,
}

/// The calls of one priority that wait.
pub(super) struct Waiting {
    pub(super) priority: Priority,
    pub(super) calls: usize,
    /// When the first of them was received.
    pub(super) oldest_at: Option<UtcMs>,
}

/// Notices without a result.
pub(super) struct Pending {
    /// Escalations with something still to be decided or sent.
    pub(super) escalations: usize,
    /// Since when the oldest of it waits.
    pub(super) oldest_at: Option<UtcMs>,
}

impl Figures {
    pub(super) fn of(server: &Server, room: &mut Room<'_, WireFeed>) -> Self {
        let health = health::health(server, room);
        let log = room.journal.health();
        let state = room.engine.state();
        let priorities = Priority::MOST_URGENT.number()..=Priority::LEAST_URGENT.number();
        let waiting = priorities.filter_map(Priority::new).map(|priority| {
            let (calls, oldest_at) = state.queue().waiting_at(priority);
            Waiting { priority, calls, oldest_at }
        });
        Self {
            health,
            log,
            waiting: waiting.collect(),
            outbox: (!server.settings.roster.people.is_empty()).then(|| pending(state)),
            canary: (!server.settings.canary.every.is_zero()).then(|| state.canary()),
            calls: state.next_call().0 - 1,
            pulse: room.pulse.clone(),
        }
    }
}

fn pending(state: &State) -> Pending {
    let since = state.unsettled().filter_map(|(_, telling)| {
        let undecided = (!telling.planned).then_some(telling.last_told_at);
        let unsent = telling.notices.iter().filter(|notice| notice.pending());
        unsent.map(|notice: &Notice| notice.intended_at).chain(undecided).min()
    });
    Pending { escalations: state.unsettled().count(), oldest_at: since.min() }
}

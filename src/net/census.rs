//! Who is connected: sessions counted by role.

use super::Server;
use crate::protocol::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sessions by role.
#[derive(Debug, Default)]
pub(super) struct Census {
    roles: [AtomicUsize; Role::ALL.len()],
}

impl Census {
    /// Sessions of `role` now.
    pub(super) fn of(&self, role: Role) -> usize {
        self.roles[role as usize].load(Ordering::Relaxed)
    }
}

/// A session that is counted until this is dropped.
pub(super) struct Counted {
    server: Arc<Server>,
    role: Role,
}

impl Counted {
    pub(super) fn enter(server: &Arc<Server>, role: Role) -> Self {
        server.census.roles[role as usize].fetch_add(1, Ordering::Relaxed);
        server.sessions.fetch_add(1, Ordering::Relaxed);
        Self { server: Arc::clone(server), role }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.server.census.roles[self.role as usize].fetch_sub(1, Ordering::Relaxed);
        self.server.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

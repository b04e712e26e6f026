//! Connections as the machine gives them: as many as there are file handles for, with some left
//! over for the log, which must never want for one.

use super::Server;
use crate::config::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

/// File handles that connections leave for the log, its backups and reports, notices and metrics.
const LEFT_OVER: u64 = 256;
/// Connections at once where the machine sets no limit.
const MANY: u64 = 1 << 20;

/// Places for the connections of all listeners.
#[derive(Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    /// As many as there are file handles for.
    pub(super) fn of(settings: &Settings) -> Self {
        let most = places(raise_handles());
        info!(most, "connections at once");
        let wanted = settings.listen.sessions_max + settings.limits.handshakes_max;
        if most <= wanted {
            warn!(
                most,
                wanted,
                "fewer file handles than listen.sessions_max and limits.handshakes_max may take: intake may have to wait; raise the limit (LimitNOFILE)"
            );
        }
        Self(Arc::new(Semaphore::new(most)))
    }
}

/// A listener, and a place for each of its connections.
pub(super) struct Connections {
    listener: TcpListener,
    places: Places,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, places: Places) -> Self {
        Self { listener, places }
    }

    /// The next connection, with its place. When there is no place left, whoever has not said who
    /// they are makes one; without anybody such, it waits in the kernel until a session ends.
    pub(super) async fn next(
        &self,
        server: &Server,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let Places(places) = &self.places;
        if places.available_permits() == 0 {
            server.door.make_room();
        }
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let (socket, peer) = self.listener.accept().await?;
        Ok((socket, peer, place))
    }
}

/// Takes as many file handles as this process may have; how many that is.
fn raise_handles() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    now.unwrap_or(MANY)
}

/// Connections that so many handles allow.
fn places(handles: u64) -> usize {
    let left_over = LEFT_OVER.min(handles / 2);
    usize::try_from((handles - left_over).min(MANY)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_always_has_handles_left() {
        for handles in [2, 64, 511, 512, 1_024, 1 << 20, u64::MAX] {
            let places = places(handles) as u64;
            assert!(places >= 1 && handles - places >= LEFT_OVER.min(handles / 2), "{handles}");
        }
    }
}

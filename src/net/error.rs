//! Why the server does not start, or stopped.

use crate::service::CommitError;
use crate::tls::TlsError;
use std::net::SocketAddr;

/// Why the server does not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not loopback and nothing encrypts.
    #[error(
        "{0} is reachable from outside and nothing encrypts: set listen.certificate and listen.key (`fifteen cert` makes some), or listen on 127.0.0.1, or set listen.plain_text_outside_loopback = true and a listen.people_file for plain text"
    )]
    Exposed(SocketAddr),
    /// Calls over HTTP would be taken from outside and nothing encrypts.
    #[error(
        "web.listen: {0} is reachable from outside and nothing encrypts: set listen.certificate and listen.key, or listen on 127.0.0.1 behind a proxy that speaks TLS"
    )]
    WebExposed(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The people file cannot be used.
    #[error(transparent)]
    People(#[from] crate::people::PeopleError),
    /// The certificate, its key or the units' authorities cannot be used.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// People could not be told of what they must be told.
    #[error("nobody could be told of an escalation: {0}")]
    Notices(String),
    /// The engine could not start, or stopped on a failed commit.
    #[error(transparent)]
    Engine(#[from] CommitError),
    /// The engine's thread panicked: an invariant did not hold.
    #[error(
        "the engine stopped on a broken invariant; the log is whole up to the last reply, start again"
    )]
    Panicked,
}

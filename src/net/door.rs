//! From a socket to a session: TLS where the room has a certificate, plain text where it has none.
//!
//! Nobody knows yet who is there, an intake line or a flood, so a handshake costs little and none
//! is waited for: each has its limit, and where there are too many the oldest makes room
//! ([`super::limits`]).

use super::certificates::{Certificates, Papers};
use super::limits::Knock;
use super::stream::Writer;
use super::{Server, Shed, session};
use crate::protocol::{Code, Refused};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// The first byte of TLS: a handshake record (RFC 8446, 5.1). Ours is the high byte of a length of
/// 64 KiB at most.
const TLS_HANDSHAKE: u8 = 0x16;
/// What of a plain client's words is still read, so that our answer reaches it.
const LEFT_BYTES_MAX: u64 = 128 * 1024;

/// A connection that has not said who it is.
pub(super) struct Arrival {
    pub(super) id: u64,
    pub(super) peer: SocketAddr,
    pub(super) knock: Knock,
    /// What its certificate says of it.
    pub(super) papers: Papers,
}

impl Arrival {
    pub(super) fn of(server: &Server, peer: SocketAddr) -> Self {
        let id = server.session_ids.fetch_add(1, Ordering::Relaxed);
        let knock = server.door.knock(peer.ip(), id, server.clock.now());
        Self { id, peer, knock, papers: None }
    }
}

/// Serves one connection to its end.
pub(super) async fn enter(server: Arc<Server>, socket: TcpStream, peer: SocketAddr) {
    // Small frames and people waiting: never held back to be sent together.
    let _ = socket.set_nodelay(true);
    let mut arrival = Arrival::of(&server, peer);
    let Some(certificates) = &server.certificates else {
        return session::run(server, socket.into_split(), arrival).await;
    };
    let limit = server.settings.listen.handshake_limit;
    let greeted = tokio::select! {
        biased;
        greeted = tokio::time::timeout(limit, greet(certificates, socket, limit)) => greeted,
        () = arrival.knock.ended() => return server.shed(Shed::Handshakes),
    };
    match greeted {
        Ok(Ok(Some(stream))) => {
            arrival.papers = certificates.papers(stream.get_ref().1.peer_certificates());
            session::run(server, tokio::io::split(stream), arrival).await;
        }
        Ok(Ok(None)) => debug!(%peer, "plain text, where TLS is spoken"),
        Ok(Err(error)) => debug!(%peer, %error, "no handshake"),
        Err(_) => debug!(%peer, "no handshake within its limit"),
    }
}

/// The handshake. `None`: it was plain text, which is told so in its own words.
async fn greet(
    certificates: &Certificates,
    socket: TcpStream,
    limit: std::time::Duration,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first == [TLS_HANDSHAKE] {
        let acceptor = TlsAcceptor::from(certificates.config());
        return acceptor.accept(socket).await.map(Some);
    }
    let (read, write) = socket.into_split();
    let text = "this server speaks TLS: give --ca FILE, its authority's certificate".to_owned();
    Writer::new(write).last(Refused { code: Code::TlsRequired, text }.into(), limit).await;
    // Closing over unread bytes would reset the connection, and our word with it.
    let mut unread = read.take(LEFT_BYTES_MAX);
    tokio::io::copy(&mut unread, &mut tokio::io::sink()).await?;
    Ok(None)
}

//! Calls over HTTP, for what does not speak the wire: apps, the hook of a telephone exchange, an SMS gateway, partners'
//! systems.
//!
//! A way in beside the listener, off unless `[web]` says where. It takes calls and shows nothing of the room; what it
//! takes goes the way of every call: converted, decided, on the disk, then answered. A connection counts as one that
//! has not said who it is for as long as it lives, so that where there are too many the oldest makes room, after
//! what it asked is answered. TLS is that of the listener.

mod answer;
mod asking;
mod calls;
mod document;
mod flood;
mod page;
mod places;
mod sms;
mod sos;
mod stamp;
mod who;
mod work;

pub use document::document;
pub(super) use flood::Flood;
pub(super) use sms::{Message, take_message};

use super::connections::Connections;
use super::door::Arrival;
use super::{Server, Shed, session};
use crate::domain::UtcMs;
use crate::protocol::Code;
use answer::Problem;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use stamp::{FirstByte, Stamped};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

/// A request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A request's body; a call with every text at its bound is shorter.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a request is handled with.
#[derive(Clone)]
struct Visit {
    server: Arc<Server>,
    peer: SocketAddr,
    first_byte: FirstByte,
}

impl Visit {
    /// When the first byte of this request was read.
    fn received_at(&self) -> UtcMs {
        self.first_byte.take().unwrap_or_else(|| self.server.clock.now())
    }
}

/// Answers on `connections` until it is dropped.
pub(super) async fn serve(server: Arc<Server>, connections: Connections) {
    loop {
        match connections.next(&server).await {
            Ok((socket, peer, place)) => {
                // Answers are short and people waiting.
                let _ = socket.set_nodelay(true);
                let entering = enter(Arc::clone(&server), socket, peer);
                tokio::spawn(async move {
                    entering.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, mostly: the connections that are there go on.
                warn!("an HTTP connection could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn enter(server: Arc<Server>, socket: TcpStream, peer: SocketAddr) {
    let arrival = Arrival::of(&server, peer);
    let Some(certificates) = &server.certificates else {
        return converse(server, socket, arrival).await;
    };
    let acceptor = TlsAcceptor::from(certificates.config());
    let limit = server.settings.listen.handshake_limit;
    let greeted = tokio::select! {
        biased;
        greeted = tokio::time::timeout(limit, acceptor.accept(socket)) => greeted,
        () = arrival.knock.ended() => return server.shed(Shed::Handshakes),
    };
    match greeted {
        Ok(Ok(stream)) => converse(server, stream, arrival).await,
        Ok(Err(error)) => debug!(%peer, %error, "no handshake for HTTP"),
        Err(_) => debug!(%peer, "no handshake for HTTP within its limit"),
    }
}

/// Serves one connection to its end.
async fn converse<Io>(server: Arc<Server>, io: Io, arrival: Arrival)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Arrival { id, peer, knock, .. } = arrival;
    let first_byte = FirstByte::default();
    let io = Stamped::new(io, first_byte.clone(), server.clock.clone());
    let visit = Visit { server: Arc::clone(&server), peer, first_byte };
    let service = TowerToHyperService::new(rooms(visit));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.settings.listen.handshake_limit)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let mut stopping = server.stopping.clone();
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = knock.ended() => {
            server.shed(Shed::Handshakes);
            last_words(connection).await
        }
        () = session::stopped(&mut stopping) => last_words(connection).await,
    };
    if let Err(error) = ended {
        // Its own text may quote what was sent.
        debug!(id, %peer, parse = error.is_parse(), timeout = error.is_timeout(), "HTTP ended early");
    }
}

/// What was asked is answered, and nothing more is heard.
async fn last_words<S>(
    mut connection: std::pin::Pin<
        &mut http1::Connection<TokioIo<Stamped<S>>, TowerToHyperService<Router>>,
    >,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(super::FAREWELL, connection).await.unwrap_or(Ok(()))
}

fn sos_rooms() -> Router<Visit> {
    Router::new()
        .route("/v1/sos", post(sos::press))
        .route("/v1/sos/{id}/trail", post(sos::trail))
        .route("/v1/sos/{id}/cancel", post(sos::cancel))
        .route("/v1/sos/{id}/work", post(work::show))
        .route("/v1/places", post(places::rate))
        .route("/v1/sos/{id}/events", get(sos::events))
        .merge(page::rooms())
}

fn rooms(visit: Visit) -> Router {
    Router::new()
        .route("/v1/calls", post(calls::place))
        .route("/v1/sms", post(sms::place))
        .route("/v1/openapi.json", get(document::show))
        .merge(if visit.server.settings.web.sos { sos_rooms() } else { Router::new() })
        .fallback(async || {
            Problem::new(
                404,
                Code::UnknownMessage,
                "there is nothing here; GET /v1/openapi.json says what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                405,
                Code::UnknownMessage,
                "this is not asked so; GET /v1/openapi.json says how",
            )
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(visit)
}

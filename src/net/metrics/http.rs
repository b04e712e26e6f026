//! The two pages of a scrape over HTTP: one request a connection, few connections at once, a bounded head, five seconds
//! for all of it.

use super::{Board, page};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::warn;

/// Connections at once; more wait in the kernel.
const VISITS_MAX: usize = 16;
/// Request line and headers.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// For a whole connection.
const LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn serve(board: Arc<Board>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(VISITS_MAX));
    let pages = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(board);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let visit = http1::Builder::new()
                    .keep_alive(false)
                    .max_buf_size(HEAD_BYTES_MAX)
                    .serve_connection(
                        TokioIo::new(stream),
                        TowerToHyperService::new(pages.clone()),
                    );
                tokio::spawn(async move {
                    // A visitor who is slow or gone is nobody's trouble but their own.
                    let _ = tokio::time::timeout(LIMIT, visit).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, mostly.
                warn!("a look at the metrics could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// A page of this instant.
fn fresh(status: StatusCode, kind: &'static str, body: String) -> impl IntoResponse {
    (status, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
}

async fn health(State(board): State<Arc<Board>>) -> impl IntoResponse {
    let (well, body) = page::health(&board.look().await);
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    fresh(status, "text/plain; charset=utf-8", body)
}

async fn metrics(State(board): State<Arc<Board>>) -> impl IntoResponse {
    let look = board.look().await;
    let server = Arc::clone(&board.server);
    // Reads of /proc, and ten thousand handles to count: not beside the sessions.
    let body = tokio::task::spawn_blocking(move || page::metrics(&server, &look)).await;
    body.map(|body| fresh(StatusCode::OK, page::KIND, body))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

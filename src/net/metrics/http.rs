//! The little of HTTP that a scrape needs: `GET` of two paths, one request a connection, few
//! connections at once, a bounded head, five seconds for all of it.

use super::{Board, page};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::warn;

/// Connections at once; more wait in the kernel.
const VISITS_MAX: usize = 16;
/// Request line and headers.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// For a whole connection.
const LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn serve(board: Arc<Board>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(VISITS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let board = Arc::clone(&board);
                tokio::spawn(async move {
                    // A visitor who is slow or gone is nobody's trouble but their own.
                    let _ = tokio::time::timeout(LIMIT, visit(&board, stream)).await;
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

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Metrics,
    Health,
}

struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }
}

async fn visit(board: &Board, mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1_024);
    let asked = loop {
        match parse(&head) {
            Some(asked) => break asked,
            None if head.len() >= HEAD_BYTES_MAX => break Err(431),
            None => {}
        }
        let room = HEAD_BYTES_MAX - head.len();
        if (&mut stream).take(room as u64).read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    };
    let answer = match asked {
        Err(status) => Answer::text(status, format!("{}\n", reason(status))),
        Ok(Wanted::Health) => {
            let (well, body) = page::health(&board.look().await);
            Answer::text(if well { 200 } else { 503 }, body)
        }
        Ok(Wanted::Metrics) => {
            let look = board.look().await;
            let server = Arc::clone(&board.server);
            // Reads of /proc, and ten thousand handles to count: not beside the sessions.
            let body = tokio::task::spawn_blocking(move || page::metrics(&server, &look));
            match body.await {
                Ok(body) => Answer { status: 200, kind: page::KIND, body },
                Err(_) => Answer::text(500, "the figures could not be written\n"),
            }
        }
    };
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
        answer.status,
        reason(answer.status),
        answer.kind,
        answer.body.len(),
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer.body.as_bytes()).await?;
    stream.shutdown().await
}

/// What `head` asks for, or the status that refuses it; `None`: more of it is to come.
fn parse(head: &[u8]) -> Option<Result<Wanted, u16>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return None,
        Err(httparse::Error::TooManyHeaders) => return Some(Err(431)),
        Err(_) => return Some(Err(400)),
    }
    if request.method != Some("GET") {
        return Some(Err(405));
    }
    let path = request.path.unwrap_or_default().split(['?', '#']).next();
    Some(match path {
        Some("/metrics") => Ok(Wanted::Metrics),
        Some("/healthz") => Ok(Wanted::Health),
        _ => Err(404),
    })
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_paths_are_answered_and_nothing_else() {
        for (head, asked) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Some(Ok(Wanted::Metrics))),
            ("GET /healthz?x=1 HTTP/1.0\r\n\r\n", Some(Ok(Wanted::Health))),
            ("GET /metrics HTTP/1.1\r\nHost", None),
            ("", None),
            ("GET / HTTP/1.1\r\n\r\n", Some(Err(404))),
            ("GET /metrics/../healthz HTTP/1.1\r\n\r\n", Some(Err(404))),
            ("POST /metrics HTTP/1.1\r\n\r\n", Some(Err(405))),
            ("\u{16}\u{3}\u{1}", Some(Err(400))),
        ] {
            assert_eq!(parse(head.as_bytes()), asked, "{head:?}");
        }
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(parse(many.as_bytes()), Some(Err(431)));
    }
}

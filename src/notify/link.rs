//! The listener behind signed links: a page with one button, and what pressing it does.
//!
//! Mail scanners and chat programs open every link they see, so opening it (GET) does nothing but
//! show the button; only pressing it (POST) takes. The page says nothing of a call. It speaks
//! plain HTTP on loopback, for a proxy that speaks TLS to the outside: few threads, a bounded
//! request, one request a connection, five seconds for all of it.

use super::Roster;
use super::sign::{BadLink, Take, open};
use crate::domain::UtcMs;
use crate::service::clock::Stopwatch;
use maud::{DOCTYPE, Markup, html};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads, and so connections at once; more wait in the kernel.
const THREADS: usize = 4;
/// Request line and headers.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// A pressed button sends no body; what some proxy adds is read and ignored.
const BODY_BYTES_MAX: usize = 1024;
/// For a whole connection.
const LIMIT: Duration = Duration::from_secs(5);

/// What taking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is theirs now, or was already.
    Yes,
    /// There is nothing to take any more: the call went on, or somebody else took it.
    Over,
    /// The room could not record it.
    Failed,
}

type Taker = dyn Fn(Take) -> Taken + Send + Sync;

/// A running listener.
pub struct LinkServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

struct Desk {
    listener: TcpListener,
    roster: Arc<Roster>,
    now: Arc<dyn Fn() -> UtcMs + Send + Sync>,
    taker: Box<Taker>,
    stopping: Arc<AtomicBool>,
}

impl LinkServer {
    /// Serves `listener`. `taker` records that somebody took an escalation and returns when that
    /// is on the disk; `now` is the clock links were made by.
    ///
    /// # Errors
    /// The machine gives no thread, or the listener has no address.
    pub fn start(
        listener: TcpListener,
        roster: Arc<Roster>,
        now: Arc<dyn Fn() -> UtcMs + Send + Sync>,
        taker: impl Fn(Take) -> Taken + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let taker = Box::new(taker);
        let desk = Desk { listener, roster, now, taker, stopping: Arc::clone(&stopping) };
        let desk = Arc::new(desk);
        let mut server = Self { address, stopping, threads: Vec::new() };
        for number in 1..=THREADS {
            let desk = Arc::clone(&desk);
            let thread = std::thread::Builder::new().name(format!("links {number}"));
            server.threads.push(thread.spawn(move || desk.serve())?);
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LinkServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        for _ in &self.threads {
            // Wakes one that waits for a connection.
            let _ = TcpStream::connect_timeout(&self.address, LIMIT);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn serve(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let Ok((stream, _)) = self.listener.accept() else {
                // Out of descriptors, most likely: not to be asked again at once.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            // A visitor's broken connection is theirs.
            let _ = self.visit(&stream);
        }
    }

    fn visit(&self, stream: &TcpStream) -> io::Result<()> {
        let watch = Stopwatch::start();
        let reply = match Request::read(stream, watch)? {
            Ok(request) => self.reply(&request),
            Err(status) => Reply::of(status, page("Not understood", "This is no request.")),
        };
        stream.set_write_timeout(Some(left(watch)?))?;
        reply.write(stream)?;
        stream.shutdown(std::net::Shutdown::Write)
    }

    fn reply(&self, request: &Request) -> Reply {
        let take = match open(&self.roster, request.token(), (self.now)()) {
            Ok(take) => take,
            Err(bad @ BadLink::Unknown) => {
                return Reply::of(404, page("Unknown", &bad.to_string()));
            }
            Err(bad @ BadLink::Expired) => {
                return Reply::of(410, page("Too late", &bad.to_string()));
            }
        };
        match request.method {
            Method::Look => Reply::of(200, button(&take)),
            Method::Press => {
                let (escalation, person) = (take.escalation, take.person.clone());
                match (self.taker)(take) {
                    Taken::Yes => Reply::of(
                        200,
                        page("Taken", &format!("Escalation {escalation} is taken by {person}.")),
                    ),
                    Taken::Over => Reply::of(
                        409,
                        page(
                            "Over",
                            &format!(
                                "There is nothing to take of escalation {escalation} any more."
                            ),
                        ),
                    ),
                    Taken::Failed => Reply::of(
                        503,
                        page(
                            "Not recorded",
                            "The room could not record it. Try again, or ring the room.",
                        ),
                    ),
                }
            }
        }
    }
}

/// What is left of the visit's time.
fn left(watch: Stopwatch) -> io::Result<Duration> {
    let left = LIMIT.checked_sub(watch.elapsed()).filter(|left| !left.is_zero());
    left.ok_or_else(|| io::ErrorKind::TimedOut.into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Look,
    Press,
}

struct Request {
    method: Method,
    path: String,
}

impl Request {
    /// The request on `stream`, or the status that refuses it.
    fn read(mut stream: &TcpStream, watch: Stopwatch) -> io::Result<Result<Self, u16>> {
        let mut bytes = Vec::with_capacity(1024);
        let mut chunk = [0; 1024];
        let mut more = |bytes: &mut Vec<u8>| -> io::Result<bool> {
            stream.set_read_timeout(Some(left(watch)?))?;
            let read = stream.read(&mut chunk)?;
            bytes.extend_from_slice(&chunk[..read]);
            Ok(read > 0)
        };
        let (request, head_bytes, body_bytes) = loop {
            match Self::parse(&bytes) {
                Err(status) => return Ok(Err(status)),
                Ok(Some(parsed)) => break parsed,
                Ok(None) if bytes.len() >= HEAD_BYTES_MAX => return Ok(Err(431)),
                Ok(None) => {}
            }
            if !more(&mut bytes)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        // Read before it is answered: an unread body would reset the connection under the answer.
        while bytes.len() < head_bytes + body_bytes && more(&mut bytes)? {}
        Ok(Ok(request))
    }

    /// The request, the bytes of its head and of its body; `None`: more is to come.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize, usize)>, u16> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let head_bytes = match request.parse(bytes) {
            Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(431),
            Err(_) => return Err(400),
        };
        let method = match request.method {
            Some("GET" | "HEAD") => Method::Look,
            Some("POST") => Method::Press,
            _ => return Err(405),
        };
        let mut body_bytes = 0;
        for header in request.headers.iter() {
            if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(411);
            }
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = std::str::from_utf8(header.value).ok();
                body_bytes = length.and_then(|text| text.trim().parse().ok()).ok_or(400_u16)?;
            }
        }
        if body_bytes > BODY_BYTES_MAX {
            return Err(413);
        }
        let path = request.path.unwrap_or_default().to_owned();
        Ok(Some((Self { method, path }, head_bytes, body_bytes)))
    }

    /// The end of the path, whatever a proxy put before it.
    fn token(&self) -> &str {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

struct Reply {
    status: u16,
    page: String,
}

impl Reply {
    fn of(status: u16, page: Markup) -> Self {
        Self { status, page: page.into_string() }
    }

    fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        // Nothing keeps it, frames it, or learns from where one came; it loads nothing.
        let head = format!(
            "HTTP/1.1 {} {}\r\n\
             content-type: text/html; charset=utf-8\r\n\
             content-length: {}\r\n\
             cache-control: no-store\r\n\
             referrer-policy: no-referrer\r\n\
             x-robots-tag: noindex\r\n\
             content-security-policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n\
             connection: close\r\n\r\n",
            self.status,
            reason(self.status),
            self.page.len(),
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(self.page.as_bytes())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Bad Request",
    }
}

fn button(take: &Take) -> Markup {
    let form = html! {
        p { "Escalation " (take.escalation) ", sent to " (take.person) "." }
        // To the same address: the link is all that is needed.
        form method="post" action="" {
            button type="submit" { "I take it" }
        }
    };
    framed("Take an escalation", &form)
}

fn page(title: &str, text: &str) -> Markup {
    framed(title, &html! { p { (text) } })
}

fn framed(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { "body{font:18px/1.5 sans-serif;max-width:30em;margin:3em auto;padding:0 1em}button{font:inherit;padding:.7em 2em}" }
            }
            body { h1 { (title) } (body) }
        }
    }
}

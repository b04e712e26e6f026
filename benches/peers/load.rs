//! The closed loop: so many connections, each with one request under way, from one thread; the same machine code for
//! every contender, whose callers only make bytes and look for the end of an answer.

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What was read so far, seen by a caller.
pub enum Heard {
    /// The answer is not whole yet.
    More,
    /// So many bytes were nothing that was asked for, a heartbeat.
    Idle(usize),
    /// So many bytes were the answer to what was asked.
    Answer {
        bytes: usize,
        /// It ends a measured unit of work: a call taken, a life lived.
        done: bool,
    },
}

/// One connection's side of a conversation. An answer that is not what it should be panics.
pub trait Caller: Send {
    /// What is said before anything is measured: bytes out, then as many answers awaited.
    fn greeting(&mut self, out: &mut Vec<u8>) -> usize;
    /// The next request.
    fn ask(&mut self, out: &mut Vec<u8>);
    /// What came back so far.
    fn hear(&mut self, bytes: &[u8]) -> Heard;
}

/// What a run gave.
pub struct Run {
    pub done: u64,
    pub seconds: f64,
    /// Of a unit of work, microseconds.
    pub took_us: Histogram<u64>,
}

impl Run {
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    pub fn ms(&self, part: f64) -> f64 {
        self.took_us.value_at_quantile(part) as f64 / 1e3
    }
}

struct Connection {
    stream: TcpStream,
    caller: Box<dyn Caller>,
    out: Vec<u8>,
    read: Vec<u8>,
    began: Instant,
    /// Answers to the greeting still to come.
    greeting: usize,
    busy: bool,
}

const READ_BYTES: usize = 16 * 1024;

/// Runs `callers` against `address` for `seconds`, after a tenth of that unmeasured.
pub fn closed_loop(address: SocketAddr, callers: Vec<Box<dyn Caller>>, seconds: f64) -> Run {
    let mut poll = Poll::new().expect("a poll");
    let mut connections = greeted(&poll, address, callers);
    let mut events = Events::with_capacity(connections.len());
    while connections.iter().any(|connection| connection.greeting > 0) {
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("polled");
        assert!(!events.is_empty(), "no welcome from {address}");
        for event in &events {
            connections[event.token().0].heard(&mut |_| ());
        }
    }
    let mut took_us = Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds");
    let (mut done, start) = (0u64, Instant::now());
    let (from, until) = (seconds * 0.1, seconds * 1.1);
    for connection in &mut connections {
        connection.ask(true);
    }
    let measured = loop {
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("polled");
        assert!(!events.is_empty(), "no answer from {address}");
        let now = start.elapsed().as_secs_f64();
        if now >= until {
            // What is under way is answered, so that nothing of this run is left to the next.
            for event in &events {
                connections[event.token().0].last(&mut |_| ());
            }
            break now - from;
        }
        for event in &events {
            connections[event.token().0].heard(&mut |took: Duration| {
                if now >= from {
                    done += 1;
                    took_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                }
            });
        }
    };
    while connections.iter().any(|connection| connection.busy) {
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("polled");
        assert!(!events.is_empty(), "no last answer from {address}");
        for event in &events {
            connections[event.token().0].last(&mut |_| ());
        }
    }
    Run { done, seconds: measured, took_us }
}

/// What a paced run gave: how many were asked, and how many of those that were due found nobody free.
pub struct Paced {
    pub asked: u64,
    pub missed: u64,
    /// From the question to its answer, microseconds.
    pub took_us: Histogram<u64>,
}

/// As many callers take turns as are free, so many times a second, until `enough`.
pub fn paced(
    address: SocketAddr,
    callers: Vec<Box<dyn Caller>>,
    per_second: f64,
    mut enough: impl FnMut(u64) -> bool,
) -> Paced {
    let mut poll = Poll::new().expect("a poll");
    let mut connections = greeted(&poll, address, callers);
    let mut events = Events::with_capacity(connections.len());
    let mut took_us = Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds");
    let (start, mut asked, mut missed, mut next) = (Instant::now(), 0, 0, 0);
    while !enough(asked) {
        poll.poll(&mut events, Some(Duration::from_millis(1))).expect("polled");
        for event in &events {
            connections[event.token().0].last(&mut |took: Duration| {
                took_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            });
        }
        let due = (start.elapsed().as_secs_f64() * per_second) as u64;
        while asked + missed < due {
            let count = connections.len();
            let free = |at: &usize| !connections[*at].busy && connections[*at].greeting == 0;
            match (next..next + count).map(|at| at % count).find(free) {
                Some(at) => {
                    connections[at].ask(true);
                    (asked, next) = (asked + 1, at + 1);
                }
                None => missed += 1,
            }
        }
    }
    Paced { asked, missed, took_us }
}

/// A connection for each caller, on which its greeting was said.
fn greeted(poll: &Poll, address: SocketAddr, callers: Vec<Box<dyn Caller>>) -> Vec<Connection> {
    let numbered = callers.into_iter().enumerate();
    let mut connections: Vec<Connection> =
        numbered.map(|(nth, caller)| connect(poll, nth, address, caller)).collect();
    connections.iter_mut().for_each(Connection::greet);
    connections
}

fn connect(poll: &Poll, nth: usize, address: SocketAddr, caller: Box<dyn Caller>) -> Connection {
    let stream = std::net::TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("set");
    stream.set_nonblocking(true).expect("set");
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, Token(nth), Interest::READABLE).expect("registered");
    let (out, read) = (Vec::new(), Vec::with_capacity(READ_BYTES));
    Connection { stream, caller, out, read, began: Instant::now(), greeting: 0, busy: false }
}

impl Connection {
    fn greet(&mut self) {
        self.out.clear();
        self.greeting = self.caller.greeting(&mut self.out);
        self.write();
    }

    fn write(&mut self) {
        // A closed loop of small requests never fills a socket's buffer.
        self.stream.write_all(&self.out).expect("written");
    }

    fn ask(&mut self, first: bool) {
        self.out.clear();
        self.caller.ask(&mut self.out);
        if first {
            self.began = Instant::now();
        }
        self.busy = true;
        self.write();
    }

    /// Reads what is there.
    fn read(&mut self) {
        let mut chunk = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => panic!("the server hung up"),
                Ok(bytes) => {
                    self.read.extend_from_slice(&chunk[..bytes]);
                    // The rest of what is there, if any, rings again.
                    if bytes < READ_BYTES {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Hears what came, and asks again.
    fn heard(&mut self, done: &mut dyn FnMut(Duration)) {
        self.read();
        loop {
            match self.caller.hear(&self.read) {
                Heard::More => return,
                Heard::Idle(bytes) => drop(self.read.drain(..bytes)),
                Heard::Answer { bytes, .. } if self.greeting > 0 => {
                    self.read.drain(..bytes);
                    self.greeting -= 1;
                }
                Heard::Answer { bytes, done: ends } => {
                    self.read.drain(..bytes);
                    if ends {
                        done(self.began.elapsed());
                    }
                    self.ask(ends);
                }
            }
        }
    }

    /// Hears the last answer, and asks no more.
    fn last(&mut self, done: &mut dyn FnMut(Duration)) {
        self.read();
        loop {
            match self.caller.hear(&self.read) {
                Heard::More => return,
                Heard::Idle(bytes) => drop(self.read.drain(..bytes)),
                Heard::Answer { bytes, .. } => {
                    self.read.drain(..bytes);
                    match self.greeting.checked_sub(1) {
                        Some(left) => self.greeting = left,
                        None => {
                            self.busy = false;
                            done(self.began.elapsed());
                        }
                    }
                }
            }
        }
    }
}

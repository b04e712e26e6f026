//! A room in memory with its doors open on this machine: calls over HTTP, telephone lines by SIP, a modem's daemon.
//!
//! What is behind a door here is the whole server, so that what comes through is heard by everything that hears it in a
//! real one. A panic of a task of it shows as an answer that does not come.

use fifteen::config::Settings;
use fifteen::engine::State;
use fifteen::journal::{MemoryJournal, Options};
use fifteen::net::{LogFiles, Opened, serve};
use fifteen::seal::{Keyring, Since};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// An answer that takes longer is none. The machine may be slow and shared.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is asked of the lines is asked again, for a datagram may be lost.
const AGAIN: Duration = Duration::from_secs(1);
/// Inputs after which a new room is opened, for every call stays in it.
const INPUTS_MAX: u32 = 10_000;
/// Addresses tried: another process may have taken one between.
const TRIES: u32 = 16;

static ROOM: Mutex<Option<Room>> = Mutex::new(None);

struct Room {
    web: SocketAddr,
    modem: SocketAddr,
    lines: SocketAddr,
    inputs: u32,
    /// Connections that are kept from one input to the next.
    asking: Option<TcpStream>,
    daemon: Option<TcpStream>,
    exchange: UdpSocket,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// Does something with the room, which is opened where there is none.
fn with<T>(act: impl FnOnce(&mut Room) -> T) -> T {
    // After a panic of an input there is nothing in it that another could not use.
    let mut place = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    if place.as_ref().is_some_and(|room| room.inputs >= INPUTS_MAX) {
        *place = None;
    }
    let room = place.get_or_insert_with(Room::open);
    room.inputs += 1;
    act(room)
}

impl Room {
    fn open() -> Self {
        (0..TRIES).find_map(|_| Self::try_open()).expect("addresses that nobody else has")
    }

    fn try_open() -> Option<Self> {
        let [web, modem, lines] = free_addresses();
        let mut settings = Settings::shipped();
        settings.listen.address = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.web.listen = Some(web);
        settings.web.sos = true;
        settings.sms.modem = Some(modem);
        settings.sip.listen = Some(lines);
        settings.sip.exchange = Some(lines);
        // Each input is a stranger of its own.
        settings.limits.connections_per_second = u32::MAX;
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let server = std::thread::spawn(move || run(settings, ready, stopped));
        is_ready.recv().ok()?;
        // The telephone stack binds its TCP port by itself, a moment after the room is ready.
        let up = (0..PATIENCE.as_millis()).any(|_| {
            let up = TcpStream::connect(lines).is_ok();
            if !up {
                std::thread::sleep(Duration::from_millis(1));
            }
            up
        });
        assert!(up, "the telephone lines hear");
        let exchange = UdpSocket::bind((lines.ip(), 0)).expect("a socket of our own");
        exchange.set_read_timeout(Some(AGAIN)).expect("a time to wait for");
        let (stop, server) = (Some(stop), Some(server));
        let (asking, daemon) = (None, None);
        Some(Self { web, modem, lines, inputs: 0, asking, daemon, exchange, stop, server })
    }

    /// The status of the answer to a request. A connection that was kept may have been let go of meanwhile: then it is
    /// asked on another, as any client does.
    fn ask(&mut self, request: &[u8]) -> u16 {
        let kept = self.asking.take().and_then(|kept| answered(kept, request));
        let (status, stream) = kept
            .or_else(|| answered(connect(self.web), request))
            .expect("the room answers whatever it is asked");
        self.asking = stream;
        status
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // A server that fell over hears it no more.
        self.stop.take().map(|stop| stop.send(()));
        self.server.take().map(JoinHandle::join);
    }
}

/// Serves until it is stopped; `ready` says when it can be reached, and is dropped when it never will be.
fn run(settings: Settings, ready: mpsc::Sender<()>, stopped: oneshot::Receiver<()>) {
    let opened = Opened {
        journal: MemoryJournal::new(),
        state: State::default(),
        keyring: Keyring::from_seed([7; 32], Since { seq: 1, call: 1 }),
        notes: Vec::new(),
        files: LogFiles { dir: "no folder".into(), options: Options::default() },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (_hang_up, hang_ups) = tokio::sync::mpsc::channel(1);
    let serving = serve(
        settings,
        opened,
        |_| Ok(()),
        // Nobody waits for it whose input panicked.
        move |_, _| ready.send(()).unwrap_or_default(),
        hang_ups,
        async { stopped.await.unwrap_or_default() },
    );
    // An address that was taken meanwhile is tried anew.
    let _ = runtime.expect("a runtime").block_on(serving);
}

/// Three addresses of this machine that nobody has, each free for TCP and for UDP.
fn free_addresses() -> [SocketAddr; 3] {
    let mut held = Vec::new();
    while held.len() < 3 {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("an address of this machine");
        let address = tcp.local_addr().expect("it is bound");
        if let Ok(udp) = UdpSocket::bind(address) {
            held.push((address, tcp, udp));
        }
    }
    std::array::from_fn(|at| held[at].0)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the room hears");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time to wait for");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Where a request goes, by the first byte of an input; then what follows is its body.
const PATHS: [&str; 8] = [
    "/v1/sos",
    "/v1/calls",
    "/v1/sms",
    "/v1/places",
    "/v1/sos/6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11/trail",
    "/v1/sos/6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11/cancel",
    "/v1/sos/6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11/work",
    "/v1/sos/x/trail",
];

/// A request over HTTP: a body to one of [`PATHS`], which is answered and never by a fault of the room's; or, when the
/// first byte names none, whatever it is, after which a request is answered as ever.
pub fn http(bytes: &[u8]) {
    let Some((what, rest)) = bytes.split_first() else {
        return;
    };
    with(|room| match PATHS.get(usize::from(*what)) {
        Some(path) => {
            // One that comes as the form of a gateway does, or as JSON.
            let form = if rest.starts_with(b"{") { "json" } else { "x-www-form-urlencoded" };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/{form}\r\nContent-Length: {}\r\n\r\n",
                rest.len()
            );
            let status = room.ask(&[head.as_bytes(), rest].concat());
            assert!((200..500).contains(&status), "{path} answers {status}");
        }
        None => {
            let mut stream = connect(room.web);
            // Whether it takes all of it, is its own affair.
            let _ = stream.write_all(rest);
            gone_at_once(stream);
            let status = room.ask(b"GET /v1/openapi.json HTTP/1.1\r\nHost: here\r\n\r\n");
            assert_eq!(status, 200, "a stranger's request is another's");
        }
    });
}

/// The status of the answer to `request`, and the connection again, unless it is to be closed; `None` when it ended
/// without a byte.
fn answered(mut stream: TcpStream, request: &[u8]) -> Option<(u16, Option<TcpStream>)> {
    let mut text = Vec::new();
    // A request that is too long is answered before all of it is there, and the rest heard no more.
    let sent = stream.write_all(request).is_ok();
    let mut part = [0; 16 * 1024];
    loop {
        let head = text.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(head) = head {
            let said = String::from_utf8_lossy(&text[..head]).to_lowercase();
            let status = said.split(' ').nth(1).and_then(|status| status.parse().ok());
            let length = said.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|it| it.parse().ok()).expect("a length");
            if text.len() >= head + 4 + length {
                let stays = sent && !said.contains("connection: close");
                return Some((status.expect("a status"), stays.then_some(stream)));
            }
        }
        match heard(&mut stream, &mut part) {
            Ok(read) if read > 0 => text.extend_from_slice(&part[..read]),
            _ if text.is_empty() => return None,
            _ => panic!("a part of an answer: {:?}", String::from_utf8_lossy(&text)),
        }
    }
}

/// What comes next. The fuzzer's own alarm interrupts a wait that has a limit, and it is waited on.
fn heard(stream: &mut TcpStream, part: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(part) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            heard => return heard,
        }
    }
}

/// Ends a connection so that nothing of it is left behind: thousands follow.
fn gone_at_once(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).expect("a socket");
}

/// What a modem's daemon writes: each line is answered by a line.
pub fn modem(bytes: &[u8]) {
    with(|room| {
        let mut stream = room.daemon.take().unwrap_or_else(|| connect(room.modem));
        stream.write_all(&[bytes, b"\n"].concat()).expect("the room reads");
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        let (mut text, mut part) = (Vec::new(), [0; 16 * 1024]);
        while text.iter().filter(|byte| **byte == b'\n').count() < lines {
            let read = heard(&mut stream, &mut part).unwrap_or(0);
            assert!(read > 0, "no answer, but {:?}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&part[..read]);
        }
        let text = String::from_utf8(text).expect("answers are text");
        for line in text.lines() {
            let said = line.split('\t').collect::<Vec<_>>();
            assert!(said.len() == 3 && ["taken", "again", "wrong"].contains(&said[0]), "{line:?}");
        }
        room.daemon = Some(stream);
    });
}

/// What an exchange sends: a datagram, or with an odd first byte a connection's bytes. The lines answer the next as
/// ever.
pub fn sip(bytes: &[u8]) {
    let Some((what, rest)) = bytes.split_first() else {
        return;
    };
    with(|room| {
        if what % 2 == 1 {
            let mut stream = connect(room.lines);
            let _ = stream.write_all(rest);
            gone_at_once(stream);
        } else {
            // Too long for a datagram is too long for an exchange too.
            let _ = room.exchange.send_to(rest, room.lines);
        }
        let (own, lines) = (room.exchange.local_addr().expect("it is bound"), room.lines);
        let id = format!("whether-it-hears-{}", room.inputs);
        let asked = format!(
            "OPTIONS sip:lines@{lines} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}\r\nFrom: <sip:pbx@{own}>;tag=1\r\n\
             To: <sip:lines@{lines}>\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let mut part = [0; 64 * 1024];
        let tries = PATIENCE.as_secs() / AGAIN.as_secs();
        let heard = (0..tries).any(|_| {
            room.exchange.send_to(asked.as_bytes(), lines).expect("a socket");
            loop {
                match room.exchange.recv_from(&mut part) {
                    Ok((read, _)) if is_answer(&part[..read], &id) => break true,
                    Ok(_) => {}
                    Err(_) => break false,
                }
            }
        });
        assert!(heard, "the lines are silent");
    });
}

fn is_answer(datagram: &[u8], id: &str) -> bool {
    let text = String::from_utf8_lossy(datagram);
    text.starts_with("SIP/2.0 200") && text.lines().any(|line| line == format!("Call-ID: {id}"))
}

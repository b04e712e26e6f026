//! A server whose every word is written in the test.

use bytes::{Bytes, BytesMut};
use fifteen::client::{Client, ClientConfig, Connect};
use fifteen::protocol::{
    CallSummary, ClientMessage, Done, Flags, FrameCodec, Hello, Ping, Pong, Push, Reply, ReplyBody,
    Request, RequestFrame, Role, ServerMessage, Snapshot, Source, Stage, Subscribed, Welcome,
};
use futures_util::StreamExt;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::codec::{Encoder, Framed};

/// Longest any step of a script may take.
const STEP: Duration = Duration::from_secs(5);

pub(crate) async fn soon<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(STEP, step).await.expect("the step of the script never came")
}

/// What a client connects through, in a script.
pub(crate) struct Door(mpsc::UnboundedSender<DuplexStream>);

impl Connect for Door {
    type Io = DuplexStream;

    async fn connect(&mut self) -> io::Result<DuplexStream> {
        let (client, server) = tokio::io::duplex(1024 * 1024);
        let refused = |_| io::ErrorKind::ConnectionRefused.into();
        self.0.send(server).map(|()| client).map_err(refused)
    }
}

/// The server's side of the door.
pub(crate) struct House(mpsc::UnboundedReceiver<DuplexStream>);

pub(crate) fn house() -> (Door, House) {
    let (door, house) = mpsc::unbounded_channel();
    (Door(door), House(house))
}

impl House {
    /// The next connection, with the hello it began with.
    pub(crate) async fn guest(&mut self) -> (Guest, Hello) {
        let stream = soon(self.0.recv()).await.expect("a client");
        let mut guest = Guest::new(stream);
        match guest.heard().await {
            ClientMessage::Hello(hello) => (guest, hello),
            other => panic!("no hello but {other:?}"),
        }
    }

    /// The next connection, made welcome.
    pub(crate) async fn welcome_guest(&mut self) -> (Guest, Hello) {
        let (mut guest, hello) = self.guest().await;
        guest.say(welcome(60_000)).await;
        (guest, hello)
    }
}

/// One connection of the scripted server.
pub(crate) struct Guest<Io = DuplexStream>(Framed<Io, FrameCodec>);

impl<Io: AsyncRead + AsyncWrite + Unpin> Guest<Io> {
    pub(crate) fn new(stream: Io) -> Self {
        Self(Framed::new(stream, FrameCodec::for_server()))
    }

    pub(crate) async fn heard(&mut self) -> ClientMessage {
        let frame = soon(self.0.next()).await.expect("the client hung up");
        ClientMessage::decode(&frame.unwrap()).unwrap()
    }

    pub(crate) async fn request(&mut self) -> RequestFrame {
        match self.heard().await {
            ClientMessage::Request(frame) => frame,
            other => panic!("no request but {other:?}"),
        }
    }

    pub(crate) async fn say(&mut self, message: impl Into<ServerMessage>) {
        self.say_bytes(message.into().encode()).await;
    }

    pub(crate) async fn say_bytes(&mut self, frame: Bytes) {
        let mut out = BytesMut::new();
        FrameCodec::for_server().encode(frame, &mut out).unwrap();
        // A client that has gone meanwhile is the test's business, not the script's.
        let _ = soon(self.0.get_mut().write_all(&out)).await;
    }

    pub(crate) async fn reply(&mut self, id: u64, body: impl Into<ReplyBody>) {
        let (seq, repeated, body) = (None, false, body.into());
        self.say(Reply { id, seq, repeated, drill: false, durable: true, body }).await;
    }

    pub(crate) async fn done(&mut self, id: u64) {
        self.reply(id, Done::default()).await;
    }

    /// Answers the subscribe that must come now.
    pub(crate) async fn subscribed(&mut self, resumed: bool) {
        let frame = self.request().await;
        assert!(matches!(frame.request, Request::Subscribe(_)), "{frame:?}");
        self.reply(frame.id, Subscribed { resumed }).await;
    }

    pub(crate) async fn hung_up(&mut self) -> bool {
        matches!(soon(self.0.next()).await, None | Some(Err(_)))
    }

    pub(crate) async fn expect_ping(&mut self) {
        let heard = self.heard().await;
        assert_eq!(heard, ClientMessage::Ping(Ping::default()));
    }

    pub(crate) async fn expect_pong(&mut self, id: u64) {
        let heard = self.heard().await;
        assert_eq!(heard, ClientMessage::Pong(Pong { id: Some(id) }));
    }
}

/// Pauses short enough for a test.
pub(crate) fn quick() -> ClientConfig {
    ClientConfig {
        connect_ms: 1_000,
        backoff_min_ms: 1,
        backoff_max_ms: 5,
        ..ClientConfig::default()
    }
}

/// A client with one connection up.
pub(crate) async fn connected(config: ClientConfig) -> (Client, House, Guest) {
    let (door, mut house) = house();
    let hello = Hello::new(Role::Operator, "Sana");
    let client = tokio::spawn(Client::connect_with(door, hello, config));
    let (guest, _) = house.welcome_guest().await;
    (soon(client).await.unwrap().unwrap(), house, guest)
}

pub(crate) fn welcome(heartbeat_ms: u64) -> Welcome {
    Welcome {
        version: 1,
        server: "script".to_owned(),
        node: 77,
        seq: 0,
        now_at: 0,
        heartbeat_ms,
        drill: false,
        degraded: false,
        spilling: false,
        room: "Room".into(),
        zone: "Asia/Karachi".into(),
        token: None,
        token_ends_at: None,
        deflate: false,
    }
}

pub(crate) fn push(seq: u64) -> Push {
    Push {
        seq,
        at: seq,
        event: "call_received".to_owned(),
        durable: true,
        call: Some(Box::new(summary(seq))),
        unit: None,
        escalation: None,
        assignment: None,
        message: None,
    }
}

pub(crate) fn snapshot(seq: u64, part: u32, parts: u32) -> Snapshot {
    Snapshot {
        seq,
        part,
        parts,
        calls: Vec::new(),
        units: Vec::new(),
        assignments: Vec::new(),
        messages: Vec::new(),
    }
}

fn summary(call: u64) -> CallSummary {
    CallSummary {
        call,
        generation: 1,
        kind: "assault".to_owned(),
        district: "Gulberg".to_owned(),
        priority: 1,
        stage: Stage::Waiting,
        source: Source::PhoneLine,
        flags: Flags::default(),
        received_at: 1,
        acknowledged_at: None,
        en_route_at: None,
        on_scene_at: None,
        closed_at: None,
        disposition: None,
        primary: None,
        claim: None,
        units: Vec::new(),
        clocks: Vec::new(),
        notes: 0,
        ringing: false,
    }
}

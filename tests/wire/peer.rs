//! A client as a stranger would write it: frames in, frames out, nothing done by itself but heartbeats.

use super::server::PATIENCE;
use bytes::{Bytes, BytesMut};
use fifteen::protocol::{
    AddNote, AssignUnit, CallDetails, CallPlaced, CallSummary, ClientMessage, Deflater, Dropped,
    FrameCodec, Health, HealthStatus, Hello, Inflater, Key, ListCalls, PlaceCall, Pong, Push,
    Refused, Rejection, Reply, ReplyBody, ReportStatus, ReportedStatus, Request, RequestFrame,
    Role, ServerMessage, ShowCall, SignOn, Snapshot, Source, Subscribe, Welcome,
};
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::codec::{Decoder, Encoder};

pub(crate) async fn soon<T>(what: &str, step: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, step).await {
        Ok(it) => it,
        Err(_) => panic!("never came: {what}"),
    }
}

/// One connection.
pub(crate) struct Peer {
    stream: TcpStream,
    buffer: BytesMut,
    next_id: u64,
    /// Snapshots and pushes that came while an answer was waited for.
    unread: VecDeque<ServerMessage>,
    /// Every byte that was heard.
    pub(crate) heard: Vec<u8>,
    /// Where the welcome said that the link is compressed: both streams, and what was read of the one and not taken.
    packed: Option<(Deflater, Inflater, BytesMut)>,
}

impl Peer {
    /// Connects and says nothing.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        Self::over(soon("a connection", TcpStream::connect(address)).await.unwrap())
    }

    /// The same from another address of the loopback network.
    pub(crate) async fn silent_from(from: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        Self::over(soon("a connection", socket.connect(address)).await.unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: BytesMut::new(),
            next_id: 1,
            unread: VecDeque::new(),
            heard: Vec::new(),
            packed: None,
        }
    }

    /// Connects and is made welcome.
    pub(crate) async fn greeted(address: SocketAddr, role: Role, who: &str) -> Self {
        let (peer, _) = Self::welcomed(address, Hello::new(role, who)).await;
        peer
    }

    pub(crate) async fn operator(address: SocketAddr) -> Self {
        Self::greeted(address, Role::Operator, "Sana").await
    }

    /// Connects with a hello of one's own and is made welcome.
    pub(crate) async fn welcomed(address: SocketAddr, hello: Hello) -> (Self, Welcome) {
        let mut peer = Self::silent(address).await;
        let welcome = peer.introduce(hello).await;
        (peer, welcome)
    }

    /// Says who it is, and is made welcome.
    pub(crate) async fn introduce(&mut self, hello: Hello) -> Welcome {
        self.say(&ClientMessage::Hello(hello)).await;
        match self.hear().await {
            Some(ServerMessage::Welcome(welcome)) => {
                let streams = || (Deflater::new(), Inflater::new(1 << 20), BytesMut::new());
                self.packed = welcome.deflate.then(streams);
                welcome
            }
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// Connects with a hello that must be refused.
    pub(crate) async fn refused(address: SocketAddr, hello: Hello) -> Refused {
        let mut peer = Self::silent(address).await;
        peer.say(&ClientMessage::Hello(hello)).await;
        peer.is_refused().await
    }

    pub(crate) async fn is_refused(&mut self) -> Refused {
        match self.hear().await {
            Some(ServerMessage::Refused(refused)) => {
                assert_eq!(self.hear().await, None, "closed after the refusal");
                refused
            }
            other => panic!("not refused but {other:?}"),
        }
    }

    /// Writes bytes as they are. A server that hung up meanwhile is the test's business.
    pub(crate) async fn say_raw(&mut self, bytes: &[u8]) {
        let _ = soon("a write", self.stream.write_all(bytes)).await;
    }

    /// Writes bytes of frames, as the link has them.
    pub(crate) async fn say_bytes(&mut self, bytes: &[u8]) {
        let Some((deflater, ..)) = &mut self.packed else {
            return self.say_raw(bytes).await;
        };
        let mut packed = BytesMut::new();
        deflater.pack(&mut bytes.into(), &mut packed);
        self.say_raw(&packed).await;
    }

    /// Writes one frame around bytes of any kind.
    pub(crate) async fn say_frame(&mut self, frame: &[u8]) {
        let len = u32::try_from(frame.len()).unwrap();
        let bytes = [&len.to_be_bytes()[..], frame].concat();
        self.say_bytes(&bytes).await;
    }

    pub(crate) async fn say_json(&mut self, message: &serde_json::Value) {
        let frame = rmp_serde::to_vec_named(message).unwrap();
        self.say_frame(&frame).await;
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        let mut out = BytesMut::new();
        FrameCodec::for_client().encode(message.encode(), &mut out).unwrap();
        self.say_bytes(&out).await;
    }

    /// A message that is there already, heartbeats aside.
    pub(crate) async fn already(&mut self) -> Option<ServerMessage> {
        let moment = std::time::Duration::from_millis(1);
        tokio::time::timeout(moment, self.hear()).await.ok().flatten()
    }

    /// Forgets what it heard and did not look at: whoever reads for long would hold it all.
    pub(crate) fn forget(&mut self) {
        self.unread.clear();
        self.heard.clear();
    }

    /// Ends the writing side; the server sees the end of the stream.
    pub(crate) async fn hang_up(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let mut codec = FrameCodec::for_client();
        loop {
            if let Some(frame) = codec.decode(&mut self.buffer).unwrap() {
                return Some(frame);
            }
            let before = self.buffer.len();
            let read = match &mut self.packed {
                Some((_, inflater, bytes)) => {
                    let read = soon("a frame", self.stream.read_buf(bytes)).await;
                    inflater.unpack(bytes, &mut self.buffer).unwrap();
                    read
                }
                None => soon("a frame", self.stream.read_buf(&mut self.buffer)).await,
            };
            self.heard.extend_from_slice(&self.buffer[before..]);
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next frame, whatever it is; none at the end of the stream.
    pub(crate) async fn hear_any(&mut self) -> Option<ServerMessage> {
        let frame = self.frame().await?;
        Some(ServerMessage::decode(&frame).unwrap())
    }

    /// The next message that is no heartbeat; pings are answered.
    pub(crate) async fn hear(&mut self) -> Option<ServerMessage> {
        loop {
            match self.hear_any().await? {
                ServerMessage::Ping(ping) => {
                    self.say(&ClientMessage::Pong(Pong { id: ping.id })).await;
                }
                ServerMessage::Pong(_) => {}
                message => return Some(message),
            }
        }
    }

    /// The server's last word, past everything it said before.
    pub(crate) async fn dropped(&mut self) -> Dropped {
        loop {
            match self.hear().await {
                Some(ServerMessage::Dropped(dropped)) => {
                    assert_eq!(self.hear().await, None, "closed after the last word");
                    return dropped;
                }
                Some(_) => {}
                None => panic!("closed without a word"),
            }
        }
    }

    /// Sends a request without waiting; its number.
    pub(crate) async fn send(&mut self, key: Option<Key>, request: impl Into<Request>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = request.into();
        self.say(&ClientMessage::Request(RequestFrame { id, key, request })).await;
        id
    }

    /// The next answer, with its number.
    pub(crate) async fn answer(&mut self) -> (u64, Result<Reply, Rejection>) {
        loop {
            match self.hear().await {
                Some(ServerMessage::Reply(reply)) => return (reply.id, Ok(reply)),
                Some(ServerMessage::Rejection(no)) => return (no.id, Err(no)),
                Some(news @ (ServerMessage::Push(_) | ServerMessage::Snapshot(_))) => {
                    self.unread.push_back(news);
                }
                other => panic!("no answer but {other:?}"),
            }
        }
    }

    pub(crate) async fn ask_keyed(
        &mut self,
        key: Option<Key>,
        request: impl Into<Request>,
    ) -> Result<Reply, Rejection> {
        let id = self.send(key, request).await;
        let (answered, answer) = self.answer().await;
        assert_eq!(answered, id, "one request, one answer: {answer:?}");
        answer
    }

    pub(crate) async fn ask(&mut self, request: impl Into<Request>) -> Result<Reply, Rejection> {
        self.ask_keyed(None, request).await
    }

    pub(crate) async fn done(&mut self, request: impl Into<Request>) -> Reply {
        let request = request.into();
        let what = request.name();
        match self.ask(request).await {
            Ok(reply) => reply,
            Err(no) => panic!("{what} was rejected: {no}"),
        }
    }

    pub(crate) async fn rejected(&mut self, request: impl Into<Request>) -> Rejection {
        match self.ask(request).await {
            Err(no) => no,
            Ok(reply) => panic!("accepted: {reply:?}"),
        }
    }

    /// Places a call; its id.
    pub(crate) async fn place(&mut self, call: PlaceCall) -> u64 {
        placed(&self.done(call).await).call
    }

    pub(crate) async fn show(&mut self, call: u64) -> CallDetails {
        match self.done(ShowCall { call, reason: None }).await.body {
            ReplyBody::CallDetails(details) => details,
            other => panic!("{other:?}"),
        }
    }

    /// Every open call of a district.
    pub(crate) async fn calls(&mut self, district: &str) -> Vec<CallSummary> {
        let list =
            ListCalls { district: Some(district.into()), limit: Some(400), ..ListCalls::default() };
        match self.done(list).await.body {
            ReplyBody::Calls(calls) => {
                assert!(calls.next.is_none(), "more than a page");
                calls.calls
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn health(&mut self) -> HealthStatus {
        match self.done(Health {}).await.body {
            ReplyBody::HealthStatus(health) => health,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn sign_on(&mut self, unit: &str) {
        self.done(duty(unit)).await;
    }

    pub(crate) async fn assign(&mut self, call: u64, unit: &str) {
        let unit = unit.into();
        self.done(AssignUnit { call, unit }).await;
    }

    pub(crate) async fn note(&mut self, call: u64, text: &str) {
        let text = text.into();
        self.done(AddNote { call, text }).await;
    }

    /// Subscribes: whether it resumed.
    pub(crate) async fn subscribe(&mut self) -> bool {
        match self.done(Subscribe {}).await.body {
            ReplyBody::Subscribed(subscribed) => subscribed.resumed,
            other => panic!("{other:?}"),
        }
    }

    async fn news(&mut self) -> Option<ServerMessage> {
        match self.unread.pop_front() {
            Some(news) => Some(news),
            None => self.hear().await,
        }
    }

    /// The next page of a snapshot.
    pub(crate) async fn page(&mut self) -> Snapshot {
        match self.news().await {
            Some(ServerMessage::Snapshot(page)) => page,
            other => panic!("no snapshot but {other:?}"),
        }
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> Push {
        match self.news().await {
            Some(ServerMessage::Push(push)) => push,
            other => panic!("no push but {other:?}"),
        }
    }

    /// Pushes up to the one of `seq`.
    pub(crate) async fn pushes_up_to(&mut self, seq: u64) -> Vec<Push> {
        let mut pushes = Vec::new();
        while pushes.last().is_none_or(|push: &Push| push.seq < seq) {
            pushes.push(self.push().await);
        }
        pushes
    }
}

pub(crate) fn placed(reply: &Reply) -> &CallPlaced {
    match &reply.body {
        ReplyBody::CallPlaced(placed) => placed,
        other => panic!("no call but {other:?}"),
    }
}

/// A call of `district` with nothing sealed in it.
pub(crate) fn call_from(district: &str) -> PlaceCall {
    PlaceCall::new(Source::PhoneLine, district, "harassment")
}

pub(crate) fn duty(unit: &str) -> SignOn {
    SignOn {
        unit: unit.into(),
        district: "Gulberg".into(),
        crew: vec!["Hina".into()],
        skills: Vec::new(),
        vehicle: None,
        lat: None,
        lon: None,
    }
}

pub(crate) fn report(call: u64, unit: Option<&str>, status: ReportedStatus) -> ReportStatus {
    ReportStatus { call, unit: unit.map(Into::into), status, reason: None, by_radio: false }
}

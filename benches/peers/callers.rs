//! What each contender is asked, byte for byte.

use super::load::{Caller, Heard};
use bytes::BytesMut;
use fifteen::protocol::{
    ClientMessage, CloseCall, FrameCodec, Hello, Key, Place, PlaceCall, ReplyBody, ReportStatus,
    ReportedStatus, Request, RequestFrame, Role, ServerMessage, SignOn, Source,
};
use tokio_util::codec::Encoder;

/// Of one call, the same for every contender.
pub const BODY_BYTES: usize = 120;

/// What a call is about: 120 bytes, of which the room seals all but source, district and kind.
const NUMBER: &str = "+92 300 1234567";
const NAME: &str = "Caller of the bench";
const PLACE: &str = "Main Boulevard, Gulberg III, Lahore";
const NOTE: &str = "Followed home, man at the door";
const DISTRICT: &str = "Lahore";
const KIND: &str = "harassment";

fn body() -> String {
    let mut body = format!("phone_line {NUMBER} {NAME} {PLACE} {NOTE} {DISTRICT} {KIND}");
    body.truncate(BODY_BYTES);
    while body.len() < BODY_BYTES {
        body.push('.');
    }
    body
}

/// The same of a caller who was cut off: the clock of call-backs starts.
fn place_dropped() -> PlaceCall {
    PlaceCall { dropped: true, ..place_call() }
}

/// Who follows the room, and the frames that begin it.
pub fn follow() -> Vec<u8> {
    let mut out = framed(&ClientMessage::Hello(Hello::new(Role::Supervisor, "Board")));
    let request = Request::Subscribe(fifteen::protocol::Subscribe::default());
    out.extend(framed(&ClientMessage::Request(RequestFrame { id: 1, key: None, request })));
    out
}

/// What a reader says so that it is not taken for gone.
pub fn ping() -> Vec<u8> {
    framed(&ClientMessage::Ping(fifteen::protocol::Ping { id: None }))
}

fn place_call() -> PlaceCall {
    let mut call = PlaceCall::new(Source::PhoneLine, DISTRICT, KIND);
    call.number = Some(NUMBER.to_owned());
    call.name = Some(NAME.to_owned());
    call.place = Some(Place { words: Some(PLACE.to_owned()), ..Place::default() });
    call.note = Some(NOTE.to_owned());
    call
}

/// A frame whose id and key are filled in for each request.
struct Template {
    bytes: Vec<u8>,
    id_at: usize,
    key_at: usize,
}

impl Template {
    fn new(request: impl Into<Request>) -> Self {
        const ID: u64 = 0xF1F2_F3F4_F5F6_F7F8;
        const KEY: [u8; 16] = [0xE9; 16];
        let request = RequestFrame { id: ID, key: Some(Key(KEY)), request: request.into() };
        let bytes = framed(&ClientMessage::Request(request));
        let at = |what: &[u8]| {
            let mut found = bytes.windows(what.len()).enumerate().filter(|(_, it)| *it == what);
            found.next().expect("it is in the frame").0
        };
        let (id_at, key_at) = (at(&ID.to_be_bytes()), at(&KEY));
        Self { bytes, id_at, key_at }
    }

    fn write(&self, nth: u64, run: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        out[start + self.id_at..][..8].copy_from_slice(&(nth | 1 << 63).to_be_bytes());
        out[start + self.key_at..][..8].copy_from_slice(&run.to_be_bytes());
        out[start + self.key_at + 8..][..8].copy_from_slice(&nth.to_be_bytes());
    }
}

fn framed(message: &ClientMessage) -> Vec<u8> {
    let mut out = BytesMut::new();
    FrameCodec::for_client().encode(message.encode(), &mut out).expect("a small frame");
    out.to_vec()
}

/// The next whole frame's length with its head, if it is there.
pub fn frame(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize + 4;
    (bytes.len() >= len).then_some(len)
}

/// The steps of a life after its first.
const STEPS: [Option<ReportedStatus>; 4] = [
    Some(ReportedStatus::Acknowledged),
    Some(ReportedStatus::EnRoute),
    Some(ReportedStatus::OnScene),
    None,
];

/// An operator at a desk: places calls; or takes each through its whole life, speaking for a unit by radio.
pub struct Fifteen {
    who: String,
    run: u64,
    nth: u64,
    place: Template,
    lives: bool,
    /// The call under way, and how many steps of its life were asked for.
    call: u64,
    step: usize,
}

impl Fifteen {
    /// `run` makes its keys its own.
    pub fn new(run: u64, nth: usize, lives: bool) -> Self {
        let place = Template::new(place_call());
        let run = run << 32 | nth as u64;
        Self { who: format!("Desk {run}"), run, nth: 0, place, lives, call: 0, step: 0 }
    }

    /// Places calls that were cut off.
    pub fn of_dropped(run: u64, nth: usize) -> Self {
        Self { place: Template::new(place_dropped()), ..Self::new(run, nth, false) }
    }

    fn say(&mut self, request: impl Into<Request>, out: &mut Vec<u8>) {
        Template::new(request).write(self.nth, self.run, out);
    }
}

impl Caller for Fifteen {
    fn greeting(&mut self, out: &mut Vec<u8>) -> usize {
        let hello = Hello::new(Role::Operator, self.who.clone());
        out.extend(framed(&ClientMessage::Hello(hello)));
        if !self.lives {
            return 1;
        }
        self.say(
            SignOn {
                unit: self.who.clone(),
                district: DISTRICT.to_owned(),
                crew: Vec::new(),
                skills: Vec::new(),
                vehicle: None,
                lat: None,
                lon: None,
            },
            out,
        );
        2
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        self.nth += 1;
        match self.step.checked_sub(1).map(|step| STEPS[step]) {
            None => self.place.write(self.nth, self.run, out),
            Some(Some(status)) => {
                let (call, unit) = (self.call, Some(self.who.clone()));
                self.say(ReportStatus { call, unit, status, reason: None, by_radio: true }, out);
            }
            Some(None) => {
                let disposition = "helped".to_owned();
                self.say(CloseCall { call: self.call, disposition, remark: None }, out);
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let Some(len) = frame(bytes) else { return Heard::More };
        match ServerMessage::decode(&bytes[4..len]).expect("a message of the server") {
            ServerMessage::Ping(_) => Heard::Idle(len),
            ServerMessage::Welcome(_) => Heard::Answer { bytes: len, done: false },
            ServerMessage::Reply(reply) => {
                assert!(reply.durable && !reply.repeated, "{reply:?}");
                if let ReplyBody::CallPlaced(placed) = reply.body {
                    self.call = placed.call;
                }
                if self.lives && self.nth > 0 {
                    self.step = (self.step + 1) % (STEPS.len() + 1);
                }
                Heard::Answer { bytes: len, done: self.step == 0 }
            }
            other => panic!("asked as {}: {other:?}", self.who),
        }
    }
}

/// One call a round trip; or put, reserve, delete.
pub struct Beanstalkd {
    put: Vec<u8>,
    delay_s: Option<u64>,
    lives: bool,
    /// 0: put, 1: reserve, 2: delete.
    step: u8,
    job: Vec<u8>,
}

impl Beanstalkd {
    pub fn new(lives: bool) -> Self {
        let put = format!("put 3 0 900 {BODY_BYTES}\r\n{}\r\n", body()).into_bytes();
        Self { put, delay_s: None, lives, step: 0, job: Vec::new() }
    }

    /// Puts jobs that are due so many seconds later, which their bodies say in ms.
    pub fn delayed(delay_s: u64) -> Self {
        Self { delay_s: Some(delay_s), ..Self::new(false) }
    }
}

impl Caller for Beanstalkd {
    fn greeting(&mut self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        if let Some(delay_s) = self.delay_s {
            let body = format!("{:0>BODY_BYTES$}", super::late::now_ms() + delay_s * 1_000);
            out.extend(format!("put 3 {delay_s} 900 {BODY_BYTES}\r\n{body}\r\n").bytes());
            return;
        }
        match self.step {
            0 => out.extend_from_slice(&self.put),
            1 => out.extend_from_slice(b"reserve\r\n"),
            _ => {
                out.extend_from_slice(b"delete ");
                out.extend_from_slice(&self.job);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let Some(line) = line(bytes) else { return Heard::More };
        let wanted: [&[u8]; 3] = [b"INSERTED ", b"RESERVED ", b"DELETED"];
        assert!(
            line.starts_with(wanted[usize::from(self.step)]),
            "beanstalkd: {}",
            String::from_utf8_lossy(line)
        );
        let mut len = line.len() + 2;
        if self.step == 1 {
            len += BODY_BYTES + 2;
            if bytes.len() < len {
                return Heard::More;
            }
            let job = line.split(|byte| *byte == b' ').nth(1).expect("an id");
            self.job = job.to_vec();
        }
        if self.lives {
            self.step = (self.step + 1) % 3;
        }
        Heard::Answer { bytes: len, done: self.step == 0 }
    }
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some(&bytes[..end])
}

/// Call, queue and deadline in one MULTI.
pub struct Redis {
    prefix: u64,
    nth: u64,
    body: String,
}

impl Redis {
    pub fn new(run: u64, nth: usize) -> Self {
        Self { prefix: run << 32 | nth as u64, nth: 0, body: body() }
    }
}

/// One command as an array of bulk strings.
fn bulk(out: &mut Vec<u8>, words: &[&[u8]]) {
    let mut head = |mark: u8, len: usize| {
        out.push(mark);
        out.extend_from_slice(len.to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(b'*', words.len());
    for word in words {
        out.push(b'$');
        out.extend_from_slice(word.len().to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

impl Caller for Redis {
    fn greeting(&mut self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        self.nth += 1;
        let id = format!("{}-{}", self.prefix, self.nth);
        let score = (1_795_219_200_000 + self.nth).to_string();
        bulk(out, &[b"MULTI"]);
        bulk(out, &[b"SET", id.as_bytes(), self.body.as_bytes()]);
        bulk(out, &[b"ZADD", b"queue", score.as_bytes(), id.as_bytes()]);
        bulk(out, &[b"ZADD", b"deadlines", score.as_bytes(), id.as_bytes()]);
        bulk(out, &[b"EXEC"]);
    }

    /// `+OK`, three `+QUEUED`, `*3`, `+OK`, `:1`, `:1`.
    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let whole: [&[u8]; 8] =
            [b"+OK", b"+QUEUED", b"+QUEUED", b"+QUEUED", b"*3", b"+OK", b":1", b":1"];
        let mut len = 0;
        for want in whole {
            let Some(line) = line(&bytes[len..]) else { return Heard::More };
            assert_eq!(line, want, "redis: {}", String::from_utf8_lossy(bytes));
            len += line.len() + 2;
        }
        Heard::Answer { bytes: len, done: true }
    }
}

/// One prepared INSERT, by the extended protocol.
pub struct Postgres {
    insert: Vec<u8>,
}

fn message(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let len = u32::try_from(out.len() - at).expect("short");
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
}

impl Postgres {
    pub fn new() -> Self {
        let mut insert = Vec::new();
        message(&mut insert, b'B', |out| {
            // Portal and statement, no formats, four values as text, no formats of results.
            out.extend_from_slice(b"\0insert\0");
            out.extend_from_slice(&0u16.to_be_bytes());
            let values = ["3", "2026-11-27 00:15:00+00", "0", &body()];
            out.extend_from_slice(&(values.len() as u16).to_be_bytes());
            for value in values {
                out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                out.extend_from_slice(value.as_bytes());
            }
            out.extend_from_slice(&0u16.to_be_bytes());
        });
        message(&mut insert, b'E', |out| out.extend_from_slice(&[0; 5]));
        message(&mut insert, b'S', |_| ());
        Self { insert }
    }
}

impl Caller for Postgres {
    fn greeting(&mut self, out: &mut Vec<u8>) -> usize {
        let words = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        out.extend_from_slice(&(words.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(words);
        message(out, b'P', |out| {
            out.extend_from_slice(
                b"insert\0insert into calls(prio, deadline, state, body) values ($1, $2, $3, $4)\0\0\0",
            );
        });
        message(out, b'S', |_| ());
        2
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.insert);
    }

    /// Up to ReadyForQuery.
    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut at = 0;
        loop {
            let Some((head, _)) = bytes[at..].split_first_chunk::<5>() else { return Heard::More };
            let [tag, len @ ..] = *head;
            let end = at + 1 + u32::from_be_bytes(len) as usize;
            if bytes.len() < end {
                return Heard::More;
            }
            assert!(tag != b'E', "postgres: {}", String::from_utf8_lossy(&bytes[at..end]));
            at = end;
            if tag == b'Z' {
                return Heard::Answer { bytes: at, done: true };
            }
        }
    }
}

/// The request of [`Fifteen`], to a server that only sends it back.
pub struct Echo {
    request: Template,
    nth: u64,
}

impl Echo {
    pub fn new() -> Self {
        Self { request: Template::new(place_call()), nth: 0 }
    }
}

impl Caller for Echo {
    fn greeting(&mut self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        self.nth += 1;
        self.request.write(self.nth, 0, out);
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        frame(bytes).map_or(Heard::More, |bytes| Heard::Answer { bytes, done: true })
    }
}

/// The same call over HTTP.
pub struct Http {
    run: u64,
    nth: u64,
    /// A press of the SOS page.
    press: bool,
}

impl Http {
    pub fn new(run: u64, nth: usize) -> Self {
        Self { run: run << 32 | nth as u64, nth: 0, press: false }
    }

    pub fn press(run: u64, nth: usize) -> Self {
        Self { press: true, ..Self::new(run, nth) }
    }
}

impl Caller for Http {
    fn greeting(&mut self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        self.nth += 1;
        let key = uuid::Uuid::from_u64_pair(self.run, self.nth);
        let (path, said) = match self.press {
            true => ("sos", r#""cancel":"","silent":false"#),
            false => ("calls", r#""district":"Okara","kind":"threat""#),
        };
        let body = format!(
            r#"{{"key":"{key}",{said},"number":"+92 300 5550123","place":{{"lat":30.81,"lon":73.45,"accuracy_m":40}}}}"#
        );
        let head = format!("POST /v1/{path} HTTP/1.1\r\nHost: here\r\nContent-Length: ");
        let text = format!("{head}{}\r\n\r\n{body}", body.len());
        out.extend_from_slice(text.as_bytes());
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let Some(head) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            return Heard::More;
        };
        let text = std::str::from_utf8(&bytes[..head]).expect("a head is text");
        assert!(text.starts_with("HTTP/1.1 201"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|it| it.parse().ok()).expect("an answer has a length");
        let whole = head + 4 + length;
        if bytes.len() < whole { Heard::More } else { Heard::Answer { bytes: whole, done: true } }
    }
}

//! Telephone lines, by an exchange that speaks SIP as a stranger would write it: text over UDP.

use super::peer::{Peer, soon};
use super::server::{Room, Server};
use fifteen::protocol::{CallSummary, Claim};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

const SIP: [(&str, &str); 4] = [
    ("# listen = \"127.0.0.1:5160\" ", "listen = \"127.0.0.1:0\" "),
    ("# exchange = \"127.0.0.1:5060\" ", "exchange = \"127.0.0.1:5060\" "),
    ("# extension = \"200\" ", "extension = \"200\" "),
    ("# extensions = { saima", "extensions = { Sana"),
];
const NUMBER: &str = "03005550177";

fn room() -> Room {
    Room::new(&SIP)
}

fn lines_of(server: &Server) -> SocketAddr {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("telephone lines")).expect("it says so");
    line.split_once("address=").unwrap().1.split(' ').next().unwrap().parse().unwrap()
}

/// An exchange with one line to the room.
struct Exchange {
    socket: UdpSocket,
    lines: SocketAddr,
}

impl Exchange {
    async fn at(ip: [u8; 4], server: &Server) -> Self {
        let socket = UdpSocket::bind((IpAddr::from(ip), 0)).await.unwrap();
        Self { socket, lines: lines_of(server) }
    }

    async fn to(server: &Server) -> Self {
        Self::at([127, 0, 0, 1], server).await
    }

    fn request(&self, method: &str, id: &str, more: &str) -> String {
        let (own, lines) = (self.socket.local_addr().unwrap(), self.lines);
        let number = if method == "ACK" || method == "CANCEL" { "INVITE" } else { method };
        format!(
            "{method} sip:1015@{lines} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}{number}\r\n\
             From: <sip:{NUMBER}@{own}>;tag={id}\r\nTo: <sip:1015@{lines}>\r\nCall-ID: {id}@pbx\r\n\
             CSeq: 1 {method}\r\nContact: <sip:pbx@{own}>\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
        )
    }

    async fn says(&self, method: &str, id: &str) {
        self.raw(self.request(method, id, "").as_bytes()).await;
    }

    /// Sends until there is this answer, as an exchange does.
    async fn asks(&self, method: &str, id: &str, status: &str) -> String {
        let again = async {
            loop {
                self.says(method, id).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            answer = self.hears(status) => answer,
            () = again => unreachable!("it asks for ever"),
        }
    }

    async fn raw(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.lines).await.unwrap();
    }

    /// Waits for an answer with this status; what else comes is passed over.
    async fn hears(&self, status: &str) -> String {
        let hearing = async {
            let mut bytes = vec![0; 4096];
            loop {
                let (read, _) = self.socket.recv_from(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                if text.starts_with(&format!("SIP/2.0 {status}")) {
                    return text;
                }
            }
        };
        soon(status, hearing).await
    }
}

async fn calls(server: &Server) -> Vec<CallSummary> {
    Peer::operator(server.address).await.calls("").await
}

/// Waits until the line rings, over TCP.
async fn rings(line: &mut TcpStream) {
    let mut said = String::new();
    let ringing = async {
        let mut part = [0; 1024];
        while !said.contains("SIP/2.0 180") {
            let read = line.read(&mut part).await.unwrap();
            assert!(read > 0, "the line ended before it rang: {said}");
            said.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    };
    soon("180", ringing).await;
}

#[tokio::test]
async fn a_call_rings_until_it_is_claimed_and_is_put_through_to_who_claimed_it() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("OPTIONS", "first", "200").await;
    for _ in 0..3 {
        exchange.says("INVITE", "one").await;
    }
    exchange.hears("100").await;
    exchange.hears("180").await;
    let all = calls(&server).await;
    let [call] = &all[..] else { panic!("one call, however often it was sent: {all:?}") };
    assert!(call.ringing && !call.flags.dropped, "{call:?}");
    let mut operator = Peer::operator(server.address).await;
    assert_eq!(operator.show(call.call).await.number.as_deref(), Some(NUMBER));
    operator.done(Claim { call: call.call }).await;
    let moved = exchange.hears("302").await;
    let extension = moved.lines().find(|line| line.starts_with("Contact:")).unwrap();
    assert!(extension.contains("<sip:201@127.0.0.1:5060>"), "{extension}");
    exchange.says("ACK", "one").await;
    assert!(!calls(&server).await[0].ringing);
    assert!(!server.log().contains("5550177"), "her number is logged");
}

#[tokio::test]
async fn who_calls_proves_it_where_the_room_asks_and_no_call_is_taken_before() {
    use sha2::{Digest, Sha256};
    let asks = [
        ("# user = \"exchange\" ", "user = \"exchange\" "),
        ("# password_file = \"sip.password\"", "password_file = \"sip.password\""),
    ];
    let room = Room::new(&[&SIP[..], &asks].concat());
    room.file("sip.password", "seven words\n");
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("OPTIONS", "first", "200").await;
    let prove = |nonce: &str, password: &str, nth: u8| {
        let hash = |text: String| {
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let uri = format!("sip:1015@{}", exchange.lines);
        let (who, what) =
            (hash(format!("exchange:fifteen:{password}")), hash(format!("INVITE:{uri}")));
        let response = hash(format!("{who}:{nonce}:00000001:xyz:auth:{what}"));
        let proof = format!(
            "Authorization: Digest username=\"exchange\", realm=\"fifteen\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=SHA-256, cnonce=\"xyz\", qop=auth, nc=00000001\r\n"
        );
        let branch = format!("z9hG4bK{nth}oneINVITE");
        exchange.request("INVITE", "one", &proof).replace("z9hG4bKoneINVITE", &branch)
    };
    let asked = exchange.asks("INVITE", "one", "401").await;
    exchange.says("ACK", "one").await;
    let challenge = asked.lines().find(|line| line.contains("SHA-256")).unwrap();
    let nonce = challenge.split_once("nonce=\"").unwrap().1.split('"').next().unwrap();
    assert!(asked.contains("algorithm=MD5"), "{asked}");
    exchange.raw(prove(nonce, "eight words", 1).as_bytes()).await;
    exchange.hears("401").await;
    assert!(calls(&server).await.is_empty(), "nobody proved anything yet");
    exchange.raw(prove(nonce, "seven words", 2).as_bytes()).await;
    exchange.hears("180").await;
    assert!(calls(&server).await[0].ringing);
    let log = server.log();
    assert!(!log.contains("words") && !log.contains(nonce), "{log}");
}

#[tokio::test]
async fn who_hangs_up_is_a_dropped_call_to_be_rung_back() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("INVITE", "two", "180").await;
    exchange.says("CANCEL", "two").await;
    exchange.hears("200").await;
    exchange.hears("487").await;
    exchange.says("ACK", "two").await;
    let call = &calls(&server).await[0];
    assert!(call.flags.dropped && !call.ringing, "{call:?}");
    assert!(call.clocks.iter().any(|clock| clock.clock == "callback"), "{call:?}");
}

#[tokio::test]
async fn a_line_that_rang_when_the_server_died_is_rung_back_and_may_ring_again() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("INVITE", "three", "180").await;
    server.kill();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    let call = calls(&server).await[0].clone();
    assert!(call.flags.dropped && !call.ringing, "{call:?}");
    exchange.asks("INVITE", "three", "180").await;
    let all = calls(&server).await;
    assert_eq!((all.len(), all[0].call, all[0].ringing), (1, call.call, true), "{all:?}");
}

#[tokio::test]
async fn a_room_that_stops_says_so_to_the_lines_that_ring_and_she_is_rung_back() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("INVITE", "stops", "180").await;
    let stopping = server.stop();
    let (_, refused) = tokio::join!(stopping, exchange.hears("503"));
    assert!(refused.contains("stops@pbx"), "{refused}");
    let server = room.serve();
    let call = &calls(&server).await[0];
    assert!(call.flags.dropped && !call.ringing, "{call:?}");
}

#[tokio::test]
async fn over_tcp_it_is_the_same_and_a_stranger_is_not_heard_there_either() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("OPTIONS", "first", "200").await;
    let text = exchange.request("INVITE", "tcp", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let from = async |ip: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::from(ip), 0).into()).unwrap();
        let mut stream = socket.connect(exchange.lines).await.unwrap();
        // A stranger may be cut before it has said anything.
        let _ = stream.write_all(text.as_bytes()).await;
        stream
    };
    let mut stranger = from([127, 0, 0, 9]).await;
    let mut nothing = [0; 64];
    let read = soon("the end of it", stranger.read(&mut nothing)).await;
    assert!(read.is_err() || read.is_ok_and(|read| read == 0), "a stranger was answered");
    assert!(calls(&server).await.is_empty());
    let mut line = from([127, 0, 0, 1]).await;
    rings(&mut line).await;
    assert!(calls(&server).await[0].ringing);
}

/// The exchange's link breaks while a line rings. The room sees nothing of it before it has something to say: whoever takes
/// the call is put through to nobody, and she must not be forgotten for that.
#[tokio::test]
async fn a_link_that_breaks_under_a_ringing_line_has_her_rung_back() {
    let room = room();
    let server = room.serve();
    let exchange = Exchange::to(&server).await;
    exchange.asks("OPTIONS", "first", "200").await;
    let text = exchange.request("INVITE", "breaks", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let mut line = TcpStream::connect(exchange.lines).await.unwrap();
    line.write_all(text.as_bytes()).await.unwrap();
    rings(&mut line).await;
    drop(line);
    let mut operator = Peer::operator(server.address).await;
    let call = calls(&server).await[0].call;
    operator.done(Claim { call }).await;
    let rung_back = async {
        loop {
            let call = calls(&server).await.remove(0);
            if call.flags.dropped {
                break call;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let call = soon("a call to be rung back", rung_back).await;
    assert!(!call.ringing && call.clocks.iter().any(|clock| clock.clock == "callback"), "{call:?}");
    // And the lines hear the next one.
    exchange.asks("INVITE", "next", "180").await;
}

#[tokio::test]
async fn whatever_is_asked_of_the_log_her_number_is_not_in_it() {
    let room = room();
    let mut command = room.command("127.0.0.1:0");
    command.env("FIFTEEN_LOG", "trace,rsipstack=trace,rsipstack::transport=trace");
    let server = room.start(command);
    let exchange = Exchange::to(&server).await;
    exchange.asks("INVITE", "logged", "180").await;
    exchange.says("CANCEL", "logged").await;
    exchange.hears("487").await;
    let log = server.log();
    assert!(log.contains("TRACE"), "it was asked for everything");
    assert!(!log.contains("5550177") && !log.contains("rsipstack"), "{log}");
}

#[tokio::test]
async fn strangers_and_rubbish_are_not_heard_and_cost_nothing() {
    let room = room();
    let server = room.serve();
    let stranger = Exchange::at([127, 0, 0, 9], &server).await;
    let exchange = Exchange::to(&server).await;
    exchange.asks("OPTIONS", "first", "200").await;
    stranger.says("INVITE", "four").await;
    exchange.asks("OPTIONS", "second", "200").await;
    assert!(calls(&server).await.is_empty(), "the stranger came before");
    let invite = exchange.request("INVITE", "five", "");
    // After the torture tests of RFC 4475: each wrong in one way.
    let wrong = [
        invite.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
        invite.replace("CSeq: 1 INVITE", "CSeq: 36893488147419103232 REGISTER"),
        invite.replace("Content-Length: 0", "Content-Length: -999"),
        invite.replace("Content-Length: 0", "Content-Length: 9999"),
        invite.replace("Call-ID: five@pbx\r\n", ""),
        invite.replace("From: <", "From: "),
        invite.replace("To: <sip:", "To: \"Mr. J. User <sip:"),
        invite.replace("Max-Forwards: 70", "Max-Forwards: 300"),
        invite.replace("sip:1015@", "sip:%00%ff;;;@"),
        invite.replace("Via: SIP/2.0/UDP", "Via: SIP/2.0/\u{0}"),
        invite.replace("\r\n", "\n"),
        "INVITE".repeat(2_000),
        String::from_utf8_lossy(&[0xff; 64]).into_owned(),
    ];
    for text in &wrong {
        exchange.raw(text.as_bytes()).await;
        exchange.raw(&text.as_bytes()[..text.len() / 2]).await;
    }
    exchange.raw(&[0xff; 65_000]).await;
    exchange.says("REGISTER", "six").await;
    exchange.hears("405").await;
    exchange.says("OPTIONS", "seven").await;
    exchange.hears("200").await;
    exchange.says("INVITE", "eight").await;
    let answered = async {
        loop {
            let text = exchange.hears("180").await;
            if text.contains("eight@pbx") {
                break;
            }
        }
    };
    soon("the call that is right", answered).await;
    let log = server.log();
    assert!(!log.contains("5550177") && !log.contains("panicked"), "{log}");
}

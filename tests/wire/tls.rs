//! TLS: who is trusted and who is not, certificates put in force while the room works, units'
//! certificates, and a flood of handshakes that nobody finishes.

use super::http;
use super::peer::{Peer, call_from, soon};
use super::proxy::Proxy;
use super::server::{Room, Server, until};
use fifteen::client::{Client, ClientConfig, ClientError, Tls, TlsFiles, Update};
use fifteen::domain::UtcMs;
use fifteen::protocol::{Code, Health, HealthStatus, Hello, ListCalls, ReplyBody, Role};
use fifteen::service::clock::RoomClock;
use fifteen::tls::{Authority, Pair, Subject, Validity, authorities, provider};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DAY_MS: u64 = 24 * 3_600_000;

fn now() -> u64 {
    RoomClock::start(UtcMs(0)).wall_now().0
}

fn days(from: i64, to: i64) -> Validity {
    let at = |days: i64| now().checked_add_signed(days * DAY_MS as i64).unwrap();
    Validity { begins_at: at(from), ends_at: at(to) }
}

/// A room under TLS, and who signs for it.
struct Safe {
    room: Room,
    authority: Authority,
}

impl Safe {
    /// Its server's certificate is for 127.0.0.1 and counts for `validity`.
    fn with(validity: Validity, changes: &[(&str, &str)]) -> Self {
        let own = [
            ("# certificate = \"server.pem\"", "certificate = \"server.pem\""),
            ("# key = \"server.key\"", "key = \"server.key\""),
        ];
        let room = Room::new(&[&own[..], changes].concat());
        let (authority, pair) = Authority::new("the room's", days(-1, 3_650)).unwrap();
        room.file("ca.pem", &pair.certificate);
        let safe = Self { room, authority };
        safe.put("server", &safe.server(validity));
        safe
    }

    fn new() -> Self {
        Self::with(days(-1, 365), &[])
    }

    fn asking_units() -> Self {
        let words = [
            ("# unit_ca = \"ca.pem\"", "unit_ca = \"ca.pem\""),
            ("unit_certificates = \"off\"", "unit_certificates = \"required\""),
        ];
        Self::with(days(-1, 365), &words)
    }

    fn server(&self, validity: Validity) -> Pair {
        self.authority.issue(Subject::Server(&["127.0.0.1".to_owned()]), validity).unwrap()
    }

    fn put(&self, name: &str, pair: &Pair) {
        self.room.file(&format!("{name}.pem"), &pair.certificate);
        self.room.file(&format!("{name}.key"), &pair.key);
    }

    /// A unit's certificate of this authority, put beside the rules: its files.
    fn unit(&self, callsign: &str, validity: Validity) -> (PathBuf, PathBuf) {
        self.put("unit", &self.authority.issue(Subject::Unit(callsign), validity).unwrap());
        (self.room.path("unit.pem"), self.room.path("unit.key"))
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { ca: self.room.path("ca.pem"), own: None, server_name: None }
    }

    async fn client(&self, address: SocketAddr, hello: Hello) -> Result<Client, ClientError> {
        client(address, self.files(), hello).await
    }

    async fn operator(&self, address: SocketAddr) -> Client {
        self.client(address, Hello::new(Role::Operator, "Sana")).await.unwrap()
    }
}

async fn client(address: SocketAddr, files: TlsFiles, hello: Hello) -> Result<Client, ClientError> {
    let tls = Tls::new(address.to_string(), files).unwrap();
    let config = ClientConfig { backoff_min_ms: 1, backoff_max_ms: 20, ..ClientConfig::default() };
    Client::connect_with(tls, hello, config).await
}

async fn health(client: &Client) -> HealthStatus {
    match client.request(Health {}).await.unwrap().body {
        ReplyBody::HealthStatus(health) => health,
        other => panic!("{other:?}"),
    }
}

async fn place(client: &Client) -> u64 {
    match client.request(call_from("Gulberg")).await.unwrap().body {
        ReplyBody::CallPlaced(placed) => placed.call,
        other => panic!("{other:?}"),
    }
}

/// A handshake in one version of TLS alone, and nothing more.
async fn handshake(
    safe: &Safe,
    address: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsStream<TcpStream> {
    let roots = authorities(&safe.room.path("ca.pem")).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// The certificate that the next session is under.
async fn certificate(safe: &Safe, server: &Server) -> CertificateDer<'static> {
    let stream = handshake(safe, server.address, rustls::ALL_VERSIONS).await;
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Why nobody was connected, by words that say what to do.
fn why(outcome: Result<Client, ClientError>) -> String {
    match outcome {
        Ok(_) => panic!("connected"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn room_is_worked_over_both_versions_of_tls() {
    let safe = Safe::new();
    let server = safe.room.serve();
    for (version, known) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut stream = handshake(&safe, server.address, &[version]).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(known));
        let hello = rmp_serde::to_vec_named(&serde_json::json!({
            "type": "hello", "version": 1, "role": "operator", "who": "Sana"
        }))
        .unwrap();
        let len = u32::try_from(hello.len()).unwrap().to_be_bytes();
        stream.write_all(&[&len[..], &hello].concat()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = vec![0; 64];
        let read = soon("a welcome", stream.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.contains("welcome"), "{answer:?}");
    }
    let operator = safe.operator(server.address).await;
    let call = place(&operator).await;
    let list = ListCalls::default();
    match operator.request(list).await.unwrap().body {
        ReplyBody::Calls(calls) => assert_eq!(calls.calls[0].call, call),
        other => panic!("{other:?}"),
    }
    server.stop().await;
}

#[tokio::test]
async fn server_that_is_not_the_rooms_own_is_not_spoken_to() {
    let other = Safe::new();
    for (safe, files, expected) in [
        (Safe::new(), Some(other.files()), "not of the authority"),
        (Safe::with(days(-30, -1), &[]), None, "has ended"),
        (Safe::with(days(2, 30), &[]), None, "does not count yet"),
        (
            Safe::new(),
            Some(TlsFiles { server_name: Some("dispatch.example.org".into()), ..other.files() }),
            "not of the authority",
        ),
    ] {
        let server = safe.room.serve();
        let files = files.unwrap_or_else(|| safe.files());
        let hello = Hello::new(Role::Operator, "Sana").with_token("swordfish");
        let said = why(client(server.address, files, hello).await);
        assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        assert!(!server.log().contains("role="), "nobody said hello: {}", server.log());
    }
    let safe = Safe::new();
    let server = safe.room.serve();
    let files = TlsFiles { server_name: Some("dispatch.example.org".into()), ..safe.files() };
    let said = why(client(server.address, files, Hello::new(Role::Operator, "Sana")).await);
    assert!(said.contains("another name"), "{said:?}");
}

/// Runs a subcommand against a server; what it says on stderr.
fn command(server: &Server, args: &[&str]) -> (ExitStatus, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(args).args(["--connect", &server.address.to_string()]);
    for name in ["TOKEN", "CA", "CERT", "CLIENT_KEY", "SERVER_NAME", "WHO", "CONFIG"] {
        command.env_remove(format!("FIFTEEN_{name}"));
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn plain_text_and_tls_are_told_of_each_other() {
    let safe = Safe::new();
    let under_tls = safe.room.serve();
    let mut peer = Peer::silent(under_tls.address).await;
    peer.say(&fifteen::protocol::ClientMessage::Hello(Hello::new(Role::Intake, "Line 3"))).await;
    let refused = peer.is_refused().await;
    assert_eq!(refused.code, Code::TlsRequired);
    assert!(refused.text.contains("--ca"), "{refused}");
    let (status, said) = command(&under_tls, &["calls"]);
    assert!(status.code() == Some(2) && said.contains("speaks TLS: give --ca"), "{said}");

    let room = Room::new(&[]);
    let plain = room.serve();
    let said = why(safe.client(plain.address, Hello::new(Role::Operator, "Sana")).await);
    assert!(said.contains("speaks no TLS"), "{said}");
    let ca = safe.room.path("ca.pem").display().to_string();
    let (status, said) = command(&plain, &["health", "--ca", &ca]);
    assert!(status.code() == Some(2) && said.contains("speaks no TLS"), "{said}");

    let (status, said) = command(&under_tls, &["calls", "--ca", &ca]);
    assert!(status.success(), "{said}");
    let (status, said) = command(&under_tls, &["calls", "--server-name", "x"]);
    assert!(status.code() == Some(2) && said.contains("--ca"), "{said}");
}

#[tokio::test]
async fn calls_over_http_are_under_the_same_tls_and_plain_text_is_not_heard() {
    let safe = Safe::with(days(-1, 365), &[http::LISTEN]);
    let server = safe.room.serve();
    let web = http::web_of(&server);
    let body = r#"{"key":"6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11"}"#;
    let call = http::head("POST /v1/calls", "Connection: close\r\n", body) + body;
    let mut plain = TcpStream::connect(web).await.unwrap();
    plain.write_all(call.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let _ = soon("an end", plain.read_to_end(&mut said)).await;
    assert!(!said.starts_with(b"HTTP/1.1 2"), "a call in plain text, where TLS is spoken");
    for (version, status) in [(&rustls::version::TLS12, "201"), (&rustls::version::TLS13, "200")] {
        let mut stream = handshake(&safe, web, &[version]).await;
        stream.write_all(call.as_bytes()).await.unwrap();
        let mut said = String::new();
        soon("an answer", stream.read_to_string(&mut said)).await.unwrap();
        assert_eq!(said.split(' ').nth(1), Some(status), "{said}");
    }
}

#[tokio::test]
async fn new_certificate_is_taken_on_sighup_and_a_broken_one_is_not() {
    let safe = Safe::new();
    let server = safe.room.serve();
    let before = safe.operator(server.address).await;
    let first = certificate(&safe, &server).await;
    let ends_at = health(&before).await.certificate_ends_at;

    safe.put("server", &safe.server(days(-1, 200)));
    assert_eq!(certificate(&safe, &server).await, first, "not before it is told to");
    server.signal("HUP");
    let second = until("the new certificate", async || {
        Some(certificate(&safe, &server).await).filter(|shown| *shown != first)
    })
    .await;
    assert!(health(&before).await.certificate_ends_at < ends_at, "the older session goes on");

    let stranger = Safe::new();
    for (name, text, word) in [
        ("server.pem", "-----BEGIN CERTIFICATE-----\nswordfish\n".to_owned(), "server.pem"),
        ("server.pem", String::new(), "holds no certificate"),
        ("server.key", stranger.server(days(-1, 9)).key.to_string(), "is not the key of"),
        ("server.key", "swordfish".to_owned(), "holds no private key"),
    ] {
        let whole = fs::read_to_string(safe.room.path(name)).unwrap();
        safe.room.file(name, &text);
        server.signal("HUP");
        let problems = until(word, async || {
            let health = health(&before).await;
            let found = health.problems.iter().any(|problem| problem.contains(word));
            found.then_some(health.problems)
        })
        .await;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("the old one is in force"), "{problems:?}");
        assert_eq!(certificate(&safe, &server).await, second, "after {word}");
        safe.room.file(name, &whole);
    }
    assert!(server.log().contains("the old one stays in force"));
    assert!(!server.log().contains("swordfish"), "what is in the files stays there");
    server.signal("HUP");
    until("all is well again", async || health(&before).await.ok.then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn certificate_that_ends_soon_is_a_problem_fourteen_days_before() {
    for (left, warned) in [(15, false), (13, true)] {
        let validity = days(-300, left);
        let safe = Safe::with(validity, &[]);
        let server = safe.room.serve();
        let health = health(&safe.operator(server.address).await).await;
        let seconds = Some(validity.ends_at / 1_000 * 1_000);
        assert_eq!(health.certificate_ends_at, seconds, "certificates count seconds");
        let said = health.problems.iter().any(|problem| problem.contains("ends in 1"));
        assert_eq!(said, warned, "{left} days left: {:?}", health.problems);
        assert_eq!(server.log().contains("server.pem ends in"), warned, "at the start too");
    }
}

#[tokio::test]
async fn unit_is_who_its_certificate_says() {
    let safe = Safe::asking_units();
    let server = safe.room.serve();
    let hello = |who: &str| Hello::new(Role::Unit, who);
    let shown = |own| TlsFiles { own: Some(own), ..safe.files() };
    let attempt = async |own, who| client(server.address, shown(own), hello(who)).await;

    let own = safe.unit("CAR-1", days(-1, 30));
    attempt(own.clone(), "CAR-1").await.unwrap();
    for other in ["CAR-2", "CAR-11", "car-1", "CAR-"] {
        match attempt(own.clone(), other).await {
            Err(ClientError::Refused(refused)) => {
                assert_eq!(refused.code, Code::BadCertificate);
                assert!(refused.text.contains("another callsign"), "{refused}");
            }
            other => panic!("not refused but {other:?}"),
        }
    }
    match safe.client(server.address, hello("CAR-1")).await {
        Err(ClientError::Refused(refused)) => {
            assert_eq!(refused.code, Code::BadCertificate);
            assert!(refused.text.contains("--cert"), "{refused}");
        }
        other => panic!("not refused but {other:?}"),
    }
    // People are not asked for one.
    place(&safe.operator(server.address).await).await;

    // One that does not count ends the handshake.
    let stranger = Safe::new();
    for own in [stranger.unit("CAR-1", days(-1, 30)), safe.unit("CAR-1", days(-30, -1))] {
        match attempt(own, "CAR-1").await {
            Err(ClientError::Io(_)) => {}
            other => panic!("no end of the handshake but {other:?}"),
        }
    }
    // A server's certificate of the same authority makes no unit.
    let names = ["CAR-1".to_owned()];
    safe.put("unit", &safe.authority.issue(Subject::Server(&names), days(-1, 30)).unwrap());
    let own = (safe.room.path("unit.pem"), safe.room.path("unit.key"));
    assert!(matches!(attempt(own, "CAR-1").await, Err(ClientError::Io(_))));
}

#[tokio::test]
async fn flood_of_half_handshakes_keeps_no_call_out() {
    let safe = Safe::with(days(-1, 365), &[("handshakes_max = 1024", "handshakes_max = 8")]);
    let server = safe.room.serve();
    let there = safe.client(server.address, Hello::new(Role::Intake, "Line 1")).await.unwrap();
    let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let flood = tokio::spawn({
        let (stop, begun, address) = (Arc::clone(&stop), Arc::clone(&begun), server.address);
        async move {
            let mut held = std::collections::VecDeque::new();
            while !stop.load(Ordering::Relaxed) {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
                let mut stream = socket.connect(address).await.unwrap();
                // The head of a ClientHello that never comes.
                let _ = stream.write_all(&[0x16, 3, 1, 1, 0]).await;
                held.push_back(stream);
                begun.fetch_add(1, Ordering::Relaxed);
                if held.len() > 64 {
                    held.pop_front();
                }
            }
            held
        }
    });
    let flooded = async |more: usize| {
        let wanted = begun.load(Ordering::Relaxed) + more;
        let enough = async || (begun.load(Ordering::Relaxed) >= wanted).then_some(());
        until("more of the flood", enough).await;
    };
    flooded(50).await;
    let mut calls = vec![place(&there).await];
    for line in 2..6 {
        let hello = Hello::new(Role::Intake, format!("Line {line}"));
        let fresh = safe.client(server.address, hello).await.unwrap();
        calls.push(place(&fresh).await);
        flooded(20).await;
        calls.push(place(&there).await);
    }
    assert!(!flood.is_finished(), "the flood is on all the while");
    stop.store(true, Ordering::Relaxed);
    // Those of the flood that are still there wait to be thrown out.
    let _held = flood.await.unwrap();
    assert_eq!(calls, (1..=9).collect::<Vec<u64>>());
    let counted = async || server.log().contains("what=\"handshakes\"").then_some(());
    until("the handshakes thrown out, in the log", counted).await;
}

#[tokio::test]
async fn follower_under_tls_comes_through_cuts_and_a_kill_without_a_gap() {
    let safe = Safe::new();
    let mut server = safe.room.serve();
    let address = server.address;
    let proxy = Proxy::to(address).await;
    let hello = || Hello::new(Role::Operator, "Follower");
    let follower = safe.client(proxy.address, hello()).await.unwrap();
    let operator = safe.operator(address).await;
    let mut updates = follower.pushes().await.unwrap();
    let first = soon("a snapshot", updates.next()).await;
    assert!(matches!(first, Some(Update::Snapshot(_))), "{first:?}");
    for round in 0..6 {
        if round == 3 {
            server.kill();
            server = safe.room.serve_at(&address.to_string());
        } else {
            proxy.cut();
        }
        // Placed through the cut link itself, under a key: once, whatever became of the first try.
        let (heard, placed) = (place(&operator).await, place(&follower).await);
        let mut missing = vec![heard, placed];
        while !missing.is_empty() {
            let known: Vec<u64> = match soon("an update", updates.next()).await {
                Some(Update::Push(push)) => push.call.iter().map(|call| call.call).collect(),
                // After the kill the pushes of before are not held any more.
                Some(Update::Snapshot(room)) => room.calls.iter().map(|call| call.call).collect(),
                other => panic!("no update but {other:?}"),
            };
            missing.retain(|call| !known.contains(call));
        }
        assert_eq!((heard, placed), (2 * round + 1, 2 * round + 2), "each once");
    }
}

#[tokio::test]
async fn drill_under_tls_is_fed_by_its_own_trace() {
    let safe = Safe::new();
    safe.room.file("calls.csv", super::drill::TRACE);
    let scratch = tempfile::tempdir().unwrap();
    let trace = safe.room.path("calls.csv").display().to_string();
    let server = safe.room.serve_drill(&["--drill", "600", "--trace", &trace], scratch.path());
    let operator = safe.operator(server.address).await;
    let both = async || (health(&operator).await.open_calls == 2).then_some(());
    until("both calls of the trace", both).await;
    server.stop().await;
}

#[test]
fn cert_makes_what_a_room_needs_and_writes_over_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("certs");
    let cert = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.args(["cert", "new", "--dir"]).arg(&dir).args(args).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let content = || {
        let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let (made, said) = cert(&["--server", "127.0.0.1", "--server", "localhost", "--unit", "CAR-1"]);
    assert!(made, "{said}");
    let first = content();
    let names =
        ["ca.key", "ca.pem", "server.key", "server.pem", "unit-CAR-1.key", "unit-CAR-1.pem"];
    assert_eq!(first.keys().cloned().collect::<Vec<_>>(), names.map(|name| dir.join(name)));
    for path in first.keys() {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    // One of the two is there: neither is made.
    let (made, said) = cert(&["--unit", "CAR-2", "--unit", "CAR-1"]);
    assert!(!made && said.contains("unit-CAR-1.pem is there already"), "{said}");
    assert_eq!(content(), first);
    let (made, said) = cert(&["--unit", "CAR-1", "--replace"]);
    assert!(made, "{said}");
    let second = content();
    let changed: Vec<_> =
        names.iter().filter(|name| first[&dir.join(name)] != second[&dir.join(name)]).collect();
    assert_eq!(changed, [&"unit-CAR-1.key", &"unit-CAR-1.pem"], "the authority stays");
    for (args, word) in [
        (&[][..], "--server"),
        (&["--unit", "CAR-9", "--server", "not a name", "--replace"], "no DNS name"),
        (&["--unit", ""], "no callsign"),
        (&["--unit", "CAR-9", "--days", "3650"], "ends before"),
    ] {
        let (made, said) = cert(args);
        assert!(!made && said.contains(word), "{said:?} does not say {word:?}");
    }
    assert_eq!(content(), second);
    let shown = Command::new(env!("CARGO_BIN_EXE_fifteen"))
        .args(["cert", "show"])
        .arg(dir.join("server.pem"))
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("127.0.0.1, localhost"), "{shown}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[tokio::test]
async fn server_that_crashes_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt;
    let dumps = |what: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", &format!("ulimit -c unlimited; {what}")]);
        shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().core_dumped()
    };
    if !dumps("kill -s ABRT $$") {
        println!("skipped: this machine takes no core of anything");
        return;
    }
    let room = Room::new(&[]);
    let own = room.command("127.0.0.1:0");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]).arg(own.get_program());
    shell.args(own.get_args()).env_remove("FIFTEEN_CONFIG").stdin(Stdio::null());
    let server = room.start(shell);
    server.signal("ABRT");
    let status = server.ended().await;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false), "{status}");
}

#[tokio::test]
async fn a_telephone_line_rings_over_tls_and_is_shown_the_new_certificate() {
    let lines = [
        ("# exchange = \"127.0.0.1:5060\" ", "exchange = \"127.0.0.1:5060\" "),
        ("# extension = \"200\" ", "extension = \"200\" "),
        ("# tls = \"0.0.0.0:5061\" ", "tls = \"127.0.0.1:0\" "),
    ];
    let safe = Safe::with(days(-1, 365), &lines);
    let server = safe.room.serve();
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("telephone lines")).expect("it says so");
    let address = line.split_once("address=").unwrap().1.split(' ').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let connect = async || {
        until("the lines", async || TcpStream::connect(address).await.ok()).await;
        handshake(&safe, address, rustls::ALL_VERSIONS).await
    };
    let mut stream = connect().await;
    let invite = format!(
        "INVITE sip:1015@{address} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5060;branch=z9hG4bKtls\r\n\
         From: <sip:03005550177@127.0.0.1>;tag=1\r\nTo: <sip:1015@{address}>\r\nCall-ID: tls@pbx\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:pbx@127.0.0.1>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(invite.as_bytes()).await.unwrap();
    let mut said = String::new();
    let ringing = async {
        let mut part = [0; 1024];
        while !said.contains("SIP/2.0 180") {
            let read = stream.read(&mut part).await.unwrap();
            assert!(read > 0, "the line ended: {said}");
            said.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    };
    soon("180", ringing).await;
    let shown = async || {
        let stream = connect().await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = shown().await;
    safe.put("server", &safe.server(days(-1, 200)));
    server.signal("HUP");
    until("the new certificate", async || Some(shown().await).filter(|now| *now != first)).await;
    let operator = safe.operator(server.address).await;
    let problems = health(&operator).await.problems;
    assert!(problems.is_empty(), "{problems:?}");
    // Half a message, and rubbish, cost nothing.
    for rubbish in [&invite.as_bytes()[..90], &[0xff; 4_000], b"\x16\x03\x01"] {
        connect().await.write_all(rubbish).await.unwrap();
    }
    assert!(shown().await != first);
    server.stop().await;
}

#[test]
fn a_key_the_telephone_lines_cannot_use_is_named_at_the_start() {
    let safe = Safe::with(
        days(-1, 365),
        &[
            ("# exchange = \"127.0.0.1:5060\" ", "exchange = \"127.0.0.1:5060\" "),
            ("# extension = \"200\" ", "extension = \"200\" "),
            ("# tls = \"0.0.0.0:5061\" ", "tls = \"127.0.0.1:0\" "),
        ],
    );
    let key = fs::read_to_string(safe.room.path("server.key")).unwrap();
    safe.room.file("server.key", &key.replace("PRIVATE KEY", "EC PRIVATE KEY"));
    let said = super::lifecycle::does_not_start(&safe.room, "127.0.0.1:0");
    assert!(said.contains("server.key") || said.contains("key"), "{said}");
}

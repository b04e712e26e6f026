//! Metrics and health on their own listener: true, the same as a client is told, without a word about anybody, and
//! no way to hold up a call.

use super::peer::{Peer, call_from, soon};
use super::server::{Room, Server, until};
use fifteen::protocol::{Place, Role};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LISTEN: (&str, &str) = ("# listen = \"127.0.0.1:9115\"", "listen = \"127.0.0.1:0\"");

/// Where the metrics are: the server says so in its log.
fn looks_at(server: &Server) -> SocketAddr {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("metrics and health")).expect("it says so");
    let (_, address) = line.rsplit_once("address=").expect("with the address");
    address.trim().parse().unwrap()
}

/// Status and body.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let text = soon("an answer", asking).await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The figure of a line that begins so.
fn figure(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|line| line.split(' ').next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_figures_are_those_of_the_room_and_name_nobody() {
    let room = Room::new(&[LISTEN, ("limit = \"90s\"", "limit = \"1ms\"")]);
    let server = room.serve();
    let looks = looks_at(&server);
    let mut peer = Peer::operator(server.address).await;
    let mut intake = Peer::greeted(server.address, Role::Intake, "gateway").await;
    let mut call = call_from("Sahiwal-of-nowhere");
    call.priority = Some(1);
    call.number = Some("+92 300 5550123".into());
    call.name = Some("Zarmina Canary".into());
    call.note = Some("blue gate".into());
    call.place = Some(Place { words: Some("Street of the Lanterns 7".into()), ..Place::default() });
    let call = intake.place(call).await;
    peer.place(call_from("Okara")).await;
    peer.sign_on("Gulberg-9").await;
    peer.assign(call, "Gulberg-9").await;
    // The turnout clock of a millisecond runs out and is counted.
    let page = until("an escalation among the figures", || async {
        let (status, page) = get(looks, "/metrics").await;
        assert_eq!(status, 200);
        (figure(&page, "fifteen_deadline_late_seconds_count") > 0.0).then_some(page)
    })
    .await;
    for (name, value) in [
        ("fifteen_open_calls", 2.0),
        ("fifteen_waiting_calls{priority=\"1\"}", 1.0),
        ("fifteen_waiting_calls{priority=\"3\"}", 1.0),
        ("fifteen_waiting_calls{priority=\"4\"}", 0.0),
        ("fifteen_sessions{role=\"operator\"}", 1.0),
        ("fifteen_sessions{role=\"intake\"}", 1.0),
        ("fifteen_sessions{role=\"unit\"}", 0.0),
        ("fifteen_units_on_duty", 1.0),
        ("fifteen_calls_total", 2.0),
        ("fifteen_shed_total{what=\"queries\"}", 0.0),
        ("fifteen_log_degraded", 0.0),
        ("fifteen_log_poisoned", 0.0),
        ("fifteen_healthy", 1.0),
        ("fifteen_stale", 0.0),
    ] {
        assert!((figure(&page, name) - value).abs() < 1e-9, "{name} is not {value} in\n{page}");
    }
    let health = peer.health().await;
    assert_eq!((health.open_calls, health.waiting_calls), (2, 2));
    assert!(figure(&page, "fifteen_log_seq") <= health.seq as f64, "{page}");
    let commits = figure(&page, "fifteen_commit_seconds_count");
    assert!(commits >= 4.0, "{page}");
    assert!((figure(&page, "fifteen_commit_seconds_bucket{le=\"+Inf\"}") - commits).abs() < 1e-9);
    assert!(figure(&page, "fifteen_commit_transitions_sum") >= commits, "{page}");
    assert!(figure(&page, "process_resident_memory_bytes") > 1e6, "{page}");
    assert!(figure(&page, "process_open_fds") > 3.0, "{page}");
    for said in ["5550123", "Zarmina", "Lanterns", "blue gate", "Sana", "Gulberg", "nowhere"] {
        assert!(!page.contains(said), "{said} is in\n{page}");
    }
    // Whatever is sent, the number of lines stays: labels are of closed sets.
    let before = page.lines().count();
    for district in ["a", "b", "c"] {
        peer.place(call_from(district)).await;
    }
    let after = until("the new calls among the figures", || async {
        let (_, page) = get(looks, "/metrics").await;
        (figure(&page, "fifteen_calls_total") > 4.0).then_some(page)
    });
    assert_eq!(after.await.lines().count(), before);
}

#[tokio::test]
async fn healthz_says_what_health_says() {
    let room = Room::new(&[LISTEN]);
    let server = room.serve();
    assert_eq!(get(looks_at(&server), "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(looks_at(&server), "/").await.0, 404);
    server.stop().await;
    // Nothing can be set aside where a folder stands in the way.
    let ballast = room.data().join("BALLAST");
    std::fs::remove_file(&ballast).unwrap();
    std::fs::create_dir(&ballast).unwrap();
    let server = room.serve();
    let told = Peer::operator(server.address).await.health().await;
    assert!(!told.ok, "{told:?}");
    let lines: Vec<String> = told.problems.iter().map(|it| format!("PROBLEM: {it}\n")).collect();
    assert_eq!(get(looks_at(&server), "/healthz").await, (503, lines.concat()));
    let (_, page) = get(looks_at(&server), "/metrics").await;
    assert!(figure(&page, "fifteen_healthy").abs() < 1e-9, "{page}");
}

#[tokio::test]
async fn two_pages_are_answered_and_nothing_else() {
    let room = Room::new(&[LISTEN]);
    let server = room.serve();
    let looks = looks_at(&server);
    for (path, status) in [("/healthz?x=1", 200), ("/", 404), ("/metrics/../healthz", 404)] {
        assert_eq!(get(looks, path).await.0, status, "{path}");
    }
    let many = "a: b\r\n".repeat(200);
    for (head, word) in [
        ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", "400"),
        (&format!("GET /metrics HTTP/1.1\r\n{many}\r\n"), "431"),
    ] {
        let mut stream = TcpStream::connect(looks).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut said = String::new();
        soon("an answer", stream.read_to_string(&mut said)).await.unwrap();
        assert_eq!(said.split(' ').nth(1), Some(word), "{said}");
    }
}

#[tokio::test]
async fn nobody_who_looks_can_hold_up_a_call_or_others_who_look() {
    let room = Room::new(&[LISTEN]);
    let server = room.serve();
    let looks = looks_at(&server);
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(looks).await.unwrap());
    }
    for rubbish in [&b"\x16\x03\x01"[..], &[b'a'; 20_000], b"GET /metrics HTTP/1.1\r\nx"] {
        let mut stream = TcpStream::connect(looks).await.unwrap();
        // It may hang up in the middle of this.
        let _ = stream.write_all(rubbish).await;
        silent.push(stream);
    }
    let mut peer = Peer::operator(server.address).await;
    peer.place(call_from("Kasur")).await;
    // The silent ones are let go after their time, and whoever waited behind them is answered.
    assert_eq!(get(looks, "/healthz").await, (200, "ok\n".into()));
    peer.place(call_from("Okara")).await;
}

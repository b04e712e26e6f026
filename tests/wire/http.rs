//! Calls over HTTP: taken once by their key, on the disk when answered, on the clock from their first byte; what is no
//! call gets a clear word and costs nothing.

use super::lifecycle::does_not_start;
use super::peer::{Peer, call_from, placed, soon};
use super::server::{Room, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const LISTEN: (&str, &str) =
    ("# listen = \"127.0.0.1:7117\"", "listen = \"127.0.0.1:0\"");
pub(crate) const DISTRICT: (&str, &str) = ("# district = \"Lahore\"", "district = \"Kasur\"");
const KEY: &str = "6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11";

/// Where calls are taken over HTTP: the server says so in its log.
pub(crate) fn web_of(server: &Server) -> SocketAddr {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("calls over HTTP")).expect("it says so");
    let (_, address) = line.split_once("address=").expect("with the address");
    address.split(' ').next().unwrap().parse().unwrap()
}

pub(crate) fn head(line: &str, more: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: here\r\n{more}Content-Length: {}\r\n\r\n", body.len())
}

/// Status and body of the next answer.
async fn answer(stream: &mut TcpStream) -> (u16, Value) {
    let mut text = Vec::new();
    let whole = async {
        loop {
            let read = stream.read_buf(&mut text).await.unwrap();
            let said = String::from_utf8(text.clone()).unwrap();
            if let Some((head, body)) = said.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse().unwrap())
                });
                if length.is_none_or(|length: usize| body.len() >= length) || read == 0 {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, serde_json::from_str(body).unwrap_or(Value::Null));
                }
            }
            assert!(read > 0, "no answer, but {said:?}");
        }
    };
    soon("an answer", whole).await
}

async fn post(address: SocketAddr, more: &str, body: &str) -> (u16, Value) {
    post_to("/v1/calls", address, more, body).await
}

pub(crate) async fn post_to(
    path: &str,
    address: SocketAddr,
    more: &str,
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = head(&format!("POST {path}"), more, body) + body;
    stream.write_all(text.as_bytes()).await.unwrap();
    answer(&mut stream).await
}

fn basic(who: &str, token: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{who}:{token}")))
}

#[tokio::test]
async fn a_call_over_http_is_taken_once_and_the_same_after_a_crash() {
    let room = Room::new(&[LISTEN, DISTRICT]);
    let server = room.serve();
    let body = json!({
        "key": KEY, "source": "app", "district": "Okara", "kind": "threat", "name": "Zarmina Canary",
        "number": "+92 300 5550123", "place": { "words": "Street of the Lanterns 7", "lat": 30.8 },
        "note": "blue gate", "silent": true, "a field of a later version": 7,
    })
    .to_string();
    let (status, first) = post(web_of(&server), "", &body).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!((&first["durable"], &first["repeated"]), (&json!(true), &json!(false)));
    let (status, again) = post(web_of(&server), "", &body).await;
    assert_eq!((status, &again["call"]), (200, &first["call"]), "{again}");
    server.kill();
    let server = room.serve();
    let (status, again) = post(web_of(&server), "", &body).await;
    assert_eq!((status, &again["call"]), (200, &first["call"]), "{again}");
    assert_eq!(again["repeated"], true);
    let mut peer = Peer::operator(server.address).await;
    let calls = peer.calls("Okara").await;
    let [call] = &calls[..] else { panic!("one call, not {}", calls.len()) };
    assert_eq!(call.kind, "threat");
    let shown = peer.show(call.call).await;
    assert_eq!(shown.name.as_deref(), Some("Zarmina Canary"));
    assert_eq!(shown.notes[0].text, "blue gate");
    let place = shown.place.expect("the words stay when half a point is none");
    assert_eq!(place.words.as_deref(), Some("Street of the Lanterns 7"));
    let other = body.replace("threat", "advice");
    let (status, refused) = post(web_of(&server), "", &other).await;
    assert_eq!((status, &refused["code"]), (409, &json!("key_reused")), "{refused}");
    for secret in ["Zarmina", "5550123", "Lanterns", "blue gate"] {
        assert!(!server.log().contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn a_key_alone_is_a_call() {
    let room = Room::new(&[LISTEN, DISTRICT]);
    let server = room.serve();
    let (status, taken) =
        post(web_of(&server), "", &format!(r#"{{"key":"{KEY}","source":null}}"#)).await;
    assert_eq!(status, 201, "{taken}");
    let calls = Peer::operator(server.address).await.calls("Kasur").await;
    assert_eq!((&*calls[0].kind, calls[0].priority), ("not said", 2));
}

#[tokio::test]
async fn a_text_message_is_a_call_with_what_its_words_say() {
    let room = Room::new(&[LISTEN, DISTRICT, ("text = \"text\"", "text = \"Body\"")]);
    let server = room.serve();
    let web = web_of(&server);
    let sms = async |more: &str, body: &str| post_to("/v1/sms", web, more, body).await;
    let form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
    let text =
        "from=%2B92+300+5550123&Body=mujhe+bachao%21+Canary+Street+ke+paas%2C+OKARA&id=7&x=y";
    let (status, first) = sms(form, text).await;
    assert_eq!(status, 201, "{first}");
    let (status, again) = sms(form, text).await;
    assert_eq!((status, &again["call"]), (200, &first["call"]), "a gateway that says it twice");
    let (status, other) = sms(form, &text.replace("OKARA", "okara+jaldi")).await;
    assert_eq!(status, 201, "a gateway that gives an id twice: {other}");
    let json = json!({ "id": 8, "Body": "مدد ۳۱٫۵۲،۷۴٫۳۵", "from": null }).to_string();
    let (status, taken) = sms("", &json).await;
    assert_eq!(status, 201, "{taken}");
    let mut peer = Peer::operator(server.address).await;
    let okara = peer.calls("Okara").await;
    assert_eq!((okara.len(), &*okara[0].kind), (2, "violence in progress"));
    let shown = peer.show(first["call"].as_u64().unwrap()).await;
    assert_eq!(shown.number.as_deref(), Some("+92 300 5550123"));
    assert_eq!(shown.place.unwrap().words.as_deref(), Some("Canary Street"));
    assert_eq!(shown.notes[0].text, "mujhe bachao! Canary Street ke paas, OKARA");
    let elsewhere = peer.calls("Kasur").await;
    assert_eq!(elsewhere.len(), 1, "whose words name no district");
    let place = peer.show(elsewhere[0].call).await.place.unwrap();
    assert_eq!((place.lat, place.lon), (Some(31.52), Some(74.35)));
    for (more, body, word) in [
        ("", "Body=Canary&id=9", "no JSON object"),
        ("", r#"{"id":9}"#, "Body: is missing"),
        (form, "Body=Canary", "id: is missing"),
        (form, "", "Body: is missing"),
        ("", r#"{"id":9,"Body":["Canary"]}"#, "Body: is missing"),
    ] {
        let (status, problem) = sms(more, body).await;
        let said = problem.to_string();
        assert!(status == 400 && said.contains(word) && !said.contains("Canary"), "{body}: {said}");
    }
    assert!(!server.log().contains("Canary") && !server.log().contains("5550123"));
}

#[tokio::test]
async fn what_is_no_call_gets_a_clear_word_and_costs_nothing() {
    let room = Room::new(&[LISTEN, DISTRICT, ("frame_limit = \"10s\"", "frame_limit = \"300ms\"")]);
    let server = room.serve();
    let web = web_of(&server);
    let long = format!(r#"{{"key":"{KEY}","note":"{}"}}"#, "x".repeat(70_000));
    for (body, status, code, word) in [
        ("", 400, "malformed", "no JSON"),
        ("{\"key\":\n\"Zarmina", 400, "malformed", "line 2"),
        ("[]", 400, "malformed", "key"),
        ("\"Zarmina\"", 400, "malformed", "key"),
        (r#"{"name":"Zarmina"}"#, 400, "malformed", "key"),
        (r#"{"key":"Zarmina"}"#, 400, "bad_value", "key"),
        (
            r#"{"key":"6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11","source":"Zarmina"}"#,
            400,
            "bad_value",
            "source",
        ),
        (
            r#"{"key":"6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11","source":7}"#,
            400,
            "bad_value",
            "source",
        ),
        (
            r#"{"key":"6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11","place":{"lat":"Zarmina"}}"#,
            400,
            "bad_value",
            "place.lat",
        ),
        (r#"{"key":"6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11"} Zarmina"#, 400, "malformed", "behind"),
        (&long, 413, "too_large", "65536"),
    ] {
        let (got, problem) = post(web, "", body).await;
        let said = problem.to_string();
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{body:.40}: {said}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{body:.40}: {said}");
        assert!(!said.contains("Zarmina"), "{said}");
    }
    let mut stream = TcpStream::connect(web).await.unwrap();
    let text = head("GET /v1/calls", "", "") + &head("POST /nowhere", "", "");
    stream.write_all(text.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 405, "and the connection stays");
    let mut slow = TcpStream::connect(web).await.unwrap();
    slow.write_all(head("POST /v1/calls", "", &long[..100]).as_bytes()).await.unwrap();
    let (status, problem) = answer(&mut slow).await;
    assert_eq!((status, problem["code"].as_str()), (408, Some("silent_peer")), "{problem}");
    for rubbish in ["\r\n\r\n\r\n", "POST\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}", &"x".repeat(40_000)] {
        let mut stream = TcpStream::connect(web).await.unwrap();
        // It may hang up before it has all of it.
        let _ = stream.write_all(rubbish.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut said = Vec::new();
        let _ = soon("an end", stream.read_to_end(&mut said)).await;
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{rubbish:.20}");
    }
    let (status, taken) = post(web, "", &format!(r#"{{"key":"{KEY}"}}"#)).await;
    assert_eq!(
        (status, taken["call"].as_u64()),
        (201, Some(1)),
        "the first call there is: {taken}"
    );
    assert!(!server.log().contains("Zarmina"));
}

#[tokio::test]
async fn only_intake_with_its_token_calls_where_people_are_kept() {
    let room = Room::with_people(&[LISTEN, DISTRICT]);
    let gateway = room.machine("gateway", &["intake"]);
    let amina = room.machine("amina", &["operator"]);
    let server = room.serve();
    let web = web_of(&server);
    let body = format!(r#"{{"key":"{KEY}"}}"#);
    for (who, token) in
        [("gateway", "sperling-9"), ("gateway", ""), ("nobody", &gateway), ("amina", &amina)]
    {
        let (status, problem) = post(web, &basic(who, token), &body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (401, Some("bad_token")),
            "{who}: {problem}"
        );
        assert!(token.is_empty() || !problem.to_string().contains(token));
    }
    let (status, _) = post(web, "", &body).await;
    assert_eq!(status, 401);
    let (status, taken) = post(web, &basic("gateway", &gateway), &body).await;
    assert_eq!(status, 201, "{taken}");
    assert!(!server.log().contains(&gateway));
}

#[tokio::test]
async fn her_clocks_run_from_the_first_byte_of_the_request() {
    let room = Room::new(&[LISTEN, DISTRICT]);
    let server = room.serve();
    let body = format!(r#"{{"key":"{KEY}"}}"#);
    let mut stream = TcpStream::connect(web_of(&server)).await.unwrap();
    let text = head("POST /v1/calls", "", &body) + &body;
    let (first, rest) = text.split_at(1);
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut peer = Peer::operator(server.address).await;
    let mut later = async || placed(&peer.done(call_from("Okara")).await).received_at;
    let soon_after = later().await;
    // The room's time goes on, however fast the machine is.
    while later().await < soon_after + 50 {}
    stream.write_all(rest.as_bytes()).await.unwrap();
    let (status, taken) = answer(&mut stream).await;
    assert_eq!(status, 201, "{taken}");
    let calls = peer.calls("Kasur").await;
    let hers = calls.iter().find(|call| Some(call.call) == taken["call"].as_u64()).unwrap();
    assert!(hers.received_at < soon_after + 50, "{} is not {soon_after}", hers.received_at);
}

#[tokio::test]
async fn connections_that_say_nothing_make_room_for_a_call() {
    let room = Room::new(&[
        LISTEN,
        DISTRICT,
        ("handshakes_per_address = 128", "handshakes_per_address = 2"),
        // None ends by its own time.
        ("handshake_limit = \"5s\"", "handshake_limit = \"1h\""),
    ]);
    let server = room.serve();
    let web = web_of(&server);
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(web).await.unwrap());
    }
    let (status, taken) = post(web, "", &format!(r#"{{"key":"{KEY}"}}"#)).await;
    assert_eq!(status, 201, "{taken}");
    let mut ended = Vec::new();
    let first = &mut idle[0];
    soon("the oldest to end", first.read_to_end(&mut ended)).await.unwrap();
}

#[test]
fn calls_over_http_in_plain_text_are_taken_on_loopback_only() {
    let outside = ("# listen = \"127.0.0.1:7117\"", "listen = \"0.0.0.0:0\"");
    let said = does_not_start(&Room::new(&[outside]), "127.0.0.1:0");
    for word in ["web.listen", "0.0.0.0", "nothing encrypts", "listen.certificate"] {
        assert!(said.contains(word), "{said:?} does not say {word:?}");
    }
}

#[tokio::test]
async fn the_description_is_the_same_printed_and_served() {
    let room = Room::new(&[LISTEN, DISTRICT]);
    let server = room.serve();
    let mut stream = TcpStream::connect(web_of(&server)).await.unwrap();
    stream.write_all(head("GET /v1/openapi.json", "", "").as_bytes()).await.unwrap();
    let (status, served) = answer(&mut stream).await;
    assert_eq!(status, 200);
    let printed = Command::new(env!("CARGO_BIN_EXE_fifteen")).arg("openapi").output().unwrap();
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(served, printed);
    assert!(served["paths"]["/v1/calls"]["post"]["responses"]["201"].is_object(), "{served}");
    let needed = &served["components"]["schemas"]["NewCall"]["required"];
    assert_eq!(needed, &json!(["key"]), "the key alone must be there");
}

/// Sends a call until it is answered, as docs/http.md says, wherever the room is by then; its number, and how often it
/// was sent.
async fn until_taken(web: &Mutex<SocketAddr>, body: &str) -> (u64, u32) {
    for sent in 1.. {
        let address = *web.lock().unwrap();
        let sending = async {
            let mut stream = TcpStream::connect(address).await.ok()?;
            let text = head("POST /v1/calls", "Connection: close\r\n", body) + body;
            stream.write_all(text.as_bytes()).await.ok()?;
            let mut said = String::new();
            stream.read_to_string(&mut said).await.ok()?;
            let (head, body) = said.split_once("\r\n\r\n")?;
            let taken: Value = serde_json::from_str(body).ok()?;
            head.starts_with("HTTP/1.1 20").then(|| taken["call"].as_u64().unwrap())
        };
        if let Some(call) = sending.await {
            return (call, sent);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    unreachable!("it is sent until it is taken")
}

#[tokio::test]
async fn calls_sent_until_answered_are_in_the_log_once_each_however_often_the_server_dies() {
    const SENDERS: u128 = 16;
    const EACH: u128 = 40;
    let room = Room::new(&[LISTEN, DISTRICT]);
    let mut server = room.serve();
    let web = Arc::new(Mutex::new(web_of(&server)));
    let done = Arc::new(AtomicUsize::new(0));
    let senders = (0..SENDERS).map(|sender| {
        let (web, done) = (Arc::clone(&web), Arc::clone(&done));
        tokio::spawn(async move {
            let mut taken = Vec::new();
            for nth in 0..EACH {
                let key = uuid::Uuid::from_u128((sender << 64) | nth | 1 << 120);
                let body = format!(r#"{{"key":"{key}","number":"{sender}-{nth}"}}"#);
                taken.push(until_taken(&web, &body).await);
                done.fetch_add(1, Ordering::Relaxed);
            }
            taken
        })
    });
    let senders: Vec<_> = senders.collect();
    let all = usize::try_from(SENDERS * EACH).unwrap();
    for death in 1..=6 {
        // Somewhere among what is under way: it dies by how far they have come, not by a clock.
        while done.load(Ordering::Relaxed) < all * death / 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        server = room.serve();
        *web.lock().unwrap() = web_of(&server);
    }
    let mut calls = BTreeSet::new();
    let mut sent_again = 0;
    for sender in senders {
        for (call, sent) in soon("all to be taken", sender).await.unwrap() {
            assert!(calls.insert(call), "call {call} is the answer to two keys");
            sent_again += sent - 1;
        }
    }
    println!("{all} calls over HTTP, 6 kills, sent again {sent_again} times");
    assert!(sent_again > 0, "no kill met anything under way");
    server.stop().await;
    assert_eq!(room.dump().matches("call_received").count(), all, "none lost, none doubled");
}

/// What a modem's daemon hears of its lines.
async fn modem(address: SocketAddr, lines: &[u8], answers: usize) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(lines).await.unwrap();
    let mut text = Vec::new();
    let hearing = async {
        while text.iter().filter(|byte| **byte == b'\n').count() < answers {
            assert!(stream.read_buf(&mut text).await.unwrap() > 0, "it ended");
        }
    };
    soon("the answers", hearing).await;
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_modems_daemon_hands_messages_over_a_line_each_and_none_is_lost_or_doubled() {
    let room = Room::new(&[DISTRICT, ("# modem = \"127.0.0.1:7118\"", "modem = \"127.0.0.1:0\"")]);
    let server = room.serve();
    let address = |server: &Server| -> SocketAddr {
        let log = server.log();
        let line = log.lines().rfind(|line| line.contains("text messages")).expect("it says so");
        line.split_once("address=").unwrap().1.split(' ').next().unwrap().parse().unwrap()
    };
    let lines = "m1\t+923005550123\tmadad okara mein\\nghar ke andar\nm2\t\thelp\nno message\n";
    let said = modem(address(&server), lines.as_bytes(), 3).await;
    assert_eq!(said[..2], ["taken\tm1\t1", "taken\tm2\t2"]);
    assert!(said[2].starts_with("wrong\t\t"), "{said:?}");
    let again =
        modem(address(&server), b"m1\t+923005550123\tmadad okara mein\\nghar ke andar\n", 1);
    assert_eq!(again.await, ["again\tm1\t1"]);
    let other = modem(address(&server), b"m1\t+923005550177\tbachao\n", 1).await;
    assert_eq!(other, ["taken\tm1\t3"], "a modem that counts anew");
    server.kill();
    let server = room.serve();
    let again = modem(address(&server), b"m2\t\thelp\n", 1).await;
    assert_eq!(again, ["again\tm2\t2"], "and after a crash");
    // Cut off before its end: the daemon says it again.
    let mut stream = TcpStream::connect(address(&server)).await.unwrap();
    stream.write_all(b"m3\t+923005550123\tmad").await.unwrap();
    drop(stream);
    let rubbish = [&[0xff; 20_000][..], b"\nm4\t1\t\xff\xfe\n"].concat();
    let said = modem(address(&server), &rubbish, 2).await;
    assert!(said[0].starts_with("wrong") && said[1].starts_with("taken\tm4"), "{said:?}");
    let mut desk = Peer::operator(server.address).await;
    let call = desk.show(1).await;
    assert_eq!((&*call.summary.kind, &*call.summary.district), ("violence in progress", "Okara"));
    assert_eq!(call.number.as_deref(), Some("+923005550123"));
    assert!(call.notes[0].text.contains("okara mein\nghar"), "{:?}", call.notes);
    assert_eq!(desk.calls("Kasur").await.len(), 3, "and the first one");
    for secret in ["5550123", "madad"] {
        assert!(!server.log().contains(secret), "{secret} is logged");
    }
}

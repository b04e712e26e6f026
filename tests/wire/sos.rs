//! One press over HTTP: taken once, followed, heard of, taken back; and what a watcher of her link can tell of it.

use super::http::{DISTRICT, LISTEN, head, post_to, web_of};
use super::peer::{Peer, report, soon};
use super::server::{Room, Server};
use fifteen::protocol::{CloseCall, ReportedStatus, Role};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOS: (&str, &str) = ("# sos = true ", "sos = true ");
const KEY: &str = "6f1c0f8e-5c0a-4c1e-9d2b-3a7e5b1f0c11";
const DEVICE: &str = "0d6d3f1c-2b4a-4e7e-9a53-5b0e3c1a6f0e";

fn room() -> Room {
    Room::new(&[LISTEN, SOS, DISTRICT])
}

fn key(number: u8) -> String {
    format!("{}{number:02x}", &KEY[..34])
}

fn pin(number: u8) -> String {
    format!("{number:02x}").repeat(32)
}

fn press(key: &str) -> Value {
    json!({ "key": key, "device": DEVICE, "cancel": pin(1), "duress": pin(2), "number": "+92 300 5550123" })
}

async fn pressed(address: SocketAddr, body: &Value) -> (u16, Value) {
    post_to("/v1/sos", address, "", &body.to_string()).await
}

async fn after(address: SocketAddr, key: &str, what: &str, body: Value) -> (u16, Value) {
    post_to(&format!("/v1/sos/{key}/{what}"), address, "", &body.to_string()).await
}

/// Her ear to the room: what it was told, event by event.
struct Ear {
    stream: TcpStream,
    heard: String,
}

impl Ear {
    async fn to(address: SocketAddr, key: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let text = head(&format!("GET /v1/sos/{key}/events"), "", "");
        stream.write_all(text.as_bytes()).await.unwrap();
        Self { stream, heard: String::new() }
    }

    /// Waits for `state`, which may have been passed through.
    async fn hears(&mut self, state: &str) {
        let words = format!("{{\"state\":\"{state}\"}}");
        let hearing = async {
            let mut part = [0; 1024];
            while !self.heard.contains(&words) {
                let read = self.stream.read(&mut part).await.unwrap();
                assert!(read > 0, "the stream ended before {state}: {}", self.heard);
                self.heard.push_str(std::str::from_utf8(&part[..read]).unwrap());
            }
        };
        soon(state, hearing).await;
    }
}

async fn only_call(server: &Server) -> fifteen::protocol::CallSummary {
    let calls = Peer::operator(server.address).await.calls("Kasur").await;
    let [call] = &calls[..] else { panic!("one call, not {}", calls.len()) };
    call.clone()
}

#[tokio::test]
async fn a_press_is_one_call_over_repeats_another_press_and_a_crash() {
    let room = room();
    let server = room.serve();
    let mut body = press(KEY);
    body["place"] = json!({ "lat": 31.1, "lon": 74.4, "accuracy_m": 38.6 });
    let (status, taken) = pressed(web_of(&server), &body).await;
    assert_eq!((status, &taken["durable"], &taken["id"]), (201, &json!(true), &json!(KEY)));
    assert_eq!(pressed(web_of(&server), &body).await.0, 200);
    assert_eq!(pressed(web_of(&server), &press(&key(1))).await.0, 201, "joined");
    server.kill();
    let server = room.serve();
    let (status, again) = pressed(web_of(&server), &body).await;
    assert_eq!((status, &again["repeated"]), (200, &json!(true)));
    assert_eq!(pressed(web_of(&server), &press(&key(2))).await.0, 201, "joined after the crash");

    let call = only_call(&server).await;
    assert!(call.flags.sos && call.priority == 1, "{call:?}");
    let shown = Peer::operator(server.address).await.show(call.call).await;
    let place = shown.place.expect("where she was");
    assert_eq!((place.lat, place.accuracy_m, shown.place_at), (Some(31.1), Some(38), None));
    assert_eq!(shown.number.as_deref(), Some("+92 300 5550123"));
    for secret in ["5550123", "31.1", KEY] {
        assert!(!server.log().contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn the_unit_on_its_way_is_told_where_she_is_and_no_other() {
    let room = room();
    let server = room.serve();
    let web = web_of(&server);
    pressed(web, &press(KEY)).await;
    let call = only_call(&server).await.call;
    let mut near = Peer::greeted(server.address, Role::Unit, "KSR-1").await;
    near.sign_on("KSR-1").await;
    let mut far = Peer::greeted(server.address, Role::Unit, "KSR-2").await;
    far.sign_on("KSR-2").await;
    for unit in [&mut near, &mut far] {
        unit.subscribe().await;
        unit.page().await;
    }
    let mut watcher = Peer::operator(server.address).await;
    watcher.subscribe().await;
    watcher.page().await;
    Peer::operator(server.address).await.assign(call, "KSR-1").await;
    let fixes = json!({ "fixes": [
        { "n": 1, "lat": 31.2, "lon": 74.4, "accuracy_m": 900.0, "age_ms": 5000 },
        { "n": 2, "lat": 31.618_033_9, "lon": 74.271_828_1, "accuracy_m": 12, "age_ms": 1000 },
        { "n": 3, "lat": 95.0, "lon": 74.4 },
    ]});
    let (status, taken) = after(web, KEY, "trail", fixes.clone()).await;
    assert_eq!((status, &taken["upto"]), (200, &json!(3)));
    assert_eq!(after(web, KEY, "trail", fixes).await.0, 200, "sent again");

    // Each push says how it is after its commit, and the two came in one.
    for _ in 0..2 {
        let moved = loop {
            let push = near.push().await;
            if push.event == "caller_moved" {
                break push;
            }
        };
        assert_eq!(moved.assignment.expect("with where").place.unwrap().lat, Some(31.618_033_9));
    }
    let mut heard = 0;
    while heard < 2 {
        let push = watcher.push().await;
        heard += usize::from(push.event == "caller_moved");
        assert!(push.assignment.is_none(), "{push:?}");
    }
    let shown = watcher.show(call).await;
    assert_eq!(shown.place.unwrap().lat, Some(31.618_033_9));
    assert!(shown.place_at.is_some());
    // What the far unit was told comes before the last it is told.
    Peer::operator(server.address).await.assign(call, "KSR-2").await;
    loop {
        let push = far.push().await;
        assert_ne!(push.event, "caller_moved", "{push:?}");
        if push.event == "unit_assigned" {
            break;
        }
    }
    assert!(!server.log().contains("31.618"), "her place is logged");
}

#[tokio::test]
async fn her_page_hears_how_far_help_has_come() {
    let room = room();
    let server = room.serve();
    let web = web_of(&server);
    pressed(web, &press(KEY)).await;
    let mut ear = Ear::to(web, KEY).await;
    ear.hears("taken").await;
    let call = only_call(&server).await.call;
    let mut operator = Peer::operator(server.address).await;
    operator.sign_on("KSR-1").await;
    operator.assign(call, "KSR-1").await;
    for (status, state) in [
        (ReportedStatus::Acknowledged, "acknowledged"),
        (ReportedStatus::EnRoute, "en_route"),
        (ReportedStatus::OnScene, "on_scene"),
    ] {
        operator.done(report(call, Some("KSR-1"), status)).await;
        ear.hears(state).await;
    }
    operator.done(CloseCall { call, disposition: "helped".into(), remark: None }).await;
    ear.hears("closed").await;
    assert_eq!(ear.heard.matches("data:").count(), 5, "{}", ear.heard);
    assert_eq!(after(web, KEY, "trail", json!({ "fixes": [] })).await.0, 409);
    assert_eq!(after(web, KEY, "cancel", json!({ "proof": pin(1) })).await.0, 409);
    let mut stranger = Ear::to(web, &key(9)).await;
    let mut part = vec![0; 400];
    let read = soon("an answer", stranger.stream.read(&mut part)).await.unwrap();
    assert!(
        part[..read].starts_with(b"HTTP/1.1 404"),
        "{:?}",
        String::from_utf8_lossy(&part[..read])
    );
}

/// All that goes over her link after she typed `proof`, without the date, until help has arrived and the call is
/// closed, if there is one: after a press, or while her safety timer runs.
async fn what_a_watcher_sees(proof: &str, timer: bool) -> (String, String, Option<bool>) {
    let room = room();
    let server = room.serve();
    let web = web_of(&server);
    let mut body = press(KEY);
    if timer {
        body["after_s"] = json!(1_200);
    }
    pressed(web, &body).await;
    let mut ear = Ear::to(web, KEY).await;
    ear.hears(if timer { "running" } else { "taken" }).await;
    let mut stream = TcpStream::connect(web).await.unwrap();
    for (what, body) in [
        ("cancel", json!({ "proof": proof })),
        ("trail", json!({ "fixes": [{ "n": 1, "lat": 31.2, "lon": 74.4 }] })),
        ("cancel", json!({ "proof": pin(3) })),
        ("cancel", json!({ "proof": proof })),
    ] {
        let body = body.to_string();
        let text = head(&format!("POST /v1/sos/{KEY}/{what}"), "", &body) + &body;
        stream.write_all(text.as_bytes()).await.unwrap();
    }
    ear.hears("cancelled").await;
    let mut operator = Peer::operator(server.address).await;
    let calls = operator.calls("Kasur").await;
    assert!(calls.len() == 1 || timer, "one call");
    for call in calls.iter().map(|call| call.call) {
        operator.sign_on("KSR-1").await;
        operator.assign(call, "KSR-1").await;
        operator.done(report(call, Some("KSR-1"), ReportedStatus::OnScene)).await;
        operator.done(CloseCall { call, disposition: "helped".into(), remark: None }).await;
    }
    // Whether anybody closed anything does not show either.
    for (what, body) in [
        ("trail", json!({ "fixes": [{ "n": 9, "lat": 31.3, "lon": 74.4 }] })),
        ("cancel", json!({ "proof": pin(1) })),
    ] {
        let body = body.to_string();
        let text = head(&format!("POST /v1/sos/{KEY}/{what}"), "", &body) + &body;
        stream.write_all(text.as_bytes()).await.unwrap();
    }
    let mut answers = String::new();
    let mut part = [0; 1024];
    while answers.matches("HTTP/1.1").count() < 6 || !answers.ends_with('}') {
        let read = soon("all answers", stream.read(&mut part)).await.unwrap();
        answers.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    // A server that stops ends what it says.
    server.stop().await;
    soon("the end", ear.stream.read_to_string(&mut ear.heard)).await.unwrap();
    let undated = |text: &str| {
        text.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
    };
    (undated(&answers), undated(&ear.heard), calls.first().map(|call| call.flags.duress))
}

#[tokio::test]
async fn a_watcher_cannot_tell_duress_from_taking_back() {
    for (timer, room_knows) in [(false, Some(false)), (true, None)] {
        let free = what_a_watcher_sees(&pin(1), timer).await;
        let forced = what_a_watcher_sees(&pin(2), timer).await;
        assert_eq!((free.2, forced.2), (room_knows, Some(true)), "the room can");
        assert_eq!(free.0, forced.0);
        assert_eq!(free.1, forced.1);
        assert_eq!(free.0.matches("200 OK").count(), 5, "{}", free.0);
        assert_eq!(free.0.matches("403 Forbidden").count(), 1, "{}", free.0);
        assert!(free.1.contains("cancelled") && !free.1.contains("closed"), "{}", free.1);
    }
}

#[tokio::test]
async fn a_safety_timer_is_a_call_though_her_phone_and_the_server_die() {
    let room = room();
    let server = room.serve();
    let mut body = press(KEY);
    body["after_s"] = json!(2);
    let (status, taken) = pressed(web_of(&server), &body).await;
    assert_eq!((status, &taken["id"]), (201, &json!(KEY)));
    let fixes = json!({ "fixes": [{ "n": 1, "lat": 31.2, "lon": 74.4 }] });
    assert_eq!(after(web_of(&server), KEY, "trail", fixes).await.0, 200);
    server.kill();
    let server = room.serve();
    Ear::to(web_of(&server), KEY).await.hears("taken").await;
    let call = only_call(&server).await;
    assert_eq!((&*call.kind, call.priority, call.flags.sos), ("safety_timer", 1, true));
    let shown = Peer::operator(server.address).await.show(call.call).await;
    assert_eq!(shown.place.expect("where she was last").lat, Some(31.2));
    body["after_s"] = json!(900);
    assert_eq!(pressed(web_of(&server), &body).await.0, 200, "the first stands");
    only_call(&server).await;
    for secret in ["5550123", "31.2", KEY] {
        assert!(!server.log().contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn a_practice_is_stamped_and_put_before_nobody() {
    let room = room();
    let server = room.serve();
    let mut body = press(KEY);
    body["practice"] = json!(true);
    let (status, taken) = pressed(web_of(&server), &body).await;
    assert_eq!((status, &taken["practice"]), (201, &json!(true)));
    assert!(Peer::operator(server.address).await.calls("Kasur").await.is_empty());
    assert_eq!(after(web_of(&server), KEY, "trail", json!({ "fixes": [] })).await.0, 404);
    // The same phone in earnest.
    let (status, taken) = pressed(web_of(&server), &press(KEY)).await;
    assert_eq!(
        (status, &taken["practice"], &taken["repeated"]),
        (201, &json!(false), &json!(false))
    );
    only_call(&server).await;
}

#[tokio::test]
async fn what_is_no_press_gets_a_word_and_the_page_is_off_unless_asked_for() {
    let room = room();
    let server = room.serve();
    let web = web_of(&server);
    for (path, body, status) in [
        ("/v1/sos", "{}", 400),
        ("/v1/sos", "Ayesha", 400),
        ("/v1/sos/none/trail", r#"{"fixes":[]}"#, 404),
        ("/v1/sos/none/cancel", r#"{"proof":""}"#, 404),
        (&format!("/v1/sos/{KEY}/cancel"), r#"{"proof":"zz"}"#, 400),
        (&format!("/v1/sos/{KEY}/trail"), r#"{"fixes":[{"n":-1}]}"#, 400),
    ] {
        let (said, problem) = post_to(path, web, "", body).await;
        assert_eq!(said, status, "{path} {body}: {problem}");
        assert!(!problem.to_string().contains("Ayesha"), "{problem}");
    }
    let off = Room::new(&[LISTEN, DISTRICT]);
    let server = off.serve();
    assert_eq!(pressed(web_of(&server), &press(KEY)).await.0, 404);
}

#[tokio::test]
async fn no_press_is_lost_or_doubled_through_kills() {
    const WOMEN: usize = 16;
    const PRESSES: usize = 10;
    let room = room();
    let server = room.serve();
    let web = Arc::new(Mutex::new(web_of(&server)));
    let done = Arc::new(AtomicUsize::new(0));
    let again = Arc::new(AtomicUsize::new(0));
    let women: Vec<_> = (0..WOMEN)
        .map(|woman| {
            let (web, done, again) = (Arc::clone(&web), Arc::clone(&done), Arc::clone(&again));
            tokio::spawn(async move {
                for number in 0..PRESSES {
                    let key = format!("{}{woman:02x}{number:02x}", &KEY[..32]);
                    // A press of a device that says nothing of itself joins nothing.
                    let body = json!({ "key": key, "cancel": pin(1) }).to_string();
                    let text = head("POST /v1/sos", "Connection: close\r\n", &body) + &body;
                    loop {
                        let address = *web.lock().unwrap();
                        let sending = async {
                            let mut stream = TcpStream::connect(address).await.ok()?;
                            stream.write_all(text.as_bytes()).await.ok()?;
                            let mut said = String::new();
                            stream.read_to_string(&mut said).await.ok()?;
                            (said.starts_with("HTTP/1.1 20") && said.ends_with('}')).then_some(())
                        };
                        if sending.await.is_some() {
                            break;
                        }
                        again.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut server = server;
    for kill in 1..=4 {
        while done.load(Ordering::Relaxed) < kill * WOMEN * PRESSES / 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        server = room.serve();
        *web.lock().unwrap() = web_of(&server);
    }
    for woman in women {
        soon("her presses", woman).await.unwrap();
    }
    let mut peer = Peer::operator(server.address).await;
    let calls = peer.calls("Kasur").await;
    assert_eq!(calls.len(), WOMEN * PRESSES, "each once");
    let again = again.load(Ordering::Relaxed);
    println!("{} presses, 4 kills, sent again {again} times", WOMEN * PRESSES);
}

/// The work that an answer asks for.
fn worked(asked: &Value) -> String {
    use sha2::{Digest, Sha256};
    let (salt, bits) = (asked["salt"].as_str().unwrap(), asked["bits"].as_u64().unwrap());
    let is_it = |nonce: &u64| {
        let hash = Sha256::digest(format!("{salt}{nonce}"));
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]).leading_zeros() as u64 >= bits
    };
    (0..).find(is_it).unwrap().to_string()
}

#[tokio::test]
async fn in_a_flood_every_press_is_taken_and_whoever_works_for_it_is_in_front_again() {
    let usual = ("flood_per_second = 20 ", "flood_per_second = 1 ");
    let room = Room::new(&[LISTEN, SOS, DISTRICT, usual]);
    let server = room.serve();
    let web = web_of(&server);
    let mut asked = Vec::new();
    for number in 0..20 {
        let mut body = press(&key(number));
        body["device"] = Value::Null;
        let (status, taken) = pressed(web, &body).await;
        assert_eq!(status, 201, "none is refused");
        if let Some(work) = taken.get("work") {
            let again = pressed(web, &body).await.1;
            assert_eq!((&again["work"], &again["repeated"]), (work, &json!(true)), "said again");
            asked.push((key(number), work.clone()));
        }
    }
    assert!(asked.len() >= 10, "{}", asked.len());
    let mut desk = Peer::operator(server.address).await;
    let behind = |calls: &[fifteen::protocol::CallSummary]| {
        calls.iter().filter(|call| call.priority == 2).count()
    };
    let calls = desk.calls("Kasur").await;
    assert_eq!((calls.len(), behind(&calls)), (20, asked.len()));
    let (first, work) = &asked[0];
    for (nonce, status) in [("x", 403), ("", 403)] {
        let (said, problem) = after(web, first, "work", json!({ "nonce": nonce })).await;
        assert_eq!((said, problem["field"].as_str()), (status, Some("nonce")));
    }
    assert_eq!(after(web, first, "work", json!({})).await.0, 400);
    assert_eq!(
        after(web, &key(0), "work", json!({ "nonce": "1" })).await.0,
        404,
        "of this one none"
    );
    assert_eq!(after(web, first, "work", json!({ "nonce": worked(work) })).await.0, 200);
    assert_eq!(after(web, first, "work", json!({ "nonce": worked(work) })).await.0, 404, "done");
    assert_eq!(behind(&desk.calls("Kasur").await), asked.len() - 1);
    let behind = calls.iter().rfind(|call| call.priority == 2).unwrap();
    let told = desk.show(behind.call).await.timeline;
    assert!(
        told.iter().any(|line| line.text.contains("more presses come than is usual")),
        "{told:?}"
    );
}

#[tokio::test]
async fn how_safe_a_place_is_is_kept_once_and_to_a_hundred_metres() {
    let room = room();
    let server = room.serve();
    let web = web_of(&server);
    let rate = |body: Value| async move { post_to("/v1/places", web, "", &body.to_string()).await };
    let body = json!({ "key": KEY, "lat": 31.549_74, "lon": 74.343_61, "rating": "unsafe" });
    assert_eq!(rate(body.clone()).await, (201, json!({ "repeated": false })));
    assert_eq!(rate(body).await, (200, json!({ "repeated": true })));
    let trial = json!({ "key": key(1), "lat": 0, "lon": 0, "rating": "safe", "practice": true });
    assert_eq!(rate(trial).await.0, 201);
    for (wrong, field) in [
        (json!({ "key": key(2), "lat": 91, "lon": 0, "rating": "safe" }), "lat"),
        (json!({ "key": key(2), "lat": 31, "lon": 0, "rating": "nice" }), "rating"),
        (json!({ "lat": 31, "lon": 0, "rating": "safe" }), "key"),
    ] {
        let (status, problem) = rate(wrong).await;
        assert_eq!((status, problem["field"].as_str()), (400, Some(field)));
    }
    let mut said = Vec::new();
    for number in 3..30 {
        let body = json!({ "key": key(number), "lat": 31, "lon": 74, "rating": "partly" });
        said.push(rate(body).await.0);
    }
    assert!(said.contains(&201) && said.contains(&429), "of these there may be too many: {said:?}");
    server.stop().await;
    let dump = room.dump();
    let first = dump.lines().find(|line| line.contains("place_rated")).unwrap();
    for part in ["315500000", "743440000", "unsafe"] {
        assert!(first.contains(part), "{first}");
    }
}

#[tokio::test]
async fn a_device_that_presses_all_day_is_taken_each_time_and_put_behind() {
    let usual = ("device_per_hour = 6 ", "device_per_hour = 2 ");
    let room = Room::new(&[LISTEN, SOS, DISTRICT, usual]);
    let server = room.serve();
    let web = web_of(&server);
    let mut desk = Peer::operator(server.address).await;
    for number in 0..4 {
        let (status, taken) = pressed(web, &press(&key(number))).await;
        assert_eq!((status, taken.get("work")), (201, None));
        // Pressed again and again while its call is open: a woman in danger, not a flood.
        for again in 0..5 {
            assert_eq!(pressed(web, &press(&key(100 + 10 * number + again))).await.0, 201);
        }
        let call = desk.calls("Kasur").await.pop().unwrap();
        assert_eq!(call.priority, if number < 2 { 1 } else { 2 }, "press {number}");
        desk.ask(CloseCall { disposition: "helped".into(), remark: None, call: call.call })
            .await
            .unwrap();
    }
}

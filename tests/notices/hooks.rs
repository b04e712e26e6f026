//! Webhooks, against a real HTTP receiver and against what is none.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fifteen::notify::{Webhook, sign};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread::JoinHandle;
use tiny_http::{Header, Response, Server};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// An HTTP server that answers what the closure says of the number of the request, from 0.
pub(crate) struct Receiver {
    server: Arc<Server>,
    got: Arc<Mutex<Vec<Got>>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub(crate) fn start(answer: impl Fn(usize) -> (u16, Vec<Header>) + Send + 'static) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let (serving, keeping) = (Arc::clone(&server), Arc::clone(&got));
        let thread = std::thread::spawn(move || {
            for mut request in serving.incoming_requests() {
                assert_eq!(request.method().as_str(), "POST");
                let headers = request.headers().iter().map(|header| {
                    (header.field.as_str().as_str().to_lowercase(), header.value.to_string())
                });
                let headers = headers.collect();
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                let number = {
                    let mut got = keeping.lock().unwrap();
                    got.push(Got { headers, body });
                    got.len() - 1
                };
                let (status, headers) = answer(number);
                let mut response = Response::from_string("thanks").with_status_code(status);
                for header in headers {
                    response.add_header(header);
                }
                // A sender that went away is what some tests are about.
                let _ = request.respond(response);
            }
        });
        Self { server, got, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.server.server_addr().to_ip().unwrap())
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.unblock();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the receiver failed");
    }
}

fn hook(url: &str, limit: Duration) -> Webhook {
    Webhook::new(url, key(), limit, wall(TOLD_AT))
}

/// A listener that does to each connection what the closure does.
fn strange(act: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    // It ends with the test's process; a listener has no other end than that.
    std::thread::spawn(move || listener.incoming().flatten().for_each(act));
    url
}

/// The signature, computed as the Standard Webhooks specification says and by nothing of ours.
fn signature_of(got: &Got) -> String {
    let secret = STANDARD.decode(KEY.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(got.headers["webhook-id"].as_bytes());
    mac.update(b".");
    mac.update(got.headers["webhook-timestamp"].as_bytes());
    mac.update(b".");
    mac.update(&got.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn the_signature_is_that_of_the_published_vector() {
    let made = sign::webhook(
        &key(),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_notice_is_posted_signed_and_says_what_was_missed() {
    let receiver = Receiver::start(|_| (204, Vec::new()));
    hook(&receiver.url(), LONG).send(&letter()).unwrap();
    let [got] = receiver.got().try_into().unwrap();
    assert_eq!(got.headers["webhook-signature"], signature_of(&got));
    assert_eq!(got.headers["webhook-timestamp"], (TOLD_AT.0 / 1_000).to_string());
    assert_eq!(got.headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(body["type"], "escalation");
    assert_eq!(body["id"], got.headers["webhook-id"]);
    assert_eq!(body["person"], "DPO Lahore");
    let escalation = &body["escalation"];
    assert_eq!((&escalation["call"], &escalation["escalation"]), (&12.into(), &4711.into()));
    assert_eq!(escalation["due_at"], "2026-08-14T09:14:48.000Z");
    assert_eq!((&escalation["rung"], &escalation["late_ms"]), (&2.into(), &12_000.into()));
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("The deadline was 2026-08-14 14:00:00 (+05:00)."), "{text}");
    // Addresses are for the way, not for the letter.
    let whole = String::from_utf8(got.body).unwrap();
    assert!(!whole.contains("example.org") && !whole.contains("1234567"), "{whole}");
}

#[test]
fn a_repeat_comes_under_the_same_id_with_a_timestamp_of_its_own() {
    let receiver = Receiver::start(|number| (if number == 0 { 500 } else { 200 }, Vec::new()));
    let times = Mutex::new(vec![UtcMs(TOLD_AT.0 + 7_000), TOLD_AT]);
    let now = Arc::new(move || times.lock().unwrap().pop().unwrap());
    let hook = Webhook::new(&receiver.url(), key(), LONG, now);
    failed(hook.send(&letter()), true, "answered 500");
    hook.send(&letter()).unwrap();
    let [first, second] = receiver.got().try_into().unwrap();
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(first.body, second.body);
    assert_ne!(first.headers["webhook-timestamp"], second.headers["webhook-timestamp"]);
    assert_eq!(second.headers["webhook-signature"], signature_of(&second));
}

#[test]
fn the_id_is_another_for_each_notice_and_each_log_of_a_room() {
    let one = letter().id();
    let later = Letter { intended_at: UtcMs(TOLD_AT.0 + 1), ..letter() }.id();
    let next = Letter { notice: 100, ..letter() }.id();
    let elsewhere = Letter { room: "Cell 2".into(), ..letter() }.id();
    let ids = std::collections::BTreeSet::from([one.clone(), later, next, elsewhere]);
    assert_eq!(ids.len(), 4);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    assert!(one.chars().all(plain), "{one} goes into headers as it is");
}

#[test]
fn each_status_means_what_the_document_says() {
    for (status, again) in [
        (302, false),
        (304, false),
        (400, false),
        (401, false),
        (404, false),
        (408, true),
        (410, false),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let receiver = Receiver::start(move |_| (status, Vec::new()));
        failed(hook(&receiver.url(), LONG).send(&letter()), again, &format!("answered {status}"));
        assert_eq!(receiver.got().len(), 1, "{status}");
    }
    for status in [200, 201, 202, 204] {
        let receiver = Receiver::start(move |_| (status, Vec::new()));
        hook(&receiver.url(), LONG).send(&letter()).unwrap();
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start(|_| (200, Vec::new()));
    for status in [301, 302, 303, 307, 308] {
        let to = Header::from_bytes("Location", elsewhere.url()).unwrap();
        let receiver = Receiver::start(move |_| (status, vec![to.clone()]));
        failed(hook(&receiver.url(), LONG).send(&letter()), false, "redirects are not followed");
    }
    assert!(elsewhere.got().is_empty());
}

#[test]
fn a_receiver_that_is_not_there_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    failed(hook(&format!("http://{free}/"), LONG).send(&letter()), true, "connection");
    let nowhere = hook("http://nowhere.invalid/", LONG);
    failed(nowhere.send(&letter()), true, "");
}

#[test]
fn a_receiver_that_hangs_up_or_talks_nonsense_is_tried_again() {
    let url = strange(drop);
    failed(hook(&url, LONG).send(&letter()), true, "");
    let url = strange(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"\x00\x01 dpo@example.org is no HTTP\r\n\r\n");
    });
    failed(hook(&url, LONG).send(&letter()), true, "");
    let url = strange(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more and more and more and more\r\n").is_ok() {}
    });
    failed(hook(&url, LONG).send(&letter()), true, "");
}

#[test]
fn a_receiver_slower_than_the_limit_is_left() {
    let (keep, kept) = crossbeam_channel::unbounded();
    let silent = strange(move |stream| keep.send(stream).unwrap());
    failed(hook(&silent, SHORT).send(&letter()), true, "within the time limit");
    drop(kept);
    let dripping = strange(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(b"y").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    failed(hook(&dripping, SHORT).send(&letter()), true, "within the time limit");
}

#[test]
fn an_endless_answer_is_not_read() {
    let url = strange(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    hook(&url, LONG).send(&letter()).unwrap();
}

#[test]
fn a_receiver_refuses_what_is_old_changed_or_a_strangers() {
    let (id, at_s, body) = ("notice-1-2-3", 1_700_000_000, b"{}".as_slice());
    let made = sign::webhook(&key(), id, at_s, body);
    let holds = |id, at_s, body, made: &str, now_s| {
        sign::webhook_holds(&key(), id, at_s, body, made, now_s)
    };
    for now_s in [at_s - 300, at_s, at_s + 300] {
        assert!(holds(id, at_s, body, &made, now_s), "{now_s}");
    }
    for now_s in [0, at_s - 301, at_s + 301, u64::MAX] {
        assert!(!holds(id, at_s, body, &made, now_s), "{now_s} is outside the window");
    }
    assert!(!holds("notice-1-2-4", at_s, body, &made, at_s));
    assert!(!holds(id, at_s + 1, body, &made, at_s));
    assert!(!holds(id, at_s, b"{ }", &made, at_s));
    let other = Secret::key("another line of enough bytes").unwrap();
    let theirs = sign::webhook(&other, id, at_s, body);
    assert!(!holds(id, at_s, body, &theirs, at_s));
    for none in ["", "v1,", "v1a,AAAA", "v2,AAAA", &made[3..], "v1,####"] {
        assert!(!holds(id, at_s, body, none, at_s), "{none:?}");
    }
    assert!(holds(id, at_s, body, &format!("{theirs} {made}"), at_s), "one of several is enough");
}

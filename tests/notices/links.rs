//! Signed links: what holds, what does not, and what a visitor may do to the listener.

use super::*;
use fifteen::notify::link::{LinkServer, Taken};
use fifteen::notify::sign::{BadLink, Take, open, token};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

fn keyed() -> Roster {
    let mut roster = roster(
        r#"
        [[channel]]
        name = "feed"
        kind = "feed"
        [[person]]
        name = "DPO Lahore"
        office = "DPO"
        channels = ["feed"]
        [[person]]
        name = "RPO <Lahore>"
        office = "RPO"
        channels = ["feed"]
        "#,
    );
    roster.secret = Some(key());
    roster
}

const EXPIRES: UtcMs = UtcMs(TOLD_AT.0 + 3_600_000);

struct Site {
    server: LinkServer,
    taken: Arc<Mutex<Vec<Take>>>,
}

fn site(answer: Taken) -> Site {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&taken);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taker = move |take| {
        keeping.lock().unwrap().push(take);
        answer.clone()
    };
    let server = LinkServer::start(listener, Arc::new(keyed()), wall(TOLD_AT), taker).unwrap();
    Site { server, taken }
}

impl Site {
    /// Sends `request` as it is and reads to the end.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8(reply).unwrap()
    }

    fn visit(&self, method: &str, token: &str) -> String {
        self.raw(format!("{method} /take/{token} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
    }
}

#[track_caller]
fn answered(reply: &str, status: u16, says: &str) {
    assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
    assert!(reply.contains(says), "{says:?} is not in {reply}");
}

#[test]
fn opening_a_link_takes_nothing_and_pressing_the_button_takes() {
    let site = site(Taken::Yes);
    let link = token(&key(), 4711, "RPO <Lahore>", EXPIRES);
    for method in ["GET", "GET", "HEAD", "GET"] {
        answered(&site.visit(method, &link), 200, "<form method=\"post\"");
    }
    assert!(site.taken.lock().unwrap().is_empty(), "a mail scanner opens every link");
    let reply = site.visit("POST", &link);
    answered(&reply, 200, "Escalation 4711 is taken by RPO &lt;Lahore&gt;.");
    for header in ["cache-control: no-store", "referrer-policy: no-referrer", "default-src 'none'"]
    {
        assert!(reply.contains(header), "{reply}");
    }
    let take = Take { escalation: 4711, person: "RPO <Lahore>".into() };
    assert_eq!(*site.taken.lock().unwrap(), [take]);
}

#[test]
fn what_the_room_answers_is_what_the_page_says() {
    let link = token(&key(), 4711, "DPO Lahore", EXPIRES);
    answered(&site(Taken::Over).visit("POST", &link), 409, "nothing to take");
    answered(&site(Taken::Failed).visit("POST", &link), 503, "could not record it");
}

#[test]
fn an_old_or_foreign_link_takes_nothing() {
    let site = site(Taken::Yes);
    let old = token(&key(), 4711, "DPO Lahore", TOLD_AT);
    let stranger = token(&key(), 4711, "DPO Multan", EXPIRES);
    let other_key = Secret::key("another line of enough bytes").unwrap();
    let forged = token(&other_key, 4711, "DPO Lahore", EXPIRES);
    for method in ["GET", "POST"] {
        answered(&site.visit(method, &old), 410, "time is over");
        for bad in [&*stranger, &forged, "", "4711", "4711--", "-1-2-3", "../../etc/passwd"] {
            answered(&site.visit(method, bad), 404, "not one of this room");
        }
    }
    assert!(site.taken.lock().unwrap().is_empty());
}

#[test]
fn a_request_that_is_none_or_too_much_is_refused() {
    let site = site(Taken::Yes);
    let link = token(&key(), 4711, "DPO Lahore", EXPIRES);
    answered(&site.visit("PUT", &link), 405, "");
    answered(&site.raw(b"\x16\x03\x01\x00\xa5\x01\r\n\r\n"), 400, "");
    let post = |headers: &str| format!("POST /take/{link} HTTP/1.1\r\n{headers}\r\n\r\n");
    answered(&site.raw(post("content-length: 1025").as_bytes()), 413, "");
    answered(&site.raw(post("content-length: many").as_bytes()), 400, "");
    answered(&site.raw(post("transfer-encoding: chunked").as_bytes()), 411, "");
    // Exactly as much as is read, so that nothing unread resets the connection.
    let mut long = b"GET / HTTP/1.1\r\nx: ".to_vec();
    long.resize(8 * 1024, b'y');
    answered(&site.raw(&long), 431, "");
    assert!(site.taken.lock().unwrap().is_empty());
    let body = format!("{}press=me", post("content-length: 8"));
    answered(&site.raw(body.as_bytes()), 200, "is taken");
}

#[test]
fn idle_visitors_do_not_keep_the_next_one_out() {
    let site = site(Taken::Yes);
    let idle: Vec<_> = (0..4).map(|_| TcpStream::connect(site.server.address()).unwrap()).collect();
    let link = token(&key(), 4711, "DPO Lahore", EXPIRES);
    answered(&site.visit("POST", &link), 200, "is taken");
    drop(idle);
}

#[test]
fn a_link_fits_an_sms_and_names_nobody() {
    let mut roster = keyed();
    roster.link = Some(fifteen::notify::LinkRule {
        url: "https://r15.example.pk/t/".into(),
        listen: "127.0.0.1:1".parse().unwrap(),
        valid_ms: 3_600_000,
    });
    let link = roster.take_link(4711, "DPO Lahore", TOLD_AT).unwrap();
    assert!(link.len() <= 80 && !link.contains("DPO"), "{link}");
    let end = link.rsplit('/').next().unwrap();
    let take = open(&roster, end, UtcMs(EXPIRES.0 - 1)).unwrap();
    assert_eq!(take, Take { escalation: 4711, person: "DPO Lahore".into() });
    assert_eq!(open(&roster, end, EXPIRES), Err(BadLink::Expired));
    roster.people.retain(|person| &*person.name != "DPO Lahore");
    assert_eq!(open(&roster, end, TOLD_AT), Err(BadLink::Unknown));
}

proptest! {
    #[test]
    fn a_changed_link_never_holds(escalation: u64, at in 0_usize..80, to in "[-0-9a-f+xZ ]") {
        let roster = keyed();
        let link = token(&key(), escalation, "DPO Lahore", EXPIRES);
        prop_assert!(open(&roster, &link, TOLD_AT).is_ok());
        let at = at % link.len();
        let changed = format!("{}{to}{}", &link[..at], &link[at + 1..]);
        prop_assume!(changed != link);
        prop_assert_eq!(open(&roster, &changed, TOLD_AT), Err(BadLink::Unknown));
    }

    #[test]
    fn no_token_makes_the_listener_panic(token in "\\PC{0,80}") {
        let _ = open(&keyed(), &token, TOLD_AT);
    }
}

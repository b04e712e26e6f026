//! People told of escalations by the running server: reached by the channel they prefer, by the
//! next when that fails, again under the same id after a crash, and never with who she is.

use super::peer::{Peer, call_from};
use super::server::{Room, Server, until};
use fifteen::protocol::{
    Escalate, Escalation, ListEscalations, PlaceCall, ReplyBody, Role, SeeEscalation,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// A folder with what the channels' script wrote, and the script.
pub(crate) struct Gateway {
    folder: tempfile::TempDir,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the channel of this name does with its standard input.
    pub(crate) fn script(&self, name: &str, does: &str) {
        let out = self.path(&format!("{name}.out"));
        let script = format!("out={}\n{does}\n", out.display());
        std::fs::write(self.path(&format!("{name}.sh")), script).unwrap();
    }

    /// `[[channel]]` of a command that runs the script.
    pub(crate) fn channel(&self, name: &str) -> String {
        let script = self.path(&format!("{name}.sh"));
        let script = script.display();
        format!(
            "[[channel]]\nname = {name:?}\nkind = \"command\"\nargv = [\"/bin/sh\", \"{script}\"]\n\n"
        )
    }

    /// What came in by the channel so far, a notice each.
    pub(crate) fn got(&self, name: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path(&format!("{name}.out"))).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    async fn first(&self, name: &str) -> serde_json::Value {
        until("a notice", || async { self.got(name).into_iter().next() }).await
    }
}

/// Keeps the notice, and takes it.
pub(crate) const TAKES: &str = "cat >> $out; echo >> $out";

pub(crate) fn person(name: &str, office: &str, channels: &[&str]) -> String {
    let phone = "+92 300 0000000";
    format!(
        "[[person]]\nname = {name:?}\noffice = {office:?}\nchannels = {channels:?}\nphone = {phone:?}\n\n"
    )
}

const HERE: &str = "# Whom a rung tells, and how";

/// A room that tells these people.
pub(crate) fn room(tables: &str, changes: &[(&str, &str)]) -> Room {
    let tables = format!("{tables}{HERE}");
    let changes: Vec<_> = changes.iter().copied().chain([(HERE, tables.as_str())]).collect();
    Room::new(&changes)
}

async fn escalated(server: &Server) -> (Peer, u64) {
    let mut desk = Peer::operator(server.address).await;
    let placed = PlaceCall {
        number: Some("0300-7654321".into()),
        name: Some("Zara Kanarie".into()),
        note: Some("kanarie at the door".into()),
        ..call_from("Kasur")
    };
    let call = desk.place(placed).await;
    desk.done(Escalate { call, clock: Some("acknowledge".into()), reason: None }).await;
    (desk, call)
}

async fn told(desk: &mut Peer, call: u64) -> Escalation {
    let list = ListEscalations { call: Some(call), ..ListEscalations::default() };
    match desk.ask(list).await.unwrap().body {
        ReplyBody::Escalations(page) => page.escalations.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Until what the room knows of the call's escalation satisfies `holds`.
async fn told_until(
    desk: &mut Peer,
    call: u64,
    what: &str,
    holds: impl Fn(&Escalation) -> bool,
) -> Escalation {
    let mut last = None;
    for _ in 0..600 {
        let told = told(desk, call).await;
        if holds(&told) {
            return told;
        }
        last = Some(told);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never {what}: {last:?}");
}

#[tokio::test]
async fn the_person_of_the_office_is_told_and_not_who_she_is() {
    let gateway = Gateway::new();
    gateway.script("sms", TAKES);
    let tables = gateway.channel("sms")
        + &person("Nadia", "cell in-charge", &["sms"])
        + &person("Bilal", "DPO", &["sms"]);
    let room = room(&tables, &[]);
    let server = room.serve();
    let (mut desk, call) = escalated(&server).await;
    let letter = gateway.first("sms").await;
    assert_eq!((&letter["person"], &letter["escalation"]["call"]), (&"Nadia".into(), &call.into()));
    assert_eq!(letter["escalation"]["office"], "cell in-charge");
    let printed = letter.to_string();
    for hers in ["0300", "Zara", "kanarie"] {
        assert!(!printed.contains(hers), "{printed}");
    }
    let delivered = |told: &Escalation| told.notices.iter().any(|it| it.delivered_at.is_some());
    let told = told_until(&mut desk, call, "delivered", delivered).await;
    assert_eq!(told.notices.len(), 1, "and nobody of another office");
    server.stop().await;
    assert_eq!(gateway.got("sms").len(), 1);
}

#[tokio::test]
async fn a_channel_that_fails_is_tried_again_and_then_the_next_one_is() {
    let gateway = Gateway::new();
    gateway.script("sms", "echo tried >> $out.tries; exit 75");
    gateway.script("mail", TAKES);
    let tables = gateway.channel("sms")
        + &gateway.channel("mail")
        + &person("Nadia", "cell in-charge", &["sms", "mail"]);
    let quick = [
        ("first_retry = \"5s\"", "first_retry = \"10ms\""),
        ("retry_max = \"1m\"", "retry_max = \"20ms\""),
    ];
    let room = room(&tables, &quick);
    let server = room.serve();
    let (mut desk, call) = escalated(&server).await;
    gateway.first("mail").await;
    let delivered = |told: &Escalation| told.notices.iter().any(|it| it.delivered_at.is_some());
    let told = told_until(&mut desk, call, "delivered", delivered).await;
    let [sms, mail] = &told.notices[..] else { panic!("{told:?}") };
    assert_eq!((sms.attempts, sms.failed_at.is_some(), sms.delivered_at), (4, true, None));
    assert!(sms.problem.is_some());
    assert_eq!((&*mail.channel, mail.failed_at), ("mail", None));
    let tries = std::fs::read_to_string(gateway.path("sms.out.tries")).unwrap();
    assert_eq!(tries.lines().count(), 4);
    server.stop().await;
}

#[tokio::test]
async fn the_room_sees_that_nobody_could_be_reached() {
    let gateway = Gateway::new();
    gateway.script("sms", "exit 1");
    let room = room(&(gateway.channel("sms") + &person("Nadia", "cell in-charge", &["sms"])), &[]);
    let server = room.serve();
    let mut watching = Peer::operator(server.address).await;
    watching.subscribe().await;
    watching.page().await;
    let (mut desk, call) = escalated(&server).await;
    let failed = |told: &Escalation| told.notices.iter().any(|it| it.failed_at.is_some());
    told_until(&mut desk, call, "failed", failed).await;
    let pushed = loop {
        let push = watching.push().await;
        if push.event == "notice_failed" {
            break push.escalation.unwrap();
        }
    };
    assert_eq!((pushed.call, &*pushed.notices[0].person), (call, "Nadia"));
    assert!(pushed.notices[0].failed_at.is_some());
    server.stop().await;
}

#[tokio::test]
async fn what_a_crash_caught_between_sending_and_recording_is_sent_again_under_its_id() {
    let gateway = Gateway::new();
    // It has the notice, and the server never hears so.
    gateway.script("sms", &format!("{TAKES}; sleep 600"));
    let room = room(&(gateway.channel("sms") + &person("Nadia", "cell in-charge", &["sms"])), &[]);
    let server = room.serve();
    let (_, call) = escalated(&server).await;
    let first = gateway.first("sms").await;
    server.kill();
    gateway.script("sms", TAKES);
    let server = room.serve();
    let mut desk = Peer::operator(server.address).await;
    let delivered = |told: &Escalation| told.notices.iter().any(|it| it.delivered_at.is_some());
    let told = told_until(&mut desk, call, "delivered", delivered).await;
    assert_eq!(told.notices.len(), 1, "one notice, sent twice");
    let ids: Vec<_> = gateway.got("sms").iter().map(|letter| letter["id"].clone()).collect();
    assert_eq!(ids, [first["id"].clone(), first["id"].clone()]);
    server.stop().await;
}

#[tokio::test]
async fn a_crash_before_it_was_decided_whom_to_tell_loses_nobody() {
    let gateway = Gateway::new();
    gateway.script("sms", TAKES);
    // No people yet: the rung is told, and nobody decided whom to tell.
    let silent = Room::new(&[]);
    let server = silent.serve();
    let (_, call) = escalated(&server).await;
    server.kill();
    let tables = gateway.channel("sms") + &person("Nadia", "cell in-charge", &["sms"]);
    let rules = std::fs::read_to_string(silent.data().parent().unwrap().join("dispatch.toml"));
    let rules = rules.unwrap().replace(HERE, &format!("{tables}{HERE}"));
    silent.file("dispatch.toml", &rules);
    let server = silent.serve();
    let letter = gateway.first("sms").await;
    assert_eq!(letter["escalation"]["call"], call);
    server.stop().await;
}

#[tokio::test]
async fn a_live_feed_that_shows_it_is_enough_and_one_nobody_looks_at_costs_no_time() {
    let gateway = Gateway::new();
    gateway.script("sms", TAKES);
    let feed = "[[channel]]\nname = \"feed\"\nkind = \"feed\"\n\n";
    let tables =
        gateway.channel("sms") + feed + &person("Nadia", "cell in-charge", &["feed", "sms"]);
    let room = room(&tables, &[]);
    let server = room.serve();
    let (mut desk, first) = escalated(&server).await;
    gateway.first("sms").await;
    assert_eq!(told(&mut desk, first).await.notices[0].channel, "sms");

    let mut nadia = Peer::greeted(server.address, Role::Supervisor, "Nadia").await;
    let (_, second) = escalated(&server).await;
    let intended = |told: &Escalation| !told.notices.is_empty();
    let pending = told_until(&mut desk, second, "intended", intended).await;
    assert_eq!(pending.notices[0].channel, "feed");
    nadia.done(SeeEscalation { escalation: pending.escalation }).await;
    let seen = told(&mut desk, second).await;
    assert!(seen.notices[0].seen_at.is_some());
    server.stop().await;
    assert_eq!(gateway.got("sms").len(), 1, "who saw it on the feed gets no message besides");
}

/// A request of plain HTTP, as a mail program's or a phone's browser makes it.
fn http(method: &str, url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_link_takes_it_when_the_button_is_pressed_and_not_when_a_scanner_looks() {
    let gateway = Gateway::new();
    gateway.script("sms", TAKES);
    let port = free_port();
    let listen = format!("link_listen = \"127.0.0.1:{port}\"");
    let url = format!("link_url = \"http://127.0.0.1:{port}/take/\"");
    let changes = [
        ("# secret_file = \"notify.key\"", "secret_file = \"notify.key\""),
        ("# link_url = \"https://room.example.org/take/\"", url.as_str()),
        ("# link_listen = \"127.0.0.1:7116\"", listen.as_str()),
    ];
    let room =
        room(&(gateway.channel("sms") + &person("Nadia", "cell in-charge", &["sms"])), &changes);
    room.file("notify.key", "a made-up key of a test, long enough\n");
    let server = room.serve();
    let (mut desk, call) = escalated(&server).await;
    let letter = gateway.first("sms").await;
    let link = letter["escalation"]["take_link"].as_str().unwrap().to_owned();
    let press = |link: String| tokio::task::spawn_blocking(move || http("POST", &link));
    let look = link.clone();
    let looked = tokio::task::spawn_blocking(move || http("GET", &look)).await.unwrap();
    assert!(looked.starts_with("HTTP/1.1 200"), "{looked}");
    assert_eq!(told(&mut desk, call).await.taken_by, None, "looking takes nothing");
    let forged = link.replace(&link[link.len() - 4..], "0000");
    assert!(press(forged).await.unwrap().starts_with("HTTP/1.1 404"));
    let pressed = press(link.clone()).await.unwrap();
    assert!(pressed.starts_with("HTTP/1.1 200"), "{pressed}");
    let taken = told(&mut desk, call).await;
    assert_eq!(taken.taken_by.as_deref(), Some("Nadia"));
    assert_eq!(taken.seen[0].who, "Nadia");
    assert!(press(link).await.unwrap().starts_with("HTTP/1.1 200"), "theirs already");
    server.stop().await;
}

#[test]
fn the_gateway_of_these_tests_reads_what_was_written() {
    let gateway = Gateway::new();
    std::fs::write(gateway.path("sms.out"), "{\"id\":1}\n\nno json\n").unwrap();
    assert_eq!(gateway.got("sms").len(), 1);
    assert!(Path::new("/bin/sh").exists());
}

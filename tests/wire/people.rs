//! Who is let in, and for how long: a person's own token or password and nothing else, and out at once when
//! that is taken back.

use crate::lifecycle::does_not_start;
use crate::peer::{Peer, soon};
use crate::server::{Room, Server, until};
use fifteen::domain::Event;
use fifteen::journal::{Options, RecordRef, inspect};
use fifteen::protocol::{
    ClientMessage, Code, Health, Hello, PlaceCall, Role, ServerMessage, Welcome,
};
use fifteen::service::clock::Stopwatch;
use fifteen::service::decode;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const PASSWORD: &str = "swordfish-in-the-morning";

fn amina(token: &str) -> Hello {
    Hello::new(Role::Operator, "amina").with_token(token)
}

fn by_password(who: &str, password: &str) -> Hello {
    Hello::new(Role::Operator, who).with_password(password)
}

/// What the log says of people: failed log-ins and changes.
fn recorded(data: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    inspect::dump(data, &Options::default(), 1, |seq, record| {
        let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
        let event = decode(read).unwrap().transition.event;
        if matches!(event, Event::LogInsFailed { .. } | Event::PersonChanged { .. }) {
            events.push(event);
        }
        Ok(())
    })
    .unwrap();
    events
}

#[tokio::test]
async fn a_token_is_of_one_person_and_of_the_roles_she_has() {
    let room = Room::with_people(&[]);
    let token = room.machine("amina", &["operator", "supervisor"]);
    let other = room.machine("bilal", &["operator"]);
    let server = room.serve();
    for role in [Role::Operator, Role::Supervisor] {
        let (mut peer, welcome) =
            Peer::welcomed(server.address, Hello::new(role, "amina").with_token(&token)).await;
        assert!(welcome.token.is_none() && welcome.token_ends_at.is_some());
        peer.done(Health {}).await;
    }
    let mut texts = std::collections::BTreeSet::new();
    for hello in [amina(""), amina("guess"), amina(&other), by_password("amina", &token)] {
        let refused = Peer::refused(server.address, hello).await;
        assert_eq!(refused.code, Code::BadToken);
        texts.insert(refused.text);
    }
    let stranger = Hello::new(Role::Operator, "nobody").with_token(&token);
    texts.insert(Peer::refused(server.address, stranger).await.text);
    assert_eq!(texts.len(), 1, "a wrong name and a wrong secret are answered alike: {texts:?}");
    let admin = Hello::new(Role::Admin, "amina").with_token(&token);
    let refused = Peer::refused(server.address, admin).await;
    assert!(refused.text.contains("amina does not have the role admin"), "{refused}");
    let nothing = Peer::refused(server.address, Hello::new(Role::Operator, "amina")).await;
    assert!(nothing.code == Code::BadToken && nothing.text.contains("fifteen login"), "{nothing}");
    let both = amina(&token).with_password(PASSWORD);
    assert_eq!(Peer::refused(server.address, both).await.code, Code::BadValue);
    let log = server.log();
    assert!(![&token, &other, "guess"].iter().any(|it| log.contains(*it)), "no secret in the log");
}

/// A session that must be ended by `change`, saying `why`.
async fn ended_by(room: &Room, server: &Server, hello: Hello, change: &[&str], why: &str) {
    let (mut peer, _) = Peer::welcomed(server.address, hello.clone()).await;
    room.user(change, PASSWORD);
    let dropped = peer.dropped().await;
    assert_eq!(dropped.code, Code::AccessEnded, "{change:?}");
    assert!(dropped.text.contains(why), "{change:?}: {dropped}");
    assert_eq!(Peer::refused(server.address, hello).await.code, Code::BadToken, "{change:?}");
}

#[tokio::test]
async fn what_is_taken_back_ends_the_session_at_once_and_is_recorded() {
    let room = Room::with_people(&[]);
    let token = room.machine("amina", &["operator"]);
    let calm = room.machine("bilal", &["operator"]);
    let server = room.serve();
    let bilal = Hello::new(Role::Operator, "bilal").with_token(&calm);
    let (mut bystander, _) = Peer::welcomed(server.address, bilal).await;
    ended_by(&room, &server, amina(&token), &["disable", "amina"], "disabled").await;
    room.user(&["enable", "amina"], "");
    until("amina is let in again", || async {
        let mut peer = Peer::silent(server.address).await;
        peer.say(&ClientMessage::Hello(amina(&token))).await;
        matches!(peer.hear().await, Some(ServerMessage::Welcome(_))).then_some(())
    })
    .await;
    let role = ["role", "amina", "intake"];
    ended_by(&room, &server, amina(&token), &role, "does not have the role operator").await;
    room.user(&["role", "amina", "operator"], "");
    let second = room.user(&["token", "amina", "--valid", "1h"], "");
    until("the second token counts", || async {
        let mut peer = Peer::silent(server.address).await;
        peer.say(&ClientMessage::Hello(amina(&second))).await;
        matches!(peer.hear().await, Some(ServerMessage::Welcome(_))).then_some(())
    })
    .await;
    let id = blake3::hash(token.as_bytes()).to_hex()[..8].to_owned();
    ended_by(&room, &server, amina(&token), &["revoke", "amina", &id], "revoked").await;
    ended_by(&room, &server, amina(&second), &["revoke", "amina"], "revoked").await;
    bystander.done(Health {}).await;
    let data = room.data();
    until("the changes in the log", || async {
        let events = recorded(&data);
        let said = |what: &str| {
            events.iter().any(|event| {
                matches!(event, Event::PersonChanged { person, what: it, by }
                    if &**person == "amina" && it.contains(what) && by.contains("uid"))
            })
        };
        ["disabled", "enabled", "is now intake", "revoked"].iter().all(|it| said(it)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_its_token_does() {
    let room = Room::with_people(&[("token_valid = \"12h\"", "token_valid = \"2s\"")]);
    room.user(&["add", "amina", "--role", "operator"], PASSWORD);
    let server = room.serve();
    let (mut peer, welcome) = Peer::welcomed(server.address, by_password("amina", PASSWORD)).await;
    let dropped = peer.dropped().await;
    assert!(dropped.code == Code::AccessEnded && dropped.text.contains("expired"), "{dropped}");
    let again = Peer::refused(server.address, amina(&welcome.token.unwrap())).await;
    assert!(again.code == Code::BadToken && again.text.contains("expired"), "{again}");
}

#[tokio::test]
async fn a_password_brings_a_token_that_lives_through_a_restart_and_dies_with_the_password() {
    let room = Room::with_people(&[]);
    room.user(&["add", "amina", "--role", "operator"], PASSWORD);
    let server = room.serve();
    let (mut peer, welcome) = Peer::welcomed(server.address, by_password("amina", PASSWORD)).await;
    peer.done(Health {}).await;
    let token = welcome.token.clone().unwrap();
    assert!(!format!("{welcome:?}").contains(&token), "Debug keeps it");
    server.stop().await;
    let server = room.serve();
    let (mut peer, _) = Peer::welcomed(server.address, amina(&token)).await;
    room.user(&["passwd", "amina"], "another-password");
    assert_eq!(peer.dropped().await.code, Code::AccessEnded);
    let old = Peer::refused(server.address, by_password("amina", PASSWORD)).await;
    assert_eq!(old.code, Code::BadToken);
    Peer::welcomed(server.address, by_password("amina", "another-password")).await;
    let log = server.log();
    let people = std::fs::read_to_string(room.people()).unwrap();
    for secret in [PASSWORD, "another-password", &token] {
        assert!(!log.contains(secret) && !people.contains(secret));
    }
}

/// A log-in from an address of this machine.
async fn tries(from: [u8; 4], server: &Server, hello: Hello) -> Result<Welcome, Code> {
    let mut peer = Peer::silent_from(from, server.address).await;
    peer.say(&ClientMessage::Hello(hello)).await;
    match soon("an answer", peer.hear()).await {
        Some(ServerMessage::Welcome(welcome)) => Ok(welcome),
        Some(ServerMessage::Refused(refused)) => Err(refused.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn guessing_is_slowed_counted_and_recorded_and_keeps_nobody_else_out() {
    const THERE: [u8; 4] = [127, 0, 0, 9];
    let room = Room::with_people(&[]);
    room.user(&["add", "amina", "--role", "operator"], PASSWORD);
    let gateway = room.machine("gateway", &["intake"]);
    let server = room.serve();
    // More at once than may wait behind each other: some are sent away.
    let guess = |who| tries(THERE, &server, by_password(who, "typed-as-a-password"));
    let guesses = (0..24).map(|_| guess("amina"));
    let attack = futures_util::future::join_all(guesses);
    let meanwhile = async {
        let (mut peer, _) = Peer::welcomed(server.address, by_password("amina", PASSWORD)).await;
        peer.done(Health {}).await;
        let intake = Hello::new(Role::Intake, "gateway").with_token(&gateway);
        // From the attacker's own address even.
        let mut peer = Peer::silent_from(THERE, server.address).await;
        peer.say(&ClientMessage::Hello(intake)).await;
        assert!(matches!(peer.hear().await, Some(ServerMessage::Welcome(_))));
        peer.place(PlaceCall::new(fifteen::protocol::Source::App, "Lahore", "stalking")).await;
    };
    let (answers, ()) = tokio::join!(attack, meanwhile);
    let sent_away = answers.iter().filter(|it| matches!(it, Err(Code::Busy))).count();
    let refused = answers.iter().filter(|it| matches!(it, Err(Code::BadToken))).count();
    assert_eq!(sent_away + refused, answers.len(), "nobody guessed it: {answers:?}");
    assert!(sent_away > refused, "most are sent away unread: {answers:?}");
    assert_eq!(
        tries([127, 0, 0, 8], &server, by_password("my-own-password", "x")).await,
        Err(Code::BadToken)
    );
    let (mut peer, _) = Peer::welcomed(server.address, by_password("amina", PASSWORD)).await;
    assert_eq!(peer.health().await.failed_log_ins, refused as u64 + 1);
    let data = room.data();
    until("the failures in the log", || async {
        let count = |whose: Option<&str>| -> u64 {
            let events = recorded(&data);
            let counts = events.iter().map(|event| match event {
                Event::LogInsFailed { person, count } if person.as_deref() == whose => *count,
                _ => 0,
            });
            counts.sum()
        };
        (count(Some("amina")) == refused as u64 && count(None) == 1).then_some(())
    })
    .await;
    let log = server.log();
    assert!(!log.contains("my-own-password") && !log.contains("typed-as"), "{log}");
}

#[tokio::test]
async fn a_flood_of_log_ins_from_everywhere_keeps_no_shift_out_whose_desks_are_known() {
    const DESKS: [u8; 4] = [127, 0, 0, 9];
    let room = Room::with_people(&[]);
    room.user(&["add", "amina", "--role", "operator"], PASSWORD);
    let token = room.machine("bilal", &["operator"]);
    let server = room.serve();
    // Somebody of the shift before is back by his token.
    let bilal = Hello::new(Role::Operator, "bilal").with_token(&token);
    tries(DESKS, &server, bilal).await.unwrap();
    let flood = Flood::default();
    let shift = async {
        until("as many wait as may", || async {
            (flood.sent_away.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        for _ in 0..3 {
            let welcome = tries(DESKS, &server, by_password("amina", PASSWORD)).await;
            assert!(welcome.is_ok(), "a desk is kept out: {welcome:?}");
        }
        flood.over.store(true, Ordering::Relaxed);
    };
    tokio::join!(flood.run(&server, 96), shift);
}

/// Wrong passwords, each from an address of its own, by so many who never rest.
#[derive(Default)]
struct Flood {
    tried: AtomicU32,
    sent_away: AtomicU32,
    over: AtomicBool,
}

impl Flood {
    async fn run(&self, server: &Server, attackers: usize) {
        futures_util::future::join_all((0..attackers).map(|_| self.attacker(server))).await;
    }

    async fn attacker(&self, server: &Server) {
        while !self.over.load(Ordering::Relaxed) {
            let from = self.tried.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let from = [127, 1 + from[1], from[2], from[3]];
            let answer = tries(from, server, by_password("amina", "guess")).await;
            assert!(matches!(answer, Err(Code::Busy | Code::BadToken)), "{answer:?}");
            self.sent_away.fetch_add(u32::from(answer == Err(Code::Busy)), Ordering::Relaxed);
        }
    }
}

#[tokio::test]
#[ignore = "prints figures for docs/safety.md; run by hand, with --release, on a quiet machine"]
async fn how_long_a_call_takes_beside_a_flood_of_log_ins() {
    let room = Room::with_people(&[]);
    room.user(&["add", "amina", "--role", "operator"], PASSWORD);
    let token = room.machine("gateway", &["intake"]);
    let server = room.serve();
    let gateway = Hello::new(Role::Intake, "gateway").with_token(&token);
    let (mut intake, _) = Peer::welcomed(server.address, gateway).await;
    for attackers in [0, 64, 128] {
        let flood = Flood::default();
        let calls = async {
            let mut took = Vec::new();
            let began = Stopwatch::start();
            while began.elapsed() < Duration::from_secs(20) {
                let call = PlaceCall::new(fifteen::protocol::Source::App, "Lahore", "stalking");
                let asked = Stopwatch::start();
                intake.place(call).await;
                took.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let desk = Stopwatch::start();
            let home = tries([127, 0, 0, 1], &server, by_password("amina", PASSWORD)).await;
            assert!(home.is_ok());
            let desk = desk.elapsed();
            flood.over.store(true, Ordering::Relaxed);
            took.sort();
            let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
            (took.len(), half, most, *took.last().unwrap(), desk)
        };
        let ((), (calls, half, most, longest, desk)) =
            tokio::join!(flood.run(&server, attackers), calls);
        println!(
            "{attackers} attackers, {} log-ins, {} sent away: {calls} calls, p50 {half:.1?}, p99 {most:.1?}, max {longest:.1?}; a desk's log-in {desk:.0?}",
            flood.tried.into_inner(),
            flood.sent_away.into_inner(),
        );
    }
}

#[tokio::test]
async fn a_broken_people_file_changes_nothing_while_running_and_stops_a_start() {
    let room = Room::with_people(&[]);
    let missing = does_not_start(&room, "127.0.0.1:0");
    assert!(missing.contains("people.toml") && missing.contains("fifteen user add"), "{missing}");
    let token = room.machine("amina", &["operator"]);
    let server = room.serve();
    let (mut peer, _) = Peer::welcomed(server.address, amina(&token)).await;
    let whole = std::fs::read_to_string(room.people()).unwrap();
    let broken = format!("{whole}\n[[person]]\nname = \"bilal\"\nroles = \"swordfish\"\n");
    std::fs::write(room.people(), &broken).unwrap();
    server.signal("HUP");
    let line = broken.lines().count();
    let problem = format!("line {line}");
    let mut health = peer.health().await;
    while health.ok {
        health = peer.health().await;
    }
    let said = health.problems.join("\n");
    assert!(said.contains("people file") && said.contains(&problem), "{said}");
    assert!(!said.contains("swordfish") && !server.log().contains("swordfish"));
    Peer::welcomed(server.address, amina(&token)).await;
    std::fs::write(room.people(), whole).unwrap();
    server.signal("HUP");
    while !health.ok {
        health = peer.health().await;
    }
    server.stop().await;
    std::fs::write(room.people(), &broken).unwrap();
    let said = does_not_start(&room, "127.0.0.1:0");
    assert!(said.contains(&problem) && !said.contains("swordfish"), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(room.people(), mode).unwrap();
    let said = does_not_start(&room, "127.0.0.1:0");
    assert!(said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn one_people_file_serves_one_room() {
    let room = Room::with_people(&[]);
    let token = room.machine("amina", &["operator"]);
    let server = room.serve();
    let other = Room::with_people(&[("\"people.toml\"", &format!("{:?}", room.people()))]);
    let said = does_not_start(&other, "127.0.0.1:0");
    assert!(said.contains("in use by another server"), "{said}");
    Peer::welcomed(server.address, amina(&token)).await;
}

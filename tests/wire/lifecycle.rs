//! Start, stop, restart, and who is let in.

use super::books::{self, Receipt};
use super::peer::{Peer, call_from, placed, report};
use super::server::{Room, until};
use fifteen::client::{Client, ClientConfig, Connect};
use fifteen::journal::{Journal, Options, Store};
use fifteen::protocol::{
    CallSummary, Claim, ClientMessage, CloseCall, Code, Hello, Key, ListUnits, ReplyBody,
    ReportedStatus, Request, RequestFrame, Role, ServerMessage,
};
use fifteen::service::decode;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

struct Door(watch::Receiver<SocketAddr>);

impl Connect for Door {
    type Io = TcpStream;

    async fn connect(&mut self) -> std::io::Result<TcpStream> {
        let address = *self.0.borrow();
        TcpStream::connect(address).await
    }
}

fn key(line: u8, number: u32) -> [u8; 16] {
    let mut key = [line; 16];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

#[tokio::test]
async fn sigterm_under_load_loses_no_reply_and_ends_well() {
    let room = Room::new(&[]);
    let server = room.serve();
    let (door, at_door) = watch::channel(server.address);
    let mut lines = Vec::new();
    for line in 0..8_u8 {
        let mut peer = Peer::greeted(server.address, Role::Intake, &format!("Line-{line}")).await;
        lines.push(tokio::spawn(async move {
            let (mut asked, mut receipts, mut number) = (BTreeSet::new(), Vec::new(), 0);
            // Several under way at every moment, until the server says goodbye.
            loop {
                while asked.len() < receipts.len() + 5 {
                    let key = key(line, number);
                    let id = u64::from(number);
                    let request = call_from("Load").into();
                    let frame = RequestFrame { id, key: Some(Key(key)), request };
                    peer.say(&ClientMessage::Request(frame)).await;
                    asked.insert(key);
                    number += 1;
                }
                match peer.hear().await {
                    Some(ServerMessage::Reply(reply)) => receipts.push(Receipt {
                        key: key(line, u32::try_from(reply.id).unwrap()),
                        seq: reply.seq.unwrap(),
                        call: Some(placed(&reply).call),
                        what: "place_call",
                    }),
                    Some(ServerMessage::Rejection(no)) => {
                        assert_eq!(no.code, Code::ShuttingDown, "{no}");
                        asked.remove(&[0; 16]);
                        break;
                    }
                    Some(ServerMessage::Dropped(dropped)) => {
                        assert_eq!(dropped.code, Code::ShuttingDown);
                        break;
                    }
                    other => panic!("no goodbye but {other:?}"),
                }
            }
            (asked, receipts)
        }));
    }
    // Typed clients do not notice at all.
    let mut patient = Vec::new();
    for line in 100..104_u8 {
        let config =
            ClientConfig { backoff_min_ms: 5, backoff_max_ms: 50, ..ClientConfig::default() };
        let hello = Hello::new(Role::Intake, format!("Patient-{line}"));
        let client = Client::connect_with(Door(at_door.clone()), hello, config).await.unwrap();
        patient.push(tokio::spawn(async move {
            let mut receipts = Vec::new();
            for number in 0..600 {
                let key = key(line, number);
                let reply = client.request_with_key(call_from("Load"), Key(key)).await.unwrap();
                receipts.push(Receipt {
                    key,
                    seq: reply.seq.unwrap(),
                    call: Some(placed(&reply).call),
                    what: "place_call",
                });
            }
            receipts
        }));
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    server.stop().await;
    let server = room.serve();
    door.send_replace(server.address);
    let (mut asked, mut receipts) = (BTreeSet::new(), Vec::new());
    for line in lines {
        let (more_asked, more) = line.await.unwrap();
        asked.extend(more_asked);
        receipts.extend(more);
    }
    let replied = receipts.len();
    for one in patient {
        let more = one.await.unwrap();
        asked.extend(more.iter().map(|receipt| receipt.key));
        receipts.extend(more);
    }
    server.stop().await;
    let store = Store::open(&room.data(), Options::default()).unwrap();
    assert!(store.opened().clean, "closed in order");
    assert_eq!(store.opened().notes, [], "nothing to put right");
    let mut log = Vec::new();
    for frame in store.tail(1).unwrap() {
        let frame = frame.unwrap();
        log.extend(frame.records().map(|record| decode(record).unwrap()));
    }
    let audit = books::audit(&log, &receipts, &asked, &[]);
    assert_eq!(audit.faults, Vec::<String>::new());
    assert!(replied > 8, "there was load: {replied}");
    assert_eq!(audit.receipts, replied + 4 * 600);
}

#[tokio::test]
async fn second_server_on_a_folder_is_told_why_not_and_the_first_goes_on() {
    let room = Room::new(&[]);
    let mut server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    let call = peer.place(call_from("Kasur")).await;
    let second = room.command("127.0.0.1:0").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8(second.stderr).unwrap();
    let last = said.lines().last().unwrap();
    for word in ["fifteen:", "process", room.data().to_str().unwrap()] {
        assert!(last.contains(word), "{last:?} does not say {word:?}");
    }
    assert!(second.stdout.is_empty(), "never ready");
    server.assert_up();
    assert_eq!(peer.show(call).await.summary.call, call);
    assert!(peer.place(call_from("Kasur")).await > call);
    server.stop().await;
}

/// Everything about calls and units that must outlive a restart.
async fn board(peer: &mut Peer) -> (Vec<CallSummary>, Vec<fifteen::protocol::UnitSummary>) {
    let calls = peer.calls("Kasur").await;
    match peer.done(ListUnits::default()).await.body {
        ReplyBody::Units(units) => (calls, units.units),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn restart_brings_back_board_keys_claims_and_units() {
    let room = Room::new(&[]);
    let mut server = room.serve();
    for (round, kill) in [true, false, true].into_iter().enumerate() {
        let mut peer = Peer::operator(server.address).await;
        let mut unit = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
        unit.sign_on("Alpha-1").await;
        peer.sign_on("Radio-2").await;
        let number = u32::try_from(round).unwrap();
        let first = peer.ask_keyed(Some(Key(key(1, number))), call_from("Kasur")).await.unwrap();
        let call = placed(&first).call;
        let later: Vec<(u8, Request)> = vec![
            (2, Claim { call }.into()),
            (3, fifteen::protocol::AssignUnit { call, unit: "Radio-2".into() }.into()),
            (4, report(call, Some("Radio-2"), ReportedStatus::EnRoute).into()),
        ];
        for (line, request) in &later {
            peer.ask_keyed(Some(Key(key(*line, number))), request.clone()).await.unwrap();
        }
        let before = board(&mut peer).await;
        assert!(before.1.iter().any(|unit| unit.unit == "Alpha-1" && unit.linked));
        if kill {
            server.kill();
        } else {
            server.stop().await;
        }
        server = room.serve();
        let mut peer = Peer::operator(server.address).await;
        let mut after = board(&mut peer).await;
        assert_eq!(after.0, before.0, "claims, clocks, units on calls and all");
        let claim = after.0.last().unwrap().claim.as_ref().unwrap();
        assert_eq!((&*claim.who, claim.stale), ("Sana", false));
        for unit in &mut after.1 {
            if unit.unit == "Alpha-1" {
                assert!(!unit.linked, "its client cannot be connected any more");
                unit.linked = true;
            }
        }
        assert_eq!(after.1, before.1);
        let again = peer.ask_keyed(Some(Key(key(1, number))), call_from("Kasur")).await.unwrap();
        assert!(again.repeated);
        assert_eq!(placed(&again), placed(&first));
        for (line, request) in &later {
            let again =
                peer.ask_keyed(Some(Key(key(*line, number))), request.clone()).await.unwrap();
            assert!(again.repeated, "{again:?}");
        }
        assert_eq!(board(&mut peer).await.0, before.0, "and nothing was done twice");
        let mut unit = Peer::greeted(server.address, Role::Unit, "Alpha-1").await;
        unit.health().await;
        let linked = board(&mut peer).await.1;
        assert!(linked.iter().any(|unit| unit.unit == "Alpha-1" && unit.linked), "back again");
        let disposition = "helped".into();
        peer.done(CloseCall { call, disposition, remark: None }).await;
    }
}

#[tokio::test]
async fn deadlines_of_the_dead_time_escalate_late_and_once() {
    let rules = [
        ("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"1s\"\nwarn = [\"500ms\"]"),
        ("every = \"15m\"", "every = \"1h\""),
    ];
    let room = Room::new(&rules);
    let server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    let call = peer.place(call_from("Kasur")).await;
    let clocks = peer.calls("Kasur").await[0].clocks.clone();
    assert!(clocks.iter().all(|clock| clock.rung == 0));
    server.kill();
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    for round in 0..2 {
        let server = room.serve();
        let mut peer = Peer::operator(server.address).await;
        until("the escalations", || async {
            let mut peer = Peer::operator(server.address).await;
            let clocks = peer.calls("Kasur").await[0].clocks.clone();
            clocks.iter().all(|clock| clock.rung == 1).then_some(())
        })
        .await;
        let story = peer.show(call).await;
        let limit = story.summary.clocks[0].limit_at;
        let told = story.timeline.iter().filter(|line| line.event == "escalated");
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 2, "each clock once, round {round}: {told:?}");
        assert!(told.iter().all(|line| line.at > limit), "late: {told:?}");
        server.kill();
    }
}

#[tokio::test]
async fn canary_passes_and_health_is_green() {
    let room = Room::new(&[
        ("every = \"5m\"", "every = \"700ms\""),
        ("limit = \"2s\"", "limit = \"200ms\""),
        ("late = \"1s\"", "late = \"30s\""),
    ]);
    let server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    let health = peer.health().await;
    assert!(health.ok, "{:?}", health.problems);
    let mut passed = BTreeSet::new();
    while passed.len() < 3 {
        let health = peer.health().await;
        assert!(health.ok, "{:?}", health.problems);
        assert_eq!((health.open_calls, health.waiting_calls), (0, 0), "a canary is no call");
        passed.extend(health.canary_at);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn health_is_red_after_a_canary_came_late_and_green_again_after_one_in_time() {
    let room = Room::new(&[
        ("every = \"5m\"", "every = \"2s\""),
        ("limit = \"2s\"", "limit = \"1900ms\""),
        ("late = \"1s\"", "late = \"1s\""),
    ]);
    let server = room.serve();
    let is_red = async || {
        let health = Peer::operator(server.address).await.health().await;
        // The stop may be told of as a slow commit too, and that for a minute; of nothing else.
        let slow = |problem: &&String| !problem.contains("a commit took");
        let problems: Vec<_> = health.problems.iter().filter(slow).collect();
        assert!(problems.iter().all(|problem| problem.contains("canary")), "{problems:?}");
        assert_eq!(health.ok, health.problems.is_empty());
        !problems.is_empty()
    };
    // Nearly always one is under way; if none was, the next stop meets one.
    until("health red for a canary", || async {
        server.signal("STOP");
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        server.signal("CONT");
        // What came due meanwhile is committed first, and the next one back is two seconds away.
        for _ in 0..50 {
            if is_red().await {
                return Some(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    })
    .await;
    until("health without a canary's trouble", || async { (!is_red().await).then_some(()) }).await;
    server.stop().await;
}

/// What the server says when it does not start.
pub(crate) fn does_not_start(room: &Room, listen: &str) -> String {
    let output = room.command(listen).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "never ready");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn world_is_served_only_when_the_rules_say_so_in_words() {
    let words = ("plain_text_outside_loopback = false", "plain_text_outside_loopback = true");
    for room in [Room::new(&[]), Room::new(&[words])] {
        let said = does_not_start(&room, "0.0.0.0:0");
        for word in ["0.0.0.0", "plain text", "plain_text_outside_loopback", "people_file"] {
            assert!(said.contains(word), "{said:?} does not say {word:?}");
        }
    }
}

#[tokio::test]
async fn wrong_rules_or_address_are_named_before_anything_is_written() {
    let room = Room::new(&[("[room]", "[room]\nmood = \"calm\"")]);
    let said = does_not_start(&room, "127.0.0.1:0");
    assert!(said.contains("mood") && said.contains("dispatch.toml"), "{said}");
    assert!(!room.data().exists(), "no log of a room that cannot be");

    let room = Room::new(&[]);
    let server = room.serve();
    let other = Room::new(&[]);
    let said = does_not_start(&other, &server.address.to_string());
    assert!(said.contains("cannot listen") && said.contains(&server.address.to_string()), "{said}");
}

#[tokio::test]
async fn data_folder_whose_disk_is_not_mounted_is_no_first_start() {
    let room = Room::new(&[]);
    let server = room.serve();
    let call = Peer::operator(server.address).await.place(call_from("Kasur")).await;
    server.stop().await;
    let (data, mounted) = (room.data(), room.path("mounted"));
    std::fs::rename(&data, &mounted).unwrap();
    // Twice: what the first leaves behind does not let the second one begin.
    for _ in 0..2 {
        let said = does_not_start(&room, "127.0.0.1:0");
        for word in ["holds no log", "mounted", "data.keys", "restore"] {
            assert!(said.contains(word), "{said:?} does not say {word:?}");
        }
    }
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&mounted, &data).unwrap();
    let server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    assert_eq!(peer.show(call).await.summary.call, call, "nothing of it is lost");
    server.stop().await;

    // Whoever means it moves the keyring away.
    std::fs::rename(&data, &mounted).unwrap();
    std::fs::rename(data.with_file_name("data.keys"), room.path("data.keys.old")).unwrap();
    let server = room.serve();
    assert!(Peer::operator(server.address).await.calls("Kasur").await.is_empty());
    server.stop().await;
}

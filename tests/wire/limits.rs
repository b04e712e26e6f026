//! What happens at each limit: who is over it hears a clear word or nothing, what was put off is on record, and a call
//! is taken all the same.

use super::abuse::shed;
use super::peer::{Peer, call_from, report};
use super::server::{Room, Server, until};
use fifteen::protocol::{
    ClientMessage, Code, Health, Hello, ListCalls, ReportPosition, ReportedStatus, Role,
    ServerMessage, Subscribe,
};
use std::path::Path;

/// The kind of work is on record as put off.
async fn on_record(data: &Path, kind: &'static str) {
    until(kind, || async { (shed(data, kind) > 0).then_some(()) }).await;
}

/// A call over a line of its own, as a gateway places it.
async fn takes_a_call(server: &Server, from: [u8; 4]) -> u64 {
    let mut intake = Peer::silent_from(from, server.address).await;
    intake.introduce(Hello::new(Role::Intake, "gateway")).await;
    intake.place(call_from("Kasur")).await
}

#[tokio::test]
async fn flood_from_one_address_is_slowed_and_calls_from_it_are_taken() {
    let room = Room::new(&[
        ("connections_per_second = 100 ", "connections_per_second = 1 "),
        ("handshakes_per_address = 128", "handshakes_per_address = 16"),
    ]);
    let server = room.serve();
    let address = server.address;
    const HERE: [u8; 4] = [127, 0, 0, 7];
    let mut held = Vec::new();
    for number in 0..200_u32 {
        let mut peer = Peer::silent_from(HERE, address).await;
        match number % 4 {
            // Rubbish, half a frame, a hello that is none, and nothing at all.
            0 => peer.say_raw(&[0xff; 64]).await,
            1 => peer.say_raw(&[0, 0, 1, 0, 0x81]).await,
            2 => peer.say_frame(b"\x81\xa4type\xa4ping").await,
            _ => {}
        }
        held.push(peer);
    }
    // It is over its rate: whoever asks from there hears so, but not who has a call.
    let mut operator = Peer::silent_from(HERE, address).await;
    operator.say(&ClientMessage::Hello(Hello::new(Role::Operator, "Sana"))).await;
    let refused = operator.is_refused().await;
    assert_eq!(refused.code, Code::Busy);
    assert!(refused.text.contains("from your address"), "{refused:?}");
    let first = takes_a_call(&server, HERE).await;
    // Nobody else is slower for it.
    let second = takes_a_call(&server, [127, 0, 0, 8]).await;
    assert!(second > first);
    let mut elsewhere = Peer::operator(address).await;
    assert_eq!(elsewhere.calls("Kasur").await.len(), 2);
    for kind in ["connections", "handshakes"] {
        on_record(&room.data(), kind).await;
    }
}

#[tokio::test]
async fn sessions_of_one_address_end_at_their_limit_and_intake_does_not() {
    let room = Room::new(&[("sessions_per_address = 1024", "sessions_per_address = 3")]);
    let server = room.serve();
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(Peer::operator(server.address).await);
    }
    let refused = Peer::refused(server.address, Hello::new(Role::Unit, "CAR-1")).await;
    assert_eq!(refused.code, Code::Busy);
    assert!(refused.text.contains("sessions from your address"), "{refused:?}");
    takes_a_call(&server, [127, 0, 0, 1]).await;
    let mut other = Peer::silent_from([127, 0, 0, 9], server.address).await;
    other.introduce(Hello::new(Role::Operator, "Nadia")).await;
    inside.pop();
    until("a place is free", || async {
        let mut peer = Peer::silent(server.address).await;
        peer.say(&ClientMessage::Hello(Hello::new(Role::Operator, "Sana"))).await;
        matches!(peer.hear().await, Some(ServerMessage::Welcome(_))).then_some(())
    })
    .await;
    on_record(&room.data(), "sessions").await;
}

#[tokio::test]
async fn frame_that_is_not_whole_in_time_ends_its_session_whatever_drips_in() {
    let room = Room::new(&[("frame_limit = \"10s\"", "frame_limit = \"300ms\"")]);
    let server = room.serve();
    let mut slow = Peer::operator(server.address).await;
    let dripping = async {
        slow.say_raw(&[0, 0, 0x40, 0]).await;
        loop {
            slow.say_raw(&[0x80]).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            if let Some(last) = slow.already().await {
                break last;
            }
        }
    };
    let last = super::peer::soon("its end", dripping).await;
    let ServerMessage::Dropped(dropped) = last else { panic!("{last:?}") };
    assert_eq!(dropped.code, Code::SilentPeer);
    assert!(dropped.text.contains("not whole within 300ms"), "{dropped:?}");
    takes_a_call(&server, [127, 0, 0, 1]).await;
}

#[tokio::test]
async fn session_that_asks_too_fast_is_put_off_and_its_calls_are_not() {
    let room = Room::new(&[("questions_per_second = 100", "questions_per_second = 1")]);
    let server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    let mut calls = Vec::new();
    for _ in 0..50 {
        peer.send(None, ListCalls::default()).await;
        calls.push(peer.send(None, call_from("Row")).await);
    }
    let (mut taken, mut busy) = (0, 0);
    for _ in 0..100 {
        match peer.answer().await {
            (id, Ok(_)) if calls.contains(&id) => taken += 1,
            (id, Err(no)) => {
                assert_eq!(no.code, Code::Busy, "{no}");
                assert!(!calls.contains(&id) && no.text.contains("too many questions"), "{no}");
                busy += 1;
            }
            (_, Ok(_)) => {}
        }
    }
    assert_eq!(taken, 50);
    assert!(busy > 0);
    on_record(&room.data(), "questions").await;
}

#[tokio::test]
async fn unit_that_reports_too_many_positions_loses_positions_only() {
    let room = Room::new(&[("position_every = \"1s\"", "position_every = \"1h\"")]);
    let server = room.serve();
    let mut unit = Peer::greeted(server.address, Role::Unit, "CAR-1").await;
    unit.sign_on("CAR-1").await;
    let here = |lat| ReportPosition { unit: None, lat, lon: 74.3, accuracy_m: None, at: None };
    let mut taken = 0;
    let no = loop {
        match unit.ask(here(31.0 + f64::from(taken) / 100.0)).await {
            Ok(_) => taken += 1,
            Err(no) => break no,
        }
    };
    assert_eq!((taken, &no.code), (5, &Code::Busy), "{no}");
    assert!(no.text.contains("positions come too fast"), "{no}");
    let mut operator = Peer::operator(server.address).await;
    let call = operator.place(call_from("Gulberg")).await;
    operator.assign(call, "CAR-1").await;
    unit.done(report(call, None, ReportedStatus::EnRoute)).await;
    // Who speaks for many is held to the rate of its session only.
    for _ in 0..10 {
        operator.done(ReportPosition { unit: Some("CAR-1".into()), ..here(31.5) }).await;
    }
    on_record(&room.data(), "positions").await;
}

#[tokio::test]
async fn who_subscribes_again_and_again_and_reads_nothing_is_put_off() {
    let room = Room::new(&[
        ("unread_mib = 256", "unread_mib = 4"),
        ("questions_per_second = 100", "questions_per_second = 100000"),
    ]);
    let server = room.serve();
    let mut busy = Peer::operator(server.address).await;
    let call = call_from(&"F".repeat(96));
    for _ in 0..1_000 {
        busy.send(None, call.clone()).await;
    }
    for _ in 0..1_000 {
        busy.answer().await.1.unwrap();
    }
    let mut greedy = Peer::operator(server.address).await;
    let asked = 200;
    for _ in 0..asked {
        greedy.send(None, Subscribe {}).await;
    }
    // While it reads nothing, calls are taken, and questions are put off or answered: never left.
    let id = takes_a_call(&server, [127, 0, 0, 1]).await;
    assert_eq!(id, 1_001);
    if let Err(no) = busy.ask(Health {}).await {
        assert_eq!(no.code, Code::Busy, "{no}");
    }
    let (mut given, mut put_off) = (0, 0);
    for _ in 0..asked {
        match greedy.answer().await.1 {
            Ok(_) => given += 1,
            Err(no) => {
                assert_eq!(no.code, Code::Busy, "{no}");
                put_off += 1;
            }
        }
    }
    assert!(given > 0 && put_off > 0, "{given} given, {put_off} put off");
    on_record(&room.data(), "answers").await;
    // All of it was given back.
    while busy.ask(Health {}).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

//! Compressed links: for units that ask, for so many at once, and a stream that is none ends its session alone.

use super::peer::{Peer, call_from, report};
use super::server::{Room, until};
use fifteen::protocol::{Code, Hello, ReportedStatus, Role, ServerMessage};

fn asking(role: Role, who: &str) -> Hello {
    Hello { deflate: true, ..Hello::new(role, who) }
}

#[tokio::test]
async fn a_unit_that_asks_works_over_a_compressed_link() {
    let room = Room::new(&[]);
    let server = room.serve();
    let (mut car, welcome) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-1")).await;
    assert!(welcome.deflate);
    car.sign_on("CAR-1").await;
    let mut operator = Peer::operator(server.address).await;
    let call = operator.place(call_from("Gulberg")).await;
    operator.assign(call, "CAR-1").await;
    for status in [ReportedStatus::EnRoute, ReportedStatus::OnScene] {
        car.done(report(call, None, status)).await;
    }
    // More than the room reads at once, in one write.
    let mut all = Vec::new();
    for id in 100..1_100_u64 {
        let ping = rmp_serde::to_vec_named(&serde_json::json!({"type": "ping", "id": id})).unwrap();
        all.extend_from_slice(&u32::try_from(ping.len()).unwrap().to_be_bytes());
        all.extend_from_slice(&ping);
    }
    car.say_bytes(&all).await;
    for id in 100..1_100 {
        loop {
            match car.hear_any().await {
                Some(ServerMessage::Pong(pong)) => break assert_eq!(pong.id, Some(id)),
                Some(_) => {}
                None => panic!("the link ended before {id}"),
            }
        }
    }
}

#[tokio::test]
async fn only_units_have_a_compressed_link_and_only_so_many() {
    let room = Room::new(&[("narrow_links_max = 1024", "narrow_links_max = 1")]);
    let server = room.serve();
    for hello in [asking(Role::Operator, "Sana"), Hello::new(Role::Unit, "CAR-1")] {
        let (_, welcome) = Peer::welcomed(server.address, hello).await;
        assert!(!welcome.deflate);
    }
    let (first, welcome) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-1")).await;
    assert!(welcome.deflate);
    let (mut second, welcome) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-2")).await;
    assert!(!welcome.deflate, "one beyond them is welcome, and plain");
    second.sign_on("CAR-2").await;
    drop(first);
    // The place is free again when the server has seen the end of the first.
    until("a place that is free again", || async {
        let (_, welcome) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-3")).await;
        welcome.deflate.then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_no_stream_ends_its_session_and_no_other() {
    let room = Room::new(&[]);
    let server = room.serve();
    let (mut other, _) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-2")).await;
    let (mut car, _) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-1")).await;
    car.say_raw(&[0xff; 40]).await;
    let dropped = car.dropped().await;
    assert_eq!(dropped.code, Code::Malformed);
    assert!(dropped.text.contains("no DEFLATE stream"), "{dropped}");
    // A frame beyond its bound is one, however few bytes it came in.
    let (mut car, _) = Peer::welcomed(server.address, asking(Role::Unit, "CAR-1")).await;
    car.say_bytes(&[&(1_u32 << 20).to_be_bytes()[..], &[0; 1 << 20]].concat()).await;
    assert_eq!(car.dropped().await.code, Code::TooLarge);
    other.sign_on("CAR-2").await;
}

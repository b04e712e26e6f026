//! The disk of both logs is shut down under the running server, as by a power cut of that disk alone: calls are taken
//! all the same, everybody is told, and the log has everything once the disk is back, with a restart or without one.
//!
//! Needs root, loop devices and python3; says so and passes where it cannot be done.

use super::disk::Disk;
use super::peer::{Peer, call_from, placed, soon};
use super::server::Room;
use fifteen::protocol::{Hello, Key, Push, Role};
use std::process::Command;

/// Pushes up to one of `event`.
async fn until(peer: &mut Peer, event: &str) -> Vec<Push> {
    let mut pushes: Vec<Push> = Vec::new();
    while pushes.last().is_none_or(|push| push.event != event) {
        pushes.push(soon(event, peer.push()).await);
    }
    pushes
}

fn key(byte: u8) -> Option<Key> {
    Some(Key([byte; 16]))
}

#[tokio::test]
async fn calls_are_taken_without_a_disk_and_found_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let spill = format!("spill = {:?} ", folder.path().join("spill"));
    let room = Room::new(&[
        ("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"700ms\"\nwarn = [\"400ms\"]"),
        ("# spill = \"/third/disk/spill\"", &spill),
    ]);
    let Some(mut disk) = Disk::new(&room.data(), 192) else { return };
    let server = room.serve();
    let mut operator = Peer::operator(server.address).await;
    let mut board = Peer::greeted(server.address, Role::Supervisor, "Board").await;
    assert!(!board.subscribe().await);
    board.page().await;
    let first = operator.ask_keyed(key(1), call_from("Gulberg")).await.unwrap();
    assert!(first.durable && placed(&first).durable);

    disk.cut();
    let second = operator.ask_keyed(key(2), call_from("Gulberg")).await.unwrap();
    assert!(!second.durable && !placed(&second).durable, "{second:?}");
    let again = operator.ask_keyed(key(2), call_from("Gulberg")).await.unwrap();
    assert!(again.repeated && !again.durable && placed(&again).call == placed(&second).call);
    let pushes = until(&mut board, "spill_began").await;
    for push in &pushes {
        assert_eq!(push.durable, Some(push.seq) < second.seq, "{push:?}");
    }
    assert!(pushes.iter().any(|push| push.durable) && pushes.iter().any(|push| !push.durable));
    let of_second =
        |push: &Push| push.call.as_ref().is_some_and(|it| it.call == placed(&second).call);
    let mut escalated = until(&mut board, "escalated").await;
    while !escalated.last().is_some_and(of_second) {
        escalated = until(&mut board, "escalated").await;
    }
    let health = operator.health().await;
    assert!(!health.ok && health.spilling && health.degraded, "{health:?}");
    let (_, welcome) = Peer::welcomed(server.address, Hello::new(Role::Operator, "Late")).await;
    assert!(welcome.spilling, "whoever comes later is told as well");

    // The disk is back under the running server.
    disk.back_while_in_use();
    let pushes = until(&mut board, "spill_merged").await;
    assert!(pushes.last().is_some_and(|merged| merged.durable), "{pushes:?}");
    let third = operator.ask_keyed(key(3), call_from("Gulberg")).await.unwrap();
    assert!(third.durable, "{third:?}");
    let again = operator.ask_keyed(key(2), call_from("Gulberg")).await.unwrap();
    assert!(again.repeated && again.durable);
    let health = operator.health().await;
    assert!(!health.spilling && health.degraded, "with the witness alone: {health:?}");

    // It goes once more, and now the server goes with it.
    disk.cut();
    let fourth = operator.ask_keyed(key(4), call_from("Gulberg")).await.unwrap();
    assert!(!fourth.durable);
    server.kill();
    disk.back();
    let server = room.serve();
    let mut operator = Peer::operator(server.address).await;
    for (byte, told) in [(1, &first), (2, &second), (3, &third), (4, &fourth)] {
        let found = operator.ask_keyed(key(byte), call_from("Gulberg")).await.unwrap();
        assert!(found.repeated && found.durable, "{found:?}");
        assert_eq!((found.seq, placed(&found).call), (told.seq, placed(told).call));
    }
    let health = operator.health().await;
    assert!(!health.spilling && !health.degraded, "{health:?}");
    server.stop().await;

    let data = room.data();
    let journal = |task: &str| {
        let ran =
            Command::new(env!("CARGO_BIN_EXE_fifteen")).args(["journal", task]).arg(&data).output();
        let ran = ran.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{task}: {said}");
        said
    };
    println!("{}", journal("verify"));
    let dump = journal("dump");
    for (event, times) in [("spill_began", 2), ("spill_merged", 2)] {
        assert_eq!(dump.matches(event).count(), times, "{event}");
    }
}

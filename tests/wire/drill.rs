//! Drills: marked everywhere, faster, and gone without a trace.

use super::peer::{Peer, call_from, soon};
use super::server::Room;
use fifteen::protocol::{CallSummary, Claim, Hello, ListCalls, Role};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Two calls a minute apart; the first was answered and closed in between, which a drill leaves to its people.
pub(crate) const TRACE: &str = "\
call_ref,received_at,source,kind,priority,district,lat,lon,caller,acknowledged_at,en_route_at,on_scene_at,closed_at,unit,disposition
A1,2026-01-01T00:00:00.000Z,phone,harassment,3,Gulberg,,,,2026-01-01T00:00:10.000Z,,2026-01-01T00:00:20.000Z,2026-01-01T00:00:30.000Z,CAR-1,helped
A2,2026-01-01T00:01:00.000Z,phone,harassment,3,Gulberg,,,,,,,,,
";

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_drill_says_so_to_every_client_and_leaves_nothing_behind() {
    let room = Room::new(&[]);
    let scratch = tempfile::tempdir().unwrap();
    let server = room.serve_drill(&["--drill", "60"], scratch.path());
    for role in [Role::Intake, Role::Operator, Role::Supervisor, Role::Admin] {
        let (mut peer, welcome) = Peer::welcomed(server.address, Hello::new(role, "Sana")).await;
        assert!(welcome.drill, "{role}");
        assert!(welcome.room.starts_with("DRILL - "), "{}", welcome.room);
        let health = peer.health().await;
        assert!(health.drill && health.ok, "{role}: {:?}", health.problems);
    }
    let mut peer = Peer::operator(server.address).await;
    assert!(peer.ask(ListCalls::default()).await.unwrap().drill, "every reply says so");
    assert!(peer.ask(Claim { call: 99 }).await.unwrap_err().drill, "every rejection too");
    let inside = names(scratch.path());
    assert_eq!(inside.len(), 1, "{inside:?}");
    assert!(inside[0].starts_with("fifteen-drill-"), "{inside:?}");
    server.stop().await;
    assert!(names(scratch.path()).is_empty(), "{:?}", names(scratch.path()));
    assert!(!room.data().exists(), "no real folder was made");
}

#[tokio::test]
async fn a_room_that_is_no_drill_does_not_say_so() {
    let room = Room::new(&[]);
    let server = room.serve();
    let (mut peer, welcome) =
        Peer::welcomed(server.address, Hello::new(Role::Operator, "Sana")).await;
    assert!(!welcome.drill && !welcome.room.contains("DRILL"));
    let health = peer.health().await;
    assert!(!health.drill);
    assert!(!peer.ask(ListCalls::default()).await.unwrap().drill);
    server.stop().await;
}

#[test]
fn a_drill_is_refused_a_data_folder_and_a_real_room_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("real");
    for args in [
        vec!["--drill", "10", "--data", real.to_str().unwrap()],
        vec!["--drill", "0"],
        vec!["--drill", "fast"],
        vec!["--trace", "calls.csv"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.arg("serve").args(&args).current_dir(dir.path());
        let output = command.env_remove("FIFTEEN_CONFIG").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: a usage error");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("--drill"), "{args:?}: {said}");
    }
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
}

/// At a thousand times, fifteen minutes are over in less than a second: nothing here waits longer.
#[tokio::test]
async fn a_drill_escalates_a_call_at_its_own_pace() {
    let room = Room::new(&[]);
    let scratch = tempfile::tempdir().unwrap();
    let server = room.serve_drill(&["--drill", "1000"], scratch.path());
    let mut peer = Peer::operator(server.address).await;
    let call = peer.place(call_from("Gulberg")).await;
    until_found("the first rung", &mut peer, |calls| {
        let call = calls.iter().find(|known| known.call == call)?;
        call.clocks.iter().any(|clock| clock.rung > 0).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_trace_feeds_a_drill_through_its_own_door() {
    let room = Room::new(&[]);
    room.file("calls.csv", TRACE);
    let scratch = tempfile::tempdir().unwrap();
    let trace = room.data().with_file_name("calls.csv");
    let args = ["--drill", "600", "--trace", trace.to_str().unwrap()];
    let server = room.serve_drill(&args, scratch.path());
    let mut peer = Peer::operator(server.address).await;
    until_found("both calls of the trace", &mut peer, |calls| (calls.len() == 2).then_some(()))
        .await;
    server.stop().await;
    assert!(names(scratch.path()).is_empty());
}

/// Asks for the calls of Gulberg until they are as wanted.
async fn until_found(
    what: &str,
    peer: &mut Peer,
    mut found: impl FnMut(&[CallSummary]) -> Option<()>,
) {
    let asking = async {
        while found(&peer.calls("Gulberg").await).is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(what, asking).await;
}

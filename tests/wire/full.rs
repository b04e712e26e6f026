//! A disk that is full, and one that turned read-only, under the built server and its load: one log goes on for two,
//! and with no log at all calls are taken all the same. What was said to be durable is there after a `kill -9`.
//!
//! Needs root, loop devices and python3; says so and passes where it cannot be done.

use super::disk::Disk;
use super::peer::{Peer, call_from, placed};
use super::server::{Room, Server, until};
use fifteen::journal::{Health, Journal, Note, Options, Record, Store, pack};
use fifteen::protocol::{HealthStatus, Key, PlaceCall, Reply};
use std::path::Path;
use std::process::Command;

/// More than a segment of the witness holds (16 MiB).
const MANY: u32 = 14_000;
const AT_ONCE: usize = 64;
const HER_NAME: &str = "Zarmeena Kanari";

fn key(nth: u32) -> Option<Key> {
    let mut key = [7; 16];
    key[..4].copy_from_slice(&nth.to_be_bytes());
    Some(Key(key))
}

fn long_call() -> PlaceCall {
    let (name, note) = (Some(HER_NAME.into()), Some("what she said ".repeat(73)));
    PlaceCall { name, note, ..call_from("Gulberg") }
}

/// The calls of one room and what was answered, in order.
#[derive(Default)]
struct Desk {
    told: Vec<Reply>,
}

impl Desk {
    /// Places so many more; how many of them were durable.
    async fn place(&mut self, peer: &mut Peer, count: u32) -> usize {
        let before = self.told.len();
        let keys: Vec<u32> = (0..count).map(|nth| nth + u32::try_from(before).unwrap()).collect();
        for some in keys.chunks(AT_ONCE) {
            for nth in some {
                peer.send(key(*nth), long_call()).await;
            }
            for _ in some {
                let (_, answer) = peer.answer().await;
                self.told.push(answer.expect("a call is taken"));
            }
        }
        self.told[before..].iter().filter(|reply| reply.durable).count()
    }

    /// All of them are there once more under their keys: of very many some, and the last.
    async fn found_again(&self, server: &Server) {
        let mut peer = Peer::operator(server.address).await;
        for (nth, told) in self.told.iter().enumerate() {
            if nth % 16 != 0 && nth + 200 < self.told.len() {
                continue;
            }
            let again =
                peer.ask_keyed(key(u32::try_from(nth).unwrap()), long_call()).await.unwrap();
            assert!(again.repeated && again.durable, "call {nth}: {again:?}");
            assert_eq!((again.seq, placed(&again).call), (told.seq, placed(told).call));
        }
        let health = peer.health().await;
        assert!(!health.spilling && !health.degraded, "{health:?}");
    }
}

/// A room that keeps a part of its log in a folder of its own.
fn room_with(part: &str, shipped: &str) -> (Room, tempfile::TempDir) {
    let elsewhere = tempfile::tempdir().unwrap();
    let line = format!("{part} = {:?} ", elsewhere.path());
    (Room::new(&[(shipped, &line)]), elsewhere)
}

const WITNESS: &str = "# witness = \"/second/disk/witness\"";
const SPILL: &str = "# spill = \"/third/disk/spill\"";

/// Stops it in order and has the log verified; the calls in it.
async fn whole(room: &Room, server: Server, witness: Option<&Path>) -> usize {
    server.stop().await;
    let journal = |task: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.args(["journal", task]).arg(room.data());
        if let Some(witness) = witness {
            command.arg("--witness").arg(witness);
        }
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{task}: {said}{errors}");
        said
    };
    journal("verify");
    journal("dump").matches("call_received").count()
}

/// Whether her name can be read in a folder, which must not be empty.
fn names_her(dir: &Path) -> bool {
    let files = std::fs::read_dir(dir).unwrap();
    let kept: Vec<u8> =
        files.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(kept.len() > 100_000, "{} bytes", kept.len());
    kept.windows(HER_NAME.len()).any(|part| part == HER_NAME.as_bytes())
}

async fn health(server: &Server) -> HealthStatus {
    Peer::operator(server.address).await.health().await
}

/// Killed and started again with room on its disk, the log has all that was said.
async fn is_whole_with_room(
    room: &Room,
    server: Server,
    disk: &Disk,
    witness: Option<&Path>,
    desk: &Desk,
) {
    server.kill();
    disk.make_room();
    let server = room.serve();
    desk.found_again(&server).await;
    assert_eq!(whole(room, server, witness).await, desk.told.len());
}

/// The disk of one log is full, and `count` more calls are taken and durable by the other alone.
async fn one_log_goes_on(room: &Room, witness: &Path, disk: &Disk, count: u32) {
    let server = room.serve();
    let (mut desk, mut peer) = (Desk::default(), Peer::operator(server.address).await);
    assert_eq!(desk.place(&mut peer, 100).await, 100);
    disk.fill();
    let durable = desk.place(&mut peer, count).await;
    assert_eq!(durable, usize::try_from(count).unwrap(), "the other log has them all");
    let now = health(&server).await;
    assert!(now.degraded && !now.spilling && !now.ok, "{now:?}");
    is_whole_with_room(room, server, disk, Some(witness), &desk).await;
}

#[tokio::test]
async fn witness_alone_goes_on_when_the_data_disk_is_full() {
    let (room, witness) = room_with("witness", WITNESS);
    let Some(disk) = Disk::new(&room.data(), 192) else { return };
    one_log_goes_on(&room, witness.path(), &disk, 400).await;
}

#[tokio::test]
async fn sled_alone_goes_on_when_the_disk_of_the_witness_is_full() {
    let (room, witness) = room_with("witness", WITNESS);
    let Some(disk) = Disk::new(witness.path(), 64) else { return };
    one_log_goes_on(&room, witness.path(), &disk, MANY).await;
}

#[tokio::test]
async fn calls_are_taken_when_everything_is_on_one_full_disk() {
    let room = Room::new(&[]);
    let Some(disk) = Disk::new(&room.data(), 384) else { return };
    let server = room.serve();
    let (mut desk, mut peer) = (Desk::default(), Peer::operator(server.address).await);
    assert_eq!(desk.place(&mut peer, 100).await, 100);
    disk.fill();
    // What is preallocated is written to the end; then no log takes anything, and the spill has no room either.
    let durable = desk.place(&mut peer, MANY).await;
    assert!(durable > 1_000 && durable < usize::try_from(MANY).unwrap(), "{durable} durable");
    let now = health(&server).await;
    assert!(now.spilling && !now.ok, "{now:?}");
    disk.make_room();
    let merged = async || (!health(&server).await.spilling).then_some(());
    until("the log takes everything over", merged).await;
    assert_eq!(desk.place(&mut peer, 100).await, 100);
    server.kill();
    let server = room.serve();
    desk.found_again(&server).await;
    assert_eq!(whole(&room, server, None).await, desk.told.len());
}

/// Killed while its disk is full, the room comes back on it with all it had, and goes on with what the ballast gives.
async fn comes_back_on_a_full_disk(room: &Room, witness: Option<&Path>, disk: &Disk) {
    let server = room.serve();
    let (mut desk, mut peer) = (Desk::default(), Peer::operator(server.address).await);
    assert_eq!(desk.place(&mut peer, 2_000).await, 2_000);
    disk.fill();
    server.kill();
    let server = room.serve();
    desk.found_again(&server).await;
    let now = health(&server).await;
    let told = now.problems.iter().any(|problem| problem.contains("the disk was full"));
    assert!(told && !now.ok, "{now:?}");
    let mut peer = Peer::operator(server.address).await;
    assert_eq!(desk.place(&mut peer, 500).await, 500, "durable by the room that was given back");
    is_whole_with_room(room, server, disk, witness, &desk).await;
}

#[tokio::test]
async fn the_room_comes_back_while_everything_is_on_one_full_disk() {
    let room = Room::new(&[]);
    let Some(disk) = Disk::new(&room.data(), 192) else { return };
    comes_back_on_a_full_disk(&room, None, &disk).await;
}

#[tokio::test]
async fn the_room_comes_back_while_the_data_disk_is_full() {
    let (room, witness) = room_with("witness", WITNESS);
    let Some(disk) = Disk::new(&room.data(), 192) else { return };
    comes_back_on_a_full_disk(&room, Some(witness.path()), &disk).await;
}

/// So many commits of some 100 kB.
fn append(store: &mut Store, commits: u8) {
    for nth in 0..commits {
        let tail = store.last();
        let record = Record { at: tail.at, schema: 1, body: vec![nth; 3_000] };
        let frames = pack(&tail, tail.epoch, std::iter::repeat_n(&record, 32)).unwrap();
        store.append(tail.epoch, tail.seq, &frames).unwrap();
    }
}

#[test]
fn without_a_ballast_a_full_disk_is_named_and_nothing_is_set_aside() {
    let [data, witness] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let Some(disk) = Disk::new(data.path(), 64) else { return };
    let options = || Options {
        ballast_bytes: 0,
        witness: Some(witness.path().to_owned()),
        ..Options::default()
    };
    let mut store = Store::open(data.path(), options()).unwrap();
    append(&mut store, 8);
    let end = store.last();
    drop(store);
    disk.fill();
    let error = Store::open(data.path(), options()).err().expect("no room").to_string();
    let what = format!("no room for the log in {}", data.path().display());
    assert!(error.contains(&what) && error.contains("start again"), "{error}");
    disk.make_room();
    let store = Store::open(data.path(), options()).unwrap();
    assert_eq!((store.last(), &store.opened().notes[..]), (end, &[][..]));
}

/// After a crash, where the disk has room for much, but not for a copy of sled.
#[test]
fn a_log_too_large_to_be_tried_on_a_copy_is_opened_as_it_is() {
    let [data, witness] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let Some(disk) = Disk::new(data.path(), 64) else { return };
    let options = || Options {
        ballast_bytes: 1 << 20,
        witness: Some(witness.path().to_owned()),
        ..Options::default()
    };
    let mut store = Store::open(data.path(), options()).unwrap();
    append(&mut store, 128);
    let end = store.last();
    drop(store);
    disk.fill();
    disk.make_room_for(8 << 20);
    let store = Store::open(data.path(), options()).unwrap();
    assert!(matches!(store.opened().notes[..], [Note::SledUntried { .. }]), "{}", store.opened());
    assert_eq!((store.last(), store.health()), (end, Health::Whole));
    assert!(data.path().join("BALLAST").exists(), "it would not have helped");
    drop(store);
    disk.make_room();
    assert_eq!(Store::open(data.path(), options()).unwrap().opened().notes, []);
}

#[tokio::test]
async fn the_room_comes_back_while_the_disk_of_the_witness_is_full() {
    let (room, witness) = room_with("witness", WITNESS);
    let Some(disk) = Disk::new(witness.path(), 64) else { return };
    let server = room.serve();
    let (mut desk, mut peer) = (Desk::default(), Peer::operator(server.address).await);
    assert_eq!(desk.place(&mut peer, 100).await, 100);
    server.kill();
    disk.fill();
    let server = room.serve();
    let mut peer = Peer::operator(server.address).await;
    let durable = desk.place(&mut peer, MANY).await;
    assert_eq!(durable, usize::try_from(MANY).unwrap(), "sled has them all");
    let now = health(&server).await;
    assert!(now.degraded && !now.spilling && !now.ok, "{now:?}");
    is_whole_with_room(&room, server, &disk, Some(witness.path()), &desk).await;
}

#[tokio::test]
async fn calls_are_taken_when_the_disk_turned_read_only() {
    let (room, spill) = room_with("spill", SPILL);
    let Some(mut disk) = Disk::new(&room.data(), 192) else { return };
    let server = room.serve();
    let (mut desk, mut peer) = (Desk::default(), Peer::operator(server.address).await);
    assert_eq!(desk.place(&mut peer, 100).await, 100);
    disk.turn_read_only();
    assert_eq!(desk.place(&mut peer, 200).await, 0, "no log has any of them");
    let now = health(&server).await;
    assert!(now.spilling && !now.ok, "{now:?}");
    assert!(!names_her(spill.path()), "what is kept aside is sealed like the log");
    server.kill();
    disk.back();
    let server = room.serve();
    desk.found_again(&server).await;
    assert_eq!(whole(&room, server, None).await, 300);
}

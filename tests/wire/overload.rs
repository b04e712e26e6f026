//! More of everything than the room is for: thousands of connections, readers that do not read, the whole room asked
//! for again and again, a flood from one address. Every call is taken and in the log, memory stays under the bound
//! that docs/operations.md derives from the limits, and what was put off is on record. And hours of it, for leaks.
//!
//! Full size: `cargo test --test wire -- --ignored ten_thousand --nocapture`. Hours:
//! `FIFTEEN_SOAK=8h cargo test --test wire -- --ignored hours_of_load --nocapture`.

use super::abuse::shed;
use super::peer::{Peer, call_from, soon};
use super::server::{Room, Server, until};
use fifteen::domain::Event;
use fifteen::journal::{Options, RecordRef, inspect};
use fifteen::protocol::{
    CloseCall, Code, Hello, Key, ListCalls, Role, ServerMessage, ShowRoom, SignOff, Subscribe,
};
use fifteen::service::clock::Stopwatch;
use fifteen::service::decode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

/// Everything at once, and how much of it.
struct Size {
    /// Sessions that are there and say nothing.
    idle: usize,
    /// Lines that place calls as fast as they are answered, and how many calls each.
    lines: usize,
    calls: usize,
    /// Readers that ask for every push and read none.
    asleep: usize,
    /// Readers that ask for the whole room and for lists, again and again.
    greedy: usize,
}

/// What a room's memory may come to, in MiB: docs/operations.md, "How much memory".
fn memory_bound_mib(connections: usize, calls: usize, unread_mib: usize) -> usize {
    let base = 192;
    let pushes = (65_536 + 8_192) * 2 / 1_024;
    base + unread_mib + pushes + (connections * 160 + calls * 16) / 1_024
}

/// A line of /proc/PID/status, in MiB.
fn memory_mib(pid: u32, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    line.trim_matches(|it: char| !it.is_ascii_digit()).parse::<usize>().unwrap() / 1_024
}

fn handles(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Addresses of this machine, so few connections each that no limit holds them up.
fn address(number: usize) -> [u8; 4] {
    let [.., high, low] = (1 + number / 80).to_be_bytes();
    [127, 1, high, low]
}

/// The calls in the log.
fn calls_in(data: &Path) -> BTreeSet<u64> {
    let mut calls = BTreeSet::new();
    inspect::dump(data, &Options::default(), 1, |seq, record| {
        let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
        if let Event::CallReceived { call, .. } = decode(read).unwrap().transition.event {
            calls.insert(call.0);
        }
        Ok(())
    })
    .unwrap();
    calls
}

/// Connections from one address that say nothing, rubbish or a hello, until it is aborted.
async fn flood(server: SocketAddr) {
    let mut held = std::collections::VecDeque::new();
    for number in 0_u64.. {
        let mut peer = Peer::silent_from([127, 66, 6, 6], server).await;
        match number % 3 {
            0 => peer.say_raw(&[0x16, 3, 1, 0, 0xff]).await,
            1 => peer.say_raw(&[0xff; 512]).await,
            _ => {}
        }
        held.push_back(peer);
        if held.len() > 600 {
            held.pop_front();
        }
    }
}

/// Asks for the whole room and lists of it, and reads what comes; `busy` is an answer, and who cannot follow is dropped
/// and comes again.
async fn ask_for_all(server: SocketAddr, number: usize) {
    loop {
        let mut peer = Peer::silent_from(address(number), server).await;
        peer.introduce(Hello::new(Role::Operator, "Greedy")).await;
        while read_all(&mut peer).await {}
    }
}

/// Whether it may go on.
async fn read_all(peer: &mut Peer) -> bool {
    for _ in 0..8 {
        peer.send(None, Subscribe {}).await;
        peer.send(None, ListCalls { limit: Some(400), ..ListCalls::default() }).await;
    }
    let mut answered = 0;
    while answered < 16 {
        match peer.hear().await {
            Some(ServerMessage::Rejection(no)) => {
                assert_eq!(no.code, Code::Busy, "{no}");
                answered += 1;
            }
            Some(ServerMessage::Reply(_)) => answered += 1,
            Some(ServerMessage::Dropped(why)) => {
                assert_eq!(why.code, Code::SlowReader, "{}", why.text);
                return false;
            }
            Some(_) => {}
            None => return false,
        }
        peer.forget();
    }
    true
}

async fn storm(size: &Size) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let unread_mib = 64;
    let room = Room::new(&[
        ("sessions_max = 4096", "sessions_max = 20000"),
        ("heartbeat = \"15s\"", "heartbeat = \"10m\""),
        ("unread_mib = 256", "unread_mib = 64"),
        ("questions_per_second = 100", "questions_per_second = 20"),
        // A flood is one on a slow machine too.
        ("connections_per_second = 100", "connections_per_second = 25"),
    ]);
    let mut server = room.serve();
    let (pid, at) = (server.pid(), server.address);
    let mut others = JoinSet::new();
    others.spawn(flood(at));
    let mut held = Vec::new();
    for number in 0..size.idle {
        let mut peer = Peer::silent_from(address(number), at).await;
        peer.introduce(Hello::new(Role::Operator, "Idle")).await;
        if number < size.asleep {
            peer.send(None, Subscribe {}).await;
        }
        held.push(peer);
    }
    for number in 0..size.greedy {
        others.spawn(ask_for_all(at, number));
    }
    let (lines, each) = (size.lines, size.calls);
    let mut lines_at_work = JoinSet::new();
    for line in 0..lines {
        lines_at_work.spawn(async move {
            // Half of them from the very address that floods.
            let from = if line % 2 == 0 { [127, 66, 6, 6] } else { address(line) };
            let mut intake = Peer::silent_from(from, at).await;
            intake.introduce(Hello::new(Role::Intake, format!("Line-{line}"))).await;
            let mut taken = BTreeSet::new();
            for number in 0..each {
                let mut key = [0; 16];
                key[..8].copy_from_slice(&((line * each + number) as u64).to_be_bytes());
                let reply = intake.ask_keyed(Some(Key(key)), call_from("Storm")).await.unwrap();
                taken.insert(super::peer::placed(&reply).call);
            }
            taken
        });
    }
    let mut taken = BTreeSet::new();
    while let Some(calls) = lines_at_work.join_next().await {
        taken.extend(calls.unwrap());
    }
    assert_eq!(taken.len(), lines * each, "every call has a number of its own");
    server.assert_up();
    for kind in ["connections", "handshakes"] {
        let data = room.data();
        until(kind, || async { (shed(&data, kind) > 0).then_some(()) }).await;
    }
    let (open, most) = (handles(pid), memory_mib(pid, "VmHWM:"));
    let bound = memory_bound_mib(size.idle + size.greedy + lines + 700, taken.len(), unread_mib);
    others.abort_all();
    drop(held);
    server.stop().await;
    let missing: Vec<u64> = taken.difference(&calls_in(&room.data())).copied().collect();
    assert!(missing.is_empty(), "answered and not in the log: {missing:?}");
    let put_off = ["connections", "handshakes", "questions", "answers", "queries", "pushes"]
        .map(|kind| format!("{kind} {}", shed(&room.data(), kind)));
    println!(
        "{} sessions and {open} handles at the end, {} calls taken and in the log; memory {most} MiB of {bound}; put off: {}",
        size.idle + size.greedy + lines,
        taken.len(),
        put_off.join(", ")
    );
    assert!(most <= bound, "{most} MiB, and the bound is {bound}");
}

#[tokio::test]
async fn calls_are_taken_whatever_else_is_asked() {
    storm(&Size { idle: 300, lines: 8, calls: 50, asleep: 30, greedy: 6 }).await;
}

#[tokio::test]
#[ignore = "minutes, and twenty thousand file handles: see the head of this file"]
async fn calls_are_taken_beside_ten_thousand_connections() {
    storm(&Size { idle: 10_000, lines: 64, calls: 300, asleep: 500, greedy: 40 }).await;
}

/// One shift of a small room: in, a call, read, closed, out.
async fn shift(at: SocketAddr, number: usize) {
    let mut peer = Peer::silent_from(address(number), at).await;
    peer.introduce(Hello::new(Role::Operator, "Sana")).await;
    peer.send(None, Subscribe {}).await;
    peer.answer().await.1.unwrap();
    for _ in 0..10 {
        let call = peer.place(call_from("Soak")).await;
        peer.show(call).await;
        peer.note(call, "she is well").await;
        peer.done(CloseCall { call, disposition: "helped".into(), remark: None }).await;
    }
}

/// One shift of a car, over a compressed link.
async fn tour(at: SocketAddr, number: usize) {
    let mut car = Peer::silent_from(address(number), at).await;
    let name = format!("CAR-{number}");
    let hello = Hello { deflate: true, ..Hello::new(Role::Unit, name.clone()) };
    assert!(car.introduce(hello).await.deflate, "the places of those that left are free again");
    car.sign_on(&name).await;
    car.send(None, Subscribe {}).await;
    car.answer().await.1.unwrap();
    for _ in 0..10 {
        car.done(ShowRoom {}).await;
    }
    car.done(SignOff { unit: None }).await;
}

async fn soak(server: &Server, goes_on: impl Fn() -> bool) -> Vec<(usize, usize)> {
    let mut samples = Vec::new();
    while goes_on() {
        let mut shifts = JoinSet::new();
        for number in 0..8 {
            shifts.spawn(shift(server.address, number));
        }
        for number in 8..12 {
            shifts.spawn(tour(server.address, number));
        }
        while let Some(ended) = soon("a shift", shifts.join_next()).await {
            ended.unwrap();
        }
        samples.push((memory_mib(server.pid(), "VmRSS:"), handles(server.pid())));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    samples
}

#[tokio::test]
#[ignore = "hours: see the head of this file"]
async fn hours_of_load_leave_memory_and_handles_flat() {
    let asked = std::env::var("FIFTEEN_SOAK").expect("FIFTEEN_SOAK says how long, as in 8h");
    let length = humantime::parse_duration(&asked).unwrap();
    // What is kept of closed calls and keys is kept for a minute, so that an hour is a long time.
    let room = Room::new(&[
        ("closed_kept = \"7days\"", "closed_kept = \"1m\""),
        ("key_kept = \"24h\"", "key_kept = \"1m\""),
        ("resume_max = 65536", "resume_max = 4096"),
        ("snapshot_every = 1000000", "snapshot_every = 20000"),
        ("keep_live = \"7days\"", "keep_live = \"2m\""),
    ]);
    let server = room.serve();
    let watch = Stopwatch::start();
    let samples = soak(&server, || watch.elapsed() < length).await;
    let (warm, rest) = samples.split_at(samples.len() / 3);
    let most = |samples: &[(usize, usize)]| {
        let memory = samples.iter().map(|(memory, _)| *memory).max().unwrap();
        (memory, samples.iter().map(|(_, handles)| *handles).max().unwrap())
    };
    let (first, last) = (most(warm), most(&rest[rest.len() / 2..]));
    println!(
        "{} rounds of 80 calls in {}: at most {} MiB and {} handles in the first third, {} and {} at the end",
        samples.len(),
        humantime::format_duration(Duration::from_secs(watch.elapsed().as_secs())),
        first.0,
        first.1,
        last.0,
        last.1
    );
    let tenths: Vec<usize> =
        samples.chunks(samples.len().div_ceil(10)).map(|tenth| most(tenth).0).collect();
    println!("most memory in each tenth of it: {tenths:?} MiB");
    assert!(last.0 <= first.0 + first.0 / 4 + 16, "memory grows: {tenths:?}");
    assert!(last.1 <= first.1 + 8, "handles grow: {first:?} {last:?}");
    server.stop().await;
}

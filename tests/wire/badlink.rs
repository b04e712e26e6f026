//! A unit's statuses over a link that is cut at random moments, from a program that dies at random moments: none lost,
//! none done twice, none out of its turn. The judge reads the server's log and knows nothing of the outbox.
//!
//! `FIFTEEN_SEED` replays the moments as far as the machine lets it; `FIFTEEN_STATUSES` sets how many there are.

use super::books::KeyBytes;
use super::kill::{Dice, number_from, read_log, wall};
use super::peer::{Peer, call_from};
use super::proxy::Flaky;
use super::server::{PATIENCE, Room};
use fifteen::client::unit::{
    Outbox, OutboxError, Patrol, PatrolConfig, PatrolNews, PositionLimits, Saying,
};
use fifteen::client::{ClientConfig, Tcp};
use fifteen::domain::{Dated, Event, Leaving, Progress};
use fifteen::journal::{Options, Store};
use fifteen::protocol::{Hello, Role, SignOn};
use fifteen::service::clock::RoomClock;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const UNIT: &str = "CAR-1";
/// Statuses of one call, from the acceptance to the clear.
const A_CALL: usize = 10;

/// One status as it was said, or as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Status {
    key: KeyBytes,
    word: &'static str,
    call: u64,
}

fn status(key: KeyBytes, saying: &Saying) -> Status {
    Status { key, word: saying.word(), call: saying.call().unwrap() }
}

/// What the unit says of its call, in order.
fn sayings(call: u64) -> Vec<Saying> {
    let mut all = vec![Saying::Accept { call }, Saying::EnRoute { call }, Saying::OnScene { call }];
    all.resize(A_CALL - 1, Saying::CheckIn { call });
    all.push(Saying::Clear { call, disposition: None });
    all
}

/// The statuses of the unit in the log, in its order; all have the key they came under.
fn in_log(log: &[Dated]) -> Vec<Status> {
    let read = |dated: &Dated| {
        let (word, call, unit) = match &dated.transition.event {
            Event::UnitProgressed { call, unit, progress, .. } => match progress {
                Progress::Acknowledged => ("accept", call, unit),
                Progress::EnRoute => ("en_route", call, unit),
                Progress::OnScene => ("on_scene", call, unit),
                other => panic!("nobody reports {other:?}"),
            },
            Event::UnitCheckedIn { call, unit, .. } => ("check_in", call, unit),
            Event::UnitLeft { call, unit, leaving: Leaving::Cleared, .. } => ("clear", call, unit),
            _ => return None,
        };
        assert_eq!(unit.as_str(), UNIT);
        let key = dated.transition.mark.expect("every status has its key").key.0;
        Some(Status { key, word, call: call.0 })
    };
    log.iter().filter_map(read).collect()
}

/// What is wrong with `log` against what was `said`, a line each.
fn faults(said: &[Status], log: &[Status]) -> Vec<String> {
    let mut found = Vec::new();
    let mut times: BTreeMap<Status, usize> = BTreeMap::new();
    for status in log {
        *times.entry(*status).or_default() += 1;
    }
    for status in said {
        match times.remove(status) {
            Some(1) => {}
            None => found.push(format!("lost: {} of call {}", status.word, status.call)),
            Some(n) => {
                found.push(format!("done {n} times: {} of call {}", status.word, status.call))
            }
        }
    }
    found.extend(
        times.keys().map(|status| format!("nobody said: {} of call {}", status.word, status.call)),
    );
    let turn: BTreeMap<Status, usize> = said.iter().copied().zip(0..).collect();
    for pair in log.windows(2) {
        if turn.get(&pair[0]) > turn.get(&pair[1]) {
            found.push(format!("out of turn: {} of call {}", pair[1].word, pair[1].call));
        }
    }
    found
}

fn log_of(room: &Room) -> Vec<Dated> {
    read_log(&Store::open(&room.data(), Options::default()).unwrap(), &room.keyring())
}

fn duty() -> SignOn {
    SignOn { crew: vec!["Hina".into(), "Imran".into()], ..super::peer::duty(UNIT) }
}

/// The unit's program, begun on what the last one left.
fn begin(address: SocketAddr, state: &Path) -> Patrol {
    let clock = RoomClock::start(fifteen::domain::UtcMs(0));
    let (outbox, found) = loop {
        match Outbox::open(state, clock.now().0) {
            // A test beside this one forks: its child holds our files, and so the lock, until it is the other program.
            Err(OutboxError::InUse(_)) => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(found.damaged, None);
    let client = ClientConfig { backoff_min_ms: 1, backoff_max_ms: 20, ..ClientConfig::default() };
    let config = PatrolConfig { duty: duty(), positions: PositionLimits::default(), client };
    let hello = Hello::new(Role::Unit, UNIT);
    Patrol::begin(Tcp::new(address.to_string()), hello, config, outbox, move || clock.now().0)
}

async fn next_call(operator: &mut Peer) -> u64 {
    let call = operator.place(call_from("Gulberg")).await;
    operator.assign(call, UNIT).await;
    call
}

#[tokio::test]
async fn no_status_is_lost_doubled_or_out_of_turn_through_cuts_and_restarts() {
    let seed = number_from("FIFTEEN_SEED", wall().0);
    let statuses = usize::try_from(number_from("FIFTEEN_STATUSES", 1_000)).unwrap();
    println!("FIFTEEN_SEED={seed} FIFTEEN_STATUSES={statuses}");
    let mut dice = Dice(seed);
    let room = Room::new(&[]);
    let server = room.serve();
    let flaky = Flaky::to(server.address, dice.roll(), 200..1_800).await;
    let state = room.data().with_file_name("unit-state");
    let mut operator = Peer::operator(server.address).await;
    operator.sign_on(UNIT).await;

    let mut said: Vec<Status> = Vec::new();
    let (mut waiting, mut restarts, mut repeated) = (Vec::new(), 0, 0);
    let work = async {
        let mut patrol = begin(flaky.address, &state);
        loop {
            if waiting.is_empty() && said.len() < statuses {
                waiting = sayings(next_call(&mut operator).await);
                waiting.reverse();
            }
            // Sometimes one at a time, sometimes many while the link is away; never so many that a call is assigned long
            // before it is spoken of.
            let burst = if patrol.unsent() < 2 * A_CALL { dice.below(6) } else { 0 };
            for saying in (0..burst).map_while(|_| waiting.pop()) {
                let key = patrol.say(saying.clone(), None).unwrap();
                said.push(status(key.0, &saying));
            }
            if patrol.unsent() == 0 && waiting.is_empty() && said.len() >= statuses {
                return;
            }
            if dice.percent(4) {
                // Dies where it stands; what it said is on the disk.
                drop(patrol);
                patrol = begin(flaky.address, &state);
                restarts += 1;
            }
            let pause = Duration::from_micros(dice.below(8_000));
            match tokio::time::timeout(pause, patrol.next()).await {
                Ok(Some(PatrolNews::Sent { repeated: true, .. })) => repeated += 1,
                Ok(Some(PatrolNews::Rejected { entry, text, .. })) => panic!("{entry:?}: {text}"),
                Ok(None) => panic!("the client has ended"),
                Ok(Some(_)) | Err(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE * 10, work).await.expect("all is sent in the end");
    let cuts = flaky.cuts();
    server.stop().await;
    let log = in_log(&log_of(&room));
    println!(
        "{} statuses, {cuts} cuts, {restarts} restarts, {repeated} answered as repeated, {} in the log",
        said.len(),
        log.len()
    );
    assert!(cuts > 20 && restarts > 5, "the link was bad: {cuts} cuts, {restarts} restarts");
    assert_eq!(faults(&said, &log), [""; 0]);
}

/// The real program, headless, with what it wrote so far.
struct Terminal {
    child: std::process::Child,
    stdin: std::process::ChildStdin,
    lines: std::sync::mpsc::Receiver<serde_json::Value>,
}

impl Terminal {
    fn start(address: SocketAddr, state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fifteen-unit"))
            .args([UNIT, "--headless", "--connect", &address.to_string(), "--state"])
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // A line cut off by the kill is no event.
                let Ok(event) = serde_json::from_str(&line) else { break };
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        Self { stdin: child.stdin.take().unwrap(), child, lines }
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn says(&mut self, key: KeyBytes, saying: &Saying) {
        let mut line = serde_json::to_value(saying).unwrap();
        line["key"] = uuid::Uuid::from_bytes(key).to_string().into();
        // Its death is noticed where its answer is missing.
        let _ = writeln!(self.stdin, "{line}");
    }

    fn next(&self) -> serde_json::Value {
        self.lines.recv_timeout(PATIENCE).expect("the program says something")
    }
}

#[tokio::test]
async fn the_program_killed_again_and_again_says_everything_once_and_in_turn() {
    let seed = number_from("FIFTEEN_SEED", wall().0);
    println!("FIFTEEN_SEED={seed}");
    let mut dice = Dice(seed);
    let room = Room::new(&[]);
    let server = room.serve();
    let state = room.data().with_file_name("unit-state");
    let mut operator = Peer::operator(server.address).await;
    operator.sign_on(UNIT).await;
    let mut said = Vec::new();
    let mut kills = 0;
    let mut terminal = Terminal::start(server.address, &state);
    let mut unsent = 0;
    for _ in 0..10 {
        let call = next_call(&mut operator).await;
        for saying in sayings(call) {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&dice.roll().to_be_bytes());
            said.push(status(key, &saying));
            terminal.says(key, &saying);
            loop {
                // Killed before, while and after the line is kept and sent: then the same line under the same key.
                if dice.percent(6) {
                    std::thread::sleep(Duration::from_micros(dice.below(3_000)));
                    terminal.kill();
                    kills += 1;
                    terminal = Terminal::start(server.address, &state);
                    terminal.says(key, &saying);
                }
                let event = terminal.next();
                let wanted = uuid::Uuid::from_bytes(key).to_string();
                unsent = event["unsent"].as_u64().unwrap_or(unsent);
                assert_ne!(event["event"], "rejected", "{event}");
                assert_ne!(event["event"], "error", "{event}");
                if event["event"] == "kept" && event["key"] == *wanted {
                    break;
                }
            }
        }
    }
    // The end of its input ends it, once everything is sent.
    drop(terminal.stdin);
    assert!(terminal.child.wait().unwrap().success());
    server.stop().await;
    let log = in_log(&log_of(&room));
    println!("{} statuses, {kills} kills, {} in the log", said.len(), log.len());
    assert!(kills >= 3, "{kills} kills");
    assert_eq!(faults(&said, &log), [""; 0]);
}

#[test]
fn the_judge_notices_every_status_lost_doubled_moved_or_made_up() {
    let said: Vec<Status> = (0..30)
        .map(|number: u8| Status {
            key: [number; 16],
            word: "check_in",
            call: u64::from(number / 10),
        })
        .collect();
    assert_eq!(faults(&said, &said), [""; 0]);
    for at in 0..said.len() {
        let mut lost = said.clone();
        lost.remove(at);
        assert!(faults(&said, &lost)[0].starts_with("lost"), "{at}");
        let mut doubled = said.clone();
        doubled.push(said[at]);
        assert!(faults(&said, &doubled)[0].starts_with("done 2 times"), "{at}");
        let mut other = said.clone();
        other[at].word = "clear";
        let found = faults(&said, &other).join("; ");
        assert!(found.contains("lost") && found.contains("nobody said"), "{at}: {found}");
        if at > 0 {
            let mut moved = said.clone();
            moved.swap(at - 1, at);
            assert!(faults(&said, &moved)[0].starts_with("out of turn"), "{at}");
        }
    }
}

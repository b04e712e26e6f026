//! fifteen beside what a user would pick instead, and beside what this machine gives at most.
//!
//! `cargo bench --bench peers -- intake`: one new call a round trip, answered only when it is on the disk, by 1, 8, 64
//! and 256 connections. `cargo bench --bench peers -- lives`: a call's whole life, five durable transitions, beside
//! beanstalkd's put, reserve, delete.
//!
//! `-- late`: from a deadline to its escalation at a reader, 10,000 due within a second and a million pending, under
//! 5,000 new calls a second. `-- start`: from the start after a crash until calls are taken again, and fifteen's from
//! a snapshot. `-- replay`: the same of a log of lives without any snapshot. `-- idle`: what a room costs in which
//! nothing happens. `-- unit`: what a unit's client costs its car. `-- http`: calls over HTTP beside those of the wire.
//! `-- sos`: presses of the SOS page at 200 a second.
//!
//! Further words: `connections=1,64`, `seconds=2` of one run, `rounds=5` (the median is shown), `calls=N` of `late` and `start`, `snapshot=N` of
//! `late` (one is taken after so many transitions), `only=fifteen,echo`,
//! `dir=FOLDER` on the disk in question, `car=PROGRAM` of `unit`, such as target/car/fifteen-unit. beanstalkd, Redis and PostgreSQL take part where they are installed
//! (`apt-get install beanstalkd redis-server postgresql`; PostgreSQL only for root, who may become its account). All
//! are asked by the same closed loop from one thread on the same machine, turn by turn, with the same 120 bytes.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

mod callers;
mod late;
mod load;
mod servers;
mod unit;

use callers::{BODY_BYTES, Beanstalkd, Echo, Fifteen, Postgres, Redis};
use load::{Caller, Run, closed_loop};
use servers::{Contender, Server, serve_echo};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The words of the command line.
struct Words {
    what: String,
    connections: Vec<usize>,
    seconds: f64,
    rounds: usize,
    calls: Option<u64>,
    snapshot: Option<u64>,
    only: Option<Vec<String>>,
    dir: PathBuf,
    car: PathBuf,
}

impl Words {
    fn read() -> Self {
        let mut words = Self {
            what: String::new(),
            connections: vec![1, 8, 64, 256],
            seconds: 2.0,
            rounds: 5,
            calls: None,
            snapshot: None,
            only: None,
            dir: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-peers"),
            car: env!("CARGO_BIN_EXE_fifteen-unit").into(),
        };
        for word in std::env::args().skip(1).filter(|word| word != "--bench") {
            let list = |of: &str| of.split(',').map(str::to_owned).collect::<Vec<_>>();
            match word.split_once('=') {
                None => words.what = word,
                Some(("connections", of)) => {
                    let numbers = list(of).into_iter().map(|of| of.parse().expect("a number"));
                    words.connections = numbers.collect();
                }
                Some(("seconds", of)) => words.seconds = of.parse().expect("a number"),
                Some(("rounds", of)) => words.rounds = of.parse().expect("a number"),
                Some(("calls", of)) => words.calls = Some(of.parse().expect("a number")),
                Some(("snapshot", of)) => words.snapshot = Some(of.parse().expect("a number")),
                Some(("only", of)) => words.only = Some(list(of)),
                Some(("dir", of)) => words.dir = of.into(),
                Some(("car", of)) => words.car = of.into(),
                Some((other, _)) => panic!("no word {other}="),
            }
        }
        words
    }

    fn takes_part(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|it| it == name))
    }
}

fn main() {
    let words = Words::read();
    std::fs::create_dir_all(&words.dir).expect("a folder");
    match words.what.as_str() {
        "echo-server" => serve_echo(),
        "intake" => side_by_side(&words, &Contender::ALL, false),
        "lives" => side_by_side(&words, &[Contender::Fifteen, Contender::Beanstalkd], true),
        "late" => {
            let pending = words.calls.unwrap_or(1_000_000);
            if words.takes_part(Contender::Fifteen.name()) {
                late::fifteen(&words.dir, pending, 5_000.0, words.snapshot);
            }
            if words.takes_part(Contender::Beanstalkd.name()) {
                late::beanstalkd(&words.dir, pending / 10);
            }
        }
        "start" => starts(&words),
        "replay" => replays(&words),
        "idle" => idle(&words),
        "http" => late::http(&words.dir, words.seconds, 200.0),
        "sos" => late::sos(&words.dir, words.seconds, 200.0),
        "unit" => unit::unit(&words.dir, &words.car, words.calls.unwrap_or(10)),
        // What `cargo bench` without words, or `cargo test --benches`, finds here.
        _ => println!(
            "say what to measure: intake, lives, late, start, replay, idle, unit, http, sos"
        ),
    }
}

fn caller(contender: Contender, run: u64, nth: usize, lives: bool) -> Box<dyn Caller> {
    match contender {
        Contender::Fifteen => Box::new(Fifteen::new(run, nth, lives)),
        Contender::Redis => Box::new(Redis::new(run, nth)),
        Contender::Postgres => Box::new(Postgres::new()),
        Contender::Beanstalkd => Box::new(Beanstalkd::new(lives)),
        Contender::Echo => Box::new(Echo::new()),
    }
}

fn side_by_side(words: &Words, contenders: &[Contender], lives: bool) {
    let unit = if lives { "lives/s" } else { "calls/s" };
    println!(
        "{BODY_BYTES} bytes a call, one request under way a connection, {} rounds of {} s in turn, medians",
        words.rounds, words.seconds
    );
    let (mut runs, mut times) = (0, Vec::new());
    for &connections in &words.connections {
        let mut servers = Vec::new();
        for &contender in contenders.iter().filter(|it| words.takes_part(it.name())) {
            match Server::start(contender, &words.dir) {
                Some(server) => servers.push((contender, server, Vec::<Run>::new())),
                None => println!("{}: not installed, takes no part", contender.name()),
            }
        }
        for _ in 0..words.rounds {
            for (contender, server, done) in &mut servers {
                runs += 1;
                let callers =
                    (0..connections).map(|nth| caller(*contender, runs, nth, lives)).collect();
                done.push(closed_loop(server.address, callers, words.seconds));
            }
            if connections == 1 && words.takes_part("bare") {
                times.push(bare_append(&words.dir, words.seconds));
            }
        }
        println!(
            "\n{connections:>4} connections {unit:>12} {:>9} {:>9} {:>9} {:>9}",
            "p50 ms", "p99 ms", "max ms", "MiB"
        );
        for (contender, server, done) in &mut servers {
            done.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
            let median = |of: &dyn Fn(&Run) -> f64| middle(done.iter().map(of).collect());
            println!(
                "{:>16} {:>12.0} {:>9.3} {:>9.3} {:>9.3} {:>9.0}",
                contender.name(),
                median(&Run::rate),
                median(&|run| run.ms(0.5)),
                median(&|run| run.ms(0.99)),
                median(&|run| run.ms(1.0)),
                server.resident_mib(),
            );
        }
        if connections == 1 && !times.is_empty() {
            let median = |part: usize| {
                middle(times.iter().map(|run: &Vec<f64>| run[run.len() * part / 100]).collect())
            };
            println!(
                "{:>16} {:>12} {:>9.3} {:>9.3}   append of {BODY_BYTES} bytes, fdatasync",
                "bare file",
                "",
                median(50),
                median(99)
            );
        }
    }
}

fn starts(words: &Words) {
    let wanted = words.calls.unwrap_or(300_000);
    for contender in [Contender::Fifteen, Contender::Redis, Contender::Postgres] {
        if !words.takes_part(contender.name()) {
            continue;
        }
        let Some(server) = Server::start(contender, &words.dir) else {
            println!("{}: not installed, takes no part", contender.name());
            continue;
        };
        let (mut calls, mut run) = (0, 0);
        while calls < wanted {
            run += 1;
            let callers = (0..64).map(|nth| caller(contender, run, nth, false)).collect();
            calls += closed_loop(server.address, callers, 2.0).done;
        }
        let before = server.resident_mib();
        let (server, took) = server.crash(contender);
        println!(
            "{:>16} after a crash, {calls} calls: {took:.2} s, {:.0} calls/s; resident {:.0} MiB, before {before:.0}",
            contender.name(),
            calls as f64 / took,
            server.resident_mib()
        );
        if contender == Contender::Fifteen {
            let (server, took) = server.restart();
            println!(
                "{:>16} from its snapshot: {took:.2} s, {:.0} open calls/s; resident {:.0} MiB",
                "",
                calls as f64 / took,
                server.resident_mib()
            );
        }
    }
}

/// Transitions of a call's whole life.
const LIFE: f64 = 5.0;

/// From a crash until a log of whole lives is folded, from its first transition, and calls are taken again.
fn replays(words: &Words) {
    let wanted = words.calls.unwrap_or(1_000_000);
    let never = [("snapshot_every = 1000000 ", "snapshot_every = 1000000000 ")];
    let server = Server::start_under(Contender::Fifteen, &words.dir, &never).expect("fifteen");
    let (mut lives, mut run) = (0, 0);
    while lives < wanted {
        run += 1;
        let callers = (0..64).map(|nth| caller(Contender::Fifteen, run, nth, true)).collect();
        lives += closed_loop(server.address, callers, 5.0).done;
    }
    let before = server.resident_mib();
    let (server, took) = server.crash(Contender::Fifteen);
    let said = server.said();
    let replayed = said.split("replayed=").nth(1).and_then(|it| it.split(' ').next());
    let transitions: f64 = replayed.and_then(|it| it.parse().ok()).expect("it says so");
    println!(
        "{:.0} lives, {transitions} transitions: {took:.2} s, {:.0} transitions/s; resident {:.0} MiB, before {before:.0}",
        transitions / LIFE,
        transitions / took,
        server.resident_mib()
    );
    print!("{said}");
}

/// Voluntary and other switches of each thread of a server that nobody uses.
fn idle(words: &Words) {
    let server = Server::start(Contender::Fifteen, &words.dir).expect("fifteen");
    std::thread::sleep(std::time::Duration::from_secs(5));
    let before = switches(server.pid());
    let seconds = 60;
    std::thread::sleep(std::time::Duration::from_secs(seconds));
    println!(
        "an idle room, {seconds} s: {:.1} MiB resident; each thread ran",
        server.resident_mib()
    );
    for (thread, name, count) in switches(server.pid()) {
        let was = before.iter().find(|(it, ..)| *it == thread).map_or(0, |(.., count)| *count);
        println!("{name:>16} {:>6} times", count - was);
    }
    let (server, _) = server.restart();
    std::thread::sleep(std::time::Duration::from_secs(5));
    println!("stopped in order and begun again: {:.1} MiB resident", server.resident_mib());
}

fn switches(pid: u32) -> Vec<(String, String, u64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let of = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let field = |name: &str| Some(status.lines().find_map(|it| it.strip_prefix(name))?.trim());
        let count = |name: &str| field(name)?.parse::<u64>().ok();
        let all = count("voluntary_ctxt_switches:")? + count("nonvoluntary_ctxt_switches:")?;
        Some((task.file_name().to_string_lossy().into_owned(), field("Name:")?.to_owned(), all))
    };
    tasks.flatten().filter_map(of).collect()
}

fn middle(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Milliseconds of each append and fdatasync of one call's bytes, sorted.
fn bare_append(dir: &Path, seconds: f64) -> Vec<f64> {
    let path = dir.join("bare");
    let file = std::fs::File::create(&path).expect("a file");
    let (start, mut took, body) = (Instant::now(), Vec::new(), [b'x'; BODY_BYTES]);
    while start.elapsed().as_secs_f64() < seconds {
        let began = Instant::now();
        file.write_all_at(&body, (took.len() * BODY_BYTES) as u64).expect("written");
        file.sync_data().expect("synced");
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path).expect("its own file");
    took.sort_by(f64::total_cmp);
    took
}

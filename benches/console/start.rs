//! From the start of a program to its first picture: the console on a terminal of `script` (util-linux), the patrol
//! unit on a pipe. The server is there already.

use crate::line;
use crate::placed::Server;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TIMES: usize = 20;

/// Reads until `words` came; how long after `from`. None at the end of what is said.
fn heard(said: &mut impl Read, all: &mut Vec<u8>, words: &str, from: Instant) -> Option<Duration> {
    let mut part = [0; 4_096];
    loop {
        if all.windows(words.len()).any(|window| window == words.as_bytes()) {
            return Some(from.elapsed());
        }
        match said.read(&mut part) {
            Ok(count) if count > 0 => all.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}

fn start(program: &mut Command, home: &std::path::Path) -> Option<Child> {
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        program.env(name, home);
    }
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// To the first picture, and to the first one with the room in it.
fn console(address: &str, home: &std::path::Path) -> Option<(Duration, Duration)> {
    let program = env!("CARGO_BIN_EXE_fifteen");
    let line =
        format!("stty rows 30 cols 100; printf GOES; exec {program} console --connect {address}");
    let mut child = start(Command::new("script").args(["-qfec", &line, "/dev/null"]), home)?;
    let (mut said, mut all) = (child.stdout.take()?, Vec::new());
    heard(&mut said, &mut all, "GOES", Instant::now());
    let from = Instant::now();
    let first = heard(&mut said, &mut all, "Board", from);
    let room = heard(&mut said, &mut all, "quiet", from);
    end(child);
    first.zip(room)
}

fn unit(address: &str, home: &std::path::Path) -> Option<Duration> {
    let from = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    let mut child = start(program.args(["unit", "CAR-7", "--connect", address]), home)?;
    let (mut said, mut all) = (child.stdout.take()?, Vec::new());
    let took = heard(&mut said, &mut all, "on duty", from);
    end(child);
    took
}

pub(crate) fn measure() {
    println!("start of a program to its screen; the server is there and has no calls");
    let server = Server::start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let consoles: Vec<_> =
        (0..TIMES).filter_map(|_| console(&server.address, home.path())).collect();
    if consoles.is_empty() {
        println!("  console: skipped, it needs `script` of util-linux");
    } else {
        println!("{}", line("console, first picture", consoles.iter().map(|it| it.0).collect()));
        println!("{}", line("console, with the room", consoles.iter().map(|it| it.1).collect()));
    }
    let units = (0..TIMES).filter_map(|_| unit(&server.address, home.path())).collect();
    println!("{}", line("unit, on duty", units));
}

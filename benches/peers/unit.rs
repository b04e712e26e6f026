//! What a unit's client costs its car: resident memory, and bytes on the link for a whole assignment.

use super::servers::{Contender, Server, resident_mib};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A link that counts what it carries, up and down.
struct Link {
    address: SocketAddr,
    carried: [Arc<AtomicU64>; 2],
}

impl Link {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let carried = [Arc::default(), Arc::default()];
        let [up, down] = carried.clone();
        std::thread::spawn(move || {
            for car in listener.incoming().map_while(Result::ok) {
                let room = TcpStream::connect(server).expect("it listens");
                let end = |of: &TcpStream| of.try_clone().expect("a handle");
                carry(end(&car), end(&room), Arc::clone(&up));
                carry(room, car, Arc::clone(&down));
            }
        });
        Self { address, carried }
    }

    fn so_far(&self) -> [u64; 2] {
        self.carried.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, count: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            count.fetch_add(read as u64, Ordering::Relaxed);
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        // The other end may be gone already.
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn fifteen(dir: &Path, connect: SocketAddr, words: &[&str]) -> Command {
    to_server(env!("CARGO_BIN_EXE_fifteen").as_ref(), dir, connect, words)
}

fn to_server(program: &Path, dir: &Path, connect: SocketAddr, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).args(["--connect", &connect.to_string()]);
    command.env("XDG_STATE_HOME", dir.join("state")).env_remove("FIFTEEN_TOKEN");
    command
}

fn said(mut command: Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

struct Car {
    child: Child,
    screen: Lines<BufReader<ChildStdout>>,
}

impl Car {
    fn sees(&mut self, words: &str) {
        let found = self.screen.by_ref().map_while(Result::ok).any(|line| line.contains(words));
        assert!(found, "{words} never came");
    }

    fn says(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("it listens");
        self.sees("\"event\":\"sent\"");
    }
}

/// One unit works `calls` calls, one after another.
pub fn unit(dir: &Path, car: &Path, calls: u64) {
    let server = Server::start(Contender::Fifteen, dir).expect("fifteen");
    let link = Link::to(server.address);
    let mut command = to_server(car, dir, link.address, &["CAR-1", "--headless"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    let screen = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut car = Car { child, screen };
    car.sees("\"event\":\"signed_on\"");
    let signed_on = link.so_far();
    let mut last = signed_on;
    for _ in 0..calls {
        last = link.so_far();
        let place =
            ["call", "--district", "Okara", "--kind", "threat", "--number", "+92 300 5550123"];
        let call = said(fifteen(dir, server.address, &place));
        said(fifteen(dir, server.address, &["op", "assign", &call, "CAR-1"]));
        car.sees("\"event\":\"assigned\"");
        for word in ["accept", "en_route", "on_scene"] {
            car.says(&format!("{{\"do\":\"{word}\",\"call\":{call}}}"));
        }
        car.says(&format!("{{\"do\":\"clear\",\"call\":{call},\"disposition\":\"helped\"}}"));
    }
    let [up, down] = link.so_far();
    println!("hello, sign-on and the first page: {} bytes up, {} down", signed_on[0], signed_on[1]);
    println!(
        "the last of {calls} assignments, from its push to clear: {} bytes up, {} down, {} in all",
        up - last[0],
        down - last[1],
        up - last[0] + down - last[1]
    );
    println!("resident {:.1} MiB", resident_mib(car.child.id()));
    drop(car.child.stdin.take());
    let _ = car.child.wait();
    let _ = std::fs::remove_dir_all(dir.join("state"));
}

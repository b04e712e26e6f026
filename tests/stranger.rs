//! A client that nobody here wrote the library for: `examples/stranger.py`, made from
//! `docs/protocol.md` alone, against the built server.
//!
//! Needs a Python 3 with the package `msgpack`: the one that FIFTEEN_PYTHON names, else `python3`.
//! Without it the test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const FIFTEEN: &str = env!("CARGO_BIN_EXE_fifteen");

/// A running server; killed if the test ends before it did.
struct Server(Child);

impl Server {
    /// Starts one on `data`, with these flags too, and waits until it is ready; gives its address too.
    fn start(data: &Path, args: &[&str]) -> (Self, String) {
        let child = Command::new(FIFTEEN)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(args)
            .env("FIFTEEN_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self(child);
        let mut line = String::new();
        let out = server.0.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let address = line.strip_prefix("ready ").map(str::trim);
        let address =
            address.unwrap_or_else(|| panic!("the server said {line:?}, not its address"));
        (server, address.to_owned())
    }

    /// Asks it to end and waits until it has.
    fn terminate(mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        assert!(asked.unwrap().success(), "SIGTERM could not be sent");
        for _ in 0..400 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server did not end within 20 s of its SIGTERM");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has mostly ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Python that knows MessagePack.
fn python() -> Option<String> {
    let python = std::env::var("FIFTEEN_PYTHON").unwrap_or_else(|_| "python3".into());
    let knows = Command::new(&python)
        .args(["-c", "import msgpack"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    knows.is_ok_and(|status| status.success()).then_some(python)
}

#[test]
fn a_client_written_from_the_document_alone_works() {
    let Some(python) = python() else {
        println!("skipped: no Python with the package msgpack; name one in FIFTEEN_PYTHON");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, address) = Server::start(&data, &[]);

    let stranger = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stranger.py");
    let ran =
        Command::new(python).arg(stranger).arg(&address).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {said}{complaint}", ran.status);
    let call = said
        .trim()
        .strip_prefix("ok: call ")
        .and_then(|rest| rest.strip_suffix(" acknowledged by STRANGER-1"));
    let call: u64 = call.unwrap_or_else(|| panic!("it said {said:?}")).parse().unwrap();
    assert!(call > 0, "calls are numbered from 1");

    let ended = server.terminate();
    assert_eq!(ended.code(), Some(0), "the server ended with {ended}");

    let verified = Command::new(FIFTEEN)
        .args(["journal", "verify"])
        .arg(&data)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(0), "{found}");
}

#[test]
fn a_stranger_brings_their_own_tls() {
    let Some(python) = python() else {
        println!("skipped: no Python with the package msgpack; name one in FIFTEEN_PYTHON");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(FIFTEEN)
        .args(["cert", "new", "--server", "127.0.0.1", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let rules = fifteen::config::SHIPPED
        .replace("# certificate = \"server.pem\"", "certificate = \"server.pem\"")
        .replace("# key = \"server.key\"", "key = \"server.key\"");
    let config = folder.path().join("dispatch.toml");
    std::fs::write(&config, rules).unwrap();
    let data = folder.path().join("data");
    let (server, address) = Server::start(&data, &["--config", config.to_str().unwrap()]);
    let stranger = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stranger.py");
    for (ca, trusted) in [(Some("ca.pem"), true), (None, false)] {
        let mut command = Command::new(&python);
        command.arg(&stranger).arg(&address).stdin(Stdio::null());
        if let Some(ca) = ca {
            command.arg("--ca").arg(folder.path().join(ca));
        }
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let complaint = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.success(), trusted, "{}: {said}{complaint}", ran.status);
        let word = if trusted { "ok: call " } else { "tls_required" };
        assert!(said.contains(word) || complaint.contains(word), "{said}{complaint}");
    }
    assert_eq!(server.terminate().code(), Some(0));
}

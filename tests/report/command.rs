//! The page as a person at a shell gets it: `fifteen report --format html --out FILE`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const TRACE: &str = "\
call_ref,received_at,source,kind,priority,district,lat,lon,caller,acknowledged_at,unit,en_route_at,on_scene_at,closed_at,disposition
1,2026-01-01T00:00:00.000Z,phone,threat,1,Lahore,,,0300-7654321,2026-01-01T00:05:00.000Z,,,2026-01-01T00:15:00.000Z,2026-01-01T00:40:00.000Z,done
2,2026-01-01T01:00:00.000Z,phone,threat,2,Multan,,,,2026-01-01T01:15:00.001Z,,,,2026-01-01T02:40:00.000Z,done
";

fn fifteen(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(args).current_dir(dir);
    for name in ["FIFTEEN_CONNECT", "FIFTEEN_CONFIG", "FIFTEEN_LOG"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn replayed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("trace.csv"), TRACE).unwrap();
    let replayed = fifteen(dir.path(), &["replay", "--data", "data", "trace.csv"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    dir
}

#[test]
fn a_page_is_written_whole_into_its_file() {
    let dir = replayed();
    let args = ["report", "--data", "data", "--format", "html", "--out", "report.html"];
    let made = fifteen(dir.path(), &args);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout.is_empty());
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    assert!(page.contains("Women's cell") && !page.contains("7654321"));
    // The chain is that of the log, as verify finds it.
    let verified = fifteen(dir.path(), &["journal", "verify", "data"]);
    let verified = String::from_utf8_lossy(&verified.stdout).into_owned();
    let chain = page.split("Chain of the log: <code class=\"long\">").nth(1).unwrap();
    let chain = chain.split('<').next().unwrap();
    assert!(chain.len() == 64 && verified.contains(chain), "{chain}\n{verified}");
    // Nothing but the page is left beside it.
    let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden = left.filter(|name| name.to_string_lossy().starts_with('.')).count();
    assert_eq!(hidden, 0);
}

#[test]
fn a_public_copy_withholds_and_an_unknown_clock_is_refused_with_those_there_are() {
    let dir = replayed();
    let public = fifteen(dir.path(), &["report", "--data", "data", "--format", "json", "--public"]);
    let json: serde_json::Value = serde_json::from_slice(&public.stdout).unwrap();
    assert_eq!(json["withheld_below"], 5);
    let args =
        ["report", "--data", "data", "--format", "html", "--clock", "lunch", "--out", "x.html"];
    let refused = fifteen(dir.path(), &args);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("acknowledge, arrive, callback"), "{said}");
    assert!(!dir.path().join("x.html").exists(), "no half page is left");
}

/// A server of its own, ended with the test.
struct Server {
    child: Child,
    address: String,
    dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data", "data"])
            .current_dir(dir.path());
        command.env_remove("FIFTEEN_CONFIG").stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = ready.trim().strip_prefix("ready ").unwrap().to_owned();
        Self { child, address, dir }
    }

    fn call(&self) {
        let call = ["call", "--kind", "threat", "--district", "Lahore", "--connect", &self.address];
        let placed = fifteen(self.dir.path(), &call);
        assert!(placed.status.success(), "{}", String::from_utf8_lossy(&placed.stderr));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_gives_the_same_page_as_its_folder() {
    let server = Server::start();
    server.call();
    let page = |args: &[&str]| {
        let made = fifteen(server.dir.path(), &[&["report", "--format", "html"], args].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    };
    let asked = page(&["--connect", &server.address]);
    let read = page(&["--data", "data"]);
    for page in [&asked, &read] {
        assert!(page.contains("Women's cell") && page.contains("<strong>1</strong>"));
        assert!(page.contains("Chain of the log"));
    }
}

#[test]
fn the_live_table_follows_the_room_until_it_is_interrupted() {
    let server = Server::start();
    server.call();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(["report", "--live", "--every", "1", "--connect", &server.address]);
    let mut live = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(live.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("1 call,")));
    server.call();
    assert!(lines.any(|line| line.starts_with("2 calls,")));
    assert!(lines.any(|line| line.contains("ctrl-C ends")));
    let interrupted = Command::new("kill").args(["-INT", &live.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(live.wait().unwrap().code(), Some(0));
}

//! The commands as a person at a shell meets them: the built program, real sockets, real folders.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; a panic with its place is what a test wants"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for anything that must come; a machine under load is slow, not wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// What must never leave the sealed part: name, number, place, note.
const HER: [&str; 4] =
    ["Zara Kanarie", "0300-7654321", "House 99 Kanarie Lane", "kanarie at the door"];

fn fifteen(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(args).stdin(Stdio::null());
    for name in ["FIFTEEN_CONNECT", "FIFTEEN_WHO", "FIFTEEN_TOKEN", "FIFTEEN_LOG", "FIFTEEN_CONFIG"]
    {
        command.env_remove(name);
    }
    command
}

/// The lines of a child, as they come.
fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A server of its own, ended with the test.
struct Room {
    child: Child,
    address: String,
    dir: tempfile::TempDir,
}

impl Room {
    fn open() -> Self {
        Self::open_with(|config| config)
    }

    /// With the shipped rules, changed.
    fn open_with(change: impl Fn(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = change(include_str!("../dispatch.toml").to_owned());
        std::fs::write(dir.path().join("dispatch.toml"), config).unwrap();
        let (child, address) = Self::serve(dir.path());
        Self { child, address, dir }
    }

    fn serve(dir: &Path) -> (Child, String) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("server.log"))
            .unwrap();
        let mut child = fifteen(&["serve", "--listen", "127.0.0.1:0"])
            .env("FIFTEEN_LOG", "trace")
            .arg("--config")
            .arg(dir.join("dispatch.toml"))
            .arg("--data")
            .arg(dir.join("data"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let ready = lines(child.stdout.take().unwrap()).recv_timeout(LIMIT);
        let ready = ready.unwrap_or_else(|_| panic!("{}", Self::log_in(dir)));
        let address = ready.strip_prefix("ready ").expect("the readiness line").to_owned();
        (child, address)
    }

    /// SIGTERM, as an init system ends a service.
    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    fn restart(&mut self) {
        self.stop();
        (self.child, self.address) = Self::serve(self.dir.path());
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log_in(dir: &Path) -> String {
        std::fs::read_to_string(dir.join("server.log")).unwrap()
    }

    fn log(&self) -> String {
        Self::log_in(self.dir.path())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = fifteen(args);
        command.env("FIFTEEN_CONNECT", &self.address);
        command.env("XDG_STATE_HOME", self.dir.path().join("state"));
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap(), args)
    }

    /// Stdout of a command that must do what it is asked.
    fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "{args:?}: {} {}", said.out, said.err);
        said.out
    }

    fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// Stderr of a command that the server must turn down.
    fn no(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{args:?}: {}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        said.err
    }

    /// Until `words` stand in what the command prints.
    fn until(&self, args: &[&str], words: &str) -> String {
        for _ in 0..200 {
            let out = self.ok(args);
            if out.contains(words) {
                return out;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{words:?} never came: {}", self.ok(args));
    }

    fn unit(&self, args: &[&str]) -> UnitAtWork {
        let mut child = self
            .command(&[&["unit"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        UnitAtWork { keys: child.stdin.take(), screen: lines(child.stdout.take().unwrap()), child }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Ended already, where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn from(output: Output, args: &[&str]) -> Self {
        Self {
            code: output.status.code().unwrap_or_else(|| panic!("{args:?} was killed")),
            out: String::from_utf8(output.stdout).unwrap().trim_end().to_owned(),
            err: String::from_utf8(output.stderr).unwrap().trim_end().to_owned(),
        }
    }
}

struct UnitAtWork {
    child: Child,
    keys: Option<ChildStdin>,
    screen: Receiver<String>,
}

impl UnitAtWork {
    fn types(&mut self, line: &str) {
        writeln!(self.keys.as_mut().unwrap(), "{line}").unwrap();
    }

    /// What is on the screen up to the line with `words`.
    fn sees(&self, words: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = self.screen.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|_| panic!("{words:?} never came, only {seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(words) {
                return seen;
            }
        }
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for UnitAtWork {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether `words` stand in `text` in this order.
fn in_order(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|word| {
        let found = rest.find(word);
        rest = found.map_or(rest, |at| &rest[at + word.len()..]);
        found.is_some()
    })
}

#[test]
fn what_fifteen_log_cannot_mean_is_said_and_passed_over() {
    let said = fifteen(&["openapi"]).env("FIFTEEN_LOG", "fifteen=loud").output().unwrap();
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(said.status.success() && words.contains("FIFTEEN_LOG is passed over"), "{words}");
    let said = fifteen(&["openapi"]).env("FIFTEEN_LOG", "warn,sled=off").output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty());
}

#[test]
fn a_call_is_worked_from_the_shell_to_its_close_and_goes_on() {
    let room = Room::open();
    assert_eq!(room.ok(&["calls"]), "no open calls");
    let placed = room.run(&[
        "call",
        "--kind",
        "domestic violence",
        "--district",
        "north",
        "--name",
        HER[0],
        "--number",
        HER[1],
        "--place",
        HER[2],
        "--note",
        HER[3],
        "--lat",
        "31.52",
        "--lon",
        "74.35",
    ]);
    // So that id=$(fifteen call ...) works.
    let id = placed.out.as_str();
    id.parse::<u64>().unwrap();
    assert!(placed.err.contains("priority 2"), "{}", placed.err);
    let board = room.ok(&["calls"]);
    assert!(
        in_order(&board, &["call", id, "waiting", "acknowledge 1", "domestic violence", "north"]),
        "{board}"
    );

    assert!(room.ok(&["op", "assign", id]).contains("no unit is available"));
    let mut unit = room.unit(&["CAR-1", "--district", "north", "--skill", "female_officer"]);
    unit.sees("CAR-1 is on duty");
    let advice = room.ok(&["op", "assign", id]);
    assert!(in_order(&advice, &["CAR-1", "female officer aboard"]), "{advice}");

    assert!(room.ok(&["op", "--as", "amina", "claim", id]).contains("claimed by amina"));
    let assigned = room.ok(&["op", "assign", id, "CAR-1", "--as", "amina"]);
    assert_eq!(assigned, format!("call {id}: CAR-1 assigned; the call is dispatched"));
    let card = unit.sees("answer");
    assert!(in_order(&card, &["PRIORITY 2", HER[2], HER[0], HER[1], HER[3]]), "{card}");
    unit.types("a");
    unit.sees(&format!("call {id}: acknowledged"));
    assert_eq!(room.ok(&["op", "enroute", id, "CAR-1"]), format!("call {id}: CAR-1 en route"));
    assert_eq!(room.ok(&["op", "onscene", id, "CAR-1"]), format!("call {id}: CAR-1 on scene"));
    unit.types("k");
    unit.sees("checked in");

    let page = room.run(&["show", id, "--as", "amina", "--reason", "handover"]);
    let story = [
        HER[0],
        HER[1],
        HER[2],
        "CAR-1 on scene since",
        "acknowledge stopped",
        "in time",
        HER[3],
        "received, priority 2",
        "claimed  [amina]",
        "CAR-1 assigned  [amina]",
        "CAR-1 acknowledged  [CAR-1]",
        "CAR-1 en route (by radio)",
        "CAR-1 on scene (by radio)",
        "CAR-1 is well",
        "opened and read: handover  [amina]",
    ];
    assert!(in_order(&page.out, &story), "{}", page.out);
    assert!(page.err.contains("recorded"), "{}", page.err);

    assert!(room.ok(&["op", "close", id, "helped"]).contains("closed as helped"));
    unit.sees("no longer yours");
    assert_eq!(room.ok(&["calls"]), "no open calls");
    assert!(room.ok(&["op", "reopen", id]).contains("reopened; the call is waiting"));
    assert!(room.ok(&["show", id]).contains("generation 2"));
    unit.types("q");
    unit.sees("signed off");
    assert_eq!(unit.code(), Some(0));
}

#[test]
fn every_other_operators_command_says_what_it_did() {
    let room = Room::open();
    let (a, b) = (room.ok(&["call"]), room.ok(&["call"]));
    room.ok(&["op", "claim", &a, "--as", "amina"]);
    assert!(room.no(&["op", "claim", &a, "--as", "bina"]).contains("claimed by amina"));
    assert!(
        room.ok(&["op", "claim", &a, "--as", "bina", "--take-over"]).contains("taken over by bina")
    );
    assert!(room.ok(&["op", "claim", &a, "--as", "bina", "--release"]).contains("claim released"));
    assert!(room.ok(&["op", "priority", &a, "1"]).contains("priority 1"));
    assert!(room.ok(&["op", "note", &a, "two men"]).contains("note written"));
    assert!(room.ok(&["op", "link", &b, &a]).contains(&format!("repeats call {a}")));
    assert!(room.ok(&["op", "escalate", &a]).contains("next office is told"));
    assert!(room.ok(&["op", "take", &a, "--as", "dpo"]).contains("taken by dpo"));
    let unit = room.unit(&["CAR-9"]);
    unit.sees("on duty");
    room.ok(&["op", "assign", &a, "CAR-9"]);
    assert!(room.ok(&["op", "ack", &a, "CAR-9"]).contains("CAR-9 acknowledged"));
    assert!(
        room.ok(&["op", "decline", &a, "CAR-9", "--reason", "tyre"])
            .contains("the call is waiting")
    );
    room.ok(&["op", "assign", &a, "CAR-9"]);
    assert!(room.ok(&["op", "release", &a, "CAR-9"]).contains("CAR-9 released"));
    let done = room.json(&["op", "note", &a, "a third"]);
    assert_eq!((&done["stage"], &done["awaiting_second"]), (&"waiting".into(), &false.into()));
}

#[test]
fn a_dropped_call_is_a_hoax_only_after_a_call_back_and_by_two_people() {
    let room = Room::open();
    let id = room.ok(&["call", "--dropped"]);
    let close = |who| room.run(&["op", "close", &id, "hoax", "--as", who]);
    assert!(close("amina").err.contains("(needs_callback)"));
    let rung =
        room.ok(&["op", "callback", &id, "no_answer", "--as", "amina", "--note", "rang out"]);
    assert!(rung.contains("no answer"), "{rung}");
    let first = close("amina");
    assert!(first.code == 0 && first.out.contains("NOT closed yet"), "{}", first.out);
    assert!(close("amina").err.contains("(needs_second_person)"));
    assert!(room.ok(&["calls"]).contains("dropped"));
    assert!(close("bina").out.contains("closed as hoax"));
    assert_eq!(room.ok(&["calls"]), "no open calls");
    assert!(room.ok(&["calls", "--stage", "closed"]).contains("hoax"));
}

#[test]
fn a_no_is_one_line_and_exit_code_1() {
    let room = Room::open();
    let id = room.ok(&["call"]);
    assert!(room.no(&["show", "999"]).starts_with("rejected: call 999 is not known here"));
    assert!(room.no(&["op", "assign", &id, "NOBODY"]).contains("(unknown_unit)"));
    assert!(room.no(&["op", "assign", "999"]).contains("(unknown_call)"));
    let wrong = room.no(&["op", "close", &id, "done"]);
    assert!(wrong.contains("helped") && wrong.contains("(wrong_disposition)"), "{wrong}");
    assert!(room.no(&["op", "reopen", &id]).contains("(call_open)"));
    assert!(room.no(&["calls", "--role", "admin"]).contains("(not_allowed)"));
    let said = room.run(&["op", "reopen", &id, "--json"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let no: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(no["rejected"], "call_open");
    assert!(no["text"].as_str().unwrap().contains("is open"));
}

#[test]
fn without_a_server_the_error_says_what_to_do() {
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in [&["call"][..], &["calls"], &["show", "1"], &["op", "claim", "1"], &["health"]] {
        let output = fifteen(command).args(["--connect", &nobody]).output().unwrap();
        let said = Said::from(output, command);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{command:?}");
        for words in [nobody.as_str(), "fifteen serve", "--connect"] {
            assert!(said.err.contains(words), "{}", said.err);
        }
    }
}

#[test]
fn a_unit_without_a_server_says_so_keeps_what_is_said_and_sends_it_when_there_is_one() {
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut room = Room::open();
    let call = room.ok(&["call"]);
    let unit = |room: &Room, connect: &[&str]| room.unit(&[&["CAR-8"], connect].concat());
    let first = unit(&room, &[]);
    first.sees("on duty");
    room.ok(&["op", "assign", &call, "CAR-8"]);
    first.sees("answer");
    drop(first);
    let mut away = unit(&room, &["--connect", &nobody]);
    away.sees(&format!("connecting to {nobody}"));
    away.sees("NO LINK");
    away.types(&format!("e {call}"));
    away.sees(&format!("KEPT, NOT SENT: call {call} en route"));
    drop(away);
    // Another program, another start of the room: the same log.
    room.restart();
    let back = unit(&room, &[]);
    back.sees("1 unsent from before");
    back.sees(&format!("call {call}: en route"));
    assert!(room.ok(&["show", &call]).contains("CAR-8 en route  [CAR-8]"));
}

#[test]
fn a_second_program_for_one_unit_on_a_machine_is_refused_and_one_elsewhere_replaces_the_first() {
    let room = Room::open();
    let first = room.unit(&["CAR-7"]);
    first.sees("on duty");
    let said = room.run(&["unit", "CAR-7"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("in use"), "{}", said.err);
    let elsewhere = room.dir.path().join("elsewhere");
    let second = room.unit(&["CAR-7", "--state", elsewhere.to_str().unwrap()]);
    second.sees("on duty");
    first.sees("THE LINK HAS ENDED");
    assert_eq!(first.code(), Some(2));
}

#[test]
fn the_cars_own_program_takes_the_same_words_and_keeps_the_same_file() {
    let own = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen-unit"));
        command.args(args).stdin(Stdio::null());
        command
    };
    let help = |mut command: Command| String::from_utf8(command.output().unwrap().stdout).unwrap();
    let flags = |help: &str| {
        let lines = help.lines().filter(|line| line.trim_start().starts_with(['-', '[', '<']));
        let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        words.collect::<std::collections::BTreeSet<_>>()
    };
    let (whole, small) = (help(fifteen(&["unit", "--help"])), help(own(&["--help"])));
    assert!(flags(&whole).len() > 15, "{whole}");
    let more: Vec<_> = flags(&small).symmetric_difference(&flags(&whole)).cloned().collect();
    assert_eq!(more, ["-V, --version Print version"], "{small}");

    let room = Room::open();
    let first = room.unit(&["CAR-7"]);
    first.sees("on duty");
    let mut second = own(&["CAR-7", "--connect", &room.address]);
    let second = second.env("XDG_STATE_HOME", room.dir.path().join("state")).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.starts_with("fifteen-unit: ") && said.contains("in use"), "{said}");
}

#[test]
fn a_vehicles_terminal_works_a_call_in_json_and_a_bad_line_costs_nothing() {
    let room = Room::open();
    let call = room.ok(&["call", "--name", HER[0]]);
    let mut unit = room.unit(&["CAR-6", "--headless"]);
    unit.sees("\"event\":\"ready\"");
    unit.sees("\"event\":\"signed_on\"");
    room.ok(&["op", "assign", &call, "CAR-6"]);
    assert!(unit.sees("\"event\":\"assigned\"").contains(HER[0]));
    unit.types("{\"do\":\"on_scene\"}");
    assert!(unit.sees("\"event\":\"error\"").contains("missing field `call`"));
    for word in ["accept", "en_route", "on_scene"] {
        unit.types(&format!("{{\"do\":\"{word}\",\"call\":{call}}}"));
        let events = unit.sees("\"event\":\"sent\"");
        assert!(in_order(&events, &["\"event\":\"kept\"", "\"event\":\"sent\""]), "{events}");
    }
    unit.types("{\"do\":\"panic\",\"lat\":31.5,\"lon\":74.3}");
    let alarm = unit.sees("\"do\":\"panic\",\"event\":\"sent\"");
    assert!(!alarm.contains("\"placed\":null"), "it is a call now: {alarm}");
    unit.types(&format!("{{\"do\":\"clear\",\"call\":{call},\"disposition\":\"helped\"}}"));
    unit.types("{\"do\":\"accept\",\"call\":999}");
    unit.sees("\"rejected\"");
    let page = room.ok(&["show", &call]);
    assert!(page.contains("disposition: helped"), "{page}");
    // The end of its input is its end, once all is sent.
    unit.types("{\"do\":\"message\",\"text\":\"done here\"}");
    unit.keys = None;
    unit.sees("\"do\":\"message\"");
    assert_eq!(unit.code(), Some(0));
}

#[test]
fn one_key_places_one_call() {
    let room = Room::open();
    let key = ["--key", "5b0e3c1a-6f0e-4f7e-9a53-0d6d3f1c2b4a"];
    let first = room.json(&[&["call", "--kind", "threat"], &key[..]].concat());
    let again = room.json(&[&["call", "--kind", "threat"], &key[..]].concat());
    assert_eq!((&first["repeated"], &again["repeated"]), (&false.into(), &true.into()));
    for field in ["call", "received_at", "priority"] {
        assert_eq!(first[field], again[field], "{field}");
    }
    assert_eq!(room.json(&["calls"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let room = Room::open();
    let data = room.data();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let said = Said::from(fifteen(&args).output().unwrap(), &args);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    let error = said.err.lines().last().unwrap();
    assert!(error.contains(data.to_str().unwrap()) && error.contains("in use"), "{error}");
    room.ok(&["health"]);
}

#[test]
fn the_board_is_the_same_after_a_restart() {
    let mut room = Room::open();
    let id = room.ok(&["call", "--kind", "stalking", "--district", "south", "--name", HER[0]]);
    room.ok(&["call", "--kind", "acid attack", "--sos"]);
    let mut unit = room.unit(&["CAR-2", "--json"]);
    unit.sees("signed_on");
    room.ok(&["op", "assign", &id, "CAR-2"]);
    room.ok(&["op", "note", &id, HER[3]]);
    unit.sees("assigned");
    let before = room.json(&["calls"]);
    room.restart();
    assert_eq!(room.json(&["calls"]), before);
    // The server is elsewhere now, so this unit's screen is on its own: it says so and stays.
    unit.sees("\"up\":false");
    unit.keys = None;
    let page = room.ok(&["show", &id]);
    assert!(page.contains(HER[0]) && page.contains(HER[3]), "{page}");
}

#[test]
fn who_she_is_stays_out_of_boards_logs_and_rejections() {
    let mut room = Room::open();
    let id = room.ok(&[
        "call",
        "--name",
        HER[0],
        "--number",
        HER[1],
        "--place",
        HER[2],
        "--note",
        HER[3],
        "--dropped",
        "--district",
        "east",
    ]);
    let unit = room.unit(&["CAR-3"]);
    unit.sees("on duty");
    let mut seen = String::new();
    let mut keep = |said: Said| seen.push_str(&format!("{}\n{}\n", said.out, said.err));
    room.ok(&["op", "assign", &id, "CAR-3"]);
    unit.sees(HER[0]);
    let long = HER[3].repeat(400);
    for args in [
        &["op", "note", &id, HER[3]][..],
        &["op", "note", &id, &long],
        &["op", "callback", &id, "reached", "--note", HER[3]],
        &["op", "close", &id, "hoax", "--remark", HER[3]],
        &["op", "close", &id, "nothing", "--remark", HER[3]],
        &["op", "assign", &id],
        &["calls"],
        &["calls", "--json"],
        &["health", "--json"],
    ] {
        keep(room.run(args));
    }
    let page = room.ok(&["show", &id]);
    assert!(HER.iter().all(|her| page.contains(her)), "{page}");
    room.restart();
    keep(room.run(&["calls"]));
    seen.push_str(&room.log());
    assert!(seen.contains("session"), "the log is there");
    for her in HER {
        assert!(!seen.contains(her), "{her:?} leaked");
    }
}

#[test]
fn silence_escalates_and_the_board_says_so() {
    let room = Room::open_with(|config| {
        let config = config.replace("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"1s\"");
        config.replace("every = \"15m\"", "every = \"1s\"")
    });
    let id = room.ok(&["call", "--kind", "abduction"]);
    let page = room.until(&["show", &id], "acknowledge: DPO told");
    assert!(in_order(&page, &["missed by", "rung", "acknowledge: cell in-charge told"]), "{page}");
    let board = room.ok(&["calls"]);
    assert!(in_order(&board, &["acknowledge missed by 0", "rung", "abduction"]), "{board}");
    assert!(room.ok(&["op", "take", &id, "--as", "dpo"]).contains("taken by dpo"));
}

/// A room that lets nobody in but whom the people file names.
fn guarded() -> (Room, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let config = include_str!("../dispatch.toml").replace("# people_file", "people_file");
    let path = dir.path().join("dispatch.toml");
    std::fs::write(&path, config).unwrap();
    let added = typed(
        fifteen(&[
            "user",
            "add",
            "amina",
            "--role",
            "operator",
            "--config",
            path.to_str().unwrap(),
        ]),
        "kolibri-7-kolibri",
    );
    assert_eq!(added.code, 0, "{}", added.err);
    let (child, address) = Room::serve(dir.path());
    (Room { child, address, dir }, path)
}

/// A command that is given one line on stdin. One that refuses before it reads has closed it.
fn typed(mut command: Command, line: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Err(error) = writeln!(child.stdin.take().unwrap(), "{line}") {
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "{error}");
    }
    Said::from(child.wait_with_output().unwrap(), &["typed"])
}

#[test]
fn who_has_logged_in_is_let_in_and_no_secret_is_ever_told() {
    let (room, _) = guarded();
    let as_amina = ["calls", "--as", "amina"];
    let without = room.run(&as_amina);
    assert!(without.code == 2 && without.err.contains("(bad_token)"), "{}", without.err);
    let wrong = typed(room.command(&["login", "--as", "amina"]), "sperling-9-sperling");
    assert!(wrong.code == 1 && wrong.err.contains("(bad_token)"), "{} {}", wrong.out, wrong.err);
    let right = typed(room.command(&["login", "--as", "amina"]), "kolibri-7-kolibri");
    assert!(right.code == 0 && right.out.contains("logged in until"), "{}", right.err);
    assert!(room.ok(&as_amina).contains("no calls") || !room.ok(&as_amina).is_empty());
    let others = room.run(&["calls", "--as", "bilal"]);
    assert!(others.code == 2 && others.err.contains("(bad_token)"), "{}", others.err);
    let kept: Vec<_> = std::fs::read_dir(room.dir.path().join("state/fifteen"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1);
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept[0].metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&kept[0]).unwrap();
    let people = std::fs::read_to_string(room.dir.path().join("people.toml")).unwrap();
    for text in [room.log(), people, right.out, right.err, wrong.err] {
        for secret in ["kolibri", "sperling", token.trim()] {
            assert!(!text.contains(secret), "a secret is told");
        }
    }
}

#[test]
fn a_token_is_read_from_file_or_environment() {
    let (room, config) = guarded();
    let config = config.to_str().unwrap();
    let made =
        ["user", "token", "amina", "--valid", "90days", "--label", "desk", "--config", config];
    let token = room.ok(&made).trim().to_owned();
    let args = ["calls", "--as", "amina"];
    let mut command = room.command(&args);
    let by_environment = Said::from(command.env("FIFTEEN_TOKEN", &token).output().unwrap(), &args);
    assert_eq!(by_environment.code, 0, "{}", by_environment.err);
    let file = room.dir.path().join("mine");
    let with_file = ["calls", "--as", "amina", "--token-file", file.to_str().unwrap()];
    std::fs::write(&file, format!("{token}\n")).unwrap();
    room.ok(&with_file);
    std::fs::write(&file, "\n").unwrap();
    let empty = room.run(&with_file);
    assert!(empty.code == 2 && empty.err.contains("holds no token"), "{}", empty.err);
    let list = room.ok(&["user", "list", "--config", config]);
    assert!(list.contains("amina") && list.contains("desk") && !list.contains(&token), "{list}");
    room.ok(&["user", "revoke", "amina", "--config", config]);
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let revoked = loop {
        // The server reads the file when it comes to it.
        let said = room.run(&with_file);
        if said.code != 0 {
            break said;
        }
    };
    assert!(revoked.err.contains("(bad_token)"), "{}", revoked.err);
}

#[test]
fn people_that_cannot_be_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let people = dir.path().join("people.toml");
    let user = |args: &[&str], line: &str| {
        let mut command = fifteen(&["user"]);
        command.args(args).arg("--people").arg(&people).env_remove("FIFTEEN_CONFIG");
        typed(command, line)
    };
    assert_eq!(user(&["add", "amina", "--role", "operator"], "long enough a word").code, 0);
    for (args, line, word) in [
        (&["add", "amina", "--role", "operator"][..], "long enough a word", "already"),
        (&["add", "bilal", "--role", "operator"], "short", "at least 12"),
        (&["add", " bilal", "--role", "operator"], "", "blanks"),
        (&["add", "bilal", "--role", "president"], "", "none of"),
        (&["disable", "bilal"], "", "not in the people file"),
        (&["revoke", "amina", "12345678"], "", "no such token"),
        (&["token", "amina", "--valid", "0s"], "", "--valid"),
    ] {
        let said = user(args, line);
        assert!(said.code == 2 && said.err.contains(word), "{args:?}: {} {}", said.code, said.err);
    }
    let mut nowhere = fifteen(&["user", "list"]);
    let said = Said::from(nowhere.env_remove("FIFTEEN_CONFIG").output().unwrap(), &["user"]);
    assert!(said.code == 2 && said.err.contains("--people FILE"), "{}", said.err);
}

#[test]
fn health_is_ok_and_a_line_a_fact() {
    let room = Room::open();
    room.ok(&["call"]);
    let page = room.ok(&["health"]);
    assert!(in_order(&page, &["ok", "open calls       1", "units on duty    0"]), "{page}");
    let status = room.json(&["health", "--role", "admin"]);
    assert_eq!((&status["ok"], &status["open_calls"]), (&true.into(), &1.into()));
}

#[test]
fn health_is_red_and_exit_code_1_when_something_is_wrong() {
    let mut room = Room::open();
    room.ok(&["call"]);
    room.stop();
    std::fs::remove_dir_all(room.data().join("log")).unwrap();
    (room.child, room.address) = Room::serve(room.dir.path());
    let said = room.run(&["health"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.starts_with("PROBLEM: at the start"), "{}", said.out);
    assert!(said.out.contains("open calls       1"), "{}", said.out);
}

#[test]
fn a_board_longer_than_asked_says_that_there_is_more() {
    let room = Room::open();
    for _ in 0..3 {
        room.ok(&["call", "--kind", "evil \u{1b}[2J kind"]);
    }
    let said = room.run(&["calls", "--limit", "2"]);
    assert!(said.err.contains("more than 2"), "{}", said.err);
    assert!(!said.out.contains('\u{1b}'), "a caller's words steer no terminal: {:?}", said.out);
    assert_eq!(room.json(&["calls", "--limit", "2"]).as_array().unwrap().len(), 2);
    assert_eq!(room.ok(&["calls", "--district", "elsewhere"]), "no such calls");
}

#[test]
fn a_crew_with_two_calls_says_which() {
    let room = Room::open();
    let (a, b) = (room.ok(&["call"]), room.ok(&["call"]));
    let mut unit = room.unit(&["CAR-4", "--json"]);
    unit.sees("signed_on");
    room.ok(&["op", "assign", &a, "CAR-4"]);
    unit.sees("\"assigned\"");
    room.ok(&["op", "assign", &b, "CAR-4"]);
    unit.sees("\"assigned\"");
    unit.types("a");
    unit.types(&format!("e {b}"));
    let sent = unit.sees("\"event\":\"sent\"");
    assert!(sent.contains(&format!("\"call\":{b},\"do\":\"en_route\"")), "{sent}");
    unit.types(&format!("d {a} 2 flat tyres"));
    let sent = unit.sees("\"event\":\"sent\"");
    assert!(sent.contains(&format!("\"call\":{a},\"do\":\"decline\"")), "{sent}");
    unit.types(&format!("s {a}"));
    unit.sees("\"code\":\"not_assigned\"");
    unit.types("s");
    let sent = unit.sees("\"event\":\"sent\"");
    assert!(sent.contains("\"do\":\"on_scene\""), "{sent}");
    // The keyboard is gone, the screen stays.
    unit.keys = None;
    room.ok(&["op", "assign", &a, "CAR-4"]);
    unit.sees("\"assigned\"");
    let page = room.ok(&["show", &a]);
    assert!(page.contains("CAR-4 declined: 2 flat tyres"), "{page}");
}

#[test]
fn an_escalation_is_listed_and_taken_by_its_id() {
    let room = Room::open();
    let placed = room.json(&["call", "--kind", "harassment", "--number", HER[1]]);
    let call = placed["call"].as_u64().unwrap().to_string();
    assert_eq!(room.ok(&["escalations"]), "no escalations of open calls");
    room.ok(&["op", "escalate", &call, "--clock", "acknowledge"]);
    let listed = room.json(&["escalations"]);
    let id = listed[0]["escalation"].as_u64().unwrap().to_string();
    assert_eq!(listed[0]["office"], "cell in-charge");
    assert!(room.ok(&["escalations"]).contains("NOBODY"));
    let said = room.ok(&["take", &id, "--as", "Nadia"]);
    assert!(said.contains(&format!("cell in-charge of call {call} taken by Nadia")), "{said}");
    let after = room.json(&["escalations", "--call", &call]);
    assert_eq!(
        (&after[0]["taken_by"], &after[0]["seen"][0]["who"]),
        (&"Nadia".into(), &"Nadia".into())
    );
    assert!(!room.ok(&["escalations"]).contains("NOBODY"));
    assert!(room.no(&["take", "99"]).contains("escalation 99 is not known here"));
    assert!(!room.log().contains(HER[1]));
}

#[test]
fn a_test_of_the_channels_says_which_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("sms.json");
    let people = format!(
        r#"
[[channel]]
name = "sms"
kind = "command"
argv = ["/bin/sh", "-c", "cat > {}"]

[[channel]]
name = "pager"
kind = "command"
argv = ["/bin/sh", "-c", "exit 1"]

[[person]]
name = "Nadia"
office = "DPO"
channels = ["sms", "pager"]
phone = "+92 300 0000000"

# Whom a rung tells"#,
        out.display()
    );
    let config = include_str!("../dispatch.toml").replace("# Whom a rung tells", &people);
    let file = dir.path().join("dispatch.toml");
    std::fs::write(&file, config).unwrap();
    let args = ["notify", "test", "--json", "--config", file.to_str().unwrap()];
    let said = Said::from(fifteen(&args).output().unwrap(), &args);
    assert_eq!(said.code, 1, "{}", said.err);
    let tried: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&tried[0]["channel"], &tried[0]["problem"]), (&"sms".into(), &Value::Null));
    assert_eq!(tried[1]["channel"], "pager");
    assert!(tried[1]["problem"].is_string());
    let letter: Value = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!((&letter["type"], &letter["person"]), (&"test".into(), &"Nadia".into()));
    let nobody = ["notify", "test"];
    let said = Said::from(fifteen(&nobody).output().unwrap(), &nobody);
    assert!(said.code != 0 && said.err.contains("nobody to send a test to"), "{}", said.err);
}

/// A made-up year drawn from the shipped city; its figures.
fn year(args: &[&str]) -> Value {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sf_police_2026.csv.gz");
    let args = [&["--json", "replay", trace, "--year", "3000"], args].concat();
    let output = fifteen(&args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_made_up_year_is_the_same_by_its_seed_and_another_by_another() {
    let (one, again, other) = (year(&[]), year(&["--seed", "15"]), year(&["--seed", "16"]));
    assert_eq!(one["calls"], 3_000);
    assert_eq!(one["digest"], again["digest"]);
    assert_ne!(one["digest"], other["digest"]);
}

#[test]
fn a_year_needs_a_recorded_end_to_draw_from() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("open.csv");
    let head = fifteen::trace::reader::COLUMNS.join(",");
    let row = "1,2026-01-31T23:59:59.000Z,phone,ASSAULT,1,,,,,,,,,,";
    std::fs::write(&trace, format!("{head}\n{row}\n")).unwrap();
    let output = fifteen(&["replay", trace.to_str().unwrap(), "--year", "10"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no call whose end was recorded"), "{said}");
}

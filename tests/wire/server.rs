//! A room of a test: its folder, its rules, and the server process that serves it.

use fifteen::seal::{Keyring, default_path};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest anything is waited for. The machine may be slow and shared: only a hang fails by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a dispatch.toml: the shipped one, changed where the test says so.
pub(crate) struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    /// The shipped rules with each first text replaced by its second, wherever it stands; no canary.
    pub(crate) fn new(changes: &[(&str, &str)]) -> Self {
        Self::new_in(&std::env::temp_dir(), changes)
    }

    /// The same in a folder below `home`.
    pub(crate) fn new_in(home: &Path, changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir_in(home).unwrap();
        let mut rules = fifteen::config::SHIPPED.to_owned();
        for (from, to) in changes.iter().copied().chain([("every = \"5m\"", "every = \"0s\"")]) {
            let canary = from == "every = \"5m\"" && to == "every = \"0s\"";
            assert!(canary || rules.contains(from), "the rules do not say {from:?}");
            rules = rules.replace(from, to);
        }
        let path = folder.path().join("dispatch.toml");
        fs::write(&path, rules).unwrap();
        // The power of its disk may go: the rules of the test are there all the same.
        for durable in [&*path, folder.path(), home] {
            File::open(durable).and_then(|it| it.sync_all()).unwrap();
        }
        Self { folder }
    }

    /// A file beside dispatch.toml.
    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Where a file beside dispatch.toml is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The shipped rules with a people file, and nobody in it yet.
    pub(crate) fn with_people(changes: &[(&str, &str)]) -> Self {
        let people = ("# people_file = \"people.toml\"", "people_file = \"people.toml\"");
        Self::new(&[&[people], changes].concat())
    }

    /// The people file.
    pub(crate) fn people(&self) -> PathBuf {
        self.folder.path().join("people.toml")
    }

    /// `fifteen user` with a password on its stdin; what it printed.
    pub(crate) fn user(&self, args: &[&str], password: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.arg("user").args(args).arg("--people").arg(self.people());
        command.env_remove("FIFTEEN_CONFIG").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that asks for none may be gone by now.
        let _ = writeln!(child.stdin.take().unwrap(), "{password}");
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{args:?}: {said}");
        assert!(!said.contains("NOT YET IN FORCE"), "{said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Adds a machine and makes its token.
    pub(crate) fn machine(&self, name: &str, roles: &[&str]) -> String {
        let roles = roles.iter().flat_map(|role| ["--role", role]);
        let args: Vec<&str> = ["add", name, "--no-password"].into_iter().chain(roles).collect();
        self.user(&args, "");
        self.user(&["token", name, "--valid", "1h"], "")
    }

    /// Where the log is.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its log, an event a line, without what is sealed.
    pub(crate) fn dump(&self) -> String {
        let mut dump = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        let said = dump.args(["journal", "dump"]).arg(self.data()).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    }

    /// The keys to what is sealed in the log; a server must have made them.
    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::load(&default_path(&self.data())).unwrap().unwrap()
    }

    /// The server's command line.
    pub(crate) fn command(&self, listen: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.arg("serve").args(["--listen", listen]);
        command.arg("--data").arg(self.data());
        command.arg("--config").arg(self.folder.path().join("dispatch.toml"));
        command.env_remove("FIFTEEN_CONFIG").stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until clients can connect.
    pub(crate) fn serve(&self) -> Server {
        self.serve_at("127.0.0.1:0")
    }

    /// The same on this address.
    pub(crate) fn serve_at(&self, listen: &str) -> Server {
        self.start(self.command(listen))
    }

    /// Starts a drill whose temporary files go below `scratch`.
    pub(crate) fn serve_drill(&self, args: &[&str], scratch: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command.arg("serve").args(["--listen", "127.0.0.1:0"]).args(args);
        command.arg("--config").arg(self.folder.path().join("dispatch.toml"));
        command.env_remove("FIFTEEN_CONFIG").env("TMPDIR", scratch).stdin(Stdio::null());
        command.current_dir(self.folder.path());
        self.start(command)
    }

    /// Runs this command line and waits until clients can connect.
    pub(crate) fn start(&self, mut command: Command) -> Server {
        let said = self.folder.path().join("stderr.log");
        let errors = File::options().create(true).append(true).open(&said).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // A test that has ended listens no more.
                let _ = sender.send(line);
            }
        });
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the server is not ready: {}", last_lines(&said));
        };
        let address = line.strip_prefix("ready ").expect("ready ADDR");
        Server { address: address.parse().unwrap(), child, said }
    }
}

fn last_lines(path: &PathBuf) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let mut last = String::new();
    for line in &lines[lines.len().saturating_sub(20)..] {
        let _ = writeln!(last, "{line}");
    }
    last
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    said: PathBuf,
}

impl Server {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success(), "kill -s {name}");
    }

    /// Waits for the end of a server that was told to end.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(status) => status,
            Err(_) => panic!("the server does not end: {}", last_lines(&self.said)),
        }
    }

    /// SIGTERM; must end with success.
    pub(crate) async fn stop(self) {
        self.signal("TERM");
        let said = self.said.clone();
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", last_lines(&said));
    }

    /// Must be running.
    pub(crate) fn assert_up(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the server ended, {status}: {}", last_lines(&self.said));
        }
    }

    /// What the server has said to its operator, all starts together.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `found` gives something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut found: impl FnMut() -> F,
) -> T {
    let polling = async {
        loop {
            if let Some(it) = found().await {
                return it;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, polling).await {
        Ok(it) => it,
        Err(_) => panic!("never came: {what}"),
    }
}

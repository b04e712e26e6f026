//! The contenders' processes, started as they must be to keep what they acknowledge, on loopback, in folders of their
//! own; ended by pid.

use bytes::BytesMut;
use fifteen::protocol::FrameCodec;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::{Decoder, Encoder};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    Fifteen,
    Redis,
    Postgres,
    Beanstalkd,
    Echo,
}

impl Contender {
    pub const ALL: [Self; 5] =
        [Self::Fifteen, Self::Redis, Self::Postgres, Self::Beanstalkd, Self::Echo];

    pub fn name(self) -> &'static str {
        match self {
            Self::Fifteen => "fifteen",
            Self::Redis => "Redis",
            Self::Postgres => "PostgreSQL",
            Self::Beanstalkd => "beanstalkd",
            Self::Echo => "echo",
        }
    }
}

/// A server; ended when dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    /// What is really to be ended, and how, where the child is only its starter.
    postgres: Option<(PathBuf, PathBuf)>,
    folder: PathBuf,
}

impl Server {
    /// Starts a contender with an empty folder below `dir`; `None` when it is not installed.
    pub fn start(contender: Contender, dir: &Path) -> Option<Self> {
        Self::start_under(contender, dir, &[])
    }

    /// The same with these words of fifteen's rules changed.
    pub fn start_under(contender: Contender, dir: &Path, changes: &[(&str, &str)]) -> Option<Self> {
        let folder = dir.join(contender.name());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        match contender {
            Contender::Fifteen => rules(&folder, changes),
            Contender::Postgres => init_postgres(&folder)?,
            _ => {}
        }
        let started = Self::launch(contender, &folder)?;
        if contender == Contender::Postgres {
            create_tables(started.address.port());
        }
        Some(started)
    }

    /// Ends it as a crash would and starts it again; gives how long that took until it answers, in seconds.
    pub fn crash(mut self, contender: Contender) -> (Self, f64) {
        self.end();
        let began = Instant::now();
        let again = Self::launch(contender, &self.folder).expect("it started before");
        if contender == Contender::Redis {
            while !answers_pong(again.address) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let took = began.elapsed().as_secs_f64();
        // The folder is the other's now.
        self.folder = PathBuf::new();
        (again, took)
    }

    /// Ends it in order and starts it again, as [`Server::crash`].
    pub fn restart(mut self) -> (Self, f64) {
        Command::new("kill").arg(self.child.id().to_string()).status().expect("asked to stop");
        self.child.wait().expect("stopped");
        self.crash(Contender::Fifteen)
    }

    fn launch(contender: Contender, folder: &Path) -> Option<Self> {
        let folder = folder.to_owned();
        let started = match contender {
            Contender::Fifteen => fifteen(&folder),
            Contender::Echo => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.arg("echo-server");
                saying_where(command, &folder)
            }
            Contender::Beanstalkd => by_port("beanstalkd", &folder, |command, port| {
                command.args(["-f0", "-l", "127.0.0.1", "-p", &port.to_string(), "-b"]).arg(&folder)
            })?,
            Contender::Redis => by_port("redis-server", &folder, |command, port| {
                command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
                command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
                command.arg("--dir").arg(&folder)
            })?,
            Contender::Postgres => postgres(&folder)?,
        };
        Some(started)
    }

    fn end(&mut self) {
        if let Some((bin, data)) = &self.postgres {
            let stopped = as_postgres(&format!(
                "{}/pg_ctl -s -m immediate -D {} stop",
                bin.display(),
                data.display()
            ));
            eprint!("{stopped}");
        }
        // One that is gone already need not be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said since it was started last.
    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default()
    }

    /// Resident memory of the child, MiB; no number where others do its work.
    pub fn resident_mib(&self) -> f64 {
        if self.postgres.is_some() {
            return f64::NAN;
        }
        resident_mib(self.child.id())
    }
}

/// Resident memory of a process, MiB.
pub fn resident_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            self.end();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn answers_pong(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"+PONG"
}

fn quiet(command: &mut Command, folder: &Path) {
    let said = File::create(folder.join("stderr.log")).expect("a file");
    command.stdin(Stdio::null()).stderr(said);
}

/// A child that prints where it listens: the last word of a line that ends in an address.
fn saying_where(mut command: Command, folder: &Path) -> Server {
    quiet(&mut command, folder);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_whitespace().find_map(|word| word.parse().ok()));
    std::thread::spawn(move || lines.for_each(drop));
    let address = address.unwrap_or_else(|| panic!("it did not start: see {}", folder.display()));
    Server { address, child, postgres: None, folder: folder.to_owned() }
}

fn rules(folder: &Path, changes: &[(&str, &str)]) {
    // The room as shipped; only that one address knocks here, more often than a stranger may.
    let own = [
        ("connections_per_second = 100 ", "connections_per_second = 100000 "),
        ("handshakes_per_address = 128 ", "handshakes_per_address = 1024 "),
    ];
    let mut rules = fifteen::config::SHIPPED.to_owned();
    for (from, to) in own.iter().chain(changes) {
        assert!(rules.contains(from), "the rules do not say {from:?}");
        rules = rules.replace(from, to);
    }
    fs::write(folder.join("dispatch.toml"), rules).expect("written");
}

fn fifteen(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(folder.join("dispatch.toml"));
    command.arg("--data").arg(folder.join("data")).env_remove("FIFTEEN_CONFIG");
    saying_where(command, folder)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

fn until_it_listens(port: u16) -> Option<SocketAddr> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..500 {
        if TcpStream::connect(address).is_ok() {
            return Some(address);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn by_port(
    program: &str,
    folder: &Path,
    with: impl FnOnce(&mut Command, u16) -> &mut Command,
) -> Option<Server> {
    let port = free_port();
    let mut command = Command::new(program);
    quiet(with(&mut command, port), folder);
    let child = command.stdout(Stdio::null()).spawn().ok()?;
    let address = until_it_listens(port).unwrap_or_else(|| panic!("{program} did not start"));
    Some(Server { address, child, postgres: None, folder: folder.to_owned() })
}

/// PostgreSQL runs as nobody's root: its own account does it.
fn as_postgres(line: &str) -> String {
    let output = Command::new("su").args(["postgres", "-c", line]).output().expect("su ran");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn postgres_bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|entry| entry.path().join("bin")).max()
}

fn init_postgres(folder: &Path) -> Option<()> {
    let bin = postgres_bin()?;
    std::os::unix::fs::chown(folder, Some(account("postgres")?), None).ok()?;
    let (bin, at) = (bin.display(), folder.join("d"));
    as_postgres(&format!("{bin}/initdb -D {} -A trust -U postgres >/dev/null", at.display()));
    Some(())
}

fn create_tables(port: u16) {
    for sql in [
        "create table calls(id bigserial primary key, prio int, deadline timestamptz, state int, body text)",
        "create index on calls(state, prio, id)",
        "create index on calls(deadline) where state = 0",
    ] {
        as_postgres(&format!("psql -q -h 127.0.0.1 -p {port} -c '{sql}'"));
    }
}

fn postgres(folder: &Path) -> Option<Server> {
    let (bin, data, port) = (postgres_bin()?, folder.join("d"), free_port());
    let (bin_at, at, sockets) = (bin.display(), data.display(), folder.display());
    as_postgres(&format!(
        "{bin_at}/pg_ctl -s -w -D {at} -l {sockets}/log start \
         -o '-p {port} -k {sockets} -c listen_addresses=127.0.0.1 -c max_connections=400'"
    ));
    let address = until_it_listens(port)?;
    // Its processes are its own postmaster's children.
    let child = Command::new("sleep").arg("infinity").spawn().ok()?;
    Some(Server { address, child, postgres: Some((bin, data)), folder: folder.to_owned() })
}

fn account(name: &str) -> Option<u32> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// The same framing, no engine, no disk: what this machine's loopback gives at most.
pub fn serve_echo() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("echo on {}", listener.local_addr().expect("its address"));
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("set");
            tokio::spawn(async move {
                let (mut read, mut out) = (BytesMut::new(), BytesMut::new());
                let mut codec = FrameCodec::for_server();
                while stream.read_buf(&mut read).await.is_ok_and(|bytes| bytes > 0) {
                    while let Ok(Some(frame)) = codec.decode(&mut read) {
                        codec.encode(frame, &mut out).expect("what came in goes out");
                    }
                    if stream.write_all(&out).await.is_err() {
                        break;
                    }
                    out.clear();
                }
            });
        }
    });
}

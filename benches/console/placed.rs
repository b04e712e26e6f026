//! From a call placed to the console that shows it: a server of its own, one client that places and one that follows
//! as the console does. The commit to both logs is in it.

use crate::line;
use crate::screen::Screen;
use fifteen::client::{Client, Update, Updates};
use fifteen::console::Msg;
use fifteen::protocol::{CloseCall, Hello, PlaceCall, ReplyBody, Role, Source};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const TIMES: usize = 300;
const SIZE: (u16, u16) = (250, 70);
const AT_ONCE: usize = 64;

/// A server whose log goes with it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"));
        command.env_remove("FIFTEEN_CONFIG").stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the built program");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("it says when it is ready");
        let address = line.trim().trim_start_matches("ready ").to_owned();
        Self { child, address, _folder: folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_call(priority: u8) -> PlaceCall {
    let call = PlaceCall::new(Source::PhoneLine, "Lahore", "stalking");
    PlaceCall { priority: Some(priority), ..call }
}

/// The console, and what the server says to it.
struct Follower {
    screen: Screen,
    updates: Updates,
}

impl Follower {
    async fn take(&mut self) {
        let update: Update = self.updates.next().await.expect("the server goes on");
        self.screen.take(Msg::Pushed(Box::new(update)));
    }

    /// Takes what comes and draws, until the words stand on the screen.
    async fn until(&mut self, words: &str) {
        while !self.screen.read().contains(words) {
            self.take().await;
        }
    }
}

async fn place(client: &Client, priority: u8) -> u64 {
    let reply = client.request(a_call(priority)).await.expect("the server goes on");
    match reply.body {
        ReplyBody::CallPlaced(placed) => placed.call,
        other => unreachable!("a call placed is answered so, not {}", other.name()),
    }
}

async fn work(waiting: usize) {
    let server = Server::start();
    let connect = |role, who: &str| Client::connect(server.address.clone(), Hello::new(role, who));
    let caller = connect(Role::Intake, "bench").await.expect("a server");
    let operator = connect(Role::Operator, "Sana").await.expect("a server");
    for done in (0..waiting).step_by(AT_ONCE) {
        let batch = (done..waiting.min(done + AT_ONCE)).map(|_| place(&caller, 3));
        futures_util::future::join_all(batch).await;
    }
    let updates = operator.pushes().await.expect("operators may follow");
    let mut console = Follower { screen: Screen::new(SIZE), updates };
    console.screen.welcomed(operator.welcome().expect("it is up"));
    let whole = format!("WAITING {waiting}");
    while waiting > 0 && !console.screen.read().contains(&whole) {
        console.take().await;
    }
    let (mut shown, mut answered) = (Vec::with_capacity(TIMES), Vec::with_capacity(TIMES));
    for _ in 0..TIMES {
        let from = Instant::now();
        let placing = async {
            let call = place(&caller, 1).await;
            (call, from.elapsed())
        };
        tokio::pin!(placing);
        let (call, took) = loop {
            tokio::select! {
                placed = &mut placing => break placed,
                () = console.take() => console.screen.draw(),
            }
        };
        answered.push(took);
        // Of all waiting calls the only one of priority 1: it stands first.
        console.until(&format!("{call} P1")).await;
        shown.push(from.elapsed());
        let close = CloseCall { call, disposition: "helped".into(), remark: None };
        operator.request(close).await.expect("an operator may close");
        while console.screen.read().contains(&format!("{call} P1"))
            && console.screen.model.room.call(call).is_some_and(|it| it.closed_at.is_none())
        {
            console.take().await;
        }
    }
    println!(" {waiting} calls waiting besides");
    println!("{}", line("placed to its answer", answered));
    println!("{}", line("placed to shown", shown));
}

pub(crate) fn measure() {
    println!(
        "call placed to shown by the console, {} x {}; a console that drew within the last 33 ms adds the rest of them",
        SIZE.0, SIZE.1
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for waiting in [0, 10_000] {
        runtime.block_on(work(waiting));
    }
}

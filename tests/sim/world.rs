//! One run: a disk, a network, people, and a server that is started, dies and is started again, all
//! on one thread and on virtual time.

use crate::dice::Dice;
use crate::disk::{Crash, Disk, Log};
use crate::ear::Ear;
use crate::judge::{Verdict, judge};
use crate::net::Net;
use crate::people::{self, Town};
use crate::plan::{Fault, Plan};
use crate::post::SimPost;
use crate::seen::Seen;
use crate::signal::Signal;
use crate::time::SimTime;
use crate::women;
use fifteen::config::{SHIPPED, Settings};
use fifteen::journal::{Fold, Journal, replay_as, replay_from_start_as};
use fifteen::net::{Hall, LogFiles, Opened, WireFeed};
use fifteen::notify::{Clerk, Desk};
use fifteen::seal::{Keyring, Since};
use fifteen::service::Shift;
use fifteen::service::clock::RoomClock;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::sleep;

/// Room time after the last fault, in which everything must come right.
const QUIET_MS: u64 = 70 * 60_000;

/// Runs a plan and judges it. The story is told beside.
pub fn run(plan: &Plan) -> (Verdict, Vec<(u64, String)>) {
    people::shuffle_jitter(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let ear = Ear::default();
    let living = || LocalSet::new().block_on(&runtime, World::new(plan).live());
    let (mut verdict, story) = ear.over(living);
    verdict.wrong.extend(ear.verdict());
    (verdict, story)
}

/// The keys to what is sealed in the log, the same at every start.
pub fn keyring() -> Keyring {
    Keyring::from_seed([15; 32], Since { seq: 1, call: 1 })
}

fn settings(plan: &Plan) -> Settings {
    let mut text = SHIPPED
        .replace(
            "every = \"5m\"                    # a canary",
            "every = \"0s\"                    # a canary",
        )
        .replace("heartbeat = \"15s\"", "heartbeat = \"60s\"")
        .replace("trail_kept = \"30days\"", "trail_kept = \"1h\"")
        .replace("push_backlog_max = 8192", "push_backlog_max = 64")
        .replace("resume_max = 65536", "resume_max = 256")
        .replace("snapshot_every = 1000000", &format!("snapshot_every = {}", plan.snapshot_every));
    text.push_str("\n[[channel]]\nname = \"sms\"\nkind = \"command\"\nargv = [\"/bin/true\"]\n");
    text.push_str("\n[[channel]]\nname = \"pager\"\nkind = \"command\"\nargv = [\"/bin/true\"]\n");
    for office in ["cell in-charge", "DPO", "RPO", "DIG Operations", "room supervisor"] {
        for number in 1..=2 {
            text.push_str(&format!(
                "\n[[person]]\nname = \"{office} {number}\"\noffice = \"{office}\"\nphone = \"+92 300 0000000\"\nchannels = [\"sms\", \"pager\"]\n"
            ));
        }
    }
    let settings = Settings::parse(&text, "the simulation").unwrap();
    assert!(settings.canary.every.is_zero() && settings.listen.push_backlog_max == 64);
    settings
}

/// Why a server stopped.
enum Died {
    Crashed(&'static str),
    /// The log failed, or somebody else took it.
    Stopped(String),
}

struct World {
    plan: Plan,
    disk: Disk,
    seen: Seen,
    net: Net,
    time: SimTime,
    dice: Dice,
    quiet: Signal<bool>,
    faulty: Arc<AtomicBool>,
    channels_fail: Arc<AtomicBool>,
    servers: u64,
    /// When the quiet ends; never, before it began.
    ends_ms: u64,
}

/// A running server: the engine, and what waits beside it.
struct Server {
    shift: Shift<Log, WireFeed>,
    clock: RoomClock,
    ring: Arc<Notify>,
    alive: Arc<AtomicBool>,
    outbox: JoinHandle<()>,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let disk = Disk::new(plan.seed, &plan.faults);
        let seen = Seen::new(disk.clone());
        Self {
            net: Net::new(plan.seed, seen.clone()),
            disk,
            seen,
            time: SimTime::start(),
            dice: Dice::of(plan.seed, "world"),
            quiet: Signal::new(false),
            faulty: Arc::new(AtomicBool::new(true)),
            channels_fail: SimPost::fails(&plan.faults),
            servers: 0,
            ends_ms: u64::MAX,
            plan: plan.clone(),
        }
    }

    fn tell(&self, what: impl Into<String>) {
        self.seen.tell(self.time.ms(), what);
    }

    fn may(&self, fault: Fault) -> bool {
        self.faulty.load(Ordering::Relaxed) && self.plan.faults.contains(&fault)
    }

    async fn live(mut self) -> (Verdict, Vec<(u64, String)>) {
        let town = Town {
            net: self.net.clone(),
            seen: self.seen.clone(),
            time: self.time.clone(),
            plan: self.plan.clone(),
            quiet: self.quiet.clone(),
        };
        let mut people = vec![
            tokio::task::spawn_local(people::line(town.clone())),
            tokio::task::spawn_local(women::women(town.clone())),
        ];
        for number in 0..self.plan.operators {
            people.push(tokio::task::spawn_local(people::operator(town.clone(), number)));
        }
        for number in 0..self.plan.units {
            people.push(tokio::task::spawn_local(people::unit(town.clone(), number)));
        }
        for number in 0..self.plan.supervisors {
            people.push(tokio::task::spawn_local(people::supervisor(town.clone(), number)));
        }
        let breaking = tokio::task::spawn_local(trouble(
            self.plan.clone(),
            self.net.clone(),
            self.time.clone(),
            self.seen.clone(),
        ));
        let end_ms = self.plan.minutes * 60_000;
        let now_ms = loop {
            let Some(mut server) = self.start().await else { continue };
            match self.serve(&mut server, end_ms).await {
                None => break server.clock.now().0,
                Some(died) => self.bury(server, died).await,
            }
        };
        breaking.abort();
        for person in people {
            person.abort();
        }
        let book = self.seen.book();
        let frames = self.disk.frames();
        let verdict = judge(&frames, &book, now_ms);
        (verdict, book.story.clone())
    }

    /// Starts a server on what the disk has; none when it died at that.
    async fn start(&mut self) -> Option<Server> {
        self.servers += 1;
        let began = catch_unwind(AssertUnwindSafe(|| self.begin()));
        let (hall, shift, clock, ring) = match began {
            Ok(Ok(server)) => server,
            Ok(Err(why)) => {
                self.tell(format!("no start: {why}"));
                sleep(Duration::from_secs(5)).await;
                return None;
            }
            Err(payload) => {
                let when = crash_of(payload);
                self.tell(format!("the server died at its start, {when}"));
                sleep(Duration::from_secs(self.dice.span(1, 60))).await;
                return None;
            }
        };
        self.disk.started();
        let hall = Arc::new(hall);
        let alive = Arc::new(AtomicBool::new(true));
        let outbox = self.outbox(&hall, &clock, &alive);
        self.net.open(hall);
        Some(Server { shift, clock, ring, alive, outbox })
    }

    #[expect(clippy::type_complexity, reason = "the parts of one server, taken apart at once")]
    fn begin(&mut self) -> Result<(Hall, Shift<Log, WireFeed>, RoomClock, Arc<Notify>), String> {
        let log = self.disk.open();
        let keyring = keyring();
        let like = fifteen::service::Opened::with(keyring.clone());
        let replayed = replay_as(&log, &like).map_err(|error| error.to_string())?.state;
        let whole = replay_from_start_as(&log, &like).map_err(|error| error.to_string())?.state;
        if replayed.digest() != whole.digest() {
            self.seen.wrong("a snapshot and what follows give another state than the whole log");
        }
        let settings = settings(&self.plan);
        let clock = RoomClock::over(Arc::new(self.time.clone()), replayed.state.at, 1);
        let (seq, at) = (log.last().seq, clock.now().0);
        let ring = Arc::new(Notify::new());
        let bell = Arc::clone(&ring);
        let opened = Opened {
            journal: log,
            state: replayed.state,
            keyring,
            notes: Vec::new(),
            files: LogFiles { dir: "nowhere".into(), options: Default::default() },
        };
        let rings = Some(Arc::new(move || bell.notify_one()) as fifteen::service::Ring);
        let (hall, shift) = Hall::open(settings, opened, clock.clone(), rings)
            .map_err(|error| error.to_string())?;
        self.seen.book().starts.push((seq, at));
        self.tell(format!("a server starts behind transition {seq}"));
        Ok((hall, shift, clock, ring))
    }

    /// The real outbox's clerk, on a task of its own.
    fn outbox(
        &self,
        hall: &Arc<Hall>,
        clock: &RoomClock,
        alive: &Arc<AtomicBool>,
    ) -> JoinHandle<()> {
        let settings = settings(&self.plan);
        let clerk = Arc::new(Clerk::new(hall.handle(), Default::default()));
        let desk = Desk {
            wardens: Vec::new(),
            room: "the room".into(),
            zone: settings.time_zone(),
            roster: Arc::new(settings.roster.clone()),
            looks: Box::new(|_| false),
            report: Box::new(|_| None),
            tests: Default::default(),
        };
        let post = SimPost {
            clerk: Arc::clone(&clerk),
            alive: Arc::clone(alive),
            seen: self.seen.clone(),
            failing: Arc::clone(&self.channels_fail),
            dice: Dice::of(self.plan.seed, &format!("post {}", self.servers)).into(),
            forgotten: Arc::default(),
        };
        let (hall, clock) = (Arc::clone(hall), clock.clone());
        tokio::task::spawn_local(async move {
            let mut more = true;
            loop {
                if more || hall.ears().rang() {
                    more = !clerk.settle(&desk, &post, clock.now()).await;
                }
                sleep(Duration::from_millis(500)).await;
            }
        })
    }

    /// Gives the engine its turns until it dies or the run is over.
    async fn serve(&mut self, server: &mut Server, end_ms: u64) -> Option<Died> {
        let mut crash_at =
            self.may(Fault::CrashBetween).then(|| self.time.ms() + self.dice.wait_ms(40 * 60_000));
        loop {
            if self.time.ms() >= end_ms && !self.quiet.get() {
                self.tell("all quiet from here on");
                self.disk.behave();
                self.faulty.store(false, Ordering::Relaxed);
                self.channels_fail.store(false, Ordering::Relaxed);
                self.quiet.set(true);
                self.ends_ms = self.time.ms() + QUIET_MS;
                crash_at = None;
            }
            if self.time.ms() >= self.ends_ms {
                return None;
            }
            if crash_at.is_some_and(|at| at <= self.time.ms()) {
                return Some(Died::Crashed("between two turns"));
            }
            let due = deadline(&server.shift).map_or(Duration::MAX, |at| server.clock.until(at));
            let most = Duration::from_secs(60);
            tokio::select! {
                biased;
                () = server.ring.notified() => {}
                () = sleep(due.min(most)) => {}
            }
            if self.may(Fault::SlowDisk) && self.dice.once_in(40) {
                sleep(Duration::from_millis(self.dice.wait_ms(1_500))).await;
            }
            if self.may(Fault::SecondServer) && self.dice.once_in(3_000) {
                self.tell("a second server is started on the same log, and ended");
                let _ = catch_unwind(AssertUnwindSafe(|| self.begin().map(drop)));
                self.disk.started();
            }
            while server.shift.is_asked()
                || deadline(&server.shift).is_some_and(|at| at <= server.clock.now())
            {
                match catch_unwind(AssertUnwindSafe(|| server.shift.turn())) {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Some(Died::Stopped(error.to_string())),
                    Err(payload) => return Some(Died::Crashed(crash_of(payload))),
                }
                if self.dice.once_in(200) {
                    let state = server.shift.engine().state();
                    self.seen.book().digests.push((state.seq, state.digest()));
                }
            }
        }
    }

    /// A server is dead. What it had handed to the network may still leave.
    async fn bury(&mut self, server: Server, died: Died) {
        match died {
            Died::Crashed(when) => self.tell(format!("the server dies {when}")),
            Died::Stopped(why) => self.tell(format!("the server stops: {why}")),
        }
        let Server { shift, alive, outbox, .. } = server;
        drop(shift);
        outbox.abort();
        alive.store(false, Ordering::Relaxed);
        if self.dice.once_in(2) {
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        }
        self.net.close();
        let down_ms = if self.dice.once_in(6) {
            self.dice.wait_ms(40 * 60_000)
        } else {
            self.dice.wait_ms(4_000)
        };
        sleep(Duration::from_millis(down_ms)).await;
    }
}

/// The text of a panic that was no crash goes on as the panic it is.
fn crash_of(payload: Box<dyn std::any::Any + Send>) -> &'static str {
    match payload.downcast::<Crash>() {
        Ok(crash) => crash.0,
        Err(other) => resume_unwind(other),
    }
}

/// What breaks outside the server.
async fn trouble(plan: Plan, net: Net, time: SimTime, seen: Seen) {
    let mut dice = Dice::of(plan.seed, "trouble");
    let kinds = [Fault::LinkCut, Fault::HalfOpen, Fault::SlowReader, Fault::WallClock];
    while time.ms() < plan.minutes * 60_000 {
        sleep(Duration::from_millis(dice.wait_ms(5 * 60_000))).await;
        let fault = *dice.pick(&kinds);
        let step_ms = i64::try_from(dice.wait_ms(20 * 60_000)).unwrap();
        let step_ms = if dice.once_in(2) { step_ms } else { -step_ms };
        if !plan.faults.contains(&fault) {
            continue;
        }
        seen.tell(time.ms(), format!("{fault:?}"));
        match fault {
            Fault::LinkCut => net.cut_one(),
            Fault::HalfOpen => net.silence_one(),
            Fault::SlowReader => net.slow_one(),
            _ => time.set_wall(if dice.once_in(3) { step_ms / 5_000 } else { step_ms }),
        }
    }
}

/// When the room next has something to do by itself.
fn deadline(shift: &Shift<Log, WireFeed>) -> Option<fifteen::domain::UtcMs> {
    shift.engine().next_deadline().into_iter().chain(shift.reopen_at()).min()
}

//! `kill -9` under load, again and again, and the power cut: what was acknowledged is there, once, and
//! what was due meanwhile has escalated.
//!
//! `FIFTEEN_KILLS` and `FIFTEEN_CUTS` set how often, `FIFTEEN_SEED` replays the moments and the load of a run as far as the
//! machine lets it.

use super::books::{self, KeyBytes, Receipt};
use super::disk::Disk;
use super::peer::{Peer, call_from, duty, report};
use super::server::{PATIENCE, Room, Server};
use fifteen::client::{Client, ClientConfig, ClientError, Connect};
use fifteen::domain::{Dated, Event, UtcMs};
use fifteen::engine::State;
use fifteen::journal::{Journal, Options, Store, replay_from_start};
use fifteen::protocol::{
    AddNote, AssignUnit, Claim, CloseCall, Hello, Key, RecordCallback, ReopenCall, Reply,
    ReplyBody, ReportedStatus, Request, Role,
};
use fifteen::seal::Keyring;
use fifteen::service::clock::{RoomClock, Stopwatch};
use fifteen::service::decode_sealed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// Desks, each with an operator's and a unit's connection: 64 clients.
const DESKS: usize = 32;
/// What is noted with every call-back.
const CALLBACK_NOTE: &str = "rang her back";
/// Receipts looked up over the wire after each restart.
const SAMPLE: usize = 12;
/// A neglected call is closed after so long: time for the whole ladder and some repeats.
const NEGLECT: Duration = Duration::from_millis(3_500);

/// Numbers from a seed (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

pub(crate) fn number_from(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// Wherever the server is now.
struct Door(watch::Receiver<SocketAddr>);

impl Connect for Door {
    type Io = TcpStream;

    async fn connect(&mut self) -> std::io::Result<TcpStream> {
        let address = *self.0.borrow();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Who sent a request, for sending it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Operator,
    Unit,
}

struct Asked {
    desk: usize,
    voice: Voice,
    request: Request,
}

/// What all desks asked and were told.
#[derive(Default)]
struct Ledger {
    asked: BTreeMap<KeyBytes, Asked>,
    receipts: Vec<Receipt>,
    repeated: usize,
    abandoned: usize,
    rejected: BTreeMap<String, usize>,
}

struct Desk {
    number: usize,
    dice: Dice,
    operator: Client,
    unit: Client,
    ledger: Arc<Mutex<Ledger>>,
    neglected: VecDeque<(u64, Instant)>,
    stop: watch::Receiver<bool>,
}

fn district(desk: usize) -> String {
    format!("D{desk}")
}

fn callsign(desk: usize) -> String {
    format!("Unit-{desk}")
}

impl Desk {
    async fn new(
        number: usize,
        seed: u64,
        door: &watch::Receiver<SocketAddr>,
        ledger: &Arc<Mutex<Ledger>>,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        let config = ClientConfig {
            backoff_min_ms: 5,
            backoff_max_ms: 60,
            patient: true,
            ..ClientConfig::default()
        };
        let connect = async |role, who: String| {
            let hello = Hello::new(role, who);
            Client::connect_with(Door(door.clone()), hello, config.clone()).await.unwrap()
        };
        Self {
            number,
            dice: Dice(seed.wrapping_mul(31).wrapping_add(number as u64)),
            operator: connect(Role::Operator, format!("Operator-{number}")).await,
            unit: connect(Role::Unit, callsign(number)).await,
            ledger: Arc::clone(ledger),
            neglected: VecDeque::new(),
            stop: stop.clone(),
        }
    }

    fn key(&mut self) -> KeyBytes {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.dice.roll().to_be_bytes());
        key[8..].copy_from_slice(&self.dice.roll().to_be_bytes());
        key
    }

    /// Asks once under a fresh key, through every death of the server. None: rejected, or given up without an answer.
    async fn ask(
        &mut self,
        voice: Voice,
        request: impl Into<Request>,
    ) -> Option<(KeyBytes, Reply)> {
        let request = request.into();
        let key = self.key();
        let asked = Asked { desk: self.number, voice, request: request.clone() };
        self.ledger.lock().unwrap().asked.insert(key, asked);
        let give_up = (self.dice.percent(4)).then(|| self.dice.below(4_000));
        let reply = self.ask_under(voice, key, request, give_up).await?;
        Some((key, reply))
    }

    async fn ask_under(
        &mut self,
        voice: Voice,
        key: KeyBytes,
        request: Request,
        give_up_us: Option<u64>,
    ) -> Option<Reply> {
        let what = request.name();
        let client = match voice {
            Voice::Operator => &self.operator,
            Voice::Unit => &self.unit,
        };
        let asking = client.request_with_key(request, Key(key));
        let limit = give_up_us.map_or(PATIENCE, Duration::from_micros);
        let answer = tokio::time::timeout(limit, asking).await;
        let mut ledger = self.ledger.lock().unwrap();
        match answer {
            Err(_) if give_up_us.is_some() => {
                ledger.abandoned += 1;
                None
            }
            Err(_) => panic!("{what} was never answered"),
            Ok(Ok(reply)) => {
                let call = match &reply.body {
                    ReplyBody::CallPlaced(placed) => Some(placed.call),
                    ReplyBody::Done(done) => done.call,
                    other => panic!("{what} was answered {other:?}"),
                };
                ledger.repeated += usize::from(reply.repeated);
                let seq = reply.seq.expect("a command's reply has a sequence");
                ledger.receipts.push(Receipt { key, seq, call, what });
                Some(reply)
            }
            Ok(Err(ClientError::Rejected(no))) => {
                *ledger.rejected.entry(no.code.to_string()).or_default() += 1;
                None
            }
            Ok(Err(error)) => panic!("{what}: {error}"),
        }
    }

    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn work(mut self) {
        self.ask(Voice::Operator, duty(&callsign(self.number))).await;
        while !self.stopped() {
            self.close_neglected().await;
            self.one_call().await;
        }
    }

    async fn close_neglected(&mut self) {
        while let Some((call, since)) = self.neglected.front().copied() {
            if since.elapsed() < NEGLECT {
                break;
            }
            self.neglected.pop_front();
            self.close(call).await;
        }
    }

    async fn close(&mut self, call: u64) {
        let disposition = "helped".into();
        let close = CloseCall { call, disposition, remark: None };
        self.ask(Voice::Operator, close).await;
    }

    async fn one_call(&mut self) {
        let mut call = call_from(&district(self.number));
        call.priority = u8::try_from(1 + self.dice.below(4)).ok();
        call.note = Some(format!("call of desk {}", self.number));
        let Some((key, reply)) = self.ask(Voice::Operator, call.clone()).await else {
            return;
        };
        let ReplyBody::CallPlaced(placed) = reply.body else {
            panic!("a call was answered {:?}", reply.body);
        };
        let id = placed.call;
        if self.dice.percent(15) {
            let again = self.ask_under(Voice::Operator, key, call.into(), None).await;
            let again = again.expect("what was done is not rejected");
            let same = matches!(&again.body, ReplyBody::CallPlaced(again) if again.call == id);
            assert!(same && again.repeated, "{again:?}");
        }
        if self.dice.percent(8) && self.neglected.len() < 8 {
            self.neglected.push_back((id, Instant::now()));
            return;
        }
        self.ask(Voice::Operator, Claim { call: id }).await;
        self.help(id).await;
        let note = AddNote { call: id, text: "said thank you".into() };
        self.ask(Voice::Operator, note).await;
        self.close(id).await;
        if self.dice.percent(10) {
            let reopen = ReopenCall { call: id, reason: None };
            self.ask(Voice::Operator, reopen).await;
            let outcome = fifteen::protocol::CallbackOutcome::Reached;
            let note = Some(CALLBACK_NOTE.into());
            let callback = RecordCallback { call: id, outcome, note };
            self.ask(Voice::Operator, callback).await;
            if self.dice.percent(50) {
                self.neglected.push_back((id, Instant::now()));
            } else {
                self.close(id).await;
            }
        }
    }

    /// A unit is sent, and reports; some keep the room waiting.
    async fn help(&mut self, call: u64) {
        if self.dice.percent(80) {
            let unit = callsign(self.number);
            self.ask(Voice::Operator, AssignUnit { call, unit }).await;
        }
        if self.dice.percent(5) {
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
        let steps = [
            (70, ReportedStatus::Acknowledged),
            (70, ReportedStatus::EnRoute),
            (85, ReportedStatus::OnScene),
        ];
        for (chance, status) in steps {
            if self.dice.percent(chance) {
                let unit = callsign(self.number);
                let (voice, unit) = if self.dice.percent(50) {
                    (Voice::Unit, None)
                } else {
                    (Voice::Operator, Some(&*unit))
                };
                self.ask(voice, report(call, unit, status)).await;
            }
        }
    }
}

pub(crate) fn wall() -> UtcMs {
    RoomClock::start(UtcMs(0)).now()
}

/// Looks some receipts up over the wire: shown, and the same key gives the same answer.
async fn look_up(server: &Server, dice: &mut Dice, ledger: &Mutex<Ledger>) -> usize {
    let mut peer = Peer::greeted(server.address, Role::Supervisor, "Auditor").await;
    let sample: Vec<(Receipt, Voice, Request)> = {
        let ledger = ledger.lock().unwrap();
        let count = ledger.receipts.len() as u64;
        (0..SAMPLE.min(ledger.receipts.len()))
            .map(|_| {
                // The latest ones were nearest to the kill.
                let back = dice.below(count.min(200)) + 1;
                let at = usize::try_from(count - back).unwrap();
                let receipt = ledger.receipts[at].clone();
                let asked = &ledger.asked[&receipt.key];
                (receipt, asked.voice, asked.request.clone())
            })
            .collect()
    };
    for (receipt, voice, request) in &sample {
        if let Some(call) = receipt.call {
            let shown = peer.show(call).await;
            assert_eq!(shown.summary.call, call);
            let event = books::event_of(receipt.what);
            let there =
                (shown.timeline.iter()).any(|line| line.event == event && line.seq <= receipt.seq);
            // Of a very long story the middle is left out.
            let whole = shown.timeline.len() < 250;
            assert!(there || !whole, "{receipt:?} is not in the call's story");
        }
        if *voice == Voice::Operator {
            let again = peer.ask_keyed(Some(Key(receipt.key)), request.clone()).await;
            assert_again(receipt, &again.unwrap());
        }
    }
    sample.len()
}

fn assert_again(receipt: &Receipt, again: &Reply) {
    assert!(again.repeated, "{receipt:?} was done again: {again:?}");
    if let ReplyBody::CallPlaced(placed) = &again.body {
        assert_eq!(Some(placed.call), receipt.call, "{receipt:?}");
    }
}

/// Sends every acknowledged request once more, each as whoever sent it first: all are repeats.
async fn send_all_again(server: &Server, ledger: &Mutex<Ledger>) -> usize {
    let mut by_voice: BTreeMap<(usize, bool), Vec<(Receipt, Request)>> = BTreeMap::new();
    {
        let ledger = ledger.lock().unwrap();
        for receipt in &ledger.receipts {
            let asked = &ledger.asked[&receipt.key];
            by_voice
                .entry((asked.desk, asked.voice == Voice::Unit))
                .or_default()
                .push((receipt.clone(), asked.request.clone()));
        }
    }
    let mut sent = 0;
    for ((desk, unit), requests) in by_voice {
        let (role, who) = if unit {
            (Role::Unit, callsign(desk))
        } else {
            (Role::Operator, format!("Operator-{desk}"))
        };
        let mut peer = Peer::greeted(server.address, role, &who).await;
        for some in requests.chunks(100) {
            let mut waiting = BTreeMap::new();
            for (receipt, request) in some {
                let id = peer.send(Some(Key(receipt.key)), request.clone()).await;
                waiting.insert(id, receipt);
            }
            while !waiting.is_empty() {
                let (id, answer) = peer.answer().await;
                assert_again(waiting.remove(&id).unwrap(), &answer.unwrap());
                sent += 1;
            }
        }
    }
    sent
}

/// The open calls as the server lists them.
async fn open_calls(server: &Server) -> BTreeSet<u64> {
    let mut peer = Peer::operator(server.address).await;
    let mut open = BTreeSet::new();
    for desk in 0..DESKS {
        for call in peer.calls(&district(desk)).await {
            assert!(open.insert(call.call), "call {} is listed twice", call.call);
        }
    }
    open
}

pub(crate) fn read_log(store: &Store, keyring: &Keyring) -> Vec<Dated> {
    let mut log = Vec::new();
    for frame in store.tail(1).unwrap() {
        let frame = frame.unwrap();
        log.extend(frame.records().map(|record| decode_sealed(record, keyring).unwrap()));
    }
    log
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_done_twice_by_kills_under_load() {
    let kills = number_from("FIFTEEN_KILLS", 50);
    println!("FIFTEEN_KILLS={kills}");
    dies_under_load(kills, &std::env::temp_dir(), None).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_done_twice_by_power_cuts_under_load() {
    let cuts = number_from("FIFTEEN_CUTS", 5);
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("disk");
    let Some(mut disk) = Disk::new(&home, 1_024) else { return };
    println!("FIFTEEN_CUTS={cuts}");
    dies_under_load(cuts, &home, Some(&mut disk)).await;
}

/// The room in `home` dies so often: killed, or with `disk`, which loses its power in the same moment.
async fn dies_under_load(kills: u64, home: &Path, mut disk: Option<&mut Disk>) {
    let seed = number_from("FIFTEEN_SEED", wall().0);
    println!("FIFTEEN_SEED={seed}");
    let watch = Stopwatch::start();
    let mut dice = Dice(seed);
    let room = Room::new_in(
        home,
        &[
            ("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"700ms\"\nwarn = [\"400ms\"]"),
            ("limit = \"90s\"", "limit = \"400ms\""),
            ("every = \"15m\"", "every = \"500ms\""),
            ("snapshot_every = 1000000", "snapshot_every = 7000"),
            ("keep_live = \"7days\"", "keep_live = \"10s\""),
        ],
    );
    let mut server = room.serve();
    let (door, at_door) = watch::channel(server.address);
    let (stopper, stop) = watch::channel(false);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut desks = Vec::new();
    for number in 0..DESKS {
        let desk = Desk::new(number, seed, &at_door, &ledger, &stop).await;
        desks.push(tokio::spawn(desk.work()));
    }
    let (mut dead, mut looked_up) = (Vec::new(), 0);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(100 + dice.below(700))).await;
        server.assert_up();
        if let Some(disk) = &disk {
            disk.cut();
        }
        let killed_at = wall();
        server.kill();
        if let Some(disk) = &mut disk {
            disk.back();
        }
        server = room.serve();
        door.send_replace(server.address);
        // A little apart, for clocks of two processes.
        dead.push((killed_at.plus(20), wall()));
        looked_up += look_up(&server, &mut dice, &ledger).await;
    }
    stopper.send_replace(true);
    for desk in desks {
        desk.await.unwrap();
    }
    let sent_again = send_all_again(&server, &ledger).await;
    let listed = open_calls(&server).await;
    server.stop().await;

    let store = Store::open(&room.data(), Options::default()).unwrap();
    let log = read_log(&store, &room.keyring());
    let folded = replay_from_start::<State>(&store).unwrap().state;
    // Only what was due while nobody could do it.
    for span in &mut dead {
        let first = log.iter().find(|dated| dated.at > span.0);
        span.1 = first.map_or(span.0, |dated| span.1.min(dated.at));
    }
    let ledger = ledger.lock().unwrap();
    let asked: BTreeSet<KeyBytes> = ledger.asked.keys().copied().collect();
    let audit = books::audit(&log, &ledger.receipts, &asked, &dead);
    println!(
        "{kills} kills, {} transitions, {} calls; {} requests asked, {} given up, {} replies acknowledged \
         ({} of them repeats), {:?} rejected; {} receipts compared, {looked_up} looked up after a restart, \
         {sent_again} sent again; {} escalations checked, {} due while dead and late; {:?}",
        log.len(),
        audit.calls,
        asked.len(),
        ledger.abandoned,
        ledger.receipts.len(),
        ledger.repeated,
        ledger.rejected,
        audit.receipts,
        audit.escalations,
        audit.late,
        watch.elapsed(),
    );
    let faults = &audit.faults;
    let some = &faults[..faults.len().min(20)];
    assert!(faults.is_empty(), "{} faults: {some:#?}", faults.len());
    assert_eq!(audit.receipts, ledger.receipts.len());
    assert_eq!(folded.strays, 0);
    let open = folded.calls().filter(|call| call.closed.is_none());
    let open: BTreeSet<u64> = open.map(|call| call.id.0).collect();
    assert_eq!(listed, open, "the list is the log's fold");
    // A call-back and its note are one: neither is ever there alone, nor twice.
    let rang: Vec<usize> = (0..log.len())
        .filter(|at| log[*at].transition.event.name() == "callback_recorded")
        .collect();
    let noted = rang.iter().filter(|at| {
        let next = log.get(**at + 1).map(|dated| &dated.transition.event);
        matches!(next, Some(Event::NoteAdded { text, .. }) if &*text.0 == CALLBACK_NOTE)
    });
    assert_eq!(noted.count(), rang.len());
    let notes = log.iter().filter(|dated| {
        matches!(&dated.transition.event, Event::NoteAdded { text, .. } if &*text.0 == CALLBACK_NOTE)
    });
    assert_eq!(notes.count(), rang.len());
    // A log whose power is gone says so before the server is.
    let failed = if disk.is_some() { "journal_failed" } else { "claimed" };
    let known = ["not_assigned", "call_closed", "out_of_order", "call_open", "claimed", failed];
    for code in ledger.rejected.keys() {
        assert!(known.contains(&&**code), "rejected as {code}");
    }
    if kills >= 20 {
        assert!(audit.receipts > 500 && audit.escalations > 50 && audit.late > 10);
    }
}

//! The built server under load: every byte it says to a client has its place among its writes and syncs. A crash before
//! or after any of them leaves what the client was told, and the keys to read it.

use crate::dice::Dice;
use crate::peer::{Peer, call_from, placed};
use crate::platter::{Lies, Platter};
use crate::server::Room;
use crate::strace::{Step, read, recorded};
use crate::{crashes, number, scratch};
use bytes::BytesMut;
use fifteen::domain::Dated;
use fifteen::journal::{Frame, Journal, JournalError, Options, Store};
use fifteen::protocol::{Claim, CloseCall, FrameCodec, Key, Rejection, Reply, Role, ServerMessage};
use fifteen::seal::{Keyring, default_path};
use fifteen::service::decode_sealed;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio_util::codec::Decoder;

const DESKS: u8 = 4;
const CALLS: u8 = 12;
/// Of one server: killed but for the last, which is stopped.
const LIVES: u8 = 3;

fn options() -> Options {
    Options { ballast_bytes: 0, prober: crate::common::options().prober, ..Options::default() }
}

/// One desk's share: calls taken, claimed and closed.
async fn work(server: std::net::SocketAddr, life: u8, desk: u8) {
    let mut peer = Peer::operator(server).await;
    let key = |step, call| Some(Key([life, desk, step, call, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]));
    for nth in 0..CALLS {
        let mut call = call_from("Gulberg");
        call.name = Some(format!("Name of {life} {desk} {nth}"));
        call.number = Some(format!("+92 300 {life:03}{desk:02}{nth:02}"));
        let reply = peer.ask_keyed(key(1, nth), call).await.unwrap();
        let call = placed(&reply).call;
        let done: Result<Reply, Rejection> = peer.ask_keyed(key(2, nth), Claim { call }).await;
        done.unwrap();
        if nth % 2 == 0 {
            let close = CloseCall { call, disposition: "helped".into(), remark: None };
            peer.ask_keyed(key(3, nth), close).await.unwrap();
        }
    }
}

/// Several lives of one server, recorded: killed, killed, stopped. The first has the faults of `more`.
async fn recording(room: &Room, root: &Path, more: &[&str]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for life in 0..LIVES {
        let log = room.path(&format!("life-{life}.strace"));
        let more = if life == 0 { more } else { &[] };
        let server = room.start(recorded(&room.command("127.0.0.1:0"), &log, more)?);
        // One who only listens: pushes are words as well.
        let mut board = Peer::greeted(server.address, Role::Supervisor, "Board").await;
        board.subscribe().await;
        let desks = (0..DESKS).map(|desk| tokio::spawn(work(server.address, life, desk)));
        for desk in desks.collect::<Vec<_>>() {
            desk.await.unwrap();
        }
        if life + 1 < LIVES {
            server.kill();
        } else {
            server.stop().await;
        }
        steps.extend(read(&log, root));
    }
    Some(steps)
}

/// What the server had said by some moment.
#[derive(Default)]
struct Told {
    /// By the kernel's name of a socket, which no later one has.
    streams: HashMap<String, BytesMut>,
    durable: u64,
    /// By what that was said.
    by: String,
    replies: usize,
    pushes: usize,
    not_durable: usize,
}

impl Told {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Closed { to } => drop(self.streams.remove(to)),
            Step::Said { to, bytes } if to.contains(" socket:") => {
                let stream = self.streams.entry(to.clone()).or_default();
                stream.extend_from_slice(bytes);
                let decoding = || FrameCodec::for_client().decode(stream).unwrap();
                let frames: Vec<_> = std::iter::from_fn(decoding).collect();
                for frame in frames {
                    self.hear(ServerMessage::decode(&frame).unwrap());
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Reply(reply) if reply.durable => {
                self.replies += 1;
                self.hold(reply.seq.unwrap_or_default(), || format!("{reply:?}"));
            }
            ServerMessage::Reply(_) => self.not_durable += 1,
            ServerMessage::Push(push) => {
                self.pushes += 1;
                if push.durable {
                    self.hold(push.seq, || format!("the push {}", push.event));
                }
            }
            _ => {}
        }
    }

    /// The server will be held to this.
    fn hold(&mut self, seq: u64, by: impl FnOnce() -> String) {
        if seq > self.durable {
            (self.durable, self.by) = (seq, by());
        }
    }
}

fn frames(store: &Store) -> Vec<Frame> {
    store.tail(1).unwrap().collect::<Result<_, JournalError>>().unwrap()
}

fn events(frames: &[Frame], keyring: &Keyring) -> Result<Vec<Dated>, String> {
    frames.iter().flat_map(Frame::records).map(|record| decode_sealed(record, keyring)).collect()
}

fn keyring(data: &Path) -> Result<Option<Keyring>, String> {
    let path = default_path(data);
    if path.exists() {
        // Only bytes and names are recorded.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    Keyring::load(&path).map_err(|why| format!("keyring: {why}"))
}

/// Everything that was said is there, and as it was in the log that was never crashed.
fn check(data: &Path, told: u64, whole: &[Frame], known: &[Dated]) -> Result<(), String> {
    if told == 0 {
        // The folder itself may not be there yet.
        fs::create_dir_all(data).unwrap();
    }
    let store = Store::open(data, options()).map_err(|why| format!("does not open: {why}"))?;
    let end = store.last().seq;
    if end < told {
        return Err(format!("a client was told of {told}, the log ends at {end}"));
    }
    let found = frames(&store);
    let beginning = found.iter().zip(whole).all(|(left, right)| left == right);
    if !beginning || found.len() > whole.len() {
        return Err("another history than that of the log that was not crashed".into());
    }
    match keyring(data)? {
        Some(keyring) => {
            let read = events(&found, &keyring)?;
            if read != known[..read.len()] {
                return Err("what was sealed reads otherwise".into());
            }
        }
        None if told > 0 => return Err("her name was taken, the key to it is gone".into()),
        None => {}
    }
    Ok(())
}

async fn lost(more: &[&str], lies: Lies, images: usize) -> Option<Result<(), String>> {
    let seed = number("FIFTEEN_SEED", 1);
    println!(
        "FIFTEEN_SEED={seed} FIFTEEN_ROOM_IMAGES={images}, syncs not done: {lies:?}, faults: {more:?}"
    );
    let place = scratch();
    let room = Room::new_in(
        place.path(),
        &[
            ("limit = \"15m\"\nwarn = [\"10m\"]", "limit = \"700ms\"\nwarn = [\"400ms\"]"),
            ("every = \"15m\"", "every = \"500ms\""),
            ("snapshot_every = 1000000", "snapshot_every = 100"),
            ("keep_live = \"7days\"", "keep_live = \"1s\""),
        ],
    );
    let root = room.data().parent().unwrap().to_owned();
    let platter = Platter::of(&root, lies);
    let steps = recording(&room, &root, more).await?;
    let log = Store::open(&room.data(), options()).unwrap();
    let whole = frames(&log);
    let known = events(&whole, &keyring(&room.data()).unwrap().unwrap()).unwrap();

    let said = fs::read_to_string(room.path("stderr.log")).unwrap();
    assert!(more.is_empty() || said.contains("failed; the room goes on"), "no fault came: {said}");

    let (mut told, mut receipts) = (Told::default(), 0);
    let judge = |new: &[Step], left: &Path| {
        new.iter().for_each(|step| told.step(step));
        receipts += told.replies;
        check(&left.join("data"), told.durable, &whole, &known)
            .map_err(|why| format!("{why}; said by {}", told.by))
    };
    let mut dice = Dice::of(seed, "room");
    if let Err(why) = crashes(&steps, platter, &mut dice, images, judge) {
        return Some(Err(why));
    }
    let mut told = Told::default();
    steps.iter().for_each(|step| told.step(step));
    println!(
        "{} steps of {LIVES} lives, {} transitions; said: {} durable replies, {} others, {} pushes; {images} crashes, {receipts} \
         replies looked for",
        steps.len(),
        known.len(),
        told.replies,
        told.not_durable,
        told.pushes
    );
    Some(Ok(()))
}

#[tokio::test]
async fn nothing_a_client_was_told_is_lost_by_a_crash_at_any_system_call_of_the_server() {
    let images = usize::try_from(number("FIFTEEN_ROOM_IMAGES", 40)).unwrap();
    if let Some(Err(why)) = lost(&[], Lies::Nobodys, images).await {
        panic!("{why}");
    }
}

#[tokio::test]
async fn nothing_said_to_be_durable_is_lost_when_syncs_begin_to_fail() {
    let images = usize::try_from(number("FIFTEEN_ROOM_IMAGES", 40)).unwrap();
    // Each thread counts for itself, and sled writes by several.
    for fault in ["fdatasync:error=EIO:when=12+", "pwrite64:error=ENOSPC:when=8+"] {
        let fault = format!("inject={fault}");
        if let Some(Err(why)) = lost(&["-e", &fault], Lies::Nobodys, images).await {
            panic!("{why}");
        }
    }
}

#[tokio::test]
async fn a_server_on_a_disk_that_syncs_nothing_is_found_out() {
    let Some(found) = lost(&[], Lies::Everybodys, 60).await else { return };
    let why = found.expect_err("the check does not bite");
    println!("{}", why.lines().next().unwrap_or_default());
}

//! A unit's whole assignment over the link it may really have: 9,600 bit/s each way, 2 s round trip, one segment in
//! ten lost.
//!
//! TCP hides a loss and shows it as a delay, so that is how it is made here: bytes travel in segments of 500, each
//! takes its time on the line and half a round trip beyond it; a lost one arrives a round trip later (its
//! retransmission), takes the line a second time, and everything behind it waits for it. A new connection waits a
//! round trip for its handshake, before which nothing is carried.
//!
//! Times run `FIFTEEN_NARROW_SCALE` times faster than on such a link (10; 1 is the real thing), and the server's
//! heartbeat with them. `FIFTEEN_SEED` draws the losses.

use super::kill::{Dice, number_from, wall};
use super::peer::{Peer, call_from, duty};
use super::server::{PATIENCE, Room};
use fifteen::client::unit::{Outbox, Patrol, PatrolConfig, PatrolNews, PositionLimits, Saying};
use fifteen::client::{ClientConfig, Tcp, UnitNews};
use fifteen::domain::UtcMs;
use fifteen::protocol::{Hello, Place, PlaceCall, Role, SignOn};
use fifteen::service::clock::{RoomClock, Stopwatch};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

const SEGMENT_BYTES: usize = 500;
const BITS_A_SECOND: u64 = 9_600;
const ROUND_TRIP: Duration = Duration::from_secs(2);
const LOST_PERCENT: u64 = 10;
/// IP and TCP around each segment.
const HEADER_BYTES: u64 = 40;

#[derive(Default)]
struct Carried {
    bytes: AtomicU64,
    segments: AtomicU64,
    lost: AtomicU64,
}

/// The narrow link.
struct Narrow {
    address: SocketAddr,
    up: Arc<Carried>,
    down: Arc<Carried>,
}

impl Narrow {
    async fn to(server: SocketAddr, seed: u64, scale: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, down) = (Arc::new(Carried::default()), Arc::new(Carried::default()));
        let counts = (Arc::clone(&up), Arc::clone(&down));
        tokio::spawn(async move {
            let mut dice = Dice(seed);
            while let Ok((client, _)) = listener.accept().await {
                let (up, down) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
                let (dice_up, dice_down) = (Dice(dice.roll()), Dice(dice.roll()));
                tokio::spawn(async move {
                    sleep(ROUND_TRIP / scale).await;
                    let server = TcpStream::connect(server).await.unwrap();
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(carry(from_client, to_server, up, dice_up, scale));
                    tokio::spawn(carry(from_server, to_client, down, dice_down, scale));
                });
            }
        });
        Self { address, up, down }
    }

    /// Bytes of our own up and down, and with the headers around them and what was sent twice.
    fn carried(&self) -> [u64; 4] {
        let own = |carried: &Carried| carried.bytes.load(Ordering::Relaxed);
        let line = |carried: &Carried| {
            let segments = carried.segments.load(Ordering::Relaxed);
            own(carried) + segments * HEADER_BYTES
        };
        [own(&self.up), own(&self.down), line(&self.up), line(&self.down)]
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    carried: Arc<Carried>,
    mut dice: Dice,
    scale: u32,
) {
    let (sender, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, segment)) = arriving.recv().await {
            sleep_until(at).await;
            if to.write_all(&segment).await.is_err() {
                return;
            }
        }
    });
    let (mut free_at, mut last_at) = (Instant::now(), Instant::now());
    let mut buffer = [0; SEGMENT_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bits = (read as u64 + HEADER_BYTES) * 8;
        let on_line = Duration::from_micros(bits * 1_000_000 / BITS_A_SECOND) / scale;
        carried.bytes.fetch_add(read as u64, Ordering::Relaxed);
        carried.segments.fetch_add(1, Ordering::Relaxed);
        free_at = free_at.max(Instant::now()) + on_line;
        let mut at = free_at + ROUND_TRIP / 2 / scale;
        while dice.percent(LOST_PERCENT) {
            carried.lost.fetch_add(1, Ordering::Relaxed);
            carried.segments.fetch_add(1, Ordering::Relaxed);
            free_at += on_line;
            at += ROUND_TRIP / scale;
        }
        last_at = last_at.max(at);
        if sender.send((last_at, buffer[..read].to_vec())).is_err() {
            return;
        }
    }
}

/// The next news that `wanted` takes.
async fn hear<T>(
    patrol: &mut Patrol,
    what: &str,
    mut wanted: impl FnMut(&PatrolNews) -> Option<T>,
) -> T {
    let hearing = async {
        loop {
            let news = patrol.next().await.expect("the client goes on");
            assert!(!matches!(news, PatrolNews::Down { .. }), "the link held: {news:?}");
            if let Some(it) = wanted(&news) {
                return it;
            }
        }
    };
    match tokio::time::timeout(PATIENCE * 2, hearing).await {
        Ok(it) => it,
        Err(_) => panic!("never came: {what}"),
    }
}

#[tokio::test]
async fn a_whole_assignment_is_worked_over_a_modem_that_loses_one_segment_in_ten() {
    let seed = number_from("FIFTEEN_SEED", wall().0);
    let scale = u32::try_from(number_from("FIFTEEN_NARROW_SCALE", 10)).unwrap();
    println!("FIFTEEN_SEED={seed} FIFTEEN_NARROW_SCALE={scale}");
    let heartbeat = format!("heartbeat = \"{}ms\"", 15_000 / scale);
    let room = Room::new(&[("heartbeat = \"15s\"", &heartbeat)]);
    let server = room.serve();
    let link = Narrow::to(server.address, seed, scale).await;
    let mut operator = Peer::operator(server.address).await;
    let clock = RoomClock::start(UtcMs(0));
    let began = Stopwatch::start();
    let config = PatrolConfig {
        duty: SignOn {
            crew: vec!["Hina".into(), "Imran".into()],
            skills: vec!["female_officer".into(), "first_aid".into()],
            vehicle: Some("LEG-1234".into()),
            ..duty("CAR-1")
        },
        positions: PositionLimits::default(),
        client: ClientConfig { connect_ms: 20_000, ..ClientConfig::default() },
    };
    let (outbox, _) =
        Outbox::open(&room.data().with_file_name("unit-state"), clock.now().0).unwrap();
    let hello = Hello::new(Role::Unit, "CAR-1");
    let tcp = Tcp::new(link.address.to_string());
    let mut patrol = Patrol::begin(tcp, hello, config, outbox, move || clock.now().0);

    let mut steps: Vec<(String, Duration, [u64; 4])> = Vec::new();
    let mut step = |name: &str| steps.push((name.into(), began.elapsed() * scale, link.carried()));
    hear(&mut patrol, "on duty", |news| matches!(news, PatrolNews::SignedOn).then_some(())).await;
    step("sign on");
    let place = Place {
        words: Some("House 12, Lane 3".into()),
        lat: Some(31.52),
        lon: Some(74.35),
        accuracy_m: Some(25),
    };
    let call = PlaceCall {
        name: Some("Zara K.".into()),
        number: Some("0300-1234567".into()),
        place: Some(place),
        note: Some("he is at the door".into()),
        ..call_from("Gulberg")
    };
    let call = operator.place(call).await;
    operator.assign(call, "CAR-1").await;
    let assigned = |news: &PatrolNews| match news {
        PatrolNews::Told(UnitNews::Assigned(assignment)) => Some(assignment.call),
        _ => None,
    };
    assert_eq!(hear(&mut patrol, "assigned", assigned).await, call);
    step("assignment");
    let cycle = [
        Saying::Accept { call },
        Saying::EnRoute { call },
        Saying::OnScene { call },
        Saying::Clear { call, disposition: None },
    ];
    for saying in cycle {
        let key = patrol.say(saying.clone(), None).unwrap();
        let sent = |news: &PatrolNews| match news {
            PatrolNews::Sent { entry, .. } if entry.key == key => Some(()),
            PatrolNews::Rejected { text, .. } => panic!("{saying:?}: {text}"),
            _ => None,
        };
        hear(&mut patrol, saying.word(), sent).await;
        step(saying.word());
    }
    let summary = operator.calls("Gulberg").await.pop().expect("the call is open");
    assert!(summary.units.is_empty() && summary.on_scene_at.is_some(), "{summary:?}");

    let lost = link.up.lost.load(Ordering::Relaxed) + link.down.lost.load(Ordering::Relaxed);
    println!(
        "{lost} segments lost; seconds as on the real link; bytes up and down, and on the line with headers and repeats"
    );
    let mut before = [0; 4];
    for (name, at, carried) in &steps {
        let [up, down, line_up, line_down] = std::array::from_fn(|n| carried[n] - before[n]);
        println!(
            "{name:>12} {:>6.1} s {up:>6} {down:>6} {line_up:>6} {line_down:>6}",
            at.as_secs_f64()
        );
        before = *carried;
    }
    let [up, down, line_up, line_down] = before;
    println!("{:>12}          {up:>6} {down:>6} {line_up:>6} {line_down:>6}", "all");
    // Two heartbeats of a modem's line; a change that makes messages large is noticed here.
    assert!(up + down < 12_000, "{up} up, {down} down");
}

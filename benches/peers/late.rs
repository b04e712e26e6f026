//! How late: from a deadline to its escalation on the disk and at a reader's, under load, with many more pending.

use super::callers::{Beanstalkd, Fifteen, Http, follow, frame, ping};
use super::load::{Caller, Paced, closed_loop, paced};
use super::servers::{Contender, Server};
use hdrhistogram::Histogram;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock of call-backs is set to so much, and those due are placed within a second.
const LIMIT_S: u64 = 30;
const DUE: u64 = 10_000;

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("within the next millions of years")
}

/// What a reader of the room heard.
struct Heard {
    escalations: AtomicU64,
    late_ms: Mutex<Histogram<u64>>,
    said_ms: Mutex<Histogram<u64>>,
    /// From a call's first byte, by the server's stamp, to here.
    placed_ms: Mutex<Histogram<u64>>,
}

fn histogram() -> Mutex<Histogram<u64>> {
    Mutex::new(Histogram::new_with_bounds(1, 60_000, 3).expect("bounds"))
}

pub fn fifteen(dir: &Path, pending: u64, per_second: f64, snapshot: Option<u64>) {
    // An operator's call-back is due sooner; the deadlines of the others stay fifteen minutes away.
    let limit = format!("limit = \"{LIMIT_S}s\"");
    let every = format!("snapshot_every = {} ", snapshot.unwrap_or(1_000_000));
    let rules =
        [("limit = \"5m\"\nwarn = [\"2m\"]", &*limit), ("snapshot_every = 1000000 ", &*every)];
    let server = Server::start_under(Contender::Fifteen, dir, &rules).expect("fifteen");
    let (address, heard) = (server.address, reader_of(server.address));
    let mut placed = 0;
    while placed < pending {
        let desks =
            (0..64).map(|nth| Box::new(Fifteen::new(placed + 1, nth, false)) as Box<dyn Caller>);
        placed += closed_loop(address, desks.collect(), 2.0).done;
    }
    heard.placed_ms.lock().expect("a reader").reset();
    println!("{placed} calls pending, {:.0} MiB", server.resident_mib());
    let desks = |run: u64, dropped: bool| -> Vec<Box<dyn Caller>> {
        let desk = |nth| match dropped {
            true => Fifteen::of_dropped(run, nth),
            false => Fifteen::new(run, nth, false),
        };
        (0..64).map(|nth| Box::new(desk(nth)) as Box<dyn Caller>).collect()
    };
    let due = std::thread::spawn({
        let desks = desks(1 << 30, true);
        move || paced(address, desks, DUE as f64, |asked| asked >= DUE)
    });
    let until = Instant::now() + Duration::from_secs(LIMIT_S + 4);
    let Paced { asked, missed, .. } = paced(address, desks(1 << 31, false), per_second, |_| {
        heard.escalations.load(Ordering::Relaxed) >= DUE || Instant::now() > until
    });
    let Paced { asked: placed_due, missed: missed_due, .. } = due.join().expect("placed");
    let escalations = heard.escalations.load(Ordering::Relaxed);
    println!(
        "{placed_due} due within a second ({missed_due} not placed), meanwhile {asked} new calls at {per_second}/s ({missed} not placed in \
         time); {escalations} escalations"
    );
    line("deadline to its push at a reader, after the commit", &heard.late_ms);
    line("deadline to its firing, as the log has it", &heard.said_ms);
    line("call's first byte to its push at a reader", &heard.placed_ms);
}

fn line(what: &str, of: &Mutex<Histogram<u64>>) {
    let of = of.lock().expect("a reader");
    let at = |part| of.value_at_quantile(part);
    println!(
        "  {what:<52} p50 {:>4} p99 {:>4} p99.9 {:>4} max {:>4} ms",
        at(0.5),
        at(0.99),
        at(0.999),
        of.max()
    );
}

/// Calls over HTTP: beside those of the wire in a closed loop, and from their first byte to one who follows the room at
/// so many a second.
pub fn http(dir: &Path, seconds: f64, per_second: f64) {
    let web = [("# listen = \"127.0.0.1:7117\"", "listen = \"127.0.0.1:0\"")];
    let server = Server::start_under(Contender::Fifteen, dir, &web).expect("fifteen");
    let said = server.said();
    let web = said.split("calls over HTTP address=").nth(1).and_then(|it| it.split(' ').next());
    let web: SocketAddr = web.and_then(|it| it.parse().ok()).expect("it says where");
    let mut run = 0;
    for connections in [1, 64] {
        for over_http in [false, true] {
            run += 1;
            let caller = |nth| match over_http {
                true => Box::new(Http::new(run, nth)) as Box<dyn Caller>,
                false => Box::new(Fifteen::new(run, nth, false)),
            };
            let address = if over_http { web } else { server.address };
            let done = closed_loop(address, (0..connections).map(caller).collect(), seconds);
            println!(
                "{connections:>3} connections {:>16} {:>8.0} calls/s p50 {:>7.3} p99 {:>7.3} ms",
                if over_http { "HTTP" } else { "the wire" },
                done.rate(),
                done.ms(0.5),
                done.ms(0.99)
            );
        }
    }
    let heard = reader_of(server.address);
    let callers = (0..16).map(|nth| Box::new(Http::new(1 << 20, nth)) as Box<dyn Caller>);
    let most = (seconds * per_second * 5.0) as u64;
    let Paced { asked, missed, .. } =
        paced(web, callers.collect(), per_second, |asked| asked >= most);
    println!("{asked} calls over HTTP at {per_second}/s ({missed} not placed in time)");
    line("call's first byte to its push at a reader", &heard.placed_ms);
}

/// Presses of the SOS page at so many a second, to their answer and to one who follows the room: as they are usual, and as
/// a flood of which each is put behind the others and asked for work.
pub fn sos(dir: &Path, seconds: f64, per_second: f64) {
    for (what, usual) in
        [("usual", "flood_per_second = 1000 "), ("a flood", "flood_per_second = 20 ")]
    {
        let rules = [
            ("# listen = \"127.0.0.1:7117\"", "listen = \"127.0.0.1:0\""),
            ("# sos = true ", "sos = true "),
            ("flood_per_second = 20 ", usual),
            ("cell_per_hour = 120 ", "cell_per_hour = 1000000 "),
        ];
        let server = Server::start_under(Contender::Fifteen, dir, &rules).expect("fifteen");
        let said = server.said();
        let web = said.split("calls over HTTP address=").nth(1).and_then(|it| it.split(' ').next());
        let web: SocketAddr = web.and_then(|it| it.parse().ok()).expect("it says where");
        let heard = reader_of(server.address);
        let callers = (0..16).map(|nth| Box::new(Http::press(1 << 20, nth)) as Box<dyn Caller>);
        let most = (seconds * per_second * 5.0) as u64;
        let run = paced(web, callers.collect(), per_second, |asked| asked >= most);
        println!(
            "{} presses at {per_second}/s, {what} ({} not placed in time)",
            run.asked, run.missed
        );
        let ms = |part| run.took_us.value_at_quantile(part) as f64 / 1e3;
        println!(
            "  press to its answer, on the disk                     p50 {:>7.3} p99 {:>7.3} max {:>7.3} ms",
            ms(0.5),
            ms(0.99),
            ms(1.0)
        );
        line("press to its push at a reader", &heard.placed_ms);
    }
}

/// One who follows the room from here on.
fn reader_of(address: SocketAddr) -> Arc<Heard> {
    let heard = Arc::new(Heard {
        escalations: AtomicU64::new(0),
        late_ms: histogram(),
        said_ms: histogram(),
        placed_ms: histogram(),
    });
    let for_reader = Arc::clone(&heard);
    std::thread::spawn(move || read(address, &for_reader));
    heard
}

/// Follows the room; of escalations it notes how late they come.
fn read(address: SocketAddr, heard: &Heard) {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(&follow()).expect("said");
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    let mut pinged = Instant::now();
    loop {
        if pinged.elapsed() > Duration::from_secs(10) {
            stream.write_all(&ping()).expect("said");
            pinged = Instant::now();
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return println!("the reader's connection ended"),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
        let (mut at, now) = (0, now_ms());
        while let Some(len) = frame(&bytes[at..]) {
            let whole = &bytes[at + 4..at + len];
            at += len;
            let head = &whole[..whole.len().min(80)];
            let is = |event: &[u8]| head.windows(event.len()).any(|it| it == event);
            if is(b"dropped") {
                let text = String::from_utf8_lossy(whole);
                assert!(!text.contains("slow_reader"), "this reader was too slow");
            }
            if !is(b"escalated") && !is(b"call_received") {
                continue;
            }
            let Ok(fifteen::protocol::ServerMessage::Push(push)) =
                fifteen::protocol::ServerMessage::decode(whole)
            else {
                continue;
            };
            let record = |into: &Mutex<Histogram<u64>>, ms: u64| {
                into.lock().expect("alone").saturating_record(ms);
            };
            match push.escalation {
                Some(escalation) => {
                    record(&heard.late_ms, now.saturating_sub(escalation.due_at));
                    record(&heard.said_ms, escalation.late_ms);
                    heard.escalations.fetch_add(1, Ordering::Relaxed);
                }
                None => record(&heard.placed_ms, now.saturating_sub(push.at)),
            }
        }
        bytes.drain(..at);
    }
}

/// The same of jobs that beanstalkd holds back for so long.
pub fn beanstalkd(dir: &Path, pending: u64) {
    let Some(server) = Server::start(Contender::Beanstalkd, dir) else {
        return println!("beanstalkd: not installed, takes no part");
    };
    let address = server.address;
    let mut placed = 0;
    let putting = |delay_s: u64| -> Vec<Box<dyn Caller>> {
        (0..64).map(|_| Box::new(Beanstalkd::delayed(delay_s)) as Box<dyn Caller>).collect()
    };
    while placed < pending {
        placed += closed_loop(address, putting(3_600), 2.0).done;
    }
    println!("beanstalkd: {placed} jobs pending");
    let due = std::thread::spawn({
        let putting = putting(LIMIT_S);
        move || paced(address, putting, 5_000.0, |asked| asked >= DUE)
    });
    let mut late = histogram().into_inner().expect("new");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(LIMIT_S + 10))).expect("set");
    let mut buffer = Vec::new();
    for _ in 0..DUE {
        stream.write_all(b"reserve\r\n").expect("asked");
        buffer.clear();
        let mut chunk = [0; 512];
        while !buffer.ends_with(b"\r\n") || buffer.len() < super::BODY_BYTES + 4 {
            let read = stream.read(&mut chunk).expect("a job");
            buffer.extend_from_slice(&chunk[..read]);
        }
        let text = String::from_utf8_lossy(&buffer);
        let due_ms: u64 = text.lines().nth(1).and_then(|it| it.parse().ok()).expect("its due");
        late.saturating_record(now_ms().saturating_sub(due_ms));
    }
    due.join().expect("put");
    let at = |part| late.value_at_quantile(part);
    println!(
        "  {:<52} p50 {:>4} p99 {:>4} p99.9 {:>4} max {:>4} ms",
        "due to reserved (fsync of the put is before)",
        at(0.5),
        at(0.99),
        at(0.999),
        late.max()
    );
}

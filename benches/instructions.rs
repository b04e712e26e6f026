//! Instructions a step, counted by valgrind: the same on every run, however busy the machine.
//!
//! `cargo bench --bench instructions` prints them beside those of `benches/instructions.txt` and says which changed by
//! more than 2 %; `-- keep` writes them there. A change that costs more says so in its commit, with the new table.
//! Each figure is the difference of two runs, of 2,000 and 4,000 steps, divided by 2,000: what a start costs is in
//! neither. Needs valgrind (`apt-get install valgrind`), which knows no AVX-512: hashes count more than they cost here.

use fifteen::config::Settings;
use fifteen::domain::{
    Actor, Command, Dated, Key, NewCall, Order, Place, Priority, Role, Sealed, Source, UtcMs,
};
use fifteen::engine::{Engine, State};
use fifteen::journal::{Record, RecordRef, Tail, pack};
use fifteen::seal::{Keyring, Since};
use fifteen::service::{decode_sealed, encode};
use std::hint::black_box;
use std::process::Command as Process;

const STEPS: u64 = 2_000;
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
/// 2026-01-01T00:00:00Z.
const START_MS: u64 = 1_767_225_600_000;

/// A step by its name, as what a run does beyond another.
const MEASURED: [(&str, &str, Option<&str>); 5] = [
    ("submit a call", "submit", None),
    ("tick: a call, to its first rungs", "tick", Some("submit")),
    ("encode and seal a call", "encode", Some("submit")),
    ("pack a call into frames", "pack", Some("encode")),
    ("replay a call: open, decode, apply", "replay", Some("encode")),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [run, what, steps] = &args[..]
        && run == "run"
    {
        return work(what, steps.parse().expect("a number"));
    }
    if Process::new("valgrind").arg("--version").output().is_err() {
        return println!("no valgrind: nothing is counted");
    }
    let kept = std::fs::read_to_string(TABLE).unwrap_or_default();
    let mut table = String::new();
    println!("{:<36} {:>12} {:>12}", "instructions a step", "now", "kept");
    for (name, run, beyond) in MEASURED {
        let now = each(run) - beyond.map_or(0, each);
        let before = kept.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        let changed = before.is_some_and(|before: u64| now.abs_diff(before) * 50 > before);
        let said = if changed { "  CHANGED" } else { "" };
        let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
        println!("{name:<36} {now:>12} {before:>12}{said}");
        table += &format!("{name:<36} {now:>12}\n");
    }
    if args.iter().any(|arg| arg == "keep") {
        std::fs::write(TABLE, table).expect("written");
    }
}

/// Instructions of one step.
fn each(what: &str) -> u64 {
    (count(what, 2 * STEPS) - count(what, STEPS)) / STEPS
}

fn count(what: &str, steps: u64) -> u64 {
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["run", what, &steps.to_string()])
        .output()
        .expect("valgrind ran");
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split("Collected :").nth(1));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("{what}: {said}"))
}

fn work(what: &str, steps: u64) {
    let mut engine = Engine::new(State::default(), UtcMs(START_MS));
    let mut events = Vec::new();
    let rules = Command::AdoptRules(Box::new(Settings::shipped().rules));
    let order = Order { by: Actor::room(), key: None, command: rules };
    engine.submit(UtcMs(START_MS), &order, &mut events).expect("rules as shipped");
    for nth in 0..steps {
        let now = UtcMs(START_MS + nth * 100);
        engine.submit(now, &call(nth, now), &mut events).expect("a call is never refused");
    }
    if what == "submit" {
        black_box(&events);
        return;
    }
    if what == "tick" {
        // Two clocks start with a call: each warns, and is missed.
        let mut fired = 0;
        let end = UtcMs(START_MS + 15 * 60_000 + steps * 100);
        while let Some(due) = engine.next_deadline().filter(|due| *due <= end) {
            engine.tick(due, usize::MAX, &mut events);
            fired += 1;
        }
        black_box((fired, &events));
        return;
    }
    let keyring = Keyring::from_seed([7; 32], Since { seq: 1, call: 1 });
    let records: Vec<Record> = events.iter().map(|event| encode(event, &keyring)).collect();
    match what {
        "encode" => drop(black_box(records)),
        "pack" => drop(black_box(pack(&Tail::default(), 1, &records).expect("small"))),
        _ => {
            let mut state = State::default();
            for (record, seq) in records.iter().zip(1..) {
                let Record { at, schema, body } = record;
                let record = RecordRef { seq, at: *at, schema: *schema, body };
                let Dated { at, transition, .. } = decode_sealed(record, &keyring).expect("ours");
                state.apply(at, &transition);
            }
            black_box(state.seq);
        }
    }
}

fn call(nth: u64, now: UtcMs) -> Order {
    let words = Some("Main Boulevard, Gulberg III, Lahore".into());
    let call = NewCall {
        source: Source::PhoneLine,
        line: None,
        district: "Lahore".into(),
        kind: "harassment".into(),
        priority: Priority::new(3).expect("one of four"),
        flags: Default::default(),
        sealed: Sealed {
            number: Some(format!("+92 300 {nth:07}").into()),
            name: Some("Caller of the bench".into()),
            place: Some(Place { point: None, words }),
            note: Some("Followed home, man at the door".into()),
            press: None,
        },
    };
    let mut key = [0; 16];
    key[..8].copy_from_slice(&nth.to_be_bytes());
    Order {
        by: Actor::new("Desk 1", Role::Operator),
        key: Some(Key(key)),
        command: Command::PlaceCall { received_at: now, call: Box::new(call) },
    }
}

//! From a key, or a push, to the bytes of the next picture: ten thousand waiting calls.

use crate::line;
use crate::screen::Screen;
use fifteen::client::Update;
use fifteen::console::Msg;
use fifteen::protocol::{CallSummary, ClockSummary, Flags, Push, Snapshot, Source, Stage, Welcome};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

const CALLS: u64 = 10_000;
const TIMES: usize = 1_000;
const MINUTE: u64 = 60_000;
/// 2026-01-31T00:00:00Z.
const NOW: u64 = 1_769_817_600_000;
const KINDS: [&str; 5] =
    ["domestic violence", "harassment", "stalking", "cyber harassment", "threat"];
const DISTRICTS: [&str; 5] = ["Lahore", "Multan", "Rawalpindi", "Faisalabad", "Dera Ghazi Khan"];

fn clock(name: &str, limit_at: u64) -> ClockSummary {
    ClockSummary {
        clock: name.into(),
        unit: None,
        limit_at,
        next_at: Some(limit_at),
        rung: 0,
        repeats: 0,
        stopped_at: None,
    }
}

fn of<T: Copy>(words: &[T], id: u64) -> T {
    words[usize::try_from(id).unwrap_or(0) % words.len()]
}

fn call(id: u64) -> CallSummary {
    let received_at = NOW - (CALLS + TIMES as u64 - id.min(CALLS)) * 100;
    CallSummary {
        call: id,
        generation: 1,
        kind: of(&KINDS, id).into(),
        district: of(&DISTRICTS, id / 7).into(),
        priority: 2 + u8::try_from(id % 3).unwrap_or(0),
        stage: Stage::Waiting,
        source: Source::PhoneLine,
        flags: Flags::default(),
        received_at,
        acknowledged_at: None,
        en_route_at: None,
        on_scene_at: None,
        closed_at: None,
        disposition: None,
        primary: None,
        claim: None,
        units: Vec::new(),
        clocks: vec![
            clock("acknowledge", received_at + 15 * MINUTE),
            clock("arrive", received_at + 15 * MINUTE),
        ],
        notes: 0,
        ringing: false,
    }
}

fn pushed(seq: u64, event: &str, call: CallSummary) -> Msg {
    Msg::Pushed(Box::new(Update::Push(Push {
        seq,
        at: NOW,
        event: event.into(),
        durable: true,
        call: Some(Box::new(call)),
        unit: None,
        escalation: None,
        assignment: None,
        message: None,
    })))
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn room(size: (u16, u16), calls: u64) -> Screen {
    let mut screen = Screen::new(size);
    screen.welcomed(Welcome {
        version: 1,
        server: "bench".into(),
        node: 1,
        seq: 1,
        now_at: NOW,
        heartbeat_ms: 15_000,
        drill: false,
        degraded: false,
        spilling: false,
        room: "Women's cell".into(),
        zone: "UTC".into(),
        token: None,
        token_ends_at: None,
        deflate: false,
    });
    let calls: Vec<CallSummary> = (1..=calls).map(call).collect();
    let pages: Vec<&[CallSummary]> = calls.chunks(200).collect();
    for (part, page) in (1..).zip(&pages) {
        let (calls, parts) = (page.to_vec(), u32::try_from(pages.len()).unwrap_or(1));
        let (units, assignments, messages) = (Vec::new(), Vec::new(), Vec::new());
        let page = Snapshot { seq: 1, part, parts, calls, units, assignments, messages };
        screen.take(Msg::Pushed(Box::new(Update::Snapshot(page))));
    }
    screen.draw();
    screen
}

pub(crate) fn measure() {
    println!("key or push to the bytes of the next picture, true colour");
    for calls in [100, CALLS] {
        for size in [(80, 24), (250, 70)] {
            println!(" {calls} calls waiting, {} x {}", size.0, size.1);
            keys(size, calls);
            pushes(size, calls);
        }
    }
}

fn say(what: &str, all: Vec<(Duration, u64)>) {
    let bytes = all.iter().map(|(_, bytes)| bytes).sum::<u64>() / all.len().max(1) as u64;
    let took = all.into_iter().map(|(took, _)| took).collect();
    println!("{}  {bytes:>6} bytes", line(what, took));
}

fn keys(size: (u16, u16), calls: u64) {
    let mut screen = room(size, calls);
    let mut press = |what: &str, keys: &[KeyCode]| {
        let pressed = keys.iter().cycle().take(TIMES);
        say(what, pressed.map(|code| screen.timed(key(*code))).collect());
    };
    let typed = |text: &str| text.chars().map(KeyCode::Char).chain([KeyCode::Esc]).collect();
    press("j, j, k", &[KeyCode::Char('j'), KeyCode::Char('j'), KeyCode::Char('k')]);
    press("PageDown", &[KeyCode::PageDown]);
    press("G, g", &[KeyCode::Char('G'), KeyCode::Char('g')]);
    press("s: sorted otherwise", &[KeyCode::Char('s')]);
    // Letter by letter, and taken back.
    let (filter, command): (Vec<_>, Vec<_>) = (typed("/stalking mul"), typed(":close 77 "));
    press("/ and a filter, each letter", &filter);
    press(": and a command, each letter", &command);
}

fn pushes(size: (u16, u16), calls: u64) {
    let mut screen = room(size, calls);
    screen.take(key(KeyCode::PageDown));
    let times = 1..=TIMES as u64;
    let come = times.clone().map(|nth| pushed(1 + nth, "call_received", call(CALLS + nth)));
    say("a call comes", come.map(|msg| screen.timed(msg)).collect());
    let touched = times.map(|nth| {
        let raised = CallSummary { priority: 1, ..call(1 + nth * 7 % calls) };
        pushed(5_000 + nth, "priority_changed", raised)
    });
    say("a call becomes priority 1", touched.map(|msg| screen.timed(msg)).collect());
    say("a second passes", (0..TIMES).map(|_| screen.timed(Msg::Tick)).collect());
}

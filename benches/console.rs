//! From a key press to a finished picture, with so many waiting calls on the board: `update`, `view` and the difference
//! to the picture before, as ratatui takes it; without the terminal's own time. Also a push that changes a call.
//!
//! `cargo bench --bench console`. Prints its inputs; the calls are made by arithmetic, without chance.

use fifteen::client::Update;
use fifteen::console::keys::Keys;
use fifteen::console::theme::Theme;
use fifteen::console::{LinkNews, Model, Msg, update, view};
use fifteen::protocol::{
    CallSummary, ClockSummary, Flags, Push, Role, Snapshot, Source, Stage, Welcome,
};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::{Duration, Instant};

const NOW: u64 = 1_769_807_647_000;
const ROUNDS: u64 = 500;

fn call(id: u64) -> CallSummary {
    let received_at = NOW - id * 731 % 3_600_000;
    let clock = |name: &str| ClockSummary {
        clock: name.into(),
        unit: None,
        limit_at: received_at + 900_000,
        next_at: None,
        rung: 0,
        repeats: 0,
        stopped_at: None,
    };
    CallSummary {
        call: id,
        generation: 1,
        kind: ["violence in progress", "threat", "harassment", "advice"][(id % 4) as usize].into(),
        district: ["Lahore", "Multan", "Faisalabad"][(id % 3) as usize].into(),
        priority: 1 + (id % 4) as u8,
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
        clocks: vec![clock("acknowledge"), clock("arrive")],
        notes: 0,
    }
}

fn main() {
    println!("calls  size     what                       p50 us   p99 us   max us");
    for calls in [100, 10_000] {
        for (columns, rows) in [(80, 24), (250, 70)] {
            measure(calls, columns, rows);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn measure(calls: u64, columns: u16, rows: u16) {
    let mut model = Model::new("sara", Role::Operator, Keys::default(), Theme::truecolor());
    let welcome = Welcome {
        version: 1,
        server: String::new(),
        node: 1,
        seq: 0,
        now_at: NOW,
        heartbeat_ms: 15_000,
        drill: false,
        degraded: false,
        room: "bench".into(),
        zone: "UTC".into(),
    };
    update(&mut model, Msg::Resize(columns, rows), 0);
    update(&mut model, Msg::Link(LinkNews::Up(Box::new(welcome), TimeZone::UTC)), 0);
    let room = Snapshot {
        seq: 0,
        part: 1,
        parts: 1,
        calls: (1..=calls).map(call).collect(),
        units: Vec::new(),
        assignments: Vec::new(),
        messages: Vec::new(),
    };
    update(&mut model, Msg::Pushed(Box::new(Update::Snapshot(room))), 0);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("it is memory");
    let mut time = |what: &str, next: &mut dyn FnMut(u64) -> Msg| {
        let mut spans: Vec<Duration> = (0..ROUNDS)
            .map(|round| {
                let msg = next(round);
                let from = Instant::now();
                update(&mut model, msg, round);
                terminal.draw(|frame| view(&model, frame)).expect("it is memory");
                from.elapsed()
            })
            .collect();
        spans.sort_unstable();
        let at = |share: usize| spans[(spans.len() - 1) * share / 100].as_micros();
        let (p50, p99, max) = (at(50), at(99), at(100));
        println!("{calls:>5}  {columns:>3}x{rows:<3}  {what:<25}  {p50:>6}   {p99:>6}   {max:>6}");
    };
    let key = |code| Msg::Key(KeyEvent::new(code, KeyModifiers::NONE));
    time("down", &mut |_| key(KeyCode::Down));
    time("page down, then up", &mut |round| {
        key(if round % 40 < 20 { KeyCode::PageDown } else { KeyCode::PageUp })
    });
    time("to the end, then the top", &mut |round| {
        key(if round % 2 == 0 { KeyCode::End } else { KeyCode::Home })
    });
    time("another order", &mut |_| key(KeyCode::Char('s')));
    time("a push moves a call", &mut |round| {
        let mut moved = call(1 + round % calls);
        moved.priority = 1 + (round / 7 % 4) as u8;
        Msg::Pushed(Box::new(Update::Push(Push {
            seq: round,
            at: NOW,
            event: "priority_changed".into(),
            call: Some(Box::new(moved)),
            unit: None,
            escalation: None,
            assignment: None,
            message: None,
        })))
    });
    time("a second passes", &mut |_| Msg::Tick);
}

//! Rooms, calls and consoles to test with. The instant is fixed; nothing here asks a clock.

use fifteen::client::Update;
use fifteen::console::keys::Keys;
use fifteen::console::theme::Theme;
use fifteen::console::{Effect, LinkNews, Model, Msg, Purpose, update};
use fifteen::protocol::*;
use jiff::tz::{Offset, TimeZone};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// 2026-01-31 02:14:07 at UTC+5.
pub const NOW: u64 = 1_769_807_647_000;
const MINUTE: u64 = 60_000;

pub fn clock(name: &str, limit_at: u64) -> ClockSummary {
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

/// A waiting call of priority 2 that came `id` seconds before now.
pub fn call(id: u64) -> CallSummary {
    let received_at = NOW - id * 1_000;
    CallSummary {
        call: id,
        generation: 1,
        kind: "domestic violence".into(),
        district: "Lahore".into(),
        priority: 2,
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

pub fn urgent(id: u64) -> CallSummary {
    CallSummary { priority: 1, kind: "violence in progress".into(), ..call(id) }
}

pub fn closed(id: u64) -> CallSummary {
    let mut call = call(id);
    for clock in &mut call.clocks {
        clock.stopped_at = Some(NOW - 1_000);
    }
    CallSummary {
        stage: Stage::Closed,
        closed_at: Some(NOW - 1_000),
        disposition: Some("helped".into()),
        ..call
    }
}

pub fn claimed(call: CallSummary, who: &str) -> CallSummary {
    let claim = ClaimSummary { who: who.into(), since_at: NOW - 60_000, stale: false };
    CallSummary { claim: Some(claim), ..call }
}

pub fn unit(callsign: &str, status: UnitStatus, calls: &[u64]) -> UnitSummary {
    UnitSummary {
        unit: callsign.into(),
        status,
        district: "Lahore".into(),
        crew: 2,
        skills: vec!["female_officer".into()],
        calls: calls.to_vec(),
        lat: Some(31.5204),
        lon: Some(74.3587),
        last_seen_at: NOW - 9_000,
        linked: true,
        panic: None,
    }
}

pub fn with_unit(call: CallSummary, callsign: &str, status: UnitStatus) -> CallSummary {
    let unit = UnitOnCall { unit: callsign.into(), status, since_at: NOW - 40_000 };
    CallSummary { units: vec![unit], ..call }
}

pub fn snapshot(calls: Vec<CallSummary>, part: u32, parts: u32) -> Snapshot {
    let (units, assignments, messages) = (Vec::new(), Vec::new(), Vec::new());
    Snapshot { seq: 100, part, parts, calls, units, assignments, messages }
}

pub fn push(seq: u64, event: &str, call: Option<CallSummary>) -> Push {
    Push {
        seq,
        at: NOW,
        event: event.into(),
        durable: true,
        call: call.map(Box::new),
        unit: None,
        escalation: None,
        assignment: None,
        message: None,
    }
}

pub fn pushed(seq: u64, event: &str, call: CallSummary) -> Update {
    Update::Push(push(seq, event, Some(call)))
}

pub fn escalation(call: u64, rung: u32, office: &str) -> Escalation {
    Escalation {
        escalation: 50 + u64::from(rung),
        call,
        generation: 1,
        clock: "acknowledge".into(),
        unit: None,
        rung,
        office: office.into(),
        repeat: 0,
        due_at: NOW - 5 * MINUTE,
        late_ms: 0,
        limit_at: NOW - 5 * MINUTE,
        told_at: NOW - 5 * MINUTE,
        last_told_at: NOW - 5 * MINUTE,
        taken_by: None,
        taken_at: None,
        seen: Vec::new(),
        notices: Vec::new(),
    }
}

pub fn words() -> Room {
    let clock = |name: &str, minutes, warn, ladder: &str| ClockWord {
        name: name.into(),
        limit_ms: minutes * MINUTE,
        warn_ms: vec![warn * MINUTE],
        of_unit: false,
        ladder: ladder.into(),
    };
    let ladder = |name: &str, rungs: &[&str]| LadderWord {
        name: name.into(),
        every_ms: 15 * MINUTE,
        rungs: rungs.iter().map(|it| (*it).into()).collect(),
    };
    let disposition = |name: &str, guarded| DispositionWord { name: name.into(), guarded };
    Room {
        name: "Women's cell".into(),
        zone: "Asia/Karachi".into(),
        kinds: vec![
            KindWord { name: "violence in progress".into(), priority: 1 },
            KindWord { name: "domestic violence".into(), priority: 2 },
        ],
        districts: vec![DistrictWord {
            name: "Lahore".into(),
            tehsils: vec!["Model Town".into(), "Shalimar".into()],
        }],
        dispositions: vec![disposition("helped", false), disposition("hoax", true)],
        clocks: vec![
            clock("acknowledge", 15, 10, "command"),
            clock("arrive", 15, 10, "command"),
            clock("callback", 5, 2, "room"),
        ],
        ladders: vec![
            ladder("command", &["cell in-charge", "DPO", "RPO", "DIG Operations"]),
            ladder("room", &["room supervisor"]),
        ],
    }
}

pub fn welcome() -> Welcome {
    Welcome {
        version: 1,
        server: "fifteen".into(),
        node: 7,
        seq: 100,
        now_at: NOW,
        heartbeat_ms: 15_000,
        drill: false,
        degraded: false,
        spilling: false,
        room: "Women's cell".into(),
        zone: "Asia/Karachi".into(),
        token: None,
        token_ends_at: None,
        deflate: false,
    }
}

/// A console and the instant it is at.
pub struct Desk {
    pub model: Model,
    pub own: u64,
    pub effects: Vec<Effect>,
}

impl Desk {
    pub fn new(role: Role, columns: u16, rows: u16) -> Self {
        let model = Model::new("sara", role, Keys::default(), Theme::mono());
        let mut desk = Self { model, own: 0, effects: Vec::new() };
        desk.take(Msg::Resize(columns, rows));
        desk.take(Msg::FreshKey(Key([1; 16])));
        desk
    }

    /// Linked to a room that has these calls and units.
    pub fn with(calls: Vec<CallSummary>, units: Vec<UnitSummary>) -> Self {
        Self::sized(calls, units, 80, 24)
    }

    pub fn sized(
        calls: Vec<CallSummary>,
        units: Vec<UnitSummary>,
        columns: u16,
        rows: u16,
    ) -> Self {
        let mut desk = Self::new(Role::Operator, columns, rows);
        desk.up(welcome());
        let room = Snapshot { units, ..snapshot(calls, 1, 1) };
        desk.take(Msg::Pushed(Box::new(Update::Snapshot(room))));
        desk.effects.clear();
        desk
    }

    pub fn up(&mut self, welcome: Welcome) {
        let zone = TimeZone::fixed(Offset::constant(5));
        self.take(Msg::Link(LinkNews::Up(Box::new(welcome), zone)));
        self.take(Msg::Replied(Purpose::RoomWords, Ok(ReplyBody::Room(words()))));
    }

    pub fn down(&mut self) {
        let why = "the server closed the connection".to_owned();
        self.take(Msg::Link(LinkNews::Down { attempts: 0, why }));
    }

    pub fn take(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg, self.own);
        self.effects.extend(effects);
    }

    pub fn push(&mut self, seq: u64, event: &str, call: CallSummary) {
        self.take(Msg::Pushed(Box::new(pushed(seq, event, call))));
    }

    /// So many seconds pass, one at a time, the server answering its health.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.own += 1_000;
            self.take(Msg::Tick);
            if self.model.link.is_up() {
                self.model.link.hear(self.own);
            }
        }
    }

    /// Types keys: letters, and names such as `<enter>`.
    pub fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|after| after.split_once('>'));
            let (code, modifiers, after) = match named {
                Some((name, after)) => {
                    let (code, modifiers) = match name {
                        "enter" => (KeyCode::Enter, KeyModifiers::NONE),
                        "esc" => (KeyCode::Esc, KeyModifiers::NONE),
                        "tab" => (KeyCode::Tab, KeyModifiers::NONE),
                        "down" => (KeyCode::Down, KeyModifiers::NONE),
                        "up" => (KeyCode::Up, KeyModifiers::NONE),
                        "f3" => (KeyCode::F(3), KeyModifiers::NONE),
                        "f9" => (KeyCode::F(9), KeyModifiers::NONE),
                        "ctrl-s" => (KeyCode::Char('s'), KeyModifiers::CONTROL),
                        "ctrl-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
                        other => panic!("no key is called {other}"),
                    };
                    (code, modifiers, after)
                }
                None => (KeyCode::Char(first), KeyModifiers::NONE, &rest[first.len_utf8()..]),
            };
            self.take(Msg::Key(KeyEvent::new(code, modifiers)));
            rest = after;
        }
    }

    /// What was asked since this was last looked at, without what is asked by itself.
    pub fn asked(&mut self) -> Vec<(Request, Purpose)> {
        let effects = std::mem::take(&mut self.effects);
        let asked = effects.into_iter().filter_map(|effect| match effect {
            Effect::Ask(request, purpose) => Some((*request, purpose)),
            Effect::AskWithKey(request, _, purpose) => Some((*request, purpose)),
            _ => None,
        });
        asked.filter(|(request, _)| !matches!(request, Request::Health(_))).collect()
    }

    /// How often it rang since this was last looked at; leaves the rest.
    pub fn rang(&mut self) -> usize {
        let before = self.effects.len();
        self.effects.retain(|effect| !matches!(effect, Effect::Bell));
        before - self.effects.len()
    }

    /// The details of a call, as the server would answer.
    pub fn read(&mut self, call: CallSummary) {
        let id = call.call;
        let line = |seq, at, event: &str, who: Option<&str>, text: &str| TimelineLine {
            seq,
            at,
            event: event.into(),
            who: who.map(Into::into),
            text: text.into(),
        };
        let at = call.received_at;
        let details = CallDetails {
            number: Some("0300 1234567".into()),
            name: Some("عائشہ بی بی".into()),
            place: Some(Place {
                lat: Some(31.52),
                lon: Some(74.35),
                accuracy_m: Some(80),
                words: Some("گھر نمبر ۷، گلبرگ".into()),
            }),
            place_at: None,
            line: Some("15-4".into()),
            notes: vec![NoteLine {
                at,
                who: "call taker".into(),
                text: "a man with a knife, two children in the house".into(),
            }],
            timeline: vec![
                line(80, at, "call_received", Some("line"), "received, priority 1"),
                line(81, at + 9_000, "call_opened", Some("sara"), "opened and read"),
                line(82, at + 9_500, "call_opened", Some("sara"), "opened and read"),
                line(83, at + 12_000, "call_claimed", Some("sara"), "claimed"),
            ],
            summary: Box::new(call),
        };
        self.take(Msg::Replied(Purpose::Details(id), Ok(ReplyBody::CallDetails(details))));
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| fifteen::console::view(&self.model, frame)).unwrap();
        let text = terminal.backend().to_string();
        let lines = text.lines().map(|line| line.trim_matches('"').trim_end());
        lines.collect::<Vec<_>>().join("\n")
    }
}

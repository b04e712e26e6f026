//! Which key does what: one table, from which the help, the footer and the key file's checks are made.
//!
//! A key file (TOML) maps the table's names to other strokes: `claim = "c"`, `close = ["x", "f8"]`,
//! `unit-en-route = "u e"`. What it does not name keeps its keys; what it names wrongly is refused with its reason.

use super::command_line::Pane;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each stands in the table below with its help")]
pub enum Action {
    NewCall,
    Command,
    Search,
    Help,
    Silence,
    SeeAlarm,
    ShowBoard,
    ShowMissed,
    ShowUnits,
    ShowEscalations,
    ShowCall,
    ShowHealth,
    NextPane,
    PreviousPane,
    Quit,
    Redraw,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextSection,
    PreviousSection,
    OtherColumn,
    Open,
    Back,
    Claim,
    ReleaseClaim,
    TakeOver,
    Override,
    Assign,
    UnitAcknowledged,
    UnitDeclined,
    UnitEnRoute,
    UnitOnScene,
    UnitClear,
    UnitCheckIn,
    UnitRelease,
    UnitMessage,
    Close,
    Reopen,
    Priority,
    Note,
    Link,
    Escalate,
    TakeEscalation,
    SeeEscalation,
    CallBack,
    Reread,
    Sort,
    Mine,
    FilterDistrict,
    FilterPriority,
    FilterKind,
    ShowAll,
    OutOfService,
    Available,
}

/// The panes an entry works in, a bit each.
type Panes = u8;
const BOARD: Panes = 1;
const MISSED: Panes = 2;
const CALL: Panes = 4;
const UNITS: Panes = 8;
const ESCALATIONS: Panes = 16;
const HEALTH: Panes = 32;
const LISTS: Panes = BOARD | MISSED;
const ANY: Panes = 63;
/// Where a call is under the cursor.
const CALLS: Panes = BOARD | MISSED | CALL;

const fn bit(pane: Pane) -> Panes {
    match pane {
        Pane::Board => BOARD,
        Pane::Missed => MISSED,
        Pane::Call => CALL,
        Pane::Units => UNITS,
        Pane::Escalations => ESCALATIONS,
        Pane::Health | Pane::Report => HEALTH,
    }
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name in a key file.
    pub name: &'static str,
    panes: Panes,
    strokes: &'static [&'static str],
    /// What it does, in a few words.
    pub help: &'static str,
}

impl Entry {
    /// Whether it works in `pane`.
    #[must_use]
    pub const fn works_in(&self, pane: Pane) -> bool {
        self.panes & bit(pane) != 0
    }

    /// Whether it works everywhere.
    #[must_use]
    pub const fn works_anywhere(&self) -> bool {
        self.panes == ANY
    }
}

const fn entry(
    action: Action,
    name: &'static str,
    panes: Panes,
    strokes: &'static [&'static str],
    help: &'static str,
) -> Entry {
    Entry { action, name, panes, strokes, help }
}

/// Every action with its own keys, in the order of help.
pub const TABLE: &[Entry] = &[
    entry(Action::NewCall, "new-call", ANY, &["n", "f2"], "take a new call"),
    entry(Action::Command, "command", ANY, &[":"], "type a command"),
    entry(Action::Search, "search", ANY, &["/"], "show only the calls that match"),
    entry(Action::SeeAlarm, "see-alarm", ANY, &["!", "f9"], "go to the panic or message in front"),
    entry(Action::Silence, "silence", ANY, &["z"], "no bell for 60 s; again: bell back"),
    entry(Action::ShowBoard, "board", ANY, &["1"], "the calls"),
    entry(Action::ShowMissed, "missed", ANY, &["2"], "missed calls and call-backs due"),
    entry(Action::ShowUnits, "units", ANY, &["3"], "the units"),
    entry(Action::ShowEscalations, "escalations", ANY, &["4"], "who was told, saw it, took it"),
    entry(Action::ShowCall, "call", ANY, &["5"], "the open call"),
    entry(Action::ShowHealth, "health", ANY, &["6"], "how the server is"),
    entry(Action::NextPane, "next-pane", ANY, &["tab"], "the next pane"),
    entry(Action::PreviousPane, "previous-pane", ANY, &["backtab"], "the pane before"),
    entry(Action::Up, "up", ANY, &["up", "k"], "up"),
    entry(Action::Down, "down", ANY, &["down", "j"], "down"),
    entry(Action::PageUp, "page-up", ANY, &["pageup", "ctrl-b"], "a page up"),
    entry(Action::PageDown, "page-down", ANY, &["pagedown", "ctrl-f"], "a page down"),
    entry(Action::First, "first", ANY, &["home", "g"], "the first"),
    entry(Action::Last, "last", ANY, &["end", "G"], "the last"),
    entry(Action::Open, "open", ANY, &["enter"], "open it"),
    entry(Action::Back, "back", ANY, &["esc"], "back"),
    entry(Action::Help, "help", ANY, &["?", "f1"], "this help"),
    entry(Action::Redraw, "redraw", ANY, &["ctrl-l"], "draw the screen afresh"),
    entry(Action::Quit, "quit", ANY, &["q", "ctrl-c"], "leave the console, asked twice"),
    entry(Action::Claim, "claim", CALLS, &["c"], "say that you work the call"),
    entry(Action::ReleaseClaim, "release-claim", CALLS, &["C"], "work it no longer"),
    entry(Action::TakeOver, "take-over", CALLS, &["t"], "take the call from whoever claims it"),
    entry(Action::Assign, "assign", CALLS, &["a"], "send a unit: the recommended ones listed"),
    entry(Action::UnitAcknowledged, "unit-acknowledged", CALLS, &["u a"], "by radio: unit has it"),
    entry(Action::UnitEnRoute, "unit-en-route", CALLS, &["u e"], "by radio: unit is on its way"),
    entry(Action::UnitOnScene, "unit-on-scene", CALLS, &["u s"], "by radio: unit has arrived"),
    entry(Action::UnitClear, "unit-clear", CALLS, &["u c"], "by radio: unit is done"),
    entry(Action::UnitCheckIn, "unit-check-in", CALLS, &["u k"], "by radio: unit is well"),
    entry(Action::UnitDeclined, "unit-declined", CALLS, &["u d"], "by radio: unit will not go"),
    entry(Action::UnitRelease, "unit-release", CALLS, &["u r"], "take a unit off the call"),
    entry(Action::UnitMessage, "message", CALLS | UNITS, &["m"], "write to a unit"),
    entry(Action::Note, "note", CALLS, &["w"], "write a note"),
    entry(Action::CallBack, "call-back", CALLS, &["b"], "record that she was rung back"),
    entry(Action::Priority, "priority", CALLS, &["p"], "make it more or less urgent"),
    entry(Action::Escalate, "escalate", CALLS, &["e"], "tell the next office now"),
    entry(
        Action::TakeEscalation,
        "take-escalation",
        CALLS | ESCALATIONS,
        &["E"],
        "take an escalation",
    ),
    entry(Action::SeeEscalation, "see-escalation", ESCALATIONS, &["s"], "say that you saw it"),
    entry(Action::Link, "link", CALLS, &["l"], "say that it repeats another call"),
    entry(Action::Close, "close", CALLS, &["x"], "close it with a disposition"),
    entry(Action::Reopen, "reopen", CALLS, &["o"], "open a closed call again"),
    entry(
        Action::Override,
        "override",
        CALLS,
        &["O"],
        "supervisor: take it over, with a reason on record",
    ),
    entry(Action::Reread, "reread", CALL, &["r"], "read it again (recorded)"),
    entry(
        Action::OtherColumn,
        "other-column",
        CALL,
        &["left", "right"],
        "the other column takes up and down",
    ),
    entry(Action::NextSection, "next-section", LISTS, &["]"], "waiting, active, closed: the next"),
    entry(Action::PreviousSection, "previous-section", LISTS, &["["], "the one before"),
    entry(Action::Sort, "sort", BOARD, &["s"], "sort by queue, clock, age, district, kind .."),
    entry(Action::Mine, "mine", BOARD, &["M"], "only my calls, or all"),
    entry(Action::FilterDistrict, "filter-district", BOARD, &["f d"], "only this call's district"),
    entry(Action::FilterPriority, "filter-priority", BOARD, &["f p"], "only this call's priority"),
    entry(Action::FilterKind, "filter-kind", BOARD, &["f k"], "only calls of this kind"),
    entry(Action::ShowAll, "show-all", BOARD, &["f f"], "all calls again"),
    entry(Action::OutOfService, "out-of-service", UNITS, &["o"], "the unit cannot be sent"),
    entry(Action::Available, "available", UNITS, &["v"], "the unit can be sent again"),
];

/// One press of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stroke {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

impl Stroke {
    /// With the control key: no text.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.ctrl
    }
}

impl From<KeyEvent> for Stroke {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl std::str::FromStr for Stroke {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        while rest.len() > 1 {
            if let Some(after) = rest.strip_prefix("ctrl-") {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = || match rest.strip_prefix('f')?.parse() {
            Ok(number @ 1..=12) => Some(KeyCode::F(number)),
            _ => None,
        };
        let mut letters = rest.chars();
        let single = match (letters.next(), letters.next()) {
            (Some(letter), None) if !letter.is_control() => Some(KeyCode::Char(letter)),
            _ => None,
        };
        let code = single.or(named).or_else(function).ok_or(())?;
        Ok(Self { code, ctrl, alt })
    }
}

impl fmt::Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(letter) => write!(f, "{letter}"),
            KeyCode::F(number) => write!(f, "f{number}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// One or two strokes, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chord(Vec<Stroke>);

impl std::str::FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let strokes: Result<Vec<Stroke>, ()> = text.split_whitespace().map(str::parse).collect();
        match strokes {
            Ok(strokes) if (1..=2).contains(&strokes.len()) => Ok(Self(strokes)),
            _ => Err(format!(
                "{text:?} is no key: write one or two, such as x, f5, ctrl-x, enter, \"u e\""
            )),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, stroke) in self.0.iter().enumerate() {
            let space = if place > 0 { " " } else { "" };
            write!(f, "{space}{stroke}")?;
        }
        Ok(())
    }
}

/// What strokes so far mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This.
    Action(Action),
    /// Another stroke is needed.
    More,
    /// Nothing.
    Nothing,
}

/// The keys in force.
#[derive(Debug, Clone)]
pub struct Keys {
    chords: Vec<(&'static Entry, Vec<Chord>)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for Keys {
    fn default() -> Self {
        let chords = TABLE.iter().map(|entry| {
            let strokes = entry.strokes.iter().map(|text| text.parse());
            let strokes: Result<_, String> = strokes.collect();
            (entry, strokes.expect("the keys of the table can be read"))
        });
        Self { chords: chords.collect() }
    }
}

impl Keys {
    /// The table with a key file's changes.
    ///
    /// # Errors
    /// Says which name or key of the file is wrong, and what to do.
    pub fn with_file(text: &str) -> Result<Self, String> {
        let file: BTreeMap<String, OneOrMore> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let mut keys = Self::default();
        for (name, strokes) in file {
            let known = keys.chords.iter_mut().find(|(entry, _)| entry.name == name);
            let Some((_, chords)) = known else {
                let names: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
                return Err(format!("{name}: no such action; there are {}", names.join(", ")));
            };
            let strokes = match strokes {
                OneOrMore::One(stroke) => vec![stroke],
                OneOrMore::More(strokes) => strokes,
            };
            let read = strokes.iter().map(|text| text.parse());
            *chords =
                read.collect::<Result<_, String>>().map_err(|why| format!("{name}: {why}"))?;
        }
        keys.check()?;
        Ok(keys)
    }

    /// One chord must not mean two things in one pane, nor begin another.
    fn check(&self) -> Result<(), String> {
        let all: Vec<_> = self
            .chords
            .iter()
            .flat_map(|(entry, chords)| chords.iter().map(move |chord| (*entry, chord)))
            .collect();
        for (place, (entry, chord)) in all.iter().enumerate() {
            for (other, clash) in &all[place + 1..] {
                let together = entry.panes & other.panes != 0;
                let prefix = chord.0.starts_with(&clash.0) || clash.0.starts_with(&chord.0);
                if together && prefix {
                    return Err(format!(
                        "{} ({chord}) and {} ({clash}) are in each other's way: give one another key",
                        entry.name, other.name
                    ));
                }
            }
        }
        for needed in [Action::Quit, Action::Help, Action::Back, Action::Open] {
            if self.strokes(needed).is_empty() {
                return Err(format!("{needed:?} has no key left"));
            }
        }
        Ok(())
    }

    /// What `strokes` mean in `pane`.
    #[must_use]
    pub fn find(&self, pane: Pane, strokes: &[Stroke]) -> Found {
        let mut found = Found::Nothing;
        for (entry, chords) in self.chords.iter().filter(|(entry, _)| entry.works_in(pane)) {
            for chord in chords {
                if chord.0 == strokes {
                    return Found::Action(entry.action);
                }
                if chord.0.starts_with(strokes) {
                    found = Found::More;
                }
            }
        }
        found
    }

    /// The first key of an action, for a hint; empty if it has none.
    #[must_use]
    pub fn hint(&self, action: Action) -> String {
        let found = self.chords.iter().find(|(entry, _)| entry.action == action);
        let first = found.and_then(|(_, chords)| chords.first());
        first.map_or_else(String::new, ToString::to_string)
    }

    /// All the keys of an action.
    #[must_use]
    pub fn strokes(&self, action: Action) -> String {
        let found = self.chords.iter().find(|(entry, _)| entry.action == action);
        let all = found.map_or(&[][..], |(_, chords)| chords);
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        all.join("  ")
    }

    /// What may follow `strokes` in `pane`: the next key, and what it does.
    #[must_use]
    pub fn after(&self, pane: Pane, strokes: &[Stroke]) -> Vec<(String, &'static str)> {
        let entries = self.chords.iter().filter(|(entry, _)| entry.works_in(pane));
        let chords =
            entries.flat_map(|(entry, chords)| chords.iter().map(move |chord| (entry.help, chord)));
        chords
            .filter(|(_, chord)| chord.0.len() > strokes.len() && chord.0.starts_with(strokes))
            .map(|(help, chord)| (chord.0[strokes.len()].to_string(), help))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(text: &str) -> Stroke {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_has_no_clash_and_every_action_once() {
        Keys::default().check().unwrap();
        for (place, entry) in TABLE.iter().enumerate() {
            let again = TABLE[place + 1..].iter().any(|it| it.action == entry.action);
            assert!(!again, "{}", entry.name);
        }
    }

    #[test]
    fn a_stroke_reads_back_as_it_is_written() {
        for text in ["x", "X", "?", "ctrl-x", "alt-x", "f12", "enter", "space", "-", "ctrl--", "پ"]
        {
            assert_eq!(stroke(text).to_string(), text);
        }
        for text in ["", "f13", "f0", "ctrl-", "nokey", "\u{1b}"] {
            assert!(text.parse::<Stroke>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn two_strokes_mean_one_thing_in_their_pane_only() {
        let keys = Keys::default();
        assert_eq!(keys.find(Pane::Call, &[stroke("u")]), Found::More);
        let strokes = [stroke("u"), stroke("e")];
        assert_eq!(keys.find(Pane::Call, &strokes), Found::Action(Action::UnitEnRoute));
        assert_eq!(keys.find(Pane::Units, &[stroke("u")]), Found::Nothing);
        assert_eq!(keys.find(Pane::Units, &[stroke("o")]), Found::Action(Action::OutOfService));
        assert_eq!(keys.find(Pane::Call, &[stroke("o")]), Found::Action(Action::Reopen));
        assert!(keys.after(Pane::Call, &[stroke("u")]).iter().any(|(key, _)| key == "s"));
    }

    #[test]
    fn a_key_file_moves_keys_and_says_what_is_wrong_with_it() {
        let keys = Keys::with_file("claim = \"f6\"\nclose = [\"x\", \"ctrl-x\"]").unwrap();
        assert_eq!(keys.find(Pane::Call, &[stroke("f6")]), Found::Action(Action::Claim));
        assert_eq!(keys.find(Pane::Call, &[stroke("c")]), Found::Nothing);
        assert_eq!(keys.find(Pane::Call, &[stroke("ctrl-x")]), Found::Action(Action::Close));
        for (file, says) in [
            ("clam = \"c\"", "no such action"),
            ("claim = \"xyzzy\"", "is no key"),
            ("claim = \"a b c\"", "is no key"),
            ("claim = \"x\"", "in each other's way"),
            ("claim = \"u\"", "in each other's way"),
            ("quit = []", "no key left"),
            ("claim = 7", "claim"),
            ("claim", "expected"),
        ] {
            let why = Keys::with_file(file).unwrap_err();
            assert!(why.contains(says), "{file}: {why}");
        }
    }
}

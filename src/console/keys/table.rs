//! The table of keys: what each does, where, and in what words help tells it.

use super::super::command_line::Pane;

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
    Answer,
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
    Describe,
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
    pub(super) panes: Panes,
    pub(super) strokes: &'static [&'static str],
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
    entry(Action::Answer, "answer", ANY, &["A", "f3"], "take the line that has rung longest"),
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
    entry(
        Action::Describe,
        "describe",
        CALLS,
        &["d"],
        "say what was learned of it: kind, place, district ..",
    ),
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

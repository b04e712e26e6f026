//! The verbs of the line: one table, from which come parsing, completion and help.

use super::parse::Given;
use super::{Filter, Pane, SortBy, Typed};
use crate::protocol::{
    AddNote, AssignUnit, CheckIn, Claim, CloseCall, Escalate, LinkCall, RecommendUnits,
    RecordCallback, ReleaseClaim, ReleaseUnit, ReopenCall, ReportStatus, ReportedStatus, Request,
    SendMessage, SetAvailable, SetOutOfService, SetPriority, TakeEscalation, TakeOver,
};

/// What a part of a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A call; where it comes first it may be left out: the one under the cursor.
    Call,
    /// The call that is worked, of which another is a repeat.
    Primary,
    Unit,
    Disposition,
    Priority,
    Outcome,
    Clock,
    Rung,
    /// All that is left; her words, perhaps.
    Text,
    /// A call or a pane.
    Place,
    SortBy,
    Reverse,
    Seconds,
    /// All that is left, in the words of the filter.
    Filter,
    /// Said by its name alone: `--take-over`.
    TakeOver,
    Release,
}

/// One thing a verb takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) word: Word,
    /// `reason`: given as `--reason ...`; text may also stand last without it.
    pub(super) flag: Option<&'static str>,
    pub(super) needed: bool,
}

const fn needed(word: Word) -> Take {
    Take { word, flag: None, needed: true }
}

const fn maybe(word: Word) -> Take {
    Take { word, flag: None, needed: false }
}

const fn flag(name: &'static str, word: Word) -> Take {
    Take { word, flag: Some(name), needed: false }
}

/// A verb of the line, as help shows it.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// Another word for it; empty if there is none.
    pub short: &'static str,
    /// What comes after it.
    pub usage: &'static str,
    /// What it does.
    pub does: &'static str,
    pub(super) takes: &'static [Take],
    pub(super) make: fn(&Given) -> Typed,
}

const CALL: Take = needed(Word::Call);
const UNIT: Take = needed(Word::Unit);
const REASON: Take = flag("reason", Word::Text);

macro_rules! verb {
    ($name:literal $($short:literal)?, $usage:literal, $does:literal, [$($take:expr),*], $make:expr) => {
        Verb {
            name: $name,
            short: concat!($($short)?),
            usage: $usage,
            does: $does,
            takes: &[$($take),*],
            make: $make,
        }
    };
}

/// Every verb, in the order of help. Those of a call are the actions of `fifteen op`.
pub const VERBS: &[Verb] = &[
    verb!("new" "n", "", "begin a new call", [], |_| Typed::NewCall),
    verb!("open" "o", "[CALL]", "open a call; reading it is recorded", [CALL], |given| {
        Typed::Open(given.call())
    }),
    verb!(
        "claim",
        "[CALL] [--take-over] [--release]",
        "say that you work a call",
        [CALL, flag("take-over", Word::TakeOver), flag("release", Word::Release)],
        claim
    ),
    verb!("assign" "a", "[CALL] [UNIT]", "send a unit; without one, list whom to send", [
        CALL, maybe(Word::Unit)
    ], |given| match given.text(Word::Unit) {
        Some(unit) => ask(AssignUnit { call: given.call(), unit }),
        None => ask(RecommendUnits { call: given.call(), limit: None }),
    }),
    verb!(
        "release",
        "[CALL] UNIT [--reason TEXT]",
        "take a unit off a call",
        [CALL, UNIT, REASON],
        |given| {
            ask(ReleaseUnit {
                call: given.call(),
                unit: given.unit(),
                reason: given.text(Word::Text),
            })
        }
    ),
    verb!(
        "ack",
        "[CALL] UNIT",
        "record that a unit acknowledged by radio or phone",
        [CALL, UNIT],
        |given| { heard(given, ReportedStatus::Acknowledged) }
    ),
    verb!(
        "decline",
        "[CALL] UNIT [--reason TEXT]",
        "record that a unit will not go",
        [CALL, UNIT, REASON],
        |given| { heard(given, ReportedStatus::Declined) }
    ),
    verb!("enroute", "[CALL] UNIT", "record that a unit is on its way", [CALL, UNIT], |given| {
        heard(given, ReportedStatus::EnRoute)
    }),
    verb!("onscene", "[CALL] UNIT", "record that a unit arrived", [CALL, UNIT], |given| {
        heard(given, ReportedStatus::OnScene)
    }),
    verb!(
        "clear",
        "[CALL] UNIT",
        "record that a unit is done with the call",
        [CALL, UNIT],
        |given| { heard(given, ReportedStatus::Clear) }
    ),
    verb!("checkin", "[CALL] UNIT", "record that a unit on scene is well", [CALL, UNIT], |given| {
        ask(CheckIn { call: Some(given.call()), unit: Some(given.unit()) })
    }),
    verb!(
        "close",
        "[CALL] DISPOSITION [--remark TEXT]",
        "end a call",
        [CALL, needed(Word::Disposition), flag("remark", Word::Text)],
        |given| {
            let disposition = given.text(Word::Disposition).unwrap_or_default();
            ask(CloseCall { call: given.call(), disposition, remark: given.text(Word::Text) })
        }
    ),
    verb!("reopen", "[CALL] [--reason TEXT]", "let a closed call go on", [CALL, REASON], |given| {
        ask(ReopenCall { call: given.call(), reason: given.text(Word::Text) })
    }),
    verb!("priority" "p", "[CALL] 1-4 [--reason TEXT]", "make a call more or less urgent", [
        CALL, needed(Word::Priority), REASON
    ], |given| {
        let priority = given.number(Word::Priority).unwrap_or(4);
        ask(SetPriority { call: given.call(), priority, reason: given.text(Word::Text) })
    }),
    verb!("note", "[CALL] TEXT", "write a note", [CALL, needed(Word::Text)], |given| {
        ask(AddNote { call: given.call(), text: given.text(Word::Text).unwrap_or_default() })
    }),
    verb!(
        "link",
        "[CALL] PRIMARY",
        "say that a call repeats another",
        [CALL, needed(Word::Primary)],
        |given| {
            let primary = given.number(Word::Primary).unwrap_or_default();
            ask(LinkCall { call: given.call(), primary })
        }
    ),
    verb!(
        "escalate",
        "[CALL] [--clock CLOCK] [--reason TEXT]",
        "tell the next office now",
        [CALL, flag("clock", Word::Clock), REASON],
        |given| {
            let (clock, reason) = (given.text(Word::Clock), given.text(Word::Text));
            ask(Escalate { call: given.call(), clock, reason })
        }
    ),
    verb!(
        "callback",
        "[CALL] OUTCOME [--note TEXT]",
        "record that she was rung back, or that it was tried",
        [CALL, needed(Word::Outcome), flag("note", Word::Text)],
        |given| {
            let outcome = given.outcome();
            ask(RecordCallback { call: given.call(), outcome, note: given.text(Word::Text) })
        }
    ),
    verb!("take" "t", "[CALL] [--clock CLOCK] [--rung N]", "take an escalation for the office that was told", [
        CALL, flag("clock", Word::Clock), flag("rung", Word::Rung)
    ], |given| {
        // As `fifteen op take` has it.
        let clock = given.text(Word::Clock).unwrap_or_else(|| "acknowledge".into());
        let rung = given.number(Word::Rung);
        ask(TakeEscalation { call: given.call(), clock, rung, office: None })
    }),
    verb!("message" "m", "UNIT TEXT", "write to a unit", [UNIT, needed(Word::Text)], |given| {
        let text = given.text(Word::Text).unwrap_or_default();
        ask(SendMessage { unit: Some(given.unit()), call: None, text })
    }),
    verb!(
        "out",
        "UNIT REASON",
        "a unit stays on duty and cannot be sent",
        [UNIT, needed(Word::Text)],
        |given| {
            let reason = given.text(Word::Text).unwrap_or_default();
            ask(SetOutOfService { unit: Some(given.unit()), reason })
        }
    ),
    verb!("back", "UNIT", "a unit can be sent again", [UNIT], |given| {
        ask(SetAvailable { unit: Some(given.unit()) })
    }),
    verb!("go" "g", "board|call|units|escalations|missed|report|health|CALL", "show a pane, or open a call", [
        needed(Word::Place)
    ], go),
    verb!(
        "sort",
        "queue|clock|age|district|kind|priority|stage [reverse]",
        "sort the board",
        [needed(Word::SortBy), maybe(Word::Reverse)],
        |given| {
            let by = given.text(Word::SortBy).and_then(|word| SortBy::named(&word));
            Typed::Sort(by.unwrap_or(SortBy::Queue), given.text(Word::Reverse).is_some())
        }
    ),
    verb!("filter" "f", "[p1-p4] [mine] [district:NAME] [kind:NAME] [stage:NAME] [unit:NAME] [WORD ..]",
        "show only these calls; alone: all of them", [maybe(Word::Filter)], |given| {
        Typed::Filter(given.filter.clone().unwrap_or_else(Filter::default))
    }),
    verb!(
        "silence",
        "[SECONDS]",
        "no bell for so long, 60 s at most",
        [maybe(Word::Seconds)],
        |given| {
            Typed::Silence(given.number(Word::Seconds).unwrap_or(super::SILENCE_SECONDS_MAX))
        }
    ),
    verb!("help" "?", "", "show keys and commands", [], |_| Typed::Help),
    verb!("quit" "q", "", "leave the console; the room goes on", [], |_| Typed::Quit),
];

fn ask(request: impl Into<Request>) -> Typed {
    Typed::Ask(Box::new(request.into()))
}

/// What a unit said by radio or telephone.
fn heard(given: &Given, status: ReportedStatus) -> Typed {
    ask(ReportStatus {
        call: given.call(),
        unit: Some(given.unit()),
        status,
        reason: given.text(Word::Text),
        by_radio: true,
    })
}

fn claim(given: &Given) -> Typed {
    let call = given.call();
    match (given.has(Word::TakeOver), given.has(Word::Release)) {
        (true, _) => ask(TakeOver { call }),
        (false, true) => ask(ReleaseClaim { call }),
        (false, false) => ask(Claim { call }),
    }
}

fn go(given: &Given) -> Typed {
    let place = given.text(Word::Place).unwrap_or_default();
    match (place.trim_start_matches('#').parse(), Pane::named(&place)) {
        (Ok(call), _) => Typed::Open(call),
        (Err(_), pane) => Typed::Go(pane.unwrap_or(Pane::Board)),
    }
}

//! Whom to tell next, and by which channel: pure, from the roster, the escalation, and what was
//! done about it so far.
//!
//! ```text
//!  person ── channel 1 ──given up──> channel 2 ──given up──> ... ──> not reached
//!               └── delivered: done          (a feed nobody looks at is passed over at once)
//! ```
//! Every holder of the office is told, each on their own course. A reminder to one who has an
//! older notice of the same rung still under way is folded into that. When the last of them
//! cannot be reached the room is told; the ladder goes on by its own clock in any case.

use super::{Kind, Person, Roster};
use crate::domain::UtcMs;

/// An escalation to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due<'a> {
    /// Its number: the log's sequence.
    pub escalation: u64,
    /// When the room told it.
    pub told_at: UtcMs,
    /// The office told.
    pub office: &'a str,
    /// The call's district; may be empty.
    pub district: &'a str,
    /// Somebody took it, or its clock was stopped: nobody more is told.
    pub settled: bool,
}

/// How far a notice came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Intended; under way, or between attempts.
    Pending,
    /// Its receiver has it, since then.
    Delivered(UtcMs),
    /// Its channel was given up for it, then.
    Failed(UtcMs),
}

/// A notice of this rung so far: of this escalation, or of an earlier one of the same call,
/// generation, clock, unit and rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past<'a> {
    /// The escalation it is of.
    pub escalation: u64,
    /// Who is told.
    pub person: &'a str,
    /// By which channel.
    pub channel: &'a str,
    /// How far it came.
    pub stage: Stage,
}

/// A notice to intend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Who is told.
    pub person: Box<str>,
    /// By which channel.
    pub channel: Box<str>,
}

/// How an escalation stands, as far as telling it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody has it, or it is under way to somebody.
    Going,
    /// Nobody holds this office here.
    Unmanned,
    /// Every channel of everybody failed: the room is to be told.
    NobodyReached,
    /// Taken or stopped.
    Settled,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Notices to intend, in the order of dispatch.toml; at most one a person.
    pub intents: Vec<Intent>,
    /// Who cannot be reached: all their channels were given up.
    pub unreached: Vec<Box<str>>,
    /// How it stands.
    pub standing: Standing,
}

/// Whom to tell of `due` now. `past` are the notices of its rung, in any order; `looks` says
/// whether somebody's live feed is open. It is asked of the latest escalation of a rung, when
/// that is told and again after each result; what it said and was intended is in `past` the next
/// time, so that nothing is said twice.
#[must_use]
pub fn plan(roster: &Roster, due: &Due, past: &[Past], looks: impl Fn(&str) -> bool) -> Plan {
    let mut plan = Plan { intents: Vec::new(), unreached: Vec::new(), standing: Standing::Settled };
    if due.settled {
        return plan;
    }
    let (mut holders, mut going) = (0, false);
    for person in roster.holders(due.office, due.district) {
        holders += 1;
        match course(roster, due, person, past, &looks) {
            Course::Going => going = true,
            Course::Next(channel) => {
                plan.intents.push(Intent { person: person.name.clone(), channel: channel.into() });
            }
            Course::End => plan.unreached.push(person.name.clone()),
        }
    }
    plan.standing = match holders {
        0 => Standing::Unmanned,
        _ if going || !plan.intents.is_empty() => Standing::Going,
        _ => Standing::NobodyReached,
    };
    plan
}

enum Course<'a> {
    /// Delivered, or under way.
    Going,
    /// The next channel.
    Next(&'a str),
    /// No channel is left.
    End,
}

fn course<'a>(
    roster: &Roster,
    due: &Due,
    person: &'a Person,
    past: &[Past],
    looks: impl Fn(&str) -> bool,
) -> Course<'a> {
    let own = || past.iter().filter(|past| *past.person == *person.name);
    // What an older one came to after this one was told, this one came to: it was folded into it.
    let counts = |past: &Past, at| past.escalation == due.escalation || at >= due.told_at;
    let going = |past: &Past| match past.stage {
        Stage::Pending => true,
        Stage::Delivered(at) => counts(past, at),
        Stage::Failed(_) => false,
    };
    if own().any(going) {
        return Course::Going;
    }
    let tried = |channel: &str| {
        own().any(|past| match past.stage {
            Stage::Failed(at) => past.channel == channel && counts(past, at),
            Stage::Pending | Stage::Delivered(_) => false,
        })
    };
    let usable = |channel: &str| match roster.channel(channel).map(|rule| &rule.kind) {
        // A feed that nobody looks at cannot show anything: no time is lost on it.
        Some(Kind::Feed) => looks(&person.name),
        Some(_) => true,
        None => false,
    };
    let next = person.channels.iter().find(|channel| !tried(channel) && usable(channel));
    next.map_or(Course::End, |channel| Course::Next(channel))
}

#[cfg(test)]
mod tests;

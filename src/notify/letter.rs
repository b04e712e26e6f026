//! What is sent. A letter is made of the room's own words and numbers; it has no field that could
//! hold her name, number, place or notes.

use crate::domain::{CallId, Priority, UtcMs, bounds};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A report's text beyond this is cut, with a word that it was.
pub const REPORT_TEXT_BYTES_MAX: usize = 16 * 1024;

/// One notice, for one person by one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its number in the room's log.
    pub notice: u64,
    /// When the room meant to send it, as the log has it.
    pub intended_at: UtcMs,
    /// The room's name.
    pub room: Box<str>,
    /// A drill: nothing of it is real.
    pub drill: bool,
    /// Who is told, by name.
    pub person: Box<str>,
    /// Their address, for e-mail; never in the text.
    pub email: Option<lettre::Address>,
    /// Their number, for a gateway; never in the text.
    pub phone: Option<Box<str>>,
    /// What about.
    pub matter: Matter,
    /// Instants are told in this zone.
    pub zone: TimeZone,
}

/// What a letter is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Matter {
    /// A deadline was missed.
    Escalation(Box<Escalation>),
    /// Does this channel work?
    Test,
    /// Yesterday's figures.
    Report(Arc<Report>),
    /// The room's disks take nothing any more, or do again.
    Disks {
        /// They do again.
        durable: bool,
    },
}

/// A missed deadline, without who she is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Its number: the log's sequence.
    pub escalation: u64,
    /// The call.
    pub call: CallId,
    /// Its kind.
    pub kind: Box<str>,
    /// Its district; may be empty.
    pub district: Box<str>,
    /// Its priority.
    pub priority: Priority,
    /// The clock whose deadline was missed.
    pub clock: Box<str>,
    /// The unit it watches, for a clock of a unit.
    pub unit: Option<Box<str>>,
    /// The office told.
    pub office: Box<str>,
    /// The rung, from 1.
    pub rung: u32,
    /// The repeat of the last rung; 0: the first time.
    pub repeat: u32,
    /// The clock's deadline.
    pub limit_at: UtcMs,
    /// When this rung was due.
    pub due_at: UtcMs,
    /// How much later than that the room told it.
    pub late_ms: u64,
    /// It is in the log; otherwise it is kept aside, and a crash may lose it.
    pub durable: bool,
    /// The link that takes it.
    pub take_link: Option<String>,
}

/// A report, made by whoever folds the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One line.
    pub title: String,
    /// The figures in words.
    pub text: String,
    /// The same as a page; e-mail attaches it, other channels leave it out.
    pub html: Option<String>,
}

impl Letter {
    /// The delivery id: the same for every attempt of this notice, across crashes, and another for
    /// every other notice, also of a room that begins a new log under an old name.
    #[must_use]
    pub fn id(&self) -> String {
        let room = Sha256::digest(self.room.as_bytes());
        let tag = u32::from_be_bytes([room[0], room[1], room[2], room[3]]);
        format!("notice-{}-{:x}-{tag:08x}", self.notice, self.intended_at.0)
    }

    /// One line, short enough for one SMS where the names are.
    #[must_use]
    pub fn headline(&self) -> String {
        let drill = if self.drill { "DRILL: " } else { "" };
        let said = match &self.matter {
            Matter::Escalation(escalation) => escalation.headline(),
            Matter::Test => format!("test of this channel by {}", self.room),
            Matter::Report(report) => report.title.clone(),
            Matter::Disks { durable: false } => {
                format!("{} runs WITHOUT A DISK: calls are taken, a crash may lose them", self.room)
            }
            Matter::Disks { durable: true } => {
                format!("{} has a disk again: everything since is on it", self.room)
            }
        };
        one_line(&format!("{drill}{said}"))
    }

    /// Everything, in lines.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![self.headline(), String::new()];
        match &self.matter {
            Matter::Escalation(escalation) => {
                lines.extend(escalation.lines(&self.zone));
                if let Some(link) = &escalation.take_link {
                    lines.extend([
                        String::new(),
                        "To take it, open this and press the button:".into(),
                        link.clone(),
                    ]);
                } else {
                    lines.push(format!("To take it: fifteen take {}", escalation.escalation));
                }
            }
            Matter::Test => lines.push(format!(
                "Sent at {}. Nothing is to be done: {} is reached.",
                stamp(self.intended_at, &self.zone),
                self.person
            )),
            Matter::Disks { durable: false } => lines.extend([
                format!("Since {} no log of the room takes anything.", stamp(self.intended_at, &self.zone)),
                "Calls are still taken, clocks go on, escalations go out; all of it is kept aside.".into(),
                "Do not stop the server. Give its disk room, or mend it; `fifteen health` says what is wrong.".into(),
            ]),
            Matter::Disks { durable: true } => lines.push(format!(
                "At {} the log took over what was kept aside, in order. Restart the server in a quiet hour if health \
                 says that it is degraded.",
                stamp(self.intended_at, &self.zone)
            )),
            Matter::Report(report) => {
                let (text, cut) = bounds::cut(&report.text, REPORT_TEXT_BYTES_MAX);
                lines = vec![text.to_owned()];
                if cut {
                    lines.push("(cut here)".into());
                }
                if self.drill {
                    lines.insert(0, "DRILL: nothing of this is real.".into());
                }
            }
        }
        lines.push(String::new());
        lines.push(format!("{}, notice {}", one_line(&self.room), self.notice));
        lines.join("\n")
    }

    /// The same for a machine: what a webhook posts. `docs/notices.md` says each field.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut value = json!({
            "id": self.id(),
            "notice": self.notice,
            "at": self.intended_at.to_string(),
            "room": self.room,
            "drill": self.drill,
            "person": self.person,
            "headline": self.headline(),
            "text": self.text(),
        });
        let (name, data) = match &self.matter {
            Matter::Escalation(escalation) => ("escalation", escalation.json()),
            Matter::Test => ("test", json!({})),
            Matter::Report(report) => ("report", json!({ "title": report.title })),
            Matter::Disks { durable } => ("disks", json!({ "durable": durable })),
        };
        value["type"] = name.into();
        value[name] = data;
        value
    }

    /// Most urgent first: what concerns every call, an escalation by its call's priority, then tests, then reports.
    #[must_use]
    pub fn urgency(&self) -> u8 {
        match &self.matter {
            Matter::Escalation(escalation) => escalation.priority.number(),
            Matter::Disks { .. } => 0,
            Matter::Test => 10,
            Matter::Report(_) => 11,
        }
    }
}

impl Escalation {
    fn headline(&self) -> String {
        let again = match self.repeat {
            0 => String::new(),
            repeat => format!(" (reminder {repeat})"),
        };
        let district = if self.district.is_empty() { "no district" } else { &self.district };
        format!(
            "{} missed on call {}: {}, {district}, priority {}{again}",
            self.clock,
            self.call,
            self.kind,
            self.priority.number()
        )
    }

    fn lines(&self, zone: &TimeZone) -> Vec<String> {
        let mut lines = vec![
            format!("Escalation {}, to: {}, rung {}.", self.escalation, self.office, self.rung),
            format!("The deadline was {}.", stamp(self.limit_at, zone)),
            format!("This rung was due {}.", stamp(self.due_at, zone)),
        ];
        if self.late_ms >= 1_000 {
            lines.push(format!("It is told {} s late.", self.late_ms / 1_000));
        }
        if !self.durable {
            lines.push(
                "NOT DURABLE: the room runs without a disk; a crash may lose this escalation."
                    .into(),
            );
        }
        if let Some(unit) = &self.unit {
            lines.push(format!("It concerns unit {unit}."));
        }
        lines.iter().map(|line| one_line(line)).collect()
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "escalation": self.escalation,
            "call": self.call.0,
            "kind": self.kind,
            "district": self.district,
            "priority": self.priority.number(),
            "clock": self.clock,
            "unit": self.unit,
            "office": self.office,
            "rung": self.rung,
            "repeat": self.repeat,
            "limit_at": self.limit_at.to_string(),
            "due_at": self.due_at.to_string(),
            "late_ms": self.late_ms,
            "take_link": self.take_link,
        });
        if !self.durable {
            value["durable"] = false.into();
        }
        value
    }
}

/// `instant` in `zone`, with its offset.
fn stamp(instant: UtcMs, zone: &TimeZone) -> String {
    let ms = i64::try_from(instant.0).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(stamp) => stamp.to_zoned(zone.clone()).strftime("%F %T (%:z)").to_string(),
        Err(_) => instant.to_string(),
    }
}

/// Names are typed by people: whatever breaks a line, or is a terminal's or a header's own, is a
/// blank here.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

//! What the crew sees and may press, as a value: news and keys go in, lines and things to do come out. It knows no
//! terminal, no connection and no clock.

mod keys;
#[cfg(test)]
mod tests;

use super::words;
use crate::shell::text;
use fifteen::client::unit::{Entry, PatrolNews, Saying, UnitNews};
use fifteen::protocol::{Assignment, Message, UnitStatus, Welcome};
use std::collections::BTreeMap;

/// An unanswered assignment is said again after this, ms.
const REMIND_MS: u64 = 10_000;
/// How long the first press of a panic waits for the second, ms. Holding the key down does it too.
const PANIC_MS: u64 = 3_000;
/// Presses of a held key come closer together than this, ms.
const HELD_MS: u64 = 1_000;

/// What follows from a key, a line or news.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    Print(String),
    /// The same with a bell: somebody has to look.
    Ring(String),
    Say(Saying),
    Read(u64),
    SignOn,
    /// Ask the room for its dispositions.
    AskWords,
    Quit(u8),
}

/// A key, as far as this screen knows keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    Letter(char),
    Enter,
    Back,
    Escape,
    Tab,
}

/// A call the unit is on.
#[derive(Debug)]
struct Held {
    assignment: Assignment,
    /// What the crew said of it last, and whether the room has it.
    said: Option<(&'static str, bool)>,
    shown_at: u64,
    reminded_at: u64,
}

#[derive(Debug, PartialEq)]
enum Mode {
    Keys,
    /// A text is typed: of the call, if it is about one.
    Typing(Wanted, Option<u64>, String),
    /// P was pressed once.
    Armed(u64),
    /// Q was pressed once.
    Leaving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Reason,
    Disposition,
    Message,
    Break,
}

#[derive(Debug)]
enum Link {
    /// Never yet; since.
    New(u64),
    Up,
    Down(u64),
}

pub(super) struct Desk {
    callsign: String,
    times: text::Times,
    held: BTreeMap<u64, Held>,
    /// The call a key is about, when there are several.
    current: Option<u64>,
    /// Those the crew gave up itself: their end is no news.
    leaving: Vec<u64>,
    unread: Vec<Message>,
    status: Option<UnitStatus>,
    on_duty: bool,
    link: Link,
    drill: bool,
    /// Whole lines are typed: nothing shows which call is meant, so with several it has to be said.
    lines: bool,
    mode: Mode,
    /// The room's dispositions, once asked for.
    pub(super) dispositions: Vec<String>,
    pub(super) unsent: usize,
    /// A panic was said and the room does not have it yet.
    panicking: bool,
    /// Until then a key that is still held down says nothing more.
    held_down_until: u64,
    trouble: bool,
}

impl Desk {
    pub(super) fn new(callsign: &str, lines: bool, unsent: usize, now: u64) -> Self {
        Self {
            callsign: text::plain(callsign),
            times: text::Times::here(),
            held: BTreeMap::new(),
            current: None,
            leaving: Vec::new(),
            unread: Vec::new(),
            status: None,
            on_duty: false,
            link: Link::New(now),
            drill: false,
            lines,
            mode: Mode::Keys,
            dispositions: Vec::new(),
            unsent,
            panicking: false,
            held_down_until: 0,
            trouble: false,
        }
    }

    /// Takes what is new.
    pub(super) fn news(&mut self, news: PatrolNews, now: u64) -> Vec<Act> {
        match news {
            PatrolNews::Up(welcome) => self.up(&welcome),
            PatrolNews::Down { why } => {
                self.link = Link::Down(now);
                let why = text::plain(&why);
                vec![Act::Ring(format!(
                    "NO LINK ({why}): use the radio. What you press is kept and sent when it is back"
                ))]
            }
            PatrolNews::Ended { why } => {
                let unsent = self.unsent_words();
                vec![
                    Act::Ring(format!(
                        "THE LINK HAS ENDED: {}; {} may still be on duty, use the radio{unsent}",
                        text::plain(&why),
                        self.callsign
                    )),
                    Act::Quit(2),
                ]
            }
            PatrolNews::SignedOn => {
                self.on_duty = true;
                vec![Act::Print(format!("{} is on duty; ? lists the keys", self.callsign))]
            }
            PatrolNews::NotSignedOn { code, text } => {
                vec![Act::Print(format!("rejected: {} ({code})", text::plain(&text))), Act::Quit(1)]
            }
            PatrolNews::SignedOff { by_room: false } => {
                self.on_duty = false;
                vec![Act::Print("signed off".into()), Act::Quit(0)]
            }
            PatrolNews::SignedOff { by_room: true } => {
                self.on_duty = false;
                vec![Act::Ring(format!(
                    "THE ROOM SIGNED {} OFF: nothing comes here any more; o signs on again",
                    self.callsign
                ))]
            }
            PatrolNews::Status(status) => {
                self.status = Some(status);
                Vec::new()
            }
            PatrolNews::Told(UnitNews::Assigned(assignment)) => self.assigned(*assignment, now),
            PatrolNews::Told(UnitNews::Changed(assignment)) => self.changed(*assignment),
            PatrolNews::Told(UnitNews::Ended { call }) => self.ended(call),
            PatrolNews::Told(UnitNews::Message(message)) => {
                let line = self.message(&message);
                self.unread.push(*message);
                vec![Act::Ring(format!("{line}\n  r says you read it"))]
            }
            PatrolNews::Sent { entry, placed, .. } => self.sent(&entry, placed),
            PatrolNews::Rejected { entry, text, .. } => {
                let about = self.undo(&entry);
                vec![Act::Ring(format!("{about}: rejected: {}", text::plain(&text)))]
            }
            PatrolNews::Expired(entry) => {
                let about = self.undo(&entry);
                let when = self.times.full(entry.at);
                vec![Act::Ring(format!(
                    "{about}, said {when}: TOO OLD, not sent. Say it again if it still holds"
                ))]
            }
            PatrolNews::OtherLog(entry) => {
                let about = self.undo(&entry);
                vec![Act::Ring(format!(
                    "{about}: NOT SENT, the room has a new log now. Ask by radio what holds"
                ))]
            }
            PatrolNews::Trouble(Some(why)) => {
                self.trouble = true;
                vec![Act::Ring(format!(
                    "THE DISK OF THIS MACHINE FAILS ({}): all is still sent, but what is unsent would not survive a restart",
                    text::plain(&why)
                ))]
            }
            PatrolNews::Trouble(None) => {
                self.trouble = false;
                vec![Act::Print("the disk of this machine is well again".into())]
            }
        }
    }

    fn up(&mut self, welcome: &Welcome) -> Vec<Act> {
        self.drill = welcome.drill;
        let first = matches!(std::mem::replace(&mut self.link, Link::Up), Link::New(_));
        let mut acts = Vec::new();
        if welcome.drill {
            acts.push(Act::Print("DRILL: no call here is real".into()));
        }
        if welcome.spilling {
            let words = "NOT ON DISK: the room's log takes nothing, it works on; say what matters by radio too";
            acts.push(Act::Print(words.into()));
        } else if welcome.degraded {
            let words = "DEGRADED: the room's log is in trouble, it works on; the radio is safer";
            acts.push(Act::Print(words.into()));
        }
        if !first {
            acts.push(Act::Print("the link is back".into()));
        }
        acts
    }

    fn assigned(&mut self, assignment: Assignment, now: u64) -> Vec<Act> {
        let call = assignment.call;
        let card = words::card(&assignment, &self.times);
        // At the program's start a call may have been answered long ago; with one call the unit's status tells.
        let alone = self.held.is_empty();
        let said = self.status.filter(|_| alone).and_then(words::progress).map(|word| (word, true));
        let held = Held { assignment, said, shown_at: now, reminded_at: now };
        self.held.insert(call, held);
        self.leaving.retain(|left| *left != call);
        // A new call never moves under the finger that is about to say something of the old one.
        self.current.get_or_insert(call);
        let answer = if said.is_some() { "" } else { "\n  answer: a accept   d decline" };
        vec![Act::Ring(format!("{card}{answer}"))]
    }

    /// Where she is now is a line; that anything else of the call changed rings.
    fn changed(&mut self, assignment: Assignment) -> Vec<Act> {
        let Some(held) = self.held.get_mut(&assignment.call) else {
            return Vec::new();
        };
        let only_moved = Assignment { place: held.assignment.place.clone(), ..assignment.clone() }
            == held.assignment;
        held.assignment = assignment;
        if !only_moved {
            return vec![Act::Ring(words::card(&held.assignment, &self.times))];
        }
        let place = held.assignment.place.as_ref().map_or_else(String::new, text::place);
        vec![Act::Print(format!("call {}: she is now at {place}", held.assignment.call))]
    }

    fn ended(&mut self, call: u64) -> Vec<Act> {
        self.held.remove(&call);
        if self.current == Some(call) {
            self.current = self.held.keys().next().copied();
        }
        let own = self.leaving.contains(&call);
        self.leaving.retain(|left| *left != call);
        if own { Vec::new() } else { vec![Act::Ring(format!("call {call}: no longer yours"))] }
    }

    fn sent(&mut self, entry: &Entry, placed: Option<u64>) -> Vec<Act> {
        let word = words::done(&entry.saying);
        if let Some(held) = entry.saying.call().and_then(|call| self.held.get_mut(&call))
            && let Some((said, confirmed)) = &mut held.said
            && *said == word
        {
            *confirmed = true;
        }
        match (&entry.saying, placed) {
            (Saying::Panic { .. }, Some(call)) => {
                self.panicking = false;
                vec![Act::Ring(format!("THE ROOM HAS YOUR PANIC: call {call}"))]
            }
            // Its own line comes with the news of it.
            (Saying::SignOff, _) => Vec::new(),
            _ => vec![Act::Print(words::about(&entry.saying))],
        }
    }

    /// What was said does not hold; how to speak of it.
    fn undo(&mut self, entry: &Entry) -> String {
        self.panicking &= !matches!(entry.saying, Saying::Panic { .. });
        if let Some(call) = entry.saying.call() {
            self.leaving.retain(|left| *left != call);
            if let Some(held) = self.held.get_mut(&call)
                && held.said.is_some_and(|(word, sent)| !sent && word == words::done(&entry.saying))
            {
                held.said = None;
            }
        }
        words::saying(&entry.saying)
    }

    fn message(&self, message: &Message) -> String {
        let about = message.call.map_or_else(String::new, |call| format!(", call {call}"));
        let (who, at) = (text::plain(&message.who), self.times.time(message.at));
        format!("MESSAGE {at} from {who}{about}: {}", text::plain(&message.text))
    }

    fn unsent_words(&self) -> String {
        match self.unsent {
            0 => String::new(),
            unsent => format!("; {unsent} unsent, sent when this program runs again"),
        }
    }

    /// Whether time alone changes what is shown.
    pub(super) fn wants_ticks(&self) -> bool {
        self.held.values().any(|held| held.said.is_none())
            || !matches!(self.link, Link::Up)
            || matches!(self.mode, Mode::Armed(_))
    }

    /// A second has passed.
    pub(super) fn tick(&mut self, now: u64) -> Vec<Act> {
        if matches!(self.mode, Mode::Armed(until) if now >= until) {
            self.mode = Mode::Keys;
        }
        let mut acts = Vec::new();
        for (call, held) in &mut self.held {
            if held.said.is_none() && now >= held.reminded_at + REMIND_MS {
                held.reminded_at = now;
                let (priority, kind) =
                    (held.assignment.priority, text::plain(&held.assignment.kind));
                let waits = text::span(now.saturating_sub(held.shown_at));
                acts.push(Act::Ring(format!(
                    "NOT ANSWERED {waits}: call {call} P{priority} {kind}: a accept, d decline"
                )));
            }
        }
        acts
    }

    /// The line that is always there: what is most important stands first, for narrow screens.
    pub(super) fn status(&self, now: u64) -> String {
        match &self.mode {
            Mode::Typing(wanted, call, text) => {
                let about = call.map_or_else(String::new, |call| format!(" {call}"));
                return match wanted {
                    Wanted::Reason => format!("decline{about}, why? {text}_"),
                    Wanted::Disposition => format!("clear{about}, how? (Enter: no word) {text}_"),
                    Wanted::Message => format!("message: {text}_"),
                    Wanted::Break => format!("break, why? {text}_"),
                };
            }
            Mode::Armed(_) => return "PANIC? press p again".into(),
            Mode::Leaving => return "sign off? press q again".into(),
            Mode::Keys => {}
        }
        let mut parts = Vec::new();
        if self.panicking {
            parts.push("PANIC UNSENT".to_owned());
        }
        if self.drill {
            parts.push("DRILL".to_owned());
        }
        parts.push(match self.link {
            Link::Up => "link ok".into(),
            Link::New(since) => format!("connecting {}", text::span(now.saturating_sub(since))),
            Link::Down(since) => format!("NO LINK {}", text::span(now.saturating_sub(since))),
        });
        parts.push(match self.unsent {
            0 => "0 unsent".into(),
            unsent => format!("{unsent} UNSENT"),
        });
        let doing = |(call, held): (&u64, &Held)| {
            let (word, sent) = held.said.unwrap_or(("ANSWER!", true));
            format!("{call} {word}{}", if sent { "" } else { "..." })
        };
        match self.current.and_then(|call| self.held.get_key_value(&call)) {
            Some(current) => {
                if let Some(other) = self.unanswered().filter(|call| call != current.0) {
                    parts.push(format!("{other} ANSWER!"));
                }
                parts.push(doing(current));
            }
            None if self.on_duty => {
                parts.push(
                    self.status.map_or("on duty", |status| status.as_str()).replace('_', " "),
                );
            }
            None => parts.push("not on duty".into()),
        }
        if self.held.len() > 1 {
            parts.push(format!("+{} n", self.held.len() - 1));
        }
        if !self.unread.is_empty() {
            parts.push(format!("{} MSG r", self.unread.len()));
        }
        if self.trouble {
            parts.push("DISK".into());
        }
        parts.push(self.callsign.clone());
        parts.join(" | ")
    }
}

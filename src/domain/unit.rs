//! A unit: a car and its crew.

use super::{CallId, Point, SealedText, UtcMs};
use serde::{Deserialize, Serialize};

/// What a crew says of itself when it signs on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignOn {
    /// The district it serves.
    pub district: Box<str>,
    /// Names or service numbers of the crew.
    pub crew: Vec<Box<str>>,
    /// What it can do: `female_officer`, `first_aid`, languages.
    pub skills: Vec<Box<str>>,
    /// The car.
    pub vehicle: Option<Box<str>>,
    /// Where it starts from.
    pub point: Option<Point>,
}

/// The skill that says a female officer is aboard.
pub const FEMALE_OFFICER: &str = "female_officer";

/// The kind of the call that a pressed panic button makes.
pub const PANIC_KIND: &str = "officer in danger";

/// Messages remembered of one unit; beyond it the oldest are in the log only.
pub const MESSAGES_MAX: usize = 32;

/// What a unit and the room say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The log sequence of it: its id.
    pub seq: u64,
    /// When it was sent.
    pub at: UtcMs,
    /// From the unit to the room; otherwise from the room to the unit.
    pub to_room: bool,
    /// Who sent it.
    pub who: Box<str>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// What is said; it may name her.
    pub text: SealedText,
    /// It was read.
    pub read: bool,
}

/// Whether the room hears the unit over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// By voice only; it cannot fall silent on the wire.
    Radio,
    /// Its client is connected.
    Up,
    /// Its client went away.
    Lost {
        /// When.
        at: UtcMs,
    },
    /// Lost for longer than the limit: what it acknowledged was withdrawn.
    Silent,
}

/// A unit's status, derived from its calls and its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitStatus {
    /// Free to be sent.
    Available,
    /// Assigned; has not answered.
    Dispatched,
    /// Took the order.
    Acknowledged,
    /// On its way.
    EnRoute,
    /// Arrived.
    OnScene,
    /// Signed on and not to be sent.
    OutOfService,
    /// Not signed on.
    SignedOff,
}

impl UnitStatus {
    /// Its name as the wire spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Dispatched => "dispatched",
            Self::Acknowledged => "acknowledged",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::OutOfService => "out_of_service",
            Self::SignedOff => "signed_off",
        }
    }
}

/// A unit as the room knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its number in this room, for the timer of its silence.
    pub number: u32,
    /// What it signed on with; `None`: known by voice only.
    pub signed_on: Option<SignOn>,
    /// Why it is not to be sent, if so.
    pub out_of_service: Option<Box<str>>,
    /// Its link.
    pub link: Link,
    /// Where it was last.
    pub point: Option<Point>,
    /// When anything was last heard of it.
    pub heard_at: UtcMs,
    /// When it was last sent to a call.
    pub last_used_at: Option<UtcMs>,
    /// The calls it is on, in order of assignment.
    pub calls: Vec<CallId>,
    /// The call its panic button made last; of no meaning once that is closed.
    #[serde(default)]
    pub panic: Option<CallId>,
    /// What it and the room said to each other lately, oldest first.
    #[serde(default)]
    pub messages: Vec<Message>,
}

impl Unit {
    /// Whether a female officer is aboard.
    #[must_use]
    pub fn female_officer(&self) -> bool {
        self.signed_on
            .as_ref()
            .is_some_and(|crew| crew.skills.iter().any(|skill| &**skill == FEMALE_OFFICER))
    }

    /// Its district; empty when it is known by voice only.
    #[must_use]
    pub fn district(&self) -> &str {
        self.signed_on.as_ref().map_or("", |crew| &crew.district)
    }

    /// What it said to the room and nobody read yet.
    pub fn unread(&self) -> impl Iterator<Item = &Message> + '_ {
        self.messages.iter().filter(|message| message.to_room && !message.read)
    }

    /// Whether nothing is left to know about it: by voice only, on no call, nothing unread.
    #[must_use]
    pub fn forgettable(&self) -> bool {
        self.signed_on.is_none() && self.calls.is_empty() && self.unread().next().is_none()
    }
}

//! A call: one request for help, and how far the help has come.
//!
//! ```text
//!  waiting ──> dispatched ──> acknowledged ──> en route ──> on scene ──> closed
//!     ▲             │               │              │
//!     └─────────────┴───────────────┴──────────────┘  the last unit left before arriving
//! ```

use super::{CallId, Callsign, ClockRun, Fix, FollowUp, Place, Press, Priority, Telling, UtcMs};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A telephone line.
    PhoneLine,
    /// An app or an SOS page.
    App,
    /// Somebody came to the counter.
    WalkIn,
    /// A partner's helpline or office.
    Partner,
    /// A police officer.
    Officer,
    /// The room's own canary: walks the whole path, concerns nobody.
    Canary,
}

/// What is special about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub struct Flags {
    /// The caller cannot speak.
    pub silent: bool,
    /// Ringing back puts her in danger.
    pub unsafe_to_ring_back: bool,
    /// The line was cut before the call was taken.
    pub dropped: bool,
    /// One-click SOS.
    pub sos: bool,
    /// A test; concerns nobody.
    pub test: bool,
    /// One of its texts was longer than the room keeps and was cut.
    pub cut: bool,
    /// Taken back with the caller's own PIN. It stays a call until people close it.
    pub cancelled: bool,
    /// The caller was made to take it back: whoever stands beside her believes that it is.
    pub duress: bool,
}

impl Flags {
    /// Whether ending it as hoax, error or unanswered needs a call-back and a second person.
    #[must_use]
    pub const fn guarded(self) -> bool {
        self.silent || self.dropped || self.sos
    }
}

impl From<u8> for Flags {
    fn from(bits: u8) -> Self {
        let bit = |place: u8| bits & (1 << place) != 0;
        Self {
            silent: bit(0),
            unsafe_to_ring_back: bit(1),
            dropped: bit(2),
            sos: bit(3),
            test: bit(4),
            cut: bit(5),
            cancelled: bit(6),
            duress: bit(7),
        }
    }
}

impl From<Flags> for u8 {
    fn from(flags: Flags) -> Self {
        let Flags { silent, unsafe_to_ring_back, dropped, sos, test, cut, cancelled, duress } =
            flags;
        [silent, unsafe_to_ring_back, dropped, sos, test, cut, cancelled, duress]
            .into_iter()
            .enumerate()
            .fold(0, |bits, (place, set)| bits | (Self::from(set) << place))
    }
}

/// The part of a call only those may read who need it; reading it is itself recorded.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sealed {
    /// Her number.
    pub number: Option<Box<str>>,
    /// Her name.
    pub name: Option<Box<str>>,
    /// Where she is.
    pub place: Option<Place>,
    /// What the call taker noted first.
    pub note: Option<Box<str>>,
    /// Of an SOS page's press. Last, and left out where there is none: calls are then as they were before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub press: Option<Box<Press>>,
}

impl fmt::Debug for Sealed {
    /// Never what is inside: a debug line must not carry her name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// A sealed text: a note or remark that may name her.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedText(pub Box<str>);

impl SealedText {
    /// What stands where a sealed text is not shown, or was erased.
    #[must_use]
    pub fn withheld() -> Self {
        Self("(sealed)".into())
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(..)")
    }
}

/// A call as it is placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCall {
    /// How it came in.
    pub source: Source,
    /// Which line or partner, if there are several.
    pub line: Option<Box<str>>,
    /// District that serves it; may be empty when nobody knows yet.
    pub district: Box<str>,
    /// Kind of emergency, in the room's words.
    pub kind: Box<str>,
    /// How urgent.
    pub priority: Priority,
    /// What is special about it.
    pub flags: Flags,
    /// Who and where.
    pub sealed: Sealed,
}

/// What was learned of a call after it was taken: what is said replaces what stood there, the rest stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Description {
    /// District that serves it.
    pub district: Option<Box<str>>,
    /// Kind of emergency.
    pub kind: Option<Box<str>>,
    /// The caller cannot speak. What is once said of that stays: it guards how the call may end.
    pub silent: bool,
    /// Ringing back puts her in danger. The same.
    pub unsafe_to_ring_back: bool,
    /// Number, name and place; of a place, words and point each for itself. Nothing else of it counts.
    pub sealed: Sealed,
}

/// How far the help for a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody was asked to go.
    Waiting,
    /// A unit was assigned; nobody acknowledged.
    Dispatched,
    /// A named person took responsibility for responding.
    Acknowledged,
    /// A unit is on its way.
    EnRoute,
    /// A unit arrived.
    OnScene,
    /// It ended with a disposition.
    Closed,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Dispatched,
        Self::Acknowledged,
        Self::EnRoute,
        Self::OnScene,
        Self::Closed,
    ];

    /// Its name as the wire and the reports spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dispatched => "dispatched",
            Self::Acknowledged => "acknowledged",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Closed => "closed",
        }
    }
}

/// What a unit on a call reports, in the order it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Asked to go; has not answered.
    Assigned,
    /// Took the order.
    Acknowledged,
    /// Rolls.
    EnRoute,
    /// Arrived.
    OnScene,
}

impl Progress {
    /// Its name as the wire spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assigned => "dispatched",
            Self::Acknowledged => "acknowledged",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
        }
    }
}

/// A unit on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which.
    pub unit: Callsign,
    /// How far it has come.
    pub progress: Progress,
    /// Since when it has come so far.
    pub since: UtcMs,
    /// When it was assigned.
    pub assigned_at: UtcMs,
}

/// Who is working a call; stops no clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The operator.
    pub who: Box<str>,
    /// Since when.
    pub since: UtcMs,
    /// Nobody renewed it in time: anybody may take the call over.
    pub stale: bool,
}

/// A note on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was written.
    pub at: UtcMs,
    /// By whom.
    pub who: Box<str>,
    /// What.
    pub text: SealedText,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: UtcMs,
    /// By whom.
    pub who: Box<str>,
    /// As what.
    pub disposition: Box<str>,
}

/// Transitions remembered of one call.
pub const HISTORY_MAX: usize = 256;

/// A call as the room knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// 1, and one more at each reopening; timers of an older generation never touch it.
    pub generation: u32,
    /// The rule book it was received (or reopened) under, by index.
    pub book: u32,
    /// As it was placed; priority and flags as they are now.
    pub placed: NewCall,
    /// When its first byte was read: the start of its clocks and of every report.
    pub received_at: UtcMs,
    /// Log sequences of the transitions about it, oldest first; of a very long history the
    /// middle is left out, see [`Call::touch`].
    pub history: Vec<u64>,
    /// When a named person took responsibility; gone when withdrawn.
    pub acknowledged_at: Option<UtcMs>,
    /// The first acknowledgement ever, withdrawn or not.
    pub first_acknowledged_at: Option<UtcMs>,
    /// First unit rolling in this generation.
    pub en_route_at: Option<UtcMs>,
    /// First arrival in this generation.
    pub on_scene_at: Option<UtcMs>,
    /// How it ended, if it has.
    pub closed: Option<Closing>,
    /// Who works it.
    pub claim: Option<Claim>,
    /// The first of two people proposed to close it so.
    pub close_proposed: Option<Closing>,
    /// Call-back attempts recorded in this generation.
    pub callbacks: u32,
    /// Acknowledgements withdrawn.
    pub withdrawals: u32,
    /// The call it repeats.
    pub primary: Option<CallId>,
    /// Units on it, in the order of their assignment.
    pub units: Vec<Assignment>,
    /// Its clocks.
    pub clocks: Vec<ClockRun>,
    /// Its notes, in the order written.
    pub notes: Vec<Note>,
    /// Since when it waits at its present priority.
    pub aging_from: UtcMs,
    /// The rungs told of it, oldest first.
    #[serde(default)]
    pub tellings: Vec<Telling>,
    /// When its identity was destroyed by lawful order.
    #[serde(default)]
    pub erased_at: Option<UtcMs>,
    /// What the device that pressed has said since. Last, and left out where there is nothing, as in [`Sealed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<Box<FollowUp>>,
}

impl Call {
    /// How far the help has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.closed.is_some() {
            Stage::Closed
        } else if self.on_scene_at.is_some() {
            Stage::OnScene
        } else if self.acknowledged_at.is_none() {
            if self.units.is_empty() { Stage::Waiting } else { Stage::Dispatched }
        } else if self.units.iter().any(|unit| unit.progress == Progress::EnRoute) {
            Stage::EnRoute
        } else {
            Stage::Acknowledged
        }
    }

    /// Whether it stands in the queue: open, and nobody took responsibility. A canary does not.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.closed.is_none() && self.acknowledged_at.is_none() && !self.is_canary()
    }

    /// Whether it is the room's own canary.
    #[must_use]
    pub fn is_canary(&self) -> bool {
        self.placed.source == Source::Canary
    }

    /// Remembers that transition `seq` was about this call. When [`HISTORY_MAX`] are remembered,
    /// half of them are forgotten, all but the first 32 and the latest, so that a call left to its
    /// reminders for weeks stays small.
    pub fn touch(&mut self, seq: u64) {
        const FIRST: usize = 32;
        if self.history.len() >= HISTORY_MAX {
            self.history.drain(FIRST..FIRST + HISTORY_MAX / 2);
        }
        self.history.push(seq);
    }

    /// The unit's place on this call.
    #[must_use]
    pub fn assignment(&self, unit: &Callsign) -> Option<&Assignment> {
        self.units.iter().find(|assignment| assignment.unit == *unit)
    }

    /// Where she was last.
    #[must_use]
    pub fn last_fix(&self) -> Option<&Fix> {
        self.follow_up.as_ref()?.last_fix()
    }

    /// Where help is wanted: the place as it was given, and where her device was last.
    #[must_use]
    pub fn whereabouts(&self) -> Option<Place> {
        let given = self.placed.sealed.place.clone();
        let Some(fix) = self.last_fix() else {
            return given;
        };
        Some(Place { point: Some(fix.point), ..given.unwrap_or_default() })
    }

    /// Takes in what was learned of it.
    pub fn describe(&mut self, said: &Description) {
        fn replace<T: Clone>(known: &mut Option<T>, said: &Option<T>) {
            if said.is_some() {
                known.clone_from(said);
            }
        }
        let placed = &mut self.placed;
        if let Some(district) = &said.district {
            placed.district.clone_from(district);
        }
        if let Some(kind) = &said.kind {
            placed.kind.clone_from(kind);
        }
        placed.flags.silent |= said.silent;
        placed.flags.unsafe_to_ring_back |= said.unsafe_to_ring_back;
        replace(&mut placed.sealed.number, &said.sealed.number);
        replace(&mut placed.sealed.name, &said.sealed.name);
        if let Some(there) = &said.sealed.place {
            let place = placed.sealed.place.get_or_insert_default();
            replace(&mut place.words, &there.words);
            replace(&mut place.point, &there.point);
        }
    }

    /// Its priority now.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.placed.priority
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, Sealed, SealedText};

    #[test]
    fn flags_survive_their_bits() {
        for bits in 0..=u8::MAX {
            assert_eq!(u8::from(Flags::from(bits)), bits);
        }
    }

    #[test]
    fn debug_never_shows_who_she_is() {
        let sealed = Sealed { name: Some("Ayesha".into()), ..Sealed::default() };
        assert!(!format!("{sealed:?} {:?}", SealedText("Ayesha".into())).contains("Ayesha"));
    }
}

//! What happened: the transitions the log holds, past tense, readable forever.
//!
//! An event says all that [`crate::engine::State::apply`] needs beside the state before it. Fields
//! are only ever added at the end, with a default; a changed meaning is a new event and a new
//! [`SCHEMA`] number.

mod about;

use super::{
    Actor, CallId, CallbackOutcome, Callsign, Description, Fix, KeyMark, NewCall, Point, Priority,
    Progress, Rating, Recipient, Rules, SealedText, SignOn, UtcMs,
};
use serde::{Deserialize, Serialize};

/// Version of the events' encoding, stored with every record. In 1 everything stood in the clear; since 2 what may
/// name her is sealed.
pub const SCHEMA: u16 = 2;

/// One entry of the log: an event, and the key of the command it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// What happened.
    pub event: Event,
    /// Of the command that had a key, on the first of its events that says what it was answered.
    pub mark: Option<KeyMark>,
}

impl Transition {
    /// Whether anything in it may name her. The mark of a call-back is a hash of what was said in it, that of a press
    /// that joined a call one of her number, and a hash of few words is those words; every other mark stands at the
    /// event that holds what it hashes.
    #[must_use]
    pub fn may_name_her(&self) -> bool {
        let hashed = matches!(
            self.event,
            Event::CallbackRecorded { .. } | Event::PressedAgain { .. } if self.mark.is_some()
        );
        hashed || self.event.may_name_her()
    }

    /// It without anything that may name her.
    #[must_use]
    pub fn redacted(self) -> Self {
        if !self.may_name_her() {
            return self;
        }
        let mark = self.mark.map(|mark| KeyMark { fingerprint: KeyMark::FORGOTTEN, ..mark });
        Self { event: self.event.redacted(), mark }
    }
}

/// Why a unit is no longer on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It said no.
    Declined,
    /// It was taken off.
    Released,
    /// It is done.
    Cleared,
    /// It went out of service.
    OutOfService,
    /// Its crew signed off.
    SignedOff,
    /// It was not heard for longer than the limit.
    Silent,
}

/// Why a call's priority changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorityCause {
    /// Somebody changed it.
    By(Actor, Option<Box<str>>),
    /// It waited its aging limit.
    Aged,
}

/// Everything that can happen in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The room runs under these rules from now on.
    RulesAdopted(Box<Rules>),
    /// The wall clock moved by so many milliseconds; no deadline moved.
    ClockStepped {
        /// Forward positive.
        by_ms: i64,
    },
    /// No log took anything from `first` on, this included: kept aside, and not durable until merged.
    SpillBegan {
        /// The first transition that was not durable when it was answered.
        first: u64,
    },
    /// The log has taken over what was kept aside, in order: all of it is durable.
    SpillMerged {
        /// The first that was kept aside.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Work was put off so that calls could be taken.
    WorkShed {
        /// What kind.
        what: Box<str>,
        /// How many.
        count: u64,
    },
    /// A call was taken.
    CallReceived {
        /// Its number.
        call: CallId,
        /// When its first byte was read.
        received_at: UtcMs,
        /// The call.
        placed: Box<NewCall>,
        /// Who took it.
        by: Actor,
    },
    /// Somebody works it.
    CallClaimed {
        /// Which.
        call: CallId,
        /// Who.
        by: Actor,
    },
    /// Nobody works it any more.
    ClaimReleased {
        /// Which.
        call: CallId,
        /// Who.
        by: Actor,
    },
    /// Who works it was not heard in time.
    ClaimWentStale {
        /// Which.
        call: CallId,
    },
    /// A unit was asked to go.
    UnitAssigned {
        /// To which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// By whom.
        by: Actor,
    },
    /// A unit has come so far; what lies before is passed through.
    UnitProgressed {
        /// On which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// How far.
        progress: Progress,
        /// Given by radio or phone.
        by_radio: bool,
        /// Who recorded it.
        by: Actor,
    },
    /// A unit is no longer on a call.
    UnitLeft {
        /// Which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// Why.
        leaving: Leaving,
        /// In words.
        reason: Option<Box<str>>,
        /// Who recorded it.
        by: Actor,
    },
    /// The last unit that acknowledged left before arriving: the call waits again.
    AcknowledgementWithdrawn {
        /// Which call.
        call: CallId,
    },
    /// A unit on scene is well.
    UnitCheckedIn {
        /// On which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// Who recorded it.
        by: Actor,
    },
    /// A call became more or less urgent.
    PriorityChanged {
        /// Which.
        call: CallId,
        /// The new priority.
        priority: Priority,
        /// Why.
        cause: PriorityCause,
    },
    /// A note was written.
    NoteAdded {
        /// On which call.
        call: CallId,
        /// What.
        text: SealedText,
        /// By whom.
        by: Actor,
    },
    /// A call repeats another.
    CallLinked {
        /// The repeat.
        call: CallId,
        /// The call it repeats.
        primary: CallId,
        /// Who said so.
        by: Actor,
    },
    /// Ringing her back was tried.
    CallbackRecorded {
        /// Which call.
        call: CallId,
        /// What came of it.
        outcome: CallbackOutcome,
        /// Who tried.
        by: Actor,
    },
    /// The first of two people wants to end it so.
    CloseProposed {
        /// Which call.
        call: CallId,
        /// As what.
        disposition: Box<str>,
        /// Who.
        by: Actor,
        /// A word on it.
        remark: Option<SealedText>,
    },
    /// A call ended; its clocks stopped, its units are free.
    CallClosed {
        /// Which.
        call: CallId,
        /// As what.
        disposition: Box<str>,
        /// Who; the second person, where two were needed.
        by: Actor,
        /// A word on it.
        remark: Option<SealedText>,
    },
    /// A closed call goes on as a new generation.
    CallReopened {
        /// Which.
        call: CallId,
        /// The new generation.
        generation: u32,
        /// Why.
        reason: Option<Box<str>>,
        /// Who.
        by: Actor,
        /// When it was first received: the start of every report on it.
        received_at: UtcMs,
        /// Its district, so that a report need not remember closed calls.
        district: Box<str>,
        /// Its kind, likewise.
        kind: Box<str>,
        /// Its priority, likewise.
        priority: Priority,
        /// Its flags, likewise.
        flags: super::Flags,
    },
    /// A clock reached a warning point.
    ClockWarned {
        /// Of which call.
        call: CallId,
        /// Of which generation.
        generation: u32,
        /// Which clock, by index in the call's rule book.
        clock: u8,
        /// Of which unit, for a clock of a unit.
        unit: Option<Callsign>,
        /// Which warning, from 0.
        warning: u8,
        /// When it was due.
        due_at: UtcMs,
    },
    /// An office was told that a deadline was missed.
    Escalated {
        /// Of which call.
        call: CallId,
        /// Of which generation.
        generation: u32,
        /// Which clock, by index in the call's rule book.
        clock: u8,
        /// Of which unit, for a clock of a unit.
        unit: Option<Callsign>,
        /// Which rung, from 0.
        rung: u8,
        /// 0 for the rung itself, then the number of the repeat.
        repeat: u32,
        /// When it was due; late by the record's instant less this.
        due_at: UtcMs,
        /// Who told it by hand, and why; `None`: the clock did.
        by_hand: Option<(Actor, Option<Box<str>>)>,
    },
    /// A rung's person took the escalation.
    EscalationTaken {
        /// Of which call.
        call: CallId,
        /// Which clock, by index in the call's rule book.
        clock: u8,
        /// Which rung, from 0.
        rung: u8,
        /// Who.
        by: Actor,
    },
    /// Somebody read who she is.
    CallOpened {
        /// Which call.
        call: CallId,
        /// Why.
        reason: Option<Box<str>>,
        /// Who.
        by: Actor,
    },
    /// A crew started its shift.
    UnitSignedOn {
        /// Its callsign.
        unit: Callsign,
        /// What it brings.
        crew: Box<SignOn>,
        /// Its client is connected.
        linked: bool,
    },
    /// A crew ended its shift.
    UnitSignedOff {
        /// Which.
        unit: Callsign,
        /// Who recorded it.
        by: Actor,
    },
    /// A unit is not to be sent.
    UnitOutOfService {
        /// Which.
        unit: Callsign,
        /// Why.
        reason: Box<str>,
        /// Who recorded it.
        by: Actor,
    },
    /// A unit may be sent again.
    UnitAvailable {
        /// Which.
        unit: Callsign,
        /// Who recorded it.
        by: Actor,
    },
    /// A unit is at a point.
    UnitMoved {
        /// Which.
        unit: Callsign,
        /// Where.
        point: Point,
    },
    /// A unit's client went away.
    UnitLinkLost {
        /// Which.
        unit: Callsign,
    },
    /// A unit's client came back.
    UnitLinkUp {
        /// Which.
        unit: Callsign,
    },
    /// A unit was not heard for longer than the limit.
    UnitWentSilent {
        /// Which.
        unit: Callsign,
    },
    /// A crew pressed its panic button.
    UnitPanicked {
        /// Which unit.
        unit: Callsign,
        /// The call that stands for it.
        call: CallId,
        /// Where.
        point: Option<Point>,
        /// Who.
        by: Actor,
    },
    /// A unit and the room talked.
    MessageSent {
        /// Which unit.
        unit: Callsign,
        /// From the unit to the room; otherwise from the room to the unit.
        to_room: bool,
        /// About which call.
        call: Option<CallId>,
        /// What was said.
        text: SealedText,
        /// Who sent it.
        by: Actor,
    },
    /// Messages were read.
    MessagesRead {
        /// Which unit's.
        unit: Callsign,
        /// Those from the unit to the room; otherwise those from the room to the unit.
        to_room: bool,
        /// Up to this one.
        upto: u64,
        /// Who read them.
        by: Actor,
    },
    /// It was decided whom to tell of a rung.
    NoticesIntended {
        /// Of which call.
        call: CallId,
        /// Which rung: the sequence at which it was first told.
        escalation: u64,
        /// Number of the first of these notices; the others count on.
        first: u64,
        /// Who, and by what; empty: the office has nobody to be told.
        to: Vec<Recipient>,
    },
    /// A channel took a notice.
    NoticeDelivered {
        /// Of which call.
        call: CallId,
        /// Which rung.
        escalation: u64,
        /// Which notice.
        notice: u64,
    },
    /// A channel did not take a notice.
    NoticeFailed {
        /// Of which call.
        call: CallId,
        /// Which rung.
        escalation: u64,
        /// Which notice.
        notice: u64,
        /// It is not tried again by this channel.
        gave_up: bool,
        /// What went wrong.
        problem: Box<str>,
    },
    /// Somebody had an escalation before their eyes.
    EscalationSeen {
        /// Of which call.
        call: CallId,
        /// Which rung.
        escalation: u64,
        /// Who.
        by: Actor,
    },
    /// Somebody asked which calls came from a number or a place before.
    EarlierAsked {
        /// The call whose number and place were asked by; `None`: a number that was typed.
        call: Option<CallId>,
        /// Who.
        by: Actor,
    },
    /// The first of two people wants the identity of a call destroyed.
    ErasureProposed {
        /// Which call.
        call: CallId,
        /// By whose order: a court, a file number. In the clear, for good: it must not name her.
        authority: Box<str>,
        /// Why, likewise.
        reason: Box<str>,
        /// Who.
        by: Actor,
    },
    /// Who a call was about is destroyed, in the state and, by its key, in every copy of the log.
    IdentityErased {
        /// Which call.
        call: CallId,
        /// By whose order.
        authority: Box<str>,
        /// Why.
        reason: Box<str>,
        /// The first of the two people.
        proposed_by: Box<str>,
        /// The second.
        by: Actor,
    },
    /// The device of an open call pressed again: the same call.
    PressedAgain {
        /// Which call.
        call: CallId,
        /// By way of whom.
        by: Actor,
        /// Nothing may ring or sound from now on, if it might before.
        silent: bool,
    },
    /// The telephone line of a call rings: nobody has answered it yet.
    LineRang {
        /// Which call.
        call: CallId,
    },
    /// Somebody takes the telephone: the line is put through.
    LineAnswered {
        /// Which call.
        call: CallId,
        /// Who.
        by: Actor,
    },
    /// The line is gone, and nobody spoke with her.
    LineHungUp {
        /// Which call.
        call: CallId,
    },
    /// A call will be there by itself, unless she says before that she is safe.
    SafetyTimerSet {
        /// The number kept for it.
        call: CallId,
        /// When it will be.
        due_at: UtcMs,
        /// What it will be.
        placed: Box<NewCall>,
        /// By way of whom.
        by: Actor,
    },
    /// No call comes of a safety timer.
    SafetyTimerStopped {
        /// The number that was kept for its call.
        call: CallId,
        /// The open call of her device that stands for it; `None`: she said that she is safe.
        joined: Option<CallId>,
    },
    /// She moved, or her device knows better where she is.
    CallerMoved {
        /// Of which call.
        call: CallId,
        /// Where; `None` where it is not shown, or was erased.
        fix: Option<Fix>,
    },
    /// Where her devices were before that is known no more.
    TrailsErased {
        /// Positions recorded before this, the start of a day UTC.
        before: UtcMs,
    },
    /// She took the call back with her own PIN.
    CallCancelled {
        /// Which call.
        call: CallId,
    },
    /// She was made to take the call back, and said so by another PIN.
    DuressSignalled {
        /// Which call.
        call: CallId,
    },
    /// Somebody tried to take the call back with a wrong PIN.
    CancelRefused {
        /// Which call.
        call: CallId,
    },
    /// Something was learned of a call after it was taken.
    CallDescribed {
        /// Of which call.
        call: CallId,
        /// What.
        description: Box<Description>,
        /// By whom.
        by: Actor,
    },
    /// Somebody finds a place so safe.
    PlaceRated {
        /// Where, to the nearest thousandth of a degree: a place, and not where she stood.
        point: Point,
        /// How safe.
        rating: Rating,
        /// By way of whom.
        by: Actor,
    },
    /// Somebody tried to log in and could not, summed up over a second.
    LogInsFailed {
        /// As whom, if there is such a person.
        person: Option<Box<str>>,
        /// How often.
        count: u64,
    },
    /// Who may speak with the room was changed.
    PersonChanged {
        /// Who it is about.
        person: Box<str>,
        /// What was done.
        what: Box<str>,
        /// The user of the machine who did it.
        by: Box<str>,
    },
}

/// An event as the log holds it: numbered and dated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When it happened, room time.
    pub at: UtcMs,
    /// What, with the key it answers.
    pub transition: Transition,
}

//! What is asked of the room: commands, and the rejections that answer them.

use super::{
    Actor, CallId, Callsign, Description, Fix, Key, NewCall, PinProof, Point, Priority, Progress,
    Rating, Recipient, Rules, SealedText, SignOn, UtcMs,
};
use serde::{Deserialize, Serialize};

/// A command with who asked, and the sender's own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who asks.
    pub by: Actor,
    /// The sender's key: the same key again does nothing twice.
    pub key: Option<Key>,
    /// What is asked.
    pub command: Command,
}

/// What came of ringing her back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackOutcome {
    /// She was reached.
    Reached,
    /// Nobody answered.
    NoAnswer,
    /// Somebody else's number.
    WrongNumber,
    /// Not tried on: it would put her in danger.
    Unsafe,
}

/// Everything that can be asked of the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Run under these rules from now on.
    AdoptRules(Box<Rules>),
    /// The wall clock moved against the monotonic one by so many milliseconds.
    RecordClockStep {
        /// Forward positive.
        by_ms: i64,
    },
    /// The log takes nothing: what is decided from here on is kept aside.
    RecordSpill {
        /// The first transition that is not durable.
        first: u64,
    },
    /// The log has taken over what was kept aside.
    RecordMerge,
    /// Other work was put off so that calls could be taken.
    RecordShedWork {
        /// What kind: `pushes`, `queries`, `reports`.
        what: Box<str>,
        /// How many.
        count: u64,
    },
    /// Somebody tried to log in and could not.
    RecordFailedLogIns {
        /// As whom, if there is such a person: what else was typed may be a password.
        person: Option<Box<str>>,
        /// How often.
        count: u64,
    },
    /// Who may speak with the room was changed.
    RecordPersonChange {
        /// Who it is about.
        person: Box<str>,
        /// What was done.
        what: Box<str>,
        /// The user of the machine who did it.
        by: Box<str>,
    },
    /// Take a call.
    PlaceCall {
        /// When its first byte was read.
        received_at: UtcMs,
        /// The call.
        call: Box<NewCall>,
    },
    /// The telephone line of a call rings.
    RingLine {
        /// Which call.
        call: CallId,
    },
    /// The telephone line of a call is gone, and nobody spoke with her.
    HangUpLine {
        /// Which call.
        call: CallId,
    },
    /// Take a call when so much time has passed, unless she says before that she is safe.
    SetSafetyTimer {
        /// When the first byte of it was read.
        received_at: UtcMs,
        /// After how many milliseconds; at most [`super::bounds::SAFETY_TIMER_MS_MAX`] count.
        after_ms: u64,
        /// The call.
        call: Box<NewCall>,
    },
    /// Where the device of a press was since; what is known by its number already changes nothing.
    FollowCaller {
        /// The key of the press.
        press: Key,
        /// Where, oldest first.
        fixes: Vec<Fix>,
    },
    /// Take the call of a press back, or stop her safety timer; or be made to.
    CancelPress {
        /// The key of the press.
        press: Key,
        /// What the PIN makes.
        proof: PinProof,
    },
    /// Put the call of a press behind others: more of them come than is usual. A press that joined an open call, and one
    /// that people saw to, stay as they are.
    DemotePress {
        /// The key of the press.
        press: Key,
        /// To this priority.
        priority: Priority,
        /// Why, in words.
        reason: Box<str>,
    },
    /// Keep what was learned of a call after it was taken.
    DescribeCall {
        /// Which.
        call: CallId,
        /// What.
        description: Box<Description>,
    },
    /// Keep how safe somebody finds a place.
    RatePlace {
        /// Where, as exactly as it was said.
        point: Point,
        /// How safe.
        rating: Rating,
    },
    /// The device of a press showed that it is worth its place: undo [`Command::DemotePress`].
    VouchPress {
        /// The key of the press.
        press: Key,
    },
    /// Work a call; again: still working it.
    ClaimCall {
        /// Which.
        call: CallId,
        /// Take it from whoever has it.
        take_over: bool,
    },
    /// Stop working a call.
    ReleaseClaim {
        /// Which.
        call: CallId,
    },
    /// Ask a unit to go.
    AssignUnit {
        /// To which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
    },
    /// Take a unit off a call.
    ReleaseUnit {
        /// Off which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A unit reports how far it has come.
    ReportProgress {
        /// On which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// How far; never `Assigned`.
        progress: Progress,
        /// Given by radio or phone and recorded by an operator.
        by_radio: bool,
    },
    /// A unit will not go.
    DeclineCall {
        /// Which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A unit is done with a call.
    ClearUnit {
        /// Which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
    },
    /// A unit on scene is well.
    CheckIn {
        /// On which call.
        call: CallId,
        /// Which unit.
        unit: Callsign,
    },
    /// Make a call more or less urgent.
    SetPriority {
        /// Which.
        call: CallId,
        /// The new priority.
        priority: Priority,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Write a note on a call.
    AddNote {
        /// Which.
        call: CallId,
        /// What.
        text: SealedText,
    },
    /// A call repeats another.
    LinkCall {
        /// The repeat.
        call: CallId,
        /// The call it repeats.
        primary: CallId,
    },
    /// Tell the next rung now.
    EscalateCall {
        /// Which call.
        call: CallId,
        /// Of which clock; `None`: the first one running.
        clock: Option<Box<str>>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A rung's person takes an escalation.
    TakeEscalation {
        /// Of which call.
        call: CallId,
        /// Of which clock.
        clock: Box<str>,
        /// Which rung, from 0; `None`: the highest told.
        rung: Option<u8>,
    },
    /// She was rung back, or it was tried.
    RecordCallback {
        /// Which call.
        call: CallId,
        /// What came of it.
        outcome: CallbackOutcome,
        /// What was said; a note of its own, written with it or not at all.
        note: Option<SealedText>,
    },
    /// End a call.
    CloseCall {
        /// Which.
        call: CallId,
        /// As what.
        disposition: Box<str>,
        /// A word on it.
        remark: Option<SealedText>,
    },
    /// A closed call goes on.
    ReopenCall {
        /// Which.
        call: CallId,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Read who she is and where.
    OpenCall {
        /// Which call.
        call: CallId,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A crew starts its shift.
    SignOnUnit {
        /// Its callsign.
        unit: Callsign,
        /// What it brings.
        crew: Box<SignOn>,
        /// Its client is connected.
        linked: bool,
    },
    /// A crew ends its shift.
    SignOffUnit {
        /// Which.
        unit: Callsign,
    },
    /// A unit is not to be sent.
    SetOutOfService {
        /// Which.
        unit: Callsign,
        /// Why.
        reason: Box<str>,
    },
    /// A unit may be sent again.
    SetAvailable {
        /// Which.
        unit: Callsign,
    },
    /// Where a unit is.
    MoveUnit {
        /// Which.
        unit: Callsign,
        /// Where.
        point: Point,
    },
    /// The crew of a unit is in danger.
    Panic {
        /// Which.
        unit: Callsign,
        /// Where; `None`: where it was last.
        point: Option<Point>,
        /// When the first byte of it was read.
        received_at: UtcMs,
    },
    /// Say something to a unit; from the unit itself, to the room.
    SendMessage {
        /// Which unit.
        unit: Callsign,
        /// About which call.
        call: Option<CallId>,
        /// What.
        text: SealedText,
    },
    /// Messages were read: by the unit those of the room, by anybody else those of the unit.
    MarkRead {
        /// Which unit's.
        unit: Callsign,
        /// Up to this one.
        upto: u64,
    },
    /// Tell these people of a rung; nobody, when its office has nobody to be told.
    IntendNotices {
        /// The rung.
        escalation: u64,
        /// Who, and by what.
        to: Vec<Recipient>,
    },
    /// A notice was taken by its channel.
    RecordDelivery {
        /// Of which rung.
        escalation: u64,
        /// Which notice.
        notice: u64,
    },
    /// A notice could not be delivered this time.
    RecordFailure {
        /// Of which rung.
        escalation: u64,
        /// Which notice.
        notice: u64,
        /// This channel is not tried again for it.
        gave_up: bool,
        /// What went wrong; without addresses.
        problem: Box<str>,
    },
    /// Somebody has an escalation before their eyes.
    SeeEscalation {
        /// Which.
        escalation: u64,
    },
    /// A unit's client went away, or came back.
    SetLink {
        /// Which unit.
        unit: Callsign,
        /// It is connected.
        up: bool,
    },
    /// Somebody who subscribes is about to be shown what may name her: a unit the calls it is on, the room the messages
    /// about them that nobody read yet.
    OpenShown {
        /// Of which calls.
        calls: Vec<CallId>,
    },
    /// Ask which calls came from a number or a place before.
    AskEarlier {
        /// By the number and place of this call; `None`: by a number that was typed.
        call: Option<CallId>,
    },
    /// Destroy who a closed call was about; done when a second person asks the same.
    EraseIdentity {
        /// Which call.
        call: CallId,
        /// By whose order.
        authority: Box<str>,
        /// Why.
        reason: Box<str>,
    },
}

/// What an accepted command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The call that was taken.
    CallPlaced(CallId),
    /// Done, or already so.
    Done,
    /// A second person must close it the same way.
    AwaitingSecond,
    /// The PIN was neither of the two; recorded, and nothing done.
    WrongPin,
}

/// Why a command changed nothing. An answer, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No such call, or closed too long ago.
    #[error("call {0} is not known here; `fifteen calls` lists those that are")]
    UnknownCall(CallId),
    /// No press of an SOS page has this key, or its call was taken too long ago.
    #[error("no SOS is known here by this id; press again")]
    UnknownPress,
    /// No such unit.
    #[error("unit {0} is not signed on; it signs on with `fifteen unit {0}`")]
    UnknownUnit(Callsign),
    /// The unit is not on that call.
    #[error("unit {unit} is not on call {call}; assign it first")]
    NotAssigned {
        /// The call.
        call: CallId,
        /// The unit.
        unit: Callsign,
    },
    /// The call is closed.
    #[error("call {0} is closed; reopen it first")]
    CallClosed(CallId),
    /// The call is not closed.
    #[error("call {0} is open; only a closed call is reopened")]
    CallOpen(CallId),
    /// Claimed by somebody whose claim is fresh.
    #[error("call {call} is claimed by {who}; take it over if it must be you")]
    Claimed {
        /// The call.
        call: CallId,
        /// Who has it.
        who: Box<str>,
    },
    /// The unit has come further already.
    #[error("unit {unit} is already {now} on call {call}; an earlier status changes nothing")]
    OutOfOrder {
        /// The call.
        call: CallId,
        /// The unit.
        unit: Callsign,
        /// How far it has come.
        now: &'static str,
    },
    /// Check-in of a unit that has not arrived.
    #[error("unit {unit} is not on scene at call {call}; only a unit on scene checks in")]
    NotOnScene {
        /// The call.
        call: CallId,
        /// The unit.
        unit: Callsign,
    },
    /// Out of service.
    #[error("unit {0} is out of service; set it available first")]
    UnitOutOfService(Callsign),
    /// Not one of the configured dispositions.
    #[error("disposition {given:?} is not configured; one of: {known}")]
    WrongDisposition {
        /// What was given.
        given: Box<str>,
        /// What may be given.
        known: String,
    },
    /// A guarded close without a call-back attempt.
    #[error(
        "call {0} was silent, dropped or an SOS: record a call-back attempt before it is closed so"
    )]
    NeedsCallback(CallId),
    /// A guarded close by the same person twice.
    #[error(
        "call {call} was silent, dropped or an SOS: a second person, not {who}, must close it the same way"
    )]
    NeedsSecondPerson {
        /// The call.
        call: CallId,
        /// Who proposed it.
        who: Box<str>,
    },
    /// No clock of that name.
    #[error("clock {given:?} is not configured; one of: {known}")]
    UnknownClock {
        /// What was given.
        given: Box<str>,
        /// What may be given.
        known: String,
    },
    /// Nothing runs that could be escalated.
    #[error("no such clock runs on call {0}; there is nothing to escalate")]
    NoClockRunning(CallId),
    /// The rung was not told yet.
    #[error("that rung of call {0} has not been told; there is nothing to take")]
    RungNotTold(CallId),
    /// No such escalation or notice, or of a call that was forgotten.
    #[error("escalation {0} is not known here; `fifteen escalations` lists those that are")]
    UnknownEscalation(u64),
    /// A call cannot repeat itself, nor one that repeats it.
    #[error("call {call} cannot repeat call {primary}: it is the same call, or repeats this one")]
    LinkCycle {
        /// The call.
        call: CallId,
        /// What it was to repeat.
        primary: CallId,
    },
    /// Text past its bound.
    #[error("{field} is {bytes} bytes long; at most {bytes_max}")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// Too many of something on one call or unit.
    #[error("{what}: at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many at most.
        most: usize,
    },
    /// The key was used for another command.
    #[error("this key was used before for another command; make a new key for each command")]
    KeyReused,
    /// The role may not do this.
    #[error("{0} is not for this role")]
    NotAllowed(&'static str),
    /// Its identity was destroyed by lawful order: nothing more may be kept of her under it.
    #[error(
        "the identity of call {0} was erased by lawful order; place a new call for what is new"
    )]
    IdentityErased(CallId),
    /// Erasing who an open call is about.
    #[error("call {0} is open and she may need help: close it first")]
    EraseOpen(CallId),
    /// The second of two people is the first.
    #[error(
        "the erasure of call {call} was asked for by {who}: a second person must ask for it on the same authority"
    )]
    EraseNeedsSecond {
        /// The call.
        call: CallId,
        /// Who asked first.
        who: Box<str>,
    },
    /// A text that must be there.
    #[error("{0} is empty; say it")]
    Empty(&'static str),
}

impl Rejection {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCall(_) => "unknown_call",
            Self::UnknownPress => "unknown_call",
            Self::UnknownUnit(_) => "unknown_unit",
            Self::NotAssigned { .. } => "not_assigned",
            Self::CallClosed(_) => "call_closed",
            Self::CallOpen(_) => "call_open",
            Self::Claimed { .. } => "claimed",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::NotOnScene { .. } => "out_of_order",
            Self::UnitOutOfService(_) => "unit_unavailable",
            Self::WrongDisposition { .. } => "wrong_disposition",
            Self::NeedsCallback(_) => "needs_callback",
            Self::NeedsSecondPerson { .. } => "needs_second_person",
            Self::UnknownClock { .. } => "unknown_clock",
            Self::NoClockRunning(_) => "no_clock_running",
            Self::RungNotTold(_) => "rung_not_told",
            Self::UnknownEscalation(_) => "unknown_escalation",
            Self::LinkCycle { .. } => "link_cycle",
            Self::TooLong { .. } => "too_large",
            Self::TooMany { .. } => "too_large",
            Self::KeyReused => "key_reused",
            Self::NotAllowed(_) => "not_allowed",
            Self::IdentityErased(_) => "identity_erased",
            Self::EraseOpen(_) => "call_open",
            Self::EraseNeedsSecond { .. } => "needs_second_person",
            Self::Empty(_) => "bad_value",
        }
    }
}

//! The words and rules of the dispatch room: pure data, no I/O, no clock, no thread.
//!
//! A [`Call`] waits in the queue, [`ClockRun`]s watch it, [`Unit`]s are sent to it. A [`Command`]
//! asks for something, a [`Rejection`] says why not, an [`Event`] says what happened.

pub mod bounds;
mod call;
mod clock;
mod command;
mod event;
mod id;
mod ladder;
mod place;
mod press;
mod priority;
mod rules;
mod telling;
mod time;
mod triage;
mod unit;

pub use call::{
    Assignment, Call, Claim, Closing, Description, Flags, HISTORY_MAX, NewCall, Note, Progress,
    Sealed, SealedText, Source, Stage,
};
pub use clock::{ClockRule, ClockRun, Point as ClockPoint, Trigger};
pub use command::{Answer, CallbackOutcome, Command, Order, Rejection};
pub use event::{Dated, Event, Leaving, PriorityCause, SCHEMA, Transition};
pub use id::{Actor, CallId, Callsign, Key, KeyMark, Role};
pub use ladder::Ladder;
pub use place::{Place, Point, Rating};
pub use press::{Fix, FollowUp, PinProof, Press, SafetyTimer, TRAIL_MAX, WRONG_PINS_MAX};
pub use priority::Priority;
pub use rules::{Disposition, Rules};
pub use telling::{NOTICES_MAX, Notice, RECIPIENTS_MAX, Recipient, TELLINGS_MAX, Telling};
pub use time::UtcMs;
pub use triage::{Counts, Points, Triage};
pub use unit::{FEMALE_OFFICER, Link, MESSAGES_MAX, Message, PANIC_KIND, SignOn, Unit, UnitStatus};

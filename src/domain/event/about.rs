//! What an event is about: its name, its call, its unit, who did it; and itself without anything
//! that may name her.

use super::{Event, PriorityCause};
use crate::domain::{Actor, CallId, Callsign, Sealed, SealedText};

impl Event {
    /// Its name as the wire and `journal dump` spell it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RulesAdopted(_) => "rules_adopted",
            Self::ClockStepped { .. } => "clock_stepped",
            Self::SpillBegan { .. } => "spill_began",
            Self::SpillMerged { .. } => "spill_merged",
            Self::WorkShed { .. } => "work_shed",
            Self::CallReceived { .. } => "call_received",
            Self::CallClaimed { .. } => "call_claimed",
            Self::ClaimReleased { .. } => "claim_released",
            Self::ClaimWentStale { .. } => "claim_went_stale",
            Self::UnitAssigned { .. } => "unit_assigned",
            Self::UnitProgressed { .. } => "unit_progressed",
            Self::UnitLeft { .. } => "unit_left",
            Self::AcknowledgementWithdrawn { .. } => "acknowledgement_withdrawn",
            Self::UnitCheckedIn { .. } => "unit_checked_in",
            Self::PriorityChanged { .. } => "priority_changed",
            Self::NoteAdded { .. } => "note_added",
            Self::CallLinked { .. } => "call_linked",
            Self::CallbackRecorded { .. } => "callback_recorded",
            Self::CloseProposed { .. } => "close_proposed",
            Self::CallClosed { .. } => "call_closed",
            Self::CallReopened { .. } => "call_reopened",
            Self::ClockWarned { .. } => "clock_warned",
            Self::Escalated { .. } => "escalated",
            Self::EscalationTaken { .. } => "escalation_taken",
            Self::CallOpened { .. } => "call_opened",
            Self::UnitSignedOn { .. } => "unit_signed_on",
            Self::UnitSignedOff { .. } => "unit_signed_off",
            Self::UnitOutOfService { .. } => "unit_out_of_service",
            Self::UnitAvailable { .. } => "unit_available",
            Self::UnitMoved { .. } => "unit_moved",
            Self::UnitLinkLost { .. } => "unit_link_lost",
            Self::UnitLinkUp { .. } => "unit_link_up",
            Self::UnitWentSilent { .. } => "unit_went_silent",
            Self::UnitPanicked { .. } => "unit_panicked",
            Self::MessageSent { .. } => "message_sent",
            Self::MessagesRead { .. } => "messages_read",
            Self::NoticesIntended { .. } => "notices_intended",
            Self::NoticeDelivered { .. } => "notice_delivered",
            Self::NoticeFailed { .. } => "notice_failed",
            Self::EscalationSeen { .. } => "escalation_seen",
            Self::EarlierAsked { .. } => "earlier_asked",
            Self::ErasureProposed { .. } => "erasure_proposed",
            Self::IdentityErased { .. } => "identity_erased",
            Self::PressedAgain { .. } => "pressed_again",
            Self::LineRang { .. } => "line_rang",
            Self::LineAnswered { .. } => "line_answered",
            Self::LineHungUp { .. } => "line_hung_up",
            Self::SafetyTimerSet { .. } => "safety_timer_set",
            Self::SafetyTimerStopped { .. } => "safety_timer_stopped",
            Self::CallerMoved { .. } => "caller_moved",
            Self::TrailsErased { .. } => "trails_erased",
            Self::CallCancelled { .. } => "call_cancelled",
            Self::DuressSignalled { .. } => "duress_signalled",
            Self::CancelRefused { .. } => "cancel_refused",
            Self::CallDescribed { .. } => "call_described",
            Self::PlaceRated { .. } => "place_rated",
            Self::LogInsFailed { .. } => "log_ins_failed",
            Self::PersonChanged { .. } => "person_changed",
        }
    }

    /// The event without anything that may name her: sealed parts, notes, remarks and reasons.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        match &mut self {
            Self::CallReceived { placed, .. } | Self::SafetyTimerSet { placed, .. } => {
                placed.sealed = Sealed::default();
            }
            Self::CallDescribed { description, .. } => description.sealed = Sealed::default(),
            Self::NoteAdded { text, .. } | Self::MessageSent { text, .. } => {
                *text = SealedText::withheld();
            }
            Self::CloseProposed { remark, .. } | Self::CallClosed { remark, .. } => *remark = None,
            Self::UnitLeft { reason, .. }
            | Self::CallReopened { reason, .. }
            | Self::CallOpened { reason, .. }
            | Self::PriorityChanged { cause: PriorityCause::By(_, reason), .. }
            | Self::Escalated { by_hand: Some((_, reason)), .. } => *reason = None,
            Self::UnitOutOfService { reason, .. } => *reason = SealedText::withheld().0,
            Self::CallerMoved { fix, .. } => *fix = None,
            _ => {}
        }
        self
    }

    /// Whether anything in it may name her: whether [`Event::redacted`] would leave something out.
    #[must_use]
    pub fn may_name_her(&self) -> bool {
        match self {
            Self::CallReceived { placed, .. } | Self::SafetyTimerSet { placed, .. } => {
                placed.sealed != Sealed::default()
            }
            Self::CallDescribed { description, .. } => description.sealed != Sealed::default(),
            Self::NoteAdded { .. } | Self::MessageSent { .. } | Self::UnitOutOfService { .. } => {
                true
            }
            Self::CloseProposed { remark, .. } | Self::CallClosed { remark, .. } => {
                remark.is_some()
            }
            Self::UnitLeft { reason, .. }
            | Self::CallReopened { reason, .. }
            | Self::CallOpened { reason, .. }
            | Self::PriorityChanged { cause: PriorityCause::By(_, reason), .. }
            | Self::Escalated { by_hand: Some((_, reason)), .. } => reason.is_some(),
            Self::CallerMoved { fix, .. } => fix.is_some(),
            _ => false,
        }
    }

    /// The call it is about, if it is about one.
    #[must_use]
    pub const fn call(&self) -> Option<CallId> {
        match self {
            Self::CallReceived { call, .. }
            | Self::CallClaimed { call, .. }
            | Self::ClaimReleased { call, .. }
            | Self::ClaimWentStale { call }
            | Self::UnitAssigned { call, .. }
            | Self::UnitProgressed { call, .. }
            | Self::UnitLeft { call, .. }
            | Self::AcknowledgementWithdrawn { call }
            | Self::UnitCheckedIn { call, .. }
            | Self::PriorityChanged { call, .. }
            | Self::NoteAdded { call, .. }
            | Self::CallLinked { call, .. }
            | Self::CallbackRecorded { call, .. }
            | Self::CloseProposed { call, .. }
            | Self::CallClosed { call, .. }
            | Self::CallReopened { call, .. }
            | Self::ClockWarned { call, .. }
            | Self::Escalated { call, .. }
            | Self::EscalationTaken { call, .. }
            | Self::CallOpened { call, .. }
            | Self::UnitPanicked { call, .. }
            | Self::NoticesIntended { call, .. }
            | Self::NoticeDelivered { call, .. }
            | Self::NoticeFailed { call, .. }
            | Self::EscalationSeen { call, .. }
            | Self::ErasureProposed { call, .. }
            | Self::IdentityErased { call, .. }
            | Self::PressedAgain { call, .. }
            | Self::LineRang { call }
            | Self::LineAnswered { call, .. }
            | Self::LineHungUp { call }
            | Self::SafetyTimerSet { call, .. }
            | Self::SafetyTimerStopped { call, .. }
            | Self::CallerMoved { call, .. }
            | Self::CallDescribed { call, .. }
            | Self::CallCancelled { call }
            | Self::DuressSignalled { call }
            | Self::CancelRefused { call } => Some(*call),
            Self::MessageSent { call, .. } | Self::EarlierAsked { call, .. } => *call,
            _ => None,
        }
    }

    /// The unit it is about, if it is about one.
    #[must_use]
    pub const fn unit(&self) -> Option<&Callsign> {
        match self {
            Self::UnitAssigned { unit, .. }
            | Self::UnitProgressed { unit, .. }
            | Self::UnitLeft { unit, .. }
            | Self::UnitCheckedIn { unit, .. }
            | Self::UnitSignedOn { unit, .. }
            | Self::UnitSignedOff { unit, .. }
            | Self::UnitOutOfService { unit, .. }
            | Self::UnitAvailable { unit, .. }
            | Self::UnitMoved { unit, .. }
            | Self::UnitLinkLost { unit }
            | Self::UnitLinkUp { unit }
            | Self::UnitWentSilent { unit }
            | Self::UnitPanicked { unit, .. }
            | Self::MessageSent { unit, .. }
            | Self::MessagesRead { unit, .. } => Some(unit),
            Self::ClockWarned { unit, .. } | Self::Escalated { unit, .. } => unit.as_ref(),
            _ => None,
        }
    }

    /// Who did it, where a person did.
    #[must_use]
    pub const fn by(&self) -> Option<&Actor> {
        match self {
            Self::CallReceived { by, .. }
            | Self::CallClaimed { by, .. }
            | Self::ClaimReleased { by, .. }
            | Self::UnitAssigned { by, .. }
            | Self::UnitProgressed { by, .. }
            | Self::UnitLeft { by, .. }
            | Self::UnitCheckedIn { by, .. }
            | Self::NoteAdded { by, .. }
            | Self::CallLinked { by, .. }
            | Self::CallbackRecorded { by, .. }
            | Self::CloseProposed { by, .. }
            | Self::CallClosed { by, .. }
            | Self::CallReopened { by, .. }
            | Self::EscalationTaken { by, .. }
            | Self::CallOpened { by, .. }
            | Self::UnitSignedOff { by, .. }
            | Self::UnitOutOfService { by, .. }
            | Self::UnitAvailable { by, .. }
            | Self::UnitPanicked { by, .. }
            | Self::MessageSent { by, .. }
            | Self::MessagesRead { by, .. }
            | Self::EscalationSeen { by, .. }
            | Self::EarlierAsked { by, .. }
            | Self::ErasureProposed { by, .. }
            | Self::IdentityErased { by, .. }
            | Self::PressedAgain { by, .. }
            | Self::LineAnswered { by, .. }
            | Self::SafetyTimerSet { by, .. }
            | Self::CallDescribed { by, .. }
            | Self::PlaceRated { by, .. }
            | Self::PriorityChanged { cause: PriorityCause::By(by, _), .. }
            | Self::Escalated { by_hand: Some((by, _)), .. } => Some(by),
            _ => None,
        }
    }
}

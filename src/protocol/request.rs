//! What a client may ask, and the envelope it asks in.

use super::{
    AddNote, Archive, AssignUnit, Backup, CheckIn, Claim, CloseCall, DescribeCall, EraseIdentity,
    Escalate, Health, Key, LinkCall, ListCalls, ListEarlier, ListEscalations, ListUnits, MarkRead,
    Panic, PlaceCall, RecommendUnits, RecordCallback, ReleaseClaim, ReleaseUnit, ReopenCall,
    Report, ReportPosition, ReportStatus, SeeEscalation, SendMessage, SetAvailable,
    SetOutOfService, SetPriority, ShowCall, ShowRoom, SignOff, SignOn, Subscribe, TakeEscalation,
    TakeOver, TakeSnapshot, Unsubscribe,
};
use serde::ser::{Serialize, Serializer};

messages! {
    /// Everything a client may ask after the welcome.
    #[serde(untagged)]
    pub enum Request {
        /// See [`PlaceCall`].
        "place_call" => PlaceCall,
        /// See [`Claim`].
        "claim" => Claim,
        /// See [`ReleaseClaim`].
        "release_claim" => ReleaseClaim,
        /// See [`TakeOver`].
        "take_over" => TakeOver,
        /// See [`AssignUnit`].
        "assign_unit" => AssignUnit,
        /// See [`ReleaseUnit`].
        "release_unit" => ReleaseUnit,
        /// See [`ReportStatus`].
        "report_status" => ReportStatus,
        /// See [`CheckIn`].
        "check_in" => CheckIn,
        /// See [`SetPriority`].
        "set_priority" => SetPriority,
        /// See [`AddNote`].
        "add_note" => AddNote,
        /// See [`DescribeCall`].
        "describe_call" => DescribeCall,
        /// See [`LinkCall`].
        "link_call" => LinkCall,
        /// See [`Escalate`].
        "escalate" => Escalate,
        /// See [`RecordCallback`].
        "record_callback" => RecordCallback,
        /// See [`TakeEscalation`].
        "take_escalation" => TakeEscalation,
        /// See [`CloseCall`].
        "close_call" => CloseCall,
        /// See [`ReopenCall`].
        "reopen_call" => ReopenCall,
        /// See [`SeeEscalation`].
        "see_escalation" => SeeEscalation,
        /// See [`SignOn`].
        "sign_on" => SignOn,
        /// See [`SignOff`].
        "sign_off" => SignOff,
        /// See [`SetOutOfService`].
        "set_out_of_service" => SetOutOfService,
        /// See [`SetAvailable`].
        "set_available" => SetAvailable,
        /// See [`ReportPosition`].
        "report_position" => ReportPosition,
        /// See [`Panic`].
        "panic" => Panic,
        /// See [`SendMessage`].
        "send_message" => SendMessage,
        /// See [`MarkRead`].
        "mark_read" => MarkRead,
        /// See [`ListCalls`].
        "list_calls" => ListCalls,
        /// See [`ShowCall`].
        "show_call" => ShowCall,
        /// See [`ListUnits`].
        "list_units" => ListUnits,
        /// See [`RecommendUnits`].
        "recommend_units" => RecommendUnits,
        /// See [`ListEarlier`].
        "list_earlier" => ListEarlier,
        /// See [`ListEscalations`].
        "list_escalations" => ListEscalations,
        /// See [`ShowRoom`].
        "show_room" => ShowRoom,
        /// See [`Health`].
        "health" => Health,
        /// See [`Report`].
        "report" => Report,
        /// See [`Subscribe`].
        "subscribe" => Subscribe,
        /// See [`Unsubscribe`].
        "unsubscribe" => Unsubscribe,
        /// See [`EraseIdentity`].
        "erase_identity" => EraseIdentity,
        /// See [`Backup`].
        "backup" => Backup,
        /// See [`TakeSnapshot`].
        "take_snapshot" => TakeSnapshot,
        /// See [`Archive`].
        "archive" => Archive,
    }
}

/// What a lost answer means, and so what a client may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestNature {
    /// Changes the log: sent with a key, and sent again under the same key until it is answered.
    Command,
    /// Changes nothing: sent again freely.
    Query,
    /// About this connection only: never sent again on another.
    Session,
    /// Work on files that no key covers: never sent again by itself.
    Upkeep,
}

impl Request {
    /// What kind of request this is. `show_call` is a command: that someone read it is an event.
    #[must_use]
    pub const fn nature(&self) -> RequestNature {
        match self {
            Self::ListCalls(_)
            | Self::ListUnits(_)
            | Self::RecommendUnits(_)
            | Self::ListEarlier(_)
            | Self::ListEscalations(_)
            | Self::ShowRoom(_)
            | Self::Health(_)
            | Self::Report(_) => RequestNature::Query,
            Self::Subscribe(_) | Self::Unsubscribe(_) => RequestNature::Session,
            Self::Backup(_) | Self::TakeSnapshot(_) | Self::Archive(_) => RequestNature::Upkeep,
            _ => RequestNature::Command,
        }
    }
}

/// A request with the number its answer will carry.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFrame {
    /// Chosen by the client, unique among its unanswered requests on this connection.
    pub id: u64,
    /// Makes a repeat harmless; every command should have one.
    pub key: Option<Key>,
    /// What is asked.
    pub request: Request,
}

/// `{type, id, key?, fields of the request}`, one flat map.
impl Serialize for RequestFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Flat<'a> {
            r#type: &'static str,
            id: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<Key>,
            #[serde(flatten)]
            request: &'a Request,
        }
        Flat { r#type: self.request.name(), id: self.id, key: self.key, request: &self.request }
            .serialize(serializer)
    }
}

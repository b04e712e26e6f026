//! What a crew says to the room that has to arrive: each thing once, in its turn. One word for it everywhere: in the
//! outbox file, on the lines of a vehicle's own terminal, and in the request that goes over the wire.

use crate::protocol::{
    AddNote, CheckIn, Key, Panic, ReportStatus, ReportedStatus, Request, SendMessage, SetAvailable,
    SetOutOfService, SignOff, TEXT_BYTES_MAX,
};
use serde::{Deserialize, Serialize};

/// Something said. As JSON `{"do": "en_route", "call": 7}`; a field that is not known is refused, because a mistyped
/// one would be a thing said and not heard.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Saying {
    /// "We have it."
    Accept {
        /// Call id.
        call: u64,
    },
    /// "We cannot."
    Decline {
        /// Call id.
        call: u64,
        /// Why.
        reason: String,
    },
    /// "We are rolling."
    EnRoute {
        /// Call id.
        call: u64,
    },
    /// "We are there."
    OnScene {
        /// Call id.
        call: u64,
    },
    /// "We are all right."
    CheckIn {
        /// Call id.
        call: u64,
    },
    /// "We are done."
    Clear {
        /// Call id.
        call: u64,
        /// How it ended, a word of the room; it goes before as a note, for closing is the operator's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disposition: Option<String>,
    },
    /// A note to the call's sealed part.
    Note {
        /// Call id.
        call: u64,
        /// The note; sealed.
        text: String,
    },
    /// A message to the room.
    Message {
        /// The call it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u64>,
        /// The message.
        text: String,
    },
    /// Officer in danger. Overtakes everything that waits.
    Panic {
        /// Degrees north, WGS 84.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lat: Option<f64>,
        /// Degrees east, WGS 84.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lon: Option<f64>,
    },
    /// On duty, but not to be sent.
    OutOfService {
        /// Why.
        reason: String,
    },
    /// To be sent again.
    Available,
    /// Off duty.
    SignOff,
}

/// Texts are the crew's and may hold her name.
impl std::fmt::Debug for Saying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())?;
        self.call().map_or(Ok(()), |call| write!(f, "({call})"))
    }
}

impl Saying {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::EnRoute { .. } => "en_route",
            Self::OnScene { .. } => "on_scene",
            Self::CheckIn { .. } => "check_in",
            Self::Clear { .. } => "clear",
            Self::Note { .. } => "note",
            Self::Message { .. } => "message",
            Self::Panic { .. } => "panic",
            Self::OutOfService { .. } => "out_of_service",
            Self::Available => "available",
            Self::SignOff => "sign_off",
        }
    }

    /// The call it is about.
    #[must_use]
    pub const fn call(&self) -> Option<u64> {
        match self {
            Self::Accept { call }
            | Self::Decline { call, .. }
            | Self::EnRoute { call }
            | Self::OnScene { call }
            | Self::CheckIn { call }
            | Self::Clear { call, .. }
            | Self::Note { call, .. } => Some(*call),
            Self::Message { call, .. } => *call,
            Self::Panic { .. } | Self::OutOfService { .. } | Self::Available | Self::SignOff => {
                None
            }
        }
    }

    /// The longest text in it, bytes.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Decline { reason: text, .. }
            | Self::OutOfService { reason: text }
            | Self::Note { text, .. }
            | Self::Message { text, .. }
            | Self::Clear { disposition: Some(text), .. } => text.len(),
            _ => 0,
        }
    }

    /// Whether the wire takes a text as long as this one's.
    pub(super) fn fits(&self) -> bool {
        let prefix = if matches!(self, Self::Clear { .. }) { DISPOSITION.len() } else { 0 };
        self.text_bytes() + prefix <= TEXT_BYTES_MAX
    }

    /// Whether it is true whichever log hears it.
    pub(super) const fn is_for_any_log(&self) -> bool {
        matches!(self, Self::Panic { .. })
    }

    /// What goes over the wire, one request each.
    ///
    /// A disposition goes as a note of its own before the clear, because a unit that has left a call may add nothing
    /// to it. Its key follows from the other's, so that saying it again under one key says both again.
    pub(super) fn parts(self, key: Key) -> Vec<(Key, Self)> {
        match self {
            Self::Clear { call, disposition: Some(word) } => {
                let mut first = key;
                first.0[15] ^= 1;
                let note = Self::Note { call, text: format!("{DISPOSITION}{word}") };
                vec![(first, note), (key, Self::Clear { call, disposition: None })]
            }
            whole => vec![(key, whole)],
        }
    }

    /// The request that says it.
    #[must_use]
    pub fn request(&self) -> Request {
        let report = |call: u64, status, reason: Option<&String>| {
            let reason = reason.cloned();
            ReportStatus { call, unit: None, status, reason, by_radio: false }.into()
        };
        match self {
            Self::Accept { call } => report(*call, ReportedStatus::Acknowledged, None),
            Self::Decline { call, reason } => report(*call, ReportedStatus::Declined, Some(reason)),
            Self::EnRoute { call } => report(*call, ReportedStatus::EnRoute, None),
            Self::OnScene { call } => report(*call, ReportedStatus::OnScene, None),
            Self::Clear { call, .. } => report(*call, ReportedStatus::Clear, None),
            Self::CheckIn { call } => CheckIn { call: Some(*call), unit: None }.into(),
            Self::Note { call, text } => AddNote { call: *call, text: text.clone() }.into(),
            Self::Message { call, text } => {
                SendMessage { unit: None, call: *call, text: text.clone() }.into()
            }
            Self::Panic { lat, lon } => Panic { unit: None, lat: *lat, lon: *lon }.into(),
            Self::OutOfService { reason } => {
                SetOutOfService { unit: None, reason: reason.clone() }.into()
            }
            Self::Available => SetAvailable::default().into(),
            Self::SignOff => SignOff::default().into(),
        }
    }
}

/// How the note of a disposition begins.
const DISPOSITION: &str = "disposition: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_with_a_disposition_is_a_note_and_then_a_clear_under_keys_that_come_again() {
        let key = Key([7; 16]);
        let clear = Saying::Clear { call: 3, disposition: Some("helped".into()) };
        let parts = clear.clone().parts(key);
        let words: Vec<_> = parts.iter().map(|(_, said)| said.word()).collect();
        assert_eq!(words, ["note", "clear"]);
        assert_eq!(parts[1].0, key);
        assert_ne!(parts[0].0, key);
        assert_eq!(parts, clear.parts(key));
    }

    #[test]
    fn a_mistyped_field_is_refused_rather_than_left_out() {
        let read = serde_json::from_str::<Saying>;
        assert!(read(r#"{"do":"clear","call":3,"dispositon":"helped"}"#).is_err());
        assert!(read(r#"{"do":"clear","call":3,"disposition":"helped"}"#).is_ok());
    }

    #[test]
    fn what_a_crew_wrote_is_in_no_debug_output() {
        let note = Saying::Note { call: 3, text: "Zara is hurt".into() };
        assert_eq!(format!("{note:?}"), "note(3)");
    }
}

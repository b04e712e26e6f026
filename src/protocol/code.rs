//! Why the server said no, as a stable word for programs.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($(#[$meta:meta])* $word:literal => $variant:ident,)+) => {
        /// Why a request was rejected, a session refused, or a connection dropped. Open: a word this version does not
        /// know is kept in `Other`, so a newer server can say more than an older client understands.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$meta])* $variant,)+
            /// A word of a later server.
            Other(String),
        }

        impl Code {
            /// The words known here; `docs/protocol.md` explains each.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $word,)+ Self::Other(word) => word }
            }
        }

        impl From<&str> for Code {
            fn from(word: &str) -> Self {
                match word { $($word => Self::$variant,)+ _ => Self::Other(word.to_owned()) }
            }
        }
    };
}

codes! {
    /// No call has this id.
    "unknown_call" => UnknownCall,
    /// No unit has this callsign, or it is signed off.
    "unknown_unit" => UnknownUnit,
    /// No clock or rung of this name is on the call.
    "unknown_clock" => UnknownClock,
    /// No such clock runs on the call: there is nothing to escalate.
    "no_clock_running" => NoClockRunning,
    /// That rung was not told: there is nothing to take.
    "rung_not_told" => RungNotTold,
    /// No escalation has this id, or its call is forgotten.
    "unknown_escalation" => UnknownEscalation,
    /// A call cannot repeat itself, nor one that repeats it.
    "link_cycle" => LinkCycle,
    /// The call is past waiting.
    "not_waiting" => NotWaiting,
    /// The call is closed; reopen it first.
    "call_closed" => CallClosed,
    /// The call is open: there is nothing to reopen.
    "call_open" => CallOpen,
    /// Another person holds the claim; take it over if need be.
    "claimed" => Claimed,
    /// The unit is not on this call.
    "not_assigned" => NotAssigned,
    /// The unit is on this call already.
    "already_assigned" => AlreadyAssigned,
    /// The unit cannot be sent: out of service, or busy.
    "unit_unavailable" => UnitUnavailable,
    /// The disposition is not on the configured list.
    "wrong_disposition" => WrongDisposition,
    /// A silent, dropped or SOS call needs a recorded call-back attempt first.
    "needs_callback" => NeedsCallback,
    /// Somebody else has to confirm this.
    "needs_second_person" => NeedsSecondPerson,
    /// The role of this session may not ask this, or not for this unit.
    "not_allowed" => NotAllowed,
    /// The status lies before the one the unit has reported already.
    "out_of_order" => OutOfOrder,
    /// The identity of the call was erased by lawful order: nothing more is kept of her under it.
    "identity_erased" => IdentityErased,
    /// A field holds a value that is not among those it may hold.
    "bad_value" => BadValue,
    /// A frame or a text is longer than its bound.
    "too_large" => TooLarge,
    /// The frame is no message: not MessagePack, not a map, a field missing or of the wrong type.
    "malformed" => Malformed,
    /// There is no message of this `type`.
    "unknown_message" => UnknownMessage,
    /// The key was used for a different request before.
    "key_reused" => KeyReused,
    /// More asked than can be done now; ask again later. Never said of `place_call`.
    "busy" => Busy,
    /// The log could not take it; nothing was done.
    "journal_failed" => JournalFailed,
    /// The server is going down; come back to it or to its successor.
    "shutting_down" => ShuttingDown,
    /// The protocol version of the hello is not spoken here.
    "wrong_version" => WrongVersion,
    /// The first frame was no hello, or did not come in time.
    "hello_expected" => HelloExpected,
    /// The token is missing or wrong for this role.
    "bad_token" => BadToken,
    /// The server speaks TLS, and this was plain text.
    "tls_required" => TlsRequired,
    /// The unit showed no certificate, or one that names another callsign.
    "bad_certificate" => BadCertificate,
    /// The client read more slowly than the room moves.
    "slow_reader" => SlowReader,
    /// Nothing was heard from the client for three heartbeats.
    "silent_peer" => SilentPeer,
    /// The same unit connected again; the newer connection stays.
    "replaced" => Replaced,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
    }
}

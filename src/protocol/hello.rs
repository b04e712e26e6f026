//! The first frames, the heartbeat and the last word.

use super::{Code, Role, VERSION, is_false, nil_is_default};
use serde::{Deserialize, Serialize};

/// The first frame of a client: who speaks, and where it left off.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol version, [`VERSION`].
    pub version: u32,
    /// What this session may ask; see [`super::ALLOWED`].
    pub role: Role,
    /// A person's name, or a unit's callsign. Commands of this session are recorded as theirs.
    pub who: String,
    /// The role's secret, where the server wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Log sequence of the last push or snapshot this client holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    /// The `node` of the welcome under which `last_seq` was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
}

impl Hello {
    /// A hello of someone new, without token or past.
    #[must_use]
    pub fn new(role: Role, who: impl Into<String>) -> Self {
        Self { version: VERSION, role, who: who.into(), token: None, last_seq: None, node: None }
    }

    /// The same with the role's secret.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }
}

/// By hand, so that a token can never reach a log.
impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("version", &self.version)
            .field("role", &self.role)
            .field("who", &self.who)
            .field("token", &self.token.as_ref().map(|_| "(sealed)"))
            .field("last_seq", &self.last_seq)
            .field("node", &self.node)
            .finish()
    }
}

/// The server's yes to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Protocol version of this session.
    pub version: u32,
    /// Name and version of the server, for people.
    pub server: String,
    /// Identity of the log behind the server; sequences of different nodes cannot be compared.
    pub node: u64,
    /// Log sequence of the last transition at the moment of the welcome.
    pub seq: u64,
    /// The server's time, ms since 1970 UTC: a screen shows spans against this, not against its own clock.
    pub now_at: u64,
    /// How often each side speaks at least, ms.
    pub heartbeat_ms: u64,
    /// The whole server is a drill: no call here is real.
    pub drill: bool,
    /// One of the two logs has failed; the room goes on with the other.
    pub degraded: bool,
    /// No log takes anything: nothing new is durable, replies say so. Calls are still taken. The events `spill_began`
    /// and `spill_merged` say when that begins and ends.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub spilling: bool,
    /// Name of the room.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub room: String,
    /// IANA name of the time zone of the room's screens and reports.
    #[serde(default, deserialize_with = "nil_is_default")]
    pub zone: String,
}

/// The server's no to a hello; it closes after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text} ({code})")]
pub struct Refused {
    /// Why, for programs.
    pub code: Code,
    /// Why and what to do, for people.
    pub text: String,
}

impl Refused {
    /// Whether the same hello may be welcome later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self.code, Code::Busy | Code::ShuttingDown)
    }
}

/// The server's last word before it closes a session that was welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text} ({code})")]
pub struct Dropped {
    /// Why, for programs.
    pub code: Code,
    /// Why and what to do, for people.
    pub text: String,
}

/// "Are you there?", from either side; answered by a pong with the same id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Any number the asker likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

/// "I am here."
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The number of the ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

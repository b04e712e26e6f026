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
    /// A secret that says that this is `who`, where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The person's password instead of a token; the welcome then brings a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Log sequence of the last push or snapshot this client holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    /// The `node` of the welcome under which `last_seq` was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// The link is narrow: after the welcome both directions may be compressed. The welcome says whether they are.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub deflate: bool,
}

impl Hello {
    /// A hello of someone new, without token or past.
    #[must_use]
    pub fn new(role: Role, who: impl Into<String>) -> Self {
        let who = who.into();
        let (token, password, last_seq, node) = (None, None, None, None);
        Self { version: VERSION, role, who, token, password, last_seq, node, deflate: false }
    }

    /// The same with the person's token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The same with the person's password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }
}

/// What stands for a secret where it must not be shown.
fn sealed(secret: Option<&String>) -> Option<&'static str> {
    secret.map(|_| "(sealed)")
}

/// By hand, so that a secret can never reach a log.
impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("version", &self.version)
            .field("role", &self.role)
            .field("who", &self.who)
            .field("token", &sealed(self.token.as_ref()))
            .field("password", &sealed(self.password.as_ref()))
            .field("last_seq", &self.last_seq)
            .field("node", &self.node)
            .field("deflate", &self.deflate)
            .finish()
    }
}

/// The server's yes to a hello.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// After a hello with a password: the token to come back with. Keep it as you would the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When the token of this session ends, and the session with it, ms since 1970 UTC; absent where no token is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ends_at: Option<u64>,
    /// All that follows, in both directions, is a DEFLATE stream with the frames inside; only said to who asked for it.
    #[serde(default, deserialize_with = "nil_is_default", skip_serializing_if = "is_false")]
    pub deflate: bool,
}

/// By hand, so that a token can never reach a log.
impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Welcome")
            .field("version", &self.version)
            .field("server", &self.server)
            .field("node", &self.node)
            .field("seq", &self.seq)
            .field("now_at", &self.now_at)
            .field("heartbeat_ms", &self.heartbeat_ms)
            .field("drill", &self.drill)
            .field("degraded", &self.degraded)
            .field("room", &self.room)
            .field("zone", &self.zone)
            .field("token", &sealed(self.token.as_ref()))
            .field("token_ends_at", &self.token_ends_at)
            .field("deflate", &self.deflate)
            .finish()
    }
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

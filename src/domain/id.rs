//! What things are called: calls by number, units by callsign, requests by key.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A call's number, counting up from 1 and never used twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A unit's radio name, at most [`super::bounds::NAME_BYTES_MAX`] bytes, never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Callsign(Box<str>);

impl Callsign {
    /// A callsign from what was typed: trimmed; `None` when nothing or too much is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.len() <= super::bounds::NAME_BYTES_MAX).then(|| Self(text.into()))
    }

    /// The name as it is spoken.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Callsign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sender's own mark on a request (a UUID): the same key again does nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 16]);

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize(deserializer).map(Self)
    }
}

/// A key with a fingerprint of the command it was first used for, so that a key used for two
/// different commands is noticed rather than answered with a stranger's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMark {
    /// The key as the sender made it.
    pub key: Key,
    /// First four bytes of the BLAKE3 hash of the command's encoding; [`KeyMark::FORGOTTEN`] fits every command.
    pub fingerprint: u32,
}

impl KeyMark {
    /// The fingerprint of a command whose words were sealed or erased: the key alone says that it was sent before.
    pub const FORGOTTEN: u32 = 0;
}

/// What somebody may ask of the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Places calls and nothing else.
    Intake,
    /// Works the room: calls, claims, assignments.
    Operator,
    /// A car and its crew; sees its own assignments only.
    Unit,
    /// Reads reports and takes escalations.
    Supervisor,
    /// Backups and snapshots.
    Admin,
    /// The engine itself: timers, restarts.
    Room,
}

/// Who asked: a person's name or a unit's callsign, and in what role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Name or callsign.
    pub who: Box<str>,
    /// The role asked in.
    pub role: Role,
}

impl Actor {
    /// An actor by name and role.
    #[must_use]
    pub fn new(who: &str, role: Role) -> Self {
        Self { who: who.into(), role }
    }

    /// The engine itself.
    #[must_use]
    pub fn room() -> Self {
        Self::new("room", Role::Room)
    }
}

//! A press of the SOS page: what its device hands in, so that it can follow the press up without a login.

use super::{Actor, CallId, Key, NewCall, Point, UtcMs};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Positions of one caller kept at hand; the log has them all.
pub const TRAIL_MAX: usize = 256;
/// Wrong PINs of one call that are recorded; those after them are refused all the same.
pub const WRONG_PINS_MAX: u32 = 16;

/// What a PIN makes of the secret of a device: SHA-256 over both, computed there. Neither is ever sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PinProof(pub [u8; 32]);

impl fmt::Debug for PinProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinProof(..)")
    }
}

impl Serialize for PinProof {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for PinProof {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize(deserializer).map(Self)
    }
}

/// What comes with a press beside the call. Sealed with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Press {
    /// A number the device made for itself: its next press joins the call that is open.
    pub device: Option<Key>,
    /// Who proves this takes the call back.
    pub cancel: Option<PinProof>,
    /// Who proves this is made to take it back, and needs help the more.
    pub duress: Option<PinProof>,
}

/// A position of her device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The device's own count, rising: what was sent before is known by it.
    pub n: u32,
    /// Where.
    pub point: Point,
    /// When the device was there, room time.
    pub taken_at: UtcMs,
}

/// A press that is to happen by itself, unless she says before that she is safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetyTimer {
    /// The number its call gets; nobody else's since the timer was set.
    pub call: CallId,
    /// The call it becomes.
    pub placed: Box<NewCall>,
    /// By way of whom it was set.
    pub by: Actor,
    /// When it becomes one.
    pub due_at: UtcMs,
    /// When she said that she is safe. Kept a while after, so that her device gets the answer again.
    pub stopped_at: Option<UtcMs>,
    /// What her device said since it was set.
    pub follow_up: Option<Box<FollowUp>>,
}

/// What the device of a press has said since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FollowUp {
    /// Where she was, oldest first; at most [`TRAIL_MAX`], the latest.
    pub trail: Vec<Fix>,
    /// Wrong PINs, to take the call back.
    pub wrong_pins: u32,
}

impl FollowUp {
    /// The last position.
    #[must_use]
    pub fn last_fix(&self) -> Option<&Fix> {
        self.trail.last()
    }

    /// Keeps a position, and forgets the oldest beyond the bound.
    pub fn keep(&mut self, fix: Fix) {
        if self.trail.len() >= TRAIL_MAX {
            self.trail.remove(0);
        }
        self.trail.push(fix);
    }
}

//! One transition as it is handed in and out. The log never looks inside a body: to it an event is bytes.

use crate::domain::UtcMs;

/// The largest body of one transition. With its own header (16 bytes at most) and the frame's (64) one
/// always fits a 4 KiB frame.
pub const RECORD_BYTES_MAX: usize = 4_000;

/// A transition on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it happened, by the room's clock.
    pub at: UtcMs,
    /// Version of the event's own schema; an event once written is readable forever.
    pub schema: u16,
    /// The event as one MessagePack value, at most [`RECORD_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// A transition read from the log, borrowing its bytes from the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its number; the first is 1 and none is left out.
    pub seq: u64,
    /// When it happened.
    pub at: UtcMs,
    /// Version of the event's own schema.
    pub schema: u16,
    /// The event's bytes.
    pub body: &'a [u8],
}

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Tail {
    /// Number of the last transition; 0 for an empty log.
    pub seq: u64,
    /// The chain up to and including it.
    pub chain: [u8; 32],
    /// The epoch in force: at least that of the last frame.
    pub epoch: u64,
    /// When the last transition happened.
    pub at: UtcMs,
}

impl Tail {
    /// The chain in hex, as `journal verify` prints it.
    #[must_use]
    pub fn chain_hex(&self) -> String {
        super::inspect::hex(self.chain)
    }
}

//! Requests about the log itself; each is answered `stored`.

use serde::{Deserialize, Serialize};

/// Copies the log, consistent and verified, into a folder of the server's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Path on the server's machine; must not exist.
    pub dir: String,
}

/// Writes a snapshot of the state beside the log, so that the next start is short. Answered when it is kept, while the
/// room goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeSnapshot {}

/// Destroys who a closed call was about, in every copy of the log, for good. Answered `done`; with `awaiting_second`
/// until a second person asks the same on the same authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseIdentity {
    /// Which call.
    pub call: u64,
    /// By whose order: a court, a file number. Kept for good, so it must not name her.
    pub authority: String,
    /// Why; likewise.
    pub reason: String,
}

/// Moves closed spans of the log to archive files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {}

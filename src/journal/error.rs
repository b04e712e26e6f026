//! What can go wrong with the log, told by place and sequence number.
//!
//! A conflict or an unknown outcome is an answer ([`Appended`](super::Appended)), not an error.

use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with one frame, or with its place in the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Fewer bytes than a header and a checksum.
    #[error("only {0} bytes, too short for a frame")]
    Short(usize),
    /// More bytes than a frame may have.
    #[error("{0} bytes, more than a frame may have")]
    Long(usize),
    /// The checksum does not match the bytes.
    #[error("the checksum does not match: bytes were changed or lost")]
    Checksum,
    /// Written by a format this program does not know.
    #[error("format version {0} is not known here")]
    Version(u8),
    /// No records, or sequence numbers past the end of counting.
    #[error("impossible header: {0}")]
    Header(&'static str),
    /// A record inside the frame cannot be read.
    #[error("record {index} cannot be read: {what}")]
    Record {
        /// Place of the record inside the frame, from 0.
        index: u16,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The frame is stored under another number than it carries.
    #[error("the frame stored here says it is {0}")]
    Misplaced(u64),
    /// Transitions are missing or repeated.
    #[error("expected here, found {0}")]
    Gap(u64),
    /// The frame does not continue the chain: it, or one before it, was edited or moved.
    #[error(
        "the chain is broken: this frame, or one before it, was edited, moved or belongs to another log"
    )]
    Chain,
    /// The two logs hold different frames under one number.
    #[error("{0}")]
    Differs(String),
}

/// A failure of the log. Everything a person can act on names the folder and the sequence number.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// sled refused, panicked or did not answer.
    #[error("sled, {what}: {why}")]
    Sled {
        /// What was being done.
        what: &'static str,
        /// Its answer.
        why: String,
    },
    /// A stored frame is not what it must be.
    #[error("{place}: transition {seq}: {fault}")]
    Damaged {
        /// Which log or file.
        place: String,
        /// First sequence number touched.
        seq: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// The two logs cannot be brought together without a person.
    #[error("the log in {dir} cannot be started: {source}; run `fifteen journal repair {dir}`")]
    NeedsRepair {
        /// The data folder.
        dir: String,
        /// What was found, with place and sequence number.
        source: Box<JournalError>,
    },
    /// The log cannot be opened on a disk that is full.
    #[error(
        "no room for the log in {dir} to be opened: {source}; nothing of it is lost: free some megabytes on that disk and start again"
    )]
    NoRoom {
        /// The data folder.
        dir: String,
        /// What had no room.
        source: Box<JournalError>,
    },
    /// Nothing is there, and no log may begin there ([`Options::may_begin`](super::Options::may_begin)).
    #[error("{0} holds no log")]
    NoLog(String),
    /// Another process works on this folder.
    #[error("{dir} is in use by process {holder}: stop it first, or work on a backup")]
    Locked {
        /// The data folder.
        dir: String,
        /// Process id as that process wrote it.
        holder: String,
    },
    /// A sync failed earlier; the log takes nothing until it is reopened.
    #[error("the log is poisoned until it is reopened: {0}")]
    Poisoned(String),
    /// Neither log could make the commit durable, or be opened.
    #[error("neither log can be used: sled: {sled}; witness: {witness}")]
    BothFailed {
        /// Why sled failed.
        sled: String,
        /// Why the witness failed.
        witness: String,
    },
    /// Somebody else owns the log now.
    #[error("epoch {old} is over: the log is at epoch {current}")]
    EpochTaken {
        /// The epoch the caller believed in.
        old: u64,
        /// The epoch in force.
        current: u64,
    },
    /// A single transition is larger than a frame takes.
    #[error("transition {seq} has {bytes} bytes, at most {max} fit")]
    RecordTooLarge {
        /// Its sequence number.
        seq: u64,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// A commit is larger than the bound.
    #[error("the commit has {bytes} bytes, at most {max} are taken at once")]
    CommitTooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// A snapshot, backup or archive file is not what it says.
    #[error("{what}: {why}")]
    Unfit {
        /// Which one.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The state refused a transition in replay.
    #[error("replay stopped at transition {seq}: {why}")]
    Fold {
        /// Which transition.
        seq: u64,
        /// The state's reason.
        why: String,
    },
}

impl JournalError {
    /// Whether a disk had no room for it. sled, and the child that tries it, say so in words only.
    pub(crate) fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Sled { why, .. } => {
                why.contains("(os error 28)") || why.contains("(os error 122)")
            }
            _ => false,
        }
    }

    pub(crate) fn damaged(place: impl Into<String>, seq: u64, fault: Fault) -> Self {
        Self::Damaged { place: place.into(), seq, fault }
    }

    pub(crate) fn unfit(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Unfit { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn sled(what: &'static str, why: impl ToString) -> Self {
        Self::Sled { what, why: why.to_string() }
    }
}

/// Adds what was being done to an I/O error.
pub(crate) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T, JournalError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, doing: &str, path: &Path) -> Result<T, JournalError> {
        self.map_err(|source| JournalError::Io {
            what: format!("{doing} {}", PathBuf::from(path).display()),
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_known_by_whoever_tells_of_it() {
        let io = |kind: io::ErrorKind| {
            Err::<(), _>(io::Error::from(kind)).at("write", Path::new("x")).unwrap_err()
        };
        assert!(io(io::ErrorKind::StorageFull).is_for_want_of_room());
        assert!(io(io::ErrorKind::QuotaExceeded).is_for_want_of_room());
        assert!(!io(io::ErrorKind::ReadOnlyFilesystem).is_for_want_of_room());
        // As sled has it from the system: ENOSPC, EDQUOT, and EIO.
        for (number, full) in [(28, true), (122, true), (5, false)] {
            let why = sled::Error::Io(io::Error::from_raw_os_error(number));
            assert_eq!(JournalError::sled("open", why).is_for_want_of_room(), full, "{number}");
        }
        assert!(!JournalError::Poisoned("(os error 28)".into()).is_for_want_of_room());
    }
}

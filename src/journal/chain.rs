//! Follows the list frame by frame: each must have the next number and continue the chain.

use super::error::JournalError;
use super::frame::Frame;
use super::record::Tail;

/// Passes frames through as long as each follows the one before; the first that does not is the last item.
pub(crate) struct Followed<I> {
    frames: I,
    place: String,
    /// `None`: the first frame is taken at its word.
    tail: Option<Tail>,
    over: bool,
}

impl<I> Followed<I> {
    pub(crate) fn new(frames: I, place: impl Into<String>, after: Option<Tail>) -> Self {
        Self { frames, place: place.into(), tail: after, over: false }
    }
}

impl<I: Iterator<Item = Result<Frame, JournalError>>> Iterator for Followed<I> {
    type Item = Result<Frame, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let frame = self.frames.next()?.and_then(|frame| {
            if let Some(tail) = &self.tail {
                follows(&frame, tail, &self.place)?;
            }
            Ok(frame)
        });
        match &frame {
            Ok(frame) => self.tail = Some(frame.tail()),
            Err(_) => self.over = true,
        }
        Some(frame)
    }
}

/// Checks one step and names the place where it fails.
pub(crate) fn follows(frame: &Frame, tail: &Tail, place: &str) -> Result<(), JournalError> {
    frame
        .follows(tail.seq, &tail.chain)
        .map_err(|fault| JournalError::damaged(place, tail.seq + 1, fault))
}

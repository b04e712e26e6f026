//! Text as the terminal's columns see it: cut, padded, and freed of what could draw outside its
//! place. Widths are sums over graphemes, as ratatui places them, so a Gurmukhi vowel sign counts
//! with its letter and nothing is ever cut within a character a person sees.
//!
//! A whole string's width by unicode-width would differ: it takes the Arabic lam-alef for one
//! column, and ratatui gives each of the two letters its own.

use ratatui::buffer::CellWidth;
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// Columns that one grapheme takes; a control character, which ratatui leaves out, takes none.
#[must_use]
pub fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) }
}

/// Columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

/// `text` in at most `columns`, with `…` at its end where something was left out.
#[must_use]
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let fits = |(_, grapheme): &(usize, &str)| {
        used += grapheme_width(grapheme);
        used <= room
    };
    let kept = text.grapheme_indices(true).take_while(fits).last();
    let end = kept.map_or(0, |(at, grapheme)| at + grapheme.len());
    Cow::Owned(format!("{}…", &text[..end]))
}

/// `text` in exactly `columns`: cut, or spaces after it.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let spaces = columns - width(&text);
    format!("{text}{:spaces$}", "")
}

/// `text` in exactly `columns`: cut, or spaces before it.
#[must_use]
pub fn pad_left(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let spaces = columns - width(&text);
    format!("{:spaces$}{text}", "")
}

/// `text` from the wire as one harmless line: controls become spaces, and what turns the direction
/// of writing or hides is left out. The joiners that Urdu and Gurmukhi are written with stay.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| breaks(c) || hides(c)) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|c| !hides(*c));
    Cow::Owned(seen.map(|c| if breaks(c) { ' ' } else { c }).collect())
}

/// Moves the terminal's cursor or state, or ends a line.
fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Turns the direction of writing ("Trojan Source", CVE-2021-42574), or is there and not seen.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn urdu_and_gurmukhi_take_the_columns_ratatui_gives_them() {
        for text in ["گھر نمبر ۷، لاہور", "لال حویلی", "ਪਿੰਡ ਕਲਾਨੌਰ", "日本", "e\u{301}", "👩‍👧", "abc"]
        {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 1));
            let (end, _) = buffer.set_stringn(0, 0, text, 60, Style::new());
            assert_eq!(width(text), usize::from(end), "{text}");
        }
    }

    #[test]
    fn a_cut_is_marked_and_never_within_a_character() {
        assert_eq!(cut("harassment", 10), "harassment");
        assert_eq!(cut("harassment", 6), "haras…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("ਕੀਕੀ", 3), "ਕੀ…");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(pad_left("7", 3), "  7");
    }

    #[test]
    fn nothing_from_the_wire_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{9b}d"), "a [2Jb  c d");
        assert_eq!(plain("safe\u{202e}gnp.exe\u{2069}\u{200b}"), "safegnp.exe");
        assert_eq!(plain("نمی\u{200c}خواهم"), "نمی\u{200c}خواهم");
    }

    proptest! {
        #[test]
        fn what_is_cut_or_padded_keeps_to_its_columns(text in "\\PC{0,40}", columns in 0usize..50) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
            prop_assert_eq!(width(&pad(&text, columns)), columns);
            prop_assert_eq!(width(&pad_left(&text, columns)), columns);
        }

        #[test]
        fn what_is_plain_stays_as_it_is(text in any::<String>()) {
            let once = plain(&text).into_owned();
            prop_assert!(!once.contains(char::is_control));
            prop_assert_eq!(&*plain(&once), &*once);
        }
    }
}

//! Writes text into cells, cut to its place and freed of what steers a terminal.

use super::super::text;
use super::super::theme::Theme;
use super::super::width;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws into a buffer, never outside it.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub(super) theme: Theme,
}

/// A line of parts, each in its style.
pub(super) type Parts = Vec<(String, Style)>;

impl<'a> Pen<'a> {
    pub(super) const fn new(buffer: &'a mut Buffer, theme: &Theme) -> Self {
        Self { buffer, theme: *theme }
    }

    /// Writes `words` at a place, in at most `columns`.
    pub(super) fn text(&mut self, x: u16, y: u16, columns: u16, words: &str, style: Style) {
        let area = self.buffer.area;
        let columns = columns.min(area.right().saturating_sub(x));
        if columns == 0 || y < area.y || y >= area.bottom() || x < area.x {
            return;
        }
        let words = text::cut(words, usize::from(columns));
        self.buffer.set_stringn(x, y, words, usize::from(columns), style);
    }

    /// The same, and blanks up to `columns`, so that a style covers the whole width.
    pub(super) fn bar(&mut self, area: Rect, words: &str, style: Style) {
        for y in area.y..area.bottom() {
            self.text(area.x, y, area.width, &" ".repeat(usize::from(area.width)), style);
        }
        self.text(area.x, area.y, area.width, words, style);
    }

    /// Writes parts one after another; gives the column behind them.
    pub(super) fn parts(&mut self, x: u16, y: u16, columns: u16, parts: &Parts) -> u16 {
        let end = x.saturating_add(columns);
        let mut at = x;
        for (words, style) in parts {
            let left = end.saturating_sub(at);
            self.text(at, y, left, words, *style);
            let wide = u16::try_from(width::width(&text::plain(words))).unwrap_or(u16::MAX);
            at = at.saturating_add(wide).min(end);
        }
        at
    }

    /// Writes so that it ends at the right edge of `area`; gives the columns it took.
    pub(super) fn right(&mut self, area: Rect, words: &str, style: Style) -> u16 {
        let wide =
            u16::try_from(width::width(&text::plain(words))).unwrap_or(u16::MAX).min(area.width);
        self.text(area.right() - wide, area.y, wide, words, style);
        wide
    }

    /// Lays a style over what is drawn.
    pub(super) fn wash(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        self.buffer.set_style(area, style);
    }

    /// Takes out what is drawn.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }
}

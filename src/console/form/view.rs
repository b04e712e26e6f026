//! How a form looks: fields, under them the list of a choice, at the bottom what is wrong or what
//! helps, and the keys.

use super::super::fuzzy::highlighted;
use super::super::theme::Theme;
use super::super::width::{cut, pad, width};
use super::Form;
use super::field::{Field, Kind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

/// Lines of a list that are worth showing.
const LIST_MIN: usize = 4;
/// Lines at the bottom: what is said, and the keys.
const FOOT: usize = 2;

impl Form {
    /// Lines it needs, its border included; with more, the list of a choice is longer.
    #[must_use]
    pub fn height(&self) -> u16 {
        let choice = self.fields.iter().any(|field| matches!(field.kind, Kind::Choice { .. }));
        let list = if choice { LIST_MIN } else { 0 };
        u16::try_from(self.fields.len() + list + FOOT + 2).unwrap_or(u16::MAX)
    }

    /// Draws it into `area` and puts the terminal's cursor where typing goes. What does not fit is
    /// left out, the field with the keys last.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let area = area.intersection(frame.area());
        let title = cut(&self.title, usize::from(area.width.saturating_sub(4)));
        let block = Block::bordered()
            .title(Line::styled(format!(" {title} "), theme.title))
            .border_style(theme.border);
        frame.render_widget(Clear, area);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        if inner.is_empty() {
            return;
        }
        let lines = usize::from(inner.height);
        let foot = FOOT.min(lines.saturating_sub(1));
        let field = &self.fields[self.at];
        let list = (field.lines() + 1).min(LIST_MIN).min((lines - foot) / 2);
        let list = if field.lines() == 0 { 0 } else { list };
        let seen = self.fields.len().min(lines - foot - list).max(1);
        let first = (self.at + 1).saturating_sub(seen);
        let label = self.fields.iter().map(|field| width(&field.label)).max().unwrap_or(0);
        let label = label.min(usize::from(inner.width) / 2);
        for (line, at) in (first..self.fields.len()).take(seen).enumerate() {
            self.draw_field(frame, row(inner, line), at, label, theme);
        }
        let list = Rect { y: row(inner, seen).y, height: short(lines - foot - seen), ..inner };
        draw_list(frame, list, field, theme);
        if foot == FOOT {
            frame.render_widget(self.said(inner, theme), row(inner, lines - 2));
        }
        if foot > 0 {
            frame.render_widget(self.keys(theme), row(inner, lines - 1));
        }
    }

    fn draw_field(&self, frame: &mut Frame<'_>, row: Rect, at: usize, label: usize, theme: &Theme) {
        let field = &self.fields[at];
        let focused = at == self.at;
        // The letter says what the colour says.
        let (mark, style) = match (&field.problem, focused) {
            (Some(_), _) => ("!", theme.error),
            (None, true) => (">", theme.focus),
            (None, false) => (" ", theme.label),
        };
        let head = format!("{mark} {}  ", pad(&field.label, label));
        let columns = usize::from(row.width).saturating_sub(width(&head));
        let (text, cursor) = match field.kind {
            Kind::Toggle => ((if field.edit.is_empty() { "[ ]" } else { "[x] yes" }).into(), 1),
            Kind::Priority => (priorities(field.value()), 0),
            _ if focused => {
                let window = field.edit.window(short(columns));
                (window.text, window.cursor)
            }
            _ => (cut(field.edit.text(), columns).into_owned(), 0),
        };
        let value = cut(&text, columns).into_owned();
        let left = columns - width(&value);
        let mut spans = vec![Span::styled(head, style), Span::styled(value, theme.value)];
        if field.edit.is_empty() && !field.placeholder.is_empty() && left > 3 {
            let aside = cut(&field.placeholder, left - 2).into_owned();
            spans.push(Span::styled(format!("  {aside}"), theme.dim));
        }
        let line = Line::from(spans);
        frame.render_widget(line, row);
        if focused && columns > 0 {
            let head = row.width - short(columns);
            let x = row.x.saturating_add(head).saturating_add(cursor);
            frame.set_cursor_position(Position { x: x.min(row.right() - 1), y: row.y });
        }
    }

    /// What is wrong, else what helps.
    fn said(&self, inner: Rect, theme: &Theme) -> Line<'static> {
        let columns = usize::from(inner.width);
        let field = &self.fields[self.at];
        let wrong = field.problem.as_ref().map(|problem| format!("! {}: {problem}", field.label));
        if let Some(text) = self.said.clone().map(|said| format!("! {said}")).or(wrong) {
            return Line::styled(cut(&text, columns).into_owned(), theme.error);
        }
        let hint = match field.kind {
            _ if !field.hint.is_empty() => &field.hint,
            Kind::Choice { .. } => "a few letters find it; Up and Down choose",
            Kind::Toggle => "Space: yes or no",
            Kind::Priority => "1 (most urgent) to 4",
            Kind::Phone => "digits; + in front if it is from abroad",
            Kind::Number => "digits",
            Kind::Text { .. } => "",
        };
        Line::styled(cut(hint, columns).into_owned(), theme.dim)
    }

    fn keys(&self, theme: &Theme) -> Line<'static> {
        let enter_sends = !self.enter_only_moves && self.at + 1 == self.fields.len();
        let key = |name: &'static str| Span::styled(name, theme.key);
        let mut keys = Vec::new();
        if !enter_sends {
            keys.extend([key("Ctrl-S"), Span::raw(" send  ")]);
        }
        let leave = if self.discardable { " set aside  " } else { " leave  " };
        keys.extend([key("Esc"), Span::raw(leave)]);
        if self.discardable {
            keys.extend([key("Ctrl-D"), Span::raw(" throw away  ")]);
        }
        let enter = if enter_sends { " send  " } else { " next  " };
        keys.extend([key("Enter"), Span::raw(enter)]);
        keys.extend([key("Shift-Tab"), Span::raw(" back")]);
        Line::from(keys)
    }
}

/// The list of a choice under its name, the marked line always in it.
fn draw_list(frame: &mut Frame<'_>, area: Rect, field: &Field, theme: &Theme) {
    let count = field.lines();
    if count == 0 || area.height < 2 {
        return;
    }
    let columns = usize::from(area.width);
    let name = cut(&field.label, columns.saturating_sub(4)).into_owned();
    let rule = "-".repeat(columns.saturating_sub(width(&name) + 4));
    frame.render_widget(Line::styled(format!("- {name}: {rule}"), theme.dim), row(area, 0));
    let lines = usize::from(area.height) - 1;
    let marked = field.marked();
    let first = marked.map_or(0, |marked| (marked + 1).saturating_sub(lines));
    for (line, at) in (first..count).take(lines).enumerate() {
        let is_marked = marked == Some(at);
        let base = if is_marked { theme.selected } else { theme.value };
        let mark = if is_marked { "> " } else { "  " };
        let mut shown = vec![Span::styled(mark, base)];
        let unseen = count - at;
        if line + 1 == lines && unseen > 1 && !is_marked {
            shown.push(Span::styled(format!("... {unseen} more"), theme.dim));
        } else {
            let (text, matched) = field.line(at);
            let room = columns.saturating_sub(2);
            let hit = base.patch(theme.matched);
            shown.extend(highlighted(&text, matched, room, base, hit).spans);
        }
        frame.render_widget(Line::from(shown), row(area, line + 1));
    }
}

/// ` 1 [2] 3  4 `: the one that stands is in brackets.
fn priorities(chosen: &str) -> String {
    let one = |number: &str| {
        if number == chosen { format!("[{number}]") } else { format!(" {number} ") }
    };
    ["1", "2", "3", "4"].map(one).concat()
}

fn row(area: Rect, line: usize) -> Rect {
    let y = area.y.saturating_add(short(line));
    Rect { y, height: 1, ..area }.intersection(area)
}

fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

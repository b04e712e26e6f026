//! The board and the missed calls: a call a line, every column aligned, only what is on the screen drawn.

use super::super::command_line::SortBy;
use super::super::list::{self, CallList, Line, Which};
use super::super::model::Model;
use super::super::text;
use super::super::width;
use super::pen::Pen;
use crate::protocol::{CallSummary, ClockSummary, Flags, Stage, UnitStatus};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// How a clock stands: its style and letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Time,
    Warned,
    Missed,
    Stopped,
}

impl Standing {
    pub(super) fn of(model: &Model, clock: &ClockSummary, call: &CallSummary) -> Self {
        let now = model.now();
        let (limit, warn) = model.limit(clock, call);
        match clock.stopped_at {
            Some(_) => Self::Stopped,
            None if clock.limit_at < now => Self::Missed,
            None if (clock.limit_at - now).saturating_add(warn) <= limit => Self::Warned,
            None => Self::Time,
        }
    }

    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Time => "t",
            Self::Warned => "w",
            Self::Missed => "M",
            Self::Stopped => "-",
        }
    }

    pub(super) const fn style(self, pen: &Pen<'_>) -> Style {
        match self {
            Self::Time => pen.theme.calm,
            Self::Warned => pen.theme.warn,
            Self::Missed => pen.theme.late,
            Self::Stopped => pen.theme.dim,
        }
    }
}

/// The used share of a clock's limit as a bar of so many columns.
pub(super) fn bar(
    model: &Model,
    clock: &ClockSummary,
    call: &CallSummary,
    columns: usize,
) -> String {
    let (limit, _) = model.limit(clock, call);
    let at = clock.stopped_at.unwrap_or_else(|| model.now());
    let used = limit.saturating_sub(clock.limit_at.saturating_sub(at)).min(limit);
    let columns_ms = u64::try_from(columns).unwrap_or(1);
    // Rounded down: a full bar is a limit that is reached.
    let full = usize::try_from(used * columns_ms / limit.max(1)).unwrap_or(columns).min(columns);
    format!("{}{}", "━".repeat(full), "─".repeat(columns - full))
}

/// Widths of the columns.
struct Columns {
    id: u16,
    kind: u16,
    district: u16,
    name: u16,
    bar: u16,
    told: u16,
    claim: u16,
    units: u16,
}

/// Cursor, age, flags, priority, countdown, letter, and a blank behind each column.
const FIXED: u16 = 1 + 6 + 3 + 4 + 7 + 2 + 8;

impl Columns {
    fn of(width: u16, id: u16) -> Self {
        let mut it =
            Self { id, kind: 11, district: 9, name: 3, bar: 4, told: 4, claim: 6, units: 8 };
        let used = FIXED
            + it.id
            + it.kind
            + it.district
            + it.name
            + it.bar
            + it.told
            + it.claim
            + it.units;
        let mut spare = width.saturating_sub(used);
        let mut widen = |column: &mut u16, most: u16| {
            let more = most.saturating_sub(*column).min(spare);
            *column += more;
            spare -= more;
        };
        widen(&mut it.kind, 20);
        widen(&mut it.units, 10);
        widen(&mut it.claim, 10);
        widen(&mut it.told, 8);
        widen(&mut it.bar, 8);
        widen(&mut it.name, 11);
        widen(&mut it.district, 16);
        widen(&mut it.units, 24);
        widen(&mut it.told, 16);
        widen(&mut it.kind, 28);
        widen(&mut it.claim, 16);
        widen(&mut it.units, 60);
        it
    }
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect, list: &CallList) {
    let which = if std::ptr::eq(list, &model.missed) { Which::Missed } else { Which::Board };
    let most = model.board.ids().max().unwrap_or(0).to_string().len().max(4);
    let columns = Columns::of(area.width, u16::try_from(most).unwrap_or(4));
    heads(pen, area, &columns);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if list.is_empty() {
        return empty(model, pen, body, which);
    }
    let selected = list.selected();
    for (y, line) in (body.y..body.bottom()).zip(list.lines(usize::from(body.height))) {
        let row = Rect { y, height: 1, ..body };
        match line {
            Line::Heading(section, count) => {
                let words = format!(" {} {count} ", section.name());
                let rest = usize::from(row.width).saturating_sub(words.len());
                pen.text(row.x, y, row.width, &words, pen.theme.title);
                let from = row.x + u16::try_from(words.len()).unwrap_or(0);
                pen.text(
                    from,
                    y,
                    row.right().saturating_sub(from),
                    &"─".repeat(rest),
                    pen.theme.border,
                );
            }
            Line::Call(id) => {
                if let Some(call) = model.room.call(id) {
                    draw_call(model, pen, row, &columns, call, which);
                    if selected == Some(id) {
                        pen.wash(row, pen.theme.selected);
                        pen.text(row.x, y, 1, "▸", pen.theme.selected);
                    }
                }
            }
        }
    }
    scroll_mark(pen, body, list);
}

/// How far down the list is, at its right edge.
fn scroll_mark(pen: &mut Pen<'_>, body: Rect, list: &CallList) {
    let (top, lines) = list.scrolled();
    let height = usize::from(body.height);
    if lines <= height || height == 0 {
        return;
    }
    let at = (top * (height - 1)).div_ceil((lines - height).max(1)).min(height - 1);
    let y = body.y + u16::try_from(at).unwrap_or(0);
    pen.text(body.right() - 1, y, 1, "█", pen.theme.border);
}

fn heads(pen: &mut Pen<'_>, area: Rect, columns: &Columns) {
    let style = pen.theme.label;
    let mut cells = Cells::new(area);
    cells.skip(1);
    cells.right(pen, 5, "AGE", style);
    cells.right(pen, columns.id, "CALL", style);
    cells.left(pen, 2, "P", style);
    cells.left(pen, 3, "!", style);
    cells.left(pen, columns.kind, "KIND", style);
    cells.left(pen, columns.district, "DISTRICT", style);
    cells.left(pen, columns.name + 1 + columns.bar + 1 + 7 + 1, "CLOCK", style);
    cells.left(pen, columns.told, "TOLD", style);
    cells.left(pen, columns.claim, "CLAIM", style);
    cells.left(pen, columns.units, "UNITS", style);
}

fn draw_call(
    model: &Model,
    pen: &mut Pen<'_>,
    row: Rect,
    columns: &Columns,
    call: &CallSummary,
    which: Which,
) {
    let theme = pen.theme;
    let closed = call.stage == Stage::Closed;
    let base = if closed { theme.dim } else { theme.value };
    let urgent = if call.priority == 1 && !closed { theme.urgent } else { base };
    let mut cells = Cells::new(row);
    cells.skip(1);
    let end = call.closed_at.unwrap_or_else(|| model.now());
    cells.right(pen, 5, &text::age(end.saturating_sub(call.received_at)), base);
    cells.right(pen, columns.id, &call.call.to_string(), base);
    cells.left(pen, 2, &format!("P{}", call.priority), urgent);
    cells.left(pen, 3, &flag_letters(call.flags), if closed { base } else { theme.warn });
    cells.left(pen, columns.kind, &call.kind, urgent);
    cells.left(pen, columns.district, &call.district, base);
    let clock = list::urgent(which, call);
    match clock.filter(|_| !closed) {
        Some(clock) => {
            let standing = Standing::of(model, clock, call);
            let style = standing.style(pen);
            let name: String = match columns.name {
                // An abbreviation rather than a word that was cut.
                3 => text::plain(&clock.clock).chars().take(3).collect(),
                _ => text::plain(&clock.clock),
            };
            cells.left(
                pen,
                columns.name,
                &name,
                if standing == Standing::Time { theme.dim } else { style },
            );
            cells.left(pen, columns.bar, &bar(model, clock, call, usize::from(columns.bar)), style);
            let at = clock.stopped_at.unwrap_or_else(|| model.now());
            cells.right(pen, 6, &text::countdown(clock.limit_at, at), style);
            cells.left(pen, 1, standing.letter(), style);
        }
        None => {
            let words = call.disposition.as_deref().map_or("no clock", |word| word);
            cells.left(pen, columns.name + 1 + columns.bar + 1 + 7 + 1, words, theme.dim);
        }
    }
    cells.left(
        pen,
        columns.told,
        &told(model, call, columns.told),
        if closed { base } else { theme.late },
    );
    let (claim, style) = claim(model, call, pen);
    cells.left(pen, columns.claim, &claim, if closed { base } else { style });
    cells.left(pen, columns.units, &units(call, columns.units), base);
}

/// The highest office that was told, by a clock that runs.
fn told(model: &Model, call: &CallSummary, columns: u16) -> String {
    let running = call.clocks.iter().filter(|clock| clock.stopped_at.is_none() && clock.rung > 0);
    let Some(clock) = running.max_by_key(|clock| (clock.rung, clock.repeats)) else {
        return String::new();
    };
    let office = model.office(&clock.clock, clock.rung);
    let office = office.map_or_else(|| format!("rung {}", clock.rung), text::plain);
    let again = if clock.repeats > 0 { format!(" ×{}", clock.repeats + 1) } else { String::new() };
    if width::width(&office) + again.len() <= usize::from(columns) {
        return format!("{office}{again}");
    }
    let first = office.split([' ', '-']).next().unwrap_or_default();
    if width::width(first) + width::width(&again) <= usize::from(columns) {
        return format!("{first}{again}");
    }
    first.to_owned()
}

fn claim(model: &Model, call: &CallSummary, pen: &Pen<'_>) -> (String, Style) {
    match &call.claim {
        None => (String::new(), pen.theme.dim),
        // Stale: nobody has said for a while that they work it.
        Some(claim) if claim.stale => (format!("~{}", claim.who), pen.theme.warn),
        Some(claim) if claim.who == model.me => (claim.who.clone(), pen.theme.good),
        Some(claim) => (claim.who.clone(), pen.theme.value),
    }
}

/// The units with how far each has come: in words where they fit, else a letter.
fn units(call: &CallSummary, columns: u16) -> String {
    let full = |status: UnitStatus| match status {
        UnitStatus::Dispatched => "sent".to_owned(),
        other => text::words(other.as_str()),
    };
    let long: Vec<String> =
        call.units.iter().map(|it| format!("{} {}", it.unit, full(it.status))).collect();
    let long = long.join(", ");
    if width::width(&long) <= usize::from(columns) {
        return long;
    }
    let letter = |status: UnitStatus| match status {
        UnitStatus::Dispatched => '?',
        UnitStatus::Acknowledged => 'a',
        UnitStatus::EnRoute => 'e',
        UnitStatus::OnScene => 's',
        _ => '-',
    };
    let short = call.units.iter().map(|it| format!("{}:{}", it.unit, letter(it.status)));
    let mut short: Vec<String> = short.collect();
    let whole = short.join(" ");
    if width::width(&whole) > usize::from(columns) && short.len() > 1 {
        let more = short.len() - 1;
        short.truncate(1);
        return format!("+{more} {}", short[0]);
    }
    whole
}

/// Duress, do-not-ring, SOS, silent, cut, test, taken back: a letter each.
fn flag_letters(flags: Flags) -> String {
    let all = [
        (flags.duress, 'D'),
        (flags.unsafe_to_ring_back, 'N'),
        (flags.sos, 'S'),
        (flags.silent, 'm'),
        (flags.dropped, 'c'),
        (flags.test, 't'),
        (flags.cancelled, 'x'),
    ];
    all.iter().filter(|(set, _)| *set).map(|(_, letter)| letter).collect()
}

fn empty(model: &Model, pen: &mut Pen<'_>, body: Rect, which: Which) {
    let dim = pen.theme.dim;
    let words = match which {
        _ if !model.room.is_whole() => "the room's calls are being fetched",
        Which::Missed => "no missed calls, and no call-backs due",
        Which::Board if model.room.calls().next().is_some() => {
            "no call matches; esc shows all again"
        }
        Which::Board => "no calls: all is quiet",
    };
    let y = body.y + body.height / 3;
    let x = body.x + body.width.saturating_sub(u16::try_from(words.len()).unwrap_or(0)) / 2;
    pen.text(x, y, body.width, words, dim);
}

pub(super) fn draw_narrowed(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let filter = model.board.filter();
    let mut parts = Vec::new();
    parts.extend(filter.district.as_deref().map(|it| format!("district {it}")));
    parts.extend(filter.priority.map(|it| format!("P{it}")));
    parts.extend(filter.kind.as_deref().map(|it| format!("kind {it}")));
    parts.extend(filter.stage.map(|it| text::words(it.as_str())));
    parts.extend(filter.unit.as_deref().map(|it| format!("unit {it}")));
    parts.extend(filter.mine.then(|| "mine".to_owned()));
    parts.extend(filter.words.iter().map(|it| format!("\"{it}\"")));
    let mut words = String::new();
    if !parts.is_empty() {
        let (shown, all) = (model.board.len(), model.room.calls().count());
        words = format!(" SHOWING {shown} of {all}: {}; esc shows all", parts.join(", "));
    }
    let (sort, reversed) = model.board.sort();
    if (sort, reversed) != (SortBy::Queue, false) {
        let name = match sort {
            SortBy::Queue => "queue",
            SortBy::Clock => "most urgent clock",
            SortBy::Age => "age",
            SortBy::District => "district",
            SortBy::Kind => "kind",
            SortBy::Priority => "priority",
            SortBy::Stage => "stage",
        };
        let turned = if reversed { ", the other way round" } else { "" };
        words = format!("{words}  sorted by {name}{turned}");
    }
    pen.bar(area, &words, pen.theme.warn);
}

/// Cells of a row, one after another with a blank between.
pub(super) struct Cells {
    x: u16,
    y: u16,
    end: u16,
}

impl Cells {
    pub(super) const fn new(row: Rect) -> Self {
        Self { x: row.x, y: row.y, end: row.x + row.width }
    }

    pub(super) const fn skip(&mut self, columns: u16) {
        self.x += columns;
    }

    pub(super) fn left(&mut self, pen: &mut Pen<'_>, columns: u16, words: &str, style: Style) {
        let room = columns.min(self.end.saturating_sub(self.x));
        pen.text(self.x, self.y, room, words, style);
        self.x += columns + 1;
    }

    pub(super) fn right(&mut self, pen: &mut Pen<'_>, columns: u16, words: &str, style: Style) {
        let wide = u16::try_from(width::width(words)).unwrap_or(columns).min(columns);
        let room = self.end.saturating_sub(self.x + columns - wide);
        pen.text(self.x + columns - wide, self.y, wide.min(room), words, style);
        self.x += columns + 1;
    }
}

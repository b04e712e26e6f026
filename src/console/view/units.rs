//! The units pane: who is on duty, what each is doing, where it was heard of last. In danger first, then those on a
//! call, then the free ones.

use super::super::model::Model;
use super::super::text;
use super::list::Cells;
use super::pen::Pen;
use crate::protocol::{UnitStatus, UnitSummary};
use ratatui::layout::Rect;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let wide = area.width >= 120;
    let skills = if wide { 36 } else { 16 };
    let style = pen.theme.label;
    let mut cells = Cells::new(area);
    cells.skip(1);
    for (columns, head) in [
        (12, "UNIT"),
        (15, "STATUS"),
        (14, "CALLS"),
        (12, "DISTRICT"),
        (4, "CREW"),
        (skills, "SKILLS"),
    ] {
        cells.left(pen, columns, head, style);
    }
    cells.right(pen, 5, "HEARD", style);
    if wide {
        cells.left(pen, 10, "LINK", style);
        cells.left(pen, 24, "POSITION", style);
    }
    let all = model.callsigns();
    let at = model.unit.index(&all);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if all.is_empty() {
        return pen.text(body.x + 2, body.y + 1, body.width, "no unit is signed on", pen.theme.dim);
    }
    let shown = all.iter().enumerate().skip(model.unit.top);
    for (y, (index, callsign)) in (body.y..body.bottom()).zip(shown) {
        let row = Rect { y, height: 1, ..body };
        if let Some(unit) = model.room.unit(callsign) {
            draw_unit(model, pen, row, unit, skills, wide);
        }
        if index == at {
            pen.wash(row, pen.theme.selected);
            pen.text(row.x, y, 1, "▸", pen.theme.selected);
        }
    }
}

fn draw_unit(
    model: &Model,
    pen: &mut Pen<'_>,
    row: Rect,
    unit: &UnitSummary,
    skills: u16,
    wide: bool,
) {
    let theme = pen.theme;
    let (status, style) = match unit.status {
        _ if unit.panic.is_some() => ("PANIC".to_owned(), theme.urgent),
        UnitStatus::Available | UnitStatus::Clear => ("available".to_owned(), theme.good),
        UnitStatus::Dispatched => ("sent, no answer".to_owned(), theme.warn),
        UnitStatus::OutOfService => ("out of service".to_owned(), theme.dim),
        other => (text::words(other.as_str()), theme.value),
    };
    let calls: Vec<String> = unit.calls.iter().map(ToString::to_string).collect();
    let mut cells = Cells::new(row);
    cells.skip(1);
    cells.left(pen, 12, &unit.unit, theme.value);
    cells.left(pen, 15, &status, style);
    cells.left(pen, 14, &calls.join(" "), theme.value);
    cells.left(pen, 12, &unit.district, theme.value);
    cells.right(pen, 4, &unit.crew.to_string(), theme.value);
    let skilled: Vec<String> = unit.skills.iter().map(|skill| text::words(skill)).collect();
    cells.left(pen, skills, &skilled.join(", "), theme.dim);
    let age = text::age(model.now().saturating_sub(unit.last_seen_at));
    // Not linked: its orders go by radio.
    cells.right(pen, 5, &age, if unit.linked { theme.value } else { theme.warn });
    if wide {
        cells.left(
            pen,
            10,
            if unit.linked { "linked" } else { "radio only" },
            if unit.linked { theme.dim } else { theme.warn },
        );
        let position = unit
            .lat
            .zip(unit.lon)
            .map_or_else(|| "not known".into(), |(lat, lon)| format!("{lat:.4}, {lon:.4}"));
        cells.left(pen, 24, &position, theme.dim);
    } else if !unit.linked {
        pen.text(row.right().saturating_sub(1), row.y, 1, "r", theme.warn);
    }
}

//! The units pane: who is on duty, what each is doing, where it was heard of last. In danger first, then those on a
//! call, then the free ones.

use super::super::model::Model;
use super::super::text;
use super::list::Cells;
use super::pen::Pen;
use crate::protocol::{UnitStatus, UnitSummary};
use ratatui::layout::Rect;

/// Widths of the columns, up to the skills.
const NARROW: [u16; 6] = [10, 15, 10, 10, 4, 15];
const WIDE: [u16; 6] = [14, 15, 14, 16, 4, 36];
const WIDE_FROM: u16 = 120;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let wide = area.width >= WIDE_FROM;
    let columns = if wide { WIDE } else { NARROW };
    let style = pen.theme.label;
    let mut cells = Cells::new(area);
    cells.skip(1);
    for (columns, head) in
        columns.into_iter().zip(["UNIT", "STATUS", "CALLS", "DISTRICT", "CREW", "SKILLS"])
    {
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
            draw_unit(model, pen, row, unit, columns);
        }
        if index == at {
            pen.wash(row, pen.theme.selected);
            pen.text(row.x, y, 1, "▸", pen.theme.selected);
        }
    }
}

fn draw_unit(model: &Model, pen: &mut Pen<'_>, row: Rect, unit: &UnitSummary, columns: [u16; 6]) {
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
    let [name, stage, on, district, crew, skills] = columns;
    cells.left(pen, name, &unit.unit, theme.value);
    cells.left(pen, stage, &status, style);
    cells.left(pen, on, &calls.join(" "), theme.value);
    cells.left(pen, district, &unit.district, theme.value);
    cells.right(pen, crew, &unit.crew.to_string(), theme.value);
    let skilled: Vec<String> = unit.skills.iter().map(|skill| text::words(skill)).collect();
    cells.left(pen, skills, &skilled.join(", "), theme.dim);
    let age = text::age(model.now().saturating_sub(unit.last_seen_at));
    // Not linked: its orders go by radio.
    cells.right(pen, 5, &age, if unit.linked { theme.value } else { theme.warn });
    if columns == WIDE {
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
        cells.left(pen, 1, "r", theme.warn);
    }
}

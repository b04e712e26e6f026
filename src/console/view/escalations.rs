//! The escalations pane: which deadline was missed, which office was told, and of each of its people: told, seen,
//! taken. What nobody took stands first.

use super::super::model::Model;
use super::super::text;
use super::list::Cells;
use super::pen::{Parts, Pen};
use crate::protocol::{Escalation, Notice};
use ratatui::layout::Rect;

/// Lines for the one under the cursor.
const DETAIL: u16 = 7;

/// Lines of the list in `area`.
pub(super) fn lines(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1 + DETAIL))
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let mut cells = Cells::new(area);
    cells.skip(1);
    let office = if area.width >= 110 { 24 } else { 16 };
    cells.right(pen, 5, "TOLD", theme.label);
    for (columns, head) in [
        (8, "CALL"),
        (11, "CLOCK"),
        (4, "RUNG"),
        (office, "OFFICE"),
        (6, "LATE"),
        (11, "PEOPLE"),
        (10, "TAKEN BY"),
    ] {
        cells.left(pen, columns, head, theme.label);
    }
    let ids = model.escalation_ids();
    let at = model.escalation.index(&ids);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + DETAIL), ..area };
    if ids.is_empty() {
        return pen.text(
            list.x + 2,
            list.y + 1,
            list.width,
            "no office was told of anything: every deadline is kept",
            theme.dim,
        );
    }
    let known: std::collections::BTreeMap<u64, &Escalation> =
        model.room.escalations().map(|it| (it.escalation, it)).collect();
    for (y, (index, id)) in
        (list.y..list.bottom()).zip(ids.iter().enumerate().skip(model.escalation.top))
    {
        let row = Rect { y, height: 1, ..list };
        if let Some(escalation) = known.get(id) {
            draw_row(model, pen, row, escalation, office);
        }
        if index == at {
            pen.wash(row, theme.selected);
            pen.text(row.x, y, 1, "▸", theme.selected);
        }
    }
    if let Some(escalation) = ids.get(at).and_then(|id| known.get(id)) {
        draw_detail(model, pen, Rect { y: list.bottom(), height: DETAIL, ..area }, escalation);
    }
}

fn draw_row(model: &Model, pen: &mut Pen<'_>, row: Rect, it: &Escalation, office: u16) {
    let theme = pen.theme;
    let waits = model.escalation_waits(it);
    let base = if waits { theme.value } else { theme.dim };
    let mut cells = Cells::new(row);
    cells.skip(1);
    cells.right(pen, 5, &text::age(model.now().saturating_sub(it.told_at)), base);
    cells.left(pen, 8, &it.call.to_string(), base);
    cells.left(pen, 11, &text::plain(&it.clock), base);
    let again = if it.repeat > 0 {
        format!("{} ×{}", it.rung, it.repeat + 1)
    } else {
        it.rung.to_string()
    };
    cells.left(pen, 4, &again, base);
    cells.left(pen, office, &it.office, if waits { theme.late } else { base });
    let late = if it.late_ms > 1_000 { format!("+{}", text::age(it.late_ms)) } else { "-".into() };
    cells.left(pen, 6, &late, if it.late_ms > 1_000 { theme.late } else { theme.dim });
    let count =
        |of: &dyn Fn(&Notice) -> bool| it.notices.iter().filter(|notice| of(notice)).count();
    let people = if it.notices.is_empty() {
        "-".to_owned()
    } else {
        let (told, seen) = (
            count(&|it| it.delivered_at.or(it.seen_at).is_some()),
            count(&|it| it.seen_at.is_some()),
        );
        format!("{}: {told}d {seen}s", it.notices.len())
    };
    cells.left(pen, 11, &people, base);
    match &it.taken_by {
        Some(who) => cells.left(pen, 10, who, theme.good),
        None if waits => cells.left(pen, 10, "NOBODY", theme.warn),
        None => cells.left(pen, 10, "-", theme.dim),
    }
}

/// Each person of the one under the cursor, and what became of the telling.
fn draw_detail(model: &Model, pen: &mut Pen<'_>, area: Rect, it: &Escalation) {
    let theme = pen.theme;
    pen.text(area.x, area.y, area.width, &"─".repeat(usize::from(area.width)), theme.border);
    let at = |at: u64| text::time_of_day(at, &model.zone);
    let taken = it.taken_at.map_or_else(String::new, |when| {
        format!(", taken {} by {}", at(when), text::plain(it.taken_by.as_deref().unwrap_or("?")))
    });
    let unit =
        it.unit.as_deref().map_or_else(String::new, |unit| format!(" of {}", text::plain(unit)));
    let head = format!(
        " call {}: {}{unit} limit {}, {} told {}{taken}",
        it.call,
        text::plain(&it.clock),
        at(it.limit_at),
        text::plain(&it.office),
        at(it.told_at)
    );
    pen.text(area.x, area.y + 1, area.width, &head, theme.value);
    let mut rows = area.y + 2..area.bottom();
    if !it.seen.is_empty() {
        let seen: Vec<String> =
            it.seen.iter().map(|it| format!("{} {}", text::plain(&it.who), at(it.at))).collect();
        let words = format!("   seen on screens by {}", seen.join(", "));
        pen.text(area.x, rows.start, area.width, &words, theme.good);
        rows.start += 1;
    }
    if it.notices.is_empty() {
        let words = "   nobody of that office is named in the room's configuration: told on the screens only";
        pen.text(area.x, rows.start, area.width, words, theme.dim);
    }
    let hidden = it.notices.len().saturating_sub(rows.len());
    for (y, notice) in rows.zip(it.notices.iter().skip(hidden)) {
        let (state, style) = match (notice.seen_at, notice.delivered_at, notice.failed_at) {
            (Some(seen), _, _) => (format!("seen {}", at(seen)), theme.good),
            (None, Some(told), _) => (format!("delivered {}, not seen", at(told)), theme.value),
            (None, None, Some(failed)) => (format!("FAILED {}", at(failed)), theme.late),
            (None, None, None) if notice.attempts > 0 => {
                (format!("trying, {} failed", notice.attempts), theme.warn)
            }
            (None, None, None) => ("under way".into(), theme.warn),
        };
        let problem = notice
            .problem
            .as_deref()
            .map_or_else(String::new, |it| format!("  {}", text::plain(it)));
        let parts: Parts = vec![
            (format!("   {}", text::fit(&notice.person, 20)), theme.value),
            (format!(" {}", text::fit(&notice.channel, 12)), theme.dim),
            (format!(" {}", text::fit(&state, 28)), style),
            (problem, theme.dim),
        ];
        pen.parts(area.x, y, area.width, &parts);
    }
}

//! What lies over a pane: help, a form, a choice, the new call.

use super::super::model::{Model, Over, Pick};
use super::super::text;
use super::super::width;
use super::pen::Pen;
use super::{help, pen};
use ratatui::Frame;
use ratatui::layout::Rect;

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    match &model.over {
        None => {}
        Some(Over::NewCall) => {
            if let Some(form) = &model.new_call {
                let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
                pen.clear(area);
                form.view(frame, area, &model.theme);
            }
        }
        Some(Over::Form(open)) => {
            let width = area.width.saturating_sub(4).min(92);
            // Room for the words a field may be chosen from.
            let height = (open.form.height() + 5).min(area.height);
            let place = at_foot(area, width, height);
            let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
            pen.clear(place);
            open.form.view(frame, place, &model.theme);
        }
        Some(Over::Pick(pick)) => {
            let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
            draw_pick(&mut pen, area, pick);
        }
        Some(Over::Help(top)) => {
            let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
            let place = Rect {
                x: area.x + 1,
                y: area.y + 1,
                width: area.width - 2,
                height: area.height.saturating_sub(1),
            };
            let inside =
                boxed(&mut pen, place, "Keys and commands: esc leaves, up and down scroll");
            help::draw(model, &mut pen, inside, *top);
        }
    }
}

/// Low on the screen, so that what it is about stays in view above it.
fn at_foot(area: Rect, width: u16, height: u16) -> Rect {
    let x = area.x + (area.width - width) / 2;
    Rect { x, y: area.bottom() - height, width, height }
}

fn draw_pick(pen: &mut Pen<'_>, area: Rect, pick: &Pick) {
    let theme = pen.theme;
    let most = usize::from(area.height.saturating_sub(4).max(1));
    let rows = pick.choices.len().min(most);
    let height = u16::try_from(rows).unwrap_or(1) + 2;
    let place = at_foot(area, area.width.saturating_sub(4).min(92), height);
    let inside = boxed(pen, place, &format!("{}  (enter or its digit, esc leaves)", pick.title));
    let first = pick.at.saturating_sub(rows.saturating_sub(1));
    let names = pick
        .choices
        .iter()
        .map(|(word, _)| width::width(&text::plain(word)))
        .max()
        .unwrap_or(0)
        .min(24);
    for (y, (index, (word, beside))) in
        (inside.y..inside.bottom()).zip(pick.choices.iter().enumerate().skip(first))
    {
        let digit = if index < 9 { (index + 1).to_string() } else { " ".into() };
        let parts: pen::Parts = vec![
            (format!(" {digit} "), theme.key),
            (text::fit(word, names), theme.value),
            (format!("  {beside}"), theme.dim),
        ];
        pen.parts(inside.x, y, inside.width, &parts);
        if index == pick.at {
            pen.wash(Rect { y, height: 1, ..inside }, theme.selected);
        }
    }
}

/// A cleared box with a title; gives what is inside.
fn boxed(pen: &mut Pen<'_>, place: Rect, title: &str) -> Rect {
    let theme = pen.theme;
    pen.clear(place);
    let across = "─".repeat(usize::from(place.width.saturating_sub(2)));
    pen.text(place.x, place.y, place.width, &format!("┌{across}┐"), theme.border);
    for y in place.y + 1..place.bottom().saturating_sub(1) {
        pen.text(place.x, y, 1, "│", theme.border);
        pen.text(place.right() - 1, y, 1, "│", theme.border);
    }
    pen.text(place.x, place.bottom() - 1, place.width, &format!("└{across}┘"), theme.border);
    pen.text(
        place.x + 2,
        place.y,
        place.width.saturating_sub(4),
        &format!(" {title} "),
        theme.title,
    );
    Rect {
        x: place.x + 1,
        y: place.y + 1,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(2),
    }
}

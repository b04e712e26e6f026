//! `?`: every key, made from the key table, and every command, made from the command line's.

use super::super::command_line::{Pane, VERBS};
use super::super::keys::TABLE;
use super::super::model::Model;
use super::super::text;
use super::pen::{Parts, Pen};
use ratatui::layout::Rect;

/// The lines of the help.
fn content(model: &Model, pen: &Pen<'_>) -> Vec<Parts> {
    let theme = pen.theme;
    let panes = [
        (Pane::Board, "On the board"),
        (Pane::Call, "In a call"),
        (Pane::Units, "Among the units"),
        (Pane::Escalations, "Among the escalations"),
    ];
    let mut lines: Vec<Parts> = vec![vec![("Everywhere".into(), theme.title)]];
    let line = |entry: &super::super::keys::Entry| -> Parts {
        vec![
            (text::fit(&format!("  {}", model.keys.strokes(entry.action)), 20), theme.key),
            (text::fit(entry.help, 42), theme.value),
            (entry.name.to_owned(), theme.dim),
        ]
    };
    lines.extend(TABLE.iter().filter(|entry| entry.works_anywhere()).map(line));
    let mut shown: Vec<&str> = Vec::new();
    for (pane, title) in panes {
        lines.push(Vec::new());
        let again = if pane == Pane::Call {
            " (and on the board, for the call under the cursor)"
        } else {
            ""
        };
        let of_pane = TABLE.iter().filter(|entry| {
            let first_here = pane == Pane::Call || !entry.works_in(Pane::Call);
            entry.works_in(pane)
                && !entry.works_anywhere()
                && (first_here || pane == Pane::Escalations)
        });
        lines.push(vec![(title.into(), theme.title), (again.into(), theme.dim)]);
        for entry in of_pane {
            shown.push(entry.name);
            lines.push(line(entry));
        }
    }
    lines.push(Vec::new());
    lines.push(vec![("Letters".into(), theme.title)]);
    for (letter, means) in [
        ("t w M", "a clock with time left, past its warning, missed"),
        ("N S m c t", "do not ring back, SOS, cannot speak, cut, test"),
        (":? :a :e :s", "a unit sent, acknowledged, en route, on scene"),
        ("~name", "a claim not renewed for a while: it may be taken over"),
    ] {
        let parts = vec![
            (text::fit(&format!("  {letter}"), 20), theme.key),
            (means.to_owned(), theme.value),
        ];
        lines.push(parts);
    }
    lines.push(Vec::new());
    lines.push(vec![("Commands".into(), theme.title)]);
    for verb in VERBS {
        lines.push(vec![
            (text::fit(&format!("  :{} {}", verb.name, verb.usage), 36), theme.key),
            (verb.does.to_owned(), theme.value),
        ]);
    }
    lines.push(Vec::new());
    let file =
        "Keys are changed in a file: --keys FILE, or ~/.config/fifteen/keys.toml, a line such as";
    lines.push(vec![(file.into(), theme.dim)]);
    lines.push(vec![("  claim = \"f6\"    unit-en-route = [\"u e\", \"f7\"]".into(), theme.key)]);
    lines
}

/// How many lines there are to scroll through.
#[must_use]
pub fn lines(model: &Model) -> u16 {
    let mut nowhere = ratatui::buffer::Buffer::empty(Rect::default());
    let all = content(model, &Pen::new(&mut nowhere, &model.theme)).len();
    u16::try_from(all).unwrap_or(u16::MAX).saturating_sub(model.size.1.saturating_sub(8))
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect, top: u16) {
    let lines = content(model, pen);
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(usize::from(top))) {
        pen.parts(area.x, y, area.width, line);
    }
}

//! The last line: what was said, what may follow the first of two strokes, or the keys of the pane.

use super::super::command_line::Pane;
use super::super::keys::Action;
use super::super::model::Model;
use super::super::text;
use super::pen::{Parts, Pen};
use ratatui::layout::Rect;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let silent = model.bell.left(model.own);
    let mut corner = String::new();
    if model.asked > 0 {
        corner = format!(" {} unanswered ", model.asked);
    }
    if model.new_call.is_some() && !matches!(model.over, Some(super::super::model::Over::NewCall)) {
        corner.push_str(" unfinished call ");
    }
    if silent > 0 {
        let kept = match model.bell.kept_back() {
            0 => String::new(),
            kept => format!(", {kept} kept back"),
        };
        corner.push_str(&format!(" bell off {}{kept} ", text::span(silent)));
    }
    let taken = pen.right(area, &corner, theme.warn);
    let width = area.width.saturating_sub(taken);
    let parts: Parts = if !model.strokes.is_empty() {
        let strokes: Vec<String> = model.strokes.iter().map(ToString::to_string).collect();
        let mut parts = vec![(format!(" {} .. ", strokes.join(" ")), theme.focus)];
        for (key, help) in model.keys.after(model.pane, &model.strokes) {
            parts.push((format!(" {key}"), theme.key));
            let help = help.rsplit("unit ").next().unwrap_or(help);
            parts.push((format!(" {help} "), theme.dim));
        }
        parts
    } else if let Some(said) = &model.said {
        let style = if said.bad { theme.error } else { theme.good };
        vec![(format!(" {}", said.text), style)]
    } else {
        hints(model, pen)
    };
    pen.parts(area.x, area.y, width, &parts);
}

/// The keys that matter most here, as many as fit.
fn hints(model: &Model, pen: &Pen<'_>) -> Parts {
    let of_pane: &[(Action, &str)] = match model.pane {
        Pane::Board | Pane::Missed => &[
            (Action::Open, "open"),
            (Action::NewCall, "new call"),
            (Action::Claim, "claim"),
            (Action::Assign, "assign"),
            (Action::Sort, "sort"),
            (Action::Search, "find"),
            (Action::Help, "keys"),
        ],
        Pane::Call => &[
            (Action::Claim, "claim"),
            (Action::Assign, "assign"),
            (Action::UnitEnRoute, "unit"),
            (Action::Describe, "describe"),
            (Action::Note, "note"),
            (Action::CallBack, "call-back"),
            (Action::Close, "close"),
            (Action::Back, "back"),
            (Action::Help, "keys"),
        ],
        Pane::Units => &[
            (Action::UnitMessage, "message"),
            (Action::OutOfService, "out of service"),
            (Action::Available, "available"),
            (Action::Open, "its call"),
            (Action::Help, "keys"),
        ],
        Pane::Escalations => &[
            (Action::TakeEscalation, "take"),
            (Action::SeeEscalation, "seen"),
            (Action::Open, "its call"),
            (Action::Help, "keys"),
        ],
        Pane::Health | Pane::Report => &[(Action::Back, "back"), (Action::Help, "keys")],
    };
    let mut parts: Parts = Vec::new();
    for (action, words) in of_pane {
        let key = model.keys.hint(*action);
        if !key.is_empty() {
            // Of two strokes the first one leads on to the others.
            let key = if *action == Action::UnitEnRoute {
                key.split(' ').next().unwrap_or("").to_owned()
            } else {
                key
            };
            parts.push((format!(" {key}"), pen.theme.key));
            parts.push((format!(" {words} "), pen.theme.dim));
        }
    }
    parts
}

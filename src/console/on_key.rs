//! What a key does: to what lies over the pane first, then to the pane.

use super::actions;
use super::command_line::{self, Filter, Pane, SortBy, Typed};
use super::keys::{Action, Found, Stroke};
use super::message::Effect;
use super::model::{Model, Over};
use super::over_key::{form_key, help_key, pick_key};
use super::placing::{new_call, new_call_key, new_call_outcome};
use super::update::{command, complain, go_on, open_call, read, say};
use super::view;
use crate::protocol::{MarkRead, SeeEscalation};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

/// Within this the second press of `quit` leaves, ms.
pub(super) const TWICE_MS: u64 = 3_000;

pub(super) fn key(model: &mut Model, key: KeyEvent, out: &mut Vec<Effect>) {
    if key.kind == KeyEventKind::Release {
        return;
    }
    let stroke = Stroke::from(key);
    let typing = model.line.is_open() || matches!(model.over, Some(Over::Form(_) | Over::NewCall));
    // No letter, so nobody types it: works over everything.
    if typing && !matches!(key.code, KeyCode::Char(_)) || stroke.is_control() {
        match model.keys.find(model.pane, &[stroke]) {
            Found::Action(action @ (Action::SeeAlarm | Action::Answer))
                if !matches!(model.over, Some(Over::Form(_))) =>
            {
                return act(model, action, out);
            }
            Found::Action(action @ (Action::Quit | Action::Redraw)) => {
                return act(model, action, out);
            }
            _ => {}
        }
    }
    if model.line.is_open() {
        return line_key(model, key, out);
    }
    match model.over.take() {
        None => pane_key(model, stroke, out),
        Some(Over::Help(top)) => help_key(model, top, stroke),
        Some(Over::Form(open)) => form_key(model, open, key, out),
        Some(Over::Pick(pick)) => pick_key(model, pick, key, out),
        Some(Over::NewCall) => new_call_key(model, key, out),
    }
}

pub(super) fn paste(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    if model.line.is_open() {
        let context = model.context();
        model.line.paste(text, &context);
        return;
    }
    match &mut model.over {
        Some(Over::Form(open)) if !open.sent => drop(open.form.paste(text)),
        Some(Over::NewCall) => {
            if let Some(form) = &mut model.new_call {
                let outcome = form.paste(text);
                model.over = None;
                new_call_outcome(model, outcome, out);
            }
        }
        _ => {}
    }
}

fn pane_key(model: &mut Model, stroke: Stroke, out: &mut Vec<Effect>) {
    let mut strokes = std::mem::take(&mut model.strokes);
    strokes.push(stroke);
    match model.keys.find(model.pane, &strokes) {
        Found::Action(action) => act(model, action, out),
        Found::More => model.strokes = strokes,
        // A second stroke that means nothing takes the first back; esc does only that.
        Found::Nothing if strokes.len() > 1 => {}
        Found::Nothing => {
            let help = model.keys.hint(Action::Help);
            say(model, format!("{stroke} does nothing here; {help} shows the keys"));
        }
    }
}

/// Does what a key of the table stands for.
fn act(model: &mut Model, action: Action, out: &mut Vec<Effect>) {
    match action {
        Action::NewCall => new_call(model, out),
        Action::Command => model.line.open(":"),
        Action::Search => model.line.open("/"),
        Action::Help => model.over = Some(Over::Help(0)),
        Action::Silence => silence(model, out),
        Action::SeeAlarm => see_alarm(model, out),
        Action::Answer => answer(model, out),
        Action::ShowBoard => model.pane = Pane::Board,
        Action::ShowMissed => model.pane = Pane::Missed,
        Action::ShowUnits => model.pane = Pane::Units,
        Action::ShowEscalations => model.pane = Pane::Escalations,
        Action::ShowHealth => model.pane = Pane::Health,
        Action::ShowCall => show_open(model),
        Action::NextPane => turn_pane(model, 1),
        Action::PreviousPane => turn_pane(model, PANES.len() - 1),
        Action::Quit => quit(model, out),
        Action::Redraw => out.push(Effect::Redraw),
        Action::Up => step(model, -1),
        Action::Down => step(model, 1),
        Action::PageUp => step(model, -view::page(model)),
        Action::PageDown => step(model, view::page(model)),
        Action::First => step(model, isize::MIN),
        Action::Last => step(model, isize::MAX),
        Action::NextSection => list(model).section_step(true),
        Action::PreviousSection => list(model).section_step(false),
        Action::OtherColumn => {
            if let Some(open) = &mut model.open {
                open.story = !open.story;
            }
        }
        Action::Open => match model.call_at_hand() {
            Some(call) => open_call(model, call, out),
            None => say(model, "there is no call here"),
        },
        Action::Back => back(model),
        Action::Reread => match model.open.as_ref().map(|open| open.call) {
            Some(call) if model.link.is_up() => {
                out.push(read(call));
                say(model, "read again, which is on record");
            }
            _ => complain(model, "not now"),
        },
        Action::Sort => sort(model),
        Action::Mine | Action::FilterDistrict | Action::FilterPriority | Action::FilterKind => {
            narrow(model, action);
        }
        Action::ShowAll => show(model, Filter::default()),
        Action::OutOfService | Action::Available => match model.unit_at_hand() {
            Some(unit) => {
                let begun = actions::duty(action, &unit.unit.clone());
                go_on(model, None, begun, out);
            }
            None => say(model, "there is no unit here"),
        },
        Action::UnitMessage if model.pane == Pane::Units => match model.unit_at_hand() {
            Some(unit) => {
                let begun = actions::message(unit.calls.first().copied(), &unit.unit);
                go_on(model, None, begun, out);
            }
            None => say(model, "there is no unit here"),
        },
        Action::SeeEscalation => match model.escalation_at_hand().map(|it| it.escalation) {
            Some(escalation) => {
                command(
                    model,
                    SeeEscalation { escalation },
                    None,
                    "seen, on record".into(),
                    None,
                    out,
                );
            }
            None => say(model, "there is no escalation here"),
        },
        Action::TakeEscalation if model.pane == Pane::Escalations => {
            match model.escalation_at_hand() {
                Some(it) => {
                    let (call, begun) = (it.call, actions::take_rung(it.call, &it.clock, it.rung));
                    go_on(model, Some(call), begun, out);
                }
                None => say(model, "there is no escalation here"),
            }
        }
        of_call => on_call(model, of_call, out),
    }
}

/// An action on the call at hand. From a list the call is opened with it: who acts on a call has read it.
fn on_call(model: &mut Model, action: Action, out: &mut Vec<Effect>) {
    let Some(id) = model.call_at_hand() else {
        return say(model, "there is no call here");
    };
    if let Some(why) = model.link.refuses(model.own) {
        return complain(model, format!("not done: {why}"));
    }
    if model.pane != Pane::Call {
        open_call(model, id, out);
    }
    let known = model.room.call(id).or_else(|| model.open_summary()).cloned();
    match known {
        Some(call) => {
            let begun = actions::begin(model, action, &call);
            go_on(model, Some(id), begun, out);
        }
        None => complain(model, format!("call {id} is not here yet")),
    }
}

const PANES: [Pane; 6] =
    [Pane::Board, Pane::Missed, Pane::Units, Pane::Escalations, Pane::Call, Pane::Health];

fn turn_pane(model: &mut Model, by: usize) {
    let at = PANES.iter().position(|pane| *pane == model.pane).unwrap_or(0);
    let mut next = (at + by) % PANES.len();
    if PANES[next] == Pane::Call && model.open.is_none() {
        next = (next + by) % PANES.len();
    }
    model.pane = PANES[next];
}

fn show_open(model: &mut Model) {
    if model.open.is_some() {
        model.pane = Pane::Call;
    } else {
        say(model, "no call is open; enter opens the one under the cursor");
    }
}

fn back(model: &mut Model) {
    match model.pane {
        Pane::Call => {
            model.open = None;
            model.pane = Pane::Board;
        }
        Pane::Board if *model.board.filter() != Filter::default() => show(model, Filter::default()),
        _ => model.pane = Pane::Board,
    }
}

fn quit(model: &mut Model, out: &mut Vec<Effect>) {
    if model.quitting.is_some() {
        out.push(Effect::SaveHistory(model.line.history()));
        return out.push(Effect::Quit);
    }
    model.quitting = Some(model.own);
    let key = model.keys.hint(Action::Quit);
    let kept = if model.new_call.is_some() { "; the unfinished call is kept" } else { "" };
    say(model, format!("once more to leave ({key} or ctrl-c){kept}"));
}

fn silence(model: &mut Model, out: &mut Vec<Effect>) {
    if model.bell.left(model.own) > 0 {
        if model.bell.unsilence(model.own) {
            out.push(Effect::Bell);
        }
        return say(model, "the bell is back");
    }
    model.bell.silence(super::bell::SILENCE_MS_MAX, model.own);
    say(model, "no bell for 60 s");
}

/// Goes to what is in front: a unit in danger, else the oldest message.
fn see_alarm(model: &mut Model, out: &mut Vec<Effect>) {
    let open = model.open.as_ref().map(|open| open.call);
    let panics = model.panics();
    let next = panics.iter().map(|(_, call)| *call).find(|call| Some(*call) != open);
    let at_it = model.pane == Pane::Call && model.over.is_none();
    if let Some(call) = next.or_else(|| panics.first().map(|(_, call)| *call).filter(|_| !at_it)) {
        // A new call being typed is kept.
        model.over = None;
        return open_call(model, call, out);
    }
    let Some(message) = model.room.messages().next().cloned() else {
        return say(model, "nothing is in front");
    };
    let said = format!("message of {} read", super::text::plain(&message.unit));
    let read = MarkRead { unit: Some(message.unit.clone()), upto_seq: message.seq };
    if command(model, read, message.call, said, None, out) {
        model.room.read(&message.unit, message.seq);
        model.unit.on = Some(message.unit);
        match message.call {
            Some(call) if model.over.is_none() => open_call(model, call, out),
            _ => {}
        }
    }
}

/// Takes the line that has rung longest: its call is claimed and opened, and a new call being typed is kept.
fn answer(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(call) = model.ringing().first().map(|call| (*call).clone()) else {
        return say(model, "no line rings");
    };
    if let Some(why) = model.link.refuses(model.own) {
        return complain(model, format!("not done: {why}"));
    }
    model.over = None;
    open_call(model, call.call, out);
    go_on(model, Some(call.call), actions::begin(model, Action::Claim, &call), out);
}

fn list(model: &mut Model) -> &mut super::list::CallList {
    if model.pane == Pane::Missed { &mut model.missed } else { &mut model.board }
}

fn step(model: &mut Model, by: isize) {
    match model.pane {
        Pane::Board | Pane::Missed => match by {
            isize::MIN => list(model).first(),
            isize::MAX => list(model).last(),
            by => list(model).step(by),
        },
        Pane::Units => {
            let all = model.callsigns();
            model.unit.step(&all, by);
        }
        Pane::Escalations => {
            let all = model.escalation_ids();
            model.escalation.step(&all, by);
        }
        Pane::Call => {
            if let Some(open) = &mut model.open {
                let by = i16::try_from(by).unwrap_or(if by < 0 { i16::MIN } else { i16::MAX });
                let scroll = &mut open.scroll[usize::from(open.story)];
                *scroll = scroll.saturating_add_signed(by);
            }
        }
        Pane::Report | Pane::Health => {}
    }
}

const SORTS: [(SortBy, &str); 7] = [
    (SortBy::Queue, "as they are served"),
    (SortBy::Clock, "by the most urgent clock"),
    (SortBy::Age, "by age"),
    (SortBy::District, "by district"),
    (SortBy::Kind, "by kind"),
    (SortBy::Priority, "by priority"),
    (SortBy::Stage, "by stage"),
];

fn sort(model: &mut Model) {
    let (now, _) = model.board.sort();
    let at = SORTS.iter().position(|(sort, _)| *sort == now).unwrap_or(0);
    let (next, words) = SORTS[(at + 1) % SORTS.len()];
    model.board.sort_by(next, false, model.room.calls());
    say(model, format!("sorted {words}"));
}

/// The board's filter with one part more, or without it if it was there.
fn narrow(model: &mut Model, action: Action) {
    let call = model.board.selected().and_then(|id| model.room.call(id)).cloned();
    let mut filter = model.board.filter().clone();
    let flip = |part: &mut Option<String>, word: Option<String>| {
        *part = if part.is_some() { None } else { word };
    };
    match action {
        Action::Mine => filter.mine = !filter.mine,
        Action::FilterDistrict => flip(&mut filter.district, call.map(|call| call.district)),
        Action::FilterKind => flip(&mut filter.kind, call.map(|call| call.kind)),
        _ => {
            let priority = call.map(|call| call.priority);
            filter.priority = if filter.priority.is_some() { None } else { priority };
        }
    }
    show(model, filter);
}

pub(super) fn show(model: &mut Model, filter: Filter) {
    model.board.filter_by(filter, model.room.calls());
}

fn line_key(model: &mut Model, key: KeyEvent, out: &mut Vec<Effect>) {
    let context = model.context();
    match model.line.key(key, &context) {
        command_line::Outcome::Edited => {
            if let Some(filter) = model.line.filter() {
                model.pane = Pane::Board;
                model.filter_before.get_or_insert_with(|| model.board.filter().clone());
                show(model, filter);
            }
        }
        command_line::Outcome::Cancelled => {
            if let Some(before) = model.filter_before.take() {
                show(model, before);
            }
        }
        command_line::Outcome::Typed(typed) => {
            model.filter_before = None;
            out.push(Effect::SaveHistory(model.line.history()));
            typed_line(model, typed, out);
        }
        command_line::Outcome::Ignored => {}
    }
}

fn typed_line(model: &mut Model, typed: Typed, out: &mut Vec<Effect>) {
    match typed {
        Typed::Ask(request) => {
            let said = format!("{} done", super::text::words(request.name()));
            let call = model.call_at_hand();
            command(model, *request, call, said, None, out);
        }
        Typed::Go(Pane::Call) => show_open(model),
        Typed::Go(pane) => model.pane = pane,
        Typed::Open(call) => open_call(model, call, out),
        Typed::NewCall => new_call(model, out),
        Typed::Sort(sort, reversed) => {
            model.pane = Pane::Board;
            model.board.sort_by(sort, reversed, model.room.calls());
        }
        Typed::Filter(filter) => {
            model.pane = Pane::Board;
            show(model, filter);
        }
        Typed::Silence(seconds) => {
            model.bell.silence(u64::from(seconds) * 1_000, model.own);
            say(model, format!("no bell for {} s", seconds.min(60)));
        }
        Typed::Help => model.over = Some(Over::Help(0)),
        Typed::Quit => {
            out.push(Effect::SaveHistory(model.line.history()));
            out.push(Effect::Quit);
        }
    }
}

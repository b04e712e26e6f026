//! What a key does to what lies over the pane: the help, a form, a choice.

use super::actions::{self, Begun, Picked};
use super::command_line::Pane;
use super::form;
use super::keys::{Action, Found, Stroke};
use super::message::{Effect, Purpose};
use super::model::{Model, Over};
use super::update::{command, go_on};
use super::view;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

pub(super) fn help_key(model: &mut Model, top: u16, stroke: Stroke) {
    let by: i16 = match model.keys.find(Pane::Board, &[stroke]) {
        Found::Action(Action::Up) => -1,
        Found::Action(Action::Down) => 1,
        Found::Action(Action::PageUp) => -15,
        Found::Action(Action::PageDown) => 15,
        Found::Action(Action::First) => i16::MIN,
        Found::Action(Action::Last) => 1_000,
        _ => return,
    };
    let top = top.saturating_add_signed(by).min(view::help_lines(model));
    model.over = Some(Over::Help(top));
}

pub(super) fn form_key(
    model: &mut Model,
    mut open: Box<super::model::OpenForm>,
    key: KeyEvent,
    out: &mut Vec<Effect>,
) {
    if open.sent && key.code != KeyCode::Esc {
        model.over = Some(Over::Form(open));
        return;
    }
    match open.form.key(key) {
        form::Outcome::Cancelled => return,
        form::Outcome::Submitted(values) => match actions::request(&open.asks, &values) {
            Err((field, why)) => open.form.refused(Some(field), &why),
            Ok((request, said)) => {
                let call = call_of(&open.asks);
                if let Some(why) = model.link.refuses(model.own) {
                    open.form.refused(None, &format!("not sent: {why}"));
                } else if let actions::Asks::Override(call) = open.asks {
                    out.push(Effect::Ask(Box::new(request), Purpose::Override(call)));
                    return;
                } else {
                    open.sent = command(model, request, call, said, Some(open.number), out);
                }
            }
        },
        form::Outcome::Edited | form::Outcome::Ignored => {}
    }
    model.over = Some(Over::Form(open));
}

const fn call_of(asks: &actions::Asks) -> Option<u64> {
    use actions::Asks;
    match asks {
        Asks::Close(call)
        | Asks::Reopen(call)
        | Asks::Priority(call)
        | Asks::Note(call)
        | Asks::Describe(call)
        | Asks::Link(call)
        | Asks::Escalate(call)
        | Asks::CallBack(call)
        | Asks::Release(call, _)
        | Asks::Decline(call, _)
        | Asks::Override(call) => Some(*call),
        Asks::Message(call, _) => *call,
        Asks::OutOfService(_) => None,
    }
}

pub(super) fn pick_key(
    model: &mut Model,
    mut pick: super::model::Pick,
    key: KeyEvent,
    out: &mut Vec<Effect>,
) {
    let last = pick.choices.len().saturating_sub(1);
    let chosen = match key.code {
        KeyCode::Esc => return,
        KeyCode::Enter => Some(pick.at),
        KeyCode::Up => {
            pick.at = pick.at.saturating_sub(1);
            None
        }
        KeyCode::Down => {
            pick.at = (pick.at + 1).min(last);
            None
        }
        // The first nine have a digit.
        KeyCode::Char(digit @ '1'..='9') => {
            let index = usize::from(digit as u8 - b'1');
            (index <= last).then_some(index)
        }
        _ => None,
    };
    let Some((word, _)) = chosen.and_then(|index| pick.choices.get(index)) else {
        model.over = Some(Over::Pick(pick));
        return;
    };
    let (call, begun) = match &pick.then {
        Picked::Assign(call) => (*call, actions::send_unit(*call, word)),
        Picked::Unit(call, action) => (*call, actions::of_unit(*call, *action, word)),
        Picked::Take(call, told) => {
            let rung = chosen.and_then(|index| told.get(index));
            let none = Begun::No("nothing was chosen".into());
            (*call, rung.map_or(none, |(clock, rung)| actions::take_rung(*call, clock, *rung)))
        }
    };
    go_on(model, Some(call), begun, out);
}

//! The way of a new call: its form, the draft on the disk, the sending under one key, the answer, the sending again.

use super::keys::Action;
use super::message::{Effect, Purpose, Refusal};
use super::model::{Model, Over};
use super::new_call::{self, NewCall};
use super::update::{complain, open_call, refused, say};
use crate::protocol::{Key, ListEarlier, ReplyBody, Request};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The new call's form: the one being filled in, an unfinished one, or an empty one.
pub(super) fn new_call(model: &mut Model, out: &mut Vec<Effect>) {
    let words = model.form_words();
    // One that was sent waits for its answer by itself; another call may come meanwhile.
    if let Some(sent) = model.new_call.take_if(|form| form.is_sent()) {
        model.drafts.push(sent.draft());
    }
    if model.new_call.is_none() {
        let unfinished = model.drafts.iter().position(|draft| !draft.sent);
        model.new_call = match unfinished {
            Some(index) => Some(NewCall::resume(model.drafts.remove(index), &words)),
            None => model.fresh_key.take().map(|key| NewCall::new(key, &words)),
        };
        out.push(Effect::FreshKey);
        if let Some(number) = model.new_call.as_ref().and_then(NewCall::number) {
            look_up(model, number, out);
        }
    }
    if model.new_call.is_some() {
        model.over = Some(Over::NewCall);
    } else {
        complain(model, "not ready yet, press it again");
    }
}

/// Her earlier calls, shown beside the form.
fn look_up(model: &Model, number: new_call::Number, out: &mut Vec<Effect>) {
    if model.link.is_up() {
        let asked = ListEarlier { number: Some(number.0.clone()), ..ListEarlier::default() };
        out.push(Effect::Ask(Box::new(asked.into()), Purpose::EarlierOf(number)));
    }
}

pub(super) fn new_call_key(model: &mut Model, key: KeyEvent, out: &mut Vec<Effect>) {
    if let Some(form) = &mut model.new_call {
        let outcome = form.key(key);
        new_call_outcome(model, outcome, out);
    }
}

pub(super) fn new_call_outcome(
    model: &mut Model,
    outcome: new_call::Outcome,
    out: &mut Vec<Effect>,
) {
    let Some(form) = &mut model.new_call else { return };
    let draft = Box::new(form.draft());
    match outcome {
        new_call::Outcome::Edited => out.push(Effect::SaveDraft(draft)),
        new_call::Outcome::Ignored => {}
        new_call::Outcome::LookUp(number) => {
            out.push(Effect::SaveDraft(draft));
            look_up(model, number, out);
        }
        new_call::Outcome::Place(key, request) => {
            out.push(Effect::SaveDraft(draft));
            // Asked even without a link: it goes out when the link is back, once, and is on the disk until then.
            if let Some(why) = model.link.refuses(model.own) {
                form.unanswered(&format!("{why}: kept, and sent when the link is back"));
            }
            model.asked += 1;
            let request: Request = (*request).into();
            out.push(Effect::AskWithKey(Box::new(request), key, Purpose::Place(key)));
        }
        new_call::Outcome::SetAside => {
            out.push(Effect::SaveDraft(draft));
            let key = model.keys.hint(Action::NewCall);
            return say(model, format!("the unfinished call is kept; {key} goes on with it"));
        }
        new_call::Outcome::Discarded => {
            out.push(Effect::RemoveDraft(draft.key));
            model.new_call = None;
            return;
        }
    }
    model.over = Some(Over::NewCall);
}

/// The answer to a new call, whether its form is still there or not.
pub(super) fn placed(
    model: &mut Model,
    key: Key,
    answer: Result<ReplyBody, Refusal>,
    out: &mut Vec<Effect>,
) {
    // Without a code it is only late, and goes on being sent.
    let late = answer.as_ref().err().is_some_and(|refusal| refusal.code.is_none());
    model.asked = model.asked.saturating_sub(u32::from(!late));
    let in_form = model.new_call.as_ref().is_some_and(|form| form.request_key() == key);
    match answer {
        Ok(ReplyBody::CallPlaced(placed)) => {
            out.push(Effect::RemoveDraft(key));
            model.drafts.retain(|draft| draft.key != key);
            say(model, format!("call {} is taken, priority {}", placed.call, placed.priority));
            if in_form {
                model.new_call = None;
                if matches!(model.over, Some(Over::NewCall)) {
                    model.over = None;
                    open_call(model, placed.call, out);
                }
            }
        }
        Ok(_) => complain(model, "the server answered something else: is it of the same version?"),
        Err(refusal) if refusal.code.is_none() => {
            let text = refused(&refusal);
            if let Some(form) = model.new_call.as_mut().filter(|_| in_form) {
                form.unanswered(&text);
            }
            complain(model, format!("the new call is not confirmed: {text}"));
        }
        Err(refusal) => {
            complain(model, format!("the new call was {}", refused(&refusal)));
            let fresh = model.fresh_key.take();
            if let (Some(form), Some(fresh)) = (model.new_call.as_mut().filter(|_| in_form), fresh)
            {
                form.refused(refusal.field.as_deref(), &refused(&refusal), fresh);
                out.push(Effect::SaveDraft(Box::new(form.draft())));
                out.push(Effect::RemoveDraft(key));
            }
        }
    }
}

/// Calls that an earlier console sent and saw no answer to are sent again, under the same key: at most one call is made.
pub(super) fn resend_drafts(model: &mut Model, out: &mut Vec<Effect>) {
    if !model.link.is_up() {
        return;
    }
    let words = model.form_words();
    for draft in model.drafts.iter().filter(|draft| draft.sent) {
        let ctrl_s = KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL);
        let sent_again = NewCall::resume(draft.clone(), &words).key(ctrl_s);
        if let new_call::Outcome::Place(key, request) = sent_again {
            model.asked += 1;
            out.push(Effect::AskWithKey(Box::new((*request).into()), key, Purpose::Place(key)));
        }
    }
}

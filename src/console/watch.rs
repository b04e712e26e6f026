//! `fifteen watch`: the console in a supervisor's hands, on the escalations as they come. What stands on the screen
//! before them is seen, and the room is told so: only while the pane is open, the link is up and nothing lies over it.

use super::command_line::Pane;
use super::message::{Effect, Purpose};
use super::model::Model;
use super::view;
use crate::protocol::SeeEscalation;
use std::collections::BTreeSet;

/// What was said to be seen.
#[derive(Debug, Default)]
pub struct Watch {
    said: BTreeSet<Sight>,
}

/// An escalation, its reminders, and how often its supervisor was told of it: each time is seen anew.
pub type Sight = (u64, u32, usize);

/// Tells the room which escalations are before the supervisor's eyes now.
pub(super) fn see(model: &mut Model, out: &mut Vec<Effect>) {
    if model.pane != Pane::Escalations || model.over.is_some() || !model.link.is_up() {
        return;
    }
    let shown = view::escalations_shown(model);
    let Some(watch) = &mut model.watch else {
        return;
    };
    for it in model.room.escalations().filter(|it| shown.contains(&it.escalation)) {
        let mine = it.notices.iter().filter(|notice| notice.person == model.me);
        let unseen = mine.clone().any(|notice| notice.seen_at.is_none());
        let seen = it.seen.iter().any(|seen| seen.who == model.me) && !unseen;
        let sight = (it.escalation, it.repeat, mine.count());
        if !seen && watch.said.insert(sight) {
            let request = SeeEscalation { escalation: it.escalation };
            out.push(Effect::Ask(Box::new(request.into()), Purpose::Seen(sight)));
        }
    }
}

/// There was no answer: it is said again.
pub(super) fn unheard(model: &mut Model, sight: Sight) {
    if let Some(watch) = &mut model.watch {
        watch.said.remove(&sight);
    }
}

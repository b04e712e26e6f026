//! Which pushes somebody in the room must hear of, and those that are said in words besides.

use super::text;
use crate::protocol::{CallSummary, Push, Stage};

/// What is said of a push in front of everything.
pub(super) fn lines(push: &Push) -> impl Iterator<Item = String> + use<> {
    duress(push).into_iter().chain(told_nobody(push))
}

fn duress(push: &Push) -> Option<String> {
    let call = push.call.as_deref().filter(|_| push.event == "duress_signalled")?;
    Some(format!("call {}: DURESS, she was made to take her SOS back", call.call))
}

/// Every way to everybody of an office is used up, or it has nobody: the room is all that is left.
fn told_nobody(push: &Push) -> Option<String> {
    let told = push.escalation.as_deref().filter(|_| push.event == "notices_intended")?;
    let over = told.taken_at.is_some()
        || push.call.as_deref().is_some_and(|call| call.stage == Stage::Closed);
    let mut latest =
        told.notices.iter().filter(|it| it.intended_at >= told.last_told_at).peekable();
    let nobody = latest.peek().is_none();
    if over || !latest.all(|notice| notice.failed_at.is_some()) {
        return None;
    }
    let (office, call) = (text::plain(&told.office), told.call);
    Some(if nobody {
        format!("call {call}: nobody is named to be told for the {office}: ring them yourself")
    } else {
        format!("call {call}: nobody of the {office} could be reached: ring them yourself")
    })
}

/// Somebody must hear of it.
pub(super) fn is_alarm(push: &Push, before: Option<&CallSummary>) -> bool {
    let urgent = |call: &CallSummary| call.priority == 1 && !call.flags.test;
    match &*push.event {
        "call_received" => push.call.as_deref().is_some_and(urgent),
        "priority_changed" => {
            push.call.as_deref().is_some_and(urgent) && !before.is_some_and(urgent)
        }
        "escalated" | "unit_panicked" | "line_rang" => true,
        _ => push.message.as_ref().is_some_and(|message| message.to_room && !message.read),
    }
}

//! What came of telling people, from a push: the words of the timeline between two readings of a call.

use super::text;
use crate::protocol::{Escalation, Notice, Push};

/// The words for an event about who is told, and whoever did it.
pub(super) fn line(push: &Push) -> Option<(String, Option<String>)> {
    let told = push.escalation.as_deref()?;
    let first = |of: &dyn Fn(&&Notice) -> bool| told.notices.iter().rev().find(|it| of(it));
    let reached = |notice: Option<&Notice>| {
        notice.map_or_else(
            || text::plain(&told.office),
            |it| format!("{} by {}", text::plain(&it.person), text::plain(&it.channel)),
        )
    };
    let words = match &*push.event {
        "notices_intended" => intended(push.at, told),
        "notice_delivered" => {
            format!("delivered to {}", reached(first(&|it| it.delivered_at == Some(push.at))))
        }
        "notice_failed" => {
            let gave_up = first(&|it| it.failed_at == Some(push.at));
            let what = if gave_up.is_some() { "given up" } else { "not delivered yet" };
            let trying = || first(&|it| it.problem.is_some() && it.failed_at.is_none());
            format!("{what}: {}", reached(gave_up.or_else(trying)))
        }
        "escalation_seen" => {
            let who = told.seen.iter().rev().find(|seen| seen.at == push.at);
            return Some(("escalation seen".into(), who.map(|seen| seen.who.clone())));
        }
        _ => return None,
    };
    Some((words, None))
}

fn intended(at: u64, told: &Escalation) -> String {
    let to: Vec<_> = (told.notices.iter().filter(|notice| notice.intended_at == at))
        .map(|notice| {
            format!("{} by {}", text::plain(&notice.person), text::plain(&notice.channel))
        })
        .collect();
    match (to.is_empty(), told.notices.is_empty()) {
        (false, _) => format!("to be told: {}", to.join(", ")),
        (true, false) => "no other way to tell anybody is left".into(),
        (true, true) => "nobody is named who could be told".into(),
    }
}

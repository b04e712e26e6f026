//! The words of the crew's screen.

use crate::shell::text;
use fifteen::client::unit::Saying;
use fifteen::protocol::{Assignment, UnitStatus};

pub(super) const HELP: &str = "\
a accept      e en route    c clear
d decline     s on scene    k check in: we are well
m message     r read it     p p PANIC
b break       v available   n next call, l all of them
q sign off    o sign on     ? this
In lines, a call's number or a text follows: e 12, d 12 REASON, c helped";

/// Why a crew mostly cannot go.
pub(super) const REASONS: &[&str] =
    &["car broken down", "too far away", "busy with another call", "crew not complete"];

/// A line for each, with the digit that chooses it.
pub(super) fn numbered(words: &[impl AsRef<str>]) -> String {
    let lines = words.iter().take(9).enumerate();
    let lines: Vec<_> =
        lines.map(|(at, word)| format!("  {} {}", at + 1, text::words(word.as_ref()))).collect();
    lines.join("\n")
}

/// What was done, once the room has it.
pub(super) fn done(saying: &Saying) -> &'static str {
    match saying {
        Saying::Accept { .. } => "acknowledged",
        Saying::Decline { .. } => "declined",
        Saying::EnRoute { .. } => "en route",
        Saying::OnScene { .. } => "on scene",
        Saying::CheckIn { .. } => "checked in",
        Saying::Clear { .. } => "clear",
        Saying::Note { .. } => "note written",
        Saying::Message { .. } => "message sent",
        Saying::Panic { .. } => "PANIC",
        Saying::OutOfService { .. } => "out of service",
        Saying::Available => "available",
        Saying::SignOff => "signed off",
    }
}

/// The same with its call.
pub(super) fn about(saying: &Saying) -> String {
    let done = done(saying);
    saying.call().map_or_else(|| done.to_owned(), |call| format!("call {call}: {done}"))
}

/// What is said, before the room has it.
pub(super) fn saying(saying: &Saying) -> String {
    let word = match saying {
        Saying::Panic { .. } => "PANIC".into(),
        other => text::words(other.word()),
    };
    saying.call().map_or_else(|| word.clone(), |call| format!("call {call} {word}"))
}

/// Whether it says how far the crew is with its call.
pub(super) const fn is_answer(saying: &Saying) -> bool {
    matches!(
        saying,
        Saying::Accept { .. }
            | Saying::Decline { .. }
            | Saying::EnRoute { .. }
            | Saying::OnScene { .. }
            | Saying::Clear { .. }
    )
}

/// What a unit of this status has said of its only call.
pub(super) const fn progress(status: UnitStatus) -> Option<&'static str> {
    match status {
        UnitStatus::Acknowledged => Some("acknowledged"),
        UnitStatus::EnRoute => Some("en route"),
        UnitStatus::OnScene => Some("on scene"),
        _ => None,
    }
}

/// All a crew needs to go there, the most important first, in lines short enough for a phone.
pub(super) fn card(assignment: &Assignment, times: &text::Times) -> String {
    let plain = |field: &Option<String>| field.as_deref().map(text::plain);
    let mut lines = vec![
        format!(
            "CALL {}  PRIORITY {}  {}",
            assignment.call,
            assignment.priority,
            text::plain(&assignment.kind)
        ),
        format!(
            "  {}, sent {}",
            text::plain(&assignment.district),
            times.time(assignment.assigned_at)
        ),
    ];
    lines.extend(text::flags(assignment.flags).into_iter().map(|flag| format!("  ! {flag}")));
    let place = assignment.place.as_ref();
    let place = place.map_or_else(|| "not known, ask the room".into(), text::place);
    lines.push(format!("  where  {place}"));
    let who = [plain(&assignment.name), plain(&assignment.number)];
    let who: Vec<_> = who.into_iter().flatten().collect();
    if !who.is_empty() {
        lines.push(format!("  whom   {}", who.join(", ")));
    }
    if let Some(note) = plain(&assignment.note) {
        lines.push(format!("  note   {note}"));
    }
    lines.join("\n")
}

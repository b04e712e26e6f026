//! The top of every screen: banners of disks that take nothing, a drill, a degraded or a lost server; panics, lines that ring and messages; the room, its time
//! and the link in the corner; the panes.

use super::super::command_line::Pane;
use super::super::keys::Action;
use super::super::link::State;
use super::super::model::Model;
use super::super::text;
use super::pen::{Parts, Pen};
use ratatui::layout::Rect;

/// Lines of alarms at most; what is more is counted.
const ALARMS_MAX: usize = 4;

/// Banners: their words, the worst first.
fn banner_lines(model: &Model) -> Vec<(String, ratatui::style::Style)> {
    let (theme, link) = (&model.theme, &model.link);
    let mut lines = Vec::new();
    if link.spilling {
        let words = " NOT ON DISK   calls are taken, a crash may lose what is new: keep paper too";
        lines.push((words.to_owned(), theme.banner_lost));
    }
    if link.drill {
        lines.push((" DRILL   no call here is real   DRILL".to_owned(), theme.banner_drill));
    }
    if let Some(why) = link.trouble() {
        let words = match link.state() {
            State::Connecting => " CONNECTING".to_owned(),
            _ => {
                let age = text::span(link.age(model.own));
                format!(
                    " NO LINK {age}   an old picture, and nothing is sent: paper and radio   {why}"
                )
            }
        };
        lines.push((words, theme.banner_lost));
    }
    if link.degraded && !link.spilling {
        let problem =
            link.problems.first().map_or("one of its two logs has failed", String::as_str);
        let words = format!(" DEGRADED   calls are still taken: {}", text::plain(problem));
        lines.push((words, theme.banner_degraded));
    }
    lines
}

pub(super) fn banners(model: &Model) -> u16 {
    u16::try_from(banner_lines(model).len()).unwrap_or(0)
}

pub(super) fn draw_banners(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    for (y, (words, style)) in (area.y..area.bottom()).zip(banner_lines(model)) {
        pen.bar(Rect { y, height: 1, ..area }, &words, style);
    }
}

/// What must be seen at once: units in danger, then what units said.
fn alarm_lines(model: &Model) -> Vec<(String, ratatui::style::Style)> {
    let theme = &model.theme;
    let key = model.keys.hint(Action::SeeAlarm);
    let panics = model.panics();
    let mut lines: Vec<_> = panics
        .iter()
        .map(|(unit, call)| {
            let claim = model.room.call(*call).and_then(|call| call.claim.as_ref());
            let who = claim.map_or_else(
                || "NOBODY HAS IT".to_owned(),
                |claim| format!("claimed by {}", text::plain(&claim.who)),
            );
            let words =
                format!(" PANIC   {}   call {call}   {who}   ({key} opens it)", text::plain(unit));
            (words, theme.urgent.add_modifier(ratatui::style::Modifier::REVERSED))
        })
        .collect();
    let answer = model.keys.hint(Action::Answer);
    for call in model.ringing() {
        let waited = text::age(model.now().saturating_sub(call.received_at));
        let words = format!(
            " RINGS   call {}   {}   {waited}   ({answer} takes the one that rang longest)",
            call.call,
            text::plain(&call.district)
        );
        lines.push((words, theme.urgent.add_modifier(ratatui::style::Modifier::REVERSED)));
    }
    for message in model.room.messages() {
        let about = message.call.map_or_else(String::new, |call| format!(" on call {call}"));
        let at = text::time_of_day(message.at, &model.zone);
        let (unit, said) = (text::plain(&message.unit), text::plain(&message.text));
        lines.push((format!(" {at} {unit}{about}: {said}   ({key}: read)"), theme.warn));
    }
    if lines.len() > ALARMS_MAX {
        let more = lines.len() - (ALARMS_MAX - 1);
        lines.truncate(ALARMS_MAX - 1);
        lines.push((format!(" and {more} more"), theme.warn));
    }
    lines
}

pub(super) fn alarms(model: &Model) -> u16 {
    u16::try_from(alarm_lines(model).len()).unwrap_or(0)
}

pub(super) fn draw_alarms(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    for (y, (words, style)) in (area.y..area.bottom()).zip(alarm_lines(model)) {
        pen.bar(Rect { y, height: 1, ..area }, &words, style);
    }
}

pub(super) fn draw_head(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let age = text::age(model.link.age(model.own));
    let (link, style) = match model.link.state() {
        State::Up => (format!("link up {age} "), theme.good),
        State::Connecting => ("connecting ".to_owned(), theme.warn),
        State::Silent => (format!("LINK SILENT {age} "), theme.late),
        State::Down { attempts, .. } => {
            (format!("LINK LOST {age}, try {} ", attempts + 1), theme.late)
        }
        State::Ended { .. } => (format!("LINK ENDED {age} "), theme.late),
    };
    let corner = pen.right(area, &link, style);
    let time = if model.link.state() == &State::Connecting {
        String::new()
    } else {
        format!("{}  ", text::time_of_day(model.now(), &model.zone))
    };
    let left = Rect { width: area.width - corner, ..area };
    let clock = pen.right(left, &time, theme.value);
    let room = if model.words.name.is_empty() { "fifteen" } else { &model.words.name };
    let parts: Parts = vec![
        (format!(" {}", text::plain(room)), theme.title),
        (format!("  {}, {}", text::plain(&model.me), model.role.as_str()), theme.dim),
    ];
    pen.parts(area.x, area.y, left.width.saturating_sub(clock + 1), &parts);
}

pub(super) fn draw_tabs(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let counts = model.counts;
    let open = model.open.as_ref().map_or_else(String::new, |open| open.call.to_string());
    let late = |late: usize| if late > 0 { format!(" {late}M") } else { String::new() };
    let tabs = [
        (Pane::Board, Action::ShowBoard, "Board", counts.waiting.to_string(), late(counts.late)),
        (Pane::Missed, Action::ShowMissed, "Missed", counts.due.to_string(), late(counts.due_late)),
        (
            Pane::Units,
            Action::ShowUnits,
            "Units",
            format!("{}/{}", counts.free, counts.units),
            String::new(),
        ),
        (
            Pane::Escalations,
            Action::ShowEscalations,
            "Escalations",
            String::new(),
            if counts.escalations > 0 { format!("{}", counts.escalations) } else { String::new() },
        ),
        (Pane::Call, Action::ShowCall, "Call", open, String::new()),
        (Pane::Health, Action::ShowHealth, "Health", String::new(), String::new()),
    ];
    let mut parts: Parts = vec![(" ".into(), theme.dim)];
    for (pane, key, name, count, late) in tabs {
        let here = model.pane == pane || (pane == Pane::Health && model.pane == Pane::Report);
        let style = if here { theme.focus } else { theme.dim };
        let count = if count.is_empty() { count } else { format!(" {count}") };
        parts.push((format!("{} ", model.keys.hint(key)), theme.key));
        parts.push((format!("{name}{count}"), style));
        let late = if late.is_empty() { late } else { format!(" {}", late.trim()) };
        parts.push((late, theme.late));
        parts.push(("  ".into(), theme.dim));
    }
    pen.parts(area.x, area.y, area.width, &parts);
}

pub(super) fn draw_health(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let mut lines: Vec<Parts> = Vec::new();
    let mut fact = |name: &str, value: String| {
        lines.push(vec![(format!("  {name:<16}"), theme.label), (value, theme.value)]);
    };
    let Some(health) = &model.health else {
        return pen.text(area.x + 2, area.y + 1, area.width, "not asked yet", theme.dim);
    };
    fact("room", text::plain(&model.words.name));
    fact("zone", text::plain(&model.words.zone));
    fact("room time", text::full(model.now(), &model.zone));
    fact("up for", text::span(health.uptime_ms));
    fact("open calls", health.open_calls.to_string());
    fact("waiting calls", health.waiting_calls.to_string());
    fact("units on duty", health.units.to_string());
    fact("sessions", health.sessions.to_string());
    fact("transitions", health.seq.to_string());
    if let Some(at) = health.next_deadline_at {
        fact("next deadline", format!("in{}", text::countdown(at, model.now())));
    }
    if let Some(ms) = health.slowest_commit_ms {
        fact("slowest commit", format!("{ms} ms"));
    }
    if let Some(at) = health.canary_at {
        fact("canary passed", format!("{} ago", text::age(model.now().saturating_sub(at))));
    }
    let verdict = if health.ok { ("  ok", theme.good) } else { ("  NOT WELL", theme.late) };
    lines.insert(0, vec![(verdict.0.into(), verdict.1)]);
    for problem in &health.problems {
        let columns = usize::from(area.width.saturating_sub(4));
        for line in text::wrap(problem, columns) {
            lines.push(vec![(format!("  {line}"), theme.late)]);
        }
    }
    for (y, line) in (area.y + 1..area.bottom()).zip(&lines) {
        pen.parts(area.x, y, area.width, line);
    }
}

//! The call pane: who she is and where, what the clocks say, who is on the way, whom to send; beside it the story:
//! notes, timeline, and what was known of her before.

use super::super::model::{Model, OpenCall};
use super::super::text;
use super::list::{Standing, bar};
use super::pen::{Parts, Pen};
use crate::protocol::{CallDetails, CallSummary, Counts, Stage, TimelineLine};
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of the names of facts.
const NAME: usize = 10;

/// Where facts and story stand; the title is above both.
fn columns(area: Rect) -> (Rect, Rect) {
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let left = (body.width / 2).clamp(39, 70).min(body.width);
    let facts = Rect { width: left, ..body };
    let story = Rect { x: body.x + left + 1, width: body.width.saturating_sub(left + 1), ..body };
    (facts, story)
}

/// How far facts and story can be scrolled.
pub(super) fn scrolls(model: &Model, area: Rect) -> [u16; 2] {
    let (Some(open), Some(call)) = (&model.open, model.open_summary()) else { return [0, 0] };
    let mut nowhere = ratatui::buffer::Buffer::empty(Rect::default());
    let pen = Pen::new(&mut nowhere, &model.theme);
    let (left, right) = columns(area);
    let over = |lines: usize, area: Rect| {
        u16::try_from(lines.saturating_sub(usize::from(area.height))).unwrap_or(u16::MAX)
    };
    [
        over(facts(model, &pen, open, call, left).len(), left),
        over(story(model, &pen, open, right).len(), right),
    ]
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let Some(open) = &model.open else {
        return pen.text(area.x + 2, area.y + 1, area.width, "no call is open", theme.dim);
    };
    let Some(call) = model.open_summary() else {
        let why = open.failed.as_deref().unwrap_or("being fetched");
        let words = format!("call {}: {why}", open.call);
        let style = if open.failed.is_some() { theme.error } else { theme.dim };
        return pen.text(area.x + 2, area.y + 1, area.width, &words, style);
    };
    draw_title(model, pen, area, call);
    let (left, right) = columns(area);
    let lines = facts(model, pen, open, call, left);
    show(pen, left, &lines, usize::from(open.scroll[0]), !open.story);
    for y in left.y..left.bottom() {
        pen.text(left.right(), y, 1, "│", theme.border);
    }
    let lines = story(model, pen, open, right);
    show(pen, right, &lines, usize::from(open.scroll[1]), open.story);
}

fn show(pen: &mut Pen<'_>, area: Rect, lines: &[Parts], from: usize, has_keys: bool) {
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(from)) {
        pen.parts(area.x, y, area.width, line);
    }
    let style = if has_keys { pen.theme.key } else { pen.theme.dim };
    if from > 0 {
        pen.text(area.right().saturating_sub(1), area.y, 1, "↑", style);
    }
    if lines.len() > from + usize::from(area.height) {
        pen.text(area.right().saturating_sub(1), area.bottom() - 1, 1, "↓", style);
    }
}

fn draw_title(model: &Model, pen: &mut Pen<'_>, area: Rect, call: &CallSummary) {
    let theme = pen.theme;
    let urgent =
        if call.priority == 1 && call.stage != Stage::Closed { theme.urgent } else { theme.value };
    let end = call.closed_at.unwrap_or_else(|| model.now());
    let stage = text::words(call.stage.as_str()).to_uppercase();
    let ended = call
        .disposition
        .as_deref()
        .map_or_else(String::new, |it| format!(" as {}", text::plain(it)));
    let parts: Parts = vec![
        (format!(" CALL {} ", call.call), theme.title),
        (format!(" P{} {} ", call.priority, text::plain(&call.kind)), urgent),
        (format!(" {} ", text::plain(&call.district)), theme.value),
        (
            format!(" {stage}{ended} {}", text::age(end.saturating_sub(call.received_at))),
            theme.focus,
        ),
    ];
    pen.parts(area.x, area.y, area.width, &parts);
}

/// A fact with its name; what is too long goes on below it.
fn fact(
    lines: &mut Vec<Parts>,
    pen: &Pen<'_>,
    width: usize,
    name: &str,
    value: &str,
    style: Style,
) {
    let room = width.saturating_sub(NAME + 2).max(8);
    for (number, line) in text::wrap(value, room).into_iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        lines
            .push(vec![(text::fit(&format!(" {name}"), NAME + 1), pen.theme.label), (line, style)]);
    }
}

fn heading(lines: &mut Vec<Parts>, pen: &Pen<'_>, words: &str) {
    lines.push(vec![(format!(" {words}"), pen.theme.title)]);
}

fn facts(
    model: &Model,
    pen: &Pen<'_>,
    open: &OpenCall,
    call: &CallSummary,
    area: Rect,
) -> Vec<Parts> {
    let theme = pen.theme;
    let width = usize::from(area.width);
    let mut lines: Vec<Parts> = Vec::new();
    for (number, flag) in text::flags(call.flags).into_iter().enumerate() {
        let style = if number == 0 && (call.flags.duress || call.flags.unsafe_to_ring_back) {
            theme.urgent
        } else {
            theme.warn
        };
        for (number, line) in text::wrap(flag, width.saturating_sub(4)).into_iter().enumerate() {
            let mark = if number == 0 { "!" } else { " " };
            lines.push(vec![(format!(" {mark} {line}"), style)]);
        }
    }
    if let Some(who) = proposal(open) {
        let other = if who == model.me {
            "somebody else must close it too".to_owned()
        } else {
            format!(
                "{} closed it; {} agrees",
                text::plain(&who),
                model.keys.hint(super::super::keys::Action::Close)
            )
        };
        lines.push(vec![(" ! WAITS FOR A SECOND PERSON: ".into(), theme.warn)]);
        lines.push(vec![(format!("   {other}"), theme.warn)]);
    }
    match &open.details {
        Some(details) => who_and_where(model, pen, &mut lines, details, width),
        None => {
            let why = open.failed.as_deref().map_or("being read ..", |why| why);
            let style = if open.failed.is_some() { theme.error } else { theme.dim };
            fact(&mut lines, pen, width, "who", why, style);
        }
    }
    claim(model, pen, &mut lines, call, width);
    if let Some(primary) = call.primary {
        fact(&mut lines, pen, width, "repeats", &format!("call {primary}"), theme.value);
    }
    if call.generation > 1 {
        fact(
            &mut lines,
            pen,
            width,
            "reopened",
            &format!("generation {}", call.generation),
            theme.value,
        );
    }
    clocks(model, pen, &mut lines, call, width);
    units(model, pen, &mut lines, call);
    recommended(pen, &mut lines, open, call, width);
    lines
}

fn who_and_where(
    model: &Model,
    pen: &Pen<'_>,
    lines: &mut Vec<Parts>,
    details: &CallDetails,
    width: usize,
) {
    let theme = pen.theme;
    let call = &details.summary;
    let name = details.name.as_deref().unwrap_or("not known");
    fact(lines, pen, width, "name", name, theme.value);
    let number = details.number.as_deref().unwrap_or("not known");
    let style =
        if call.flags.unsafe_to_ring_back || call.flags.duress { theme.late } else { theme.value };
    fact(lines, pen, width, "number", number, style);
    let mut place = details.place.as_ref().map_or_else(|| "not known".into(), text::place);
    if let Some(at) = details.place_at {
        place.push_str(&format!(", there at {}", text::time_of_day(at, &model.zone)));
    }
    fact(lines, pen, width, "place", &place, theme.value);
    let line = details.line.as_deref().map_or_else(String::new, |line| format!(", line {line}"));
    let source = format!("{}{line}", text::words(call.source.as_str()));
    let received = text::time_of_day(call.received_at, &model.zone);
    fact(lines, pen, width, "received", &format!("{received} by {source}"), theme.value);
}

fn claim(model: &Model, pen: &Pen<'_>, lines: &mut Vec<Parts>, call: &CallSummary, width: usize) {
    let theme = pen.theme;
    let key = |action| model.keys.hint(action);
    let (words, style) = match &call.claim {
        _ if call.stage == Stage::Closed => return,
        None => {
            (format!("nobody; {} claims it", key(super::super::keys::Action::Claim)), theme.warn)
        }
        Some(claim) => {
            let since = text::time_of_day(claim.since_at, &model.zone);
            let who = text::plain(&claim.who);
            let take = key(super::super::keys::Action::TakeOver);
            match (claim.stale, claim.who == model.me) {
                (true, _) => {
                    (format!("{who} since {since}, STALE; {take} takes it over"), theme.warn)
                }
                (false, true) => (format!("you, since {since}"), theme.good),
                (false, false) => {
                    (format!("{who} since {since}; {take} takes it over"), theme.value)
                }
            }
        }
    };
    fact(lines, pen, width, "claim", &words, style);
}

fn clocks(model: &Model, pen: &Pen<'_>, lines: &mut Vec<Parts>, call: &CallSummary, width: usize) {
    let theme = pen.theme;
    if call.clocks.is_empty() {
        return;
    }
    heading(lines, pen, "CLOCKS");
    // Those that run, the most urgent first; then those that stopped.
    let mut all: Vec<_> = call.clocks.iter().collect();
    all.sort_by_key(|clock| (clock.stopped_at.is_some(), clock.limit_at));
    for clock in all {
        let standing = Standing::of(model, clock, call);
        let style = standing.style(pen);
        let unit = clock.unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
        let mut parts: Parts =
            vec![(text::fit(&format!(" {}{unit}", clock.clock), NAME + 5), style)];
        match clock.stopped_at {
            Some(stopped) if stopped > clock.limit_at => {
                parts.push((
                    format!(" stopped {} late", text::age(stopped - clock.limit_at)),
                    theme.dim,
                ));
            }
            Some(_) => parts.push((" stopped in time".into(), theme.dim)),
            None => {
                let columns = width.saturating_sub(NAME + 5 + 9 + 10).clamp(4, 12);
                parts.push((bar(model, clock, call, columns), style));
                parts.push((
                    format!(
                        "{} {}",
                        text::countdown(clock.limit_at, model.now()),
                        standing.letter()
                    ),
                    style,
                ));
            }
        }
        if clock.rung > 0 {
            let office = model.office(&clock.clock, clock.rung);
            let office = office.map_or_else(|| format!("rung {}", clock.rung), text::plain);
            let again =
                if clock.repeats > 0 { format!(" ×{}", clock.repeats + 1) } else { String::new() };
            parts.push((format!(" {office}{again}"), theme.late));
        }
        lines.push(parts);
    }
}

fn units(model: &Model, pen: &Pen<'_>, lines: &mut Vec<Parts>, call: &CallSummary) {
    let theme = pen.theme;
    if call.units.is_empty() {
        return;
    }
    heading(lines, pen, "UNITS ON IT");
    for unit in &call.units {
        use crate::protocol::UnitStatus;
        let known = model.room.unit(&unit.unit);
        let style = if unit.status == UnitStatus::Dispatched { theme.warn } else { theme.value };
        let status = match unit.status {
            UnitStatus::Dispatched => "sent, no answer yet".to_owned(),
            other => text::words(other.as_str()),
        };
        let age = text::age(model.now().saturating_sub(unit.since_at));
        let radio = if known.is_some_and(|unit| unit.linked) { "" } else { "  radio only" };
        lines.push(vec![
            (format!(" {}", text::fit(&unit.unit, NAME)), theme.value),
            (format!("{status} {age}"), style),
            (radio.into(), theme.warn),
        ]);
    }
}

fn recommended(
    pen: &Pen<'_>,
    lines: &mut Vec<Parts>,
    open: &OpenCall,
    call: &CallSummary,
    width: usize,
) {
    let theme = pen.theme;
    if call.stage == Stage::Closed {
        return;
    }
    heading(lines, pen, "RECOMMENDED");
    match open.recommended.as_deref() {
        None => lines.push(vec![("   being ranked ..".into(), theme.dim)]),
        Some([]) => lines.push(vec![("   no unit is free".into(), theme.warn)]),
        Some(units) => {
            for (number, unit) in units.iter().take(5).enumerate() {
                let distance = unit.distance_m.map_or_else(String::new, text::distance);
                let reasons: Vec<String> = unit.reasons.iter().map(|it| text::plain(it)).collect();
                // The server's reasons say the distance too.
                let because = if reasons.is_empty() { distance } else { reasons.join(", ") };
                let room = width.saturating_sub(NAME + 4).max(8);
                for (line, words) in text::wrap(&because, room).into_iter().take(2).enumerate() {
                    let (digit, name) = if line == 0 {
                        (format!(" {} ", number + 1), text::fit(&unit.unit, NAME))
                    } else {
                        ("   ".into(), " ".repeat(NAME))
                    };
                    lines.push(vec![(digit, theme.key), (name, theme.value), (words, theme.dim)]);
                }
            }
        }
    }
}

/// Who closed it first, when a second person must.
fn proposal(open: &OpenCall) -> Option<String> {
    let known = open.details.as_ref().map_or(&[][..], |details| &details.timeline);
    let mut all = known.iter().chain(&open.since).rev();
    let line = all
        .find(|line| matches!(&*line.event, "close_proposed" | "call_closed" | "call_reopened"))?;
    (line.event == "close_proposed").then(|| line.who.clone().unwrap_or_else(|| "somebody".into()))
}

/// What she said first, then what is known from before, then what happened, the latest first: without a key pressed,
/// what matters is on the screen.
fn story(model: &Model, pen: &Pen<'_>, open: &OpenCall, area: Rect) -> Vec<Parts> {
    let theme = pen.theme;
    let width = usize::from(area.width);
    let mut lines: Vec<Parts> = Vec::new();
    let Some(details) = &open.details else { return lines };
    if !details.notes.is_empty() {
        heading(&mut lines, pen, "NOTES");
        for note in &details.notes {
            let head = format!(" {} ", text::time_of_day(note.at, &model.zone));
            let words = format!("{}: {}", note.who, note.text);
            told(&mut lines, &head, &words, width, theme.dim, theme.value);
        }
    }
    earlier(model, pen, &mut lines, open, width);
    heading(&mut lines, pen, "TIMELINE, latest first");
    let mut day = text::day(model.now(), &model.zone);
    let all: Vec<&TimelineLine> =
        open.since.iter().rev().chain(details.timeline.iter().rev()).collect();
    // Who read it is on record; here one line for readings in a row is enough.
    let same_reading = |one: &&TimelineLine, other: &&TimelineLine| {
        one.event == "call_opened" && other.event == "call_opened" && one.who == other.who
    };
    for group in all.chunk_by(same_reading) {
        let [line, more @ ..] = group else { continue };
        if line.event == "call_opened" {
            let who = text::plain(line.who.as_deref().unwrap_or_default());
            let again = if more.is_empty() { String::new() } else { format!(" {}×", group.len()) };
            let head = format!(" {} ", text::time_of_day(line.at, &model.zone));
            told(&mut lines, &head, &format!("read by {who}{again}"), width, theme.dim, theme.dim);
        } else {
            event(&mut lines, pen, line, width, &model.zone, &mut day);
        }
    }
    lines
}

fn event(
    lines: &mut Vec<Parts>,
    pen: &Pen<'_>,
    line: &TimelineLine,
    width: usize,
    zone: &TimeZone,
    day: &mut String,
) {
    let theme = pen.theme;
    let today = text::day(line.at, zone);
    if *day != today {
        lines.push(vec![(format!(" {today}"), theme.label)]);
        *day = today;
    }
    let who =
        line.who.as_deref().map_or_else(String::new, |who| format!(" ({})", text::plain(who)));
    let style = match &*line.event {
        "escalated" => theme.late,
        "clock_warned" | "acknowledgement_withdrawn" | "close_proposed" => theme.warn,
        _ => theme.value,
    };
    let head = format!(" {} ", text::time_of_day(line.at, zone));
    told(lines, &head, &format!("{}{who}", line.text), width, theme.dim, style);
}

/// Words behind a time; what is too long goes on below them.
fn told(lines: &mut Vec<Parts>, head: &str, words: &str, width: usize, dim: Style, style: Style) {
    let room = width.saturating_sub(head.len() + 1).max(8);
    for (number, line) in text::wrap(words, room).into_iter().enumerate() {
        let head = if number == 0 { head.to_owned() } else { " ".repeat(head.len()) };
        lines.push(vec![(head, dim), (line, style)]);
    }
}

fn earlier(model: &Model, pen: &Pen<'_>, lines: &mut Vec<Parts>, open: &OpenCall, width: usize) {
    let theme = pen.theme;
    let Some(earlier) = &open.earlier else { return };
    if let Some(priority) = earlier.proposed {
        let why = earlier.why.iter().map(|why| text::plain(why)).collect::<Vec<_>>().join(", ");
        let head = format!(" P{priority} proposed: ");
        told(lines, &head, &why, width, theme.warn, theme.value);
    }
    let counts = |of: &Counts| (of.calls > 0).then(|| text::counts(of, &model.zone));
    let groups = [
        ("EARLIER, SAME CALLER", counts(&earlier.caller), &earlier.same_caller),
        ("EARLIER, SAME PLACE", counts(&earlier.place), &earlier.same_place),
        ("LINKED", None, &earlier.linked),
    ];
    for (title, counts, calls) in groups {
        if calls.is_empty() {
            continue;
        }
        heading(lines, pen, &format!("{title} {}", calls.len()));
        if let Some(counts) = counts {
            told(lines, " ", &counts, width, theme.dim, theme.value);
        }
        for call in calls.iter().take(4) {
            let style = if call.stage == Stage::Closed { theme.dim } else { theme.warn };
            let end = call
                .disposition
                .as_deref()
                .map_or_else(|| text::words(call.stage.as_str()), text::plain);
            let words = format!(
                " {} {} P{} {}, {end}",
                text::when(call.received_at, &model.zone),
                call.call,
                call.priority,
                text::plain(&call.kind)
            );
            lines.push(vec![(text::cut(&words, width.saturating_sub(1)), style)]);
        }
    }
}

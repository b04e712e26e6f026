//! The pictures: how long answers took, and a share as a bar. Plain SVG with a title and a
//! description; numbers stand in it, colour and pattern only repeat what its place says.

use crate::report::detail::{Bar, Spread};
use crate::report::say::{count, limit};
use maud::{Markup, html};

const WIDTH: u32 = 760;
const HEIGHT: u32 = 240;
/// The line the bars stand on, and how high the highest is.
const BASE: f64 = 196.0;
const HIGH: f64 = 150.0;
const LEFT: f64 = 8.0;
/// Least height of a bar that counts something: the worst case is one call, and is seen.
const SEEN: f64 = 2.5;

/// A column of the picture.
struct Column {
    x: f64,
    width: f64,
    /// Bottom to top.
    parts: Vec<(&'static str, u64)>,
    label: String,
}

/// How long the runs of a clock took: a bar a minute up to the limit, then ever longer ones, and
/// apart from them those that nobody answered.
pub(super) fn spread(spread: &Spread, place: usize) -> Markup {
    let (columns, limit_x) = columns(spread);
    let most = columns.iter().map(total).max().unwrap_or(0).max(1);
    let describe = description(spread);
    let (title, desc) = (format!("spread-{place}-title"), format!("spread-{place}-desc"));
    html! {
        figure.chart style="margin:0" {
            div.scroll {
                svg xmlns="http://www.w3.org/2000/svg" viewBox={"0 0 " (WIDTH) " " (HEIGHT)} role="img" aria-labelledby={(title) " " (desc)} {
                    title id=(title) { "From receipt to answer: " (spread.clock) }
                    desc id=(desc) { (describe) }
                    // One pattern serves the whole page.
                    @if place == 0 { (hatch()) }
                    line.axis x1=(LEFT) y1=(BASE) x2=(WIDTH - 8) y2=(BASE) {}
                    @for column in &columns { (bar(column, most)) }
                    line.mark x1=(limit_x) y1="14" x2=(limit_x) y2=(BASE + 5.0) {}
                    text.b x=(limit_x - 5.0) y="24" text-anchor="end" { "in time, up to " (limit(spread.limit_ms)) " sharp" }
                    text.b x=(limit_x + 5.0) y="24" { "missed" }
                    (axis(spread, &columns))
                }
            }
        }
    }
}

fn hatch() -> Markup {
    html! {
        defs {
            pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="6" height="6" fill="#fff" {}
                line x1="0" y1="0" x2="0" y2="6" stroke="#14181d" stroke-width="3" {}
            }
        }
    }
}

fn total(column: &Column) -> u64 {
    column.parts.iter().map(|(_, count)| count).sum()
}

/// The columns left to right, and where the limit lies.
fn columns(spread: &Spread) -> (Vec<Column>, f64) {
    let (narrow, wide, apart) = (21.0, 29.0, 46.0);
    let within = |bar: &&Bar| bar.upto_ms.is_some_and(|upto| upto <= spread.limit_ms);
    let mut x = LEFT + 4.0;
    let mut columns = Vec::new();
    let mut push = |x: &mut f64, width: f64, parts, label: String| {
        columns.push(Column { x: *x, width, parts, label });
        *x += width;
    };
    let parts = |bar: &Bar| vec![("in", bar.in_time), ("late", bar.late)];
    let places = f64::from(u32::try_from(Spread::BARS_IN_TIME).unwrap_or(15));
    for bar in spread.bars.iter().filter(within) {
        push(&mut x, narrow, parts(bar), bar.upto_ms.map(limit).unwrap_or_default());
    }
    // Fewer bars where the limit is shorter than that many milliseconds: the line stays.
    x = x.max(LEFT + 4.0 + narrow * places);
    let limit_x = x + 10.0;
    x += 24.0;
    let last = spread.bars.iter().rev().find_map(|bar| bar.upto_ms).map(limit).unwrap_or_default();
    for bar in spread.bars.iter().filter(|bar| !within(bar)) {
        let label = bar.upto_ms.map_or_else(|| format!(">{last}"), limit);
        push(&mut x, wide, parts(bar), label);
    }
    x += 12.0;
    push(&mut x, apart, vec![("none", spread.never)], "never".into());
    if spread.closed_in_time > 0 {
        push(&mut x, apart, vec![("open", spread.closed_in_time)], "closed".into());
    }
    if spread.open > 0 {
        push(&mut x, apart, vec![("open", spread.open)], "not due".into());
    }
    (columns, limit_x)
}

#[expect(clippy::cast_precision_loss, reason = "a picture is exact to a pixel")]
fn height(count: u64, most: u64) -> f64 {
    if count == 0 { 0.0 } else { (count as f64 / most as f64 * HIGH).max(SEEN) }
}

fn bar(column: &Column, most: u64) -> Markup {
    let all = total(column);
    let mut top = BASE;
    let rects: Vec<_> = column
        .parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| {
            let height = height(*count, most);
            top -= height;
            (*class, top, height)
        })
        .collect();
    html! {
        @for (class, y, height) in &rects {
            rect class=(class) x=(px(column.x + 1.5)) y=(px(*y)) width=(px(column.width - 3.0)) height=(px(*height)) {}
        }
        @if all > 0 {
            text.s x=(px(column.x + column.width / 2.0)) y=(px(top - 4.0)) text-anchor="middle" { (brief(all)) }
        }
    }
}

/// What the axis says: the ends of bars, every fifth within the limit.
fn axis(spread: &Spread, columns: &[Column]) -> Markup {
    let within =
        spread.bars.iter().filter(|bar| bar.upto_ms.is_some_and(|ms| ms <= spread.limit_ms));
    let within = within.count();
    let right = columns.last().map_or(LEFT, |column| column.x + column.width);
    let beyond = columns.get(within).map_or(right, |column| column.x);
    let apart = columns.get(spread.bars.len()).map_or(right, |column| column.x);
    html! {
        text.s x=(px(LEFT + 4.0)) y=(BASE + 16.0) text-anchor="middle" { "0" }
        @for (place, column) in columns.iter().enumerate() {
            @let end = column.x + column.width;
            @if place < within {
                @if (place + 1) % 5 == 0 && place + 1 < within {
                    line.axis x1=(px(end)) y1=(BASE) x2=(px(end)) y2=(BASE + 4.0) {}
                    text.s x=(px(end)) y=(BASE + 16.0) text-anchor="middle" { (column.label) }
                } @else if place + 1 == within {
                    text.s.b x=(px(end + 10.0)) y=(BASE + 16.0) text-anchor="middle" { (column.label) }
                }
            } @else {
                text.s x=(px(column.x + column.width / 2.0)) y=(BASE + 16.0) text-anchor="middle" {
                    (column.label)
                }
            }
        }
        text x=(px(LEFT + 4.0)) y=(BASE + 36.0) { "answered, a bar each " (limit(spread.limit_ms / Spread::BARS_IN_TIME)) }
        text x=(px(beyond)) y=(BASE + 36.0) { "answered later: each bar up to" }
        text x=(px(apart)) y=(BASE + 36.0) { "unanswered" }
    }
}

/// A count over a bar, short enough for it.
fn brief(of: u64) -> String {
    match of {
        0..=9_999 => of.to_string(),
        10_000..=999_999 => format!("{}k", of / 1_000),
        _ => format!("{}M", of / 1_000_000),
    }
}

/// A coordinate to a tenth.
fn px(at: f64) -> String {
    format!("{at:.1}")
}

/// The picture in words, for who cannot see it.
fn description(spread: &Spread) -> String {
    let in_time: u64 = spread.bars.iter().map(|bar| bar.in_time).sum();
    let late: u64 = spread.bars.iter().map(|bar| bar.late).sum();
    let fullest = spread.bars.iter().max_by_key(|bar| bar.in_time + bar.late);
    let fullest =
        fullest.filter(|bar| bar.in_time + bar.late > 0).map_or_else(String::new, |bar| {
            let upto = bar.upto_ms.map_or_else(|| "longest".to_owned(), limit);
            format!(" The highest bar ends at {upto}, with {}.", count(bar.in_time + bar.late))
        });
    format!(
        "{} answered in time, {} answered late, {} never answered, {} closed in time without an \
         answer, {} not yet due; the limit is {}.{fullest}",
        count(in_time),
        count(late),
        count(spread.never),
        count(spread.closed_in_time),
        count(spread.open),
        limit(spread.limit_ms)
    )
}

/// A share as a bar; the number stands beside it.
pub(super) fn share_bar(share: f64) -> Markup {
    let width = px((share * 100.0).clamp(0.0, 100.0));
    html! {
        svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect x="0.5" y="1" width="99" height="12" fill="#fff" stroke="#4a535e" {}
            rect x="0.5" y="1" width=(width) height="12" fill="#7d9dbd" stroke="#3d5876" {}
        }
    }
}

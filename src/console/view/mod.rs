//! How the console looks: a pure picture of the model. What is wrong with the server stands on top of every screen,
//! then what must be seen at once, then the pane, and at the foot what was said or which keys there are.
//!
//! Nothing blinks. Red is for what burns; every colour has a letter or a word beside it.

mod call;
mod escalations;
mod foot;
mod head;
mod help;
mod list;
mod over;
mod pen;
mod units;

pub use help::lines as help_lines;

use super::command_line::{Filter, Pane, SortBy};
use super::model::{Model, Over, SIZE_MIN};
use pen::Pen;
use ratatui::Frame;
use ratatui::layout::Rect;

/// From this width on the open call stands beside the board.
const SIDE_BY_SIDE: u16 = 160;

/// Where things stand.
struct Areas {
    banners: Rect,
    alarms: Rect,
    head: Rect,
    tabs: Rect,
    /// One line that says what the board leaves out, where it does.
    narrowed: Rect,
    body: Rect,
    foot: Rect,
}

fn areas(model: &Model, whole: Rect) -> Areas {
    let mut y = whole.y;
    let mut take = |lines: u16| {
        let lines = lines.min(whole.bottom().saturating_sub(y));
        let area = Rect { y, height: lines, ..whole };
        y += lines;
        area
    };
    let banners = take(head::banners(model));
    let alarms = take(head::alarms(model));
    let head = take(1);
    let tabs = take(1);
    let narrowed = take(u16::from(is_narrowed(model)));
    let body = take(
        whole
            .bottom()
            .saturating_sub(whole.y + banners.height + alarms.height + narrowed.height + 3),
    );
    let foot = take(1);
    Areas { banners, alarms, head, tabs, narrowed, body, foot }
}

/// The board leaves calls out, or shows them otherwise than they are served.
fn is_narrowed(model: &Model) -> bool {
    shows_board(model)
        && (*model.board.filter() != Filter::default()
            || model.board.sort() != (SortBy::Queue, false))
}

fn shows_board(model: &Model) -> bool {
    model.pane == Pane::Board || (model.pane == Pane::Call && model.size.0 >= SIDE_BY_SIDE)
}

/// Whether the open call stands beside the board, and where each is.
fn split(model: &Model, body: Rect) -> Option<(Rect, Rect)> {
    let both = matches!(model.pane, Pane::Board | Pane::Call) && model.open.is_some();
    (both && body.width >= SIDE_BY_SIDE).then(|| {
        let left = body.width / 2;
        let right = Rect { x: body.x + left + 1, width: body.width - left - 1, ..body };
        (Rect { width: left, ..body }, right)
    })
}

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    if whole.width < SIZE_MIN.0 || whole.height < SIZE_MIN.1 {
        return too_small(model, frame, whole);
    }
    let areas = areas(model, whole);
    let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
    head::draw_head(model, &mut pen, areas.head);
    head::draw_tabs(model, &mut pen, areas.tabs);
    if areas.narrowed.height > 0 {
        list::draw_narrowed(model, &mut pen, areas.narrowed);
    }
    match split(model, areas.body) {
        Some((left, right)) => {
            list::draw(model, &mut pen, left, &model.board);
            for y in areas.body.y..areas.body.bottom() {
                pen.text(left.right(), y, 1, "│", model.theme.border);
            }
            call::draw(model, &mut pen, right);
        }
        None => match model.pane {
            Pane::Board => list::draw(model, &mut pen, areas.body, &model.board),
            Pane::Missed => list::draw(model, &mut pen, areas.body, &model.missed),
            Pane::Call => call::draw(model, &mut pen, areas.body),
            Pane::Units => units::draw(model, &mut pen, areas.body),
            Pane::Escalations => escalations::draw(model, &mut pen, areas.body),
            Pane::Health | Pane::Report => head::draw_health(model, &mut pen, areas.body),
        },
    }
    let seen = Rect { height: areas.body.bottom() - areas.head.y, ..areas.head };
    let old = !model.link.is_up();
    if old {
        pen.wash(
            Rect { y: areas.tabs.y, height: seen.bottom() - areas.tabs.y, ..seen },
            model.theme.stale,
        );
    }
    foot::draw(model, &mut pen, areas.foot);
    // The link stays in the corner, whatever lies over the pane.
    let below = Rect { y: areas.tabs.y, height: areas.foot.bottom() - areas.tabs.y, ..areas.head };
    over::draw(model, frame, Rect { height: below.height - 1, ..below });
    if model.line.is_open() {
        model.line.view(frame, below, &model.theme);
    }
    // In front of everything, whatever lies over the pane.
    let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
    head::draw_banners(model, &mut pen, areas.banners);
    head::draw_alarms(model, &mut pen, areas.alarms);
}

fn too_small(model: &Model, frame: &mut Frame<'_>, whole: Rect) {
    let mut pen = Pen::new(frame.buffer_mut(), &model.theme);
    let (columns, rows) = SIZE_MIN;
    let lines = [
        format!("{} x {} is too small", whole.width, whole.height),
        format!("make it {columns} x {rows}"),
        model.link.refuses(model.own).unwrap_or_default(),
    ];
    let panic = model.panics().first().map(|(unit, call)| format!("PANIC {unit} call {call}"));
    for (y, line) in (whole.y..whole.bottom()).zip(panic.iter().chain(&lines)) {
        pen.text(whole.x, y, whole.width, line, model.theme.error);
    }
}

/// Scrolls everything so that the cursors are on the screen. Called after each message.
pub(super) fn settle(model: &mut Model) {
    let (width, height) = model.size;
    let areas = areas(model, Rect { x: 0, y: 0, width, height });
    let lines = usize::from(areas.body.height.saturating_sub(1));
    model.board.keep_in_view(lines);
    model.missed.keep_in_view(lines);
    if model.pane == Pane::Units {
        let all = model.callsigns();
        model.unit.keep_in_view(&all, lines);
    }
    if model.pane == Pane::Escalations {
        let all = model.escalation_ids();
        model.escalation.keep_in_view(&all, escalations::lines(areas.body));
    }
    if model.pane == Pane::Call {
        let area = split(model, areas.body).map_or(areas.body, |(_, right)| right);
        let most = call::scrolls(model, area);
        if let Some(open) = &mut model.open {
            for (scroll, most) in open.scroll.iter_mut().zip(most) {
                *scroll = (*scroll).min(most);
            }
        }
    }
    if let Some(Over::Help(top)) = &mut model.over {
        *top = (*top).min(u16::MAX / 2);
    }
}

/// Ids of the escalations on the screen, when their pane is.
pub(super) fn escalations_shown(model: &Model) -> Vec<u64> {
    let (width, height) = model.size;
    let body = areas(model, Rect { x: 0, y: 0, width, height }).body;
    let mut ids = model.escalation_ids();
    ids.drain(..model.escalation.top.min(ids.len()));
    ids.truncate(escalations::lines(body));
    ids
}

/// Lines of a page, for the keys that turn one.
pub(super) fn page(model: &Model) -> isize {
    let (width, height) = model.size;
    let body = areas(model, Rect { x: 0, y: 0, width, height }).body;
    isize::try_from(body.height.saturating_sub(2)).unwrap_or(1).max(1)
}

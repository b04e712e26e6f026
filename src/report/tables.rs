//! The tables of a printed report, with small counts withheld: by district, kind, priority and
//! shift, and by weekday and hour.
//!
//! All counts are of one clock, the report's first. Totals of the whole room are always exact.
//! Hours add up to shifts and are settled together with them; the other cuts share nothing but
//! the room's totals.

use super::detail::{Cut, Week};
use super::disclose::{CannotHide, Cell, Count, Flow, Node, Settled};
use super::figures::{ClockFigures, Figures, Report};
use super::{By, Detail};
use serde::Serialize;

/// What of a report may be read by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disclosure {
    /// Counts from 1 up to here, excluded, are withheld where they are cut by place, kind or
    /// time; 0 or 1: none.
    pub below: u64,
    /// For readers outside: nothing of a single call, no number, story or name of an officer.
    pub public: bool,
}

impl Default for Disclosure {
    fn default() -> Self {
        Self { below: 5, public: false }
    }
}

/// All tables of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tables {
    /// The clock they are about.
    pub clock: String,
    /// The clock whose percentiles stand beside it, if another of all calls ran.
    pub beside: Option<String>,
    /// One a cut, in the order of [`Detail::CUTS`]; those that can be printed.
    pub cuts: Vec<Table>,
    /// By weekday and hour, if it can be printed.
    pub week: Option<WeekTable>,
    /// Tables left out because no choice of counts would have hidden the small ones.
    pub left_out: Vec<By>,
}

/// The groups of one cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// What they are cut by.
    pub by: By,
    /// One a group. Districts and kinds: the lowest share in time first, those with withheld
    /// counts last and by name; the others in their own order.
    pub rows: Vec<Row>,
    /// Some count is withheld.
    pub withheld: bool,
}

/// A group. Where one of its counts is withheld so are its share and its percentiles, from which
/// it could be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Runs of the clock: calls, and each reopening of one.
    pub calls: Cell,
    /// In time.
    pub in_time: Cell,
    /// Missed.
    pub missed: Cell,
    /// Not yet due.
    pub open: Cell,
    /// Of those that are answered in time or missed.
    pub share: Option<f64>,
    /// Percentiles of the clock and of the one beside it.
    pub ranks: Option<Ranks>,
}

/// Percentiles in milliseconds; `None`: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ranks {
    /// Half are answered within.
    pub p50_ms: Option<u64>,
    /// Nine of ten.
    pub p90_ms: Option<u64>,
    /// All.
    pub max_ms: Option<u64>,
    /// Half of the clock beside it.
    pub beside_p50_ms: Option<u64>,
    /// Nine of ten.
    pub beside_p90_ms: Option<u64>,
}

/// Calls and missed deadlines by weekday and hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeekTable {
    /// First hour of each column, and the hour after its last: as fine as may be printed without
    /// withholding most of it.
    pub hours: Vec<(u8, u8)>,
    /// The weekdays the span has.
    pub rows: Vec<WeekRow>,
}

/// A weekday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeekRow {
    /// 0: Monday.
    pub weekday: usize,
    /// How many the span touches.
    pub days: u32,
    /// Runs, a column each.
    pub calls: Vec<Cell>,
    /// Of them missed.
    pub missed: Vec<Cell>,
}

/// The columns of a week's table, finest first. None crosses a shift or midnight.
const HOURS: [&[(u8, u8)]; 4] = [
    &[
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (5, 6),
        (6, 7),
        (7, 8),
        (8, 9),
        (9, 10),
        (10, 11),
        (11, 12),
        (12, 13),
        (13, 14),
        (14, 15),
        (15, 16),
        (16, 17),
        (17, 18),
        (18, 19),
        (19, 20),
        (20, 21),
        (21, 22),
        (22, 23),
        (23, 24),
    ],
    &[
        (0, 2),
        (2, 4),
        (4, 6),
        (6, 8),
        (8, 10),
        (10, 12),
        (12, 14),
        (14, 16),
        (16, 18),
        (18, 20),
        (20, 22),
        (22, 24),
    ],
    &[(0, 3), (3, 6), (6, 10), (10, 14), (14, 18), (18, 22), (22, 24)],
    &[(0, 6), (6, 14), (14, 22), (22, 24)],
];

impl Tables {
    /// The tables of a report, counted by the clock of that name or by the first of all calls
    /// that ran. `None`: the report has no detail, or nothing ran.
    #[must_use]
    pub fn of(report: &Report, clock: Option<&str>, disclosure: Disclosure) -> Option<Self> {
        let detail = report.detail.as_deref()?;
        let mut ran = report.whole.clocks.iter().filter(|run| !run.of_unit && run.started > 0);
        let clock = match clock {
            Some(name) => ran.find(|run| run.clock == name)?,
            None => ran.next()?,
        };
        let others = report.whole.clocks.iter().filter(|run| !run.of_unit);
        let mut others = others.filter(|run| run.clock != clock.clock);
        let beside = others.find(|run| run.started == clock.started);
        let beside = beside.map(|run| run.clock.clone());
        let named = (&*clock.clock, beside.as_deref());
        let mut tables = Self {
            clock: clock.clock.clone(),
            beside: beside.clone(),
            cuts: Vec::new(),
            week: None,
            left_out: Vec::new(),
        };
        for cut in &detail.cuts {
            let mut lines = Line::all(cut, clock, named.0);
            if cut.by == By::Kind {
                lines = Line::pooled(lines, cut.further, disclosure.below);
            }
            let table = if cut.by == By::Shift {
                shifts(detail, cut, &lines, clock, named, disclosure.below).map(|(table, week)| {
                    tables.week = week;
                    table
                })
            } else {
                groups(cut, &lines, clock, named, disclosure.below)
            };
            match table {
                Ok(table) => tables.cuts.push(table),
                Err(CannotHide) => tables.left_out.push(cut.by),
            }
        }
        Some(tables)
    }

    /// The table of a cut.
    #[must_use]
    pub fn cut(&self, by: By) -> Option<&Table> {
        self.cuts.iter().find(|table| table.by == by)
    }
}

/// The counts of one group.
struct Line<'a> {
    name: String,
    counts: [u64; 4],
    figures: Option<&'a Figures>,
}

const fn counts(clock: &ClockFigures) -> [u64; 4] {
    [clock.started, clock.in_time, clock.missed, clock.open]
}

fn clock_of<'a>(figures: &'a Figures, name: &str) -> Option<&'a ClockFigures> {
    figures.clocks.iter().find(|clock| clock.clock == name)
}

impl<'a> Line<'a> {
    /// A line a group, and one for those left out.
    fn all(cut: &'a Cut, whole: &ClockFigures, clock: &str) -> Vec<Self> {
        let mut left = counts(whole);
        let mut lines: Vec<Self> = Vec::with_capacity(cut.groups.len() + 1);
        for group in &cut.groups {
            let counts = clock_of(&group.figures, clock).map(counts).unwrap_or_default();
            for (left, count) in left.iter_mut().zip(counts) {
                *left = left.saturating_sub(count);
            }
            lines.push(Self { name: group.name.clone(), counts, figures: Some(&group.figures) });
        }
        if cut.further > 0 {
            let name = format!("({} more)", cut.further);
            lines.push(Self { name, counts: left, figures: None });
        }
        // A group whose every call was withdrawn from the clock by its rules has nothing to say.
        lines.retain(|line| line.counts[0] > 0);
        lines
    }

    /// Kinds too rare to show anything of are one line: a room has hundreds of them.
    fn pooled(lines: Vec<Self>, further: u64, below: u64) -> Vec<Self> {
        let (mut shown, rare): (Vec<Self>, Vec<Self>) =
            lines.into_iter().partition(|line| line.counts[0] >= below && line.figures.is_some());
        if !rare.is_empty() {
            let named = rare.iter().filter(|line| line.figures.is_some()).count();
            let name = format!("({} others)", named as u64 + further);
            let mut counts = [0; 4];
            for (sum, count) in rare.iter().flat_map(|line| (0..).zip(line.counts)) {
                counts[sum] += count;
            }
            shown.push(Self { name, counts, figures: None });
        }
        shown
    }

    fn row(
        &self,
        settled: &Settled,
        cells: [Count; 4],
        (clock, beside): (&str, Option<&str>),
    ) -> Row {
        let [calls, in_time, missed, open] = cells.map(|cell| settled.cell(cell));
        let shown = [calls, in_time, missed, open].iter().all(|cell| cell.exact().is_some());
        let own = self.figures.filter(|_| shown).and_then(|figures| clock_of(figures, clock));
        let other = self.figures.zip(beside).and_then(|(figures, name)| clock_of(figures, name));
        Row {
            name: self.name.clone(),
            calls,
            in_time,
            missed,
            open,
            share: own.and_then(|own| own.compliance),
            ranks: own.map(|own| Ranks {
                p50_ms: own.p50_ms,
                p90_ms: own.p90_ms,
                max_ms: own.max_ms,
                beside_p50_ms: other.and_then(|other| other.p50_ms),
                beside_p90_ms: other.and_then(|other| other.p90_ms),
            }),
        }
    }
}

/// A row into the flow: its total comes in, its cells go out to their columns.
fn line(flow: &mut Flow, whole: Node, columns: [Node; 3], counts: [u64; 4]) -> [Count; 4] {
    let row = flow.node();
    let [started, in_time, missed, open] = counts;
    [
        flow.count(whole, row, started),
        flow.count(row, columns[0], in_time),
        flow.count(row, columns[1], missed),
        flow.count(row, columns[2], open),
    ]
}

/// The room's totals, which everybody knows, of the three columns.
fn columns(flow: &mut Flow, whole: Node, clock: &ClockFigures) -> [Node; 3] {
    [clock.in_time, clock.missed, clock.open].map(|total| {
        let column = flow.node();
        flow.public(column, whole, total);
        column
    })
}

fn table(by: By, mut rows: Vec<Row>) -> Table {
    let shown = |row: &Row| row.ranks.is_some();
    if matches!(by, By::District | By::Kind) {
        rows.sort_by(|a, b| {
            // Between rows with something withheld the order may tell nothing of it.
            let worse = || {
                let share = |row: &Row| row.share.unwrap_or(1.0);
                let missed = |row: &Row| row.missed.exact().unwrap_or(0);
                share(a).total_cmp(&share(b)).then_with(|| missed(b).cmp(&missed(a)))
            };
            let further = |row: &Row| row.name.starts_with('(');
            (further(a), !shown(a))
                .cmp(&(further(b), !shown(b)))
                .then_with(
                    || if shown(a) && shown(b) { worse() } else { std::cmp::Ordering::Equal },
                )
                .then_with(|| a.name.cmp(&b.name))
        });
    }
    let exact = |row: &Row| {
        [row.calls, row.in_time, row.missed, row.open].iter().all(|cell| cell.exact().is_some())
    };
    let withheld = !rows.iter().all(exact);
    Table { by, rows, withheld }
}

/// One group is the whole room, whose totals are told anyway.
const fn below_for(lines: &[Line<'_>], below: u64) -> u64 {
    if lines.len() < 2 { 0 } else { below }
}

fn groups(
    cut: &Cut,
    lines: &[Line<'_>],
    clock: &ClockFigures,
    named: (&str, Option<&str>),
    below: u64,
) -> Result<Table, CannotHide> {
    let mut flow = Flow::new(below_for(lines, below));
    let whole = flow.node();
    let columns = columns(&mut flow, whole, clock);
    let cells: Vec<_> = lines.iter().map(|of| line(&mut flow, whole, columns, of.counts)).collect();
    let settled = flow.settle()?;
    let rows = lines.iter().zip(cells).map(|(of, cells)| of.row(&settled, cells, named)).collect();
    Ok(table(cut.by, rows))
}

fn shift_of(hour: u8) -> &'static str {
    match hour {
        6..14 => "morning 06-14",
        14..22 => "evening 14-22",
        _ => "night 22-06",
    }
}

/// The shifts and, as finely as may be, the hours they are made of.
fn shifts(
    detail: &Detail,
    cut: &Cut,
    lines: &[Line<'_>],
    clock: &ClockFigures,
    named: (&str, Option<&str>),
    below: u64,
) -> Result<(Table, Option<WeekTable>), CannotHide> {
    let mut lines: Vec<&Line<'_>> = lines.iter().collect();
    let order = ["morning 06-14", "evening 14-22", "night 22-06"];
    lines.sort_by_key(|line| order.iter().position(|name| *name == line.name).unwrap_or(9));
    let week = detail.weeks.iter().find(|week| week.clock == clock.clock);
    let mut best = None;
    for hours in HOURS.iter().filter(|_| week.is_some()) {
        let Ok((table, found)) = time(detail, &lines, clock, named, week, hours, below) else {
            continue;
        };
        let withheld = found.as_ref().map_or((0, 1), WeekTable::withheld);
        let enough = withheld.0 * 3 <= withheld.1;
        best = Some((table, found));
        if enough {
            return Ok(best.expect("it was found just now"));
        }
    }
    match best {
        Some(best) => Ok(best),
        None => groups(cut, &own(&lines), clock, named, below).map(|table| (table, None)),
    }
}

fn own<'a>(lines: &[&Line<'a>]) -> Vec<Line<'a>> {
    let own = |line: &&Line<'a>| Line {
        name: line.name.clone(),
        counts: line.counts,
        figures: line.figures,
    };
    lines.iter().map(own).collect()
}

impl WeekTable {
    /// Counts withheld, of how many.
    fn withheld(&self) -> (usize, usize) {
        let all = self.rows.iter().flat_map(|row| row.calls.iter().chain(&row.missed));
        let withheld = all.clone().filter(|cell| cell.exact().is_none()).count();
        (withheld, all.count())
    }
}

/// Shifts and hours in one flow: whole, shift, hours of a weekday, then the shift's missed and
/// not missed, then the room's totals.
fn time(
    detail: &Detail,
    lines: &[&Line<'_>],
    clock: &ClockFigures,
    named: (&str, Option<&str>),
    week: Option<&Week>,
    hours: &[(u8, u8)],
    below: u64,
) -> Result<(Table, Option<WeekTable>), CannotHide> {
    let mut flow = Flow::new(below);
    let whole = flow.node();
    let columns = columns(&mut flow, whole, clock);
    let mut of_week: Vec<(usize, usize, Count, Count)> = Vec::new();
    let mut of_shift = Vec::new();
    for line in lines {
        let [started, in_time, missed, open] = line.counts;
        let [shift, late, other] = [flow.node(), flow.node(), flow.node()];
        // One shift alone is the whole room, whose totals are told anyway.
        let count = if lines.len() < 2 { Flow::public } else { Flow::count };
        of_shift.push([
            count(&mut flow, whole, shift, started),
            count(&mut flow, other, columns[0], in_time),
            count(&mut flow, late, columns[1], missed),
            count(&mut flow, other, columns[2], open),
        ]);
        let of_line = |column: &&(usize, &(u8, u8))| shift_of(column.1.0) == line.name;
        let own: Vec<_> = hours.iter().enumerate().collect();
        let own: Vec<_> = own.iter().filter(of_line).collect();
        let Some(week) = week.filter(|_| !own.is_empty()) else {
            // A shift of no hour: calls whose time is beyond the calendar.
            flow.unsaid(shift, late, missed);
            flow.unsaid(shift, other, started - missed);
            continue;
        };
        for weekday in 0..7 {
            for (column, (from, to)) in &own {
                let hours = usize::from(*from)..usize::from(*to);
                let calls: u64 = week.started[weekday][hours.clone()].iter().sum();
                let burned: u64 = week.missed[weekday][hours].iter().sum();
                let cell = flow.node();
                let total = flow.count(shift, cell, calls);
                let burned_cell = flow.count(cell, late, burned);
                flow.unsaid(cell, other, calls - burned);
                of_week.push((weekday, *column, total, burned_cell));
            }
        }
    }
    let settled = flow.settle()?;
    let rows =
        lines.iter().zip(of_shift).map(|(line, cells)| line.row(&settled, cells, named)).collect();
    let row = |weekday: usize| {
        let mut cells: Vec<_> = of_week.iter().filter(|cell| cell.0 == weekday).collect();
        cells.sort_by_key(|cell| cell.1);
        // A shift without a call has no line, and its hours no count.
        let at = |column: usize| cells.iter().find(|cell| cell.1 == column);
        let cell = |of: Option<Count>| of.map_or(Cell::Exact(0), |count| settled.cell(count));
        WeekRow {
            weekday,
            days: detail.days[weekday],
            calls: (0..hours.len()).map(|column| cell(at(column).map(|at| at.2))).collect(),
            missed: (0..hours.len()).map(|column| cell(at(column).map(|at| at.3))).collect(),
        }
    };
    let has_calls = |row: &WeekRow| row.calls.iter().any(|cell| *cell != Cell::Exact(0));
    let rows_of_week = (0..7).map(row).filter(|row| row.days > 0 || has_calls(row)).collect();
    let week = week.map(|_| WeekTable { hours: hours.to_vec(), rows: rows_of_week });
    Ok((table(By::Shift, rows), week))
}

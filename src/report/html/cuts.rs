//! Where and when: districts, kinds, priorities, shifts, and the week by hours.

use super::{Page, charts};
use crate::report::By;
use crate::report::disclose::Cell;
use crate::report::figures::ClockFigures;
use crate::report::say::{count, rank, share};
use crate::report::tables::{Row, Table, Tables, WeekTable};
use maud::{Markup, html};

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// By hour, weekday and shift.
pub(super) fn when(page: &Page<'_>) -> Markup {
    let Some((tables, clock)) = page.tables.as_ref().zip(page.clock()) else {
        return html! {};
    };
    let shifts = tables.cut(By::Shift);
    html! {
        @if tables.week.is_some() || shifts.is_some() {
            section aria-labelledby="when" {
                h2 #when { "When" }
                @if let Some(week) = &tables.week {
                    (heat(week, Heat::Calls, clock))
                    (heat(week, Heat::Missed, clock))
                }
                @if let Some(table) = shifts { (groups_table(tables, table, clock)) }
            }
        }
    }
}

/// By district, kind and priority.
pub(super) fn groups(page: &Page<'_>) -> Markup {
    let Some((tables, clock)) = page.tables.as_ref().zip(page.clock()) else {
        return html! {};
    };
    html! {
        section aria-labelledby="where" {
            h2 #where { "Where and what" }
            @for table in tables.cuts.iter().filter(|table| table.by != By::Shift) {
                (groups_table(tables, table, clock))
            }
            @for by in &tables.left_out {
                p.small {
                    "No table by " (by.name()) ": too few calls to show any count without showing a small one."
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heat {
    Calls,
    Missed,
}

fn heat(week: &WeekTable, what: Heat, clock: &ClockFigures) -> Markup {
    let cells = |row: &crate::report::tables::WeekRow| match what {
        Heat::Calls => row.calls.clone(),
        Heat::Missed => row.missed.clone(),
    };
    let all = week.rows.iter().flat_map(cells).filter_map(Cell::exact);
    let most = all.max().unwrap_or(0);
    let class = if what == Heat::Calls { 'c' } else { 'm' };
    let begins = |from: u8| matches!(from, 6 | 14 | 22);
    let hour = |from: u8, to: u8| {
        if to - from == 1 { format!("{from:02}") } else { format!("{from:02}-{to:02}") }
    };
    html! {
        div.scroll.wide.keep {
            table.week {
                caption {
                    @match what {
                        Heat::Calls => {
                            "Calls by weekday and hour "
                            span { "(days of each in the span beside its name; a thick line begins a shift)" }
                        }
                        Heat::Missed => {
                            "Missed (" (clock.clock) ") by weekday and hour of receipt "
                            span { "(darker: more)" }
                        }
                    }
                }
                thead {
                    tr {
                        th scope="col" { "Day" }
                        @for (from, to) in &week.hours {
                            th.shift[begins(*from)] scope="col" { (hour(*from, *to)) }
                        }
                    }
                }
                tbody {
                    @for row in &week.rows {
                        tr {
                            th scope="row" {
                                (WEEKDAYS[row.weekday % 7])
                                @if what == Heat::Calls && row.days > 0 { " ×" (row.days) }
                            }
                            @for (cell, (from, _)) in cells(row).iter().zip(&week.hours) {
                                td class=(shade(*cell, most, class, begins(*from))) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How dark a cell is, a quarter of the greatest each.
fn shade(cell: Cell, most: u64, class: char, begins: bool) -> String {
    let shift = if begins { " shift" } else { "" };
    match cell {
        Cell::Exact(0) => format!("z{shift}"),
        Cell::Exact(of) => {
            let quarter = (of * 4).div_ceil(most.max(1)).clamp(1, 4);
            format!("{class}{quarter}{shift}")
        }
        _ => format!("w{shift}"),
    }
}

fn groups_table(tables: &Tables, table: &Table, clock: &ClockFigures) -> Markup {
    let by = table.by.name();
    let title = match table.by {
        By::District => "Districts",
        By::Kind => "Kinds of emergency",
        By::Priority => "Priorities, 1 most urgent",
        By::Shift => "Shifts",
        By::Hour => "Hours",
    };
    let order = match table.by {
        By::District | By::Kind if table.withheld => {
            "lowest share in time first; rows with withheld counts after them, by name"
        }
        By::District | By::Kind => "lowest share in time first",
        _ => "",
    };
    html! {
        div.scroll.wide.keep[table.rows.len() < 12] {
            table.groups.nw[matches!(table.by, By::Shift | By::Priority)] {
                caption {
                    (title) ": " (clock.clock) " "
                    @if !order.is_empty() { span { "(" (order) ")" } }
                }
                thead {
                    tr {
                        th scope="col" { (capital(by)) }
                        th scope="col" { "Calls" }
                        th scope="col" { "In time" }
                        th scope="col" { "Missed" }
                        th scope="col" { "Not due" }
                        th.n scope="col" colspan="2" { "Share in time" }
                        th scope="col" { "p50" }
                        th scope="col" { "p90" }
                        th scope="col" { "Max" }
                        @if let Some(beside) = &tables.beside {
                            th scope="col" { (beside) " p50" }
                            th scope="col" { (beside) " p90" }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows { (group_row(row, tables.beside.is_some())) }
                }
                tfoot {
                    tr {
                        th scope="row" { "All" }
                        td { (count(clock.started)) }
                        td { (count(clock.in_time)) }
                        td { (count(clock.missed)) }
                        td { (count(clock.open)) }
                        td.bar { @if let Some(share) = clock.compliance { (charts::share_bar(share)) } }
                        td { (share(clock.compliance)) }
                        @for ms in [clock.p50_ms, clock.p90_ms, clock.max_ms] { td.n { (rank(ms)) } }
                        @if tables.beside.is_some() { td colspan="2" {} }
                    }
                }
            }
        }
    }
}

fn group_row(row: &Row, beside: bool) -> Markup {
    html! {
        tr {
            th scope="row" { (row.name) }
            td.w[row.calls.exact().is_none()] { (row.calls) }
            td.w[row.in_time.exact().is_none()] { (row.in_time) }
            td.w[row.missed.exact().is_none()] { (row.missed) }
            td.w[row.open.exact().is_none()] { (row.open) }
            td.bar { @if let Some(share) = row.share { (charts::share_bar(share)) } }
            td { @if row.share.is_some() { (share(row.share)) } @else { "-" } }
            @if let Some(ranks) = row.ranks {
                @for ms in [ranks.p50_ms, ranks.p90_ms, ranks.max_ms] {
                    td.n.bad[ms.is_none()] { (rank(ms)) }
                }
                @if beside {
                    @for ms in [ranks.beside_p50_ms, ranks.beside_p90_ms] {
                        td.n.bad[ms.is_none()] { (rank(ms)) }
                    }
                }
            } @else {
                @for _ in 0..(if beside { 5 } else { 3 }) { td { "-" } }
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

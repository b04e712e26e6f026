//! Every clock in one table, how long answers took, and how soon calls were picked up.

use super::{Page, charts, never};
use crate::report::detail::{PickedUp, Spread};
use crate::report::figures::ClockFigures;
use crate::report::say::{count, limit, rank, share, span};
use maud::{Markup, html};

pub(super) fn section(page: &Page<'_>) -> Markup {
    let spreads = page.detail.map(|detail| &*detail.spreads).unwrap_or_default();
    let figures =
        |spread: &Spread| page.report.whole.clocks.iter().find(|clock| clock.clock == spread.clock);
    html! {
        section aria-labelledby="clocks" {
            h2 #clocks { "Deadlines and response times" }
            (table(&page.report.whole.clocks))
            @for (place, spread) in spreads.iter().enumerate() {
                div.keep {
                    h3 { "From receipt to answer: " (spread.clock) ", limit " (limit(spread.limit_ms)) }
                    (charts::spread(spread, place))
                    (reached(spread))
                    @if let Some(clock) = figures(spread) { (worst(page, spread, clock)) }
                }
            }
            @if let Some(picked_up) = page.detail.and_then(|detail| detail.picked_up) {
                (bands(picked_up))
            }
        }
    }
}

fn table(clocks: &[ClockFigures]) -> Markup {
    html! {
        div.scroll.wide {
            table {
                caption { "Every clock " span { "(never: of those missed, unanswered so far)" } }
                thead {
                    tr {
                        @for head in [
                            "Clock", "Limit", "Runs", "In time", "Missed", "Never", "Not due", "Share",
                            "p50", "p90", "p95", "p99", "Max",
                        ] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for clock in clocks.iter().filter(|clock| clock.started > 0) {
                        tr {
                            th scope="row" { (clock.clock) }
                            td { (limit(clock.limit_ms)) }
                            td { (count(clock.started)) }
                            td { (count(clock.in_time)) }
                            td.bad[clock.missed > 0] { (count(clock.missed)) }
                            td.bad[never(clock) > 0] { (count(never(clock))) }
                            td { (count(clock.open)) }
                            td { (share(clock.compliance)) }
                            @for ms in [clock.p50_ms, clock.p90_ms, clock.p95_ms, clock.p99_ms, clock.max_ms] {
                                td.n.bad[ms.is_none()] { (rank(ms)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many were answered within thirds of the limit and its multiples, of all.
fn reached(spread: &Spread) -> Markup {
    let answered: u64 = spread.bars.iter().map(|bar| bar.in_time + bar.late).sum();
    let all = answered + spread.never + spread.closed_in_time + spread.open;
    let third = spread.limit_ms / 3;
    let wanted = [1, 2, 3, 6, 12, 24, 96, 288].map(|thirds| third * thirds);
    let mut sum = 0;
    let mut reached = Vec::new();
    for bar in &spread.bars {
        sum += bar.in_time + bar.late;
        if let Some(upto_ms) = bar.upto_ms
            && wanted.contains(&upto_ms)
        {
            reached.push((upto_ms, sum));
        }
    }
    html! {
        @if all > 0 && !reached.is_empty() {
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" { "Answered within" }
                            @for (ms, _) in &reached { th scope="col" { (limit(*ms)) } }
                            th scope="col" { "never" }
                        }
                    }
                    tbody {
                        tr {
                            th scope="row" { "of " (count(all)) }
                            @for (_, sum) in &reached { td { (count(*sum)) } }
                            td.bad[spread.never > 0] { (count(spread.never)) }
                        }
                        tr {
                            th scope="row" { "share" }
                            @for (_, sum) in &reached { td { (percent(*sum, all)) } }
                            td { (percent(spread.never, all)) }
                        }
                    }
                }
            }
        }
    }
}

/// A share of all, rounded down.
fn percent(of: u64, all: u64) -> String {
    let permille = u128::from(of) * 1_000 / u128::from(all.max(1));
    format!("{}.{}%", permille / 10, permille % 10)
}

fn worst(page: &Page<'_>, spread: &Spread, clock: &ClockFigures) -> Markup {
    let call =
        |call| if page.disclosure.public { String::new() } else { format!(" (call {call})") };
    html! {
        p.small {
            // A narrow screen may cut the last bars off: the worst is said as well.
            @if spread.never > 0 { b.bad { (count(spread.never)) " never answered. " } }
            @if let Some(worst) = &clock.longest {
                "Slowest answer: " (span(worst.ms)) (call(worst.call)) ". "
            }
            @if let Some(worst) = &clock.waiting {
                "Longest still waiting: " (span(worst.ms)) (call(worst.call)) ". "
            }
            @if spread.closed_in_time > 0 {
                (count(spread.closed_in_time)) " closed in time without an answer. "
            }
            @if clock.missed_after_withdrawal > 0 {
                (count(clock.missed_after_withdrawal)) " in time at first, whose acknowledgement was withdrawn and whose rest ran out. "
            }
            @if spread.limit_ms != clock.limit_ms {
                "The limit was changed within the span; each call is judged by its own."
            }
        }
    }
}

fn bands(picked_up: PickedUp) -> Markup {
    let PickedUp { calls, within_15s, within_20s, later, never } = picked_up;
    let rows = [
        ("within 15 s", within_15s),
        ("within 20 s", within_20s),
        ("later", later),
        ("never", never),
    ];
    html! {
        div.keep {
            h3 { "How soon calls were picked up" }
            div.scroll {
                table {
                    caption {
                        "From a call's receipt to an operator's first claim "
                        span { "(calls that came in by an intake; a telephone's own ringing is in no log)" }
                    }
                    thead { tr { th scope="col" { "Picked up" } th scope="col" { "Calls" } th scope="col" { "Share of " (count(calls)) } } }
                    tbody {
                        @for (what, of) in rows {
                            tr { th scope="row" { (what) } td { (count(of)) } td { (percent(of, calls)) } }
                        }
                    }
                }
            }
        }
    }
}

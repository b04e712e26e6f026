//! Who was told: each office, then each escalation's story.

use super::Page;
use crate::report::Detail;
use crate::report::figures::ClockFigures;
use crate::report::say::{clock_time, count, span};
use crate::report::stories::{Ended, Notice, Story, Told};
use maud::{Markup, html};

pub(super) fn section(page: &Page<'_>) -> Markup {
    let clocks = &page.report.whole.clocks;
    let told = clocks.iter().any(|clock| !clock.rungs.is_empty());
    html! {
        section aria-labelledby="told" {
            h2 #told { "Who was told" }
            @if told { (offices(clocks)) } @else { p { "Nobody had to be told." } }
        }
        @if let Some(detail) = page.detail {
            @if !page.disclosure.public && !detail.stories.is_empty() { (stories(detail)) }
        }
    }
}

fn offices(clocks: &[ClockFigures]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "Offices " span { "(late: told more than a second after it was due)" } }
                thead {
                    tr {
                        th scope="col" { "Office" }
                        th.l scope="col" { "Clock" }
                        @for head in ["Rung", "Told", "Told again", "By hand", "Taken", "Late", "Latest by"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for (clock, rung) in clocks.iter().flat_map(|clock| clock.rungs.iter().map(move |rung| (clock, rung))) {
                        tr {
                            th scope="row" { (rung.office) }
                            td.l { (clock.clock) }
                            td { (rung.rung) }
                            td { (count(rung.told)) }
                            td { (count(rung.repeats)) }
                            td { (count(rung.by_hand)) }
                            td { (count(rung.taken)) }
                            td.bad[rung.late > 0] { (count(rung.late)) }
                            td.n { @if rung.late_ms_max == 0 { "-" } @else { (span(rung.late_ms_max)) } }
                        }
                    }
                }
            }
        }
    }
}

fn stories(detail: &Detail) -> Markup {
    let shown = detail.stories.len() as u64;
    let noticed = detail
        .stories
        .iter()
        .flat_map(|story| &story.told)
        .any(|told| !told.notices.is_empty() || told.seen_at.is_some());
    html! {
        section aria-labelledby="stories" {
            h2 #stories { "Each escalation's story" }
            p.small {
                @if shown < detail.stories_total {
                    "The " (count(shown)) " told of most, of " (count(detail.stories_total))
                    "; all of them: " code { "fifteen report --escalations" } "."
                } @else {
                    "All " (count(shown)) ", those told of most first."
                }
            }
            div.scroll.wide {
                table.stories {
                    thead {
                        tr {
                            th scope="col" { "Call" }
                            th scope="col" { "Office" }
                            th scope="col" { "Told" }
                            th scope="col" { "Late by" }
                            th scope="col" { "Told again" }
                            @if noticed { th scope="col" { "Who, by what, delivered, seen" } }
                            th scope="col" { "Taken" }
                        }
                    }
                    @for story in &detail.stories { (one(story, noticed)) }
                }
            }
        }
    }
}

fn one(story: &Story, noticed: bool) -> Markup {
    html! {
        tbody {
            @for (place, told) in story.told.iter().enumerate() {
                tr {
                    @if place == 0 {
                        th scope="rowgroup" rowspan=(story.told.len()) {
                            (story.call)
                            @if story.generation > 1 { " (reopened)" }
                            small {
                                (story.clock)
                                @if let Some(unit) = &story.unit { ", " (unit) }
                            }
                            small { (ended(story)) }
                        }
                    }
                    (line(told, noticed))
                }
            }
        }
    }
}

fn line(told: &Told, noticed: bool) -> Markup {
    html! {
        td { (told.rung) ". " (told.office) }
        td.n { (clock_time(&told.at)) @if told.by_hand { small { "by hand" } } }
        td.n { @if told.late_ms == 0 { "on time" } @else { (span(told.late_ms)) } }
        td.n { @if told.repeats > 0 { (count(told.repeats)) "×, last " (clock_time(&told.last_at)) } }
        @if noticed {
            td {
                @for notice in &told.notices { (by_channel(notice)) }
                @if let (Some(by), Some(at)) = (&told.seen_by, &told.seen_at) {
                    div { "seen " (clock_time(at)) ", " (by) }
                } @else if !told.notices.is_empty() {
                    div { "not seen" }
                }
            }
        }
        td {
            @match (&told.taken_by, &told.taken_at) {
                (Some(by), Some(at)) => { (by) small { (clock_time(at)) } },
                _ => { "not taken" },
            }
        }
    }
}

fn by_channel(notice: &Notice) -> Markup {
    html! {
        div {
            (notice.person) ", " (notice.channel) ": "
            @match (&notice.delivered_at, &notice.failed_at) {
                (Some(at), _) => { "delivered " (clock_time(at)) },
                (None, Some(at)) => { b { "given up " (clock_time(at)) } },
                (None, None) => { b { "not delivered" } },
            }
        }
    }
}

fn ended(story: &Story) -> String {
    match (story.ended, story.answer_ms) {
        (Some(Ended::Late), Some(ms)) => format!("answered after {}", span(ms)),
        (Some(Ended::InTime), Some(ms)) => format!("answered in time, {}", span(ms)),
        (Some(Ended::Closed), _) => "closed, never answered".to_owned(),
        (Some(Ended::Unanswered), _) => "STILL UNANSWERED".to_owned(),
        _ => String::new(),
    }
}

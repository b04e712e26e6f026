//! The report as one page of HTML: nothing is fetched, nothing runs, and it prints on A4.
//!
//! Every text somebody typed goes through maud, which escapes it; pictures are SVG inside the
//! page, and whatever a picture shows stands beside it in words or numbers. No colour says
//! anything alone.

mod charts;
mod clocks;
mod cuts;
mod stories;
mod style;

use super::figures::{ClockFigures, Report};
use super::say::{count, counted, limit, moment, offset, share, span};
use super::tables::{Disclosure, Tables};
use super::{Detail, render};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The report as a page. `clock`: the clock that the tables by district, kind and time are
/// about; `None`: the first of all calls that ran.
#[must_use]
pub fn html(report: &Report, clock: Option<&str>, disclosure: Disclosure) -> String {
    let page = Page {
        report,
        detail: report.detail.as_deref(),
        tables: Tables::of(report, clock, disclosure),
        disclosure,
    };
    page.document().into_string()
}

/// What the parts of the page are made from.
struct Page<'a> {
    report: &'a Report,
    detail: Option<&'a Detail>,
    tables: Option<Tables>,
    disclosure: Disclosure,
}

impl Page<'_> {
    fn document(&self) -> Markup {
        let title = format!("Response report, {}", self.room());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) }
                    style { (PreEscaped(style::CSS)) }
                }
                body {
                    (self.header())
                    main {
                        @if self.report.whole.calls.received + self.report.whole.calls.reopened == 0 {
                            section { p.lead { "No call was received in this span." } }
                        } @else {
                            (self.headline())
                            (clocks::section(self))
                            (cuts::when(self))
                            (cuts::groups(self))
                            (stories::section(self))
                        }
                        (self.notes())
                    }
                }
            }
        }
    }

    fn room(&self) -> &str {
        let room = self.detail.map(|detail| &*detail.room).filter(|room| !room.is_empty());
        room.unwrap_or("dispatch room")
    }

    /// The clock a supervisor looks at first.
    fn clock(&self) -> Option<&ClockFigures> {
        let name = self.tables.as_ref().map(|tables| &*tables.clock)?;
        self.report.whole.clocks.iter().find(|clock| clock.clock == name)
    }

    fn header(&self) -> Markup {
        let about = &self.report.span;
        let from = about.from_at.as_ref().or(about.first_received_at.as_ref());
        let from = from.map_or_else(|| "the beginning".to_owned(), |at| moment(at));
        let to = moment(about.to_at.as_ref().unwrap_or(&about.until_at));
        html! {
            header {
                p.room { (self.room()) }
                h1 { "Response report" }
                p.span { (from) " to " (to) }
                dl.about {
                    div { dt { "Times" } dd { (about.zone) ", UTC" (offset(&about.until_at)) } }
                    div { dt { "As of" } dd { (moment(&about.until_at)) } }
                    @if let Some(detail) = self.detail {
                        div {
                            dt { "Made from" }
                            dd {
                                "log entries 1 to " (count(detail.seq))
                                @if let Some(chain) = &detail.chain {
                                    ", chain " code { (short(chain)) }
                                }
                            }
                        }
                    }
                    div { dt { "Figures" } dd { code { (short(&digest(self.report))) } } }
                    div { dt { "For" } dd { (self.handling()) } }
                }
            }
        }
    }

    fn handling(&self) -> String {
        let below = self.disclosure.below;
        let counts = if below > 1 {
            format!("counts below {below} are withheld in tables by place, kind and time")
        } else {
            "all counts are exact".to_owned()
        };
        let whom = if self.disclosure.public {
            "publication: no single call is in it"
        } else {
            "the room and its supervisors"
        };
        format!("{whom}; {counts}")
    }

    fn headline(&self) -> Markup {
        let calls = &self.report.whole.calls;
        let tile = |what: &str, number: u64, beside: String| {
            html! {
                div.tile { dt { (what) } dd { strong { (count(number)) } " " span { (beside) } } }
            }
        };
        html! {
            section aria-labelledby="headline" {
                h2 #headline { "In short" }
                @if let Some(clock) = self.clock() {
                    p.lead { (self.sentence(clock)) }
                    dl.tiles {
                        (tile("Calls", calls.received, match calls.reopened {
                            0 => String::new(),
                            reopened => format!("and {} reopened", count(reopened)),
                        }))
                        (tile(&format!("In time ({})", clock.clock), clock.in_time, share(clock.compliance)))
                        (tile("Missed", clock.missed, match never(clock) {
                            0 => "all answered later".to_owned(),
                            never => format!("{} never answered", count(never)),
                        }))
                        (tile("Still open", calls.open, match calls.open_waiting {
                            0 => "somebody has each of them".to_owned(),
                            waiting => format!("NOBODY HAS {}", count(waiting)),
                        }))
                    }
                }
                p.small {
                    (counted(calls.acknowledged, "call")) " acknowledged, " (count(calls.arrived))
                    " arrived at, " (counted(calls.closed, "closing"))
                    @if !calls.closed_as.is_empty() && !self.disclosure.public {
                        " (" (closed_as(self.report)) ")"
                    }
                    ", " (counted(calls.withdrawals, "acknowledgement")) " withdrawn. Left out: "
                    (counted(self.report.excluded.test, "test call")) ", "
                    (counted(self.report.excluded.canary, "canary call")) "."
                }
            }
        }
    }

    /// What a reader has to know, in two sentences.
    fn sentence(&self, clock: &ClockFigures) -> String {
        let within = format!("within {}", limit(clock.limit_ms));
        let mut said = if clock.missed == 0 {
            format!("No {} deadline was missed: every call was answered {within}.", clock.clock)
        } else {
            format!(
                "{} of {} missed the {} deadline of {}.",
                count(clock.missed),
                counted(clock.started, "call"),
                clock.clock,
                limit(clock.limit_ms)
            )
        };
        if clock.missed == 0 && (clock.open > 0 || clock.in_time_by_close > 0) {
            said = format!("No {} deadline was missed.", clock.clock);
        }
        let call = |worst: &super::Worst| {
            if self.disclosure.public { String::new() } else { format!(" (call {})", worst.call) }
        };
        if let Some(worst) = &clock.longest {
            said += &format!(" The slowest answer took {}{}", span(worst.ms), call(worst));
            said += match &clock.waiting {
                Some(_) => "",
                None => ".",
            };
        }
        if let Some(worst) = &clock.waiting {
            let and = if clock.longest.is_some() { "; the" } else { " The" };
            said += &format!("{and} longest still waiting {}{}.", span(worst.ms), call(worst));
        }
        said
    }

    fn notes(&self) -> Markup {
        let rough = self.report.whole.clocks.iter().map(|clock| clock.error_permille_max).max();
        html! {
            section.notes aria-labelledby="notes" {
                h2 #notes { "How to read this" }
                ul {
                    li {
                        b { "In time" } ": answered at or before the deadline; an answer at the "
                        "very instant of the deadline is in time. A call closed in time without "
                        "an answer is counted in time, and left out of the share."
                    }
                    li {
                        b { "Missed" } ": not answered by the deadline, whether answered later, "
                        "closed unanswered, or still waiting. " b { "Never" } ": of those, not "
                        "answered at all so far."
                    }
                    li {
                        b { "p50, p90, p95, p99, max" } ": so many of a hundred runs were "
                        "answered within this span; a run without an answer, closed in time or not, counts as longer than any, "
                        "and where the rank falls on one the report says never. No average is "
                        "given: it would hide the longest."
                        @if rough.is_some_and(|rough| rough > 0) {
                            " Of so many runs the percentiles of the whole may be too long by 0.1 %, "
                            "those of a group by 1 %; never too short."
                        }
                    }
                    li {
                        b { "Calls" } " in the tables by place, kind and time are runs of the one "
                        "clock: a reopened call counts again. Hours, shifts and weekdays are those "
                        "of its first receipt, local time."
                    }
                    @if self.disclosure.below > 1 {
                        li {
                            b { "<" (self.disclosure.below) } ": a count from 0 to "
                            (self.disclosure.below - 1) ", withheld. " b { (self.disclosure.below) "+" } ": a larger count, "
                            "withheld because a smaller one could be worked out from it. A row with "
                            "either shows no share and no percentile. Totals of the whole room are "
                            "always exact."
                        }
                    }
                    @if self.disclosure.public {
                        li { "No call number, no single call and no officer's name is in this copy." }
                    } @else {
                        li {
                            "No caller's name, number, place or note is in this report. A call is "
                            "named by its number, which only the room can open, and doing so is "
                            "recorded."
                        }
                    }
                }
                p.small {
                    "Digest of the figures (BLAKE3 of the report as JSON): "
                    code.long { (digest(self.report)) }
                    @if let Some(chain) = self.detail.and_then(|detail| detail.chain.as_ref()) {
                        ". Chain of the log: " code.long { (chain) }
                    }
                    "."
                }
            }
        }
    }
}

/// Runs that were missed and never answered.
const fn never(clock: &ClockFigures) -> u64 {
    clock.missed_unanswered + clock.missed_closed
}

fn closed_as(report: &Report) -> String {
    let mut closed: Vec<_> = report.whole.calls.closed_as.iter().collect();
    closed.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let one = |(name, closed): &(&String, &u64)| format!("{name} {}", count(**closed));
    closed.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// BLAKE3 of the report as JSON: two pages with the same digest show the same figures.
fn digest(report: &Report) -> String {
    let mut json = Vec::new();
    render::json(report, &mut json).expect("memory takes any report");
    blake3::hash(&json).to_hex().to_string()
}

/// The beginning of a digest, for the eye.
fn short(hex: &str) -> &str {
    hex.get(..16).unwrap_or(hex)
}

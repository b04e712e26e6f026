//! The deterministic simulation: the product's engine, journal format, sessions, client and outbox
//! on one thread, on virtual time, driven by one seed through everything that can go wrong.
//!
//! ```text
//!  people ──> client ──> net ──> session ──> handle ──> Shift::turn ──> Log on the Disk
//!                         │                                 │
//!                         └────────> Seen <── outbox <──────┘      judge(the log, what was seen)
//! ```
//! `cargo sim` runs some seeds, `SIM_SEED=n cargo sim` one, `SIM_SEEDS=a..b cargo sim` many. The seed
//! and what it draws are printed first; a seed that fails is made as small as it still fails.

#![expect(clippy::unwrap_used, reason = "a test may end in a panic")]

mod dice;
mod disk;
mod ear;
mod judge;
mod net;
mod people;
mod plan;
mod post;
mod seen;
mod signal;
mod time;
mod women;
mod world;

#[path = "../stories/checker.rs"]
#[expect(dead_code, reason = "the stories ask more of it")]
mod checker;

use judge::Verdict;
use plan::Plan;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Smaller runs tried before the story is told as it is.
const TRIES_MAX: usize = 120;

/// A run, also when the product panics in it: that is a verdict like any other.
fn run(plan: &Plan) -> (Verdict, Vec<(u64, String)>) {
    catch_unwind(AssertUnwindSafe(|| world::run(plan))).unwrap_or_else(|why| {
        let wrong = vec![format!("panic: {}", text_of(&*why))];
        (Verdict { wrong, ..Verdict::default() }, Vec::new())
    })
}

/// What a panic said.
pub fn text_of(why: &(dyn std::any::Any + Send)) -> String {
    let text = why.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned()
}

fn seeds() -> Range<u64> {
    let number =
        |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{text:?} is no seed"));
    if let Ok(seed) = std::env::var("SIM_SEED") {
        let seed = number(&seed);
        return seed..seed + 1;
    }
    match std::env::var("SIM_SEEDS") {
        Ok(range) => {
            let (from, to) = range.split_once("..").expect("SIM_SEEDS=a..b");
            number(from)..number(to)
        }
        Err(_) => 0..12,
    }
}

/// The checker that a finding comes from: what stands before its first colon or number.
fn kind_of(wrong: &str) -> &str {
    wrong.split(|c: char| c == ':' || c.is_ascii_digit()).next().unwrap_or(wrong)
}

/// The smallest plan found that still fails in the same way.
fn smallest(plan: &Plan, kind: &str) -> Plan {
    let (mut best, mut tries) = (plan.clone(), 0);
    'again: loop {
        for smaller in best.smaller() {
            tries += 1;
            if tries > TRIES_MAX {
                return best;
            }
            if run(&smaller).0.wrong.iter().any(|wrong| kind_of(wrong) == kind) {
                best = smaller;
                continue 'again;
            }
        }
        return best;
    }
}

/// Tells a failure as short as it can be told.
fn tell(plan: &Plan, verdict: &Verdict) {
    println!("FAILED {plan}");
    for wrong in verdict.wrong.iter().take(5) {
        println!("  {wrong}");
    }
    let smaller = smallest(plan, kind_of(&verdict.wrong[0]));
    let (verdict, story) = run(&smaller);
    println!("smallest: {smaller}\n  {:?}", verdict.wrong.first());
    for (at_ms, what) in story.iter().rev().take(40).rev() {
        println!("  {:>9.3} s  {what}", *at_ms as f64 / 1_000.0);
    }
}

#[test]
fn every_seed_keeps_every_promise() {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut failed, mut sum, mut minutes) = (Vec::new(), Verdict::default(), 0);
    for seed in seeds() {
        let plan = Plan::of(seed);
        println!("{plan}");
        let (verdict, story) = run(&plan);
        if std::env::var_os("SIM_STORY").is_some() {
            for (at_ms, what) in &story {
                println!("  {:>9.3} s  {what}", *at_ms as f64 / 1_000.0);
            }
        }
        println!(
            "  {} transitions, {} calls, {} receipts, {} escalations ({} late), {} notices ({} sent again)",
            verdict.transitions,
            verdict.calls,
            verdict.receipts,
            verdict.escalations,
            verdict.late,
            verdict.notices,
            verdict.repeats
        );
        if let (Some(wrong), true) =
            (verdict.wrong.first(), std::env::var_os("SIM_FIRST").is_some())
        {
            println!("CAUGHT by seed {seed}: {wrong}");
            panic!("caught");
        }
        if !verdict.wrong.is_empty() {
            tell(&plan, &verdict);
            failed.push(seed);
        }
        minutes += plan.minutes + 70;
        sum.transitions += verdict.transitions;
        sum.calls += verdict.calls;
        sum.receipts += verdict.receipts;
        sum.escalations += verdict.escalations;
        sum.late += verdict.late;
    }
    println!(
        "{} seeds, {:.1} days of room time: {} transitions, {} calls, {} receipts compared, {} escalations, {} of them late; failed: {failed:?}",
        seeds().count(),
        minutes as f64 / 1_440.0,
        sum.transitions,
        sum.calls,
        sum.receipts,
        sum.escalations,
        sum.late
    );
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
    assert!(sum.receipts > 0 && sum.escalations > 0, "nothing happened");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let mut plan = Plan::of(7);
    plan.minutes = 180;
    let (one, two) = (run(&plan), run(&plan));
    // The simulation's crashes keep panics quiet: what differs is said before.
    if let Some((one, two)) = one.1.iter().zip(&two.1).find(|(one, two)| one != two) {
        println!("the two stories part: {one:?} and {two:?}");
    }
    println!("{} and {} transitions", one.0.transitions, two.0.transitions);
    assert!(one.0.transitions > 0);
    assert_eq!(one.0.digest, two.0.digest);
    assert_eq!(one.0.transitions, two.0.transitions);
    assert_eq!(one.1, two.1, "the same story");
}

//! The order of calls, kept as they change, against sorting them all afresh.

use crate::samples::{call, claimed, closed, urgent, with_unit};
use fifteen::console::command_line::{Filter, SortBy};
use fifteen::console::list::{CallList, Line, Section, Which};
use fifteen::protocol::{CallSummary, Stage, UnitStatus};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn ids(list: &CallList) -> Vec<u64> {
    list.ids().collect()
}

fn board(calls: &[CallSummary]) -> CallList {
    let mut list = CallList::new(Which::Board, "sara");
    list.rebuild(calls.iter());
    list
}

#[test]
fn waiting_calls_stand_as_they_are_served_before_the_others() {
    let active =
        with_unit(CallSummary { stage: Stage::EnRoute, ..urgent(9) }, "CAR-1", UnitStatus::EnRoute);
    let list = board(&[closed(1), active, call(3), urgent(2), call(4)]);
    // Of one priority the older first: call 4 came before call 3.
    assert_eq!(ids(&list), [2, 4, 3, 9, 1]);
}

#[test]
fn the_cursor_stays_on_its_call_while_others_come_and_go() {
    let calls = [call(1), call(2), call(3)];
    let mut list = board(&calls);
    assert_eq!(list.selected(), Some(3), "untouched, it follows the first");
    list.step(1);
    assert_eq!(list.selected(), Some(2));
    list.changed(None, Some(&urgent(8)));
    assert_eq!(list.selected(), Some(2));
    list.changed(Some(&calls[1]), None);
    assert_eq!(list.selected(), Some(1), "what took its place");
}

#[test]
fn headings_are_lines_and_no_calls() {
    let calls: Vec<_> = (1..=30).map(call).chain([closed(31)]).collect();
    let mut list = board(&calls);
    list.last();
    list.keep_in_view(10);
    let lines = list.lines(10);
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[8], Line::Heading(Section::Closed, 1));
    assert_eq!(lines[9], Line::Call(31));
    list.first();
    list.keep_in_view(10);
    assert_eq!(list.lines(10)[0], Line::Heading(Section::Waiting, 30));
}

#[test]
fn a_filter_shows_what_matches_every_part_of_it() {
    let multan = CallSummary { district: "Multan".into(), ..urgent(5) };
    let calls = [claimed(call(1), "sara"), claimed(call(2), "omar"), multan];
    let mut list = board(&calls);
    let mut shows = |filter: Filter| {
        list.filter_by(filter, calls.iter());
        ids(&list)
    };
    assert_eq!(shows(Filter { mine: true, ..Filter::default() }), [1]);
    assert_eq!(shows(Filter { district: Some("multan".into()), ..Filter::default() }), [5]);
    assert_eq!(
        shows(Filter { words: vec!["viol".into(), "lah".into()], ..Filter::default() }),
        [2, 1]
    );
    assert_eq!(
        shows(Filter { priority: Some(1), mine: true, ..Filter::default() }),
        Vec::<u64>::new()
    );
}

#[test]
fn missed_calls_are_those_to_be_rung_back() {
    let mut due = call(1);
    due.flags.dropped = true;
    due.clocks.push(crate::samples::clock("callback", due.received_at + 300_000));
    let mut done = due.clone();
    done.call = 2;
    done.clocks[2].stopped_at = Some(due.received_at + 60_000);
    let mut list = CallList::new(Which::Missed, "sara");
    list.rebuild([&due, &done, &call(3), &closed(4)].into_iter());
    assert_eq!(
        list.lines(9),
        [
            Line::Heading(Section::Due, 1),
            Line::Call(1),
            Line::Heading(Section::RungBack, 1),
            Line::Call(2)
        ]
    );
}

fn any_call() -> impl Strategy<Value = CallSummary> {
    (1..40_u64, 1..=4_u8, 0..4_u8, any::<bool>()).prop_map(|(id, priority, stage, multan)| {
        let mut it = if stage == 3 { closed(id) } else { call(id) };
        it.priority = priority;
        it.stage =
            [Stage::Waiting, Stage::Dispatched, Stage::OnScene, Stage::Closed][usize::from(stage)];
        if multan {
            it.district = "Multan".into();
        }
        it
    })
}

proptest! {
    #[test]
    fn an_order_kept_by_changes_is_the_order_of_sorting_afresh(
        changes in prop::collection::vec((any_call(), any::<bool>()), 0..120),
        sort in 0..7_usize,
        reversed: bool,
        only_multan: bool,
    ) {
        let sorts = [SortBy::Queue, SortBy::Clock, SortBy::Age, SortBy::District, SortBy::Kind, SortBy::Priority, SortBy::Stage];
        let none = std::iter::empty();
        let mut kept = CallList::new(Which::Board, "sara");
        kept.sort_by(sorts[sort], reversed, none);
        let district = only_multan.then(|| "Multan".to_owned());
        kept.filter_by(Filter { district, ..Filter::default() }, std::iter::empty());
        let mut naive: BTreeMap<u64, CallSummary> = BTreeMap::new();
        for (call, leaves) in changes {
            if leaves {
                let before = naive.remove(&call.call);
                kept.changed(before.as_ref(), None);
            } else {
                let before = naive.insert(call.call, call.clone());
                kept.changed(before.as_ref(), Some(&call));
            }
        }
        let mut fresh = kept.clone();
        fresh.rebuild(naive.values());
        prop_assert_eq!(ids(&kept), ids(&fresh));
    }

    #[test]
    fn whatever_the_height_the_cursor_is_in_view(
        waiting in 0..60_u64, ended in 0..9_u64, height in 1..30_usize, steps in prop::collection::vec(-70..70_isize, 0..9),
    ) {
        let calls: Vec<_> = (1..=waiting).map(call).chain((100..100 + ended).map(closed)).collect();
        let mut list = board(&calls);
        for step in steps {
            list.step(step);
            list.keep_in_view(height);
            let lines = list.lines(height);
            prop_assert!(lines.len() <= height);
            if let Some(selected) = list.selected() {
                prop_assert!(lines.contains(&Line::Call(selected)), "{:?} in {:?}", selected, lines);
            }
        }
    }
}

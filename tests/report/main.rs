//! The supervisor's figures, against rooms that ran through the real engine.
#![expect(clippy::unwrap_used, reason = "what fails in the helpers of a test fails the test")]

mod against_naive;
mod command;
mod disclosure;
mod notices;
mod page;
mod privacy;
#[path = "../stories/room.rs"]
#[expect(dead_code, reason = "the stories use more of the room than the reports do")]
mod room;
mod screens;
mod stories;

use fifteen::domain::{CallId, Dated, NewCall};
use fifteen::report::{By, Calls, ClockFigures, EscalationRow, Figures, Fold, Query, Report};
use jiff::tz::TimeZone;
use room::Room;

fn karachi() -> TimeZone {
    TimeZone::get("Asia/Karachi").unwrap()
}

fn by(by: By) -> Query {
    Query { by: Some(by), ..Query::all(karachi()) }
}

fn report_of(log: &[Dated], query: Query, end: fifteen::domain::UtcMs) -> Report {
    let mut fold = Fold::new(query);
    log.iter().for_each(|dated| fold.take(dated));
    fold.finish(end)
}

fn report(room: &Room, query: Query) -> Report {
    report_of(&room.log, query, room.now)
}

/// The report that the page is made of.
fn full(room: &Room) -> Report {
    let mut fold = Fold::full(Query::all(karachi()));
    room.log.iter().for_each(|dated| fold.take(dated));
    fold.finish(room.now).signed("Women's cell", Some("c0ffee".into()))
}

fn whole(room: &Room) -> Figures {
    report(room, Query::all(karachi())).whole
}

fn calls(room: &Room) -> Calls {
    whole(room).calls
}

fn clock(figures: &Figures, name: &str) -> ClockFigures {
    let found = figures.clocks.iter().find(|clock| clock.clock == name);
    found.unwrap().clone()
}

fn rows(room: &Room, query: Query) -> Vec<EscalationRow> {
    let mut fold = Fold::new(query);
    let mut rows = Vec::new();
    for dated in &room.log {
        fold.take(dated);
        rows.extend(fold.rows(dated));
    }
    rows
}

/// A call that was cut off.
fn dropped(room: &mut Room) -> CallId {
    let mut call: NewCall = Room::new_call(2);
    call.flags.dropped = true;
    room.place(call)
}

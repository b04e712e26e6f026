//! What a supervisor and a program read.

use super::{by, dropped, karachi, report, rows};
use crate::room::Room;
use fifteen::domain::{Callsign, Command, NewCall, Progress, Role, Source};
use fifteen::report::{By, Query, Report, render};

/// A bad night: one call answered, one late, one nobody has, one withdrawn, one closed so.
pub fn bad_night() -> Room {
    let mut room = Room::open();
    let in_district = |district: &str| NewCall { district: district.into(), ..Room::new_call(2) };
    let answered = room.place(in_district("Lahore"));
    let late = room.place(in_district("Multan"));
    let nobody = room.place(in_district("Multan"));
    let withdrawn = room.place(in_district("Rawalpindi"));
    let cut_off = dropped(&mut room);
    room.place(NewCall { source: Source::Canary, ..Room::new_call(4) });
    room.seconds(208);
    room.sign_on("CAR-1");
    room.assign(answered, "CAR-1").unwrap();
    room.seconds(45);
    room.progress(answered, "CAR-1", Progress::EnRoute).unwrap();
    room.progress(withdrawn, "CAR-7", Progress::Acknowledged).unwrap();
    room.minutes(4);
    room.progress(answered, "CAR-1", Progress::OnScene).unwrap();
    room.operator(Command::ReleaseUnit {
        call: withdrawn,
        unit: Callsign::new("CAR-7").unwrap(),
        reason: None,
    })
    .unwrap();
    room.close(cut_off, "Saima", "referred").unwrap();
    room.minutes(18);
    room.progress(late, "CAR-9", Progress::OnScene).unwrap();
    room.close(answered, "Saima", "helped").unwrap();
    room.minutes(60);
    let take = Command::TakeEscalation { call: nobody, clock: "acknowledge".into(), rung: Some(1) };
    room.submit("DPO Multan", Role::Supervisor, take).unwrap();
    room
}

#[test]
fn a_bad_night_at_80_columns() {
    let table = render::table(&report(&bad_night(), by(By::District)));
    let wide = table.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    insta::assert_snapshot!(table);
}

#[test]
fn a_quiet_night_says_so() {
    let mut room = Room::open();
    room.minutes(60);
    insta::assert_snapshot!(render::table(&report(&room, Query::all(karachi()))));
    let call = room.call(1);
    room.progress(call, "CAR-1", Progress::OnScene).unwrap();
    let table = render::table(&report(&room, Query::all(karachi())));
    assert!(table.contains("Nobody had to be told."), "{table}");
}

#[test]
fn json_goes_there_and_back() {
    for by_what in By::ALL {
        let report = report(&bad_night(), by(by_what));
        let mut out = Vec::new();
        render::json(&report, &mut out).unwrap();
        let back: Report = serde_json::from_slice(&out).unwrap();
        assert_eq!(back, report);
        let packed = rmp_serde::to_vec_named(&report).unwrap();
        assert_eq!(rmp_serde::from_slice::<Report>(&packed).unwrap(), report);
    }
}

#[test]
fn csv_is_a_row_a_group_and_clock() {
    let report = report(&bad_night(), by(By::District));
    let mut out = Vec::new();
    render::csv(&report, &mut out).unwrap();
    let mut reader = csv::Reader::from_reader(&out[..]);
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let clocks = |figures: &fifteen::report::Figures| figures.clocks.len();
    let groups: usize = report.groups.iter().map(|group| clocks(&group.figures)).sum();
    assert_eq!(rows.len(), clocks(&report.whole) + groups);
    assert_eq!(&rows[0][column("group")], "(all)");
    assert_eq!(&rows[0][column("clock")], "acknowledge");
    assert_eq!(&rows[0][column("limit_ms")], "900000");
    // A null percentile is an empty cell.
    assert_eq!(&rows[0][column("max_ms")], "");
}

#[test]
fn the_list_of_escalations_reads_back_from_both_forms() {
    let room = bad_night();
    let rows = rows(&room, Query::all(karachi()));
    let (mut json, mut out) = (Vec::new(), Vec::new());
    let mut list = render::EscalationCsv::new(&mut out).unwrap();
    for row in &rows {
        render::escalation_json(row, &mut json).unwrap();
        list.write(row).unwrap();
    }
    list.finish().unwrap();
    let back: Vec<_> =
        serde_json::Deserializer::from_slice(&json).into_iter().map(Result::unwrap).collect();
    assert_eq!(rows, back);
    let mut reader = csv::Reader::from_reader(&out[..]);
    let back: Vec<_> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows, back);
}

//! Nothing of who she is comes out of a report, whatever was written where.

use super::{by, full, report, rows};
use crate::room::Room;
use fifteen::domain::{
    CallbackOutcome, Callsign, Command, NewCall, Place, Point, Progress, Role, Sealed, SealedText,
    SignOn,
};
use fifteen::report::{By, Disclosure, html, render, summary};

const NAME: &str = "Zarmina-Gulalai-Canary";

fn text() -> Option<Box<str>> {
    Some(NAME.into())
}

#[test]
fn her_name_is_in_no_output() {
    let mut room = Room::open();
    let mut call = NewCall {
        line: text(),
        sealed: Sealed {
            number: text(),
            name: text(),
            place: Some(Place {
                point: Point::from_degrees(31.123_456_7, 74.765_432_1, 5),
                words: text(),
            }),
            note: text(),
            press: None,
        },
        ..Room::new_call(1)
    };
    call.flags.dropped = true;
    let call = room.place(call);
    let unit = Callsign::new("CAR-1").unwrap();
    let crew = SignOn {
        district: "Lahore".into(),
        crew: vec![NAME.into()],
        vehicle: text(),
        ..SignOn::default()
    };
    let reason = text();
    for command in [
        Command::SignOnUnit { unit: unit.clone(), crew: Box::new(crew), linked: false },
        Command::AssignUnit { call, unit: unit.clone() },
        Command::ReportProgress {
            call,
            unit: unit.clone(),
            progress: Progress::EnRoute,
            by_radio: true,
        },
        Command::ReleaseUnit { call, unit: unit.clone(), reason: reason.clone() },
        Command::AddNote { call, text: SealedText(NAME.into()) },
        Command::EscalateCall { call, clock: None, reason: reason.clone() },
        Command::OpenCall { call, reason: reason.clone() },
        Command::SetOutOfService { unit, reason: NAME.into() },
        Command::RecordCallback { call, outcome: CallbackOutcome::NoAnswer, note: None },
    ] {
        room.operator(command).unwrap();
    }
    room.minutes(100);
    let take = Command::TakeEscalation { call, clock: "arrive".into(), rung: None };
    room.submit("the DPO", Role::Supervisor, take).unwrap();
    for who in ["Saima", "Nadia"] {
        let close = Command::CloseCall {
            call,
            disposition: "hoax".into(),
            remark: Some(SealedText(NAME.into())),
        };
        room.submit(who, Role::Operator, close).unwrap();
    }
    room.operator(Command::ReopenCall { call, reason }).unwrap();
    room.minutes(100);

    let mut out = Vec::new();
    for by_what in By::ALL {
        let report = report(&room, by(by_what));
        out.extend(render::table(&report).into_bytes());
        render::json(&report, &mut out).unwrap();
        render::csv(&report, &mut out).unwrap();
        out.extend(format!("{report:?}").into_bytes());
    }
    let full = full(&room);
    for public in [false, true] {
        let disclosure = Disclosure { below: 0, public };
        for clock in [None, Some("arrive")] {
            out.extend(html(&full, clock, disclosure).into_bytes());
            out.extend(summary(&full, clock, disclosure).into_bytes());
            render::public_json(&full, clock, 0, &mut out).unwrap();
            render::public_csv(&full, clock, 0, &mut out).unwrap();
        }
    }
    render::json(&full, &mut out).unwrap();
    out.extend(format!("{full:?}").into_bytes());
    let mut list = render::EscalationCsv::new(&mut out).unwrap();
    let rows = rows(&room, by(By::District));
    assert!(rows.len() > 10);
    rows.iter().for_each(|row| list.write(row).unwrap());
    list.finish().unwrap();
    for row in &rows {
        render::escalation_json(row, &mut out).unwrap();
    }
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("Lahore") && out.contains("the DPO"));
    for planted in [NAME, "Zarmina", "31.12", "74.76", "311234567", "747654321"] {
        assert!(!out.contains(planted), "{planted} came out");
    }
}

#[test]
fn a_public_copy_names_no_call_and_no_officer() {
    let mut room = super::screens::bad_night();
    // A number that is no count of anything.
    for _ in 0..700 {
        let call = room.call(3);
        room.progress(call, "CAR-5", Progress::OnScene).unwrap();
        room.close(call, "Saima", "helped").unwrap();
    }
    let last = room.place(NewCall { district: "Attock".into(), ..Room::new_call(1) });
    room.minutes(100);
    let full = full(&room);
    let disclosure = Disclosure { below: 5, public: true };
    let mut out = html(&full, None, disclosure) + &summary(&full, None, disclosure);
    let mut json = Vec::new();
    render::public_json(&full, None, 5, &mut json).unwrap();
    render::public_csv(&full, None, 5, &mut json).unwrap();
    out += &String::from_utf8(json).unwrap();
    assert!(!out.contains("DPO Multan") && !out.contains("(call"));
    assert!(!out.contains(&format!(">{last}<")) && !out.contains(&format!("\"call\": {last}")));
    let inside = html(&full, None, Disclosure::default());
    assert!(inside.contains("DPO Multan") && inside.contains(&format!(">{last}<")));
}

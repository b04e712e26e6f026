//! A unit's client: every assignment once, whatever the link does.

use crate::script::{Guest, House, house, quick, snapshot, soon};
use fifteen::client::{Client, UnitClient, UnitNews};
use fifteen::protocol::{
    Assignment, Flags, Hello, Place, Push, ReportedStatus, Request, Role, SignOn, UnitStatus,
    UnitSummary,
};

fn assignment(call: u64, assigned_at: u64) -> Assignment {
    Assignment {
        call,
        generation: 1,
        kind: "assault".to_owned(),
        priority: 1,
        district: "Gulberg".to_owned(),
        place: None,
        number: None,
        name: None,
        note: None,
        flags: Flags::default(),
        assigned_at,
    }
}

fn alpha(calls: &[u64]) -> UnitSummary {
    UnitSummary {
        unit: "Alpha-1".to_owned(),
        status: UnitStatus::Dispatched,
        district: "Gulberg".to_owned(),
        crew: 2,
        skills: Vec::new(),
        calls: calls.to_vec(),
        lat: None,
        lon: None,
        last_seen_at: 1,
        linked: true,
        panic: None,
    }
}

fn unit_push(seq: u64, calls: &[u64], assignment: Option<Assignment>) -> Push {
    Push {
        seq,
        at: seq,
        event: "unit_assigned".to_owned(),
        durable: true,
        call: None,
        unit: Some(Box::new(alpha(calls))),
        escalation: None,
        assignment: assignment.map(Box::new),
        message: None,
    }
}

#[tokio::test]
async fn what_changed_of_an_assignment_is_told_once() {
    let (mut unit, _house, mut guest) = on_duty().await;
    let here = |lat| Place { lat: Some(lat), lon: Some(74.3), ..Place::default() };
    let moved = |lat| Assignment { place: Some(here(lat)), ..assignment(7, 100) };
    guest.say(unit_push(2, &[7], Some(assignment(7, 100)))).await;
    guest.say(unit_push(3, &[7], Some(moved(31.5)))).await;
    guest.say(unit_push(4, &[7], Some(moved(31.5)))).await;
    guest.say(unit_push(5, &[7], Some(moved(31.6)))).await;
    let told = |news: Assignment| UnitNews::Changed(Box::new(news));
    assert_eq!(soon(unit.next()).await.unwrap(), UnitNews::Assigned(Box::new(assignment(7, 100))));
    assert_eq!(soon(unit.next()).await.unwrap(), told(moved(31.5)));
    assert_eq!(soon(unit.next()).await.unwrap(), told(moved(31.6)));
}

async fn on_duty() -> (UnitClient, House, Guest) {
    let (door, mut house) = house();
    let hello = Hello::new(Role::Unit, "Alpha-1");
    let unit = tokio::spawn(async move {
        let client = Client::connect_with(door, hello, quick()).await.unwrap();
        let duty = SignOn {
            unit: "Alpha-1".to_owned(),
            district: "Gulberg".to_owned(),
            crew: vec!["Nadia".to_owned(), "Imran".to_owned()],
            skills: Vec::new(),
            vehicle: None,
            lat: None,
            lon: None,
        };
        UnitClient::sign_on(client, duty).await.unwrap()
    });
    let (mut guest, _) = house.welcome_guest().await;
    let sign_on = guest.request().await;
    assert!(matches!(sign_on.request, Request::SignOn(_)));
    guest.done(sign_on.id).await;
    guest.subscribed(false).await;
    guest.say(snapshot(1, 1, 1)).await;
    (soon(unit).await.unwrap(), house, guest)
}

#[tokio::test]
async fn assignment_is_told_once_over_push_and_snapshot_and_its_end_once() {
    let (mut unit, mut house, mut guest) = on_duty().await;
    guest.say(unit_push(2, &[7], Some(assignment(7, 2)))).await;
    let news = soon(unit.next()).await;
    assert_eq!(news, Some(UnitNews::Assigned(Box::new(assignment(7, 2)))));
    drop(guest);
    let (mut guest, _) = house.welcome_guest().await;
    guest.subscribed(false).await;
    let mut page = snapshot(3, 1, 1);
    page.units = vec![alpha(&[7])];
    page.assignments = vec![assignment(7, 2)];
    guest.say(page).await;
    guest.say(unit_push(4, &[], None)).await;
    let news = soon(unit.next()).await;
    assert_eq!(news, Some(UnitNews::Ended { call: 7 }));
    guest.say(unit_push(5, &[7], Some(assignment(7, 5)))).await;
    let news = soon(unit.next()).await;
    assert_eq!(news, Some(UnitNews::Assigned(Box::new(assignment(7, 5)))));
}

#[tokio::test]
async fn crew_answers_in_one_word() {
    let (unit, _house, mut guest) = on_duty().await;
    let answered = tokio::spawn(async move { unit.acknowledge(7).await });
    let frame = guest.request().await;
    let Request::ReportStatus(report) = &frame.request else { panic!("{frame:?}") };
    assert_eq!((report.call, report.status), (7, ReportedStatus::Acknowledged));
    assert!(frame.key.is_some(), "sent again safely");
    guest.done(frame.id).await;
    soon(answered).await.unwrap().unwrap();
}

//! A patrol unit's program against a server that follows a script: what is sent, when, to whom, and what is not.

use crate::script::{Door, Guest, House, house, quick, snapshot, soon, welcome};
use fifteen::client::unit::{
    Entry, Fix, Outbox, Patrol, PatrolConfig, PatrolNews, PositionLimits, Saying, Unsaid,
};
use fifteen::client::{Link, UnitNews};
use fifteen::protocol::{
    Code, Hello, Key, Message, Push, Rejection, Request, RequestFrame, Role, SignOn, UnitStatus,
    UnitSummary, Welcome,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const HOUR: u64 = 3_600_000;
/// The room's time in every welcome here.
const NOW: u64 = 1_000 * HOUR;

/// A machine of a crew: its disk and its clock.
struct Machine {
    folder: tempfile::TempDir,
    clock: Arc<AtomicU64>,
}

impl Machine {
    fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(NOW));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn outbox(&self) -> Outbox {
        Outbox::open(&self.folder.path().join("unit"), 0).unwrap().0
    }

    /// The program, begun.
    fn begin(&self, door: Door) -> Patrol {
        self.begin_with(door, self.outbox())
    }

    fn begin_with(&self, door: Door, outbox: Outbox) -> Patrol {
        let duty = SignOn {
            unit: "Alpha-1".to_owned(),
            district: "Gulberg".to_owned(),
            crew: vec!["Nadia".to_owned()],
            skills: Vec::new(),
            vehicle: None,
            lat: None,
            lon: None,
        };
        let config = PatrolConfig { duty, positions: PositionLimits::default(), client: quick() };
        let clock = Arc::clone(&self.clock);
        let now = move || clock.load(Ordering::Relaxed);
        Patrol::begin(door, Hello::new(Role::Unit, "Alpha-1"), config, outbox, now)
    }
}

fn of_log(node: u64) -> Welcome {
    Welcome { node, now_at: NOW, seq: 100, ..welcome(60_000) }
}

fn alpha(status: UnitStatus) -> UnitSummary {
    UnitSummary {
        unit: "Alpha-1".to_owned(),
        status,
        district: "Gulberg".to_owned(),
        crew: 1,
        skills: Vec::new(),
        calls: Vec::new(),
        lat: None,
        lon: None,
        last_seen_at: 1,
        linked: true,
        panic: None,
    }
}

fn push(seq: u64, event: &str) -> Push {
    Push {
        seq,
        at: seq,
        event: event.to_owned(),
        durable: true,
        call: None,
        unit: None,
        escalation: None,
        assignment: None,
        message: None,
    }
}

/// The next connection, made welcome by `log`, with its subscription answered.
async fn guest(house: &mut House, log: u64) -> Guest {
    let (mut guest, _) = house.guest().await;
    guest.say(of_log(log)).await;
    guest
}

/// A request that must come now; the subscription is answered on the way.
async fn asked(guest: &mut Guest) -> RequestFrame {
    loop {
        let frame = guest.request().await;
        if !matches!(frame.request, Request::Subscribe(_)) {
            return frame;
        }
        guest.reply(frame.id, fifteen::protocol::Subscribed { resumed: false }).await;
        let mut page = snapshot(100, 1, 1);
        page.units = vec![alpha(UnitStatus::Available)];
        guest.say(page).await;
    }
}

/// The same, by name; answered done.
async fn does(guest: &mut Guest, name: &str) -> RequestFrame {
    let frame = asked(guest).await;
    assert_eq!(frame.request.name(), name, "{frame:?}");
    let body = fifteen::protocol::Done::default().into();
    guest
        .say(fifteen::protocol::Reply {
            id: frame.id,
            seq: Some(101),
            repeated: false,
            drill: false,
            durable: true,
            body,
        })
        .await;
    frame
}

async fn rejects(guest: &mut Guest, frame: &RequestFrame, code: Code) {
    let text = "no".to_owned();
    guest.say(Rejection { id: frame.id, code, text, field: None, drill: false }).await;
}

/// Runs the program beside the script, to the end of the script; what it told its crew.
async fn beside(patrol: &mut Patrol, script: impl Future<Output = ()>) -> Vec<PatrolNews> {
    let mut told = Vec::new();
    let mut script = std::pin::pin!(script);
    loop {
        tokio::select! {
            biased;
            () = &mut script => break,
            news = patrol.next() => match news {
                Some(news) => told.push(news),
                None => break,
            },
        }
    }
    // What came with the last word.
    while let Ok(Some(news)) = tokio::time::timeout(Duration::from_millis(30), patrol.next()).await
    {
        told.push(news);
    }
    told
}

fn names(told: &[PatrolNews]) -> Vec<String> {
    let name = |news: &PatrolNews| match news {
        PatrolNews::Up(_) => "up".to_owned(),
        PatrolNews::Down { .. } => "down".to_owned(),
        PatrolNews::Ended { .. } => "ended".to_owned(),
        PatrolNews::SignedOn => "signed_on".to_owned(),
        PatrolNews::NotSignedOn { .. } => "not_signed_on".to_owned(),
        PatrolNews::SignedOff { by_room } => format!("signed_off by_room={by_room}"),
        PatrolNews::Status(status) => format!("status {status}"),
        PatrolNews::Told(UnitNews::Assigned(_)) => "assigned".to_owned(),
        PatrolNews::Told(UnitNews::Changed(_)) => "changed".to_owned(),
        PatrolNews::Told(UnitNews::Ended { .. }) => "unassigned".to_owned(),
        PatrolNews::Told(UnitNews::Message(message)) => format!("message {}", message.text),
        PatrolNews::Sent { entry, .. } => format!("sent {:?}", entry.saying),
        PatrolNews::Rejected { entry, .. } => format!("rejected {:?}", entry.saying),
        PatrolNews::Expired(entry) => format!("expired {:?}", entry.saying),
        PatrolNews::OtherLog(entry) => format!("other_log {:?}", entry.saying),
        PatrolNews::Trouble(_) => "trouble".to_owned(),
    };
    let mut names: Vec<_> =
        told.iter().map(name).filter(|name| !name.starts_with("status")).collect();
    // The script is over, and with it its side of the connection.
    if let Some(last) = names.iter().rposition(|name| *name == "down") {
        names.remove(last);
    }
    names
}

fn entry(number: u8, at: u64, saying: Saying) -> Entry {
    Entry { key: Key([number; 16]), at, node: Some(1), saying }
}

const EN_ROUTE: Saying = Saying::EnRoute { call: 7 };
const ON_SCENE: Saying = Saying::OnScene { call: 7 };
const PANIC: Saying = Saying::Panic { lat: None, lon: None };

#[tokio::test]
async fn one_is_under_way_at_a_time_and_a_rejected_one_makes_room_for_the_next() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    patrol.say(EN_ROUTE, None).unwrap();
    patrol.say(ON_SCENE, None).unwrap();
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        does(&mut guest, "sign_on").await;
        let first = asked(&mut guest).await;
        // Nothing overtakes it, however long it takes.
        let next = tokio::time::timeout(Duration::from_millis(50), guest.request()).await;
        assert!(next.is_err(), "{next:?}");
        rejects(&mut guest, &first, Code::CallClosed).await;
        does(&mut guest, "report_status").await;
    };
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "signed_on", "rejected en_route(7)", "sent on_scene(7)"]);
    assert_eq!(patrol.unsent(), 0);
}

#[tokio::test]
async fn what_was_cut_off_is_sent_again_under_its_key_before_anything_later() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    let key = patrol.say(EN_ROUTE, None).unwrap();
    patrol.say(ON_SCENE, None).unwrap();
    let script = async {
        let mut first = guest(&mut house, 1).await;
        does(&mut first, "sign_on").await;
        assert_eq!(asked(&mut first).await.key, Some(key));
        drop(first);
        let mut second = guest(&mut house, 1).await;
        assert_eq!(does(&mut second, "report_status").await.key, Some(key));
        assert_ne!(asked(&mut second).await.key, Some(key));
    };
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "signed_on", "down", "up", "sent en_route(7)"]);
    // And by the next program, should this one die now.
    drop(patrol);
    assert_eq!(machine.outbox().len(), 1);
}

#[tokio::test]
async fn what_was_said_to_one_log_is_not_said_to_another_but_a_panic_is_and_the_unit_signs_on_there()
 {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut outbox = machine.outbox();
    outbox.keep(entry(1, NOW, EN_ROUTE));
    outbox.keep(entry(2, NOW, PANIC));
    drop(outbox);
    let mut patrol = machine.begin(door);
    let script = async {
        let mut guest = guest(&mut house, 2).await;
        let mut names = [asked(&mut guest).await, asked(&mut guest).await];
        names.sort_by_key(|frame| frame.request.name());
        assert_eq!(names[0].request.name(), "panic");
        assert_eq!(names[0].key, Some(Key([2; 16])));
        assert_eq!(names[1].request.name(), "sign_on");
        guest.done(names[0].id).await;
        guest.done(names[1].id).await;
    };
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "other_log en_route(7)", "sent panic", "signed_on"]);
    assert_eq!(patrol.unsent(), 0);
}

#[tokio::test]
async fn status_under_way_when_the_log_changes_stays_with_the_old_log() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    patrol.say(EN_ROUTE, None).unwrap();
    let script = async {
        let mut first = guest(&mut house, 1).await;
        does(&mut first, "sign_on").await;
        asked(&mut first).await;
        drop(first);
        let mut second = guest(&mut house, 2).await;
        does(&mut second, "sign_on").await;
        let more = tokio::time::timeout(Duration::from_millis(50), asked(&mut second)).await;
        assert!(more.is_err(), "{more:?}");
    };
    let told = beside(&mut patrol, script).await;
    let wanted = ["up", "signed_on", "down", "up", "other_log en_route(7)", "signed_on"];
    assert_eq!(names(&told), wanted);
}

#[tokio::test]
async fn what_is_older_than_the_rooms_memory_of_keys_is_shown_and_not_sent() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut outbox = machine.outbox();
    outbox.keep(entry(1, NOW - 23 * HOUR, EN_ROUTE));
    outbox.keep(entry(2, NOW - 23 * HOUR + 60_000, ON_SCENE));
    drop(outbox);
    // This machine woke up in 1970: only the room's clock counts.
    machine.clock.store(5, Ordering::Relaxed);
    let mut patrol = machine.begin(door);
    patrol.say(Saying::CheckIn { call: 7 }, None).unwrap();
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        assert_eq!(does(&mut guest, "report_status").await.key, Some(Key([2; 16])));
        does(&mut guest, "sign_on").await;
        does(&mut guest, "check_in").await;
    };
    let told = beside(&mut patrol, script).await;
    let wanted = ["up", "expired en_route(7)", "sent on_scene(7)", "signed_on", "sent check_in(7)"];
    assert_eq!(names(&told), wanted);
}

#[tokio::test]
async fn a_sign_off_left_from_before_ends_the_old_duty_and_not_the_new_one() {
    let (door, mut house) = house();
    let machine = Machine::new();
    machine.outbox().keep(entry(1, NOW, Saying::SignOff));
    let mut patrol = machine.begin(door);
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        does(&mut guest, "sign_off").await;
        guest.say(push(102, "unit_signed_off")).await;
        does(&mut guest, "sign_on").await;
    };
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "sent sign_off", "signed_on"]);
}

#[tokio::test]
async fn a_panic_overtakes_what_is_under_way_and_the_sign_on() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    patrol.say(EN_ROUTE, None).unwrap();
    patrol.say(PANIC, None).unwrap();
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        let (panic, sign_on) = (asked(&mut guest).await, asked(&mut guest).await);
        assert_eq!((panic.request.name(), sign_on.request.name()), ("panic", "sign_on"));
        guest.done(panic.id).await;
        guest.done(sign_on.id).await;
        does(&mut guest, "report_status").await;
    };
    let told = beside(&mut patrol, script).await;
    assert!(names(&told).contains(&"sent panic".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_room_is_asked_again_later_under_the_same_key_and_in_turn() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    patrol.say(EN_ROUTE, None).unwrap();
    patrol.say(ON_SCENE, None).unwrap();
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        does(&mut guest, "sign_on").await;
        let first = asked(&mut guest).await;
        rejects(&mut guest, &first, Code::Busy).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        machine.clock.fetch_add(2_500, Ordering::Relaxed);
        let again = does(&mut guest, "report_status").await;
        assert_eq!(again.key, first.key);
        does(&mut guest, "report_status").await;
    };
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "signed_on", "sent en_route(7)", "sent on_scene(7)"]);
}

#[tokio::test]
async fn a_unit_the_room_signed_off_gets_nothing_until_it_signs_on_again() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    let message = |seq, text: &str| {
        let message = Message {
            seq,
            at: seq,
            unit: "Alpha-1".to_owned(),
            to_room: false,
            who: "Sana".to_owned(),
            call: None,
            read: false,
            text: text.to_owned(),
        };
        Push { message: Some(Box::new(message)), ..push(seq, "message_sent") }
    };
    let mut guest = None;
    let script = async {
        let guest = guest.insert(self::guest(&mut house, 1).await);
        does(guest, "sign_on").await;
        guest.say(message(110, "hello")).await;
        guest.say(push(111, "unit_signed_off")).await;
        guest.say(message(112, "not for you")).await;
    };
    assert_eq!(patrol.is_on_duty(), None);
    let told = beside(&mut patrol, script).await;
    assert_eq!(names(&told), ["up", "signed_on", "message hello", "signed_off by_room=true"]);
    assert_eq!(patrol.is_on_duty(), Some(false));
    patrol.sign_on();
    assert_eq!(patrol.is_on_duty(), None);
    let told = beside(&mut patrol, async { drop(does(guest.as_mut().unwrap(), "sign_on").await) });
    assert_eq!(names(&told.await), ["signed_on"]);
    assert_eq!(patrol.is_on_duty(), Some(true));
}

#[tokio::test]
async fn positions_go_seldom_without_a_key_and_never_through_the_file() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    let fix = |lat| Fix { lat, lon: 74.3, accuracy_m: None };
    let mut guest = None;
    let script = async {
        let guest = guest.insert(self::guest(&mut house, 1).await);
        does(guest, "sign_on").await;
    };
    beside(&mut patrol, script).await;
    for step in 0..200 {
        patrol.moved(fix(31.5 + f64::from(step) / 1_000.0));
    }
    assert_eq!(patrol.unsent(), 0);
    let guest = guest.as_mut().unwrap();
    let script = async {
        let here = does(guest, "report_position").await;
        let Request::ReportPosition(here) = here.request else { panic!("{here:?}") };
        assert!((here.lat - 31.699).abs() < 1e-9, "the latest: {here:?}");
        let next = tokio::time::timeout(Duration::from_millis(50), guest.request()).await;
        assert!(next.is_err(), "{next:?}");
    };
    beside(&mut patrol, script).await;
    drop(patrol);
    assert!(machine.outbox().is_empty());
}

#[tokio::test]
async fn without_a_disk_everything_is_still_sent_and_the_trouble_is_said() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin_with(door, Outbox::in_memory("no space left"));
    patrol.say(EN_ROUTE, None).unwrap();
    let script = async {
        let mut guest = guest(&mut house, 1).await;
        does(&mut guest, "sign_on").await;
        does(&mut guest, "report_status").await;
    };
    let told = beside(&mut patrol, script).await;
    assert!(told.contains(&PatrolNews::Trouble(Some("no space left".to_owned()))), "{told:?}");
    assert!(names(&told).contains(&"sent en_route(7)".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_text_past_its_bound_is_not_kept_and_said_so() {
    let (door, _house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    let long = Saying::Message { call: None, text: "x".repeat(1_025) };
    assert_eq!(patrol.say(long, None), Err(Unsaid::TooLong));
    let clear = Saying::Clear { call: 7, disposition: Some("x".repeat(1_020)) };
    assert_eq!(patrol.say(clear, None), Err(Unsaid::TooLong));
    assert_eq!(patrol.unsent(), 0);
}

#[tokio::test]
async fn a_unit_that_is_refused_is_told_why_and_keeps_what_it_said() {
    let (door, mut house) = house();
    let machine = Machine::new();
    let mut patrol = machine.begin(door);
    patrol.say(EN_ROUTE, None).unwrap();
    let script = async {
        let (mut guest, _) = house.guest().await;
        let (code, text) = (Code::BadToken, "wrong token".to_owned());
        guest.say(fifteen::protocol::Refused { code, text }).await;
        std::future::pending().await
    };
    let told = soon(beside(&mut patrol, script)).await;
    assert!(matches!(&told[..], [PatrolNews::Ended { why }] if why.contains("wrong token")));
    assert!(matches!(&*patrol.client().link().borrow(), Link::Ended { .. }));
    drop(patrol);
    assert_eq!(machine.outbox().len(), 1);
}

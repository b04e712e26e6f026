//! The door by itself: rates, rooms made, seats, and what is never refused.

use super::*;
use crate::config::PressLimits;
use crate::protocol::{ALLOWED, Request};

const NOW: UtcMs = UtcMs(1_772_000_000_000);

fn limits() -> Limits {
    Limits {
        connections_per_second: 2,
        handshakes_max: 6,
        handshakes_per_address: 3,
        sessions_per_address: 2,
        questions_per_second: 1,
        position_every: Duration::from_secs(1),
        frame_limit: Duration::from_secs(1),
        unread_mib: 2,
        narrow_links_max: 1,
        presses: PressLimits::default(),
    }
}

fn door() -> Arc<Door> {
    Arc::new(Door::new(limits(), NOW))
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn has_ended(knock: &Knock) -> bool {
    knock.ended.is_cancelled()
}

#[test]
fn a_bucket_gives_its_rate_and_no_more_than_its_burst_at_once() {
    let mut bucket = Bucket::per_second(10, NOW);
    let taken = (0..1_000).filter(|_| bucket.take(NOW)).count();
    assert_eq!(taken, 40);
    let later = (0..10_000).filter(|ms| bucket.take(NOW.plus(*ms))).count();
    assert!((99..=101).contains(&later), "ten seconds at ten: {later}");
    assert!(bucket.take(NOW.plus(1 << 50)), "however long it was quiet");
    let mut positions = Bucket::one_every(Duration::from_secs(2), NOW);
    assert_eq!((0..20).filter(|_| positions.take(NOW)).count(), 5);
    assert!(!positions.take(NOW.plus(1_999)) && positions.take(NOW.plus(2_000)));
}

#[test]
fn the_oldest_handshake_of_an_address_makes_room_and_no_other() {
    let door = door();
    let other = door.knock(address(9), 1, NOW);
    let knocks: Vec<Knock> = (2..=5).map(|id| door.knock(address(1), id, NOW)).collect();
    assert_eq!(door.handshakes(), 4, "one of another, three of the address");
    assert!(has_ended(&knocks[0]));
    for stays in knocks[1..].iter().chain([&other]) {
        assert!(!has_ended(stays));
    }
    drop(knocks);
    assert_eq!(door.handshakes(), 1, "an ended one is not counted down twice");
}

#[test]
fn of_all_who_has_most_makes_room() {
    let door = door();
    let first = door.knock(address(1), 1, NOW);
    let many: Vec<Knock> = (2..=4).map(|id| door.knock(address(2), id, NOW)).collect();
    let others = [door.knock(address(3), 5, NOW), door.knock(address(4), 6, NOW)];
    let newest = door.knock(address(5), 7, NOW);
    assert!(has_ended(&many[0]));
    assert!(!has_ended(&first) && !has_ended(&newest) && !has_ended(&others[0]));
    door.make_room();
    assert!(has_ended(&many[1]));
    assert_eq!(door.handshakes(), 5);
    // Of equals the oldest.
    door.make_room();
    assert!(has_ended(&first));
}

#[test]
fn who_comes_too_fast_is_let_in_for_calls_only() {
    let door = door();
    let knock = |id| door.knock(address(1), id, NOW);
    for id in 1..=8 {
        assert!(!knock(id).too_fast());
    }
    assert!(knock(9).too_fast());
    for role in Role::ALL {
        let came = knock(10).come_in(*role);
        assert_eq!(came.is_ok(), *role == Role::Intake, "{role}");
    }
    assert!(!door.knock(address(2), 11, NOW).too_fast(), "another address is another's");
    assert!(!door.knock(address(1), 12, NOW.plus(1_000)).too_fast(), "a second later");
}

#[test]
fn an_address_has_so_many_seats_and_intake_needs_none() {
    let door = door();
    let come = |id, role| door.knock(address(1), id, NOW).come_in(role);
    let seats = [come(1, Role::Unit), come(2, Role::Operator)];
    assert!(seats.iter().all(Result::is_ok));
    assert!(matches!(come(3, Role::Unit), Err(TooMany::Sessions)));
    assert!(matches!(come(4, Role::Intake), Ok(None)));
    drop(seats);
    assert!(come(5, Role::Unit).is_ok());
    assert!(door.table().sessions.is_empty(), "nobody is remembered who is gone");
}

#[test]
fn houses_are_told_apart_by_network_and_no_address_has_two_names() {
    let of = |text: &str| Origin::of(text.parse().unwrap());
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
}

#[test]
fn more_addresses_than_are_remembered_share_one_rate() {
    let door = door();
    let six = |number: u64| {
        let [a, b, c, d] = [48, 32, 16, 0].map(|shift| (number >> shift) as u16);
        IpAddr::from([a, b, c, d, 0, 0, 0, 0])
    };
    let total = RATES_MAX as u64 + 100;
    let fast = (0..total).filter(|id| door.knock(six(*id), *id, NOW).too_fast()).count();
    assert_eq!(door.table().rates.of.len(), RATES_MAX);
    assert_eq!(fast, 100 - 8, "the others have one burst between them");
    // Whoever was quiet for long enough is forgotten for whoever comes.
    assert!(!door.knock(six(total), total, NOW.plus(60_000)).too_fast());
    assert_eq!(door.table().rates.of.len(), 1);
}

#[test]
fn what_is_unread_is_bounded_and_given_back() {
    let door = door();
    let held = [door.unread(), door.unread()];
    assert!(held.iter().all(Option::is_some));
    assert!(door.unread().is_none(), "two of one MiB are all");
    let [mut first, second] = held;
    let small = first.as_mut().and_then(|all| all.split(kib(1_500) as usize));
    drop((first, second));
    assert_eq!(small.as_ref().map(OwnedSemaphorePermit::num_permits), Some(2));
    assert!(door.unread().is_some() && door.unread_frames(&[vec![0; 3 << 20].into()]).is_none());
}

#[test]
fn no_work_on_a_call_is_put_off() {
    let known = |name: &&str| ALLOWED.iter().any(|(request, _)| request == name);
    assert!(WORK_OF_CALLS.iter().all(known), "names no request has");
    let put_off: Vec<&str> = Request::NAMES.iter().copied().filter(|it| is_put_off(it)).collect();
    // A new request is put off until somebody says that a call waits for it.
    assert_eq!(
        put_off,
        [
            "see_escalation",
            "report_position",
            "send_message",
            "mark_read",
            "list_calls",
            "show_call",
            "list_units",
            "recommend_units",
            "list_earlier",
            "list_escalations",
            "show_room",
            "health",
            "report",
            "subscribe",
            "unsubscribe",
            "erase_identity",
            "backup",
            "take_snapshot",
            "archive",
        ]
    );
}

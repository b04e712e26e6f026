//! Who was told of a missed deadline, person by person: intended, delivered, seen, taken.

use crate::room::{MINUTE, Room};
use fifteen::domain::*;

fn to(person: &str, channel: &str) -> Recipient {
    Recipient { person: person.into(), channel: channel.into() }
}

/// The first rung of a call that nobody answered.
fn told(room: &mut Room) -> (CallId, u64) {
    let call = room.call(1);
    room.minutes(15);
    let told = room.get(call).tellings[0].escalation;
    (call, told)
}

fn own(room: &mut Room, command: Command) {
    room.submit("room", Role::Room, command).unwrap();
}

fn telling(room: &Room, escalation: u64) -> Telling {
    room.engine.state().telling(escalation).unwrap().1.clone()
}

fn unsettled(room: &Room) -> Vec<u64> {
    room.engine.state().unsettled().map(|(_, telling)| telling.escalation).collect()
}

#[test]
fn a_rung_told_waits_until_it_is_decided_whom_to_tell() {
    let mut room = Room::open();
    let (_, acknowledge) = told(&mut room);
    assert_eq!(unsettled(&room).len(), 2, "acknowledge and arrive");
    own(&mut room, Command::IntendNotices { escalation: acknowledge, to: Vec::new() });
    assert_eq!(unsettled(&room).len(), 1);
    assert_eq!(room.count("notices_intended"), 1, "that there was nobody to tell is on record");
}

#[test]
fn intended_delivered_seen_and_taken_are_facts_of_their_own() {
    let mut room = Room::open();
    let (call, escalation) = told(&mut room);
    let people = vec![to("Nadia", "sms"), to("Bilal", "mail")];
    own(&mut room, Command::IntendNotices { escalation, to: people });
    let [nadia, bilal] = &telling(&room, escalation).notices[..] else { panic!("two notices") };
    assert!(nadia.pending() && bilal.pending() && nadia.id != bilal.id);
    room.seconds(2);
    own(&mut room, Command::RecordDelivery { escalation, notice: nadia.id });
    room.seconds(3);
    let see = Command::SeeEscalation { escalation };
    room.submit("Nadia", Role::Supervisor, see.clone()).unwrap();
    room.seconds(4);
    room.take(call, Some(0)).unwrap();
    let after = telling(&room, escalation);
    let (nadia, at) = (&after.notices[0], after.told_at);
    assert_eq!(nadia.delivered_at, Some(at.plus(2_000)));
    assert_eq!(nadia.seen_at, Some(at.plus(5_000)));
    assert_eq!(after.taken, Some(("DIG Operations".into(), at.plus(9_000))));
    assert_eq!(after.seen, [("Nadia".into(), at.plus(5_000))]);
    assert!(after.notices[1].pending(), "what one person did says nothing of another");
    room.submit("Nadia", Role::Supervisor, see).unwrap();
    assert_eq!(room.count("escalation_seen"), 1);
}

#[test]
fn a_channel_given_up_leaves_the_person_to_the_next() {
    let mut room = Room::open();
    let (_, escalation) = told(&mut room);
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Nadia", "sms")] });
    let first = telling(&room, escalation).notices[0].id;
    let fails = |gave_up| Command::RecordFailure {
        escalation,
        notice: first,
        gave_up,
        problem: "the gateway answered 503".into(),
    };
    own(&mut room, fails(false));
    assert!(telling(&room, escalation).notices[0].pending(), "it is tried again");
    own(&mut room, fails(true));
    let failed = &telling(&room, escalation).notices[0];
    assert_eq!((failed.attempts, failed.failed_at.is_some()), (2, true));
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Nadia", "mail")] });
    let notices = telling(&room, escalation).notices;
    assert!(notices[1].pending() && notices[1].id > first);
    own(&mut room, fails(true));
    assert_eq!(room.count("notice_failed"), 2, "what is settled stays so");
}

#[test]
fn nobody_is_told_twice_by_one_channel_while_the_first_notice_is_on_its_way() {
    let mut room = Room::open();
    let (_, escalation) = told(&mut room);
    let intend = Command::IntendNotices { escalation, to: vec![to("Nadia", "sms")] };
    own(&mut room, intend.clone());
    own(&mut room, intend);
    assert_eq!(telling(&room, escalation).notices.len(), 1);
    assert_eq!(room.count("notices_intended"), 1);
}

#[test]
fn a_reminder_asks_again_whom_to_tell_of_the_same_rung() {
    let mut room = Room::open();
    let call = room.call(1);
    room.minutes(60);
    let last = room.get(call).tellings.iter().rfind(|it| it.rung == 3).unwrap().escalation;
    own(&mut room, Command::IntendNotices { escalation: last, to: vec![to("DIG", "sms")] });
    let notice = telling(&room, last).notices[0].id;
    own(&mut room, Command::RecordDelivery { escalation: last, notice });
    assert!(!unsettled(&room).contains(&last));
    room.minutes(15);
    let again = telling(&room, last);
    assert_eq!((again.repeat, again.planned), (1, false));
    assert!(unsettled(&room).contains(&last));
    assert_eq!(again.last_told_at.since(again.told_at), 15 * MINUTE);
    own(&mut room, Command::IntendNotices { escalation: last, to: vec![to("DIG", "sms")] });
    assert_eq!(telling(&room, last).notices.len(), 2, "a reminder is a notice of its own");
}

#[test]
fn what_is_still_to_be_sent_is_remembered_before_what_is_told_already() {
    let mut room = Room::open();
    let (_, escalation) = told(&mut room);
    let intend = |room: &mut Room, to| {
        own(room, Command::IntendNotices { escalation, to: vec![to] });
        telling(room, escalation).notices.last().unwrap().id
    };
    let waiting = intend(&mut room, to("Nadia", "sms"));
    let told: Vec<u64> = (0..NOTICES_MAX)
        .map(|nth| intend(&mut room, to(&format!("Officer {nth}"), "sms")))
        .collect();
    assert_eq!(
        telling(&room, escalation).notices[0].id,
        told[0],
        "the oldest of those that wait goes where all do"
    );
    let notice = told[5];
    own(&mut room, Command::RecordDelivery { escalation, notice });
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Saima", "sms")] });
    let kept: Vec<u64> = telling(&room, escalation).notices.iter().map(|it| it.id).collect();
    assert!(!kept.contains(&waiting) && !kept.contains(&notice));
    assert!(kept.contains(&told[0]) && kept.len() == NOTICES_MAX, "{kept:?}");
}

#[test]
fn a_telling_of_one_units_clock_has_the_limit_of_that_one() {
    let mut room = Room::open();
    let call = room.call(1);
    for (unit, minutes) in [("CAR-1", 1), ("CAR-2", 3)] {
        room.sign_on(unit);
        room.assign(call, unit).unwrap();
        room.minutes(minutes);
    }
    let of_units = room.get(call).tellings.iter().filter(|it| it.unit.is_some());
    let late: Vec<_> = of_units.map(|it| (it.limit_at, it.due_at)).collect();
    assert_eq!(late.len(), 2, "both were slow to turn out");
    assert!(late.iter().all(|(limit_at, due_at)| limit_at == due_at), "{late:?}");
}

#[test]
fn a_rung_told_again_is_the_same_telling_and_no_other() {
    let mut room = Room::open();
    let call = room.call(1);
    for unit in ["CAR-1", "CAR-2"] {
        room.sign_on(unit);
        room.assign(call, unit).unwrap();
        room.minutes(1);
    }
    room.minutes(120);
    let tellings = &room.get(call).tellings;
    for telling in tellings {
        let mut said = Vec::new();
        for dated in &room.log {
            if let Event::Escalated { clock, unit, rung, repeat, due_at, .. } =
                &dated.transition.event
                && (*clock, unit, *rung) == (telling.clock, &telling.unit, telling.rung)
            {
                said.push((*repeat, *due_at, dated.at));
            }
        }
        let last = (telling.repeat, telling.due_at, telling.last_told_at);
        assert_eq!(said.last(), Some(&last));
        if telling.rung == 0 {
            assert_eq!(said[0].1, telling.limit_at);
        }
    }
    let again = |units| {
        let of = |it: &&Telling| it.unit.is_some() == units && it.repeat > 1;
        tellings.iter().filter(of).count()
    };
    assert!(again(false) > 0 && again(true) == 2, "{} {}", again(false), again(true));
}

#[test]
fn what_is_still_to_be_sent_is_known_after_a_restart() {
    let mut room = Room::open();
    let (_, escalation) = told(&mut room);
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Nadia", "sms")] });
    let (loaded, _) = fifteen::engine::State::load(&room.engine.state().save()).unwrap();
    assert!(loaded == *room.engine.state(), "with all that is looked up by");
    assert!(loaded == room.replayed());
    let (_, telling) = loaded.telling(escalation).unwrap();
    assert!(telling.notices[0].pending());
    assert_eq!(loaded.unsettled().count(), 2);
}

#[test]
fn a_call_left_alone_for_weeks_remembers_a_bounded_number_of_rungs_and_notices() {
    let mut room = Room::open();
    let call = room.call(1);
    for _ in 0..200 {
        room.minutes(15);
        let open: Vec<u64> = unsettled(&room);
        for escalation in open {
            let intend = Command::IntendNotices { escalation, to: vec![to("Nadia", "sms")] };
            own(&mut room, intend);
            let notice = telling(&room, escalation).notices.last().unwrap().id;
            own(&mut room, Command::RecordDelivery { escalation, notice });
        }
    }
    assert_eq!(room.get(call).tellings.len(), 8, "four rungs of two clocks");
    assert!(room.get(call).tellings.iter().all(|it| it.notices.len() <= NOTICES_MAX));
    room.sign_on("CAR-1");
    room.assign(call, "CAR-1").unwrap();
    room.report(call, "CAR-1", Progress::OnScene).unwrap();
    for _ in 0..TELLINGS_MAX {
        room.minutes(30);
        room.check_in(call, "CAR-1").unwrap();
    }
    let known = &room.get(call).tellings;
    assert_eq!(known.len(), TELLINGS_MAX);
    let listed = room.engine.state().tellings_before(u64::MAX).count();
    assert_eq!(listed, TELLINGS_MAX, "what is forgotten is not looked up any more");
}

#[test]
fn an_escalation_nobody_knows_is_refused() {
    let mut room = Room::open();
    let said = room.refused("Nadia", Role::Supervisor, Command::SeeEscalation { escalation: 99 });
    assert_eq!(said, Rejection::UnknownEscalation(99));
    let many = vec![to("Nadia", "sms"); RECIPIENTS_MAX + 1];
    let (_, escalation) = told(&mut room);
    let most = many[1..].to_vec();
    let said = room.refused("room", Role::Room, Command::IntendNotices { escalation, to: many });
    assert_eq!(said.code(), "too_large");
    own(&mut room, Command::IntendNotices { escalation, to: most });
    let delivery = Command::RecordDelivery { escalation, notice: 7_000 };
    assert_eq!(room.refused("room", Role::Room, delivery).code(), "unknown_escalation");
}

#[test]
fn the_canary_tells_nobody() {
    let mut room = Room::open();
    room.canary();
    room.minutes(1);
    assert_eq!(room.count("escalated"), 1);
    assert!(unsettled(&room).is_empty());
    assert_eq!(room.engine.state().tellings_before(u64::MAX).count(), 0);
}

#[test]
fn earlier_calls_are_found_by_number_place_and_link() {
    let mut room = Room::open();
    let at = |words: &str, lat| {
        let point = Point::from_degrees(lat, 74.3436, 10);
        Some(Place { point, words: Some(words.into()) })
    };
    let mut place = |number: &str, place| {
        let mut call = Room::new_call(2);
        call.sealed.number = Some(number.into());
        call.sealed.place = place;
        room.place(call)
    };
    let first = place("0300 1234567", at("Blue gate", 31.5));
    let again = place("+923001234567", at("elsewhere", 31.6));
    let near = place("0311 0000000", at("the neighbour's", 31.5003));
    let words = place("0322 0000000", at("blue gate ", 33.0));
    let other = place("0333 0000000", at("far off", 30.0));
    room.operator(Command::LinkCall { call: near, primary: first }).unwrap();
    let state = room.engine.state();
    let ids = |calls: Vec<&Call>| calls.iter().map(|call| call.id).collect::<Vec<_>>();
    assert_eq!(ids(state.from_number("03001234567").collect()), [again, first]);
    assert!(ids(state.from_number("0300").collect()).is_empty());
    let first = room.get(first);
    assert_eq!(ids(state.from_place_of(first).collect()), [words, near]);
    assert_eq!(ids(state.linked_with(first).collect()), [near]);
    assert_eq!(ids(state.linked_with(room.get(near)).collect()), [first.id]);
    assert!(ids(state.from_place_of(room.get(other)).collect()).is_empty());
}

#[test]
fn who_was_not_told_and_sees_it_is_on_record_once() {
    let mut room = Room::open();
    let (_, escalation) = told(&mut room);
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Nadia", "sms")] });
    for _ in 0..2 {
        let see = Command::SeeEscalation { escalation };
        room.submit("Bilal", Role::Supervisor, see).unwrap();
    }
    let who: Vec<_> = telling(&room, escalation).seen.into_iter().map(|(who, _)| who).collect();
    assert_eq!(who, ["Bilal".into()]);
    assert_eq!(room.count("escalation_seen"), 1);
    // Now he is told as well, and sees what he was sent.
    own(&mut room, Command::IntendNotices { escalation, to: vec![to("Bilal", "sms")] });
    let see = Command::SeeEscalation { escalation };
    room.submit("Bilal", Role::Supervisor, see).unwrap();
    let told = telling(&room, escalation);
    assert_eq!((told.seen.len(), room.count("escalation_seen")), (1, 2));
    assert!(told.notices.last().unwrap().seen_at.is_some());
}

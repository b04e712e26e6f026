//! The rules of a room, adopted into its log, and what a change does to what is running.

use crate::room::{MINUTE, Room};
use fifteen::config::Settings;
use fifteen::domain::bounds;
use fifteen::domain::{Command, Rejection, Role};
use fifteen::engine::Engine;

fn adopt(room: &mut Room, change: impl FnOnce(&mut fifteen::domain::Rules)) {
    let mut rules = Settings::shipped().rules;
    change(&mut rules);
    room.submit("room", Role::Room, Command::AdoptRules(Box::new(rules))).unwrap();
}

#[test]
fn adopting_the_same_rules_is_no_event() {
    let mut room = Room::open();
    adopt(&mut room, |_| {});
    assert_eq!(room.count("rules_adopted"), 1);
}

#[test]
#[should_panic(expected = "rules are adopted before the first call")]
fn no_call_is_answered_before_there_are_rules_to_watch_it_by() {
    let mut room = Room::open();
    room.engine = Engine::new(fifteen::engine::State::default(), room.now);
    room.call(1);
}

#[test]
fn a_running_call_keeps_its_rules() {
    let mut room = Room::open();
    let old = room.call(1);
    room.minutes(1);
    adopt(&mut room, |rules| {
        rules.clocks[0].limit_ms = 5 * MINUTE;
        rules.clocks[0].warn_ms = vec![2 * MINUTE];
        rules.ladders[0].every_ms = 10 * MINUTE;
    });
    let new = room.call(1);
    room.minutes(40);
    let told = |call: fifteen::domain::CallId| -> Vec<u64> {
        room.said("acknowledge")
            .iter()
            .filter(|said| said.call == call.0)
            .map(|said| said.due_ms / MINUTE)
            .collect()
    };
    assert_eq!(told(old), [10, 15, 30]);
    assert_eq!(told(new), [3, 6, 16, 26, 36]);
}

#[test]
fn a_running_call_keeps_its_dispositions_and_its_aging() {
    let mut room = Room::open();
    let old = room.call(3);
    adopt(&mut room, |rules| {
        rules.dispositions.truncate(1);
        rules.aging_ms = [None; 3];
    });
    let new = room.call(3);
    room.minutes(20);
    assert_eq!(room.get(old).priority().number(), 2);
    assert_eq!(room.get(new).priority().number(), 3);
    room.close(old, "Saima", "referred").unwrap();
    let known = "helped".to_owned();
    let given = "referred".into();
    assert_eq!(
        room.close(new, "Saima", "referred"),
        Err(Rejection::WrongDisposition { given, known })
    );
}

#[test]
fn a_call_that_lost_its_clock_in_the_new_rules_keeps_it() {
    let mut room = Room::open();
    room.call(1);
    adopt(&mut room, |rules| rules.clocks.truncate(1));
    room.minutes(15);
    assert_eq!(room.count("escalated"), 2);
}

#[test]
fn a_reopened_call_runs_under_the_rules_of_its_reopening() {
    let mut room = Room::open();
    let call = room.call(1);
    room.close(call, "Saima", "helped").unwrap();
    adopt(&mut room, |rules| {
        rules.clocks[0].limit_ms = 5 * MINUTE;
        rules.clocks[0].warn_ms.clear();
    });
    room.reopen(call);
    room.minutes(6);
    assert_eq!(room.told_at("acknowledge"), [5 * MINUTE]);
}

#[test]
fn a_new_limit_of_silence_holds_for_units_already_lost() {
    let mut room = Room::open();
    room.sign_on("CAR-1");
    room.link("CAR-1", false);
    room.minutes(1);
    adopt(&mut room, |rules| rules.unit_silent_ms = 2 * MINUTE);
    let restarted = Engine::new(room.replayed(), room.now);
    assert_eq!(restarted.next_deadline(), room.engine.next_deadline());
    room.minutes(1);
    assert_eq!(room.count("unit_went_silent"), 1);
}

#[test]
fn rules_too_large_for_a_record_are_refused() {
    let mut room = Room::open();
    let mut rules = Settings::shipped().rules;
    rules.ladders[0].rungs = vec!["x".repeat(90).into(); 50];
    let command = Command::AdoptRules(Box::new(rules));
    let rejection = room.refused("room", Role::Room, command);
    let Rejection::TooLong { field, bytes_max, .. } = rejection else {
        panic!("{rejection}");
    };
    assert_eq!((field, bytes_max), ("rules", 3_600));
}

#[test]
fn rules_that_just_fit_a_record_are_adopted_and_a_byte_more_is_refused() {
    let mut room = Room::open();
    let padded = |letters: usize| {
        let mut rules = Settings::shipped().rules;
        rules.ladders[0].rungs = vec!["x".repeat(letters).into()];
        let bytes = rmp_serde::to_vec(&rules).unwrap().len();
        (rules, bytes)
    };
    let most = (0..bounds::RULES_BYTES_MAX)
        .find(|letters| padded(*letters).1 == bounds::RULES_BYTES_MAX)
        .expect("of some length they just fit");
    let adopt = |rules| Command::AdoptRules(Box::new(rules));
    room.submit("room", Role::Room, adopt(padded(most).0)).unwrap();
    let refused = room.refused("room", Role::Room, adopt(padded(most + 1).0));
    assert!(matches!(refused, Rejection::TooLong { field: "rules", .. }), "{refused}");
}

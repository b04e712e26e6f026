//! The planner in small worlds: channels that work and channels that do not, reminders in between.

use super::super::{ChannelRule, Retry};
use super::*;
use proptest::prelude::*;

const T0: UtcMs = UtcMs(1_000_000);

fn roster(people: &[(&str, &[&str])]) -> Roster {
    let channel = |name: &str| ChannelRule {
        name: name.into(),
        kind: if name == "feed" { Kind::Feed } else { Kind::Command { argv: vec!["true".into()] } },
    };
    Roster {
        retry: Retry { attempts_max: 1, first_ms: 1, max_ms: 1 },
        send_limit: std::time::Duration::from_secs(1),
        feed_wait_ms: 1,
        test_at: None,
        report_at: None,
        secret_file: None,
        secret: None,
        link: None,
        people: people
            .iter()
            .map(|(name, channels)| Person {
                name: (*name).into(),
                office: Some("DPO".into()),
                districts: Vec::new(),
                channels: channels.iter().map(|channel| (*channel).into()).collect(),
                email: None,
                phone: None,
                reports: false,
            })
            .collect(),
        channels: ["a", "b", "c", "feed"].map(channel).into(),
    }
}

const DUE: Due =
    Due { escalation: 1, told_at: T0, office: "DPO", district: "Lahore", settled: false };

fn past<'a>(escalation: u64, person: &'a str, channel: &'a str, stage: Stage) -> Past<'a> {
    Past { escalation, person, channel, stage }
}

fn next(roster: &Roster, due: &Due, past: &[Past]) -> Vec<(String, String)> {
    let plan = plan(roster, due, past, |_| false);
    let pair = |intent: &Intent| (intent.person.to_string(), intent.channel.to_string());
    plan.intents.iter().map(pair).collect()
}

#[test]
fn everybody_is_told_by_their_first_channel() {
    let roster = roster(&[("x", &["b", "a"]), ("y", &["c"])]);
    let told = next(&roster, &DUE, &[]);
    assert_eq!(told, [("x".into(), "b".into()), ("y".into(), "c".into())]);
}

#[test]
fn a_channel_given_up_is_followed_by_the_next_and_the_last_by_the_room() {
    let roster = roster(&[("x", &["b", "a"])]);
    let first = past(1, "x", "b", Stage::Failed(T0));
    assert_eq!(next(&roster, &DUE, std::slice::from_ref(&first)), [("x".into(), "a".into())]);
    let second = past(1, "x", "a", Stage::Failed(T0));
    let end = plan(&roster, &DUE, &[first, second], |_| false);
    assert_eq!((end.intents.len(), end.standing), (0, Standing::NobodyReached));
    assert_eq!(end.unreached, ["x".into()]);
}

#[test]
fn a_reminder_is_folded_into_the_notice_still_under_way_and_told_after_it() {
    let roster = roster(&[("x", &["a", "b"])]);
    let later = Due { escalation: 2, told_at: T0.plus(900_000), ..DUE };
    let of_first = |stage| [past(1, "x", "a", stage)];
    assert!(next(&roster, &later, &of_first(Stage::Pending)).is_empty());
    let since = later.told_at.plus(1);
    assert!(next(&roster, &later, &of_first(Stage::Delivered(since))).is_empty());
    let other = next(&roster, &later, &of_first(Stage::Failed(since)));
    assert_eq!(other, [("x".into(), "b".into())], "not what failed just now");
    for before in [Stage::Delivered(T0), Stage::Failed(T0)] {
        assert_eq!(next(&roster, &later, &of_first(before)), [("x".into(), "a".into())]);
    }
}

#[test]
fn a_feed_is_for_who_looks_at_it() {
    let roster = roster(&[("x", &["feed", "a"]), ("y", &["feed"])]);
    let planned = plan(&roster, &DUE, &[], |person| person == "y");
    let pair = |intent: &Intent| (intent.person.to_string(), intent.channel.to_string());
    let told: Vec<_> = planned.intents.iter().map(pair).collect();
    assert_eq!(told, [("x".into(), "a".into()), ("y".into(), "feed".into())]);
    assert_eq!(plan(&roster, &DUE, &[], |_| false).unreached, ["y".into()]);
}

#[test]
fn districts_are_told_apart_and_a_call_without_one_is_everybodys() {
    let mut roster = roster(&[("x", &["a"]), ("y", &["a"]), ("z", &["a"])]);
    roster.people[0].districts = vec!["Lahore".into(), "Kasur".into()];
    roster.people[1].districts = vec!["Multan".into()];
    let told = |district| {
        let due = Due { district, ..DUE };
        next(&roster, &due, &[]).into_iter().map(|(person, _)| person).collect::<String>()
    };
    assert_eq!([told("Kasur"), told("Multan"), told(""), told("Attock")], ["xz", "yz", "xyz", "z"]);
    roster.people.truncate(1);
    let nobody = Due { district: "Multan", ..DUE };
    assert_eq!(plan(&roster, &nobody, &[], |_| true).standing, Standing::Unmanned);
    assert_eq!(
        roster.gaps(["DPO", "RPO"], &["Kasur", "Multan"]),
        [("DPO", "Multan"), ("RPO", "Kasur"), ("RPO", "Multan")]
    );
}

#[test]
fn what_is_taken_tells_nobody_more() {
    let roster = roster(&[("x", &["a"])]);
    let planned = plan(&roster, &Due { settled: true, ..DUE }, &[], |_| true);
    assert_eq!((planned.intents.len(), planned.standing), (0, Standing::Settled));
}

/// One notice of the model world, owned.
#[derive(Debug, Clone)]
struct Notice {
    escalation: u64,
    person: Box<str>,
    channel: Box<str>,
    stage: Stage,
}

proptest! {
    /// Results come in any order, reminders at any moment, and the planner is asked after each.
    #[test]
    fn nobody_with_a_working_channel_is_missed_and_nobody_is_told_twice(
        prefers in prop::collection::vec(
            prop::sample::subsequence(vec!["a", "b", "c", "feed"], 1..=4).prop_shuffle(), 1..5),
        works in prop::collection::vec(any::<bool>(), 4),
        looks in prop::collection::vec(any::<bool>(), 5),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 200),
    ) {
        let names = ["p0", "p1", "p2", "p3", "p4"];
        let people: Vec<(&str, &[&str])> =
            names.iter().zip(&prefers).map(|(name, own)| (*name, &own[..])).collect();
        let roster = roster(&people);
        let looking = |person: &str| looks[names.iter().position(|name| *name == person).unwrap()];
        let channels = ["a", "b", "c", "feed"];
        let working = |channel: &str| works[channels.iter().position(|c| *c == channel).unwrap()];
        let reachable = |person: &str, own: &[&str]| {
            own.iter().any(|channel| working(channel) && (*channel != "feed" || looking(person)))
        };
        let mut world: Vec<Notice> = Vec::new();
        let mut due = DUE;
        let mut at = T0;
        let ask = |world: &mut Vec<Notice>, due: &Due| {
            let known: Vec<Past> = world
                .iter()
                .map(|own| past(own.escalation, &own.person, &own.channel, own.stage))
                .collect();
            let planned = plan(&roster, due, &known, looking);
            for intent in &planned.intents {
                world.push(Notice {
                    escalation: due.escalation,
                    person: intent.person.clone(),
                    channel: intent.channel.clone(),
                    stage: Stage::Pending,
                });
            }
            planned
        };
        let mut end = ask(&mut world, &due);
        for (pick, what) in picks {
            at = at.plus(1);
            let pending: Vec<usize> =
                (0..world.len()).filter(|n| world[*n].stage == Stage::Pending).collect();
            if pending.is_empty() {
                break;
            }
            if what == 0 && due.escalation < 4 {
                due = Due { escalation: due.escalation + 1, told_at: at, ..due };
            } else {
                let own = &mut world[pending[pick.index(pending.len())]];
                let works = working(&own.channel);
                own.stage = if works { Stage::Delivered(at) } else { Stage::Failed(at) };
            }
            end = ask(&mut world, &due);
        }
        // A reminder told after the last result has its own results to wait for.
        while let Some(own) = world.iter_mut().find(|own| own.stage == Stage::Pending) {
            at = at.plus(1);
            let works = working(&own.channel);
            own.stage = if works { Stage::Delivered(at) } else { Stage::Failed(at) };
            end = ask(&mut world, &due);
        }
        let mut anybody = false;
        for (name, own) in &people {
            let came = world.iter().any(|notice| {
                *notice.person == **name
                    && matches!(notice.stage, Stage::Delivered(at) if at >= due.told_at)
            });
            prop_assert_eq!(came, reachable(name, own), "{} {:?}", name, &world);
            prop_assert_eq!(!came, end.unreached.iter().any(|person| **person == **name));
            anybody |= came;
        }
        let standing = if anybody { Standing::Going } else { Standing::NobodyReached };
        prop_assert_eq!(end.standing, standing);
        let mut seen = std::collections::BTreeSet::new();
        for own in &world {
            let new = seen.insert((own.escalation, own.person.clone(), own.channel.clone()));
            prop_assert!(new, "twice by one channel: {own:?}");
        }
        for escalation in 1..=due.escalation {
            for (name, _) in &people {
                let delivered = world.iter().filter(|own| {
                    own.escalation == escalation
                        && *own.person == **name
                        && matches!(own.stage, Stage::Delivered(_))
                });
                prop_assert!(delivered.count() <= 1, "{name} told twice of {escalation}");
            }
        }
    }
}

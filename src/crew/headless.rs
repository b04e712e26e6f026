//! A unit without a screen: one JSON object a line, commands in, events out. docs/unit.md is the same for people who
//! connect a vehicle's own terminal; its examples are read by the tests below.

use fifteen::client::unit::{Entry, Fix, PatrolNews, Saying, UnitNews};
use fifteen::protocol::Key;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a line asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// Something for the room, under the terminal's own key if it gave one.
    Say(Saying, Option<Key>),
    Position(Fix),
    Read(u64),
    SignOn,
    Quit,
}

/// What is no saying.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Other {
    Position { lat: f64, lon: f64, accuracy_m: Option<u32> },
    Read { upto: u64 },
    SignOn,
    Quit,
}

const OTHERS: &[&str] = &["position", "read", "sign_on", "quit"];

/// Reads one line.
///
/// # Errors
/// What is wrong with it, naming the field.
pub(super) fn order(line: &str) -> Result<Order, String> {
    let mut fields: Value =
        serde_json::from_str(line).map_err(|error| format!("no JSON: {error}"))?;
    let Some(map) = fields.as_object_mut() else {
        return Err("no object: a line is {\"do\": ..., ...}".into());
    };
    let key = match map.remove("key") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            let key = uuid::Uuid::parse_str(&text).map_err(|error| format!("key: {error}"))?;
            Some(Key(key.into_bytes()))
        }
        Some(_) => return Err("key: a UUID in a string".into()),
    };
    let Some(word) = map.get("do").and_then(Value::as_str) else {
        return Err("missing field `do`: what to do, in a string".into());
    };
    if !OTHERS.contains(&word) {
        let said = Saying::deserialize(fields).map_err(|error| error.to_string())?;
        return Ok(Order::Say(said, key));
    }
    match Other::deserialize(fields).map_err(|error| error.to_string())? {
        Other::Position { lat, lon, accuracy_m } => {
            let fix = Fix { lat, lon, accuracy_m };
            if fix.is_on_globe() {
                Ok(Order::Position(fix))
            } else {
                Err("lat, lon: not on the globe".into())
            }
        }
        Other::Read { upto } => Ok(Order::Read(upto)),
        Other::SignOn => Ok(Order::SignOn),
        Other::Quit => Ok(Order::Quit),
    }
}

/// A line that cannot be read, by its number.
pub(super) fn bad_line(number: u64, text: &str) -> Value {
    json!({ "event": "error", "line": number, "text": text })
}

/// What was said is on the disk and will be sent.
pub(super) fn kept(key: Key, saying: &Saying, unsent: usize) -> Value {
    json!({
        "event": "kept", "key": key_text(key), "do": saying.word(), "call": saying.call(),
        "unsent": unsent
    })
}

/// What happened, as a line.
pub(super) fn event(news: &PatrolNews, unsent: usize) -> Value {
    let about = |event: &str, entry: &Entry, more: Value| {
        let mut line = json!({
            "event": event, "key": key_text(entry.key), "do": entry.saying.word(),
            "call": entry.saying.call(), "at": entry.at, "unsent": unsent
        });
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        line
    };
    match news {
        PatrolNews::Up(welcome) => json!({
            "event": "link", "up": true, "room": welcome.room, "node": welcome.node,
            "now_at": welcome.now_at, "drill": welcome.drill, "degraded": welcome.degraded,
            "spilling": welcome.spilling
        }),
        PatrolNews::Down { why } => json!({ "event": "link", "up": false, "why": why }),
        PatrolNews::Ended { why } => json!({ "event": "ended", "why": why, "unsent": unsent }),
        PatrolNews::SignedOn => json!({ "event": "signed_on" }),
        PatrolNews::NotSignedOn { code, text } => {
            json!({ "event": "not_signed_on", "code": code, "text": text })
        }
        PatrolNews::SignedOff { by_room } => json!({ "event": "signed_off", "by_room": by_room }),
        PatrolNews::Status(status) => json!({ "event": "status", "status": status }),
        PatrolNews::Told(UnitNews::Assigned(assignment)) => {
            json!({ "event": "assigned", "assignment": assignment })
        }
        PatrolNews::Told(UnitNews::Changed(assignment)) => {
            json!({ "event": "changed", "assignment": assignment })
        }
        PatrolNews::Told(UnitNews::Ended { call }) => {
            json!({ "event": "unassigned", "call": call })
        }
        PatrolNews::Told(UnitNews::Message(message)) => {
            json!({ "event": "message", "message": message })
        }
        PatrolNews::Sent { entry, repeated, placed } => {
            about("sent", entry, json!({ "repeated": repeated, "placed": placed }))
        }
        PatrolNews::Rejected { entry, code, text } => {
            about("rejected", entry, json!({ "code": code, "text": text }))
        }
        PatrolNews::Expired(entry) => about("expired", entry, json!({})),
        PatrolNews::OtherLog(entry) => about("other_log", entry, json!({})),
        PatrolNews::Trouble(why) => json!({ "event": "trouble", "why": why }),
    }
}

fn key_text(key: Key) -> String {
    uuid::Uuid::from_bytes(key.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fifteen::protocol::{Code, UnitStatus};

    /// The lines of the fenced blocks under `heading` in docs/unit.md.
    fn examples(heading: &str) -> Vec<&'static str> {
        let doc = include_str!("../../docs/unit.md");
        let (_, from) = doc.split_once(heading).expect("the heading stands in docs/unit.md");
        let (_, from) = from.split_once("```json\n").expect("a block follows it");
        from.split_once("```").expect("the block ends").0.lines().collect()
    }

    #[test]
    fn every_command_of_the_document_is_read_and_every_command_is_in_it() {
        let mut words: Vec<String> = Vec::new();
        for line in examples("## Commands") {
            order(line).unwrap_or_else(|why| panic!("{line}: {why}"));
            let read: Value = serde_json::from_str(line).unwrap();
            words.push(read["do"].as_str().unwrap().to_owned());
        }
        let known = order(r#"{"do":"dance"}"#).unwrap_err();
        // serde names every variant it would have taken.
        let sayings = known.split('`').skip(3).step_by(2).map(String::from);
        for word in sayings.chain(OTHERS.iter().map(ToString::to_string)) {
            assert!(words.contains(&word), "{word} is not in docs/unit.md: {known}");
        }
    }

    #[test]
    fn a_bad_line_is_answered_with_what_is_wrong_with_it() {
        for (line, wrong) in [
            ("", "no JSON"),
            ("[1]", "no object"),
            ("{}", "missing field `do`"),
            (r#"{"do":"on_scene"}"#, "missing field `call`"),
            (r#"{"do":"on_scene","call":"7"}"#, "invalid type"),
            (r#"{"do":"on_scene","call":7,"cal":7}"#, "unknown field `cal`"),
            (r#"{"do":"on_scene","call":7,"key":"7"}"#, "key: "),
            (r#"{"do":"fly"}"#, "unknown variant `fly`"),
            (r#"{"do":"position","lat":91,"lon":0}"#, "not on the globe"),
        ] {
            let why = order(line).unwrap_err();
            assert!(why.contains(wrong), "{line}: {why}");
        }
    }

    #[test]
    fn every_event_of_the_document_is_one_that_is_told_with_those_fields() {
        for (line, told) in examples("## Events").into_iter().zip(sample_events()) {
            let documented: Value = serde_json::from_str(line).unwrap();
            assert_eq!(documented, told, "{line}");
        }
        assert_eq!(examples("## Events").len(), sample_events().len());
    }

    /// One event of each kind, as in docs/unit.md.
    fn sample_events() -> Vec<Value> {
        const AT: u64 = 1_767_225_600_000;
        let key = uuid::uuid!("5b0e3c1a-6f0e-4f7e-9a53-0d6d3f1c2b4a").into_bytes();
        let entry =
            || Entry { key: Key(key), at: AT, node: None, saying: Saying::OnScene { call: 7 } };
        let welcome = json!({
            "version": 1, "server": "x", "node": 77, "seq": 0, "now_at": AT, "heartbeat_ms": 1,
            "drill": false, "degraded": false, "spilling": false, "room": "Lahore", "zone": "Asia/Karachi"
        });
        let assignment = json!({
            "call": 7, "generation": 1, "kind": "assault", "priority": 1, "district": "Gulberg",
            "place": { "words": "House 12" }, "flags": { "sos": true }, "assigned_at": AT
        });
        let moved = json!({
            "call": 7, "generation": 1, "kind": "assault", "priority": 1, "district": "Gulberg",
            "place": { "lat": 31.5, "lon": 74.3, "accuracy_m": 12 }, "flags": { "sos": true, "duress": true },
            "assigned_at": AT
        });
        let message = json!({
            "seq": 4711, "at": AT, "unit": "CAR-1", "who": "Sana", "text": "come back"
        });
        let (why, text) = (|why: &str| why.to_owned(), |text: &str| text.to_owned());
        let told = [
            PatrolNews::Up(Box::new(serde_json::from_value(welcome).unwrap())),
            PatrolNews::Down { why: why("nothing heard from the server for 45000 ms") },
            PatrolNews::SignedOn,
            PatrolNews::NotSignedOn { code: Code::TooLarge, text: text("crew: too many") },
            PatrolNews::SignedOff { by_room: true },
            PatrolNews::Status(UnitStatus::EnRoute),
            PatrolNews::Told(UnitNews::Assigned(serde_json::from_value(assignment).unwrap())),
            PatrolNews::Told(UnitNews::Changed(serde_json::from_value(moved).unwrap())),
            PatrolNews::Told(UnitNews::Ended { call: 7 }),
            PatrolNews::Told(UnitNews::Message(serde_json::from_value(message).unwrap())),
        ];
        let answers = [
            PatrolNews::Sent { entry: entry(), repeated: false, placed: None },
            PatrolNews::Rejected {
                entry: entry(),
                code: Code::CallClosed,
                text: text("call 7 is closed"),
            },
            PatrolNews::Expired(entry()),
            PatrolNews::OtherLog(entry()),
            PatrolNews::Trouble(Some(why("unit-CAR-1: No space left on device (os error 28)"))),
        ];
        let ended = PatrolNews::Ended { why: why("this unit is connected from elsewhere now") };
        let mut events: Vec<_> = told.iter().map(|news| event(news, 0)).collect();
        events.push(kept(Key(key), &Saying::OnScene { call: 7 }, 1));
        events.extend(answers.iter().map(|news| event(news, 0)));
        events.push(bad_line(3, "missing field `call`"));
        events.push(event(&ended, 0));
        events
    }
}

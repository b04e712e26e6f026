//! docs/protocol.md against the library: every example decodes and encodes to the same bytes, and no message and no
//! field is missing. The hex is written by this test, from the JSON beside it, when FIFTEEN_WRITE_DOCS is set.

use crate::dream::Dream;
use fifteen::protocol::{ALLOWED, ClientMessage, Code, ReplyBody, Request, Role, ServerMessage};
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
const HEX_BYTES_A_LINE: usize = 32;

fn document() -> String {
    std::fs::read_to_string(PATH).unwrap()
}

/// One example: its name (the message, then what tells it from others), its JSON and its hex.
struct Example {
    name: String,
    json: String,
    hex: String,
}

/// A JSON block and the hex block of the same name right after it.
fn examples(document: &str) -> Vec<Example> {
    document
        .split("```json ")
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once('\n').unwrap();
            let (json, rest) = rest.split_once("```").unwrap();
            let hex = rest
                .strip_prefix(&format!("\n```hex {name}\n"))
                .unwrap_or_else(|| panic!("no hex block {name} after its json"));
            let hex = hex.split_once("```").unwrap().0;
            Example { name: name.to_owned(), json: json.to_owned(), hex: hex.to_owned() }
        })
        .collect()
}

/// Reads a message by the library and writes it again; the reading takes what either side sends.
fn rewritten(name: &str, frame: &[u8]) -> Vec<u8> {
    let kind = name.split(' ').next().unwrap();
    if ServerMessage::NAMES.contains(&kind) {
        let message = ServerMessage::decode(frame).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(message.name(), kind);
        message.encode().to_vec()
    } else {
        let message = ClientMessage::decode(frame).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(message.name(), kind);
        message.encode().to_vec()
    }
}

/// The bytes of the JSON form: a key of 32 hex digits becomes 16 bytes, and the library puts the fields in order.
fn bytes_of(example: &Example) -> Vec<u8> {
    let Value::Object(mut fields) = serde_json::from_str(&example.json).unwrap() else {
        panic!("{}: no map", example.name)
    };
    let key = fields.remove("key");
    let len = fields.len() + usize::from(key.is_some());
    let mut frame = Vec::new();
    rmp::encode::write_map_len(&mut frame, len.try_into().unwrap()).unwrap();
    for (name, value) in fields {
        rmp::encode::write_str(&mut frame, &name).unwrap();
        frame.extend(rmp_serde::to_vec_named(&value).unwrap());
    }
    if let Some(key) = key {
        rmp::encode::write_str(&mut frame, "key").unwrap();
        rmp::encode::write_bin(&mut frame, &from_hex(key.as_str().unwrap())).unwrap();
    }
    rewritten(&example.name, &frame)
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for line in bytes.chunks(HEX_BYTES_A_LINE) {
        line.iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
        hex.push('\n');
    }
    hex
}

/// The part of the document under the heading `### name`.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let start = format!("\n### {heading}\n");
    let (_, rest) = document.split_once(&start).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n##").next().unwrap()
}

#[test]
fn hex_of_every_example_is_what_the_library_sends() {
    let mut document = document();
    if std::env::var_os("FIFTEEN_WRITE_DOCS").is_some() {
        for example in examples(&document.clone()) {
            let open = format!("```hex {}\n", example.name);
            let fresh = format!("{open}{}```", to_hex(&bytes_of(&example)));
            let stale = format!("{open}{}```", example.hex);
            document = document.replace(&stale, &fresh);
        }
        std::fs::write(PATH, &document).unwrap();
    }
    for example in examples(&document) {
        let frame = from_hex(&example.hex);
        let name = &example.name;
        assert_eq!(to_hex(&bytes_of(&example)), example.hex, "{name}: json and hex differ");
        assert_eq!(rewritten(name, &frame), frame, "{name}: not the library's bytes");
    }
}

#[test]
fn every_message_has_an_example() {
    let document = document();
    let found: Vec<_> = examples(&document).into_iter().map(|one| one.name).collect();
    let session = ClientMessage::SESSION_NAMES.iter();
    let plain = session
        .chain(Request::NAMES)
        .chain(ServerMessage::NAMES.iter().filter(|name| **name != "reply"))
        .map(|name| (*name).to_owned());
    let replies = ReplyBody::NAMES.iter().map(|name| format!("reply {name}"));
    for name in plain.chain(replies) {
        assert!(found.contains(&name), "docs/protocol.md has no example of {name}");
    }
}

/// What the library reads is asked from the types themselves, so a new field cannot be forgotten here.
#[test]
fn every_field_is_in_the_table_of_its_section() {
    let document = document();
    let check = |heading: &str, fields: &[&str]| {
        let section = section(&document, heading);
        for field in fields {
            let row = format!("\n| `{field}` | ");
            assert!(section.contains(&row), "{heading}: no row for {field}");
        }
    };
    let mut inner = std::collections::BTreeMap::new();
    for seed in 0..64 {
        let named = |name: &&str| (format!("`{name}`"), format!("`reply` `{name}`"));
        for name in Request::NAMES {
            let mut dream = Dream::new(seed);
            Request::read_as(name, &mut dream).unwrap().unwrap();
            check(&named(name).0, dream.structs.remove(0).1);
            inner.extend(dream.structs);
        }
        for name in ReplyBody::NAMES {
            let mut dream = Dream::new(seed);
            ReplyBody::read_as(name, &mut dream).unwrap().unwrap();
            check(&named(name).1, dream.structs.remove(0).1);
            inner.extend(dream.structs);
        }
        for name in ServerMessage::NAMES.iter().filter(|name| **name != "reply") {
            let mut dream = Dream::new(seed);
            ServerMessage::read_as(name, &mut dream).unwrap().unwrap();
            check(&named(name).0, dream.structs.remove(0).1);
            inner.extend(dream.structs);
        }
    }
    assert!(inner.len() > 10, "the maps inside messages were met");
    for (name, fields) in inner {
        check(name, fields);
    }
    let mut dream = Dream::new(0);
    fifteen::protocol::Hello::deserialize(&mut dream).unwrap();
    check("`hello`", dream.structs[0].1);
    check("`reply`", &["id", "seq", "repeated", "drill", "body"]);
}

#[test]
fn every_code_is_explained() {
    let document = document();
    for code in Code::WORDS {
        assert!(document.contains(&format!("\n| `{code}` | ")), "{code}");
    }
}

#[test]
fn table_of_roles_is_the_one_the_server_uses() {
    let document = document();
    let order = [Role::Intake, Role::Operator, Role::Unit, Role::Supervisor, Role::Admin];
    for (name, _) in ALLOWED {
        let said = order.map(|role| if role.allows(name) { "yes" } else { "" });
        let row = format!("\n| `{name}` | {} |\n", said.join(" | "));
        assert!(document.contains(&row), "expected the row{row}");
    }
}

#[test]
fn bounds_are_the_numbers_of_the_library() {
    use fifteen::protocol as wire;
    let document = document();
    for (number, said) in [
        (wire::CLIENT_FRAME_BYTES_MAX, "at most 65,536 bytes"),
        (wire::SERVER_FRAME_BYTES_MAX, "at most 1,048,576"),
        (wire::DEPTH_MAX, "nested deeper than 16"),
        (wire::IN_FLIGHT_MAX, "| 256 unanswered requests"),
        (wire::TEXT_BYTES_MAX, "over 1,024 bytes"),
        (wire::WORD_BYTES_MAX, "over 96 bytes"),
        (wire::LIST_ITEMS_MAX, "over 12 entries"),
        (wire::PAGE_ITEMS_MAX, "400 at most"),
    ] {
        let digits: String = said.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, number.to_string(), "{said}");
        assert!(document.contains(said), "{said}");
    }
}

//! docs/notices.md is true: its example verifies, and its fields are those sent.

use super::*;
use fifteen::notify::sign;

const DOCUMENT: &str = include_str!("../../docs/notices.md");

/// The fenced block after `heading`.
fn block(heading: &str) -> &'static str {
    let after = DOCUMENT.split_once(heading).expect(heading).1;
    let (_, block) = after.split_once("```").expect("a block follows");
    let (_, block) = block.split_once('\n').expect("a fence is a line");
    block.split_once("\n```").expect("a block ends").0
}

#[test]
fn the_example_of_the_document_verifies() {
    let example = block("An example to check a receiver with:");
    let (head, body) = example.split_once("\n\n").unwrap();
    let header = |name: &str| {
        let start = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&start)).expect(name)
    };
    assert!(DOCUMENT.contains(KEY), "the document says the key");
    let sent_s = header("webhook-timestamp").parse().unwrap();
    let (id, signature) = (header("webhook-id"), header("webhook-signature"));
    assert!(
        sign::webhook_holds(&key(), id, sent_s, body.as_bytes(), signature, sent_s),
        "the signature of this body is {}",
        sign::webhook(&key(), id, sent_s, body.as_bytes())
    );
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(value["id"], id);
}

#[test]
fn every_field_that_is_sent_is_in_the_document_and_the_example() {
    let example = block("An example to check a receiver with:");
    let (_, body) = example.split_once("\n\n").unwrap();
    let shown: serde_json::Value = serde_json::from_str(body).unwrap();
    let sent = letter().json();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&shown), names(&sent));
    assert_eq!(names(&shown["escalation"]), names(&sent["escalation"]));
    for name in names(&sent).iter().chain(&names(&sent["escalation"])) {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "{name} is not explained");
    }
}

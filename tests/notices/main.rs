//! Notices against real receivers on loopback: an HTTP server, an SMTP server, a program; their
//! failures, their slowness, and what a stranger may try at a link.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod command;
mod document;
mod hooks;
mod links;
mod mail;
mod runner;

use fifteen::domain::{CallId, Priority, UtcMs};
use fifteen::notify::{Channel, Escalation, Letter, Matter, Roster, Secret, SendError};
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything on loopback takes.
const LONG: Duration = Duration::from_secs(30);
/// For a receiver that never answers.
const SHORT: Duration = Duration::from_millis(300);

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn key() -> Secret {
    Secret::key(KEY).unwrap()
}

/// 2026-08-14T09:15:00Z.
const TOLD_AT: UtcMs = UtcMs(1_786_698_900_000);

fn escalation() -> Escalation {
    Escalation {
        escalation: 4711,
        call: CallId(12),
        kind: "domestic violence".into(),
        district: "Lahore".into(),
        priority: Priority::new(2).unwrap(),
        clock: "acknowledge".into(),
        unit: None,
        office: "DPO".into(),
        rung: 2,
        repeat: 0,
        limit_at: UtcMs(TOLD_AT.0 - 900_000),
        due_at: UtcMs(TOLD_AT.0 - 12_000),
        late_ms: 12_000,
        durable: true,
        take_link: None,
    }
}

fn letter() -> Letter {
    Letter {
        notice: 99,
        intended_at: TOLD_AT,
        room: "Women's cell".into(),
        drill: false,
        person: "DPO Lahore".into(),
        email: Some("dpo@example.org".parse().unwrap()),
        phone: Some("+92 300 1234567".into()),
        matter: Matter::Escalation(Box::new(escalation())),
        zone: jiff::tz::TimeZone::get("Asia/Karachi").unwrap(),
    }
}

/// The shipped roster with these tables in it.
fn roster(tables: &str) -> Roster {
    let text = format!("{}\n{tables}", fifteen::config::SHIPPED);
    fifteen::config::Settings::parse(&text, "test.toml").unwrap().roster
}

fn wall(at: UtcMs) -> Arc<dyn Fn() -> UtcMs + Send + Sync> {
    Arc::new(move || at)
}

/// A channel that does what the closure says.
struct Acting<F>(F);

impl<F: Fn(&Letter) -> Result<(), SendError> + Send + Sync> Channel for Acting<F> {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        (self.0)(letter)
    }
}

fn acting(
    act: impl Fn(&Letter) -> Result<(), SendError> + Send + Sync + 'static,
) -> Option<Arc<dyn Channel>> {
    Some(Arc::new(Acting(act)))
}

/// The attempt failed, may or may not be made again, and its text names nobody.
#[track_caller]
fn failed(result: Result<(), SendError>, again: bool, why: &str) {
    let error = result.expect_err(why);
    assert_eq!(error.again, again, "{error}");
    assert!(error.text.contains(why), "{error} does not say {why:?}");
    for private in ["127.0.0.1", "example.org", "300 1234567", "DPO Lahore", "MfKQ9r8G"] {
        assert!(!error.text.contains(private), "{error} names {private}");
    }
}

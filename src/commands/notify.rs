//! `fifteen notify test`: a test notice to everybody by every channel of theirs, from this machine and
//! without a server, and what came of each.

use super::client::table;
use crate::cli::{Notify, NotifyAction, NotifyTest};
use anyhow::{Result, anyhow, bail};
use fifteen::config::Settings;
use fifteen::domain::UtcMs;
use fifteen::notify::{Kind, Letter, Matter, SendError, Senders};
use fifteen::service::clock::RoomClock;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(args: Notify, json: bool) -> Result<ExitCode> {
    match args.action {
        NotifyAction::Test(args) => test(&args, json),
    }
}

/// What came of one test.
#[derive(Serialize)]
struct Tried {
    person: String,
    channel: String,
    /// Absent: it was taken.
    problem: Option<String>,
}

fn test(args: &NotifyTest, json: bool) -> Result<ExitCode> {
    let settings = Settings::load(args.config.as_deref())?;
    let roster = &settings.roster;
    if roster.people.is_empty() {
        bail!("dispatch.toml names no [[person]]: there is nobody to send a test to");
    }
    let clock = RoomClock::start(UtcMs(0));
    let ticking = clock.clone();
    let now: Arc<dyn Fn() -> UtcMs + Send + Sync> = Arc::new(move || ticking.now());
    let senders = Senders::of(roster, &now)
        .map_err(|(channel, error)| anyhow!("channel {channel:?}: {error}"))?;
    let wanted = |name: &str| args.person.as_deref().is_none_or(|wanted| wanted == name);
    let people: Vec<_> = roster.people.iter().filter(|person| wanted(&person.name)).collect();
    if people.is_empty() {
        bail!("dispatch.toml names nobody called {:?}", args.person.as_deref().unwrap_or(""));
    }
    let mut tried = Vec::new();
    for person in people {
        for channel in &person.channels {
            let feed = roster.channel(channel).is_some_and(|rule| rule.kind == Kind::Feed);
            let letter = Letter {
                notice: u64::try_from(tried.len()).unwrap_or(u64::MAX),
                intended_at: clock.now(),
                room: settings.room.name.as_str().into(),
                drill: false,
                person: person.name.clone(),
                email: person.email.clone(),
                phone: person.phone.clone(),
                matter: Matter::Test,
                zone: settings.time_zone(),
            };
            let sent = match senders.get(channel) {
                // A feed shows and sends nothing: `fifteen watch` is its test.
                None if feed => continue,
                None => Err(SendError::gone("there is no such channel")),
                Some(sender) => sender.send(&letter),
            };
            tried.push(Tried {
                person: person.name.to_string(),
                channel: channel.to_string(),
                problem: sent.err().map(|error| error.text),
            });
        }
    }
    let failed = tried.iter().filter(|tried| tried.problem.is_some()).count();
    if json {
        crate::shell::out_json(&tried)?;
    } else {
        let mut table = table(&["person", "channel", "test"]);
        for tried in &tried {
            let said = tried.problem.as_deref().map_or("taken", |problem| problem);
            table.add_row([&*tried.person, &*tried.channel, said]);
        }
        crate::shell::out(table.trim_fmt())?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

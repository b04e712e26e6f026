//! The server's side of telling people: starts the outbox and the listener of links with what they
//! need of the room, and ends them with it.

use super::Server;
use super::queries::folded;
use crate::domain::{Actor, Command, Order, Rejection, Role, UtcMs};
use crate::notify::link::{LinkServer, Taken};
use crate::notify::sign::Take;
use crate::notify::{Desk, Ears, Outbox, Person, Report};
use crate::report::{Disclosure, Fold, Query, daily_span, html, summary};
use crate::seal::public_key_hex;
use crate::service::{Asked, heads_of, read_heads};
use std::net::TcpListener;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tracing::{info, warn};

/// How long what is being sent may still take when the server stops. What takes longer goes out
/// again after the next start, under the same id.
const FAREWELL: Duration = Duration::from_secs(3);

/// What runs beside the sessions to tell people.
pub(super) struct Telling {
    outbox: Outbox,
    links: Option<LinkServer>,
}

/// Starts telling people; nothing when dispatch.toml names nobody.
///
/// # Errors
/// What is wrong with a channel or the listener of links, in words.
pub(super) fn start(server: &Arc<Server>, ears: Ears) -> Result<Option<Telling>, String> {
    let settings = &server.settings;
    if settings.roster.people.is_empty() {
        info!("dispatch.toml names no [[person]]: escalations are shown, nobody is sent a notice");
        return Ok(None);
    }
    let offices = settings.rules.ladders.iter().filter(|ladder| &*ladder.name != "sink");
    let offices = offices.flat_map(|ladder| ladder.rungs.iter().map(|rung| &**rung));
    let districts: Vec<&str> = settings.districts.iter().map(|it| &*it.name).collect();
    let gaps = settings.roster.gaps(offices, &districts);
    if let Some((office, district)) = gaps.first() {
        warn!(gaps = gaps.len(), office, district, "offices that nobody holds, this one first");
    }
    let roster = Arc::new(settings.roster.clone());
    let watchers = Arc::clone(&server.watchers);
    let desk = Desk {
        room: settings.room.name.as_str().into(),
        zone: settings.time_zone(),
        roster: Arc::clone(&roster),
        looks: Box::new(move |who| {
            watchers.lock().unwrap_or_else(PoisonError::into_inner).contains_key(who)
        }),
        report: daily_report(server),
        wardens: wardens(server),
        tests: Arc::clone(&server.tests),
    };
    let runtime = tokio::runtime::Handle::current();
    let outbox =
        Outbox::start(desk, ears, server.handle.clone(), server.clock.clone(), runtime.clone())?;
    let links = match &roster.link {
        None => None,
        Some(rule) => {
            let listener = TcpListener::bind(rule.listen).map_err(|error| {
                format!("links cannot be listened for at {}: {error}", rule.listen)
            })?;
            let (clock, inside) = (server.clock.clone(), Arc::clone(server));
            let now = Arc::new(move || clock.now());
            let taker = move |asked: Take| runtime.block_on(take(&inside, asked));
            let links = LinkServer::start(listener, Arc::clone(&roster), now, taker)
                .map_err(|error| format!("links: {error}"))?;
            info!(address = %links.address(), "links are answered");
            Some(links)
        }
    };
    Ok(Some(Telling { outbox, links }))
}

/// Who answers for the room's disks: whoever holds an office of the ladder `room`, else who gets the reports, else
/// everybody.
fn wardens(server: &Server) -> Vec<Box<str>> {
    let settings = &server.settings;
    let ladders = settings.rules.ladders.iter().filter(|ladder| &*ladder.name == "room");
    let offices: Vec<&str> = ladders.flat_map(|it| it.rungs.iter().map(|rung| &**rung)).collect();
    let people = &settings.roster.people;
    let named = |of: &dyn Fn(&Person) -> bool| -> Vec<Box<str>> {
        people.iter().filter(|person| of(person)).map(|person| person.name.clone()).collect()
    };
    let holders =
        named(&|person| person.office.as_deref().is_some_and(|own| offices.contains(&own)));
    let readers = named(&|person| person.reports);
    [holders, readers].into_iter().find(|some| !some.is_empty()).unwrap_or_else(|| named(&|_| true))
}

/// Makes the report of the day that ends at an instant. Without small counts: a mail goes far.
fn daily_report(server: &Arc<Server>) -> Box<dyn Fn(UtcMs) -> Option<Report> + Send> {
    let server = Arc::clone(server);
    Box::new(move |due| {
        let zone = server.settings.time_zone();
        let at = server.settings.roster.report_at?;
        let (from, to) = daily_span(due, at, &zone);
        let query = Query { from: Some(from), to: Some(to), by: None, zone };
        match folded(&server, Fold::full(query), 0) {
            Ok(report) => Some(Report {
                title: format!("{}: the day's report", server.settings.room.name),
                text: summary(&report, None, Disclosure::default()) + &last_head(&server),
                html: Some(html(&report, None, Disclosure::default())),
            }),
            Err(why) => {
                warn!("no daily report: {why}");
                None
            }
        }
    })
}

/// The signed head of the last day that ended, as lines of a report: so it is kept where the log is not.
fn last_head(server: &Server) -> String {
    let kept = read_heads(&heads_of(&server.files.dir)).unwrap_or_default();
    let line = kept.last().and_then(|head| serde_json::to_string(head).ok());
    let key = public_key_hex(&server.keyring.public_key());
    line.map_or_else(String::new, |line| {
        format!(
            "\nLog head, signed: keep this message, `fifteen journal verify --heads` checks the log by it.\n{line}\npublic key {key}\n"
        )
    })
}

/// Ends it, within the time that is left for it.
pub(super) async fn stop(telling: Option<Telling>) {
    let Some(Telling { outbox, links }) = telling else {
        return;
    };
    let (sender, ended) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("farewell".into()).spawn(move || {
        drop(links);
        outbox.stop();
        let _ = sender.send(());
    });
    if spawned.is_ok() && tokio::time::timeout(FAREWELL, ended).await.is_err() {
        warn!("a notice was still being sent; it goes out again after the next start");
    }
}

/// Somebody pressed the button behind a link: they have seen it, and take it.
async fn take(server: &Server, asked: Take) -> Taken {
    let Take { escalation, person } = asked;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let who = person.clone();
    let queued = server.handle.ask(move |room| {
        let found = room.ok().and_then(|room| {
            let state = room.engine.state();
            let (call, telling) = state.telling(escalation)?;
            let (_, clock) = state.office_of(telling)?;
            let others = telling.taken.as_ref().is_some_and(|(by, _)| **by != *who);
            let over = others || call.closed.is_some() || telling.generation != call.generation;
            Some((call.id, Box::<str>::from(clock), telling.rung, over))
        });
        let _ = sender.send(found);
    });
    if queued == Asked::Shed {
        return Taken::Failed;
    }
    let Ok(found) = receiver.await else {
        return Taken::Failed;
    };
    let Some((call, clock, rung, false)) = found else {
        return Taken::Over;
    };
    let by = Actor::new(&person, Role::Supervisor);
    let see = Command::SeeEscalation { escalation };
    let take = Command::TakeEscalation { call, clock, rung: Some(rung) };
    for command in [see, take] {
        let order = Order { by: by.clone(), key: None, command };
        match server.handle.submit(order).await {
            Ok(Ok(_)) => {}
            Ok(Err(Rejection::UnknownEscalation(_) | Rejection::RungNotTold(_))) => {
                return Taken::Over;
            }
            Ok(Err(_)) | Err(_) => return Taken::Failed,
        }
    }
    Taken::Yes
}

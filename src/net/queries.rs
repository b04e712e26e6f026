//! What is asked of the room without changing it, its upkeep, and its canary. Questions are the
//! first work that is shed when the engine is behind; calls come before.

use super::answering::{Answering, failed_code};
use super::feed::{CALLS_BYTES_MAX, WireFeed, fitting};
use super::{LogFiles, Server, Shed, convert, health};
use crate::domain::{Call, CallId, Priority, UtcMs};
use crate::engine::{State, recommend};
use crate::journal::{Health, JournalError, RecordRef, inspect};
use crate::protocol::{self as wire, Code, Request, VERSION, Welcome};
use crate::report::{By, Fold, Query, Report};
use crate::service::{Asked, Room, decode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Rows of a page when the asker does not say, and at most.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 400;
/// A report's share of a reply, in bytes of JSON.
const REPORT_BYTES_MAX: usize = 1_000_000;

pub(super) fn busy(server: &Arc<Server>, answering: Answering, what: Shed) {
    server.shed(what);
    let text = match what {
        Shed::Questions => "too many questions a second; ask again in a moment",
        Shed::Positions => "positions come too fast; the next one will do",
        Shed::Answers => "too much is unread; read, and ask again in a moment",
        _ => "calls come first just now; ask again in a moment",
    };
    answering.reject(Code::Busy, text);
}

/// Asks the room, or says that it is busy.
pub(super) fn ask(
    server: &Arc<Server>,
    answering: Answering,
    ask: impl FnOnce(&mut Room<'_, WireFeed>, Answering) + Send + 'static,
) {
    // The answering travels with the question; when it is shed, it must come back.
    let slot = Arc::new(std::sync::Mutex::new(Some(answering)));
    let inside = Arc::clone(&slot);
    let take = |slot: &std::sync::Mutex<Option<Answering>>| {
        slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    };
    let asked = server.handle.ask(move |room| {
        let Some(answering) = take(&inside) else {
            return;
        };
        match room {
            Ok(room) => ask(room, answering),
            Err(failed) => answering.reject(failed_code(failed), failed.to_string()),
        }
    });
    if asked == Asked::Shed
        && let Some(answering) = take(&slot)
    {
        busy(server, answering, Shed::Queries);
    }
}

/// Answers a request that is no command.
pub(super) fn query(server: &Arc<Server>, request: Request, answering: Answering) {
    match request {
        Request::ListCalls(list) => {
            ask(server, answering, move |room, answering| match list_calls(room, &list) {
                Some(calls) => answering.reply(Some(room.engine.state().seq), false, calls),
                None => answering.reject(
                    Code::BadValue,
                    "after: not the `next` of a page; leave it out to begin again",
                ),
            })
        }
        Request::ListUnits(list) => ask(server, answering, move |room, answering| {
            let state = room.engine.state();
            let limit = limit(list.limit);
            let after = list.after_unit.as_deref().unwrap_or("");
            let mut units: Vec<_> = state
                .units()
                .filter(|(callsign, _)| callsign.as_str() > after)
                .filter(|(_, unit)| list.district.as_ref().is_none_or(|it| unit.district() == it))
                .take(limit + 1)
                .map(|(callsign, unit)| convert::unit_summary(state, callsign, unit))
                .collect();
            let more = units.len() > limit;
            units.truncate(limit);
            answering.reply(Some(state.seq), false, wire::Units { units, more });
        }),
        Request::RecommendUnits(asked) => ask(server, answering, move |room, answering| {
            let state = room.engine.state();
            let Some(call) = state.call(CallId(asked.call)) else {
                return answering
                    .reject(Code::UnknownCall, format!("call {} is not known here", asked.call));
            };
            let ranked = recommend(state, call, room.engine.now(), limit(asked.limit));
            let units = ranked.into_iter().map(|unit| wire::Recommendation {
                unit: unit.unit.to_string(),
                distance_m: unit.distance_m.map(whole_metres),
                reasons: unit.reasons.iter().map(ToString::to_string).collect(),
            });
            let units = units.collect();
            answering.reply(
                Some(state.seq),
                false,
                wire::Recommendations { call: asked.call, units },
            );
        }),
        Request::ListEscalations(asked) => ask(server, answering, move |room, answering| {
            let state = room.engine.state();
            answering.reply(Some(state.seq), false, list_escalations(state, &asked));
        }),
        Request::ShowRoom(_) => {
            answering.reply(None, false, convert::room::room(&server.settings));
        }
        Request::Health(_) => {
            let server_now = Arc::clone(server);
            ask(server, answering, move |room, answering| {
                let status = health::health(&server_now, room);
                answering.reply(Some(status.seq), false, status);
            });
        }
        Request::TakeSnapshot(_) => ask(server, answering, |room, answering| {
            room.take_snapshot(move |taken| {
                stored(answering, taken.map(|(seq, bytes)| wire::Stored { dir: None, seq, bytes }));
            });
        }),
        Request::Archive(_) => ask(server, answering, |room, answering| {
            room.archive();
            let seq = room.journal.archived();
            stored(answering, Ok::<_, JournalError>(wire::Stored { dir: None, seq, bytes: 0 }));
        }),
        Request::Report(asked) => report(server, &asked, answering),
        Request::Backup(asked) => backup(server, asked.dir.into(), answering),
        other => {
            answering.reject(Code::UnknownMessage, format!("{} is not answered here", other.name()))
        }
    }
}

fn stored(answering: Answering, stored: Result<wire::Stored, impl std::fmt::Display>) {
    match stored {
        Ok(stored) => answering.reply(Some(stored.seq), false, stored),
        Err(error) => answering.reject(Code::JournalFailed, error.to_string()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a distance on the globe is at most 20,038 km"
)]
fn whole_metres(metres: f64) -> u32 {
    metres.round() as u32
}

fn limit(asked: Option<u32>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize
}

/// Waiting calls in the order they are served, then the others by number.
/// `None` for a cursor that is none of ours.
fn list_calls(room: &Room<'_, WireFeed>, list: &wire::ListCalls) -> Option<wire::Calls> {
    let state = room.engine.state();
    let limit = limit(list.limit);
    if list.latest_closed {
        let latest = state.closed_lately().take(limit);
        let mut calls: Vec<_> = latest.map(|call| convert::summary(state, call)).collect();
        calls.truncate(fitting(&calls, limit, CALLS_BYTES_MAX));
        return Some(wire::Calls { calls, next: None });
    }
    let fits = |call: &&Call| {
        let stage = convert::stage(call.stage());
        let wanted = if list.states.is_empty() {
            stage != wire::Stage::Closed
        } else {
            list.states.contains(&stage)
        };
        wanted
            && !call.is_canary()
            && list.district.as_ref().is_none_or(|it| *call.placed.district == **it)
            && list.priority.is_none_or(|it| call.priority().number() == it)
    };
    let after = match list.after.as_deref().map(str::parse) {
        Some(Ok(cursor)) => Some(cursor),
        Some(Err(())) => return None,
        None => None,
    };
    let waiting: Box<dyn Iterator<Item = CallId>> = match after {
        None => Box::new(state.queue().iter()),
        Some(Cursor::Waiting(place)) => Box::new(state.queue().behind(place)),
        Some(Cursor::Other(_)) => Box::new(std::iter::empty()),
    };
    let from = match after {
        Some(Cursor::Other(id)) => id,
        _ => CallId(0),
    };
    let others = state.calls_after(from).filter(|call| !call.waits());
    let page: Vec<&Call> = waiting
        .filter_map(|id| state.call(id))
        .chain(others)
        .filter(fits)
        .take(limit + 1)
        .collect();
    let mut calls: Vec<_> = page.iter().map(|call| convert::summary(state, call)).collect();
    // An answer beyond a frame would never arrive: it is cut like any other page.
    let fits = fitting(&calls, limit, CALLS_BYTES_MAX).min(calls.len());
    let more = calls.len() > fits;
    calls.truncate(fits);
    let last = fits.checked_sub(1).filter(|_| more);
    let next = last.map(|last| Cursor::of(page[last]).to_string());
    Some(wire::Calls { calls, next })
}

fn list_escalations(state: &State, asked: &wire::ListEscalations) -> wire::Escalations {
    let limit = limit(asked.limit);
    let before = asked.after.unwrap_or(u64::MAX);
    let mut found = state
        .tellings_before(before)
        .filter(|(call, _)| asked.call.is_none_or(|id| call.id.0 == id))
        .filter(|(call, _)| asked.closed || asked.call.is_some() || call.closed.is_none())
        .filter_map(|(call, told)| convert::told::escalation(state, call.id.0, told))
        .take(limit + 1)
        .collect::<Vec<_>>();
    let fits = fitting(&found, limit, CALLS_BYTES_MAX).min(found.len());
    let more = found.len() > fits;
    found.truncate(fits);
    let next = found.last().filter(|_| more).map(|last| last.escalation);
    wire::Escalations { escalations: found, next }
}

/// Where a page of the list ended: at a place in the queue, or at a call behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Waiting((Priority, UtcMs, CallId)),
    Other(CallId),
}

impl Cursor {
    fn of(call: &Call) -> Self {
        if call.waits() {
            Self::Waiting((call.priority(), call.received_at, call.id))
        } else {
            Self::Other(call.id)
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Waiting((priority, at, id)) => write!(f, "w{priority}.{}.{id}", at.0),
            Self::Other(id) => write!(f, "o{id}"),
        }
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| ());
        if let Some(id) = text.strip_prefix('o') {
            return Ok(Self::Other(CallId(number(id)?)));
        }
        let mut parts = text.strip_prefix('w').ok_or(())?.splitn(3, '.');
        let mut next = || parts.next().ok_or(()).and_then(number);
        let priority = u8::try_from(next()?).ok().and_then(Priority::new).ok_or(())?;
        Ok(Self::Waiting((priority, UtcMs(next()?), CallId(next()?))))
    }
}

/// The report, read from the log's plain files on a thread of its own.
fn report(server: &Arc<Server>, asked: &wire::Report, answering: Answering) {
    let query = Query {
        from: asked.from_at.map(UtcMs),
        to: asked.to_at.map(UtcMs),
        by: asked.by.map(|by| match by {
            wire::ReportBy::District => By::District,
            wire::ReportBy::Kind => By::Kind,
            wire::ReportBy::Priority => By::Priority,
            wire::ReportBy::Hour => By::Hour,
            wire::ReportBy::Shift => By::Shift,
        }),
        zone: server.settings.time_zone(),
    };
    let fold = if asked.full { Fold::full(query) } else { Fold::new(query) };
    let inner = Arc::clone(server);
    ask(server, answering, move |room, answering| {
        let seq = room.tail.seq;
        // A thread of its own: a report may read for seconds, and no call waits for it.
        let reading = std::thread::Builder::new().name("report".into());
        let spawned = reading.spawn(move || match figures(&inner, fold, seq) {
            Ok(report) => answering.reply(Some(seq), false, wire::ReportFigures { report }),
            Err((code, text)) => answering.reject(code, text),
        });
        if let Err(error) = spawned {
            tracing::error!("no thread for a report: {error}");
        }
    });
}

fn figures(server: &Server, fold: Fold, seq: u64) -> Result<String, (Code, String)> {
    let mut report = folded(server, fold, seq).map_err(|text| (Code::JournalFailed, text))?;
    loop {
        let text = serde_json::to_string(&report)
            .map_err(|error| (Code::JournalFailed, error.to_string()))?;
        if text.len() <= REPORT_BYTES_MAX {
            return Ok(text);
        }
        if !report.shorten() {
            let text = "more figures than one reply holds; ask for a shorter span, or without `by`";
            return Err((Code::TooLarge, text.into()));
        }
    }
}

/// The report of the log's plain files, which must reach transition `seq`.
pub(super) fn folded(server: &Server, mut fold: Fold, seq: u64) -> Result<Report, String> {
    let LogFiles { dir, options } = &server.files;
    let tail = inspect::dump(dir, options, 1, |number, record| {
        let dated = decode(RecordRef {
            seq: number,
            at: record.at,
            schema: record.schema,
            body: &record.body,
        });
        fold.take(&dated.map_err(|why| JournalError::Fold { seq: number, why })?);
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    if tail.seq < seq {
        return Err(format!(
            "the plain files end at transition {}, the log at {seq}: the witness has failed, see `fifteen health`",
            tail.seq
        ));
    }
    let report = fold.finish(server.clock.now());
    Ok(report.signed(&server.settings.room.name, Some(tail.chain_hex())))
}

/// A backup, taken from the plain files on a thread of its own.
fn backup(server: &Arc<Server>, dir: PathBuf, answering: Answering) {
    let LogFiles { dir: data, options } = server.files.clone();
    let spawned = std::thread::Builder::new().name("backup".into()).spawn(move || {
        let taken = inspect::backup(&data, &options, &dir).map(|taken| wire::Stored {
            dir: Some(dir.display().to_string()),
            seq: taken.seq,
            bytes: folder_bytes(&dir),
        });
        stored(answering, taken);
    });
    if let Err(error) = spawned {
        tracing::error!("no thread for a backup: {error}");
    }
}

fn folder_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => folder_bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

pub(super) async fn welcome(server: &Server) -> Welcome {
    let (sender, receiver) = oneshot::channel();
    let asked = server.handle.ask(move |room| {
        let seen = room.map_or((0, true, false), |room| {
            let state = room.engine.state();
            (state.seq, room.journal.health() != Health::Whole, state.spilled().is_some())
        });
        let _ = sender.send(seen);
    });
    let (seq, degraded, spilling) = match asked {
        Asked::Queued => receiver.await.unwrap_or((0, true, false)),
        // Too busy to say: a client learns it from `health`.
        Asked::Shed => (0, false, false),
    };
    Welcome {
        version: VERSION,
        server: format!("{} (fifteen {})", server.settings.room.name, env!("CARGO_PKG_VERSION")),
        node: server.node,
        seq,
        now_at: server.clock.now().0,
        heartbeat_ms: u64::try_from(server.settings.listen.heartbeat.as_millis())
            .unwrap_or(u64::MAX),
        drill: server.settings.drill.is_some(),
        degraded,
        spilling,
        room: server.settings.room.name.clone(),
        zone: server.settings.room.zone.clone(),
        token: None,
        token_ends_at: None,
        deflate: false,
    }
}

//! `fifteen replay`: recorded calls through the whole room, here on virtual time or through a
//! server at so many times real time.

use crate::cli::{self, Speed};
use anyhow::{Context, Result, bail};
use fifteen::client::{Client, ClientError};
use fifteen::config::Settings;
use fifteen::domain::{Dated, Progress, Source, UtcMs};
use fifteen::engine::{Engine, State};
use fifteen::journal::Journal;
use fifteen::protocol::{
    self, CloseCall, Code, Hello, PlaceCall, ReplyBody, ReportStatus, ReportedStatus, Role,
};
use fifteen::service::clock::Stopwatch;
use fifteen::service::{Behind, Writer};
use fifteen::trace::{
    Ask, Plan, Planned, Reader, Replay, ReplayError, Row, TraceError, Year, fed_by_a_trace, scan,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tracing::info;

/// Events in one commit. Nobody waits for an answer here, so commits are as large as is quick.
const COMMIT_EVENTS: usize = 8_192;

/// A replay takes snapshots only so that what is old can move to the archive: no more often than this, in transitions.
const SNAPSHOT_EVERY_MIN: u64 = 10_000_000;

pub(crate) fn run(args: cli::Replay, json: bool) -> Result<ExitCode> {
    // Read to the end first: a malformed line is found before anything is done.
    let recorded = scan(&args.trace)?.rows;
    let rows = args.year.unwrap_or(recorded);
    let bar = ProgressBar::new(rows);
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} calls, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    match (&args.connect, args.speed) {
        (Some(address), speed) => {
            crate::shell::wait(through_server(&args, address, speed, &bar, json))?;
        }
        (None, Speed::Max) => match args.year {
            None => here(&args, Reader::open(&args.trace)?, &bar, json)?,
            Some(calls) => {
                let recorded = Reader::open(&args.trace)?.collect::<Result<_, _>>()?;
                let districts = Settings::load(args.config.as_deref())?.districts;
                let districts = districts.into_iter().map(|it| it.name.into()).collect();
                let Some(year) = Year::new(recorded, districts, calls, args.seed) else {
                    bail!(
                        "{} has no call whose end was recorded, to draw a year from",
                        args.trace.display()
                    );
                };
                here(&args, year, &bar, json)?;
            }
        },
        (None, Speed::Times(_)) => {
            bail!("--speed N needs a running server: give --connect ADDR, or leave --speed at max");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why the events of a replay go nowhere any more; [`Behind::finish`] says it.
#[derive(Debug, thiserror::Error)]
#[error("the log takes nothing more")]
struct Broken;

fn here(
    args: &cli::Replay,
    rows: impl Iterator<Item = Result<Row, TraceError>> + Send,
    bar: &ProgressBar,
    json: bool,
) -> Result<()> {
    let settings = Settings::load(args.config.as_deref())?;
    let watch = Stopwatch::start();
    let scratch;
    let data: &Path = match &args.data {
        Some(data) => data,
        None => {
            scratch = tempfile::Builder::new().prefix("fifteen-replay-").tempdir()?;
            scratch.path()
        }
    };
    let mut store = super::serve::open(data, super::serve::options(None, None)?)?;
    let already = store.last().seq;
    if already > 0 {
        store.close()?;
        bail!(
            "{} already holds a log of {already} transitions; a trace is replayed into an empty folder, so that nothing is doubled",
            data.display()
        );
    }
    let rules = fed_by_a_trace(&settings.rules);
    for clock in settings.rules.clocks.iter().filter(|clock| !rules.clocks.contains(clock)) {
        info!("clock {:?} is left out: nothing a trace says could stop it", clock.name);
    }
    let keyring = match &args.data {
        Some(data) => super::keyring::of(&mut store, data, &settings, false)?,
        None => super::keyring::in_memory()?,
    };
    let behind = Behind::start(Writer::take_over(store, "replay", keyring)?)?;
    let engine = Engine::new(State::default(), UtcMs(0));
    let snapshot_every = settings.journal.snapshot_every.max(SNAPSHOT_EVERY_MIN);
    let mut snapshot_seq = 0;
    let mut uncommitted: Vec<Dated> = Vec::with_capacity(2 * COMMIT_EVENTS);
    let keep_ms = u64::try_from(settings.journal.keep_live.as_millis()).unwrap_or(u64::MAX);
    let replayed = Replay::new(engine, rules)?.run(
        rows,
        |state, events| {
            uncommitted.append(events);
            let due = state.seq - snapshot_seq >= snapshot_every;
            if uncommitted.len() < COMMIT_EVENTS && !due {
                return Ok(());
            }
            let full = Vec::with_capacity(2 * COMMIT_EVENTS);
            let mut going = behind.commit(std::mem::replace(&mut uncommitted, full));
            if due {
                snapshot_seq = state.seq;
                going &= behind.snapshot(state, UtcMs(state.at.since(UtcMs(keep_ms))));
            }
            if going { Ok(()) } else { Err(Broken) }
        },
        |rows| bar.set_position(rows),
    );
    let replayed = match replayed {
        Err(ReplayError::Sink(Broken)) => {
            behind.finish()?;
            bail!(Broken);
        }
        replayed => replayed?,
    };
    let going = behind.commit(uncommitted);
    behind.finish()?.close()?;
    if !going {
        bail!(Broken);
    }
    bar.finish_and_clear();
    let figures = replayed.figures(watch.elapsed());
    if json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        println!("{figures}");
    }
    Ok(())
}

/// What a server made of a trace.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Sent {
    calls: u64,
    accepted: u64,
    rejected_stamps: u64,
    stale_stamps: u64,
    elapsed_s: f64,
}

async fn through_server(
    args: &cli::Replay,
    address: &str,
    speed: Speed,
    bar: &ProgressBar,
    json: bool,
) -> Result<()> {
    let hello = Hello::new(Role::Operator, args.who.as_str());
    let hello = crate::shell::token::with_token(hello, args.token_file.as_deref(), address)?;
    let client = super::connect(address, &args.tls, hello).await?;
    let sent = send(&args.trace, &client, speed, Part::Whole, bar).await?;
    bar.finish_and_clear();
    if json {
        println!("{}", serde_json::to_string(&sent)?);
    } else {
        println!("{sent}");
    }
    Ok(())
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} calls placed in {:.1} s: {} commands accepted, {} stamps rejected, {} stale",
            self.calls, self.elapsed_s, self.accepted, self.rejected_stamps, self.stale_stamps
        )
    }
}

/// What of a trace is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: the calls, and what the recorded city did about them.
    Whole,
    /// The calls alone; what is done about them is for whoever practises.
    Calls,
}

/// Sends what `trace` tells, at its instants or as fast as is answered.
pub(crate) async fn send(
    trace: &Path,
    client: &Client,
    speed: Speed,
    part: Part,
    bar: &ProgressBar,
) -> Result<Sent> {
    let watch = Stopwatch::start();
    let mut plan = Plan::new(Reader::open(trace)?);
    let mut sent = Sent::default();
    let mut calls = HashMap::new();
    let mut first = None;
    for planned in plan.by_ref() {
        let planned = planned?;
        if part == Part::Calls && !matches!(planned.ask, Ask::Place(_)) {
            continue;
        }
        let since_ms = planned.at.since(*first.get_or_insert(planned.at));
        if let Speed::Times(times) = speed {
            #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
            let due = Duration::from_secs_f64(since_ms as f64 / 1_000.0 / times);
            tokio::time::sleep(due.saturating_sub(watch.elapsed())).await;
        }
        let (row, last) = (planned.row, planned.last);
        let call = calls.get(&row).copied();
        let outcome = match (request(planned, call), call) {
            (protocol::Request::PlaceCall(_), Some(_)) => continue,
            (request, _) => client.request(request).await,
        };
        match outcome {
            Ok(reply) => {
                sent.accepted += 1;
                if let ReplyBody::CallPlaced(placed) = reply.body {
                    sent.calls += 1;
                    calls.insert(row, placed.call);
                    bar.set_position(sent.calls);
                }
            }
            Err(ClientError::Rejected(rejection)) if rejection.code == Code::OutOfOrder => {
                sent.stale_stamps += 1;
            }
            Err(ClientError::Rejected(rejection))
                if matches!(rejection.code, Code::CallClosed | Code::UnknownCall) =>
            {
                sent.rejected_stamps += 1;
            }
            Err(error) => return Err(error).context("sending a recorded call"),
        }
        if last {
            calls.remove(&row);
        }
    }
    sent.rejected_stamps += plan.before_receipt();
    sent.elapsed_s = watch.elapsed().as_secs_f64();
    Ok(sent)
}

/// What is sent for a planned command; a row's call has the number the server gave it.
fn request(planned: Planned, call: Option<u64>) -> protocol::Request {
    let call = call.unwrap_or_default();
    match planned.ask {
        Ask::Place(new) => {
            let source = match new.source {
                Source::App => protocol::Source::App,
                Source::WalkIn => protocol::Source::WalkIn,
                Source::Partner => protocol::Source::Partner,
                Source::Officer | Source::Canary => protocol::Source::Officer,
                Source::PhoneLine => protocol::Source::PhoneLine,
            };
            let place = new.sealed.place.map(|place| protocol::Place {
                lat: place.point.map(fifteen::domain::Point::lat),
                lon: place.point.map(fifteen::domain::Point::lon),
                accuracy_m: None,
                words: place.words.map(Into::into),
            });
            PlaceCall {
                priority: Some(new.priority.number()),
                number: new.sealed.number.map(Into::into),
                note: new.sealed.note.map(Into::into),
                place,
                ..PlaceCall::new(source, new.district, new.kind)
            }
            .into()
        }
        Ask::Report(unit, progress) => ReportStatus {
            call,
            unit: Some(unit.to_string()),
            status: match progress {
                Progress::Assigned | Progress::Acknowledged => ReportedStatus::Acknowledged,
                Progress::EnRoute => ReportedStatus::EnRoute,
                Progress::OnScene => ReportedStatus::OnScene,
            },
            reason: None,
            by_radio: true,
        }
        .into(),
        Ask::Close(remark) => CloseCall {
            call,
            disposition: fifteen::trace::DISPOSITION.into(),
            remark: remark.map(|remark| remark.0.into()),
        }
        .into(),
    }
}

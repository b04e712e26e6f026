//! `fifteen serve`: opens the log, folds it, serves until SIGTERM or Ctrl-C.

use super::{drill, keyring};
use crate::cli::Serve;
use anyhow::{Context, Result, anyhow};
use fifteen::config::Settings;
use fifteen::journal::{JournalError, Note, Options, Prober, Store, replay_as};
use fifteen::net::{self, LogFiles, Opened};
use fifteen::service;
use sd_notify::NotifyState;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

pub(crate) fn run(args: Serve, json: bool) -> Result<ExitCode> {
    let mut settings = Settings::load(args.config.as_deref())?;
    if let Some(address) = args.listen {
        settings.listen.address = address;
    }
    // Deleted when this function returns, whatever comes.
    let scratch;
    let (data, feed) = match args.drill {
        None => (args.data, None),
        Some(rate) => {
            settings = settings.into_drill(rate);
            scratch = tempfile::Builder::new().prefix("fifteen-drill-").tempdir()?;
            warn!(rate, "DRILL: nothing of this room is real, and nothing of it will be kept");
            let trace = args.trace.map(|trace| drill::Feed::of(trace, rate, &mut settings));
            (scratch.path().join("data"), trace.transpose()?)
        }
    };
    let journal = options(settings.journal.witness.as_deref(), settings.journal.spill.as_deref())?;
    let begun = keyring::of_another_log(&data, &settings);
    let may_begin = begun.is_none();
    let store = open(&data, Options { may_begin, ..journal.clone() });
    let mut store = store.map_err(|error| match (error.downcast_ref(), begun) {
        (Some(JournalError::NoLog(_)), Some(begun)) => anyhow!("{error}, and {begun}"),
        _ => error,
    })?;
    let keyring = match settings.drill {
        Some(_) => keyring::in_memory()?,
        None => keyring::of(&mut store, &data, &settings, args.without_identities)?,
    };
    let folded =
        replay_as(&store, &service::Opened::with(keyring.clone())).context("replaying the log")?;
    let service::Opened { state, gone, .. } = folded.state;
    if !gone.is_nothing() {
        // A crash between the log and the keyring: what the log says is erased, no key opens.
        keyring.erase(&gone).context("destroying the keys of what was erased")?;
    }
    info!(
        seq = folded.tail.seq,
        replayed = folded.records,
        snapshot = folded.snapshot.as_ref().map(|manifest| manifest.seq),
        calls = state.calls().count(),
        "the room is back"
    );
    let notes = store.opened().notes.iter().filter(|note| is_problem(note));
    let notes = notes.map(|note| format!("at the start: {note}")).collect();
    let opened = Opened {
        journal: store,
        state,
        keyring,
        notes,
        files: LogFiles { dir: data, options: journal },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let (again, hang_ups) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            while hang_up.recv().await.is_some() {
                // One that waits already will read what this one would.
                let _ = again.try_send(());
            }
        });
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => info!("SIGTERM: finishing what is under way"),
                _ = interrupt.recv() => info!("interrupted: finishing what is under way"),
            }
            tell_systemd(NotifyState::Stopping);
        };
        let ready = |address, inside| {
            let mut out = std::io::stdout();
            // Whoever started the server may not listen.
            let _ = if json {
                writeln!(out, "{}", serde_json::json!({ "ready": address }))
            } else {
                writeln!(out, "ready {address}")
            };
            let _ = out.flush();
            tell_systemd(NotifyState::Ready);
            if let Some(feed) = feed {
                tokio::spawn(feed.run(inside));
            }
        };
        net::serve(settings, opened, Store::close, ready, hang_ups, stop).await?;
        info!("closed in order");
        Ok(ExitCode::SUCCESS)
    })
}

/// Says so to systemd, where it started us. The canary and `/healthz` watch the room: a watchdog
/// would have to wake it for nothing but that.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!("systemd is not told how the server is: {error}");
    }
}

/// How a log is opened here: suspect folders are looked at by a child of this program.
pub(crate) fn options(witness: Option<&Path>, spill: Option<&Path>) -> Result<Options> {
    let program = std::env::current_exe().context("finding this program")?;
    let args = vec!["journal".into(), "probe".into()];
    let prober = Some(Prober { program, args });
    let (witness, spill) = (witness.map(Into::into), spill.map(Into::into));
    Ok(Options { witness, spill, prober, ..Options::default() })
}

/// Opens the log in `data` for writing.
pub(crate) fn open(data: &Path, options: Options) -> Result<Store> {
    let store = Store::open(data, options)?;
    info!("{}: {}", data.display(), store.opened());
    Ok(store)
}

/// What opening found that somebody should look after.
fn is_problem(note: &Note) -> bool {
    matches!(
        note,
        Note::SledSetAside { .. }
            | Note::SledMissing
            | Note::SledUntried { .. }
            | Note::BallastReleased
            | Note::BallastMissing
    )
}

//! What each subcommand does. They print to stdout what was asked for and to stderr everything
//! else; a failure is an error of one line that says what to do.

mod client;
mod serve;

use crate::cli::{Cli, Command};
use anyhow::{Context, Result};
use fifteen::domain::UtcMs;
use std::process::ExitCode;

pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Serve(args) => serve::run(args, json),
        Command::Call(args) => wait(client::call(args, json)),
        Command::Calls(args) => wait(client::calls(args, json)),
        Command::Show(args) => wait(client::show(args, json)),
        Command::Op(args) => wait(client::op(args, json)),
        Command::Unit(args) => wait(client::unit(args, json)),
        Command::Health(args) => wait(client::health(args, json)),
        Command::Replay(_) | Command::Report(_) | Command::Journal(_) => anyhow::bail!("not yet"),
    }
}

/// Runs one task to its end on this thread.
pub(crate) fn wait<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(task)
}

/// An instant as people read it: RFC 3339 in `zone`, with offset.
pub(crate) fn in_zone(at: UtcMs, zone: &jiff::tz::TimeZone) -> String {
    let stamp = i64::try_from(at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(
        || at.to_string(),
        |stamp| {
            stamp
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string()
        },
    )
}

//! What each subcommand does. They print to stdout what was asked for and to stderr everything
//! else; a failure is an error of one line that says what to do.

mod client;
mod console;
mod drill;
mod journal;
mod keyring;
mod notify;
mod replay;
mod report;
mod serve;

use crate::cli::{Cli, Command};
use anyhow::{Context, Result};
use fifteen::protocol::Hello;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Serve(args) => serve::run(args, json),
        Command::Call(args) => wait(client::call(args, json)),
        Command::Calls(args) => wait(client::calls(args, json)),
        Command::Show(args) => wait(client::show(args, json)),
        Command::Op(args) => wait(client::op(args, json)),
        Command::Console(args) => console::run(args, console::Seat::Operator),
        Command::Watch(args) => console::run(args, console::Seat::Supervisor),
        Command::Unit(args) => wait(client::unit(args, json)),
        Command::Escalations(args) => wait(client::escalations(args, json)),
        Command::Take(args) => wait(client::take(args, json)),
        Command::Erase(args) => wait(client::erase(args, json)),
        Command::Health(args) => wait(client::health(args, json)),
        Command::Notify(args) => notify::run(args, json),
        Command::Replay(args) => replay::run(args, json),
        Command::Report(args) => report::run(args, json),
        Command::Journal(args) => journal::run(args, json),
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

/// The hello with the role's token: from `file`, else from FIFTEEN_TOKEN; never from the
/// command line, which every process can read.
pub(crate) fn with_token(hello: Hello, file: Option<&Path>) -> Result<Hello> {
    let token = match file {
        Some(file) => Some(
            std::fs::read_to_string(file)
                .with_context(|| format!("reading the token file {}", file.display()))?,
        ),
        None => std::env::var("FIFTEEN_TOKEN").ok(),
    };
    Ok(match token {
        Some(token) => hello.with_token(token.trim()),
        None => hello,
    })
}

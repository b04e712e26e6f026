//! The `fifteen` command.

mod cli;
mod commands;
mod crew;
mod shell;

use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What one thread of a server takes another gives back, call by call: under the system's own allocator they wait for
/// each other then.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The commands say themselves what became of their connection.
    let quiet = "info,sled=warn,fifteen::client=off";
    let filter = if matches!(cli.command, cli::Command::Console(_)) {
        // A line in the middle of the screen would stay there.
        Targets::new()
    } else {
        let asked = std::env::var("FIFTEEN_LOG").ok().filter(|asked| !asked.is_empty());
        asked.as_deref().unwrap_or(quiet).parse().unwrap_or_else(|error| {
            eprintln!("fifteen: FIFTEEN_LOG is passed over ({error}): say a level, or TARGET=LEVEL,TARGET=LEVEL");
            quiet.parse().expect("targets and their levels")
        })
    };
    // It would write whole messages, and a caller's number with them: not even who asks for it by name gets that.
    let nobodys = filter_fn(|line| !line.target().starts_with("rsipstack"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(filter).with(nobodys).with(lines).init();
    shell::end("fifteen", commands::run(cli))
}

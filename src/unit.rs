//! The `fifteen-unit` command: what `fifteen unit` does, as a program small enough for a car.

mod crew;
mod shell;

use clap::Parser;
use std::process::ExitCode;

/// Be a patrol unit: sign on, see assignments as they come, answer them. The same as `fifteen unit`.
#[derive(Debug, Parser)]
#[command(name = "fifteen-unit", version, max_term_width = 100)]
struct Cli {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    unit: crew::Unit,
}

fn main() -> ExitCode {
    let Cli { json, unit } = Cli::parse();
    shell::end("fifteen-unit", shell::wait(crew::unit(unit, json, "fifteen-unit")))
}

//! Flags of `fifteen report`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of a log no server works on.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where a server listens.
    #[arg(long, value_name = "ADDR", env = "FIFTEEN_CONNECT", default_value = "127.0.0.1:7115")]
    pub(crate) connect: String,
    /// Who you are; a server records it.
    #[arg(long = "as", value_name = "NAME", env = "FIFTEEN_WHO", default_value = "supervisor")]
    pub(crate) who: String,
    /// File with the supervisor's token, if the server asks for one (or set FIFTEEN_TOKEN).
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: super::Tls,
    /// The room's rules, for its time zone; without it the shipped dispatch.toml.
    #[arg(long, value_name = "FILE", env = "FIFTEEN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only calls received from here on: 2026-01-31, or with time and offset.
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<String>,
    /// Only calls received before this.
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: Option<String>,
    /// Figures for each of these, beside those for all.
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// How to print: html is one page that needs nothing else, for the screen and for A4.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write to this file instead of stdout; it appears when it is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The clock that the tables of html and of --public are about; without it the first.
    #[arg(long, value_name = "NAME")]
    pub(crate) clock: Option<String>,
    /// In html and with --public: withhold counts below this by place, kind and time; 0: none.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub(crate) suppress: u64,
    /// For readers outside: no single call, no officer's name, and small counts withheld in json
    /// and csv too, which are exact otherwise.
    #[arg(long, conflicts_with = "escalations")]
    pub(crate) public: bool,
    /// List every escalation instead of the figures.
    #[arg(long)]
    pub(crate) escalations: bool,
    /// Redraw the table in the terminal until ctrl-C, from a server; without --from the calls
    /// since midnight.
    #[arg(long, conflicts_with_all = ["data", "out", "escalations", "public"])]
    pub(crate) live: bool,
    /// Seconds between two pictures of --live.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "live")]
    pub(crate) every: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    District,
    Kind,
    Priority,
    Shift,
    Hour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
    Html,
}

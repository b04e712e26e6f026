//! Flags of `fifteen replay`.

use super::Tls;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Recorded calls: trace v1, CSV, plain or gzip.
    pub(crate) trace: PathBuf,
    /// Folder for the log, empty or new; without it a temporary one.
    #[arg(long, value_name = "DIR", conflicts_with = "connect")]
    pub(crate) data: Option<PathBuf>,
    /// How fast: `max`, or so many times real time.
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
    /// Send the calls to a running server instead.
    #[arg(long, value_name = "ADDR")]
    pub(crate) connect: Option<String>,
    /// Make up a year of so many calls, at the load Punjab's 15 line published: hoaxes, dropped calls, and real ones
    /// drawn from the recorded.
    #[arg(long, value_name = "CALLS", conflicts_with = "connect")]
    pub(crate) year: Option<u64>,
    /// What the made-up year is drawn by: the same, the same year.
    #[arg(long, default_value_t = 15, requires = "year")]
    pub(crate) seed: u64,
    /// The room's rules; without it the shipped dispatch.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Who sends them; recorded with every call.
    #[arg(long = "as", value_name = "NAME", default_value = fifteen::trace::OPERATOR, requires = "connect")]
    pub(crate) who: String,
    /// File with the token of whoever sends them, if the server asks for one (or set FIFTEEN_TOKEN).
    #[arg(long, value_name = "FILE", requires = "connect")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    Max,
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err("neither `max` nor a number above 0".into()),
        }
    }
}

//! The flags of a patrol unit.

use crate::shell::way::Tls;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Unit {
    /// Its callsign.
    pub(crate) callsign: String,
    /// Where the server listens.
    #[arg(long, value_name = "ADDR", env = "FIFTEEN_CONNECT", default_value = "127.0.0.1:7115")]
    pub(crate) connect: String,
    /// File with the unit's token, if the server asks for one (or set FIFTEEN_TOKEN).
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: Tls,
    /// The district it serves.
    #[arg(long, default_value = "")]
    pub(crate) district: String,
    /// One of the crew; once for each.
    #[arg(long)]
    pub(crate) crew: Vec<String>,
    /// What it can do, such as female_officer or first_aid; once for each.
    #[arg(long)]
    pub(crate) skill: Vec<String>,
    /// Its car.
    #[arg(long)]
    pub(crate) vehicle: Option<String>,
    /// Where it stands: latitude in degrees.
    #[arg(long, requires = "lon", allow_negative_numbers = true)]
    pub(crate) lat: Option<f64>,
    /// Where it stands: longitude in degrees.
    #[arg(long, requires = "lat", allow_negative_numbers = true)]
    pub(crate) lon: Option<f64>,
    /// Speak JSON lines on stdin and stdout, for a vehicle's own terminal; see docs/unit.md.
    #[arg(long)]
    pub(crate) headless: bool,
    /// File for what was said and not confirmed; without it $XDG_STATE_HOME/fifteen/unit-CALLSIGN.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Report the position at most this often.
    #[arg(long, value_name = "TIME", default_value = "15s")]
    pub(crate) position_every: humantime::Duration,
}

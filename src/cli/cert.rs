//! Flags of `fifteen cert`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Cert {
    #[command(subcommand)]
    pub(crate) task: CertTask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertTask {
    /// Make a development authority (or go on with the one in the folder), and certificates of it.
    New(NewCertificates),
    /// Say whom the certificates of a file are for, and until when.
    Show {
        /// PEM.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewCertificates {
    /// Folder of ca.pem, ca.key, server.pem, server.key, unit-CALLSIGN.pem and .key; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Make server.pem for this name or address; once for each.
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Vec<String>,
    /// Make a certificate for the unit of this callsign; once for each.
    #[arg(long, value_name = "CALLSIGN")]
    pub(crate) unit: Vec<String>,
    /// How long the server's and the units' certificates count; the authority's counts ten years.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub(crate) days: u64,
    /// Write over certificates that are there; never over the authority.
    #[arg(long)]
    pub(crate) replace: bool,
}

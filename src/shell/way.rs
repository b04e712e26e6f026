//! The way to a server, as the flags say.

use anyhow::{Context, Result, bail};
use clap::Args;
use fifteen::client::{self, Tcp, TlsFiles, Way};
use std::path::PathBuf;

/// How the link is kept from others.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Tls {
    /// Speak TLS, with a server whose certificate is of this authority (PEM); there is no other default
    /// than plain text.
    #[arg(long, global = true, value_name = "FILE", env = "FIFTEEN_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// Your own certificate (PEM), if the server asks units for one.
    #[arg(long, global = true, value_name = "FILE", env = "FIFTEEN_CERT")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of your certificate (PEM).
    #[arg(long, global = true, value_name = "FILE", env = "FIFTEEN_CLIENT_KEY")]
    pub(crate) client_key: Option<PathBuf>,
    /// The name in the server's certificate, if it is not the one in its address.
    #[arg(long, global = true, value_name = "NAME", env = "FIFTEEN_SERVER_NAME")]
    pub(crate) server_name: Option<String>,
}

/// The way to `address`: under TLS with `--ca`, else plain.
pub(crate) fn way(address: &str, tls: &Tls) -> Result<Way> {
    let own = match (&tls.cert, &tls.client_key) {
        (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
        (None, None) => None,
        _ => bail!("--cert and --client-key come together: one is missing"),
    };
    let Some(ca) = tls.ca.clone() else {
        if own.is_some() || tls.server_name.is_some() {
            bail!(
                "--cert, --client-key and --server-name are for TLS: give --ca FILE too, the authority of the server's certificate"
            );
        }
        return Ok(Way::Plain(Tcp::new(address)));
    };
    let files = TlsFiles { ca, own, server_name: tls.server_name.clone() };
    let tls = client::Tls::new(address, files).context("preparing TLS")?;
    Ok(Way::Tls(Box::new(tls)))
}

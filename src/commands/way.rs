//! The way to a server, as the flags say.

use crate::cli::Tls;
use anyhow::{Context, Result, bail};
use fifteen::client::{self, Client, ClientConfig, Tcp, TlsFiles, Way};
use fifteen::protocol::Hello;

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

/// Connects and says hello.
pub(crate) async fn connect(address: &str, tls: &Tls, hello: Hello) -> Result<Client> {
    Client::connect_with(way(address, tls)?, hello, ClientConfig::default())
        .await
        .with_context(|| format!("reaching the server at {address}"))
}

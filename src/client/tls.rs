//! TLS to a server of one's own authority.
//!
//! There is no default authority: those of browsers do not sign a dispatch room, and whoever they
//! do sign for is not it. The files are read again for each connection, so a certificate that is
//! renewed needs no restart of a car's terminal.

use super::Connect;
use crate::tls::{self, TlsError};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whom a client trusts, and what it shows of itself.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The authorities of the server's certificate, PEM.
    pub ca: PathBuf,
    /// Our own certificate and its key, PEM: units have one.
    pub own: Option<(PathBuf, PathBuf)>,
    /// The name or address in the server's certificate; without it the one we connect to.
    pub server_name: Option<String>,
}

impl TlsFiles {
    fn read(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::wrong(&self.ca, error.to_string()))?
            .with_root_certificates(tls::authorities(&self.ca)?);
        let mut config = match &self.own {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => config
                .with_client_auth_cert(tls::certificates(certificate)?, tls::key(key)?)
                .map_err(|_| {
                    let certificate = certificate.display();
                    TlsError::wrong(key, format!("is not the key of {certificate}"))
                })?,
        };
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// TCP with TLS inside.
#[derive(Clone)]
pub struct Tls {
    addr: String,
    name: ServerName<'static>,
    files: TlsFiles,
    config: Arc<ClientConfig>,
}

/// Keys stay out of logs.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("addr", &self.addr).field("files", &self.files).finish()
    }
}

impl Tls {
    /// To `addr`, `host:port`, trusting what `files` say.
    ///
    /// # Errors
    /// A file cannot be read or used, or neither the address nor `server_name` is a name.
    pub fn new(addr: impl Into<String>, files: TlsFiles) -> Result<Self, TlsError> {
        let addr = addr.into();
        let host = addr.rsplit_once(':').map_or(&*addr, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = files.server_name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| {
            TlsError::wrong(&files.ca, "is for a server with a name: neither the address nor --server-name is a DNS name or an address")
        })?;
        let config = files.read()?;
        Ok(Self { addr, name, files, config })
    }
}

impl Connect for Tls {
    type Io = TlsStream<TcpStream>;

    async fn connect(&mut self) -> io::Result<Self::Io> {
        // Files in the middle of being replaced: what was read last will do.
        if let Ok(fresh) = self.files.read() {
            self.config = fresh;
        }
        let stream = TcpStream::connect(&self.addr).await?;
        // A request is one small write that must not wait for the next.
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await.map_err(in_words)
    }
}

/// What went wrong between two ends of TLS, for whoever set them up. Its kind is `InvalidData`:
/// there is a server, and one of the two does not trust the other.
fn in_words(error: io::Error) -> io::Error {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return error;
    };
    let text = match tls {
        Error::InvalidMessage(_) => {
            "this server speaks no TLS: leave out --ca if it should be so, and trust nobody on the way".to_owned()
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not of the authority in --ca".to_owned()
        }
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has ended (or this machine's date is wrong)".to_owned(),
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate does not count yet (or this machine's date is wrong)".to_owned(),
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name than the one we connect to: see --server-name"
            .to_owned(),
        Error::AlertReceived(AlertDescription::UnknownCA) => {
            "it does not know the authority of our certificate".to_owned()
        }
        other => format!("no TLS with it: {other}"),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

//! The server's side of TLS: its certificate and key, whose units' certificates count, all three
//! read again together; and how long they count.

use super::reload::Reload;
use crate::config::{Listen, UnitCertificates};
use crate::domain::{Callsign, UtcMs};
use crate::protocol::{Hello, Role};
use crate::tls::{self, Facts, TlsError};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// So long before its end a certificate is a problem in `health`: time to have another made.
const WARN_MS: u64 = 14 * 24 * 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// What the connection of a unit showed, where units are asked: the names of its certificate, none
/// without one.
pub(super) type Papers = Option<Vec<String>>;

/// Certificates in force.
pub(super) struct Certificates {
    files: Files,
    current: RwLock<Current>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    unit_ca: Option<PathBuf>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// What of it ends first, and when.
    ends: (PathBuf, UtcMs),
}

impl Certificates {
    /// Those of the configuration; `None` where it names no certificate.
    pub(super) fn open(listen: &Listen) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (&listen.certificate, &listen.key) else {
            return Ok(None);
        };
        let asks = listen.unit_certificates == UnitCertificates::Required;
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
            unit_ca: listen.unit_ca.clone().filter(|_| asks),
        };
        let current = RwLock::new(files.read()?);
        Ok(Some(Self { files, current }))
    }

    /// What the next handshake goes by.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.config)
    }

    /// What the certificates a peer showed say of it.
    pub(super) fn papers(&self, shown: Option<&[CertificateDer<'_>]>) -> Papers {
        self.files.unit_ca.as_ref()?;
        let facts = shown.and_then(|chain| Facts::of(chain.first()?));
        Some(facts.map_or_else(Vec::new, |facts| facts.names))
    }

    /// When the first of them ends.
    pub(super) fn ends_at(&self) -> UtcMs {
        self.current.read().unwrap_or_else(PoisonError::into_inner).ends.1
    }

    /// What is to be said when one has ended or will soon.
    pub(super) fn problem(&self, now: UtcMs) -> Option<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let (file, ends_at) = &current.ends;
        let file = file.display();
        if now > *ends_at {
            let days = now.since(*ends_at) / DAY_MS;
            return Some(format!("{file} ended {days} days ago: nobody new can connect"));
        }
        let left = ends_at.since(now);
        (left < WARN_MS).then(|| {
            format!("{file} ends in {} days: put another there, then send SIGHUP", left / DAY_MS)
        })
    }
}

impl Reload for Certificates {
    fn what(&self) -> &'static str {
        "certificate"
    }

    fn reload(&self) -> Result<String, String> {
        let fresh = self.files.read().map_err(|error| error.to_string())?;
        let said = format!("the next session is under {}", self.files.certificate.display());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(said)
    }
}

impl Files {
    fn read(&self) -> Result<Current, TlsError> {
        let chain = tls::certificates(&self.certificate)?;
        let key = tls::key(&self.key)?;
        let mut ends: Vec<(PathBuf, UtcMs)> = Vec::new();
        ends.extend(first_end(&self.certificate, &chain));
        let provider = tls::provider();
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::wrong(&self.certificate, error.to_string()))?;
        let config = match &self.unit_ca {
            None => config.with_no_client_auth(),
            Some(path) => {
                ends.extend(first_end(path, &tls::certificates(path)?));
                let roots = Arc::new(tls::authorities(path)?);
                // Only units show one; which role it is, is known with the hello.
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| TlsError::wrong(path, error.to_string()))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut config = config.with_single_cert(chain, key).map_err(|_| {
            let certificate = self.certificate.display();
            TlsError::wrong(&self.key, format!("is not the key of {certificate}"))
        })?;
        // Sessions are few and long. Every one is checked against the files in force, to the full.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let ends = ends.into_iter().min_by_key(|(_, ends_at)| *ends_at);
        let ends = ends.unwrap_or_else(|| (self.certificate.clone(), UtcMs(0)));
        Ok(Current { config: Arc::new(config), ends })
    }
}

fn first_end(path: &std::path::Path, chain: &[CertificateDer<'_>]) -> Option<(PathBuf, UtcMs)> {
    let ends = chain.iter().filter_map(Facts::of).map(|facts| UtcMs(facts.ends_at)).min()?;
    Some((path.to_owned(), ends))
}

/// Why a unit is not who it says it is, where units are asked.
pub(super) fn stranger(papers: &Papers, hello: &Hello) -> Option<&'static str> {
    let names = papers.as_ref().filter(|_| hello.role == Role::Unit)?;
    if names.is_empty() {
        return Some("units show a certificate of their own here: give --cert and --client-key");
    }
    let who = Callsign::new(&hello.who);
    (!names.iter().any(|name| who.is_some() && Callsign::new(name) == who))
        .then_some("the certificate is not this unit's: it names another callsign")
}

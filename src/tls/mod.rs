//! Certificates and keys: read from PEM files, told in words what is wrong with them, and made for development.
//!
//! No socket and no clock. A key is read from a file and from nowhere else, and no text of this
//! module quotes one: what is wrong with a file is said by its name.

mod issue;

pub use issue::{Authority, IssueError, Pair, Subject, Validity};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// A file of certificates or a key is far below this; what is longer is something else, `/dev/zero` perhaps.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why certificates or a key were not taken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and is not what it should be.
    #[error("{path}: {problem}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What is wrong, never with a word of the file.
        problem: String,
    },
}

impl TlsError {
    /// Says `problem` of the file at `path`.
    pub fn wrong(path: &Path, problem: impl Into<String>) -> Self {
        Self::Wrong { path: path.into(), problem: problem.into() }
    }
}

/// The cryptography of every link: ring's, said each time rather than left to a process-wide default
/// that another crate of the program may set.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Makes [`provider`]'s the process-wide default, for a library that knows no other way.
pub fn make_default() {
    // Whoever was first, was this.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The certificates of a PEM file, in its order; at least one.
///
/// # Errors
/// [`TlsError`], for whoever named the file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(TlsError::wrong(path, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"))
        }
        Ok(found) if found.iter().any(|one| Facts::of(one).is_none()) => {
            Err(TlsError::wrong(path, "holds a certificate that cannot be read"))
        }
        Ok(found) => Ok(found),
        Err(_) => Err(TlsError::wrong(path, "is broken PEM: cut off, or changed by hand")),
    }
}

/// The private key of a PEM file. What was read is wiped from memory when it is dropped.
///
/// # Errors
/// [`TlsError`], for whoever named the file.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| {
        TlsError::wrong(path, "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
    })
}

/// The authorities of a PEM file.
///
/// # Errors
/// [`TlsError`], for whoever named the file.
pub fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|_| TlsError::wrong(path, "holds a certificate that can be no authority"))?;
    }
    Ok(roots)
}

/// A PEM file as it is, wiped from memory when it is dropped.
///
/// # Errors
/// [`TlsError`], for whoever named the file.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.into(), source };
    let file = File::open(path).map_err(unreadable)?;
    // Whole at once: a buffer that grows leaves copies behind that nobody wipes.
    let mut text = Zeroizing::new(Vec::with_capacity(
        usize::try_from(file.metadata().map_err(unreadable)?.len().min(FILE_BYTES_MAX))
            .unwrap_or_default()
            + 1,
    ));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(TlsError::wrong(path, "is over 1 MiB: no file of certificates or keys"));
    }
    Ok(text)
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The common names of its subject, and the DNS names, addresses and URIs beside it.
    pub names: Vec<String>,
    /// From when it counts, ms since 1970 UTC.
    pub begins_at: u64,
    /// The last instant at which it counts, ms since 1970 UTC.
    pub ends_at: u64,
    /// It may sign others.
    pub authority: bool,
}

impl Facts {
    /// Reads `certificate`; none when it is broken.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let common = parsed.subject().iter_common_name();
        let mut names: Vec<String> =
            common.filter_map(|name| Some(name.as_str().ok()?.to_owned())).collect();
        for extension in parsed.extensions() {
            let ParsedExtension::SubjectAlternativeName(alternative) = extension.parsed_extension()
            else {
                continue;
            };
            for name in &alternative.general_names {
                match name {
                    GeneralName::DNSName(name) | GeneralName::URI(name) => {
                        names.push((*name).to_owned());
                    }
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000);
        let validity = parsed.validity();
        Some(Self {
            names,
            begins_at: ms(validity.not_before.timestamp()),
            ends_at: ms(validity.not_after.timestamp()),
            authority: parsed.is_ca(),
        })
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        16 => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        _ => None,
    }
}

//! A development authority, and the certificates it signs for a server and for units.
//!
//! Good enough to run a room under TLS on one's own machines. Its key lies in a file like any other:
//! whoever has it can make a server or a unit, so a real service keeps it off the server's machine,
//! or signs with an authority of its own; the server takes certificates of any.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::time::Duration;
use zeroize::Zeroizing;

/// The end of 9999, the last year a certificate can write; ms since 1970 UTC.
const LAST_AT: u64 = 253_402_300_799_000;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The authority's own files are not those of one.
    #[error("the authority cannot sign: {0}")]
    Authority(rcgen::Error),
    /// Not a name that a certificate can carry.
    #[error("{name:?} is no DNS name and no address")]
    Name {
        /// The name.
        name: String,
    },
    /// Signing failed.
    #[error("the certificate could not be made: {0}")]
    Failed(rcgen::Error),
}

/// From when to when a certificate counts, ms since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// From here on.
    pub begins_at: u64,
    /// To here.
    pub ends_at: u64,
}

/// Whom a certificate is for.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A server that is reached by these names and addresses.
    Server(&'a [String]),
    /// The unit of this callsign: the common name.
    Unit(&'a str),
}

/// A certificate and its key, both in PEM.
pub struct Pair {
    /// For everybody.
    pub certificate: String,
    /// For its owner alone.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Who signs.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one called `name`, with its certificate and key.
    ///
    /// # Errors
    /// [`IssueError::Failed`]: the machine gives no randomness.
    pub fn new(name: &str, validity: Validity) -> Result<(Self, Pair), IssueError> {
        let mut params = params(name, validity);
        // Signs no further authorities: what a leaked certificate can do ends with itself.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(IssueError::Failed)?;
        let certificate = params.self_signed(&key).map_err(IssueError::Failed)?;
        let pair =
            Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) };
        Ok((Self { issuer: Issuer::new(params, key) }, pair))
    }

    /// The one whose certificate and key these are, in PEM.
    ///
    /// # Errors
    /// [`IssueError::Authority`]: they are not.
    pub fn of(certificate: &str, key: &str) -> Result<Self, IssueError> {
        let key = KeyPair::from_pem(key).map_err(IssueError::Authority)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(IssueError::Authority)?;
        Ok(Self { issuer })
    }

    /// Signs a certificate for `subject` with a fresh key.
    ///
    /// # Errors
    /// [`IssueError`]: a name that is none, or no randomness.
    pub fn issue(&self, subject: Subject<'_>, validity: Validity) -> Result<Pair, IssueError> {
        let mut params = match subject {
            Subject::Unit(callsign) => {
                let mut params = params(callsign, validity);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                params
            }
            Subject::Server(names) => {
                let mut params = params("fifteen server", validity);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                for name in names {
                    let one = CertificateParams::new([name.clone()].as_slice());
                    let one = one.map_err(|_| IssueError::Name { name: name.clone() })?;
                    params.subject_alt_names.extend(one.subject_alt_names);
                }
                params
            }
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(IssueError::Failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(IssueError::Failed)?;
        Ok(Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }
}

fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    let at = |ms: u64| date_time_ymd(1970, 1, 1) + Duration::from_millis(ms.min(LAST_AT));
    (params.not_before, params.not_after) = (at(validity.begins_at), at(validity.ends_at));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

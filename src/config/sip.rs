//! `[sip]`: telephone lines, who calls over them, and where the operators' extensions are.

use super::check::{Checked, name, wrong};
use super::notices::password;
use super::{ConfigError, Listen};
use crate::notify::Secret;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// `[sip]`: telephone lines.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SipSettings {
    /// Where they ring, over UDP and TCP.
    pub listen: Option<SocketAddr>,
    /// Where they ring over TLS, under the certificate of `[listen]`.
    pub tls: Option<SocketAddr>,
    /// The exchange: where the operators' extensions are.
    pub exchange: Option<SocketAddr>,
    /// Who may call beside the exchange: other exchanges, the carrier's trunk.
    pub peers: Vec<IpAddr>,
    /// Where a call goes that was claimed by somebody who has no extension here.
    pub extension: Option<String>,
    /// The extension of each operator's telephone, by name.
    pub extensions: BTreeMap<String, String>,
    /// Over UDP and TCP nothing is encrypted: listen there for others than this machine all the same, in a network that is
    /// the exchange's and the server's alone.
    pub plain_text_outside_loopback: bool,
    /// The name that whoever calls shows with each INVITE (RFC 3261, section 22); without it the address is enough.
    pub user: Option<String>,
    /// The file of its password.
    pub password_file: Option<PathBuf>,
    /// What stands in that file.
    #[serde(skip)]
    pub password: Option<Secret>,
}

impl SipSettings {
    /// Who is heard.
    #[must_use]
    pub fn peers(&self) -> BTreeSet<IpAddr> {
        self.exchange.iter().map(SocketAddr::ip).chain(self.peers.iter().copied()).collect()
    }

    /// Whether they ring anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.tls.is_some()
    }

    /// They ring nowhere.
    pub(super) fn turn_off(&mut self) {
        (self.listen, self.tls) = (None, None);
    }

    pub(super) fn check(&self, listen: &Listen, taken: &[Option<SocketAddr>]) -> Checked<()> {
        if self.user.is_some() != self.password_file.is_some() {
            return wrong("sip.user", "and sip.password_file come together: one is missing");
        }
        if let Some(user) = &self.user {
            name("sip.user", user)?;
        }
        if !self.is_on() {
            return Ok(());
        }
        for (key, address) in [("sip.listen", self.listen), ("sip.tls", self.tls)] {
            let own = key == "sip.tls" && self.listen == self.tls;
            if address.is_some_and(|at| at.port() != 0) && (own || taken.contains(&address)) {
                return wrong(key, "is taken by another listener; it needs a port of its own");
            }
        }
        if self.tls.is_some() && listen.certificate.is_none() {
            return wrong("sip.tls", "needs listen.certificate and its key");
        }
        if let Some(address) = self.listen
            && !address.ip().is_loopback()
            && !self.plain_text_outside_loopback
        {
            let problem = format!(
                "{address} is reachable from outside and nothing is encrypted there: set sip.tls instead, listen on 127.0.0.1, or set sip.plain_text_outside_loopback = true in a network of the exchange's own"
            );
            return wrong("sip.listen", problem);
        }
        if self.exchange.is_none() {
            return wrong("sip.exchange", "is missing: who calls, and where the extensions are");
        }
        let Some(extension) = &self.extension else {
            let problem =
                "is missing: where a call goes whose operator has no extension of his own";
            return wrong("sip.extension", problem);
        };
        for extension in self.extensions.values().chain([extension]) {
            let is_dialled = |c: char| c.is_ascii_alphanumeric() || "*#+._-".contains(c);
            if extension.is_empty() || !extension.chars().all(is_dialled) {
                let problem =
                    format!("{extension:?} is no extension: letters, digits and *#+._- only");
                return wrong("sip.extensions", problem);
            }
        }
        Ok(())
    }

    /// Reads the password, whose path is beside dispatch.toml.
    pub(super) fn read_password(&mut self, beside: &Path) -> Result<(), ConfigError> {
        if let Some(file) = &self.password_file {
            self.password = Some(password(&beside.join(file))?);
        }
        Ok(())
    }
}

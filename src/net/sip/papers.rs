//! The certificate and key of the lines over TLS: the listener's own, in the forms the SIP stack reads, and read again
//! together with them.

use crate::config::{Listen, SipSettings};
use crate::net::reload::Reload;
use crate::tls::{self, TlsError};
use futures_util::FutureExt;
use rsipstack::transport::tls::{TlsConfig, TlsListenerConnection};
use rustls::pki_types::PrivateKeyDer;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Where they are, and who shows them.
pub(in crate::net) struct Papers {
    certificate: PathBuf,
    key: PathBuf,
    listener: Mutex<Option<TlsListenerConnection>>,
}

impl Papers {
    /// Those of the configuration; `None` where no line rings over TLS.
    pub(in crate::net) fn open(
        sip: &SipSettings,
        listen: &Listen,
    ) -> Result<Option<Self>, TlsError> {
        let (Some(_), Some(certificate), Some(key)) = (sip.tls, &listen.certificate, &listen.key)
        else {
            return Ok(None);
        };
        let listener = Mutex::new(None);
        let papers = Self { certificate: certificate.clone(), key: key.clone(), listener };
        papers.read()?;
        tls::make_default();
        Ok(Some(papers))
    }

    /// What the stack is given; it was read, and is right.
    pub(super) fn read(&self) -> Result<TlsConfig, TlsError> {
        tls::certificates(&self.certificate)?;
        if let PrivateKeyDer::Sec1(_) = tls::key(&self.key)? {
            let problem = "is a SEC1 key, which the telephone lines cannot use: make it PKCS#8 with `openssl pkcs8 -topk8 -nocrypt`";
            return Err(TlsError::wrong(&self.key, problem));
        }
        let (certificate, key) = (tls::read(&self.certificate)?, tls::read(&self.key)?);
        Ok(TlsConfig {
            cert: Some(certificate.to_vec()),
            key: Some(key.to_vec()),
            ..TlsConfig::default()
        })
    }

    /// This one shows them from now on.
    pub(super) fn shown_by(&self, listener: &TlsListenerConnection) {
        let mut shown = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Some(listener.clone());
    }
}

impl Reload for Papers {
    fn what(&self) -> &'static str {
        "certificate of the telephone lines"
    }

    fn reload(&self) -> Result<String, String> {
        let read = self.read().map_err(|error| error.to_string())?;
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(listener), Some(certificate), Some(key)) = (listener, read.cert, read.key) else {
            return Ok("for when the lines are there".into());
        };
        // It waits for nothing.
        match listener.reload_tls_config(certificate, key).now_or_never() {
            Some(Ok(())) => Ok("the next connection is shown it".into()),
            _ => Err("the certificate and the key do not go together".into()),
        }
    }
}

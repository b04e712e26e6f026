//! What the room listens on, and what anybody may have of it.

use super::check::{Checked, ms, wrong};
use crate::domain::Priority;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[listen]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Serve other than loopback without TLS.
    pub plain_text_outside_loopback: bool,
    /// Connections at once, intake aside.
    pub sessions_max: usize,
    /// Both sides send something at least so often.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// How long a connection may take to say who it is.
    #[serde(with = "humantime_serde")]
    pub handshake_limit: Duration,
    /// Pushes waiting for one reader before it is dropped.
    pub push_backlog_max: usize,
    /// Pushes kept for clients that come back.
    pub resume_max: usize,
    /// File of the people who are let in; without it, whoever reaches loopback is.
    pub people_file: Option<PathBuf>,
    /// How long a log-in by password is good.
    #[serde(with = "humantime_serde")]
    pub token_valid: Duration,
    /// The server's certificate and those between it and its authority, PEM: speak TLS.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate, PEM.
    pub key: Option<PathBuf>,
    /// The authorities of units' own certificates, PEM.
    pub unit_ca: Option<PathBuf>,
    /// Whether a unit must show a certificate that names its callsign.
    #[serde(default)]
    pub unit_certificates: UnitCertificates,
}

/// Whether units show certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitCertificates {
    /// They are not asked for one.
    #[default]
    Off,
    /// A unit without one that names its callsign is refused.
    Required,
}

impl Listen {
    pub(super) fn check(&self) -> Checked<()> {
        ms("listen.heartbeat", self.heartbeat)?;
        ms("listen.handshake_limit", self.handshake_limit)?;
        ms("listen.token_valid", self.token_valid)?;
        for (key, number) in [
            ("listen.sessions_max", self.sessions_max),
            ("listen.push_backlog_max", self.push_backlog_max),
            ("listen.resume_max", self.resume_max),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        if self.certificate.is_some() != self.key.is_some() {
            return wrong("listen.certificate", "and listen.key come together: one is missing");
        }
        if self.unit_ca.is_some() && self.certificate.is_none() {
            return wrong("listen.unit_ca", "is of no use without listen.certificate and its key");
        }
        if self.unit_certificates == UnitCertificates::Required && self.unit_ca.is_none() {
            let problem = "is \"required\", and no listen.unit_ca says whose certificates count";
            return wrong("listen.unit_certificates", problem);
        }
        Ok(())
    }
}

/// `[limits]`: what anybody may have of the server. No call is refused for any of them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Connections a second of one address, four seconds' worth at once.
    pub connections_per_second: u32,
    /// Connections that have not said who they are.
    pub handshakes_max: usize,
    /// The same of one address.
    pub handshakes_per_address: usize,
    /// Sessions of one address, intake aside.
    pub sessions_per_address: usize,
    /// Requests a second of one session that are no work on a call, four seconds' worth at once.
    pub questions_per_second: u32,
    /// Positions of a unit are taken so often.
    #[serde(with = "humantime_serde")]
    pub position_every: Duration,
    /// A frame that was begun is whole within this.
    #[serde(with = "humantime_serde")]
    pub frame_limit: Duration,
    /// MiB of answers and snapshots on their way to readers, all together.
    pub unread_mib: usize,
    /// Units whose link is compressed at once; 0: nobody's is.
    #[serde(default = "narrow_links_max")]
    pub narrow_links_max: usize,
    /// Presses of the SOS page, and how many are usual.
    #[serde(default)]
    pub presses: PressLimits,
}

/// Of a file that is older than such links.
const fn narrow_links_max() -> usize {
    1_024
}

/// `[limits.presses]`: beyond them a press is taken all the same, behind the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PressLimits {
    /// Of one device.
    pub device_per_hour: u32,
    /// Of one address, or of a house's network of IPv6. Loopback is nobody's: a proxy stands there.
    pub address_per_hour: u32,
    /// Of one cell, a hundredth of a degree each way.
    pub cell_per_hour: u32,
    /// Of all together: beyond it a device is asked for work.
    pub flood_per_second: u32,
    /// Zero bits that the hash of its work begins with.
    pub work_bits: u32,
    /// Where those stand that are put behind the others.
    pub priority: Priority,
}

impl Default for PressLimits {
    fn default() -> Self {
        Self {
            device_per_hour: 6,
            address_per_hour: 60,
            cell_per_hour: 120,
            flood_per_second: 20,
            work_bits: 16,
            priority: Priority::new(2).expect("2 lies between 1 and 4"),
        }
    }
}

impl PressLimits {
    fn check(&self) -> Checked<()> {
        for (key, number) in [
            ("limits.presses.device_per_hour", self.device_per_hour),
            ("limits.presses.address_per_hour", self.address_per_hour),
            ("limits.presses.cell_per_hour", self.cell_per_hour),
            ("limits.presses.flood_per_second", self.flood_per_second),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        if self.work_bits > 24 {
            let problem = "is more than 24: a telephone would work on it for minutes";
            return wrong("limits.presses.work_bits", problem);
        }
        Ok(())
    }
}

/// `[metrics]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// Where `/metrics` and `/healthz` are; without it nowhere.
    pub listen: Option<SocketAddr>,
    /// Answer there for other than loopback: plain HTTP, no token.
    pub outside_loopback: bool,
}

/// `[web]`: calls over HTTP.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    /// Where they are taken; without it nowhere.
    pub listen: Option<SocketAddr>,
    /// The SOS page and what it asks, for everybody.
    #[serde(default)]
    pub sos: bool,
}

impl Limits {
    pub(super) fn check(&self) -> Checked<()> {
        self.presses.check()?;
        ms("limits.position_every", self.position_every)?;
        ms("limits.frame_limit", self.frame_limit)?;
        for (key, number) in [
            ("limits.connections_per_second", self.connections_per_second as usize),
            ("limits.handshakes_max", self.handshakes_max),
            ("limits.handshakes_per_address", self.handshakes_per_address),
            ("limits.sessions_per_address", self.sessions_per_address),
            ("limits.questions_per_second", self.questions_per_second as usize),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        // An answer being made holds a MiB, and a snapshot comes after it.
        if self.unread_mib < 4 {
            return wrong("limits.unread_mib", "is less than 4");
        }
        Ok(())
    }
}

impl MetricsSettings {
    pub(super) fn check(&self, listen: &Listen) -> Checked<()> {
        let Some(address) = self.listen else {
            return Ok(());
        };
        if address == listen.address && address.port() != 0 {
            return wrong("metrics.listen", "is where clients connect; it needs a port of its own");
        }
        if !address.ip().is_loopback() && !self.outside_loopback {
            let problem = format!(
                "{address} is reachable from outside and speaks plain HTTP to anybody: listen on 127.0.0.1, or set metrics.outside_loopback = true"
            );
            return wrong("metrics.listen", problem);
        }
        Ok(())
    }
}

impl WebSettings {
    pub(super) fn check(&self, listen: &Listen, metrics: &MetricsSettings) -> Checked<()> {
        let Some(address) = self.listen else {
            if self.sos {
                return wrong("web.sos", "is of no use without web.listen");
            }
            return Ok(());
        };
        let others = [Some(listen.address), metrics.listen];
        if others.contains(&Some(address)) && address.port() != 0 {
            return wrong(
                "web.listen",
                "is taken by listen.address or metrics.listen; it needs a port of its own",
            );
        }
        Ok(())
    }
}

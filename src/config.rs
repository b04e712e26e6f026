//! dispatch.toml, read once into typed settings. Unknown keys are refused, every rule is checked,
//! and an error names the key and what would be right.

mod check;
mod districts;
mod intake;
mod notices;
mod rules;

pub use self::intake::Intake;

use self::check::{Checked, ms, name, unique, wrong};
use self::notices::{ChannelTable, NotifyTable, PersonTable};
use self::rules::{ClockTable, DispositionTable, LadderTable, QueueTable};
use crate::domain::{Priority, Rules, Trigger};
use crate::notify::Roster;
use crate::people::Guest;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The dispatch.toml that ships with the program and is used when none is given.
pub const SHIPPED: &str = include_str!("../dispatch.toml");

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not of this form; the text has line and column.
    #[error("{origin}: {text}")]
    Malformed {
        /// Which file.
        origin: String,
        /// What the parser said.
        text: String,
    },
    /// Well formed and not sensible.
    #[error("{origin}: {key}: {problem}")]
    Wrong {
        /// Which file.
        origin: String,
        /// The key, as in `clock "arrive".limit`.
        key: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The map it names cannot be used.
    #[error("intake.map: {0}")]
    Map(#[from] crate::map::MapError),
}

/// `[room]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// Shown to every client.
    pub name: String,
    /// IANA time zone of reports and screens.
    pub zone: String,
}

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

/// `[journal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// Folder of the second log; by default beside the first.
    pub witness: Option<PathBuf>,
    /// Folder for what neither log takes; by default beside the first, best on a disk of its own.
    pub spill: Option<PathBuf>,
    /// File of the keys to what may name her; by default beside the data folder, never in it.
    pub keyring: Option<PathBuf>,
    /// Folder of closed spans; by default in the data folder.
    pub archive: Option<PathBuf>,
    /// Transitions from one snapshot to the next.
    pub snapshot_every: u64,
    /// What is older is moved to the archive.
    #[serde(with = "humantime_serde")]
    pub keep_live: Duration,
}

/// `[canary]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanarySettings {
    /// How often; zero: never.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How late its escalation may be.
    #[serde(with = "humantime_serde")]
    pub late: Duration,
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
}

/// `[[kind]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// The priority a call of this kind gets when none is said.
    pub priority: Priority,
}

/// `[[district]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct District {
    /// Its name, as calls carry it.
    pub name: String,
    /// Its tehsils.
    pub tehsils: Vec<String>,
}

/// Everything dispatch.toml says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[room]`.
    pub room: Room,
    /// `[listen]`.
    pub listen: Listen,
    /// `[journal]`.
    pub journal: JournalSettings,
    /// `[canary]`.
    pub canary: CanarySettings,
    /// `[limits]`.
    pub limits: Limits,
    /// `[metrics]`.
    pub metrics: MetricsSettings,
    /// `[web]`.
    pub web: WebSettings,
    /// `[intake]`.
    pub intake: Intake,
    /// `[[kind]]`.
    pub kinds: Vec<Kind>,
    /// `[[district]]`.
    pub districts: Vec<District>,
    /// `[queue]`, `[[clock]]`, `[[ladder]]`, `[[disposition]]`: what the core runs under.
    pub rules: Rules,
    /// `[notify]`, `[[person]]`, `[[channel]]`: who is told, by which ways.
    pub roster: Roster,
    /// Somebody of the room itself, let in beside the people file. Never of dispatch.toml.
    pub guest: Option<Guest>,
    /// The room is a drill, its clock so many times faster than time. Never of dispatch.toml:
    /// see [`Settings::into_drill`].
    pub drill: Option<u32>,
}

impl Settings {
    /// The priority a call of `kind` gets when none is said: that of its kind, or 2, for an
    /// unknown kind may be anything.
    #[must_use]
    pub fn proposed_priority(&self, kind: &str) -> Priority {
        let unknown = Priority::new(2).expect("2 lies between 1 and 4");
        self.kinds.iter().find(|known| known.name == kind).map_or(unknown, |kind| kind.priority)
    }

    /// The same room as a drill whose clock goes `rate` times faster. Calls and units have its
    /// clocks; people and links do not get faster, so what waits for them is longer by as much.
    ///
    /// Nobody outside the room hears of it: no notice, no daily report, no link. It has no place of
    /// its own on the disk, and its name says what it is wherever the name is shown.
    #[must_use]
    pub fn into_drill(mut self, rate: u32) -> Self {
        self.drill = Some(rate);
        self.room.name = format!("DRILL - {}", self.room.name);
        self.journal.witness = None;
        self.journal.spill = None;
        self.journal.archive = None;
        self.journal.keyring = None;
        // Its escalation would be late by the rate; the room is not one to be watched over.
        self.canary.every = Duration::ZERO;
        // A real room's port, most likely, and nobody is to be woken by a drill.
        self.metrics.listen = None;
        self.web.listen = None;
        let roster = &mut self.roster;
        (roster.people, roster.channels) = (Vec::new(), Vec::new());
        (roster.test_at, roster.report_at, roster.link) = (None, None, None);
        let rules = &mut self.rules;
        for ms in [&mut rules.claim_stale_ms, &mut rules.unit_silent_ms, &mut rules.key_kept_ms] {
            *ms = ms.saturating_mul(rate.into());
        }
        self
    }

    /// The zone of reports and screens.
    #[must_use]
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.room.zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// The shipped settings.
    ///
    /// # Panics
    /// Never in a build that passed its tests: they parse the shipped file.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED, "the shipped dispatch.toml").expect("the shipped file is valid")
    }

    /// Reads `path`, or the shipped settings without one.
    ///
    /// # Errors
    /// [`ConfigError`], for whoever wrote the file.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::shipped());
        };
        let unreadable =
            |path: &Path, source| ConfigError::Unreadable { path: path.into(), source };
        let text = std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
        let mut settings = Self::parse(&text, &path.display().to_string())?;
        let beside = path.parent().unwrap_or(Path::new(""));
        notices::read_secrets(&mut settings.roster, beside)?;
        let listen = &mut settings.listen;
        let files = [&mut listen.certificate, &mut listen.key, &mut listen.unit_ca];
        for file in files.into_iter().chain([&mut listen.people_file]) {
            *file = file.take().map(|file| beside.join(file));
        }
        settings.intake.read_map(beside)?;
        Ok(settings)
    }

    /// Settings from the text of a dispatch.toml called `origin` in errors.
    ///
    /// # Errors
    /// [`ConfigError`], for whoever wrote the text.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            origin: origin.into(),
            text: error.to_string(),
        })?;
        file.check().map_err(|(key, problem)| ConfigError::Wrong {
            origin: origin.into(),
            key,
            problem,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    room: Room,
    listen: Listen,
    journal: JournalSettings,
    queue: QueueTable,
    clock: Vec<ClockTable>,
    ladder: Vec<LadderTable>,
    disposition: Vec<DispositionTable>,
    canary: CanarySettings,
    limits: Limits,
    metrics: MetricsSettings,
    #[serde(default)]
    web: WebSettings,
    #[serde(default)]
    intake: Intake,
    kind: Vec<Kind>,
    district: Vec<District>,
    notify: NotifyTable,
    #[serde(default)]
    person: Vec<PersonTable>,
    #[serde(default)]
    channel: Vec<ChannelTable>,
}

impl File {
    fn check(self) -> Checked<Settings> {
        if jiff::tz::TimeZone::get(&self.room.zone).is_err() {
            let problem =
                format!("{:?} is no IANA time zone, such as Asia/Karachi", self.room.zone);
            return wrong("room.zone", problem);
        }
        self.check_listen()?;
        self.check_limits()?;
        self.check_metrics()?;
        self.check_web()?;
        self.intake.check()?;
        if self.journal.snapshot_every == 0 {
            return wrong("journal.snapshot_every", "is 0; at least 1");
        }
        let rules = rules::rules(&self.queue, &self.clock, &self.ladder, &self.disposition)?;
        unique("kind", self.kind.iter().map(|kind| &*kind.name))?;
        for kind in &self.kind {
            name("kind.name", &kind.name)?;
        }
        districts::check(&self.district)?;
        let (people, channels) = (self.person, self.channel);
        let roster = notices::roster(self.notify, people, channels, &rules, &self.district)?;
        if !self.canary.every.is_zero() {
            let canary = rules.clocks.iter().find(|clock| clock.starts == Trigger::CanaryReceived);
            match canary {
                None => {
                    return wrong(
                        "canary.every",
                        "is set, and no clock starts with canary_received",
                    );
                }
                Some(clock) if u128::from(clock.limit_ms) >= self.canary.every.as_millis() => {
                    return wrong(
                        "canary.every",
                        format!("is not longer than the limit of clock {:?}", clock.name),
                    );
                }
                Some(_) => {}
            }
        }
        Ok(Settings {
            room: self.room,
            listen: self.listen,
            journal: self.journal,
            canary: self.canary,
            limits: self.limits,
            metrics: self.metrics,
            web: self.web,
            intake: self.intake,
            kinds: self.kind,
            districts: self.district,
            rules,
            roster,
            guest: None,
            drill: None,
        })
    }

    fn check_limits(&self) -> Checked<()> {
        let limits = &self.limits;
        ms("limits.position_every", limits.position_every)?;
        ms("limits.frame_limit", limits.frame_limit)?;
        for (key, number) in [
            ("limits.connections_per_second", limits.connections_per_second as usize),
            ("limits.handshakes_max", limits.handshakes_max),
            ("limits.handshakes_per_address", limits.handshakes_per_address),
            ("limits.sessions_per_address", limits.sessions_per_address),
            ("limits.questions_per_second", limits.questions_per_second as usize),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        // An answer being made holds a MiB, and a snapshot comes after it.
        if limits.unread_mib < 4 {
            return wrong("limits.unread_mib", "is less than 4");
        }
        Ok(())
    }

    fn check_metrics(&self) -> Checked<()> {
        let Some(address) = self.metrics.listen else {
            return Ok(());
        };
        if address == self.listen.address && address.port() != 0 {
            return wrong("metrics.listen", "is where clients connect; it needs a port of its own");
        }
        if !address.ip().is_loopback() && !self.metrics.outside_loopback {
            let problem = format!(
                "{address} is reachable from outside and speaks plain HTTP to anybody: listen on 127.0.0.1, or set metrics.outside_loopback = true"
            );
            return wrong("metrics.listen", problem);
        }
        Ok(())
    }

    fn check_web(&self) -> Checked<()> {
        let Some(address) = self.web.listen else {
            return Ok(());
        };
        let others = [Some(self.listen.address), self.metrics.listen];
        if others.contains(&Some(address)) && address.port() != 0 {
            return wrong(
                "web.listen",
                "is taken by listen.address or metrics.listen; it needs a port of its own",
            );
        }
        Ok(())
    }

    fn check_listen(&self) -> Checked<()> {
        let listen = &self.listen;
        ms("listen.heartbeat", listen.heartbeat)?;
        ms("listen.handshake_limit", listen.handshake_limit)?;
        ms("listen.token_valid", listen.token_valid)?;
        for (key, number) in [
            ("listen.sessions_max", listen.sessions_max),
            ("listen.push_backlog_max", listen.push_backlog_max),
            ("listen.resume_max", listen.resume_max),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        if listen.certificate.is_some() != listen.key.is_some() {
            return wrong("listen.certificate", "and listen.key come together: one is missing");
        }
        if listen.unit_ca.is_some() && listen.certificate.is_none() {
            return wrong("listen.unit_ca", "is of no use without listen.certificate and its key");
        }
        if listen.unit_certificates == UnitCertificates::Required && listen.unit_ca.is_none() {
            let problem = "is \"required\", and no listen.unit_ca says whose certificates count";
            return wrong("listen.unit_certificates", problem);
        }
        Ok(())
    }
}

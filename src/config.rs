//! dispatch.toml, read once into typed settings. Unknown keys are refused, every rule is checked,
//! and an error names the key and what would be right.

mod check;
mod districts;
mod intake;
mod listen;
mod notices;
mod rules;
mod sip;
mod sms;
mod triage;

pub use self::intake::Intake;
pub use self::listen::{
    Limits, Listen, MetricsSettings, PressLimits, UnitCertificates, WebSettings,
};
pub use self::sip::SipSettings;
pub use self::sms::SmsSettings;

use self::check::{Checked, name, unique, wrong};
use self::notices::{ChannelTable, NotifyTable, PersonTable};
use self::rules::{ClockTable, DispositionTable, LadderTable, QueueTable};
use self::triage::TriageTable;
use crate::domain::{Priority, Rules, Triage, Trigger};
use crate::notify::Roster;
use crate::people::Guest;
use serde::Deserialize;
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
    /// `[sip]`.
    pub sip: SipSettings,
    /// `[intake]`.
    pub intake: Intake,
    /// `[sms]`.
    pub sms: SmsSettings,
    /// `[triage]`.
    pub triage: Triage,
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
        self.sip.turn_off();
        self.sms.modem = None;
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
        settings.sip.read_password(beside)?;
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
    sip: SipSettings,
    #[serde(default)]
    intake: Intake,
    #[serde(default)]
    sms: SmsSettings,
    #[serde(default)]
    triage: TriageTable,
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
        self.listen.check()?;
        self.limits.check()?;
        self.metrics.check(&self.listen)?;
        self.web.check(&self.listen, &self.metrics)?;
        let taken =
            [Some(self.listen.address), self.metrics.listen, self.web.listen, self.sms.modem];
        self.sip.check(&self.listen, &taken)?;
        self.intake.check()?;
        if self.journal.snapshot_every == 0 {
            return wrong("journal.snapshot_every", "is 0; at least 1");
        }
        let rules = rules::rules(&self.queue, &self.clock, &self.ladder, &self.disposition)?;
        let triage = self.triage.checked(&rules)?;
        unique("kind", self.kind.iter().map(|kind| &*kind.name))?;
        for kind in &self.kind {
            name("kind.name", &kind.name)?;
        }
        districts::check(&self.district)?;
        let sms = self.sms.checked(&self.kind, &self.district)?;
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
            sip: self.sip,
            intake: self.intake,
            sms,
            triage,
            kinds: self.kind,
            districts: self.district,
            rules,
            roster,
            guest: None,
            drill: None,
        })
    }
}

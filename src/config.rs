//! dispatch.toml, read once into typed settings. Unknown keys are refused, every rule is checked,
//! and an error names the key and what would be right.

use crate::domain::{ClockRule, Disposition, Ladder, Priority, Role, Rules, Trigger, bounds};
use serde::Deserialize;
use std::collections::BTreeMap;
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
    /// File with a token a role.
    pub token_file: Option<PathBuf>,
}

/// `[journal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// Folder of the second log; by default beside the first.
    pub witness: Option<PathBuf>,
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
    /// `[[kind]]`.
    pub kinds: Vec<Kind>,
    /// `[queue]`, `[[clock]]`, `[[ladder]]`, `[[disposition]]`: what the core runs under.
    pub rules: Rules,
    /// `token_file`, read: a token a role; empty: none is asked for.
    pub tokens: BTreeMap<Role, String>,
}

impl Settings {
    /// The priority a call of `kind` gets when none is said: that of its kind, or 2, for an
    /// unknown kind may be anything.
    #[must_use]
    pub fn proposed_priority(&self, kind: &str) -> Priority {
        let unknown = Priority::new(2).expect("2 lies between 1 and 4");
        self.kinds.iter().find(|known| known.name == kind).map_or(unknown, |kind| kind.priority)
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
        if let Some(file) = &settings.listen.token_file {
            let file = path.parent().unwrap_or(Path::new("")).join(file);
            let text =
                std::fs::read_to_string(&file).map_err(|source| unreadable(&file, source))?;
            settings.tokens = toml::from_str(&text).map_err(|_| ConfigError::Malformed {
                origin: file.display().to_string(),
                // The parser's text quotes the line, and the line is a secret.
                text: "not lines of ROLE = \"TOKEN\" with roles intake, operator, unit, supervisor, admin".into(),
            })?;
        }
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
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueTable {
    aging: Aging,
    #[serde(with = "humantime_serde")]
    withdrawn_left_min: Duration,
    #[serde(with = "humantime_serde")]
    claim_stale: Duration,
    #[serde(with = "humantime_serde")]
    unit_silent: Duration,
    #[serde(with = "humantime_serde")]
    key_kept: Duration,
    #[serde(with = "humantime_serde")]
    closed_kept: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aging {
    #[serde(rename = "2", default, with = "humantime_serde::option")]
    second: Option<Duration>,
    #[serde(rename = "3", default, with = "humantime_serde::option")]
    third: Option<Duration>,
    #[serde(rename = "4", default, with = "humantime_serde::option")]
    fourth: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockTable {
    name: String,
    starts: Trigger,
    stops: Vec<Trigger>,
    #[serde(default)]
    restarts: Vec<Trigger>,
    #[serde(with = "humantime_serde")]
    limit: Duration,
    #[serde(default)]
    warn: Vec<Span>,
    ladder: String,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Span(#[serde(with = "humantime_serde")] Duration);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LadderTable {
    name: String,
    #[serde(with = "humantime_serde")]
    every: Duration,
    rungs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DispositionTable {
    name: String,
    #[serde(default)]
    guarded: bool,
}

/// Ten years: the longest span a clock may have.
const LIMIT_MS_MAX: u64 = 3_653 * 24 * 3_600_000;

type Checked<T> = Result<T, (String, String)>;

fn wrong<T>(key: impl Into<String>, problem: impl Into<String>) -> Checked<T> {
    Err((key.into(), problem.into()))
}

fn ms(key: &str, span: Duration) -> Checked<u64> {
    match u64::try_from(span.as_millis()) {
        Ok(0) => wrong(key, "is 0; at least 1ms"),
        Ok(ms) if ms <= LIMIT_MS_MAX => Ok(ms),
        _ => wrong(key, "is longer than ten years"),
    }
}

fn name(key: &str, text: &str) -> Checked<Box<str>> {
    if text.trim().is_empty() || text.trim() != text {
        return wrong(key, "is empty or has blanks at its ends");
    }
    if text.len() > bounds::NAME_BYTES_MAX {
        return wrong(key, format!("is longer than {} bytes", bounds::NAME_BYTES_MAX));
    }
    Ok(text.into())
}

fn unique<'a>(table: &str, names: impl Iterator<Item = &'a str>) -> Checked<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return wrong(format!("{table} {name:?}"), "is there twice; names are unique");
        }
    }
    Ok(())
}

impl File {
    fn check(self) -> Checked<Settings> {
        if jiff::tz::TimeZone::get(&self.room.zone).is_err() {
            let problem =
                format!("{:?} is no IANA time zone, such as Asia/Karachi", self.room.zone);
            return wrong("room.zone", problem);
        }
        self.check_listen()?;
        if self.journal.snapshot_every == 0 {
            return wrong("journal.snapshot_every", "is 0; at least 1");
        }
        let ladders = ladders(&self.ladder)?;
        let clocks = clocks(&self.clock, &ladders)?;
        let dispositions = dispositions(&self.disposition)?;
        unique("kind", self.kind.iter().map(|kind| &*kind.name))?;
        for kind in &self.kind {
            name("kind.name", &kind.name)?;
        }
        if !self.canary.every.is_zero() {
            let canary = clocks.iter().find(|clock| clock.starts == Trigger::CanaryReceived);
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
        let queue = &self.queue;
        let aging = |key: &str, span: Option<Duration>| span.map(|span| ms(key, span)).transpose();
        let rules = Rules {
            clocks,
            ladders,
            dispositions,
            aging_ms: [
                aging("queue.aging.2", queue.aging.second)?,
                aging("queue.aging.3", queue.aging.third)?,
                aging("queue.aging.4", queue.aging.fourth)?,
            ],
            withdrawn_left_ms_min: ms("queue.withdrawn_left_min", queue.withdrawn_left_min)?,
            claim_stale_ms: ms("queue.claim_stale", queue.claim_stale)?,
            unit_silent_ms: ms("queue.unit_silent", queue.unit_silent)?,
            key_kept_ms: ms("queue.key_kept", queue.key_kept)?,
            closed_kept_ms: ms("queue.closed_kept", queue.closed_kept)?,
        };
        let bytes = rmp_serde::to_vec(&rules).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > bounds::RULES_BYTES_MAX {
            let most = bounds::RULES_BYTES_MAX;
            return wrong(
                "clock, ladder, disposition",
                format!("take {bytes} bytes together; at most {most}: fewer or shorter names"),
            );
        }
        Ok(Settings {
            room: self.room,
            listen: self.listen,
            journal: self.journal,
            canary: self.canary,
            kinds: self.kind,
            rules,
            tokens: BTreeMap::new(),
        })
    }

    fn check_listen(&self) -> Checked<()> {
        let listen = &self.listen;
        ms("listen.heartbeat", listen.heartbeat)?;
        ms("listen.handshake_limit", listen.handshake_limit)?;
        for (key, number) in [
            ("listen.sessions_max", listen.sessions_max),
            ("listen.push_backlog_max", listen.push_backlog_max),
            ("listen.resume_max", listen.resume_max),
        ] {
            if number == 0 {
                return wrong(key, "is 0; at least 1");
            }
        }
        Ok(())
    }
}

fn ladders(tables: &[LadderTable]) -> Checked<Vec<Ladder>> {
    unique("ladder", tables.iter().map(|ladder| &*ladder.name))?;
    let mut ladders = Vec::new();
    for table in tables {
        let key = format!("ladder {:?}", table.name);
        if table.rungs.is_empty() || table.rungs.len() > 32 {
            return wrong(
                format!("{key}.rungs"),
                "must name 1 to 32 offices: a ladder never falls silent",
            );
        }
        let rungs = table.rungs.iter().map(|rung| name(&format!("{key}.rungs"), rung));
        ladders.push(Ladder {
            name: name("ladder.name", &table.name)?,
            every_ms: ms(&format!("{key}.every"), table.every)?,
            rungs: rungs.collect::<Checked<_>>()?,
        });
    }
    Ok(ladders)
}

fn clocks(tables: &[ClockTable], ladders: &[Ladder]) -> Checked<Vec<ClockRule>> {
    unique("clock", tables.iter().map(|clock| &*clock.name))?;
    if tables.is_empty() || tables.len() > 32 {
        return wrong("clock", "there must be 1 to 32 clocks");
    }
    let mut clocks = Vec::new();
    for table in tables {
        let key = format!("clock {:?}", table.name);
        let limit_ms = ms(&format!("{key}.limit"), table.limit)?;
        let Some(ladder) = ladders.iter().position(|ladder| *ladder.name == *table.ladder) else {
            let known = ladders.iter().map(|ladder| &*ladder.name).collect::<Vec<_>>().join(", ");
            return wrong(
                format!("{key}.ladder"),
                format!("{:?} is no ladder here; one of: {known}", table.ladder),
            );
        };
        let mut warn_ms = Vec::new();
        for Span(warn) in &table.warn {
            let at_ms = ms(&format!("{key}.warn"), *warn)?;
            if at_ms >= limit_ms
                || warn_ms.last().is_some_and(|last| at_ms <= *last)
                || warn_ms.len() >= 8
            {
                return wrong(
                    format!("{key}.warn"),
                    "must be at most 8 spans, ascending, each under the limit",
                );
            }
            warn_ms.push(at_ms);
        }
        if table.starts == Trigger::Closed {
            return wrong(format!("{key}.starts"), "closing stops every clock and starts none");
        }
        for trigger in table.stops.iter().chain(&table.restarts) {
            if *trigger == table.starts
                || (table.stops.contains(trigger) && table.restarts.contains(trigger))
            {
                return wrong(
                    format!("{key}.stops"),
                    "one event cannot start, restart and stop the same clock",
                );
            }
        }
        if table.stops.is_empty() {
            return wrong(
                format!("{key}.stops"),
                "names no event; closing stops it anyway, say \"closed\"",
            );
        }
        clocks.push(ClockRule {
            name: name("clock.name", &table.name)?,
            starts: table.starts,
            stops: table.stops.clone(),
            restarts: table.restarts.clone(),
            limit_ms,
            warn_ms,
            ladder,
        });
    }
    Ok(clocks)
}

fn dispositions(tables: &[DispositionTable]) -> Checked<Vec<Disposition>> {
    unique("disposition", tables.iter().map(|disposition| &*disposition.name))?;
    if tables.is_empty() {
        return wrong("disposition", "there is none; a call could never be closed");
    }
    tables
        .iter()
        .map(|table| {
            Ok(Disposition { name: name("disposition.name", &table.name)?, guarded: table.guarded })
        })
        .collect()
}

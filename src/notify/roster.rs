//! Who is to be told, and the ways to them: what dispatch.toml says, checked.

use super::retry::Retry;
use crate::domain::UtcMs;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes that nobody may read: keys and passwords. Its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Fewer bytes are no secret.
    pub const BYTES_MIN: usize = 16;

    /// A key as its file has it: `whsec_` and base64, as of the Standard Webhooks specification,
    /// or any other line of at least [`Self::BYTES_MIN`] bytes, taken as it is. `None`: too short.
    #[must_use]
    pub fn key(line: &str) -> Option<Self> {
        use base64::Engine;
        let line = line.trim();
        let bytes = match line.strip_prefix("whsec_") {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).ok()?,
            None => line.into(),
        };
        (bytes.len() >= Self::BYTES_MIN).then(|| Self(bytes.into()))
    }

    /// A password as its file has it; `None`: empty or not one line.
    #[must_use]
    pub fn password(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        (!line.is_empty() && !line.contains(['\r', '\n'])).then(|| Self(line.as_bytes().into()))
    }

    /// What it is.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// One who is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Their name; unique.
    pub name: Box<str>,
    /// The rung they hold, as ladders name it; none: reports only.
    pub office: Option<Box<str>>,
    /// The districts they hold it for; empty: all.
    pub districts: Vec<Box<str>>,
    /// Names of channels, the preferred first; never empty.
    pub channels: Vec<Box<str>>,
    /// Where e-mail reaches them.
    pub email: Option<lettre::Address>,
    /// Their number, as the gateway's command wants it.
    pub phone: Option<Box<str>>,
    /// Gets the daily report.
    pub reports: bool,
}

impl Person {
    /// Whether a rung of `office` for a call of `district` tells them. A call without a district
    /// is everybody's: better told once too often than to nobody.
    #[must_use]
    pub fn holds(&self, office: &str, district: &str) -> bool {
        let of_district = || self.districts.iter().any(|own| **own == *district);
        self.office.as_deref() == Some(office)
            && (self.districts.is_empty() || district.is_empty() || of_district())
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and numbers stay out of logs.
        f.debug_struct("Person")
            .field("name", &self.name)
            .field("office", &self.office)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all: loopback, unless the config says otherwise in words.
    None,
    /// Upgraded after the greeting, or not used.
    Starttls,
    /// From the first byte.
    Tls,
}

/// A name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// File with the password.
    pub password_file: PathBuf,
    /// The password, once the file is read.
    pub password: Option<Secret>,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A POST of JSON, signed.
    Webhook {
        /// Where to.
        url: String,
        /// File with its key; none: that of `[notify]`.
        secret_file: Option<PathBuf>,
        /// The key, once the file is read.
        secret: Option<Secret>,
    },
    /// A message over SMTP.
    Email {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        tls: Tls,
        /// The sender.
        from: lettre::Address,
        /// Who logs in, where the server wants it.
        login: Option<Login>,
    },
    /// A program run with JSON on its standard input.
    Command {
        /// The program and its arguments; never a shell's line.
        argv: Vec<String>,
    },
    /// The person's own live feed: delivered when their session showed it. Nothing is sent.
    Feed,
}

/// `[[channel]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRule {
    /// Its name; unique.
    pub name: Box<str>,
    /// What it is.
    pub kind: Kind,
}

/// Signed links: `link_url`, `link_listen`, `link_valid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRule {
    /// What links begin with, as the outside reaches it; ends in `/`.
    pub url: String,
    /// Where the listener is; loopback.
    pub listen: SocketAddr,
    /// How long a link works.
    pub valid_ms: u64,
}

/// `[notify]`, `[[person]]`, `[[channel]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Attempts and pauses on one channel.
    pub retry: Retry,
    /// How long one attempt may take.
    pub send_limit: Duration,
    /// How long a feed has to show a notice before the next channel is tried.
    pub feed_wait_ms: u64,
    /// When every channel is tested each day, in the room's zone.
    pub test_at: Option<jiff::civil::Time>,
    /// When the daily report is sent, in the room's zone.
    pub report_at: Option<jiff::civil::Time>,
    /// File with the key of links and webhooks.
    pub secret_file: Option<PathBuf>,
    /// That key, once the file is read.
    pub secret: Option<Secret>,
    /// Signed links.
    pub link: Option<LinkRule>,
    /// Everybody.
    pub people: Vec<Person>,
    /// Every way.
    pub channels: Vec<ChannelRule>,
}

impl Roster {
    /// Who is told of a rung of `office` for a call of `district`, in the order of dispatch.toml.
    pub fn holders<'a>(
        &'a self,
        office: &'a str,
        district: &'a str,
    ) -> impl Iterator<Item = &'a Person> {
        self.people.iter().filter(move |person| person.holds(office, district))
    }

    /// The person of this name.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| *person.name == *name)
    }

    /// The channel of this name.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&ChannelRule> {
        self.channels.iter().find(|channel| *channel.name == *name)
    }

    /// The link by which `person` takes `escalation`, if links are configured. `now` is when the
    /// notice was intended, so that every attempt has the same link.
    #[must_use]
    pub fn take_link(&self, escalation: u64, person: &str, now: UtcMs) -> Option<String> {
        let (rule, key) = (self.link.as_ref()?, self.secret.as_ref()?);
        let expires_at = now.plus(rule.valid_ms);
        Some(format!("{}{}", rule.url, super::sign::token(key, escalation, person, expires_at)))
    }

    /// Offices of `ladders` that nobody holds in some of `districts`, for whoever looks after
    /// dispatch.toml. Empty when nobody at all is named: then notices are not in use.
    #[must_use]
    pub fn gaps<'a>(
        &self,
        offices: impl IntoIterator<Item = &'a str>,
        districts: &[&'a str],
    ) -> Vec<(&'a str, &'a str)> {
        let mut gaps = Vec::new();
        for office in offices {
            if self.people.is_empty() {
                break;
            }
            let nobody = |district: &&&'a str| self.holders(office, district).next().is_none();
            gaps.extend(districts.iter().filter(nobody).map(|district| (office, *district)));
        }
        gaps.sort_unstable();
        gaps.dedup();
        gaps
    }
}

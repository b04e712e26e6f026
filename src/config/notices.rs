//! `[notify]`, `[[person]]`, `[[channel]]`: who is told, by which ways.

use super::check::{Checked, ms, name, unique, wrong};
use super::{ConfigError, District};
use crate::domain::Rules;
use crate::notify::{ChannelRule, Kind, LinkRule, Login, Person, Retry, Roster, Secret, Tls};
use jiff::civil::Time;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PEOPLE_MAX: usize = 4_096;
const CHANNELS_MAX: usize = 64;
/// Attempts beyond are a way to never reach the next channel.
const ATTEMPTS_MAX: u32 = 100;
/// An attempt holds its channel for so long at most.
const SEND_LIMIT_MAX: Duration = Duration::from_secs(120);
const FILE_BYTES_MAX: u64 = 4_096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyTable {
    attempts_max: u32,
    #[serde(with = "humantime_serde")]
    first_retry: Duration,
    #[serde(with = "humantime_serde")]
    retry_max: Duration,
    #[serde(with = "humantime_serde")]
    send_limit: Duration,
    #[serde(with = "humantime_serde")]
    feed_wait: Duration,
    test_at: String,
    report_at: String,
    secret_file: Option<PathBuf>,
    link_url: Option<String>,
    link_listen: Option<SocketAddr>,
    #[serde(with = "humantime_serde")]
    link_valid: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonTable {
    name: String,
    office: Option<String>,
    #[serde(default)]
    districts: Vec<String>,
    channels: Vec<String>,
    email: Option<String>,
    phone: Option<String>,
    #[serde(default)]
    reports: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelTable {
    name: String,
    kind: KindName,
    url: Option<String>,
    secret_file: Option<PathBuf>,
    host: Option<String>,
    port: Option<u16>,
    tls: Option<Tls>,
    from: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    argv: Option<Vec<String>>,
    #[serde(default)]
    plain_text_outside_loopback: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Webhook,
    Email,
    Command,
    Feed,
}

/// The roster of the tables, checked; the files it names are not read yet.
pub(super) fn roster(
    notify: NotifyTable,
    people: Vec<PersonTable>,
    channels: Vec<ChannelTable>,
    rules: &Rules,
    districts: &[District],
) -> Checked<Roster> {
    if notify.attempts_max == 0 || notify.attempts_max > ATTEMPTS_MAX {
        return wrong("notify.attempts_max", format!("must be 1 to {ATTEMPTS_MAX}"));
    }
    let retry = Retry {
        attempts_max: notify.attempts_max,
        first_ms: ms("notify.first_retry", notify.first_retry)?,
        max_ms: ms("notify.retry_max", notify.retry_max)?,
    };
    if retry.max_ms < retry.first_ms {
        return wrong("notify.retry_max", "is shorter than first_retry");
    }
    ms("notify.send_limit", notify.send_limit)?;
    if notify.send_limit > SEND_LIMIT_MAX {
        return wrong("notify.send_limit", "is longer than 2m");
    }
    let link = link(&notify)?;
    if channels.len() > CHANNELS_MAX {
        return wrong("channel", format!("there are more than {CHANNELS_MAX}"));
    }
    unique("channel", channels.iter().map(|channel| &*channel.name))?;
    let shared_key = notify.secret_file.is_some();
    let channels = channels.into_iter().map(|table| channel(table, shared_key));
    let channels = channels.collect::<Checked<Vec<_>>>()?;
    if people.len() > PEOPLE_MAX {
        return wrong("person", format!("there are more than {PEOPLE_MAX}"));
    }
    unique("person", people.iter().map(|person| &*person.name))?;
    let people = people.into_iter().map(|table| person(table, &channels, rules, districts));
    Ok(Roster {
        retry,
        send_limit: notify.send_limit,
        feed_wait_ms: ms("notify.feed_wait", notify.feed_wait)?,
        test_at: daily("notify.test_at", &notify.test_at)?,
        report_at: daily("notify.report_at", &notify.report_at)?,
        secret_file: notify.secret_file,
        secret: None,
        link,
        people: people.collect::<Checked<_>>()?,
        channels,
    })
}

fn daily(key: &str, text: &str) -> Checked<Option<Time>> {
    if text == "never" {
        return Ok(None);
    }
    match Time::strptime("%H:%M", text) {
        Ok(time) => Ok(Some(time)),
        Err(_) => wrong(key, "must be a time of day such as \"06:00\", or \"never\""),
    }
}

fn link(notify: &NotifyTable) -> Checked<Option<LinkRule>> {
    let valid_ms = ms("notify.link_valid", notify.link_valid)?;
    let (url, listen) = match (&notify.link_url, notify.link_listen) {
        (None, None) => return Ok(None),
        (Some(url), Some(listen)) => (url.clone(), listen),
        _ => return wrong("notify.link_url", "and link_listen go together: both or none"),
    };
    if notify.secret_file.is_none() {
        return wrong("notify.secret_file", "is missing: it has the key that signs links");
    }
    if !url.ends_with('/') || host_of(&url).is_none() {
        return wrong("notify.link_url", "must be https://... or http://... and end in \"/\"");
    }
    if !listen.ip().is_loopback() {
        return wrong(
            "notify.link_listen",
            "must be on loopback: it speaks plain HTTP to a proxy on this machine",
        );
    }
    Ok(Some(LinkRule { url, listen, valid_ms }))
}

/// The scheme and the host of a URL, if it is one of HTTP without a name or password in it.
fn host_of(url: &str) -> Option<(String, String)> {
    let uri: ureq::http::Uri = url.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (scheme.into(), host.into()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The keys a channel of one kind may have.
fn only(key: &str, table: &ChannelTable) -> Checked<()> {
    let webhook = table.kind == KindName::Webhook;
    let email = table.kind == KindName::Email;
    let command = table.kind == KindName::Command;
    for (name, is_there, may) in [
        ("url", table.url.is_some(), webhook),
        ("secret_file", table.secret_file.is_some(), webhook),
        ("host", table.host.is_some(), email),
        ("port", table.port.is_some(), email),
        ("tls", table.tls.is_some(), email),
        ("from", table.from.is_some(), email),
        ("user", table.user.is_some(), email),
        ("password_file", table.password_file.is_some(), email),
        ("argv", table.argv.is_some(), command),
        ("plain_text_outside_loopback", table.plain_text_outside_loopback, webhook || email),
    ] {
        if is_there && !may {
            return wrong(format!("{key}.{name}"), "is no key of a channel of this kind");
        }
    }
    Ok(())
}

fn there<T>(key: &str, name: &str, value: Option<T>) -> Checked<T> {
    value.map_or_else(|| wrong(format!("{key}.{name}"), "is missing"), Ok)
}

fn channel(table: ChannelTable, shared_key: bool) -> Checked<ChannelRule> {
    let key = format!("channel {:?}", table.name);
    only(&key, &table)?;
    let plain = table.plain_text_outside_loopback;
    let name = name("channel.name", &table.name)?;
    let kind = match table.kind {
        KindName::Feed => Kind::Feed,
        KindName::Command => {
            let argv = there(&key, "argv", table.argv)?;
            let nul = argv.iter().any(|arg| arg.contains('\0'));
            if argv.first().is_none_or(String::is_empty) || nul {
                return wrong(format!("{key}.argv"), "must begin with a program");
            }
            Kind::Command { argv }
        }
        KindName::Webhook => {
            let url = there(&key, "url", table.url)?;
            let Some((scheme, host)) = host_of(&url) else {
                return wrong(format!("{key}.url"), "must be https://... (http:// on loopback)");
            };
            if scheme == "http" && !is_loopback(&host) && !plain {
                return wrong(
                    format!("{key}.url"),
                    "must be https outside loopback, or plain_text_outside_loopback = true",
                );
            }
            if table.secret_file.is_none() && !shared_key {
                return wrong(
                    format!("{key}.secret_file"),
                    "is missing, and so is notify.secret_file: a webhook is signed",
                );
            }
            Kind::Webhook { url, secret_file: table.secret_file, secret: None }
        }
        KindName::Email => {
            let host = there(&key, "host", table.host)?;
            if host.trim() != host || host.is_empty() {
                return wrong(format!("{key}.host"), "is no host");
            }
            let tls = there(&key, "tls", table.tls)?;
            if tls == Tls::None && !is_loopback(&host) && !plain {
                return wrong(
                    format!("{key}.tls"),
                    "must not be \"none\" outside loopback, or plain_text_outside_loopback = true",
                );
            }
            let port = there(&key, "port", table.port)?;
            let from = address(&format!("{key}.from"), &there(&key, "from", table.from)?)?;
            let login = match (table.user, table.password_file) {
                (None, None) => None,
                (Some(user), Some(password_file)) => {
                    Some(Login { user, password_file, password: None })
                }
                _ => return wrong(format!("{key}.user"), "and password_file go together"),
            };
            Kind::Email { host, port, tls, from, login }
        }
    };
    Ok(ChannelRule { name, kind })
}

fn address(key: &str, text: &str) -> Checked<lettre::Address> {
    // The text stays out of the error: errors go to logs.
    match text.parse() {
        Ok(address) if text.is_ascii() => Ok(address),
        _ => wrong(key, "is no e-mail address in ASCII, such as name@example.org"),
    }
}

fn person(
    table: PersonTable,
    channels: &[ChannelRule],
    rules: &Rules,
    districts: &[District],
) -> Checked<Person> {
    let key = format!("person {:?}", table.name);
    let own_name = name("person.name", &table.name)?;
    let offices = || rules.ladders.iter().flat_map(|ladder| &ladder.rungs);
    match &table.office {
        Some(office) if !offices().any(|rung| **rung == **office) => {
            return wrong(format!("{key}.office"), format!("{office:?} is no rung of a ladder"));
        }
        None if !table.reports => {
            return wrong(format!("{key}.office"), "is missing, and reports = true is, too");
        }
        _ => {}
    }
    unique(&format!("{key}.districts"), table.districts.iter().map(|district| &**district))?;
    for own in &table.districts {
        if !districts.iter().any(|district| district.name == *own) {
            let problem = format!("{own:?} is not the name of a [[district]]");
            return wrong(format!("{key}.districts"), problem);
        }
    }
    if table.channels.is_empty() {
        return wrong(format!("{key}.channels"), "names none: nobody could reach them");
    }
    unique(&format!("{key}.channels"), table.channels.iter().map(|channel| &**channel))?;
    for own in &table.channels {
        match channels.iter().find(|channel| *channel.name == **own).map(|rule| &rule.kind) {
            None => {
                let problem = format!("{own:?} is not the name of a [[channel]]");
                return wrong(format!("{key}.channels"), problem);
            }
            Some(Kind::Email { .. }) if table.email.is_none() => {
                return wrong(format!("{key}.email"), format!("is missing; {own:?} needs it"));
            }
            Some(Kind::Command { .. }) if table.phone.is_none() => {
                return wrong(format!("{key}.phone"), format!("is missing; {own:?} is given it"));
            }
            Some(_) => {}
        }
    }
    let email = table.email.map(|text| address(&format!("{key}.email"), &text)).transpose()?;
    let phone = table.phone.map(|text| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+- ".contains(&b));
        if plain && (3..=32).contains(&digits) && text.len() <= 48 {
            Ok(text.into_boxed_str())
        } else {
            wrong(format!("{key}.phone"), "is no number, such as +92 300 1234567")
        }
    });
    Ok(Person {
        name: own_name,
        office: table.office.map(Into::into),
        districts: table.districts.into_iter().map(Into::into).collect(),
        channels: table.channels.into_iter().map(Into::into).collect(),
        email,
        phone: phone.transpose()?,
        reports: table.reports,
    })
}

/// Reads the keys and passwords that `roster` names, from beside the config in `dir`.
///
/// # Errors
/// A file is not there, or holds no secret; its content is never in the error.
pub(super) fn read_secrets(roster: &mut Roster, dir: &Path) -> Result<(), ConfigError> {
    let key = |file: &Path| -> Result<Secret, ConfigError> {
        let path = dir.join(file);
        let problem = format!(
            "holds no key: one line of at least {} bytes, or whsec_ and base64",
            Secret::BYTES_MIN
        );
        Secret::key(&line(&path)?)
            .ok_or(ConfigError::Malformed { origin: path.display().to_string(), text: problem })
    };
    if let Some(file) = &roster.secret_file {
        roster.secret = Some(key(file)?);
    }
    for channel in &mut roster.channels {
        match &mut channel.kind {
            Kind::Webhook { secret_file: Some(file), secret, .. } => *secret = Some(key(file)?),
            Kind::Email { login: Some(login), .. } => {
                login.password = Some(password(&dir.join(&login.password_file))?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The password in a file.
///
/// # Errors
/// The file is not there, or holds none; its content is never in the error.
pub(super) fn password(path: &Path) -> Result<Secret, ConfigError> {
    Secret::password(&line(path)?).ok_or(ConfigError::Malformed {
        origin: path.display().to_string(),
        text: "holds no password: one line, not empty".into(),
    })
}

fn line(path: &Path) -> Result<String, ConfigError> {
    use std::io::Read;
    let unreadable = |source| ConfigError::Unreadable { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

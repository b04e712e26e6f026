//! `fifteen cert`: a development authority in a folder, and certificates of it; nothing is written
//! over unasked, and a key is never printed.

use crate::cli::{Cert, CertTask, NewCertificates};
use anyhow::{Context, Result, bail};
use fifteen::domain::{Callsign, UtcMs};
use fifteen::service::clock::RoomClock;
use fifteen::tls::{Authority, Facts, Pair, Subject, Validity, certificates};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

const DAY_MS: u64 = 24 * 3_600_000;
/// So long the authority counts.
const AUTHORITY_DAYS: u64 = 3_650;
/// Machines do not agree on the date to the second.
const BEFORE_MS: u64 = 3_600_000;

pub(crate) fn run(args: Cert, json: bool) -> Result<ExitCode> {
    match args.task {
        CertTask::New(new) => make(&new, json)?,
        CertTask::Show { file } => show(&file, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make(new: &NewCertificates, json: bool) -> Result<()> {
    if new.server.is_empty() && new.unit.is_empty() {
        bail!("say whom to make one for: --server NAME, --unit CALLSIGN");
    }
    for unit in &new.unit {
        if Callsign::new(unit).is_none() {
            bail!("{unit:?} is no callsign: 1 to 96 bytes");
        }
    }
    let dir = &new.dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("making {}", dir.display()))?;
    let server = (!new.server.is_empty()).then(|| ("server".to_owned(), None));
    let units =
        new.unit.iter().map(|unit| (format!("unit-{}", crate::shell::file_name(unit)), Some(unit)));
    let wanted: Vec<(String, Option<&String>)> = server.into_iter().chain(units).collect();
    // All of them or none: half a set of new certificates is a morning lost.
    for (name, _) in wanted.iter().filter(|_| !new.replace) {
        for path in [dir.join(format!("{name}.pem")), dir.join(format!("{name}.key"))] {
            if path.exists() {
                bail!("{} is there already: --replace writes over it", path.display());
            }
        }
    }
    let now = RoomClock::start(UtcMs(0)).wall_now().0;
    let span =
        |days| Validity { begins_at: now - BEFORE_MS.min(now), ends_at: now + days * DAY_MS };
    let mut written = Vec::new();
    let (authority, ends_at) = authority(dir, span(AUTHORITY_DAYS), &mut written)?;
    let validity = span(new.days);
    if validity.ends_at > ends_at {
        bail!("the authority in {} ends before {} days are over", dir.display(), new.days);
    }
    let mut pairs = Vec::new();
    for (name, unit) in &wanted {
        let subject = unit.map_or(Subject::Server(&new.server), |unit| Subject::Unit(unit.trim()));
        pairs.push((name, authority.issue(subject, validity)?));
    }
    for (name, pair) in &pairs {
        write_pair(dir, name, pair, new.replace, &mut written)?;
    }
    for path in &written {
        if json {
            crate::shell::out_json(&serde_json::json!({ "written": path }))?;
        } else {
            crate::shell::out(path.display())?;
        }
    }
    Ok(())
}

/// The authority of the folder, and when it ends.
fn authority(
    dir: &Path,
    validity: Validity,
    written: &mut Vec<PathBuf>,
) -> Result<(Authority, u64)> {
    let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    if !certificate.exists() && !key.exists() {
        let (authority, pair) = Authority::new("fifteen development authority", validity)?;
        write_pair(dir, "ca", &pair, false, written)?;
        return Ok((authority, validity.ends_at));
    }
    let read = |path: &Path| {
        fs::read_to_string(path)
            .with_context(|| format!("reading the authority {}", path.display()))
    };
    let facts = certificates(&certificate)?;
    let ends_at = facts.first().and_then(Facts::of).map_or(0, |facts| facts.ends_at);
    let authority = Authority::of(&read(&certificate)?, &Zeroizing::new(read(&key)?))?;
    Ok((authority, ends_at))
}

/// The key first: a certificate without one is of no use, and a server that looks meanwhile keeps
/// the old pair.
fn write_pair(
    dir: &Path,
    name: &str,
    pair: &Pair,
    replace: bool,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    for (end, text) in [("key", &*pair.key), ("pem", &pair.certificate)] {
        let path = dir.join(format!("{name}.{end}"));
        write(dir, &path, text, replace).with_context(|| format!("writing {}", path.display()))?;
        written.push(path);
    }
    Ok(())
}

/// Whole or not at all, for its owner alone, and over nothing unless it may.
fn write(dir: &Path, path: &Path, text: &str, replace: bool) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    if replace {
        file.persist(path)?;
    } else {
        file.persist_noclobber(path)?;
    }
    File::open(dir)?.sync_all()
}

fn show(file: &Path, json: bool) -> Result<()> {
    for one in certificates(file)? {
        let facts = Facts::of(&one).context("a certificate that cannot be read")?;
        if json {
            crate::shell::out_json(&serde_json::json!({
                "names": facts.names, "authority": facts.authority,
                "begins_at": facts.begins_at, "ends_at": facts.ends_at
            }))?;
            continue;
        }
        let day = |ms: u64| {
            let at = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX));
            at.map_or_else(|_| "?".to_owned(), |at| at.to_string())
        };
        let what = if facts.authority { "authority" } else { "certificate" };
        let names = facts.names.join(", ");
        crate::shell::out(format_args!(
            "{what} of {}: from {} to {}",
            fifteen::console::text::plain(&names),
            day(facts.begins_at),
            day(facts.ends_at)
        ))?;
    }
    Ok(())
}

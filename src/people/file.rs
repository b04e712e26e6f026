//! The people file: read whole, written whole. A reader sees the old file or the new one, never a
//! part; two who change it wait for each other; others may not read it.
//!
//! A running server keeps a lock on `FILE.server`, which holds its process number: whoever changed
//! the file sends it a SIGHUP.

use super::{
    Changed, PEOPLE_MAX, PasswordHash, People, Person, TOKENS_MAX, Token, check_name, role_of,
    word_of,
};
use crate::domain::UtcMs;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// A longer file is none of ours.
const FILE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;

const HEAD: &str = "# Who may speak with the room. Written by `fifteen user`; it holds hashes, and \
                    is nobody else's to read.\n\n";

/// Why the people file is not read or written. Never quotes what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// It is not there.
    #[error("{0} is not there: `fifteen user add NAME --role ROLE` makes it")]
    Missing(PathBuf),
    /// The machine said no.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner can read it.
    #[error("{0} can be read by others: chmod 600 {0}")]
    Open(PathBuf),
    /// It is not of the form it must have.
    #[error("{path}: line {line}: {problem}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong, without the text that is.
        problem: String,
    },
    /// A change was asked for that cannot be made.
    #[error("{0}")]
    Refused(String),
    /// Another server has this file already.
    #[error("{0} is in use by another server: one file serves one room")]
    Held(PathBuf),
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PeopleError {
    move |source| PeopleError::Io { what, path: path.into(), source }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTable {
    #[serde(default)]
    person: Vec<PersonTable>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonTable {
    name: Spanned<String>,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<ChangedTable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    token: Vec<TokenTable>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedTable {
    at: String,
    by: String,
    what: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenTable {
    hash: String,
    label: String,
    issued_at: String,
    expires_at: String,
}

/// Reads the file.
///
/// # Errors
/// [`PeopleError`], for whoever keeps the file.
pub fn read(path: &Path) -> Result<People, PeopleError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(PeopleError::Missing(path.into()));
        }
        other => other.map_err(io("read", path))?,
    };
    let about = file.metadata().map_err(io("read", path))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(PeopleError::Open(path.into()));
    }
    let mut text = String::new();
    let read = (&mut file).take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    let bytes = read.map_err(io("read", path))?;
    if bytes as u64 > FILE_BYTES_MAX {
        let problem = format!("the file is longer than {FILE_BYTES_MAX} bytes");
        return Err(PeopleError::Malformed { path: path.into(), line: 1, problem });
    }
    parse(&text).map_err(|(line, problem)| PeopleError::Malformed {
        path: path.into(),
        line,
        problem,
    })
}

/// People from the text of a file; what is wrong comes with its line.
fn parse(text: &str) -> Result<People, (usize, String)> {
    let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let file: FileTable = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line_of(at), without_values(error.message()))
    })?;
    if file.person.len() > PEOPLE_MAX {
        return Err((1, format!("more than {PEOPLE_MAX} people")));
    }
    let mut people = People::default();
    for table in file.person {
        let line = line_of(table.name.span().start);
        let name = table.name.get_ref().clone();
        let person = person(table).map_err(|problem| (line, problem))?;
        if people.by_name.insert(name.into(), person).is_some() {
            return Err((line, "this name is there twice".into()));
        }
    }
    Ok(people)
}

fn person(table: PersonTable) -> Result<Person, String> {
    check_name(table.name.get_ref())?;
    if table.token.len() > TOKENS_MAX {
        return Err(format!("more than {TOKENS_MAX} tokens"));
    }
    Ok(Person {
        roles: table.roles.iter().map(|word| role_of(word)).collect::<Result<_, _>>()?,
        disabled: table.disabled,
        password: table.password.as_deref().map(PasswordHash::parse).transpose()?,
        tokens: table.token.iter().map(token).collect::<Result<_, _>>()?,
        changed: match table.changed {
            None => None,
            Some(ChangedTable { at, by, what }) => {
                Some(Changed { at: instant(&at)?, by: by.into(), what: what.into() })
            }
        },
    })
}

fn token(table: &TokenTable) -> Result<Token, String> {
    let wrong = |_| "a token's hash is not 64 hex digits: make a new one by `fifteen user token`";
    Ok(Token {
        hash: blake3::Hash::from_hex(&table.hash).map_err(wrong)?,
        label: table.label.as_str().into(),
        issued_at: instant(&table.issued_at)?,
        expires_at: instant(&table.expires_at)?,
    })
}

fn instant(text: &str) -> Result<UtcMs, String> {
    let stamp: Option<jiff::Timestamp> = text.parse().ok();
    let ms = stamp.and_then(|stamp| u64::try_from(stamp.as_millisecond()).ok());
    ms.map(UtcMs).ok_or_else(|| "a time is not like 2026-11-27T15:00:00Z".into())
}

/// The parser's words without what it read: a value here may be a secret, typed in the wrong place.
fn without_values(message: &str) -> String {
    const KNOWN: &[&str] = &[
        "person",
        "name",
        "roles",
        "disabled",
        "password",
        "changed",
        "token",
        "at",
        "by",
        "what",
        "hash",
        "label",
        "issued_at",
        "expires_at",
    ];
    let mut said = String::new();
    let mut left = message;
    while let Some(at) = left.find(['`', '"']) {
        let quote = &left[at..=at];
        let (before, behind) = (&left[..at], &left[at + 1..]);
        said.push_str(before);
        let (quoted, after) = behind.split_once(quote).unwrap_or((behind, ""));
        if KNOWN.contains(&quoted) {
            said.extend([quote, quoted, quote]);
        } else {
            said.push_str("(sealed)");
        }
        left = after;
    }
    said.push_str(left);
    said.lines().next().unwrap_or_default().to_owned()
}

fn print(people: &People) -> Result<String, PeopleError> {
    let table = |name: &str, person: &Person| PersonTable {
        name: Spanned::new(0..0, name.to_string()),
        roles: person.roles.iter().map(|role| word_of(*role).to_owned()).collect(),
        disabled: person.disabled,
        password: person.password.as_ref().map(|hash| hash.as_str().to_owned()),
        changed: person.changed.as_ref().map(|changed| ChangedTable {
            at: changed.at.to_string(),
            by: changed.by.to_string(),
            what: changed.what.to_string(),
        }),
        token: person.tokens.iter().map(print_token).collect(),
    };
    let file = FileTable {
        person: people.by_name.iter().map(|(name, person)| table(name, person)).collect(),
    };
    let text = toml::to_string(&file);
    let text = text.map_err(|_| PeopleError::Refused("the people cannot be written".into()))?;
    Ok(format!("{HEAD}{text}"))
}

fn print_token(token: &Token) -> TokenTable {
    TokenTable {
        hash: token.hash.to_hex().to_string(),
        label: token.label.to_string(),
        issued_at: token.issued_at.to_string(),
        expires_at: token.expires_at.to_string(),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Changes the file: reads it (none yet: nobody), lets `change` change it, and puts the new one in
/// its place. Whoever else changes it meanwhile waits. It stays its owner's, whoever changes it.
///
/// # Errors
/// [`PeopleError`]; the file is as it was then.
pub fn edit<T>(
    path: &Path,
    change: impl FnOnce(&mut People) -> Result<T, String>,
) -> Result<(People, T), PeopleError> {
    let folder = folder(path);
    let lock = File::open(folder).map_err(io("open", folder))?;
    lock.lock().map_err(io("lock", folder))?;
    let mut people = match read(path) {
        Err(PeopleError::Missing(_)) => People::default(),
        other => other?,
    };
    let done = change(&mut people).map_err(PeopleError::Refused)?;
    if people.by_name.len() > PEOPLE_MAX {
        return Err(PeopleError::Refused(format!("more than {PEOPLE_MAX} people")));
    }
    let text = print(&people)?;
    // What we cannot read again must never be put in the place of what we can.
    parse(&text).map_err(|(line, problem)| PeopleError::Malformed {
        path: path.into(),
        line,
        problem,
    })?;
    // Readable by its owner only from the first byte on.
    let part = tempfile::Builder::new().prefix(".people-").tempfile_in(folder);
    let mut part = part.map_err(io("write into", folder))?;
    part.write_all(text.as_bytes()).map_err(io("write", path))?;
    keep_owner(path, folder, part.as_file())?;
    part.as_file().sync_all().map_err(io("write", path))?;
    part.persist(path).map_err(|error| io("write", path)(error.error))?;
    lock.sync_all().map_err(io("write into", folder))?;
    Ok((people, done))
}

/// The server may be another user than whoever changes the file: it must still read it.
fn keep_owner(path: &Path, folder: &Path, part: &File) -> Result<(), PeopleError> {
    let old = path.metadata().or_else(|_| folder.metadata()).map_err(io("read", path))?;
    let new = part.metadata().map_err(io("read", path))?;
    if old.uid() == new.uid() {
        return Ok(());
    }
    std::os::unix::fs::fchown(part, Some(old.uid()), Some(old.gid())).map_err(io("give back", path))
}

/// The mark of the server that serves by this file; gone with the process, however it ends.
#[derive(Debug)]
pub struct Holder {
    _file: File,
}

fn mark(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".server");
    name.into()
}

impl Holder {
    /// Marks this process as the server.
    ///
    /// # Errors
    /// [`PeopleError::Held`] when another is.
    pub fn take(path: &Path) -> Result<Self, PeopleError> {
        let mark = mark(path);
        let file = File::options().write(true).create(true).truncate(false).mode(0o644).open(&mark);
        let mut file = file.map_err(io("write", &mark))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PeopleError::Held(path.into())),
            Err(TryLockError::Error(error)) => return Err(io("lock", &mark)(error)),
        }
        file.set_len(0).map_err(io("write", &mark))?;
        writeln!(file, "{}", std::process::id()).map_err(io("write", &mark))?;
        Ok(Self { _file: file })
    }
}

/// Whether a server heard of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// No server serves by this file.
    NoServer,
    /// This process was told.
    Told(i32),
    /// This process could not be told, and why; none when its number is not known.
    NotTold(Option<i32>, String),
}

/// Has the server that serves by this file, if one does, read it again.
#[must_use]
pub fn tell_server(path: &Path) -> Announced {
    let mark = mark(path);
    let Ok(mut file) = File::open(&mark) else {
        return Announced::NoServer;
    };
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return Announced::NoServer;
    }
    let mut text = String::new();
    let read = (&mut file).take(32).read_to_string(&mut text);
    let number = read.ok().and_then(|_| text.trim().parse().ok());
    let Some(pid) = number.and_then(Pid::from_raw) else {
        return Announced::NotTold(None, "it does not say its process number".into());
    };
    match kill_process(pid, Signal::HUP) {
        Ok(()) => Announced::Told(pid.as_raw_nonzero().get()),
        Err(error) => Announced::NotTold(Some(pid.as_raw_nonzero().get()), error.to_string()),
    }
}

#[cfg(test)]
mod tests;

//! The heads of the log: one a day, signed, in a folder of its own; and whether the log still holds what they say.
//!
//! The head of a day is where the log stood after the last transition of it, in UTC. It is written before the first
//! transition of a later day is, so that no crash leaves a day out. A head kept elsewhere proves the log up to its
//! transition against anybody who can write to the data folder; what came after the last head is proved by the next.

use crate::journal::inspect::{self, Check};
use crate::journal::{JournalError, Options};
use crate::seal::{HeadError, SignedHead, VerifyingKey};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The name a check of heads has in a report.
const NAME: &str = "signed heads";

/// Why heads cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Not a head as this program writes them.
    #[error("{0} is no signed head")]
    Malformed(PathBuf),
}

/// Where the heads of the log in `data` are.
#[must_use]
pub fn heads_of(data: &Path) -> PathBuf {
    data.join("heads")
}

/// Keeps a head under its day, unless that day has one.
///
/// # Errors
/// The folder cannot be written.
pub fn keep_head(dir: &Path, head: &SignedHead) -> io::Result<bool> {
    let name = head.at.split_once('T').map_or(head.at.as_str(), |(day, _)| day);
    let path = dir.join(format!("{name}.json"));
    if path.exists() {
        return Ok(false);
    }
    fs::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix(".head-").tempfile_in(dir)?;
    file.write_all(serde_json::to_string(head).map_err(io::Error::other)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    fs::File::open(dir)?.sync_all()?;
    Ok(true)
}

/// The heads in a file, or in every `.json` of a folder, oldest first.
///
/// # Errors
/// Nothing is there, or something that is no head.
pub fn read_heads(path: &Path) -> Result<Vec<SignedHead>, HeadsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| HeadsError::Io { path, source }
    };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(failed(path))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        files = paths.collect::<io::Result<_>>().map_err(failed(path))?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    }
    let mut heads = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(failed(&file))?;
        let head: SignedHead =
            serde_json::from_str(&text).map_err(|_| HeadsError::Malformed(file))?;
        heads.push(head);
    }
    heads.sort_by_key(|head| head.seq);
    Ok(heads)
}

/// Whether the log in `dir` holds what every head says, and how far they reach.
#[must_use]
pub fn check_heads(
    dir: &Path,
    options: &Options,
    heads: &[SignedHead],
    key: &VerifyingKey,
) -> Check {
    match compare(dir, options, heads, key) {
        Ok(detail) => Check { name: NAME, ok: true, detail },
        Err(detail) => Check { name: NAME, ok: false, detail },
    }
}

fn compare(
    dir: &Path,
    options: &Options,
    heads: &[SignedHead],
    key: &VerifyingKey,
) -> Result<String, String> {
    let said: Result<BTreeMap<u64, (&SignedHead, [u8; 32])>, HeadError> =
        heads.iter().map(|head| Ok((head.seq, (head, head.verify(key)?)))).collect();
    let mut said = said.map_err(|why| why.to_string())?;
    let Some(last) = said.last_key_value().map(|(seq, _)| *seq) else {
        return Err("there is none to check by".to_owned());
    };
    let mut wrong = None;
    let end = inspect::ends(dir, options, |tail| {
        let Some((head, chain)) = said.remove(&tail.seq) else {
            return;
        };
        if chain != tail.chain || head.at_ms != tail.at.0 {
            wrong.get_or_insert(tail.seq);
        }
    });
    let wrong = wrong.map(|seq| {
        format!("the log up to transition {seq} is not the one whose head was signed: it was changed since")
    });
    let end = end.map_err(|why: JournalError| wrong.clone().unwrap_or_else(|| why.to_string()))?;
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if let Some((seq, _)) = said.first_key_value() {
        return Err(format!(
            "a head was signed at transition {seq}, and no commit of this log ends there; it ends at {}",
            end.seq
        ));
    }
    Ok(match end.seq - last {
        0 => format!("{} of {}, up to the last transition", heads.len(), heads.len()),
        after => format!(
            "{} of {}, up to transition {last}; no head speaks of the {after} after it yet",
            heads.len(),
            heads.len()
        ),
    })
}

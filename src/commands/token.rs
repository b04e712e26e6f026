//! The token a client shows: from `--token-file`, from FIFTEEN_TOKEN, or from the last log-in of
//! the same person at the same server. Never an argument, which every process can read.

use super::{file_name, state_folder};
use anyhow::{Context, Result, bail};
use fifteen::people::Secret;
use fifteen::protocol::Hello;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The hello with the person's token, if there is one.
pub(crate) fn with_token(hello: Hello, file: Option<&Path>, address: &str) -> Result<Hello> {
    let found = match file {
        Some(file) => match read(file) {
            Ok(None) => bail!("{} holds no token", file.display()),
            Ok(token) => token,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("reading the token from {}", file.display()));
            }
        },
        None => match given() {
            Some(token) => Some(token),
            // Nobody may have logged in, and no state folder be there at all.
            None => place(&hello.who, address).ok().and_then(|path| read(&path).ok().flatten()),
        },
    };
    Ok(match found {
        Some(token) => hello.with_token(token.expose()),
        None => hello,
    })
}

fn given() -> Option<Secret> {
    some(Secret::new(std::env::var("FIFTEEN_TOKEN").ok()?))
}

fn read(path: &Path) -> std::io::Result<Option<Secret>> {
    Ok(some(Secret::new(std::fs::read_to_string(path)?)))
}

fn some(text: Secret) -> Option<Secret> {
    let token = text.expose().trim();
    (!token.is_empty()).then(|| Secret::new(token.to_owned()))
}

/// Keeps the token of a log-in, for this user's eyes only.
pub(crate) fn keep(who: &str, address: &str, token: &Secret) -> Result<PathBuf> {
    let path = place(who, address)?;
    let folder = path.parent().context("the state folder has no name")?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    let kept = || -> std::io::Result<()> {
        // Readable by its owner only, from the first byte on.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", token.expose())?;
        file.persist(&path)?;
        Ok(())
    };
    kept().with_context(|| format!("keeping the token in {}", path.display()))?;
    Ok(path)
}

fn place(who: &str, address: &str) -> Result<PathBuf> {
    let name = format!("token-{}-at-{}", file_name(who.trim()), file_name(address));
    Ok(state_folder()?.join(name))
}

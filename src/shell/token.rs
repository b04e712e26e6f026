//! The token a client shows: from `--token-file`, from FIFTEEN_TOKEN, or from the last log-in of
//! the same person at the same server. Never an argument, which every process can read.

use super::{file_name, state_folder};
use anyhow::{Context, Result, bail};
use fifteen::people::Secret;
use fifteen::protocol::Hello;
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

/// Where the token of a log-in is kept.
pub(crate) fn place(who: &str, address: &str) -> Result<PathBuf> {
    let name = format!("token-{}-at-{}", file_name(who.trim()), file_name(address));
    Ok(state_folder()?.join(name))
}

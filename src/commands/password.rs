//! Passwords from a person: asked for without echo, or a line of stdin; never an argument, which
//! every process of the machine can read.

use anyhow::{Context, Result, anyhow, bail};
use fifteen::people::{PASSWORD_BYTES_MAX, PasswordHash, Secret};
use std::io::{BufRead, IsTerminal, Read};

/// A new password, typed twice, hashed.
pub(crate) fn new(name: &str) -> Result<PasswordHash> {
    let password = ask(&format!("new password of {name}: "))?;
    if std::io::stdin().is_terminal() && ask("the same again: ")?.expose() != password.expose() {
        bail!("the two are not the same; nothing was changed");
    }
    PasswordHash::of(&password).map_err(|why| anyhow!(why))
}

/// A password.
pub(crate) fn ask(prompt: &str) -> Result<Secret> {
    if std::io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(prompt).context("asking for the password")?;
        return Ok(Secret::new(typed));
    }
    // Room for the longest and its line end at once: a string that grows leaves copies behind.
    let most = PASSWORD_BYTES_MAX + 2;
    let mut line = String::with_capacity(most);
    let mut stdin = std::io::stdin().lock().take(most as u64);
    stdin.read_line(&mut line).context("reading the password from stdin")?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    if line.is_empty() {
        bail!("no password: type it on a terminal, or give it as one line on stdin");
    }
    Ok(Secret::new(line))
}

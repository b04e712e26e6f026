//! `fifteen login`: a password for a token, which the other commands then show.

use super::password;
use crate::cli::Login;
use crate::shell::{note, out, out_json, token};
use anyhow::{Context, Result, anyhow, bail};
use fifteen::client::ClientError;
use fifteen::domain::UtcMs;
use fifteen::people::Secret;
use fifteen::protocol::{Hello, Role};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) async fn login(args: Login, json: bool) -> Result<ExitCode> {
    let (who, address) = (args.connect.who.as_str(), args.connect.connect.as_str());
    let typed = password::ask(&format!("password of {who} at {address}: "))?;
    let hello = Hello::new(args.connect.role.unwrap_or(Role::Operator), who);
    let hello = hello.with_password(typed.expose());
    drop(typed);
    let config = fifteen::client::ClientConfig { connect_ms: CONNECT_MS, ..Default::default() };
    let way = crate::shell::way::way(address, &args.connect.tls)?;
    let client = match fifteen::client::Client::connect_with(way, hello, config).await {
        Ok(client) => client,
        Err(ClientError::Refused(refused)) => {
            note(format_args!("refused: {} ({})", refused.text, refused.code));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(anyhow!("reaching the server at {address}: {error}")),
    };
    let welcome = client.welcome().context("the server left at once")?;
    let Some(fresh) = welcome.token.map(Secret::new) else {
        bail!("the server at {address} asks nobody for a password: it has no people_file");
    };
    let ends_at = UtcMs(welcome.token_ends_at.unwrap_or_default());
    let path = keep(who, address, &fresh)?;
    if json {
        out_json(&serde_json::json!({
            "person": who, "ends": ends_at.to_string(), "file": path
        }))?;
    } else {
        out(format_args!(
            "{who} is logged in until {ends_at}; the token is in {}",
            path.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The server may make a log-in wait, after failed ones from the same address, ms.
const CONNECT_MS: u64 = 60_000;

/// Keeps the token of a log-in, for this user's eyes only.
fn keep(who: &str, address: &str, token: &Secret) -> Result<PathBuf> {
    let path = token::place(who, address)?;
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

//! `fifteen journal`: looks after a log on the disk.

use super::keyring;
use super::serve::options;
use crate::cli::{Folder, Journal, Task};
use crate::shell::way::Tls;
use anyhow::{Context, Result, bail};
use fifteen::domain::{Event, UtcMs};
use fifteen::journal::{JournalError, RecordRef, inspect, probe};
use fifteen::protocol::{Backup, Hello, ReplyBody, Role};
use fifteen::seal::{self, Keyring};
use fifteen::service::clock::RoomClock;
use fifteen::service::{self, Keyless, Opened, decode};
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(args: Journal, json: bool) -> Result<ExitCode> {
    match args.task {
        Task::Verify { folder, heads, public_key } => {
            let found = verify(&folder, heads.as_deref(), public_key.as_deref())?;
            print(&found, json)?;
            return Ok(if found.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Task::Heads { folder, now } => heads(&folder, now)?,
        Task::Dump(folder) => dump(&folder)?,
        Task::Digest(folder) => {
            let options = options(folder.witness.as_deref(), folder.spill.as_deref())?;
            let found = match keys(&folder)? {
                Some(keyring) => inspect::digest_as(&folder.dir, &options, &Opened::with(keyring))?,
                None => inspect::digest::<Keyless>(&folder.dir, &options)?,
            };
            if json {
                print(&found, true)?;
            } else {
                eprintln!("state after transition {}, chain {}", found.seq, found.chain);
                println!("{}", found.digest);
            }
        }
        Task::Snapshot(folder) => {
            existing(&folder.dir)?;
            let Some(keyring) = keys(&folder)? else {
                bail!("a snapshot is sealed, and the keyring is not there: say --keyring FILE");
            };
            let options = options(folder.witness.as_deref(), folder.spill.as_deref())?;
            let taken = inspect::snapshot_as(&folder.dir, options, &Opened::with(keyring))?;
            if json {
                let about = serde_json::json!({ "seq": taken.seq, "bytes": taken.len });
                println!("{about}");
            } else {
                println!("snapshot after transition {}, {} bytes", taken.seq, taken.len);
            }
        }
        Task::Backup { dir: Some(dir), to, .. } => {
            print(&inspect::backup(&dir, &options(None, None)?, &to)?, json)?;
        }
        Task::Backup { dir: None, to, connect, who, token_file, tls } => {
            let connect = connect.context("say which folder, or --connect which server")?;
            let hello = Hello::new(Role::Admin, who);
            let hello = crate::shell::token::with_token(hello, token_file.as_deref(), &connect)?;
            return crate::shell::wait(backup_through(connect, &tls, hello, &to, json));
        }
        Task::Restore { backup, to } => {
            print(&inspect::restore(&backup, &to, options(None, None)?)?, json)?;
        }
        Task::Archive { folder: Folder { dir, witness, spill, .. }, keep } => {
            existing(&dir)?;
            let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
            let before = UtcMs(RoomClock::start(UtcMs(0)).now().since(UtcMs(keep_ms)));
            let moved =
                inspect::archive(&dir, options(witness.as_deref(), spill.as_deref())?, before)?;
            if json {
                print_json(&moved)?;
            } else {
                println!("{} transitions moved; archived up to {}", moved.moved, moved.archived);
            }
        }
        Task::Repair { folder: Folder { dir, witness, spill, .. }, give_up_missing } => {
            existing(&dir)?;
            let done = inspect::repair(
                &dir,
                options(witness.as_deref(), spill.as_deref())?,
                give_up_missing,
            )?;
            print(&done, json)?;
            return Ok(if done.opened.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Task::Probe { dir } => probe(&dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The keyring of a log, if it is there; if it is not, that is said once.
fn keys(folder: &Folder) -> Result<Option<Keyring>> {
    let found = keyring::found(&folder.dir, folder.keyring.as_deref())?;
    if found.is_none() {
        let path = keyring::path_of(&folder.dir, folder.keyring.as_deref());
        eprintln!(
            "no keyring at {}: the chain is checked all the same; what is sealed stays sealed, and the state and its digest are those without it",
            path.display()
        );
    }
    Ok(found)
}

/// Every promise of the log, and by `heads`, if there are any, that it is the log whose heads were signed.
fn verify(
    folder: &Folder,
    heads: Option<&Path>,
    public_key: Option<&str>,
) -> Result<inspect::Verified> {
    let options = options(folder.witness.as_deref(), folder.spill.as_deref())?;
    let keyring = keys(folder)?;
    let key = match (public_key, &keyring) {
        (Some(text), _) => Some(seal::public_key(text)?),
        (None, Some(keyring)) => Some(keyring.public_key()),
        (None, None) => None,
    };
    let mut found = match keyring {
        Some(keyring) => inspect::verify_as(&folder.dir, &options, &Opened::with(keyring))?,
        None => inspect::verify::<Keyless>(&folder.dir, &options)?,
    };
    if let Some(path) = heads {
        let key = key.context("say --public-key HEX: which key signed the heads")?;
        let heads = service::read_heads(path)?;
        found.checks.push(service::check_heads(&folder.dir, &options, &heads, &key));
    }
    Ok(found)
}

fn heads(folder: &Folder, now: bool) -> Result<()> {
    existing(&folder.dir)?;
    let keyring = keys(folder)?;
    if let Some(keyring) = &keyring {
        eprintln!("public key {}", seal::public_key_hex(&keyring.public_key()));
    }
    if now {
        let keyring = keyring.context("nothing is signed without the keyring")?;
        let options = options(folder.witness.as_deref(), folder.spill.as_deref())?;
        let tail = inspect::ends(&folder.dir, &options, |_| ())?;
        return print_json(&keyring.sign(tail.seq, tail.chain, tail.at));
    }
    let kept = service::heads_of(&folder.dir);
    if !kept.exists() {
        bail!("no day of this log has ended yet; --now signs where it stands");
    }
    service::read_heads(&kept)?.iter().try_for_each(print_json)
}

/// A mistyped folder must not become a new log.
fn existing(dir: &Path) -> Result<()> {
    if !dir.is_dir() {
        bail!("{} is no folder of a log", dir.display());
    }
    Ok(())
}

fn print(found: &(impl Serialize + Display), json: bool) -> Result<()> {
    if json { print_json(found) } else { Ok(writeln!(std::io::stdout(), "{found}")?) }
}

fn print_json(found: &impl Serialize) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(found)?)?)
}

/// One transition as `dump` prints it.
#[derive(Serialize)]
struct Line {
    seq: u64,
    at: String,
    event: Event,
}

fn dump(folder: &Folder) -> Result<()> {
    existing(&folder.dir)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut unwritten = None;
    let read = inspect::dump(
        &folder.dir,
        &options(folder.witness.as_deref(), folder.spill.as_deref())?,
        1,
        |seq, record| {
            let stop = |why: String| JournalError::Fold { seq, why };
            let read = RecordRef { seq, at: record.at, schema: record.schema, body: &record.body };
            let dated = decode(read).map_err(stop)?;
            let event = dated.transition.event.redacted();
            let line = Line { seq, at: dated.at.to_string(), event };
            let text = serde_json::to_string(&line).map_err(|error| stop(error.to_string()))?;
            writeln!(out, "{text}").map_err(|error| {
                let why = error.to_string();
                unwritten = Some(error);
                stop(why)
            })
        },
    );
    match (unwritten, read) {
        (Some(error), _) => Err(error.into()),
        (None, read) => {
            read?;
            Ok(out.flush()?)
        }
    }
}

async fn backup_through(
    connect: String,
    tls: &Tls,
    hello: Hello,
    to: &Path,
    json: bool,
) -> Result<ExitCode> {
    let client = super::connect(&connect, tls, hello).await?;
    let dir = std::path::absolute(to)?.display().to_string();
    let reply = client.request(Backup { dir }).await.context("taking the backup")?;
    let ReplyBody::Stored(stored) = reply.body else { bail!("the server answered something else") };
    if json {
        print_json(&stored)?;
    } else {
        println!(
            "up to transition {} in {}, {} bytes",
            stored.seq,
            stored.dir.as_deref().unwrap_or("the server's folder"),
            stored.bytes
        );
    }
    Ok(ExitCode::SUCCESS)
}

//! What each subcommand does. They print to stdout what was asked for and to stderr everything
//! else; a failure is an error of one line that says what to do.

mod cert;
mod client;
mod console;
mod drill;
mod journal;
mod keyring;
mod login;
mod notify;
mod password;
mod replay;
mod report;
mod secrets;
mod serve;
mod token;
mod user;
mod way;

use crate::cli::{Cli, Command};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Serve(args) => {
            secrets::keep()?;
            serve::run(args, json)
        }
        Command::Call(args) => wait(client::call(args, json)),
        Command::Calls(args) => wait(client::calls(args, json)),
        Command::Show(args) => wait(client::show(args, json)),
        Command::Op(args) => wait(client::op(args, json)),
        Command::Console(args) => console::run(args, console::Seat::Operator),
        Command::Watch(args) => console::run(args, console::Seat::Supervisor),
        Command::Unit(args) => wait(client::unit(args, json)),
        Command::Escalations(args) => wait(client::escalations(args, json)),
        Command::Take(args) => wait(client::take(args, json)),
        Command::Erase(args) => wait(client::erase(args, json)),
        Command::Health(args) => wait(client::health(args, json)),
        Command::Notify(args) => notify::run(args, json),
        Command::Replay(args) => replay::run(args, json),
        Command::Report(args) => report::run(args, json),
        Command::Login(args) => wait(login::login(args, json)),
        Command::User(args) => user::run(args, json),
        Command::Cert(args) => cert::run(args, json),
        Command::Journal(args) => journal::run(args, json),
        Command::Openapi => openapi(),
    }
}

fn openapi() -> Result<ExitCode> {
    println!("{}", fifteen::net::document().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}

/// An error and its causes, but those that it says itself.
pub(crate) fn said(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match &*said {
        "" => cause,
        before if before.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

/// A callsign as a file name: letters, digits and `-` as they are, every other byte as `%xx`; two callsigns never
/// share one.
pub(crate) fn file_name(callsign: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    callsign.bytes().map(byte).collect()
}

/// Runs one task to its end on this thread.
pub(crate) fn wait<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(task)
}

/// The user's own folder for what a program keeps (XDG Base Directory Specification).
pub(crate) fn state_folder() -> Result<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    Ok(state.context("no HOME and no XDG_STATE_HOME: nothing can be kept")?.join("fifteen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cause_is_said_twice() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let plain = full.to_string();
        let error = anyhow::Error::new(full).context("opening the log");
        assert_eq!(said(&error), format!("opening the log: {plain}"));
        let error = error.context(format!("log: opening the log: {plain}"));
        assert_eq!(said(&error), format!("log: opening the log: {plain}"));
    }

    #[test]
    fn two_callsigns_never_share_a_file_and_none_leaves_its_folder() {
        let names = ["CAR-1", "car 1", "../x", "a/b", "a%2fb", "\u{6af}", "."].map(file_name);
        assert_eq!(names[0], "CAR-1");
        assert_eq!(names[2], "%2e%2e%2fx");
        for (at, name) in names.iter().enumerate() {
            assert!(!name.contains(['/', '.']), "{name}");
            assert!(!names[..at].contains(name), "{name}");
        }
    }
}

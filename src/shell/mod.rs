//! What each of our programs needs at a prompt: words for who sits there, the way to a server, a token, a place to
//! keep things. What was asked for goes to stdout, everything else to stderr.

pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod way;

use anyhow::{Context, Result};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints what was asked for, on stdout.
pub(crate) fn out(text: impl std::fmt::Display) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()?;
    Ok(())
}

/// The same as one line of JSON.
pub(crate) fn out_json(value: &impl serde::Serialize) -> Result<()> {
    out(serde_json::to_string(value).context("writing JSON")?)
}

/// Says something beside what was asked for, on stderr.
pub(crate) fn note(text: impl std::fmt::Display) {
    // Nobody may be listening there; that is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says what went wrong, if something did, and how `program` ends.
pub(crate) fn end(program: &str, done: Result<ExitCode>) -> ExitCode {
    let error = match done {
        Ok(code) => return code,
        Err(error) => error,
    };
    // The pipe's reader left: nobody to tell.
    let reader_left = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(reader_left) {
        return ExitCode::SUCCESS;
    }
    eprintln!("{program}: {}", said(&error));
    ExitCode::from(2)
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

//! Whether a suspect sled folder opens: asked of a copy, in a child process, under a time limit.
//!
//! A damaged folder may answer with an error, a panic (which leaves sled's threads of that process unusable) or
//! never. The child is this program itself, called as `fifteen journal probe DIR`.

use super::error::{At, JournalError};
use super::files;
use super::sled_log::SledLog;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A program that calls [`probe`] with its last argument, prints nothing of importance, and exits with 0 if the
/// folder opened, with 1 and the reason on standard error if not.
#[derive(Debug, Clone)]
pub struct Prober {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before the folder.
    pub args: Vec<OsString>,
}

/// Opens a copy of a sled folder and reads all of it. The folder is changed by it.
///
/// # Errors
/// It does not open, or cannot be read to its end.
pub fn probe(dir: &Path) -> Result<(), JournalError> {
    SledLog::examine(dir)
}

/// Copies `sled` beside its place, probes the copy, removes it.
pub(crate) fn probe_copy(
    sled: &Path,
    scratch: &Path,
    prober: Option<&Prober>,
    limit: Duration,
) -> Result<(), JournalError> {
    files::remove_dir(scratch)?;
    let copied = files::copy_dir(sled, scratch);
    let opens = copied.and_then(|()| probe_in_place(scratch, prober, limit));
    files::remove_dir(scratch)?;
    opens
}

pub(crate) fn probe_in_place(
    dir: &Path,
    prober: Option<&Prober>,
    limit: Duration,
) -> Result<(), JournalError> {
    match prober {
        Some(prober) => in_child(dir, prober, limit),
        None => {
            let dir = dir.to_owned();
            within(limit, move || probe(&dir))
        }
    }
}

/// Runs a step on a thread of its own and gives up waiting after `limit`; the thread is then left behind.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    step: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    let (tell, told) = crossbeam_channel::bounded(1);
    let run = move || {
        let _ = tell.send(super::sled_log::guarded_open(step));
    };
    std::thread::Builder::new().name("sled-open".into()).spawn(run).expect("a thread at the start");
    told.recv_timeout(limit)
        .unwrap_or_else(|_| Err(JournalError::sled("open", format!("no answer within {limit:?}"))))
}

fn in_child(dir: &Path, prober: &Prober, limit: Duration) -> Result<(), JournalError> {
    let mut child = Command::new(&prober.program)
        .args(&prober.args)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .at("run", &prober.program)?;
    let mut stderr = child.stderr.take().expect("standard error was asked for");
    let (tell, told) = crossbeam_channel::bounded(1);
    let read = move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        let _ = tell.send(String::from_utf8_lossy(&text).trim().to_owned());
    };
    std::thread::Builder::new().name("probe".into()).spawn(read).expect("a thread at the start");
    // The end of its standard error is the end of the child, or its death.
    let Ok(text) = told.recv_timeout(limit) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(JournalError::sled("open", format!("no answer within {limit:?}")));
    };
    let status = child.wait().at("wait for", &prober.program)?;
    if status.success() {
        Ok(())
    } else {
        Err(JournalError::sled("open", format!("{status}: {text}")))
    }
}

//! A program run with the letter as JSON on its standard input: the door to an SMS gateway.
//!
//! No shell is between: the arguments are what dispatch.toml says, and nothing of a letter is ever
//! among them. The program gets PATH and no other variable, and its output goes nowhere: what it
//! wants to keep it logs itself.

use super::{Channel, Letter, SendError};
use crossbeam_channel::bounded;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// The most a program gets on its standard input. It fits a pipe's buffer (64 KiB), so that
/// writing it never waits for a program that does not read.
pub const COMMAND_INPUT_BYTES_MAX: usize = 60 * 1024;

/// sysexits.h: a failure that another attempt may mend.
const EX_TEMPFAIL: i32 = 75;

/// How long a killed program has to be gone.
const KILLED_LIMIT: Duration = Duration::from_secs(1);

/// One program.
pub struct CommandLine {
    argv: Vec<String>,
    limit: Duration,
}

impl CommandLine {
    /// The program `argv[0]` with the rest as its arguments, killed with its whole process group
    /// after `limit`.
    #[must_use]
    pub fn new(argv: &[String], limit: Duration) -> Self {
        Self { argv: argv.into(), limit }
    }
}

impl Channel for CommandLine {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let mut value = letter.json();
        value["phone"] = letter.phone.as_deref().into();
        value["email"] = letter.email.as_ref().map(ToString::to_string).into();
        let mut input = serde_json::to_vec(&value).expect("a JSON value is written as JSON");
        input.push(b'\n');
        if input.len() > COMMAND_INPUT_BYTES_MAX {
            return Err(SendError::gone("the notice is too long for a command"));
        }
        let (program, args) =
            self.argv.split_first().ok_or_else(|| SendError::gone("no program"))?;
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let mut child = command.spawn().map_err(|error| unstarted(&error))?;
        let group = Pid::from_child(&child);
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input answers with its exit code all the same.
            let _ = stdin.write_all(&input);
        }
        let (ended, end) = bounded(1);
        let waiter = std::thread::Builder::new().name("notice command".into());
        let waiting = waiter.spawn(move || {
            let _ = ended.send(child.wait());
        });
        if waiting.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
            return Err(SendError::again("no thread to wait for the program"));
        }
        match end.recv_timeout(self.limit) {
            Ok(Ok(status)) => taken(status),
            Ok(Err(error)) => Err(SendError::again(format!("waiting for it: {}", error.kind()))),
            Err(_) => {
                // Its leader is not waited for yet, so the group's number is still its own.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = end.recv_timeout(KILLED_LIMIT);
                Err(SendError::again("the program took longer than its limit, and was killed"))
            }
        }
    }
}

/// What the program's end means.
fn taken(status: ExitStatus) -> Result<(), SendError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(EX_TEMPFAIL), _) => Err(SendError::again("the program asked for another attempt")),
        (Some(code), _) => Err(SendError::gone(format!("the program ended with {code}"))),
        (None, Some(signal)) => {
            Err(SendError::again(format!("the program was ended by signal {signal}")))
        }
        (None, None) => Err(SendError::again("the program ended without a code")),
    }
}

fn unstarted(error: &std::io::Error) -> SendError {
    use std::io::ErrorKind;
    let text = format!("the program cannot be started: {}", error.kind());
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => SendError::gone(text),
        _ => SendError::again(text),
    }
}

//! What a process did to its disk and said to others, in the order it did it, as `strace` saw it: every
//! system call, whoever makes it, so that nothing in the program takes part in the recording.
//!
//! A write and a word count from the moment they begin, a sync from the moment it ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change a file system, and those by which something is said.
const CALLS: &str = "openat,open,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,\
    fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,copy_file_range,sendfile,sendto,\
    sendmsg";

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Opened, and made if it is not there.
    Open {
        path: PathBuf,
        create: bool,
        truncate: bool,
    },
    /// `at` where one says it, else where the last write ended.
    Write {
        path: PathBuf,
        at: Option<u64>,
        bytes: Vec<u8>,
    },
    /// From one file to another, each going on where it was.
    Copy {
        from: PathBuf,
        to: PathBuf,
        len: u64,
    },
    Length {
        path: PathBuf,
        len: u64,
    },
    /// At least so long.
    Allocate {
        path: PathBuf,
        len: u64,
    },
    Sync {
        path: PathBuf,
    },
    MakeDir {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// Words for somebody outside: a socket or a pipe, by its handle and its name in the kernel: `1 pipe:[312]`.
    Said {
        to: String,
        bytes: Vec<u8>,
    },
    Closed {
        to: String,
    },
}

/// This command under the recorder, whose lines go to `log`. `None`: there is no recorder here.
pub(crate) fn recorded(command: &Command, log: &Path, more: &[&str]) -> Option<Command> {
    let tried = Command::new("strace")
        .args(["-f", "-y", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("SKIPPED: `strace` does not run here (package strace; the right to trace)");
        return None;
    }
    let mut under = Command::new("strace");
    // The recorder is nobody's parent: who starts the command still holds the command itself.
    under.args([
        "-D",
        "-f",
        "-y",
        "-xx",
        "-s",
        "16777216",
        "-e",
        &format!("trace={CALLS}"),
        "-e",
        "signal=kill",
        "-o",
    ]);
    under.arg(log).args(more).arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => under.env(name, value),
            None => under.env_remove(name),
        };
    }
    Some(under)
}

/// What was recorded, once the recorded process and then the recorder have come to their end.
fn ended(log: &Path) -> String {
    for _ in 0..6_000 {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let pid = |line: &str| line.split_once(' ').map(|(pid, _)| pid.to_owned());
        let last = text.lines().next_back().filter(|line| line.ends_with("+++"));
        if last.is_some_and(|last| pid(last) == text.lines().next().and_then(pid)) {
            return text;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("the recording in {log:?} has no end");
}

/// The steps below `root`, and all words.
pub(crate) fn read(log: &Path, root: &Path) -> Vec<Step> {
    let text = ended(log);
    let mut steps: Vec<Option<Step>> = Vec::new();
    let mut open: HashMap<&str, (String, usize)> = HashMap::new();
    for line in text.lines() {
        let (pid, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            // What it changes may be on the disk from here on; whether it did is known when it ends.
            steps.push(step(begun, None).filter(early));
            open.insert(pid, (begun.to_owned(), steps.len() - 1));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((begun, at)) = open.remove(pid) else { continue };
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let whole = format!("{begun}{end}");
            let done = result(&whole).and_then(|result| step(&whole, Some(result)));
            match done {
                Some(done) if early(&done) => steps[at] = Some(done),
                other => {
                    steps[at] = None;
                    steps.push(other);
                }
            }
        } else if let Some(result) = result(rest) {
            steps.push(step(rest, Some(result)));
        }
    }
    let steps = steps.into_iter().flatten().filter(|step| concerns(step, root));
    // What a server has to say to its keeper is no part of what it keeps.
    steps
        .filter(|step| !matches!(step, Step::Write { path, .. } if path.ends_with("stderr.log")))
        .collect()
}

/// Whether it may have had its effect before it returned.
fn early(step: &Step) -> bool {
    matches!(step, Step::Write { .. } | Step::Said { .. } | Step::Length { .. })
}

fn concerns(step: &Step, root: &Path) -> bool {
    match step {
        Step::Said { .. } | Step::Closed { .. } => true,
        Step::Open { path, .. }
        | Step::Write { path, .. }
        | Step::Length { path, .. }
        | Step::Allocate { path, .. }
        | Step::Sync { path }
        | Step::MakeDir { path }
        | Step::Remove { path } => path.starts_with(root),
        Step::Copy { to, .. } => to.starts_with(root),
        Step::Rename { from, to } => {
            assert_eq!(from.starts_with(root), to.starts_with(root), "{from:?} to {to:?}");
            from.starts_with(root)
        }
    }
}

/// What the call returned; none when it failed, was made to fail, or did not return.
fn result(line: &str) -> Option<i64> {
    let (_, result) = line.rsplit_once(" = ")?;
    if result.contains("(INJECTED)") {
        return None;
    }
    let digits = result.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|result| *result >= 0)
}

fn step(line: &str, result: Option<i64>) -> Option<Step> {
    let (call, rest) = line.split_once('(')?;
    let args = Args(rest);
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(result.map_or(usize::MAX, |result| usize::try_from(result).unwrap()));
        bytes
    };
    Some(match call {
        "openat" | "open" | "creat" => {
            // The path is had from what was opened: none, nothing was.
            let path = Args(line.rsplit_once(" = ")?.1).handle(0)?.0;
            let has = |flag| line.contains(flag);
            Step::Open { path: path.into(), create: has("O_CREAT"), truncate: has("O_TRUNC") }
        }
        "write" | "writev" | "sendto" | "sendmsg" => match args.handle(0)? {
            (path, false) if is_file(&path) => {
                Step::Write { path: path.into(), at: None, bytes: cut(args.strings()) }
            }
            (_, false) => Step::Said { to: args.listener()?, bytes: cut(args.strings()) },
            (path, true) => unreachable!("a removed file is written: {path}"),
        },
        "pwrite64" | "pwritev" | "pwritev2" => {
            let at = Some(args.last_but(usize::from(call == "pwritev2"))?);
            Step::Write { path: args.handle(0)?.0.into(), at, bytes: cut(args.strings()) }
        }
        "ftruncate" => Step::Length { path: args.handle(0)?.0.into(), len: args.last_but(0)? },
        "fallocate" => Step::Allocate {
            path: args.handle(0)?.0.into(),
            len: args.last_but(0)? + args.last_but(1)?,
        },
        "fsync" | "fdatasync" => match args.handle(0)? {
            (_, true) => return None,
            (path, false) => Step::Sync { path: path.into() },
        },
        "rename" | "renameat" | "renameat2" => {
            let paths = args.quoted();
            Step::Rename { from: path(&paths[0]), to: path(&paths[1]) }
        }
        "unlink" | "unlinkat" | "rmdir" => {
            let name = path(args.quoted().first()?);
            // Below an open folder, as a whole tree is removed.
            let folder = args.handle(0).filter(|_| call == "unlinkat" && name.is_relative());
            Step::Remove {
                path: folder.map_or(name.clone(), |(folder, _)| Path::new(&folder).join(&name)),
            }
        }
        "mkdir" | "mkdirat" => Step::MakeDir { path: path(args.quoted().first()?) },
        "copy_file_range" => Step::Copy {
            from: args.handle(0)?.0.into(),
            to: args.handle(1)?.0.into(),
            len: result?.try_into().unwrap(),
        },
        "sendfile" => Step::Copy {
            to: args.handle(0)?.0.into(),
            from: args.handle(1)?.0.into(),
            len: result?.try_into().unwrap(),
        },
        "close" => Step::Closed { to: args.listener()? },
        // Killed before it was known which call it was to be: it was none.
        "???" => return None,
        other => unreachable!("not understood: {other}"),
    })
}

/// Rather than a socket, a pipe or a terminal.
fn is_file(name: &str) -> bool {
    name.starts_with('/') && (!name.starts_with("/dev/") || name.starts_with("/dev/shm/"))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes.to_vec()).unwrap())
}

/// The arguments of one call as they are printed: strings and paths are all `\xNN`, so nothing in them misleads.
struct Args<'a>(&'a str);

impl Args<'_> {
    /// What the `nth` handle is of, and whether that is removed.
    fn handle(&self, nth: usize) -> Option<(String, bool)> {
        let mut handles = self.0.match_indices('<');
        let (at, _) = handles.nth(nth)?;
        let (name, after) = self.0[at + 1..].split_once('>')?;
        Some((String::from_utf8(unescaped(name)).unwrap(), after.starts_with("(deleted)")))
    }

    /// The first handle, with its number.
    fn listener(&self) -> Option<String> {
        let (number, _) = self.0.split_once('<')?;
        Some(format!("{number} {}", self.handle(0)?.0))
    }

    fn quoted(&self) -> Vec<Vec<u8>> {
        self.0.split('"').skip(1).step_by(2).map(unescaped).collect()
    }

    fn strings(&self) -> Vec<u8> {
        assert!(!self.0.contains("\"..."), "a string was cut");
        self.quoted().concat()
    }

    /// The number that is the `nth` argument from the end.
    fn last_but(&self, nth: usize) -> Option<u64> {
        let args = self.0.rsplit_once(')').map_or(self.0, |(args, _)| args);
        args.rsplit(", ").nth(nth)?.trim().parse().ok()
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    assert!(bytes.len().is_multiple_of(4), "not written as \\xNN: {text}");
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    bytes.chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}

//! A terminal that a test can hold: a tmux of its own, on a socket of its own, in an environment of its own.

use super::server::PATIENCE;
use fifteen::service::clock::Stopwatch;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// The screen of a pane that is not told otherwise.
pub(crate) const SIZE: (u16, u16) = (100, 30);

const LOOKS: Duration = Duration::from_millis(25);

/// No status line, no delay behind Esc, and a pane whose program has ended keeps its last screen.
const CONF: &str = "\
set -g status off
set -s escape-time 0
set -g remain-on-exit on
set -g default-terminal tmux-256color
set -g prefix None
";

/// A tmux server. Ended with all its panes when dropped.
pub(crate) struct Tmux {
    socket: String,
    home: tempfile::TempDir,
    panes: Cell<u32>,
}

impl Tmux {
    /// None where there is no tmux, which is said.
    pub(crate) fn start() -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let known = Command::new("tmux").arg("-V").stdin(Stdio::null()).output();
        if !known.is_ok_and(|output| output.status.success()) {
            println!("skipped: there is no tmux here");
            return None;
        }
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let socket = format!("fifteen-test-{}-{number}", std::process::id());
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("tmux.conf"), CONF).unwrap();
        Some(Self { socket, home, panes: Cell::new(0) })
    }

    /// A folder of this terminal's own.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Nothing of whoever runs the tests is left: neither their room nor their keys.
    fn command(&self) -> Command {
        let home = self.home.path();
        let mut command = Command::new("tmux");
        command.env_clear().stdin(Stdio::null()).current_dir(home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8").env("TERM", "tmux-256color");
        command.env("SHELL", "/bin/sh").env("PS1", "ready> ").env("TMUX_TMPDIR", home);
        command.env("HOME", home).env("XDG_CONFIG_HOME", home.join("config"));
        command.env("XDG_STATE_HOME", home.join("state")).env("XDG_DATA_HOME", home.join("data"));
        command.args(["-u", "-L", &self.socket, "-f"]).arg(home.join("tmux.conf"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = self.command().args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {args:?}: {said}");
        output
    }

    /// A pane with this command in it.
    pub(crate) fn pane(&self, command: &[&str]) -> Pane<'_> {
        let number = self.panes.get() + 1;
        self.panes.set(number);
        let (columns, rows) = SIZE;
        let (name, columns, rows) = (format!("p{number}"), columns.to_string(), rows.to_string());
        let opened = ["new-session", "-d", "-s", &name, "-x", &columns, "-y", &rows, "--"];
        self.run(&[&opened[..], command].concat());
        Pane { tmux: self, name }
    }

    /// A pane with the built program in it.
    pub(crate) fn fifteen(&self, args: &[&str]) -> Pane<'_> {
        self.pane(&[&[env!("CARGO_BIN_EXE_fifteen")], args].concat())
    }

    /// Columns that a terminal gives to `text`, by its own count.
    pub(crate) fn columns(&self, text: &str) -> usize {
        self.run(&["set", "-g", "@text", text]);
        let output = self.run(&["display-message", "-p", "#{w:@text}"]);
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}

/// One screen and its keyboard.
pub(crate) struct Pane<'a> {
    tmux: &'a Tmux,
    name: String,
}

impl Pane<'_> {
    /// Types text as it is.
    pub(crate) fn types(&self, text: &str) -> &Self {
        self.tmux.run(&["send-keys", "-t", &self.name, "-l", "--", text]);
        self
    }

    /// Presses keys by their names: `Enter`, `C-s`, `PageDown`; a letter is its own name.
    pub(crate) fn press(&self, keys: &[&str]) -> &Self {
        self.tmux.run(&[&["send-keys", "-t", &self.name, "--"], keys].concat());
        self
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> &Self {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux.run(&["resize-window", "-t", &self.name, "-x", &columns, "-y", &rows]);
        self
    }

    /// What stands on the screen.
    pub(crate) fn screen(&self) -> String {
        let output = self.tmux.run(&["capture-pane", "-p", "-t", &self.name]);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Looks until the screen is as wanted; gives it.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let since = Stopwatch::start();
        while since.elapsed() < PATIENCE {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            sleep(LOOKS);
        }
        panic!("never came: {what}. What stands there:\n{}", self.screen());
    }

    /// Looks until all these words stand on the screen.
    pub(crate) fn shows(&self, words: &[&str]) -> String {
        self.until(&words.join(" + "), |screen| words.iter().all(|word| screen.contains(word)))
    }

    /// Looks until one line of the screen has all these words.
    pub(crate) fn shows_line(&self, words: &[&str]) -> String {
        let has = |line: &str| words.iter().all(|word| line.contains(word));
        let screen = self.until(&words.join(" + "), |screen| screen.lines().any(has));
        screen.lines().find(|line| has(line)).unwrap_or_default().to_owned()
    }
}

/// Looks until `file` has something in it, and reads that.
pub(crate) fn written(file: &PathBuf) -> String {
    let since = Stopwatch::start();
    while since.elapsed() < PATIENCE {
        match std::fs::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => sleep(LOOKS),
        }
    }
    panic!("never came: {}", file.display());
}

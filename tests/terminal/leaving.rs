//! The terminal is the operator's again: after the console is left, and after it is ended from outside.

use super::server::Room;
use super::tmux::{Pane, Tmux, written};
use std::process::Command;

/// The shell has the terminal as it was: its prompt, its lines, its echo.
fn is_given_back(shell: &Pane<'_>) {
    let last = |screen: &str| screen.trim_end().lines().last().unwrap_or_default().to_owned();
    shell.until("the prompt", |screen| last(screen).trim_end() == "ready>");
    shell.types("clear; stty -a; echo settled").press(&["Enter"]);
    let said = shell.until("what the terminal is", |screen| {
        screen.lines().any(|line| line.trim_end() == "settled")
    });
    for mode in ["echo", "icanon", "isig", "icrnl", "opost"] {
        assert!(said.split([' ', '\n', ';']).any(|word| word == mode), "{mode}: {said}");
    }
    shell.types("echo back again");
    shell.shows_line(&["ready> echo back again"]);
}

#[test]
fn the_console_gives_the_terminal_back_when_it_is_left() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    let shell = tmux.pane(&["/bin/sh"]);
    shell.shows(&["ready>"]);
    let program = env!("CARGO_BIN_EXE_fifteen");
    shell.types(&format!("{program} console --connect {}", server.address)).press(&["Enter"]);
    shell.shows(&["all is quiet"]);
    shell.types("q").shows_line(&["q"]);
    shell.types("q");
    is_given_back(&shell);
}

#[test]
fn the_console_gives_the_terminal_back_when_it_is_ended_by_a_signal() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    let shell = tmux.pane(&["/bin/sh"]);
    shell.shows(&["ready>"]);
    let (program, file) = (env!("CARGO_BIN_EXE_fifteen"), tmux.home().join("pid"));
    let console = format!("exec {program} console --connect {}", server.address);
    let line = format!("sh -c 'echo $$ > {}; {console}'", file.display());
    shell.types(&line).press(&["Enter"]);
    shell.shows(&["all is quiet"]);
    let sent = Command::new("kill").args(["-s", "TERM", &written(&file)]).status().unwrap();
    assert!(sent.success());
    is_given_back(&shell);
}

#[test]
fn a_crew_that_leaves_is_told_what_is_known_of_its_duty() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    let shell = tmux.pane(&["/bin/sh"]);
    shell.shows(&["ready>"]);
    let unit = |address: &str| {
        let program = env!("CARGO_BIN_EXE_fifteen-unit");
        shell.types(&format!("{program} CAR-7 --connect {address}")).press(&["Enter"]);
    };
    // Nobody listens at port 1.
    unit("127.0.0.1:1");
    shell.shows(&["NO LINK"]);
    shell.press(&["C-c"]).shows(&["CAR-7 is not signed on from here"]);
    shell.types("clear").press(&["Enter"]);
    unit(&server.address.to_string());
    shell.shows(&["CAR-7 is on duty"]);
    shell.press(&["C-c"]).shows(&["CAR-7 is still on duty: the room sees its link as lost"]);
}

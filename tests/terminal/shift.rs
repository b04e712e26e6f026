//! A shift at the console: a call from its first ring to its end, a server that dies, a terminal of every size, a drill.

use super::server::Room;
use super::tmux::{SIZE, Tmux};
use std::net::SocketAddr;
use std::process::Command;

/// The operator's console of `who`.
fn console(address: &str, who: &str) -> [String; 5] {
    ["console", "--connect", address, "--as", who].map(str::to_owned)
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// A call placed from outside.
pub(crate) fn called(address: SocketAddr, kind: &str, district: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    command.args(["call", "--connect", &address.to_string()]);
    let output = command.args(["--kind", kind, "--district", district]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_call_is_taken_sent_reached_and_closed_without_leaving_the_console() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    let address = server.address.to_string();
    let console = tmux.fifteen(&words(&console(&address, "Sana")));
    console.shows(&["all is quiet", "link up"]);
    let program = env!("CARGO_BIN_EXE_fifteen-unit");
    let car = tmux.pane(&[program, "CAR-7", "--connect", &address, "--district", "Lahore"]);
    car.shows(&["CAR-7 is on duty"]);
    console.shows(&["Units 1/1"]);

    // She rings. Her number first; the kind by a few letters.
    console.types("n").shows(&["New call"]);
    for field in ["0300-1234567", "domes", "", "House 12, Lane 3", "lah", "", "Zara K."] {
        console.types(field).press(&["Enter"]);
    }
    console.types("he is at the door").press(&["C-s"]);
    console.shows(&["CALL 1", "P2 domestic violence", "Lahore", "WAITING", "Zara K."]);
    console.shows(&["House 12, Lane 3", "he is at the door"]);

    console.types("c").shows(&["you, since"]);
    console.types("a").shows(&["Send to call 1", "CAR-7"]);
    console.press(&["Enter"]).shows(&["sent, no answer yet", "DISPATCHED"]);

    // The crew sees whom it is sent to, and answers by one key a step.
    car.shows(&["domestic violence", "Zara K.", "House 12, Lane 3"]);
    for (key, stage) in [("a", "ACKNOWLEDGED"), ("e", "EN ROUTE"), ("s", "ON SCENE")] {
        car.types(key).press(&["Enter"]);
        console.shows_line(&["CALL 1", stage]);
    }
    console.shows(&["CAR-7 on scene", "stopped in time"]);

    console.types("x").shows(&["Close call 1", "Disposition"]);
    console.types("helped").press(&["C-s"]);
    console.shows(&["CLOSED as helped"]);
    car.shows(&["no longer yours"]);
    console.types("1").shows(&["CLOSED 1", "Units 1/1"]);
}

/// What a board says of its calls that does not change with time: id, priority, kind, district.
fn board(screen: &str) -> Vec<String> {
    let heads = screen.lines().find(|line| line.contains(" KIND ")).unwrap_or_default();
    let (Some(from), Some(to)) = (heads.find("CALL"), heads.find("CLOCK")) else {
        return Vec::new();
    };
    let cells = screen.lines().map(|line| line.chars().skip(from).take(to - from).collect());
    let calls: Vec<String> = cells.filter(|cells: &String| cells.contains(" P")).collect();
    calls.into_iter().filter(|cells| cells.contains("Lahore")).collect()
}

#[test]
fn a_dead_server_is_said_at_once_and_the_board_comes_back_by_itself() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    let address = server.address;
    for kind in ["acid attack", "stalking", "threat"] {
        called(address, kind, "Lahore");
    }
    let console = tmux.fifteen(&words(&console(&address.to_string(), "Sana")));
    let before = board(&console.until("three calls", |screen| board(screen).len() == 3));
    assert!(before[0].contains("P1") && before[0].contains("acid attack"), "{before:?}");

    server.kill();
    // Until the whole picture is there: a terminal may be looked at while it is drawn.
    console.until("no link, and what was known", |screen| {
        ["NO LINK", "an old picture", "LINK LOST"].iter().all(|words| screen.contains(words))
            && board(screen) == before
    });
    console.types("c").shows_line(&["not done: no link"]);

    let _server = room.serve_at(&address.to_string());
    console.until("the link, and the same calls", |screen| {
        screen.contains("link up") && !screen.contains("NO LINK") && board(screen) == before
    });
    console.types("c").shows(&["you, since"]);
}

#[test]
fn the_console_follows_the_size_of_its_terminal() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let server = room.serve();
    called(server.address, "stalking", "Rawalpindi");
    let console = tmux.fifteen(&words(&console(&server.address.to_string(), "Sana")));
    console.shows(&["stalking", "link up"]);
    let fits = |columns: usize, rows: usize| {
        console.until("the last line at the foot", |screen| {
            let lines: Vec<_> = screen.lines().collect();
            lines.len() == rows
                && lines[rows - 1].contains("claim")
                && lines[0].trim_end().chars().count() == columns - 1
                && lines.iter().any(|line| line.contains("stalking"))
        });
    };
    for (columns, rows) in [(80, 24), (250, 70)] {
        console.resize(columns, rows);
        fits(columns.into(), rows.into());
    }
    console.resize(60, 20).shows(&["60 x 20 is too small", "make it 80 x 24"]);
    let (columns, rows) = SIZE;
    console.resize(columns, rows);
    fits(columns.into(), rows.into());
}

#[test]
fn a_drill_says_so_on_every_pane_and_is_fed() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(&[]);
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sf_police_2026.csv.gz");
    let server = room.serve_drill(&["--drill", "60", "--trace", trace], tmux.home());
    let console = tmux.fifteen(&words(&console(&server.address.to_string(), "Sana")));
    console.shows(&["DRILL   no call here is real", "WAITING"]);
    for pane in ["2", "3", "4", "6"] {
        console.types(pane).shows(&["DRILL   no call here is real"]);
    }
    console.types("n").shows(&["New call", "DRILL"]);
}

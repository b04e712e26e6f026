//! A call that nobody takes: on the operator's screen and on the supervisor's.

use super::server::Room;
use super::shift::called;
use super::tmux::Tmux;
use fifteen::protocol::Escalation;
use std::process::Command;

/// One clock in seconds, and one supervisor with a live feed.
const SHORT: &[(&str, &str)] = &[
    (
        "stops = [\"on_scene\", \"closed\"]\nlimit = \"15m\"",
        "stops = [\"on_scene\", \"closed\"]\nlimit = \"1h\"",
    ),
    ("limit = \"15m\"", "limit = \"4s\""),
    ("warn = [\"10m\"]", "warn = [\"2s\"]"),
    ("every = \"15m\"", "every = \"1h\""),
    (
        "[canary]\nevery",
        "[[channel]]\nname = \"feed\"\nkind = \"feed\"\n\n[[person]]\nname = \"Ayesha\"\n\
         office = \"cell in-charge\"\nchannels = [\"feed\"]\n\n[canary]\nevery",
    ),
];

/// What the server knows of who was told.
fn escalations(address: &str) -> Vec<Escalation> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fifteen"));
    let output = command.args(["--json", "escalations", "--connect", address]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_call_left_alone_is_told_on_both_screens_and_taken_by_one_key() {
    let Some(tmux) = Tmux::start() else { return };
    let room = Room::new(SHORT);
    let server = room.serve();
    let address = server.address.to_string();
    let console = tmux.fifteen(&["console", "--connect", &address, "--as", "Sana"]);
    let watch = tmux.fifteen(&["watch", "--connect", &address, "--as", "Ayesha"]);
    console.shows(&["all is quiet"]);
    watch.shows(&["every deadline is kept"]);

    called(server.address, "stalking", "Multan");
    console.shows_line(&["stalking", "Multan", " M ", "cell"]);
    watch.shows_line(&["acknowledge", "cell in-charge", "NOBODY"]);

    // Before her eyes it is seen, and the operator's screen says so.
    console.types("4").shows_line(&["acknowledge", " 1s "]);
    let known = escalations(&address);
    let mine: Vec<_> = known.iter().filter(|it| it.clock == "acknowledge").collect();
    assert_eq!(mine.len(), 1, "told once: {known:?}");
    let notice = mine[0].notices.iter().find(|notice| notice.person == "Ayesha").unwrap();
    assert!(notice.seen_at.is_some(), "{notice:?}");

    watch.types("E");
    watch.shows_line(&["acknowledge", "Ayesha"]);
    console.shows_line(&["acknowledge", "Ayesha"]);
}

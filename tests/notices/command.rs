//! The command channel, with small shell scripts.

use super::*;
use fifteen::notify::{COMMAND_INPUT_BYTES_MAX, CommandLine, REPORT_TEXT_BYTES_MAX, Report};
use std::io::Read;
use tempfile::TempDir;

/// `sh` runs `script` with the folder as `$1`.
fn sh(script: &str, folder: &TempDir, limit: Duration) -> CommandLine {
    let folder = folder.path().to_str().unwrap().to_owned();
    CommandLine::new(&["sh".into(), "-c".into(), script.into(), "sh".into(), folder], limit)
}

#[test]
fn the_program_gets_the_letter_and_the_number() {
    let folder = TempDir::new().unwrap();
    sh("cat > \"$1/in\"", &folder, LONG).send(&letter()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("in")).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "one line of JSON: {text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["phone"], "+92 300 1234567");
    assert_eq!(value["email"], "dpo@example.org");
    assert_eq!(value["id"], letter().id());
    assert_eq!(value["escalation"].get("durable"), None);
    let mut undurable = letter();
    if let Matter::Escalation(escalation) = &mut undurable.matter {
        escalation.durable = false;
    }
    assert_eq!(undurable.json()["escalation"]["durable"], false);
    assert!(undurable.text().contains("NOT DURABLE"), "{}", undurable.text());
    let headline = "acknowledge missed on call 12: domestic violence, Lahore, priority 2";
    assert_eq!(value["headline"], headline);
}

#[test]
fn its_exit_code_is_the_result() {
    let folder = TempDir::new().unwrap();
    let run = |script: &str| sh(script, &folder, LONG).send(&letter());
    run("exit 0").unwrap();
    failed(run("exit 75"), true, "asked for another attempt");
    failed(run("exit 1"), false, "ended with 1");
    failed(run("exit 78"), false, "ended with 78");
    failed(run("kill -9 $$"), true, "signal 9");
}

#[test]
fn a_program_that_is_not_there_is_given_up() {
    let limit = LONG;
    let none = CommandLine::new(&["/nowhere/send-sms".into()], limit);
    failed(none.send(&letter()), false, "cannot be started");
    failed(CommandLine::new(&[], limit).send(&letter()), false, "no program");
}

#[test]
fn nothing_of_a_letter_and_no_argument_reaches_a_shell() {
    let folder = TempDir::new().unwrap();
    let trap = format!("$(touch {0}/a) `touch {0}/b` ; touch {0}/c", folder.path().display());
    let mut missed = escalation();
    missed.kind = trap.clone().into();
    let letter = Letter { matter: Matter::Escalation(Box::new(missed)), ..letter() };
    let script = "printf %s \"$2\" > \"$1/arg\"; cat > /dev/null";
    let path = folder.path().to_str().unwrap().to_owned();
    let argv = ["sh", "-c", script, "sh", &path, &trap].map(String::from);
    CommandLine::new(&argv, LONG).send(&letter).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("arg")).unwrap(), trap);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn its_environment_is_the_path_alone() {
    let folder = TempDir::new().unwrap();
    CommandLine::new(
        &[
            "sh".into(),
            "-c".into(),
            "env > \"$0\"".into(),
            folder.path().join("env").to_str().unwrap().into(),
        ],
        LONG,
    )
    .send(&letter())
    .unwrap();
    let env = std::fs::read_to_string(folder.path().join("env")).unwrap();
    // The shell itself adds PWD, SHLVL and _.
    let own = ["PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_="];
    assert!(env.lines().all(|line| own.iter().any(|start| line.starts_with(start))), "{env}");
    assert!(env.contains("PATH="), "{env}");
}

#[test]
fn a_program_that_does_not_read_holds_up_nothing() {
    let folder = TempDir::new().unwrap();
    let report =
        Report { title: "long".into(), text: "\u{1}".repeat(REPORT_TEXT_BYTES_MAX), html: None };
    let letter = Letter { matter: Matter::Report(Arc::new(report)), ..letter() };
    let command = sh("exit 0", &folder, LONG);
    // What JSON escapes grows: too long a letter is refused rather than written half.
    failed(command.send(&letter), false, "too long");
    let report = Report {
        title: "long".into(),
        text: "x".repeat(3 * REPORT_TEXT_BYTES_MAX),
        html: Some("y".repeat(2 * COMMAND_INPUT_BYTES_MAX)),
    };
    let letter = Letter { matter: Matter::Report(Arc::new(report)), ..letter };
    command.send(&letter).unwrap();
    let reading = sh("cat > \"$1/in\"", &folder, LONG);
    reading.send(&letter).unwrap();
    let text = std::fs::read_to_string(folder.path().join("in")).unwrap();
    assert!(text.contains("(cut here)") && text.len() < COMMAND_INPUT_BYTES_MAX);
}

#[test]
fn a_program_slower_than_the_limit_is_killed_with_its_children() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("held");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    // Whoever still lives holds the pipe open; it ends when the last of them is gone.
    let held = std::thread::spawn(move || {
        let mut text = String::new();
        std::fs::File::open(fifo).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    let script = "exec 3> \"$1/held\"; echo begun >&3; sleep 600 & sleep 600";
    failed(sh(script, &folder, Duration::from_secs(2)).send(&letter()), true, "was killed");
    assert_eq!(held.join().unwrap(), "begun\n");
}

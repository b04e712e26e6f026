//! The rules of the house, read from the sources themselves: who may import whom, what no file may
//! hold, how long a file may be. An exception stands here, with its reason.
//!
//! It reads text, not syntax: comments and what follows a file's `#[cfg(test)] mod` are set aside.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may import whom. Where the layout alone does not say why, the reason follows.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("engine", &["domain"]),
    ("journal", &["domain"]),
    ("seal", &["domain"]),
    (
        "service",
        &[
            "domain", "engine", "journal",
            "seal", // where events become bytes, what may name her is sealed
        ],
    ),
    ("protocol", &[]),
    (
        "client",
        &[
            "protocol", "tls", // the authority it trusts, and its own certificate
        ],
    ),
    (
        "net",
        &[
            "domain", "protocol", "service",
            "config",  // limits, tokens and the kinds' priorities
            "engine",  // reads the committed state, and asks it whom to recommend
            "journal", // health, backups, and the plain files that a report reads
            "notify",  // starts the outbox, and rings it
            "people",  // lets in whom the people file names
            "report",  // answers the request for one
            "seal",    // hands the keys on to the engine's thread
            "tls",     // its certificate, and who a unit's is for
        ],
    ),
    ("map", &["domain"]),
    ("sms", &[]),
    ("people", &["domain"]),
    ("report", &["domain", "journal"]),
    ("tls", &[]),
    ("trace", &["domain", "engine", "journal", "client"]),
    (
        "config",
        &[
            "domain", "map",    // reads the districts' borders
            "notify", // makes the roster of who is told
            "people", // whom a drill lets in beside the file
            "sms",    // what the words of a message mean
        ],
    ),
    ("console", &["client", "protocol"]),
    (
        "notify",
        &[
            "domain", "service",
            "engine", // reads of the committed state what is still to be sent
        ],
    ),
    ("lib", &[]),
    // The binaries. They see the library from outside, as `fifteen::`.
    ("main", &["cli", "commands", "crew", "shell"]),
    ("unit", &["crew", "shell"]),
    ("commands", &["cli", "crew", "shell"]),
    ("cli", &["crew", "shell"]),
    ("crew", &["shell"]),
    ("shell", &[]),
];

/// Words that a module's code does not say: it would do I/O, wait, or log.
const UNSAID: &[(&str, &[&str])] = &[
    ("domain", &["std::fs", "std::io", "std::net", "std::thread", "tokio", "tracing"]),
    ("engine", &["std::fs", "std::net", "std::thread", "tokio", "tracing", "crossbeam"]),
    ("protocol", &["std::fs", "std::net", "tokio::net", "tracing"]),
    ("report", &["std::fs", "std::net", "std::thread", "tokio"]),
];

/// Where the machine is asked for the time.
const CLOCKS: &[(&str, &str)] = &[
    ("src/service/clock.rs", "room time, and stopwatches"),
    ("src/client/connection.rs", "tokio's clock, which tests stop; pauses between connections"),
    ("src/client/session.rs", "tokio's clock, which tests stop; heartbeats"),
];

const LINES_MAX: usize = 500;

/// Files longer than [`LINES_MAX`].
const LONG: &[(&str, &str)] = &[
    ("src/domain/command.rs", "everything that can be asked, a variant each, and every rejection"),
    ("src/domain/event.rs", "everything that can happen, a variant each: one closed list"),
    ("src/service/room.rs", "the one loop and what a turn does, in order"),
    ("src/engine/decide.rs", "a function a command, and the one match that finds it"),
    ("src/net/convert.rs", "the one file that knows the words of both wire and domain"),
    ("src/trace/reader.rs", "every column beside what may be wrong with it; its tests"),
];

/// What is wrong with one file, a line each. `path` as in `src/net/mod.rs`.
fn offences(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let all = Source::of(path, text);
    if !text.starts_with("//!") {
        found.push("does not open with //! and what it is for".into());
    }
    match (text.lines().count() > LINES_MAX, listed(LONG, path)) {
        (true, false) => found.push(format!("is over {LINES_MAX} lines: split it by idea")),
        (false, true) => found.push("is short again: take it off the list".into()),
        _ => {}
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == all.module) else {
        found.push(format!("module {} has no arrows in tests/house.rs", all.module));
        return found;
    };
    for (number, line) in &all.lines {
        let mut say = |what: String| found.push(format!("line {number}: {what}"));
        for forbidden in ["#[allow", "#![allow"] {
            if line.contains(forbidden) {
                say(format!("{forbidden}: expect it, with a reason"));
            }
        }
        let clock = ["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];
        for forbidden in clock.iter().filter(|_| !listed(CLOCKS, path)) {
            if line.contains(forbidden) {
                say(format!("{forbidden}: time is an argument"));
            }
        }
        if all.in_tests(*number) {
            continue;
        }
        for forbidden in [".unwrap()", "todo!", "dbg!", "unimplemented!"] {
            if line.contains(forbidden) {
                say(format!("{forbidden} outside tests"));
            }
        }
        let unsaid = UNSAID.iter().filter(|(module, _)| *module == all.module);
        for forbidden in unsaid.flat_map(|(_, words)| *words) {
            if line.contains(forbidden) {
                say(format!("{} never says {forbidden}", all.module));
            }
        }
    }
    for (number, target) in all.imports() {
        if target != all.module && !allowed.contains(&&*target) {
            found.push(format!("line {number}: {} may not import {target}", all.module));
        }
    }
    found
}

fn listed(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == path)
}

/// A file's code without its comments.
struct Source {
    module: String,
    /// How far below the crate's root it lies.
    depth: usize,
    lines: Vec<(usize, String)>,
    tests_from: usize,
}

impl Source {
    fn of(path: &str, text: &str) -> Self {
        let below = path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<&str> = below.split('/').filter(|part| *part != "mod").collect();
        let is_tests = parts.last() == Some(&"tests");
        let module = parts.remove(0).to_owned();
        let code = |line: &str| match line.trim_start() {
            comment if comment.starts_with("//") => String::new(),
            _ => line.split(" // ").next().unwrap_or_default().to_owned(),
        };
        let lines: Vec<(usize, String)> = (1..).zip(text.lines().map(code)).collect();
        let inline = lines.windows(2).find(|pair| {
            pair[0].1 == "#[cfg(test)]" && pair[1].1.starts_with("mod ") && pair[1].1.ends_with('{')
        });
        let tests_from = inline.map_or(usize::MAX, |pair| pair[0].0);
        Self {
            module,
            depth: 1 + parts.len(),
            lines,
            tests_from: if is_tests { 0 } else { tests_from },
        }
    }

    fn in_tests(&self, line: usize) -> bool {
        line >= self.tests_from
    }

    /// The modules named after `crate::`, or reached by climbing to the root, with their lines.
    fn imports(&self) -> Vec<(usize, String)> {
        let mut found = BTreeSet::new();
        let whole: Vec<&str> = self.lines.iter().map(|(_, line)| &**line).collect();
        let whole = whole.join("\n");
        let line_at = |at: usize| 1 + whole[..at].matches('\n').count();
        for (at, _) in whole.match_indices("crate::") {
            for target in named(&whole[at + "crate::".len()..]) {
                found.insert((line_at(at), target));
            }
        }
        for (at, _) in whole.match_indices("super::") {
            if whole[..at].ends_with("super::") {
                continue; // Within a climb that was followed from its start.
            }
            let top = whole[at..].trim_start_matches("super::");
            let climbs = (whole.len() - at - top.len()) / "super::".len();
            let line = line_at(at);
            if climbs >= self.depth + usize::from(self.in_tests(line) && self.tests_from > 0) {
                found.extend(named(top).into_iter().map(|target| (line, target)));
            }
        }
        found.into_iter().collect()
    }
}

/// The first name of each path in `path::..` or `{path::.., path::..}`.
fn named(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        text.trim_start().chars().take_while(is_word).collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![word(rest)];
    };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).expect("the sources are there");
    for entry in entries {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    files.sort();
    assert!(files.len() > 50, "the sources are here: {}", files.len());
    let mut found = Vec::new();
    for file in &files {
        let below = file.strip_prefix(root).expect("listed below the root");
        let path = below.to_str().expect("our file names are ASCII");
        let text = std::fs::read_to_string(file).expect("our sources are UTF-8");
        found.extend(offences(path, &text).into_iter().map(|what| format!("{path} {what}")));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    for (path, _) in LONG.iter().chain(CLOCKS) {
        assert!(root.join(path).exists(), "{path} is listed and gone");
    }
}

#[test]
fn an_arrow_against_the_layout_is_found_however_it_is_written() {
    for (path, code, target) in [
        ("src/domain/call.rs", "use crate::engine::State;", "engine"),
        ("src/engine/mod.rs", "use crate::{domain::{Call, Event}, journal::Record};", "journal"),
        ("src/engine/mod.rs", "use crate::{\n    domain::Call,\n    net,\n};", "net"),
        ("src/protocol/mod.rs", "fn f(call: crate::domain::CallId) {}", "domain"),
        ("src/client/mod.rs", "use super::domain::CallId;", "domain"),
        ("src/client/unit.rs", "use super::super::net;", "net"),
        ("src/report/mod.rs", "pub(crate) use crate::service::decode;", "service"),
        ("src/protocol/macros.rs", "macro_rules! m { () => { $crate::net::serve() } }", "net"),
    ] {
        let found = offences(path, &format!("//! Head.\n{code}\n"));
        assert_eq!(found.len(), 1, "{code}: {found:?}");
        assert!(found[0].ends_with(&format!("may not import {target}")), "{found:?}");
    }
}

#[test]
fn an_arrow_along_the_layout_is_not_found() {
    for (path, code) in [
        ("src/engine/mod.rs", "use crate::domain::Call;\nuse crate::engine::Queue;"),
        ("src/journal/inspect/mod.rs", "use super::super::journal::Frame;\nuse super::Store;"),
        ("src/net/feed.rs", "use crate::{domain, protocol as wire};"),
        ("src/domain/mod.rs", "//! An [`Event`](crate::engine::State) in words."),
        ("src/domain/call.rs", "/// See [`crate::engine`].\nstruct Call; // crate::net no more"),
    ] {
        let found = offences(path, &format!("//! Head.\n{code}\n"));
        assert!(found.is_empty(), "{code}: {found:?}");
    }
}

#[test]
fn what_no_file_may_hold_is_found() {
    let offending = "use std::time::Instant;\n\
        #[allow(dead_code)]\n\
        fn late() -> bool {\n\
        \x20   let now = Instant::now();\n\
        \x20   std::fs::read(\"x\").unwrap();\n\
        \x20   todo!()\n\
        }\n\
        #[cfg(test)]\n\
        mod tests {\n\
        \x20   fn fine() { Some(1).unwrap(); }\n\
        \x20   fn not_fine() { SystemTime::now(); }\n\
        }\n";
    let found = offences("src/engine/late.rs", offending).join("\n");
    for what in [
        "does not open with //!",
        "line 2: #[allow",
        "line 4: Instant::now",
        "line 5: .unwrap()",
        "line 5: engine never says std::fs",
        "line 6: todo!",
        "line 11: SystemTime::now",
    ] {
        assert!(found.contains(what), "{what} is not in\n{found}");
    }
    assert_eq!(found.lines().count(), 7, "{found}");
}

#[test]
fn a_file_too_long_or_of_no_known_module_is_found() {
    let long = "//! Head.\n".repeat(LINES_MAX + 1);
    assert_eq!(offences("src/domain/long.rs", &long).len(), 1);
    assert!(offences("src/engine/decide.rs", &long).is_empty());
    let short = offences("src/engine/decide.rs", "//! Head.\n");
    assert!(short[0].contains("take it off the list"), "{short:?}");
    let unknown = offences("src/gossip/mod.rs", "//! Head.\n");
    assert!(unknown[0].contains("has no arrows"), "{unknown:?}");
}

/// The console may not import the domain, and a form that takes more than the room does would have
/// it cut without a word.
#[test]
fn the_forms_take_as_much_as_the_room() {
    use fifteen::{console::form, domain::bounds};
    assert_eq!(form::NAME_BYTES_MAX, bounds::NAME_BYTES_MAX);
    assert_eq!(form::PLACE_BYTES_MAX, bounds::WORDS_BYTES_MAX);
    assert_eq!(form::NOTE_BYTES_MAX, bounds::NOTE_BYTES_MAX);
}

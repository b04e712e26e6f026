//! The SOS page in a real browser: `page.mjs` beside this, which starts the built server and a headless Chromium.
//!
//! Needs Node, Chromium and `npm ci` in this folder; without them the test says that it is skipped.

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_in_a_real_browser() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let node = Command::new("node").arg("--version").output().is_ok();
    if !node || !Path::new(&chromium).exists() || !here.join("node_modules").exists() {
        println!("skipped: needs node, {chromium} and `npm ci` in tests/page");
        return;
    }
    let script = here.join("page.mjs");
    let status = Command::new("node").arg(script).arg(env!("CARGO_BIN_EXE_fifteen")).status();
    let status = status.expect("node is there");
    assert!(status.success(), "see what it printed, and target/page");
}

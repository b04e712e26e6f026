//! The built program in a real terminal: keys in, screen out. tmux is the terminal; where it is missing each story
//! says that it is skipped, and passes.
//!
//! A story waits for what must come to stand on the screen, however long that takes, and never for a time.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking, in its helpers too")]

mod escalated;
mod leaving;
mod script;
#[path = "../wire/server.rs"]
#[expect(dead_code, reason = "the tests of the wire use all of it")]
mod server;
mod shift;
mod tmux;

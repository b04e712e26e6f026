//! The client against a server that follows a script, over in-memory streams.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking, in its helpers too")]

mod connection;
mod follow;
mod outbox;
mod patrol;
mod script;
mod unit;

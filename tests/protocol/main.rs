//! The wire: every message there and back, every kind of broken frame, and the document that describes them.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking, in its helpers too")]

mod broken;
mod deflate;
mod document;
mod dream;
mod roles;
mod round_trip;

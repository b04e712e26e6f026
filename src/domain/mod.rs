//! The words and rules of the dispatch room: pure data, no I/O, no clock, no thread.

pub mod time;

pub use time::UtcMs;

//! The client against a server that follows a script, over in-memory streams.

mod connection;
mod follow;
mod script;
mod unit;

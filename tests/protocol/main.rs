//! The wire: every message there and back, every kind of broken frame, and the document that describes them.

mod broken;
mod document;
mod dream;
mod roles;
mod round_trip;

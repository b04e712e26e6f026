//! Typed async client of the wire.

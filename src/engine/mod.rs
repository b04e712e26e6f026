//! The deterministic core.

pub mod wheel;

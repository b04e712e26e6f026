//! The log: one contract for every store, and what it survives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod archive;
mod child;
mod common;
mod contract;
mod crash;
mod damage;
mod inspect;
mod sweep;
mod tamper;

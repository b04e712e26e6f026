//! The log: one contract for every store, and what it survives.

mod archive;
mod child;
mod common;
mod contract;
mod crash;
mod damage;
mod inspect;

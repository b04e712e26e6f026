//! The log: one contract for every store, and what it survives.

mod child;
mod common;
mod contract;
mod crash;
mod damage;

//! fifteen: an emergency call dispatch engine with SLA timers.

pub mod client;
pub mod config;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod net;
pub mod protocol;
pub mod report;
pub mod service;
pub mod trace;

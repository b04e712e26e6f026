//! Stories of the room: each test is a rule of the engine, told as it happens.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told fails, and says where")]

mod acknowledgement;
mod bad_input;
mod canary;
mod checker;
mod claims;
mod clocks;
mod closing;
mod degraded;
mod described;
mod duty;
mod erasure;
mod keys;
mod ladder;
mod life;
mod line;
mod midnight;
mod outage;
mod properties;
mod queue;
mod room;
mod rules;
mod safety_timer;
mod snapshots;
mod sos;
mod told;
mod trail;
mod triage;
mod units;

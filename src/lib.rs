//! fifteen: an emergency call dispatch engine. No call waits fifteen minutes in silence: every
//! deadline that passes tells the next office, on time, exactly once, across any crash.
//!
//! # Bird's eye
//! ```text
//!              TCP, MessagePack                 one thread, no I/O of its own
//!  client ──> net::session ──Order──> service ────────────────────────────────┐
//!  unit       net::convert           [inbox,    Engine::submit  decide ──> Event
//!  stranger      ▲                    bounded]  Engine::tick       ▲         │
//!                │                              sleeps until       │ reads   ▼
//!                │                              next_deadline()    └──── State::apply ──> wheel
//!                │                                                           │
//!                └── replies, pushes <── after the commit <── Journal::append ◄
//!                                                              ├──> sled     ┐ both on the disk
//!                                                              └──> witness  ┘ by fdatasync
//!            report, replay, verify, backup  <── the log alone ──┘
//! ```
//! The log is the truth; everything else (state, timers, queue, figures) is its fold and can be
//! had again from it. Time and randomness are arguments: the same commands at the same instants
//! give the same log, byte for byte.
//!
//! # Code map
//! - [`domain`]: the words and rules of the room, pure data: [`domain::Call`], [`domain::Command`],
//!   [`domain::Event`], [`domain::Rules`].
//! - [`engine`]: the core. [`engine::decide`] answers a command with events and changes nothing,
//!   [`engine::State::apply`] takes events in, [`engine::wheel`] knows what is due when,
//!   [`engine::Queue`] who waits, [`engine::recommend`] whom to send,
//!   [`engine::Proposal`] how urgent it may be for what is known from before.
//! - [`journal`]: the list of what happened: frames, chain, sled and witness, snapshots, archive;
//!   [`journal::inspect`] verifies, repairs, backs up, restores.
//! - [`service`]: the engine's thread and its turns ([`service::Shift`]), one commit for all that came
//!   meanwhile ([`service::Writer`]), then the answers; [`service::clock`] is room time.
//! - [`seal`]: the keys to what may name her, each of which can be destroyed; and the signed heads of the log.
//! - [`protocol`]: frames and messages of the wire; knows no socket and no domain.
//! - [`net`]: listener and sessions; one file of it converts between wire and domain; figures for
//!   Prometheus and `/healthz` on a listener of their own, calls over HTTP and the SOS page on another, telephone lines by SIP on a third.
//! - [`map`]: in which district a point lies, on the police's own map. [`sms`]: what the words of a text message say.
//! - [`tls`]: certificates and keys from PEM files, and a development authority that makes them.
//! - [`client`]: the typed client: reconnects, resumes, sends again under the same key;
//!   [`client::unit`] keeps what a patrol crew says on its own disk until the room has it.
//! - [`console`]: the operator's screen.
//! - [`notify`]: who is told of an escalation, by which channel, with what result; threads that send.
//! - [`people`]: who may speak with the room: the people file, argon2id, tokens and their ends.
//! - [`report`]: a supervisor's figures, folded from the log alone, streaming; the printed page,
//!   with small counts withheld.
//! - [`trace`]: recorded cities, and their replay through the engine on virtual time.
//! - [`config`]: dispatch.toml, read once into typed settings.
//!
//! Two programs see it from outside. `fifteen` adds `cli.rs` (flags) and `commands/` (what a subcommand
//! does); `fifteen-unit` (`unit.rs`) is the crew's part of it alone, small enough for a car. Both have
//! `crew/`, a patrol crew's terminal, and `shell/`, what any program at a prompt needs. Who may import
//! whom is written in `tests/house.rs`, which keeps it true.
//!
//! # The life of one call
//! 1. A session reads a frame ([`protocol::FrameCodec`]); the instant of its first byte becomes
//!    `received_at`. `net/convert.rs` makes an [`domain::Order`] of it.
//! 2. [`service::Handle::order`] puts it into the engine's inbox. When that is full the session
//!    waits; questions are shed first, a call never is.
//! 3. The thread wakes, once for all that came in one round of the network:
//!    [`engine::Engine::submit`] first lets fire what was due on that call, then decides, applies
//!    [`domain::Event::CallReceived`], arms the call's timers.
//! 4. [`service::Writer::commit`] packs the events of everything that came meanwhile into frames;
//!    [`journal::Journal::append`] returns when both logs have them on the disk.
//! 5. Only now the session replies, and [`service::Feed`] pushes to who follows the room.
//! 6. The thread sleeps until [`engine::Engine::next_deadline`]. Nobody acknowledged in fifteen
//!    minutes: [`engine::Engine::tick`] gives [`domain::Event::Escalated`], an event like any
//!    other, committed and pushed like any other, rung after rung, until somebody acts.
//! 7. A unit acknowledges, arrives, clears; an operator closes the call with a disposition, which
//!    stops its clocks. Reopening makes a new generation; old timers cannot touch it.
//! 8. [`report::Fold`] reads the log; what is old moves to the archive; after a restart
//!    [`journal::replay`] brings the state back and overdue deadlines fire at once, marked late.
//!
//! # What must never be
//! | never | kept in |
//! |---|---|
//! | a reply, push or notice before its commit is on the disk, or without the word that it is not | `service/room.rs`: answers are sent after [`service::Writer::commit`]; [`engine::State::is_durable`] is asked for each |
//! | a sync that failed tried again | [`journal`]: that log is poisoned; with both gone the room goes on by the spill, and no reply says durable until a log has taken all of it over |
//! | a call refused | `engine/decide.rs`: texts are cut, never rejected; `net/limits.rs`: calls pass every limit |
//! | an event that cannot be applied | [`engine::State::apply`] has no error; what it does not know it counts |
//! | a decision that changes something | [`engine::decide`] takes the state by shared reference |
//! | the machine's time read elsewhere than in [`service::clock`] | clippy.toml, `tests/house.rs` |
//! | an outcome that depends on the order of a hash map | [`engine`]: such maps are looked up, never walked into an event; each order ends in an id |
//! | an escalation twice, or skipped | [`domain::ClockRun`] counts its rungs in the state; stories and properties |
//! | the same request done twice | [`engine::Keys`], in the log with the event it marks |
//! | who she is, in a queue, push, log line, metric or report | only [`domain::Sealed`], [`domain::SealedText`] and reasons carry it; [`domain::Event::redacted`] |
//! | who she is, readable in a file of the log, an archive or a backup | `service/record.rs` seals it, with keys of [`seal`] outside the data folder |
//! | an identity readable after it was erased, in any copy | [`seal`]: its key can be derived no more; `tests/stories/erasure.rs` |
//! | who she is, shown without a recorded reading | `net/readings.rs`; `tests/wire/identity.rs` asks every request |
//! | a withheld count that can be worked out from what is printed | [`report::disclose`], proved by trying all that fits |
//! | a call that waits for a snapshot | `service/snapshots.rs`: made of a copy by a thread of its own, written a step at a time |
//! | a reader awaited by the room | `net/feed.rs`: bounded, a slow reader is dropped |
//! | something deleted that is not archived | [`journal::Journal::trim_step`] |
//! | an old log that is not readable | `tests/fixtures`, read by `tests/fixture.rs` |
//! | anything without a bound | [`domain::bounds`], and each constant that ends in `_MAX` |
//! | `unsafe` | Cargo.toml forbids it |
//!
//! # What is assumed of disks
//! That what `fdatasync` returned for stays, and that a rename within a folder whose folder was
//! synced stays. Not that a process ends in order, that a write is whole, that a file reads back
//! as it was written, or that sled notices when it does not: frames are checksummed and chained,
//! and the second log puts right what the first one lost. [`journal`] says the rest.

pub mod client;
pub mod config;
pub mod console;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod map;
pub mod net;
pub mod notify;
pub mod people;
pub mod protocol;
pub mod report;
pub mod seal;
pub mod service;
pub mod sms;
pub mod tls;
pub mod trace;

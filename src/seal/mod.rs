//! What keeps her identity sealed on the disk, and lets it be destroyed: keys outside the data folder.
//!
//! Every call has a key of its own, derived from one tree by the call's number. What may name her is
//! encrypted under it on its way into the log; the rest of the record stays readable without any key. To erase a
//! call's identity for good is to make its key underivable: the bytes stay where they are, in the log, the archive
//! and every backup, chained and countable, and nobody can read them any more. A second tree does the same for
//! snapshots, whose label is the sequence number they stand at, and a third for days: where her device was is sealed
//! under its call's key and its day's together, and goes when either is destroyed.
//! ```text
//!   <data>.keys  (keyring, 0600)             <data>/ log, witness, archive; backups
//!   ┌──────────────────────────┐             ┌─────────────────────────────────────────────┐
//!   │ tree of calls ──17──> key┼──seals──>   │ 9: call 17 received, district, kind  [#####] │
//!   │ tree of days ─20785─> key┼──seals──>   │ 12: call 17, her device moved        [#####] │
//!   │ tree of snapshots        ┼──seals──>   │ snapshot at 5,000                    [#####] │
//!   │ signing key of the heads ┼──signs──>   │ heads/2026-11-27.json: seq, chain            │
//!   └──────────────────────────┘             └─────────────────────────────────────────────┘
//! ```
//! Nothing here reads a clock or makes a random number: what a key begins with is an argument. It knows bytes, not
//! events, and never says in an error what it opened.

mod cipher;
mod file;
mod head;
mod tree;

pub use ed25519_dalek::VerifyingKey;
pub use file::{About, Gone, Guarded, Keyring, KeyringError, Since, default_path};
pub use head::{HeadError, SignedHead, public_key, public_key_hex};

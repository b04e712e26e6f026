//! The engine's thread: orders in, one commit for all that came meanwhile, then the answers out.
//!
//! ```text
//!  sessions ──orders──> [ inbox, ] ──> decide, apply ──> commit ──> feed, answers
//!           ──asks────> [ bounded ] ───────────────────────────────> after the commit
//! ```
//! Nobody is answered and nothing is pushed before the transitions it rests on are on the disk.
//! What arrives while a commit is under way goes into the next; of much that waits, half. The thread sleeps until the next
//! deadline; it never polls. When the log takes nothing, what happens is kept aside under the same
//! chain, every answer says that it is not durable, and at intervals the log is asked to take it over.
//! When nobody knows what the log has, everything waiting is told so and the thread ends.

mod behind;
pub mod clock;
mod handle;
mod heads;
mod inbox;
mod keyless;
mod pulse;
mod record;
mod room;
mod snapshots;
mod writer;

pub use behind::Behind;
pub use handle::{Asked, Failed, Handle, Outcome, Ring};
pub use heads::{HeadsError, check_heads, heads_of, keep_head, read_heads};
pub use keyless::Keyless;
pub use pulse::{COMMIT_SECONDS, COMMIT_TRANSITIONS, Cell, LATE_SECONDS, Pulse, Spread};
pub use record::{Opened, decode, decode_sealed, encode, is_sealed};
pub use room::{Feed, NoFeed, Room, Settings, Shift, Started, start};
pub use writer::{COMMIT_ALARM, CommitError, Kept, Writer};

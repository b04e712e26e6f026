//! The ordered list of what happened.

mod error;
mod frame;
mod record;

pub use error::{Fault, JournalError};
pub use frame::{FRAME_BYTES_MAX, FRAME_VERSION, Frame, Records, pack};
pub use record::{RECORD_BYTES_MAX, Record, RecordRef, Tail};

//! A state from its bytes, on both processors: most of it are the calls and the keys.
//!
//! ```text
//!  bytes      [ head | calls ............ | the rest, keys ...... ]
//!  one              read the calls           look-ups made anew
//!  another          pass them, read the rest  digest
//! ```

use super::State;
use super::calls::Calls;
use rmp_serde::decode::Error;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Fields before the calls.
const BEFORE_CALLS: usize = 3;
/// A map of nothing.
const NO_CALLS: u8 = 0x80;

impl State {
    /// A state from [`State::save`]'s bytes, and the digest of what was read of them.
    ///
    /// # Errors
    /// When the bytes are not such a state; the log must then be replayed instead.
    pub fn load(bytes: &[u8]) -> Result<(Self, [u8; 32]), Error> {
        let mut left = bytes;
        rmp::decode::read_array_len(&mut left)?;
        (0..BEFORE_CALLS).try_for_each(|_| pass(&mut left))?;
        let (head, from_calls) = bytes.split_at(bytes.len() - left.len());
        let (calls, rest) = both(
            bytes,
            || Calls::deserialize(&mut rmp_serde::Deserializer::from_read_ref(from_calls)),
            || {
                pass(&mut left)?;
                rmp_serde::from_slice::<Self>(&[head, &[NO_CALLS], left].concat())
            },
        );
        let mut state = rest?;
        state.calls = calls?;
        let stored = state.freeze();
        let (digest, ()) = both(bytes, || stored.digest(), || state.index());
        Ok((state, digest))
    }
}

/// Fewer bytes are read on one processor: an idle room has no threads for it.
const APART_BYTES: usize = 1 << 20;

fn both<A: Send, B: Send>(
    bytes: &[u8],
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if bytes.len() < APART_BYTES { (one(), other()) } else { rayon::join(one, other) }
}

/// Goes past one value.
fn pass(left: &mut &[u8]) -> Result<(), Error> {
    IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(left)).map(|_| ())
}

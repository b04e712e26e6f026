//! Addresses from which somebody was let in: who logs in from there waits behind no stranger.
//!
//! A flood of wrong passwords from everywhere fills what may wait to be hashed, and would keep out a whole shift that
//! begins. Its own desks come back by their tokens, after a restart too, and speak for the address they share.

use super::slow::network;
use lru::LruCache;
use std::net::IpAddr;
use std::num::NonZeroUsize;

/// Addresses remembered; one more forgets the one from which nobody came longest.
const KNOWN_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not 0");

/// Where somebody came from lately.
pub(super) struct Known(LruCache<IpAddr, ()>);

impl Default for Known {
    fn default() -> Self {
        Self(LruCache::new(KNOWN_MAX))
    }
}

impl Known {
    /// Somebody was let in from `peer`.
    pub(super) fn came(&mut self, peer: IpAddr) {
        self.0.put(network(peer), ());
    }

    /// Whether somebody was let in from there.
    pub(super) fn knows(&self, peer: IpAddr) -> bool {
        self.0.contains(&network(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_remembered_up_to_a_bound_and_the_longest_unseen_goes() {
        let mut known = Known::default();
        let peer = |number: usize| IpAddr::V6(((number as u128) << 64).into());
        for number in 0..KNOWN_MAX.get() {
            known.came(peer(number));
        }
        known.came(peer(0));
        known.came(peer(KNOWN_MAX.get()));
        assert!(known.knows(peer(0)) && known.knows(peer(KNOWN_MAX.get())));
        assert!(!known.knows(peer(1)) && !known.knows(peer(KNOWN_MAX.get() + 1)));
    }
}

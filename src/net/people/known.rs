//! Addresses from which somebody was let in: who logs in from there waits behind no stranger.
//!
//! A flood of wrong passwords from everywhere fills what may wait to be hashed, and would keep out a whole shift that
//! begins. Its own desks come back by their tokens, after a restart too, and speak for the address they share.

use super::slow::network;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Addresses remembered; one more forgets the one from which nobody came longest.
const KNOWN_MAX: usize = 16_384;

/// Where somebody came from, and when last.
#[derive(Default)]
pub(super) struct Known {
    came_at_ms: HashMap<IpAddr, u64>,
    by_time: BTreeSet<(u64, IpAddr)>,
}

impl Known {
    /// Somebody was let in from `peer`.
    pub(super) fn came(&mut self, now_ms: u64, peer: IpAddr) {
        let peer = network(peer);
        if let Some(before) = self.came_at_ms.insert(peer, now_ms) {
            self.by_time.remove(&(before, peer));
        }
        self.by_time.insert((now_ms, peer));
        if self.by_time.len() > KNOWN_MAX
            && let Some((_, longest)) = self.by_time.pop_first()
        {
            self.came_at_ms.remove(&longest);
        }
    }

    /// Whether somebody was let in from there.
    pub(super) fn knows(&self, peer: IpAddr) -> bool {
        self.came_at_ms.contains_key(&network(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_remembered_up_to_a_bound_and_the_longest_unseen_goes() {
        let mut known = Known::default();
        let peer = |number: usize| IpAddr::V6(((number as u128) << 64).into());
        for number in 0..KNOWN_MAX {
            known.came(number as u64, peer(number));
        }
        known.came(KNOWN_MAX as u64, peer(0));
        known.came(KNOWN_MAX as u64 + 1, peer(KNOWN_MAX));
        assert!(known.knows(peer(0)) && known.knows(peer(KNOWN_MAX)));
        assert!(!known.knows(peer(1)) && !known.knows(peer(KNOWN_MAX + 1)));
        assert_eq!((known.came_at_ms.len(), known.by_time.len()), (KNOWN_MAX, KNOWN_MAX));
    }
}

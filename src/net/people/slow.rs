//! Brute force made slow: who failed waits before the next attempt, longer each time.
//!
//! First by name and address: a stranger who tries her name elsewhere does not keep her out. Then
//! by address, for whoever tries many names. Attempts of one kind wait behind each other, so many
//! at once gain nothing. Neither names nor passwords are held: a name is held as its hash.

use lru::LruCache;
use std::net::IpAddr;
use std::num::NonZeroUsize;

/// Pairs and addresses remembered; one more forgets the one that tried longest ago.
const HELD_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not 0");
/// Who has not failed for so long starts afresh, ms.
const FORGOTTEN_MS: u64 = 15 * 60_000;
/// Nobody is made to wait longer; who would be is sent away, ms.
const WAIT_MAX_MS: u64 = 20_000;

/// How an attempt is slowed by those before it.
struct Rule {
    /// Failures that cost nothing: people mistype.
    free: u32,
    first_ms: u64,
    max_ms: u64,
}

const NAME_AT: Rule = Rule { free: 3, first_ms: 1_000, max_ms: 16_000 };
/// Many share one address: a room behind one router.
const AT: Rule = Rule { free: 20, first_ms: 250, max_ms: 8_000 };

impl Rule {
    /// What comes after so many attempts without a right one.
    fn pause_ms(&self, failures: u32) -> u64 {
        match failures.checked_sub(self.free) {
            None | Some(0) => 0,
            Some(over) => (self.first_ms << (over - 1).min(16)).min(self.max_ms),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    NameAt([u8; 16], IpAddr),
    At(IpAddr),
}

impl Who {
    fn both(name: &str, peer: IpAddr) -> [(Self, &'static Rule); 2] {
        let peer = network(peer);
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..16]);
        [(Self::NameAt(short, peer), &NAME_AT), (Self::At(peer), &AT)]
    }
}

/// One host of IPv6 has a whole /64 to come from.
pub(super) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => IpAddr::V6((u128::from(peer) & !u128::from(u64::MAX)).into()),
        peer => peer,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    failures: u32,
    /// When the next attempt may be looked at.
    free_at_ms: u64,
    tried_at_ms: u64,
}

/// How long an attempt waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// So long.
    Ms(u64),
    /// So long would be too long.
    TooLong(u64),
}

/// What is remembered of attempts.
pub(super) struct Slow(LruCache<Who, Held>);

impl Default for Slow {
    fn default() -> Self {
        Self(LruCache::new(HELD_MAX))
    }
}

impl Slow {
    /// An attempt on `name` from `peer`: it counts as failed until [`Slow::right`].
    pub(super) fn attempt(&mut self, now_ms: u64, name: &str, peer: IpAddr) -> Wait {
        let both = Who::both(name, peer);
        let start_ms = both.iter().map(|(who, _)| self.get(now_ms, *who).free_at_ms);
        let start_ms = start_ms.max().unwrap_or(0).max(now_ms);
        if start_ms - now_ms > WAIT_MAX_MS {
            return Wait::TooLong(start_ms - now_ms);
        }
        for (who, rule) in both {
            let held = self.get(now_ms, who);
            let failures = held.failures.saturating_add(1);
            let free_at_ms = start_ms + rule.pause_ms(failures);
            let free_at_ms = if free_at_ms == start_ms { held.free_at_ms } else { free_at_ms };
            self.0.put(who, Held { failures, free_at_ms, tried_at_ms: now_ms });
        }
        Wait::Ms(start_ms - now_ms)
    }

    /// The last attempt on `name` from `peer` was right.
    pub(super) fn right(&mut self, name: &str, peer: IpAddr) {
        let [(pair, _), (address, _)] = Who::both(name, peer);
        self.0.pop(&pair);
        // The others from there have failed all the same.
        if let Some(held) = self.0.peek_mut(&address) {
            held.failures = held.failures.saturating_sub(1);
        }
    }

    fn get(&self, now_ms: u64, who: Who) -> Held {
        let held = self.0.peek(&who).copied().unwrap_or_default();
        let old = now_ms.saturating_sub(held.tried_at_ms.max(held.free_at_ms)) > FORGOTTEN_MS;
        if old { Held::default() } else { held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn each_failure_past_the_free_ones_waits_longer_up_to_a_bound() {
        let mut slow = Slow::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..10 {
            let Wait::Ms(ms) = slow.attempt(now, "amina", HERE) else { panic!("sent away") };
            waits.push(ms);
            now += ms;
        }
        assert!(waits[..4].iter().all(|ms| *ms == 0), "{waits:?}");
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert_eq!(waits[9], NAME_AT.max_ms);
    }

    #[test]
    fn many_at_once_wait_behind_each_other_and_then_are_sent_away() {
        let mut slow = Slow::default();
        let waits: Vec<_> = (0..40).map(|_| slow.attempt(0, "amina", HERE)).collect();
        assert!(matches!(waits[39], Wait::TooLong(_)), "{waits:?}");
        let taken = waits.iter().filter(|wait| matches!(wait, Wait::Ms(_))).count();
        assert!(taken < 10, "{waits:?}");
        // Who was sent away has not made it longer.
        assert_eq!(waits[38], waits[39]);
    }

    #[test]
    fn an_attack_on_her_name_elsewhere_does_not_keep_her_out() {
        let mut slow = Slow::default();
        for _ in 0..1_000 {
            slow.attempt(0, "amina", THERE);
        }
        assert_eq!(slow.attempt(0, "amina", HERE), Wait::Ms(0));
        for number in 0..100 {
            slow.attempt(0, &format!("name {number}"), THERE);
        }
        assert_ne!(slow.attempt(0, "bilal", THERE), Wait::Ms(0), "many names from one address");
    }

    #[test]
    fn a_right_password_starts_afresh_and_so_does_a_quiet_while() {
        let mut slow = Slow::default();
        for _ in 0..5 {
            slow.attempt(0, "amina", HERE);
        }
        slow.right("amina", HERE);
        assert_eq!(slow.attempt(0, "amina", HERE), Wait::Ms(0));
        for _ in 0..5 {
            slow.attempt(0, "amina", HERE);
        }
        assert_ne!(slow.attempt(0, "amina", HERE), Wait::Ms(0));
        assert_eq!(slow.attempt(2 * FORGOTTEN_MS, "amina", HERE), Wait::Ms(0));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let mut slow = Slow::default();
        for number in 0..2 * HELD_MAX.get() as u64 {
            let peer = IpAddr::V6((u128::from(number) << 64).into());
            slow.attempt(number, "amina", peer);
        }
        assert_eq!(slow.0.len(), HELD_MAX.get());
        let first = network(IpAddr::V6(0_u128.into()));
        assert!(!slow.0.contains(&Who::At(first)));
    }

    #[test]
    fn a_host_of_ipv6_is_one_wherever_in_its_network_it_comes_from() {
        let [one, other]: [IpAddr; 2] =
            ["2001:db8::1", "2001:db8::2"].map(|it| it.parse().unwrap());
        assert_eq!(network(one), network(other));
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(network(mapped), HERE);
    }
}

//! Presses beyond what is usual. None is refused: it is on the disk as every press is, and then put behind the others, so
//! that whoever floods the page with presses stands behind whoever pressed once.
//!
//! ```text
//!   press ──> on the disk, most urgent ──> usual of its device, address, cell? ──no──> priority 2
//!                                          of all together? ──no──> priority 2, and asked for work
//!                                                                   └─ POST .../work ──> most urgent
//! ```
//! Work is a number that makes the SHA-256 of a salt and it begin with so many zero bits: a second of one telephone, and
//! a day of whoever sends a hundred thousand presses. All tables are bounded, and none is of a run before.

use crate::config::PressLimits;
use crate::domain::{Key, Point, UtcMs};
use crate::net::limits::{Bucket, Origin, Rates};
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Presses whose device was asked for work and did not show it yet.
const ASKED_MAX: usize = 65_536;
/// Ratings of places that are taken of one address, and of all together.
const RATINGS_PER_HOUR: u32 = 30;
const RATINGS_PER_SECOND: u32 = 5;
/// A cell's side, in 1e-7 degrees.
const CELL_E7: i32 = 100_000;

/// What is counted of presses.
pub(in crate::net) struct Flood {
    limits: PressLimits,
    secret: [u8; 32],
    table: Mutex<Table>,
    behind: AtomicU64,
}

struct Table {
    devices: Rates<Key>,
    addresses: Rates<Origin>,
    cells: Rates<(i32, i32)>,
    all: Bucket,
    raters: Rates<Origin>,
    ratings: Bucket,
    asked: HashSet<Key>,
    oldest: VecDeque<Key>,
}

/// Why a press is put behind the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    Device,
    Address,
    Cell,
    /// Its device is asked for work.
    Flood,
}

impl Behind {
    /// In words, for whoever opens the call.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Device => "its device presses more often than is usual",
            Self::Address => "more presses come from its network than is usual",
            Self::Cell => "more presses come from about its place than is usual",
            Self::Flood => {
                "more presses come than is usual, and its device did not show yet that it is no flood"
            }
        }
    }
}

impl Flood {
    /// # Panics
    /// When the machine has no random numbers.
    pub(in crate::net) fn new(limits: PressLimits, now: UtcMs) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the machine has random numbers");
        let table = Table {
            devices: Rates::forgiving(Bucket::per_hour(limits.device_per_hour, now)),
            addresses: Rates::forgiving(Bucket::per_hour(limits.address_per_hour, now)),
            cells: Rates::forgiving(Bucket::per_hour(limits.cell_per_hour, now)),
            all: Bucket::per_second(limits.flood_per_second, now),
            raters: Rates::new(Bucket::per_hour(RATINGS_PER_HOUR, now)),
            ratings: Bucket::per_second(RATINGS_PER_SECOND, now),
            asked: HashSet::new(),
            oldest: VecDeque::new(),
        };
        Self { limits, secret, table: Mutex::new(table), behind: AtomicU64::new(0) }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Presses put behind the others so far.
    pub(in crate::net) fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Counts a press that was not seen before. Each is counted for its device, its address, its cell and in all,
    /// whatever the others say.
    pub(super) fn judge(
        &self,
        press: Key,
        device: Option<Key>,
        address: IpAddr,
        point: Option<Point>,
        now: UtcMs,
    ) -> Option<Behind> {
        let mut table = self.table();
        let cell = point.map(|at| (at.lat_e7.div_euclid(CELL_E7), at.lon_e7.div_euclid(CELL_E7)));
        let of_device = device.is_none_or(|device| table.devices.take(device, now));
        let address = (!address.to_canonical().is_loopback()).then(|| Origin::of(address));
        let of_address = address.is_none_or(|address| table.addresses.take(address, now));
        let of_cell = cell.is_none_or(|cell| table.cells.take(cell, now));
        let of_all = table.all.take(now);
        let behind = match (of_device, of_address, of_cell, of_all) {
            (false, ..) => Behind::Device,
            (_, false, ..) => Behind::Address,
            (_, _, false, _) => Behind::Cell,
            (.., false) => {
                table.ask(press);
                Behind::Flood
            }
            (true, true, true, true) => return None,
        };
        drop(table);
        self.behind.fetch_add(1, Ordering::Relaxed);
        Some(behind)
    }

    /// Whether a rating of a place from this address is taken: of those there may be too many.
    pub(super) fn may_rate(&self, address: IpAddr, now: UtcMs) -> bool {
        let mut table = self.table();
        let address = (!address.to_canonical().is_loopback()).then(|| Origin::of(address));
        address.is_none_or(|address| table.raters.take(address, now)) && table.ratings.take(now)
    }

    /// What the device of a press is asked for, if it is: a salt, and how many zero bits.
    pub(super) fn asked(&self, press: Key) -> Option<(String, u32)> {
        self.table().asked.contains(&press).then(|| (self.salt(press), self.limits.work_bits))
    }

    /// Whether `nonce` is the work asked for; `None`: none is.
    pub(super) fn is_done(&self, press: Key, nonce: &str) -> Option<bool> {
        let (salt, bits) = self.asked(press)?;
        let hash = Sha256::new().chain_update(salt).chain_update(nonce).finalize();
        let zeros = hash.iter().position(|byte| *byte != 0).map_or(256, |place| {
            8 * u32::try_from(place).unwrap_or(u32::MAX) + hash[place].leading_zeros()
        });
        Some(zeros >= bits)
    }

    /// Nothing more is asked of the device of this press.
    pub(super) fn settle(&self, press: Key) {
        self.table().asked.remove(&press);
    }

    fn salt(&self, press: Key) -> String {
        blake3::keyed_hash(&self.secret, &press.0).to_hex()[..32].to_owned()
    }
}

impl Table {
    fn ask(&mut self, press: Key) {
        if self.oldest.len() >= ASKED_MAX
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.asked.remove(&oldest);
        }
        self.asked.insert(press);
        self.oldest.push_back(press);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_772_000_000_000);
    const HOUR: u64 = 3_600_000;

    fn flood(change: impl FnOnce(&mut PressLimits)) -> Flood {
        let mut limits = PressLimits {
            device_per_hour: 3,
            address_per_hour: 5,
            cell_per_hour: 4,
            flood_per_second: 100,
            ..PressLimits::default()
        };
        change(&mut limits);
        Flood::new(limits, NOW)
    }

    fn key(number: u32) -> Key {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_be_bytes());
        Key(key)
    }

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn who_presses_more_often_than_is_usual_is_put_behind_and_nobody_else() {
        let flood = flood(|_| {});
        let press = |device: u32, now| flood.judge(key(0), Some(key(device)), from(1), None, now);
        let said: Vec<_> = (0..5).map(|_| press(1, NOW)).collect();
        assert_eq!(said, [None, None, None, Some(Behind::Device), Some(Behind::Device)]);
        assert_eq!(press(2, NOW), Some(Behind::Address), "the sixth of its address");
        assert_eq!(flood.judge(key(0), Some(key(2)), from(2), None, NOW), None);
        assert_eq!(press(1, NOW.plus(HOUR)), None, "an hour later it is usual again");
        assert_eq!(flood.behind(), 3);
    }

    #[test]
    fn a_cell_is_counted_wherever_the_presses_of_it_come_from_and_loopback_is_no_address() {
        let flood = flood(|_| {});
        let at = |lat, lon| Point::from_degrees(lat, lon, 5);
        let said: Vec<_> = (0..6_u8)
            .map(|n| {
                flood.judge(key(0), None, from(n), at(-31.52, 74.355 + 0.0001 * f64::from(n)), NOW)
            })
            .collect();
        assert_eq!(said[..4], [None; 4]);
        assert_eq!(said[4..], [Some(Behind::Cell); 2]);
        assert_eq!(flood.judge(key(0), None, from(9), at(-31.53, 74.355), NOW), None, "beside it");
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let loopback = loopback.parse().unwrap();
            assert!((0..20).all(|_| flood.judge(key(0), None, loopback, None, NOW).is_none()));
        }
        let house = |last: &str| format!("2001:db8:0:7::{last}").parse().unwrap();
        let said = (0..6).map(|n| flood.judge(key(0), None, house(&n.to_string()), None, NOW));
        assert_eq!(said.last().unwrap(), Some(Behind::Address), "a house is one");
    }

    #[test]
    fn in_a_flood_work_is_asked_for_and_known_when_it_is_done() {
        let flood = flood(|limits| (limits.flood_per_second, limits.work_bits) = (1, 8));
        let said: Vec<_> =
            (0..6_u8).map(|n| flood.judge(key(n.into()), None, from(n), None, NOW)).collect();
        assert_eq!(said[..4], [None; 4], "four seconds' worth");
        assert_eq!(said[4..], [Some(Behind::Flood); 2]);
        assert_eq!((flood.asked(key(3)), flood.is_done(key(3), "0")), (None, None));
        let (salt, bits) = flood.asked(key(4)).unwrap();
        assert_eq!((salt.len(), bits), (32, 8));
        assert_ne!(salt, flood.asked(key(5)).unwrap().0);
        let hash = |nonce: &u32| Sha256::digest(format!("{salt}{nonce}"))[0];
        let (done, not) = (
            (0..).find(|nonce| hash(nonce) == 0).unwrap(),
            (0..).find(|it| hash(it) == 1).unwrap(),
        );
        assert_eq!(flood.is_done(key(4), &done.to_string()), Some(true));
        assert_eq!(
            flood.is_done(key(4), &not.to_string()),
            Some(false),
            "seven bits are not eight"
        );
        flood.settle(key(4));
        assert_eq!(flood.is_done(key(4), &done.to_string()), None, "once");
    }

    #[test]
    fn of_ratings_there_may_be_too_many() {
        let flood = flood(|_| {});
        let rated =
            |last, now, asked| (0..asked).filter(|_| flood.may_rate(from(last), now)).count();
        assert_eq!(rated(1, NOW, 20), 20);
        assert_eq!(rated(1, NOW.plus(4_000), 20), 10, "thirty of one address");
        assert_eq!(
            rated(2, NOW.plus(8_000), 30),
            20,
            "of all together, four seconds' worth at once"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded_and_who_there_is_no_room_for_is_usual() {
        let flood = flood(|limits| limits.device_per_hour = 1);
        for n in 0..8_192 {
            assert_eq!(flood.judge(key(n), Some(key(n)), from(0), None, NOW).is_some(), n >= 5);
        }
        let new = |n| flood.judge(key(n), Some(key(n)), from(1), None, NOW.plus(500));
        assert_eq!([new(9_000), new(9_000)], [None, None], "made-up devices take no place of hers");
        let mut table = flood.table();
        (0..70_000).for_each(|n| table.ask(key(n)));
        assert_eq!((table.asked.len(), table.oldest.len()), (ASKED_MAX, ASKED_MAX));
        assert!(!table.asked.contains(&key(10)) && table.asked.contains(&key(69_999)));
    }
}

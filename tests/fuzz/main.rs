//! The doors of the fuzzer (fuzz/src/lib.rs) without a fuzzer: every input it kept, and every input changed at random.
//!
//! `FIFTEEN_SEED` repeats a run, `FIFTEEN_FUZZ_ROUNDS` says how many changed inputs come through each door; a twentieth
//! of them where it leads into a whole room.

#![expect(clippy::unwrap_used, reason = "a test may end in a panic")]

#[path = "../../fuzz/src/lib.rs"]
mod doors;

use doors::{DOORS, INTO_A_ROOM};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end.max(1) as u64).unwrap()
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn corpus(door: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(door);
    let mut inputs: Vec<_> = std::fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    inputs.sort();
    inputs
}

/// A few bytes set, cut out, doubled, or taken from another input.
fn changed(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let len = random.below(16).min(bytes.len() - at.min(bytes.len()));
        match random.below(5) {
            0 if !bytes.is_empty() => bytes[at] = random.number().to_le_bytes()[0],
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..at + len)),
            3 => {
                let again = bytes[at..at + len].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let from = random.below(other.len());
                let some = &other[from..(from + random.below(32)).min(other.len())];
                bytes.splice(at..at, some.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn every_input_the_fuzzer_kept_comes_through_its_door() {
    for (name, door) in DOORS {
        let inputs = corpus(name);
        assert!(inputs.len() > 5, "the corpus of {name} is there");
        for (file, bytes) in inputs {
            eprintln!("{name}/{file}");
            door(&bytes);
        }
    }
}

#[test]
fn whatever_is_changed_in_them_no_door_breaks() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a seed that differs from run to run, and is printed"
    )]
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let seed = number_of("FIFTEEN_SEED").unwrap_or_else(clock);
    let rounds = number_of("FIFTEEN_FUZZ_ROUNDS").unwrap_or(20_000);
    println!("FIFTEEN_SEED={seed} FIFTEEN_FUZZ_ROUNDS={rounds}");
    for (name, door) in DOORS {
        let inputs = corpus(name);
        let mut random = Random(seed);
        let rounds = if INTO_A_ROOM.contains(name) { rounds / 20 } else { rounds };
        for round in 0..rounds {
            let pick = |random: &mut Random| &inputs[random.below(inputs.len())].1;
            let (one, other) = (pick(&mut random), pick(&mut random));
            let bytes = changed(one, other, &mut random);
            if std::panic::catch_unwind(|| door(&bytes)).is_err() {
                panic!("{name} breaks in round {round} of seed {seed} on {bytes:?}");
            }
        }
    }
}

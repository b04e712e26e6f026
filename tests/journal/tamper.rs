//! One record edited, dropped, moved or back-dated, anywhere, by somebody who computes the checksums anew; and by
//! somebody who computes the chain anew as well, whom the signed head finds.

use crate::common::*;
use fifteen::domain::UtcMs;
use fifteen::journal::*;
use fifteen::seal::{Keyring, Since};
use fifteen::service::check_heads;
use std::fs;
use std::io::Write;
use std::path::Path;

const DAY_MS: u64 = 86_400_000;
/// Transitions of one commit; commits of one day; days archived, and the live one, which fills several segments.
const EACH: u64 = 5;
const COMMITS: u64 = 6;
const DAYS: u64 = 2;
const LIVE: u64 = 400;

/// Two archive files, several witness segments, a snapshot in the middle. Its frames, as bytes.
fn log(dir: &Path, change: impl Fn(u64, &mut Vec<Record>)) -> Vec<Vec<u8>> {
    let mut store = Store::open(dir, quick()).unwrap();
    let mut number = 0;
    for (day, commits) in [(0, COMMITS), (1, COMMITS), (2, LIVE)] {
        for _ in 0..commits {
            let tail = store.last();
            let mut records: Vec<Record> = (1..=EACH).map(|n| record(tail.seq + n)).collect();
            for record in &mut records {
                record.at = record.at.plus(day * DAY_MS);
            }
            change(number, &mut records);
            number += 1;
            let frames = pack(&tail, tail.epoch, &records).unwrap();
            if !frames.is_empty() {
                store.append(tail.epoch, tail.seq, &frames).unwrap();
            }
        }
        if day == 2 {
            take_snapshot(&mut store);
        }
    }
    store.trim(DAYS * COMMITS * EACH, UtcMs(u64::MAX)).unwrap();
    let frames = store.tail(1).unwrap().map(|frame| frame.unwrap().bytes().to_vec()).collect();
    store.close().unwrap();
    frames
}

fn quick() -> Options {
    Options { prober: None, witness_segment_bytes: 16 << 10, ..options() }
}

fn first_seq(frame: &[u8]) -> u64 {
    u64::from_be_bytes(frame[12..20].try_into().unwrap())
}

/// The frame with its own checksum made right again.
fn summed(mut frame: Vec<u8>) -> Vec<u8> {
    let end = frame.len() - 4;
    let sum = crc32c::crc32c(&frame[..end]).to_be_bytes();
    frame[end..].copy_from_slice(&sum);
    frame
}

/// Frames in a row, each behind its length.
fn in_a_row(frames: &[&Vec<u8>]) -> Vec<u8> {
    let mut row = Vec::new();
    for frame in frames {
        row.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
        row.extend(*frame);
    }
    row
}

/// Puts these frames in the place of those that are there, in both logs and the archive, all checksums right.
fn forge(dir: &Path, old: &[Vec<u8>], new: &[Vec<u8>]) {
    let seqs: Vec<u64> = old.iter().map(|frame| first_seq(frame)).collect();
    // What stands between two numbers of the old list stands there in the new one, whatever it says of itself.
    let span = |from: u64, until: u64| -> Vec<&Vec<u8>> {
        new.iter()
            .enumerate()
            .filter(|(at, _)| {
                let seq = seqs[(*at).min(seqs.len() - 1)];
                (from..until).contains(&seq)
            })
            .map(|(_, frame)| frame)
            .collect()
    };
    let live_from = DAYS * COMMITS * EACH + 1;
    let mut from = 1;
    for path in with_extension(&dir.join("archive"), "zst") {
        let bytes = fs::read(&path).unwrap();
        let header = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(&bytes[..header]).unwrap();
        let until = from + COMMITS * EACH;
        let mut packed = zstd::Encoder::new(file, 3).unwrap();
        packed.include_checksum(true).unwrap();
        packed.write_all(&in_a_row(&span(from, until))).unwrap();
        packed.finish().unwrap();
        from = until;
    }
    let mut starts: Vec<u64> = segments(dir)
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        .collect();
    starts.push(u64::MAX);
    for (path, from, until) in
        segments(dir).iter().zip(starts.windows(2)).map(|(path, span)| (path, span[0], span[1]))
    {
        let bytes = fs::read(path).unwrap();
        let mut file = bytes[..64].to_vec();
        for frame in span(from.max(live_from), until) {
            let payload = in_a_row(&[frame]);
            file.extend(0x6657_6531_u32.to_be_bytes());
            file.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
            file.extend(crc32c::crc32c(&payload).to_be_bytes());
            file.extend(payload);
        }
        fs::write(path, file).unwrap();
    }
    let (db, tree) = sled_log(dir);
    tree.clear().unwrap();
    for frame in span(live_from, u64::MAX) {
        tree.insert(first_seq(frame).to_be_bytes(), &frame[..]).unwrap();
    }
    db.flush().unwrap();
}

/// The classes of places a frame can be in.
fn places(dir: &Path, frames: &[Vec<u8>]) -> Vec<(&'static str, usize)> {
    let commits = usize::try_from(COMMITS).unwrap();
    let live = 2 * commits;
    let second: u64 = segments(dir)[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let second = frames.iter().position(|frame| first_seq(frame) == second).unwrap();
    vec![
        ("the first of all", 0),
        ("the middle of an archive file", commits / 2),
        ("the last of an archive file", commits - 1),
        ("the first of the next archive file", commits),
        ("the last archived", live - 1),
        ("the first live", live),
        ("the middle of a segment", (live + second) / 2),
        ("the last of a segment", second - 1),
        ("the first of the next segment", second),
        ("the last but one", frames.len() - 2),
        ("the last, where the snapshot stands", frames.len() - 1),
    ]
}

#[test]
fn whoever_makes_only_the_checksums_right_is_found_by_the_chain_wherever_he_was() {
    let whole = tempfile::tempdir().unwrap();
    let frames = log(whole.path(), |_, _| ());
    let found = inspect::verify::<Seen>(whole.path(), &quick()).unwrap();
    assert!(found.ok(), "{found}");
    assert!(
        segments(whole.path()).len() > 2
            && with_extension(&whole.path().join("archive"), "zst").len() == 2
    );
    let untouched = tempfile::tempdir().unwrap();
    copy(whole.path(), untouched.path());
    forge(untouched.path(), &frames, &frames);
    let found = inspect::verify::<Seen>(untouched.path(), &quick()).unwrap();
    assert!(found.ok(), "the forger writes well what he does not change: {found}");
    let mut tried = 0;
    for (place, at) in places(whole.path(), &frames) {
        let body_end = frames[at].len() - 5;
        for deed in
            ["first record", "middle record", "last record", "back-dated", "dropped", "moved"]
        {
            let mut forged = frames.clone();
            match deed {
                "first record" => forged[at][60 + 12] ^= 1,
                "middle record" => forged[at][(60 + body_end) / 2] ^= 1,
                "last record" => forged[at][body_end] ^= 1,
                "back-dated" => {
                    let ms = u64::from_be_bytes(forged[at][20..28].try_into().unwrap()) - 1;
                    forged[at][20..28].copy_from_slice(&ms.to_be_bytes());
                }
                "dropped" => drop(forged.remove(at)),
                _ => forged.swap(at, if at + 1 < frames.len() { at + 1 } else { at - 1 }),
            }
            let forged: Vec<_> = forged.into_iter().map(summed).collect();
            let dir = tempfile::tempdir().unwrap();
            copy(whole.path(), dir.path());
            forge(dir.path(), &frames, &forged);
            let found = inspect::verify::<Seen>(dir.path(), &quick()).unwrap();
            assert!(!found.ok(), "{deed}, {place}: not found\n{found}");
            tried += 1;
        }
    }
    println!("{tried} forgeries with right checksums, all found by the chain");
}

#[test]
fn whoever_makes_the_whole_chain_anew_is_found_by_a_head_signed_before() {
    let keyring = Keyring::from_seed([7; 32], Since::default());
    let whole = tempfile::tempdir().unwrap();
    let frames = log(whole.path(), |_, _| ());
    let head_at = frames.len() as u64 - 3;
    let mut head = None;
    inspect::ends(whole.path(), &quick(), |tail| {
        if tail.seq == (head_at + 1) * EACH {
            head = Some(keyring.sign(tail.seq, tail.chain, tail.at));
        }
    })
    .unwrap();
    let heads = [head.unwrap()];
    let check = |dir: &Path| check_heads(dir, &quick(), &heads, &keyring.public_key());
    let honest = check(whole.path());
    assert!(honest.ok && honest.detail.contains("after it yet"), "{}", honest.detail);
    let mut tried = 0;
    for (place, at) in places(whole.path(), &frames) {
        for deed in ["edited", "back-dated", "dropped", "doubled", "reordered"] {
            let dir = tempfile::tempdir().unwrap();
            let middle = usize::try_from(EACH / 2).unwrap();
            log(dir.path(), |number, records| {
                if number != at as u64 {
                    return;
                }
                match deed {
                    "edited" => records[middle].body[0] ^= 1,
                    "back-dated" => {
                        for record in records.iter_mut() {
                            record.at = UtcMs(record.at.0 - 1);
                        }
                    }
                    "dropped" => drop(records.remove(middle)),
                    "doubled" => records.push(records[middle].clone()),
                    _ => {
                        let (a, b) = (records[0].body.clone(), records[1].body.clone());
                        (records[0].body, records[1].body) = (b, a);
                    }
                }
            });
            let found = check(dir.path());
            // Behind the head nothing vouches yet, and the check says how much that is.
            assert_eq!(found.ok, at as u64 > head_at, "{deed}, {place}: {}", found.detail);
            tried += u32::from(!found.ok);
        }
    }
    // A log cut off before the head.
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), |number, records| {
        if number >= head_at {
            records.clear();
        }
    });
    let found = check(dir.path());
    assert!(
        !found.ok && found.detail.contains("no commit of this log ends there"),
        "{}",
        found.detail
    );
    let stranger = Keyring::from_seed([8; 32], Since::default()).public_key();
    assert!(!check_heads(whole.path(), &quick(), &heads, &stranger).ok);
    println!("{tried} chains made anew, all found by the signed head");
}

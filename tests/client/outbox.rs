//! The outbox file: what was kept is there after anything, in order, and nothing else is.

use fifteen::client::unit::{Entry, Kept, Outbox, OutboxError, PENDING_MAX, Saying};
use fifteen::protocol::Key;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn entry(number: u64) -> Entry {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let saying = match number % 3 {
        0 => Saying::EnRoute { call: number },
        1 => Saying::Decline { call: number, reason: "a wheel\nis \"off\" پہیہ".into() },
        _ => Saying::SignOff,
    };
    Entry { key: Key(key), at: 1_000 + number, node: number.is_multiple_of(2).then_some(9), saying }
}

fn open(path: &Path) -> Outbox {
    Outbox::open(path, 5).unwrap().0
}

fn keys(outbox: &Outbox) -> Vec<u64> {
    let number = |entry: &Entry| u64::from_be_bytes(entry.key.0[..8].try_into().unwrap());
    outbox.iter().map(number).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("below").join("unit-CAR%2e1")
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let all = fs::read_dir(self.file().parent().unwrap()).unwrap();
        let mut names: Vec<_> = all.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }
}

#[test]
fn what_was_kept_is_there_after_a_restart_and_what_was_answered_is_not() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    for number in 0..6 {
        assert_eq!(outbox.keep(entry(number)), Kept::Fresh);
    }
    assert_eq!(outbox.keep(entry(3)), Kept::Already);
    assert_eq!(outbox.done(entry(0).key), Some(entry(0)));
    assert_eq!(outbox.done(entry(0).key), None);
    outbox.done(entry(2).key);
    drop(outbox);
    let outbox = open(&folder.file());
    let all: Vec<_> = outbox.iter().cloned().collect();
    assert_eq!(all, [1, 3, 4, 5].map(entry));
    assert_eq!(outbox.head(), Some(&entry(1)));
}

#[test]
fn only_its_owner_reads_it() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    outbox.keep(entry(1));
    outbox.set_aside("old", |_| true);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.file().parent().unwrap()), 0o700);
    for name in folder.names() {
        let path = folder.file().with_file_name(&name);
        assert_eq!(mode(&path), 0o600, "{name}");
    }
}

#[test]
fn a_second_program_does_not_get_it_until_the_first_has_ended() {
    let folder = Folder::new();
    let first = open(&folder.file());
    let second = Outbox::open(&folder.file(), 5);
    assert!(matches!(second, Err(OutboxError::InUse(_))), "{second:?}");
    drop(first);
    open(&folder.file());
}

#[test]
fn a_file_of_things_long_answered_is_written_anew_and_stays_small() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    outbox.keep(entry(0));
    for number in 1..2_000 {
        outbox.keep(entry(number));
        outbox.done(entry(number).key);
        assert!(fs::metadata(folder.file()).unwrap().len() < 70_000);
    }
    drop(outbox);
    assert_eq!(keys(&open(&folder.file())), [0]);
    let mut outbox = open(&folder.file());
    outbox.done(entry(0).key);
    drop(outbox);
    open(&folder.file());
    assert_eq!(fs::metadata(folder.file()).unwrap().len(), 0);
}

#[test]
fn past_its_bound_only_a_panic_is_kept() {
    let mut outbox = Outbox::in_memory("no disk in this test");
    for number in 0..PENDING_MAX as u64 {
        assert_eq!(outbox.keep(entry(number)), Kept::Fresh);
    }
    assert_eq!(outbox.keep(entry(1 << 40)), Kept::Full);
    let panic = Entry { saying: Saying::Panic { lat: None, lon: None }, ..entry(1 << 41) };
    assert_eq!(outbox.keep(panic), Kept::Fresh);
    assert_eq!(outbox.len(), PENDING_MAX + 1);
}

#[test]
fn what_is_set_aside_is_written_beside_and_never_comes_back() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    (0..4).for_each(|number| assert_eq!(outbox.keep(entry(number)), Kept::Fresh));
    let gone = outbox.set_aside("another log", |entry| entry.node == Some(9));
    assert_eq!(gone, [entry(0), entry(2)]);
    drop(outbox);
    assert_eq!(keys(&open(&folder.file())), [1, 3]);
    let aside = folder.file().with_file_name("unit-CAR%2e1.aside");
    let aside = fs::read_to_string(aside).unwrap();
    assert_eq!(aside.lines().count(), 2);
    assert!(aside.lines().all(|line| line.contains("another log")), "{aside}");
}

#[test]
fn a_torn_last_line_is_cut_off_wherever_it_was_torn() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    (0..3).for_each(|number| assert_eq!(outbox.keep(entry(number)), Kept::Fresh));
    drop(outbox);
    let whole = fs::read(folder.file()).unwrap();
    let two = 1 + whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap();
    for end in two..whole.len() {
        fs::write(folder.file(), &whole[..end]).unwrap();
        let (mut outbox, found) = Outbox::open(&folder.file(), 5).unwrap();
        assert_eq!((keys(&outbox), found.torn, found.damaged), (vec![0, 1], end > two, None));
        // And what is kept next is not glued to it.
        outbox.keep(entry(7));
        drop(outbox);
        assert_eq!(keys(&open(&folder.file())), [0, 1, 7], "{end}");
    }
    // A file system that knew the length and not the bytes.
    let mut zeros = whole[..two].to_vec();
    zeros.resize(two + 300, 0);
    fs::write(folder.file(), zeros).unwrap();
    let (outbox, found) = Outbox::open(&folder.file(), 5).unwrap();
    assert_eq!((keys(&outbox), found.torn, found.damaged), (vec![0, 1], true, None));
}

#[test]
fn damage_is_said_the_file_is_kept_as_it_was_and_the_rest_goes_on() {
    let folder = Folder::new();
    let mut outbox = open(&folder.file());
    (0..3).for_each(|number| assert_eq!(outbox.keep(entry(number)), Kept::Fresh));
    drop(outbox);
    let whole = fs::read(folder.file()).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x04;
        fs::write(folder.file(), &damaged).unwrap();
        let (outbox, found) = Outbox::open(&folder.file(), at as u64).unwrap();
        let kept = keys(&outbox);
        // A hit newline takes two lines with it, or looks like a torn end.
        assert!(!kept.is_empty() && kept.is_sorted(), "{at}: {kept:?}");
        match found.damaged {
            Some((lines, copy)) => {
                assert!(lines >= 1 && kept.len() < 3, "{at}");
                assert_eq!(fs::read(&copy).unwrap(), damaged);
                fs::remove_file(copy).unwrap();
            }
            None => assert!(found.torn && at == whole.len() - 1, "{at}: {found:?}"),
        }
        drop(outbox);
        let (again, found) = Outbox::open(&folder.file(), 5).unwrap();
        assert_eq!((keys(&again), found.damaged), (kept, None), "said once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a plain list: keeping, answering, restarting, and power lost in the middle of the last write.
    #[test]
    fn the_file_holds_what_a_plain_list_would(steps in prop::collection::vec((0_u8..5, 0_u64..12, 0_usize..200), 1..60)) {
        let folder = Folder::new();
        let mut outbox = open(&folder.file());
        let mut list: Vec<u64> = Vec::new();
        for (step, number, torn) in steps {
            match step {
                0 | 1 => {
                    let fresh = outbox.keep(entry(number)) == Kept::Fresh;
                    prop_assert_eq!(fresh, !list.contains(&number));
                    if fresh {
                        list.push(number);
                    }
                }
                2 => {
                    outbox.done(entry(number).key);
                    list.retain(|kept| *kept != number);
                }
                3 => {
                    drop(outbox);
                    outbox = open(&folder.file());
                }
                _ => {
                    // A write that was under way and never confirmed.
                    drop(outbox);
                    let before = fs::read(folder.file()).unwrap();
                    let mut other = open(&folder.file());
                    let kept = other.keep(entry(number)) == Kept::Fresh;
                    drop(other);
                    let after = fs::read(folder.file()).unwrap();
                    let line = after.strip_prefix(&before[..]).unwrap_or_default();
                    let reached = torn.min(line.len());
                    if kept && !line.is_empty() {
                        if reached == line.len() {
                            list.push(number);
                        }
                        fs::write(folder.file(), [&before[..], &line[..reached]].concat()).unwrap();
                    } else if kept {
                        list.push(number);
                    }
                    outbox = open(&folder.file());
                }
            }
            prop_assert_eq!(keys(&outbox), list.clone());
        }
        drop(outbox);
        prop_assert_eq!(keys(&open(&folder.file())), list);
    }
}

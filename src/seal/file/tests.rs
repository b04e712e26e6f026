//! The keyring's file, and what an erasure leaves of it.

use super::*;

const SINCE: Since = Since { seq: 1, call: 1 };

fn of(call: u64) -> About {
    About { call: CallId(call), trail_day: None }
}

fn on(call: u64, day: u64) -> About {
    About { call: CallId(call), trail_day: Some(day) }
}

#[test]
fn a_position_goes_with_its_day_and_with_its_call() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.keys");
    let keyring = Keyring::create(&path, [3; 32], SINCE).unwrap();
    let seal = |about| keyring.seal(about, 9, b"clear", b"31.52,74.35").unwrap();
    let all = [on(17, 20_000), on(17, 20_001), on(18, 20_001)].map(|about| (about, seal(about)));
    let named = seal(of(17));
    let open = |keyring: &Keyring, about, sealed: &[u8]| {
        matches!(keyring.open(about, 9, b"clear", sealed), Guarded::Plain(_))
    };
    let (first, second) = (&all[0], &all[1]);
    assert_eq!(keyring.open(on(17, 20_001), 9, b"clear", &first.1), Guarded::Foreign);
    assert_eq!(keyring.open(of(17), 9, b"clear", &first.1), Guarded::Foreign, "both keys");
    let gone = Gone { trails_before_day: 20_001, upto: 50, ..Gone::default() };
    keyring.erase(&gone).unwrap();
    keyring.erase(&gone).unwrap();
    let read = Keyring::load(&path).unwrap().unwrap();
    for keyring in [&keyring, &read] {
        let kept: Vec<_> = all.iter().map(|(about, it)| open(keyring, *about, it)).collect();
        assert_eq!(kept, [false, true, true]);
        assert_eq!(keyring.open(first.0, 9, b"clear", &first.1), Guarded::Erased);
        assert!(open(keyring, of(17), &named), "who she is stays");
        assert!(keyring.seal(on(17, 20_000), 9, b"", b"").is_none());
    }
    keyring.erase(&Gone { calls: vec![CallId(17)], ..Gone::default() }).unwrap();
    assert_eq!(keyring.open(second.0, 9, b"clear", &second.1), Guarded::Erased);
}

#[test]
fn a_keyring_of_before_trails_had_keys_is_given_them_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.keys");
    let whole = Keyring::create(&path, [3; 32], SINCE).unwrap();
    let old = Keyring(Arc::new(Inner {
        trees: Mutex::new(Trees { trails: None, ..whole.0.lock().clone() }),
        since: SINCE,
        heads: whole.0.heads.clone(),
        path: Some(path.clone()),
    }));
    old.0.write(&old.0.lock()).unwrap();
    let keyring = Keyring::load(&path).unwrap().unwrap();
    let before = keyring.seal(on(17, 20_000), 9, b"", b"there").unwrap();
    keyring.give_trails([4; 32]).unwrap();
    let after = keyring.seal(on(17, 20_000), 9, b"", b"there").unwrap();
    keyring.give_trails([5; 32]).unwrap();
    for keyring in [&keyring, &Keyring::load(&path).unwrap().unwrap()] {
        for sealed in [&before, &after] {
            assert!(matches!(keyring.open(on(17, 20_000), 9, b"", sealed), Guarded::Plain(_)));
        }
    }
    assert_eq!(old.open(on(17, 20_000), 9, b"", &after), Guarded::Foreign);
}

#[test]
fn an_erased_call_stays_erased_in_the_file_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.keys");
    let keyring = Keyring::create(&path, [3; 32], SINCE).unwrap();
    let seal = |call| keyring.seal(of(call), 9, b"clear", b"Ayesha").unwrap();
    let (hers, another) = (seal(17), seal(18));
    let snapshot = keyring.seal_snapshot(40, b"state").unwrap();
    keyring.erase(&Gone { calls: vec![CallId(17)], upto: 50, ..Gone::default() }).unwrap();
    assert!(keyring.seal(of(17), 10, b"", b"Ayesha").is_none());
    let read = Keyring::load(&path).unwrap().unwrap();
    assert_eq!(read.since(), SINCE);
    assert_eq!(read.public_key(), keyring.public_key());
    for keyring in [&keyring, &read] {
        assert_eq!(keyring.open(of(17), 9, b"clear", &hers), Guarded::Erased);
        let Guarded::Plain(plain) = keyring.open(of(18), 9, b"clear", &another) else {
            panic!("call 18 was not erased");
        };
        assert_eq!(&**plain, b"Ayesha");
        assert_eq!(keyring.open(of(18), 9, b"other", &another), Guarded::Foreign);
        assert_eq!(keyring.open_snapshot(40, &snapshot), Guarded::Erased);
        assert!(keyring.seal_snapshot(50, b"state").is_some());
        assert!(!keyring.has(CallId(17)) && keyring.has(CallId(18)));
    }
}

#[test]
fn the_file_is_its_owners_alone_and_a_changed_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.keys");
    assert!(Keyring::load(&path).unwrap().is_none());
    Keyring::create(&path, [3; 32], SINCE).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(Keyring::create(&path, [4; 32], SINCE), Err(KeyringError::Exists(_))));
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        for wrong in [&changed[..], &whole[..at]] {
            fs::write(&path, wrong).unwrap();
            assert!(matches!(Keyring::load(&path), Err(KeyringError::Damaged(_))), "byte {at}");
        }
    }
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Keyring::load(&path), Err(KeyringError::Open(_))));
}

#[test]
fn an_erasure_that_could_not_be_written_is_made_good_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, away) = (dir.path().join("keys"), dir.path().join("away"));
    fs::create_dir(&folder).unwrap();
    let path = folder.join("data.keys");
    let keyring = Keyring::create(&path, [3; 32], SINCE).unwrap();
    fs::rename(&folder, &away).unwrap();
    assert!(keyring.erase(&Gone { calls: vec![CallId(2)], ..Gone::default() }).is_err());
    assert!(!keyring.has(CallId(2)), "in memory it is gone at once");
    fs::rename(&away, &folder).unwrap();
    assert!(Keyring::load(&path).unwrap().unwrap().has(CallId(2)));
    keyring.erase(&Gone::default()).unwrap();
    assert!(!Keyring::load(&path).unwrap().unwrap().has(CallId(2)));
}

#[test]
fn each_call_has_keys_of_its_own_however_they_are_kept_at_hand() {
    let one = Keyring::from_seed([3; 32], SINCE);
    let calls = [7, 7 + AT_HAND as u64, 7].map(of);
    let sealed = calls.map(|about| one.seal(about, 9, b"", b"who she is").unwrap());
    let other = Keyring::from_seed([3; 32], SINCE);
    for (about, sealed) in calls.iter().zip(&sealed).rev() {
        assert!(matches!(other.open(*about, 9, b"", sealed), Guarded::Plain(_)));
    }
    assert_eq!(other.open(calls[0], 9, b"", &sealed[1]), Guarded::Foreign);
}

#[test]
fn a_keyring_that_cannot_be_looked_at_is_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Keyring::load(&dir.path().join("data.keys")).unwrap().is_none());
    let file = dir.path().join("a file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Keyring::load(&file.join("data.keys")), Err(KeyringError::Io { .. })));
}

#[test]
fn a_stamp_tells_digests_places_and_keyrings_apart() {
    let [one, other] = [3, 4].map(|seed| Keyring::from_seed([seed; 32], SINCE));
    let stamps = [
        one.stamp(9, &[1; 32]),
        one.stamp(9, &[2; 32]),
        one.stamp(10, &[1; 32]),
        other.stamp(9, &[1; 32]),
    ];
    assert_eq!(stamps[0], one.stamp(9, &[1; 32]));
    let apart: std::collections::BTreeSet<_> = stamps.iter().flatten().collect();
    assert_eq!(apart.len(), 4);
}

#[test]
fn nothing_is_gone_where_neither_a_call_nor_a_day_is() {
    assert!(Gone { upto: 9, ..Gone::default() }.is_nothing());
    assert!(!Gone { calls: vec![CallId(1)], ..Gone::default() }.is_nothing());
    assert!(!Gone { trails_before_day: 1, ..Gone::default() }.is_nothing());
}

#[test]
fn the_keyring_lies_beside_the_folder() {
    assert_eq!(
        default_path(Path::new("/var/lib/fifteen/data")),
        Path::new("/var/lib/fifteen/data.keys")
    );
    assert_eq!(default_path(Path::new("data/")), Path::new("data.keys"));
}

#[test]
fn nothing_of_it_is_in_a_debug_line() {
    assert_eq!(format!("{:?}", Keyring::from_seed([1; 32], SINCE)), "Keyring(..)");
}

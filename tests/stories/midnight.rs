//! The end of a day: the log's end is signed before anything of the next day is in it.

use super::degraded::{Failing, Service, keyring};
use super::room::MINUTE;
use fifteen::journal::Journal;
use fifteen::service::read_heads;

const DAY: u64 = 24 * 60 * MINUTE;

#[test]
fn the_end_of_each_day_is_signed_before_the_next_day_begins() {
    let heads = tempfile::tempdir().unwrap();
    let mut service = Service::signing(Failing::default(), Some(heads.path().into()));
    let kept = || read_heads(heads.path()).unwrap();
    service.place(1);
    service.pass(DAY - MINUTE);
    assert!(kept().is_empty(), "the day is not over");
    for day in 1..=2 {
        let ended = service.shift.journal().last();
        service.pass(2 * MINUTE);
        service.place(10 + day);
        let heads = kept();
        let head = heads.last().expect("a head of the day that ended");
        assert_eq!(heads.len(), usize::from(day));
        assert_eq!((head.seq, head.at_ms), (ended.seq, ended.at.0), "all of that day, and no more");
        assert_eq!(head.verify(&keyring().public_key()).unwrap(), ended.chain);
        service.place(20 + day);
        assert_eq!(kept().len(), usize::from(day), "once a day");
        service.pass(DAY - 2 * MINUTE);
    }
}

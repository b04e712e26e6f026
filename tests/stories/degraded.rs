//! A room whose log takes nothing: calls are taken all the same, everybody is told what that is worth, clocks go on,
//! and when the log works again it has everything, in order. The loop itself, a turn at a time, over a log that fails
//! when it is told to.

use super::room::{MINUTE, Room, START};
use fifteen::config::Settings as Config;
use fifteen::domain::*;
use fifteen::engine::Accepted;
use fifteen::journal::*;
use fifteen::seal::{Keyring, Since};
use fifteen::service::clock::{RoomClock, TimeSource};
use fifteen::service::{Failed, Handle, NoFeed, Opened, Settings, Shift, decode};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The keys to what is sealed in the log.
pub(super) fn keyring() -> Keyring {
    Keyring::from_seed([15; 32], Since { seq: 1, call: 1 })
}

/// A log that fails on demand, and keeps aside what it does not take.
#[derive(Clone, Default)]
pub(super) struct Failing {
    log: MemoryJournal,
    aside: Vec<Frame>,
    broken: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
    /// Where the log ended at each step of its snapshots: begun, written, read back; or the step fails.
    pub(super) stepped: Vec<u64>,
    /// How many steps there were at each trim.
    pub(super) trimmed: Vec<usize>,
    /// More steps of archiving than the one that moves all.
    trims: usize,
    pub(super) fails: bool,
    dropped: usize,
}

impl Failing {
    pub(super) fn of_trims(trims: usize) -> Self {
        Self { trims, ..Self::default() }
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// What a restart finds: the log, and behind it what was kept aside.
    fn reopened(mut self) -> Self {
        self.broken.store(false, Ordering::Relaxed);
        self.reopen().unwrap();
        self
    }

    fn events(&self) -> Vec<Dated> {
        let frames: Vec<Frame> = self.tail(1).unwrap().map(Result::unwrap).collect();
        frames.iter().flat_map(Frame::records).map(|record| decode(record).unwrap()).collect()
    }
}

impl Journal for Failing {
    fn append(
        &mut self,
        epoch: u64,
        expected_seq: u64,
        frames: &[Frame],
    ) -> Result<Appended, JournalError> {
        if self.aside.is_empty() && !self.is_broken() {
            return self.log.append(epoch, expected_seq, frames);
        }
        assert_eq!(expected_seq, self.last().seq, "one chain, wherever it is written");
        self.aside.extend_from_slice(frames);
        Ok(Appended::Spilled { tail: self.last(), kept: true })
    }

    fn tail(&self, from_seq: u64) -> Result<Frames<'_>, JournalError> {
        let aside = self.aside.iter().filter(move |frame| frame.last_seq() >= from_seq);
        Ok(Box::new(self.log.tail(from_seq)?.chain(aside.cloned().map(Ok))))
    }

    fn last(&self) -> Tail {
        self.aside.last().map_or_else(|| self.log.last(), Frame::tail)
    }

    fn claim(&mut self, old_epoch: u64, node: &str) -> Result<u64, JournalError> {
        self.log.claim(old_epoch, node)
    }

    fn put_snapshot_step(
        &mut self,
        snapshot: &Snapshot,
        step: Step,
    ) -> Result<Option<Step>, JournalError> {
        self.stepped.push(self.log.last().seq);
        match step {
            _ if self.fails => Err(JournalError::Poisoned("no snapshot is taken".into())),
            Step::Clear => Ok(Some(Step::Write(0))),
            Step::Write(_) => {
                self.log.put_snapshot_step(snapshot, step)?;
                Ok(Some(Step::ReadBack(0)))
            }
            _ => Ok(None),
        }
    }

    fn drop_snapshots_before(&mut self, seq: u64) -> Result<bool, JournalError> {
        // In two steps.
        self.dropped += 1;
        self.log.drop_snapshots_before(seq).map(|_| self.dropped % 2 == 1)
    }

    fn manifests(&self) -> Result<Vec<Manifest>, JournalError> {
        self.log.manifests()
    }

    fn snapshot(&self, manifest: &Manifest) -> Result<Snapshot, JournalError> {
        self.log.snapshot(manifest)
    }

    fn trim_step(&mut self, upto_seq: u64, before: UtcMs) -> Result<Trimmed, JournalError> {
        self.trimmed.push(self.stepped.len());
        let more = self.trims > 0;
        self.trims = self.trims.saturating_sub(1);
        self.log.trim_step(upto_seq, before).map(|it| Trimmed { more, ..it })
    }

    fn archived(&self) -> u64 {
        self.log.archived()
    }

    fn health(&self) -> Health {
        self.log.health()
    }

    fn reopen(&mut self) -> Result<Option<Merged>, JournalError> {
        if self.is_broken() {
            return Err(JournalError::Poisoned("still broken".into()));
        }
        let Some(first) = self.aside.first().map(Frame::first_seq) else {
            return Ok(None);
        };
        let Tail { epoch, seq, .. } = self.log.last();
        self.log.append(epoch, seq, &std::mem::take(&mut self.aside))?;
        Ok(Some(Merged { first, last: self.log.last().seq }))
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// Time that passes when it is told to.
struct Told(AtomicU64);

impl TimeSource for Told {
    fn boot_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wall_ms(&self) -> u64 {
        START.0 + self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Service {
    pub(super) shift: Shift<Failing, NoFeed>,
    pub(super) handle: Handle<NoFeed>,
    time: Arc<Told>,
    broken: Arc<AtomicBool>,
}

type Answer = Result<(Accepted, bool), Failed>;

impl Service {
    pub(super) fn on(journal: Failing) -> Self {
        Self::signing(journal, None)
    }

    /// Each day's head goes to this folder.
    pub(super) fn signing(journal: Failing, heads: Option<PathBuf>) -> Self {
        Self::with(journal, heads, 1_000_000)
    }

    /// A snapshot is taken after so many transitions.
    pub(super) fn with(journal: Failing, heads: Option<PathBuf>, snapshot_every: u64) -> Self {
        let time = Arc::new(Told(AtomicU64::new(0)));
        let state = replay_as(&journal, &Opened::with(keyring())).unwrap().state.state;
        let clock = RoomClock::over(Arc::clone(&time) as Arc<dyn TimeSource>, state.at, 1);
        let settings = Settings {
            rules: Config::shipped().rules,
            snapshot_every,
            keep_live: Duration::from_secs(604_800),
            clock_rate: 1,
            heads,
            keyring: keyring(),
        };
        let broken = Arc::clone(&journal.broken);
        let (shift, handle) = Shift::begin(journal, state, settings, NoFeed, clock, None).unwrap();
        Self { shift, handle, time, broken }
    }

    pub(super) fn break_log(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.time.0.fetch_add(ms, Ordering::Relaxed);
        self.shift.turn().unwrap();
    }

    /// What became of an order, and whether that is said to be durable.
    fn order(&mut self, key: Option<u8>, command: Command) -> Answer {
        self.order_by(Actor::new("line-1", Role::Intake), key, command)
    }

    pub(super) fn order_by(&mut self, by: Actor, key: Option<u8>, command: Command) -> Answer {
        let (sender, mut receiver) = tokio::sync::oneshot::channel();
        let order = Order { by, key: key.map(|key| Key([key; 16])), command };
        let sending = self.handle.order(order, move |outcome, state| {
            let answer = outcome.map(|decided| {
                let accepted = decided.expect("nothing here is rejected");
                let durable = state.expect("there is a room").is_durable(accepted.seq);
                (accepted, durable)
            });
            let _ = sender.send(answer);
        });
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(sending);
        self.shift.turn().unwrap();
        receiver.try_recv().unwrap()
    }

    pub(super) fn place(&mut self, key: u8) -> (Accepted, bool) {
        let received_at = self.shift.engine().state().at;
        let call = Box::new(Room::new_call(2));
        self.order(Some(key), Command::PlaceCall { received_at, call }).unwrap()
    }

    fn names(&self) -> Vec<&'static str> {
        self.shift.journal().events().iter().map(|it| it.transition.event.name()).collect()
    }
}

#[test]
fn a_call_is_taken_without_a_log_and_said_not_to_be_durable() {
    let mut service = Service::on(Failing::default());
    let (first, durable) = service.place(1);
    assert!(durable);
    service.break_log(true);
    let (second, durable) = service.place(2);
    assert!(!durable && second.seq > first.seq && !second.repeated);
    let (again, durable) = service.place(2);
    assert_eq!((again.answer, again.repeated, durable), (second.answer, true, false));
    let (again, durable) = service.place(1);
    assert_eq!((again.answer, durable), (first.answer, true), "what the log has it has");
    let began = service.names().iter().filter(|name| **name == "spill_began").count();
    assert_eq!(began, 1, "said once");
    let state = service.shift.engine().state();
    assert_eq!(state.spilled(), Some(second.seq), "from the first that the log did not take");
    // The clock of the call goes on and its deadline is kept.
    service.pass(15 * MINUTE);
    let events = service.shift.journal().events();
    let escalated =
        events.iter().filter(|it| matches!(it.transition.event, Event::Escalated { .. }));
    let told: Vec<CallId> = escalated.filter_map(|it| it.transition.event.call()).collect();
    assert!(told.contains(&CallId(1)) && told.contains(&CallId(2)), "{told:?}");
}

#[test]
fn a_log_that_works_again_takes_over_in_order_and_the_chain_says_so() {
    let mut service = Service::on(Failing::default());
    service.break_log(true);
    let (spilled, durable) = service.place(1);
    assert!(!durable);
    let reopen_at = service.shift.reopen_at().unwrap();
    service.pass(reopen_at.since(service.shift.engine().state().at));
    assert!(service.shift.reopen_at().unwrap() > reopen_at, "asked in vain, and asked again later");
    service.break_log(false);
    service.place(2);
    assert!(service.shift.engine().state().spilled().is_some(), "not before its time");
    let last = service.shift.engine().state().seq;
    service.pass(60_000);
    let merged = service.shift.journal().events().iter().find_map(|it| match it.transition.event {
        Event::SpillMerged { first, last } => Some((first, last)),
        _ => None,
    });
    assert_eq!(merged, Some((spilled.seq, last)));
    assert_eq!(service.shift.reopen_at(), None, "nothing is asked of a log that is well");
    let (again, durable) = service.place(1);
    assert!(again.repeated && durable && again.answer == spilled.answer);
    assert!(service.place(3).1);
    let journal = service.shift.journal();
    assert!(journal.aside.is_empty());
    let replayed =
        replay_from_start_as(&journal.log, &Opened::with(keyring())).unwrap().state.state;
    assert_eq!(replayed.digest(), service.shift.engine().state().digest());
}

#[test]
fn a_crash_meanwhile_loses_nothing_that_was_kept_aside() {
    let mut service = Service::on(Failing::default());
    let (durable, _) = service.place(1);
    service.break_log(true);
    let (spilled, _) = service.place(2);
    let crashed = service.shift.journal().clone();
    drop(service);
    let mut service = Service::on(crashed.reopened());
    assert_eq!(service.shift.engine().state().spilled(), None);
    assert!(
        service.names().contains(&"spill_merged"),
        "the chain says what was not durable when it was answered"
    );
    for (key, first) in [(1, durable), (2, spilled)] {
        let (again, durable) = service.place(key);
        assert!(again.repeated && durable && again.answer == first.answer, "{again:?}");
    }
}

#[test]
fn beyond_the_bound_of_memory_calls_are_still_taken_and_other_work_is_not() {
    let journal = Failing::default();
    let full = Arc::clone(&journal.full);
    let mut service = Service::on(journal);
    service.break_log(true);
    service.place(1);
    full.store(true, Ordering::Relaxed);
    assert!(!service.place(2).1);
    let claim = Command::ClaimCall { call: CallId(1), take_over: false };
    assert!(matches!(service.order(None, claim), Err(Failed::Log(why)) if why.contains("calls")));
}

#[test]
fn where_the_log_was_left_is_said_once_until_it_is_merged() {
    let mut room = Room::open();
    let own = |room: &mut Room, command| room.submit("room", Role::Room, command).unwrap();
    for first in [2, 9] {
        own(&mut room, Command::RecordSpill { first });
        assert_eq!(room.engine.state().spilled(), Some(2));
    }
    for _ in 0..2 {
        own(&mut room, Command::RecordMerge);
    }
    let said = (room.count("spill_began"), room.count("spill_merged"));
    assert_eq!((said, room.engine.state().spilled()), ((1, 1), None));
}

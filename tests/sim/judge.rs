//! The checkers that read the log when a run is over. None of them asks the code it checks: the
//! chain is computed anew, the clocks, the queue and the ladder are judged by the stories' second
//! opinion (tests/stories/checker.rs), the rest from events and what the world outside has seen.

use crate::checker::{Checker, DAY, TRAIL_KEPT};
use crate::seen::{Book, Notice};
use fifteen::domain::{CallId, Dated, Event, Source};
use fifteen::engine::State;
use fifteen::journal::Frame;
use fifteen::protocol::Role;
use fifteen::service::decode_sealed;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a run came to.
#[derive(Debug, Default)]
pub struct Verdict {
    pub wrong: Vec<String>,
    pub transitions: u64,
    pub calls: u64,
    pub escalations: u64,
    pub late: u64,
    pub receipts: u64,
    pub notices: u64,
    pub repeats: u64,
    pub digest: [u8; 32],
}

/// What happens so shortly before the end need not have been told to anybody yet.
const GRACE_MS: u64 = 2 * 60_000;

/// Judges the log of a run that ended, all quiet, at `now_ms`.
pub fn judge(frames: &[Frame], book: &Book, now_ms: u64) -> Verdict {
    let mut verdict = Verdict { wrong: book.wrong.clone(), ..Verdict::default() };
    let Some(events) = events(frames, &mut verdict.wrong) else {
        return verdict;
    };
    rules(&events, book, now_ms, &mut verdict);
    fold(&events, book, &mut verdict);
    receipts(&events, book, &mut verdict);
    spills(&events, &mut verdict.wrong);
    typed(&events, book, &mut verdict.wrong);
    shown(&events, book, &mut verdict);
    notices(&events, book, now_ms.saturating_sub(GRACE_MS), &mut verdict);
    verdict.transitions = events.len() as u64;
    verdict
}

/// The chain, computed here, and the events behind it.
fn events(frames: &[Frame], wrong: &mut Vec<String>) -> Option<Vec<Dated>> {
    let keyring = crate::world::keyring();
    let (mut chain, mut next) = ([0_u8; 32], 1);
    let mut events = Vec::new();
    for frame in frames {
        let bytes = frame.bytes();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&chain).update(&bytes[..28]).update(&bytes[60..bytes.len() - 4]);
        if *hasher.finalize().as_bytes() != frame.chain() {
            wrong.push(format!("the chain breaks at transition {next}"));
            return None;
        }
        chain = frame.chain();
        for record in frame.records() {
            if record.seq != next {
                wrong.push(format!("transition {} stands where {next} belongs", record.seq));
                return None;
            }
            next += 1;
            match decode_sealed(record, &keyring) {
                Ok(dated) => events.push(dated),
                Err(why) => {
                    wrong.push(why);
                    return None;
                }
            }
        }
    }
    Some(events)
}

/// The chain says what no log had taken, and that one has taken all of it since.
fn spills(events: &[Dated], wrong: &mut Vec<String>) {
    let mut open = None;
    for Dated { seq, transition, .. } in events {
        let (first, right) = match transition.event {
            Event::SpillBegan { first } => (first, open.replace(first).is_none() && first < *seq),
            Event::SpillMerged { first, last } => {
                (first, open.take() == Some(first) && last + 1 == *seq)
            }
            _ => continue,
        };
        if !right {
            wrong.push(format!("spill: transition {seq} speaks of {first}, which fits nothing"));
        }
    }
    if let Some(first) = open {
        wrong.push(format!("spill: what was kept aside from {first} on was never merged"));
    }
}

/// Later than this is late; the runtime's timers are a millisecond coarse.
const LATE_MS: u64 = 50;
/// So late an escalation may be while the server runs: a few slow commits in a row.
const SLOW_MS: u64 = 30_000;

/// A server that runs tells in time; one that was dead tells everything at once, the most urgent
/// first.
#[derive(Default)]
struct Punctual {
    started_at: u64,
    /// The safety timers that run, and when they are due.
    timers: BTreeMap<CallId, u64>,
    priorities: BTreeMap<CallId, u8>,
    /// The days of which trails are known.
    trail_days: BTreeSet<u64>,
    /// The escalation before this transition, if it was the one before: when, and how urgent.
    before: Option<(u64, u8)>,
}

impl Punctual {
    fn see(&mut self, dated: &Dated, wrong: &mut Vec<String>) {
        let before = self.before.take();
        match &dated.transition.event {
            Event::SafetyTimerSet { call, due_at, .. } => {
                self.timers.insert(*call, due_at.0);
            }
            Event::SafetyTimerStopped { call, .. } => drop(self.timers.remove(call)),
            Event::CallerMoved { .. } => drop(self.trail_days.insert(dated.at.0 / DAY)),
            Event::TrailsErased { before } => {
                let due = self.trail_days.first().map_or(0, |day| (day + 1) * DAY + TRAIL_KEPT);
                self.trail_days = self.trail_days.split_off(&(before.0 / DAY));
                let late_ms = dated.at.0.saturating_sub(due.max(self.started_at));
                if late_ms > SLOW_MS {
                    wrong.push(format!("late: transition {}, trails by {late_ms} ms", dated.seq));
                }
            }
            Event::CallReceived { call, placed, .. } => {
                self.priorities.insert(*call, placed.priority.number());
                let due = self.timers.remove(call).unwrap_or(u64::MAX);
                let late_ms = dated.at.0.saturating_sub(due.max(self.started_at));
                if late_ms > SLOW_MS {
                    wrong.push(format!("late: transition {}, a call by {late_ms} ms", dated.seq));
                }
            }
            Event::PriorityChanged { call, priority, .. } => {
                self.priorities.insert(*call, priority.number());
            }
            Event::Escalated { call, due_at, by_hand: None, .. } => {
                let late_ms = dated.at.0.saturating_sub(due_at.0.max(self.started_at));
                if late_ms > SLOW_MS {
                    wrong.push(format!("late: transition {} by {late_ms} ms", dated.seq));
                }
                let priority = self.priorities.get(call).copied().unwrap_or(1);
                let catching_up = due_at.0 < self.started_at;
                if catching_up
                    && before.is_some_and(|(at, urgent)| at == dated.at.0 && urgent > priority)
                {
                    wrong
                        .push(format!("urgency: transition {} waited for a lesser one", dated.seq));
                }
                self.before = Some((dated.at.0, priority));
            }
            _ => {}
        }
    }
}

/// Clocks, ladders, generations, the queue: the second opinion, transition by transition.
fn rules(events: &[Dated], book: &Book, now_ms: u64, verdict: &mut Verdict) {
    let mut checker = Checker::default();
    let mut punctual = Punctual::default();
    let mut starts = book.starts.iter().peekable();
    let mut listed: BTreeMap<u64, Vec<&Vec<u64>>> = BTreeMap::new();
    for list in &book.listed {
        listed.entry(list.seq).or_default().push(&list.waiting);
    }
    for dated in events {
        while let Some((_, at)) = starts.next_if(|(seq, _)| *seq < dated.seq) {
            checker.restarted(*at);
            punctual.started_at = *at;
        }
        let seen = catch_unwind(AssertUnwindSafe(|| checker.see(dated)));
        if let Err(why) = seen {
            let at = dated.seq;
            verdict.wrong.push(format!("rules, at transition {at}: {}", crate::text_of(&*why)));
            return;
        }
        for waiting in listed.remove(&dated.seq).unwrap_or_default() {
            let naive: Vec<u64> = checker.queue().iter().map(|id| id.0).collect();
            // A page may end before the queue does.
            if naive.get(..waiting.len()) != Some(waiting) {
                let seq = dated.seq;
                verdict.wrong.push(format!("queue at {seq}: listed {waiting:?}, is {naive:?}"));
            }
        }
        punctual.see(dated, &mut verdict.wrong);
        if let Event::Escalated { due_at, .. } = &dated.transition.event {
            verdict.escalations += 1;
            verdict.late += u64::from(dated.at.0 > due_at.0 + LATE_MS);
        }
    }
    if let Err(why) = catch_unwind(AssertUnwindSafe(|| checker.ticked(now_ms))) {
        verdict.wrong.push(format!("at the end: {}", crate::text_of(&*why)));
    }
}

/// The state as the server had it is the state its log gives.
fn fold(events: &[Dated], book: &Book, verdict: &mut Verdict) {
    let mut digests = book.digests.iter().collect::<Vec<_>>();
    digests.sort();
    let mut digests = digests.into_iter().peekable();
    let mut state = State::default();
    for dated in events {
        state.apply(dated.at, &dated.transition);
        while let Some((seq, digest)) = digests.next_if(|(seq, _)| *seq <= dated.seq) {
            if *seq == dated.seq && *digest != state.digest() {
                verdict.wrong.push(format!("replay: another state than the server had at {seq}"));
                return;
            }
        }
    }
    verdict.digest = state.digest();
}

/// What was acknowledged is in the log, once, under its key.
fn receipts(events: &[Dated], book: &Book, verdict: &mut Verdict) {
    let mut marks: BTreeMap<[u8; 16], Vec<&Dated>> = BTreeMap::new();
    for dated in events {
        if let Some(mark) = &dated.transition.mark {
            marks.entry(mark.key.0).or_default().push(dated);
        }
        verdict.calls += u64::from(matches!(dated.transition.event, Event::CallReceived { .. }));
    }
    for (key, marked) in &marks {
        if marked.len() > 1 {
            let at: Vec<u64> = marked.iter().map(|dated| dated.seq).collect();
            verdict.wrong.push(format!("done twice under the key {:02x?}: {at:?}", &key[..4]));
        }
    }
    for receipt in &book.receipts {
        verdict.receipts += 1;
        let found = marks.get(&receipt.key).and_then(|marked| marked.first());
        let right = found.is_some_and(|dated| {
            let is_call = match &dated.transition.event {
                Event::CallReceived { call, .. }
                | Event::SafetyTimerSet { call, .. }
                | Event::PressedAgain { call, .. } => call.0 == receipt.call,
                _ => false,
            };
            is_call && dated.seq <= receipt.seq
        });
        if !right {
            verdict
                .wrong
                .push(format!("lost: call {} was acknowledged at {}", receipt.call, receipt.seq));
        }
    }
}

/// Which PIN it was that a page was told is right, the log knows: of a call that people had closed, either is done with.
fn typed(events: &[Dated], book: &Book, wrong: &mut Vec<String>) {
    let (mut forced, mut over) = (BTreeMap::new(), BTreeMap::new());
    for dated in events {
        match &dated.transition.event {
            Event::DuressSignalled { call } => drop(forced.entry(call.0).or_insert(dated.seq)),
            Event::CallClosed { call, .. } => {
                over.entry(call.0).or_insert(dated.seq);
                forced.entry(call.0).or_insert(dated.seq);
            }
            Event::CallCancelled { call } | Event::SafetyTimerStopped { call, .. } => {
                over.entry(call.0).or_insert(dated.seq);
            }
            _ => {}
        }
    }
    for typed in &book.typed {
        let known =
            forced.get(&typed.call).or_else(|| over.get(&typed.call).filter(|_| !typed.forced));
        let before = over.get(&typed.call).is_some_and(|seq| *seq <= typed.seq) && !typed.forced;
        if !before && known.is_none_or(|seq| *seq > typed.seq) {
            wrong.push(format!("pin: {typed:?} was said to be right, and nothing is in the log"));
        }
    }
}

/// Whoever was shown who she is was sent to her, or is recorded as having read it.
fn shown(events: &[Dated], book: &Book, verdict: &mut Verdict) {
    let (mut sent, mut read) = (BTreeMap::new(), BTreeMap::new());
    for dated in events {
        match &dated.transition.event {
            Event::UnitAssigned { call, unit, .. } | Event::UnitProgressed { call, unit, .. } => {
                sent.entry((unit.as_str().to_owned(), call.0)).or_insert(dated.seq);
            }
            Event::CallOpened { call, by, .. } => {
                read.entry((by.who.to_string(), call.0)).or_insert(dated.seq);
            }
            _ => {}
        }
    }
    for shown in &book.shown {
        let of = if shown.role == Role::Unit { &sent } else { &read };
        // A crew that opens a call is recorded like anybody.
        let known = of
            .get(&(shown.who.clone(), shown.call))
            .or_else(|| read.get(&(shown.who.clone(), shown.call)));
        if known.is_none_or(|seq| *seq > shown.seq) {
            verdict.wrong.push(format!("{} was shown call {} unrecorded", shown.who, shown.call));
        }
    }
}

/// Every rung that was told has people decided for it; each of their notices went out, or was
/// given up or seen; what went out is what was decided, under one number.
fn notices(events: &[Dated], book: &Book, upto_ms: u64, verdict: &mut Verdict) {
    let mut told: BTreeMap<(CallId, u32, u8, Option<String>, u8), u64> = BTreeMap::new();
    let mut undecided = BTreeSet::new();
    let mut intended: BTreeMap<u64, Notice> = BTreeMap::new();
    let mut settled = BTreeSet::new();
    let mut canaries = BTreeSet::new();
    let mut open: BTreeMap<CallId, bool> = BTreeMap::new();
    for dated in events {
        match &dated.transition.event {
            Event::CallReceived { call, placed, .. } => {
                open.insert(*call, true);
                if placed.source == Source::Canary {
                    canaries.insert(*call);
                }
            }
            Event::CallClosed { call, .. } => drop(open.insert(*call, false)),
            Event::CallReopened { call, .. } => drop(open.insert(*call, true)),
            Event::Escalated { call, generation, clock, unit, rung, .. }
                if !canaries.contains(call) =>
            {
                let unit = unit.as_ref().map(ToString::to_string);
                let rung = (*call, *generation, *clock, unit, *rung);
                let first = *told.entry(rung).or_insert(dated.seq);
                if first == dated.seq && dated.at.0 <= upto_ms {
                    undecided.insert((first, *call));
                }
            }
            Event::NoticesIntended { call, escalation, first, to } => {
                undecided.remove(&(*escalation, *call));
                for (number, to) in (*first..).zip(to) {
                    let (person, channel) = (to.person.to_string(), to.channel.to_string());
                    let notice = Notice { escalation: *escalation, person, channel };
                    if dated.at.0 > upto_ms {
                        settled.insert(number);
                    }
                    if let Some(before) = intended.insert(number, notice.clone()) {
                        verdict
                            .wrong
                            .push(format!("notice {number} is two: {before:?}, {notice:?}"));
                    }
                }
            }
            Event::NoticeDelivered { notice, .. }
            | Event::NoticeFailed { notice, gave_up: true, .. } => {
                settled.insert(*notice);
            }
            Event::EscalationSeen { escalation, .. } => {
                let of = intended.iter().filter(|(_, notice)| notice.escalation == *escalation);
                settled.extend(of.map(|(number, _)| *number));
            }
            _ => {}
        }
    }
    // Of a call that was closed, taken over or started anew meanwhile, nothing new is decided.
    for (escalation, call) in undecided {
        if open.get(&call) == Some(&true) && !superseded(events, escalation, call) {
            verdict
                .wrong
                .push(format!("nobody was told of escalation {escalation} of call {call}"));
        }
    }
    for number in intended.keys() {
        verdict.notices += 1;
        if !settled.contains(number) && !book.sent.contains_key(number) {
            verdict.wrong.push(format!("notice {number} was never sent"));
        }
    }
    for (number, sendings) in &book.sent {
        verdict.repeats += sendings.len() as u64 - 1;
        for sent in sendings {
            if intended.get(number) != Some(sent) {
                verdict
                    .wrong
                    .push(format!("notice {number} went out as {sent:?}, which nobody decided"));
            }
        }
    }
}

/// Whether the rung was taken, or its call reopened, before anything was decided for it.
fn superseded(events: &[Dated], escalation: u64, of: CallId) -> bool {
    let after = events.iter().skip_while(|dated| dated.seq <= escalation);
    after.map(|dated| &dated.transition.event).any(|event| match event {
        Event::EscalationTaken { call, .. } | Event::CallReopened { call, .. } => *call == of,
        _ => false,
    })
}

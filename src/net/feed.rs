//! Who hears of what is committed: every subscriber gets the state after each event, once, in
//! order; a reader that cannot keep up is dropped, never awaited.

use super::convert;
use super::pressed::Presses;
use super::sip::Lines;
use crate::domain::{Call, CallId, Callsign, Dated, Event, Source};
use crate::engine::State;
use crate::notify::Bell;
use crate::protocol::{
    Assignment, CallSummary, Message, Push, ServerMessage, Snapshot, UnitSummary,
};
use crate::service::Feed;
use bytes::Bytes;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Calls and units a page of a snapshot holds at most, and the shares of a frame they may take.
const PAGE: usize = 400;
pub(super) const CALLS_BYTES_MAX: usize = 700_000;
const UNITS_BYTES_MAX: usize = 200_000;

/// What a subscriber may see.
#[derive(Debug, Clone)]
pub(super) enum View {
    /// Every call and unit, no identity.
    Room,
    /// One unit: the calls it is on, with what it needs to get there.
    Unit(Callsign),
}

/// Somebody who hears of what is committed.
pub(super) struct Reader {
    view: View,
    /// For a unit: the calls it was on before the event at hand.
    on: BTreeSet<CallId>,
    pushes: mpsc::Sender<Bytes>,
}

/// The feed of the wire.
pub struct WireFeed {
    /// The latest events, without the canary's.
    recent: VecDeque<Dated>,
    recent_max: usize,
    /// Whoever has not seen up to here cannot resume.
    forgotten: u64,
    readers: BTreeMap<u64, Reader>,
    canaries: BTreeSet<CallId>,
    /// The whole room, encoded, and as of when: all that come at once get the same bytes.
    whole: (u64, Vec<Bytes>),
    /// Hears of what people are to be told.
    bell: Bell,
    /// The telephone lines that ring.
    lines: Arc<Lines>,
    /// The SOS pages that listen.
    pub(super) presses: Presses,
}

/// How a subscription begins.
pub(super) struct Begin {
    /// With what was missed; otherwise with the whole room as it is.
    pub(super) resumed: bool,
    /// Encoded frames that go out before any push.
    pub(super) frames: Vec<Bytes>,
}

impl WireFeed {
    /// A feed of a log that ends at `seq` with `state`, keeping so many events for those who come back.
    pub(super) fn new(
        state: &State,
        seq: u64,
        recent_max: usize,
        bell: Bell,
        lines: Arc<Lines>,
    ) -> Self {
        Self {
            recent: VecDeque::new(),
            recent_max,
            forgotten: seq,
            readers: BTreeMap::new(),
            // One that was under way when the server stopped is still nobody's news.
            canaries: (state.calls().filter(|call| call.is_canary())).map(|call| call.id).collect(),
            whole: (0, Vec::new()),
            bell,
            lines,
            presses: Presses::default(),
        }
    }

    /// How a subscription would begin. `last_seq` is the last push the session saw of this log.
    pub(super) fn begin(
        &mut self,
        state: &State,
        view: View,
        last_seq: Option<u64>,
        pushes: mpsc::Sender<Bytes>,
    ) -> (Reader, Begin) {
        let on = match &view {
            View::Room => BTreeSet::new(),
            View::Unit(callsign) => state
                .unit(callsign)
                .map(|unit| unit.calls.iter().copied().collect())
                .unwrap_or_default(),
        };
        let mut reader = Reader { view, on, pushes };
        let missed = last_seq.and_then(|seen| self.missed(state, seen, &mut reader));
        let begin = Begin {
            resumed: missed.is_some(),
            frames: missed.unwrap_or_else(|| match &reader.view {
                View::Room => self.whole(state),
                View::Unit(callsign) => unit_snapshot(state, callsign),
            }),
        };
        (reader, begin)
    }

    /// Subscribes session `id`; what it had before ends.
    pub(super) fn subscribe(&mut self, id: u64, reader: Reader) {
        self.readers.insert(id, reader);
    }

    /// The room as it is. When thousands come back at once, calls do not wait for as many encodings
    /// of the same room, and memory does not hold as many copies.
    fn whole(&mut self, state: &State) -> Vec<Bytes> {
        if self.whole.0 != state.seq || self.whole.1.is_empty() {
            self.whole = (state.seq, room_snapshot(state));
        }
        self.whole.1.clone()
    }

    /// What came after `seen`; `None` when it is not all here any more.
    fn missed(&self, state: &State, seen: u64, reader: &mut Reader) -> Option<Vec<Bytes>> {
        if seen < self.forgotten || seen > state.seq {
            return None;
        }
        // A unit's past assignments cannot be told from its present ones by the recent events
        // alone: it takes its few calls afresh.
        if matches!(reader.view, View::Unit(_)) && seen < state.seq {
            return None;
        }
        let from = self.recent.partition_point(|dated| dated.seq <= seen);
        let missed = self.recent.range(from..);
        Some(missed.filter_map(|dated| self.push(state, dated, reader)).collect())
    }

    pub(super) fn unsubscribe(&mut self, id: u64) {
        self.readers.remove(&id);
    }

    /// The push of `dated` for `reader`, if it concerns it.
    fn push(&self, state: &State, dated: &Dated, reader: &mut Reader) -> Option<Bytes> {
        let event = &dated.transition.event;
        if event.call().is_some_and(|call| self.canaries.contains(&call)) {
            return None;
        }
        match &reader.view {
            View::Room => room_push(state, dated),
            View::Unit(callsign) => {
                let callsign = callsign.clone();
                unit_push(state, dated, &callsign, &mut reader.on)
            }
        }
    }
}

/// Some work for the reader: who reads a call is recorded and nobody's news, and neither is a safety timer before it
/// is a call.
fn is_news(state: &State, event: &Event) -> bool {
    match event {
        Event::CallOpened { .. }
        | Event::EarlierAsked { .. }
        | Event::TrailsErased { .. }
        | Event::PlaceRated { .. }
        | Event::SafetyTimerSet { .. }
        | Event::SafetyTimerStopped { .. } => false,
        Event::CallerMoved { call, .. }
        | Event::CancelRefused { call }
        | Event::PriorityChanged { call, .. } => state.call(*call).is_some(),
        _ => true,
    }
}

fn room_push(state: &State, dated: &Dated) -> Option<Bytes> {
    let event = &dated.transition.event;
    if !is_news(state, event) {
        return None;
    }
    let call = event.call().and_then(|id| state.call(id));
    let unit = event.unit().and_then(|callsign| Some((callsign, state.unit(callsign)?)));
    Some(encode(Push {
        seq: dated.seq,
        at: dated.at.0,
        event: event.name().into(),
        durable: state.is_durable(dated.seq),
        call: call.map(|call| Box::new(convert::summary(state, call))),
        unit: unit.map(|(callsign, unit)| Box::new(convert::unit_summary(state, callsign, unit))),
        escalation: convert::told::of_event(state, dated).map(Box::new),
        assignment: None,
        message: convert::told::message_of(state, dated).map(Box::new),
    }))
}

fn unit_push(
    state: &State,
    dated: &Dated,
    callsign: &Callsign,
    on: &mut BTreeSet<CallId>,
) -> Option<Bytes> {
    let event = &dated.transition.event;
    let own = event.unit() == Some(callsign);
    let call = event.call();
    let assigned = match event {
        Event::UnitAssigned { call, .. } | Event::UnitProgressed { call, .. } if own => {
            on.insert(*call)
        }
        _ => false,
    };
    let leaves = match event {
        Event::UnitLeft { call, .. } if own => on.remove(call),
        Event::CallClosed { call, .. } => on.remove(call),
        _ => false,
    };
    // Where she is now, and whether she was made to take it back, is theirs who are on their way.
    let changed = match event {
        Event::CallerMoved { call, .. }
        | Event::CallDescribed { call, .. }
        | Event::CallCancelled { call }
        | Event::DuressSignalled { call } => on.contains(call),
        _ => false,
    };
    let everybody = matches!(event, Event::SpillBegan { .. } | Event::SpillMerged { .. });
    if !is_news(state, event) || !(own || leaves || changed || everybody) {
        return None;
    }
    let shown = call.filter(|_| assigned || changed).and_then(|id| state.call(id));
    let known = state.unit(callsign);
    Some(encode(Push {
        seq: dated.seq,
        at: dated.at.0,
        event: event.name().into(),
        durable: state.is_durable(dated.seq),
        // Who else is on the call, and who works it, is not the unit's to see.
        call: None,
        unit: known.map(|unit| Box::new(convert::unit_summary(state, callsign, unit))),
        escalation: None,
        assignment: shown.and_then(|call| convert::assignment(call, callsign)).map(Box::new),
        message: convert::told::message_of(state, dated).map(Box::new),
    }))
}

fn encode(push: Push) -> Bytes {
    ServerMessage::Push(push).encode()
}

/// The room in pages.
fn room_snapshot(state: &State) -> Vec<Bytes> {
    let open = |call: &&Call| call.closed.is_none() && !call.is_canary();
    let calls = state.calls().filter(open).map(|call| convert::summary(state, call)).collect();
    let unit = |(callsign, unit)| convert::unit_summary(state, callsign, unit);
    let units = state.units().map(unit).collect();
    pages(state.seq, calls, units, Vec::new(), convert::told::unread(state))
}

/// What a unit may see of it.
fn unit_snapshot(state: &State, callsign: &Callsign) -> Vec<Bytes> {
    let (calls, units, assignments, messages) = of_unit(state, callsign);
    pages(state.seq, calls, units, assignments, messages)
}

type Shown = (Vec<CallSummary>, Vec<UnitSummary>, Vec<Assignment>, Vec<Message>);

fn of_unit(state: &State, callsign: &Callsign) -> Shown {
    let Some(unit) = state.unit(callsign) else {
        return Shown::default();
    };
    let calls: Vec<_> = unit.calls.iter().filter_map(|id| state.call(*id)).collect();
    (
        Vec::new(),
        vec![convert::unit_summary(state, callsign, unit)],
        calls.iter().filter_map(|call| convert::assignment(call, callsign)).collect(),
        convert::told::messages(callsign, unit),
    )
}

/// `items` cut into pages that each fit their share of a frame, and take no more memory than what is on them.
fn in_pages<T: Serialize>(items: Vec<T>, bytes_max: usize) -> VecDeque<Vec<T>> {
    let mut pages = VecDeque::new();
    let mut items = items.into_iter();
    while !items.as_slice().is_empty() {
        let many = fitting(items.as_slice(), PAGE, bytes_max);
        pages.push_back(items.by_ref().take(many).collect());
    }
    pages
}

/// How many of `items`, at least one and at most `most`, take no more than `bytes_max` bytes together.
pub(super) fn fitting<T: Serialize>(items: &[T], most: usize, bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = items.iter().take(most).take_while(|item| {
        bytes += rmp_serde::to_vec_named(item).map_or(0, |encoded| encoded.len());
        bytes <= bytes_max
    });
    fits.count().clamp(1, items.len().max(1))
}

fn pages(
    seq: u64,
    calls: Vec<CallSummary>,
    units: Vec<UnitSummary>,
    assignments: Vec<Assignment>,
    messages: Vec<Message>,
) -> Vec<Bytes> {
    let mut calls = in_pages(calls, CALLS_BYTES_MAX);
    let mut units = in_pages(units, UNITS_BYTES_MAX);
    let parts = calls.len().max(units.len()).max(1);
    let parts = u32::try_from(parts).unwrap_or(u32::MAX);
    let (mut assignments, mut messages) = (Some(assignments), Some(messages));
    (1..=parts)
        .map(|part| {
            ServerMessage::Snapshot(Snapshot {
                seq,
                part,
                parts,
                calls: calls.pop_front().unwrap_or_default(),
                units: units.pop_front().unwrap_or_default(),
                assignments: assignments.take().unwrap_or_default(),
                messages: messages.take().unwrap_or_default(),
            })
            .encode()
        })
        .collect()
}

impl Feed for WireFeed {
    fn committed(&mut self, state: &State, events: &[Dated]) {
        for dated in events {
            if let Event::CallReceived { call, placed, .. } = &dated.transition.event
                && placed.source == Source::Canary
            {
                self.canaries.insert(*call);
            }
            self.tell(state, dated);
            self.presses.committed(state, dated);
            self.lines.committed(dated);
            self.bell.heard_of(&dated.transition.event);
            if let Event::IdentityErased { call, .. } = dated.transition.event {
                self.forget_what_names(call);
            }
            let canary =
                dated.transition.event.call().is_some_and(|id| self.canaries.contains(&id));
            if let Event::CallClosed { call, .. } = &dated.transition.event {
                self.canaries.remove(call);
            }
            if !canary {
                self.recent.push_back(dated.clone());
            }
        }
        let surplus = self.recent.len().saturating_sub(self.recent_max);
        if let Some(last) = self.recent.drain(..surplus).next_back() {
            self.forgotten = last.seq;
        }
    }
}

impl WireFeed {
    /// What is kept for those who come back names nobody who was erased.
    fn forget_what_names(&mut self, call: CallId) {
        let about = |dated: &&mut Dated| dated.transition.event.call() == Some(call);
        for dated in self.recent.iter_mut().filter(about) {
            dated.transition = dated.transition.clone().redacted();
        }
    }

    fn tell(&mut self, state: &State, dated: &Dated) {
        let mut readers = std::mem::take(&mut self.readers);
        let mut for_the_room: Option<Option<Bytes>> = None;
        readers.retain(|_, reader| {
            let push = match reader.view {
                // All that see the room see the same: encoded once.
                View::Room => {
                    for_the_room.get_or_insert_with(|| self.push(state, dated, reader)).clone()
                }
                View::Unit(_) => self.push(state, dated, reader),
            };
            // Its session learns from the closed channel that it was too slow.
            push.is_none_or(|push| reader.pushes.try_send(push).is_ok())
        });
        self.readers = readers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_full_room_take_the_memory_of_what_is_on_them() {
        let items: Vec<u32> = (0..50_000).collect();
        let pages = in_pages(items.clone(), CALLS_BYTES_MAX);
        assert!(pages.len() > 50, "{} pages", pages.len());
        assert!(pages.iter().map(Vec::capacity).sum::<usize>() < 2 * items.len());
        assert_eq!(pages.into_iter().flatten().collect::<Vec<_>>(), items);
    }
}

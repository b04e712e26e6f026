//! Who she is, or who called before, shown to somebody: each time the reading is in the log, by whom, of which call and
//! why, before anything is shown.
//!
//! What is pushed to a unit when it is assigned needs no reading of its own: the assignment names unit and call. What
//! a unit and the room write to each other is heard at once by all who sit in the room, as on its radio net, and is
//! recorded as said; whoever is shown it later is recorded as a reader of the call.

use super::answering::Answering;
use super::queries::ask;
use super::{Server, convert};
use crate::config::Settings;
use crate::domain::{Actor, Call, CallId, Callsign, Command, Dated, Flags, Order, Role, UtcMs};
use crate::engine::State;
use crate::journal::Journal;
use crate::protocol::{self as wire, Code};
use crate::seal::Keyring;
use crate::service::{Asked, decode_sealed};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Earlier calls of a sort when the asker does not say, and at most.
const EARLIER: u32 = 10;
const EARLIER_MAX: u32 = 50;
/// What a timeline may take of a reply, in lines.
const TIMELINE_MAX: usize = crate::domain::HISTORY_MAX;

/// Records that the call is read, then shows it.
pub(super) async fn show(server: &Arc<Server>, order: Order, id: CallId, answering: Answering) {
    match server.handle.submit(order).await {
        Ok(Ok(_)) => {}
        refused => return answering.outcome(refused, Some(id), None),
    }
    ask(server, answering, move |room, answering| {
        let state = room.engine.state();
        let Some(call) = state.call(id) else {
            return answering.reject(Code::UnknownCall, format!("call {id} is not known here"));
        };
        let history = &call.history[call.history.len().saturating_sub(TIMELINE_MAX)..];
        let timeline = history.iter().filter_map(|seq| read_one(room.journal, room.keyring, *seq));
        let timeline = timeline.map(|dated| convert::timeline_line(state, call, &dated)).collect();
        answering.reply(Some(state.seq), false, convert::details(state, call, timeline));
    });
}

/// Records that somebody asks for what came from her number or her place before, then says it.
pub(super) async fn earlier(
    server: &Arc<Server>,
    order: Order,
    asked: wire::ListEarlier,
    answering: Answering,
) {
    let call = asked.call.map(CallId);
    match server.handle.submit(order).await {
        Ok(Ok(_)) => {}
        refused => return answering.outcome(refused, call, None),
    }
    let here = Arc::clone(server);
    ask(server, answering, move |room, answering| {
        let state = room.engine.state();
        match list_earlier(state, &here.settings, &asked, room.engine.now()) {
            Some(earlier) => answering.reply(Some(state.seq), false, earlier),
            None => answering.reject(
                Code::UnknownCall,
                format!("call {} is not known here", asked.call.unwrap_or(0)),
            ),
        }
    });
}

fn read_one(journal: &dyn Journal, keyring: &Keyring, seq: u64) -> Option<Dated> {
    let frame = journal.tail(seq).ok()?.next()?.ok()?;
    let record = frame.records().find(|record| record.seq == seq)?;
    decode_sealed(record, keyring).ok()
}

/// What is known of a caller and a place from before; `None` for an unknown call.
fn list_earlier(
    state: &State,
    settings: &Settings,
    asked: &wire::ListEarlier,
    now: UtcMs,
) -> Option<wire::Earlier> {
    let most = asked.limit.unwrap_or(EARLIER).clamp(1, EARLIER_MAX) as usize;
    let shown = |calls: &mut dyn Iterator<Item = &Call>| {
        calls.take(most).map(|call| convert::summary(state, call)).collect::<Vec<_>>()
    };
    let call = match asked.call {
        Some(id) => Some(state.call(CallId(id))?),
        None => None,
    };
    let of_call = call.and_then(|call| call.placed.sealed.number.as_deref());
    let number = asked.number.as_deref().or(of_call).unwrap_or("");
    let own = call.map(|call| call.id);
    let of_caller = || state.from_number(number).filter(|it| Some(it.id) != own);
    let of_place: Vec<_> = call.into_iter().flat_map(|call| state.from_place_of(call)).collect();
    let triage = &settings.triage;
    let (caller, place) =
        (triage.count(of_caller(), now), triage.count(of_place.iter().copied(), now));
    let flags = call.map_or_else(Flags::default, |call| call.placed.flags);
    let weighed = triage.weigh(&caller, &place, flags);
    let proposed = call.filter(|call| call.closed.is_none()).and_then(|call| {
        let asked = settings.proposed_priority(&call.placed.kind);
        let raised = asked.number().saturating_sub(weighed.raise).max(1);
        (weighed.raise > 0 && raised < call.priority().number()).then_some(raised)
    });
    let why = weighed.reasons.iter().map(|(weight, points)| format!("{weight} ({points:+})"));
    Some(wire::Earlier {
        same_caller: shown(&mut of_caller()),
        same_place: shown(&mut of_place.iter().copied()),
        linked: call.map_or_else(Vec::new, |call| shown(&mut state.linked_with(call))),
        caller: convert::room::counts(&caller),
        place: convert::room::counts(&place),
        raise: weighed.raise,
        proposed,
        why: why.collect(),
    })
}

/// A unit that subscribes is shown the calls it is on, and the room what units wrote about theirs that nobody read yet:
/// that is a reading of each. Whoever missed nothing is shown nothing.
/// False: the engine has more urgent work, and nothing may be shown.
pub(super) async fn before_a_subscription(server: &Server, by: &Actor, seen: Option<u64>) -> bool {
    let callsign = Callsign::new(&by.who).filter(|_| by.role == Role::Unit);
    let (sender, receiver) = oneshot::channel();
    let queued = server.handle.ask(move |room| {
        let calls = room.map_or_else(
            |_| BTreeSet::new(),
            |room| {
                let state = room.engine.state();
                match &callsign {
                    _ if seen == Some(state.seq) => BTreeSet::new(),
                    Some(unit) => {
                        state.unit(unit).iter().flat_map(|unit| unit.calls.clone()).collect()
                    }
                    None => {
                        let unread = state.units().flat_map(|(_, unit)| unit.unread());
                        unread.filter_map(|message| message.call).collect()
                    }
                }
            },
        );
        let _ = sender.send(calls);
    });
    if queued == Asked::Shed {
        return false;
    }
    let calls: Vec<CallId> = receiver.await.unwrap_or_default().into_iter().collect();
    if !calls.is_empty() {
        let command = Command::OpenShown { calls };
        let order = Order { by: by.clone(), key: None, command };
        // It cannot be rejected; when the log fails, nothing more is shown to anybody.
        let _ = server.handle.submit(order).await;
    }
    true
}

//! What a command does to the room: events, or the reason why not. Changes nothing itself.

mod duty;
mod identity;
mod line;
mod notices;
mod press;

use super::state::State;
use crate::domain::bounds::{
    NAME_BYTES_MAX, NOTE_BYTES_MAX, NOTES_MAX, RULES_BYTES_MAX, UNITS_PER_CALL_MAX,
    WORDS_BYTES_MAX, cut,
};
use crate::domain::{
    Actor, Answer, Call, CallId, CallbackOutcome, Callsign, Command, Event, Leaving, NewCall,
    Order, Place, PriorityCause, Progress, Rejection, Role, Rules, Sealed, SealedText, Unit, UtcMs,
};

/// Places are rated on a grid of a thousandth of a degree, about a hundred metres.
const RATED_GRID_E7: i32 = 10_000;

/// What an accepted command does, and what it answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// The events, in order; empty when it is so already.
    pub events: Vec<Event>,
    /// The answer.
    pub answer: Answer,
}

impl Decision {
    fn of(event: Event) -> Self {
        Self { events: vec![event], answer: Answer::Done }
    }

    fn already() -> Self {
        Self { events: Vec::new(), answer: Answer::Done }
    }
}

type Decided = Result<Decision, Rejection>;

/// Decides `order` in `state` at `now`.
///
/// # Errors
/// A [`Rejection`], for the sender: nothing changed, and its text says what to do.
pub fn decide(state: &State, now: UtcMs, order: &Order) -> Decided {
    let by = &order.by;
    if by.role == Role::Unit {
        for_itself(state, &order.command, by)?;
    }
    // A call is taken, and a crew in danger heard, whatever else is wrong with it.
    let needs_help = matches!(
        order.command,
        Command::PlaceCall { .. } | Command::SetSafetyTimer { .. } | Command::Panic { .. }
    );
    if !needs_help {
        bound("name", &by.who, NAME_BYTES_MAX)?;
    }
    match &order.command {
        Command::AdoptRules(rules) => adopt(state, rules),
        Command::RecordClockStep { by_ms } => {
            Ok(Decision::of(Event::ClockStepped { by_ms: *by_ms }))
        }
        // Once for all that is kept aside together.
        Command::RecordSpill { first } if state.spilled().is_none() => {
            Ok(Decision::of(Event::SpillBegan { first: *first }))
        }
        Command::RecordSpill { .. } => Ok(Decision::already()),
        Command::RecordMerge => Ok(state.spilled().map_or_else(Decision::already, |first| {
            Decision::of(Event::SpillMerged { first, last: state.seq })
        })),
        Command::RecordShedWork { what, count } => Ok(Decision::of(Event::WorkShed {
            what: cut(what, NAME_BYTES_MAX).0.into(),
            count: *count,
        })),
        Command::RecordFailedLogIns { person, count } => Ok(Decision::of(Event::LogInsFailed {
            person: person.as_deref().map(|name| cut(name, NAME_BYTES_MAX).0.into()),
            count: *count,
        })),
        Command::RecordPersonChange { person, what, by } => {
            let name = |text| cut(text, NAME_BYTES_MAX).0.into();
            let what = cut(what, WORDS_BYTES_MAX).0.into();
            Ok(Decision::of(Event::PersonChanged { person: name(person), what, by: name(by) }))
        }
        Command::PlaceCall { received_at, call } => Ok(place(state, now, *received_at, call, by)),
        Command::RingLine { call } => line::ring(state, known(state, *call)?),
        Command::HangUpLine { call } => line::hang_up(state, known(state, *call)?),
        Command::SetSafetyTimer { received_at, after_ms, call } => {
            Ok(press::set_timer(state, (*received_at).min(now), *after_ms, call, by))
        }
        Command::FollowCaller { press, fixes } => press::follow(state, now, press, fixes),
        Command::CancelPress { press, proof } => press::cancel(state, now, press, proof),
        Command::DemotePress { press, priority, reason } => {
            press::demote(state, press, *priority, reason, by)
        }
        Command::RatePlace { point, rating } => {
            let point = point.to_grid(RATED_GRID_E7);
            Ok(Decision::of(Event::PlaceRated { point, rating: *rating, by: by.clone() }))
        }
        Command::VouchPress { press } => press::vouch(state, press, by),
        Command::ClaimCall { call, take_over } => claim(state, open(state, *call)?, *take_over, by),
        Command::ReleaseClaim { call } => release_claim(open(state, *call)?, by),
        Command::AssignUnit { call, unit } => assign(state, open(state, *call)?, unit, by),
        Command::ReleaseUnit { call, unit, reason } => {
            leave(open(state, *call)?, unit, Leaving::Released, reason.as_deref(), by)
        }
        Command::ReportProgress { call, unit, progress, by_radio } => {
            report(open(state, *call)?, unit, *progress, *by_radio, by)
        }
        Command::DeclineCall { call, unit, reason } => {
            let call = open(state, *call)?;
            on_call(call, unit)?;
            not_past(call, unit, Progress::EnRoute)?;
            leave(call, unit, Leaving::Declined, reason.as_deref(), by)
        }
        Command::ClearUnit { call, unit } => {
            leave(open(state, *call)?, unit, Leaving::Cleared, None, by)
        }
        Command::CheckIn { call, unit } => check_in(open(state, *call)?, unit, by),
        Command::SetPriority { call, priority, reason } => {
            let call = open(state, *call)?;
            note_bound("reason", reason.as_deref())?;
            if call.priority() == *priority {
                return Ok(Decision::already());
            }
            let cause = PriorityCause::By(by.clone(), reason.clone());
            Ok(Decision::of(Event::PriorityChanged { call: call.id, priority: *priority, cause }))
        }
        Command::AddNote { call, text } => {
            add_note(identity::kept(known(state, *call)?)?, text, by)
        }
        Command::LinkCall { call, primary } => link(state, *call, *primary, by),
        Command::DescribeCall { call, description } => {
            identity::describe(identity::kept(known(state, *call)?)?, description, by)
        }
        Command::EscalateCall { call, clock, reason } => {
            escalate(state, now, open(state, *call)?, clock.as_deref(), reason.as_deref(), by)
        }
        Command::TakeEscalation { call, clock, rung } => {
            take(state, known(state, *call)?, clock, *rung, by)
        }
        Command::RecordCallback { call, outcome, note } => {
            record_callback(open(state, *call)?, *outcome, note.as_ref(), by)
        }
        Command::CloseCall { call, disposition, remark } => {
            close(state, open(state, *call)?, disposition, remark.as_ref(), by)
        }
        Command::ReopenCall { call, reason } => {
            reopen(identity::kept(known(state, *call)?)?, reason.as_deref(), by)
        }
        Command::OpenCall { call, reason } => {
            identity::open(known(state, *call)?, reason.as_deref(), by)
        }
        Command::OpenShown { calls } => Ok(identity::open_shown(state, calls, by)),
        Command::AskEarlier { call } => identity::ask_earlier(state, *call, by),
        Command::EraseIdentity { call, authority, reason } => {
            identity::erase(state, *call, authority, reason, by)
        }
        Command::SignOnUnit { unit, crew, linked } => duty::sign_on(unit, crew, *linked),
        Command::SignOffUnit { unit } => {
            let first = Event::UnitSignedOff { unit: unit.clone(), by: by.clone() };
            leave_all(state, first, unit, Leaving::SignedOff, by)
        }
        Command::SetOutOfService { unit, reason } => {
            note_bound("reason", Some(reason))?;
            let first = Event::UnitOutOfService {
                unit: unit.clone(),
                reason: reason.clone(),
                by: by.clone(),
            };
            leave_all(state, first, unit, Leaving::OutOfService, by)
        }
        Command::SetAvailable { unit } => {
            if known_unit(state, unit)?.out_of_service.is_none() {
                return Ok(Decision::already());
            }
            Ok(Decision::of(Event::UnitAvailable { unit: unit.clone(), by: by.clone() }))
        }
        Command::MoveUnit { unit, point } => {
            known_unit(state, unit)?;
            Ok(Decision::of(Event::UnitMoved { unit: unit.clone(), point: *point }))
        }
        Command::Panic { unit, point, received_at } => {
            Ok(duty::panic(state, now, *received_at, unit, *point, by))
        }
        Command::SendMessage { unit, call, text } => duty::say(state, unit, *call, text, by),
        Command::MarkRead { unit, upto } => duty::mark_read(state, unit, *upto, by),
        Command::IntendNotices { escalation, to } => notices::intend(state, *escalation, to),
        Command::RecordDelivery { escalation, notice } => {
            notices::delivery(state, *escalation, *notice)
        }
        Command::RecordFailure { escalation, notice, gave_up, problem } => {
            notices::failure(state, *escalation, *notice, *gave_up, problem)
        }
        Command::SeeEscalation { escalation } => notices::see(state, *escalation, by),
        Command::SetLink { unit, up } => duty::set_link(state, unit, *up),
    }
}

/// A unit speaks for itself, and of calls it is on.
fn for_itself(state: &State, command: &Command, by: &Actor) -> Result<(), Rejection> {
    if unit_of(command).is_some_and(|unit| *by.who != *unit.as_str()) {
        return Err(Rejection::NotAllowed("acting for another unit"));
    }
    let (id, when_closed) = match command {
        Command::ClaimCall { call, .. }
        | Command::ReleaseClaim { call }
        | Command::AssignUnit { call, .. }
        | Command::SetPriority { call, .. }
        | Command::EscalateCall { call, .. }
        | Command::RecordCallback { call, .. }
        | Command::CloseCall { call, .. } => (*call, false),
        Command::AddNote { call, .. }
        | Command::LinkCall { call, .. }
        | Command::DescribeCall { call, .. }
        | Command::TakeEscalation { call, .. }
        | Command::ReopenCall { call, .. } => (*call, true),
        // The others find out themselves.
        _ => return Ok(()),
    };
    let call = known(state, id)?;
    if call.closed.is_some() && !when_closed {
        return Err(Rejection::CallClosed(id));
    }
    let on_call = call.units.iter().any(|unit| *unit.unit.as_str() == *by.who);
    on_call.then_some(()).ok_or(Rejection::NotAllowed("touching a call the unit is not on"))
}

/// The unit a command speaks of.
pub(super) fn unit_of(command: &Command) -> Option<&Callsign> {
    match command {
        Command::AssignUnit { unit, .. }
        | Command::ReleaseUnit { unit, .. }
        | Command::ReportProgress { unit, .. }
        | Command::DeclineCall { unit, .. }
        | Command::ClearUnit { unit, .. }
        | Command::CheckIn { unit, .. }
        | Command::SignOnUnit { unit, .. }
        | Command::SignOffUnit { unit }
        | Command::SetOutOfService { unit, .. }
        | Command::SetAvailable { unit }
        | Command::MoveUnit { unit, .. }
        | Command::Panic { unit, .. }
        | Command::SendMessage { unit, .. }
        | Command::MarkRead { unit, .. }
        | Command::SetLink { unit, .. } => Some(unit),
        _ => None,
    }
}

fn known(state: &State, id: CallId) -> Result<&Call, Rejection> {
    state.call(id).ok_or(Rejection::UnknownCall(id))
}

fn open(state: &State, id: CallId) -> Result<&Call, Rejection> {
    let call = known(state, id)?;
    if call.closed.is_some() { Err(Rejection::CallClosed(id)) } else { Ok(call) }
}

fn known_unit<'a>(state: &'a State, unit: &Callsign) -> Result<&'a Unit, Rejection> {
    state.unit(unit).ok_or_else(|| Rejection::UnknownUnit(unit.clone()))
}

fn on_call<'a>(
    call: &'a Call,
    unit: &Callsign,
) -> Result<&'a crate::domain::Assignment, Rejection> {
    call.assignment(unit)
        .ok_or_else(|| Rejection::NotAssigned { call: call.id, unit: unit.clone() })
}

fn not_past(call: &Call, unit: &Callsign, most: Progress) -> Result<(), Rejection> {
    let now = on_call(call, unit)?.progress;
    if now > most {
        return Err(Rejection::OutOfOrder { call: call.id, unit: unit.clone(), now: now.name() });
    }
    Ok(())
}

fn bound(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Rejection> {
    if text.len() > bytes_max {
        return Err(Rejection::TooLong { field, bytes: text.len(), bytes_max });
    }
    Ok(())
}

fn note_bound(field: &'static str, text: Option<&str>) -> Result<(), Rejection> {
    text.map_or(Ok(()), |text| bound(field, text, NOTE_BYTES_MAX))
}

fn adopt(state: &State, rules: &Rules) -> Decided {
    if state.rules() == Some(rules) {
        return Ok(Decision::already());
    }
    let bytes = rmp_serde::to_vec(rules).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > RULES_BYTES_MAX {
        return Err(Rejection::TooLong { field: "rules", bytes, bytes_max: RULES_BYTES_MAX });
    }
    Ok(Decision::of(Event::RulesAdopted(Box::new(rules.clone()))))
}

/// Takes a call, whatever it says: texts past their bound are cut and the call is marked so.
fn place(state: &State, now: UtcMs, received_at: UtcMs, call: &NewCall, by: &Actor) -> Decision {
    assert!(
        state.rules().is_some(),
        "rules are adopted before the first call; without clocks it would be answered and lost"
    );
    if let Some(open) = press::joined(state, &call.sealed) {
        let by = Actor::new(cut(&by.who, NAME_BYTES_MAX).0, by.role);
        let silent = call.flags.silent;
        let event = Event::PressedAgain { call: open, by, silent };
        return Decision { events: vec![event], answer: Answer::CallPlaced(open) };
    }
    let (mut placed, by) = within_bounds(call, by);
    let timer = press::sets_off(state, &call.sealed);
    if let Some(timer) = timer {
        press::fill_up(&mut placed, &timer.placed);
    }
    let id = timer.map_or_else(|| state.next_call(), |timer| timer.call);
    let event = Event::CallReceived {
        call: id,
        received_at: received_at.min(now),
        placed: Box::new(placed),
        by,
    };
    Decision { events: vec![event], answer: Answer::CallPlaced(id) }
}

/// A call whose texts are past no bound, marked if they were.
fn within_bounds(call: &NewCall, by: &Actor) -> (NewCall, Actor) {
    let mut was_cut = false;
    let mut keep = |text: &str, bytes_max| -> Box<str> {
        let (kept, shorter) = cut(text, bytes_max);
        was_cut |= shorter;
        kept.into()
    };
    let mut placed = NewCall {
        source: call.source,
        line: call.line.as_deref().map(|text| keep(text, NAME_BYTES_MAX)),
        district: keep(&call.district, NAME_BYTES_MAX),
        kind: keep(&call.kind, NAME_BYTES_MAX),
        priority: call.priority,
        flags: call.flags,
        sealed: Sealed {
            number: call.sealed.number.as_deref().map(|text| keep(text, NAME_BYTES_MAX)),
            name: call.sealed.name.as_deref().map(|text| keep(text, NAME_BYTES_MAX)),
            place: call.sealed.place.as_ref().map(|place| Place {
                point: place.point,
                words: place.words.as_deref().map(|text| keep(text, WORDS_BYTES_MAX)),
            }),
            note: call.sealed.note.as_deref().map(|text| keep(text, NOTE_BYTES_MAX)),
            press: call.sealed.press.clone(),
        },
    };
    let by = Actor::new(&keep(&by.who, NAME_BYTES_MAX), by.role);
    placed.flags.cut |= was_cut;
    (placed, by)
}

fn claim(state: &State, call: &Call, take_over: bool, by: &Actor) -> Decided {
    match &call.claim {
        Some(claim) if !claim.stale && claim.who == by.who => return Ok(Decision::already()),
        Some(claim) if !claim.stale && !take_over => {
            return Err(Rejection::Claimed { call: call.id, who: claim.who.clone() });
        }
        _ => {}
    }
    let mut decision = Decision::of(Event::CallClaimed { call: call.id, by: by.clone() });
    decision.events.extend(line::answered(state, call, by));
    Ok(decision)
}

fn release_claim(call: &Call, by: &Actor) -> Decided {
    match &call.claim {
        None => Ok(Decision::already()),
        Some(claim) if claim.who != by.who && by.role != Role::Supervisor => {
            Err(Rejection::Claimed { call: call.id, who: claim.who.clone() })
        }
        Some(_) => Ok(Decision::of(Event::ClaimReleased { call: call.id, by: by.clone() })),
    }
}

fn room_for_a_unit(call: &Call) -> Result<(), Rejection> {
    if call.units.len() >= UNITS_PER_CALL_MAX {
        return Err(Rejection::TooMany { what: "units on one call", most: UNITS_PER_CALL_MAX });
    }
    Ok(())
}

fn assign(state: &State, call: &Call, unit: &Callsign, by: &Actor) -> Decided {
    let known = known_unit(state, unit)?;
    if call.assignment(unit).is_some() {
        return Ok(Decision::already());
    }
    if known.out_of_service.is_some() {
        return Err(Rejection::UnitOutOfService(unit.clone()));
    }
    room_for_a_unit(call)?;
    Ok(Decision::of(Event::UnitAssigned { call: call.id, unit: unit.clone(), by: by.clone() }))
}

fn report(call: &Call, unit: &Callsign, progress: Progress, by_radio: bool, by: &Actor) -> Decided {
    match call.assignment(unit) {
        // A unit sees and touches its own assignments only; what an operator heard on the radio
        // is true whether or not he assigned the unit first.
        None if by.role == Role::Unit || progress == Progress::Assigned => {
            return Err(Rejection::NotAssigned { call: call.id, unit: unit.clone() });
        }
        None => room_for_a_unit(call)?,
        Some(assignment) if assignment.progress == progress => return Ok(Decision::already()),
        Some(_) => not_past(call, unit, progress)?,
    }
    Ok(Decision::of(Event::UnitProgressed {
        call: call.id,
        unit: unit.clone(),
        progress,
        by_radio,
        by: by.clone(),
    }))
}

fn leave(
    call: &Call,
    unit: &Callsign,
    leaving: Leaving,
    reason: Option<&str>,
    by: &Actor,
) -> Decided {
    on_call(call, unit)?;
    note_bound("reason", reason)?;
    let mut events = Vec::with_capacity(2);
    leaves(call, unit, leaving, reason, by, &mut events);
    Ok(Decision { events, answer: Answer::Done })
}

/// The unit leaves the call; if it was the last that acknowledged, and none arrived, the
/// acknowledgement goes with it.
pub(super) fn leaves(
    call: &Call,
    unit: &Callsign,
    leaving: Leaving,
    reason: Option<&str>,
    by: &Actor,
    events: &mut Vec<Event>,
) {
    events.push(Event::UnitLeft {
        call: call.id,
        unit: unit.clone(),
        leaving,
        reason: reason.map(Into::into),
        by: by.clone(),
    });
    let stands = call
        .units
        .iter()
        .any(|other| other.unit != *unit && other.progress >= Progress::Acknowledged);
    if call.acknowledged_at.is_some() && call.on_scene_at.is_none() && !stands {
        events.push(Event::AcknowledgementWithdrawn { call: call.id });
    }
}

/// `first`, and then the unit leaves its calls: a unit known by voice only is forgotten with its
/// last call, and nothing may speak of it after that.
fn leave_all(
    state: &State,
    first: Event,
    unit: &Callsign,
    leaving: Leaving,
    by: &Actor,
) -> Decided {
    let mut events = vec![first];
    for call in &known_unit(state, unit)?.calls {
        leaves(known(state, *call)?, unit, leaving, None, by, &mut events);
    }
    Ok(Decision { events, answer: Answer::Done })
}

fn check_in(call: &Call, unit: &Callsign, by: &Actor) -> Decided {
    if on_call(call, unit)?.progress < Progress::OnScene {
        return Err(Rejection::NotOnScene { call: call.id, unit: unit.clone() });
    }
    Ok(Decision::of(Event::UnitCheckedIn { call: call.id, unit: unit.clone(), by: by.clone() }))
}

/// The attempt and what was said are one command: both are there or neither, however often it is sent.
fn record_callback(
    call: &Call,
    outcome: CallbackOutcome,
    note: Option<&SealedText>,
    by: &Actor,
) -> Decided {
    let mut decision =
        Decision::of(Event::CallbackRecorded { call: call.id, outcome, by: by.clone() });
    if let Some(text) = note {
        decision.events.extend(add_note(call, text, by)?.events);
    }
    Ok(decision)
}

fn add_note(call: &Call, text: &SealedText, by: &Actor) -> Decided {
    bound("note", &text.0, NOTE_BYTES_MAX)?;
    if call.notes.len() >= NOTES_MAX {
        return Err(Rejection::TooMany { what: "notes on one call", most: NOTES_MAX });
    }
    Ok(Decision::of(Event::NoteAdded { call: call.id, text: text.clone(), by: by.clone() }))
}

fn link(state: &State, id: CallId, primary: CallId, by: &Actor) -> Decided {
    let call = known(state, id)?;
    let mut root = known(state, primary)?;
    // Links point to calls that repeat nothing when they are made, so a chain is short; a call
    // that was forgotten since ends it.
    loop {
        if root.id == id {
            return Err(Rejection::LinkCycle { call: id, primary });
        }
        match root.primary.and_then(|next| state.call(next)) {
            Some(next) => root = next,
            None => break,
        }
    }
    if call.primary == Some(primary) {
        return Ok(Decision::already());
    }
    Ok(Decision::of(Event::CallLinked { call: id, primary, by: by.clone() }))
}

fn clock_named(rules: &Rules, name: &str) -> Result<u8, Rejection> {
    rules.clock(name).map(|(index, _)| index).ok_or_else(|| Rejection::UnknownClock {
        given: cut(name, NAME_BYTES_MAX).0.into(),
        known: names(rules.clocks.iter().map(|clock| &*clock.name)),
    })
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn escalate(
    state: &State,
    now: UtcMs,
    call: &Call,
    clock: Option<&str>,
    reason: Option<&str>,
    by: &Actor,
) -> Decided {
    use crate::domain::ClockPoint::{Repeat, Rung};
    note_bound("reason", reason)?;
    let rules = state.rules_of(call);
    let wanted = clock.map(|name| clock_named(rules, name)).transpose()?;
    let run = call
        .clocks
        .iter()
        .filter(|run| run.stopped_at.is_none())
        .find(|run| wanted.is_none_or(|clock| clock == run.clock))
        .ok_or(Rejection::NoClockRunning(call.id))?;
    let ladder = rules.ladder(&rules.clocks[usize::from(run.clock)]);
    let (rung, repeat) = match run.by_hand(ladder) {
        Rung(rung) => (rung, 0),
        Repeat(repeat) => (run.rungs - 1, repeat),
        crate::domain::ClockPoint::Warning(_) => unreachable!("a hand tells offices, not warnings"),
    };
    Ok(Decision::of(Event::Escalated {
        call: call.id,
        generation: call.generation,
        clock: run.clock,
        unit: run.unit.clone(),
        rung,
        repeat,
        due_at: now,
        by_hand: Some((by.clone(), reason.map(Into::into))),
    }))
}

fn take(state: &State, call: &Call, clock: &str, rung: Option<u8>, by: &Actor) -> Decided {
    let clock = clock_named(state.rules_of(call), clock)?;
    let told = call.clocks.iter().filter(|run| run.clock == clock).map(|run| run.rungs).max();
    let highest = told.and_then(|told| told.checked_sub(1));
    let rung = match (rung, highest) {
        (_, None) => return Err(Rejection::RungNotTold(call.id)),
        (Some(rung), Some(highest)) if rung > highest => {
            return Err(Rejection::RungNotTold(call.id));
        }
        (Some(rung), _) => rung,
        (None, Some(highest)) => highest,
    };
    Ok(Decision::of(Event::EscalationTaken { call: call.id, clock, rung, by: by.clone() }))
}

fn close(
    state: &State,
    call: &Call,
    name: &str,
    remark: Option<&SealedText>,
    by: &Actor,
) -> Decided {
    note_bound("remark", remark.map(|text| &*text.0))?;
    let rules = state.rules_of(call);
    let disposition = rules.disposition(name).ok_or_else(|| Rejection::WrongDisposition {
        given: cut(name, NAME_BYTES_MAX).0.into(),
        known: names(rules.dispositions.iter().map(|known| &*known.name)),
    })?;
    let (id, disposition, remark, guarded) = (
        call.id,
        disposition.name.clone(),
        remark.cloned(),
        disposition.guarded && call.placed.flags.guarded(),
    );
    let closed = Event::CallClosed {
        call: id,
        disposition: disposition.clone(),
        by: by.clone(),
        remark: remark.clone(),
    };
    if !guarded {
        return Ok(Decision::of(closed));
    }
    if call.callbacks == 0 {
        return Err(Rejection::NeedsCallback(id));
    }
    match &call.close_proposed {
        Some(first) if first.disposition == disposition && first.who == by.who => {
            Err(Rejection::NeedsSecondPerson { call: id, who: by.who.clone() })
        }
        Some(first) if first.disposition == disposition => Ok(Decision::of(closed)),
        _ => Ok(Decision {
            events: vec![Event::CloseProposed { call: id, disposition, by: by.clone(), remark }],
            answer: Answer::AwaitingSecond,
        }),
    }
}

fn reopen(call: &Call, reason: Option<&str>, by: &Actor) -> Decided {
    note_bound("reason", reason)?;
    if call.closed.is_none() {
        return Err(Rejection::CallOpen(call.id));
    }
    Ok(Decision::of(Event::CallReopened {
        call: call.id,
        generation: call.generation + 1,
        reason: reason.map(Into::into),
        by: by.clone(),
        received_at: call.received_at,
        district: call.placed.district.clone(),
        kind: call.placed.kind.clone(),
        priority: call.priority(),
        flags: call.placed.flags,
    }))
}

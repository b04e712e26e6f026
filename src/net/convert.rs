//! Between the wire's words and the domain's, both ways; the only file that knows both.
//!
//! What leaves here for a queue, a push or a list carries no identity: that is in
//! [`assignment`] (for the unit that is sent) and [`details`] (for who opened the call, which
//! the caller of it records).

pub(super) mod about;
mod described;
pub(super) mod room;
pub(super) mod told;

use self::described::{described, description};
use crate::config::Settings;
use crate::domain::{
    Actor, Answer, Call, CallId, CallbackOutcome, Callsign, Command, Dated, Event, Flags, Key,
    Leaving, Link, NewCall, Order, Place, Point, Priority, PriorityCause, Progress, Rejection,
    Role, Sealed, SealedText, SignOn, Source, Stage, Unit, UtcMs,
};
use crate::engine::{Accepted, State};
use crate::protocol as wire;
use wire::{Code, ReplyBody, Request};

/// A request field that cannot be: the rejection's code, text and field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadField {
    pub(super) field: &'static str,
    pub(super) text: String,
}

fn bad<T>(field: &'static str, text: impl Into<String>) -> Result<T, BadField> {
    Err(BadField { field, text: text.into() })
}

/// The role of a session.
pub(super) fn role(role: wire::Role) -> Role {
    match role {
        wire::Role::Intake => Role::Intake,
        wire::Role::Operator => Role::Operator,
        wire::Role::Unit => Role::Unit,
        wire::Role::Supervisor => Role::Supervisor,
        wire::Role::Admin => Role::Admin,
    }
}

/// The command a request asks for; `None` when it is no command of the core.
pub(super) fn command(
    request: &Request,
    by: &Actor,
    received_at: UtcMs,
    settings: &Settings,
    room: impl Fn(&Callsign) -> Option<CallId>,
) -> Result<Option<Command>, BadField> {
    let call = CallId;
    let text = |text: &Option<String>| text.as_deref().map(Into::into);
    Ok(Some(match request {
        Request::PlaceCall(placed) => {
            Command::PlaceCall { received_at, call: Box::new(new_call(placed, settings)?) }
        }
        Request::Claim(claim) => Command::ClaimCall { call: call(claim.call), take_over: false },
        Request::TakeOver(claim) => Command::ClaimCall { call: call(claim.call), take_over: true },
        Request::ReleaseClaim(claim) => Command::ReleaseClaim { call: call(claim.call) },
        Request::AssignUnit(assign) => {
            Command::AssignUnit { call: call(assign.call), unit: named(&assign.unit)? }
        }
        Request::ReleaseUnit(release) => Command::ReleaseUnit {
            call: call(release.call),
            unit: named(&release.unit)?,
            reason: text(&release.reason),
        },
        Request::ReportStatus(report) => report_status(report, by)?,
        Request::CheckIn(check_in) => {
            let unit = own_unit(check_in.unit.as_deref(), by)?;
            let Some(call) = check_in.call.map(CallId).or_else(|| room(&unit)) else {
                return bad("call", "say which call: the unit is on none, or on several");
            };
            Command::CheckIn { call, unit }
        }
        Request::SetPriority(set) => Command::SetPriority {
            call: call(set.call),
            priority: priority(set.priority)?,
            reason: text(&set.reason),
        },
        Request::AddNote(note) => {
            Command::AddNote { call: call(note.call), text: SealedText(note.text.as_str().into()) }
        }
        Request::DescribeCall(said) => {
            let call = call(said.call);
            Command::DescribeCall { call, description: Box::new(description(said)?) }
        }
        Request::LinkCall(link) => {
            Command::LinkCall { call: call(link.call), primary: call(link.primary) }
        }
        Request::Escalate(escalate) => Command::EscalateCall {
            call: call(escalate.call),
            clock: text(&escalate.clock),
            reason: text(&escalate.reason),
        },
        Request::RecordCallback(callback) => Command::RecordCallback {
            call: call(callback.call),
            outcome: match callback.outcome {
                wire::CallbackOutcome::Reached => CallbackOutcome::Reached,
                wire::CallbackOutcome::NoAnswer => CallbackOutcome::NoAnswer,
                wire::CallbackOutcome::WrongNumber => CallbackOutcome::WrongNumber,
                wire::CallbackOutcome::Unsafe => CallbackOutcome::Unsafe,
            },
            note: callback.note.as_deref().map(|note| SealedText(note.into())),
        },
        Request::TakeEscalation(take) => Command::TakeEscalation {
            call: call(take.call),
            clock: take.clock.as_str().into(),
            rung: take.rung.map(rung).transpose()?,
        },
        Request::SeeEscalation(see) => Command::SeeEscalation { escalation: see.escalation },
        Request::CloseCall(close) => Command::CloseCall {
            call: call(close.call),
            disposition: close.disposition.as_str().into(),
            remark: close.remark.as_deref().map(|remark| SealedText(remark.into())),
        },
        Request::ReopenCall(reopen) => {
            Command::ReopenCall { call: call(reopen.call), reason: text(&reopen.reason) }
        }
        Request::ListEarlier(asked) => Command::AskEarlier { call: asked.call.map(CallId) },
        Request::ShowCall(show) => {
            Command::OpenCall { call: call(show.call), reason: text(&show.reason) }
        }
        Request::SignOn(sign_on) => Command::SignOnUnit {
            unit: named(&sign_on.unit)?,
            crew: Box::new(SignOn {
                district: sign_on.district.as_str().into(),
                crew: sign_on.crew.iter().map(|name| name.as_str().into()).collect(),
                skills: sign_on.skills.iter().map(|skill| skill.as_str().into()).collect(),
                vehicle: text(&sign_on.vehicle),
                point: point(sign_on.lat, sign_on.lon, None)?,
            }),
            linked: by.role == Role::Unit,
        },
        Request::SignOff(sign_off) => {
            Command::SignOffUnit { unit: own_unit(sign_off.unit.as_deref(), by)? }
        }
        Request::SetOutOfService(set) => Command::SetOutOfService {
            unit: own_unit(set.unit.as_deref(), by)?,
            reason: set.reason.as_str().into(),
        },
        Request::SetAvailable(set) => {
            Command::SetAvailable { unit: own_unit(set.unit.as_deref(), by)? }
        }
        Request::ReportPosition(position) => {
            let Some(point) = point(Some(position.lat), Some(position.lon), position.accuracy_m)?
            else {
                return bad("lat", "a position needs lat and lon");
            };
            Command::MoveUnit { unit: own_unit(position.unit.as_deref(), by)?, point }
        }
        Request::Panic(panic) => Command::Panic {
            unit: own_unit(panic.unit.as_deref(), by)?,
            // A bad point must not cost the alarm.
            point: point(panic.lat, panic.lon, None).unwrap_or(None),
            received_at,
        },
        Request::SendMessage(message) => Command::SendMessage {
            unit: own_unit(message.unit.as_deref(), by)?,
            call: message.call.map(CallId),
            text: SealedText(message.text.as_str().into()),
        },
        Request::MarkRead(read) => {
            Command::MarkRead { unit: own_unit(read.unit.as_deref(), by)?, upto: read.upto_seq }
        }
        Request::EraseIdentity(erase) => Command::EraseIdentity {
            call: call(erase.call),
            authority: erase.authority.as_str().into(),
            reason: erase.reason.as_str().into(),
        },
        Request::ListCalls(_)
        | Request::ListUnits(_)
        | Request::RecommendUnits(_)
        | Request::ListEscalations(_)
        | Request::ShowRoom(_)
        | Request::Health(_)
        | Request::Report(_)
        | Request::Subscribe(_)
        | Request::Unsubscribe(_)
        | Request::Backup(_)
        | Request::TakeSnapshot(_)
        | Request::Archive(_) => return Ok(None),
    }))
}

/// The order for a command.
pub(super) fn order(by: &Actor, key: Option<wire::Key>, command: Command) -> Order {
    Order { by: by.clone(), key: key.map(|key| Key(key.0)), command }
}

fn new_call(placed: &wire::PlaceCall, settings: &Settings) -> Result<NewCall, BadField> {
    let text = |text: &Option<String>| text.as_deref().map(Into::into);
    let proposed = settings.proposed_priority(&placed.kind);
    // A bad point must not cost the call; the words stay.
    let at = |place: &wire::Place| point(place.lat, place.lon, place.accuracy_m).unwrap_or(None);
    let at = placed.place.as_ref().and_then(at);
    let district = match placed.district.trim() {
        "" => settings.intake.district_of(placed.line.as_deref(), at),
        said => said,
    };
    Ok(NewCall {
        source: match placed.source {
            wire::Source::PhoneLine => Source::PhoneLine,
            wire::Source::App => Source::App,
            wire::Source::WalkIn => Source::WalkIn,
            wire::Source::Partner => Source::Partner,
            wire::Source::Officer => Source::Officer,
        },
        line: text(&placed.line),
        district: district.into(),
        kind: placed.kind.as_str().into(),
        // A call is taken whatever its priority says; one that is off the scale is proposed anew.
        priority: placed.priority.and_then(Priority::new).unwrap_or(proposed),
        flags: Flags {
            silent: placed.silent,
            unsafe_to_ring_back: placed.unsafe_to_ring_back,
            dropped: placed.dropped,
            sos: placed.sos,
            test: placed.test,
            ..Flags::default()
        },
        sealed: Sealed {
            number: text(&placed.number),
            name: text(&placed.name),
            place: placed
                .place
                .as_ref()
                .map(|place| Place { point: at, words: text(&place.words) }),
            note: text(&placed.note),
            press: None,
        },
    })
}

fn report_status(report: &wire::ReportStatus, by: &Actor) -> Result<Command, BadField> {
    let call = CallId(report.call);
    let unit = own_unit(report.unit.as_deref(), by)?;
    let by_radio = report.by_radio || by.role != Role::Unit;
    let progress =
        |progress| Command::ReportProgress { call, unit: unit.clone(), progress, by_radio };
    Ok(match report.status {
        wire::ReportedStatus::Acknowledged => progress(Progress::Acknowledged),
        wire::ReportedStatus::EnRoute => progress(Progress::EnRoute),
        wire::ReportedStatus::OnScene => progress(Progress::OnScene),
        wire::ReportedStatus::Declined => {
            Command::DeclineCall { call, unit, reason: report.reason.as_deref().map(Into::into) }
        }
        wire::ReportedStatus::Clear => Command::ClearUnit { call, unit },
    })
}

pub(super) fn named(callsign: &str) -> Result<Callsign, BadField> {
    Callsign::new(callsign).ok_or(BadField {
        field: "unit",
        text: format!("a callsign has 1 to {} bytes", crate::domain::bounds::NAME_BYTES_MAX),
    })
}

fn own_unit(callsign: Option<&str>, by: &Actor) -> Result<Callsign, BadField> {
    match callsign {
        Some(callsign) => named(callsign),
        None if by.role == Role::Unit => named(&by.who),
        None => bad("unit", "say which unit; only a unit's own client may leave it out"),
    }
}

fn priority(number: u8) -> Result<Priority, BadField> {
    Priority::try_from(number).map_err(|text| BadField { field: "priority", text })
}

/// A rung of the wire counts from 1, one of the core from 0.
fn rung(number: u32) -> Result<u8, BadField> {
    match number.checked_sub(1).map(u8::try_from) {
        Some(Ok(rung)) => Ok(rung),
        _ => bad("rung", "rungs count from 1"),
    }
}

fn point(
    lat: Option<f64>,
    lon: Option<f64>,
    accuracy_m: Option<u32>,
) -> Result<Option<Point>, BadField> {
    match (lat, lon) {
        (None, None) => Ok(None),
        (Some(lat), Some(lon)) => match Point::from_degrees(lat, lon, accuracy_m.unwrap_or(0)) {
            Some(point) => Ok(Some(point)),
            None => bad("lat", "not on the globe: latitude -90 to 90, longitude -180 to 180"),
        },
        _ => bad("lat", "latitude and longitude come together"),
    }
}

/// The core's rejection as the wire says it.
pub(super) fn rejection(id: u64, rejection: &Rejection) -> wire::Rejection {
    let code = Code::from(rejection.code());
    wire::Rejection { id, code, text: rejection.to_string(), field: None, drill: false }
}

/// What was accepted is on the disk.
pub(super) fn is_durable(accepted: &Accepted, state: Option<&State>) -> bool {
    state.is_none_or(|state| state.is_durable(accepted.seq))
}

/// What an accepted command replies.
pub(super) fn reply(accepted: Accepted, call: Option<CallId>, state: Option<&State>) -> ReplyBody {
    let durable = is_durable(&accepted, state);
    match accepted.answer {
        Answer::CallPlaced(id) => {
            let known = state.and_then(|state| state.call(id));
            ReplyBody::CallPlaced(wire::CallPlaced {
                call: id.0,
                received_at: known.map_or(0, |call| call.received_at.0),
                priority: known.map_or(0, |call| call.priority().number()),
                durable,
            })
        }
        answer => ReplyBody::Done(wire::Done {
            call: call.map(|id| id.0),
            stage: call.and_then(|id| state?.call(id)).map(|call| stage(call.stage())),
            awaiting_second: answer == Answer::AwaitingSecond,
        }),
    }
}

/// The wire's word for a stage.
pub(super) fn stage(stage: Stage) -> wire::Stage {
    match stage {
        Stage::Waiting => wire::Stage::Waiting,
        Stage::Dispatched => wire::Stage::Dispatched,
        Stage::Acknowledged => wire::Stage::Acknowledged,
        Stage::EnRoute => wire::Stage::EnRoute,
        Stage::OnScene => wire::Stage::OnScene,
        Stage::Closed => wire::Stage::Closed,
    }
}

fn source(source: Source) -> wire::Source {
    match source {
        Source::PhoneLine => wire::Source::PhoneLine,
        Source::App => wire::Source::App,
        Source::WalkIn => wire::Source::WalkIn,
        Source::Partner => wire::Source::Partner,
        // A canary is never shown; the room's own officer placed it.
        Source::Officer | Source::Canary => wire::Source::Officer,
    }
}

fn flags(flags: Flags) -> wire::Flags {
    wire::Flags {
        silent: flags.silent,
        unsafe_to_ring_back: flags.unsafe_to_ring_back,
        dropped: flags.dropped,
        sos: flags.sos,
        test: flags.test,
        cancelled: flags.cancelled,
        duress: flags.duress,
    }
}

fn progress_status(progress: Progress) -> wire::UnitStatus {
    match progress {
        Progress::Assigned => wire::UnitStatus::Dispatched,
        Progress::Acknowledged => wire::UnitStatus::Acknowledged,
        Progress::EnRoute => wire::UnitStatus::EnRoute,
        Progress::OnScene => wire::UnitStatus::OnScene,
    }
}

fn unit_status(status: crate::domain::UnitStatus) -> wire::UnitStatus {
    use crate::domain::UnitStatus;
    match status {
        UnitStatus::Available => wire::UnitStatus::Available,
        UnitStatus::Dispatched => wire::UnitStatus::Dispatched,
        UnitStatus::Acknowledged => wire::UnitStatus::Acknowledged,
        UnitStatus::EnRoute => wire::UnitStatus::EnRoute,
        UnitStatus::OnScene => wire::UnitStatus::OnScene,
        UnitStatus::OutOfService => wire::UnitStatus::OutOfService,
        UnitStatus::SignedOff => wire::UnitStatus::SignedOff,
    }
}

/// A call as queues and feeds show it: nothing of who she is.
pub(super) fn summary(state: &State, call: &Call) -> wire::CallSummary {
    let rules = state.rules_of(call);
    wire::CallSummary {
        call: call.id.0,
        generation: call.generation,
        kind: call.placed.kind.to_string(),
        district: call.placed.district.to_string(),
        priority: call.priority().number(),
        stage: stage(call.stage()),
        source: source(call.placed.source),
        flags: flags(call.placed.flags),
        received_at: call.received_at.0,
        acknowledged_at: call.acknowledged_at.map(|at| at.0),
        en_route_at: call.en_route_at.map(|at| at.0),
        on_scene_at: call.on_scene_at.map(|at| at.0),
        closed_at: call.closed.as_ref().map(|closing| closing.at.0),
        disposition: call.closed.as_ref().map(|closing| closing.disposition.to_string()),
        primary: call.primary.map(|id| id.0),
        claim: call.claim.as_ref().map(|claim| wire::ClaimSummary {
            who: claim.who.to_string(),
            since_at: claim.since.0,
            stale: claim.stale,
        }),
        units: call
            .units
            .iter()
            .map(|assignment| wire::UnitOnCall {
                unit: assignment.unit.to_string(),
                status: progress_status(assignment.progress),
                since_at: assignment.since.0,
            })
            .collect(),
        clocks: call
            .clocks
            .iter()
            .map(|run| {
                let rule = &rules.clocks[usize::from(run.clock)];
                wire::ClockSummary {
                    clock: rule.name.to_string(),
                    unit: run.unit.as_ref().map(ToString::to_string),
                    limit_at: run.limit_at.0,
                    next_at: run.next(rule, rules.ladder(rule)).map(|(at, _)| at.0),
                    rung: u32::from(run.rungs),
                    repeats: run.repeats,
                    stopped_at: run.stopped_at.map(|at| at.0),
                }
            })
            .collect(),
        notes: u32::try_from(call.notes.len()).unwrap_or(u32::MAX),
        ringing: state.rings(call.id),
    }
}

/// A unit as the room shows it.
pub(super) fn unit_summary(state: &State, callsign: &Callsign, unit: &Unit) -> wire::UnitSummary {
    let crew = unit.signed_on.as_ref();
    wire::UnitSummary {
        unit: callsign.to_string(),
        status: unit_status(state.status(callsign, unit)),
        district: unit.district().to_owned(),
        crew: crew.map_or(0, |crew| u32::try_from(crew.crew.len()).unwrap_or(u32::MAX)),
        skills: crew
            .map_or_else(Vec::new, |crew| crew.skills.iter().map(ToString::to_string).collect()),
        calls: unit.calls.iter().map(|id| id.0).collect(),
        lat: unit.point.map(Point::lat),
        lon: unit.point.map(Point::lon),
        last_seen_at: unit.heard_at.0,
        linked: unit.link == Link::Up,
        panic: unit
            .panic
            .filter(|id| state.call(*id).is_some_and(|call| call.closed.is_none()))
            .map(|id| id.0),
    }
}

fn place(place: &Place) -> wire::Place {
    wire::Place {
        lat: place.point.map(Point::lat),
        lon: place.point.map(Point::lon),
        accuracy_m: place.point.map(|point| point.accuracy_m).filter(|metres| *metres > 0),
        words: place.words.as_deref().map(Into::into),
    }
}

/// What a unit that is sent to `call` gets: where, and whom to ask for.
pub(super) fn assignment(call: &Call, unit: &Callsign) -> Option<wire::Assignment> {
    let text = |text: &Option<Box<str>>| text.as_deref().map(Into::into);
    let sealed = &call.placed.sealed;
    Some(wire::Assignment {
        call: call.id.0,
        generation: call.generation,
        kind: call.placed.kind.to_string(),
        priority: call.priority().number(),
        district: call.placed.district.to_string(),
        place: call.whereabouts().as_ref().map(place),
        number: text(&sealed.number),
        name: text(&sealed.name),
        note: text(&sealed.note),
        flags: flags(call.placed.flags),
        assigned_at: call.assignment(unit)?.assigned_at.0,
    })
}

/// A call with who she is, for somebody whose reading of it was recorded.
pub(super) fn details(
    state: &State,
    call: &Call,
    timeline: Vec<wire::TimelineLine>,
) -> wire::CallDetails {
    let text = |text: &Option<Box<str>>| text.as_deref().map(Into::into);
    let sealed = &call.placed.sealed;
    let first = sealed.note.iter().map(|note| wire::NoteLine {
        at: call.received_at.0,
        who: "call taker".into(),
        text: note.to_string(),
    });
    let later = call.notes.iter().map(|note| wire::NoteLine {
        at: note.at.0,
        who: note.who.to_string(),
        text: note.text.0.to_string(),
    });
    wire::CallDetails {
        summary: Box::new(summary(state, call)),
        number: text(&sealed.number),
        name: text(&sealed.name),
        place: call.whereabouts().as_ref().map(place),
        place_at: call.last_fix().map(|fix| fix.taken_at.0),
        line: text(&call.placed.line),
        notes: first.chain(later).collect(),
        timeline,
    }
}

/// One line of a call's story, in words. `state` names clocks and offices.
pub(super) fn timeline_line(state: &State, call: &Call, dated: &Dated) -> wire::TimelineLine {
    let event = &dated.transition.event;
    wire::TimelineLine {
        seq: dated.seq,
        at: dated.at.0,
        event: event.name().into(),
        who: event.by().map(|by| by.who.to_string()),
        text: in_words(state, call, dated.at, event),
    }
}

fn in_words(state: &State, call: &Call, at: UtcMs, event: &Event) -> String {
    let because = |reason: &Option<Box<str>>| {
        reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"))
    };
    let rules = state.rules_of(call);
    let clock = |clock: &u8| {
        rules.clocks.get(usize::from(*clock)).map_or("a former clock", |rule| &rule.name)
    };
    let office = |clock: &u8, rung: &u8| {
        let rule = rules.clocks.get(usize::from(*clock));
        rule.and_then(|rule| rules.ladder(rule).rungs.get(usize::from(*rung)))
            .map_or("a former office", |office| office)
    };
    match event {
        Event::CallReceived { placed, .. } => {
            format!("received, priority {}, {}", placed.priority, placed.kind)
        }
        Event::CallClaimed { .. } => "claimed".into(),
        Event::ClaimReleased { .. } => "claim released".into(),
        Event::ClaimWentStale { .. } => "claim went stale".into(),
        Event::UnitAssigned { unit, .. } => format!("{unit} assigned"),
        Event::UnitProgressed { unit, progress, by_radio, .. } => {
            let radio = if *by_radio { " (by radio)" } else { "" };
            format!("{unit} {}{radio}", progress.name().replace('_', " "))
        }
        Event::UnitLeft { unit, leaving, reason, .. } => {
            let how = match leaving {
                Leaving::Declined => "declined",
                Leaving::Released => "released",
                Leaving::Cleared => "clear",
                Leaving::OutOfService => "out of service",
                Leaving::SignedOff => "signed off",
                Leaving::Silent => "not heard of any more",
            };
            format!("{unit} {how}{}", because(reason))
        }
        Event::AcknowledgementWithdrawn { .. } => {
            "nobody is left who acknowledged; the call waits again".into()
        }
        Event::UnitCheckedIn { unit, .. } => format!("{unit} is well"),
        Event::PriorityChanged { priority, cause: PriorityCause::Aged, .. } => {
            format!("rose to priority {priority} by waiting")
        }
        Event::PriorityChanged { priority, cause: PriorityCause::By(_, reason), .. } => {
            format!("set to priority {priority}{}", because(reason))
        }
        Event::NoteAdded { .. } => "note added".into(),
        Event::CallLinked { primary, .. } => format!("repeats call {primary}"),
        Event::CallDescribed { description, .. } => described(description),
        Event::CallbackRecorded { outcome, .. } => {
            let outcome = match outcome {
                CallbackOutcome::Reached => "reached",
                CallbackOutcome::NoAnswer => "no answer",
                CallbackOutcome::WrongNumber => "wrong number",
                CallbackOutcome::Unsafe => "not tried, unsafe",
            };
            format!("rung back: {outcome}")
        }
        Event::CloseProposed { disposition, .. } => {
            format!("to be closed as {disposition}; a second person must agree")
        }
        Event::CallClosed { disposition, .. } => format!("closed as {disposition}"),
        Event::CallReopened { generation, reason, .. } => {
            format!("reopened, generation {generation}{}", because(reason))
        }
        Event::ClockWarned { clock: index, .. } => format!("{} deadline comes near", clock(index)),
        Event::Escalated { clock: index, rung, repeat, due_at, by_hand, .. } => {
            let again = if *repeat > 0 { format!(" again ({repeat})") } else { String::new() };
            let late_ms = at.since(*due_at);
            let late = if late_ms > 1_000 {
                format!(", {} s late", late_ms / 1_000)
            } else {
                String::new()
            };
            let hand = if by_hand.is_some() { ", by hand" } else { "" };
            format!("{}: {} told{again}{hand}{late}", clock(index), office(index, rung))
        }
        Event::EscalationTaken { clock: index, rung, .. } => {
            format!("{}: taken for the {}", clock(index), office(index, rung))
        }
        Event::CallOpened { reason, .. } => format!("opened and read{}", because(reason)),
        Event::UnitPanicked { unit, .. } => format!("{unit} pressed its panic button"),
        Event::MessageSent { unit, to_room: true, .. } => format!("{unit} wrote to the room"),
        Event::MessageSent { unit, to_room: false, .. } => format!("the room wrote to {unit}"),
        Event::ErasureProposed { authority, .. } => {
            format!("her identity to be erased by order of {authority}; a second person must agree")
        }
        Event::IdentityErased { authority, proposed_by, .. } => {
            format!("her identity erased by order of {authority}, asked for by {proposed_by}")
        }
        Event::LineRang { .. } => "the line rings".into(),
        Event::LineAnswered { .. } => "the line was put through".into(),
        Event::LineHungUp { .. } => "the line is gone, and nobody spoke with her".into(),
        Event::SafetyTimerSet { .. } => "her safety timer was set".into(),
        Event::SafetyTimerStopped { .. } => "her safety timer was stopped".into(),
        Event::PressedAgain { .. } => "her device pressed SOS again".into(),
        Event::CallerMoved { .. } => "her device told where she is".into(),
        Event::CallCancelled { .. } => "taken back with her PIN".into(),
        Event::DuressSignalled { .. } => {
            "DURESS: she was made to take it back; her page shows it as cancelled".into()
        }
        Event::CancelRefused { .. } => "somebody tried to take it back with a wrong PIN".into(),
        Event::EarlierAsked { .. } => "asked for earlier calls of the same number or place".into(),
        Event::NoticesIntended { .. }
        | Event::NoticeDelivered { .. }
        | Event::NoticeFailed { .. }
        | Event::EscalationSeen { .. } => told::in_words(call, event),
        other => other.name().replace('_', " "),
    }
}

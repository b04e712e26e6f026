//! What an operator does with a call or a unit: from a key to the request it makes, by way of a form or a short choice
//! where something has to be said first. Everything of `fifteen op` is here.

use super::form::{Field, Form, Kind, NAME_BYTES_MAX, Values};
use super::keys::Action;
use super::model::{Model, Pick};
use super::text;
use crate::protocol::{
    AddNote, AssignUnit, CallSummary, CallbackOutcome, CheckIn, Claim, CloseCall, DescribeCall,
    Escalate, LinkCall, Place, RecordCallback, ReleaseClaim, ReleaseUnit, ReopenCall, ReportStatus,
    ReportedStatus, Request, Role, SendMessage, SetAvailable, SetOutOfService, SetPriority, Stage,
    TEXT_BYTES_MAX, TakeEscalation, TakeOver,
};

/// What a form asks once it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// To close the call.
    Close(u64),
    /// To open it again.
    Reopen(u64),
    /// Another priority.
    Priority(u64),
    /// A note.
    Note(u64),
    /// What was learned of it.
    Describe(u64),
    /// It repeats another.
    Link(u64),
    /// To tell the next office.
    Escalate(u64),
    /// She was rung back.
    CallBack(u64),
    /// To take a unit off the call.
    Release(u64, String),
    /// A unit will not go.
    Decline(u64, String),
    /// A supervisor takes it over, with a reason.
    Override(u64),
    /// To write to a unit, about a call.
    Message(Option<u64>, String),
    /// A unit cannot be sent.
    OutOfService(String),
}

/// What is done with the thing that was picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// The unit is sent to the call.
    Assign(u64),
    /// The unit of this call said or gets something.
    Unit(u64, Action),
    /// The rung of this clock, at the same place, is taken.
    Take(u64, Vec<(String, u32)>),
}

/// How an action begins.
#[derive(Debug)]
pub enum Begun {
    /// At once, by this request; and what is said when it is done.
    Ask(Box<Request>, String),
    /// With a form.
    Form(Box<Form>, Asks),
    /// With a choice.
    Pick(Pick),
    /// Not at all, and why.
    No(String),
}

fn ask(request: impl Into<Request>, said: impl Into<String>) -> Begun {
    Begun::Ask(Box::new(request.into()), said.into())
}

fn no(why: impl Into<String>) -> Begun {
    Begun::No(why.into())
}

/// A running text of the wire.
fn words(id: &'static str, label: &str) -> Field {
    Field::new(id, label, Kind::Text { bytes_max: TEXT_BYTES_MAX })
}

/// Begins what `action` does with `call`.
#[must_use]
pub fn begin(model: &Model, action: Action, call: &CallSummary) -> Begun {
    let id = call.call;
    let form = |title: String, fields, asks| Begun::Form(Box::new(Form::new(title, fields)), asks);
    match action {
        Action::Claim => ask(Claim { call: id }, format!("claimed by {}", model.me)),
        Action::ReleaseClaim => ask(ReleaseClaim { call: id }, "claim released"),
        Action::TakeOver => ask(TakeOver { call: id }, format!("taken over by {}", model.me)),
        Action::Override if model.role != Role::Supervisor => {
            no("only a supervisor overrides: start the console with --role supervisor")
        }
        Action::Override => form(
            format!("Take call {id} over as supervisor"),
            vec![words("reason", "Reason, on record").required()],
            Asks::Override(id),
        ),
        Action::Assign if call.stage == Stage::Closed => no("the call is closed: reopen it first"),
        Action::Assign => assign(model, id),
        Action::UnitAcknowledged
        | Action::UnitDeclined
        | Action::UnitEnRoute
        | Action::UnitOnScene
        | Action::UnitClear
        | Action::UnitCheckIn
        | Action::UnitRelease
        | Action::UnitMessage => of_units(call, action),
        Action::Close => close(model, call),
        Action::Reopen if call.stage != Stage::Closed => no("the call is open"),
        Action::Reopen => {
            form(format!("Reopen call {id}"), vec![words("reason", "Why")], Asks::Reopen(id))
        }
        Action::Priority => {
            let fields = vec![
                Field::new("priority", "Priority", Kind::Priority).required(),
                words("reason", "Why"),
            ];
            let title = format!("Priority of call {id}, now {}", call.priority);
            form(title, fields, Asks::Priority(id))
        }
        Action::Note => {
            let fields = vec![words("text", "Note").required()];
            form(format!("Note on call {id}"), fields, Asks::Note(id))
        }
        Action::Describe => describe(model, call),
        Action::Link => {
            let fields = vec![Field::new("primary", "It repeats call", Kind::Number).required()];
            form(format!("Call {id} repeats another"), fields, Asks::Link(id))
        }
        Action::Escalate => escalate(call),
        Action::CallBack => call_back(call),
        Action::TakeEscalation => take(model, call),
        _ => no("nothing to do here"),
    }
}

/// The recommended units first, then every other that is free.
fn assign(model: &Model, call: u64) -> Begun {
    let open = model.open.as_ref().filter(|open| open.call == call);
    let ranked = open.and_then(|open| open.recommended.as_deref()).unwrap_or_default();
    let mut choices: Vec<(String, String)> = ranked
        .iter()
        .map(|unit| {
            let distance = unit.distance_m.map_or_else(String::new, text::distance);
            let reasons: Vec<String> = unit.reasons.iter().map(|it| text::plain(it)).collect();
            // The server's reasons say the distance too.
            let because = if reasons.is_empty() { distance } else { reasons.join(", ") };
            (unit.unit.clone(), because)
        })
        .collect();
    let ranked = choices.len();
    for unit in model.room.units() {
        use crate::protocol::UnitStatus;
        let free = matches!(unit.status, UnitStatus::Available | UnitStatus::Clear);
        if free && !choices[..ranked].iter().any(|(known, _)| *known == unit.unit) {
            choices
                .push((unit.unit.clone(), format!("not ranked; {}", text::plain(&unit.district))));
        }
    }
    if choices.is_empty() {
        return no("no unit is free; units on other calls can be named with :assign");
    }
    let title = format!("Send to call {call}");
    Begun::Pick(Pick { title, choices, at: 0, then: Picked::Assign(call) })
}

/// With one unit on the call it is meant; with several one is picked.
fn of_units(call: &CallSummary, action: Action) -> Begun {
    match &call.units[..] {
        [] => no(format!("no unit is on call {}", call.call)),
        [only] => of_unit(call.call, action, &only.unit),
        several => {
            let choices = several
                .iter()
                .map(|unit| (unit.unit.clone(), text::words(unit.status.as_str())))
                .collect();
            let title = format!("Which unit of call {}?", call.call);
            Begun::Pick(Pick { title, choices, at: 0, then: Picked::Unit(call.call, action) })
        }
    }
}

/// What one unit said, or gets.
#[must_use]
pub fn of_unit(call: u64, action: Action, unit: &str) -> Begun {
    let shown = text::plain(unit);
    let heard = |status: ReportedStatus| {
        let said = format!("{shown} {}", text::words(status.as_str()));
        let unit = Some(unit.to_owned());
        ask(ReportStatus { call, unit, status, reason: None, by_radio: true }, said)
    };
    let form = |title: String, fields, asks| Begun::Form(Box::new(Form::new(title, fields)), asks);
    match action {
        Action::UnitAcknowledged => heard(ReportedStatus::Acknowledged),
        Action::UnitEnRoute => heard(ReportedStatus::EnRoute),
        Action::UnitOnScene => heard(ReportedStatus::OnScene),
        Action::UnitClear => heard(ReportedStatus::Clear),
        Action::UnitCheckIn => {
            ask(CheckIn { call: Some(call), unit: Some(unit.into()) }, format!("{shown} is well"))
        }
        Action::UnitDeclined => form(
            format!("{shown} declines call {call}"),
            vec![words("reason", "Why").required()],
            Asks::Decline(call, unit.into()),
        ),
        Action::UnitRelease => form(
            format!("Take {shown} off call {call}"),
            vec![words("reason", "Why")],
            Asks::Release(call, unit.into()),
        ),
        _ => message(Some(call), unit),
    }
}

/// A message to a unit.
#[must_use]
pub fn message(call: Option<u64>, unit: &str) -> Begun {
    let about = call.map_or_else(String::new, |call| format!(" about call {call}"));
    let form = Form::new(
        format!("To {}{about}", text::plain(unit)),
        vec![words("text", "Message").required()],
    );
    Begun::Form(Box::new(form), Asks::Message(call, unit.into()))
}

/// A unit is taken out of service, or back.
#[must_use]
pub fn duty(action: Action, unit: &str) -> Begun {
    let shown = text::plain(unit);
    if action == Action::Available {
        return ask(SetAvailable { unit: Some(unit.into()) }, format!("{shown} is available"));
    }
    let fields = vec![words("reason", "Why").required()];
    let form = Form::new(format!("{shown} out of service"), fields);
    Begun::Form(Box::new(form), Asks::OutOfService(unit.into()))
}

/// What stands there need not be typed again: what is left empty stays as it is.
fn describe(model: &Model, call: &CallSummary) -> Begun {
    let known = |shown: Option<&str>| match shown.map(text::plain).unwrap_or_default() {
        empty if empty.is_empty() => "not known".to_owned(),
        known => format!("now: {known}"),
    };
    let choice = |id, label, names: Vec<String>, now: &str| {
        Field::new(id, label, Kind::Choice { words: names, free: true }).hint(known(Some(now)))
    };
    let kinds = model.words.kinds.iter().map(|kind| kind.name.clone()).collect();
    let districts = model.words.districts.iter().map(|it| it.name.clone()).collect();
    let details = model.open.as_ref().filter(|open| open.call == call.call);
    let details = details.and_then(|open| open.details.as_deref());
    let place = details.and_then(|it| it.place.as_ref()?.words.as_deref());
    let fields = vec![
        choice("kind", "Kind", kinds, &call.kind),
        words("place", "Place").hint(known(place)),
        choice("district", "District", districts, &call.district),
        Field::new("number", "Number", Kind::Phone)
            .hint(known(details.and_then(|it| it.number.as_deref()))),
        Field::new("name", "Name", Kind::Text { bytes_max: NAME_BYTES_MAX })
            .hint(known(details.and_then(|it| it.name.as_deref()))),
        Field::new("silent", "She cannot speak", Kind::Toggle),
        Field::new("unsafe_to_ring_back", "Do NOT ring back", Kind::Toggle)
            .hint("Space: yes. Ringing puts her in danger; once said, it stays"),
    ];
    let title = format!("What is learned of call {}: what is left empty stays", call.call);
    Begun::Form(Box::new(Form::new(title, fields).sent_by_ctrl_s()), Asks::Describe(call.call))
}

fn close(model: &Model, call: &CallSummary) -> Begun {
    if call.stage == Stage::Closed {
        return no("the call is closed already");
    }
    let guarded = call.flags.silent || call.flags.dropped || call.flags.sos;
    let known = &model.words.dispositions;
    let words_of = known.iter().map(|it| it.name.clone()).collect();
    let free = known.is_empty();
    let named: Vec<_> = known.iter().filter(|it| it.guarded).map(|it| &*it.name).collect();
    let title = if guarded && !named.is_empty() {
        format!("Close call {} ({}: call-back and two people)", call.call, named.join(", "))
    } else {
        format!("Close call {}", call.call)
    };
    let fields = vec![
        Field::new("disposition", "Disposition", Kind::Choice { words: words_of, free }).required(),
        words("remark", "Remark"),
    ];
    Begun::Form(Box::new(Form::new(title, fields)), Asks::Close(call.call))
}

fn escalate(call: &CallSummary) -> Begun {
    let mut running: Vec<String> = call
        .clocks
        .iter()
        .filter(|clock| clock.stopped_at.is_none())
        .map(|clock| clock.clock.clone())
        .collect();
    running.dedup();
    let Some(urgent) = text::most_urgent(&call.clocks).map(|clock| clock.clock.clone()) else {
        return no("no clock runs on this call: there is nobody to tell");
    };
    let fields = vec![
        Field::new("clock", "Clock", Kind::Choice { words: running, free: false }).required(),
        words("reason", "Why"),
    ];
    let form = Form::new(format!("Tell the next office of call {}", call.call), fields);
    Begun::Form(Box::new(form.with("clock", &urgent)), Asks::Escalate(call.call))
}

fn call_back(call: &CallSummary) -> Begun {
    let outcomes = ["reached", "no_answer", "wrong_number", "unsafe"];
    let outcomes = outcomes.iter().map(|word| text::words(word)).collect();
    let title = if call.flags.unsafe_to_ring_back {
        format!("Call-back of call {}: DO NOT RING, it puts her in danger", call.call)
    } else {
        format!("Call-back of call {}", call.call)
    };
    let fields = vec![
        Field::new("outcome", "Outcome", Kind::Choice { words: outcomes, free: false }).required(),
        words("note", "What was said"),
    ];
    Begun::Form(Box::new(Form::new(title, fields)), Asks::CallBack(call.call))
}

/// The rungs told of clocks that run.
fn take(model: &Model, call: &CallSummary) -> Begun {
    let told: Vec<(String, u32)> = call
        .clocks
        .iter()
        .filter(|clock| clock.rung > 0 && clock.stopped_at.is_none())
        .map(|clock| (clock.clock.clone(), clock.rung))
        .collect();
    match &told[..] {
        [] => no(format!("nobody was told of call {} yet: there is nothing to take", call.call)),
        [(clock, rung)] => take_rung(call.call, clock, *rung),
        several => {
            let choices = several.iter().map(|(clock, rung)| {
                let office = model.office(clock, *rung).unwrap_or("the office");
                (text::plain(clock), format!("rung {rung}, {}", text::plain(office)))
            });
            let choices = choices.collect();
            let title = format!("Take which escalation of call {}?", call.call);
            Begun::Pick(Pick { title, choices, at: 0, then: Picked::Take(call.call, told) })
        }
    }
}

/// Takes a rung of a clock.
#[must_use]
pub fn take_rung(call: u64, clock: &str, rung: u32) -> Begun {
    let said = format!("escalation of {} taken", text::plain(clock));
    let clock = clock.to_owned();
    // The server knows the office of the rung.
    ask(TakeEscalation { call, clock, rung: Some(rung), office: None }, said)
}

/// Sends a unit.
#[must_use]
pub fn send_unit(call: u64, unit: &str) -> Begun {
    let said = format!("{} assigned", text::plain(unit));
    ask(AssignUnit { call, unit: unit.into() }, said)
}

/// What a form that is complete asks, and what is said when it is done.
///
/// # Errors
/// Says which field cannot be read.
pub fn request(asks: &Asks, values: &Values) -> Result<(Request, String), (&'static str, String)> {
    let text_of = |id: &'static str| values.text(id).map(str::to_owned);
    let needed = |id: &'static str| text_of(id).ok_or((id, "this is needed".to_owned()));
    Ok(match asks.clone() {
        Asks::Close(call) => {
            let disposition = needed("disposition")?;
            let said = format!("closed as {}", text::plain(&disposition));
            (CloseCall { call, disposition, remark: text_of("remark") }.into(), said)
        }
        Asks::Reopen(call) => {
            (ReopenCall { call, reason: text_of("reason") }.into(), "reopened".into())
        }
        Asks::Priority(call) => {
            let priority =
                values.priority("priority").ok_or(("priority", "1, 2, 3 or 4".to_owned()))?;
            let said = format!("priority {priority}");
            (SetPriority { call, priority, reason: text_of("reason") }.into(), said)
        }
        Asks::Note(call) => (AddNote { call, text: needed("text")? }.into(), "note written".into()),
        Asks::Describe(call) => {
            let place = text_of("place");
            let said = DescribeCall {
                call,
                district: text_of("district"),
                kind: text_of("kind"),
                number: text_of("number"),
                name: text_of("name"),
                place: place.map(|words| Place { words: Some(words), ..Place::default() }),
                silent: values.on("silent"),
                unsafe_to_ring_back: values.on("unsafe_to_ring_back"),
            };
            if said == (DescribeCall { call, ..DescribeCall::default() }) {
                return Err(("kind", "say what was learned, or leave with Esc".into()));
            }
            (said.into(), "kept".into())
        }
        Asks::Link(call) => {
            let primary = values.number("primary");
            let primary = primary.ok_or(("primary", "the number of a call".to_owned()))?;
            (LinkCall { call, primary }.into(), format!("repeats call {primary}"))
        }
        Asks::Escalate(call) => {
            let (clock, reason) = (text_of("clock"), text_of("reason"));
            (Escalate { call, clock, reason }.into(), "the next office is told".into())
        }
        Asks::CallBack(call) => {
            let word = needed("outcome")?.replace(' ', "_");
            let outcome: CallbackOutcome = word.parse().map_err(|_| {
                ("outcome", "reached, no answer, wrong number or unsafe".to_owned())
            })?;
            let said = format!("call-back recorded: {}", text::words(outcome.as_str()));
            (RecordCallback { call, outcome, note: text_of("note") }.into(), said)
        }
        Asks::Release(call, unit) => {
            let said = format!("{} released", text::plain(&unit));
            (ReleaseUnit { call, unit, reason: text_of("reason") }.into(), said)
        }
        Asks::Decline(call, unit) => {
            let said = format!("{} declined", text::plain(&unit));
            let (unit, reason) = (Some(unit), Some(needed("reason")?));
            let status = ReportedStatus::Declined;
            (ReportStatus { call, unit, status, reason, by_radio: true }.into(), said)
        }
        Asks::Override(call) => {
            let note = format!("supervisor's override: {}", needed("reason")?);
            (AddNote { call, text: note }.into(), "override on record".into())
        }
        Asks::Message(call, unit) => {
            let said = format!("sent to {}", text::plain(&unit));
            (SendMessage { unit: Some(unit), call, text: needed("text")? }.into(), said)
        }
        Asks::OutOfService(unit) => {
            let said = format!("{} out of service", text::plain(&unit));
            (SetOutOfService { unit: Some(unit), reason: needed("reason")? }.into(), said)
        }
    })
}

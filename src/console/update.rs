//! What each thing that happens does to the console. Pure: the same messages at the same instants give the same model
//! and the same effects; time comes in with the message.

use super::actions;
use super::command_line::Pane;
use super::keys::Action;
use super::message::{Effect, LinkNews, Msg, Purpose, Refusal};
use super::model::{Model, OpenCall, Over, Said};
use super::new_call;
use super::placing::{placed, resend_drafts};
use super::room::Change;
use super::{alarm, on_key, text, told, view, watch};
use crate::client::Update;
use crate::protocol::{
    CallSummary, Claim, Code, Done, Health, ListCalls, ListEarlier, ListEscalations, Push,
    RecommendUnits, ReplyBody, Request, ShowCall, ShowRoom, Stage, TakeOver, TimelineLine,
};

/// How often the claim of the open call is renewed, ms; it is stale after 45 s.
const BEAT_MS: u64 = 15_000;
/// How long a line for the operator stays, ms.
const SAID_MS: u64 = 12_000;
/// Notes that come one after another are read once, ms.
const REREAD_MS: u64 = 400;
/// The same of where she is since: her device tells it every few seconds, and each reading is put on record.
const MOVED_REREAD_MS: u64 = 30_000;
/// Escalations of a page.
const PAGE: u32 = 200;

/// Takes a message at monotonic time `own`, ms, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg, own: u64) -> Vec<Effect> {
    model.own = own.max(model.own);
    let mut out = Vec::new();
    match msg {
        Msg::Key(key) => on_key::key(model, key, &mut out),
        Msg::Paste(text) => on_key::paste(model, &text, &mut out),
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Tick => model.counts = model.count(),
        Msg::Link(news) => link(model, news, &mut out),
        Msg::Pushed(update) => pushed(model, *update, &mut out),
        Msg::Replied(purpose, answer) => replied(model, purpose, answer, &mut out),
        Msg::FreshKey(key) => model.fresh_key = Some(key),
        Msg::Drafts(drafts) => {
            if !drafts.is_empty() {
                let key = model.keys.hint(Action::NewCall);
                let text = format!("{} unfinished call(s) found: {key} takes one up", drafts.len());
                say(model, text);
            }
            model.drafts.extend(drafts);
            resend_drafts(model, &mut out);
        }
        Msg::Trouble(text) => complain(model, text),
    }
    time_passes(model, &mut out);
    view::settle(model);
    watch::see(model, &mut out);
    out
}

/// What is due by now.
fn time_passes(model: &mut Model, out: &mut Vec<Effect>) {
    let own = model.own;
    model.link.tick(own);
    if model.bell.tick(own) {
        out.push(Effect::Bell);
    }
    if model.said.as_ref().is_some_and(|said| own >= said.at + SAID_MS) {
        model.said = None;
    }
    if model.quitting.is_some_and(|at| own >= at + on_key::TWICE_MS) {
        model.quitting = None;
    }
    if model.fresh_key.is_none() && matches!(model.over, None | Some(Over::NewCall)) {
        // Asked again each time until it is there: making one costs nothing.
        out.push(Effect::FreshKey);
    }
    if model.link.health_is_due(own) {
        out.push(Effect::Ask(Box::new(Health {}.into()), Purpose::Health));
    }
    if !model.link.is_up() {
        return;
    }
    let mine = model.open_summary().is_some_and(|call| {
        call.stage != Stage::Closed && call.claim.as_ref().is_some_and(|it| it.who == model.me)
    });
    if let Some(open) = &mut model.open {
        let call = open.call;
        if mine && own >= open.beat_at {
            open.beat_at = own + BEAT_MS;
            out.push(Effect::Ask(Box::new(Claim { call }.into()), Purpose::Heartbeat(call)));
        }
        if open.reread_at.take_if(|at| own >= *at).is_some() {
            out.push(read(call));
        }
    }
}

fn link(model: &mut Model, news: LinkNews, out: &mut Vec<Effect>) {
    let own = model.own;
    match news {
        LinkNews::Up(welcome, zone) => {
            model.link.up(&welcome, own);
            model.zone = zone;
            if model.words.name.is_empty() {
                model.words.name.clone_from(&welcome.room);
            }
            ask(out, ShowRoom {}, Purpose::RoomWords);
            let closed = ListCalls { latest_closed: true, ..ListCalls::default() };
            ask(out, closed, Purpose::Closed);
            ask(
                out,
                ListEscalations { limit: Some(PAGE), ..ListEscalations::default() },
                Purpose::Escalations,
            );
            // What could not be asked while it was gone.
            if let Some(open) = model.open.as_ref().filter(|open| open.details.is_none()) {
                out.push(read(open.call));
            }
            resend_drafts(model, out);
        }
        LinkNews::Down { attempts, why } => {
            if model.link.is_up() {
                let text =
                    format!("the server is lost ({}): what you see is old", text::plain(&why));
                complain(model, text);
            }
            model.link.down(attempts, text::plain(&why), own);
        }
        LinkNews::Ended { why } => model.link.ended(text::plain(&why), own),
    }
}

fn pushed(model: &mut Model, update: Update, out: &mut Vec<Effect>) {
    model.link.hear(model.own);
    match model.room.apply(update) {
        Change::Nothing => {}
        Change::Whole { alarms } => {
            model.board.rebuild(model.room.calls());
            model.missed.rebuild(model.room.calls());
            model.counts = model.count();
            if alarms > 0 {
                ring(model, out);
            }
        }
        Change::Step { push, before, .. } => {
            if let Some(gone) = model.link.hears_of_disks(&push.event) {
                if gone {
                    ring(model, out);
                }
                ask(out, Health {}, Purpose::Health);
            }
            if let Some(after) = &push.call {
                model.board.changed(before.as_deref(), Some(after));
                model.missed.changed(before.as_deref(), Some(after));
            }
            while let Some(forgotten) = model.room.forget_closed() {
                model.board.changed(Some(&forgotten), None);
                model.missed.changed(Some(&forgotten), None);
            }
            if alarm::is_alarm(&push, before.as_deref()) {
                ring(model, out);
            }
            for line in alarm::lines(&push) {
                complain(model, line);
                ring(model, out);
            }
            follow_open(model, &push, before.as_deref(), out);
        }
    }
}

pub(super) fn ring(model: &mut Model, out: &mut Vec<Effect>) {
    if model.bell.ring(model.own) {
        out.push(Effect::Bell);
    }
}

/// The open call's story goes on, from the push alone: reading the call again would be put on record each time.
fn follow_open(
    model: &mut Model,
    push: &Push,
    before: Option<&CallSummary>,
    out: &mut Vec<Effect>,
) {
    let own = model.own;
    let me = model.me.clone();
    let Some(open) = &mut model.open else { return };
    let Some(call) = push.call.as_deref().filter(|call| call.call == open.call) else { return };
    let known = open.details.as_ref().and_then(|details| details.timeline.last());
    let last = open.since.last().or(known).map_or(0, |line| line.seq);
    // Where she is now is one line of the pane, not a hundred of her story.
    if push.seq > last && push.event != "caller_moved" {
        open.since.push(line_of(push, call));
    }
    match &*push.event {
        // The words of a note, and who she is, are sealed: only a reading brings them.
        "note_added" => open.reread_at = Some(own + REREAD_MS),
        // And by another number or place she may be known from before.
        "call_described" => {
            open.reread_at = Some(own + REREAD_MS);
            if model.link.is_up() {
                let call = open.call;
                let earlier = ListEarlier { call: Some(call), ..ListEarlier::default() };
                ask(out, earlier, Purpose::Earlier(call));
            }
        }
        "caller_moved" if open.reread_at.is_none() => open.reread_at = Some(own + MOVED_REREAD_MS),
        "unit_assigned" | "unit_left" | "acknowledgement_withdrawn" if model.link.is_up() => {
            let (call, limit) = (open.call, Some(10));
            ask(out, RecommendUnits { call, limit }, Purpose::Recommend(call));
        }
        _ => {}
    }
    let held = before.and_then(|call| call.claim.as_ref()).is_some_and(|claim| claim.who == me);
    let holder = call.claim.as_ref().map(|claim| claim.who.clone());
    if held && let Some(holder) = holder.filter(|holder| *holder != me) {
        let text = format!("call {} was taken over by {}", call.call, text::plain(&holder));
        complain(model, text);
        ring(model, out);
    }
}

/// A push in the words of the timeline, as far as it tells.
fn line_of(push: &Push, call: &CallSummary) -> TimelineLine {
    if let Some((text, who)) = told::line(push) {
        return TimelineLine { seq: push.seq, at: push.at, event: push.event.clone(), who, text };
    }
    let unit = push.unit.as_ref().map(|unit| text::plain(&unit.unit));
    let on_call = |callsign: &str| {
        let unit = call.units.iter().find(|unit| unit.unit == callsign);
        unit.map_or_else(|| "left".to_owned(), |unit| text::words(unit.status.as_str()))
    };
    let text = match (&*push.event, unit) {
        ("unit_assigned", Some(unit)) => format!("{unit} assigned"),
        ("unit_progressed", Some(unit)) => format!("{unit} {}", on_call(&unit)),
        ("unit_checked_in", Some(unit)) => format!("{unit} is well"),
        ("escalated", _) => push.escalation.as_ref().map_or_else(
            || "escalated".into(),
            |it| format!("{}: {} told", text::plain(&it.clock), text::plain(&it.office)),
        ),
        ("clock_warned", _) => "a deadline comes near".into(),
        ("call_claimed", _) => "claimed".into(),
        ("priority_changed", _) => format!("priority {}", call.priority),
        ("call_described", _) => "more was learned of it".into(),
        ("close_proposed", _) => "to be closed; a second person must agree".into(),
        (event, Some(unit)) => format!("{} {unit}", text::words(event)),
        (event, None) => text::words(event),
    };
    let who = match &*push.event {
        "call_claimed" => call.claim.as_ref().map(|claim| claim.who.clone()),
        "escalation_taken" => push.escalation.as_ref().and_then(|it| it.taken_by.clone()),
        _ => None,
    };
    TimelineLine { seq: push.seq, at: push.at, event: push.event.clone(), who, text }
}

fn replied(
    model: &mut Model,
    purpose: Purpose,
    answer: Result<ReplyBody, Refusal>,
    out: &mut Vec<Effect>,
) {
    if answer.as_ref().err().is_none_or(|refusal| refusal.code.is_some()) {
        model.link.hear(model.own);
    }
    match (purpose, answer) {
        (Purpose::Command { call, said, form }, answer) => {
            model.asked = model.asked.saturating_sub(1);
            command_done(model, call, &said, form, answer);
        }
        (Purpose::Place(key), answer) => placed(model, key, answer, out),
        (Purpose::Details(call), Ok(ReplyBody::CallDetails(details))) => {
            if let Some(open) = model.open.as_mut().filter(|open| open.call == call) {
                let last = details.timeline.last().map_or(0, |line| line.seq);
                open.since.retain(|line| line.seq > last);
                open.failed = None;
                open.details = Some(Box::new(details));
            }
        }
        (Purpose::Details(call), Err(refusal)) => {
            if let Some(open) = model.open.as_mut().filter(|open| open.call == call) {
                open.failed = Some(refusal.text);
            }
        }
        (Purpose::Recommend(call), Ok(ReplyBody::Recommendations(ranking))) => {
            if let Some(open) = model.open.as_mut().filter(|open| open.call == call) {
                open.recommended = Some(ranking.units);
            }
        }
        (Purpose::Earlier(call), Ok(ReplyBody::Earlier(earlier))) => {
            if let Some(open) = model.open.as_mut().filter(|open| open.call == call) {
                open.earlier = Some(earlier);
            }
        }
        (Purpose::EarlierOf(number), Ok(ReplyBody::Earlier(earlier))) => {
            let zone = &model.zone;
            let calls = earlier.same_caller.iter().map(|call| new_call::Earlier {
                call: call.call,
                when: text::when(call.received_at, zone),
                kind: text::plain(&call.kind),
                district: text::plain(&call.district),
                priority: call.priority,
                stage: text::words(call.stage.as_str()),
            });
            let before = new_call::Before {
                calls: calls.collect(),
                counts: text::counts(&earlier.caller, zone),
                raise: earlier.raise,
                why: earlier.why.iter().map(|why| text::plain(why)).collect(),
            };
            if let Some(form) = &mut model.new_call {
                form.earlier(&number, before);
            }
        }
        (Purpose::RoomWords, Ok(ReplyBody::Room(words))) => {
            model.words = words;
            let words = model.form_words();
            if let Some(form) = &mut model.new_call {
                form.set_words(&words);
            }
        }
        (Purpose::Closed, Ok(ReplyBody::Calls(page))) => {
            model.room.closed_before(page.calls);
            model.board.rebuild(model.room.calls());
        }
        (Purpose::Escalations, Ok(ReplyBody::Escalations(page))) => {
            for escalation in page.escalations {
                model.room.escalated(escalation);
            }
            if let Some(after) = page.next {
                let next = ListEscalations {
                    after: Some(after),
                    limit: Some(PAGE),
                    ..ListEscalations::default()
                };
                ask(out, next, Purpose::Escalations);
            }
        }
        (Purpose::Health, Ok(ReplyBody::HealthStatus(status))) => {
            model.link.stamp(status.now_at, model.own);
            model.link.drill = status.drill;
            model.link.degraded = status.degraded;
            model.link.spilling = status.spilling;
            model.link.problems.clone_from(&status.problems);
            model.health = Some(status);
        }
        (Purpose::Override(call), Ok(_)) => {
            let said = format!("taken over by {}", model.me);
            command(model, TakeOver { call }, Some(call), said, None, out);
        }
        (Purpose::Override(_), Err(refusal)) => complain(model, refused(&refusal)),
        (Purpose::Heartbeat(call), Err(refusal)) if refusal.code == Some(Code::Claimed) => {
            complain(model, format!("call {call}: {}", text::plain(&refusal.text)));
        }
        (Purpose::Seen(sight), Err(refusal)) if refusal.code.is_none() => {
            watch::unheard(model, sight);
        }
        // Help beside the work: where it is missing its place stays empty.
        _ => {}
    }
}

fn command_done(
    model: &mut Model,
    call: Option<u64>,
    said: &str,
    form: Option<u64>,
    answer: Result<ReplyBody, Refusal>,
) {
    let about = call.map_or_else(String::new, |call| format!("call {call}: "));
    let in_form = match (&mut model.over, form) {
        (Some(Over::Form(open)), Some(number)) if open.number == number => Some(open),
        _ => None,
    };
    match answer {
        Ok(body) => {
            if in_form.is_some() {
                model.over = None;
            }
            match body {
                ReplyBody::Done(Done { awaiting_second: true, .. }) => {
                    complain(
                        model,
                        format!(
                            "{about}NOT closed yet: a second person must close it the same way"
                        ),
                    );
                }
                _ => say(model, format!("{about}{said}")),
            }
        }
        Err(refusal) => {
            if let Some(open) = in_form {
                open.sent = false;
                open.form.refused(refusal.field.as_deref(), &refused(&refusal));
            }
            complain(model, format!("{about}{}", refused(&refusal)));
        }
    }
}

pub(super) fn refused(refusal: &Refusal) -> String {
    match &refusal.code {
        Some(_) => format!("refused: {}", text::plain(&refusal.text)),
        None => text::plain(&refusal.text),
    }
}

/// Opens a call: reads it, which is put on record, and asks what belongs beside it.
pub(super) fn open_call(model: &mut Model, call: u64, out: &mut Vec<Effect>) {
    if let Some(why) = model.link.refuses(model.own) {
        return complain(model, format!("call {call} cannot be opened: {why}"));
    }
    model.pane = Pane::Call;
    if model.open.as_ref().is_some_and(|open| open.call == call && open.details.is_some()) {
        return;
    }
    model.open = Some(OpenCall::new(call, model.own));
    out.push(read(call));
    ask(out, RecommendUnits { call, limit: Some(10) }, Purpose::Recommend(call));
    let earlier = ListEarlier { call: Some(call), ..ListEarlier::default() };
    ask(out, earlier, Purpose::Earlier(call));
}

pub(super) fn read(call: u64) -> Effect {
    Effect::Ask(Box::new(ShowCall { call, reason: None }.into()), Purpose::Details(call))
}

fn ask(out: &mut Vec<Effect>, request: impl Into<Request>, purpose: Purpose) {
    out.push(Effect::Ask(Box::new(request.into()), purpose));
}

/// Asks the server to do something, or says at once why it cannot be asked. Whether it was asked.
pub(super) fn command(
    model: &mut Model,
    request: impl Into<Request>,
    call: Option<u64>,
    said: String,
    form: Option<u64>,
    out: &mut Vec<Effect>,
) -> bool {
    if let Some(why) = model.link.refuses(model.own) {
        complain(model, format!("not done: {why}"));
        return false;
    }
    model.asked += 1;
    ask(out, request, Purpose::Command { call, said, form });
    true
}

/// Does what a key, a form or a choice began with.
pub(super) fn go_on(
    model: &mut Model,
    call: Option<u64>,
    begun: actions::Begun,
    out: &mut Vec<Effect>,
) {
    match begun {
        actions::Begun::Ask(request, said) => {
            command(model, *request, call, said, None, out);
        }
        actions::Begun::No(why) => complain(model, why),
        actions::Begun::Form(form, asks) => {
            model.forms += 1;
            let number = model.forms;
            let open = super::model::OpenForm { number, form: *form, asks, sent: false };
            model.over = Some(Over::Form(Box::new(open)));
        }
        actions::Begun::Pick(pick) => model.over = Some(Over::Pick(pick)),
    }
}

/// Says something on the last line.
pub(super) fn say(model: &mut Model, text: impl Into<String>) {
    model.said = Some(Said { text: text.into(), bad: false, at: model.own });
}

/// The same, of something that did not go well.
pub(super) fn complain(model: &mut Model, text: impl Into<String>) {
    model.said = Some(Said { text: text.into(), bad: true, at: model.own });
}

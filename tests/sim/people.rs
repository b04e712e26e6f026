//! The people of a run: callers' lines, operators, units and supervisors, with human delays. They
//! work through the product's own client and do what comes to hand; what they get wrong the room
//! must bear.

use crate::dice::Dice;
use crate::net::Net;
use crate::plan::{Fault, Plan};
use crate::seen::{HERS, Receipt, Seen};
use crate::signal::Signal;
use crate::time::SimTime;
use fifteen::client::{Client, ClientConfig, ClientError, Update};
use fifteen::protocol::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

thread_local! {
    /// Jitter of reconnections: one thread, one run at a time.
    static JITTER: RefCell<Dice> = RefCell::new(Dice::of(0, "jitter"));
}

pub fn shuffle_jitter(seed: u64) {
    JITTER.with(|dice| *dice.borrow_mut() = Dice::of(seed, "jitter"));
}

fn draw() -> u64 {
    JITTER.with(|dice| dice.borrow_mut().number())
}

/// What everybody needs.
#[derive(Clone)]
pub struct Town {
    pub net: Net,
    pub seen: Seen,
    pub time: SimTime,
    pub plan: Plan,
    /// True once no new work is begun.
    pub quiet: Signal<bool>,
}

impl Town {
    fn client(&self, role: Role, who: &str) -> Client {
        let config = ClientConfig { draw, connect_ms: 3_000, ..ClientConfig::default() };
        // As cars do; the seeds then cut, delay and double what is compressed too.
        let deflate = role == Role::Unit;
        let hello = Hello { deflate, ..Hello::new(role, who) };
        Client::begin(self.net.way(who, role), hello, config)
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet.get()
    }

    pub async fn rest(&self, ms: u64) {
        let quiet = self.quiet.clone();
        tokio::select! {
            biased;
            () = quiet.until(|quiet| quiet) => {}
            () = sleep(Duration::from_millis(ms)) => {}
        }
    }
}

const KINDS: [&str; 5] =
    ["violence in progress", "domestic violence", "stalking", "harassment", "advice"];
const DISPOSITIONS: [&str; 4] = ["helped", "hoax", "unanswered", "no such word"];

/// A line on which calls come in.
pub async fn line(town: Town) {
    let mut dice = Dice::of(town.plan.seed, "line");
    let clients = [town.client(Role::Intake, "line-1"), town.client(Role::Intake, "line-2")];
    let mut placing = tokio::task::JoinSet::new();
    while !town.is_quiet() {
        town.rest(dice.wait_ms(town.plan.call_every_ms)).await;
        // Sometimes many ring at once.
        let burst = if dice.once_in(40) { 12 } else { 1 };
        for _ in 0..burst {
            let caller = Dice::of(dice.number(), "caller");
            placing.spawn(place(town.clone(), clients.clone(), caller));
        }
    }
    while placing.join_next().await.is_some() {}
}

/// One caller: asks until she is answered, and now and then once more on the other line.
async fn place(town: Town, clients: [Client; 2], mut dice: Dice) {
    let kind = *dice.pick(&KINDS);
    let mut call = PlaceCall::new(Source::PhoneLine, "Lahore", kind);
    call.name = Some(format!("{HERS} bibi"));
    call.number = Some(format!("0300 {HERS} {}", dice.below(1_000)));
    let words = Some(format!("{HERS} street 7"));
    call.place = Some(Place { lat: Some(31.5), lon: Some(74.3), accuracy_m: Some(40), words });
    call.note = Some(format!("{HERS} says he is at the door"));
    call.priority = (!dice.once_in(3)).then(|| u8::try_from(dice.span(1, 4)).unwrap());
    (call.silent, call.dropped, call.sos) = (dice.once_in(20), dice.once_in(4), dice.once_in(15));
    let key = dice.key();
    let mut answers = 0;
    let wanted = if dice.once_in(5) { 2 } else { 1 };
    let mut known = None;
    while answers < wanted {
        let client = &clients[answers];
        match client.request_with_key(call.clone(), Key(key)).await {
            Ok(Reply { seq: Some(seq), body: ReplyBody::CallPlaced(placed), .. }) => {
                answers += 1;
                let receipt = Receipt { key, seq, call: placed.call };
                town.seen.book().receipts.push(receipt);
                let before = *known.get_or_insert(placed.call);
                if before != placed.call {
                    town.seen
                        .wrong(format!("one request became calls {before} and {}", placed.call));
                }
            }
            Ok(other) => town.seen.wrong(format!("place_call was answered with {:?}", other.body)),
            Err(ClientError::Rejected(no)) if no.code == Code::JournalFailed => {
                sleep(Duration::from_millis(dice.span(200, 2_000))).await;
            }
            Err(other) => {
                town.seen.wrong(format!("a call was not taken: {other}"));
                return;
            }
        }
    }
}

/// Asks under a key of its own. What the room says no to, people take.
async fn ask(client: &Client, dice: &mut Dice, request: impl Into<Request>) -> Option<Reply> {
    let request = request.into();
    let query = request.nature() != RequestNature::Command;
    let answer = if query {
        client.request(request).await
    } else {
        client.request_with_key(request, Key(dice.key())).await
    };
    answer.ok()
}

/// An operator at a board: looks at the list, works what stands on top or somewhere.
pub async fn operator(town: Town, number: usize) {
    let who = format!("operator-{number}");
    let mut dice = Dice::of(town.plan.seed, &who);
    let client = town.client(Role::Operator, &who);
    let follows = tokio::spawn(follow(town.clone(), client.clone()));
    while !town.is_quiet() {
        town.rest(dice.wait_ms(60_000) + 2_000).await;
        let list = ListCalls { limit: Some(60), ..ListCalls::default() };
        let Some(Reply { body: ReplyBody::Calls(page), .. }) = ask(&client, &mut dice, list).await
        else {
            continue;
        };
        if page.calls.is_empty() {
            continue;
        }
        let mut claimed = BTreeSet::new();
        for _ in 0..dice.span(1, 4) {
            let top = dice.below(3) < 2;
            let call = if top { &page.calls[0] } else { dice.pick(&page.calls) };
            work(&town, &client, (&who, &mut claimed), call, &mut dice).await;
            town.rest(dice.wait_ms(8_000)).await;
        }
    }
    follows.abort();
}

/// What an operator does about one call.
async fn work(
    town: &Town,
    client: &Client,
    (who, claimed): (&str, &mut BTreeSet<u64>),
    call: &CallSummary,
    dice: &mut Dice,
) {
    let id = call.call;
    let unit = format!("CAR-{}", dice.below(town.plan.units));
    let sent = call.units.first().map(|on| on.unit.clone());
    let at = Some(sent.clone().unwrap_or_else(|| unit.clone()));
    // Nobody renews a claim: that leaves no event, and a checker of the log could not know.
    if call.claim.is_none() && dice.once_in(2) {
        if claimed.insert(id) {
            ask(client, dice, Claim { call: id }).await;
        }
        return;
    }
    let request: Request = match dice.below(17) {
        0..=3 if call.stage == Stage::Waiting => AssignUnit { call: id, unit }.into(),
        0..=1 => {
            let status = *dice.pick(&[
                ReportedStatus::Acknowledged,
                ReportedStatus::EnRoute,
                ReportedStatus::OnScene,
            ]);
            ReportStatus { call: id, unit: at, status, reason: None, by_radio: true }.into()
        }
        2..=4 => AddNote { call: id, text: format!("{HERS} rang again") }.into(),
        5 => {
            SetPriority { call: id, priority: u8::try_from(dice.span(1, 4)).unwrap(), reason: None }
                .into()
        }
        6 => LinkCall { call: id, primary: id.saturating_sub(dice.span(1, 3)).max(1) }.into(),
        7 => Escalate { call: id, clock: None, reason: None }.into(),
        8..=9 => {
            RecordCallback { call: id, outcome: CallbackOutcome::NoAnswer, note: Some(HERS.into()) }
                .into()
        }
        10 => ShowCall { call: id, reason: None }.into(),
        11 => ReleaseUnit { call: id, unit: sent.unwrap_or(unit), reason: None }.into(),
        12 if call.claim.as_ref().is_some_and(|claim| claim.who == who) => {
            ReleaseClaim { call: id }.into()
        }
        12 if call.claim.as_ref().is_some_and(|claim| claim.stale) && claimed.insert(id) => {
            TakeOver { call: id }.into()
        }
        13 => ReopenCall { call: id.saturating_sub(dice.span(0, 9)).max(1), reason: None }.into(),
        14 => SendMessage { unit: Some(unit), call: Some(id), text: "where are you".into() }.into(),
        _ => CloseCall {
            call: id,
            disposition: (*dice.pick(&DISPOSITIONS)).into(),
            remark: Some(HERS.into()),
        }
        .into(),
    };
    ask(client, dice, request).await;
}

/// Follows the room, and holds that pushes rise.
async fn follow(town: Town, client: Client) {
    let Ok(mut updates) = client.pushes().await else { return };
    let mut last = 0;
    while let Some(update) = updates.next().await {
        match update {
            Update::Snapshot(page) => last = page.seq,
            Update::Push(push) => {
                if push.seq <= last {
                    town.seen.wrong(format!("push {} came after {last}", push.seq));
                }
                last = push.seq;
            }
        }
    }
}

/// A patrol unit: answers, or does not; is lost for a while, and comes back.
pub async fn unit(town: Town, number: usize) {
    let name = format!("CAR-{number}");
    let mut dice = Dice::of(town.plan.seed, &name);
    while !town.is_quiet() {
        let client = town.client(Role::Unit, &name);
        let sign_on = SignOn {
            unit: name.clone(),
            district: "Lahore".into(),
            crew: Vec::new(),
            skills: Vec::new(),
            vehicle: None,
            lat: None,
            lon: None,
        };
        ask(&client, &mut dice, sign_on).await;
        let on_duty = duty(&town, &client, &mut dice);
        let shift_ms = dice_shift(&town, &name);
        if tokio::time::timeout(Duration::from_millis(shift_ms), on_duty).await.is_ok() {
            return;
        }
        drop(client);
        town.rest(dice.wait_ms(4 * 60_000)).await;
    }
}

/// How long a unit's program runs before it is lost.
fn dice_shift(town: &Town, name: &str) -> u64 {
    let mut dice = Dice::of(town.plan.seed ^ town.time.ms(), name);
    if town.plan.faults.contains(&Fault::UnitLost) {
        dice.wait_ms(50 * 60_000)
    } else {
        u64::MAX / 4
    }
}

async fn duty(town: &Town, client: &Client, dice: &mut Dice) {
    let Ok(mut updates) = client.pushes().await else { return };
    // How far it has come with each call.
    let mut calls: BTreeMap<u64, usize> = BTreeMap::new();
    while !town.is_quiet() {
        let wait = Duration::from_millis(dice.wait_ms(45_000) + 1_000);
        let quiet = town.quiet.clone();
        tokio::select! {
            biased;
            () = quiet.until(|quiet| quiet) => return,
            update = updates.next() => {
                let Some(update) = update else { return };
                hear(update, &mut calls);
                continue;
            }
            () = sleep(wait) => {}
        }
        let some: Vec<(u64, usize)> = calls.iter().map(|(call, step)| (*call, *step)).collect();
        let request: Request = match (some.is_empty(), dice.below(24)) {
            (_, 0) => Panic::default().into(),
            (_, 1) => SetOutOfService { unit: None, reason: "a flat tyre".into() }.into(),
            (_, 2) => SetAvailable::default().into(),
            (_, 3) => SendMessage { unit: None, call: None, text: "road closed".into() }.into(),
            (_, 4) => {
                ReportPosition { unit: None, lat: 31.5, lon: 74.3, accuracy_m: None, at: None }
                    .into()
            }
            (true, _) => continue,
            (false, 5..=8) => continue,
            (false, draw) => {
                let (call, step) = *dice.pick(&some);
                calls.insert(call, step + 1);
                let status = match (step, draw) {
                    (0, 9..=11) => ReportedStatus::Declined,
                    (0, _) => ReportedStatus::Acknowledged,
                    (1, _) => ReportedStatus::EnRoute,
                    (2, _) => ReportedStatus::OnScene,
                    (_, 9..=16) => {
                        ask(client, dice, CheckIn { call: Some(call), unit: None }).await;
                        continue;
                    }
                    _ => ReportedStatus::Clear,
                };
                ReportStatus { call, unit: None, status, reason: None, by_radio: false }.into()
            }
        };
        ask(client, dice, request).await;
    }
}

fn hear(update: Update, calls: &mut BTreeMap<u64, usize>) {
    let (assignments, unit) = match update {
        Update::Snapshot(page) => {
            calls.clear();
            (page.assignments, page.units.into_iter().next())
        }
        Update::Push(push) => {
            (push.assignment.map(|it| *it).into_iter().collect(), push.unit.map(|it| *it))
        }
    };
    for assignment in assignments {
        calls.entry(assignment.call).or_insert(0);
    }
    if let Some(unit) = unit {
        calls.retain(|call, _| unit.calls.contains(call));
    }
}

/// A supervisor: looks at what was told, sees it, takes some.
pub async fn supervisor(town: Town, number: usize) {
    let who = format!("supervisor-{number}");
    let mut dice = Dice::of(town.plan.seed, &who);
    let client = town.client(Role::Supervisor, &who);
    let follows = tokio::spawn(follow(town.clone(), client.clone()));
    while !town.is_quiet() {
        town.rest(dice.wait_ms(4 * 60_000)).await;
        let list = ListEscalations { call: None, closed: false, after: None, limit: Some(20) };
        let Some(Reply { body: ReplyBody::Escalations(page), .. }) =
            ask(&client, &mut dice, list).await
        else {
            continue;
        };
        for told in page.escalations.iter().take(dice.below(4)) {
            let (call, clock) = (told.call, told.clock.clone());
            let request: Request = if dice.once_in(2) {
                SeeEscalation { escalation: told.escalation }.into()
            } else {
                TakeEscalation { call, clock, rung: Some(told.rung), office: None }.into()
            };
            ask(&client, &mut dice, request).await;
        }
    }
    follows.abort();
}

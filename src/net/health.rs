//! How the server is, and the canary that shows it.

use super::Server;
use super::feed::WireFeed;
use crate::domain::{
    Actor, Command, Flags, NewCall, Order, Priority, Role, Sealed, Source, Trigger, UtcMs,
};
use crate::journal::Health;
use crate::protocol as wire;
use crate::service::Room;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) fn health(server: &Server, room: &mut Room<'_, WireFeed>) -> wire::HealthStatus {
    let state = room.engine.state();
    let now = server.clock.now();
    let journal = room.journal.health();
    let mut problems = server.notes.clone();
    match &journal {
        Health::Whole => {}
        Health::Degraded { which, why } => {
            problems
                .push(format!("degraded: the log's {which:?} failed, the other goes on: {why}"));
        }
        Health::Spilling { from, why, spill } => {
            problems.push(format!(
                "NOTHING NEW IS DURABLE: no log takes anything from transition {from} on; calls are still taken: {why}"
            ));
            problems.extend(spill.as_ref().map(|why| {
                format!("the spill failed too, what is new is in memory alone: do not stop the server: {why}")
            }));
        }
        Health::Poisoned { why } => problems.push(format!("the log takes nothing: {why}")),
    }
    let tests = server.tests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    problems.extend(tests.iter().filter_map(|(to, problem)| {
        let problem = problem.as_deref()?;
        Some(format!("{} is not reached by {}: {problem}", to.person, to.channel))
    }));
    drop(tests);
    problems.extend(server.reloads.problems());
    let certificates = server.certificates.as_ref();
    problems.extend(certificates.and_then(|it| it.problem(server.clock.wall_now())));
    problems.extend(canary_problem(server, state.canary(), now));
    let slowest = room.pulse.slowest_commit(now);
    if slowest > crate::service::COMMIT_ALARM {
        problems.push(format!("a commit took {} ms: the disk is in trouble", slowest.as_millis()));
    }
    let ahead_ms = server.clock.wall_ahead_ms();
    if ahead_ms.abs() >= 1_000 {
        problems.push(format!("the wall clock is {ahead_ms} ms ahead of room time: it was set"));
    }
    let open = state.calls().filter(|call| call.closed.is_none() && !call.is_canary()).count();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    wire::HealthStatus {
        ok: problems.is_empty(),
        degraded: journal != Health::Whole,
        spilling: state.spilled().is_some(),
        drill: server.settings.drill.is_some(),
        problems,
        seq: state.seq,
        now_at: now.0,
        uptime_ms: now.since(server.started_at),
        open_calls: count(open),
        waiting_calls: count(state.queue().len()),
        units: count(state.units().filter(|(_, unit)| unit.signed_on.is_some()).count()),
        sessions: count(server.sessions.load(Ordering::Relaxed)),
        next_deadline_at: room.engine.next_deadline().map(|at| at.0),
        slowest_commit_ms: Some(u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX)),
        failed_log_ins: server.people.as_ref().map_or(0, |people| people.failed()),
        certificate_ends_at: certificates.map(|it| it.ends_at().0),
        canary_at: state.canary().passed_at.map(|at| at.0),
    }
}

fn canary_problem(server: &Server, canary: crate::engine::Canary, now: UtcMs) -> Option<String> {
    let settings = &server.settings.canary;
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if settings.every.is_zero() {
        return None;
    }
    let clock =
        server.settings.rules.clocks.iter().find(|it| it.starts == Trigger::CanaryReceived)?;
    let placed_at = canary.placed_at.unwrap_or(server.started_at).max(server.started_at);
    let overdue = placed_at.plus(ms(settings.every) + clock.limit_ms + ms(settings.late));
    let back = canary.passed_at.is_some_and(|passed_at| passed_at >= placed_at);
    if now > overdue || (!back && now > placed_at.plus(clock.limit_ms + ms(settings.late))) {
        return Some("the canary is missing: a call may not reach its escalation".into());
    }
    // What a canary of the run before met is not this run's trouble.
    (back && canary.late_ms > ms(settings.late))
        .then(|| format!("the canary was {} ms late: deadlines fire late", canary.late_ms))
}

/// Sends a canary through the whole path, again and again. It starts with the server.
pub(super) async fn canary(server: Arc<Server>) {
    let every = server.settings.canary.every;
    if every.is_zero() {
        return;
    }
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let call = NewCall {
            source: Source::Canary,
            line: None,
            district: "".into(),
            kind: "canary".into(),
            priority: Priority::LEAST_URGENT,
            flags: Flags { test: true, ..Flags::default() },
            sealed: Sealed::default(),
        };
        let received_at = server.clock.now();
        let command = Command::PlaceCall { received_at, call: Box::new(call) };
        let by = Actor::new("canary", Role::Room);
        server.handle.order(Order { by, key: None, command }, |_, _| {}).await;
    }
}

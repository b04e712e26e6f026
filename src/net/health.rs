//! How the server is, and the canary that shows it.

use super::Server;
use super::feed::WireFeed;
use crate::config::CanarySettings;
use crate::domain::{
    Actor, Command, Flags, NewCall, Order, Priority, Role, Sealed, Source, Trigger, UtcMs,
};
use crate::engine::Canary;
use crate::journal::Health;
use crate::protocol as wire;
use crate::service::Room;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

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
    let (mut open, mut flying) = (0_u64, None::<UtcMs>);
    for call in state.calls().filter(|call| call.closed.is_none()) {
        if call.is_canary() {
            flying = Some(flying.map_or(call.received_at, |at| at.min(call.received_at)));
        } else {
            open += 1;
        }
    }
    problems.extend(canary_limit(server).and_then(|limit_ms| {
        let started_at = server.started_at;
        Flight { canary: state.canary(), flying, started_at, limit_ms }
            .problem(&server.settings.canary, now)
    }));
    let slowest = room.pulse.slowest_commit(now);
    if slowest > crate::service::COMMIT_ALARM {
        problems.push(format!("a commit took {} ms: the disk is in trouble", slowest.as_millis()));
    }
    let ahead_ms = server.clock.wall_ahead_ms();
    if ahead_ms.abs() >= 1_000 {
        problems.push(format!("the wall clock is {ahead_ms} ms ahead of room time: it was set"));
    }
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
        open_calls: open,
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

/// How long a canary takes, if one is sent at all.
fn canary_limit(server: &Server) -> Option<u64> {
    let clocks = &server.settings.rules.clocks;
    let clock = clocks.iter().find(|it| it.starts == Trigger::CanaryReceived)?;
    (!server.settings.canary.every.is_zero()).then_some(clock.limit_ms)
}

/// What is known of the canaries of this run.
struct Flight {
    /// The last one placed, and the last one back.
    canary: Canary,
    /// When the oldest one that is not back was received.
    flying: Option<UtcMs>,
    /// When this run started: what fell due before it is not its trouble.
    started_at: UtcMs,
    /// From received to back.
    limit_ms: u64,
}

impl Flight {
    fn problem(&self, settings: &CanarySettings, now: UtcMs) -> Option<String> {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let (every_ms, late_ms) = (ms(settings.every), ms(settings.late));
        let placed_at = self.canary.placed_at.unwrap_or(self.started_at).max(self.started_at);
        let next_due_at = placed_at.plus(every_ms).plus(self.limit_ms);
        let flying_due_at = self.flying.map(|at| at.plus(self.limit_ms).max(self.started_at));
        let due_at = flying_due_at.map_or(next_due_at, |at| at.min(next_due_at));
        if now > due_at.plus(late_ms) {
            return Some("the canary is missing: a call may not reach its escalation".into());
        }
        // The last one back says how things are until another is back.
        let passed_due_at = UtcMs(self.canary.passed_at?.0.saturating_sub(self.canary.late_ms));
        (passed_due_at >= self.started_at && self.canary.late_ms > late_ms)
            .then(|| format!("the canary was {} ms late: deadlines fire late", self.canary.late_ms))
    }
}

/// Sends a canary through the whole path, again and again. It starts with the server.
pub(super) async fn canary(server: Arc<Server>) {
    let every = server.settings.canary.every;
    if every.is_zero() {
        return;
    }
    let mut ticks = tokio::time::interval(every);
    // Those that a stopped machine missed are not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED_AT: UtcMs = UtcMs(1_000_000);
    const SETTINGS: CanarySettings =
        CanarySettings { every: Duration::from_secs(300), late: Duration::from_secs(1) };

    /// What health says `at_ms` after the start, with a limit of two seconds: of the last canary
    /// placed, of the last one back and how late it was, and of one that is out since.
    fn said(placed: Option<u64>, back: Option<(u64, u64)>, out: Option<u64>, at_ms: u64) -> String {
        let at = |ms| STARTED_AT.plus(ms);
        let canary = Canary {
            placed_at: placed.map(at),
            passed_at: back.map(|(ms, _)| at(ms)),
            late_ms: back.map_or(0, |(_, late_ms)| late_ms),
        };
        let flying = out.map(at);
        let flight = Flight { canary, flying, started_at: STARTED_AT, limit_ms: 2_000 };
        flight.problem(&SETTINGS, at(at_ms)).unwrap_or_default()
    }

    #[test]
    fn canary_that_is_out_is_missing_only_after_its_limit_and_what_it_may_be_late() {
        assert_eq!(said(Some(5), None, Some(5), 3_005), "");
        assert!(said(Some(5), None, Some(5), 3_006).contains("missing"));
        // Another one, placed since, does not make up for it.
        assert!(said(Some(3_000), None, Some(5), 3_006).contains("missing"));
    }

    #[test]
    fn canary_that_was_never_sent_is_missing() {
        for placed in [None, Some(0)] {
            assert_eq!(said(placed, Some((2_000, 0)), None, 303_000), "");
            assert!(said(placed, Some((2_000, 0)), None, 303_001).contains("missing"));
        }
    }

    #[test]
    fn late_canary_is_told_of_until_one_is_back_in_time_however_many_were_placed_since() {
        let late = "the canary was 1001 ms late: deadlines fire late";
        for (placed, out) in [(5, None), (3_005, Some(3_005)), (3_007, Some(3_007))] {
            assert_eq!(said(Some(placed), Some((3_006, 1_001)), out, 3_010), late);
        }
        assert_eq!(said(Some(5), Some((3_005, 1_000)), None, 3_010), "", "as late as it may be");
        assert_eq!(said(Some(3_007), Some((5_010, 3)), None, 5_010), "");
    }

    #[test]
    fn canary_of_the_run_before_is_not_the_trouble_of_this_one() {
        let canary = |due_at: u64, late_ms| Canary {
            placed_at: Some(UtcMs(due_at - 2_000)),
            passed_at: Some(UtcMs(due_at + late_ms)),
            late_ms,
        };
        let said = |due_at: u64, flying: Option<u64>, at_ms| {
            let (canary, flying) = (canary(due_at, 60_000), flying.map(UtcMs));
            Flight { canary, flying, started_at: STARTED_AT, limit_ms: 2_000 }
                .problem(&SETTINGS, STARTED_AT.plus(at_ms))
        };
        assert_eq!(said(STARTED_AT.0 - 1, None, 60_000), None);
        assert!(said(STARTED_AT.0, None, 60_000).is_some_and(|it| it.contains("late")));
        // It was to be back while no server ran; it has as long as it may be late from the start.
        assert_eq!(said(900_000, Some(900_000), 1_000), None);
        assert!(said(900_000, Some(900_000), 1_001).is_some_and(|it| it.contains("missing")));
    }
}

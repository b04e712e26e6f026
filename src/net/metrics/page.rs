//! Figures as Prometheus reads them, and the word on how the room is.

use super::super::Server;
use super::super::shed::Shed;
use super::figures::Figures;
use super::{Look, Missed, PATIENCE, machine};
use crate::domain::UtcMs;
use crate::journal::Health;
use crate::protocol::Role;
use crate::service::{COMMIT_SECONDS, COMMIT_TRANSITIONS, LATE_SECONDS, Spread};
use metrics::{Key, Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::formatting::{
    write_help_line, write_metric_line, write_type_line,
};
use metrics_exporter_prometheus::{LabelSet, PrometheusBuilder};

/// The content type of Prometheus' text.
pub(super) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether the room is well, and the lines that say so: those of `fifteen health`.
pub(super) fn health(look: &Look) -> (bool, String) {
    let mut problems = Vec::new();
    match &look.missed {
        Some(Missed::Silent) => {
            problems.push(format!("the engine has not answered for {} s", PATIENCE.as_secs()));
        }
        Some(Missed::Ended(failed)) => problems.push(failed.to_string()),
        Some(Missed::Shed) if look.figures.is_none() => {
            problems.push("calls come first just now, and nothing is known from before".into());
        }
        Some(Missed::Shed) | None => {}
    }
    if let Some(figures) = &look.figures {
        problems.extend(figures.health.problems.iter().cloned());
    }
    let mut lines = vec![];
    if problems.is_empty() {
        lines.push("ok".to_owned());
    }
    lines.extend(problems.iter().map(|problem| format!("PROBLEM: {problem}")));
    if look.missed.is_some() && look.figures.is_some() {
        lines.push(format!("stale: seen {} ms ago", look.age_ms));
    }
    (problems.is_empty(), lines.join("\n") + "\n")
}

/// Everything there is to be counted. The recorder lives for one page: a figure that is not there
/// any more leaves nothing behind.
pub(super) fn metrics(server: &Server, look: &Look) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        this_process();
        of_sessions(server);
        describe_gauge!("fifteen_stale", "1: the figures of the room are old, it had no time");
        gauge!("fifteen_stale").set(f64::from(u8::from(look.missed.is_some())));
        describe_gauge!("fifteen_healthy", "1: fifteen health and /healthz say ok");
        gauge!("fifteen_healthy").set(f64::from(u8::from(health(look).0)));
        if let Some(figures) = &look.figures {
            of_room(figures);
        }
    });
    let mut page = recorder.handle().render();
    if let Some(figures) = &look.figures {
        let pulse = &figures.pulse;
        for (name, what, bounds, spread) in [
            (
                "fifteen_commit_seconds",
                "What a commit took, both logs on the disk",
                COMMIT_SECONDS,
                &pulse.commit_seconds,
            ),
            (
                "fifteen_commit_transitions",
                "Transitions of a commit",
                COMMIT_TRANSITIONS,
                &pulse.commit_transitions,
            ),
            (
                "fifteen_deadline_late_seconds",
                "How late an escalation was recorded, by its own instant",
                LATE_SECONDS,
                &pulse.late_seconds,
            ),
        ] {
            histogram(&mut page, name, what, bounds, spread);
        }
    }
    page
}

fn this_process() {
    if let Some(bytes) = machine::resident_bytes() {
        describe_gauge!("process_resident_memory_bytes", Unit::Bytes, "Resident memory");
        gauge!("process_resident_memory_bytes").set(float(bytes));
    }
    if let Some(handles) = machine::handles() {
        describe_gauge!("process_open_fds", "File handles open");
        gauge!("process_open_fds").set(float(handles));
    }
    if let Some(most) = machine::handles_max() {
        describe_gauge!("process_max_fds", "File handles there may be");
        gauge!("process_max_fds").set(float(most));
    }
}

fn of_sessions(server: &Server) {
    describe_gauge!("fifteen_sessions", "Sessions, by role");
    for role in Role::ALL {
        gauge!("fifteen_sessions", "role" => role.as_str()).set(float(server.census.of(*role)));
    }
    describe_gauge!("fifteen_handshakes", "Connections that have not said who they are");
    gauge!("fifteen_handshakes").set(float(server.door.handshakes()));
    describe_counter!("fifteen_shed_total", "Work shed so that calls could be taken, by kind");
    for what in Shed::ALL {
        counter!("fifteen_shed_total", "what" => what.as_str()).absolute(server.tally.total(what));
    }
    describe_counter!(
        "fifteen_presses_behind_total",
        "Presses put behind the others: more than is usual"
    );
    counter!("fifteen_presses_behind_total").absolute(server.flood.behind());
}

fn of_room(figures: &Figures) {
    let health = &figures.health;
    let now = UtcMs(health.now_at);
    let since = |at: Option<UtcMs>| at.map_or(0.0, |at| float(now.since(at)) / 1_000.0);
    describe_gauge!("fifteen_waiting_calls", "Calls that wait, by priority, 1 most urgent");
    describe_gauge!("fifteen_oldest_wait_seconds", "How long the first of them waits");
    for waiting in &figures.waiting {
        let priority = waiting.priority.to_string();
        gauge!("fifteen_waiting_calls", "priority" => priority.clone()).set(float(waiting.calls));
        gauge!("fifteen_oldest_wait_seconds", "priority" => priority).set(since(waiting.oldest_at));
    }
    for (name, what, figure) in [
        ("fifteen_open_calls", "Calls that are not closed", float(health.open_calls)),
        ("fifteen_units_on_duty", "Units signed on", float(health.units)),
        ("fifteen_uptime_seconds", "Since the start", float(health.uptime_ms) / 1_000.0),
        ("fifteen_log_seq", "Transitions in the log", float(health.seq)),
        ("fifteen_log_degraded", "1: not every log takes what happens", {
            f64::from(u8::from(figures.log != Health::Whole))
        }),
        ("fifteen_log_poisoned", "1: no log takes anything", {
            f64::from(u8::from(matches!(
                figures.log,
                Health::Poisoned { .. } | Health::Spilling { .. }
            )))
        }),
    ] {
        describe_gauge!(name, what);
        gauge!(name).set(figure);
    }
    describe_counter!("fifteen_failed_log_ins_total", "Log-ins with a wrong secret");
    counter!("fifteen_failed_log_ins_total").absolute(health.failed_log_ins);
    describe_counter!("fifteen_calls_total", "Calls taken by this log, the canary's among them");
    counter!("fifteen_calls_total").absolute(figures.calls);
    if let Some(outbox) = &figures.outbox {
        describe_gauge!("fifteen_outbox_escalations", "Escalations with somebody still to be told");
        gauge!("fifteen_outbox_escalations").set(float(outbox.escalations));
        describe_gauge!("fifteen_outbox_oldest_seconds", "How long the oldest of them waits");
        gauge!("fifteen_outbox_oldest_seconds").set(since(outbox.oldest_at));
    }
    if let Some(canary) = &figures.canary {
        describe_gauge!("fifteen_canary_age_seconds", "Since the last canary came through");
        describe_gauge!("fifteen_canary_late_seconds", "How late the last canary's escalation was");
        // One that never came through is as old as the server.
        let age_ms = canary.passed_at.map_or(health.uptime_ms, |at| now.since(at));
        gauge!("fifteen_canary_age_seconds").set(float(age_ms) / 1_000.0);
        gauge!("fifteen_canary_late_seconds").set(float(canary.late_ms) / 1_000.0);
    }
}

/// Ours are of fixed size; the exporter's grow with every figure until somebody looks.
fn histogram(page: &mut String, name: &str, what: &str, bounds: &[f64], spread: &Spread) {
    let none = LabelSet::from_key_and_global(&Key::from_name(""), &Default::default());
    write_help_line(page, name, None, None, what);
    write_type_line(page, name, None, None, "histogram");
    let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let (mut count, mut sum) = (0, 0.0);
    for (bound, cell) in bounds.zip(spread.cells()) {
        (count, sum) = (count + cell.count, sum + cell.sum);
        write_metric_line(page, name, Some("bucket"), &none, Some(("le", bound)), count, None);
    }
    write_metric_line::<&str, _>(page, name, Some("sum"), &none, None, sum, None);
    write_metric_line::<&str, _>(page, name, Some("count"), &none, None, count, None);
    page.push('\n');
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::HealthStatus;
    use crate::service::{Failed, Pulse};
    use std::sync::Arc;

    fn missed(missed: Missed) -> Look {
        Look { figures: None, age_ms: 0, missed: Some(missed) }
    }

    #[test]
    fn a_room_that_does_not_answer_is_not_well() {
        for (why, says) in [
            (Missed::Silent, "not answered"),
            (Missed::Shed, "calls come first"),
            (Missed::Ended(Failed::Closed), "engine has stopped"),
        ] {
            let (well, text) = health(&missed(why));
            assert!(!well && text.starts_with("PROBLEM: ") && text.contains(says), "{text}");
        }
    }

    #[test]
    fn what_was_seen_before_is_marked_as_old() {
        let health_of = |problems: Vec<String>, missed| {
            let status = HealthStatus { problems, ..HealthStatus::default() };
            let figures = Figures {
                health: status,
                log: Health::Whole,
                waiting: Vec::new(),
                outbox: None,
                canary: None,
                calls: 0,
                pulse: Pulse::default(),
            };
            health(&Look { figures: Some(Arc::new(figures)), age_ms: 1_500, missed })
        };
        let shed = Some(Missed::Shed);
        assert_eq!(health_of(vec![], None), (true, "ok\n".into()));
        assert_eq!(health_of(vec![], shed.clone()), (true, "ok\nstale: seen 1500 ms ago\n".into()));
        let (well, text) = health_of(vec!["the disk".into()], shed);
        assert!(!well && text == "PROBLEM: the disk\nstale: seen 1500 ms ago\n", "{text}");
        assert!(!health_of(vec![], Some(Missed::Silent)).0);
    }

    #[test]
    fn a_histogram_counts_upwards_and_ends_in_everything() {
        let mut page = String::new();
        let pulse = Pulse::default();
        histogram(&mut page, "x_seconds", "What.", COMMIT_SECONDS, &pulse.commit_seconds);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[..2], ["# HELP x_seconds What.", "# TYPE x_seconds histogram"]);
        assert_eq!(lines[2], "x_seconds_bucket{le=\"0.00025\"} 0");
        assert_eq!(lines.len(), 2 + COMMIT_SECONDS.len() + 1 + 2 + 1, "{page}");
        assert!(page.contains("x_seconds_bucket{le=\"+Inf\"} 0\nx_seconds_sum 0\n"), "{page}");
    }
}

//! `fifteen health`: a line a fact, and exit code 1 when something is wrong.

use super::{Server, out, out_json, rejected, text, unexpected};
use crate::cli::Connect;
use anyhow::Result;
use fifteen::protocol::{Health, HealthStatus, ReplyBody, Role};
use std::process::ExitCode;
use text::{Times, plain, span};

pub(crate) async fn health(args: Connect, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args, Role::Operator).await?;
    let reply = match server.ask(Health {}).await? {
        Ok(reply) => reply,
        Err(rejection) => return rejected(&rejection, json),
    };
    let status = match reply.body {
        ReplyBody::HealthStatus(status) => status,
        other => return Err(unexpected(&other)),
    };
    if json {
        out_json(&status)?;
    } else {
        out(page(&status, &server))?;
    }
    Ok(ExitCode::from(u8::from(!status.ok)))
}

fn page(status: &HealthStatus, server: &Server) -> String {
    let mut lines = Vec::new();
    if status.ok {
        lines.push("ok".to_owned());
    }
    for problem in &status.problems {
        lines.push(format!("PROBLEM: {}", plain(problem)));
    }
    let mut fact = |name: &str, value: String| lines.push(format!("  {name:<15}  {value}"));
    let times = Times::of(&server.welcome);
    fact("server", plain(&server.welcome.server));
    if status.drill {
        fact("drill", "yes: no call here is real".into());
    }
    if status.spilling {
        fact("log", "TAKES NOTHING: what is new is not durable".into());
    } else if status.degraded {
        fact("log", "degraded".into());
    }
    fact("server time", times.full(status.now_at));
    fact("up for", span(status.uptime_ms));
    fact("open calls", status.open_calls.to_string());
    fact("waiting calls", status.waiting_calls.to_string());
    fact("units on duty", status.units.to_string());
    fact("sessions", status.sessions.to_string());
    fact("transitions", status.seq.to_string());
    if let Some(at) = status.next_deadline_at {
        let left = span(at.saturating_sub(status.now_at));
        fact("next deadline", format!("in {left}"));
    }
    if let Some(ms) = status.slowest_commit_ms {
        fact("slowest commit", format!("{ms} ms"));
    }
    if let Some(at) = status.certificate_ends_at {
        fact("certificate", format!("until {}", times.full(at)));
    }
    if status.failed_log_ins > 0 {
        fact("failed log-ins", status.failed_log_ins.to_string());
    }
    if let Some(at) = status.canary_at {
        let ago = span(status.now_at.saturating_sub(at));
        fact("canary passed", format!("{ago} ago"));
    }
    lines.join("\n")
}

//! `fifteen unit`: signs on, shows assignments as they come, takes the crew's answers a line each.
//!
//! The link looks after itself (the client library); what is answered while it is down is sent when it
//! is back, in order. Leaving by Ctrl-C does not sign off: a crew whose screen died is still on duty.

use super::{Server, note, out, out_json, text};
use crate::cli::Unit;
use anyhow::{Context, Result, bail};
use fifteen::client::{Client, ClientError, Link, UnitClient, UnitNews};
use fifteen::protocol::{
    Assignment, CheckIn, Hello, Reply, ReportStatus, ReportedStatus, Request, Role, SignOff, SignOn,
};
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;
use tokio::sync::mpsc;

const HELP: &str = "\
a  accept the assignment          e  en route
d  decline it: d REASON           s  on scene
c  clear, done with the call      k  check in: we are well
q  sign off and quit              ?  this
With several assignments the call's number follows: e 12, d 12 REASON";

/// What a crew types, at most so many lines ahead of the server.
const LINES_MAX: usize = 64;

pub(crate) async fn unit(args: Unit, json: bool) -> Result<ExitCode> {
    let callsign = args.callsign.trim().to_owned();
    let hello = Hello::new(Role::Unit, callsign.as_str());
    let server = Server::greet(&args.connect, hello, args.token_file.as_deref()).await?;
    let duty = SignOn {
        unit: callsign.clone(),
        district: args.district,
        crew: args.crew,
        skills: args.skill,
        vehicle: args.vehicle,
        lat: args.lat,
        lon: args.lon,
    };
    let unit = match UnitClient::sign_on(server.client, duty).await {
        Ok(unit) => unit,
        Err(ClientError::Rejected(rejection)) => return super::rejected(&rejection, json),
        Err(error) => return Err(error).context(server.address),
    };
    let mut desk = Desk::open(unit, callsign, json);
    desk.say(serde_json::json!({ "signed_on": desk.callsign }), || {
        format!("{} is on duty; ? lists the answers", text::plain(&desk.callsign))
    })?;
    desk.run().await
}

/// An answer that was sent, and what came back.
struct Answered {
    word: &'static str,
    call: Option<u64>,
    outcome: Result<Reply, ClientError>,
}

type Ask = (&'static str, Option<u64>, Request);

/// The crew's screen.
struct Desk {
    unit: UnitClient,
    callsign: String,
    json: bool,
    times: text::Times,
    held: BTreeSet<u64>,
    /// Those the crew gave up itself: their end is no news.
    leaving: BTreeSet<u64>,
    asks: mpsc::UnboundedSender<Ask>,
    answered: mpsc::UnboundedReceiver<Answered>,
}

impl Desk {
    fn open(unit: UnitClient, callsign: String, json: bool) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        tokio::spawn(ask_in_order(unit.client().clone(), asked, answers));
        Self {
            unit,
            callsign,
            json,
            times: text::Times::here(),
            held: BTreeSet::new(),
            leaving: BTreeSet::new(),
            asks,
            answered,
        }
    }

    async fn run(&mut self) -> Result<ExitCode> {
        let mut lines = lines();
        let mut link = self.unit.client().link();
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut typing = true;
        loop {
            tokio::select! {
                news = self.unit.next() => match news {
                    Some(UnitNews::Assigned(assignment)) => self.assigned(&assignment)?,
                    Some(UnitNews::Ended { call }) => self.ended(call)?,
                    Some(UnitNews::Message(_)) => {}
                    None => bail!("{}: {}; still on duty, use the radio", self.callsign, why_ended(&link.borrow())),
                },
                Some(answered) = self.answered.recv() => {
                    if let Some(code) = self.answer_came(answered)? {
                        return Ok(code);
                    }
                }
                line = lines.recv(), if typing => match line {
                    Some(line) => self.typed(&line),
                    None => typing = false,
                },
                Ok(()) = link.changed() => self.link(&link.borrow_and_update().clone())?,
                _ = &mut interrupted => {
                    note(format_args!(
                        "{0} is still on duty: the room sees its link as lost. `fifteen unit {0}` comes back, q there signs off",
                        text::plain(&self.callsign)
                    ));
                    // As a shell counts an end by SIGINT.
                    return Ok(ExitCode::from(130));
                }
            }
        }
    }

    fn say(&self, json: serde_json::Value, words: impl FnOnce() -> String) -> Result<()> {
        if self.json { out_json(&json) } else { out(words()) }
    }

    fn assigned(&mut self, assignment: &Assignment) -> Result<()> {
        self.held.insert(assignment.call);
        self.say(serde_json::json!({ "assigned": assignment }), || {
            // The bell, where there is one: nobody stares at this screen.
            let bell = if std::io::stdout().is_terminal() { "\u{7}" } else { "" };
            format!("{bell}{}", card(assignment, &self.times))
        })
    }

    fn ended(&mut self, call: u64) -> Result<()> {
        self.held.remove(&call);
        if self.leaving.remove(&call) {
            return Ok(());
        }
        self.say(serde_json::json!({ "ended": call }), || format!("call {call}: no longer yours"))
    }

    fn link(&self, link: &Link) -> Result<()> {
        match link {
            Link::Up(_) => {
                self.say(serde_json::json!({ "link": "up" }), || "the link is back".into())
            }
            // Said once; how often it was tried since is of no use to a crew.
            Link::Down { attempts: 0, why } => {
                let json = serde_json::json!({ "link": "down", "why": why });
                self.say(json, || {
                    format!("NO LINK ({why}): use the radio; this screen goes on trying")
                })
            }
            Link::Down { .. } | Link::Ended { .. } => Ok(()),
        }
    }

    /// Takes one line of the crew.
    fn typed(&mut self, line: &str) {
        let (letter, rest) = match line.trim().split_once(char::is_whitespace) {
            Some((letter, rest)) => (letter, rest.trim()),
            None => (line.trim(), ""),
        };
        let ask = match letter {
            "" => return,
            "?" => return note(HELP),
            "q" => Ok(("signed off", None, SignOff::default().into())),
            "a" => self.report("acknowledged", ReportedStatus::Acknowledged, rest),
            "d" => self.report("declined", ReportedStatus::Declined, rest),
            "e" => self.report("en route", ReportedStatus::EnRoute, rest),
            "s" => self.report("on scene", ReportedStatus::OnScene, rest),
            "c" => self.report("clear", ReportedStatus::Clear, rest),
            "k" => self.which(rest).map(|(call, _)| {
                let call = Some(call);
                ("checked in", call, CheckIn { call, unit: None }.into())
            }),
            other => Err(format!("{}: no such answer; ? lists them", text::plain(other))),
        };
        match ask {
            Ok(ask) => {
                if self.unit.client().welcome().is_none() {
                    note("no link: it is sent when the link is back; say it by radio too");
                }
                if let ("declined" | "clear", Some(call)) = (ask.0, ask.1) {
                    self.leaving.insert(call);
                }
                // The other end lives as long as this desk.
                let _ = self.asks.send(ask);
            }
            Err(why) => note(why),
        }
    }

    fn report(
        &self,
        word: &'static str,
        status: ReportedStatus,
        rest: &str,
    ) -> Result<Ask, String> {
        let (call, rest) = self.which(rest)?;
        let reason = match status {
            ReportedStatus::Declined if rest.is_empty() => {
                return Err("say why: d REASON".into());
            }
            ReportedStatus::Declined => Some(rest.to_owned()),
            _ => None,
        };
        let report = ReportStatus { call, unit: None, status, reason, by_radio: false };
        Ok((word, Some(call), report.into()))
    }

    /// The call a line is about, and what is left of the line. A number is a call's when it is one
    /// of ours; else it may begin a reason.
    fn which<'a>(&self, rest: &'a str) -> Result<(u64, &'a str), String> {
        let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Ok(call) = first.parse::<u64>()
            && (self.held.contains(&call) || after.is_empty())
        {
            return Ok((call, after.trim()));
        }
        let mut held = self.held.iter();
        match (held.next(), held.next()) {
            (Some(call), None) => Ok((*call, rest)),
            (None, _) => Err("no assignment".into()),
            (Some(_), Some(_)) => {
                let calls: Vec<_> = self.held.iter().map(ToString::to_string).collect();
                Err(format!("say which call: {}", calls.join(", ")))
            }
        }
    }

    /// An exit code when the crew has signed off.
    fn answer_came(&mut self, answered: Answered) -> Result<Option<ExitCode>> {
        let Answered { word, call, outcome } = answered;
        let about = call.map_or_else(String::new, |call| format!("call {call}: "));
        match outcome {
            Ok(_) => {
                let json = serde_json::json!({ "done": word, "call": call });
                self.say(json, || format!("{about}{word}"))?;
                Ok(call.is_none().then_some(ExitCode::SUCCESS))
            }
            Err(ClientError::Rejected(rejection)) => {
                if let Some(call) = call {
                    self.leaving.remove(&call);
                }
                let json = serde_json::json!({
                    "rejected": rejection.code, "text": rejection.text, "call": call
                });
                self.say(json, || format!("{about}rejected: {}", text::plain(&rejection.text)))?;
                Ok(call.is_none().then_some(ExitCode::from(1)))
            }
            Err(error) => bail!("{about}{word} is not recorded, use the radio: {error}"),
        }
    }
}

/// Sends answers one after another: "on scene" never overtakes "en route".
async fn ask_in_order(
    client: Client,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    answers: mpsc::UnboundedSender<Answered>,
) {
    while let Some((word, call, request)) = asked.recv().await {
        let outcome = client.request(request).await;
        let answered = Answered { word, call, outcome };
        if answers.send(answered).is_err() {
            return;
        }
    }
}

fn why_ended(link: &Link) -> String {
    match link {
        Link::Down { why, .. } | Link::Ended { why } => format!("the server ended the link: {why}"),
        Link::Up(_) => "the link has ended".into(),
    }
}

/// All a crew needs to go there.
fn card(assignment: &Assignment, times: &text::Times) -> String {
    let plain = |field: &Option<String>| field.as_deref().map(text::plain);
    let mut lines = vec![format!(
        "call {}  priority {}  {}  {}  sent {}",
        assignment.call,
        assignment.priority,
        text::plain(&assignment.kind),
        text::plain(&assignment.district),
        times.time(assignment.assigned_at)
    )];
    for flag in text::flags(assignment.flags) {
        lines.push(format!("  ! {flag}"));
    }
    let place = assignment.place.as_ref();
    let place = place.map_or_else(|| "not known, ask the room".into(), text::place);
    lines.push(format!("  where   {place}"));
    let who: Vec<_> =
        [plain(&assignment.name), plain(&assignment.number)].into_iter().flatten().collect();
    if !who.is_empty() {
        lines.push(format!("  whom    {}", who.join(", ")));
    }
    if let Some(note) = plain(&assignment.note) {
        lines.push(format!("  note    {note}"));
    }
    lines.push("  answer  a accepts, d REASON declines".into());
    lines.join("\n")
}

/// The lines of stdin, read on a thread of their own: a read that blocks cannot be taken back.
/// Closed at their end; the screen stays.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

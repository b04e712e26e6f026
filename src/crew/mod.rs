//! `fifteen unit`: signs on, shows assignments as they come, takes the crew's answers by one key each; or the same in
//! JSON lines for a vehicle's own terminal.
//!
//! The link looks after itself, and what is said is on the disk before it is sent: see [`fifteen::client::unit`].
//! Leaving by Ctrl-C does not sign off: a crew whose screen died is still on duty.

mod desk;
mod flags;
mod headless;
mod terminal;
mod words;

pub(crate) use flags::Unit;

use crate::shell::token::with_token;
use crate::shell::way::way;
use crate::shell::{file_name, note, out, out_json, state_folder, text};
use anyhow::{Context, Result, bail};
use desk::{Act, Desk};
use fifteen::client::ClientConfig;
use fifteen::client::unit::{
    Found, Outbox, OutboxError, Patrol, PatrolConfig, PatrolNews, PositionLimits, Unsaid,
};
use fifteen::domain::UtcMs;
use fifteen::protocol::{Hello, Key, ReplyBody, Role, ShowRoom, SignOn};
use fifteen::service::clock::RoomClock;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use terminal::{Input, Terminal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What is typed, at most so many lines ahead of the program.
const LINES_MAX: usize = 64;

/// Longest wait for a first welcome over a link with a round trip of seconds that loses segments, ms.
const CONNECT_MS: u64 = 20_000;

/// A crew's whole duty. `program`: what the crew types to be here.
pub(crate) async fn unit(args: Unit, json: bool, program: &'static str) -> Result<ExitCode> {
    let callsign = args.callsign.trim().to_owned();
    let clock = RoomClock::start(UtcMs(0));
    let way = way(&args.connect, &args.tls)?;
    let path = state_path(args.state.as_deref(), &callsign)?;
    let (outbox, found) = open(&path, clock.now().0)?;
    let hello = Hello::new(Role::Unit, callsign.as_str());
    let hello = with_token(hello, args.token_file.as_deref(), &args.connect)?;
    let duty = SignOn {
        unit: callsign.clone(),
        district: args.district,
        crew: args.crew,
        skills: args.skill,
        vehicle: args.vehicle,
        lat: args.lat,
        lon: args.lon,
    };
    let every_ms = u64::try_from(args.position_every.as_millis()).unwrap_or(u64::MAX);
    let positions = PositionLimits::default();
    let positions =
        PositionLimits { every_ms, still_ms: positions.still_ms.max(every_ms), ..positions };
    let client = ClientConfig { connect_ms: CONNECT_MS, ..ClientConfig::default() };
    let config = PatrolConfig { duty, positions, client };
    let unsent = outbox.len();
    let now = clock.clone();
    let patrol = Patrol::begin(way, hello, config, outbox, move || now.now().0);
    let mut front = if args.headless || json {
        out_json(&serde_json::json!({
            "event": "ready", "unit": callsign, "unsent": unsent, "state": path,
            "torn": found.torn, "damaged": found.damaged
        }))?;
        let desk = || Box::new(Desk::new(&callsign, true, unsent, clock.now().0));
        let desk = (!args.headless).then(desk);
        Front::Json { desk, line: 0 }
    } else {
        let raw = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let desk = Box::new(Desk::new(&callsign, !raw, unsent, clock.now().0));
        let terminal = raw.then(Terminal::take).transpose()?;
        Front::Crew { desk, terminal }
    };
    if !matches!(front, Front::Json { .. }) {
        front.greet(&args.connect, unsent, &found)?;
    }
    At { patrol, front, callsign, program, clock, leaving: None, asking: None }.run().await
}

/// Opens the outbox; a disk that refuses it does not keep a crew off duty.
fn open(path: &Path, now_at: u64) -> Result<(Outbox, Found)> {
    match Outbox::open(path, now_at) {
        Ok(opened) => Ok(opened),
        Err(error @ OutboxError::InUse(_)) => {
            bail!("{error}: end it, or give this one a callsign of its own")
        }
        Err(error @ OutboxError::Io { .. }) => {
            Ok((Outbox::in_memory(error.to_string()), Found::default()))
        }
    }
}

/// Where what was said is kept: `--state`, else below the user's state folder (XDG Base Directory Specification).
fn state_path(chosen: Option<&Path>, callsign: &str) -> Result<PathBuf> {
    if let Some(path) = chosen {
        return Ok(path.to_owned());
    }
    let state = state_folder().context("say with --state where unsent words are kept")?;
    Ok(state.join(format!("unit-{}", file_name(callsign))))
}

/// Who is at the other side.
enum Front {
    /// A person, in front of a terminal or typing lines.
    Crew { desk: Box<Desk>, terminal: Option<Terminal> },
    /// A program that reads JSON; with a desk it is typed to in lines.
    Json { desk: Option<Box<Desk>>, line: u64 },
}

/// The whole program at work.
struct At {
    patrol: Patrol,
    front: Front,
    callsign: String,
    program: &'static str,
    clock: RoomClock,
    /// The input has ended: leave with this code once nothing is unsent.
    leaving: Option<u8>,
    /// The room's words, asked for.
    asking: Option<mpsc::Receiver<Vec<String>>>,
}

impl At {
    async fn run(mut self) -> Result<ExitCode> {
        let raw = matches!(self.front, Front::Crew { terminal: Some(_), .. });
        let mut inputs = if raw { terminal::keys() } else { lines() };
        let mut typing = true;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
        let mut hang_up = signal(SignalKind::hangup()).context("listening for signals")?;
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if let Some(code) = self.leaving.filter(|_| self.patrol.unsent() == 0) {
                return Ok(ExitCode::from(code));
            }
            let ticks = self.front.wants_ticks();
            let quit = tokio::select! {
                news = self.patrol.next() => match news {
                    Some(news) => self.news(news)?,
                    None => Some(2),
                },
                input = inputs.recv(), if typing => match input {
                    Some(Input::Interrupt) => Some(130),
                    Some(input) => self.input(input)?,
                    None => {
                        typing = false;
                        // A person's screen stays when the keyboard goes; a program that is done is done.
                        if matches!(self.front, Front::Json { desk: None, .. }) {
                            self.leaving = Some(0);
                        }
                        None
                    }
                },
                _ = interrupt.recv() => Some(130),
                _ = terminate.recv() => Some(143),
                _ = hang_up.recv() => Some(129),
                words = words(&mut self.asking) => {
                    self.asking = None;
                    let acts = self.front.words_came(words.unwrap_or_default());
                    self.act(acts)?
                }
                _ = seconds.tick(), if ticks => {
                    let acts = self.front.tick(self.clock.now().0);
                    let quit = self.act(acts)?;
                    self.show()?;
                    quit
                }
            };
            if let Some(code) = quit {
                return Ok(self.leave(code));
            }
        }
    }

    fn leave(self, code: u8) -> ExitCode {
        let (unsent, on_duty) = (self.patrol.unsent(), self.patrol.is_on_duty());
        let json = matches!(self.front, Front::Json { .. });
        // The terminal is the crew's again before the last words.
        drop(self.front);
        if code > 128 && !json {
            let unit = text::plain(&self.callsign);
            let kept = match unsent {
                0 => String::new(),
                unsent => format!(" and sends the {unsent} unsent"),
            };
            let program = self.program;
            let duty = match on_duty {
                Some(true) => "is still on duty: the room sees its link as lost",
                None => "is not signed on from here; it is on duty if it was before",
                Some(false) => {
                    note(format_args!("{unit} is off duty"));
                    return ExitCode::from(code);
                }
            };
            note(format_args!(
                "{unit} {duty}. `{program} {unit}` comes back{kept}; q there signs off"
            ));
        }
        // As a shell counts an end by a signal.
        ExitCode::from(code)
    }

    /// An exit code when it is the last.
    fn news(&mut self, news: PatrolNews) -> Result<Option<u8>> {
        let (now, unsent) = (self.clock.now().0, self.patrol.unsent());
        let over = matches!(news, PatrolNews::SignedOff { by_room: false });
        if let Front::Json { desk, .. } = &mut self.front {
            out_json(&headless::event(&news, unsent))?;
            let Some(desk) = desk else {
                let quit = match news {
                    PatrolNews::Ended { .. } => Some(2),
                    PatrolNews::NotSignedOn { .. } => Some(1),
                    _ => None,
                };
                // The terminal goes on: it may sign on again.
                return Ok(quit.or(self.leaving.filter(|_| over)));
            };
            desk.unsent = unsent;
            let quits = desk.news(news, now).into_iter().filter(|act| matches!(act, Act::Quit(_)));
            return self.act(quits.collect());
        }
        let acts = match &mut self.front {
            Front::Crew { desk, .. } => {
                desk.unsent = unsent;
                desk.news(news, now)
            }
            Front::Json { .. } => Vec::new(),
        };
        let quit = self.act(acts)?;
        self.show()?;
        Ok(quit)
    }

    fn input(&mut self, input: Input) -> Result<Option<u8>> {
        let now = self.clock.now().0;
        let acts = match (&mut self.front, input) {
            (Front::Json { desk: None, line }, Input::Line(text)) => {
                *line += 1;
                let number = *line;
                return self.order(number, &text);
            }
            (Front::Crew { terminal: Some(terminal), .. }, Input::Resized) => {
                terminal.resized();
                Vec::new()
            }
            (Front::Crew { desk, .. }, Input::Press(press)) => desk.press(press, now),
            (Front::Crew { desk, .. }, Input::Line(line)) => desk.line(&line, now),
            (Front::Json { desk: Some(desk), .. }, Input::Line(line)) => desk.line(&line, now),
            _ => Vec::new(),
        };
        let quit = self.act(acts)?;
        self.show()?;
        Ok(quit)
    }

    /// A line of a vehicle's own terminal.
    fn order(&mut self, number: u64, line: &str) -> Result<Option<u8>> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        match headless::order(line) {
            Ok(headless::Order::Say(saying, key)) => match self.patrol.say(saying.clone(), key) {
                Ok(key) => out_json(&headless::kept(key, &saying, self.patrol.unsent()))?,
                Err(why) => out_json(&headless::bad_line(number, &why.to_string()))?,
            },
            Ok(headless::Order::Position(fix)) => self.patrol.moved(fix),
            Ok(headless::Order::Read(upto)) => self.patrol.read(upto),
            Ok(headless::Order::SignOn) => self.patrol.sign_on(),
            Ok(headless::Order::Quit) => return Ok(Some(0)),
            Err(why) => out_json(&headless::bad_line(number, &why))?,
        }
        Ok(None)
    }

    fn act(&mut self, acts: Vec<Act>) -> Result<Option<u8>> {
        for act in acts {
            match act {
                Act::Print(text) => self.front.print(&text, false, self.clock.now().0)?,
                Act::Ring(text) => self.front.print(&text, true, self.clock.now().0)?,
                Act::Say(saying) => {
                    let said = self.patrol.say(saying.clone(), None);
                    self.front.said(said, &saying, self.patrol.unsent(), self.clock.now().0)?;
                }
                Act::Read(upto) => self.patrol.read(upto),
                Act::SignOn => self.patrol.sign_on(),
                Act::AskWords => self.ask_words(),
                Act::Quit(code) => return Ok(Some(code)),
            }
        }
        Ok(None)
    }

    /// Asks the room how calls end there. The crew types on meanwhile, and without it a word of its own will do.
    fn ask_words(&mut self) {
        if !self.patrol.is_up() || self.asking.is_some() {
            return;
        }
        let (sender, receiver) = mpsc::channel(1);
        let client = self.patrol.client().clone();
        tokio::spawn(async move {
            if let Ok(reply) = client.request(ShowRoom::default()).await
                && let ReplyBody::Room(room) = reply.body
            {
                let words = room.dispositions.into_iter().map(|word| word.name).collect();
                // Nobody waits for it any more when the program has ended.
                let _ = sender.send(words).await;
            }
        });
        self.asking = Some(receiver);
    }

    fn show(&self) -> Result<()> {
        match &self.front {
            Front::Crew { desk, terminal: Some(terminal) } => {
                terminal.status(&desk.status(self.clock.now().0))
            }
            _ => Ok(()),
        }
    }
}

impl Front {
    fn desk(&mut self) -> Option<&mut Desk> {
        match self {
            Self::Crew { desk, .. } | Self::Json { desk: Some(desk), .. } => Some(desk),
            Self::Json { desk: None, .. } => None,
        }
    }

    fn wants_ticks(&self) -> bool {
        matches!(self, Self::Crew { desk, .. } if desk.wants_ticks())
    }

    fn tick(&mut self, now: u64) -> Vec<Act> {
        self.desk().map_or_else(Vec::new, |desk| desk.tick(now))
    }

    fn words_came(&mut self, words: Vec<String>) -> Vec<Act> {
        self.desk().map_or_else(Vec::new, |desk| desk.words_came(words))
    }

    fn greet(&mut self, address: &str, unsent: usize, found: &Found) -> Result<()> {
        let mut lines = Vec::new();
        if let Some((count, copy)) = &found.damaged {
            lines.push(format!(
                "THE FILE OF UNSENT WORDS IS DAMAGED: {count} lines cannot be read; it is kept as {}. What can be read is sent",
                copy.display()
            ));
        }
        if unsent > 0 {
            lines.push(format!(
                "{unsent} unsent from before: sent first, as soon as there is a link"
            ));
        }
        lines.push(format!("connecting to {address}"));
        lines.iter().try_for_each(|line| self.print(line, found.damaged.is_some(), 0))
    }

    fn print(&self, text: &str, ring: bool, now: u64) -> Result<()> {
        match self {
            Self::Crew { desk, terminal: Some(terminal) } => {
                terminal.print(text, ring, &desk.status(now))
            }
            Self::Crew { .. } => out(text),
            Self::Json { .. } => {
                note(text);
                Ok(())
            }
        }
    }

    fn said(
        &mut self,
        said: Result<Key, Unsaid>,
        saying: &fifteen::client::unit::Saying,
        unsent: usize,
        now: u64,
    ) -> Result<()> {
        if let Some(desk) = self.desk() {
            desk.unsent = unsent;
        }
        match said {
            Err(why) => self.print(&format!("NOT SAID: {why}"), true, now),
            Ok(key) if matches!(self, Self::Json { .. }) => {
                out_json(&headless::kept(key, saying, unsent))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// The room's words, once they have come; never when none were asked for.
async fn words(asking: &mut Option<mpsc::Receiver<Vec<String>>>) -> Option<Vec<String>> {
    match asking {
        Some(asking) => asking.recv().await,
        None => std::future::pending().await,
    }
}

/// The lines of stdin, read on a thread of their own: a read that blocks cannot be taken back.
/// Closed at their end.
fn lines() -> mpsc::Receiver<Input> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(Input::Line(line)).is_err() {
                break;
            }
        }
    });
    receiver
}

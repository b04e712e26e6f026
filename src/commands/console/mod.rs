//! `fifteen console`: the loop around the pure console. It reads keys and speaks with the server, hands both to
//! `update`, does what that says, and draws: at once after a key, and otherwise not more often than the eye follows.

mod disk;
mod screen;
mod wire;

use crate::cli::{Color, Console};
use crate::shell::wait;
use anyhow::{Context, Result, bail};
use disk::Disk;
use fifteen::client::Way;
use fifteen::console::draft::Draft;
use fifteen::console::keys::Keys;
use fifteen::console::theme::Theme;
use fifteen::console::{Effect, Model, Msg, update};
use fifteen::protocol::{Hello, Key, Role};
use fifteen::service::clock::Stopwatch;
use screen::Screen;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use wire::Wire;

/// Between two pictures when nobody pressed a key.
const FRAME: Duration = Duration::from_millis(33);
/// Messages taken in before the next picture.
const BATCH_MAX: usize = 2_048;
/// Messages of the server that wait to be taken in; beyond it the client starts afresh from a snapshot.
const WAITING_MAX: usize = 4_096;
/// Keys that wait to be taken in.
const KEYS_MAX: usize = 256;

/// Whose screen it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// `fifteen console`.
    Operator,
    /// `fifteen watch`.
    Supervisor,
}

pub(crate) fn run(args: Console, seat: Seat) -> Result<ExitCode> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        bail!("the console needs a terminal; `fifteen calls` prints the board anywhere");
    }
    let role = match seat {
        Seat::Operator => Role::Operator,
        Seat::Supervisor => Role::Supervisor,
    };
    let role = args.connect.role.unwrap_or(role);
    let hello = Hello::new(role, args.connect.who.as_str());
    let (file, address) = (args.connect.token_file.as_deref(), &args.connect.connect);
    let hello = crate::shell::token::with_token(hello, file, address)?;
    let keys = keys(args.keys.as_deref())?;
    let model = Model::new(args.connect.who.as_str(), role, keys, theme(args.color));
    let model = if seat == Seat::Supervisor { model.watching() } else { model };
    let way = crate::shell::way::way(&args.connect.connect, &args.connect.tls)?;
    wait(work(model, args.connect.connect, way, hello))
}

/// The keys of the file named, of the one in the operator's own folder, or the shipped ones.
fn keys(named: Option<&Path>) -> Result<Keys> {
    let own = || -> Option<PathBuf> {
        let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|it| !it.is_empty());
        let folder = folder.map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".config"));
        Some(folder.or_else(home)?.join("fifteen/keys.toml")).filter(|file| file.exists())
    };
    let Some(file) = named.map(Path::to_owned).or_else(own) else {
        return Ok(Keys::default());
    };
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("reading the keys from {}", file.display()))?;
    Keys::with_file(&text).map_err(|why| anyhow::anyhow!("{}: {why}", file.display()))
}

fn theme(color: Color) -> Theme {
    match color {
        Color::Auto => Theme::detect(|name| std::env::var(name).ok()),
        Color::True => Theme::truecolor(),
        Color::Ansi => Theme::ansi16(),
        Color::Never => Theme::mono(),
    }
}

async fn work(mut model: Model, address: String, way: Way, hello: Hello) -> Result<ExitCode> {
    let (keys, mut pressed) = mpsc::channel(KEYS_MAX);
    let (news, mut happened) = mpsc::channel(WAITING_MAX);
    let (disk, found) = Disk::open(news.clone());
    if let Some(history) = disk.history() {
        model.line = fifteen::console::command_line::CommandLine::with_history(&history);
    }
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut screen = Screen::open(keys).context("taking over the terminal")?;
    let since = Stopwatch::start();
    let mut desk = Desk {
        model,
        since,
        wire: Wire::connect(address, way, hello, news),
        disk,
        effects: Vec::new(),
    };
    let (columns, rows) = screen.size()?;
    desk.take(Msg::Resize(columns, rows));
    desk.take(Msg::FreshKey(fresh_key()));
    for msg in found {
        desk.take(msg);
    }
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut drawn, mut waits) = (since.elapsed(), true);
    loop {
        let pause = (drawn + FRAME).saturating_sub(since.elapsed());
        let mut at_once = false;
        tokio::select! {
            biased;
            msg = pressed.recv() => match msg {
                Some(msg) => { desk.take(msg); at_once = true; }
                // The terminal is gone.
                None => return Ok(ExitCode::SUCCESS),
            },
            _ = hang_up.recv() => return Ok(ExitCode::SUCCESS),
            _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
            msg = happened.recv() => if let Some(msg) = msg { desk.take(msg); },
            _ = tick.tick() => desk.take(Msg::Tick),
            () = sleep(pause), if waits => at_once = true,
        }
        waits = true;
        for _ in 0..BATCH_MAX {
            if let Ok(msg) = pressed.try_recv() {
                desk.take(msg);
                at_once = true;
            } else if let Ok(msg) = happened.try_recv() {
                desk.take(msg);
            } else {
                break;
            }
        }
        match desk.done(&mut screen)? {
            Goes::On => {}
            Goes::Home => return Ok(ExitCode::SUCCESS),
        }
        if let Some(why) = desk.wire.refused() {
            drop(screen);
            bail!("the server refuses: {why}");
        }
        if at_once || since.elapsed() >= drawn + FRAME {
            screen.draw(&desk.model)?;
            drawn = since.elapsed();
            waits = false;
        }
    }
}

/// Whether the shift goes on.
enum Goes {
    On,
    Home,
}

/// The model, and the hands that do what it says.
struct Desk {
    model: Model,
    since: Stopwatch,
    wire: Wire,
    disk: Disk,
    effects: Vec<Effect>,
}

impl Desk {
    fn take(&mut self, msg: Msg) {
        let own = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.effects.extend(update(&mut self.model, msg, own));
    }

    fn done(&mut self, screen: &mut Screen) -> Result<Goes> {
        // A fresh key is a message too, and may have effects of its own.
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                match effect {
                    Effect::Ask(request, purpose) => self.wire.ask(*request, None, purpose),
                    Effect::AskWithKey(request, key, purpose) => {
                        self.wire.ask(*request, Some(key), purpose);
                    }
                    Effect::SaveDraft(draft) => self.disk.save(*draft),
                    Effect::RemoveDraft(key) => self.disk.remove(key),
                    Effect::SaveHistory(text) => self.disk.save_history(text),
                    Effect::FreshKey => self.take(Msg::FreshKey(fresh_key())),
                    Effect::Bell => screen.ring()?,
                    Effect::Redraw => screen.clear()?,
                    Effect::Quit => return Ok(Goes::Home),
                }
            }
        }
        Ok(Goes::On)
    }
}

fn fresh_key() -> Key {
    Key(uuid::Uuid::new_v4().into_bytes())
}

/// Drafts as a message.
fn drafts(found: Vec<Draft>) -> Msg {
    Msg::Drafts(found)
}

//! The command line: clap types only.

mod cert;
mod journal;
mod replay;
mod report;
mod user;

pub(crate) use cert::{Cert, CertTask, NewCertificates};
pub(crate) use journal::{Folder, Journal, Task};
pub(crate) use replay::{Replay, Speed};
pub(crate) use report::{By, Format, Report};
pub(crate) use user::{Login, User, UserTask};

use crate::shell::way::Tls;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Emergency call dispatch with SLA timers: takes calls, watches their clocks, escalates what
/// nobody acknowledged, and loses nothing.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the room: take calls over TCP, escalate, keep the log.
    Serve(Serve),
    /// Place a call and print its id.
    Call(PlaceCall),
    /// List calls: the waiting ones first, in the order they are served.
    Calls(Calls),
    /// Show one call with who she is; reading it is recorded.
    Show(Show),
    /// Do what an operator does with a call.
    Op(Op),
    /// The operator's screen: the board, the calls, the units, who was told.
    Console(Console),
    /// Watch escalations as they come, and take one by one key; what is on the screen counts as seen.
    Watch(Console),
    /// Be a patrol unit: sign on, see assignments as they come, answer them.
    Unit(crate::crew::Unit),
    /// List who was told of missed deadlines, and who took it.
    Escalations(Escalations),
    /// Take an escalation: its reminders fall silent, its clock goes on.
    Take(Take),
    /// Try the ways by which people are told.
    Notify(Notify),
    /// Run recorded calls through queue, timers, escalation and log.
    Replay(Replay),
    /// Figures for supervisors, from the log.
    Report(Report),
    /// Log in by password; the other commands then show the token that came of it.
    Login(Login),
    /// Keep the people who may speak with the room.
    User(User),
    /// Make certificates for TLS, or look at some.
    Cert(Cert),
    /// Look after the log.
    Journal(Journal),
    /// Destroy who a closed call was about, in every copy of the log, for good; two people must ask for it.
    Erase(Erase),
    /// How the server is; exit code 1 when something is wrong.
    Health(Connect),
    /// Print the description of calls over HTTP, for programs (OpenAPI 3.1).
    Openapi,
}

/// How to reach a server. Global, so that it may stand before an action of `op` or after it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connect {
    /// Where the server listens.
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "FIFTEEN_CONNECT",
        default_value = "127.0.0.1:7115"
    )]
    pub(crate) connect: String,
    /// Who you are; recorded with everything you do.
    #[arg(
        long = "as",
        global = true,
        value_name = "NAME",
        env = "FIFTEEN_WHO",
        default_value = "operator"
    )]
    pub(crate) who: String,
    /// Speak in this role, if not in the one this is for: the token must be its.
    #[arg(long, global = true)]
    pub(crate) role: Option<fifteen::protocol::Role>,
    /// File with your token, if the server asks for one (or set FIFTEEN_TOKEN, or log in before by `fifteen login`).
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: Tls,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The room's rules; without it the shipped dispatch.toml.
    #[arg(long, value_name = "FILE", env = "FIFTEEN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the log; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "fifteen-data")]
    pub(crate) data: PathBuf,
    /// Run a drill: a throw-away room, marked everywhere, whose clock goes RATE times faster; it
    /// touches no data folder and tells nobody outside.
    #[arg(
        long,
        value_name = "RATE",
        conflicts_with = "data",
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub(crate) drill: Option<u32>,
    /// Feed the drill with recorded calls (trace v1, CSV, plain or gzip) at its own pace; what was done about them is
    /// left to whoever practises.
    #[arg(long, value_name = "TRACE", requires = "drill")]
    pub(crate) trace: Option<PathBuf>,
    /// Where to listen, before the config's address; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Start although the keyring of the log is lost: who called is lost with it, and a new keyring is made.
    #[arg(long)]
    pub(crate) without_identities: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceCall {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Kind of emergency.
    #[arg(long, default_value = "unknown")]
    pub(crate) kind: String,
    /// District that serves it.
    #[arg(long, default_value = "")]
    pub(crate) district: String,
    /// 1 (most urgent) to 4; without it that of the kind.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) priority: Option<u8>,
    /// How it came in.
    #[arg(long, value_enum, default_value_t = Source::PhoneLine)]
    pub(crate) source: Source,
    /// Her number.
    #[arg(long)]
    pub(crate) number: Option<String>,
    /// Her name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where she is, in words.
    #[arg(long)]
    pub(crate) place: Option<String>,
    /// Where she is: latitude in degrees.
    #[arg(long, requires = "lon", allow_negative_numbers = true)]
    pub(crate) lat: Option<f64>,
    /// Where she is: longitude in degrees.
    #[arg(long, requires = "lat", allow_negative_numbers = true)]
    pub(crate) lon: Option<f64>,
    /// What she said.
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// She cannot speak.
    #[arg(long)]
    pub(crate) silent: bool,
    /// Ringing back puts her in danger.
    #[arg(long)]
    pub(crate) unsafe_to_ring_back: bool,
    /// The line was cut.
    #[arg(long)]
    pub(crate) dropped: bool,
    /// One-click SOS.
    #[arg(long)]
    pub(crate) sos: bool,
    /// A test, of no concern to anybody.
    #[arg(long)]
    pub(crate) test: bool,
    /// A UUID: the same key again does not place a second call.
    #[arg(long, value_name = "UUID")]
    pub(crate) key: Option<uuid::Uuid>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Source {
    PhoneLine,
    App,
    WalkIn,
    Partner,
    Officer,
}

#[derive(Debug, Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Only calls at these stages; without it all that are open.
    #[arg(long = "stage", value_name = "STAGE")]
    pub(crate) stages: Vec<fifteen::protocol::Stage>,
    /// Only calls of this district.
    #[arg(long)]
    pub(crate) district: Option<String>,
    /// Only calls of this priority.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) priority: Option<u8>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// The call.
    pub(crate) call: u64,
    /// Why you read it.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Op {
    #[command(flatten)]
    pub(crate) connect: Connect,
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Say that you work this call; again: still.
    Claim {
        call: u64,
        /// Take it from whoever has it.
        #[arg(long)]
        take_over: bool,
        /// Work it no longer.
        #[arg(long, conflicts_with = "take_over")]
        release: bool,
    },
    /// Send a unit; without one, list whom to send.
    Assign { call: u64, unit: Option<String> },
    /// Take a unit off a call.
    Release {
        call: u64,
        unit: String,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Record that a unit acknowledged, by radio or phone.
    Ack { call: u64, unit: String },
    /// Record that a unit will not go.
    Decline {
        call: u64,
        unit: String,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Record that a unit is on its way.
    Enroute { call: u64, unit: String },
    /// Record that a unit arrived.
    Onscene { call: u64, unit: String },
    /// Record that a unit is done with the call.
    Clear { call: u64, unit: String },
    /// Record that a unit on scene is well.
    Checkin { call: u64, unit: String },
    /// End a call.
    Close {
        call: u64,
        disposition: String,
        #[arg(long)]
        remark: Option<String>,
    },
    /// Let a closed call go on.
    Reopen {
        call: u64,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Make a call more or less urgent.
    Priority {
        call: u64,
        #[arg(value_parser = clap::value_parser!(u8).range(1..=4))]
        priority: u8,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Write a note.
    Note { call: u64, text: String },
    /// Say what was learned of a call after it was taken; what is not said stays.
    Describe {
        call: u64,
        #[arg(long)]
        kind: Option<String>,
        #[arg(long)]
        district: Option<String>,
        /// Where she is, in words.
        #[arg(long)]
        place: Option<String>,
        #[arg(long)]
        number: Option<String>,
        #[arg(long)]
        name: Option<String>,
        /// She cannot speak.
        #[arg(long)]
        silent: bool,
        /// Ringing back puts her in danger.
        #[arg(long)]
        unsafe_to_ring_back: bool,
    },
    /// Say that a call repeats another.
    Link { call: u64, primary: u64 },
    /// Tell the next office now.
    Escalate {
        call: u64,
        #[arg(long)]
        clock: Option<String>,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Record that she was rung back, or that it was tried.
    Callback {
        call: u64,
        outcome: fifteen::protocol::CallbackOutcome,
        #[arg(long)]
        note: Option<String>,
    },
    /// Take an escalation for the office that was told.
    Take {
        call: u64,
        #[arg(long, default_value = "acknowledge")]
        clock: String,
        /// Which rung, from 1; without it the highest told.
        #[arg(long)]
        rung: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Escalations {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Only those of this call.
    #[arg(long)]
    pub(crate) call: Option<u64>,
    /// Also those of closed calls.
    #[arg(long)]
    pub(crate) all: bool,
    /// At most so many, the latest first.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Notify {
    #[command(subcommand)]
    pub(crate) action: NotifyAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyAction {
    /// Send a test to everybody by every channel of theirs; exit code 1 when one is not taken.
    Test(NotifyTest),
}

#[derive(Debug, Args)]
pub(crate) struct NotifyTest {
    /// The room's rules, with its people and channels.
    #[arg(long, value_name = "FILE", env = "FIFTEEN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only this person.
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Take {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Its id, as `fifteen escalations`, `fifteen watch` and every notice name it.
    #[arg(value_parser = clap::value_parser!(u64).range(1..u64::MAX))]
    pub(crate) escalation: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Console {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Your keys, TOML; without it ~/.config/fifteen/keys.toml if it is there. `?` in the console names them.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// How many colours; NO_COLOR means never.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// As many as the terminal says it has.
    Auto,
    /// 24 bit.
    True,
    /// The 16 of every terminal.
    Ansi,
    /// None: bold, reversed, underlined.
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// The call.
    pub(crate) call: u64,
    /// By whose order: a court, a file number. It stays in the log for good and must not name her.
    #[arg(long)]
    pub(crate) authority: String,
    /// Why; likewise.
    #[arg(long)]
    pub(crate) reason: String,
}

//! What each subcommand does. They print to stdout what was asked for and to stderr everything
//! else; a failure is an error of one line that says what to do.

mod cert;
mod client;
mod console;
mod drill;
mod journal;
mod keyring;
mod login;
mod notify;
mod password;
mod replay;
mod report;
mod secrets;
mod serve;
mod user;

use crate::cli::{Cli, Command};
use crate::shell::wait;
use crate::shell::way::{Tls, way};
use anyhow::{Context, Result};
use fifteen::client::{Client, ClientConfig};
use fifteen::protocol::Hello;
use std::process::ExitCode;

pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Serve(args) => {
            secrets::keep()?;
            serve::run(args, json)
        }
        Command::Call(args) => wait(client::call(args, json)),
        Command::Calls(args) => wait(client::calls(args, json)),
        Command::Show(args) => wait(client::show(args, json)),
        Command::Op(args) => wait(client::op(args, json)),
        Command::Console(args) => console::run(args, console::Seat::Operator),
        Command::Watch(args) => console::run(args, console::Seat::Supervisor),
        Command::Unit(args) => wait(crate::crew::unit(args, json, "fifteen unit")),
        Command::Escalations(args) => wait(client::escalations(args, json)),
        Command::Take(args) => wait(client::take(args, json)),
        Command::Erase(args) => wait(client::erase(args, json)),
        Command::Health(args) => wait(client::health(args, json)),
        Command::Notify(args) => notify::run(args, json),
        Command::Replay(args) => replay::run(args, json),
        Command::Report(args) => report::run(args, json),
        Command::Login(args) => wait(login::login(args, json)),
        Command::User(args) => user::run(args, json),
        Command::Cert(args) => cert::run(args, json),
        Command::Journal(args) => journal::run(args, json),
        Command::Openapi => openapi(),
    }
}

fn openapi() -> Result<ExitCode> {
    println!("{}", fifteen::net::document().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}

/// Connects and says hello.
pub(crate) async fn connect(address: &str, tls: &Tls, hello: Hello) -> Result<Client> {
    Client::connect_with(way(address, tls)?, hello, ClientConfig::default())
        .await
        .with_context(|| format!("reaching the server at {address}"))
}

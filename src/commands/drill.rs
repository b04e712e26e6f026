//! What feeds a drill: recorded calls, sent to the room by the program itself at the room's pace. What was done about
//! them then is left out: that is for whoever practises.

use super::replay::{self, Part};
use crate::cli::Speed;
use anyhow::{Context, Result};
use fifteen::client::{Client, ClientConfig, Connect};
use fifteen::config::Settings;
use fifteen::net::Inside;
use fifteen::people::{Guest, Secret};
use fifteen::protocol::{Hello, Role};
use fifteen::trace::{OPERATOR, scan};
use indicatif::ProgressBar;
use std::path::PathBuf;
use tokio::io::DuplexStream;
use tracing::{info, warn};

/// The room's own way in: whether it speaks TLS to others is nothing to it.
struct Door(Inside);

impl Connect for Door {
    type Io = DuplexStream;

    async fn connect(&mut self) -> std::io::Result<DuplexStream> {
        Ok(self.0.connect())
    }
}

/// A trace that was read to its end once, and is fit to be sent.
pub(crate) struct Feed {
    trace: PathBuf,
    rate: u32,
    hello: Hello,
}

impl Feed {
    /// Looks at the whole trace first, so that a malformed line ends the start and not the drill;
    /// and has the room let it in.
    pub(crate) fn of(trace: PathBuf, rate: u32, settings: &mut Settings) -> Result<Self> {
        scan(&trace).with_context(|| format!("reading the trace {}", trace.display()))?;
        let mut hello = Hello::new(Role::Operator, OPERATOR);
        if settings.listen.people_file.is_some() {
            let token = Secret::token().map_err(anyhow::Error::msg)?;
            hello = hello.with_token(token.expose());
            let role = fifteen::domain::Role::Operator;
            settings.guest = Some(Guest { who: OPERATOR.into(), role, token });
        }
        Ok(Self { trace, rate, hello })
    }

    /// Sends it to the room; the room goes on when it is over, or fails.
    pub(crate) async fn run(self, inside: Inside) {
        match self.send(inside).await {
            Ok(sent) => info!("the trace of the drill is over: {sent}"),
            Err(error) => {
                warn!("the drill goes on without its trace: {}", crate::shell::said(&error))
            }
        }
    }

    async fn send(self, inside: Inside) -> Result<replay::Sent> {
        let client =
            Client::connect_with(Door(inside), self.hello, ClientConfig::default()).await?;
        let speed = Speed::Times(self.rate.into());
        replay::send(&self.trace, &client, speed, Part::Calls, &ProgressBar::hidden()).await
    }
}

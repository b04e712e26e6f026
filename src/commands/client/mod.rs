//! The subcommands that speak to a server: they ask, print the answer, and end with 0 (done), 1 (the
//! server said no) or 2 (no answer). What was asked for goes to stdout, everything else to stderr.

mod board;
mod call;
mod erase;
mod escalations;
mod health;
mod op;
mod show;
mod text;

pub(crate) use board::{calls, table};
pub(crate) use call::call;
pub(crate) use erase::erase;
pub(crate) use escalations::{escalations, take};
pub(crate) use health::health;
pub(crate) use op::op;
pub(crate) use show::show;

use crate::cli::Connect;
use crate::shell::token::with_token;
use crate::shell::way::way;
use crate::shell::{note, out, out_json};
use anyhow::{Context, Result, anyhow, bail};
use fifteen::client::{Client, ClientConfig, ClientError, Way};
use fifteen::protocol::{Hello, Key, Rejection, Reply, ReplyBody, Request, Role, Welcome};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long a person at a prompt waits for one answer, over reconnections too.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A server that welcomed us.
pub(super) struct Server {
    client: Client,
    welcome: Welcome,
    address: String,
}

impl Server {
    /// Connects in `role`, unless the person chose another.
    pub(super) async fn connect(args: &Connect, role: Role) -> Result<Self> {
        let hello = Hello::new(args.role.unwrap_or(role), args.who.as_str());
        let way = way(&args.connect, &args.tls)?;
        Self::greet(&args.connect, way, hello, args.token_file.as_deref()).await
    }

    async fn greet(
        address: &str,
        way: Way,
        hello: Hello,
        token_file: Option<&Path>,
    ) -> Result<Self> {
        let hello = with_token(hello, token_file, address)?;
        let client = Client::connect_with(way, hello, ClientConfig::default())
            .await
            .map_err(|error| match error {
                ClientError::Refused(refused) => anyhow!(
                    "the server at {address} refuses: {} ({})",
                    refused.text,
                    refused.code
                ),
                ClientError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => anyhow!(
                    "the server at {address} does not answer ({error}): it hangs, or the way to it is cut; \
                     take calls on paper and look at its log"
                ),
                ClientError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    anyhow!("the server at {address} and this end do not trust each other: {error}")
                }
                ClientError::Io(error) => anyhow!(
                    "no server answers at {address} ({error}): start one with `fifteen serve`, or say where it \
                     listens with --connect ADDR or FIFTEEN_CONNECT"
                ),
                other => anyhow!("{address}: {other}"),
            })?;
        let welcome =
            client.welcome().with_context(|| format!("the server at {address} left at once"))?;
        if welcome.drill {
            note("DRILL: no call here is real");
        }
        if welcome.spilling {
            note(SPILLING);
        } else if welcome.degraded {
            note(
                "DEGRADED: the server's log is in trouble, calls are still taken; `fifteen health` says more",
            );
        }
        Ok(Self { client, welcome, address: address.to_owned() })
    }

    /// Asks and waits; the inner error is the server's no.
    pub(super) async fn ask(
        &self,
        request: impl Into<Request>,
    ) -> Result<Result<Reply, Rejection>> {
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.client.request(request)).await;
        let late = "it may have been done all the same, so look before you repeat it";
        self.answered(answer.ok(), late)
    }

    /// The same under a key of the caller's.
    pub(super) async fn ask_with_key(
        &self,
        request: impl Into<Request>,
        key: uuid::Uuid,
    ) -> Result<Result<Reply, Rejection>> {
        let asked = self.client.request_with_key(request, Key(key.into_bytes()));
        let answer = tokio::time::timeout(ANSWER_LIMIT, asked).await;
        let late =
            format!("ask again with --key {key}: it is then done once, whatever became of this");
        self.answered(answer.ok(), &late)
    }

    fn answered(
        &self,
        answer: Option<Result<Reply, ClientError>>,
        late: &str,
    ) -> Result<Result<Reply, Rejection>> {
        match answer {
            Some(Ok(reply)) => {
                if !reply.durable {
                    note(
                        "NOT DURABLE: done, but on no disk of the room's log yet; keep a paper copy",
                    );
                }
                Ok(Ok(reply))
            }
            Some(Err(ClientError::Rejected(rejection))) => Ok(Err(rejection)),
            Some(Err(error)) => Err(anyhow!("{}: {error}", self.address)),
            None => {
                bail!("{}: no answer within {} s; {late}", self.address, ANSWER_LIMIT.as_secs())
            }
        }
    }
}

/// What is said where the room's disks take nothing.
pub(super) const SPILLING: &str = "NOT ON DISK: the room's log takes nothing; calls are still taken and clocks go on, a crash may lose what is \
     new: keep paper beside you; `fifteen health` says more";

/// The server said no: exit code 1.
pub(super) fn rejected(rejection: &Rejection, json: bool) -> Result<ExitCode> {
    if json {
        out_json(&serde_json::json!({ "rejected": rejection.code, "text": rejection.text }))?;
    } else {
        note(format_args!("rejected: {} ({})", text::plain(&rejection.text), rejection.code));
    }
    Ok(ExitCode::from(1))
}

/// A reply that does not fit the request.
fn unexpected(body: &ReplyBody) -> anyhow::Error {
    anyhow!("the server answered with {}: is it of the same version?", body.name())
}

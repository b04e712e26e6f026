//! `fifteen erase`: destroys who a closed call was about.

use super::{Server, out, out_json, rejected, unexpected};
use crate::cli::Erase;
use anyhow::Result;
use fifteen::protocol::{EraseIdentity, ReplyBody, Role};
use std::process::ExitCode;

pub(crate) async fn erase(args: Erase, json: bool) -> Result<ExitCode> {
    let server = Server::connect(&args.connect, Role::Admin).await?;
    let Erase { call, authority, reason, .. } = args;
    let reply = match server.ask(EraseIdentity { call, authority, reason }).await? {
        Ok(reply) => reply,
        Err(rejection) => return rejected(&rejection, json),
    };
    let ReplyBody::Done(done) = reply.body else { return Err(unexpected(&reply.body)) };
    if json {
        out_json(&serde_json::json!({
            "call": call, "erased": !done.awaiting_second, "seq": reply.seq,
        }))?;
    } else if done.awaiting_second {
        out(format_args!(
            "call {call}: asked for; done when a second person asks the same on the same authority"
        ))?;
    } else {
        out(format_args!(
            "call {call}: erased, in the log, the archive and every backup; now take the keyring's copy anew and destroy the old ones"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

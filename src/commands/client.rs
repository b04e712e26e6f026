//! The subcommands that speak to a server.

use crate::cli::{Calls, Connect, Op, PlaceCall, Show, Unit};
use anyhow::{Result, bail};
use std::process::ExitCode;

pub(crate) async fn call(_args: PlaceCall, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}
pub(crate) async fn calls(_args: Calls, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}
pub(crate) async fn show(_args: Show, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}
pub(crate) async fn op(_args: Op, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}
pub(crate) async fn unit(_args: Unit, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}
pub(crate) async fn health(_args: Connect, _json: bool) -> Result<ExitCode> {
    bail!("not yet")
}

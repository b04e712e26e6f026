//! Flags of `fifteen user` and `fifteen login`.

use super::Connect;
use clap::{Args, Subcommand};
use fifteen::protocol::Role;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(subcommand)]
    pub(crate) task: UserTask,
    /// The people file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) people: Option<PathBuf>,
    /// The room's rules, whose people_file is the one.
    #[arg(long, global = true, value_name = "FILE", env = "FIFTEEN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserTask {
    /// Add a person; asks for the password, or reads it from stdin.
    Add {
        /// Name, or a unit's callsign.
        name: String,
        /// What the person may be; once for each.
        #[arg(long, required = true)]
        role: Vec<Role>,
        /// For a machine: tokens only.
        #[arg(long)]
        no_password: bool,
    },
    /// Keep a person out and end their sessions.
    Disable {
        /// Who.
        name: String,
    },
    /// Let a person in again.
    Enable {
        /// Who.
        name: String,
    },
    /// Say what a person may be from now on.
    Role {
        /// Who.
        name: String,
        /// Every role they have.
        #[arg(required = true)]
        roles: Vec<Role>,
    },
    /// Set a new password and end every log-in by the old one; asks for it, or reads it from stdin.
    Passwd {
        /// Who.
        name: String,
    },
    /// Make a token and print it, this once: for a gateway or a car's terminal.
    Token {
        /// Whose.
        name: String,
        /// How long it is good.
        #[arg(long, value_name = "TIME")]
        valid: humantime::Duration,
        /// What it is for.
        #[arg(long, value_name = "WORDS", default_value = "")]
        label: String,
    },
    /// Revoke a token and end its sessions; without an id, all of the person's.
    Revoke {
        /// Whose.
        name: String,
        /// Which: its id, as `list` and `token` print it.
        id: Option<String>,
    },
    /// Who there is, as what, with which tokens.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) connect: Connect,
}

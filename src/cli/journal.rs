//! Flags of `fifteen journal`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Journal {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// A folder of a log, and where its second log is if not beside it.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// Folder of the log.
    pub(crate) dir: PathBuf,
    /// Folder of the witness, if the config put it elsewhere.
    #[arg(long, value_name = "DIR")]
    pub(crate) witness: Option<PathBuf>,
    /// Folder of the spill, if the config put it elsewhere.
    #[arg(long, value_name = "DIR")]
    pub(crate) spill: Option<PathBuf>,
    /// Its keyring, if not at FOLDER.keys; without one the chain is still checked, and what is sealed stays sealed.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Check a copy of the log from end to end; exit code 1 when something is wrong.
    Verify {
        #[command(flatten)]
        folder: Folder,
        /// Check it by signed heads too: a file or a folder of them, best a copy that was kept elsewhere.
        #[arg(long, value_name = "PATH")]
        heads: Option<PathBuf>,
        /// The key that signed them, as `fifteen journal heads` printed it; without it the keyring's.
        #[arg(long, value_name = "HEX", requires = "heads")]
        public_key: Option<String>,
    },
    /// Print the signed heads of the log, one JSON object a line, and on stderr the key that checks them.
    Heads {
        #[command(flatten)]
        folder: Folder,
        /// Sign where the log stands now, and print that alone; needs the keyring.
        #[arg(long)]
        now: bool,
    },
    /// Print every transition, one JSON object a line; sealed parts stay sealed.
    Dump(Folder),
    /// Print the digest of the state the log folds into.
    Digest(Folder),
    /// Take a snapshot, so that the next start is shorter.
    Snapshot(Folder),
    /// Copy the log to a new folder: of a server with --connect, else of a folder.
    Backup {
        /// Folder of the log; not with --connect.
        #[arg(required_unless_present = "connect")]
        dir: Option<PathBuf>,
        /// The new folder.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Where a server listens: the backup is taken through it, on its machine.
        #[arg(long, value_name = "ADDR", conflicts_with = "dir")]
        connect: Option<String>,
        /// Who you are, to the server.
        #[arg(long = "as", value_name = "NAME", default_value = "backup")]
        who: String,
        /// File with the admin's token, if the server asks for one (or set FIFTEEN_TOKEN).
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        #[command(flatten)]
        tls: super::Tls,
    },
    /// Make a data folder from a backup.
    Restore {
        /// The backup.
        backup: PathBuf,
        /// The new data folder.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Move what is old to archive files.
    Archive {
        #[command(flatten)]
        folder: Folder,
        /// What is older than this moves.
        #[arg(long, default_value = "7days")]
        keep: humantime::Duration,
    },
    /// Bring the two logs together again after damage; says what stands and what is gone.
    Repair {
        #[command(flatten)]
        folder: Folder,
        /// Keep what stands even though what lies behind a break is left out.
        #[arg(long)]
        give_up_missing: bool,
    },
    /// Open a copy of a suspect database and read it; used by the program itself.
    #[command(hide = true)]
    Probe { dir: PathBuf },
}

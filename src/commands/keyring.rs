//! The keyring of a log: where it is, the first start that makes it, and the start that must not.

use anyhow::{Context, Result, bail};
use fifteen::config::Settings;
use fifteen::journal::{Journal, Store, replay};
use fifteen::seal::{Keyring, Since, default_path};
use fifteen::service::Keyless;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Where the keyring of the log in `data` is.
pub(crate) fn path_of(data: &Path, configured: Option<&Path>) -> PathBuf {
    configured.map_or_else(|| default_path(data), Into::into)
}

/// The keyring in the file, if there is one: for what can do without.
pub(crate) fn found(data: &Path, configured: Option<&Path>) -> Result<Option<Keyring>> {
    Ok(Keyring::load(&path_of(data, configured))?)
}

/// Why no log may begin in `data`: one began under its keyring before.
pub(crate) fn of_another_log(data: &Path, settings: &Settings) -> Option<String> {
    let path = path_of(data, settings.journal.keyring.as_deref());
    (settings.drill.is_none() && path.exists()).then(|| {
        format!(
            "a log began under the keyring {} before, so this is not its first start: is the disk of the data folder mounted? If that log is lost, restore a backup of it (`fifteen journal restore`), or move the keyring away and another begins",
            path.display()
        )
    })
}

/// The keyring of a log that is about to be written to. The first start makes it.
pub(crate) fn of(
    store: &mut Store,
    data: &Path,
    settings: &Settings,
    without_identities: bool,
) -> Result<Keyring> {
    let path = path_of(data, settings.journal.keyring.as_deref());
    let (inside, folder) = (std::path::absolute(&path)?, std::path::absolute(data)?);
    if inside.starts_with(&folder) {
        bail!(
            "the keyring {} lies in the data folder: whoever copies the one has the other; set journal.keyring to a file elsewhere",
            path.display()
        );
    }
    if let Some(keyring) = Keyring::load(&path)? {
        keyring.give_trails(seed()?)?;
        return Ok(keyring);
    }
    let last = store.last().seq;
    let mut since = Since { seq: 1, call: 1 };
    if last > 0 {
        let met = replay::<Keyless>(&*store).context("looking through the log")?.state;
        if met.sealed > 0 && !without_identities {
            bail!(
                "{} transitions of this log are sealed, and their keyring is not at {}: put it back there, or say with journal.keyring where it is. If it is lost, so is who called; `fifteen serve --without-identities` goes on without, under a new keyring",
                met.sealed,
                path.display()
            );
        }
        // What they were stamped and sealed with is gone, or was nothing.
        store.drop_snapshots_before(u64::MAX)?;
        since = Since { seq: last + 1, call: met.state.next_call().0 };
    }
    let keyring = Keyring::create(&path, seed()?, since)?;
    warn!(
        path = %path.display(),
        "A NEW KEYRING: without this file nobody can read who called. Back it up now, apart from the backups of the log"
    );
    Ok(keyring)
}

/// A keyring that is gone when this process is: for what is thrown away.
pub(crate) fn in_memory() -> Result<Keyring> {
    Ok(Keyring::from_seed(seed()?, Since { seq: 1, call: 1 }))
}

fn seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|why| anyhow::anyhow!("no random numbers for a keyring: {why}"))?;
    Ok(seed)
}

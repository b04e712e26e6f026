//! What a process holds in memory stays there: keys, tokens, who she is.
//!
//! Covered: no core file, whatever crashes it and whatever the shell allowed; no debugger and no
//! look at its memory by another process of the same user. Not covered: root, the swap device, a
//! machine that is put to sleep on its disk; those are for the machine to encrypt.

use anyhow::{Context, Result};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From here on this process leaves no core dump and shows its memory to nobody but root.
pub(crate) fn keep() -> Result<()> {
    // Programs that this one starts (probes, channels) do not inherit the first, but the second.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("forbidding core dumps")?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .context("forbidding core dumps")
}

//! What the machine gives this process: memory and file handles, as Linux tells them.

use rustix::process::{Resource, getrlimit};

/// Resident memory in bytes; none where the machine does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// File handles open now; none where the machine does not say.
pub(super) fn handles() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // The listing itself holds one.
    u64::try_from(entries.count()).ok().map(|count| count.saturating_sub(1))
}

/// File handles this process may have; none: as many as it likes.
pub(super) fn handles_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

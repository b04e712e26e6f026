//! Bugs below the log: what is written but not synced, or synced too late. The crashes of `tests/disk` must notice them.

use crate::list::Bug;

const WITNESS: &str = "src/journal/witness_writer.rs";
const SLED: &str = "src/journal/sled_log.rs";
const FILES: &str = "src/journal/files.rs";

/// Everything that is planted.
pub const BUGS: &[Bug] = &[
    Bug {
        name: "the witness is not synced",
        changes: &[(
            WITNESS,
            "        rustix::fs::fdatasync(&self.file).at(\"sync\", &self.path)?;",
            "        rustix::fs::fstat(&self.file).at(\"sync\", &self.path)?;",
        )],
    },
    Bug {
        name: "sled is flushed and not synced",
        changes: &[(
            SLED,
            "        rustix::fs::fdatasync(&self.file).at(\"sync\", &path)",
            "        rustix::fs::fstat(&self.file).map(drop).at(\"sync\", &path)",
        )],
    },
    Bug {
        name: "sled is synced and not flushed",
        changes: &[(SLED, "        guarded(\"flush\", || self.db.flush().map(|_| ()))?;", "")],
    },
    Bug {
        name: "the folder of a new or renamed file is not synced",
        changes: &[(
            FILES,
            "    fs::rename(from, to).at(\"rename\", from)?;
    sync(parent(to))",
            "    fs::rename(from, to).at(\"rename\", from)",
        )],
    },
    Bug {
        name: "a small file is renamed before it is synced",
        changes: &[(FILES, "    file.sync_all().at(\"sync\", &part)?;", "")],
    },
    Bug {
        name: "a new segment is renamed before it is synced",
        changes: &[(
            WITNESS,
            "    file.sync_all().at(\"sync\", &part)?;
    files::rename(&part, &path)?;",
            "    files::rename(&part, &path)?;",
        )],
    },
    Bug {
        name: "the logs are trimmed before the archive is synced",
        changes: &[(
            "src/journal/archive.rs",
            "        file.sync_all().at(\"sync\", &self.path)",
            "        drop(file);
        Ok(())",
        )],
    },
    Bug {
        name: "the word of a stop in order outlives the next start",
        changes: &[("src/journal/open.rs", "    layout.remove_closed()?;", "")],
    },
    Bug {
        name: "the keyring is not synced",
        changes: &[("src/seal/file.rs", "    file.as_file().sync_all()?;", "")],
    },
];

//! What the crew said and the room has not confirmed, in order, in a small file: it is on the disk before it is sent,
//! and leaves it with the room's answer. After a cut, a restart or a power loss it is still there.
//!
//! It never sends anything itself, never gives two programs one file, and never loses a thing because the disk fails:
//! what cannot be written is kept in memory and the trouble is said.
//!
//! ```text
//!  keep ──> [line, fdatasync] ──> head ──> (sent, answered) ──> gone [line, fdatasync]
//!                                   └────> (too old, or another log's) ──> aside [other file]
//! ```
//! A line is `crc32c json\n`. A torn last line was never confirmed to anybody and is cut off. A line damaged in the
//! middle is said, the file is kept beside as it was, and everything that still verifies goes on: the room does
//! nothing twice under one key.

use super::saying::Saying;
use crate::protocol::Key;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Things that may wait at most; a panic passes the bound.
pub const PENDING_MAX: usize = 4_096;

/// A file that grew past this is written anew without what is gone, bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The file of what was set aside is begun anew past this, bytes.
const ASIDE_BYTES_MAX: u64 = 1024 * 1024;

/// Something said and not confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Makes sending it again harmless.
    #[serde(with = "key_text")]
    pub key: Key,
    /// When it was said, ms since 1970 UTC as far as this machine knew.
    pub at: u64,
    /// The log it was said to; none: before any was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// What.
    pub saying: Saying,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Kept(Entry),
    Gone(#[serde(with = "key_text")] Key),
}

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Another program has it open.
    #[error("{} is in use by another program for this unit", .0.display())]
    InUse(PathBuf),
    /// The disk.
    #[error("{}: {why}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// What was found when a file was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The last line was cut off in the middle of writing; nobody was told that it was kept.
    pub torn: bool,
    /// Lines that do not verify, and the file kept as it was.
    pub damaged: Option<(usize, PathBuf)>,
}

/// What became of something to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It waits now.
    Fresh,
    /// The same key waits already.
    Already,
    /// No room: it was not kept.
    Full,
}

/// The queue, and the file under it.
#[derive(Debug)]
pub struct Outbox {
    pending: VecDeque<Entry>,
    file: Option<Disk>,
    /// Why the file does not hold what the queue holds.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Held as long as the outbox is.
    _lock: File,
}

impl Outbox {
    /// Opens the file at `path`, or makes it, with the folder it lies in. `now_at`, ms since 1970 UTC, names a copy of a damaged file.
    ///
    /// # Errors
    /// In use, or the disk: [`Outbox::in_memory`] is then what is left.
    pub fn open(path: &Path, now_at: u64) -> Result<(Self, Found), OutboxError> {
        let failed = |why| OutboxError::Io { path: path.to_owned(), why };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut private = fs::DirBuilder::new();
            private.recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let lock = private_file().create(true).write(true).open(beside(path, "lock"));
        let lock = lock.map_err(failed)?;
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => {
                return Err(OutboxError::InUse(path.to_owned()));
            }
            Err(fs4::TryLockError::Error(why)) => return Err(failed(why)),
        }
        let file =
            private_file().create(true).read(true).append(true).open(path).map_err(failed)?;
        let bytes = fs::read(path).map_err(failed)?;
        let read = Reading::of(&bytes);
        let disk = Disk { path: path.to_owned(), file, bytes: read.whole_bytes, _lock: lock };
        let mut found = Found { torn: read.torn, damaged: None };
        if read.torn {
            disk.file.set_len(read.whole_bytes).map_err(failed)?;
        }
        if read.damaged > 0 {
            let copy = beside(path, &format!("damaged-{now_at}"));
            let mut kept = private_file().create(true).write(true).truncate(true).open(&copy);
            if let Ok(kept) = &mut kept {
                kept.write_all(&bytes).and_then(|()| kept.sync_all()).map_err(failed)?;
            }
            found.damaged = Some((read.damaged, copy));
        }
        sync_folder(path).map_err(failed)?;
        let mut outbox = Self { pending: read.pending, file: Some(disk), trouble: None };
        if read.damaged > 0 || (outbox.pending.is_empty() && !bytes.is_empty()) {
            outbox.rewrite();
        }
        Ok((outbox, found))
    }

    /// An outbox that ends with the program: `why` there is no file is its trouble from the start.
    #[must_use]
    pub fn in_memory(why: impl Into<String>) -> Self {
        Self { pending: VecDeque::new(), file: None, trouble: Some(why.into()) }
    }

    /// Keeps `entry` behind everything else; on the disk when this returns, unless there is [`Outbox::trouble`].
    pub fn keep(&mut self, entry: Entry) -> Kept {
        if self.pending.iter().any(|waiting| waiting.key == entry.key) {
            return Kept::Already;
        }
        if self.pending.len() >= PENDING_MAX && !entry.saying.is_for_any_log() {
            return Kept::Full;
        }
        let line = Line::Kept(entry.clone());
        self.pending.push_back(entry);
        self.write(&line);
        Kept::Fresh
    }

    /// The room answered: it is not sent again.
    pub fn done(&mut self, key: Key) -> Option<Entry> {
        let at = self.pending.iter().position(|waiting| waiting.key == key)?;
        let entry = self.pending.remove(at);
        self.write(&Line::Gone(key));
        entry
    }

    /// Takes out what is `unwanted`, in order. It is written to the file `aside` beside this one, with `why`, for
    /// whoever has to look into it later.
    pub fn set_aside(&mut self, why: &str, unwanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let (gone, kept) = self.pending.drain(..).partition::<VecDeque<_>, _>(|one| unwanted(one));
        self.pending = kept;
        for entry in &gone {
            if let Some(disk) = &self.file
                && let Err(error) = disk.write_aside(why, entry)
            {
                self.trouble = Some(format!("{}.aside: {error}", disk.path.display()));
            }
            self.write(&Line::Gone(entry.key));
        }
        gone.into()
    }

    /// The next to be sent.
    #[must_use]
    pub fn head(&self) -> Option<&Entry> {
        self.pending.front()
    }

    /// Everything that waits, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.pending.iter()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Why the disk does not hold everything that waits: it would not survive this program. It is tried again with
    /// every change.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// From now on it is meant for this log and no other, if it was not before.
    pub(super) fn bind(&mut self, key: Key, node: u64) {
        if let Some(entry) = self.pending.iter_mut().find(|entry| entry.key == key) {
            entry.node.get_or_insert(node);
        }
    }

    /// This machine's clock was found to be wrong by so much: moves the last `count` entries with it. The file keeps
    /// the old instants.
    pub(super) fn clock_was_wrong(&mut self, count: usize, by_ms: i64) {
        for entry in self.pending.iter_mut().rev().take(count) {
            entry.at = entry.at.saturating_add_signed(by_ms);
        }
    }

    fn write(&mut self, line: &Line) {
        let Some(disk) = &mut self.file else { return };
        // What failed is never tried again: the whole queue goes to a new file instead.
        let appended = match self.trouble {
            None if disk.bytes < FILE_BYTES_MAX => disk.append(&framed(line)),
            _ => return self.rewrite(),
        };
        if appended.is_err() {
            self.rewrite();
        }
    }

    /// Writes what waits, and nothing else, to a new file that takes the old one's place.
    fn rewrite(&mut self) {
        let Some(disk) = &mut self.file else { return };
        let lines: Vec<u8> =
            self.pending.iter().flat_map(|entry| framed(&Line::Kept(entry.clone()))).collect();
        self.trouble = match disk.replace(&lines) {
            Ok(()) => None,
            Err(error) => Some(format!("{}: {error}", disk.path.display())),
        };
    }
}

impl Disk {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.file.sync_data()?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn replace(&mut self, lines: &[u8]) -> io::Result<()> {
        let fresh = beside(&self.path, "new");
        // What an earlier attempt left may be somebody's with other rights.
        let _ = fs::remove_file(&fresh);
        let mut file = private_file().create_new(true).read(true).append(true).open(&fresh)?;
        file.write_all(lines)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        self.file = file;
        self.bytes = lines.len() as u64;
        sync_folder(&self.path)
    }

    fn write_aside(&self, why: &str, entry: &Entry) -> io::Result<()> {
        #[derive(Serialize)]
        struct Aside<'a> {
            why: &'a str,
            #[serde(flatten)]
            entry: &'a Entry,
        }
        let path = beside(&self.path, "aside");
        if fs::metadata(&path).is_ok_and(|about| about.len() > ASIDE_BYTES_MAX) {
            fs::rename(&path, beside(&self.path, "aside.old"))?;
        }
        let mut file = private_file().create(true).append(true).open(path)?;
        let mut line = serde_json::to_vec(&Aside { why, entry })?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// `unit-X` and `lock` give `unit-X.lock`; a callsign may hold dots of its own.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A file is there after a power loss only when its folder says so.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn framed(line: &Line) -> Vec<u8> {
    let json = serde_json::to_vec(line).expect("a line has only text names");
    let mut framed = format!("{:08x} ", crc32c::crc32c(&json)).into_bytes();
    framed.extend(json);
    framed.push(b'\n');
    framed
}

fn unframed(line: &[u8]) -> Option<Line> {
    let (crc, json) = line.split_at_checked(9)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?.strip_suffix(' ')?, 16).ok()?;
    (crc32c::crc32c(json) == crc).then(|| serde_json::from_slice(json).ok())?
}

/// What a file says.
struct Reading {
    pending: VecDeque<Entry>,
    /// Up to the end of the last line that counts.
    whole_bytes: u64,
    torn: bool,
    damaged: usize,
}

impl Reading {
    fn of(bytes: &[u8]) -> Self {
        let mut read = Self { pending: VecDeque::new(), whole_bytes: 0, torn: false, damaged: 0 };
        let mut bad = 0;
        let mut end = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            end += line.len() as u64;
            match line.strip_suffix(b"\n").and_then(unframed) {
                Some(line) => {
                    read.damaged += std::mem::take(&mut bad);
                    read.whole_bytes = end;
                    read.take(line);
                }
                None => bad += 1,
            }
        }
        // A last line without its end is what a power loss leaves; a whole one was on the disk, and is damaged.
        read.torn = bad == 1 && !bytes.ends_with(b"\n");
        if !read.torn {
            read.damaged += bad;
        }
        read
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Kept(entry) if self.pending.iter().all(|waiting| waiting.key != entry.key) => {
                self.pending.push_back(entry);
            }
            Line::Kept(_) => {}
            Line::Gone(key) => self.pending.retain(|waiting| waiting.key != key),
        }
    }
}

/// A key as people write a UUID.
pub(super) mod key_text {
    use super::Key;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(key: &Key, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&uuid::Uuid::from_bytes(key.0).hyphenated())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        text: D,
    ) -> Result<Key, D::Error> {
        let text = String::deserialize(text)?;
        let key = uuid::Uuid::parse_str(&text).map_err(D::Error::custom)?;
        Ok(Key(key.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u8) -> Entry {
        Entry { key: Key([number; 16]), at: 1, node: None, saying: Saying::Available }
    }

    #[test]
    fn a_disk_that_fails_is_said_and_nothing_is_lost_once_it_is_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("unit-X");
        let (mut outbox, _) = Outbox::open(&path, 1).expect("a fresh file");
        outbox.keep(entry(0));
        assert_eq!(outbox.trouble(), None);
        // The file takes no more, and the name of the new one is taken.
        outbox.file.as_mut().expect("a file").file = File::open(&path).expect("to read only");
        fs::create_dir(beside(&path, "new")).expect("a folder");
        assert_eq!(outbox.keep(entry(1)), Kept::Fresh);
        assert!(outbox.trouble().is_some_and(|why| why.contains("unit-X")));
        assert_eq!(outbox.len(), 2, "still there to be sent");
        outbox.done(entry(0).key);
        assert!(outbox.trouble().is_some(), "and said as long as it lasts");
        fs::remove_dir(beside(&path, "new")).expect("the folder of above");
        outbox.keep(entry(2));
        assert_eq!(outbox.trouble(), None);
        drop(outbox);
        let (outbox, found) = Outbox::open(&path, 1).expect("the new file");
        assert!(outbox.iter().eq(&[entry(1), entry(2)]) && found == Found::default());
    }
}

//! An unfinished new call on the disk, so that nothing ends it but its being placed or thrown away:
//! not a crash, not a lost line, not a closed terminal.
//!
//! One file a call in a folder of the operator's own, mode 0600, since her number stands in it; gone
//! once the call is placed. A console holds a lock as long as it lives, and its name begins the
//! names of its drafts; what a console that is gone left behind, the next takes over.
//!
//! ```text
//! 3f2a….console          locked while that console runs
//! 3f2a….9c01….draft      one unfinished call, under the key it will be sent under
//! 3f2aXyZ….part          one that is being written; renamed when it is whole
//! 77b0….41de….unreadable put aside, for a person
//! ```

use crate::protocol::{Key, Source};
use fs4::FileExt;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A draft is texts of bounded length; a file longer than this is something else.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// How the name of a draft that is being written ends.
const PART: &str = ".part";

/// What stood in the form, and the key it is sent under: sent twice it makes one call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The key of the request.
    pub key: Key,
    /// It was sent and no answer was seen: send it again before anything else.
    #[serde(default)]
    pub sent: bool,
    /// How it came in.
    #[serde(default = "phone_line")]
    pub source: Source,
    /// Her number.
    #[serde(default)]
    pub number: String,
    /// Kind of emergency.
    #[serde(default)]
    pub kind: String,
    /// The priority the operator chose; none: the kind's.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Where she is, in words.
    #[serde(default)]
    pub place: String,
    /// The district.
    #[serde(default)]
    pub district: String,
    /// The part of the district.
    #[serde(default)]
    pub tehsil: String,
    /// Her name.
    #[serde(default)]
    pub name: String,
    /// What she said.
    #[serde(default)]
    pub note: String,
    /// She cannot speak.
    #[serde(default)]
    pub silent: bool,
    /// Ringing back puts her in danger.
    #[serde(default)]
    pub unsafe_to_ring_back: bool,
    /// The line was cut.
    #[serde(default)]
    pub dropped: bool,
    /// One-click SOS.
    #[serde(default)]
    pub sos: bool,
}

const fn phone_line() -> Source {
    Source::PhoneLine
}

impl Draft {
    /// An empty form.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self {
            key,
            sent: false,
            source: Source::PhoneLine,
            number: String::new(),
            kind: String::new(),
            priority: None,
            place: String::new(),
            district: String::new(),
            tehsil: String::new(),
            name: String::new(),
            note: String::new(),
            silent: false,
            unsafe_to_ring_back: false,
            dropped: false,
            sos: false,
        }
    }

    /// Whether nothing was filled in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::new(self.key)
    }
}

/// All of it is hers.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// Why a draft is not on the disk. Names files, never what stands in them.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct DraftError {
    /// What was being done.
    pub doing: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the machine said.
    pub source: io::Error,
}

trait At<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, DraftError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, DraftError> {
        self.map_err(|source| DraftError { doing, path: path.to_owned(), source })
    }
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Found {
    /// Unfinished calls of consoles that are gone; they are this console's now.
    pub drafts: Vec<Draft>,
    /// Files that could not be read and were put aside, and why: for a person to look at.
    pub set_aside: Vec<(PathBuf, String)>,
}

/// The unfinished calls of this console.
#[derive(Debug)]
pub struct Drafts {
    folder: PathBuf,
    /// What the names of this console's files begin with.
    name: String,
    /// Locked until this is dropped, or the process ends in whatever way.
    _lock: File,
}

impl Drafts {
    /// Where they are kept: `$XDG_STATE_HOME/fifteen`, else `~/.local/state/fifteen` (XDG Base
    /// Directory Specification: a path that is not absolute is passed over). `var` looks a variable
    /// up; none without a home.
    #[must_use]
    pub fn folder(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let absolute = |name| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state.map(|state| state.join("fifteen"))
    }

    /// Makes the folder (0700) if it is not there and takes over what consoles that are gone left.
    /// `name` tells this console from every other, such as a random UUID.
    ///
    /// # Errors
    /// The folder cannot be made, read or locked. The console can go on without, and says so.
    pub fn open(folder: &Path, name: &str) -> Result<(Self, Found), DraftError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.at("make the folder", folder)?;
        let lock = own_lock(&folder.join(format!("{name}.console")))?;
        let drafts = Self { folder: folder.to_owned(), name: name.to_owned(), _lock: lock };
        let mut found = Found::default();
        drafts.take_over(&mut found)?;
        Ok((drafts, found))
    }

    /// Writes a draft: after this it is on the disk. Called with the same key it replaces the one
    /// before, at once or not at all.
    ///
    /// # Errors
    /// The disk. What was there before still is.
    pub fn save(&self, draft: &Draft) -> Result<(), DraftError> {
        let path = self.path(draft.key);
        // A temporary file of the crate's is 0600 from its first byte.
        let mut beside = tempfile::Builder::new();
        beside.prefix(&self.name).suffix(PART);
        let mut file = beside.tempfile_in(&self.folder).at("write beside", &path)?;
        let bytes = serde_json::to_vec(draft).map_err(io::Error::from).at("write", &path)?;
        file.write_all(&bytes).at("write", &path)?;
        file.as_file().sync_all().at("sync", &path)?;
        file.persist(&path).map_err(|failed| failed.error).at("put into place", &path)?;
        self.sync_folder()
    }

    /// Removes the draft with this key: its call was placed, or it was thrown away. Fine if there is
    /// none.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self, key: Key) -> Result<(), DraftError> {
        let path = self.path(key);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed.at("remove", &path)?,
        }
        self.sync_folder()
    }

    fn path(&self, key: Key) -> PathBuf {
        self.folder.join(format!("{}.{key:?}.draft", self.name))
    }

    fn sync_folder(&self) -> Result<(), DraftError> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.at("sync the folder", &self.folder)
    }

    /// Every draft whose console does not hold its lock becomes this one's.
    fn take_over(&self, found: &mut Found) -> Result<(), DraftError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).at("read", &self.folder)? {
            names.push(entry.at("read", &self.folder)?.path());
        }
        names.sort();
        let ends = |path: &Path, ending: &str| path.extension() == Some(OsStr::new(ending));
        let mut gone = Vec::new();
        for path in names.iter().filter(|path| ends(path, "console")) {
            // Held: that console runs. Held until its drafts are here: nobody else takes them too.
            if let Some(lock) = free_lock(path) {
                gone.push((path, lock));
            }
        }
        for path in names.iter().filter(|path| ends(path, "draft")) {
            let console = file_name(path).split('.').next().unwrap_or_default();
            let lock = self.folder.join(format!("{console}.console"));
            let is_gone = gone.iter().any(|(known, _)| **known == lock);
            if !is_gone && lock.exists() {
                continue;
            }
            match read(path) {
                Ok(draft) => {
                    self.save(&draft)?;
                    std::fs::remove_file(path).at("remove", path)?;
                    found.drafts.push(draft);
                }
                // Somebody else was quicker.
                Err(Unread::Gone) => {}
                Err(Unread::Broken(why)) => {
                    let aside = path.with_extension("unreadable");
                    std::fs::rename(path, &aside).at("put aside", path)?;
                    found.set_aside.push((aside, why));
                }
            }
        }
        // Written half when the console died: the draft before it stands, and her number must not stay.
        for path in names.iter().filter(|path| ends(path, "part")) {
            let of = |(console, _): &(&PathBuf, File)| {
                let console = file_name(console).trim_end_matches(".console");
                file_name(path).starts_with(console)
            };
            if gone.iter().any(of) {
                std::fs::remove_file(path).at("remove", path)?;
            }
        }
        for (path, _) in &gone {
            std::fs::remove_file(path).at("remove", path)?;
        }
        self.sync_folder()
    }
}

/// The lock is only a name once its console is gone.
impl Drop for Drafts {
    fn drop(&mut self) {
        let left = std::fs::read_dir(&self.folder).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with(&self.name) && name.ends_with(".draft")
                })
            })
        });
        if !left {
            // If it stays, the next console clears it away.
            let _ = std::fs::remove_file(self.folder.join(format!("{}.console", self.name)));
        }
    }
}

fn own_lock(path: &Path) -> Result<File, DraftError> {
    // Another console may take the new file for that of one that is gone, before it is locked.
    for _ in 0..8 {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).at("make", path)?;
        let locked = FileExt::try_lock(&file).is_ok();
        if locked && file.metadata().at("look at", path)?.nlink() > 0 {
            return Ok(file);
        }
    }
    Err(io::Error::from(io::ErrorKind::WouldBlock)).at("lock", path)
}

/// The lock of a console that is gone; none if it runs, or somebody is taking over from it.
fn free_lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().write(true).open(path).ok()?;
    FileExt::try_lock(&file).ok()?;
    file.metadata().is_ok_and(|meta| meta.nlink() > 0).then_some(file)
}

enum Unread {
    Gone,
    Broken(String),
}

fn read(path: &Path) -> Result<Draft, Unread> {
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Gone,
        kind => Unread::Broken(kind.to_string()),
    };
    let bytes = std::fs::metadata(path).map_err(broken)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Unread::Broken(format!("{bytes} bytes are no draft")));
    }
    let text = std::fs::read(path).map_err(broken)?;
    // serde's own words may quote what stands there.
    serde_json::from_slice(&text).map_err(|error| {
        Unread::Broken(format!(
            "not a draft from line {}, column {} on",
            error.line(),
            error.column()
        ))
    })
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn draft(key: u8) -> Draft {
        let mut draft = Draft::new(Key([key; 16]));
        draft.number = "03001234567".into();
        draft.place = "مکان ۷".into();
        draft.sos = true;
        draft
    }

    fn open(folder: &Path, name: &str) -> (Drafts, Found) {
        Drafts::open(folder, name).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_console_that_is_gone_left_the_next_takes_over_once() {
        let dir = tempfile::tempdir().unwrap();
        let (first, _) = open(dir.path(), "a");
        first.save(&draft(1)).unwrap();
        first.save(&draft(2)).unwrap();
        drop(first);
        let (second, found) = open(dir.path(), "b");
        assert_eq!(found.drafts, [draft(1), draft(2)]);
        let (_third, found) = open(dir.path(), "c");
        assert!(found.drafts.is_empty(), "b runs and has them");
        second.remove(draft(1).key).unwrap();
        second.remove(draft(1).key).unwrap();
        drop(second);
        let (_, found) = open(dir.path(), "d");
        assert_eq!(found.drafts, [draft(2)]);
    }

    #[test]
    fn a_draft_is_replaced_and_gone_when_its_call_is_placed() {
        let dir = tempfile::tempdir().unwrap();
        let (drafts, _) = open(dir.path(), "a");
        drafts.save(&draft(1)).unwrap();
        let later = Draft { sent: true, ..draft(1) };
        drafts.save(&later).unwrap();
        assert_eq!(names(dir.path()).len(), 2, "the lock and one draft");
        let path = drafts.path(later.key);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(read(&path), Ok(read) if read == later));
        drafts.remove(later.key).unwrap();
        drop(drafts);
        assert!(names(dir.path()).is_empty(), "nothing is left behind");
    }

    #[test]
    fn what_cannot_be_read_is_put_aside_and_said_without_its_words() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.1.draft"), "{\"number\": \"0300").unwrap();
        std::fs::write(dir.path().join("x.2.draft"), vec![b' '; 70_000]).unwrap();
        std::fs::write(dir.path().join("x.3.draft"), "{\"key\": \"03001234567\"}").unwrap();
        let (_drafts, found) = open(dir.path(), "a");
        assert!(found.drafts.is_empty());
        assert_eq!(found.set_aside.len(), 3);
        assert!(!format!("{found:?}").contains("0300"), "{found:?}");
        assert_eq!(names(dir.path()).iter().filter(|name| name.ends_with("unreadable")).count(), 3);
    }

    #[test]
    fn a_half_written_draft_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let (drafts, _) = open(dir.path(), "a");
        drafts.save(&draft(1)).unwrap();
        std::fs::write(dir.path().join("aXyZ.part"), "{\"key").unwrap();
        drop(drafts);
        let (_drafts, found) = open(dir.path(), "b");
        assert_eq!(found.drafts, [draft(1)]);
        assert_eq!(names(dir.path()).len(), 2, "the lock and one draft");
    }

    #[test]
    fn the_folder_is_the_operators_own() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state/fifteen");
        let _drafts = open(&folder, "a");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let vars = |home: &'static str, state: &'static str| {
            Drafts::folder(move |name| Some(if name == "HOME" { home } else { state }.to_owned()))
        };
        assert_eq!(vars("/home/a", "/s"), Some("/s/fifteen".into()));
        assert_eq!(vars("/home/a", ""), Some("/home/a/.local/state/fifteen".into()));
        assert_eq!(vars("", "relative"), None);
    }

    #[test]
    fn a_draft_of_an_older_console_is_readable() {
        let text = r#"{"key":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"number":"1","new_field":3}"#;
        let read: Draft = serde_json::from_str(text).unwrap();
        assert_eq!(read.number, "1");
        assert_eq!(read.source, Source::PhoneLine);
        assert!(!read.sent && !read.is_empty());
    }
}

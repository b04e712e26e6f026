//! A disk that holds what it was told to hold, and of the rest whatever it likes.
//!
//! The steps of a recording are done here again. What was synced stands; a crash draws for everything else: a write
//! is there, gone, torn at a sector, or rubbish, each for itself, so later ones may be there without earlier ones. Of
//! what was done to the names in a folder since it was synced a beginning is there.
//!
//! Assumed, as the log assumes it: a crash changes no byte that was not being written, and one rename is one step.

use crate::dice::Dice;
use crate::strace::Step;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

const SECTOR: u64 = 512;
const PAGE: usize = 4096;

/// What the names of new and renamed files need in order to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Their folder synced, as POSIX says.
    Strict,
    /// Anything synced later, as in a file system with one ordered list of such changes.
    Ordered,
}

/// Whose syncs it does not do, though it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    Nobodys,
    Sleds,
    Witnesses,
    Everybodys,
}

impl Lies {
    fn about(self, path: &Path) -> bool {
        let below = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        match self {
            Self::Nobodys => false,
            Self::Sleds => below("log"),
            Self::Witnesses => below("witness"),
            Self::Everybodys => true,
        }
    }
}

type Id = usize;

#[derive(Debug, Clone, Default)]
struct Inode {
    is_dir: bool,
    now: Vec<u8>,
    /// What a crash leaves for certain.
    safe: Vec<u8>,
    unsynced: Vec<Change>,
    /// Where a write without a place goes on.
    at: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Bytes { at: u64, bytes: Vec<u8> },
    Length(u64),
}

#[derive(Debug, Clone)]
struct NameChange {
    /// Its place among all changes of names.
    number: usize,
    gone: Option<OsString>,
    come: Option<(OsString, Id)>,
}

#[derive(Debug, Clone, Default)]
struct Folder {
    now: BTreeMap<OsString, Id>,
    safe: BTreeMap<OsString, Id>,
    unsynced: Vec<NameChange>,
}

/// The disk. Paths are those of the recording.
#[derive(Debug, Clone)]
pub(crate) struct Platter {
    root: PathBuf,
    lies: Lies,
    inodes: Vec<Inode>,
    folders: HashMap<Id, Folder>,
    name_changes: usize,
    /// How many of those were made before the last sync of anything.
    journaled: usize,
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        Change::Bytes { at, bytes: new } => {
            let at = usize::try_from(*at).unwrap();
            if bytes.len() < at + new.len() {
                bytes.resize(at + new.len(), 0);
            }
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
}

impl Platter {
    /// What is in the folder `root` now, all of it safe.
    pub(crate) fn of(root: &Path, lies: Lies) -> Self {
        let top = Inode { is_dir: true, ..Inode::default() };
        let folders = HashMap::from([(0, Folder::default())]);
        let root = root.to_owned();
        let mut this = Self {
            root: root.clone(),
            lies,
            inodes: vec![top],
            folders,
            name_changes: 0,
            journaled: 0,
        };
        this.take_in(&root);
        for inode in &mut this.inodes {
            inode.safe.clone_from(&inode.now);
            inode.unsynced.clear();
        }
        for folder in this.folders.values_mut() {
            folder.safe.clone_from(&folder.now);
            folder.unsynced.clear();
        }
        this.journaled = this.name_changes;
        this
    }

    fn take_in(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.make(&path, true);
                self.take_in(&path);
            } else {
                let id = self.make(&path, false);
                self.inodes[id].now = fs::read(&path).unwrap();
            }
        }
    }

    fn find(&self, path: &Path) -> Option<Id> {
        let below = path.strip_prefix(&self.root).ok()?;
        below.components().try_fold(0, |id, part| match part {
            Component::Normal(name) => self.folders.get(&id)?.now.get(name).copied(),
            _ => None,
        })
    }

    fn file(&mut self, path: &Path) -> &mut Inode {
        let id = self.find(path).unwrap_or_else(|| panic!("not on the disk: {path:?}"));
        &mut self.inodes[id]
    }

    fn parts(&self, path: &Path) -> (Id, OsString) {
        let parent =
            self.find(path.parent().unwrap()).unwrap_or_else(|| panic!("no folder for {path:?}"));
        (parent, path.file_name().unwrap().to_owned())
    }

    fn rename(&mut self, dir: Id, gone: Option<OsString>, come: Option<(OsString, Id)>) {
        let folder = self.folders.get_mut(&dir).unwrap();
        if let Some(name) = &gone {
            folder.now.remove(name);
        }
        if let Some((name, id)) = &come {
            folder.now.insert(name.clone(), *id);
        }
        folder.unsynced.push(NameChange { number: self.name_changes, gone, come });
        self.name_changes += 1;
    }

    fn make(&mut self, path: &Path, is_dir: bool) -> Id {
        let (parent, name) = self.parts(path);
        let id = self.inodes.len();
        self.inodes.push(Inode { is_dir, ..Inode::default() });
        if is_dir {
            self.folders.insert(id, Folder::default());
        }
        self.rename(parent, None, Some((name, id)));
        id
    }

    fn change(&mut self, path: &Path, change: Change) {
        let inode = self.file(path);
        apply(&mut inode.now, &change);
        inode.unsynced.push(change);
    }

    /// Does one step again.
    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Said { .. } | Step::Closed { .. } => {}
            Step::Open { path, create, truncate } => {
                match self.find(path) {
                    Some(_) => {}
                    None if *create => drop(self.make(path, false)),
                    // Only looked at, or unnamed.
                    None => return,
                }
                self.file(path).at = 0;
                if *truncate && !self.file(path).now.is_empty() {
                    self.change(path, Change::Length(0));
                }
            }
            Step::Write { path, at, bytes } => {
                let from = at.unwrap_or(self.file(path).at);
                if at.is_none() {
                    self.file(path).at += bytes.len() as u64;
                }
                self.change(path, Change::Bytes { at: from, bytes: bytes.clone() });
            }
            Step::Copy { from, to, len } => {
                let len = usize::try_from(*len).unwrap();
                let source = self.file(from);
                let at = usize::try_from(source.at).unwrap();
                source.at += len as u64;
                let bytes = source.now[at..at + len].to_vec();
                self.step(&Step::Write { path: to.clone(), at: None, bytes });
            }
            Step::Length { path, len } => self.change(path, Change::Length(*len)),
            Step::Allocate { path, len } => {
                if *len > self.file(path).now.len() as u64 {
                    self.change(path, Change::Length(*len));
                }
            }
            Step::Sync { path } => self.sync(path),
            Step::MakeDir { path } => drop(self.make(path, true)),
            Step::Rename { from, to } => {
                let id = self.find(from).unwrap_or_else(|| panic!("not on the disk: {from:?}"));
                let ((old_dir, old), (new_dir, new)) = (self.parts(from), self.parts(to));
                if old_dir == new_dir {
                    self.rename(old_dir, Some(old), Some((new, id)));
                } else {
                    self.rename(new_dir, None, Some((new, id)));
                    self.rename(old_dir, Some(old), None);
                }
            }
            Step::Remove { path } => {
                let (dir, name) = self.parts(path);
                self.rename(dir, Some(name), None);
            }
        }
    }

    fn sync(&mut self, path: &Path) {
        if self.lies.about(path) {
            return;
        }
        let Some(id) = self.find(path) else { return };
        self.journaled = self.name_changes;
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.safe.clone_from(&folder.now);
            folder.unsynced.clear();
        }
        let inode = &mut self.inodes[id];
        for change in inode.unsynced.drain(..) {
            apply(&mut inode.safe, &change);
        }
    }

    /// What a crash now leaves, written below `to`, which is there and empty.
    pub(crate) fn crash(&self, names: Names, dice: &mut Dice, to: &Path) {
        let ordered = self.journaled + dice.below(self.name_changes - self.journaled + 1);
        self.leave(0, names, ordered, dice, to);
    }

    fn leave(&self, dir: Id, names: Names, ordered: usize, dice: &mut Dice, to: &Path) {
        let folder = &self.folders[&dir];
        let mut there = folder.safe.clone();
        let kept = match names {
            Names::Strict => dice.below(folder.unsynced.len() + 1),
            Names::Ordered => folder.unsynced.partition_point(|change| change.number < ordered),
        };
        for change in &folder.unsynced[..kept] {
            if let Some(name) = &change.gone {
                there.remove(name);
            }
            there.extend(change.come.clone());
        }
        for (name, id) in there {
            let path = to.join(name);
            if self.inodes[id].is_dir {
                fs::create_dir(&path).unwrap();
                self.leave(id, names, ordered, dice, &path);
            } else {
                write_sparse(&path, &after_crash(&self.inodes[id], dice));
            }
        }
    }
}

/// A file after a crash.
fn after_crash(inode: &Inode, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inode.safe.clone();
    // Most crashes leave most of it; some leave nothing, some all.
    let mood = dice.below(4);
    for change in &inode.unsynced {
        let fate = match mood {
            0 => 9,
            1 => 0,
            _ => dice.below(10),
        };
        match (fate, change) {
            (0..=3, change) => apply(&mut bytes, change),
            (4..=5, Change::Bytes { at, bytes: new }) => {
                // Some of its sectors, in no order.
                for (from, part) in sectors(*at, new) {
                    if dice.once_in(2) {
                        apply(&mut bytes, &Change::Bytes { at: from, bytes: part.to_vec() });
                    }
                }
            }
            (6, Change::Bytes { at, bytes: new }) => {
                let mut new = new.clone();
                for (from, part) in sectors(*at, &new.clone()) {
                    if dice.once_in(3) {
                        let from = usize::try_from(from - at).unwrap();
                        new[from..from + part.len()].fill_with(|| dice.number() as u8);
                    }
                }
                apply(&mut bytes, &Change::Bytes { at: *at, bytes: new });
            }
            _ => {}
        }
    }
    bytes
}

/// A write cut where the disk's sectors are.
fn sectors(at: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < bytes.len() {
        let left = usize::try_from(SECTOR - (at + from as u64) % SECTOR).unwrap();
        let upto = bytes.len().min(from + left);
        parts.push((at + from as u64, &bytes[from..upto]));
        from = upto;
    }
    parts
}

/// Pages of zeros are left out: preallocated files are large.
fn write_sparse(path: &Path, bytes: &[u8]) {
    let file = fs::File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (index, page) in bytes.chunks(PAGE).enumerate() {
        if page.iter().any(|byte| *byte != 0) {
            file.write_all_at(page, (index * PAGE) as u64).unwrap();
        }
    }
}

//! Files made durable: a rename counts only after the folder is synced, a write only after the file is.

use super::error::{At, JournalError};
use fs4::FileExt;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Syncs a file or a folder by name.
pub(crate) fn sync(path: &Path) -> Result<(), JournalError> {
    File::open(path).and_then(|file| file.sync_all()).at("sync", path)
}

/// Makes a folder, and its name in the parent, durable.
pub(crate) fn create_dir(dir: &Path) -> Result<(), JournalError> {
    fs::create_dir_all(dir).at("create", dir)?;
    sync(dir)?;
    sync(parent(dir))
}

/// Renames and makes it durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), JournalError> {
    fs::rename(from, to).at("rename", from)?;
    sync(parent(to))
}

/// Writes a small file so that either the old or the new content is found, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let part = path.with_extension("part");
    let mut file = File::create(&part).at("create", &part)?;
    file.write_all(bytes).at("write", &part)?;
    file.sync_all().at("sync", &part)?;
    rename(&part, path)
}

/// Removes a file, if it is there, durably.
pub(crate) fn remove(path: &Path) -> Result<(), JournalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", path).and_then(|()| sync(parent(path))),
    }
}

/// Removes a folder with everything in it, if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<(), JournalError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", dir),
    }
}

/// The names in a folder, sorted; none when it is not there.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.at("list", dir)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.at("list", dir)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Copies a folder with its folders, files only.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<(), JournalError> {
    fs::create_dir_all(to).at("create", to)?;
    for path in list(from)? {
        let target = to.join(path.file_name().expect("a listed path has a name"));
        if path.is_dir() {
            copy_dir(&path, &target)?;
        } else {
            fs::copy(&path, &target).at("copy", &path)?;
        }
    }
    Ok(())
}

/// Bytes of the files in a folder and in its folders.
pub(crate) fn bytes_in(dir: &Path) -> Result<u64, JournalError> {
    list(dir)?.iter().try_fold(0, |sum, path| {
        let found = fs::metadata(path).at("read", path)?;
        Ok(sum + if found.is_dir() { bytes_in(path)? } else { found.len() })
    })
}

/// Bytes that may still be written on the disk of a folder.
pub(crate) fn room(dir: &Path) -> Result<u64, JournalError> {
    let disk = rustix::fs::statvfs(dir).at("read the free room of", dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// `path`, or `path.1`, `path.2`..: the first name not taken.
pub(crate) fn free_name(path: &Path) -> PathBuf {
    (1_u32..)
        .map(|n| path.with_extension(format!("set-aside-{n}")))
        .find(|name| !name.exists())
        .expect("four thousand million folders were not set aside")
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// One process a data folder: an exclusive lock on `<data>/LOCK`, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join("LOCK");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .at("open", &path)?;
        if FileExt::try_lock(&file).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder =
                if holder.trim().is_empty() { "(unknown)".into() } else { holder.trim().into() };
            return Err(JournalError::Locked { dir: dir.display().to_string(), holder });
        }
        // For whoever is refused; on a full disk nobody is told.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Let go in words: a child between fork and exec holds the same open file, and closing ours would not be enough.
    fn drop(&mut self) {
        let _ = FileExt::unlock(&self.file);
    }
}

/// A file of allocated blocks to give back when the disk is full: sled cannot even open then.
pub(crate) struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    pub(crate) fn new(dir: &Path, bytes: u64) -> Self {
        Self { path: dir.join("BALLAST"), bytes }
    }

    /// Allocates it if it is not there; a ballast of no bytes is none. A disk too full for that is not an error here.
    pub(crate) fn fill(&self) -> bool {
        if self.held() >= self.bytes {
            return true;
        }
        let done = File::create(&self.path).and_then(|file| {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.bytes)?;
            file.sync_all()
        });
        if done.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        done.is_ok()
    }

    /// Bytes it would give back.
    pub(crate) fn held(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Gives its blocks back, if there are any and `folder` is on the same disk. True if they were.
    pub(crate) fn release_for(&self, folder: &Path) -> bool {
        let disk = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
        disk(&self.path).is_some_and(|here| disk(folder) == Some(here))
            && fs::remove_file(&self.path).is_ok()
            && sync(parent(&self.path)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_gone_already_and_anything_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        remove(&missing).unwrap();
        remove_dir(&missing).unwrap();
        assert_eq!(list(&missing).unwrap(), Vec::<PathBuf>::new());
        // Below a file there is no folder, and that is no sign that all is well.
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let below = file.join("below");
        assert!(remove(&below).is_err() && remove_dir(&below).is_err() && list(&below).is_err());
        remove(&file).unwrap();
        assert!(!file.exists());
        create_dir(&missing.join("inner")).unwrap();
        assert_eq!(list(&missing).unwrap(), [missing.join("inner")]);
        remove_dir(&missing).unwrap();
        assert!(!missing.exists());
        assert!(sync(&missing).is_err(), "there is nothing to sync");
    }

    #[test]
    fn the_parent_of_a_bare_name_is_here() {
        assert_eq!(parent(Path::new("room/data")), Path::new("room"));
        assert_eq!(parent(Path::new("data")), Path::new("."));
        assert_eq!(parent(Path::new("/")), Path::new("."));
    }

    #[test]
    fn ballast_is_as_large_as_it_is_to_be_and_is_given_back_once() {
        let folder = tempfile::tempdir().unwrap();
        let none = Ballast::new(folder.path(), 0);
        let folder_at = folder.path();
        assert!(none.fill() && !none.release_for(folder_at), "a ballast of no bytes is none");
        let ballast = Ballast::new(folder.path(), 8_192);
        let size = || fs::metadata(folder.path().join("BALLAST")).map(|file| file.len()).ok();
        fs::write(folder.path().join("BALLAST"), "of a room with less").unwrap();
        for _ in 0..2 {
            assert!(ballast.fill());
            assert_eq!(size(), Some(8_192));
        }
        assert!(!ballast.release_for(Path::new("/proc")), "that is another disk");
        assert!(ballast.release_for(folder_at) && !ballast.release_for(folder_at));
        assert_eq!(size(), None);
        let nowhere = Ballast::new(&folder.path().join("nowhere"), 8_192);
        assert!(!nowhere.fill(), "a disk that has no room for it is said to have none");
    }
}

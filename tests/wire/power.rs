//! A disk whose power is cut: an ext4 file system on a loop device, shut down by the kernel's own
//! `EXT4_IOC_SHUTDOWN` without flushing its log. What was not synced by then is gone, data and names.
//!
//! It shows what the file system had on its device, not what a device keeps in its own cache.

use std::path::{Path, PathBuf};
use std::process::Command;

/// `_IOR('X', 125, u32)` with `EXT4_GOING_FLAGS_NOLOGFLUSH`; the project itself says no unsafe word.
const SHUTDOWN: &str = "
import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(folder, 0x8004587D, struct.pack('I', 2))
";

pub(crate) struct Disk {
    scratch: tempfile::TempDir,
}

fn ran(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}

impl Disk {
    /// A fresh disk; none where this user may not mount one.
    pub(crate) fn new() -> Option<Self> {
        let disk = Self { scratch: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.folder()).unwrap();
        let made = ran(Command::new("truncate").args(["-s", "1G"]).arg(disk.image()))
            && ran(Command::new("mkfs.ext4").arg("-q").arg(disk.image()))
            && ran(Command::new("python3").args(["-c", "import fcntl"]))
            && disk.mount();
        if !made {
            eprintln!("skipped: needs root, ext4 on a loop device, and python3");
        }
        made.then_some(disk)
    }

    fn image(&self) -> PathBuf {
        self.scratch.path().join("disk.img")
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().join("disk")
    }

    fn mount(&self) -> bool {
        ran(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.folder()))
    }

    /// The power goes.
    pub(crate) fn cut(&self) {
        let cut = ran(Command::new("python3").args(["-c", SHUTDOWN]).arg(self.folder()));
        assert!(cut, "the file system could not be shut down");
    }

    /// The power is back: whoever used it must have ended.
    pub(crate) fn back(&self) {
        assert!(unmounted(&self.folder()), "the file system is still in use");
        assert!(self.mount(), "the file system does not mount again");
    }
}

fn unmounted(folder: &Path) -> bool {
    (0..200).any(|_| {
        let done = ran(Command::new("umount").arg(folder));
        if !done {
            std::thread::park_timeout(std::time::Duration::from_millis(25));
        }
        done
    })
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmounted(&self.folder());
    }
}

//! A disk of its own to break: an ext4 file system on a loop device. Its power can be cut (the kernel's own
//! `EXT4_IOC_SHUTDOWN`, without flushing its log: what was not synced by then is gone, data and names), it can be
//! filled, and it can turn read-only as after an error of the device.
//!
//! It shows what the file system had on its device, not what a device keeps in its own cache.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `_IOR('X', 125, u32)` with `EXT4_GOING_FLAGS_NOLOGFLUSH`; the project itself says no unsafe word.
const SHUTDOWN: &str = "import fcntl, os, struct, sys; \
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

pub(crate) struct Disk {
    image: PathBuf,
    at: PathBuf,
    /// One for each mount, so that no file system that was shut down is found again.
    devices: Vec<String>,
    _scratch: tempfile::TempDir,
}

fn run(program: &str, args: &[&str]) -> Option<String> {
    let ran = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).trim().to_owned())
}

impl Disk {
    /// A fresh disk of so many MiB at the folder `at`, which is made; none where this user may not mount one.
    pub(crate) fn new(at: &Path, mib: u64) -> Option<Self> {
        let disk = Self::made(at, mib);
        if disk.is_none() {
            eprintln!("SKIPPED: needs root, ext4 on a loop device, and python3");
        }
        disk
    }

    fn made(at: &Path, mib: u64) -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap();
        let image = scratch.path().join("disk.img");
        File::create(&image).ok()?.set_len(mib << 20).ok()?;
        run("mkfs.ext4", &["-q", "-F", "-m", "0", image.to_str()?])?;
        run("python3", &["-c", "import fcntl"])?;
        std::fs::create_dir_all(at).ok()?;
        let mut disk = Self { image, at: at.to_owned(), devices: Vec::new(), _scratch: scratch };
        disk.mount()?;
        Some(disk)
    }

    fn mount(&mut self) -> Option<()> {
        let device = run("losetup", &["-f", "--show", self.image.to_str()?])?;
        self.devices.push(device.clone());
        run("mount", &["-t", "ext4", "-o", "errors=remount-ro", &device, self.at.to_str()?])?;
        Some(())
    }

    fn folder(&self) -> &str {
        self.at.to_str().expect("a path of a test")
    }

    /// The power goes.
    pub(crate) fn cut(&self) {
        run("python3", &["-c", SHUTDOWN, self.folder()]).expect("the disk shuts down");
    }

    /// The power is back: whoever used the disk must have ended.
    pub(crate) fn back(&mut self) {
        let gone = (0..200).any(|_| {
            let gone = run("umount", &[self.folder()]).is_some();
            if !gone {
                std::thread::park_timeout(std::time::Duration::from_millis(25));
            }
            gone
        });
        assert!(gone, "the file system is still in use");
        self.mount().expect("the file system mounts again");
    }

    /// The power is back while somebody still holds files of before.
    pub(crate) fn back_while_in_use(&mut self) {
        run("umount", &["-l", self.folder()]).expect("unmounted");
        self.mount().expect("the file system mounts again");
    }

    /// Takes all the room there is.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.at.join("FILLER")).unwrap();
        for bytes in [1 << 20, 4 << 10, 1] {
            let some = vec![0x55; bytes];
            while file.write_all(&some).is_ok() {}
        }
        // The last blocks may be given out only when they are written.
        let _ = file.sync_all();
    }

    /// Gives so many bytes of it back.
    pub(crate) fn make_room_for(&self, bytes: u64) {
        let file = File::options().write(true).open(self.at.join("FILLER")).unwrap();
        let len = file.metadata().unwrap().len();
        file.set_len(len.checked_sub(bytes).expect("it holds as much")).unwrap();
        file.sync_all().unwrap();
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.at.join("FILLER")).unwrap();
    }

    /// An error of the device: the file system takes no more writes.
    pub(crate) fn turn_read_only(&self) {
        let device = self.devices.last().expect("mounted").trim_start_matches("/dev/");
        std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").unwrap();
        let refused = File::create(self.at.join("TRIAL")).expect_err("it must be read-only");
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", self.folder()]);
        for device in &self.devices {
            run("losetup", &["-d", device]);
        }
    }
}

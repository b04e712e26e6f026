//! The keyring: the trees and the signing key, in memory and in one small file that belongs to its owner alone.
//!
//! The file is text, a line a node, with a checksum in its last line. It is replaced, never changed in place, and an
//! erasure returns only when the new file is on the disk and the old one has lost its name.

use super::cipher::{self, Keys};
use super::head::SignedHead;
use super::tree::{Secret, Tree};
use crate::domain::{CallId, UtcMs};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::{Zeroize, Zeroizing};

const TITLE: &str = "fifteen keyring 1";

/// Calls whose keys are kept at hand, those whose last bits differ: what happens is about the calls that are open.
const AT_HAND: usize = 1024;

/// Why there is no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The operating system refused.
    #[error("keyring {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Others may read it.
    #[error("keyring {0} can be read by others than its owner: chmod 600 it, and ask who has")]
    Open(PathBuf),
    /// It is not what it was when it was written.
    #[error("keyring {0} is damaged or no keyring: put its backup in its place")]
    Damaged(PathBuf),
    /// It is there already.
    #[error("keyring {0} is there already")]
    Exists(PathBuf),
}

/// From where on everything of a log was sealed under this keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Since {
    /// The first transition.
    pub seq: u64,
    /// The first call all of whose transitions were.
    pub call: u64,
}

/// What a sealed part is about: whose keys seal it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The call; 0: none, which is never erased.
    pub call: CallId,
    /// Of a position of her trail, the day it was recorded, counted from 1970 UTC.
    pub trail_day: Option<u64>,
}

/// What an erasure destroys the keys of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// These calls.
    pub calls: Vec<CallId>,
    /// The trails of all days before this one, counted from 1970 UTC.
    pub trails_before_day: u64,
    /// The last transition that says so; what snapshots of before it hold of it goes as well.
    pub upto: u64,
}

impl Gone {
    /// Whether there is nothing to destroy.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.calls.is_empty() && self.trails_before_day == 0
    }
}

/// What a sealed part turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Guarded {
    /// What was sealed.
    Plain(Zeroizing<Vec<u8>>),
    /// Its key was destroyed.
    Erased,
    /// Another keyring sealed it, or it was changed since.
    Foreign,
}

/// The keys of one room. Cheap to clone; all clones are the same keyring, but for [`Keyring::apart`].
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    trees: Mutex<Trees>,
    since: Since,
    heads: SigningKey,
    path: Option<PathBuf>,
}

#[derive(Clone)]
struct Trees {
    calls: Tree,
    /// By the day a position was recorded. A keyring made before there were any has none until it is given one.
    trails: Option<Tree>,
    snapshots: Tree,
    /// Keys derived before, each at the place of its call's last bits; none that was erased.
    at_hand: Vec<Option<(u64, Keys)>>,
    /// In memory it is ahead of its file: a write failed.
    unwritten: bool,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

/// Where the keyring of the log in `data` is when nobody says otherwise: beside the folder, never in it.
#[must_use]
pub fn default_path(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_else(|| "fifteen-data".as_ref()).to_owned();
    name.push(".keys");
    data.with_file_name(name)
}

impl Keyring {
    /// A keyring from a seed, which must be random, used once, and kept nowhere. In memory only.
    #[must_use]
    pub fn from_seed(seed: [u8; 32], since: Since) -> Self {
        Self(Arc::new(Inner::new(Zeroizing::new(seed), since, None)))
    }

    /// A new keyring in a file of its own.
    ///
    /// # Errors
    /// [`KeyringError::Exists`], or it cannot be written.
    pub fn create(path: &Path, seed: [u8; 32], since: Since) -> Result<Self, KeyringError> {
        if path.exists() {
            return Err(KeyringError::Exists(path.into()));
        }
        let inner = Inner::new(Zeroizing::new(seed), since, Some(path.into()));
        inner.write(&inner.lock())?;
        Ok(Self(Arc::new(inner)))
    }

    /// The keyring in `path`; `None` when nothing is there.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or others may read it.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyringError> {
        let failed = |source| KeyringError::Io { path: path.into(), source };
        let about = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            about => about.map_err(failed)?,
        };
        if about.permissions().mode() & 0o077 != 0 {
            return Err(KeyringError::Open(path.into()));
        }
        let text = Zeroizing::new(fs::read(path).map_err(failed)?);
        let damaged = || KeyringError::Damaged(path.into());
        let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
        let mut inner = parse(text).ok_or_else(damaged)?;
        inner.path = Some(path.into());
        Ok(Some(Self(Arc::new(inner))))
    }

    /// The keys there are now, for a thread of its own: it waits for no other, and hears of no erasure after.
    #[must_use]
    pub fn apart(&self) -> Self {
        let Inner { since, heads, .. } = &*self.0;
        let trees = Mutex::new(self.0.lock().clone());
        Self(Arc::new(Inner { trees, since: *since, heads: heads.clone(), path: None }))
    }

    /// From where on everything was sealed under it.
    #[must_use]
    pub fn since(&self) -> Since {
        self.0.since
    }

    /// Seals what transition `seq` says of `about`; the clear part of it is bound to it. `None` once that was erased:
    /// nothing of her is written any more.
    #[must_use]
    pub fn seal(&self, about: About, seq: u64, clear: &[u8], whole: &[u8]) -> Option<Vec<u8>> {
        let keys = self.0.lock().keys(about)?;
        Some(cipher::seal(&keys, &context(seq, clear), whole))
    }

    /// Opens what [`Keyring::seal`] sealed.
    #[must_use]
    pub fn open(&self, about: About, seq: u64, clear: &[u8], sealed: &[u8]) -> Guarded {
        let (keys, of_call) = {
            let mut trees = self.0.lock();
            let of_call = about.trail_day.and_then(|_| trees.keys_of_call(about.call));
            (trees.keys(about), of_call)
        };
        let open = |keys: &Keys| cipher::open(keys, &context(seq, clear), sealed);
        // Trails of before they had keys of their own are under their call's.
        guarded(keys, |keys| open(keys).or_else(|| of_call.as_ref().and_then(open)))
    }

    /// Gives a keyring that was made before trails had keys those keys, from a seed as [`Keyring::create`] wants it. One
    /// that has them keeps them.
    ///
    /// # Errors
    /// The file could not be replaced; in memory nothing is changed either.
    pub fn give_trails(&self, seed: [u8; 32]) -> Result<(), KeyringError> {
        let seed = Zeroizing::new(seed);
        let mut trees = self.0.lock();
        if trees.trails.is_some() {
            return Ok(());
        }
        let given = Trees { trails: Some(trails(&seed)), ..trees.clone() };
        self.0.write(&given)?;
        *trees = given;
        Ok(())
    }

    /// Seals the bytes of a snapshot after transition `seq`. `None`: its key was destroyed by an erasure after it.
    #[must_use]
    pub fn seal_snapshot(&self, seq: u64, state: &[u8]) -> Option<Vec<u8>> {
        let leaf = self.0.lock().snapshots.derive(seq)?;
        Some(cipher::seal(&Keys::of(&leaf), &seq.to_be_bytes(), state))
    }

    /// Opens what [`Keyring::seal_snapshot`] sealed.
    #[must_use]
    pub fn open_snapshot(&self, seq: u64, sealed: &[u8]) -> Guarded {
        let leaf = self.0.lock().snapshots.derive(seq);
        let keys = leaf.map(|leaf| Keys::of(&leaf));
        guarded(keys, |keys| cipher::open(keys, &seq.to_be_bytes(), sealed))
    }

    /// `digest` of the state after transition `seq` in a form that may stand beside a snapshot: the digest itself
    /// would confirm a guess of the one thing in a small room that is not known. `None` once the key is gone.
    #[must_use]
    pub fn stamp(&self, seq: u64, digest: &[u8; 32]) -> Option<[u8; 32]> {
        let leaf = self.0.lock().snapshots.derive(seq)?;
        Some(cipher::stamp(&leaf, digest))
    }

    /// Whether the identity of `call` can still be read.
    #[must_use]
    pub fn has(&self, call: CallId) -> bool {
        self.0.lock().calls.has(call.0)
    }

    /// Destroys the keys of `gone`, and of all snapshots before its transition, which held them too. Returns when that is
    /// on the disk. Again, it does nothing.
    ///
    /// # Errors
    /// The file could not be replaced. In memory the keys are gone; the file still has them: call again.
    pub fn erase(&self, gone: &Gone) -> Result<(), KeyringError> {
        let mut trees = self.0.lock();
        trees.at_hand.clear();
        for call in &gone.calls {
            trees.unwritten |= trees.calls.puncture(call.0);
        }
        let before = gone.trails_before_day;
        trees.unwritten |= trees.trails.as_mut().is_some_and(|days| days.puncture_before(before));
        trees.unwritten |= trees.snapshots.puncture_before(gone.upto);
        if trees.unwritten {
            self.0.write(&trees)?;
            trees.unwritten = false;
        }
        Ok(())
    }

    /// Signs where a log stood.
    #[must_use]
    pub fn sign(&self, seq: u64, chain: [u8; 32], at: UtcMs) -> SignedHead {
        let signature = self.0.heads.sign(&SignedHead::signed_bytes(seq, &chain, at));
        SignedHead::new(seq, &chain, at, &signature.to_bytes())
    }

    /// What checks its signatures; no secret.
    #[must_use]
    pub fn public_key(&self) -> VerifyingKey {
        self.0.heads.verifying_key()
    }
}

fn guarded(keys: Option<Keys>, open: impl FnOnce(&Keys) -> Option<Zeroizing<Vec<u8>>>) -> Guarded {
    match keys {
        None => Guarded::Erased,
        Some(keys) => open(&keys).map_or(Guarded::Foreign, Guarded::Plain),
    }
}

fn context(seq: u64, clear: &[u8]) -> Vec<u8> {
    [&seq.to_be_bytes()[..], clear].concat()
}

/// The keys of trails, from a seed.
fn trails(seed: &Secret) -> Tree {
    Tree::new(Zeroizing::new(blake3::keyed_hash(seed, b"fifteen trails").into()))
}

impl Trees {
    /// The keys of it: of a position those of its call and its day together, so that it goes with either.
    fn keys(&mut self, about: About) -> Option<Keys> {
        let (Some(day), Some(days)) = (about.trail_day, &mut self.trails) else {
            return self.keys_of_call(about.call);
        };
        let (call, day) = (self.calls.derive(about.call.0)?, days.derive(day)?);
        Some(Keys::of(&Zeroizing::new(blake3::keyed_hash(&call, &*day).into())))
    }

    fn keys_of_call(&mut self, CallId(call): CallId) -> Option<Keys> {
        // Room for them only where keys are asked for.
        self.at_hand.resize(AT_HAND, None);
        let place = usize::try_from(call % AT_HAND as u64).expect("below a thousand and some");
        if let Some((of, keys)) = &self.at_hand[place]
            && *of == call
        {
            return Some(keys.clone());
        }
        let keys = Keys::of(&self.calls.derive(call)?);
        self.at_hand[place] = Some((call, keys.clone()));
        Some(keys)
    }
}

impl Inner {
    fn new(seed: Secret, since: Since, path: Option<PathBuf>) -> Self {
        let part = |what: &[u8]| Zeroizing::new(<[u8; 32]>::from(blake3::keyed_hash(&seed, what)));
        let trees = Trees {
            calls: Tree::new(part(b"fifteen calls")),
            trails: Some(trails(&seed)),
            snapshots: Tree::new(part(b"fifteen snapshots")),
            at_hand: Vec::new(),
            unwritten: false,
        };
        let heads = SigningKey::from_bytes(&part(b"fifteen heads"));
        Self { trees: Mutex::new(trees), since, heads, path }
    }

    fn lock(&self) -> MutexGuard<'_, Trees> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the file. One in memory only has none.
    fn write(&self, trees: &Trees) -> Result<(), KeyringError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let failed = |source| KeyringError::Io { path: path.clone(), source };
        replace(path, self.text(trees).as_bytes()).map_err(failed)
    }

    fn text(&self, trees: &Trees) -> Zeroizing<String> {
        let trees = [
            ("calls", Some(&trees.calls)),
            ("snapshots", Some(&trees.snapshots)),
            ("trails", trees.trails.as_ref()),
        ];
        let trees = trees.into_iter().filter_map(|(name, tree)| Some((name, tree?)));
        let nodes: usize = trees.clone().map(|(_, tree)| tree.nodes().count()).sum();
        // Never grown: what a string leaves behind when it moves is not wiped.
        let mut text = Zeroizing::new(String::with_capacity(512 + 128 * nodes));
        let Since { seq, call } = self.since;
        let mut line = |args: std::fmt::Arguments<'_>| {
            writeln!(text, "{args}").expect("a string takes every line");
        };
        line(format_args!("{TITLE}"));
        line(format_args!(
            "# SECRET. Whoever has this file and the log reads every caller's name. Keep a copy where the"
        ));
        line(format_args!(
            "# backups of the log are not; take the copy anew after every erasure and destroy the old one."
        ));
        line(format_args!("since {seq} {call}"));
        line(format_args!("heads {}", &*hex(self.heads.as_bytes())));
        for (name, tree) in trees {
            for (start, depth, secret) in tree.nodes() {
                line(format_args!("{name} {start} {depth} {}", &*hex(secret)));
            }
        }
        let sum = blake3::hash(text.as_bytes());
        writeln!(text, "end {}", sum.to_hex()).expect("a string takes every line");
        text
    }
}

/// The file's content, if it is whole.
fn parse(text: &str) -> Option<Inner> {
    let end = text.rfind("end ")?;
    let sum = text[end..].strip_prefix("end ")?.trim_end();
    (blake3::Hash::from_hex(sum).ok()? == blake3::hash(&text.as_bytes()[..end])).then_some(())?;
    let mut lines = text[..end].lines();
    (lines.next()? == TITLE).then_some(())?;
    let (mut since, mut heads) = (None, None);
    let (mut calls, mut snapshots, mut trails) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines.filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let what = words.next()?;
        match what {
            "since" => {
                let (seq, call) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                since = Some(Since { seq, call });
            }
            "heads" => heads = Some(SigningKey::from_bytes(&*unhex(words.next()?)?)),
            "calls" | "snapshots" | "trails" => {
                let (start, depth) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                let node = (start, depth, unhex(words.next()?)?);
                match what {
                    "calls" => calls.push(node),
                    "snapshots" => snapshots.push(node),
                    _ => trails.push(node),
                }
            }
            _ => return None,
        }
    }
    let trees = Trees {
        calls: Tree::of(calls)?,
        // Never all destroyed: there is a day after every other.
        trails: if trails.is_empty() { None } else { Some(Tree::of(trails)?) },
        snapshots: Tree::of(snapshots)?,
        at_hand: Vec::new(),
        unwritten: false,
    };
    Some(Inner { trees: Mutex::new(trees), since: since?, heads: heads?, path: None })
}

fn hex(secret: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(blake3::Hash::from_bytes(*secret).to_hex().to_string())
}

fn unhex(text: &str) -> Option<Secret> {
    let mut hash = *blake3::Hash::from_hex(text).ok()?.as_bytes();
    let secret = Zeroizing::new(hash);
    hash.zeroize();
    Some(secret)
}

/// Old or new, never a part, never readable by others; on the disk when it returns.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with 0600 from the first byte.
    let mut file = tempfile::Builder::new().prefix(".keys-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;

//! Verify: every promise of the log, checked on a copy of sled and on the plain files in place.

use super::{PlainLog, fold, hex};
use crate::journal::chain::Followed;
use crate::journal::error::JournalError;
use crate::journal::files::{self, Lock};
use crate::journal::frame::Frame;
use crate::journal::layout::Layout;
use crate::journal::probe::{probe_in_place, within};
use crate::journal::record::Tail;
use crate::journal::replay::Fold;
use crate::journal::sled_log::SledLog;
use crate::journal::snapshot::Manifest;
use crate::journal::spill;
use crate::journal::store::Options;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// One promise and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What was counted, or what is wrong, with place and sequence number.
    pub detail: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Every promise asked about.
    pub checks: Vec<Check>,
    /// The last transition readable from the first without a break.
    pub seq: u64,
    /// The chain there, in hex.
    pub chain: String,
    /// The state's digest there, in hex.
    pub digest: String,
}

impl Verified {
    /// Whether every promise holds.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    fn note(&mut self, name: &'static str, outcome: Result<impl Into<String>, impl ToString>) {
        let (ok, detail) = match outcome {
            Ok(detail) => (true, detail.into()),
            Err(why) => (false, why.to_string()),
        };
        self.checks.push(Check { name, ok, detail });
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = if check.ok { "ok    " } else { "WRONG " };
            writeln!(f, "{mark} {:<28} {}", check.name, check.detail)?;
        }
        write!(f, "transition {}, chain {}, state {}", self.seq, self.chain, self.digest)
    }
}

/// Checks a stopped log, changing nothing in it. A log in use is refused: back it up and verify the backup.
///
/// # Errors
/// The folder is locked or cannot be read at all. What is wrong inside is in the report.
pub fn verify<F: Fold + Default>(dir: &Path, options: &Options) -> Result<Verified, JournalError> {
    verify_as(dir, options, &F::default())
}

/// The same by a state that opens what `like` opens.
///
/// # Errors
/// As [`verify`].
pub fn verify_as<F: Fold>(
    dir: &Path,
    options: &Options,
    like: &F,
) -> Result<Verified, JournalError> {
    let _lock = Lock::take(dir)?;
    let layout = Layout::new(dir, options);
    let mut report = Verified::default();
    let plain = match PlainLog::open(dir, options) {
        Ok(plain) => plain,
        Err(why) => {
            report.note("archive files connect", Err::<String, _>(why));
            return Ok(report);
        }
    };
    report.note("archive files connect", ok(format!("{} files", plain.archive.parts().len())));
    let copy = open_copy(&layout, options);
    report.note(
        "sled opens (a copy)",
        copy.as_ref().map(|_| "opened and read").map_err(ToString::to_string),
    );
    let manifests =
        copy.as_ref().map(|sled| sled.manifests()).unwrap_or_else(|_| Ok(Vec::new()))?;
    let first = fold_checked(like, &plain, &manifests, &mut report);
    if let Ok(sled) = &copy {
        check_sled(sled, &plain, &manifests, &mut report);
    }
    report.note(
        "spill",
        spill::span(&layout.spill).map(|span| match span {
            None => "nothing waits to be merged".into(),
            Some((first, last)) => format!("{first} to {last}, merged by the next start"),
        }),
    );
    if let Some((state, tail)) = first {
        let again = plain.frames().and_then(|frames| fold(like, frames, |_, _| ()));
        report.note(
            "two replays, one digest",
            match again {
                Ok((again, _)) if again.digest() == state.digest() => Ok(hex(state.digest())),
                Ok((again, _)) => {
                    Err(format!("{} and {}", hex(state.digest()), hex(again.digest())))
                }
                Err(why) => Err(why.to_string()),
            },
        );
        (report.seq, report.chain, report.digest) =
            (tail.seq, hex(tail.chain), hex(state.digest()));
    }
    drop(copy);
    files::remove_dir(&layout.scratch)?;
    Ok(report)
}

fn open_copy(layout: &Layout, options: &Options) -> Result<SledLog, JournalError> {
    files::remove_dir(&layout.scratch)?;
    files::copy_dir(&layout.sled, &layout.scratch)?;
    probe_in_place(&layout.scratch, options.prober.as_ref(), options.open_limit)?;
    // The probe changed this copy: a fresh one is opened here.
    files::remove_dir(&layout.scratch)?;
    files::copy_dir(&layout.sled, &layout.scratch)?;
    let dir = layout.scratch.clone();
    within(options.open_limit, move || SledLog::open(&dir))
}

/// Folds archive and witness once, checking chain, times and snapshots on the way.
fn fold_checked<F: Fold>(
    like: &F,
    plain: &PlainLog,
    manifests: &[Manifest],
    report: &mut Verified,
) -> Option<(F, Tail)> {
    let mut before = None;
    let mut backwards = None;
    let mut frames = 0_u64;
    let mut unlike = manifests.iter().map(|manifest| (manifest, false)).collect::<Vec<_>>();
    let mut unasked = 0_usize;
    let mut compare = |state: &F, seq: u64, chain: [u8; 32]| {
        for (manifest, same) in unlike.iter_mut().filter(|(manifest, _)| manifest.seq == seq) {
            let stamp = state.stamp();
            unasked += usize::from(stamp.is_none());
            let alike = stamp.is_none_or(|stamp| manifest.digest == stamp);
            *same = manifest.chain == chain && alike;
        }
    };
    // One may have been taken before anything happened.
    compare(&like.fresh(), 0, Tail::default().chain);
    let folded = plain.frames().and_then(|all| {
        fold(like, all, |state: &F, frame| {
            frames += 1;
            for read in frame.records() {
                if before.is_some_and(|before| read.at < before) {
                    backwards.get_or_insert(read.seq);
                }
                before = Some(read.at);
            }
            compare(state, frame.last_seq(), frame.chain());
        })
    });
    let name = "archive and witness whole";
    let tail = folded.as_ref().map(|(_, tail)| tail.seq).map_err(ToString::to_string);
    report.note(
        name,
        tail.map(|seq| format!("{seq} transitions in {frames} frames, chain unbroken")),
    );
    report.note(
        "times in order",
        match backwards {
            None => Ok("none goes back"),
            Some(seq) => Err(format!("transition {seq} happened before the one before it")),
        },
    );
    let wrong: Vec<String> = unlike
        .iter()
        .filter(|(_, same)| !same)
        .map(|(manifest, _)| manifest.seq.to_string())
        .collect();
    report.note(
        "snapshots equal a replay",
        if wrong.is_empty() && unasked > 0 {
            Ok(format!(
                "their places in the chain; {unasked} of {} need keys for more",
                manifests.len()
            ))
        } else if wrong.is_empty() {
            Ok(format!("{} of {}", manifests.len(), manifests.len()))
        } else {
            Err(format!("not the snapshot at {}", wrong.join(", ")))
        },
    );
    folded.ok()
}

fn check_sled(sled: &SledLog, plain: &PlainLog, manifests: &[Manifest], report: &mut Verified) {
    report.note("blobs/ empty", sled.check_blobs().map(|()| "empty"));
    let bad: Vec<String> = manifests
        .iter()
        .filter_map(|manifest| sled.snapshot(manifest).err())
        .map(|why| why.to_string())
        .collect();
    let read = if bad.is_empty() {
        Ok(format!("{} of {}", manifests.len(), manifests.len()))
    } else {
        Err(bad.join("; "))
    };
    report.note("snapshots read back", read);
    let base = plain.archive.tail();
    let frames = Followed::new(sled.raw_frames(base.seq + 1), "sled", Some(base));
    let last = frames.map(|frame| frame.map(|frame| frame.tail())).try_fold(base, |_, tail| tail);
    let counted = last
        .as_ref()
        .map(|tail| format!("up to transition {}, keys, checksums and chain", tail.seq));
    report.note("sled whole", counted.map_err(ToString::to_string));
    let outcome = plain.witness().and_then(|live| {
        equal(Followed::new(sled.raw_frames(base.seq + 1), "sled", Some(base)), live)
    });
    report.note(
        "sled equals the witness",
        outcome.map(|tail| format!("both end at {}", tail.unwrap_or(base.seq))),
    );
}

/// Walks two lists in step; the first difference is the error.
fn equal(
    mut left: impl Iterator<Item = Result<Frame, JournalError>>,
    mut right: impl Iterator<Item = Result<Frame, JournalError>>,
) -> Result<Option<u64>, JournalError> {
    let mut last = None;
    loop {
        match (left.next().transpose()?, right.next().transpose()?) {
            (None, None) => return Ok(last),
            (Some(a), Some(b)) if a == b => last = Some(a.last_seq()),
            (a, b) => {
                let seq = a.as_ref().or(b.as_ref()).map_or(0, Frame::first_seq);
                let end = |frame: Option<Frame>| {
                    frame.map_or("nothing".into(), |frame| format!("up to {}", frame.last_seq()))
                };
                let why = format!("sled has {}, the witness has {}", end(a), end(b));
                return Err(JournalError::damaged(
                    "sled and witness",
                    seq,
                    crate::journal::Fault::Differs(why),
                ));
            }
        }
    }
}

fn ok(detail: String) -> Result<String, String> {
    Ok(detail)
}

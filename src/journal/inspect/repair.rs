//! Repair: the longest unbroken chain from everything that can still be read, and an honest word on the rest.
//!
//! The old folders are renamed and kept. All live frames are held in memory: days of them, not years.

use super::hex;
use crate::journal::archive::Archive;
use crate::journal::error::{At, JournalError};
use crate::journal::files::{self, Lock};
use crate::journal::frame::Frame;
use crate::journal::layout::Layout;
use crate::journal::opened::Opened;
use crate::journal::probe::{probe_in_place, within};
use crate::journal::record::Tail;
use crate::journal::sled_log::{SledLog, remove_page_table_snapshots};
use crate::journal::store::{Options, Store};
use crate::journal::witness::{Header, salvage, segments};
use crate::journal::witness_writer::Writer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// Where transitions were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Archive files, as they are.
    Archive,
    /// Found equal in both logs.
    Both,
    /// Only in sled.
    Sled,
    /// Only in the witness.
    Witness,
    /// Only in the spill: neither log took it.
    Spill,
    /// Only in a sled folder that was set aside earlier.
    SetAside,
}

/// A run of transitions from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Where it came from.
    pub source: Source,
}

/// Transitions that cannot be joined to the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The first number nobody has.
    pub from: u64,
    /// Numbers from here on were found but do not follow; they stay in the folders set aside.
    pub found_from: u64,
    /// The last of those.
    pub found_to: u64,
}

/// What a repair found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Repaired {
    /// The unbroken chain, by source.
    pub spans: Vec<Span>,
    /// What lies behind a break, if anything.
    pub missing: Option<Missing>,
    /// Frames that read but belong to another chain, by first number.
    pub foreign: Vec<u64>,
    /// The folders kept under another name.
    pub kept: Vec<String>,
    /// The chain at the end, in hex.
    pub chain: String,
    /// How the repaired log opened; none if nothing was done because transitions would be given up.
    pub opened: Option<Opened>,
}

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Span { from, to, source } in &self.spans {
            writeln!(f, "transitions {from} to {to}: {source:?}")?;
        }
        if let Some(Missing { from, found_from, found_to }) = &self.missing {
            writeln!(
                f,
                "MISSING from {from}; {found_from} to {found_to} were found but do not follow"
            )?;
        }
        for seq in &self.foreign {
            writeln!(f, "transition {seq}: a frame of another chain was left out")?;
        }
        self.kept.iter().try_for_each(|kept| writeln!(f, "kept: {kept}"))?;
        match &self.opened {
            Some(opened) => write!(f, "{opened}"),
            None => write!(f, "NOTHING WAS CHANGED: say that what is missing may be given up"),
        }
    }
}

/// Puts a log right that could not be started. Where transitions behind a break would be left out, nothing is
/// changed unless `give_up_missing` says so.
///
/// # Errors
/// The folder is in use, the archive itself is damaged, or there is no room.
pub fn repair(
    dir: &Path,
    options: Options,
    give_up_missing: bool,
) -> Result<Repaired, JournalError> {
    let lock = Lock::take(dir)?;
    let layout = Layout::new(dir, &options);
    let archive = Archive::open(&layout.archive)?;
    let base = archive.tail();
    let mut pool = Pool::default();
    for (dir, source) in [(&layout.witness, Source::Witness), (&layout.spill, Source::Spill)] {
        for (_, path) in segments(dir)? {
            for frame in salvage(&fs::read(&path).at("read", &path)?) {
                pool.add(frame, source);
            }
        }
    }
    read_sled(&layout, &layout.sled, &options, &mut pool, Source::Sled);
    let mut chain = pool.longest(base);
    if chain.frames.is_empty() || pool.behind(chain.tail.seq).is_some() {
        for path in layout.set_aside()? {
            read_sled(&layout, &path, &options, &mut pool, Source::SetAside);
        }
        chain = pool.longest(base);
    }
    let mut report = Repaired { chain: hex(chain.tail.chain), ..Repaired::default() };
    if base.seq > 0 {
        report.spans.push(Span { from: 1, to: base.seq, source: Source::Archive });
    }
    report.spans.extend(chain.spans());
    report.foreign = pool.foreign(&chain);
    report.missing = pool.behind(chain.tail.seq).map(|(found_from, found_to)| Missing {
        from: chain.tail.seq + 1,
        found_from,
        found_to,
    });
    if report.missing.is_some() && !give_up_missing {
        return Ok(report);
    }
    let new = layout.witness.with_extension("repaired");
    files::remove_dir(&new)?;
    files::create_dir(&new)?;
    write_witness(&new, base, &chain, options.witness_segment_bytes)?;
    let epoch = layout.read_epoch()?.max(chain.tail.epoch).max(pool.epoch);
    for old in [&layout.sled, &layout.witness, &layout.spill] {
        let nothing = *old == layout.spill && segments(old)?.is_empty();
        if old.exists() && !nothing {
            let kept = files::free_name(old);
            files::rename(old, &kept)?;
            report.kept.push(kept.display().to_string());
        }
    }
    files::rename(&new, &layout.witness)?;
    layout.write_epoch(epoch, "repair")?;
    // What the last stop wrote down may be exactly what was given up.
    layout.remove_closed()?;
    drop(lock);
    let store = Store::open(dir, options)?;
    report.opened = Some(store.opened().clone());
    store.close()?;
    Ok(report)
}

fn write_witness(
    dir: &Path,
    base: Tail,
    chain: &Chain,
    segment_bytes: u64,
) -> Result<(), JournalError> {
    let next = Header { first_seq: base.seq + 1, chain_before: base.chain };
    let mut writer = Writer::open(dir, None, next, segment_bytes)?;
    let mut before = base.chain;
    for (frame, _) in &chain.frames {
        writer.append(std::slice::from_ref(frame), before)?;
        before = frame.chain();
    }
    Ok(())
}

/// Adds whatever a copy of a sled folder still gives, with and without its page table snapshots.
fn read_sled(layout: &Layout, dir: &Path, options: &Options, pool: &mut Pool, source: Source) {
    let mut attempt = |bare: bool| -> Result<(), JournalError> {
        let scratch = &layout.scratch;
        for probing in [true, false] {
            files::remove_dir(scratch)?;
            files::copy_dir(dir, scratch)?;
            if bare {
                remove_page_table_snapshots(scratch)?;
            }
            if probing {
                probe_in_place(scratch, options.prober.as_ref(), options.open_limit)?;
            }
        }
        let copy = scratch.clone();
        let sled = within(options.open_limit, move || SledLog::open(&copy))?;
        pool.epoch = pool.epoch.max(sled.epoch().unwrap_or(0));
        for frame in sled.raw_frames(0) {
            match frame {
                Ok(frame) => pool.add(frame, source),
                Err(JournalError::Damaged { .. }) => {}
                Err(_) => break,
            }
        }
        Ok(())
    };
    // What does not open has nothing to give; the report shows by its spans what is missing for it.
    let _ = attempt(false);
    let _ = attempt(true);
    let _ = files::remove_dir(&layout.scratch);
}

/// Every frame found anywhere, by first number; equal ones once, with all who have it.
#[derive(Default)]
struct Pool {
    /// The latest any sled folder knows.
    epoch: u64,
    frames: BTreeMap<u64, Vec<(Frame, Vec<Source>)>>,
}

struct Chain {
    frames: Vec<(Frame, Source)>,
    tail: Tail,
}

impl Pool {
    fn add(&mut self, frame: Frame, source: Source) {
        let here = self.frames.entry(frame.first_seq()).or_default();
        match here.iter_mut().find(|(known, _)| *known == frame) {
            Some((_, sources)) if sources.contains(&source) => {}
            Some((_, sources)) => sources.push(source),
            None => here.push((frame, vec![source])),
        }
    }

    /// The longest chain from `base`. Where two frames both follow, each was once the end of a log: both ways are
    /// walked, and the longer wins.
    fn longest(&self, base: Tail) -> Chain {
        let mut best = Chain { frames: Vec::new(), tail: base };
        let mut open = vec![Chain { frames: Vec::new(), tail: base }];
        while let Some(mut chain) = open.pop() {
            loop {
                let here = self.frames.get(&(chain.tail.seq + 1)).map_or(&[][..], Vec::as_slice);
                let mut next = here
                    .iter()
                    .filter(|(frame, _)| frame.follows(chain.tail.seq, &chain.tail.chain).is_ok());
                let Some((frame, sources)) = next.next() else {
                    break;
                };
                for (other, sources) in next {
                    let mut frames = chain.frames.clone();
                    frames.push((other.clone(), source_of(sources)));
                    open.push(Chain { frames, tail: other.tail() });
                }
                chain.frames.push((frame.clone(), source_of(sources)));
                chain.tail = frame.tail();
            }
            if chain.tail.seq > best.tail.seq {
                best = chain;
            }
        }
        best
    }

    /// The first and last number found behind `seq`.
    fn behind(&self, seq: u64) -> Option<(u64, u64)> {
        let behind =
            self.frames.range(seq + 1..).flat_map(|(_, here)| here.iter().map(|(frame, _)| frame));
        behind.fold(None, |span, frame| {
            let (from, to) = span.unwrap_or((frame.first_seq(), frame.last_seq()));
            Some((from.min(frame.first_seq()), to.max(frame.last_seq())))
        })
    }

    /// First numbers of frames up to the chain's end that are not in it. What is older than its base is archived.
    fn foreign(&self, chain: &Chain) -> Vec<u64> {
        let Some((first, _)) = chain.frames.first() else {
            return Vec::new();
        };
        let in_chain = |frame: &Frame| {
            let at = chain
                .frames
                .binary_search_by_key(&frame.first_seq(), |(known, _)| known.first_seq());
            at.is_ok_and(|at| chain.frames[at].0 == *frame)
        };
        let range = self.frames.range(first.first_seq()..=chain.tail.seq);
        range
            .flat_map(|(_, here)| here)
            .filter(|(frame, _)| !in_chain(frame))
            .map(|(frame, _)| frame.first_seq())
            .collect()
    }
}

impl Chain {
    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (frame, source) in &self.frames {
            match spans.last_mut() {
                Some(span) if span.source == *source => span.to = frame.last_seq(),
                _ => spans.push(Span {
                    from: frame.first_seq(),
                    to: frame.last_seq(),
                    source: *source,
                }),
            }
        }
        spans
    }
}

fn source_of(sources: &[Source]) -> Source {
    match (sources.contains(&Source::Sled), sources.contains(&Source::Witness)) {
        (true, true) => Source::Both,
        (true, false) => Source::Sled,
        (false, true) => Source::Witness,
        (false, false) if sources.contains(&Source::Spill) => Source::Spill,
        (false, false) => Source::SetAside,
    }
}

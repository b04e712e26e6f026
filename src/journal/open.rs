//! Opening: which of the two logs to believe, decided by sequence number and chain before anything is written.
//! ```text
//!  archive end ── base
//!  sled     base+1 ..... n      equal bytes so far, then one is shorter:
//!  witness  base+1 ......... m  the shorter one is completed from the longer
//! ```
//! Anything else that differs stops the start and names the repair. A sled folder that does not open is set
//! aside, kept, and made again from the witness.

use super::Which;
use super::ahead::ahead;
use super::archive::Archive;
use super::chain::{Followed, follows};
use super::error::{Fault, JournalError};
use super::files::{self, Ballast};
use super::frame::Frame;
use super::layout::Layout;
use super::opened::{Note, Opened};
use super::probe::{Prober, probe_copy, probe_in_place, within};
use super::record::Tail;
use super::sled_log::{SledLog, remove_page_table_snapshots};
use super::spill;
use super::witness::{End, Header, Reader, segments};
use super::witness_writer::Writer;
use std::path::Path;
use std::time::Duration;

/// Frames written at once when one log is completed from the other.
const FRAMES_A_COMMIT: usize = 128;

pub(crate) struct How<'a> {
    pub(crate) prober: Option<&'a Prober>,
    pub(crate) limit: Duration,
    pub(crate) segment_bytes: u64,
    pub(crate) ballast: &'a Ballast,
    pub(crate) may_begin: bool,
}

pub(crate) struct Parts {
    pub(crate) sled: SledLog,
    /// Or why it cannot be used.
    pub(crate) witness: Result<Writer, String>,
    pub(crate) archive: Archive,
    pub(crate) opened: Opened,
}

/// Opens both logs and brings them to the same end.
pub(crate) fn open(layout: &Layout, how: &How<'_>) -> Result<Parts, JournalError> {
    let needs_repair = |source| JournalError::NeedsRepair {
        dir: layout.dir.display().to_string(),
        source: Box::new(source),
    };
    let no_room = |source: JournalError| match source {
        full if full.is_for_want_of_room() => {
            JournalError::NoRoom { dir: layout.dir.display().to_string(), source: Box::new(full) }
        }
        other => other,
    };
    let closed = layout.read_closed()?;
    let archive = Archive::open(&layout.archive).map_err(needs_repair)?;
    let mut opened =
        Opened { clean: closed.is_some(), archived: archive.tail().seq, ..Opened::default() };
    let witness_there =
        with_room(how, &layout.witness, &mut opened.notes, || layout.prepare_witness());
    let mut sled = match &witness_there {
        Ok(()) => match open_sled(layout, how, &archive, &mut opened) {
            Err(why @ JournalError::Unfit { .. }) => return Err(needs_repair(why)),
            opened => opened.map_err(no_room)?,
        },
        // Nothing is made anew that could not be filled: the next start would take it for the log.
        Err(why) if !layout.sled.exists() => return Err(no_log_left(why)),
        Err(why) => open_in_place(layout, how, &mut opened.notes)
            .map_err(|sled| no_log_left(&both(&sled, why)))?,
    };
    let (tail, mut witness) = loop {
        let together = match &witness_there {
            Ok(()) => bring_together(&sled, layout, how, archive.tail(), &mut opened.notes)
                .and_then(|(tail, writer)| match writer {
                    Ok(writer) => Ok((tail, Ok(writer))),
                    // Sled has all that the witness has by now.
                    Err(why) => {
                        sled_alone(&sled, archive.tail(), &why.to_string(), &mut opened.notes)
                    }
                }),
            Err(why) => sled_alone(&sled, archive.tail(), &why.to_string(), &mut opened.notes),
        };
        match together {
            Ok(done) => break done,
            // Opened without a word, failed when read: as good as not opened, once.
            Err(error @ JournalError::Sled { .. })
                if witness_there.is_ok()
                    && !made_anew(&opened.notes)
                    && !error.is_for_want_of_room() =>
            {
                std::mem::forget(sled);
                sled = set_aside_and_create(layout, how, &archive, error, &mut opened.notes)
                    .map_err(no_room)?;
            }
            Err(error @ (JournalError::Damaged { .. } | JournalError::Unfit { .. })) => {
                return Err(needs_repair(error));
            }
            Err(error) => {
                // Dropping a database that failed may flush again, or hang.
                std::mem::forget(sled);
                return Err(no_room(error));
            }
        }
    };
    let tail = match merge_spill(&sled, &mut witness, layout, tail, &mut opened.notes) {
        Ok(tail) => tail,
        Err(why @ (JournalError::Damaged { .. } | JournalError::Unfit { .. })) => {
            return Err(needs_repair(why));
        }
        Err(error) => {
            std::mem::forget(sled);
            return Err(no_room(error));
        }
    };
    if let Some(end) = closed.filter(|end| end.seq > tail.seq) {
        let why = format!(
            "both logs end before it, but the last stop left the log at transition {}",
            end.seq
        );
        return Err(needs_repair(JournalError::damaged(
            "sled and witness",
            tail.seq + 1,
            Fault::Differs(why),
        )));
    }
    let epoch = sled.epoch()?.max(layout.read_epoch().unwrap_or(0)).max(tail.epoch);
    opened.tail = Tail { epoch, ..tail };
    // What was given back is for the log to go on with.
    if !opened.notes.contains(&Note::BallastReleased) && !how.ballast.fill() {
        opened.notes.push(Note::BallastMissing);
    }
    layout.remove_closed()?;
    Ok(Parts { sled, witness, archive, opened })
}

/// Whether sled holds nothing but what the witness gave it.
fn made_anew(notes: &[Note]) -> bool {
    notes
        .iter()
        .any(|note| matches!(note, Note::Created | Note::SledMissing | Note::SledSetAside { .. }))
}

fn no_log_left(why: &JournalError) -> JournalError {
    JournalError::unfit("the witness cannot be used and sled has no log", why)
}

fn both(sled: &JournalError, witness: &JournalError) -> JournalError {
    JournalError::BothFailed { sled: sled.to_string(), witness: witness.to_string() }
}

/// A witness whose disk is dead does not stop the room, if sled has the log.
fn sled_alone(
    sled: &SledLog,
    base: Tail,
    why: &str,
    notes: &mut Vec<Note>,
) -> Result<(Tail, Result<Writer, String>), JournalError> {
    let mut frames = Followed::new(sled.raw_frames(base.seq + 1), "sled", Some(base));
    let tail = frames.try_fold(base, |_, frame| frame.map(|frame| frame.tail()))?;
    notes.push(Note::WitnessUnusable { why: why.to_owned() });
    Ok((tail, Err(why.to_owned())))
}

fn open_sled(
    layout: &Layout,
    how: &How<'_>,
    archive: &Archive,
    opened: &mut Opened,
) -> Result<SledLog, JournalError> {
    if !layout.sled.exists() {
        let fresh = archive.parts().is_empty() && segments(&layout.witness)?.is_empty();
        // A crash came between setting one aside and what was to take its place.
        if fresh && let Some(kept) = layout.set_aside()?.last() {
            let why = "it was set aside, and nothing stands in its place";
            return Err(JournalError::unfit(kept.display().to_string(), why));
        }
        if fresh && !how.may_begin {
            return Err(JournalError::NoLog(layout.dir.display().to_string()));
        }
        opened.notes.push(if fresh { Note::Created } else { Note::SledMissing });
        return SledLog::create(&layout.sled);
    }
    let tried = if opened.clean { Ok(()) } else { try_sled(layout, how, &mut opened.notes) };
    let tried = match tried {
        // Nothing says that it is damaged, and the room has to come back.
        Err(why) if why.is_for_want_of_room() => {
            opened.notes.push(Note::SledUntried { why: why.to_string() });
            Ok(())
        }
        tried => tried,
    };
    match tried.and_then(|()| open_in_place(layout, how, &mut opened.notes)) {
        Err(why @ (JournalError::Sled { .. } | JournalError::Unfit { .. }))
            if !why.is_for_want_of_room() =>
        {
            set_aside_and_create(layout, how, archive, why, &mut opened.notes)
        }
        other => other,
    }
}

/// Tries sled on a copy. One that cannot fit is not begun, and costs nobody the ballast.
fn try_sled(layout: &Layout, how: &How<'_>, notes: &mut Vec<Note>) -> Result<(), JournalError> {
    let (needed, room) = (files::bytes_in(&layout.sled)?, files::room(&layout.dir)?);
    if needed > room.saturating_add(how.ballast.held()) {
        let what = format!("copying {}, {needed} bytes of {room} free", layout.sled.display());
        return Err(JournalError::Io { what, source: std::io::ErrorKind::StorageFull.into() });
    }
    with_room(how, &layout.sled, notes, || {
        probe_copy(&layout.sled, &layout.scratch, how.prober, how.limit)
    })
}

/// Does a step; where `folder` has no room for it, once more with that of the ballast.
fn with_room<T>(
    how: &How<'_>,
    folder: &Path,
    notes: &mut Vec<Note>,
    step: impl Fn() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    match step() {
        Err(why) if why.is_for_want_of_room() && how.ballast.release_for(folder) => {
            notes.push(Note::BallastReleased);
            step()
        }
        other => other,
    }
}

fn open_in_place(
    layout: &Layout,
    how: &How<'_>,
    notes: &mut Vec<Note>,
) -> Result<SledLog, JournalError> {
    let dir = layout.sled.clone();
    let open = move || SledLog::open(&dir);
    with_room(how, &layout.sled, notes, || within(how.limit, open.clone()))
}

/// Keeps the folder under another name and begins an empty one, to be filled from the witness. Without a witness
/// a copy of it gets one more chance.
fn set_aside_and_create(
    layout: &Layout,
    how: &How<'_>,
    archive: &Archive,
    why: JournalError,
    notes: &mut Vec<Note>,
) -> Result<SledLog, JournalError> {
    let base = archive.tail().seq;
    let last_segment = segments(&layout.witness)?.last().map(|(first, _)| *first);
    let has_witness = last_segment.is_some_and(|first| first > base)
        || Reader::new(&layout.witness, base + 1)?.next().is_some();
    let new = layout.sled.with_extension("new");
    if !has_witness {
        // What does not open so either stays where it is: a start that finds nothing would begin an empty log.
        files::remove_dir(&new)?;
        files::copy_dir(&layout.sled, &new)?;
        remove_page_table_snapshots(&new)?;
        probe_in_place(&new, how.prober, how.limit)?;
    }
    let kept = files::free_name(&layout.sled);
    files::rename(&layout.sled, &kept)?;
    notes.push(Note::SledSetAside { kept: kept.display().to_string(), why: why.to_string() });
    if has_witness {
        return SledLog::create(&layout.sled);
    }
    files::rename(&new, &layout.sled)?;
    notes.push(Note::SledSalvaged);
    SledLog::open(&layout.sled)
}

/// Walks both logs in step from the archive's end, each read by a thread of its own, then completes the shorter one.
/// Nothing is written before every frame both have was found equal. A witness without room for more is the inner error.
fn bring_together(
    sled: &SledLog,
    layout: &Layout,
    how: &How<'_>,
    base: Tail,
    notes: &mut Vec<Note>,
) -> Result<(Tail, Result<Writer, JournalError>), JournalError> {
    let from = base.seq + 1;
    let mut reader = Reader::new(&layout.witness, from)?;
    let mut in_sled = Followed::new(sled.raw_frames(from), "sled", Some(base));
    let (tail, mut more_in_sled) = std::thread::scope(|scope| {
        let mut in_witness = ahead(scope, Followed::new(reader.by_ref(), "witness", Some(base)));
        let mut tail = base;
        let (more_in_sled, mut more_in_witness) = loop {
            match (in_sled.next().transpose()?, in_witness.next().transpose()?) {
                (Some(left), Some(right)) => {
                    same(&left, &right)?;
                    tail = left.tail();
                }
                (left, right) => break (left, right),
            }
        };
        let mut lacking = Lacking::new(tail, Which::Sled);
        while let Some(frame) = more_in_witness {
            more_in_witness = in_witness.next().transpose()?;
            lacking.push(frame, more_in_witness.is_none(), |frames, _| sled.append(frames))?;
        }
        lacking.note(notes);
        Ok::<_, JournalError>((lacking.tail, more_in_sled))
    })?;
    let next = Header { first_seq: tail.seq + 1, chain_before: tail.chain };
    let end: Option<End> = reader.end;
    if end.as_ref().is_some_and(|end| end.torn) {
        notes.push(Note::WitnessTorn { seq: next.first_seq });
    }
    let opened = with_room(how, &layout.witness, notes, || {
        Writer::open(&layout.witness, end.as_ref(), next, how.segment_bytes)
    });
    let mut writer = match opened {
        Err(why) if why.is_for_want_of_room() => return Ok((tail, Err(why))),
        opened => opened?,
    };
    let mut lacking = Lacking::new(tail, Which::Witness);
    while let Some(frame) = more_in_sled {
        more_in_sled = in_sled.next().transpose()?;
        let last = more_in_sled.is_none();
        match lacking.push(frame, last, |frames, chain| writer.append(frames, chain)) {
            Err(why) if why.is_for_want_of_room() => return Ok((tail, Err(why))),
            pushed => pushed?,
        }
    }
    lacking.note(notes);
    Ok((lacking.tail, Ok(writer)))
}

/// Puts what is spilled behind the logs' end, `tail`, into both, then removes it. What the logs have too must be the
/// same. A spill whose disk is gone does not stop the room.
fn merge_spill(
    sled: &SledLog,
    witness: &mut Result<Writer, String>,
    layout: &Layout,
    tail: Tail,
    notes: &mut Vec<Note>,
) -> Result<Tail, JournalError> {
    if let Err(why) = layout.prepare_spill() {
        notes.push(Note::SpillUnusable { why: why.to_string() });
        return Ok(tail);
    }
    let mut reader = Reader::new(&layout.spill, 0)?;
    let Some(first) = reader.first else {
        return Ok(tail);
    };
    let mut known = sled.raw_frames(first.first_seq).peekable();
    let (mut end, mut chain_before) = (tail, tail.chain);
    let mut batch = Vec::new();
    let mut next = reader.next().transpose()?;
    while let Some(frame) = next {
        next = reader.next().transpose()?;
        if frame.first_seq() <= tail.seq {
            // What is archived already was compared when it was merged.
            match known.peek() {
                Some(Ok(left)) if left.first_seq() > frame.first_seq() => {}
                Some(_) => differ("sled", "the spill", &known.next().expect("just seen")?, &frame)?,
                None => {}
            }
            continue;
        }
        follows(&frame, &end, &format!("spill {}", layout.spill.display()))?;
        end = frame.tail();
        batch.push(frame);
        if next.is_none() || batch.len() == FRAMES_A_COMMIT {
            sled.append(&batch)?;
            let done = witness.as_mut().map(|writer| writer.append(&batch, chain_before));
            if let Ok(Err(why)) = done {
                // As while it runs: one that fails goes out, and sled goes on.
                notes.push(Note::WitnessUnusable { why: why.to_string() });
                *witness = Err(why.to_string());
            }
            chain_before = end.chain;
            batch.clear();
        }
    }
    if end.seq > tail.seq {
        notes.push(Note::Merged { from: tail.seq + 1, to: end.seq });
    }
    spill::remove(&layout.spill)?;
    Ok(end)
}

fn same(left: &Frame, right: &Frame) -> Result<(), JournalError> {
    differ("sled", "the witness", left, right)
}

fn differ(one: &str, other: &str, left: &Frame, right: &Frame) -> Result<(), JournalError> {
    if left == right {
        return Ok(());
    }
    let short = |chain: [u8; 32]| blake3::Hash::from_bytes(chain).to_hex()[..16].to_owned();
    let end = |frame: &Frame| {
        format!("{} to {}, chain {}", frame.first_seq(), frame.last_seq(), short(frame.chain()))
    };
    let why = format!("{one} has {}; {other} has {}", end(left), end(right));
    Err(JournalError::damaged(format!("{one} and {other}"), right.first_seq(), Fault::Differs(why)))
}

/// The frames one log lacks, written a batch at a time.
pub(crate) struct Lacking {
    which: Which,
    first: u64,
    tail: Tail,
    batch: Vec<Frame>,
    chain_before: [u8; 32],
}

impl Lacking {
    pub(crate) fn new(tail: Tail, which: Which) -> Self {
        Self { which, first: tail.seq + 1, tail, batch: Vec::new(), chain_before: tail.chain }
    }

    pub(crate) fn push(
        &mut self,
        frame: Frame,
        last: bool,
        write: impl FnOnce(&[Frame], [u8; 32]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.tail = frame.tail();
        self.batch.push(frame);
        if last || self.batch.len() == FRAMES_A_COMMIT {
            write(&self.batch, self.chain_before)?;
            self.chain_before = self.tail.chain;
            self.batch.clear();
        }
        Ok(())
    }

    /// What the log ends with now.
    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    fn note(&self, notes: &mut Vec<Note>) {
        let (from, to) = (self.first, self.tail.seq);
        if to >= from {
            notes.push(match self.which {
                Which::Sled => Note::PutBack { from, to },
                Which::Witness => Note::Completed { from, to },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UtcMs;
    use crate::journal::spill::Spill;
    use crate::journal::witness::Header;
    use crate::journal::{Options, Record, pack};

    #[test]
    fn witness_that_fails_while_the_spill_is_merged_goes_out_and_sled_has_it_all() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), &Options::default());
        files::create_dir(&layout.witness).unwrap();
        let sled = SledLog::create(&layout.sled).unwrap();
        let frames = |before: &Tail| {
            pack(before, 0, [&Record { at: UtcMs(1), schema: 1, body: vec![7; 100] }]).unwrap()
        };
        let first = frames(&Tail::default());
        let header = Header { first_seq: 1, chain_before: [0; 32] };
        let mut writer = Writer::open(&layout.witness, None, header, 1).unwrap();
        writer.append(&first, [0; 32]).unwrap();
        sled.append(&first).unwrap();
        let before = first[0].tail();
        assert!(Spill::new(&layout.spill, Ok(())).take(&frames(&before), &before));

        // Its next segment has nowhere to be.
        std::fs::remove_dir_all(&layout.witness).unwrap();
        let (mut witness, mut notes) = (Ok(writer), Vec::new());
        let end = merge_spill(&sled, &mut witness, &layout, before, &mut notes).unwrap();
        let why = witness.err().unwrap();
        let merged = Note::Merged { from: 2, to: 2 };
        assert_eq!((end.seq, notes), (2, vec![Note::WitnessUnusable { why }, merged]));
        let kept: Vec<u64> = sled.raw_frames(1).map(|it| it.unwrap().last_seq()).collect();
        assert_eq!(kept, [1, 2]);
        assert!(Reader::new(&layout.spill, 0).unwrap().first.is_none(), "it is taken over");
    }
}

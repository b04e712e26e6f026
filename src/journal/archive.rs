//! What is old: frames in compressed files, one or more a UTC day, with their chain. Never changed, never deleted
//! by this program; everything from the first transition to the archive's end must stay in this folder.
//! ```text
//!  2026-11-21.fifteen.zst             the day's first file; later ones carry their first sequence number:
//!  2026-11-21.0000000000000412.fifteen.zst
//!  file: zstd skippable frame (magic, version, first and last seq, chain before and after, time, epoch, crc)
//!        zstd frame with checksum: (u16 length, frame)..
//! ```
//! `zstd -d` skips the header and gives the frames.

use super::chain::Followed;
use super::error::{At, Fault, JournalError};
use super::files;
use super::frame::Frame;
use super::record::Tail;
use crate::domain::UtcMs;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, IntoInnerError, Read, Write};
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".fifteen.zst";
/// Any of the sixteen skippable magics; stored little-endian, as zstd's numbers are.
const SKIPPABLE: u32 = 0x184D_2A5F;
const MAGIC: &[u8; 8] = b"fifteenA";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 120;
/// What is sealed shrinks at no level; quicker ones than this gain little more.
const LEVEL: i32 = -3;
/// Read and written at once.
const BUFFER_BYTES: usize = 128 << 10;

/// One file of the archive and what its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) before: Tail,
    pub(crate) tail: Tail,
}

/// The files in order, each continuing the one before.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    dir: PathBuf,
    parts: Vec<Part>,
}

impl Archive {
    /// Reads the headers and checks that they make one chain from the first transition.
    pub(crate) fn open(dir: &Path) -> Result<Self, JournalError> {
        let mut parts = Vec::new();
        for path in files::list(dir)? {
            if path.to_string_lossy().ends_with(SUFFIX) {
                parts.push(read_header(&path)?.0);
            }
        }
        parts.sort_by_key(|part| part.before.seq);
        let mut tail = Tail::default();
        for part in &parts {
            let place = place(&part.path);
            if part.before.seq != tail.seq {
                return Err(JournalError::damaged(
                    place,
                    tail.seq + 1,
                    Fault::Gap(part.before.seq + 1),
                ));
            }
            if part.before.chain != tail.chain {
                return Err(JournalError::damaged(place, tail.seq + 1, Fault::Chain));
            }
            tail = part.tail;
        }
        Ok(Self { dir: dir.to_owned(), parts })
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Where the archive ends and the live logs begin.
    pub(crate) fn tail(&self) -> Tail {
        self.parts.last().map_or(Tail::default(), |part| part.tail)
    }

    /// Frames from the one holding `from_seq` to the archive's end, opening one file at a time.
    pub(crate) fn frames(
        &self,
        from_seq: u64,
    ) -> impl Iterator<Item = Result<Frame, JournalError>> + use<> {
        let skip = self.parts.partition_point(|part| part.tail.seq < from_seq);
        let parts = self.parts[skip..].to_vec();
        parts
            .into_iter()
            .flat_map(|part| PartReader::open(part).map_or_else(Either::error, Either::frames))
            .filter(move |frame| frame.as_ref().map_or(true, |frame| frame.last_seq() >= from_seq))
    }

    /// Begins a file after the last one with `first`, which must follow the archive's end.
    pub(crate) fn begin(&self, first: Frame) -> Result<NewFile, JournalError> {
        files::create_dir(&self.dir)?;
        let path = self.name_for(&first);
        let out = PartWriter::create(&path.with_extension("part"), &self.tail())?;
        let mut file = NewFile { path, out, first_at: first.at(), frames: Vec::new(), bytes: 0 };
        file.push(first)?;
        Ok(file)
    }

    /// Gives a file that was read back its name. Returns how many transitions it holds.
    pub(crate) fn add(&mut self, file: Unread) -> Result<u64, JournalError> {
        let Unread { path, reader, .. } = file;
        let part = reader.part;
        files::rename(&part.path, &path)?;
        let (before, tail) = (part.before, part.tail);
        self.parts.push(Part { path, before, tail });
        Ok(tail.seq - before.seq)
    }

    fn name_for(&self, first: &Frame) -> PathBuf {
        let day = day_of(first.at());
        let plain = self.dir.join(format!("{day}{SUFFIX}"));
        // One that is there and none of ours was renamed and its folder not synced: it is written over.
        if self.parts.iter().any(|part| part.path == plain) {
            self.dir.join(format!("{day}.{:016}{SUFFIX}", first.first_seq()))
        } else {
            plain
        }
    }
}

/// The UTC day, as `2026-11-21`; times outside the calendar share one name.
pub(crate) fn day_of(at: UtcMs) -> String {
    let text = at.to_string();
    text.split_once('T').map_or_else(|| "undated".to_owned(), |(day, _)| day.to_owned())
}

/// A file that is being written, and has no name yet.
pub(crate) struct NewFile {
    path: PathBuf,
    out: PartWriter,
    first_at: UtcMs,
    frames: Vec<Frame>,
    bytes: usize,
}

impl NewFile {
    /// When its first transition was.
    pub(crate) fn first_at(&self) -> UtcMs {
        self.first_at
    }

    /// Bytes of its frames.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where it ends so far.
    pub(crate) fn tail(&self) -> Tail {
        self.out.tail
    }

    pub(crate) fn push(&mut self, frame: Frame) -> Result<(), JournalError> {
        self.out.push(&frame)?;
        self.bytes += frame.bytes().len();
        self.frames.push(frame);
        Ok(())
    }

    /// Ends it, synced.
    pub(crate) fn finish(self) -> Result<Unread, JournalError> {
        let Self { path, out, frames, .. } = self;
        let part = Part { path: out.path.clone(), before: out.before, tail: out.tail };
        out.finish()?;
        Ok(Unread { path, frames: frames.into_iter(), reader: PartReader::open(part)? })
    }
}

/// A file that was written and synced, on its way to be read back: byte by byte the frames that were written, which are
/// whole and follow each other, and no more.
pub(crate) struct Unread {
    path: PathBuf,
    frames: std::vec::IntoIter<Frame>,
    reader: PartReader,
}

impl Unread {
    /// Reads the next `most` frames. True: all of it is as it was written.
    pub(crate) fn check(&mut self, most: usize) -> Result<bool, JournalError> {
        let reader = &mut self.reader;
        let differs = |reader: &PartReader, seq, what: &str| {
            JournalError::damaged(place(&reader.part.path), seq, Fault::Differs(what.into()))
        };
        for frame in self.frames.by_ref().take(most) {
            if reader.next_bytes()?.as_deref() != Some(frame.bytes()) {
                return Err(differs(reader, frame.first_seq(), "not what was written"));
            }
            reader.end = frame.tail();
        }
        if !self.frames.as_slice().is_empty() {
            return Ok(false);
        }
        match reader.next_bytes()? {
            None => Ok(true),
            Some(_) => Err(differs(reader, reader.end.seq + 1, "more than was written")),
        }
    }
}

/// Writes one archive file frame by frame; the header is filled in at the end.
pub(crate) struct PartWriter {
    path: PathBuf,
    before: Tail,
    tail: Tail,
    zstd: zstd::Encoder<'static, BufWriter<File>>,
}

impl PartWriter {
    pub(crate) fn create(path: &Path, before: &Tail) -> Result<Self, JournalError> {
        let mut file = File::create(path).at("create", path)?;
        file.write_all(&[0; HEADER_BYTES]).at("write", path)?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let mut zstd = zstd::Encoder::new(file, LEVEL).at("compress", path)?;
        zstd.include_checksum(true).at("compress", path)?;
        Ok(Self { path: path.to_owned(), before: *before, tail: *before, zstd })
    }

    pub(crate) fn push(&mut self, frame: &Frame) -> Result<(), JournalError> {
        let len = u16::try_from(frame.bytes().len()).expect("a frame has at most 4 KiB");
        let wrote = self
            .zstd
            .write_all(&len.to_be_bytes())
            .and_then(|()| self.zstd.write_all(frame.bytes()));
        wrote.at("write", &self.path)?;
        self.tail = frame.tail();
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(), JournalError> {
        use std::os::unix::fs::FileExt;
        let out = self.zstd.finish().at("write", &self.path)?;
        let file = out.into_inner().map_err(IntoInnerError::into_error).at("write", &self.path)?;
        file.write_all_at(&encode_header(&self.before, &self.tail), 0).at("write", &self.path)?;
        file.sync_all().at("sync", &self.path)
    }
}

/// Reads a whole file: its chain, and its end.
pub(crate) fn check_part(part: Part) -> Result<(), JournalError> {
    let (name, before) = (place(&part.path), part.before);
    Followed::new(PartReader::open(part)?, name, Some(before)).try_for_each(|frame| frame.map(drop))
}

/// Reads the frames of one file, which must end where its header says.
pub(crate) struct PartReader {
    part: Part,
    /// Where the frames end that were read.
    end: Tail,
    zstd: zstd::Decoder<'static, BufReader<File>>,
}

impl PartReader {
    pub(crate) fn open(part: Part) -> Result<Self, JournalError> {
        let (_, file) = read_header(&part.path)?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        let zstd = zstd::Decoder::with_buffer(file).at("decompress", &part.path)?;
        Ok(Self { end: part.before, part, zstd })
    }

    /// The bytes of the frame behind `end`; `None` at the last transition that the header names.
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        let path = &self.part.path;
        let doing = format!("read transition {} of", self.end.seq + 1);
        let mut len = [0; 2];
        match self.zstd.read_exact(&mut len) {
            Err(error)
                if error.kind() == ErrorKind::UnexpectedEof
                    && self.end.seq == self.part.tail.seq =>
            {
                return Ok(None);
            }
            other => other.at(&doing, path)?,
        }
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(len))];
        self.zstd.read_exact(&mut bytes).at(&doing, path)?;
        Ok(Some(bytes))
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, JournalError> {
        let bytes = self.next_bytes()?;
        let damaged = |seq, fault| JournalError::damaged(place(&self.part.path), seq, fault);
        let Some(bytes) = bytes else {
            // The header of a file without frames says of its end what that of any says of what is before it.
            let (end, Part { before, tail, .. }) = (self.end, &self.part);
            if end == *tail || end.seq == before.seq {
                return Ok(None);
            }
            let fault = Fault::Differs("the header names another end than the frames have".into());
            return Err(damaged(end.seq, fault));
        };
        let frame = Frame::decode(bytes).map_err(|fault| damaged(self.end.seq + 1, fault))?;
        self.end = frame.tail();
        Ok(Some(frame))
    }
}

impl Iterator for PartReader {
    type Item = Result<Frame, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_frame().transpose()
    }
}

/// A file's frames, or the reason it does not open, as one kind of iterator.
struct Either(Option<JournalError>, Option<PartReader>);

impl Either {
    fn error(why: JournalError) -> Self {
        Self(Some(why), None)
    }

    fn frames(reader: PartReader) -> Self {
        Self(None, Some(reader))
    }
}

impl Iterator for Either {
    type Item = Result<Frame, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Err).or_else(|| self.1.as_mut()?.next())
    }
}

fn encode_header(before: &Tail, tail: &Tail) -> [u8; HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(&SKIPPABLE.to_le_bytes());
    bytes.extend_from_slice(&(HEADER_BYTES as u32 - 8).to_le_bytes());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    for number in [before.seq + 1, tail.seq] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&before.chain);
    bytes.extend_from_slice(&tail.chain);
    bytes.extend_from_slice(&tail.at.0.to_be_bytes());
    bytes.extend_from_slice(&tail.epoch.to_be_bytes());
    let crc_at = HEADER_BYTES - 4;
    debug_assert_eq!(bytes.len(), crc_at);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes.try_into().expect("the header's parts add up")
}

/// Reads a file's header; the file stands behind it.
pub(crate) fn read_header(path: &Path) -> Result<(Part, File), JournalError> {
    let mut file = File::open(path).at("open", path)?;
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes).at("read the header of", path)?;
    let crc_at = HEADER_BYTES - 4;
    let good = crc32c::crc32c(&bytes[..crc_at]).to_be_bytes() == bytes[crc_at..]
        && &bytes[8..16] == MAGIC
        && bytes[16..20] == VERSION.to_be_bytes();
    if !good {
        return Err(JournalError::unfit(
            place(path),
            "its header is damaged or not one known here",
        ));
    }
    let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let chain = |at: usize| bytes[at..at + 32].try_into().expect("thirty-two bytes");
    let before = Tail { seq: number(20).saturating_sub(1), chain: chain(36), ..Tail::default() };
    let tail =
        Tail { seq: number(28), chain: chain(68), at: UtcMs(number(100)), epoch: number(108) };
    Ok((Part { path: path.to_owned(), before, tail }, file))
}

fn place(path: &Path) -> String {
    format!("archive {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Record, pack};

    fn frames(commits: u8) -> Vec<Frame> {
        let mut tail = Tail { epoch: 1, ..Tail::default() };
        let commit = |nth| {
            let record = Record { at: UtcMs(u64::from(nth)), schema: 1, body: vec![nth; 100] };
            let frame = pack(&tail, 1, &[record]).unwrap().remove(0);
            tail = frame.tail();
            frame
        };
        (1..=commits).map(commit).collect()
    }

    #[test]
    fn a_file_that_does_not_read_back_as_it_was_written_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (path, written) = (dir.path().join("day.part"), frames(3));
        let tail = written[2].tail();
        let mut out = PartWriter::create(&path, &Tail::default()).unwrap();
        written.iter().for_each(|frame| out.push(frame).unwrap());
        out.finish().unwrap();
        let read = |frames: &[Frame], tail| {
            let part = Part { path: path.clone(), before: Tail::default(), tail };
            let reader = PartReader::open(part).unwrap();
            let frames = Vec::from(frames).into_iter();
            let mut file = Unread { path: path.clone(), frames, reader };
            let mut steps = 1;
            while !file.check(2).map_err(|error| error.to_string())? {
                steps += 1;
            }
            Ok(steps)
        };
        assert_eq!(read(&written, tail), Ok(2));
        let mut other = frames(4);
        let said: String = read(&other, other[3].tail()).unwrap_err();
        assert!(!said.is_empty(), "a frame is missing");
        other.truncate(3);
        other.swap(1, 2);
        let said = read(&other, tail).unwrap_err();
        assert!(said.contains("not what was written"), "{said}");
        let said = read(&written[..2], written[1].tail()).unwrap_err();
        assert!(said.contains("more than was written"), "{said}");
    }
}

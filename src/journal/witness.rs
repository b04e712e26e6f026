//! The witness: the second log, in plain files anybody can read. This half is the format and the reading of it.
//!
//! A folder of segments named after their first sequence number, each preallocated, synced, then renamed into
//! place. All but the last are sealed: cut to what is in them and never written again.
//! ```text
//!  segment: header (64 bytes: magic, version, first seq, chain before, crc) entry entry .. zeros
//!  entry:   magic u32 | payload length u32 | crc32c u32 | payload = one commit = (u16 length, frame)..
//! ```
//! An entry is one commit, written in one piece and synced before the next begins. So only the very last entry can
//! be torn; anything unreadable with a readable entry behind it is damage.

use super::error::{At, Fault, JournalError};
use super::files;
use super::frame::{FRAME_BYTES_MAX, Frame};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const ENTRY_HEADER_BYTES: usize = 12;
const MAGIC: &[u8; 8] = b"fifteenW";
const VERSION: u32 = 1;
const ENTRY_MAGIC: u32 = 0x6657_6531;
const SUFFIX: &str = "witness";

/// What a segment's header says: what comes first in it, and the chain before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) first_seq: u64,
    pub(crate) chain_before: [u8; 32],
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.first_seq.to_be_bytes());
        bytes[20..52].copy_from_slice(&self.chain_before);
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Fault> {
        if crc32c::crc32c(&bytes[..60]).to_be_bytes() != bytes[60..] {
            return Err(Fault::Checksum);
        }
        if &bytes[..8] != MAGIC || bytes[8..12] != VERSION.to_be_bytes() {
            return Err(Fault::Header("not a witness segment of a version known here"));
        }
        Ok(Self {
            first_seq: u64::from_be_bytes(bytes[12..20].try_into().expect("eight bytes")),
            chain_before: bytes[20..52].try_into().expect("thirty-two bytes"),
        })
    }
}

/// A segment's file name and the sequence number in it.
pub(crate) fn segment_path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.{SUFFIX}"))
}

/// The segments of a folder, in order: (first sequence number by name, path).
pub(crate) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let named = |path: PathBuf| {
        let is = path.extension().is_some_and(|extension| extension == SUFFIX);
        let seq = path.file_stem()?.to_str()?.parse().ok()?;
        is.then_some((seq, path))
    };
    Ok(files::list(dir)?.into_iter().filter_map(named).collect())
}

/// One commit as it is written: the entry's bytes, into `out`.
pub(crate) fn encode_entry(frames: &[Frame], out: &mut Vec<u8>) {
    out.clear();
    out.resize(ENTRY_HEADER_BYTES, 0);
    for frame in frames {
        let len = u16::try_from(frame.bytes().len()).expect("a frame has at most 4 KiB");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(frame.bytes());
    }
    let len = u32::try_from(out.len() - ENTRY_HEADER_BYTES).expect("a commit has at most 1 MiB");
    let crc = crc32c::crc32c(&out[ENTRY_HEADER_BYTES..]);
    out[..4].copy_from_slice(&ENTRY_MAGIC.to_be_bytes());
    out[4..8].copy_from_slice(&len.to_be_bytes());
    out[8..12].copy_from_slice(&crc.to_be_bytes());
}

/// Where the readable part of the last segment ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) path: PathBuf,
    pub(crate) at: u64,
    /// Bytes behind it that are no entry: a commit the crash interrupted.
    pub(crate) torn: bool,
}

/// Reads the frames of a witness, in order. When it is through, `end` says where a writer goes on.
pub(crate) struct Reader {
    rest: std::vec::IntoIter<(u64, PathBuf)>,
    open: Option<Segment>,
    payload: Vec<u8>,
    pos: usize,
    from_seq: u64,
    next_seq: u64,
    pub(crate) first: Option<Header>,
    pub(crate) end: Option<End>,
}

struct Segment {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    len: u64,
}

impl Reader {
    /// Frames from the one holding `from_seq`.
    pub(crate) fn new(dir: &Path, from_seq: u64) -> Result<Self, JournalError> {
        let mut all = segments(dir)?;
        let skip = all.partition_point(|(first, _)| *first <= from_seq).saturating_sub(1);
        all.drain(..skip);
        let mut this = Self {
            rest: all.into_iter(),
            open: None,
            payload: Vec::new(),
            pos: 0,
            from_seq,
            next_seq: 0,
            first: None,
            end: None,
        };
        this.next_segment()?;
        Ok(this)
    }

    fn next_segment(&mut self) -> Result<bool, JournalError> {
        let Some((seq, path)) = self.rest.next() else {
            self.open = None;
            return Ok(false);
        };
        let file = File::open(&path).at("open", &path)?;
        let len = file.metadata().at("read", &path)?.len();
        if len < HEADER_BYTES as u64 {
            // A file that lost its bytes, as a disk can that never kept them: damage, not a failure to read.
            return Err(damaged(&path, seq, Fault::Header("shorter than a segment's header")));
        }
        let mut file = BufReader::with_capacity(256 << 10, file);
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).at("read the header of", &path)?;
        let header = Header::decode(&header).map_err(|fault| damaged(&path, seq, fault))?;
        if header.first_seq != seq {
            return Err(damaged(&path, seq, Fault::Misplaced(header.first_seq)));
        }
        self.first.get_or_insert(header);
        self.next_seq = seq;
        self.open = Some(Segment { path, file, at: HEADER_BYTES as u64, len });
        Ok(true)
    }

    /// Fills `payload` with the next commit; false at the end of everything.
    fn next_entry(&mut self) -> Result<bool, JournalError> {
        loop {
            let Some(segment) = &mut self.open else {
                return Ok(false);
            };
            let found = segment.entry(&mut self.payload).at("read", &segment.path)?;
            let sealed = !self.rest.as_slice().is_empty();
            match found {
                Found::Commit => {
                    self.pos = 0;
                    return Ok(true);
                }
                Found::End if sealed => {
                    self.next_segment()?;
                }
                Found::Unreadable if sealed || segment.entry_behind()? => {
                    return Err(damaged(&segment.path, self.next_seq, Fault::Checksum));
                }
                Found::End | Found::Unreadable => {
                    let torn = found == Found::Unreadable;
                    self.end = Some(End { path: segment.path.clone(), at: segment.at, torn });
                    self.open = None;
                    return Ok(false);
                }
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, JournalError> {
        loop {
            if self.pos == self.payload.len() && !self.next_entry()? {
                return Ok(None);
            }
            let path = &self.open.as_ref().expect("a payload comes from an open segment").path;
            let fault = |fault| damaged(path, self.next_seq, fault);
            let rest = &self.payload[self.pos..];
            let (len, rest) =
                rest.split_first_chunk::<2>().ok_or_else(|| fault(Fault::Short(rest.len())))?;
            let len = usize::from(u16::from_be_bytes(*len));
            let bytes = rest.get(..len).ok_or_else(|| fault(Fault::Short(rest.len())))?;
            let frame = Frame::decode(bytes.to_vec()).map_err(fault)?;
            self.pos += 2 + len;
            self.next_seq = frame.last_seq() + 1;
            if frame.last_seq() >= self.from_seq {
                return Ok(Some(frame));
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Frame, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_frame().transpose()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Commit,
    /// Nothing was ever written here.
    End,
    Unreadable,
}

impl Segment {
    fn entry(&mut self, payload: &mut Vec<u8>) -> std::io::Result<Found> {
        payload.clear();
        let mut header = [0; ENTRY_HEADER_BYTES];
        let left = self.len - self.at;
        if left < ENTRY_HEADER_BYTES as u64 {
            return Ok(if left == 0 { Found::End } else { Found::Unreadable });
        }
        self.file.read_exact(&mut header)?;
        if header == [0; ENTRY_HEADER_BYTES] {
            return Ok(if self.only_zeros()? { Found::End } else { Found::Unreadable });
        }
        let word =
            |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let (magic, len, crc) = (word(0), word(4), word(8));
        let end = self.at + ENTRY_HEADER_BYTES as u64 + u64::from(len);
        if magic != ENTRY_MAGIC || end > self.len || len == 0 {
            return Ok(Found::Unreadable);
        }
        payload.resize(len as usize, 0);
        self.file.read_exact(payload)?;
        if crc32c::crc32c(payload) != crc {
            payload.clear();
            return Ok(Found::Unreadable);
        }
        self.at = end;
        Ok(Found::Commit)
    }

    fn only_zeros(&mut self) -> std::io::Result<bool> {
        let mut rest = vec![0; 64 << 10];
        loop {
            match self.file.read(&mut rest) {
                Ok(0) => return Ok(true),
                Ok(n) if rest[..n].iter().any(|byte| *byte != 0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a readable entry stands anywhere behind the unreadable place: then this is no torn end.
    fn entry_behind(&self) -> Result<bool, JournalError> {
        let bytes = std::fs::read(&self.path).at("read", &self.path)?;
        let from = usize::try_from(self.at).expect("a segment fits memory") + 1;
        let magic = ENTRY_MAGIC.to_be_bytes();
        let tail = bytes.get(from..).unwrap_or_default();
        Ok((0..tail.len().saturating_sub(ENTRY_HEADER_BYTES)).any(|at| {
            let entry = &tail[at..];
            let word =
                |at: usize| u32::from_be_bytes(entry[at..at + 4].try_into().expect("four bytes"));
            entry[..4] == magic
                && entry.get(ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + word(4) as usize).is_some_and(
                    |payload| !payload.is_empty() && crc32c::crc32c(payload) == word(8),
                )
        }))
    }
}

/// Every frame that still reads in a segment's bytes, whatever surrounds it: for repair, never for a start.
pub(crate) fn salvage(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let magic = ENTRY_MAGIC.to_be_bytes();
    let starts = bytes.windows(magic.len()).enumerate().filter(|(_, window)| *window == magic);
    for (start, _) in starts {
        // A damaged frame does not hide the ones after it in the same commit, unless its length is what was hit.
        let mut rest = bytes.get(start + ENTRY_HEADER_BYTES..).unwrap_or_default();
        while let Some((len, after)) = rest.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*len));
            let Some(frame) = after.get(..len).filter(|_| len > 0 && len <= FRAME_BYTES_MAX) else {
                break;
            };
            frames.extend(Frame::decode(frame.to_vec()));
            rest = &after[len..];
        }
    }
    frames
}

fn damaged(path: &Path, seq: u64, fault: Fault) -> JournalError {
    JournalError::damaged(format!("witness {}", path.display()), seq, fault)
}

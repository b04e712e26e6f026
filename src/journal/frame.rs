//! A frame: a run of transitions stored as one entry of at most 4 KiB, chained to the one before it.
//!
//! All numbers big-endian. `chain` is BLAKE3 of the chain before and of every byte of this frame except the
//! chain and the checksum themselves; the checksum is CRC32C of all that stands before it.
//! ```text
//!  0        1      2       4       12          20         28         60                    n-4      n
//!  | version | 0    | count | epoch | first seq | time ms  | chain    | records: [dt,s,b].. | crc32c |
//! ```
//! A record is the MessagePack array `[milliseconds after the frame's time, schema, bin body]`. Decoding walks
//! every record once, so that [`Frame::records`] cannot fail afterwards; no bytes make it panic.

use super::error::{Fault, JournalError};
use super::record::{RECORD_BYTES_MAX, Record, RecordRef, Tail};
use crate::domain::UtcMs;
use rmp::{decode, encode};

/// Everything stored under one key of sled stays at or under this.
pub const FRAME_BYTES_MAX: usize = 4_096;
/// The format written here. Older ones stay readable.
pub const FRAME_VERSION: u8 = 1;

const CHAIN_AT: usize = 28;
const RECORDS_AT: usize = 60;
const CRC_BYTES: usize = 4;

/// An encoded frame and what its header says.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Vec<u8>,
    first_seq: u64,
    count: u16,
    epoch: u64,
    at: UtcMs,
    last_at: UtcMs,
    chain: [u8; 32],
    /// The chain before it, when it was chained here and not read from anywhere.
    before: Option<[u8; 32]>,
}

/// By the bytes, which say all of it.
impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl Frame {
    /// Reads a frame and everything in it.
    ///
    /// # Errors
    /// What is wrong with the bytes; the caller knows their place and adds it.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, Fault> {
        if bytes.len() < RECORDS_AT + CRC_BYTES {
            return Err(Fault::Short(bytes.len()));
        }
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(Fault::Long(bytes.len()));
        }
        let (body, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
        if crc32c::crc32c(body).to_be_bytes() != crc {
            return Err(Fault::Checksum);
        }
        if body[0] != FRAME_VERSION {
            return Err(Fault::Version(body[0]));
        }
        let count = u16::from_be_bytes(array(&body[2..4]));
        let (epoch, first_seq) = (u64_at(body, 4), u64_at(body, 12));
        let at = UtcMs(u64_at(body, 20));
        let chain = array(&body[CHAIN_AT..RECORDS_AT]);
        if count == 0 || first_seq == 0 || body[1] != 0 {
            return Err(Fault::Header("no records, no first number, or a flag nobody set"));
        }
        if first_seq.checked_add(u64::from(count)).is_none() {
            return Err(Fault::Header("sequence numbers past the end of counting"));
        }
        let mut rest = &body[RECORDS_AT..];
        let mut last_at = at;
        for index in 0..count {
            let (dt, _, _) =
                read_record(&mut rest).map_err(|what| Fault::Record { index, what })?;
            last_at =
                shifted(at, dt).ok_or(Fault::Record { index, what: "its time is out of range" })?;
        }
        if !rest.is_empty() {
            return Err(Fault::Record { index: count, what: "bytes after the last record" });
        }
        Ok(Self { first_seq, count, epoch, at, last_at, chain, bytes, before: None })
    }

    /// The number of the last transition in `bytes`, which are taken at their word.
    pub(crate) fn last_seq_in(bytes: &[u8]) -> Result<u64, Fault> {
        let header = bytes.get(..RECORDS_AT).ok_or(Fault::Short(bytes.len()))?;
        let count = u16::from_be_bytes(array(&header[2..4]));
        let after = u64_at(header, 12).checked_add(u64::from(count));
        after.and_then(|after| after.checked_sub(1)).ok_or(Fault::Header("no last number"))
    }

    /// The bytes as stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of the first transition inside.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Number of the last transition inside.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count) - 1
    }

    /// How many transitions are inside, at least one.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Under which ownership of the log it was written.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When its first transition happened.
    #[must_use]
    pub fn at(&self) -> UtcMs {
        self.at
    }

    /// When its last transition happened.
    #[must_use]
    pub fn last_at(&self) -> UtcMs {
        self.last_at
    }

    /// The chain up to and including this frame.
    #[must_use]
    pub fn chain(&self) -> [u8; 32] {
        self.chain
    }

    /// The log's end if this is its last frame.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail { seq: self.last_seq(), chain: self.chain, epoch: self.epoch, at: self.last_at }
    }

    /// The transitions, in order, without copying.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records {
            rest: &self.bytes[RECORDS_AT..self.bytes.len() - CRC_BYTES],
            seq: self.first_seq,
            left: self.count,
            base: self.at,
        }
    }

    /// Whether this frame is the one right after `before`, by number and chain.
    ///
    /// # Errors
    /// [`Fault::Gap`] or [`Fault::Chain`].
    pub fn follows(&self, before_seq: u64, before_chain: &[u8; 32]) -> Result<(), Fault> {
        if self.first_seq != before_seq + 1 {
            return Err(Fault::Gap(self.first_seq));
        }
        let follows = match &self.before {
            Some(before) => before == before_chain,
            None => {
                chain_of(before_chain, &self.bytes[..self.bytes.len() - CRC_BYTES]) == self.chain
            }
        };
        if follows { Ok(()) } else { Err(Fault::Chain) }
    }
}

/// The transitions of one frame.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    seq: u64,
    left: u16,
    base: UtcMs,
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    fn next(&mut self) -> Option<RecordRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (dt, schema, body) =
            read_record(&mut self.rest).expect("every record was read when the frame was decoded");
        let at =
            shifted(self.base, dt).expect("every time was in range when the frame was decoded");
        let seq = self.seq;
        self.seq += 1;
        Some(RecordRef { seq, at, schema, body })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// Packs transitions into as few frames as hold them, chained to `tail`.
///
/// # Errors
/// [`JournalError::RecordTooLarge`]; nothing is packed then.
pub fn pack<'a>(
    tail: &Tail,
    epoch: u64,
    records: impl IntoIterator<Item = &'a Record>,
) -> Result<Vec<Frame>, JournalError> {
    let mut frames = Vec::new();
    let mut open: Option<Open> = None;
    let (mut seq, mut chain) = (tail.seq, tail.chain);
    for record in records {
        seq += 1;
        if record.body.len() > RECORD_BYTES_MAX {
            return Err(JournalError::RecordTooLarge {
                seq,
                bytes: record.body.len(),
                max: RECORD_BYTES_MAX,
            });
        }
        if let Some(frame) = &mut open
            && frame.push(record)
        {
            continue;
        }
        if let Some(full) = open.take() {
            frames.push(full.seal(&mut chain));
        }
        let frame = open.insert(Open::new(epoch, seq, record.at));
        assert!(frame.push(record), "one record of bounded size fits an empty frame");
    }
    frames.extend(open.map(|last| last.seal(&mut chain)));
    Ok(frames)
}

/// A frame being filled.
struct Open {
    bytes: Vec<u8>,
    first_seq: u64,
    count: u16,
    epoch: u64,
    at: UtcMs,
    last_at: UtcMs,
}

impl Open {
    fn new(epoch: u64, first_seq: u64, at: UtcMs) -> Self {
        let mut bytes = Vec::with_capacity(FRAME_BYTES_MAX);
        bytes.extend_from_slice(&[FRAME_VERSION, 0, 0, 0]);
        bytes.extend_from_slice(&epoch.to_be_bytes());
        bytes.extend_from_slice(&first_seq.to_be_bytes());
        bytes.extend_from_slice(&at.0.to_be_bytes());
        bytes.resize(RECORDS_AT, 0);
        Self { bytes, first_seq, count: 0, epoch, at, last_at: at }
    }

    /// False, and nothing changed, when the record does not fit.
    fn push(&mut self, record: &Record) -> bool {
        let before = self.bytes.len();
        let dt = i128::from(record.at.0) - i128::from(self.at.0);
        // A clock that stepped by half of all time starts a frame of its own.
        let Ok(dt) = i64::try_from(dt) else {
            return false;
        };
        write_record(&mut self.bytes, dt, record);
        if self.bytes.len() + CRC_BYTES > FRAME_BYTES_MAX {
            self.bytes.truncate(before);
            return false;
        }
        self.count += 1;
        self.last_at = record.at;
        true
    }

    fn seal(mut self, chain: &mut [u8; 32]) -> Frame {
        self.bytes[2..4].copy_from_slice(&self.count.to_be_bytes());
        let before = Some(*chain);
        *chain = chain_of(chain, &self.bytes);
        self.bytes[CHAIN_AT..RECORDS_AT].copy_from_slice(chain);
        let crc = crc32c::crc32c(&self.bytes);
        self.bytes.extend_from_slice(&crc.to_be_bytes());
        let Self { bytes, first_seq, count, epoch, at, last_at } = self;
        Frame { bytes, first_seq, count, epoch, at, last_at, chain: *chain, before }
    }
}

/// The chain after a frame of these bytes (without checksum; the place of the chain is left out).
fn chain_of(before: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    // In one piece: what comes in several is hashed block after block, and not four at once.
    let mut whole = [0; FRAME_BYTES_MAX];
    let (header, records) = (&bytes[..CHAIN_AT], &bytes[RECORDS_AT..]);
    let mut end = 0;
    for part in [&before[..], header, records] {
        whole[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    blake3::hash(&whole[..end]).into()
}

fn write_record(out: &mut Vec<u8>, dt: i64, record: &Record) {
    const ROOM: &str = "a Vec takes every byte";
    encode::write_array_len(out, 3).expect(ROOM);
    encode::write_sint(out, dt).expect(ROOM);
    encode::write_uint(out, u64::from(record.schema)).expect(ROOM);
    encode::write_bin(out, &record.body).expect(ROOM);
}

fn read_record<'a>(rest: &mut &'a [u8]) -> Result<(i64, u16, &'a [u8]), &'static str> {
    if decode::read_array_len(rest).map_err(|_| "not an array")? != 3 {
        return Err("not an array of three");
    }
    let dt = decode::read_int(rest).map_err(|_| "no time")?;
    let schema = decode::read_int(rest).map_err(|_| "no schema version")?;
    let len = decode::read_bin_len(rest).map_err(|_| "no body")? as usize;
    if len > rest.len() {
        return Err("the body is longer than the frame");
    }
    let (body, after) = rest.split_at(len);
    *rest = after;
    Ok((dt, schema, body))
}

fn shifted(base: UtcMs, dt: i64) -> Option<UtcMs> {
    base.0.checked_add_signed(dt).map(UtcMs)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the range has this length")
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(&bytes[at..at + 8]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        (any::<u64>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(at, schema, body)| Record { at: UtcMs(at), schema, body })
    }

    fn sealed_again(mut bytes: Vec<u8>) -> Vec<u8> {
        let end = bytes.len() - CRC_BYTES;
        let crc = crc32c::crc32c(&bytes[..end]).to_be_bytes();
        bytes[end..].copy_from_slice(&crc);
        bytes
    }

    #[test]
    fn a_header_is_wrong_in_any_one_of_its_fields() {
        let record = Record { at: UtcMs(7), schema: 1, body: vec![1, 2, 3] };
        let frame = pack(&Tail::default(), 1, &[record]).unwrap().remove(0);
        assert!(Frame::decode(sealed_again(frame.bytes().to_vec())).is_ok());
        // A flag, the count, the first number.
        for (place, byte) in [(1, 1), (3, 0), (19, 0)] {
            let mut bytes = frame.bytes().to_vec();
            bytes[place] = byte;
            let fault = Frame::decode(sealed_again(bytes)).unwrap_err();
            assert!(matches!(fault, Fault::Header(_)), "byte {place}: {fault:?}");
        }
        for len in CRC_BYTES..RECORDS_AT + CRC_BYTES {
            let fault = Frame::decode(sealed_again(vec![1; len])).unwrap_err();
            assert_eq!(fault, Fault::Short(len));
        }
        let long = sealed_again(vec![1; FRAME_BYTES_MAX + 1]);
        assert_eq!(Frame::decode(long), Err(Fault::Long(FRAME_BYTES_MAX + 1)));
        let bare = sealed_again(frame.bytes()[..RECORDS_AT + CRC_BYTES].to_vec());
        assert!(!matches!(Frame::decode(bare), Err(Fault::Short(_))), "a header of full length");
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(records in prop::collection::vec(record(), 1..200), epoch: u64, seq in 0..u64::MAX / 2) {
            let mut tail = Tail { seq, ..Tail::default() };
            let frames = pack(&tail, epoch, &records).unwrap();
            let mut back = Vec::new();
            for frame in frames {
                prop_assert!(frame.bytes().len() <= FRAME_BYTES_MAX);
                let read = Frame::decode(frame.bytes().to_vec()).unwrap();
                prop_assert_eq!(&read, &frame);
                prop_assert_eq!(read.records().len(), usize::from(read.count()));
                prop_assert_eq!(Frame::last_seq_in(read.bytes()), Ok(read.last_seq()));
                prop_assert_eq!(read.follows(tail.seq, &tail.chain), Ok(()));
                prop_assert_eq!(read.records().next().unwrap().seq, tail.seq + 1);
                tail = read.tail();
                back.extend(read.records().map(|r| Record { at: r.at, schema: r.schema, body: r.body.to_vec() }));
            }
            prop_assert_eq!(tail.seq, seq + records.len() as u64);
            prop_assert_eq!(back, records);
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert!(Frame::decode(bytes.clone()).is_err());
            if bytes.len() > CRC_BYTES {
                let _ = Frame::decode(sealed_again(bytes));
            }
        }

        #[test]
        fn a_changed_byte_is_found(records in prop::collection::vec(record(), 1..20), at: prop::sample::Index, flip in 1..=255u8) {
            let frame = pack(&Tail::default(), 1, &records).unwrap().remove(0);
            let mut bytes = frame.bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(Frame::decode(bytes.clone()).is_err());
            // Someone who edits the frame and its checksum still breaks the chain.
            if at < bytes.len() - CRC_BYTES && let Ok(edited) = Frame::decode(sealed_again(bytes)) {
                prop_assert!(edited.follows(0, &[0; 32]).is_err());
            }
        }

        #[test]
        fn a_cut_frame_is_found(records in prop::collection::vec(record(), 1..20), at: prop::sample::Index) {
            let frame = pack(&Tail::default(), 1, &records).unwrap().remove(0);
            prop_assert!(Frame::decode(frame.bytes()[..at.index(frame.bytes().len())].to_vec()).is_err());
        }
    }

    #[test]
    fn a_frame_follows_the_one_it_was_chained_to_and_no_other() {
        let record = Record { at: UtcMs(7), schema: 1, body: vec![1, 2, 3] };
        let packed = pack(&Tail::default(), 1, &[record]).unwrap().remove(0);
        let read = Frame::decode(packed.bytes().to_vec()).unwrap();
        for frame in [packed, read] {
            assert_eq!(frame.follows(0, &[0; 32]), Ok(()));
            assert_eq!(frame.follows(0, &[1; 32]), Err(Fault::Chain));
            assert_eq!(frame.follows(1, &[0; 32]), Err(Fault::Gap(1)));
        }
    }

    #[test]
    fn the_largest_record_always_fits() {
        let record =
            Record { at: UtcMs(u64::MAX), schema: u16::MAX, body: vec![7; RECORD_BYTES_MAX] };
        let early = Record { at: UtcMs(0), ..record.clone() };
        assert_eq!(pack(&Tail::default(), u64::MAX, [&early, &record]).unwrap().len(), 2);
        let over = Record { body: vec![7; RECORD_BYTES_MAX + 1], ..record };
        assert!(matches!(
            pack(&Tail::default(), 1, [&over]),
            Err(JournalError::RecordTooLarge { seq: 1, .. })
        ));
    }

    #[test]
    fn a_frame_is_filled_to_its_last_byte() {
        let record = |len| Record { at: UtcMs(7), schema: 1, body: vec![1; len] };
        // What is left of it after the header, a record of 105 bytes with five of its own, the six of another, the checksum.
        let rest = FRAME_BYTES_MAX - RECORDS_AT - 105 - 6 - CRC_BYTES;
        let frames = pack(&Tail::default(), 1, &[record(100), record(rest)]).unwrap();
        assert_eq!((frames.len(), frames[0].bytes().len()), (1, FRAME_BYTES_MAX));
        let frames = pack(&Tail::default(), 1, &[record(100), record(rest + 1)]).unwrap();
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn small_records_share_a_frame() {
        let record = Record { at: UtcMs(1_700_000_000_000), schema: 1, body: vec![1; 108] };
        let frames = pack(&Tail::default(), 1, std::iter::repeat_n(&record, 34)).unwrap();
        assert_eq!(frames.len(), 1);
    }
}

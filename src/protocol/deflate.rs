//! A narrow link: both directions of a session as one DEFLATE stream each (RFC 1951), after hello and welcome.
//!
//! What the room says to a car repeats itself, name for name: compressed with all that was said before it, an assignment
//! is a quarter of its size. A stream is flushed to a byte (RFC 1951 section 3.2.4, an empty stored block) after each
//! write, so that nothing waits in it for more. Frames stay what they are, inside.
//!
//! Both ends hold what a stream may refer back to.

use super::FrameError;
use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// How far back a stream of ours refers, as a power of two: 8 KiB are some fifty messages. The peer may go back further.
const WINDOW_BITS: u8 = 13;

/// What is given out at a time, bytes.
const PIECE_BYTES: usize = 4_096;

/// The direction that is written.
#[derive(Debug)]
pub struct Deflater(Compress);

impl Deflater {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self(Compress::new_with_window_bits(Compression::default(), false, WINDOW_BITS))
    }

    /// Takes all of `plain` and adds what is to be written to `packed`, to the last byte: the peer can read everything
    /// from it.
    pub fn pack(&mut self, plain: &mut BytesMut, packed: &mut BytesMut) {
        let mut piece = [0; PIECE_BYTES];
        // A piece that is full may not have been all that was to come.
        let mut given = PIECE_BYTES * usize::from(!plain.is_empty());
        while !plain.is_empty() || given == PIECE_BYTES {
            let (taken_before, given_before) = (self.0.total_in(), self.0.total_out());
            (self.0.compress(plain, &mut piece, FlushCompress::Sync))
                .expect("a stream that was never finished takes more");
            plain.advance((self.0.total_in() - taken_before) as usize);
            given = (self.0.total_out() - given_before) as usize;
            packed.extend_from_slice(&piece[..given]);
        }
    }
}

impl Default for Deflater {
    fn default() -> Self {
        Self::new()
    }
}

/// The direction that is read.
#[derive(Debug)]
pub struct Inflater {
    stream: Decompress,
    plain_bytes_max: usize,
}

impl Inflater {
    /// At the beginning of a stream. More than `plain_bytes_max` is not held unread, however much a few bytes may stand
    /// for.
    #[must_use]
    pub fn new(plain_bytes_max: usize) -> Self {
        Self { stream: Decompress::new(false), plain_bytes_max }
    }

    /// Takes from `packed` and adds what it stands for to `plain`, until all is taken or enough is there.
    ///
    /// # Errors
    /// The bytes are no DEFLATE stream, or it has ended and more came behind it. The session cannot go on.
    pub fn unpack(
        &mut self,
        packed: &mut BytesMut,
        plain: &mut BytesMut,
    ) -> Result<(), FrameError> {
        let mut piece = [0; PIECE_BYTES];
        while plain.len() < self.plain_bytes_max {
            let (taken_before, given_before) = (self.stream.total_in(), self.stream.total_out());
            let status = (self.stream.decompress(packed, &mut piece, FlushDecompress::None))
                .map_err(|error| FrameError::NotDeflate { why: error.to_string() })?;
            let taken = (self.stream.total_in() - taken_before) as usize;
            let given = (self.stream.total_out() - given_before) as usize;
            packed.advance(taken);
            plain.extend_from_slice(&piece[..given]);
            if status == Status::StreamEnd && !packed.is_empty() {
                return Err(FrameError::NotDeflate { why: "bytes behind its end".to_owned() });
            }
            // A piece that is not full says nothing: the stream gives out what it holds in parts of its own.
            if taken == 0 && given == 0 {
                break;
            }
        }
        Ok(())
    }
}

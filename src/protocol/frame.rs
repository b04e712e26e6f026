//! Frames: a u32 big-endian length, then that many bytes holding one MessagePack value.
//!
//! A length is believed only after it was compared with the bound, and the bytes are never looked into here.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::io;
use tokio_util::codec::{Decoder, Encoder};

/// Longest frame a client may send, in bytes without the length itself.
pub const CLIENT_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Longest frame a server sends, in bytes without the length itself; what is longer goes in pages.
pub const SERVER_FRAME_BYTES_MAX: usize = 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// A broken stream of frames. None of these can be mended by reading on: say `dropped`, close.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer declared, or we were about to send, a frame beyond the bound.
    #[error("a frame of {len} bytes; at most {max} may be sent this way")]
    TooLarge {
        /// Declared length, bytes.
        len: usize,
        /// The bound of this direction, bytes.
        max: usize,
    },
    /// A frame of length 0 holds no message.
    #[error("an empty frame; every frame holds one message")]
    Empty,
    /// The connection ended inside a frame.
    #[error("the connection ended inside a frame, with {have} bytes of it read")]
    Truncated {
        /// Bytes that had come, the length among them.
        have: usize,
    },
    /// What should be a DEFLATE stream is none.
    #[error("no DEFLATE stream: {why}; after a welcome that says deflate both directions are one")]
    NotDeflate {
        /// What is wrong with it.
        why: String,
    },
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Cuts a byte stream into frames and back, with a bound for each direction.
#[derive(Debug, Clone, Copy)]
pub struct FrameCodec {
    read_bytes_max: usize,
    write_bytes_max: usize,
}

impl FrameCodec {
    /// A codec with bounds of your own, in bytes without the length.
    #[must_use]
    pub const fn new(read_bytes_max: usize, write_bytes_max: usize) -> Self {
        Self { read_bytes_max, write_bytes_max }
    }

    /// The server's end: small frames in, large ones out.
    #[must_use]
    pub const fn for_server() -> Self {
        Self::new(CLIENT_FRAME_BYTES_MAX, SERVER_FRAME_BYTES_MAX)
    }

    /// The client's end: large frames in, small ones out.
    #[must_use]
    pub const fn for_client() -> Self {
        Self::new(SERVER_FRAME_BYTES_MAX, CLIENT_FRAME_BYTES_MAX)
    }
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, stream: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = stream.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*length) as usize;
        if len == 0 {
            return Err(FrameError::Empty);
        }
        if len > self.read_bytes_max {
            let max = self.read_bytes_max;
            return Err(FrameError::TooLarge { len, max });
        }
        if stream.len() < LENGTH_BYTES + len {
            stream.reserve(LENGTH_BYTES + len - stream.len());
            return Ok(None);
        }
        stream.advance(LENGTH_BYTES);
        Ok(Some(stream.split_to(len).freeze()))
    }

    fn decode_eof(&mut self, stream: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(stream)? {
            None if !stream.is_empty() => Err(FrameError::Truncated { have: stream.len() }),
            frame => Ok(frame),
        }
    }
}

/// Takes an encoded message, so that a push is encoded once for all who get it.
impl Encoder<Bytes> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Bytes, stream: &mut BytesMut) -> Result<(), FrameError> {
        if frame.is_empty() {
            return Err(FrameError::Empty);
        }
        let len = frame.len();
        let max = self.write_bytes_max;
        let Some(length) = u32::try_from(len).ok().filter(|_| len <= max) else {
            return Err(FrameError::TooLarge { len, max });
        };
        stream.reserve(LENGTH_BYTES + len);
        stream.put_u32(length);
        stream.put(frame);
        Ok(())
    }
}

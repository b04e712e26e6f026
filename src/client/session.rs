//! One welcomed connection: its two directions, what waits to be written, and when each side last spoke.

use super::ClientError;
use crate::protocol::{
    ClientMessage, Deflater, FrameCodec, FrameError, HEARTBEATS_MISSED_MAX, Hello, Inflater,
    SERVER_FRAME_BYTES_MAX, ServerMessage, Welcome,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::Instant;
use tokio_util::codec::{Decoder, Encoder, FramedRead};

pub(super) struct Session<Io> {
    pub(super) reader: FramedRead<ReadHalf<Io>, Incoming>,
    pub(super) writer: Writer<Io>,
    pub(super) welcome: Welcome,
    /// When the server was last heard.
    pub(super) heard: Instant,
    spoke: Instant,
}

/// The direction towards the server.
pub(super) struct Writer<Io> {
    stream: WriteHalf<Io>,
    /// Framed and not yet written.
    pub(super) out: BytesMut,
    /// Where the link is compressed, with what is to be written next.
    packed: Option<(Deflater, BytesMut)>,
    /// Written and not yet flushed; a stream under TLS keeps some back until then.
    unflushed: bool,
}

impl<Io: AsyncWrite> Writer<Io> {
    pub(super) fn has_unsent(&self) -> bool {
        let packed = self.packed.as_ref().is_some_and(|(_, packed)| !packed.is_empty());
        self.unflushed || packed || !self.out.is_empty()
    }

    /// Writes a part of what waits. Safe to cancel at any point: the next call goes on from there.
    pub(super) async fn write(&mut self) -> io::Result<()> {
        let bytes = match &mut self.packed {
            Some((deflater, packed)) => {
                if packed.is_empty() {
                    deflater.pack(&mut self.out, packed);
                }
                packed
            }
            None => &mut self.out,
        };
        if !bytes.is_empty() {
            if self.stream.write_buf(bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unflushed = true;
        }
        self.stream.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}

/// The direction from the server: frames, which a narrow link carries compressed.
pub(super) struct Incoming {
    codec: FrameCodec,
    packed: Option<Inflater>,
    /// What compressed bytes stood for, as far as no frame was made of it.
    plain: BytesMut,
}

impl Incoming {
    fn plain() -> Self {
        Self { codec: FrameCodec::for_client(), packed: None, plain: BytesMut::new() }
    }
}

impl Decoder for Incoming {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, stream: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(inflater) = &mut self.packed else {
            return self.codec.decode(stream);
        };
        loop {
            let before = self.plain.len();
            if let Some(frame) = self.codec.decode(&mut self.plain)? {
                return Ok(Some(frame));
            }
            inflater.unpack(stream, &mut self.plain)?;
            if self.plain.len() == before {
                return Ok(None);
            }
        }
    }

    fn decode_eof(&mut self, stream: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(stream)? {
            None if self.packed.is_some() => self.codec.decode_eof(&mut self.plain),
            None => self.codec.decode_eof(stream),
            frame => Ok(frame),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite> Session<Io> {
    /// Says hello over a fresh stream and waits for the welcome.
    ///
    /// # Errors
    /// The server refuses, hangs up, or speaks something else.
    pub(super) async fn greet(stream: Io, hello: &Hello) -> Result<Self, ClientError> {
        let (reader, stream) = tokio::io::split(stream);
        let mut writer = Writer { stream, out: BytesMut::new(), packed: None, unflushed: false };
        let hello = ClientMessage::Hello(hello.clone()).encode();
        FrameCodec::for_client().encode(hello, &mut writer.out)?;
        while writer.has_unsent() {
            writer.write().await?;
        }
        let mut reader = FramedRead::new(reader, Incoming::plain());
        let Some(frame) = reader.next().await else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        match ServerMessage::decode(&frame?)? {
            ServerMessage::Welcome(welcome) => {
                let heard = Instant::now();
                if welcome.deflate {
                    reader.decoder_mut().packed = Some(Inflater::new(SERVER_FRAME_BYTES_MAX + 4));
                    writer.packed = Some((Deflater::new(), BytesMut::new()));
                }
                Ok(Self { reader, writer, welcome, heard, spoke: heard })
            }
            ServerMessage::Refused(refused) => Err(refused.into()),
            other => {
                Err(ClientError::Protocol(format!("it answered the hello with a {}", other.name())))
            }
        }
    }

    /// Queues a frame; its length was checked where it was made.
    pub(super) fn say(&mut self, frame: Bytes) {
        if let Err(error) = FrameCodec::for_client().encode(frame, &mut self.writer.out) {
            tracing::error!(%error, "a message could not be framed and was not sent");
        }
        self.spoke = Instant::now();
    }

    /// When a ping is due, unless something else is said before.
    pub(super) fn speak_at(&self) -> Instant {
        self.spoke + self.heartbeat()
    }

    /// When a server that stays silent is taken for dead.
    pub(super) fn dead_at(&self) -> Instant {
        self.heard + self.dead_after()
    }

    /// How long a server may be silent.
    pub(super) fn dead_after(&self) -> Duration {
        self.heartbeat().saturating_mul(u32::try_from(HEARTBEATS_MISSED_MAX).unwrap_or(u32::MAX))
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.welcome.heartbeat_ms.clamp(1, HEARTBEAT_MS_MAX))
    }
}

/// A server that asks for a slower heartbeat is given this one, ms; also keeps instants from overflowing.
const HEARTBEAT_MS_MAX: u64 = 3_600_000;

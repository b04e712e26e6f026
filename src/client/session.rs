//! One welcomed connection: its two directions, what waits to be written, and when each side last spoke.

use super::ClientError;
use crate::protocol::{
    ClientMessage, FrameCodec, HEARTBEATS_MISSED_MAX, Hello, ServerMessage, Welcome,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::Instant;
use tokio_util::codec::{Encoder, FramedRead};

pub(super) struct Session<Io> {
    pub(super) reader: FramedRead<ReadHalf<Io>, FrameCodec>,
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
    /// Written and not yet flushed; a stream under TLS keeps some back until then.
    unflushed: bool,
}

impl<Io: AsyncWrite> Writer<Io> {
    pub(super) fn has_unsent(&self) -> bool {
        self.unflushed || !self.out.is_empty()
    }

    /// Writes a part of what waits. Safe to cancel at any point: the next call goes on from there.
    pub(super) async fn write(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            if self.stream.write_buf(&mut self.out).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unflushed = true;
        }
        self.stream.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}

impl<Io: AsyncRead + AsyncWrite> Session<Io> {
    /// Says hello over a fresh stream and waits for the welcome.
    ///
    /// # Errors
    /// The server refuses, hangs up, or speaks something else.
    pub(super) async fn greet(stream: Io, hello: &Hello) -> Result<Self, ClientError> {
        let (reader, stream) = tokio::io::split(stream);
        let mut writer = Writer { stream, out: BytesMut::new(), unflushed: false };
        let hello = ClientMessage::Hello(hello.clone()).encode();
        FrameCodec::for_client().encode(hello, &mut writer.out)?;
        while writer.has_unsent() {
            writer.write().await?;
        }
        let mut reader = FramedRead::new(reader, FrameCodec::for_client());
        let Some(frame) = reader.next().await else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        match ServerMessage::decode(&frame?)? {
            ServerMessage::Welcome(welcome) => {
                let heard = Instant::now();
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

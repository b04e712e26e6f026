//! The bytes of a session: frames in, each dated by its first byte; frames out, replies first.

use super::Server;
use crate::domain::UtcMs;
use crate::protocol::{Code, Dropped, FrameCodec, FrameError, Ping, ServerMessage};
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::codec::{Decoder, Encoder};

/// What is gathered into one write.
const WRITE_BYTES: usize = 64 * 1024;

/// Frames for the writer, with the place of the request they answer.
pub(super) struct Outgoing {
    pub(super) frame: Bytes,
    pub(super) _place: Option<OwnedSemaphorePermit>,
    /// What its bytes take of all that may be unread.
    pub(super) _unread: Option<OwnedSemaphorePermit>,
}

/// Frames as they come, each with the instant its first byte was read.
///
/// A frame is complete as soon as its last byte was read, so what stands behind it in the buffer came with that read
/// and no earlier: however many frames a peer sends in a row, none is taken for older than it is.
pub(super) struct Frames<R> {
    read: R,
    codec: FrameCodec,
    buffer: BytesMut,
    /// When the first byte of the buffer was read.
    began_at: Option<UtcMs>,
    /// The last read.
    read_at: Option<UtcMs>,
    clock: crate::service::clock::RoomClock,
    /// A frame that was begun is whole within this.
    limit: Duration,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(read: R, server: &Server) -> Self {
        Self {
            read,
            codec: FrameCodec::for_server(),
            buffer: BytesMut::with_capacity(4_096),
            began_at: None,
            read_at: None,
            clock: server.clock.clone(),
            limit: server.settings.limits.frame_limit,
        }
    }

    /// The next frame; `None` at an orderly end. Cancel-safe: what was read stays in the buffer.
    pub(super) async fn next(&mut self) -> Result<Option<(Bytes, UtcMs)>, FrameError> {
        if let Some(frame) = self.whole()? {
            return Ok(Some(frame));
        }
        if self.buffer.is_empty() && !self.read().await? {
            return Ok(None);
        }
        let limit = self.limit;
        tokio::time::timeout(limit, self.rest()).await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            let why = format!("a frame was begun and was not whole within {limit}");
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why).into())
        })
    }

    /// The frame whose first bytes are there.
    async fn rest(&mut self) -> Result<Option<(Bytes, UtcMs)>, FrameError> {
        loop {
            if let Some(frame) = self.whole()? {
                return Ok(Some(frame));
            }
            if !self.read().await? {
                let last = self.codec.decode_eof(&mut self.buffer)?;
                return Ok(last.map(|frame| (frame, self.first_byte_at())));
            }
        }
    }

    /// A frame that is whole in the buffer.
    fn whole(&mut self) -> Result<Option<(Bytes, UtcMs)>, FrameError> {
        let frame = self.codec.decode(&mut self.buffer)?;
        Ok(frame.map(|frame| {
            let began_at = self.first_byte_at();
            self.began_at = self.read_at.filter(|_| !self.buffer.is_empty());
            (frame, began_at)
        }))
    }

    fn first_byte_at(&self) -> UtcMs {
        self.began_at.unwrap_or_else(|| self.clock.now())
    }

    /// Reads more into the buffer; false at the end of the stream.
    async fn read(&mut self) -> Result<bool, FrameError> {
        let fresh = self.buffer.is_empty();
        let more = self.read.read_buf(&mut self.buffer).await? > 0;
        if more {
            self.read_at = Some(self.clock.now());
            if fresh {
                self.began_at = self.read_at;
            }
        }
        Ok(more)
    }
}

pub(super) struct Writer<W> {
    write: W,
    codec: FrameCodec,
    buffer: BytesMut,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(write: W) -> Self {
        Self { write, codec: FrameCodec::for_server(), buffer: BytesMut::new() }
    }

    fn add(&mut self, frame: Bytes) {
        let bytes = frame.len();
        if let Err(error) = self.codec.encode(frame, &mut self.buffer) {
            tracing::error!(bytes, "a frame of ours does not go out: {error}");
        }
    }

    async fn flush(&mut self, patience: Duration) -> Result<(), Farewell> {
        match tokio::time::timeout(patience, self.put()).await {
            Ok(Ok(())) => {
                self.buffer.clear();
                Ok(())
            }
            Ok(Err(_)) => Err(Farewell::Broken),
            Err(_) => Err(Farewell::Slow),
        }
    }

    /// A stream under TLS keeps some back until it is flushed.
    async fn put(&mut self) -> std::io::Result<()> {
        self.write.write_all(&self.buffer).await?;
        self.write.flush().await
    }

    pub(super) async fn last(mut self, message: ServerMessage, patience: Duration) {
        self.add(message.encode());
        // A peer that is gone misses its last word.
        let _ = self.flush(patience).await;
        let _ = self.write.shutdown().await;
    }
}

/// Why nothing more is written to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It does not read what is sent.
    Slow,
    /// The connection is gone.
    Broken,
}

/// Writes replies first, then pushes, and a ping when there was nothing to say for a heartbeat.
pub(super) async fn write_all<W: AsyncWrite + Unpin>(
    mut writer: Writer<W>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    mut subscriptions: mpsc::UnboundedReceiver<Option<mpsc::Receiver<Bytes>>>,
    heartbeat: Duration,
    patience: Duration,
    farewell: oneshot::Sender<Farewell>,
) {
    let mut pushes: Option<mpsc::Receiver<Bytes>> = None;
    loop {
        tokio::select! {
            biased;
            sent = outgoing.recv() => match sent {
                Some(sent) => writer.add(sent.frame),
                None => break,
            },
            Some(receiver) = subscriptions.recv() => pushes = receiver,
            push = next_push(&mut pushes) => match push {
                Some(push) => writer.add(push),
                // A subscription that was replaced or ended closes its channel too.
                None if !subscriptions.is_empty() => continue,
                None => {
                    let text = "pushes piled up unread; connect again for a fresh snapshot".to_owned();
                    writer.add(ServerMessage::from(Dropped { code: Code::SlowReader, text }).encode());
                    let _ = writer.flush(patience).await;
                    let _ = farewell.send(Farewell::Slow);
                    break;
                }
            },
            () = tokio::time::sleep(heartbeat) => {
                writer.add(ServerMessage::from(Ping { id: None }).encode());
            }
        }
        while writer.buffer.len() < WRITE_BYTES {
            match outgoing.try_recv() {
                Ok(sent) => writer.add(sent.frame),
                Err(_) => break,
            }
        }
        if let Err(why) = writer.flush(patience).await {
            // The session's own end comes first when both end.
            let _ = farewell.send(why);
            break;
        }
    }
    let _ = writer.write.shutdown().await;
}

/// `None` when the feed has dropped this reader; never while there is no subscription.
async fn next_push(pushes: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match pushes {
        Some(receiver) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

//! The bytes of a session: frames in, each dated by its first byte; frames out, replies first.

use super::Server;
use crate::domain::UtcMs;
use crate::protocol::{
    CLIENT_FRAME_BYTES_MAX, Code, Deflater, Dropped, FrameCodec, FrameError, Inflater, Ping,
    ServerMessage, Welcome,
};
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
    /// Where the link is compressed.
    packed: Option<Packed>,
}

/// A compressed direction that is read.
struct Packed {
    inflater: Inflater,
    /// As it was read, and not yet taken.
    bytes: BytesMut,
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
            packed: None,
        }
    }

    /// From here on the peer's bytes are compressed, those read already too.
    pub(super) fn inflate(&mut self) {
        // A frame of a client and its length, and no more for any number of bytes.
        let inflater = Inflater::new(CLIENT_FRAME_BYTES_MAX + 4);
        let bytes = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(4_096));
        self.packed = Some(Packed { inflater, bytes });
        self.began_at = None;
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
        if let Some(Packed { inflater, bytes }) = &mut self.packed {
            let before = self.buffer.len();
            inflater.unpack(bytes, &mut self.buffer)?;
            // What is written for a frame may come in parts that stand for nothing yet.
            while self.buffer.len() == before {
                bytes.reserve(1_024);
                if self.read.read_buf(bytes).await? == 0 {
                    return Ok(false);
                }
                self.read_at = Some(self.clock.now());
                inflater.unpack(bytes, &mut self.buffer)?;
            }
        } else {
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
            self.read_at = Some(self.clock.now());
        }
        if fresh {
            self.began_at = self.read_at;
        }
        Ok(true)
    }
}

pub(super) struct Writer<W> {
    write: W,
    codec: FrameCodec,
    buffer: BytesMut,
    /// Where the link is compressed, with what is to be written next.
    packed: Option<(Deflater, BytesMut)>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(write: W) -> Self {
        Self { write, codec: FrameCodec::for_server(), buffer: BytesMut::new(), packed: None }
    }

    fn add(&mut self, frame: Bytes) {
        let bytes = frame.len();
        if let Err(error) = self.codec.encode(frame, &mut self.buffer) {
            tracing::error!(bytes, "a frame of ours does not go out: {error}");
        }
    }

    async fn flush(&mut self, patience: Duration) -> Result<(), Farewell> {
        if let Some((deflater, packed)) = &mut self.packed {
            deflater.pack(&mut self.buffer, packed);
        }
        match tokio::time::timeout(patience, self.put()).await {
            Ok(Ok(())) => {
                self.written().clear();
                Ok(())
            }
            Ok(Err(_)) => Err(Farewell::Broken),
            Err(_) => Err(Farewell::Slow),
        }
    }

    /// A stream under TLS keeps some back until it is flushed.
    async fn put(&mut self) -> std::io::Result<()> {
        let bytes = self.packed.as_ref().map_or(&self.buffer, |(_, packed)| packed);
        self.write.write_all(bytes).await?;
        self.write.flush().await
    }

    fn written(&mut self) -> &mut BytesMut {
        self.packed.as_mut().map_or(&mut self.buffer, |(_, packed)| packed)
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

/// Writes the welcome, then replies first, then pushes, and a ping when there was nothing to say for a heartbeat.
pub(super) async fn write_all<W: AsyncWrite + Unpin>(
    mut writer: Writer<W>,
    welcome: Welcome,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    mut subscriptions: mpsc::UnboundedReceiver<Option<mpsc::Receiver<Bytes>>>,
    heartbeat: Duration,
    patience: Duration,
    farewell: oneshot::Sender<Farewell>,
) {
    let deflate = welcome.deflate;
    writer.add(ServerMessage::from(welcome).encode());
    if let Err(why) = writer.flush(patience).await {
        let _ = farewell.send(why);
        let _ = writer.write.shutdown().await;
        return;
    }
    writer.packed = deflate.then(|| (Deflater::new(), BytesMut::new()));
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

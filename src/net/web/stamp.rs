//! When the first byte of a request was read: her clocks run from there, not from when the request was whole.

use crate::domain::UtcMs;
use crate::service::clock::RoomClock;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// When the first byte since the last request was read; zero: none was.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstByte(Arc<AtomicU64>);

impl FirstByte {
    /// For the request that is whole now; what is read from here on is of the next.
    pub(super) fn take(&self) -> Option<UtcMs> {
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|at| *at != 0).map(UtcMs)
    }

    fn read(&self, at: UtcMs) {
        // The later bytes of a request change nothing.
        let _ = self.0.compare_exchange(0, at.0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// A connection that notes when it is read from.
pub(super) struct Stamped<Io> {
    io: Io,
    first_byte: FirstByte,
    clock: RoomClock,
}

impl<Io> Stamped<Io> {
    pub(super) fn new(io: Io, first_byte: FirstByte, clock: RoomClock) -> Self {
        Self { io, first_byte, clock }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Stamped<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() && buf.filled().len() > before {
            self.first_byte.read(self.clock.now());
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Stamped<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

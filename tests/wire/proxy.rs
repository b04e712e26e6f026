//! Wires that can be cut, and that break by themselves.

use super::kill::Dice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on to a server until it is cut.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, cuts) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut cuts = cuts.clone();
                cuts.borrow_and_update();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // The proxy is dropped with its test.
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, cut }
    }

    /// Cuts every connection that is there now.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

/// A wire that breaks by itself: each connection carries so many bytes, both ways together, and is cut.
pub(crate) struct Flaky {
    pub(crate) address: SocketAddr,
    cuts: Arc<AtomicU64>,
}

impl Flaky {
    /// Draws each connection's bytes from `seed`. They are counted, not timed: the cut falls anywhere in a frame, and
    /// as often between a request that was heard and its answer.
    pub(crate) async fn to(server: SocketAddr, seed: u64, bytes: std::ops::Range<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&cuts);
        tokio::spawn(async move {
            let mut dice = Dice(seed);
            while let Ok((client, _)) = listener.accept().await {
                let left = bytes.start + dice.below(bytes.end - bytes.start);
                let left = Arc::new(AtomicI64::new(i64::try_from(left).unwrap()));
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    let server = TcpStream::connect(server).await.unwrap();
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    let up = carry(from_client, to_server, &left);
                    let down = carry(from_server, to_client, &left);
                    tokio::select! {
                        () = up => {}
                        () = down => {}
                    }
                    counted
                        .fetch_add(u64::from(left.load(Ordering::Relaxed) <= 0), Ordering::Relaxed);
                });
            }
        });
        Self { address, cuts }
    }

    /// How many connections it cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &AtomicI64) {
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let before = left.fetch_sub(i64::try_from(read).unwrap(), Ordering::Relaxed);
        let carried = read.min(usize::try_from(before).unwrap_or(0));
        if to.write_all(&buffer[..carried]).await.is_err() || carried < read {
            return;
        }
    }
}

//! How bytes get to the server and back: plain TCP, or TLS over it.

use super::tls::Tls;
use std::future::Future;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// Makes a new connection whenever one is needed.
pub trait Connect: Send + 'static {
    /// The byte stream of one connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects once. The caller limits the time and does the waiting between attempts.
    ///
    /// # Errors
    /// The server cannot be reached now.
    fn connect(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// Plain TCP; for loopback and for networks that are sealed otherwise.
#[derive(Debug, Clone)]
pub struct Tcp {
    addr: String,
}

impl Tcp {
    /// To `addr`, `host:port`; the name is looked up again for each connection.
    #[must_use]
    pub fn new(addr: impl Into<String>) -> Self {
        Self { addr: addr.into() }
    }
}

impl Connect for Tcp {
    type Io = TcpStream;

    async fn connect(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.addr).await?;
        // A request is one small write that must not wait for the next.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The way to a server: plain, or under TLS.
#[derive(Debug, Clone)]
pub enum Way {
    /// Anybody on the way can read and change what is said.
    Plain(Tcp),
    /// Nobody can, but the two ends.
    Tls(Box<Tls>),
}

impl Connect for Way {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;

    async fn connect(&mut self) -> io::Result<Self::Io> {
        match self {
            Self::Plain(tcp) => tcp.connect().await.map(Either::Left),
            Self::Tls(tls) => tls.connect().await.map(Either::Right),
        }
    }
}

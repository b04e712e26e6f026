//! How a request can fail to bring a reply.

use crate::protocol::{DecodeError, FrameError, Refused, Rejection};
use std::io;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's answer is no. The connection is well.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The server does not want this session: wrong version, token or role.
    #[error("refused: {0}")]
    Refused(#[from] Refused),
    /// The server cannot be reached.
    #[error("cannot reach the server: {0}")]
    Io(#[from] io::Error),
    /// What came is not this protocol.
    #[error("the server does not speak this protocol: {0}")]
    Protocol(String),
    /// The connection was lost with the answer under way, and the request is not one to be sent again by itself.
    #[error("the connection was lost before the answer: {why}")]
    Lost {
        /// How it was lost.
        why: String,
    },
    /// The client has ended: refused on coming back, or shut down.
    #[error("the connection has ended: {why}")]
    Closed {
        /// Why.
        why: String,
    },
    /// The server has another log than the one the request was meant for; it was not sent.
    #[error("the server has another log than the one this was meant for")]
    OtherLog {
        /// The `node` of its welcome.
        node: u64,
    },
    /// The request does not fit a frame; it was not sent.
    #[error("the request is {len} bytes long; at most {max} may be sent")]
    TooLarge {
        /// Its length, bytes.
        len: usize,
        /// The bound, bytes.
        max: usize,
    },
    /// `subscribe` and `unsubscribe` belong to the connection.
    #[error("ask for pushes with Client::pushes, and drop the receiver to end them")]
    UsePushes,
}

impl ClientError {
    /// Whether connecting again may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Io(_) | Self::Lost { .. } => true,
            Self::Refused(refused) => refused.is_passing(),
            _ => false,
        }
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::Io(error),
            FrameError::Truncated { .. } => Self::Io(io::ErrorKind::UnexpectedEof.into()),
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<DecodeError> for ClientError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

//! Frames and messages of the wire; no sockets.

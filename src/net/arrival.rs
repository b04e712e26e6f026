//! A connection until it has said who it is, and a place in the room for it.

use super::certificates::{Papers, stranger};
use super::limits::{Knock, Seat, TooMany};
use super::stream::Frames;
use super::{Server, Shed};
use crate::domain::Callsign;
use crate::protocol::{ClientMessage, Code, FrameError, Hello, Refused, VERSION};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncRead;

/// Reads the hello and checks it. `Err(None)`: the peer left.
pub(super) async fn greet<R: AsyncRead + Unpin>(
    frames: &mut Frames<R>,
    papers: &Papers,
) -> Result<Hello, Option<Refused>> {
    let refuse = |code: Code, text: &str| Err(Some(Refused { code, text: text.to_owned() }));
    let frame = match frames.next().await {
        Ok(Some((frame, _))) => frame,
        Ok(None) => return Err(None),
        Err(error) => return refuse(frame_code(&error), &error.to_string()),
    };
    let hello = match ClientMessage::decode(&frame) {
        Ok(ClientMessage::Hello(hello)) => hello,
        Ok(other) => {
            let text = format!("the first frame is hello, not {}", other.name());
            return refuse(Code::HelloExpected, &text);
        }
        Err(error) => {
            return Err(Some(Refused { code: error.code, text: error.text }));
        }
    };
    if hello.version != VERSION {
        let text = format!("this server speaks version {VERSION}, not {}", hello.version);
        return refuse(Code::WrongVersion, &text);
    }
    if Callsign::new(&hello.who).is_none() {
        return refuse(Code::BadValue, "who: a name of 1 to 96 bytes, or the unit's callsign");
    }
    if let Some(why) = stranger(papers, &hello) {
        return refuse(Code::BadCertificate, why);
    }
    Ok(hello)
}

/// A place in the room, or why there is none. Intake always has one.
pub(super) fn come_in(
    server: &Arc<Server>,
    knock: Knock,
    role: crate::protocol::Role,
) -> Result<Option<Seat>, Refused> {
    let full = server.sessions.load(Ordering::Relaxed) >= server.settings.listen.sessions_max;
    let (shed, text) = match knock.come_in(role) {
        Ok(Some(_)) if full => (Shed::Sessions, "too many sessions"),
        Ok(seat) => return Ok(seat),
        Err(TooMany::Sessions) => (Shed::Sessions, "too many sessions from your address"),
        Err(TooMany::Connections) => (Shed::Connections, "too many connections from your address"),
    };
    server.shed(shed);
    let text = format!("{text}; calls are still taken, come back in a moment");
    Err(Refused { code: Code::Busy, text })
}

/// What a broken stream of frames is called on the wire.
pub(super) fn frame_code(error: &FrameError) -> Code {
    match error {
        FrameError::TooLarge { .. } => Code::TooLarge,
        FrameError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Code::SilentPeer,
        _ => Code::Malformed,
    }
}

//! Text messages from a modem's daemon on this machine, a line each: for what can write a line to a socket and no more.
//!
//! ```text
//!   daemon: id TAB number TAB text      \n, \t and \\ in the text stand for a line's end, a tab, a backslash
//!   room:   taken TAB id TAB call       on the disk
//!           again TAB id TAB call       it was taken before
//!           keep TAB id TAB why         not on any disk yet, or the room stops: say it again
//!           wrong TAB id TAB why        no message
//! ```
//! Answers come in the order of the lines. What a message is, is what it is over HTTP ([`super::web::take_message`]). Off
//! unless `[sms] modem` says where, which is this machine: whoever reaches it is believed.

use super::Server;
use super::connections::Connections;
use super::web::{Message, take_message};
use crate::domain::{Actor, Role, UtcMs};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tracing::{debug, warn};

/// By whose name such calls stand.
const MODEM: &str = "sms modem";
/// Of a longer line the rest is not kept: a note holds less.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// Serves daemons on `connections` until it is dropped.
pub(super) async fn serve(server: Arc<Server>, connections: Connections) {
    loop {
        match connections.next(&server).await {
            Ok((stream, _, place)) => {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    if let Err(error) = converse(&server, stream).await {
                        debug!(%error, "a modem's daemon is gone");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!("a modem's daemon could not be heard: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(server: &Server, mut stream: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = Lines { reader: BufReader::new(reader), read_at: UtcMs(0) };
    while let Some((received_at, line)) = lines.next(|| server.clock.now()).await? {
        let by = Actor::new(MODEM, Role::Intake);
        let said = match read(&line) {
            Err(wrong) => wrong,
            Ok(message) => {
                let id = shown(&message.id);
                match take_message(server, &message, &by, received_at).await {
                    Ok(taken) if !taken.durable => format!("keep\t{id}\ton no disk yet"),
                    Ok(taken) if taken.repeated => format!("again\t{id}\t{}", taken.call),
                    Ok(taken) => format!("taken\t{id}\t{}", taken.call),
                    Err(problem) if problem.status < 500 => {
                        format!("wrong\t{id}\t{}", problem.detail)
                    }
                    Err(problem) => format!("keep\t{id}\t{}", problem.detail),
                }
            }
        };
        writer.write_all(format!("{said}\n").as_bytes()).await?;
    }
    Ok(())
}

/// The lines of a daemon.
struct Lines<R> {
    reader: BufReader<R>,
    /// When what is in its buffer was read.
    read_at: UtcMs,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The next line, as much of it as is kept, and when its first byte was read, however long the lines before it took;
    /// `None` at the end. A line that breaks off before its end is none: the daemon did not say all of it, and says it
    /// again.
    async fn next(&mut self, now: impl Fn() -> UtcMs) -> std::io::Result<Option<(UtcMs, String)>> {
        let (mut line, mut received_at) = (Vec::new(), None);
        loop {
            let is_there = !self.reader.buffer().is_empty();
            let part = self.reader.fill_buf().await?;
            if part.is_empty() {
                return Ok(None);
            }
            if !is_there {
                self.read_at = now();
            }
            let received_at = *received_at.get_or_insert(self.read_at);
            let end = part.iter().position(|byte| *byte == b'\n');
            let room = LINE_BYTES_MAX - line.len();
            line.extend_from_slice(&part[..end.unwrap_or(part.len()).min(room)]);
            let read = end.map_or(part.len(), |end| end + 1);
            self.reader.consume(read);
            if end.is_some() {
                return Ok(Some((received_at, String::from_utf8_lossy(&line).into_owned())));
            }
        }
    }
}

/// The message of a line, or what is answered where there is none.
fn read(line: &str) -> Result<Message, String> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut parts = line.splitn(3, '\t');
    let (id, from, text) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    match (from, text) {
        (Some(from), Some(text)) if !id.is_empty() => {
            let from = Some(from.trim()).filter(|from| !from.is_empty()).map(str::to_owned);
            Ok(Message { id: id.into(), from, text: unescaped(text) })
        }
        _ => Err("wrong\t\ta line is the modem's id of the message, a tab, the number, a tab, and the text".into()),
    }
}

/// As much of an id as is said back.
fn shown(id: &str) -> String {
    id.chars().take(64).filter(|c| !c.is_control()).collect()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('\\') | None => plain.push('\\'),
                Some(other) => plain.extend(['\\', other]),
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_id_a_number_and_a_text() {
        let message = |line: &str| {
            let Message { id, from, text } = read(line).ok()?;
            Some((id, from, text))
        };
        let text = |text: &str| Some(("7".to_owned(), Some("+92300".to_owned()), text.to_owned()));
        assert_eq!(message("7\t+92300\tmadad okara"), text("madad okara"));
        assert_eq!(message("7\t +92300 \tمدد\r"), text("مدد"));
        assert_eq!(message(r"7	+92300	one\ntwo\tthree\\n\x\"), text("one\ntwo\tthree\\n\\x\\"));
        assert_eq!(
            message("7\t+92300\ta\tb"),
            text("a\tb"),
            "what is no tab between is the text's"
        );
        assert_eq!(message("7\t\thelp"), Some(("7".into(), None, "help".into())));
        assert_eq!(message("7\t+92300\t"), text(""), "somebody sent nothing, and sent it");
        for wrong in ["", "madad", "7\tmadad", "\t+92300\tmadad"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(shown(&"a\u{7}".repeat(99)).len(), 32);
    }

    /// What comes in pieces of so many bytes: each line's length, when it was received, by a clock that goes on a
    /// millisecond at each reading.
    async fn lines_of(bytes: &[u8], piece: usize) -> Vec<(u64, usize)> {
        let clock = std::cell::Cell::new(0);
        let now = || UtcMs(clock.replace(clock.get() + 1));
        let mut lines = Lines { reader: BufReader::with_capacity(piece, bytes), read_at: UtcMs(9) };
        let mut all = Vec::new();
        while let Some((at, line)) = lines.next(now).await.unwrap() {
            all.push((at.0, line.len()));
        }
        all
    }

    #[tokio::test]
    async fn a_line_that_never_ends_is_kept_as_far_as_it_goes_and_one_cut_off_is_none() {
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        assert_eq!(lines_of(long.as_bytes(), 100).await, [], "it did not end");
        let text = format!("{long}\nsecond\nthi");
        let lengths: Vec<_> = lines_of(text.as_bytes(), 100).await.iter().map(|it| it.1).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, 6]);
        assert_eq!(lines_of(&[0xff, 0, b'\t', b'\n'], 100).await, [(0, 5)]);
    }

    #[tokio::test]
    async fn a_line_is_received_with_its_first_byte_whatever_comes_before_it() {
        assert_eq!(lines_of(b"1\n22\n333\n", 100).await, [(0, 1), (0, 2), (0, 3)]);
        assert_eq!(lines_of(b"1\n22\n333\n", 4).await, [(0, 1), (0, 2), (1, 3)]);
    }
}

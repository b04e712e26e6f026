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
use crate::domain::{Actor, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
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
    let mut reader = BufReader::new(reader);
    while let Some(line) = next_line(&mut reader).await? {
        let received_at = server.clock.now();
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

/// The next line, as much of it as is kept; `None` at the end. A line that breaks off before its end is none: the daemon
/// did not say all of it, and says it again.
async fn next_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        let part = reader.fill_buf().await?;
        if part.is_empty() {
            return Ok(None);
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let room = LINE_BYTES_MAX - line.len();
        line.extend_from_slice(&part[..end.unwrap_or(part.len()).min(room)]);
        let read = end.map_or(part.len(), |end| end + 1);
        reader.consume(read);
        if end.is_some() {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
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

    #[tokio::test]
    async fn a_line_that_never_ends_is_kept_as_far_as_it_goes_and_one_cut_off_is_none() {
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        let mut all = BufReader::with_capacity(100, long.as_bytes());
        assert_eq!(next_line(&mut all).await.unwrap(), None, "it did not end");
        let text = format!("{long}\nsecond\nthi");
        let mut all = BufReader::with_capacity(100, text.as_bytes());
        assert_eq!(next_line(&mut all).await.unwrap().map(|line| line.len()), Some(LINE_BYTES_MAX));
        assert_eq!(next_line(&mut all).await.unwrap().as_deref(), Some("second"));
        assert_eq!(next_line(&mut all).await.unwrap(), None);
        let mut rubbish = BufReader::new(&[0xff, 0, b'\t', b'\n'][..]);
        assert_eq!(next_line(&mut rubbish).await.unwrap().as_deref(), Some("\u{fffd}\0\t"));
    }
}

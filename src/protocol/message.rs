//! A frame's bytes to a message and back.

use super::scan::{self, Outline};
use super::{
    Code, Dropped, Hello, Key, Ping, Pong, Push, Refused, Rejection, Reply, Request, RequestFrame,
    Snapshot, VERSION, Welcome,
};
use bytes::Bytes;
use rmp_serde::decode::Error as ReadError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Cursor;

/// Longest text of serde's that goes into an error; it may quote what the peer sent.
const QUOTE_CHARS_MAX: usize = 200;

/// Anything a client sends.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// The first frame.
    Hello(Hello),
    /// Everything asked after the welcome.
    Request(RequestFrame),
    /// Heartbeat.
    Ping(Ping),
    /// Answer to the server's heartbeat.
    Pong(Pong),
}

messages! {
    /// Anything a server sends.
    #[serde(tag = "type")]
    pub enum ServerMessage {
        /// See [`Welcome`].
        "welcome" => Welcome,
        /// See [`Refused`].
        "refused" => Refused,
        /// See [`Reply`].
        "reply" => Reply,
        /// See [`Rejection`].
        "rejection" => Rejection,
        /// See [`Push`].
        "push" => Push,
        /// See [`Snapshot`].
        "snapshot" => Snapshot,
        /// See [`Dropped`].
        "dropped" => Dropped,
        /// See [`Ping`].
        "ping" => Ping,
        /// See [`Pong`].
        "pong" => Pong,
    }
}

/// A frame that is no message: what is wrong with it, in the words of a rejection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} ({code})")]
pub struct DecodeError {
    /// Number of the request, if the frame said one: then it can be rejected and the session goes on.
    pub id: Option<u64>,
    /// `malformed`, `unknown_message` or `wrong_version`.
    pub code: Code,
    /// What is wrong and where.
    pub text: String,
    /// The field that is wrong.
    pub field: Option<String>,
}

impl DecodeError {
    /// The answer to send, if the frame said which request it was.
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        self.id.map(|id| Rejection {
            id,
            code: self.code.clone(),
            text: self.text.clone(),
            field: self.field.clone(),
            drill: false,
        })
    }
}

impl ClientMessage {
    /// The `type` of every message of a client that is not a request.
    pub const SESSION_NAMES: &'static [&'static str] = &["hello", "ping", "pong"];

    /// The `type` of this message.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Request(frame) => frame.request.name(),
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
        }
    }

    /// The message as the bytes of a frame, without the length.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Hello(hello) => pack(&Typed::new("hello", hello)),
            Self::Request(frame) => pack(frame),
            Self::Ping(ping) => pack(&Typed::new("ping", ping)),
            Self::Pong(pong) => pack(&Typed::new("pong", pong)),
        }
    }

    /// Reads a frame of a client.
    ///
    /// # Errors
    /// The frame is no message of a client. With an id in it the session can answer and go on; without one it
    /// cannot know what to answer, and ends.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let outline = scan::outline(frame);
        let name = name_of(&outline)?;
        match name {
            "hello" => {
                check_version(&outline)?;
                read_struct(&outline, frame).map(Self::Hello)
            }
            "ping" => read_struct(&outline, frame).map(Self::Ping),
            "pong" => read_struct(&outline, frame).map(Self::Pong),
            _ => {
                let request = read(&outline, frame, |reader| Request::read_as(name, reader))?;
                let key = key_of(&outline)?;
                let id = outline.id.ok_or_else(|| DecodeError {
                    id: None,
                    code: Code::Malformed,
                    text: format!("{name}: a request needs an `id`, a number its answer carries"),
                    field: Some("id".to_owned()),
                })?;
                Ok(Self::Request(RequestFrame { id, key, request }))
            }
        }
    }
}

impl ServerMessage {
    /// The message as the bytes of a frame, without the length.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        pack(self)
    }

    /// Reads a frame of a server.
    ///
    /// # Errors
    /// The frame is no message of a server; `unknown_message` is a newer server's and may be passed over.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let outline = scan::outline(frame);
        let name = name_of(&outline)?;
        read(&outline, frame, |reader| Self::read_as(name, reader))
    }
}

/// A struct with its `type` before its own fields.
#[derive(Serialize)]
struct Typed<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

impl<'a, T> Typed<'a, T> {
    const fn new(r#type: &'static str, fields: &'a T) -> Self {
        Self { r#type, fields }
    }
}

fn pack(message: &impl Serialize) -> Bytes {
    rmp_serde::to_vec_named(message)
        .expect("a wire message has only text names and is written to memory")
        .into()
}

/// Over a cursor rather than the bare slice, because after a failure it tells how far it got.
type Reader<'f> = rmp_serde::Deserializer<rmp_serde::decode::ReadReader<Cursor<&'f [u8]>>>;

fn read_struct<T: DeserializeOwned>(outline: &Outline<'_>, frame: &[u8]) -> Result<T, DecodeError> {
    read(outline, frame, |reader| Some(T::deserialize(reader)))
}

fn read<T>(
    outline: &Outline<'_>,
    frame: &[u8],
    reading: impl FnOnce(&mut Reader<'_>) -> Option<Result<T, ReadError>>,
) -> Result<T, DecodeError> {
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(frame));
    match reading(&mut reader) {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => {
            let position = usize::try_from(reader.position()).unwrap_or(usize::MAX);
            Err(malformed(outline, frame, position, &error))
        }
        None => Err(DecodeError {
            id: outline.id,
            code: Code::UnknownMessage,
            text: format!("there is no message {:?} here", quote(outline.name.unwrap_or_default())),
            field: Some("type".to_owned()),
        }),
    }
}

fn name_of<'a>(outline: &Outline<'a>) -> Result<&'a str, DecodeError> {
    let malformed = |text: String, field: Option<&str>| DecodeError {
        id: outline.id,
        code: Code::Malformed,
        text,
        field: field.map(str::to_owned),
    };
    if let Some(flaw) = outline.flaw {
        let text = format!("not a message: {} (byte {})", flaw.what, flaw.at);
        return Err(malformed(text, None));
    }
    outline.name.ok_or_else(|| malformed("a message needs a `type`".to_owned(), Some("type")))
}

/// Before the fields are read: a hello of another version may have other fields.
fn check_version(outline: &Outline<'_>) -> Result<(), DecodeError> {
    match outline.version {
        Some(version) if version != u64::from(VERSION) => Err(DecodeError {
            id: outline.id,
            code: Code::WrongVersion,
            text: format!(
                "this server speaks version {VERSION} of the protocol, the hello says {version}"
            ),
            field: Some("version".to_owned()),
        }),
        _ => Ok(()),
    }
}

fn key_of(outline: &Outline<'_>) -> Result<Option<Key>, DecodeError> {
    if outline.key_wrong {
        return Err(DecodeError {
            id: outline.id,
            code: Code::Malformed,
            text: "`key` is 16 bytes (MessagePack bin), or is left out".to_owned(),
            field: Some("key".to_owned()),
        });
    }
    Ok(outline.key.map(Key))
}

/// Names the field; quotes at most a word of what the peer sent, never a text.
fn malformed(
    outline: &Outline<'_>,
    frame: &[u8],
    position: usize,
    error: &ReadError,
) -> DecodeError {
    let name = outline.name.unwrap_or_default();
    let said = match error {
        ReadError::TypeMismatch(_) => String::new(),
        ReadError::OutOfRange => "the number does not fit".to_owned(),
        other => quote(&other.to_string()),
    };
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let field = missing.or_else(|| scan::field_before(frame, position));
    let text = match (field, missing) {
        (Some(field), Some(_)) => format!("{name}: `{field}` is missing"),
        (Some(field), None) if said.is_empty() => format!("{name}: `{field}` has the wrong type"),
        (Some(field), None) => format!("{name}: `{field}`: {said}"),
        (None, _) => format!("{name}: {said}"),
    };
    DecodeError { id: outline.id, code: Code::Malformed, field: field.map(str::to_owned), text }
}

fn quote(text: &str) -> String {
    text.chars().take(QUOTE_CHARS_MAX).collect()
}

//! A POST of JSON to a receiver, signed so that it can tell the room from a stranger, under an id
//! by which it knows a repeat. Form of headers and signature: Standard Webhooks 1.0.

use super::{Channel, Letter, Secret, SendError, sign};
use crate::domain::UtcMs;
use std::sync::Arc;
use std::time::Duration;

/// What a receiver's status line and headers may hold; its body is not read.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// One receiver.
pub struct Webhook {
    url: String,
    key: Secret,
    now: Arc<dyn Fn() -> UtcMs + Send + Sync>,
    agent: ureq::Agent,
}

impl Webhook {
    /// A receiver at `url` that knows `key`; one attempt takes at most `limit`. `now` is the wall
    /// clock that goes into the timestamp.
    #[must_use]
    pub fn new(
        url: &str,
        key: Secret,
        limit: Duration,
        now: Arc<dyn Fn() -> UtcMs + Send + Sync>,
    ) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .max_redirects(0)
            .http_status_as_error(false)
            .max_response_header_size(HEAD_BYTES_MAX)
            // What dispatch.toml says is where it goes, whatever the environment says.
            .proxy(None)
            // The body is not read, so the connection cannot serve again.
            .max_idle_connections(0)
            .user_agent("fifteen")
            .build();
        Self { url: url.into(), key, now, agent: config.into() }
    }
}

impl Channel for Webhook {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let id = letter.id();
        let body = serde_json::to_vec(&letter.json()).expect("a JSON value is written as JSON");
        let sent_s = (self.now)().0 / 1_000;
        let response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &sent_s.to_string())
            .header("webhook-signature", &sign::webhook(&self.key, &id, sent_s, &body))
            .send(&body[..]);
        match response {
            Ok(response) => taken(response.status().as_u16()),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// What a receiver's status means.
fn taken(status: u16) -> Result<(), SendError> {
    let text = format!("the receiver answered {status}");
    match status {
        200..=299 => Ok(()),
        // A redirect could lead the notice, and its link, anywhere.
        300..=399 => Err(SendError::gone(format!("{text}; redirects are not followed"))),
        408 | 425 | 429 => Err(SendError::again(text)),
        400..=499 => Err(SendError::gone(text)),
        _ => Err(SendError::again(text)),
    }
}

/// The error in words of our own: ureq's may quote the address or what the receiver wrote.
fn failed(error: &ureq::Error) -> SendError {
    use ureq::Error;
    match error {
        Error::Timeout(_) => SendError::again("no answer within the time limit"),
        Error::HostNotFound => SendError::again("the receiver's name is not found"),
        Error::Io(error) => SendError::again(format!("the connection failed: {}", error.kind())),
        Error::ConnectionFailed => SendError::again("the connection failed"),
        Error::Protocol(_) | Error::LargeResponseHeader(..) => {
            SendError::again("what the receiver answered is no HTTP")
        }
        Error::Tls(_) | Error::Rustls(_) | Error::TlsRequired => {
            SendError::again("the receiver's TLS is not to be trusted")
        }
        Error::BadUri(_) | Error::Http(_) => SendError::gone("the url is none"),
        _ => SendError::again("the request failed"),
    }
}

//! How what came over HTTP is read, and asked of the room.

use super::BODY_BYTES_MAX;
use super::answer::Problem;
use crate::domain::Order;
use crate::engine::{Accepted, State};
use crate::net::{Server, answering, convert};
use crate::protocol::Code;
use axum::body::{Body, Bytes, to_bytes};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// All of a body, in time.
pub(super) async fn whole(server: &Server, body: Body) -> Result<Bytes, Problem> {
    let limit = server.settings.limits.frame_limit;
    let body = tokio::time::timeout(limit, to_bytes(body, BODY_BYTES_MAX)).await;
    let body = body.map_err(|_| {
        Problem::new(408, Code::SilentPeer, "the body did not come in time; send it again")
    })?;
    body.map_err(|_| {
        let text = format!("the body is longer than {BODY_BYTES_MAX} bytes, or broke off");
        Problem::new(413, Code::TooLarge, text)
    })
}

/// What came as a body, which is nothing without the field `needed`. The parser's own words may quote it, and it may
/// be her name.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], needed: &str) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        let (line, column) = (inner.line(), inner.column());
        // Of a field that may be one of a few words the parser says the same as of what is no JSON.
        if serde_json::from_slice::<IgnoredAny>(body).is_err() {
            let text = format!("the body is no JSON: it goes wrong at line {line}, column {column}");
            return Problem::new(400, Code::Malformed, text);
        }
        // Of a field that is missing the path is that of what lacks it.
        match path.as_str() {
            "." => {
                let text = format!("the body is no object with {needed} in it, or {needed} is not of its type");
                Problem::new(400, Code::Malformed, text).of_field(needed)
            }
            _ => {
                let text = format!("{path}: is not of its type (line {line}, column {column}); GET /v1/openapi.json has them all");
                Problem::new(400, Code::BadValue, text).of_field(path)
            }
        }
    })?;
    json.end()
        .map_err(|_| Problem::new(400, Code::Malformed, "something stands behind the object"))?;
    Ok(read)
}

/// Asks `order` of the room and waits until what came of it is on the disk; `tell` makes the answer, of what was
/// accepted and the room as it is then.
pub(super) async fn order<T: Send + 'static>(
    server: &Server,
    order: Order,
    tell: impl FnOnce(&Accepted, Option<&State>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match answering::ask(server, order, tell).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(rejection)) => {
            let rejection = convert::rejection(0, &rejection);
            let status = match rejection.code {
                Code::KeyReused | Code::CallClosed => 409,
                Code::UnknownCall => 404,
                _ => 400,
            };
            Err(Problem::new(status, rejection.code, rejection.text))
        }
        Err(failed) => Err(Problem::new(503, answering::failed_code(&failed), failed.to_string())),
    }
}

/// A whole number, also where it is written with a point.
pub(super) fn whole_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    as_whole(f64::deserialize(deserializer)?)
}

/// The same, where there may be none.
pub(super) fn whole_number_if_any<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    Option::<f64>::deserialize(deserializer)?.map(as_whole).transpose()
}

fn as_whole<T: TryFrom<u64>, E: serde::de::Error>(number: f64) -> Result<T, E> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and not negative; what is too large becomes the largest"
    )]
    let whole = (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let fits = whole.and_then(|whole| T::try_from(whole).ok());
    fits.ok_or_else(|| E::custom("is no whole number that fits"))
}

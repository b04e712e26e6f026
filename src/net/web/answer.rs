//! What is answered over HTTP: JSON when it was done, a problem (RFC 9457) when it was not. Nothing that was sent is
//! quoted in either.

use crate::protocol::Code;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why nothing was done.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::net) struct Problem {
    /// The HTTP status again.
    #[schema(example = 400)]
    pub(in crate::net) status: u16,
    /// Why, for programs: the words of the wire.
    #[schema(value_type = String, example = "malformed")]
    code: Code,
    /// What was wrong, where, and what to do, for people.
    #[schema(example = "kind: is missing or no text")]
    pub(in crate::net) detail: String,
    /// The field that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "kind")]
    field: Option<String>,
}

impl Problem {
    pub(super) fn new(status: u16, code: Code, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None }
    }

    pub(super) fn is(&self, code: &Code) -> bool {
        self.code == *code
    }

    pub(super) fn of_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }
}

/// The status of what was taken: on the disk now, before, or on none yet.
pub(super) fn taken_status(durable: bool, repeated: bool) -> StatusCode {
    match (durable, repeated) {
        (false, _) => StatusCode::ACCEPTED,
        (true, true) => StatusCode::OK,
        (true, false) => StatusCode::CREATED,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"fifteen\", charset=\"UTF-8\""),
            );
        }
        response
    }
}

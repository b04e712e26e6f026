//! The work that a device is asked for in a flood of presses ([`super::flood`]): shown, its press is in front again.

use super::answer::Problem;
use super::sos::{from_the_page, named};
use super::{Visit, asking};
use crate::domain::Command;
use crate::protocol::Code;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a device is asked for: a text that makes the SHA-256 of `salt` and it begin with `bits` zero bits. Until it is
/// shown the press, which is taken and on its clocks, stands behind those that nothing is asked of.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Wanted {
    /// Comes first, as it is written here.
    salt: String,
    /// Zero bits.
    bits: u32,
}

impl Wanted {
    pub(super) fn of((salt, bits): (String, u32)) -> Self {
        Self { salt, bits }
    }
}

/// Work.
#[derive(Deserialize, ToSchema)]
pub(super) struct Work {
    /// Comes after the salt.
    #[schema(max_length = 64)]
    nonce: String,
}

/// The work is done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Worked {
    /// Always true.
    done: bool,
}

/// Takes the work that the answer to a press asked for.
#[utoipa::path(
    post,
    path = "/v1/sos/{id}/work",
    params(("id" = Uuid, Path, description = "The press")),
    request_body = Work,
    responses(
        (status = 200, description = "It is the work; the press is in front again.", body = Worked),
        (status = 400, description = "The body is no work.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "It is not the work that was asked for.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No work is asked for of this press; there is nothing to do.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(visit): State<Visit>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Worked>, Problem> {
    let server = &visit.server;
    let press = named(&id)?;
    let work: Work = asking::read(&asking::whole(server, body).await?, "nonce")?;
    match server.flood.is_done(press, &work.nonce) {
        None => {
            let text = "no work is asked for of this press";
            return Err(Problem::new(404, Code::UnknownCall, text));
        }
        Some(false) => {
            let text = "nonce: the hash of the salt and it does not begin with so many zero bits";
            return Err(Problem::new(403, Code::BadValue, text).of_field("nonce"));
        }
        Some(true) => {}
    }
    let order = from_the_page(Command::VouchPress { press });
    let worked = asking::order(server, order, |_, _| Ok(Json(Worked { done: true }))).await?;
    server.flood.settle(press);
    Ok(worked)
}

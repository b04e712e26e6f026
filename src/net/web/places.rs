//! How safe a place is, as somebody who stands there finds it: three words and a pin, for the map of the room. No login, no
//! name, and no more of the pin than a hundred metres: a rating is of a place, not of her.

use super::answer::Problem;
use super::sos::{as_far_as_it_is, from_the_page, key};
use super::{Visit, asking};
use crate::domain::{Command, Order, Point, Rating};
use crate::protocol::Code;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How safe a place is.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Safety {
    /// One is safe there.
    Safe,
    /// At times, or in company.
    Partly,
    /// One is not.
    Unsafe,
}

/// A rating of a place.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewRating {
    /// Made by the device, once a rating: the same again is the same rating.
    key: Uuid,
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180)]
    lon: f64,
    /// How safe it is there.
    rating: Safety,
    /// A trial: answered, and not kept.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    practice: bool,
}

/// The rating is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rated {
    /// The key was seen before.
    repeated: bool,
}

impl IntoResponse for Rated {
    fn into_response(self) -> Response {
        let status = if self.repeated { StatusCode::OK } else { StatusCode::CREATED };
        (status, Json(self)).into_response()
    }
}

/// Takes how safe a place is. No call waits behind it: there may be too many, and more are refused.
#[utoipa::path(
    post,
    path = "/v1/places",
    request_body = NewRating,
    responses(
        (status = 201, description = "Kept.", body = Rated),
        (status = 200, description = "Kept before under this key.", body = Rated),
        (status = 400, description = "No rating: the body is not JSON, a field is missing, or it is no place on the globe.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for something else.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "More ratings come than are taken. Send it later.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn rate(State(visit): State<Visit>, body: Body) -> Result<Rated, Problem> {
    let now = visit.received_at();
    let server = &visit.server;
    let new: NewRating = asking::read(&asking::whole(server, body).await?, "key")?;
    let point = Point::from_degrees(new.lat, new.lon, 0).ok_or_else(|| {
        Problem::new(400, Code::BadValue, "lat, lon: are no place on the globe").of_field("lat")
    })?;
    if new.practice {
        return Ok(Rated { repeated: false });
    }
    if !server.flood.may_rate(visit.peer.ip(), now) {
        let text = "more ratings come than are taken; send it in an hour";
        return Err(Problem::new(429, Code::Busy, text));
    }
    let rating = match new.rating {
        Safety::Safe => Rating::Safe,
        Safety::Partly => Rating::Partly,
        Safety::Unsafe => Rating::Unsafe,
    };
    let order = from_the_page(Command::RatePlace { point, rating });
    let order = Order { key: Some(key(new.key)), ..order };
    asking::order(server, order, |accepted, _| Ok(Rated { repeated: accepted.repeated })).await
}

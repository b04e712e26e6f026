//! `POST /v1/calls`: takes one call, as `place_call` of the wire does, and answers when it is on the disk.

use super::answer::{Problem, taken_status};
use super::{Visit, asking, who};
use crate::domain::{Actor, Answer, CallId, Rejection, UtcMs};
use crate::engine::Accepted;
use crate::net::{Server, convert};
use crate::protocol::{Code, Key, PlaceCall, Source};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The kind of a call that does not say one: any, so its priority is that of an unknown kind.
pub(super) const KIND: &str = "not said";

/// A call. Only `key` must be there; a field that is not known is ignored.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewCall {
    /// Made by the client, once a call. The same key again gets the same call and makes no other, for 24 hours, also
    /// after a crash of either side: send it until there is an answer.
    key: Uuid,
    /// `phone_line`, `app`, `walk_in`, `partner` or `officer`; absent: `app`.
    #[schema(value_type = Option<String>, example = "app")]
    source: Option<Source>,
    /// The line or trunk it came in on.
    line: Option<String>,
    /// The caller's number. Sealed, as are all fields that say so: encrypted in the log, and each reading is recorded.
    number: Option<String>,
    /// The caller's name. Sealed.
    name: Option<String>,
    /// Where help is wanted. Sealed.
    place: Option<Place>,
    /// The district that answers for the call; absent: by the line, else by the place, else that of `[intake]`.
    district: Option<String>,
    /// What kind of call it is, a word of the room's configuration.
    kind: Option<String>,
    /// 1 (most urgent) to 4; absent: the kind's own.
    #[serde(default, deserialize_with = "asking::whole_number_if_any")]
    #[schema(minimum = 1, maximum = 4)]
    priority: Option<u8>,
    /// What the caller said. Sealed.
    note: Option<String>,
    /// The caller cannot speak.
    #[serde(default)]
    silent: bool,
    /// Ringing back would put the caller in danger.
    #[serde(default)]
    unsafe_to_ring_back: bool,
    /// The line broke before the caller could tell.
    #[serde(default)]
    dropped: bool,
    /// An SOS button was pressed.
    #[serde(default)]
    sos: bool,
    /// A test of the system; nobody is in need.
    #[serde(default)]
    test: bool,
}

/// Where help is wanted: a point, words, or both.
#[derive(Deserialize, ToSchema)]
pub(super) struct Place {
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180)]
    lon: Option<f64>,
    /// Radius around the point in which the caller probably is, whole metres.
    #[serde(default, deserialize_with = "asking::whole_number_if_any")]
    accuracy_m: Option<u32>,
    /// The place in the caller's words.
    words: Option<String>,
}

impl NewCall {
    fn request(self) -> (Key, PlaceCall) {
        let place = self.place.map(|Place { lat, lon, accuracy_m, words }| {
            crate::protocol::Place { lat, lon, accuracy_m, words }
        });
        let call = PlaceCall {
            source: self.source.unwrap_or(Source::App),
            line: self.line,
            number: self.number,
            name: self.name,
            place,
            district: self.district.unwrap_or_default(),
            kind: self.kind.unwrap_or_else(|| KIND.to_owned()),
            priority: self.priority,
            note: self.note,
            silent: self.silent,
            unsafe_to_ring_back: self.unsafe_to_ring_back,
            dropped: self.dropped,
            sos: self.sos,
            test: self.test,
        };
        (Key(*self.key.as_bytes()), call)
    }
}

/// The call is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::net) struct Taken {
    /// Its id, for good.
    #[schema(example = 17)]
    pub(in crate::net) call: u64,
    /// Number of the transition that took it.
    #[schema(example = 40)]
    seq: u64,
    /// The key was seen before: this is the first answer again.
    pub(in crate::net) repeated: bool,
    /// It is on the disk. False: the room's disks take nothing, the call is taken all the same and kept aside; send
    /// it again, under the same key, until this is true.
    pub(in crate::net) durable: bool,
    /// The server is a drill: nothing of this is real.
    drill: bool,
}

impl IntoResponse for Taken {
    fn into_response(self) -> Response {
        (taken_status(self.durable, self.repeated), Json(self)).into_response()
    }
}

/// Takes a call. It is never refused because there are too many.
#[utoipa::path(
    post,
    path = "/v1/calls",
    request_body = NewCall,
    security((), ("name_and_token" = [])),
    responses(
        (status = 201, description = "Taken, and on the disk.", body = Taken),
        (status = 200, description = "Taken before under this key: the same call.", body = Taken),
        (status = 202, description = "Taken, and not on any disk yet: `durable` is false. Send it again.", body = Taken),
        (status = 400, description = "No call: the body is not JSON, or `key` is missing.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Name or token is missing or wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for another call.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed; nothing was taken. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn place(
    State(visit): State<Visit>,
    headers: HeaderMap,
    body: Body,
) -> Result<Taken, Problem> {
    let received_at = visit.received_at();
    let by = who::let_in(&visit.server, &headers, visit.peer.ip()).await?;
    let body = asking::whole(&visit.server, body).await?;
    let (key, call) = asking::read::<NewCall>(&body, "key")?.request();
    take(&visit.server, Some(key), call, &by, received_at).await
}

/// Has the room take a call, and waits until it is on the disk.
pub(super) async fn take(
    server: &Server,
    key: Option<Key>,
    call: PlaceCall,
    by: &Actor,
    received_at: UtcMs,
) -> Result<Taken, Problem> {
    let command = convert::command(&call.into(), by, received_at, &server.settings, |_| None);
    let command = command.map_err(|bad| {
        Problem::new(400, Code::BadValue, format!("{}: {}", bad.field, bad.text))
            .of_field(bad.field)
    })?;
    let order = convert::order(by, key, command.expect("a call to be placed is a command"));
    let drill = server.settings.drill.is_some();
    asking::order(server, order, move |accepted, state| {
        taken(accepted, convert::is_durable(accepted, state), drill)
    })
    .await
}

/// After an erasure no key says for what it was first used, so that the answer may be to something else.
fn taken(accepted: &Accepted, durable: bool, drill: bool) -> Result<Taken, Problem> {
    match accepted.answer {
        Answer::CallPlaced(CallId(call)) => {
            Ok(Taken { call, seq: accepted.seq, repeated: accepted.repeated, durable, drill })
        }
        Answer::Done | Answer::AwaitingSecond | Answer::WrongPin => {
            let rejection = convert::rejection(0, &Rejection::KeyReused);
            Err(Problem::new(409, rejection.code, rejection.text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[test]
    fn a_key_first_used_for_something_else_is_refused_and_nothing_panics() {
        for answer in [Answer::Done, Answer::AwaitingSecond, Answer::WrongPin] {
            let accepted = Accepted { answer, repeated: true, seq: 7 };
            let problem = taken(&accepted, true, false).unwrap_err();
            assert_eq!(problem.into_response().status(), StatusCode::CONFLICT);
        }
        let accepted = Accepted { answer: Answer::CallPlaced(CallId(9)), repeated: true, seq: 7 };
        assert_eq!(taken(&accepted, true, false).unwrap().call, 9);
    }
}

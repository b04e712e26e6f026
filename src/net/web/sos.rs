//! The SOS page's own requests: a press, at once or by a safety timer, the trail after it, taking it back, and hearing how far help has come.
//!
//! Nobody logs in. The UUID her device made for its press is what it shows afterwards: known to it and to the room.
//! A press is taken whatever else is wrong with it, and a practice never reaches the room.

use super::answer::{Problem, taken_status};
use super::work::Wanted;
use super::{Visit, asking};
use crate::domain::{
    Actor, Answer, Command, Fix, Flags, Key, NewCall, Order, PinProof, Place, Point, Press,
    Priority, Role, Sealed, Source, UtcMs,
};
use crate::net::pressed::PressState;
use crate::net::{convert, session};
use crate::protocol::Code;
use crate::service::Asked;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use utoipa::ToSchema;
use uuid::Uuid;

/// By whose name such calls stand.
const PAGE: &str = "sos page";
/// The line they come in on.
const LINE: &str = "sos";
/// Their kind.
const KIND: &str = "sos";
/// The kind of those that a safety timer made.
const TIMER_KIND: &str = "safety_timer";
/// Positions taken of one request; the device sends the others with the next.
const FIXES_MAX: usize = 64;
/// A link that says nothing for longer is taken for dead by what lies between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A press. Only `key` must be there; what is no position or no proof is left out, and the press taken.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewPress {
    /// Made by the device, once a press, and kept to itself: it is the right to follow the press up. The same key again
    /// gets the same call: send it until there is an answer.
    key: Uuid,
    /// A number the device made for itself, once: a press while its call is open joins that call.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    device: Option<Uuid>,
    /// Where she is, if it is known yet. Sealed.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    place: Option<Spot>,
    /// Her number. Sealed.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    number: Option<String>,
    /// Her name. Sealed.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    name: Option<String>,
    /// SHA-256, in 64 hex digits, over the device's secret and the PIN that takes the press back.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    cancel: Option<String>,
    /// The same of the PIN for when she is made to take it back.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    duress: Option<String>,
    /// Nothing may ring or sound: she cannot speak.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    silent: bool,
    /// A safety timer: the press happens by itself after so many seconds, at most half a day, unless it is taken back
    /// before. What is left when it is sent again; the first that was taken stands.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    after_s: Option<u32>,
    /// A trial: answered and stamped, and never put before the room.
    #[serde(default, deserialize_with = "as_far_as_it_is")]
    practice: bool,
}

/// What is of another type is left out, and the press taken.
pub(super) fn as_far_as_it_is<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Ok(T::deserialize(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A position.
#[derive(Deserialize, ToSchema)]
pub(super) struct Spot {
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180)]
    lon: f64,
    /// Radius in which the device probably is, metres.
    #[serde(default)]
    accuracy_m: f64,
}

impl Spot {
    fn point(&self) -> Option<Point> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float is cut to what an integer holds, and a radius is no exact thing"
        )]
        let accuracy_m = self.accuracy_m as u32;
        Point::from_degrees(self.lat, self.lon, accuracy_m)
    }
}

/// The press is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pressed {
    /// What the press is called from here on: its key.
    id: Uuid,
    /// The key was seen before: this is the first answer again.
    repeated: bool,
    /// It is on the disk. False: send it again until this is true.
    durable: bool,
    /// It was a trial: nobody was told, and nobody comes.
    practice: bool,
    /// The server is a drill: nothing of this is real.
    drill: bool,
    /// More presses come than is usual: work is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<Wanted>,
}

impl IntoResponse for Pressed {
    fn into_response(self) -> Response {
        (taken_status(self.durable, self.repeated), Json(self)).into_response()
    }
}

/// Takes a press of the SOS button. It is never refused because there are too many.
#[utoipa::path(
    post,
    path = "/v1/sos",
    request_body = NewPress,
    responses(
        (status = 201, description = "Taken, and on the disk; or a practice.", body = Pressed),
        (status = 200, description = "Taken before under this key.", body = Pressed),
        (status = 202, description = "Taken, and not on any disk yet: `durable` is false. Send it again.", body = Pressed),
        (status = 400, description = "No press: the body is not JSON, or `key` is missing.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for something else.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed; nothing was taken. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn press(State(visit): State<Visit>, body: Body) -> Result<Pressed, Problem> {
    let received_at = visit.received_at();
    let server = &visit.server;
    let pressed: NewPress = asking::read(&asking::whole(server, body).await?, "key")?;
    let (id, drill) = (pressed.key, server.settings.drill.is_some());
    if pressed.practice {
        let work = None;
        return Ok(Pressed { id, repeated: false, durable: true, practice: true, drill, work });
    }
    let district = |point| server.settings.intake.district_of(Some(LINE), point).into();
    let after_ms = pressed.after_s.map(|after_s| u64::from(after_s) * 1_000);
    let call = Box::new(pressed.call(district));
    let device = call.sealed.press.as_ref().and_then(|press| press.device);
    let point = call.sealed.place.as_ref().and_then(|place| place.point);
    let command = match after_ms {
        Some(after_ms) => Command::SetSafetyTimer { received_at, after_ms, call },
        None => Command::PlaceCall { received_at, call },
    };
    let order = Order { key: Some(key(id)), ..from_the_page(command) };
    let order = asking::order(server, order, move |accepted, state| match accepted.answer {
        Answer::CallPlaced(made) => {
            let (repeated, durable) = (accepted.repeated, convert::is_durable(accepted, state));
            // One that joins the open call of its device is one press more of a woman in danger.
            let joined = state.and_then(|state| state.call(made)).is_some_and(|call| {
                call.history.first().is_some_and(|first| *first != accepted.seq)
            });
            let pressed = Pressed { id, repeated, durable, practice: false, drill, work: None };
            Ok((pressed, !repeated && !joined))
        }
        _ => Err(Problem::new(409, Code::KeyReused, "this key was used for something else")),
    });
    let (taken, new) = order.await?;
    let press = key(id);
    if new
        && let Some(behind) = server.flood.judge(press, device, visit.peer.ip(), point, received_at)
    {
        let priority = server.settings.limits.presses.priority;
        let command = Command::DemotePress { press, priority, reason: behind.why().into() };
        // Where it fails the press stands where it did.
        let _ = asking::order(server, from_the_page(command), |_, _| Ok(())).await;
    }
    Ok(Pressed { work: server.flood.asked(press).map(Wanted::of), ..taken })
}

impl NewPress {
    fn call(self, district: impl FnOnce(Option<Point>) -> Box<str>) -> NewCall {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Into::into);
        let point = self.place.and_then(|spot| spot.point());
        let press = Press {
            device: self.device.map(key),
            cancel: self.cancel.as_deref().and_then(proof),
            duress: self.duress.as_deref().and_then(proof),
        };
        NewCall {
            source: Source::App,
            line: Some(LINE.into()),
            district: district(point),
            kind: if self.after_s.is_some() { TIMER_KIND } else { KIND }.into(),
            priority: Priority::MOST_URGENT,
            flags: Flags {
                sos: true,
                silent: self.silent,
                unsafe_to_ring_back: self.silent,
                ..Flags::default()
            },
            sealed: Sealed {
                number: text(self.number),
                name: text(self.name),
                place: point.map(|point| Place { point: Some(point), words: None }),
                note: None,
                press: Some(Box::new(press)),
            },
        }
    }
}

pub(super) fn key(id: Uuid) -> Key {
    Key(*id.as_bytes())
}

/// 64 hex digits.
fn proof(hex: &str) -> Option<PinProof> {
    let mut bytes = [0; 32];
    (hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())?;
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[place..place + 2], 16).ok()?;
    }
    Some(PinProof(bytes))
}

pub(super) fn from_the_page(command: Command) -> Order {
    Order { by: Actor::new(PAGE, Role::Intake), key: None, command }
}

/// Where she was since.
#[derive(Deserialize, ToSchema)]
pub(super) struct Trail {
    /// Positions, oldest first; of one request the first 64 are taken.
    fixes: Vec<NewFix>,
}

/// A position of the trail.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewFix {
    /// The device's own count of them, rising over all its presses: one that was sent before is known by it.
    #[serde(deserialize_with = "asking::whole_number")]
    n: u32,
    /// How long ago the device was there, milliseconds.
    #[serde(default, deserialize_with = "asking::whole_number")]
    age_ms: u64,
    #[serde(flatten)]
    spot: Spot,
}

/// The trail is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Followed {
    /// Up to this number; the others are to be sent.
    upto: u32,
}

/// Takes positions after a press.
#[utoipa::path(
    post,
    path = "/v1/sos/{id}/trail",
    params(("id" = Uuid, Path, description = "The press")),
    request_body = Trail,
    responses(
        (status = 200, description = "Taken, and on the disk.", body = Followed),
        (status = 400, description = "The body is no trail.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such press is known.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its call is closed.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn trail(
    State(visit): State<Visit>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Followed>, Problem> {
    let received_at = visit.received_at();
    let server = &visit.server;
    let press = named(&id)?;
    let trail: Trail = asking::read(&asking::whole(server, body).await?, "fixes")?;
    let taken = trail.fixes.iter().take(FIXES_MAX);
    let upto = taken.clone().map(|fix| fix.n).max().unwrap_or(0);
    let fixes = taken.filter_map(|fix| {
        let taken_at = UtcMs(received_at.since(UtcMs(fix.age_ms)));
        Some(Fix { n: fix.n, point: fix.spot.point()?, taken_at })
    });
    let command = Command::FollowCaller { press, fixes: fixes.collect() };
    asking::order(server, from_the_page(command), move |_, _| Ok(Json(Followed { upto }))).await
}

/// A PIN.
#[derive(Deserialize, ToSchema)]
pub(super) struct Pin {
    /// SHA-256, in 64 hex digits, over the device's secret and the PIN.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    proof: String,
}

/// The press is taken back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenBack {
    state: PressState,
}

/// Takes a press back. Of which of its two PINs the proof is, no answer shows.
#[utoipa::path(
    post,
    path = "/v1/sos/{id}/cancel",
    params(("id" = Uuid, Path, description = "The press")),
    request_body = Pin,
    responses(
        (status = 200, description = "Taken back.", body = TakenBack),
        (status = 400, description = "The body is no PIN's proof.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The PIN is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such press is known.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Its call is closed.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server stops, or its log failed. Send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(visit): State<Visit>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<TakenBack>, Problem> {
    let server = &visit.server;
    let press = named(&id)?;
    let pin: Pin = asking::read(&asking::whole(server, body).await?, "proof")?;
    let proof = proof(&pin.proof).ok_or_else(|| {
        Problem::new(400, Code::BadValue, "proof: is not 64 hex digits").of_field("proof")
    })?;
    let order = from_the_page(Command::CancelPress { press, proof });
    asking::order(server, order, |accepted, _| match accepted.answer {
        Answer::WrongPin => {
            Err(Problem::new(403, Code::BadToken, "this PIN is not the one; try again"))
        }
        _ => Ok(Json(TakenBack { state: PressState::Cancelled })),
    })
    .await
}

pub(super) fn named(id: &str) -> Result<Key, Problem> {
    let id = Uuid::try_parse(id)
        .map_err(|_| Problem::new(404, Code::UnknownCall, "no SOS is known here by this id"))?;
    Ok(key(id))
}

/// What a page hears.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Heard {
    state: PressState,
}

/// How far help has come, now and at each change.
#[utoipa::path(
    get,
    path = "/v1/sos/{id}/events",
    params(("id" = Uuid, Path, description = "The press")),
    responses(
        (status = 200, description = "Server-sent events, each with an object as its data.", body = Heard, content_type = "text/event-stream"),
        (status = 404, description = "No such press is known.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Calls come first just now, or the server stops. Ask again.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(
    State(visit): State<Visit>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    // What comes next on this connection is another request.
    let _ = visit.received_at();
    let press = named(&id)?;
    let (sender, receiver) = oneshot::channel();
    let asked = visit.server.handle.ask(move |room| {
        let listening = room.ok().map(|room| {
            let pressed = room.engine.state().pressed(&press);
            pressed.map(|pressed| room.feed.presses.listen(pressed))
        });
        // Whoever hung up listens to nothing.
        let _ = sender.send(listening);
    });
    if asked == Asked::Shed {
        return Err(Problem::new(
            503,
            Code::Busy,
            "calls come first just now; ask again in a moment",
        ));
    }
    let listening = receiver
        .await
        .ok()
        .flatten()
        .ok_or_else(|| Problem::new(503, Code::ShuttingDown, "the server stops; ask again"))?;
    let mut states = listening
        .ok_or_else(|| Problem::new(404, Code::UnknownCall, "no SOS is known here by this id"))?;
    states.mark_changed();
    let stopping = visit.server.stopping.clone();
    let stream = unfold((states, stopping), next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

type Listening = (watch::Receiver<PressState>, watch::Receiver<bool>);

async fn next(
    (mut states, mut stopping): Listening,
) -> Option<(Result<Event, Infallible>, Listening)> {
    tokio::select! {
        changed = states.changed() => changed.ok()?,
        () = session::stopped(&mut stopping) => return None,
    }
    let state = *states.borrow_and_update();
    let event = Event::default().json_data(Heard { state }).ok()?;
    Some((Ok(event), (states, stopping)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_64_hex_digits_or_none() {
        assert_eq!(proof(&"0F".repeat(32)), Some(PinProof([15; 32])));
        for wrong in ["", "0f", &"0g".repeat(32), &"0".repeat(63), &"\u{0627}".repeat(32)] {
            assert_eq!(proof(wrong), None, "{wrong}");
        }
        assert_eq!(proof(&"+f".repeat(32)), None, "a sign is no digit");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text: &str| {
            asking::read::<NewFix>(text.as_bytes(), "n").map(|fix| (fix.n, fix.age_ms))
        };
        let of =
            |n: &str, age: &str| read(&format!(r#"{{"n":{n},"age_ms":{age},"lat":31,"lon":74}}"#));
        assert_eq!(of("7.0", "9e3").unwrap(), (7, 9_000));
        assert_eq!(of("4294967295", "0").unwrap().0, u32::MAX);
        for wrong in ["4294967296", "-1", "0.5", "\"7\"", "1e300"] {
            assert!(of(wrong, "0").is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_position_is_left_out_of_a_press_that_is_taken() {
        let text = r#"{"key":"00000000-0000-4000-8000-000000000001","place":{"lat":91,"lon":0,"accuracy_m":-3},"cancel":"zz","device":"","number":7,"silent":"yes"}"#;
        let press: NewPress = asking::read(text.as_bytes(), "key").unwrap();
        let call = press.call(|point| if point.is_none() { "Lahore".into() } else { "".into() });
        assert_eq!((call.sealed.place, &*call.district), (None, "Lahore"));
        assert_eq!(*call.sealed.press.unwrap(), Press::default());
        assert_eq!((call.sealed.number, call.flags.silent), (None, false));
        assert_eq!(call.priority, Priority::MOST_URGENT);
    }
}

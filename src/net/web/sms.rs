//! `POST /v1/sms`: a text message, from whatever gateway. Each is a call; what its words say of kind, place and district
//! is read by [`crate::sms`], and the whole of it is the call's first note.

use super::answer::Problem;
use super::calls::{KIND, Taken, take};
use super::{Visit, asking, who};
use crate::config::SmsSettings;
use crate::domain::bounds::{NOTE_BYTES_MAX, cut};
use crate::domain::{Actor, Point, UtcMs};
use crate::net::Server;
use crate::protocol::{Code, Key, Place, PlaceCall, Source};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use std::collections::BTreeMap;

/// The line such calls come in on.
const LINE: &str = "sms";
/// Messages that a gateway may give one id within the time keys are kept; from the next on a repeat is a call of its own.
const SAME_ID_MAX: u8 = 16;
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Takes a text message as a call. The names of its fields are those of `[sms]` in dispatch.toml; others are ignored.
#[utoipa::path(
    post,
    path = "/v1/sms",
    request_body(
        description = "An object, or a form, with the message, the gateway's own id of it, and the number it is from.",
        content(
            (BTreeMap<String, String> = "application/json", example = json!({"id": "SM1", "from": "+923005550123", "text": "madad okara mein"})),
            (BTreeMap<String, String> = "application/x-www-form-urlencoded", example = "id=SM1&from=%2B923005550123&text=madad"),
        )
    ),
    security((), ("name_and_token" = [])),
    responses(
        (status = 201, description = "Taken, and on the disk.", body = Taken),
        (status = 200, description = "The same message under the same id was taken before: the same call.", body = Taken),
        (status = 202, description = "Taken, and not on any disk yet: `durable` is false. Send it again.", body = Taken),
        (status = 400, description = "No message: neither object nor form, or a field is missing.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Name or token is missing or wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time.", body = Problem, content_type = "application/problem+json"),
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
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(FORM));
    let message = Message::read(&visit.server.settings.sms, &body, is_form)?;
    take_message(&visit.server, &message, &by, received_at).await
}

/// Has the room take a message as a call, whoever handed it over.
pub(in crate::net) async fn take_message(
    server: &Server,
    message: &Message,
    by: &Actor,
    received_at: UtcMs,
) -> Result<Taken, Problem> {
    let settings = &server.settings;
    // No more of it is kept as a note, and reading takes the network's time.
    let said = settings.sms.meanings.read(cut(&message.text, NOTE_BYTES_MAX).0);
    let at = said.point.and_then(|(lat, lon)| Point::from_degrees(lat, lon, 0));
    // Where she stands says more than what she names.
    let district = at.and_then(|at| settings.intake.district_at(at)).or(said.district);
    let place = Place {
        lat: said.point.map(|(lat, _)| lat),
        lon: said.point.map(|(_, lon)| lon),
        accuracy_m: said.accuracy_m,
        words: said.place,
    };
    let call = PlaceCall {
        line: Some(LINE.into()),
        number: message.from.clone(),
        place: (place != Place::default()).then_some(place),
        note: Some(message.text.clone()),
        ..PlaceCall::new(Source::App, district.unwrap_or_default(), said.kind.unwrap_or(KIND))
    };
    for nth in 0..SAME_ID_MAX {
        let key = message.key(&by.who, nth);
        match take(server, Some(key), call.clone(), by, received_at).await {
            // Another message had this id: a gateway that counts anew.
            Err(problem) if problem.is(&Code::KeyReused) => {}
            other => return other,
        }
    }
    take(server, None, call, by, received_at).await
}

/// A message as a gateway hands it over.
pub(in crate::net) struct Message {
    /// Whose number it is from.
    pub(in crate::net) from: Option<String>,
    /// Its words.
    pub(in crate::net) text: String,
    /// What whoever hands it over calls it: the same again is the same message.
    pub(in crate::net) id: String,
}

impl Message {
    fn read(names: &SmsSettings, body: &[u8], is_form: bool) -> Result<Self, Problem> {
        let mut fields = if is_form { form(body) } else { object(body)? };
        let mut needed = |name: &str| {
            fields.remove(name).ok_or_else(|| {
                let text = format!("{name}: is missing; [sms] in dispatch.toml names the fields");
                Problem::new(400, Code::BadValue, text).of_field(name)
            })
        };
        let (text, id) = (needed(&names.text)?, needed(&names.id)?);
        Ok(Self { from: fields.remove(&names.from), text, id })
    }

    /// The key of the `nth` message that `gateway` gave this id. Nothing of her is in it: keys stand in the log in the
    /// clear, and a hash of a number and a few words is as good as they are.
    fn key(&self, gateway: &str, nth: u8) -> Key {
        let mut hash = blake3::Hasher::new_derive_key("fifteen 2026 key of a text message");
        hash.update(&[nth]).update(&(gateway.len() as u64).to_be_bytes());
        hash.update(gateway.as_bytes()).update(self.id.as_bytes());
        let mut key = [0; 16];
        hash.finalize_xof().fill(&mut key);
        Key(key)
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// The texts and numbers of a JSON object. The parser's own words may quote it.
fn object(body: &[u8]) -> Result<BTreeMap<String, String>, Problem> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        let text = "the body is no JSON object, and Content-Type does not say that it is a form";
        return Err(Problem::new(400, Code::Malformed, text));
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}

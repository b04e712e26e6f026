//! The description of this interface for programs (OpenAPI), made from the code that serves it.

use super::{answer, calls, places, sms, sos, work};
use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "fifteen",
        description = "Calls for help over HTTP. Every request goes to where [web] of dispatch.toml listens.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(calls::place, sms::place, sos::press, sos::trail, sos::cancel, sos::events, work::show, places::rate, show),
    components(schemas(calls::NewCall, calls::Place, calls::Taken, answer::Problem)),
    modifiers(&Security),
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let basic = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("A name and its token, made by `fifteen user token NAME`. Not asked for where the room keeps no people."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("name_and_token", SecurityScheme::Http(basic));
    }
}

/// The OpenAPI document.
#[must_use]
pub fn document() -> Document {
    Api::openapi()
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(super) async fn show() -> Json<Document> {
    Json(document())
}

//! The SOS page itself: four small files that live in the program. Its script may talk to the room and to nobody else.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::Write as _;
use std::sync::LazyLock;

const HTML: &str = include_str!("sos.html");

/// What the page may do, and its bytes, packed once.
static PAGE: LazyLock<(HeaderValue, Vec<u8>)> = LazyLock::new(|| {
    let hash = |open: &str, close: &str| {
        let (_, from) = HTML.split_once(open).expect("the page has a script and a style");
        let (text, _) = from.split_once(close).expect("which end");
        STANDARD.encode(Sha256::digest(text))
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src 'self'; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("<script>", "</script>"),
        hash("<style>", "</style>"),
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(HTML.as_bytes()).expect(ROOM);
    let policy = HeaderValue::from_str(&policy).expect("base64 and words stand in a header");
    (policy, packed.finish().expect(ROOM))
});

const ROOM: &str = "a Vec takes every byte";

/// The page's rooms.
pub(super) fn rooms<S: Clone + Send + Sync + 'static>() -> Router<S> {
    const SVG: &str = "image/svg+xml";
    const MANIFEST: &str = "application/manifest+json";
    Router::new()
        .route("/", get(page))
        .route("/sw.js", get(|| file("text/javascript", include_str!("sw.js"))))
        .route("/icon.svg", get(|| file(SVG, include_str!("icon.svg"))))
        .route(
            "/manifest.webmanifest",
            get(|| file(MANIFEST, include_str!("manifest.webmanifest"))),
        )
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    (common(kind), text).into_response()
}

async fn page(headers: HeaderMap) -> Response {
    let (policy, packed) = &*PAGE;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip = accepts.is_some_and(|text| text.contains("gzip"));
    let mut response = if takes_gzip {
        ([(header::CONTENT_ENCODING, "gzip")], packed.as_slice()).into_response()
    } else {
        HTML.into_response()
    };
    let more = [(header::CONTENT_SECURITY_POLICY, policy.clone())];
    let headers = response.headers_mut();
    headers.extend(common("text/html; charset=utf-8").into_iter().map(fixed).chain(more));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

type Header = (HeaderName, &'static str);

fn fixed((name, value): Header) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}

fn common(kind: &'static str) -> [Header; 4] {
    [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_stands_alone() {
        let (policy, packed) = &*PAGE;
        assert!(HTML.len() + include_str!("sw.js").len() < 60_000, "{}", HTML.len());
        assert!(packed.len() < HTML.len() / 2, "{}", packed.len());
        assert!(policy.to_str().unwrap().contains("script-src 'sha256-"));
        for foreign in ["src=\"http", "href=\"http", "@import", "url("] {
            assert!(!HTML.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn every_text_of_the_page_is_in_each_language() {
        let (_, words) = HTML.split_once("const WORDS={").unwrap();
        let (words, _) = words.split_once("const PHONE").unwrap();
        let languages: Vec<&str> =
            words.split("\n").filter(|line| !line.trim().is_empty()).collect();
        let names = |lines: &[&str]| -> Vec<String> {
            let text = lines.concat();
            let mut names: Vec<_> = text
                .split([',', '{'])
                .filter_map(|part| part.split_once(":'").or_else(|| part.split_once(":[")))
                .map(|(name, _)| name.to_owned())
                .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
                .collect();
            names.sort();
            names
        };
        assert_eq!(languages.len(), 6, "two lines a language");
        let english = names(&languages[0..2]);
        assert!(english.len() > 30, "{english:?}");
        assert_eq!(english, names(&languages[2..4]));
        assert_eq!(english, names(&languages[4..6]));
        for shown in HTML.split("data-t=\"").skip(1) {
            let name = shown.split('"').next().unwrap().to_owned();
            assert!(english.contains(&name), "{name}");
        }
    }
}

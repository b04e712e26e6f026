//! Who calls over HTTP: name and token by HTTP Basic (RFC 7617), which every exchange and gateway can send, let in by
//! the people file like any other intake.

use super::answer::Problem;
use crate::domain::Actor;
use crate::net::{Server, convert, people};
use crate::protocol::{Code, Hello, Role};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;
use std::sync::Arc;

/// By whose name calls stand that were taken where no people are kept and nobody said who they are.
const NOBODY: &str = "http";

const WHO: &str = "say who you are: Authorization: Basic, then base64 of NAME:TOKEN; `fifteen user token NAME` makes a token";

/// Whoever sent these headers, as intake.
pub(super) async fn let_in(
    server: &Arc<Server>,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Actor, Problem> {
    let said = headers.get(AUTHORIZATION).map(|value| basic(value.as_bytes()));
    let (who, token) = match said {
        Some(Some((who, token))) => (who, Some(token)),
        None if server.people.is_none() => (NOBODY.to_owned(), None),
        None | Some(None) => return Err(Problem::new(401, Code::BadToken, WHO)),
    };
    let mut hello = Hello { token, ..Hello::new(Role::Intake, &who) };
    people::let_in(server, &mut hello, peer).await.map_err(|refused| {
        let status = if refused.code == Code::BadToken { 401 } else { 503 };
        Problem::new(status, refused.code, refused.text)
    })?;
    Ok(Actor::new(&who, convert::role(Role::Intake)))
}

fn basic(value: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_at_checked(6)?;
    scheme.eq_ignore_ascii_case(b"basic ").then_some(())?;
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let (who, token) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    crate::people::check_name(who).ok()?;
    Some((who.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_token_or_nothing() {
        let said = |name_and_token: &str| format!("Basic {}", STANDARD.encode(name_and_token));
        let read = |value: &str| basic(value.as_bytes());
        let of = |who: &str, token: &str| Some((who.to_owned(), token.to_owned()));
        assert_eq!(read(&said("gateway:abc")), of("gateway", "abc"));
        assert_eq!(read(&said("gateway:a:b")), of("gateway", "a:b"));
        assert_eq!(
            read("bAsIc  Zzp0 "),
            of("g", "t"),
            "RFC 7235: the scheme's case does not count"
        );
        for wrong in ["", "Basic", "Basic !", "Basic YWJj", "Bearer Zzp0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&said(":abc")), None);
        assert_eq!(read(&said(" x:abc")), None);
    }
}

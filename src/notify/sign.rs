//! Signatures: HMAC-SHA256 (RFC 2104, FIPS 180-4) over webhooks and over links, always checked in
//! constant time. Each use signs a text that begins differently, so that one never passes for the
//! other though the key is the same.

use super::roster::{Roster, Secret};
use crate::domain::UtcMs;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// How old, or how far ahead, a webhook's timestamp may be for its receiver, in seconds.
pub const REPLAY_WINDOW_S: u64 = 300;

/// Bytes of a link's signature: half of SHA-256, the least RFC 2104 (5) advises, so that a link
/// fits an SMS.
const LINK_TAG_BYTES: usize = 16;

fn mac(key: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.bytes()).expect("HMAC takes a key of any length")
}

/// The value of `webhook-signature` for a body sent under `id` at `sent_s` (seconds since 1970):
/// `v1,` and base64, as of the Standard Webhooks specification 1.0.
#[must_use]
pub fn webhook(key: &Secret, id: &str, sent_s: u64, body: &[u8]) -> String {
    let mut mac = mac(key);
    mac.update(format!("{id}.{sent_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Whether a received webhook is the room's own and fresh: what its receiver has to check.
/// `signatures` is the header, one or more of them, blank between.
#[must_use]
pub fn webhook_holds(
    key: &Secret,
    id: &str,
    sent_s: u64,
    body: &[u8],
    signatures: &str,
    now_s: u64,
) -> bool {
    if now_s.abs_diff(sent_s) > REPLAY_WINDOW_S {
        return false;
    }
    let signatures = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let mut decoded = signatures.filter_map(|encoded| STANDARD.decode(encoded).ok());
    decoded.any(|signature| {
        let mut mac = mac(key);
        mac.update(format!("{id}.{sent_s}.").as_bytes());
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    })
}

fn link_mac(key: &Secret, escalation: u64, person: &str, expires_s: u64) -> Hmac<Sha256> {
    let mut mac = mac(key);
    // The person comes last: whatever the name holds cannot pass for another number.
    mac.update(format!("take.{escalation}.{expires_s}.{person}").as_bytes());
    mac
}

/// What a link to take `escalation` ends in: `ESCALATION-EXPIRY-SIGNATURE`, the last two in hex,
/// the expiry in seconds since 1970. The person is signed and not written: a link that is passed
/// on, or logged by a proxy, names nobody.
#[must_use]
pub fn token(key: &Secret, escalation: u64, person: &str, expires_at: UtcMs) -> String {
    let expires_s = expires_at.0 / 1_000;
    let tag = link_mac(key, escalation, person, expires_s).finalize().into_bytes();
    let mut token = format!("{escalation}-{expires_s:x}-");
    for byte in &tag[..LINK_TAG_BYTES] {
        write!(token, "{byte:02x}").expect("a string takes what is written");
    }
    token
}

/// A link that holds: who takes what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The escalation.
    pub escalation: u64,
    /// The person it was sent to.
    pub person: Box<str>,
}

/// Why a link does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Not a link of this room, or of somebody no longer on the roster.
    #[error("this link is not one of this room's")]
    Unknown,
    /// Its time is over.
    #[error("this link's time is over")]
    Expired,
}

/// Who may take what by `token`, checked against everybody on the roster.
///
/// # Errors
/// [`BadLink`], for whoever opened it.
pub fn open(roster: &Roster, token: &str, now: UtcMs) -> Result<Take, BadLink> {
    let key = roster.secret.as_ref().ok_or(BadLink::Unknown)?;
    let (escalation, expires_s, tag) = parse(token).ok_or(BadLink::Unknown)?;
    let signed =
        |name: &str| link_mac(key, escalation, name, expires_s).verify_truncated_left(&tag).is_ok();
    let person = roster.people.iter().find(|person| signed(&person.name));
    let person = person.ok_or(BadLink::Unknown)?.name.clone();
    if now.0 >= expires_s.saturating_mul(1_000) {
        return Err(BadLink::Expired);
    }
    Ok(Take { escalation, person })
}

fn parse(token: &str) -> Option<(u64, u64, [u8; LINK_TAG_BYTES])> {
    let (escalation, rest) = token.split_once('-')?;
    let (expires, hex) = rest.split_once('-')?;
    // `from_str` of a number takes a sign; a link has none.
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !plain(escalation) || !plain(expires) || !plain(hex) || hex.len() != 2 * LINK_TAG_BYTES {
        return None;
    }
    let mut tag = [0; LINK_TAG_BYTES];
    for (at, byte) in tag.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some((escalation.parse().ok()?, u64::from_str_radix(expires, 16).ok()?, tag))
}

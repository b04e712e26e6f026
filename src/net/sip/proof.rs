//! Who calls proves it (SIP digest, RFC 3261 section 22 and RFC 8760): a name and a password that both sides know.
//!
//! A challenge is remembered by nobody: it is its own instant, sealed under a key of this run. One that is too old is
//! asked for anew. What is proved is the request's method and where it goes, and a call said twice is one call.

use crate::config::SipSettings;
use crate::domain::UtcMs;
use rsipstack::sip::headers::untyped::WwwAuthenticate;
use rsipstack::sip::typed::tokenizers::AuthTokenizer;
use rsipstack::sip::{Header, HeadersExt, Request};
use sha2::Digest as _;
use std::fmt::Write as _;

/// What the name is of.
const REALM: &str = "fifteen";
/// A challenge is good for so long.
const GOOD_MS: u64 = 5 * 60 * 1_000;
/// Hex digits of the instant, and of its seal.
const DIGITS: usize = 16;

/// What this run asks for proof with.
pub(super) struct Asking {
    secret: [u8; 32],
}

/// What a request says of who sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is who it says it is, or nobody asks.
    Good,
    /// It says nothing, or something wrong: ask it. True: it only came too late.
    Wanted(bool),
}

impl Asking {
    /// # Panics
    /// When the machine has no random numbers.
    pub(super) fn new() -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the machine has random numbers");
        Self { secret }
    }

    pub(super) fn proof(&self, sip: &SipSettings, request: &Request, now: UtcMs) -> Proof {
        let (Some(user), Some(password)) = (&sip.user, &sip.password) else {
            return Proof::Good;
        };
        let shown = request.authorization_header().and_then(|header| {
            let password = std::str::from_utf8(password.bytes()).ok()?;
            let shown = Shown::read(header.value())?;
            let method = request.method.to_string();
            let is_right = shown.user == user && shown.is_right(password, &method)?;
            is_right.then_some(shown.nonce)
        });
        match shown.and_then(|nonce| self.made_at(nonce)) {
            Some(at) if now.since(at) < GOOD_MS => Proof::Good,
            Some(_) => Proof::Wanted(true),
            None => Proof::Wanted(false),
        }
    }

    /// The challenge. MD5 stands first: exchanges that know nothing better stop at what they do not know.
    pub(super) fn challenge(&self, now: UtcMs, too_late: bool) -> Vec<Header> {
        let nonce = self.nonce(now);
        let stale = if too_late { ", stale=true" } else { "" };
        let ask = |algorithm| {
            let text = format!(
                "Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}"
            );
            Header::WwwAuthenticate(WwwAuthenticate::new(text))
        };
        ["MD5", "SHA-256"].map(ask).into()
    }

    fn nonce(&self, at: UtcMs) -> String {
        let seal = blake3::keyed_hash(&self.secret, &at.0.to_be_bytes()).to_hex();
        format!("{:016x}{}", at.0, &seal[..DIGITS])
    }

    /// When a nonce of this run was made.
    fn made_at(&self, nonce: &str) -> Option<UtcMs> {
        let at = UtcMs(u64::from_str_radix(nonce.get(..DIGITS)?, 16).ok()?);
        (self.nonce(at) == nonce).then_some(at)
    }
}

/// What an Authorization header says. The stack's own reckoning knows SHA-256 by another name than RFC 8760, and a count
/// from ten on otherwise than RFC 2617.
struct Shown<'a> {
    user: &'a str,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    algorithm: Algorithm,
    /// The client's own count and nonce, where it says that it proves no more than `auth`.
    counted: Option<(&'a str, &'a str)>,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha256,
}

impl<'a> Shown<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let tokens = AuthTokenizer::parse(header).ok()?;
        let said = |name: &str| {
            let found = tokens.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| *value)
        };
        let algorithm = match said("algorithm") {
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Algorithm::Sha256,
            Some(name) if !name.eq_ignore_ascii_case("MD5") => return None,
            _ => Algorithm::Md5,
        };
        let counted = match said("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some((said("nc")?, said("cnonce")?)),
            Some(_) => return None,
        };
        tokens.scheme.eq_ignore_ascii_case("Digest").then_some(Self {
            user: said("username")?,
            realm: said("realm")?,
            nonce: said("nonce")?,
            uri: said("uri")?,
            response: said("response")?,
            algorithm,
            counted,
        })
    }

    /// Whether whoever wrote it knew the password (RFC 2617, 3.2.2). `None`: it is of something else.
    fn is_right(&self, password: &str, method: &str) -> Option<bool> {
        let Self { user, realm, nonce, uri, algorithm, .. } = self;
        (*realm == REALM).then_some(())?;
        let (who, what) = (
            algorithm.hash(&format!("{user}:{realm}:{password}")),
            algorithm.hash(&format!("{method}:{uri}")),
        );
        let text = match self.counted {
            Some((count, own)) => format!("{who}:{nonce}:{count}:{own}:auth:{what}"),
            None => format!("{who}:{nonce}:{what}"),
        };
        // Compared in a time that says nothing of where they differ.
        let right = blake3::hash(algorithm.hash(&text).as_bytes());
        Some(right == blake3::hash(self.response.to_ascii_lowercase().as_bytes()))
    }
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&md5::Md5::digest(text)),
            Self::Sha256 => hex(&sha2::Sha256::digest(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes every byte");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Secret;

    const NOW: UtcMs = UtcMs(1_772_000_000_000);

    fn settings() -> SipSettings {
        SipSettings {
            user: Some("exchange".into()),
            password: Secret::password("seven words"),
            ..SipSettings::default()
        }
    }

    fn invite(authorization: &str) -> Request {
        let text = format!(
            "INVITE sip:1015@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n\
             From: <sip:0300@10.0.0.5>;tag=1\r\nTo: <sip:1015@10.0.0.2>\r\nCall-ID: 1@pbx\r\nCSeq: 1 INVITE\r\n\
             {authorization}Content-Length: 0\r\n\r\n"
        );
        Request::try_from(text.as_str()).unwrap()
    }

    fn answer(nonce: &str, user: &str, password: &str, algorithm: &str) -> String {
        let hash = |text: String| match algorithm {
            "MD5" => Algorithm::Md5.hash(&text),
            _ => Algorithm::Sha256.hash(&text),
        };
        let (who, what) = (
            hash(format!("{user}:{REALM}:{password}")),
            hash("INVITE:sip:1015@10.0.0.2".to_owned()),
        );
        let response = hash(format!("{who}:{nonce}:0000000a:xyz:auth:{what}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:1015@10.0.0.2\", \
             response=\"{response}\", algorithm={algorithm}, cnonce=\"xyz\", qop=auth, nc=0000000a\r\n"
        )
    }

    #[test]
    fn a_digest_is_as_rfc_2617_has_it() {
        // Its own example, section 3.5, whose realm is another.
        let of = |text| Algorithm::Md5.hash(text);
        let (who, what) =
            (of("Mufasa:testrealm@host.com:Circle Of Life"), of("GET:/dir/index.html"));
        let text =
            format!("{who}:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:auth:{what}");
        assert_eq!(of(&text), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_right_password_is_proof_until_the_challenge_is_too_old() {
        let (asking, sip) = (Asking::new(), settings());
        let nonce = asking.nonce(NOW);
        for algorithm in ["MD5", "SHA-256"] {
            let shown = invite(&answer(&nonce, "exchange", "seven words", algorithm));
            assert_eq!(asking.proof(&sip, &shown, NOW), Proof::Good, "{algorithm}");
            assert_eq!(asking.proof(&sip, &shown, NOW.plus(GOOD_MS)), Proof::Wanted(true));
            assert_eq!(Asking::new().proof(&sip, &shown, NOW), Proof::Wanted(false), "another run");
        }
    }

    #[test]
    fn nothing_else_is() {
        let (asking, sip) = (Asking::new(), settings());
        let nonce = asking.nonce(NOW);
        let right = answer(&nonce, "exchange", "seven words", "MD5");
        for wrong in [
            String::new(),
            answer(&nonce, "exchange", "eight words", "MD5"),
            answer(&nonce, "another", "seven words", "MD5"),
            answer(&"0".repeat(32), "exchange", "seven words", "MD5"),
            answer("", "exchange", "seven words", "MD5"),
            right.replace("fifteen", "sixteen"),
            right.replace("Digest ", "Basic "),
            "Authorization: Digest\r\n".into(),
            "Authorization: Digest username=\"exchange\"\r\n".into(),
            right.replace(&nonce[..8], "\u{0627}\u{0627}\u{0627}\u{0627}"),
        ] {
            assert_eq!(asking.proof(&sip, &invite(&wrong), NOW), Proof::Wanted(false), "{wrong}");
        }
        let nobody = SipSettings::default();
        assert_eq!(asking.proof(&nobody, &invite(""), NOW), Proof::Good, "where nobody asks");
    }
}

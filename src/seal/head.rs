//! A signed head: where the log stood, in a form that can be sent out and checked against the log years later.
//!
//! The chain finds what was changed by accident or without care. Whoever can write to the data folder can also
//! compute every checksum and chain anew; the signature over an end of the chain, kept by somebody else, finds that.

use crate::domain::UtcMs;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Why a head proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A field is not what it must be.
    #[error("{0} is not hex of the right length")]
    Hex(&'static str),
    /// Not a key of the curve.
    #[error("that is no public key: 64 hex digits as `fifteen journal heads` prints them")]
    Key,
    /// Somebody else signed it, or it was changed.
    #[error(
        "the signature of the head at transition {0} is not by this key, or the head was changed"
    )]
    Signature(u64),
}

/// Where a log stood at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The last transition.
    pub seq: u64,
    /// The chain up to and including it, in hex.
    pub chain: String,
    /// When it happened, in UTC milliseconds.
    pub at_ms: u64,
    /// The same for people.
    pub at: String,
    /// Ed25519 over the three, in hex.
    pub signature: String,
}

impl SignedHead {
    pub(super) fn new(seq: u64, chain: &[u8; 32], at: UtcMs, signature: &[u8; 64]) -> Self {
        Self { seq, chain: hex(chain), at_ms: at.0, at: at.to_string(), signature: hex(signature) }
    }

    /// What is signed.
    pub(super) fn signed_bytes(seq: u64, chain: &[u8; 32], at: UtcMs) -> Vec<u8> {
        let mut bytes = b"fifteen head v1\n".to_vec();
        bytes.extend(seq.to_be_bytes());
        bytes.extend(at.0.to_be_bytes());
        bytes.extend(chain);
        bytes
    }

    /// Checks the signature and gives the chain.
    ///
    /// # Errors
    /// [`HeadError`]: the head proves nothing.
    pub fn verify(&self, key: &VerifyingKey) -> Result<[u8; 32], HeadError> {
        let chain = unhex(&self.chain).ok_or(HeadError::Hex("chain"))?;
        let signature = unhex(&self.signature).ok_or(HeadError::Hex("signature"))?;
        let bytes = Self::signed_bytes(self.seq, &chain, UtcMs(self.at_ms));
        key.verify_strict(&bytes, &Signature::from_bytes(&signature))
            .map_err(|_| HeadError::Signature(self.seq))?;
        Ok(chain)
    }
}

/// A public key from its hex.
///
/// # Errors
/// [`HeadError::Key`].
pub fn public_key(text: &str) -> Result<VerifyingKey, HeadError> {
    let bytes = unhex(text.trim()).ok_or(HeadError::Key)?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| HeadError::Key)
}

/// A public key as hex.
#[must_use]
pub fn public_key_hex(key: &VerifyingKey) -> String {
    hex(key.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let ascii = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    ascii.then_some(())?;
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Keyring, Since};

    #[test]
    fn a_head_is_what_was_signed_or_nothing() {
        let keyring = Keyring::from_seed([5; 32], Since::default());
        let key = public_key(&public_key_hex(&keyring.public_key())).unwrap();
        let head = keyring.sign(1_000, [9; 32], UtcMs(1_700_000_000_000));
        assert_eq!(head.verify(&key), Ok([9; 32]));
        let wrong = [
            SignedHead { seq: 1_001, ..head.clone() },
            SignedHead { at_ms: head.at_ms - 1, ..head.clone() },
            SignedHead { chain: hex(&[8; 32]), ..head.clone() },
            SignedHead { signature: hex(&[0; 64]), ..head.clone() },
            SignedHead { chain: "é".repeat(32), ..head.clone() },
        ];
        for wrong in wrong {
            assert!(wrong.verify(&key).is_err(), "{wrong:?}");
        }
        let other = Keyring::from_seed([6; 32], Since::default()).public_key();
        assert_eq!(head.verify(&other), Err(HeadError::Signature(1_000)));
        assert!(public_key("abc").is_err());
    }
}

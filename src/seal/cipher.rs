//! Encryption under the key of one number: XChaCha20-Poly1305 with a nonce made of what is encrypted.
//!
//! The nonce is a keyed hash of context and content (as in SIV, RFC 5297; the same content in the same place gives
//! the same bytes, which replays and simulations rest on). A counter would not do: after a crash a sequence number
//! that was never acknowledged is given again, to other content, and the stream of a nonce used twice would show the
//! difference of the two. Here other content has another nonce.

use super::tree::Secret;
use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of the nonce, in front of what is encrypted.
const NONCE: usize = 24;
/// Bytes of the tag behind it.
const TAG: usize = 16;

fn sub_key(leaf: &Secret, what: &[u8]) -> Secret {
    Zeroizing::new(blake3::keyed_hash(leaf, what).into())
}

/// The keys of one number.
#[derive(Clone)]
pub(super) struct Keys {
    nonce: Secret,
    cipher: Secret,
}

impl Keys {
    pub(super) fn of(leaf: &Secret) -> Self {
        Self { nonce: sub_key(leaf, b"nonce"), cipher: sub_key(leaf, b"cipher") }
    }
}

/// `plain` under `keys`; `context` is bound to it and not part of it.
pub(super) fn seal(keys: &Keys, context: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_keyed(&keys.nonce);
    hasher.update(&(context.len() as u64).to_be_bytes()).update(context).update(plain);
    let hash = hasher.finalize();
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&hash.as_bytes()[..NONCE]);
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let (key, nonce) = cipher(keys, &nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(context), &mut sealed[NONCE..]);
    let tag = tag.expect("a record or a state is far below the cipher's 256 GiB");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// What [`seal`] sealed; `None` when it was sealed under another key or context, or changed since.
pub(super) fn open(keys: &Keys, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>()?;
    let (key, nonce) = cipher(keys, nonce);
    let mut plain = Zeroizing::new(body.to_vec());
    let length = key.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// A hash of `bytes` that says nothing to whoever has not the key of `leaf`.
pub(super) fn stamp(leaf: &Secret, bytes: &[u8]) -> [u8; 32] {
    blake3::keyed_hash(&sub_key(leaf, b"stamp"), bytes).into()
}

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, 2.3): the key of one nonce by HChaCha20 from the first sixteen bytes of
/// it, and the rest for ChaCha20-Poly1305 (RFC 8439).
fn cipher(keys: &Keys, nonce: &[u8; NONCE]) -> (LessSafeKey, Nonce) {
    let (first, rest) = nonce.split_at(16);
    let first = first.try_into().expect("sixteen of twenty-four");
    let key = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>((&*keys.cipher).into(), first)));
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).expect("a key has thirty-two bytes");
    let mut short = [0; 12];
    short[4..].copy_from_slice(rest);
    (LessSafeKey::new(key), Nonce::assume_unique_for_key(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::of(&Zeroizing::new([byte; 32]))
    }

    /// The example of draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn it_is_the_cipher_it_is_called() {
        let counting = |from: u8| std::array::from_fn(|at| from + u8::try_from(at).unwrap());
        let key = Zeroizing::new(counting(0x80));
        let keys = Keys { nonce: key.clone(), cipher: key };
        let context = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap());
        let mut text = plain.to_vec();
        let (key, short) = cipher(&keys, &nonce);
        let tag = key.seal_in_place_separate_tag(short, Aad::from(&context), &mut text).unwrap();
        assert_eq!(text[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        let expected = 0xc087_5924_c1c7_9879_47de_afd8_780a_cf49_u128.to_be_bytes();
        assert_eq!(tag.as_ref(), expected);
        let sealed = [&nonce[..], &text, tag.as_ref()].concat();
        assert_eq!(&**open(&keys, &context, &sealed).unwrap(), plain);
    }

    #[test]
    fn opens_with_its_key_and_context_alone() {
        let sealed = seal(&keys(1), b"seq 9", b"Ayesha");
        assert_eq!(&**open(&keys(1), b"seq 9", &sealed).unwrap(), b"Ayesha");
        assert!(open(&keys(2), b"seq 9", &sealed).is_none());
        assert!(open(&keys(1), b"seq 8", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&keys(1), b"seq 9", &changed).is_none(), "byte {at}");
            assert!(open(&keys(1), b"seq 9", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn the_same_again_is_the_same_bytes_and_other_content_has_another_nonce() {
        let sealed = |context: &[u8], plain: &[u8]| seal(&keys(1), context, plain);
        assert_eq!(sealed(b"seq 9", b"Ayesha"), sealed(b"seq 9", b"Ayesha"));
        let (one, other) = (sealed(b"seq 9", b"Ayesha"), sealed(b"seq 9", b"Ayesh!"));
        assert_ne!(one[..NONCE], other[..NONCE]);
        assert_ne!(sealed(b"ab", b"c")[..NONCE], sealed(b"a", b"bc")[..NONCE]);
    }
}

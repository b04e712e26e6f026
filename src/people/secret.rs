//! Secrets: never shown, wiped when done with, kept only as hashes.

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

/// A shorter one is guessed.
pub const PASSWORD_BYTES_MIN: usize = 12;
/// A longer one does not fit the wire.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// argon2id as OWASP's Password Storage Cheat Sheet has it first: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The most that a hash in the file may ask for: more would be an attack on the server's memory.
const MEMORY_KIB_MAX: u32 = 256 * 1_024;
const PASSES_MAX: u32 = 16;

const TOKEN_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// A password or a token in the clear.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What was typed or read.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A token that nobody can guess, of 256 random bits.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn token() -> Result<Self, String> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        random(&mut *bytes)?;
        Ok(Self::new(format!("fifteen_{}", URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// Its hash, as a token is kept.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        blake3::hash(self.0.as_bytes())
    }

    /// The secret itself, where it must be said.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sealed)")
    }
}

fn random(bytes: &mut [u8]) -> Result<(), String> {
    getrandom::fill(bytes).map_err(|error| format!("the machine gives no randomness: {error}"))
}

/// An argon2id hash of a password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Hashes a new password; takes tens of milliseconds and 19 MiB.
    ///
    /// # Errors
    /// A text when the password is too short or too long, or the machine gives no randomness.
    pub fn of(password: &Secret) -> Result<Self, String> {
        let bytes = password.expose().len();
        if bytes < PASSWORD_BYTES_MIN {
            return Err(format!("a password has at least {PASSWORD_BYTES_MIN} characters"));
        }
        if bytes > PASSWORD_BYTES_MAX {
            return Err(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"));
        }
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
        let params = params.map_err(|error| error.to_string())?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = hasher.hash_password(password.expose().as_bytes(), &salt);
        Ok(Self(hash.map_err(|error| error.to_string())?.to_string().into()))
    }

    /// One that no password fits: what a name without a password is checked against, so that it
    /// costs as much as a wrong password.
    ///
    /// # Errors
    /// As [`PasswordHash::of`].
    pub fn of_nobody() -> Result<Self, String> {
        Self::of(&Secret::token()?)
    }

    /// A hash from the file.
    ///
    /// # Errors
    /// Says what is wrong with it and does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "the password is no argon2id hash: set it by `fifteen user passwd`".to_owned();
        let hash = Phc::new(text).map_err(|_| wrong())?;
        let params = Params::try_from(&hash).map_err(|_| wrong())?;
        if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() || hash.salt.is_none() {
            return Err(wrong());
        }
        if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX {
            return Err("the password's hash asks for more memory or passes than allowed".into());
        }
        Ok(Self(text.into()))
    }

    /// Whether `password` is the one. Takes as long as hashing it.
    #[must_use]
    pub fn fits(&self, password: &Secret) -> bool {
        let hash = Phc::new(&self.0);
        hash.is_ok_and(|hash| {
            Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
        })
    }

    /// As it stands in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sealed)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_and_no_other() {
        let secret = |text: &str| Secret::new(text.into());
        let hash = PasswordHash::of(&secret("correct horse battery")).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let read = PasswordHash::parse(hash.as_str()).unwrap();
        assert!(read.fits(&secret("correct horse battery")));
        assert!(!read.fits(&secret("correct horse batterz")));
        assert!(!PasswordHash::of_nobody().unwrap().fits(&secret("correct horse battery")));
        assert_ne!(PasswordHash::of(&secret("correct horse battery")).unwrap(), hash, "salted");
        assert!(PasswordHash::of(&secret("short")).unwrap_err().contains("12"));
    }

    #[test]
    fn a_hash_that_would_eat_the_memory_is_refused_unread() {
        let greedy = "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                      MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
        let said = PasswordHash::parse(greedy).unwrap_err();
        assert!(said.contains("more memory"), "{said}");
        for wrong in ["hunter2", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", ""] {
            let said = PasswordHash::parse(wrong).unwrap_err();
            assert!(said.contains("no argon2id hash") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::token().unwrap();
        let hash = PasswordHash::of(&secret).unwrap();
        assert_eq!(format!("{secret:?} {hash:?}"), "(sealed) (sealed)");
        assert_ne!(secret.expose(), Secret::token().unwrap().expose());
    }
}

//! Who may speak with the room: names, roles, passwords (argon2id) and tokens (random, kept as
//! their BLAKE3 hash only), in a file of their own beside dispatch.toml.
//!
//! A machine (an intake gateway, a car's terminal) is a person here too, with a long token and no
//! password. What a stranger may learn of a name is nothing: an unknown one and a wrong secret are
//! answered alike. The time is an argument.

mod file;
mod secret;

pub use file::{Announced, Holder, PeopleError, edit, read, tell_server};
pub use secret::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, PasswordHash, Secret};

use crate::domain::bounds::NAME_BYTES_MAX;
use crate::domain::{Role, UtcMs};
use std::collections::{BTreeMap, BTreeSet};

/// People of one file.
pub const PEOPLE_MAX: usize = 10_000;
/// Tokens of one person in force at once; one log-in more ends the oldest log-in.
pub const TOKENS_MAX: usize = 32;
/// What a token of a log-in is called.
pub const LOG_IN: &str = "log-in";

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// BLAKE3 of the token.
    pub hash: blake3::Hash,
    /// What it is for.
    pub label: Box<str>,
    /// When it was made.
    pub issued_at: UtcMs,
    /// From when on it is worth nothing.
    pub expires_at: UtcMs,
}

impl Token {
    /// What it is called where people speak of it: the first digits of its hash.
    #[must_use]
    pub fn id(&self) -> String {
        self.hash.to_hex()[..8].to_owned()
    }
}

/// What was done to somebody between two states of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// To whom.
    pub person: Box<str>,
    /// What.
    pub what: Box<str>,
    /// The user of the machine who did.
    pub by: Box<str>,
}

/// Who last changed what about a person, by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// When.
    pub at: UtcMs,
    /// The user of the machine who did.
    pub by: Box<str>,
    /// What, in words.
    pub what: Box<str>,
}

/// One person, or one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// What this person may be.
    pub roles: BTreeSet<Role>,
    /// Nobody at the moment.
    pub disabled: bool,
    /// Without one, tokens only.
    pub password: Option<PasswordHash>,
    /// In force, and such as have ended since the file was last written.
    pub tokens: Vec<Token>,
    /// The last change by hand.
    pub changed: Option<Changed>,
}

impl Person {
    /// Adds a token; those that have ended go.
    ///
    /// # Errors
    /// A text when there are [`TOKENS_MAX`] and none of them is of a log-in, which would go.
    pub fn add_token(&mut self, token: Token, now: UtcMs) -> Result<(), String> {
        self.tokens.retain(|token| token.expires_at > now);
        if self.tokens.len() >= TOKENS_MAX {
            let log_ins = self.tokens.iter().enumerate().filter(|(_, it)| &*it.label == LOG_IN);
            match log_ins.min_by_key(|(_, token)| token.issued_at).map(|(at, _)| at) {
                Some(oldest) => drop(self.tokens.remove(oldest)),
                None => return Err(format!("there are {TOKENS_MAX} tokens: revoke some")),
            }
        }
        self.tokens.push(token);
        Ok(())
    }
}

/// Everybody of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// By name.
    pub by_name: BTreeMap<Box<str>, Person>,
}

/// Somebody of the room itself, let in beside the file: what feeds a drill.
#[derive(Debug, Clone)]
pub struct Guest {
    /// By which name.
    pub who: Box<str>,
    /// As what.
    pub role: Role,
    /// By what token.
    pub token: Secret,
}

/// Somebody who has shown a token: what a session lives by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub who: Box<str>,
    /// As what.
    pub role: Role,
    /// BLAKE3 of the token.
    pub token: blake3::Hash,
    /// When it ends.
    pub expires_at: UtcMs,
}

/// Why somebody is not let in, or not any longer; for whoever holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLetIn {
    /// Nothing here fits: it may be a guess.
    #[error("the name or its secret is wrong; `fifteen login --as NAME` gets a fresh token")]
    Unknown,
    /// The token was right once.
    #[error("the token has expired; `fifteen login` gets a fresh one")]
    Expired,
    /// The token, or whom it was for, is not there any more.
    #[error("the token was revoked; `fifteen login` gets a fresh one")]
    Revoked,
    /// Disabled.
    #[error("{0} is disabled; ask whoever runs the server")]
    Disabled(Box<str>),
    /// The person is another, as far as this role goes.
    #[error("{who} does not have the role {role}; ask whoever runs the server")]
    Role {
        /// Who.
        who: Box<str>,
        /// Which.
        role: &'static str,
    },
}

impl People {
    /// Whom `token`, shown by somebody who says to be `who`, lets in as `role`.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub fn seat(&self, who: &str, role: Role, token: &str, now: UtcMs) -> Result<Seat, NotLetIn> {
        let shown = blake3::hash(token.as_bytes());
        let person = self.by_name.get(who).ok_or(NotLetIn::Unknown)?;
        // Hashes compare in constant time.
        let token = person.tokens.iter().find(|token| token.hash == shown);
        let token = token.ok_or(NotLetIn::Unknown)?;
        let seat = Seat { who: who.into(), role, token: shown, expires_at: token.expires_at };
        self.still(&seat, now).map(|()| seat)
    }

    /// Whether whoever was let in may stay.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub fn still(&self, seat: &Seat, now: UtcMs) -> Result<(), NotLetIn> {
        let person = self.by_name.get(&seat.who).ok_or(NotLetIn::Revoked)?;
        if person.disabled {
            return Err(NotLetIn::Disabled(seat.who.clone()));
        }
        if now >= seat.expires_at {
            return Err(NotLetIn::Expired);
        }
        if !person.tokens.iter().any(|token| token.hash == seat.token) {
            return Err(NotLetIn::Revoked);
        }
        person.may_be(&seat.who, seat.role)
    }

    /// What is different from `before`, by name: what was done, and by which user of the machine.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<Done> {
        let mut changes = Vec::new();
        for (name, person) in &self.by_name {
            let old = before.by_name.get(name);
            let by_hand = |it: &Person| (it.roles.clone(), it.disabled, it.password.clone());
            let (what, by): (Box<str>, Box<str>) = match &person.changed {
                Some(changed) if old.and_then(|old| old.changed.as_ref()) != Some(changed) => {
                    (changed.what.clone(), changed.by.clone())
                }
                _ if old.map(by_hand) != Some(by_hand(person)) => {
                    ("edited in the file".into(), "not known".into())
                }
                _ => continue,
            };
            changes.push(Done { person: name.clone(), what, by });
        }
        let gone = before.by_name.keys().filter(|name| !self.by_name.contains_key(*name));
        changes.extend(gone.map(|name| Done {
            person: name.clone(),
            what: "taken out of the file".into(),
            by: "not known".into(),
        }));
        changes
    }
}

impl Person {
    /// Whether this person, called `who`, has the role.
    ///
    /// # Errors
    /// [`NotLetIn::Role`].
    pub fn may_be(&self, who: &str, role: Role) -> Result<(), NotLetIn> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        Err(NotLetIn::Role { who: who.into(), role: word_of(role) })
    }
}

/// The roles a person can have, as the file and the wire spell them.
pub const ROLES: [(&str, Role); 5] = [
    ("intake", Role::Intake),
    ("operator", Role::Operator),
    ("unit", Role::Unit),
    ("supervisor", Role::Supervisor),
    ("admin", Role::Admin),
];

/// A role by its word.
///
/// # Errors
/// Says which words there are; the wrong one is not repeated.
pub fn role_of(word: &str) -> Result<Role, String> {
    let found = ROLES.iter().find(|(known, _)| *known == word).map(|(_, role)| *role);
    found.ok_or_else(|| format!("a role is one of {}", ROLES.map(|(word, _)| word).join(", ")))
}

/// The word of a role.
#[must_use]
pub fn word_of(role: Role) -> &'static str {
    ROLES.iter().find(|(_, known)| *known == role).map_or("room", |(word, _)| word)
}

/// Whether a name can be somebody's.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.trim() != name {
        return Err("a name is empty or has blanks at its ends".into());
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name is longer than {NAME_BYTES_MAX} bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err("a name has a control character in it".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_000_000);

    fn token(secret: &Secret, label: &str, issued_at: u64) -> Token {
        let (issued_at, expires_at) = (UtcMs(issued_at), NOW.plus(60_000));
        Token { hash: secret.hash(), label: label.into(), issued_at, expires_at }
    }

    fn amina() -> (People, Secret) {
        let secret = Secret::token().unwrap();
        let mut person = Person { roles: [Role::Operator].into(), ..Person::default() };
        person.add_token(token(&secret, "desk", 1), NOW).unwrap();
        (People { by_name: [("amina".into(), person)].into() }, secret)
    }

    #[test]
    fn a_token_lets_in_whom_it_is_of_as_what_she_is_until_it_ends() {
        let (people, secret) = amina();
        let as_ = |who: &str, role, now| people.seat(who, role, secret.expose(), now).map(|_| ());
        assert_eq!(as_("amina", Role::Operator, NOW), Ok(()));
        assert_eq!(as_("bilal", Role::Operator, NOW), Err(NotLetIn::Unknown));
        assert_eq!(as_("amina", Role::Operator, NOW.plus(60_000)), Err(NotLetIn::Expired));
        let role = NotLetIn::Role { who: "amina".into(), role: "admin" };
        assert_eq!(as_("amina", Role::Admin, NOW), Err(role));
        let guess = people.seat("amina", Role::Operator, "guess", NOW);
        assert_eq!(guess, Err(NotLetIn::Unknown));
    }

    #[test]
    fn a_seat_ends_with_its_person_role_or_token() {
        let (people, secret) = amina();
        let seat = people.seat("amina", Role::Operator, secret.expose(), NOW).unwrap();
        let after = |change: &dyn Fn(&mut Person)| {
            let mut later = people.clone();
            change(later.by_name.get_mut("amina").unwrap());
            later.still(&seat, NOW)
        };
        assert_eq!(after(&|_| {}), Ok(()));
        assert_eq!(after(&|it| it.disabled = true), Err(NotLetIn::Disabled("amina".into())));
        assert_eq!(after(&|it| it.tokens.clear()), Err(NotLetIn::Revoked));
        assert!(matches!(after(&|it| it.roles.clear()), Err(NotLetIn::Role { .. })));
        assert_eq!(People::default().still(&seat, NOW), Err(NotLetIn::Revoked));
    }

    #[test]
    fn one_log_in_too_many_ends_the_oldest_and_no_other_token() {
        let mut person = Person::default();
        let fresh = |label: &str, issued_at| token(&Secret::token().unwrap(), label, issued_at);
        person.add_token(fresh("car", 0), NOW).unwrap();
        for number in 1..=TOKENS_MAX as u64 {
            person.add_token(fresh(LOG_IN, number), NOW).unwrap();
        }
        assert_eq!(person.tokens.len(), TOKENS_MAX);
        assert_eq!(&*person.tokens[0].label, "car");
        assert_eq!(person.tokens[1].issued_at, UtcMs(2));
        person.tokens.iter_mut().for_each(|token| token.label = "car".into());
        assert!(person.add_token(fresh("car", 99), NOW).unwrap_err().contains("revoke"));
        person.add_token(fresh("car", 99), NOW.plus(60_000)).unwrap();
        assert_eq!(person.tokens.len(), 1, "what has ended makes room");
    }

    #[test]
    fn changes_name_who_did_what() {
        let (before, _) = amina();
        let mut after = before.clone();
        assert_eq!(after.changes_since(&before), []);
        let amina = after.by_name.get_mut("amina").unwrap();
        amina.disabled = true;
        let own = |who: &str, what: &str, by: &str| Done {
            person: who.into(),
            what: what.into(),
            by: by.into(),
        };
        let edited = own("amina", "edited in the file", "not known");
        assert_eq!(after.changes_since(&before), [edited]);
        let amina = after.by_name.get_mut("amina").unwrap();
        amina.changed = Some(Changed { at: NOW, by: "root".into(), what: "disabled".into() });
        assert_eq!(after.changes_since(&before), [own("amina", "disabled", "root")]);
        let gone = own("amina", "taken out of the file", "not known");
        assert_eq!(People::default().changes_since(&before), [gone]);
    }
}

//! Events as the log's bytes, and the room's state as the log's fold: the one place where what may name her is
//! sealed on its way to the disk, and opened on its way back.
//!
//! A record that may name her holds the transition twice: once without anything that may, for whoever reads the log
//! without keys (reports, `journal dump`, `verify`), and once whole, encrypted under the key of its call. Whole, so
//! that there is one list of what is sealed, [`crate::domain::Event::redacted`], and nothing to put together again.
//! ```text
//!   [event, mark]                  nothing in it names her
//!   [event, mark, nonce + cipher]  without her; and the whole of it, sealed
//!   [event, mark, empty]           her call was erased before it was written
//! ```
//! Transitions about no call are sealed under the key of call 0, which is never erased.

use crate::domain::{CallId, Dated, Event, KeyMark, SCHEMA, Transition, UtcMs};
use crate::engine::{Frozen, State};
use crate::journal::{Fold, Record, RecordRef, Snapshot, Tail};
use crate::seal::{About, Gone, Guarded, Keyring};
use serde::Deserialize;
use serde_bytes::Bytes;

/// What a sealed snapshot begins with; a state in the clear, as older versions kept it, is an array and never does.
const SEALED_STATE: &[u8] = b"fifteen state, sealed 1\n";

/// A record's body.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Body<'a> {
    event: Event,
    mark: Option<KeyMark>,
    #[serde(default, borrow)]
    sealed: Option<&'a Bytes>,
}

/// Whose keys seal what happened at `at`.
fn about(event: &Event, at: UtcMs) -> About {
    let trail_day = matches!(event, Event::CallerMoved { .. }).then(|| at.day());
    About { call: event.call().unwrap_or(CallId(0)), trail_day }
}

/// The log's record of what happened, sealed under `keyring` where it may name her.
///
/// # Panics
/// Never: every event has an encoding.
#[must_use]
pub fn encode(dated: &Dated, keyring: &Keyring) -> Record {
    let whole = encoded(&dated.transition);
    if !dated.transition.may_name_her() {
        return Record { at: dated.at, schema: SCHEMA, body: whole };
    }
    let clear = dated.transition.clone().redacted();
    let bound = encoded(&clear);
    let about = about(&clear.event, dated.at);
    let sealed = keyring.seal(about, dated.seq, &bound, &whole).unwrap_or_default();
    // The same two fields once more, and a third: they need not be encoded again.
    let mut body = Vec::with_capacity(bound.len() + sealed.len() + 8);
    rmp::encode::write_array_len(&mut body, 3).expect(ROOM);
    body.extend_from_slice(&bound[1..]);
    rmp::encode::write_bin(&mut body, &sealed).expect(ROOM);
    Record { at: dated.at, schema: SCHEMA, body }
}

const ROOM: &str = "a Vec takes every byte";

/// Room for most transitions, so that few vectors grow.
const TRANSITION_BYTES: usize = 512;

/// The head of an array of two in MessagePack.
const ARRAY_OF_TWO: u8 = 0x92;

/// An array of two, whose head is one byte.
fn encoded(transition: &Transition) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TRANSITION_BYTES);
    rmp_serde::encode::write(&mut bytes, transition).expect("every event has an encoding");
    bytes
}

/// What a record of the log says happened, without what is sealed in it.
///
/// # Errors
/// A text for people when the record is of a newer schema, or is no event.
pub fn decode(record: RecordRef<'_>) -> Result<Dated, String> {
    parts(record).map(|(dated, _)| dated)
}

/// What a record of the log says happened, and what is sealed in it, unless that was erased.
///
/// # Errors
/// As [`decode`], and when what is sealed does not open though it was sealed under this keyring.
pub fn decode_sealed(record: RecordRef<'_>, keyring: &Keyring) -> Result<Dated, String> {
    let (dated, sealed) = parts(record)?;
    let Some(sealed) = sealed.filter(|sealed| !sealed.is_empty()) else {
        return Ok(dated);
    };
    let bound = bound_to(record.body, sealed);
    let about = about(&dated.transition.event, dated.at);
    let whole = match keyring.open(about, record.seq, &bound, sealed) {
        Guarded::Plain(whole) => whole,
        Guarded::Erased => return Ok(dated),
        // Of a keyring that was lost: the room went on without those identities.
        Guarded::Foreign if record.seq < keyring.since().seq => return Ok(dated),
        Guarded::Foreign => {
            return Err(format!(
                "what is sealed in transition {} does not open: this is another room's keyring, or an older copy of \
                 one that was made anew",
                record.seq
            ));
        }
    };
    let transition = rmp_serde::from_slice(&whole).map_err(|_| unreadable(record))?;
    Ok(Dated { transition, ..dated })
}

/// What `sealed` was bound to when `body` was written: the array of two that [`encode`] made three of.
fn bound_to(body: &[u8], sealed: &[u8]) -> Vec<u8> {
    let head = match sealed.len() {
        0..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    };
    let end = body.len().saturating_sub(sealed.len() + head).max(1);
    [&[ARRAY_OF_TWO], body.get(1..end).unwrap_or_default()].concat()
}

/// Whether anything is sealed in a record.
#[must_use]
pub fn is_sealed(record: RecordRef<'_>) -> bool {
    parts(record).is_ok_and(|(_, sealed)| sealed.is_some())
}

fn parts(record: RecordRef<'_>) -> Result<(Dated, Option<&Bytes>), String> {
    if record.schema > SCHEMA {
        return Err(format!(
            "transition {} has schema {}; this program knows up to {SCHEMA}, take a newer one",
            record.seq, record.schema
        ));
    }
    // The parser's own words may quote what it read, and what it read may be her name.
    let Body { event, mark, sealed } =
        rmp_serde::from_slice(record.body).map_err(|_| unreadable(record))?;
    let transition = Transition { event, mark };
    Ok((Dated { seq: record.seq, at: record.at, transition }, sealed))
}

fn unreadable(record: RecordRef<'_>) -> String {
    format!("transition {} does not read as an event of schema {}", record.seq, record.schema)
}

/// The snapshot of a state, sealed, when the log ended at `tail`; `None` when an erasure after it destroyed its key.
pub(super) fn snapshot_of(state: &Frozen, tail: &Tail, keyring: &Keyring) -> Option<Snapshot> {
    let bytes = state.save();
    let digest = State::digest_of(&bytes);
    let mut sealed = keyring.seal_snapshot(state.seq(), &bytes)?;
    drop(bytes);
    sealed.splice(..0, SEALED_STATE.iter().copied());
    Some(Snapshot::new(sealed, keyring.stamp(state.seq(), &digest)?, tail))
}

/// Keeps in `gone` what keys the transition says are to be destroyed.
pub(super) fn note_erasure(gone: &mut Gone, seq: u64, event: &Event) {
    match event {
        Event::IdentityErased { call, .. } => gone.calls.push(*call),
        Event::TrailsErased { before } => gone.trails_before_day = before.day(),
        _ => return,
    }
    gone.upto = seq;
}

/// A state without keys: what is sealed stays sealed in it.
impl Fold for State {
    type Said = Dated;

    fn fresh(&self) -> Self {
        Self::default()
    }

    fn reader(&self) -> impl Fn(RecordRef<'_>) -> Result<Dated, String> + use<> {
        decode
    }

    fn apply(&mut self, _seq: u64, dated: Dated) {
        Self::apply(self, dated.at, &dated.transition);
    }

    fn digest(&self) -> [u8; 32] {
        Self::digest(self)
    }

    fn save(&self) -> Vec<u8> {
        Self::save(self)
    }

    fn load(&self, _seq: u64, bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String> {
        if bytes.starts_with(SEALED_STATE) {
            return Err("it is sealed, and opens with the keyring only".to_owned());
        }
        // Not the parser's words: they may quote her name.
        let loaded = Self::load(bytes).map_err(|_| "its bytes do not read as a state".to_owned());
        loaded.map(|(state, digest)| (state, Some(digest)))
    }
}

/// A state with the keys to what is sealed in its log.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The state.
    pub state: State,
    /// The keys.
    pub keyring: Keyring,
    /// What erasures met on the way speak of: its keys must be gone.
    pub gone: Gone,
}

impl Opened {
    /// Nothing yet, and the keys to what comes.
    #[must_use]
    pub fn with(keyring: Keyring) -> Self {
        Self { state: State::default(), keyring, gone: Gone::default() }
    }
}

impl Fold for Opened {
    type Said = Dated;

    fn fresh(&self) -> Self {
        Self::with(self.keyring.clone())
    }

    fn reader(&self) -> impl Fn(RecordRef<'_>) -> Result<Dated, String> + use<> {
        let keyring = self.keyring.apart();
        move |record| decode_sealed(record, &keyring)
    }

    fn apply(&mut self, seq: u64, dated: Dated) {
        note_erasure(&mut self.gone, seq, &dated.transition.event);
        self.state.apply(dated.at, &dated.transition);
    }

    fn digest(&self) -> [u8; 32] {
        self.state.digest()
    }

    fn stamp(&self) -> Option<[u8; 32]> {
        self.keyring.stamp(self.state.seq, &self.state.digest())
    }

    fn save(&self) -> Vec<u8> {
        let sealed = self.keyring.seal_snapshot(self.state.seq, &self.state.save());
        [SEALED_STATE, &sealed.unwrap_or_default()].concat()
    }

    fn load(&self, seq: u64, bytes: &[u8]) -> Result<(Self, Option<[u8; 32]>), String> {
        let Some(sealed) = bytes.strip_prefix(SEALED_STATE) else {
            return Err("it is of a version that did not seal it".to_owned());
        };
        match self.keyring.open_snapshot(seq, sealed) {
            Guarded::Plain(bytes) => {
                let (state, digest) = <State as Fold>::load(&State::default(), seq, &bytes)?;
                let stamp = digest.and_then(|digest| self.keyring.stamp(seq, &digest));
                Ok((Self { state, ..self.fresh() }, stamp))
            }
            Guarded::Erased => Err("an erasure after it destroyed its key".to_owned()),
            Guarded::Foreign => Err("it does not open under this keyring".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_encoding_of_its_three_fields() {
        let keyring = Keyring::from_seed([7; 32], crate::seal::Since { seq: 1, call: 1 });
        let text = crate::domain::SealedText("the brother of the caller".into());
        let event = Event::NoteAdded { call: CallId(3), text, by: crate::domain::Actor::room() };
        let mark = Some(KeyMark { key: crate::domain::Key([9; 16]), fingerprint: 77 });
        for mark in [None, mark] {
            let transition = Transition { event: event.clone(), mark };
            let dated = Dated { seq: 9, at: UtcMs(5), transition };
            let record = encode(&dated, &keyring);
            let body: Body = rmp_serde::from_slice(&record.body).unwrap();
            assert!(body.sealed.as_ref().is_some_and(|sealed| sealed.len() > 24));
            assert_eq!(rmp_serde::to_vec(&body).unwrap(), record.body);
            let read = RecordRef { seq: 9, at: UtcMs(5), schema: SCHEMA, body: &record.body };
            assert_eq!(decode_sealed(read, &keyring).unwrap(), dated);
        }
    }

    #[test]
    fn an_error_never_quotes_what_stands_in_the_log() {
        let body = rmp_serde::to_vec(&[("Ayesha", 1)]).unwrap();
        let record = RecordRef { seq: 7, at: UtcMs(0), schema: SCHEMA, body: &body };
        let said = decode(record).unwrap_err();
        assert!(said.contains("transition 7") && !said.contains("Ayesha"), "{said}");
        let said = <State as Fold>::load(&State::default(), 7, &body).unwrap_err();
        assert!(!said.contains("Ayesha"), "{said}");
    }
}

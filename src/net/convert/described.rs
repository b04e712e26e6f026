//! What was learned of a call after it was taken, from the wire and in words.

use super::{BadField, point};
use crate::domain::{Description, Place, Sealed};
use crate::protocol as wire;

pub(super) fn description(said: &wire::DescribeCall) -> Result<Description, BadField> {
    let text = |text: &Option<String>| text.as_deref().map(Into::into);
    let place = match &said.place {
        None => None,
        Some(place) => Some(Place {
            point: point(place.lat, place.lon, place.accuracy_m)?,
            words: text(&place.words),
        }),
    };
    let sealed =
        Sealed { number: text(&said.number), name: text(&said.name), place, ..Sealed::default() };
    Ok(Description {
        district: text(&said.district),
        kind: text(&said.kind),
        silent: said.silent,
        unsafe_to_ring_back: said.unsafe_to_ring_back,
        sealed,
    })
}

/// What of it a queue may show, and that there was more.
pub(super) fn described(said: &Description) -> String {
    let mut parts = Vec::new();
    parts.extend(said.kind.as_ref().map(|kind| format!("kind {kind}")));
    parts.extend(said.district.as_ref().map(|district| format!("district {district}")));
    parts.extend(said.silent.then(|| "she cannot speak".to_owned()));
    parts.extend(said.unsafe_to_ring_back.then(|| "not safe to ring back".to_owned()));
    let Sealed { number, name, place, .. } = &said.sealed;
    for (there, what) in
        [(number.is_some(), "number"), (name.is_some(), "name"), (place.is_some(), "place")]
    {
        parts.extend(there.then(|| what.to_owned()));
    }
    match parts.is_empty() {
        true => "more was learned of it".into(),
        false => format!("learned: {}", parts.join(", ")),
    }
}

//! Text messages: what a few words from a telephone say of kind, point, place and district.
//!
//! A message is a call whatever it says, and the whole of it stays with the call: what is read here only saves the
//! operator's seconds. English, Urdu, and Urdu in Latin letters; written in haste, so nothing of it must be there.
//! ```text
//!   SOS 31.5204,74.3587,40 gate locked        a point, with its accuracy in metres
//!   https://maps.example/?q=31.5204,74.3587   the same out of a link; geo:31.5,74.3;u=40 (RFC 5870)
//!   mujhe bachao model town ke paas hoon      the place stands before its word
//!   مدد اوکاڑہ میں
//! ```

mod words;

use std::collections::BTreeMap;
use words::{Spelled, spelled};

/// What the words of a message mean in one room.
#[derive(Debug, Clone, Default)]
pub struct Meanings {
    kinds: BTreeMap<Vec<String>, Box<str>>,
    districts: BTreeMap<Vec<String>, Box<str>>,
    /// Words of the longest name.
    longest: usize,
}

/// What a message says; nothing of it is certain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said<'a> {
    /// The kind its words stand for.
    pub kind: Option<&'a str>,
    /// The district it names.
    pub district: Option<&'a str>,
    /// Degrees north and east.
    pub point: Option<(f64, f64)>,
    /// Metres, where the point came with them.
    pub accuracy_m: Option<u32>,
    /// The place in its own words.
    pub place: Option<String>,
}

impl Meanings {
    /// By words for kinds, and names for districts; several words are said in that order.
    pub fn new<'a>(
        kinds: impl IntoIterator<Item = (&'a str, &'a str)>,
        districts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        fn of<'a>(
            names: impl IntoIterator<Item = (&'a str, &'a str)>,
        ) -> BTreeMap<Vec<String>, Box<str>> {
            let spell = |(words, means): (&str, &str)| {
                let words = spelled(words).into_iter().map(|word| word.plain).collect();
                (words, means.into())
            };
            names
                .into_iter()
                .map(spell)
                .filter(|(words, _): &(Vec<_>, _)| !words.is_empty())
                .collect()
        }
        let (kinds, districts) = (of(kinds), of(districts));
        let longest = kinds.keys().chain(districts.keys()).map(Vec::len).max().unwrap_or(0);
        Self { kinds, districts, longest }
    }

    /// What `text` says.
    #[must_use]
    pub fn read(&self, text: &str) -> Said<'_> {
        let words = spelled(text);
        let located = words.iter().find_map(|word| point_in(&word.plain));
        let (point, accuracy_m) = located.map_or((None, None), |(point, by)| (Some(point), by));
        Said {
            kind: self.first(&self.kinds, &words),
            district: self.first(&self.districts, &words),
            point,
            accuracy_m,
            place: words::place(&words),
        }
    }

    /// The first name in it; of two that begin together the longer.
    fn first<'a>(
        &self,
        names: &'a BTreeMap<Vec<String>, Box<str>>,
        words: &[Spelled<'_>],
    ) -> Option<&'a str> {
        (0..words.len()).find_map(|from| {
            let most = self.longest.min(words.len() - from);
            (1..=most).rev().find_map(|many| {
                let said: Vec<String> =
                    words[from..from + many].iter().map(|word| word.plain.clone()).collect();
                names.get(&said).map(|means| &**means)
            })
        })
    }
}

/// A point in one word: two numbers with decimals and a comma between them, wherever in it they stand.
fn point_in(word: &str) -> Option<((f64, f64), Option<u32>)> {
    let number = |text: &str| -> Option<f64> {
        let (whole, decimals) = text.trim_start_matches(['-', '+']).split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        (digits(whole) && digits(decimals) && whole.len() <= 3 && decimals.len() >= 2)
            .then_some(())?;
        text.trim_start_matches('+').parse().ok()
    };
    for part in word.split(|it: char| !(it.is_ascii_digit() || "+-.,".contains(it))) {
        let mut numbers = part.split(',');
        while let Some(lat) = numbers.next() {
            let mut after = numbers.clone();
            let (Some(lat), Some(lon)) = (number(lat), after.next().and_then(number)) else {
                continue;
            };
            if lat.abs() > 90.0 || lon.abs() > 180.0 {
                continue;
            }
            let metres = |text: &str| text.parse().ok().filter(|it| *it <= 100_000);
            let uncertainty = word.split_once(";u=").map(|(_, rest)| {
                rest.split(|it: char| !it.is_ascii_digit()).next().unwrap_or_default()
            });
            return Some(((lat, lon), uncertainty.or_else(|| after.next()).and_then(metres)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meanings() -> Meanings {
        let kinds = [
            ("madad", "violence in progress"),
            ("مدد", "violence in progress"),
            ("bachao", "violence in progress"),
            ("peecha kar raha", "stalking"),
            ("tezab", "acid attack"),
        ];
        let districts = [
            ("Okara", "Okara"),
            ("Dera Ghazi Khan", "Dera Ghazi Khan"),
            ("لاہور", "Lahore"),
            ("DG Khan", "Dera Ghazi Khan"),
        ];
        Meanings::new(kinds, districts)
    }

    #[test]
    fn a_point_is_found_however_it_is_written() {
        let meanings = meanings();
        for (text, point, accuracy_m) in [
            ("SOS 31.5204,74.3587", Some((31.5204, 74.3587)), None),
            ("SOS 31.5204,74.3587,40 gate locked", Some((31.5204, 74.3587)), Some(40)),
            ("help https://maps.example/?q=31.5204,74.3587", Some((31.5204, 74.3587)), None),
            ("https://maps.example/@31.5204,74.3587,17z", Some((31.5204, 74.3587)), Some(17)),
            ("geo:31.5204,74.3587;u=35", Some((31.5204, 74.3587)), Some(35)),
            ("geo:31.5204,-74.3587,12.5;u=35.5", Some((31.5204, -74.3587)), Some(35)),
            ("مدد ۳۱٫۵۲۰۴،۷۴٫۳۵۸۷", Some((31.5204, 74.3587)), None),
            ("ring 0300,1234567", None, None),
            ("at 12.30,13.45 hours", Some((12.3, 13.45)), None),
            ("91.5204,74.3587", None, None),
            ("31.5204, 74.3587", Some((31.5204, 74.3587)), None),
            ("", None, None),
        ] {
            let said = meanings.read(text);
            assert_eq!((said.point, said.accuracy_m), (point, accuracy_m), "{text}");
        }
    }

    #[test]
    fn kind_and_district_are_those_of_the_first_words_that_mean_one() {
        let meanings = meanings();
        for (text, kind, district) in [
            ("MADAD!! okara", Some("violence in progress"), Some("Okara")),
            ("koi mera peecha kar raha hai", Some("stalking"), None),
            ("kar raha hai", None, None),
            ("tezab phenka, madad", Some("acid attack"), None),
            ("dera ghazi khan mein", None, Some("Dera Ghazi Khan")),
            ("D.G. Khan", None, Some("Dera Ghazi Khan")),
            ("مَدَد لاهور", Some("violence in progress"), Some("Lahore")),
            ("مدد لاہور میں", Some("violence in progress"), Some("Lahore")),
            ("okaratown", None, None),
        ] {
            let said = meanings.read(text);
            assert_eq!((said.kind, said.district), (kind, district), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_read(text in "\\PC*", more in prop::collection::vec(any::<char>(), 0..40)) {
            let text: String = text.chars().chain(more).collect();
            let meanings = Meanings::new([("madad", "threat")], [("Okara", "Okara")]);
            let said = meanings.read(&text);
            prop_assert!(said.place.is_none_or(|place| !place.trim().is_empty()));
            prop_assert!(said.point.is_none_or(|(lat, lon)| lat.abs() <= 90.0 && lon.abs() <= 180.0));
        }
    }
}

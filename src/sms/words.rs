//! The words of a message, spelled alike, and which of them say a place.

/// A word: as it was written, and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelled<'a> {
    pub(super) written: &'a str,
    pub(super) plain: String,
    /// Something ends before it: a sentence, a line.
    first: bool,
}

/// What a place is said by, after it. Urdu, in both letters.
const AFTER: &[&[&str]] = &[
    &["ke", "paas"],
    &["ke", "pas"],
    &["k", "paas"],
    &["k", "pas"],
    &["kay", "paas"],
    &["kay", "pas"],
    &["ke", "qareeb"],
    &["ke", "qarib"],
    &["k", "qareeb"],
    &["kay", "qareeb"],
    &["ke", "samne"],
    &["k", "samne"],
    &["kay", "samnay"],
    &["ke", "peeche"],
    &["k", "peeche"],
    &["ke", "andar"],
    &["k", "andar"],
    &["ke", "bahar"],
    &["k", "bahar"],
    &["mein"],
    &["mien"],
    &["par"],
    &["pe"],
    &["کے", "پاس"],
    &["کے", "قریب"],
    &["کے", "سامنے"],
    &["کے", "پیچھے"],
    &["کے", "اندر"],
    &["کے", "باہر"],
    &["میں"],
    &["پر"],
    &["پہ"],
];

/// What a place is said by, before it.
const BEFORE: &[&[&str]] = &[
    &["near"],
    &["at"],
    &["in"],
    &["behind"],
    &["opposite"],
    &["inside"],
    &["outside"],
    &["in", "front", "of"],
];

/// Words that are no part of a place: who, what happens, help.
const NO_PLACE: &[&str] = &[
    "main", "mai", "me", "mein", "mujhe", "mujhay", "mera", "meri", "mere", "hum", "ham", "hai",
    "hain", "hoon", "hun", "ho", "raha", "rahe", "rahi", "kar", "koi", "aur", "or", "plz",
    "please", "pls", "help", "sos", "madad", "bachao", "jaldi", "i", "am", "is", "are", "my", "he",
    "they", "and", "ap", "aap", "yeh", "ye", "woh", "wo", "us", "میں", "مجھے", "میرا", "میری",
    "میرے", "ہم", "ہے", "ہیں", "ہوں", "رہا", "رہے", "رہی", "کر", "کوئی", "اور", "مدد", "بچاؤ",
    "جلدی", "یہ", "وہ", "پلیز",
];

/// Words of a place at most.
const PLACE_WORDS_MAX: usize = 5;

/// The words of `text` as they are compared: small Latin letters, the letters of Urdu for those of Arabic, no signs for
/// vowels, Latin digits.
pub(super) fn spelled(text: &str) -> Vec<Spelled<'_>> {
    let mut words = Vec::new();
    let mut ended = true;
    for written in text.split_whitespace() {
        let lower = written.to_lowercase();
        let plain: String = lower.chars().filter_map(plain).collect();
        let plain = joined(&plain);
        let last = plain.chars().next_back();
        let plain = plain.trim_matches(|it: char| !it.is_alphanumeric()).to_owned();
        if plain.is_empty() {
            ended = true;
            continue;
        }
        words.push(Spelled { written, plain, first: ended });
        ended = last.is_some_and(|it| ".,!?;:\u{6d4}".contains(it));
    }
    glued(words)
}

/// A point whose comma has a blank behind it is one word.
fn glued(words: Vec<Spelled<'_>>) -> Vec<Spelled<'_>> {
    let number = |word: &Spelled<'_>| word.plain.contains('.') && word.plain.parse::<f64>().is_ok();
    let mut glued: Vec<Spelled<'_>> = Vec::with_capacity(words.len());
    for word in words {
        match glued.last_mut() {
            Some(before)
                if number(before)
                    && number(&word)
                    && before.written.ends_with([',', '\u{60c}']) =>
            {
                before.plain = format!("{},{}", before.plain, word.plain);
            }
            _ => glued.push(word),
        }
    }
    glued
}

/// `d.g.` is `dg`; a number keeps its points.
fn joined(plain: &str) -> String {
    let letters = plain.chars().all(|it| it.is_alphabetic() || it == '.');
    let short = plain.split('.').all(|part| part.chars().count() <= 1);
    if letters && short && plain.contains('.') { plain.replace('.', "") } else { plain.to_owned() }
}

fn plain(letter: char) -> Option<char> {
    Some(match letter {
        '\u{64a}' | '\u{649}' => '\u{6cc}',
        '\u{643}' => '\u{6a9}',
        '\u{647}' => '\u{6c1}',
        // Signs for vowels, and what only joins or parts letters.
        '\u{64b}'..='\u{655}' | '\u{670}' | '\u{640}' | '\u{200c}'..='\u{200f}' => return None,
        '\u{6f0}'..='\u{6f9}' => digit(letter, '\u{6f0}'),
        '\u{660}'..='\u{669}' => digit(letter, '\u{660}'),
        '\u{66b}' => '.',
        '\u{60c}' => ',',
        other => other,
    })
}

fn digit(letter: char, zero: char) -> char {
    let value = u32::from(letter) - u32::from(zero);
    char::from_digit(value, 10).unwrap_or(letter)
}

/// The place the words say, as it was written: before a word that places come before, else after one they come after.
pub(super) fn place(words: &[Spelled<'_>]) -> Option<String> {
    let says = |at: usize, by: &[&str]| {
        words.len() - at >= by.len()
            && words[at..].iter().zip(by).all(|(word, by)| word.plain == *by)
    };
    let no_place = |word: &Spelled<'_>| NO_PLACE.contains(&&*word.plain);
    let before = |at: usize| {
        let from = (0..at).rev().take(PLACE_WORDS_MAX).take_while(|nth| !no_place(&words[*nth]));
        let mut first = at;
        for nth in from {
            first = nth;
            if words[nth].first {
                break;
            }
        }
        (first < at && !words[at].first).then(|| &words[first..at])
    };
    let after = |at: usize| {
        let rest = words.get(at..)?;
        let ends = |word: &Spelled<'_>| word.first || no_place(word);
        let many = rest.iter().take(PLACE_WORDS_MAX).take_while(|word| !ends(word)).count();
        (many > 0).then(|| &rest[..many])
    };
    let found = (0..words.len()).find_map(|at| {
        let by = AFTER.iter().any(|by| says(at, by)).then(|| before(at)).flatten();
        let longest = BEFORE.iter().filter(|by| says(at, by)).map(|by| by.len()).max();
        by.or_else(|| longest.and_then(|many| after(at + many)))
    })?;
    let written = found.iter().map(|word| word.written).collect::<Vec<_>>().join(" ");
    Some(written.trim_matches(|it: char| !it.is_alphanumeric()).to_owned())
        .filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_in_the_callers_own_words() {
        for (text, said) in [
            ("mujhe bachao Model Town ke paas hoon", Some("Model Town")),
            ("madad. Shah Jamal Street 7 mein, jaldi", Some("Shah Jamal Street 7")),
            ("main Anarkali bazar mein hoon", Some("Anarkali bazar")),
            ("ghar pe", Some("ghar")),
            ("مدد اوکاڑہ میں", Some("اوکاڑہ")),
            ("مجھے بچاؤ گلبرگ مین مارکیٹ کے قریب ہوں", Some("گلبرگ مین مارکیٹ")),
            ("Help near Liberty Market please", Some("Liberty Market")),
            ("he is in front of the blue gate, hurry", Some("the blue gate")),
            ("mein ghar", None),
            ("near", None),
            ("SOS", None),
            ("help me", None),
            ("", None),
        ] {
            assert_eq!(place(&spelled(text)).as_deref(), said, "{text}");
        }
    }

    #[test]
    fn words_are_spelled_alike() {
        let plain = |text: &str| spelled(text).into_iter().map(|it| it.plain).collect::<Vec<_>>();
        assert_eq!(
            plain("  MADAD!! D.G. Khan... 31.52, 74.35 "),
            ["madad", "dg", "khan", "31.52,74.35"]
        );
        assert_eq!(plain("لاهور"), plain("لاہور"));
        assert_eq!(plain("كيا مَدَد"), plain("کیا مدد"));
        assert_eq!(plain("٣١٫٥"), ["31.5"]);
        assert_eq!(plain("... !"), Vec::<String>::new());
    }
}

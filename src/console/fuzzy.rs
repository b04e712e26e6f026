//! Which of some words a person means who typed a few letters of one: ranked best first, with the
//! letters that matched. Pure; the same letters and words give the same order, ties keep the order
//! of the words.

use super::width::{grapheme_width, plain};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::cell::RefCell;
use std::cmp::Reverse;
use unicode_segmentation::UnicodeSegmentation;

/// One word that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Which of the words it is.
    pub index: usize,
    /// Which of its graphemes matched, rising.
    pub matched: Vec<usize>,
}

thread_local! {
    /// Scratch memory of 135 KiB, no state: kept because it costs more to make than to use.
    static MATCHER: RefCell<Matcher> = RefCell::new(Matcher::new({
        let mut config = Config::DEFAULT;
        config.prefer_prefix = true;
        config
    }));
}

/// The words that match `typed`, best first; all of them in their order when nothing is typed.
/// Letters match in their order, not side by side, whatever their case; each part between spaces
/// of what was typed must match.
pub fn rank<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<Ranked> {
    let typed = typed.trim();
    let pattern = Pattern::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let mut found: Vec<(u32, Ranked)> = MATCHER.with_borrow_mut(|matcher| {
        let mut buffer = Vec::new();
        let ranked = words.into_iter().enumerate().filter_map(|(index, word)| {
            let mut matched = Vec::new();
            let word = plain(word);
            let word = Utf32Str::new(&word, &mut buffer);
            let score = pattern.indices(word, matcher, &mut matched)?;
            matched.sort_unstable();
            matched.dedup();
            let matched = matched.into_iter().filter_map(|at| usize::try_from(at).ok()).collect();
            Some((score, Ranked { index, matched }))
        });
        ranked.collect()
    });
    found.sort_by_key(|(score, _)| Reverse(*score));
    found.into_iter().map(|(_, ranked)| ranked).collect()
}

/// `word` with the graphemes of `matched` in the style `hit`, at most `columns` wide.
#[must_use]
pub fn highlighted(
    word: &str,
    matched: &[usize],
    columns: usize,
    base: Style,
    hit: Style,
) -> Line<'static> {
    let word = plain(word);
    let shown = super::width::cut(&word, columns);
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (at, grapheme) in shown.graphemes(true).enumerate() {
        let cut_here = grapheme == "…" && !word.starts_with(&*shown);
        let style = if matched.binary_search(&at).is_ok() && !cut_here { hit } else { base };
        if grapheme_width(grapheme) == 0 {
            continue;
        }
        match spans.last_mut() {
            Some(span) if span.style == style => span.content.to_mut().push_str(grapheme),
            _ => spans.push(Span::styled(grapheme.to_owned(), style)),
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: &[&str] = &[
        "violence in progress",
        "rape or sexual assault",
        "abduction",
        "domestic violence",
        "harassment",
        "cyber harassment",
        "property dispute",
    ];

    fn best(typed: &str) -> Option<&'static str> {
        rank(typed, KINDS.iter().copied()).first().map(|ranked| KINDS[ranked.index])
    }

    #[test]
    fn a_few_letters_find_the_kind() {
        assert_eq!(best("dv"), Some("domestic violence"));
        assert_eq!(best("vio"), Some("violence in progress"));
        assert_eq!(best("har"), Some("harassment"));
        assert_eq!(best("CYB"), Some("cyber harassment"));
        assert_eq!(best("ass sex"), Some("rape or sexual assault"));
        assert_eq!(best("zzz"), None);
    }

    #[test]
    fn nothing_typed_keeps_every_word_in_order() {
        let all: Vec<usize> =
            rank(" ", KINDS.iter().copied()).iter().map(|ranked| ranked.index).collect();
        assert_eq!(all, (0..KINDS.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_letters_that_matched_are_told_in_urdu_too() {
        let ranked = rank("ہر", ["لاہور"]);
        assert_eq!(ranked[0].matched, [2, 4]);
        let hit = Style::new().underlined();
        let line = highlighted("لاہور", &ranked[0].matched, 9, Style::new(), hit);
        let parts: Vec<&str> = line.spans.iter().map(|span| &*span.content).collect();
        assert_eq!(parts, ["لا", "ہ", "و", "ر"]);
    }

    proptest! {
        #[test]
        fn ranking_never_panics_and_names_graphemes(typed in any::<String>(), word in any::<String>(), columns in 0usize..20) {
            for ranked in rank(&typed, [&*word, "Lahore"]) {
                prop_assert!(ranked.matched.is_sorted());
                let word = if ranked.index == 0 { &*word } else { "Lahore" };
                let count = plain(word).graphemes(true).count();
                prop_assert!(ranked.matched.iter().all(|at| *at < count));
                let line = highlighted(word, &ranked.matched, columns, Style::new(), Style::new());
                let shown: String = line.spans.iter().map(|span| &*span.content).collect();
                prop_assert!(super::super::width::width(&shown) <= columns);
            }
        }
    }
}

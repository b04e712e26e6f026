//! What a line may go on with.

use super::super::fuzzy::rank;
use super::Context;
use super::parse::{Open, token, unquoted, verb, walk, words_of};
use super::verbs::{VERBS, Word};

/// Candidates are looked through by eye; more than so many are not.
const CANDIDATES_MAX: usize = 64;

/// From which byte of `line`, which ends at the cursor, a candidate takes the place of what stands
/// there; and the candidates, best first.
pub(super) fn complete(line: &str, context: &Context) -> (usize, Vec<String>) {
    if let Some(words) = line.strip_prefix('/') {
        return ranked(line, last_part(words), words_of(Word::Filter, context));
    }
    let typed = line.strip_prefix(':').unwrap_or(line).trim_start();
    if !typed.contains(char::is_whitespace) {
        return ranked(line, typed, VERBS.iter().map(|verb| verb.name.to_owned()).collect());
    }
    let Some((verb, rest)) = verb(typed) else {
        return (line.len(), Vec::new());
    };
    let walk = walk(verb, rest, context);
    let mut words = Vec::new();
    let mut partial = walk.partial;
    for open in walk.open {
        match open {
            Open::Flag(name) => words.push(format!("--{name}")),
            Open::Value(word) => {
                if word == Word::Filter {
                    partial = last_part(partial);
                }
                words.extend(words_of(word, context));
            }
        }
    }
    ranked(line, partial, words)
}

fn ranked(line: &str, partial: &str, words: Vec<String>) -> (usize, Vec<String>) {
    let found = rank(unquoted(partial), words.iter().map(|word| &**word));
    let best = found.iter().take(CANDIDATES_MAX).map(|ranked| words[ranked.index].clone());
    (line.len() - partial.len(), best.collect())
}

/// The part of a filter that is being typed; empty behind a space.
fn last_part(words: &str) -> &str {
    let mut left = words;
    loop {
        let (part, behind) = token(left.trim_start());
        if behind.is_empty() {
            return part;
        }
        left = behind;
    }
}

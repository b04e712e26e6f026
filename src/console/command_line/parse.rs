//! From a line to what it asks for. The same walk over a line serves reading it and completing it,
//! so that what is offered is what is understood.

use super::verbs::{Take, VERBS, Verb, Word};
use super::{Context, Filter, Pane, SILENCE_SECONDS_MAX, SortBy, Typed};
use crate::protocol::{CallbackOutcome, Stage};

/// What the parts of a line said.
#[derive(Default)]
pub(super) struct Given {
    parts: Vec<(Word, String)>,
    pub(super) filter: Option<Filter>,
}

impl Given {
    pub(super) fn has(&self, word: Word) -> bool {
        self.parts.iter().any(|(known, _)| *known == word)
    }

    pub(super) fn text(&self, word: Word) -> Option<String> {
        let found = self.parts.iter().find(|(known, _)| *known == word);
        found.map(|(_, text)| text.clone())
    }

    pub(super) fn number<T: std::str::FromStr>(&self, word: Word) -> Option<T> {
        self.text(word)?.parse().ok()
    }

    /// The call; the walk ends with an error when a verb needs one and there is none.
    pub(super) fn call(&self) -> u64 {
        self.number(Word::Call).unwrap_or_default()
    }

    pub(super) fn unit(&self) -> String {
        self.text(Word::Unit).unwrap_or_default()
    }

    pub(super) fn outcome(&self) -> CallbackOutcome {
        let said = self.text(Word::Outcome).and_then(|word| word.parse().ok());
        said.unwrap_or(CallbackOutcome::NoAnswer)
    }
}

/// What could stand at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Value(Word),
    Flag(&'static str),
}

/// How far a line says something, and what could come at its end.
pub(super) struct Walk<'a> {
    pub(super) given: Given,
    /// What the last part may be if it is still being typed, else what may come next.
    pub(super) open: Vec<Open>,
    /// The last part, if it is still being typed: a tail of the line.
    pub(super) partial: &'a str,
    pub(super) wrong: Option<String>,
}

/// The verb a line begins with, after its `:`, and what comes behind it.
pub(super) fn verb(line: &str) -> Option<(&'static Verb, &str)> {
    let line = line.trim_start();
    let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let is = |verb: &&Verb| verb.name == word || (!verb.short.is_empty() && verb.short == word);
    VERBS.iter().find(is).map(|verb| (verb, rest))
}

pub(super) fn parse(line: &str, context: &Context) -> Result<Typed, String> {
    if let Some(words) = line.strip_prefix('/') {
        return filter(words).map(Typed::Filter);
    }
    let line = line.strip_prefix(':').unwrap_or(line).trim();
    if line.is_empty() {
        return Err("type a command, such as `open 7`; Tab offers them, :help lists them".into());
    }
    if let Ok(call) = line.trim_start_matches('#').parse() {
        return Ok(Typed::Open(call));
    }
    let Some((verb, rest)) = verb(line) else {
        let word = line.split_whitespace().next().unwrap_or_default();
        let names = VERBS.iter().map(|verb| verb.name);
        let near = super::super::fuzzy::rank(word, names);
        let near = near.first().map(|near| format!(": is `{}` meant?", VERBS[near.index].name));
        let near = near.unwrap_or_default();
        return Err(format!("no command `{word}`{near} :help lists them"));
    };
    let walk = walk(verb, rest, context);
    match walk.wrong {
        Some(wrong) => Err(format!("{wrong}. As in: :{} {}", verb.name, verb.usage)),
        None => Ok((verb.make)(&walk.given)),
    }
}

/// Whether a line that can be read holds words of somebody: a text, or what was looked for.
pub(super) fn holds_words(line: &str, context: &Context) -> bool {
    if line.starts_with('/') {
        return true;
    }
    let read = verb(line.trim_start_matches(':'));
    read.is_some_and(|(verb, rest)| {
        let given = walk(verb, rest, context).given;
        given.has(Word::Text) || given.has(Word::Filter)
    })
}

/// Reads what stands behind a verb.
pub(super) fn walk<'a>(verb: &Verb, rest: &'a str, context: &Context) -> Walk<'a> {
    let mut walk = Walk { given: Given::default(), open: Vec::new(), partial: "", wrong: None };
    let mut places = verb.takes.iter().filter(|take| take.flag.is_none()).peekable();
    let mut left = rest.trim_start();
    while !left.is_empty() {
        let word = if let Some(flagged) = left.strip_prefix("--") {
            let (name, behind) = token(flagged);
            if behind.is_empty() {
                (walk.partial, walk.open) = (left, flags(verb, &walk.given));
            }
            let Some(take) = verb.takes.iter().find(|take| take.flag == Some(name)) else {
                walk.wrong = Some(format!("no `--{name}` at `{}`", verb.name));
                return walk;
            };
            left = behind.trim_start();
            if matches!(take.word, Word::TakeOver | Word::Release) {
                walk.given.parts.push((take.word, String::new()));
                continue;
            }
            if left.is_empty() {
                walk.open =
                    if behind.is_empty() { walk.open } else { vec![Open::Value(take.word)] };
                walk.wrong = Some(format!("--{name} of what?"));
                return walk;
            }
            take.word
        } else if let Some(take) = places.next() {
            if take.word == Word::Call && !names_call(left, places.peek().copied()) {
                continue;
            }
            take.word
        } else if verb.takes.iter().any(|take| take.word == Word::Text)
            && !walk.given.has(Word::Text)
        {
            // What is said last without a flag is the reason, remark or note.
            Word::Text
        } else {
            walk.wrong = Some(format!("`{}` has no place here", token(left).0));
            return walk;
        };
        match value(word, left, context, &mut walk.given) {
            Ok(behind) => {
                // `case reg` may be the way to `case registered`, though `case` is a word too.
                let goes_on = |word: &String| behind_word(word, left).is_some();
                let is_part = words_of(word, context).iter().any(goes_on);
                if (behind.is_empty() && walk.partial.is_empty()) || is_part {
                    (walk.partial, walk.open) = (left, vec![Open::Value(word)]);
                }
                left = behind.trim_start();
            }
            Err(wrong) => {
                (walk.partial, walk.open) = (left, vec![Open::Value(word)]);
                walk.wrong = Some(wrong);
                return walk;
            }
        }
    }
    if walk.partial.is_empty() {
        let next: Vec<Word> = places.map(|take| take.word).collect();
        // A call may be left out, so what follows it may stand there too.
        let seen = if next.first() == Some(&Word::Call) { 2 } else { 1 };
        walk.open = next.into_iter().take(seen).map(Open::Value).collect();
        walk.open.extend(flags(verb, &walk.given));
    }
    finish(verb, &mut walk, context);
    walk
}

/// Puts in what may be left out, and says what may not.
fn finish(verb: &Verb, walk: &mut Walk<'_>, context: &Context) {
    for take in verb.takes.iter().filter(|take| take.needed) {
        if walk.given.has(take.word) {
            continue;
        }
        match (take.word, context.call) {
            (Word::Call, Some(call)) => walk.given.parts.push((Word::Call, call.to_string())),
            (Word::Call, None) => {
                let wrong = "which call? Say its number, or go to it on the board";
                walk.wrong = Some(wrong.into());
                return;
            }
            _ => {
                walk.wrong = Some(format!("{} is missing", said(take.word)));
                return;
            }
        }
    }
    if walk.given.has(Word::TakeOver) && walk.given.has(Word::Release) {
        walk.wrong = Some("--take-over and --release are opposites: say one".into());
    }
}

/// Whether a call's number stands here. Where a number must follow it and none does, the one that
/// stands here is that, and the call is the one under the cursor.
fn names_call(left: &str, next: Option<&Take>) -> bool {
    let (first, behind) = token(left);
    if number(first).is_none() {
        return false;
    }
    let number_follows = number(token(behind.trim_start()).0).is_some();
    match next.map(|take| take.word) {
        Some(Word::Priority | Word::Primary) => number_follows,
        _ => true,
    }
}

fn number(word: &str) -> Option<u64> {
    word.strip_prefix('#').unwrap_or(word).parse().ok()
}

/// Takes the value of `word` from the front of `left`; gives what stands behind it.
fn value<'a>(
    word: Word,
    left: &'a str,
    context: &Context,
    given: &mut Given,
) -> Result<&'a str, String> {
    let (first, behind) = token(left);
    let wrong = |what: &str| Err(format!("`{first}` is not {what}"));
    let (text, behind) = match word {
        Word::Call | Word::Primary => match number(first) {
            Some(call) => (call.to_string(), behind),
            None => return wrong("the number of a call"),
        },
        Word::Priority => match first.trim_start_matches(['p', 'P']) {
            priority @ ("1" | "2" | "3" | "4") => (priority.to_owned(), behind),
            _ => return wrong("a priority: 1 (most urgent) to 4"),
        },
        Word::Rung => match first.parse::<u32>() {
            Ok(rung @ 1..) => (rung.to_string(), behind),
            _ => return wrong("a rung: 1, 2, 3 ..."),
        },
        Word::Seconds => match first.parse::<u32>() {
            Ok(seconds @ 1..=SILENCE_SECONDS_MAX) => (seconds.to_string(), behind),
            _ => return wrong("a number of seconds from 1 to 60"),
        },
        Word::Text => (unquoted(left.trim()).to_owned(), ""),
        Word::Filter => {
            given.filter = Some(filter(left)?);
            (String::new(), "")
        }
        Word::Place if number(first).is_some() => (first.to_owned(), behind),
        // A unit or clock the board has not seen may still be known to the server.
        Word::Unit | Word::Clock => {
            let known = known(left, &words_of(word, context));
            known.unwrap_or_else(|| (unquoted(first).to_owned(), behind))
        }
        Word::TakeOver | Word::Release => (String::new(), behind),
        Word::Disposition | Word::Outcome | Word::SortBy | Word::Reverse | Word::Place => {
            let words = words_of(word, context);
            match known(left, &words) {
                Some(found) => found,
                // Before the room's words came, the server is the judge.
                None if words.is_empty() => (unquoted(left.trim()).to_owned(), ""),
                None => return wrong(&format!("{}: {}", said(word), words.join(", "))),
            }
        }
    };
    given.parts.push((word, text));
    Ok(behind)
}

/// The words there are for a part.
pub(super) fn words_of(word: Word, context: &Context) -> Vec<String> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match word {
        Word::Call | Word::Primary => context.calls.iter().map(u64::to_string).collect(),
        Word::Unit => context.units.clone(),
        Word::Disposition => context.dispositions.clone(),
        Word::Priority => owned(&["1", "2", "3", "4"]),
        Word::Outcome => CallbackOutcome::ALL.iter().map(ToString::to_string).collect(),
        Word::Clock => context.clocks.clone(),
        Word::Place => Pane::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        Word::SortBy => SortBy::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        Word::Reverse => owned(&["reverse"]),
        Word::Filter => filter_words(context),
        Word::Rung | Word::Text | Word::Seconds | Word::TakeOver | Word::Release => Vec::new(),
    }
}

const fn said(word: Word) -> &'static str {
    match word {
        Word::Call | Word::Primary => "the number of a call",
        Word::Unit => "a unit",
        Word::Disposition => "a way a call ends",
        Word::Priority => "a priority",
        Word::Outcome => "an outcome",
        Word::Clock => "a clock",
        Word::Rung => "a rung",
        Word::Text => "the text",
        Word::Place => "a pane",
        Word::SortBy => "what to sort by",
        Word::Reverse => "`reverse`",
        Word::Seconds => "a number of seconds",
        Word::Filter => "a filter",
        Word::TakeOver => "--take-over",
        Word::Release => "--release",
    }
}

/// The flags of a verb that are not given yet.
fn flags(verb: &Verb, given: &Given) -> Vec<Open> {
    let open = verb.takes.iter().filter(|take| !given.has(take.word));
    open.filter_map(|take| take.flag).map(Open::Flag).collect()
}

/// Up to the next space, quotes holding together what is between them; and what is behind it.
pub(super) fn token(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    text.split_at(end.unwrap_or(text.len()))
}

pub(super) fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"');
    inner.map_or(text, |inner| inner.strip_suffix('"').unwrap_or(inner))
}

/// The longest of `words` that stands at the front of `text`, whatever its case, in quotes or not.
fn known<'a>(text: &'a str, words: &[String]) -> Option<(String, &'a str)> {
    let (first, behind) = token(text);
    if first.starts_with('"') {
        let same = |word: &&String| same(word, unquoted(first));
        return words.iter().find(same).map(|word| (word.clone(), behind));
    }
    let fits = |word: &String| {
        let behind = behind_word(text, word)?;
        (behind.is_empty() || behind.starts_with(char::is_whitespace))
            .then(|| (word.clone(), behind))
    };
    words.iter().filter_map(fits).max_by_key(|(word, _)| word.len())
}

fn behind_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut left = text.chars();
    for expected in word.chars() {
        let found = left.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(left.as_str())
}

fn same(a: &str, b: &str) -> bool {
    behind_word(a, b).is_some_and(str::is_empty)
}

/// Reads what stands behind `/` or `:filter`.
///
/// # Errors
/// Says which part is wrong and what it may be.
pub(super) fn filter(text: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    let mut left = text.trim_start();
    while !left.is_empty() {
        let (part, behind) = token(left);
        left = behind.trim_start();
        let Some((name, value)) = part.split_once(':') else {
            match part.to_lowercase().as_str() {
                "mine" => filter.mine = true,
                "p1" => filter.priority = Some(1),
                "p2" => filter.priority = Some(2),
                "p3" => filter.priority = Some(3),
                "p4" => filter.priority = Some(4),
                _ => filter.words.push(unquoted(part).to_owned()),
            }
            continue;
        };
        let value = unquoted(value);
        if value.is_empty() {
            return Err(format!("`{name}:` of what? As in {name}:NAME"));
        }
        let owned = Some(value.to_owned());
        match name {
            "district" => filter.district = owned,
            "kind" => filter.kind = owned,
            "unit" => filter.unit = owned,
            "stage" => {
                let stage = value.to_lowercase().replace(' ', "_").parse::<Stage>();
                filter.stage = Some(stage.map_err(|none| format!("no such stage: {none}"))?);
            }
            "priority" => match value.parse() {
                Ok(priority @ 1..=4) => filter.priority = Some(priority),
                _ => return Err(format!("`{value}` is not a priority: 1 to 4")),
            },
            _ => {
                let known = "district, kind, stage, unit, priority";
                return Err(format!("no `{name}:` to filter by: there are {known}"));
            }
        }
    }
    Ok(filter)
}

/// Every part a filter may have, as it is typed.
fn filter_words(context: &Context) -> Vec<String> {
    let named = |name: &str, value: &str| {
        let quote = if value.contains(char::is_whitespace) { "\"" } else { "" };
        format!("{name}:{quote}{value}{quote}")
    };
    let mut words: Vec<String> = ["mine", "p1", "p2", "p3", "p4"].map(str::to_owned).into();
    words.extend(context.districts.iter().map(|name| named("district", name)));
    words.extend(context.kinds.iter().map(|name| named("kind", name)));
    words.extend(Stage::ALL.iter().map(|stage| named("stage", stage.as_str())));
    words.extend(context.units.iter().map(|name| named("unit", name)));
    words
}

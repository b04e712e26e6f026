//! What a key or a line means: the crew's hand on the desk.

use super::super::words::{self, HELP, REASONS};
use super::{Act, Desk, HELD_MS, Link, Mode, PANIC_MS, Press, Wanted};
use crate::shell::text;
use fifteen::client::unit::Saying;

impl Desk {
    /// Takes one key.
    pub(in super::super) fn press(&mut self, press: Press, now: u64) -> Vec<Act> {
        match std::mem::replace(&mut self.mode, Mode::Keys) {
            Mode::Typing(wanted, call, text) => self.typed(wanted, call, text, press),
            Mode::Armed(until) if now < until && matches!(press, Press::Letter('p' | 'P')) => {
                self.held_down_until = now + HELD_MS;
                self.says(Saying::Panic { lat: None, lon: None })
            }
            Mode::Leaving if matches!(press, Press::Letter('q' | 'Q')) => {
                self.says(Saying::SignOff)
            }
            Mode::Keys | Mode::Armed(_) | Mode::Leaving => match press {
                Press::Letter(letter) => self.letter(letter, now),
                Press::Tab => self.next_call(),
                Press::Enter | Press::Back | Press::Escape => Vec::new(),
            },
        }
    }

    fn letter(&mut self, letter: char, now: u64) -> Vec<Act> {
        let wanted = match letter.to_ascii_lowercase() {
            'p' if now < self.held_down_until => {
                self.held_down_until = now + HELD_MS;
                return Vec::new();
            }
            'p' => {
                self.mode = Mode::Armed(now + PANIC_MS);
                return vec![Act::Print("PANIC? Press p again".into())];
            }
            'q' => {
                self.mode = Mode::Leaving;
                return vec![Act::Print("Sign off? Press q again".into())];
            }
            'm' => Wanted::Message,
            'b' => Wanted::Break,
            'd' => Wanted::Reason,
            'c' => Wanted::Disposition,
            // What only a line can say.
            letter if letter.is_ascii_alphabetic() && !"aeskvronlh".contains(letter) => {
                return Vec::new();
            }
            other => return self.line(&other.to_string(), now),
        };
        let call = match (wanted, self.which(letter, "")) {
            (Wanted::Message | Wanted::Break, found) => found.ok().map(|(call, _)| call),
            (_, Ok((call, _))) => Some(call),
            (_, Err(why)) => return vec![Act::Print(why)],
        };
        self.mode = Mode::Typing(wanted, call, String::new());
        match wanted {
            Wanted::Reason => vec![Act::Print(words::numbered(REASONS))],
            Wanted::Disposition if self.dispositions.is_empty() => vec![Act::AskWords],
            Wanted::Disposition => vec![Act::Print(words::numbered(&self.dispositions))],
            Wanted::Message | Wanted::Break => Vec::new(),
        }
    }

    /// The room's words for how a call ends have come.
    pub(in super::super) fn words_came(&mut self, dispositions: Vec<String>) -> Vec<Act> {
        self.dispositions = dispositions;
        match self.mode {
            Mode::Typing(Wanted::Disposition, ..) => {
                vec![Act::Print(words::numbered(&self.dispositions))]
            }
            _ => Vec::new(),
        }
    }

    fn typed(
        &mut self,
        wanted: Wanted,
        call: Option<u64>,
        mut text: String,
        press: Press,
    ) -> Vec<Act> {
        match press {
            Press::Escape => return vec![Act::Print("nothing said".into())],
            Press::Enter => return self.finished(wanted, call, &text),
            Press::Back => drop(text.pop()),
            Press::Letter(letter) if text.is_empty() && letter.is_ascii_digit() => {
                let words = match wanted {
                    Wanted::Reason => REASONS.iter().map(ToString::to_string).collect(),
                    Wanted::Disposition => self.dispositions.clone(),
                    Wanted::Message | Wanted::Break => Vec::new(),
                };
                let number = letter.to_digit(10).map_or(0, |digit| digit as usize);
                if let Some(word) = number.checked_sub(1).and_then(|at| words.get(at)) {
                    return self.finished(wanted, call, word);
                }
                text.push(letter);
            }
            Press::Letter(letter) if !letter.is_control() => text.push(letter),
            Press::Letter(_) | Press::Tab => {}
        }
        self.mode = Mode::Typing(wanted, call, text);
        Vec::new()
    }

    fn finished(&mut self, wanted: Wanted, call: Option<u64>, text: &str) -> Vec<Act> {
        let text = text.trim().to_owned();
        let said = match (wanted, call) {
            (Wanted::Disposition, Some(call)) => {
                let disposition = Some(text).filter(|text| !text.is_empty());
                Saying::Clear { call, disposition }
            }
            _ if text.is_empty() => return vec![Act::Print("nothing said".into())],
            (Wanted::Reason, Some(call)) => Saying::Decline { call, reason: text },
            (Wanted::Message, call) => Saying::Message { call, text },
            (Wanted::Break, _) => Saying::OutOfService { reason: text },
            (Wanted::Reason | Wanted::Disposition, None) => return Vec::new(),
        };
        self.says(said)
    }

    /// The crew has said it: the screen goes by that at once.
    fn says(&mut self, saying: Saying) -> Vec<Act> {
        if let Some(held) = saying.call().and_then(|call| self.held.get_mut(&call))
            && words::is_answer(&saying)
        {
            held.said = Some((words::done(&saying), false));
            self.current = saying.call();
        }
        if let Saying::Decline { call, .. } | Saying::Clear { call, .. } = saying {
            self.leaving.push(call);
        }
        self.panicking |= matches!(saying, Saying::Panic { .. });
        let what = words::saying(&saying);
        let kept =
            format!("KEPT, NOT SENT: {what}; goes when the link is back, say it by radio too");
        let mut acts = vec![Act::Say(saying)];
        if !matches!(self.link, Link::Up) {
            acts.push(Act::Print(kept));
        }
        acts
    }

    /// Takes one line: a letter, and what a second key or a text would say.
    pub(in super::super) fn line(&mut self, line: &str, now: u64) -> Vec<Act> {
        let (letter, rest) = match line.trim().split_once(char::is_whitespace) {
            Some((letter, rest)) => (letter, rest.trim()),
            None => (line.trim(), ""),
        };
        let armed = matches!(self.mode, Mode::Armed(until) if now < until);
        self.mode = Mode::Keys;
        let key = letter.chars().next().unwrap_or_default();
        let about = |saying: fn(u64) -> Saying| self.which(key, rest).map(|(call, _)| saying(call));
        let said = match letter {
            "" => return Vec::new(),
            "?" | "h" => return vec![Act::Print(HELP.into())],
            "q" => Ok(Saying::SignOff),
            "a" => about(|call| Saying::Accept { call }),
            "e" => about(|call| Saying::EnRoute { call }),
            "s" => about(|call| Saying::OnScene { call }),
            "k" => about(|call| Saying::CheckIn { call }),
            "d" => self.which(key, rest).and_then(|(call, reason)| match reason {
                "" => Err("say why: d REASON".into()),
                reason => Ok(Saying::Decline { call, reason: reason.into() }),
            }),
            "c" => self.which(key, rest).map(|(call, word)| {
                let disposition = Some(word.to_owned()).filter(|word| !word.is_empty());
                Saying::Clear { call, disposition }
            }),
            "m" if !rest.is_empty() => {
                Ok(Saying::Message { call: self.current, text: rest.into() })
            }
            "b" if !rest.is_empty() => Ok(Saying::OutOfService { reason: rest.into() }),
            "m" | "b" => Err(format!("say what: {letter} TEXT")),
            "v" => Ok(Saying::Available),
            "p" if !armed => {
                self.mode = Mode::Armed(now + PANIC_MS);
                return vec![Act::Print("PANIC? p again; or the word panic".into())];
            }
            "p" | "panic" => Ok(Saying::Panic { lat: None, lon: None }),
            "r" => return self.read(),
            "o" => return vec![Act::SignOn],
            "n" => return self.next_call(),
            "l" => return self.list(),
            other => Err(format!("{}: no such key; ? lists them", text::plain(other))),
        };
        match said {
            Ok(saying) => self.says(saying),
            Err(why) => vec![Act::Print(why)],
        }
    }

    /// The call a key or line is about, and what is left of the line. A number is a call's when it is one
    /// of ours or stands alone; else it may begin a reason.
    fn which<'a>(&self, key: char, rest: &'a str) -> Result<(u64, &'a str), String> {
        let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Ok(call) = first.parse::<u64>()
            && (self.held.contains_key(&call) || after.is_empty())
        {
            return Ok((call, after.trim()));
        }
        if self.lines && self.held.len() > 1 {
            let calls: Vec<_> = self.held.keys().map(ToString::to_string).collect();
            return Err(format!("say which call: {}", calls.join(", ")));
        }
        // Accepted or declined is what has no answer yet.
        let unanswered = self.unanswered().filter(|_| matches!(key, 'a' | 'd'));
        match unanswered.or(self.current) {
            Some(call) => Ok((call, rest)),
            None => Err("no assignment".into()),
        }
    }

    /// The call that has no answer yet: the one shown, else the first.
    pub(super) fn unanswered(&self) -> Option<u64> {
        let is = |call: &u64| self.held.get(call).is_some_and(|held| held.said.is_none());
        self.current.filter(is).or_else(|| self.held.keys().copied().find(is))
    }

    fn next_call(&mut self) -> Vec<Act> {
        let after = |call: &&u64| self.current.is_none_or(|current| **call > current);
        let next = self.held.keys().find(after).or_else(|| self.held.keys().next());
        self.current = next.copied();
        match self.current.and_then(|call| self.held.get(&call)) {
            Some(held) => vec![Act::Print(words::card(&held.assignment, &self.times))],
            None => vec![Act::Print("no assignment".into())],
        }
    }

    fn list(&self) -> Vec<Act> {
        let cards =
            self.held.values().map(|held| Act::Print(words::card(&held.assignment, &self.times)));
        let cards: Vec<_> = cards.collect();
        if cards.is_empty() { vec![Act::Print("no assignment".into())] } else { cards }
    }

    fn read(&mut self) -> Vec<Act> {
        let unread = std::mem::take(&mut self.unread);
        let Some(last) = unread.last() else { return vec![Act::Print("no message unread".into())] };
        let upto = Act::Read(last.seq);
        unread.iter().map(|message| Act::Print(self.message(message))).chain([upto]).collect()
    }
}

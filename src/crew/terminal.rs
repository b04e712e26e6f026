//! A terminal in raw mode: keys in, lines out above one status line that is always there. The terminal is given back
//! when this is dropped, and on a panic.

use super::desk::Press;
use anyhow::{Context, Result};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;
use std::io::Write;
use tokio::sync::mpsc;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What comes from where the crew types.
#[derive(Debug, PartialEq)]
pub(super) enum Input {
    Press(Press),
    Line(String),
    Resized,
    /// Ctrl-C.
    Interrupt,
}

/// Keys at most so many ahead of the program.
const KEYS_MAX: usize = 256;

/// Narrower than this nothing can be read.
const COLUMNS_MIN: usize = 20;

pub(super) struct Terminal {
    columns: usize,
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn take() -> Result<Self> {
        terminal::enable_raw_mode().context("taking the terminal")?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |about| {
            give_back();
            before(about);
        }));
        let mut terminal = Self { columns: 80 };
        terminal.resized();
        Ok(terminal)
    }

    /// The terminal has another size now.
    pub(super) fn resized(&mut self) {
        let columns = terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        self.columns = columns.max(COLUMNS_MIN);
    }

    /// Prints `text` above the status line.
    pub(super) fn print(&self, text: &str, ring: bool, status: &str) -> Result<()> {
        let mut out = String::from("\r\u{1b}[K");
        for line in text.lines() {
            for part in wrapped(line, self.columns) {
                out.push_str(&part);
                out.push_str("\r\n");
            }
        }
        if ring {
            out.push('\u{7}');
        }
        self.write(&out, status)
    }

    /// Draws the status line again.
    pub(super) fn status(&self, status: &str) -> Result<()> {
        self.write("\r\u{1b}[K", status)
    }

    fn write(&self, before: &str, status: &str) -> Result<()> {
        // The last column stays free: some terminals begin a new line there.
        let status = cut(status, self.columns - 1);
        let mut stdout = std::io::stdout().lock();
        write!(stdout, "{before}\u{1b}[7m{status}\u{1b}[0m")?;
        stdout.flush()?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // There is nobody to tell if this fails.
    let _ = terminal::disable_raw_mode();
    let _ = write!(std::io::stdout(), "\r\u{1b}[K");
    let _ = std::io::stdout().flush();
}

/// The keys as they are pressed, read on a thread of their own: a read that blocks cannot be taken back.
pub(super) fn keys() -> mpsc::Receiver<Input> {
    let (sender, receiver) = mpsc::channel(KEYS_MAX);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let input = match event {
                Event::Key(key) => pressed(key),
                Event::Resize(..) => Some(Input::Resized),
                _ => None,
            };
            if input.is_some_and(|input| sender.blocking_send(input).is_err()) {
                break;
            }
        }
    });
    receiver
}

fn pressed(key: KeyEvent) -> Option<Input> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c' | 'd') if control => Input::Interrupt,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(letter) => Input::Press(Press::Letter(letter)),
        KeyCode::Enter => Input::Press(Press::Enter),
        KeyCode::Backspace => Input::Press(Press::Back),
        KeyCode::Esc => Input::Press(Press::Escape),
        KeyCode::Tab => Input::Press(Press::Tab),
        _ => return None,
    })
}

/// As much of `text` as fits, without half a character; of a text being typed, its end.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let typing = text.ends_with('_');
    let mut left = columns;
    let mut fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        left.checked_sub(width).is_some_and(|less| {
            left = less;
            true
        })
    };
    if typing {
        let end: Vec<char> = text.chars().rev().take_while(&mut fits).collect();
        end.into_iter().rev().collect()
    } else {
        text.chars().take_while(&mut fits).collect()
    }
}

/// `line` in parts of at most `columns`, broken at spaces; what follows hangs under the first word of the line.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let hang = if indent == 0 { 2 } else { indent + 7 }.min(columns / 3);
    let mut parts = vec![" ".repeat(indent.min(columns / 3))];
    for (at, word) in line.trim_start().split(' ').enumerate() {
        let mut word = word.to_owned();
        let last = parts.last().map_or(0, |part| part.width());
        let blank = last == 0 || parts.last().is_some_and(|part| part.trim().is_empty());
        let gap = usize::from(at > 0 && (!blank || word.is_empty()));
        if last + gap + word.width() > columns && !blank {
            parts.push(" ".repeat(hang));
        } else if let Some(part) = parts.last_mut() {
            part.push_str(&" ".repeat(gap));
        }
        // A word longer than the screen is broken anywhere.
        while parts.last().map_or(0, |part| part.width()) + word.width() > columns {
            let room = columns - parts.last().map_or(0, |part| part.width());
            let head = cut(&word, room);
            word = word[head.len()..].to_owned();
            if let Some(part) = parts.last_mut() {
                part.push_str(&head);
            }
            parts.push(" ".repeat(hang));
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(&word);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_screen_and_no_word_is_lost() {
        let line = "  where  House 12, Lane 3, behind the girls' college گھر نمبر 7 (31.52040, 74.35870 within 25 m)";
        for columns in [20, 40, 79, 200] {
            let parts = wrapped(line, columns);
            assert!(parts.iter().all(|part| part.width() <= columns), "{columns}: {parts:#?}");
            let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
            assert_eq!(words(&parts.join(" ")), words(line));
        }
        assert_eq!(wrapped("a b", 20), ["a b"]);
        assert_eq!(wrapped("", 20), [""]);
    }

    #[test]
    fn a_word_longer_than_the_screen_is_broken_and_whole() {
        let parts = wrapped(&"x".repeat(50), 20);
        assert!(parts.iter().all(|part| part.width() <= 20), "{parts:#?}");
        assert_eq!(parts.concat().replace(' ', "").len(), 50);
    }

    #[test]
    fn a_status_line_is_cut_and_a_typed_text_shows_its_end() {
        assert_eq!(cut("link ok | 0 unsent", 7), "link ok");
        assert_eq!(cut("decline 7, why? too far_", 9), " too far_");
    }
}

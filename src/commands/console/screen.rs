//! The terminal: taken over, drawn on, and always given back, after a panic too.

use anyhow::Result;
use fifteen::console::{Model, Msg, view};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use ratatui::crossterm::execute;
use std::io::{Write, stdout};
use tokio::sync::mpsc;

/// The terminal while it is ours.
pub(super) struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal over, and sends its keys.
    ///
    /// # Errors
    /// It is no terminal.
    pub(super) fn open(keys: mpsc::Sender<Msg>) -> Result<Self> {
        let terminal = ratatui::try_init()?;
        let restores = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let _ = execute!(stdout(), DisableBracketedPaste);
            restores(info);
            // A task or thread that panicked would leave a console that draws on a terminal given back already. What
            // was typed is on the disk.
            std::process::exit(101);
        }));
        let screen = Self { terminal };
        execute!(stdout(), EnableBracketedPaste)?;
        // A read that blocks cannot be taken back: the thread ends with the process.
        std::thread::Builder::new().name("keys".into()).spawn(move || read_keys(&keys))?;
        Ok(screen)
    }

    pub(super) fn size(&self) -> Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    pub(super) fn draw(&mut self, model: &Model) -> Result<()> {
        self.terminal.draw(|frame| view(model, frame))?;
        Ok(())
    }

    pub(super) fn clear(&mut self) -> Result<()> {
        self.terminal.clear()?;
        Ok(())
    }

    pub(super) fn ring(&mut self) -> Result<()> {
        let mut out = stdout();
        out.write_all(b"\x07")?;
        out.flush()?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(stdout(), DisableBracketedPaste);
        ratatui::restore();
    }
}

fn read_keys(keys: &mpsc::Sender<Msg>) {
    loop {
        let msg = match event::read() {
            Ok(Event::Key(key)) => Msg::Key(key),
            Ok(Event::Paste(text)) => Msg::Paste(text),
            Ok(Event::Resize(columns, rows)) => Msg::Resize(columns, rows),
            Ok(_) => continue,
            // The terminal is gone; the closed channel says so.
            Err(_) => return,
        };
        if keys.blocking_send(msg).is_err() {
            return;
        }
    }
}

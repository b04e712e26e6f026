//! A console without its terminal: what it draws is made into bytes as for a terminal, counted, and thrown away.

use fifteen::console::keys::Keys;
use fifteen::console::theme::Theme;
use fifteen::console::{LinkNews, Model, Msg, update, view};
use fifteen::protocol::{Role, Welcome};
use jiff::tz::TimeZone;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Counts what is written.
#[derive(Clone, Default)]
struct Bytes(Rc<Cell<u64>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Screen {
    pub(crate) model: Model,
    terminal: Terminal<CrosstermBackend<Bytes>>,
    written: Bytes,
    started: Instant,
}

impl Screen {
    pub(crate) fn new((columns, rows): (u16, u16)) -> Self {
        let area = Rect::new(0, 0, columns, rows);
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let written = Bytes::default();
        let backend = CrosstermBackend::new(written.clone());
        let terminal = Terminal::with_options(backend, options).expect("nothing is asked of it");
        let model = Model::new("Sana", Role::Operator, Keys::default(), Theme::truecolor());
        let mut screen = Self { model, terminal, written, started: Instant::now() };
        screen.take(Msg::Resize(columns, rows));
        screen
    }

    pub(crate) fn welcomed(&mut self, welcome: Welcome) {
        self.take(Msg::Link(LinkNews::Up(Box::new(welcome), TimeZone::UTC)));
    }

    /// Takes a message in; what the console wants done is not done.
    pub(crate) fn take(&mut self, msg: Msg) {
        let own = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        update(&mut self.model, msg, own);
    }

    /// Draws, as after a key.
    pub(crate) fn draw(&mut self) {
        self.terminal.draw(|frame| view(&self.model, frame)).expect("a sink takes everything");
    }

    /// A message and the picture after it, timed; and the bytes it sent to the terminal.
    pub(crate) fn timed(&mut self, msg: Msg) -> (Duration, u64) {
        let before = self.written.0.get();
        let from = Instant::now();
        self.take(msg);
        self.draw();
        let took = from.elapsed();
        (took, self.written.0.get() - before)
    }

    /// Draws, and gives what stands there as text.
    pub(crate) fn read(&mut self) -> String {
        let model = &self.model;
        let drawn = self.terminal.draw(|frame| view(model, frame));
        let buffer = drawn.expect("a sink takes everything").buffer;
        buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }
}

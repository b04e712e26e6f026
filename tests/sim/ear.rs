//! What the product says to its own log in a run, at every level: who she is must not be in it.

use crate::seen::HERS;
use std::io;
use std::sync::{Arc, Mutex};
use tracing::level_filters::LevelFilter;

/// Counts what it hears and keeps the first line that names her.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    lines: u64,
    hers: Option<String>,
}

impl io::Write for Ear {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut heard = self.0.lock().unwrap();
        heard.lines += 1;
        if heard.hers.is_none() && line.windows(HERS.len()).any(|part| part == HERS.as_bytes()) {
            heard.hers = Some(String::from_utf8_lossy(line).trim().to_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ear {
    /// Runs something and hears all it logs.
    pub fn over<T>(&self, run: impl FnOnce() -> T) -> T {
        let ear = self.clone();
        let log = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || ear.clone())
            .finish();
        tracing::subscriber::with_default(log, run)
    }

    /// What is wrong with what was heard.
    pub fn verdict(&self) -> Option<String> {
        let heard = self.0.lock().unwrap();
        match &heard.hers {
            Some(line) => Some(format!("who she is stands in a log line: {line}")),
            None if heard.lines == 0 => Some("the log was not heard".into()),
            None => None,
        }
    }
}

//! What things look like. Every style here has a letter or a word beside it on the screen: colour
//! helps the eye and never carries a fact alone.

use ratatui::style::Style;

/// The styles of the console, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Priority 1, panic: first thing seen.
    pub urgent: Style,
    /// A clock past its limit.
    pub late: Style,
    /// A clock past a warning point.
    pub warn: Style,
    /// A clock with time left.
    pub calm: Style,
    /// Done, well, connected.
    pub good: Style,
    /// What matters less.
    pub dim: Style,
    /// The whole board while the server is lost.
    pub stale: Style,
    /// The line under the cursor.
    pub selected: Style,
    /// The pane or field that has the keys.
    pub focus: Style,
    /// Borders and rules.
    pub border: Style,
    /// Titles of panes and columns.
    pub title: Style,
    /// The name of a value.
    pub label: Style,
    /// A value.
    pub value: Style,
    /// A key to press, in help and footers.
    pub key: Style,
    /// The part of a choice that matches what was typed.
    pub matched: Style,
    /// What is wrong and what to do.
    pub error: Style,
    /// The banner of a drill.
    pub banner_drill: Style,
    /// The banner of a degraded server.
    pub banner_degraded: Style,
    /// The banner of a lost server.
    pub banner_lost: Style,
}

impl Theme {
    /// For terminals with 24 bit colours.
    #[must_use]
    pub fn truecolor() -> Self {
        Self::mono()
    }

    /// For terminals with the 16 ANSI colours.
    #[must_use]
    pub fn ansi16() -> Self {
        Self::mono()
    }

    /// Without colour: bold, dim, reversed, underlined.
    #[must_use]
    pub fn mono() -> Self {
        let plain = Style::new();
        Self {
            urgent: plain,
            late: plain,
            warn: plain,
            calm: plain,
            good: plain,
            dim: plain,
            stale: plain,
            selected: plain,
            focus: plain,
            border: plain,
            title: plain,
            label: plain,
            value: plain,
            key: plain,
            matched: plain,
            error: plain,
            banner_drill: plain,
            banner_degraded: plain,
            banner_lost: plain,
        }
    }

    /// The theme the terminal can show, by its environment: `NO_COLOR` (no-color.org), `COLORTERM`,
    /// `TERM`. `var` looks a variable up.
    #[must_use]
    pub fn detect(var: impl Fn(&str) -> Option<String>) -> Self {
        let _ = var;
        Self::mono()
    }
}

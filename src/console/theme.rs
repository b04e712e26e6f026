//! What things look like. Every style here has a letter or a word beside it on the screen: colour
//! helps the eye and never carries a fact alone. Nothing blinks.

use ratatui::style::{Color, Modifier, Style};

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

const fn fg(color: Color) -> Style {
    Style::new().fg(color)
}

const fn on(fg: Color, bg: Color) -> Style {
    Style::new().fg(fg).bg(bg).add_modifier(Modifier::BOLD)
}

impl Theme {
    /// For terminals with 24 bit colours. Middle tones, which a dark and a light ground both bear.
    #[must_use]
    pub const fn truecolor() -> Self {
        const RED: Color = Color::Rgb(224, 82, 76);
        const AMBER: Color = Color::Rgb(214, 148, 32);
        const GREEN: Color = Color::Rgb(70, 160, 96);
        const BLUE: Color = Color::Rgb(74, 144, 206);
        const GREY: Color = Color::Rgb(128, 132, 140);
        const WHITE: Color = Color::Rgb(255, 255, 255);
        const BLACK: Color = Color::Rgb(16, 16, 20);
        Self {
            urgent: on(WHITE, Color::Rgb(176, 28, 36)),
            late: fg(RED).add_modifier(Modifier::BOLD),
            warn: fg(AMBER),
            calm: fg(GREEN),
            good: fg(GREEN),
            dim: fg(GREY),
            stale: fg(GREY),
            selected: on(WHITE, Color::Rgb(38, 79, 120)),
            focus: fg(BLUE).add_modifier(Modifier::BOLD),
            border: fg(GREY),
            title: Style::new().add_modifier(Modifier::BOLD),
            label: fg(GREY),
            value: Style::new(),
            key: fg(BLUE).add_modifier(Modifier::BOLD),
            matched: fg(AMBER).add_modifier(Modifier::UNDERLINED),
            error: fg(RED).add_modifier(Modifier::BOLD),
            banner_drill: on(BLACK, Color::Rgb(240, 208, 60)),
            banner_degraded: on(BLACK, Color::Rgb(240, 150, 40)),
            banner_lost: on(WHITE, Color::Rgb(176, 28, 36)),
        }
    }

    /// For terminals with the 16 ANSI colours.
    #[must_use]
    pub const fn ansi16() -> Self {
        Self {
            urgent: on(Color::White, Color::Red),
            late: fg(Color::LightRed).add_modifier(Modifier::BOLD),
            warn: fg(Color::Yellow),
            calm: fg(Color::Green),
            good: fg(Color::Green),
            // Not DarkGray: some schemes make it the ground's own colour.
            dim: Style::new().add_modifier(Modifier::DIM),
            stale: Style::new().add_modifier(Modifier::DIM),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            focus: fg(Color::Cyan).add_modifier(Modifier::BOLD),
            border: Style::new().add_modifier(Modifier::DIM),
            title: Style::new().add_modifier(Modifier::BOLD),
            label: fg(Color::Cyan),
            value: Style::new(),
            key: fg(Color::Cyan).add_modifier(Modifier::BOLD),
            matched: fg(Color::Yellow).add_modifier(Modifier::UNDERLINED),
            error: fg(Color::LightRed).add_modifier(Modifier::BOLD),
            banner_drill: on(Color::Black, Color::Yellow),
            banner_degraded: on(Color::Black, Color::Magenta),
            banner_lost: on(Color::White, Color::Red),
        }
    }

    /// Without colour: bold, dim, reversed, underlined.
    #[must_use]
    pub const fn mono() -> Self {
        const PLAIN: Style = Style::new();
        const BOLD: Style = PLAIN.add_modifier(Modifier::BOLD);
        const DIM: Style = PLAIN.add_modifier(Modifier::DIM);
        const BANNER: Style = BOLD.add_modifier(Modifier::REVERSED);
        Self {
            urgent: BANNER,
            late: BOLD.add_modifier(Modifier::UNDERLINED),
            warn: BOLD,
            calm: PLAIN,
            good: PLAIN,
            dim: DIM,
            stale: DIM,
            selected: PLAIN.add_modifier(Modifier::REVERSED),
            focus: BOLD.add_modifier(Modifier::UNDERLINED),
            border: PLAIN,
            title: BOLD,
            label: PLAIN,
            value: PLAIN,
            key: BOLD,
            matched: BOLD.add_modifier(Modifier::UNDERLINED),
            error: BOLD,
            banner_drill: BANNER,
            banner_degraded: BANNER,
            banner_lost: BANNER,
        }
    }

    /// The theme the terminal can show, by its environment: `NO_COLOR` (no-color.org), `COLORTERM`,
    /// `TERM`. `var` looks a variable up.
    #[must_use]
    pub fn detect(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name| var(name).unwrap_or_default();
        let term = var("TERM");
        let colourless = ["", "dumb", "vt52", "vt100", "vt102", "vt220", "vt320"];
        if !var("NO_COLOR").is_empty() || colourless.contains(&&*term) || term.ends_with("-mono") {
            return Self::mono();
        }
        let direct = matches!(&*var("COLORTERM"), "truecolor" | "24bit");
        if direct || term.ends_with("-direct") { Self::truecolor() } else { Self::ansi16() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(vars: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_chooses_the_theme() {
        assert_eq!(detected(&[]), Theme::mono());
        assert_eq!(detected(&[("TERM", "vt220")]), Theme::mono());
        assert_eq!(detected(&[("TERM", "linux")]), Theme::ansi16());
        let modern = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
        assert_eq!(detected(&modern), Theme::truecolor());
        let refused = [modern[0], modern[1], ("NO_COLOR", "1")];
        assert_eq!(detected(&refused), Theme::mono());
        let empty = [modern[0], modern[1], ("NO_COLOR", "")];
        assert_eq!(detected(&empty), Theme::truecolor());
    }

    #[test]
    fn without_colour_no_style_has_one_and_nothing_blinks() {
        for theme in [Theme::mono(), Theme::ansi16(), Theme::truecolor()] {
            let said = format!("{theme:?}");
            assert!(!said.contains("BLINK"), "{said}");
        }
        let said = format!("{:?}", Theme::mono());
        assert!(!said.contains(".fg(") && !said.contains(".bg("), "{said}");
    }
}

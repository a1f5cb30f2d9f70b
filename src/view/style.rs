//! The few styles that answers use. Colour is stripped by the stream that the CLI writes to where nobody
//! would see it, so a view always writes it.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

use crate::record::Level;

pub const PLAIN: Style = Style::new();
pub const DIM: Style = Style::new().dimmed();
pub const BOLD: Style = Style::new().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const WARN: Style = AnsiColor::Yellow.on_default();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const HAND_OVER: Style = AnsiColor::Cyan.on_default();

/// `text` in a style.
pub fn paint(style: Style, text: impl Display) -> impl Display {
    struct Painted<T>(Style, T);
    impl<T: Display> Display for Painted<T> {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(out, "{}{}{}", self.0.render(), self.1, self.0.render_reset())
        }
    }
    Painted(style, text)
}

/// The style of a severity.
pub fn of_level(level: &Level) -> Style {
    match level.number {
        0..20 => DIM,
        20..30 => PLAIN,
        30..40 => WARN,
        _ => BAD,
    }
}

//! Where answers go: standard output, buffered, with colour where someone sees it.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// Holds for every stream made from here on. `auto` honours NO_COLOR and CLICOLOR_FORCE.
    pub fn apply(self) {
        let choice = match self {
            ColorChoice::Auto => return,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// Standard output; styles are stripped where nobody would see them.
pub fn stdout() -> impl Write {
    BufWriter::with_capacity(64 * 1024, anstream::AutoStream::auto(io::stdout().lock()))
}

/// Standard error, for verdicts and remarks beside the answer.
pub fn stderr() -> impl Write {
    BufWriter::new(anstream::AutoStream::auto(io::stderr().lock()))
}

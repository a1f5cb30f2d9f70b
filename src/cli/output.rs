//! Where answers go: standard output, buffered, with colour where someone sees it; on a terminal fitted to it, and paged.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum;

use super::pager::Paged;
use super::terminal::{self, Fitted};

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

/// An answer in that form. Text on a terminal is fitted to it, and what is longer than the screen goes through a pager; then
/// flushing ends the answer.
pub fn answer(format: Format) -> Box<dyn Write> {
    match terminal::size(&io::stdout()) {
        Some((columns, rows)) if format == Format::Text => {
            let fitted = Fitted::to(&io::stdout(), Paged::new(rows), columns);
            Box::new(BufWriter::with_capacity(64 * 1024, fitted))
        }
        // JSON has no styles, and none are looked for in it.
        _ if format == Format::Json => Box::new(BufWriter::with_capacity(64 * 1024, io::stdout().lock())),
        _ => Box::new(stdout()),
    }
}

/// An answer beside which the exit code says something: whoever stops reading has seen enough, and the code still stands.
pub fn answer_and_code(format: Format) -> Box<dyn Write> {
    Box::new(UntilClosed(Some(answer(format))))
}

struct UntilClosed(Option<Box<dyn Write>>);

impl UntilClosed {
    fn unless_closed<T>(&mut self, done: io::Result<T>, closed: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.0 = None;
                Ok(closed)
            }
            done => done,
        }
    }
}

impl Write for UntilClosed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.as_mut().map_or(Ok(bytes.len()), |out| out.write(bytes));
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.as_mut().map_or(Ok(()), |out| out.flush());
        self.unless_closed(flushed, ())
    }
}

/// Standard output as it is; styles are stripped where nobody would see them.
pub fn stdout() -> impl Write {
    BufWriter::with_capacity(64 * 1024, anstream::AutoStream::auto(io::stdout().lock()))
}

/// Standard error, for verdicts and remarks beside the answer.
pub fn stderr() -> Box<dyn Write> {
    match terminal::size(&io::stderr()) {
        Some((columns, _)) => Box::new(BufWriter::new(Fitted::to(&io::stderr(), io::stderr().lock(), columns))),
        None => Box::new(BufWriter::new(anstream::AutoStream::auto(io::stderr().lock()))),
    }
}

//! What a terminal needs of an answer: lines that break between words instead of anywhere, no style where none is wanted, and
//! ASCII where the locale has nothing else. It is for text that people read; programs get every line as it is.

use std::io::{self, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns and rows; `None` where the stream is no terminal, or does not know.
pub fn size(stream: &impl std::os::fd::AsFd) -> Option<(usize, usize)> {
    let (terminal_size::Width(columns), terminal_size::Height(rows)) = terminal_size::terminal_size_of(stream)?;
    (columns > 0 && rows > 0).then_some((usize::from(columns), usize::from(rows)))
}

/// Lines are laid out for at least so many columns; of a narrower terminal they overlap the edge.
const NARROWEST: usize = 30;

/// Fits text to a terminal, line by line.
pub struct Fitted<W: Write> {
    out: W,
    columns: usize,
    styled: bool,
    ascii: bool,
    /// What was written of a line that has not ended.
    begun: Vec<u8>,
}

impl<W: Write> Fitted<W> {
    /// For a terminal that `stream` goes to.
    pub fn to(stream: &impl anstream::stream::RawStream, out: W, columns: usize) -> Fitted<W> {
        let styled = AutoStream::choice(stream) != ColorChoice::Never;
        Fitted { out, columns: columns.max(NARROWEST), styled, ascii: !is_unicode(), begun: Vec::new() }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let line = if self.styled { line.to_owned() } else { strip_str(line).to_string() };
        let line = if self.ascii { in_ascii(&line) } else { line };
        if line.len() <= self.columns || display_width(&line) <= self.columns {
            return self.out.write_all(line.as_bytes());
        }
        self.out.write_all(folded(&line, self.columns).as_bytes())
    }
}

impl<W: Write> Write for Fitted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else { return Ok(bytes.len()) };
        let rest = self.begun.split_off(end + 1);
        let whole = std::mem::replace(&mut self.begun, rest);
        for line in String::from_utf8_lossy(&whole).lines() {
            self.line(line)?;
            self.out.write_all(b"\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.begun);
        self.line(&String::from_utf8_lossy(&rest))?;
        self.out.flush()
    }
}

/// A line broken between words; what follows stands two columns further in.
fn folded(line: &str, columns: usize) -> String {
    let text = line.trim_start_matches(' ');
    let indent = (line.len() - text.len()).min(columns / 2);
    let (first, next) = (" ".repeat(indent), " ".repeat(indent + 2));
    let options = Options::new(columns)
        .initial_indent(&first)
        .subsequent_indent(&next)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// Whether the locale has Unicode. One that is not named has: so has every terminal of today.
fn is_unicode() -> bool {
    let named =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|set| !set.is_empty()));
    named.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The same in ASCII: our own signs by what looks like them, other letters by their numbers.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0'..='\u{7f}' => ascii.push(character),
            '│' | '╵' => ascii.push('|'),
            '─' => ascii.push('-'),
            '├' | '┤' | '┼' | '┌' | '┐' | '└' | '┘' | '╭' | '╰' => ascii.push('+'),
            '┆' | '┊' | '⋮' => ascii.push(':'),
            '●' => ascii.push('*'),
            '▶' => ascii.push('>'),
            '◀' => ascii.push('<'),
            '▲' => ascii.push('^'),
            '▼' => ascii.push('v'),
            '⧗' => ascii.push('~'),
            '×' => ascii.push('x'),
            'µ' => ascii.push('u'),
            '→' => ascii.push_str("->"),
            '←' => ascii.push_str("<-"),
            '≤' => ascii.push_str("<="),
            '…' => ascii.push_str("..."),
            other => ascii.extend(other.escape_unicode()),
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(text: &str, columns: usize, styled: bool, ascii: bool) -> String {
        let mut out = Fitted { out: Vec::new(), columns, styled, ascii, begun: Vec::new() };
        // In two pieces, as buffers are emptied.
        let (one, other) = text.as_bytes().split_at(text.len() / 2);
        out.write_all(one).and_then(|()| out.write_all(other)).and_then(|()| out.flush()).expect("memory");
        String::from_utf8(out.out).expect("text")
    }

    #[test]
    fn lines_break_between_words_and_hang_below_where_they_began() {
        let text = "fine\n  take them in one order everywhere, always\nend";
        assert_eq!(fitted(text, 30, true, false), "fine\n  take them in one order\n    everywhere, always\nend");
        let word = "x".repeat(70);
        assert!(fitted(&word, 30, true, false).lines().all(|line| line.len() <= 30));
    }

    #[test]
    fn styles_take_no_room_and_go_where_they_are_not_wanted() {
        let red = "\u{1b}[31m0123456789\u{1b}[0m 0123456789 01234567";
        assert_eq!(fitted(red, 30, true, false), red);
        assert_eq!(fitted(red, 30, false, false), "0123456789 0123456789 01234567");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        let text = "東京 ".repeat(10);
        assert!(fitted(&text, 30, true, false).lines().all(|line| display_width(line) <= 30));
    }

    #[test]
    fn a_locale_without_unicode_gets_ascii() {
        let text = "  ├─▶ vault_1 → vault_2 …  200 µs é";
        assert_eq!(fitted(text, 60, true, true), "  +-> vault_1 -> vault_2 ...  200 us \\u{e9}");
    }
}

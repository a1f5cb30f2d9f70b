//! What is wrong with a query, and where.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// How many columns of a long query are shown on each side of the place that is wrong.
const SHOWN: usize = 60;

/// A query that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub message: String,
    /// The bytes of the query that are wrong; empty at its end where something is missing.
    pub at: Range<usize>,
    /// What to try instead, a sentence each.
    pub hints: Vec<String>,
}

impl QueryError {
    pub(super) fn new(message: impl Into<String>, at: Range<usize>) -> QueryError {
        QueryError { message: message.into(), at, hints: Vec::new() }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> QueryError {
        self.hints.push(hint.into());
        self
    }

    /// The line of the query that is wrong and, below it, carets under the place. Control characters are replaced; of
    /// a long line the surroundings are shown.
    pub fn pointing(&self, query: &str) -> String {
        let start = floor_boundary(query, self.at.start);
        let end = floor_boundary(query, self.at.end).max(start);
        let line_start = query[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = query[start..].find('\n').map_or(query.len(), |newline| start + newline);
        let (before, before_width) = last_columns(&query[line_start..start]);
        let (wrong, wrong_width) = first_columns(&query[start..end.min(line_end)]);
        let (after, _) = first_columns(&query[end.min(line_end)..line_end]);
        format!("{before}{wrong}{after}\n{}{}", " ".repeat(before_width), "^".repeat(wrong_width.max(1)))
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A character as it may be shown, and its width.
fn shown(letter: char) -> (char, usize) {
    match letter.width() {
        Some(width) => (letter, width),
        None if letter == '\t' => (' ', 1),
        None => ('\u{fffd}', 1),
    }
}

fn first_columns(text: &str) -> (String, usize) {
    columns(text.chars(), |out| out.push('…'))
}

fn last_columns(text: &str) -> (String, usize) {
    let (reversed, width) = columns(text.chars().rev(), |out| out.push('…'));
    (reversed.chars().rev().collect(), width)
}

/// As many of the characters as fit into [`SHOWN`] columns, and how wide they are.
fn columns(letters: impl Iterator<Item = char>, cut: impl Fn(&mut String)) -> (String, usize) {
    let mut out = String::new();
    let mut width = 0;
    for (letter, letter_width) in letters.map(shown) {
        if width + letter_width > SHOWN {
            cut(&mut out);
            return (out, width + 1);
        }
        out.push(letter);
        width += letter_width;
    }
    (out, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(query: &str, at: Range<usize>, expected: &str) {
        assert_eq!(QueryError::new("", at).pointing(query), expected);
    }

    #[test]
    fn the_carets_stand_below_what_is_wrong() {
        check("a levle:x", 2..7, "a levle:x\n  ^^^^^");
        check("数据 b", 7..8, "数据 b\n     ^");
        check("a (", 3..3, "a (\n   ^");
        check("one\ntw\to\nthree", 7..8, "tw o\n   ^");
        check("\u{1b}[31m", 1..2, "\u{fffd}[31m\n ^");
        check("", 0..0, "\n^");
        check("x", 5..9, "x\n ^");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let query = format!("{}bad{}", "x".repeat(100), "y".repeat(100));
        let expected = format!("…{}bad{}…\n{}^^^", "x".repeat(60), "y".repeat(60), " ".repeat(61));
        check(&query, 100..103, &expected);
    }

    proptest! {
        #[test]
        fn it_points_wherever_it_is_told(query in "(?s).{0,30}", start in 0_usize..200, end in 0_usize..200) {
            QueryError::new("", start..end).pointing(&query);
        }
    }
}

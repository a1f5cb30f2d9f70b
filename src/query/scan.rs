//! The characters of a query: words, quoted texts, expressions and operators, with their places. What they mean
//! together is `parse`'s.

use std::ops::Range;

use super::QueryError;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Without quotes and escapes.
    pub text: String,
    /// The same as a [`Pattern::Glob`](super::Pattern::Glob), where it has unescaped `*` or `?` outside quotes.
    pub glob: Option<String>,
    pub quoted: bool,
    pub at: Range<usize>,
}

/// What stands between a field and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Is,
    IsNot,
    Matches,
    MatchesNot,
    Compare(super::Op),
}

/// How relations are written; what begins like another stands before it. `=>` and `=<` are slips that mean one thing.
const RELATIONS: [(&str, Relation); 13] = [
    (":", Relation::Is),
    ("==", Relation::Is),
    ("=>", Relation::Compare(super::Op::AtLeast)),
    ("=<", Relation::Compare(super::Op::AtMost)),
    ("=~", Relation::Matches),
    ("=", Relation::Is),
    ("~", Relation::Matches),
    ("!=", Relation::IsNot),
    ("!~", Relation::MatchesNot),
    (">=", Relation::Compare(super::Op::AtLeast)),
    ("<=", Relation::Compare(super::Op::AtMost)),
    (">", Relation::Compare(super::Op::More)),
    ("<", Relation::Compare(super::Op::Less)),
];

pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Scanner<'a> {
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    pub fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether that word in capitals is next; `NOTE` and `NOT:x` are not `NOT`.
    pub fn sees_keyword(&self, keyword: &str) -> bool {
        let after = self.rest().strip_prefix(keyword).map(|rest| rest.chars().next());
        after.is_some_and(|letter| letter.is_none_or(|letter| ends_word(letter) || letter == ']' || letter == '}'))
    }

    pub fn eat_keyword(&mut self, keyword: &str) -> bool {
        let found = self.sees_keyword(keyword);
        if found {
            self.at += keyword.len();
        }
        found
    }

    pub fn sees_quote(&self) -> bool {
        matches!(self.peek(), Some('"' | '\''))
    }

    /// From here up to and with the next character.
    pub fn here(&self) -> Range<usize> {
        self.at..self.at + self.peek().map_or(0, char::len_utf8)
    }

    /// A text in quotes of either kind, at its opening quote. `\` takes a quote or another `\`, and stands for itself
    /// before anything else.
    pub fn quoted(&mut self) -> Result<Written, QueryError> {
        self.in_quotes(|out, letter, _| {
            if !matches!(letter, '"' | '\'' | '\\') {
                out.push('\\');
            }
            out.push(letter);
        })
    }

    fn in_quotes(&mut self, escaped: impl Fn(&mut String, char, char)) -> Result<Written, QueryError> {
        let start = self.at;
        let quote = self.next().unwrap_or('"');
        let mut text = String::new();
        while let Some(letter) = self.next() {
            if letter == quote {
                return Ok(Written { text, glob: None, quoted: true, at: start..self.at });
            }
            match self.peek() {
                Some(next) if letter == '\\' => {
                    self.next();
                    escaped(&mut text, next, quote);
                }
                _ => text.push(letter),
            }
        }
        Err(QueryError::new("this quote is never closed", start..start + quote.len_utf8())
            .hint(format!("to search for the character itself, write `\\{quote}`")))
    }

    /// A bare word, up to white space, a parenthesis, a quote, or what else `ends` it. `\` takes the next character,
    /// unless that is a letter or digit (`C:\temp`).
    pub fn word(&mut self, ends: impl Fn(char) -> bool) -> Written {
        let start = self.at;
        let mut text = String::new();
        let mut glob = String::new();
        let mut is_glob = false;
        while let Some(letter) = self.peek() {
            // An apostrophe inside a word (`don't`) is no quote.
            if (ends_word(letter) && letter != '\'') || ends(letter) {
                break;
            }
            self.next();
            let escaped = self.peek().filter(|next| letter == '\\' && !next.is_alphanumeric());
            if let Some(next) = escaped {
                self.next();
                text.push(next);
                push_literal(&mut glob, next);
                continue;
            }
            text.push(letter);
            if matches!(letter, '*' | '?') {
                is_glob = true;
                glob.push(letter);
            } else {
                push_literal(&mut glob, letter);
            }
        }
        Written { text, glob: is_glob.then_some(glob), quoted: false, at: start..self.at }
    }

    /// A regular expression: in quotes, or up to white space or a parenthesis that it did not open. Its backslashes
    /// are its own, but for those before a quote.
    pub fn expression(&mut self) -> Result<Written, QueryError> {
        let keep = |out: &mut String, letter: char, _| {
            if !matches!(letter, '"' | '\'') {
                out.push('\\');
            }
            out.push(letter);
        };
        if self.sees_quote() {
            return self.in_quotes(keep);
        }
        let start = self.at;
        let mut text = String::new();
        let mut open = 0_usize;
        while let Some(letter) = self.peek() {
            match letter {
                ')' if open == 0 => break,
                ')' => open -= 1,
                '(' => open += 1,
                _ if letter.is_whitespace() => break,
                _ => {}
            }
            self.next();
            match self.peek() {
                Some(next) if letter == '\\' && !next.is_whitespace() => {
                    self.next();
                    keep(&mut text, next, ' ');
                }
                _ => text.push(letter),
            }
        }
        Ok(Written { text, glob: None, quoted: false, at: start..self.at })
    }

    /// A bare field name, when one with its relation is next.
    pub fn field(&mut self) -> Option<(Range<usize>, Relation)> {
        let rest = self.rest();
        // `17:15` is no field 17, and `->x` no field `-`: such names are written in quotes.
        if !rest.starts_with(|letter: char| letter.is_alphabetic() || matches!(letter, '_' | '@' | '$')) {
            return None;
        }
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-' | '@' | '$');
        let length = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        // `http://x` is an address, and `x->y` an arrow.
        if rest[length..].starts_with("://") || rest[..length].ends_with('-') {
            return None;
        }
        let name = self.at..self.at + length;
        let before = std::mem::replace(&mut self.at, name.end);
        let relation = self.relation().or_else(|| self.relation_in_spaces());
        if relation.is_none() {
            self.at = before;
        }
        Some((name, relation?))
    }

    /// The relation that is next.
    pub fn relation(&mut self) -> Option<Relation> {
        RELATIONS.iter().find(|(sign, _)| self.eat(sign)).map(|(_, relation)| *relation)
    }

    /// `ms > 5`: white space on both sides.
    fn relation_in_spaces(&mut self) -> Option<Relation> {
        let before = self.at;
        self.skip_space();
        let is_apart = self.at > before && self.peek() != Some(':');
        let relation = if is_apart { self.relation() } else { None };
        if relation.is_none() || !self.peek().is_some_and(char::is_whitespace) {
            self.at = before;
            return None;
        }
        relation
    }
}

/// What ends a bare word wherever it stands.
fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '(' | ')' | '"' | '\'')
}

/// A character of a glob that is no wildcard.
fn push_literal(glob: &mut String, letter: char) {
    if matches!(letter, '*' | '?' | '\\') {
        glob.push('\\');
    }
    glob.push(letter);
}

//! Text to [`Query`]: the grammar, close to tantivy's and Quickwit's.
//!
//! ```text
//! query     = any                                  nothing at all, or `*`: every record
//! any       = all { "OR" all }
//! all       = one { ["AND"] one }
//! one       = { "NOT" | "-" | "+" } ( "(" any ")" | clause )
//! clause    = field relation value | word | glob | "phrase" | record id
//! relation  = ":" "=" "==" "!=" ">" ">=" "<" "<=" | "~" "=~" "!~" (expressions)
//! value     = word | glob | "phrase" | "*" (exists) | ( ">" | ">=" | "<" | "<=" ) value
//!           | "[" from "TO" to "]" (either bracket may be { or }: exclusive; either end may be "*")
//!           | ["IN"] "(" value … ")" | "IN [" value … "]"   any of them; "OR" and commas between them are as good as spaces
//! ```
//!
//! A field's name may be in quotes. Errors say where they are; whether a field exists is asked by
//! [`check_fields`](super::check_fields), because only the caller knows the runs.

use super::scan::Scanner;
use super::{NamedField, Query, QueryError};

/// The longest query, in bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// How deep parentheses and negations may nest: the parser, the matcher and the stores follow them by recursion.
const MAX_DEPTH: usize = 100;

/// A query that is well formed, and the fields that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub query: Query,
    /// In the order of the text; a field named twice stands here twice.
    pub fields: Vec<NamedField>,
}

/// Reads a query. Times without a date, and those like `-5m`, count from `now` (nanoseconds since 1970).
///
/// # Errors
/// What is wrong, where, and what to write instead.
pub fn parse(text: &str, now: i64) -> Result<Parsed, QueryError> {
    if text.len() > MAX_LENGTH {
        return Err(QueryError::new(
            format!("the query is {} bytes long; the most is {MAX_LENGTH}", text.len()),
            0..text.len(),
        ));
    }
    let mut parser = Parser { scanner: Scanner { text, at: 0 }, now, fields: Vec::new(), depth: 0, expressions: 0 };
    parser.scanner.skip_space();
    let query = if parser.scanner.rest().is_empty() { Query::All } else { parser.any()? };
    if parser.scanner.peek().is_some() {
        return Err(QueryError::new("this parenthesis was never opened", parser.scanner.here()));
    }
    Ok(Parsed { query, fields: parser.fields })
}

pub(super) struct Parser<'a> {
    pub(super) scanner: Scanner<'a>,
    pub(super) now: i64,
    pub(super) fields: Vec<NamedField>,
    depth: usize,
    pub(super) expressions: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Query, QueryError> {
        let mut alternatives = vec![self.all()?];
        while self.scanner.eat_keyword("OR") {
            alternatives.push(self.all()?);
        }
        Ok(single_or(alternatives, Query::Or))
    }

    fn all(&mut self) -> Result<Query, QueryError> {
        let mut conditions = vec![self.one()?];
        loop {
            self.scanner.skip_space();
            let is_end = matches!(self.scanner.peek(), None | Some(')'));
            if is_end || self.scanner.sees_keyword("OR") {
                return Ok(single_or(conditions, Query::And));
            }
            self.scanner.eat_keyword("AND");
            conditions.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Query, QueryError> {
        self.scanner.skip_space();
        let start = self.scanner.at;
        if self.scanner.eat_keyword("NOT") || self.eat_sign('-') {
            let negated = self.deeper(start, Parser::one)?;
            return Ok(Query::Not(Box::new(negated)));
        }
        if self.eat_sign('+') {
            return self.deeper(start, Parser::one);
        }
        match self.scanner.peek() {
            None | Some(')') => Err(self.nothing_here()),
            Some('(') => self.deeper(start, Parser::parenthesis),
            Some(_) if self.scanner.sees_keyword("AND") || self.scanner.sees_keyword("OR") => Err(self.nothing_here()),
            Some(_) => self.clause(),
        }
    }

    /// A sign that belongs to what follows; alone it is text.
    fn eat_sign(&mut self, sign: char) -> bool {
        let mut letters = self.scanner.rest().chars();
        letters.next() == Some(sign)
            && letters.next().is_some_and(|next| !next.is_whitespace() && next != ')')
            && self.scanner.next().is_some()
    }

    fn deeper(
        &mut self,
        start: usize,
        read: impl Fn(&mut Self) -> Result<Query, QueryError>,
    ) -> Result<Query, QueryError> {
        if self.depth == MAX_DEPTH {
            let message = format!("parentheses and negations nest more than {MAX_DEPTH} deep");
            return Err(QueryError::new(message, start..self.scanner.at.max(start + 1)));
        }
        self.depth += 1;
        let query = read(self);
        self.depth -= 1;
        query
    }

    fn parenthesis(&mut self) -> Result<Query, QueryError> {
        let open = self.scanner.here();
        self.scanner.next();
        let query = self.any()?;
        if !self.scanner.eat(")") {
            return Err(QueryError::new("this parenthesis is never closed", open));
        }
        Ok(query)
    }

    fn nothing_here(&self) -> QueryError {
        let scanner = &self.scanner;
        let before = scanner.text[..scanner.at].trim_end();
        let at = scanner.here();
        for keyword in ["AND", "OR"] {
            if scanner.sees_keyword(keyword) {
                let at = scanner.at..scanner.at + keyword.len();
                return QueryError::new(format!("there is nothing for this `{keyword}` on its left"), at).hint(
                    format!("to search for the word itself, write `\"{keyword}\"` or `{}`", keyword.to_lowercase()),
                );
            }
        }
        for keyword in ["AND", "OR", "NOT"] {
            if before.ends_with(keyword) {
                let at = before.len() - keyword.len()..before.len();
                return QueryError::new(format!("there is nothing for this `{keyword}` on its right"), at).hint(
                    format!("to search for the word itself, write `\"{keyword}\"` or `{}`", keyword.to_lowercase()),
                );
            }
        }
        match scanner.peek() {
            Some(')') if before.ends_with('(') => {
                QueryError::new("there is nothing in these parentheses", before.len() - 1..at.end)
            }
            Some(')') => QueryError::new("this parenthesis was never opened", at),
            _ => QueryError::new("the query ends too early", at),
        }
    }
}

pub(super) fn single_or(mut queries: Vec<Query>, many: fn(Vec<Query>) -> Query) -> Query {
    match queries.pop() {
        Some(only) if queries.is_empty() => only,
        last => {
            queries.extend(last);
            many(queries)
        }
    }
}

//! One condition of a query: a field with its relation and value, or a word, phrase or record id alone.

use std::ops::Range;

use super::parse::{Parser, single_or};
use super::scan::{Relation, Written};
use super::{Expression, Glob, NamedField, Op, Pattern, Query, QueryError, text, value};
use crate::record::field::{Field, FieldType, Known};
use crate::record::id::{ProcessName, RecordName};

/// How many regular expressions a query may have: each may take [`Expression::MAX_SIZE`] of memory.
const MAX_EXPRESSIONS: usize = 50;

impl Parser<'_> {
    pub(super) fn clause(&mut self) -> Result<Query, QueryError> {
        if self.scanner.sees_quote() {
            let phrase = self.scanner.quoted()?;
            return match self.scanner.relation() {
                Some(relation) => self.condition(&phrase.text, phrase.at, relation),
                None => bare(phrase),
            };
        }
        if let Some((name, relation)) = self.scanner.field() {
            let text = self.scanner.text;
            return self.condition(&text[name.clone()], name, relation);
        }
        let word = self.scanner.word(|_| false);
        if let Some(id) = record_id(&word) {
            return Ok(id);
        }
        // Lucene's way to write every record.
        if word.text == "*:*" { Ok(Query::All) } else { bare(word) }
    }

    fn condition(&mut self, name: &str, at: Range<usize>, relation: Relation) -> Result<Query, QueryError> {
        let field = Field::named(name);
        if field.name().is_empty() {
            return Err(QueryError::new("a field needs a name", at));
        }
        self.fields.push(NamedField { field: field.clone(), name: name.to_owned(), at });
        let after_relation = self.scanner.at;
        self.scanner.skip_space();
        let is_empty = matches!(self.scanner.peek(), None | Some(')'));
        if is_empty {
            return Err(QueryError::new(format!("`{name}` has no value"), after_relation..after_relation).hint(
                format!("`{name}:*` finds the records that have any; to search for the text itself, put it in quotes"),
            ));
        }
        match relation {
            Relation::Is => self.value(field),
            Relation::IsNot => Ok(Query::Not(Box::new(self.value(field)?))),
            Relation::Matches => self.matches(field),
            Relation::MatchesNot => Ok(Query::Not(Box::new(self.matches(field)?))),
            Relation::Compare(op) => self.compare(field, op),
        }
    }

    fn matches(&mut self, field: Field) -> Result<Query, QueryError> {
        if field.field_type() == FieldType::Time {
            let message = format!("`{field}` is a time: expressions search text");
            return Err(QueryError::new(message, self.scanner.here()));
        }
        let source = self.scanner.expression()?;
        self.expressions += 1;
        if self.expressions > MAX_EXPRESSIONS {
            return Err(QueryError::new(format!("more than {MAX_EXPRESSIONS} regular expressions"), source.at));
        }
        match Expression::new(&source.text) {
            Ok(regex) => Ok(Query::Matches { field, regex }),
            Err(error) => Err(bad_expression(&error, source.at)),
        }
    }

    fn compare(&mut self, field: Field, op: Op) -> Result<Query, QueryError> {
        let value = self.plain_value(&field, |_| false)?;
        value::compare(field, op, value, self.now)
    }

    /// What may stand after `:`.
    fn value(&mut self, field: Field) -> Result<Query, QueryError> {
        if let Some(op) = self.comparison(&field) {
            self.scanner.skip_space();
            return self.compare(field, op);
        }
        match self.scanner.peek() {
            Some('[' | '{') => return self.range(field),
            Some('(') => return self.set(field, ')'),
            _ => {}
        }
        let after_in = self.scanner.rest().strip_prefix("IN").map(|rest| rest.trim_start().chars().next());
        if let Some(Some(bracket @ ('[' | '('))) = after_in {
            self.scanner.at += "IN".len();
            self.scanner.skip_space();
            return self.set(field, if bracket == '[' { ']' } else { ')' });
        }
        let value = self.plain_value(&field, |_| false)?;
        value::is(field, value, self.now)
    }

    /// `field:>5`. Of text, and of what looks like `<lambda>`, the sign is a part.
    fn comparison(&mut self, field: &Field) -> Option<Op> {
        let rest = self.scanner.rest();
        let value = rest.split(char::is_whitespace).next().unwrap_or_default();
        let is_name = rest.starts_with('<') && value.trim_end_matches(')').ends_with('>');
        if is_name || field.field_type() == FieldType::Text || !rest.starts_with(['<', '>']) {
            return None;
        }
        match self.scanner.relation() {
            Some(Relation::Compare(op)) => Some(op),
            _ => None,
        }
    }

    /// One value: in quotes, or a word. A date may be followed by its time of day.
    fn plain_value(&mut self, field: &Field, ends: impl Fn(char) -> bool) -> Result<Written, QueryError> {
        if self.scanner.sees_quote() {
            return self.scanner.quoted();
        }
        let mut value = self.scanner.word(&ends);
        if value.at.is_empty() {
            return Err(QueryError::new(format!("a value for `{field}` is missing here"), self.scanner.here()));
        }
        if field.field_type() == FieldType::Time && is_date(&value.text) {
            let before = self.scanner.at;
            self.scanner.skip_space();
            let clock = self.scanner.word(ends);
            if is_clock(&clock.text) {
                value.text = format!("{} {}", value.text, clock.text);
                value.at.end = clock.at.end;
            } else {
                self.scanner.at = before;
            }
        }
        Ok(value)
    }

    /// `[1 TO 5}`, at its bracket.
    fn range(&mut self, field: Field) -> Result<Query, QueryError> {
        let start = self.scanner.at;
        let lower_op = if self.scanner.next() == Some('[') { Op::AtLeast } else { Op::More };
        let lower = self.end_of_range(&field)?;
        self.scanner.skip_space();
        if !self.scanner.eat_keyword("TO") {
            return Err(not_a_range(start..self.scanner.at, &field));
        }
        let upper = self.end_of_range(&field)?;
        self.scanner.skip_space();
        let upper_op = match self.scanner.peek() {
            Some(']') => Op::AtMost,
            Some('}') => Op::Less,
            _ => return Err(not_a_range(start..self.scanner.at, &field)),
        };
        self.scanner.next();
        let mut bounds = Vec::new();
        for (op, end) in [(lower_op, lower), (upper_op, upper)] {
            if let Some(end) = end {
                bounds.push(value::compare(field.clone(), op, end, self.now)?);
            }
        }
        Ok(if bounds.is_empty() { Query::Exists(field) } else { single_or(bounds, Query::And) })
    }

    /// One end of a range; `None` for `*`.
    fn end_of_range(&mut self, field: &Field) -> Result<Option<Written>, QueryError> {
        self.scanner.skip_space();
        if self.scanner.sees_keyword("TO") {
            return Err(QueryError::new("an end of this range is missing", self.scanner.here())
                .hint("an open end is written `*`"));
        }
        let value = self.plain_value(field, |letter| matches!(letter, ']' | '}'))?;
        Ok((value.glob.as_deref() != Some("*")).then_some(value))
    }

    /// `(a b "c d")` or `[a b]`, at its bracket.
    fn set(&mut self, field: Field, close: char) -> Result<Query, QueryError> {
        let open = self.scanner.here();
        self.scanner.next();
        let mut alternatives = Vec::new();
        loop {
            self.scanner.skip_space();
            match self.scanner.peek() {
                None => return Err(QueryError::new("this bracket is never closed", open)),
                Some(letter) if letter == close => break,
                Some(',') => drop(self.scanner.next()),
                Some(_) if self.scanner.eat_keyword("OR") => {}
                Some(_) if self.scanner.sees_keyword("AND") || self.scanner.sees_keyword("NOT") => {
                    return Err(QueryError::new("the values in brackets are alternatives", self.scanner.here())
                        .hint(format!("write `{field}:a AND {field}:b`, or `-{field}:a`")));
                }
                Some(_) => {
                    let value = self.plain_value(&field, |letter| letter == close || letter == ',')?;
                    alternatives.push(value::is(field.clone(), value, self.now)?);
                }
            }
        }
        self.scanner.next();
        if alternatives.is_empty() {
            return Err(QueryError::new("there is nothing in these brackets", open.start..self.scanner.at));
        }
        Ok(single_or(alternatives, Query::Or))
    }
}

/// A word or phrase without a field.
fn bare(value: Written) -> Result<Query, QueryError> {
    let pattern = match &value.glob {
        Some(glob) if glob.bytes().all(|byte| byte == b'*') => return Ok(Query::All),
        Some(glob) if Glob::words(glob).is_empty() => return Err(value::no_words(&value, None)),
        Some(glob) => Pattern::Glob { text: glob.clone() },
        None if text::words(&value.text).next().is_none() => return Err(value::no_words(&value, None)),
        None => Pattern::Words { text: value.text },
    };
    Ok(Query::bare(pattern))
}

/// `1.t3@17` asks for that record. A process that is not named is any.
fn record_id(word: &Written) -> Option<Query> {
    let name: RecordName = word.text.parse().ok()?;
    let mut conditions = match name.process {
        ProcessName::Unsaid => Vec::new(),
        ProcessName::Number(number) => vec![Query::is(Known::Process, number.to_string())],
        ProcessName::Key(key) => vec![Query::is(Known::Proc, key)],
    };
    conditions.push(Query::is(Known::Lane, name.lane.to_string()));
    conditions.push(Query::is(Known::Seq, name.seq.to_string()));
    Some(Query::And(conditions))
}

/// The regex crate explains in several lines with a picture of its own; ours points at the place already.
fn bad_expression(error: &regex::Error, at: Range<usize>) -> QueryError {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let message = match error {
        regex::Error::CompiledTooBig(_) => "this regular expression becomes too large".to_owned(),
        _ => format!("not a regular expression: {reason}"),
    };
    QueryError::new(message, at)
}

fn not_a_range(at: Range<usize>, field: &Field) -> QueryError {
    QueryError::new("this range is not whole", at)
        .hint(format!("write `{field}:[FROM TO TO]`, like `{field}:[1 TO 5]` or `{field}:{{1 TO *]`"))
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(
            |(place, byte)| {
                if matches!(place, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() }
            },
        )
}

fn is_clock(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit()) && text.contains(':')
}

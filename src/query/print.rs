//! A query as text: what [`parse`](super::parse) would read as the same tree. For messages ("nothing found for …").

use std::fmt::{self, Display, Formatter, Write};

use super::glob::pieces;
use super::{Bound, Op, Pattern, Query, text};
use crate::record::field::Field;
use crate::record::{level, time};

/// What the grammar takes for itself where a word could stand.
const RESERVED: [&str; 5] = ["AND", "OR", "NOT", "TO", "IN"];

impl Display for Query {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write(self, Binding::Any, out)
    }
}

/// How tightly the place where a query is written binds: what binds less is put in parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Any,
    /// Between `OR`s.
    All,
    /// Between `AND`s and behind `NOT`.
    One,
}

fn write(query: &Query, place: Binding, out: &mut Formatter<'_>) -> fmt::Result {
    match query {
        Query::All => out.write_char('*'),
        Query::Exists(field) => write!(out, "{}:*", name(field)),
        Query::Is { field, pattern } => write!(out, "{}:{}", name(field), written(pattern)),
        Query::Compare { field, op, bound } => write!(out, "{}{}{}", name(field), sign(*op), bound),
        Query::Matches { field, regex } => write!(out, "{}~{}", name(field), quoted_expression(regex.as_str())),
        Query::Not(query) => {
            out.write_str("NOT ")?;
            write(query, Binding::One, out)
        }
        Query::And(queries) => match range(queries) {
            Some(range) => out.write_str(&range),
            None => write_many(queries, "*", " ", Binding::One, place > Binding::All, out),
        },
        Query::Or(queries) => match bare(queries).or_else(|| set(queries)) {
            Some(short) => out.write_str(&short),
            None => write_many(queries, "NOT *", " OR ", Binding::All, place > Binding::Any, out),
        },
    }
}

fn write_many(
    queries: &[Query],
    none: &str,
    between: &str,
    inside: Binding,
    in_parentheses: bool,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    if queries.is_empty() {
        return out.write_str(none);
    }
    let in_parentheses = in_parentheses && queries.len() > 1;
    if in_parentheses {
        out.write_char('(')?;
    }
    for (place, query) in queries.iter().enumerate() {
        if place > 0 {
            out.write_str(between)?;
        }
        write(query, inside, out)?;
    }
    if in_parentheses { out.write_char(')') } else { Ok(()) }
}

/// A word without a field stands for three conditions.
fn bare(queries: &[Query]) -> Option<String> {
    let [Query::Is { pattern, .. }, _, _] = queries else { return None };
    (Query::bare(pattern.clone()) == Query::Or(queries.to_vec())).then(|| written(pattern))
}

/// `field:(a b)`
fn set(queries: &[Query]) -> Option<String> {
    let mut of_field = None;
    let mut values = Vec::new();
    for query in queries {
        let Query::Is { field, pattern } = query else { return None };
        if *of_field.get_or_insert(field) != field {
            return None;
        }
        values.push(written(pattern));
    }
    (values.len() > 1).then(|| format!("{}:({})", of_field.map(name).unwrap_or_default(), values.join(" ")))
}

/// `field:[1 TO 5}`
fn range(queries: &[Query]) -> Option<String> {
    let [
        Query::Compare { field, op: lower @ (Op::AtLeast | Op::More), bound: from },
        Query::Compare { field: other, op: upper @ (Op::AtMost | Op::Less), bound: to },
    ] = queries
    else {
        return None;
    };
    let open = if *lower == Op::AtLeast { '[' } else { '{' };
    let close = if *upper == Op::AtMost { ']' } else { '}' };
    (field == other).then(|| format!("{}:{open}{from} TO {to}{close}", name(field)))
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Less => "<",
        Op::AtMost => "<=",
        Op::More => ">",
        Op::AtLeast => ">=",
    }
}

impl Display for Bound {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Int(int) => write!(out, "{int}"),
            // Debug keeps the point of 5.0, without which it would be read as an integer.
            Bound::Float(float) => write!(out, "{float:?}"),
            Bound::Time(ts) => out.write_str(&time::to_rfc3339(*ts)),
            Bound::Level(number) => {
                match level::CANONICAL.iter().find(|name| level::number_of(name) == Some(*number)) {
                    Some(name) => out.write_str(name),
                    None => write!(out, "{number}"),
                }
            }
            Bound::Text(text) => out.write_str(&quoted(text)),
        }
    }
}

fn name(field: &Field) -> String {
    let mut name = field.name().to_owned();
    // A key of the program's own may be called like a field of ours.
    if Field::named(&name) != *field {
        name.insert_str(0, "extra.");
    }
    let starts_well = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    let is_plain = name.chars().all(|letter| text::is_word(letter) || letter == '.');
    if starts_well && is_plain { name } else { quoted(&name) }
}

fn written(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Words { text } => word_or_quoted(text),
        Pattern::Glob { text } => glob(text),
    }
}

fn word_or_quoted(text: &str) -> String {
    let starts_well = text.starts_with(char::is_alphanumeric);
    let is_plain = text.chars().all(|letter| text::is_word(letter) || matches!(letter, '.' | '-' | '/'));
    if starts_well && is_plain && !RESERVED.contains(&text) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Backslashes of an expression are written as they are.
fn quoted_expression(source: &str) -> String {
    format!("\"{}\"", source.replace('"', "\\\""))
}

fn glob(text: &str) -> String {
    let mut out = String::new();
    for (letter, wild) in pieces(text) {
        let is_plain =
            wild || text::is_word(letter) || matches!(letter, '.' | '/') || (letter == '-' && !out.is_empty());
        if !is_plain {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

//! Conditions on the keys of `extra` and of events, which may hold numbers, texts, truth values and null: each has terms
//! of its own kind in the JSON field, under the key's whole path.

use serde_json::Value;
use tantivy::schema::Type;
use tantivy::{Term, f64_to_u64, i64_to_u64, u64_to_f64, u64_to_i64};

use super::docs::Docs;
use super::segment::Segment;
use super::translate::{Ask, Verdict, doubtful, exactly, with_glob};
use super::values;
use crate::query::{Bound, Glob, Matcher, Op, Query, text, value};
use crate::record::decode::{self, Place};
use crate::record::{Field, Record};

/// Between a path and what follows it in a term; no path that is indexed holds it.
const END_OF_PATH: u8 = 0;

pub(super) fn judge(segment: &Segment, path: &str, ask: Ask, query: &Query) -> tantivy::Result<Verdict> {
    let there = || segment.with_term(&Term::from_field_text(segment.fields.has, path));
    match ask {
        Ask::Exists => Ok(exactly(segment, there()?)),
        Ask::Matches | Ask::Compare(_, Bound::Text(_)) => Ok(doubtful(segment, there()?)),
        Ask::Compare(_, Bound::Time(_) | Bound::Level(_)) => Ok(exactly(segment, segment.none())),
        Ask::Compare(op, bound) => Ok(exactly(segment, numbers(segment, path, Some((op, bound)), query)?)),
        Ask::Words(text) => {
            let numbers = match value::number(text) {
                Some(bound) => equal_numbers(segment, path, &bound, query)?,
                None => segment.none(),
            };
            words(segment, path, text, numbers)
        }
        Ask::Glob(text) => {
            let numbers = numbers(segment, path, None, query)?;
            word_globs(segment, path, text, numbers)
        }
    }
}

fn words(segment: &Segment, path: &str, text: &str, numbers: Docs) -> tantivy::Result<Verdict> {
    let words: Vec<_> = text::tokens(text).map(|(_, word)| key_of(path, Type::Str, word.as_bytes())).collect();
    let mut all = if words.is_empty() { segment.none() } else { segment.all() };
    for word in &words {
        all = all.and(&with_key(segment, word)?);
    }
    Ok(texts_and_numbers(segment, all, words.len() <= 1, numbers))
}

fn word_globs(segment: &Segment, path: &str, text: &str, numbers: Docs) -> tantivy::Result<Verdict> {
    let globs = Glob::words(text);
    let mut all = if globs.is_empty() { segment.none() } else { segment.all() };
    let before = key_of(path, Type::Str, &[]);
    for glob in &globs {
        all = all.and(&with_glob(segment, segment.fields.keys, &before, glob)?);
    }
    Ok(texts_and_numbers(segment, all, globs.len() <= 1, numbers))
}

/// The numbers found are sure; the texts are where a single word was asked for.
fn texts_and_numbers(segment: &Segment, texts: Docs, are_sure: bool, numbers: Docs) -> Verdict {
    if are_sure {
        return exactly(segment, texts.or(&numbers));
    }
    let Verdict { yes, .. } = exactly(segment, numbers);
    let Verdict { maybe, .. } = doubtful(segment, texts);
    Verdict { maybe: maybe.without(&yes), yes }
}

/// The documents where the key is that number.
fn equal_numbers(segment: &Segment, path: &str, bound: &Bound, query: &Query) -> tantivy::Result<Docs> {
    let Some(range) = values::equal(bound) else { return numbers(segment, path, None, query) };
    match (i64::try_from(*range.start()), u64::try_from(*range.start())) {
        (Ok(int), _) => with_key(segment, &key_of(path, Type::I64, &i64_to_u64(int).to_be_bytes())),
        (_, Ok(int)) => with_key(segment, &key_of(path, Type::U64, &int.to_be_bytes())),
        // A float of that size.
        _ => numbers(segment, path, None, query),
    }
}

/// The documents where the key is a number that the query (on that key) is met by. A comparison narrows the terms that
/// are looked at; the query itself judges each.
fn numbers(segment: &Segment, path: &str, compare: Option<(Op, &Bound)>, query: &Query) -> tantivy::Result<Docs> {
    let mut judge = NumberJudge::new(query);
    let mut docs = segment.none();
    for kind in [Type::I64, Type::U64, Type::F64] {
        let before = key_of(path, kind, &[]);
        let (mut from, mut to) = (before.clone(), values::after_prefix(&before));
        match compare.and_then(|(op, bound)| Some((op, edge(kind, op, bound)?))) {
            Some((Op::More | Op::AtLeast, edge)) => from.extend(edge.to_be_bytes()),
            Some((Op::Less | Op::AtMost, edge)) => {
                to = [&before, &edge.to_be_bytes()[..], &[0]].concat();
            }
            None => {}
        }
        let found = segment.with_terms(segment.fields.keys, (&from, &to), |term| {
            number_of(kind, &term[before.len()..]).is_some_and(|number| judge.is_met_by(number))
        })?;
        docs = docs.or(&found);
    }
    Ok(docs)
}

/// Where the numbers of that kind that may stand in the relation begin or end, as terms write it.
fn edge(kind: Type, op: Op, bound: &Bound) -> Option<u64> {
    let (floor, ceil) = values::around(bound)?;
    let is_lower = matches!(op, Op::More | Op::AtLeast);
    let int = if is_lower { floor } else { ceil };
    Some(match kind {
        Type::I64 => i64_to_u64(int.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        Type::U64 => int.clamp(0, u64::MAX.into()) as u64,
        // An integer may have been rounded on its way to a float: one step further is far enough.
        _ if is_lower => f64_to_u64((floor as f64).next_down()),
        _ => f64_to_u64((ceil as f64).next_up()),
    })
}

fn number_of(kind: Type, bytes: &[u8]) -> Option<Value> {
    let bits = u64::from_be_bytes(bytes.try_into().ok()?);
    match kind {
        Type::I64 => Some(Value::from(u64_to_i64(bits))),
        Type::U64 => Some(Value::from(bits)),
        _ => Some(Value::from(u64_to_f64(bits))),
    }
}

fn key_of(path: &str, kind: Type, value: &[u8]) -> Vec<u8> {
    [path.as_bytes(), &[END_OF_PATH, kind.to_code()], value].concat()
}

/// The documents with exactly that term.
fn with_key(segment: &Segment, key: &[u8]) -> tantivy::Result<Docs> {
    let to = [key, &[0]].concat();
    segment.with_terms(segment.fields.keys, (key, &to), |_| true)
}

/// Every path that stands in the JSON field, into `found`.
pub(super) fn paths(segment: &Segment, found: &mut dyn FnMut(&str)) -> tantivy::Result<()> {
    let terms = segment.reader.inverted_index(segment.fields.keys)?;
    let mut from = Vec::new();
    loop {
        let mut stream = terms.terms().range().ge(&from).into_stream()?;
        let Some((term, _)) = stream.next() else { return Ok(()) };
        let end = term.iter().position(|byte| *byte == END_OF_PATH).unwrap_or(term.len());
        found(&String::from_utf8_lossy(&term[..end]));
        // Behind everything of this path.
        from = [&term[..end], &[END_OF_PATH + 1]].concat();
    }
}

/// Asks a query on one key of numbers that stand alone: by a record that has nothing else.
struct NumberJudge {
    matcher: Matcher,
    record: Record,
}

const KEY: &str = "v";

impl NumberJudge {
    fn new(query: &Query) -> NumberJudge {
        let field = Field::Key(KEY.into());
        let query = match query {
            Query::Is { pattern, .. } => Query::Is { field, pattern: pattern.clone() },
            Query::Compare { op, bound, .. } => Query::Compare { field, op: *op, bound: bound.clone() },
            // No other condition is asked of numbers alone.
            _ => Query::Or(Vec::new()),
        };
        let place = Place { proc: "".into(), process: None, part: 0, offset: 0 };
        NumberJudge { matcher: query.compile(), record: decode::malformed(b"", 0, &place, String::new()) }
    }

    fn is_met_by(&mut self, number: Value) -> bool {
        self.record.extra.insert(KEY.to_owned(), number);
        self.matcher.matches(&self.record)
    }
}

//! A query, answered by one segment: which documents surely match, and which may and have to be judged by their line.
//!
//! [`Query::matches`](crate::query::Query::matches) is the definition. What the index can say truly becomes `yes`; where
//! it can only narrow down (a regular expression, words in a row where no positions are kept, odd records) it becomes
//! `maybe`. The three ways of a document combine as in Kleene's logic, so that `NOT` and `OR` stay true.

use std::ops::RangeInclusive;

use tantivy::Term;
use tantivy::schema::Field as Column;

use super::docs::Docs;
use super::schema::{KNOWN_MARK, NAMED_IN_HAS};
use super::segment::Segment;
use super::{keys, values};
use crate::query::{Bound, Glob, Op, Pattern, Query, glob, text, value};
use crate::record::field::{Field, FieldType, Known};
use crate::record::time;
use crate::store::Filter;

/// What the index says of a segment's documents. No document is in both sets.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub yes: Docs,
    pub maybe: Docs,
}

/// Judges the segment by a filter.
pub(super) fn judge(filter: &Filter, segment: &Segment) -> tantivy::Result<Verdict> {
    let range = filter.since.unwrap_or(i64::MIN)..=filter.until.map_or(i64::MAX, |until| until.saturating_sub(1));
    let is_empty = range.is_empty() || filter.until == Some(i64::MIN);
    let is_whole = *range.start() <= segment.ts.min_value() && segment.ts.max_value() <= *range.end();
    let within = match (is_empty, is_whole) {
        (true, _) => segment.none(),
        (_, true) => segment.all(),
        _ => segment.in_range(&segment.ts, range, &segment.all()),
    };
    if within.is_empty() {
        return Ok(Verdict { yes: segment.none(), maybe: segment.none() });
    }
    let Verdict { yes, maybe } = Judging { segment }.query(&filter.query, &within)?;
    Ok(Verdict { yes: yes.and(&within), maybe: maybe.and(&within) })
}

/// What a leaf asks of a field's values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'q> {
    Words(&'q str),
    Glob(&'q str),
    Compare(Op, &'q Bound),
    Exists,
    Matches,
}

struct Judging<'s> {
    segment: &'s Segment,
}

impl Judging<'_> {
    /// Judges the documents of `within`; of others anything may be said.
    fn query(&self, query: &Query, within: &Docs) -> tantivy::Result<Verdict> {
        match query {
            Query::All => Ok(self.exactly(self.segment.all())),
            Query::And(queries) => self.and(queries, within),
            Query::Or(queries) => {
                let mut sum = Verdict { yes: self.segment.none(), maybe: self.segment.none() };
                for query in queries {
                    let next = self.query(query, within)?;
                    sum = Verdict { yes: sum.yes.or(&next.yes), maybe: sum.maybe.or(&next.maybe) };
                }
                Ok(Verdict { maybe: sum.maybe.without(&sum.yes), yes: sum.yes })
            }
            Query::Not(query) => {
                let Verdict { yes, maybe } = self.query(query, within)?;
                Ok(Verdict { yes: yes.or(&maybe).not(), maybe })
            }
            Query::Is { field, pattern: Pattern::Words { text } } => self.leaf(field, Ask::Words(text), query, within),
            Query::Is { field, pattern: Pattern::Glob { text } } => self.leaf(field, Ask::Glob(text), query, within),
            Query::Compare { field, op, bound } => self.leaf(field, Ask::Compare(*op, bound), query, within),
            Query::Exists(field) => self.leaf(field, Ask::Exists, query, within),
            Query::Matches { field, .. } => self.leaf(field, Ask::Matches, query, within),
        }
    }

    fn and(&self, queries: &[Query], within: &Docs) -> tantivy::Result<Verdict> {
        // Ranges of columns come last: they need only look at the documents that are left.
        let (ranges, others): (Vec<_>, Vec<_>) = queries.iter().partition(|query| is_range(query));
        let (mut sure, mut possible) = (within.clone(), within.clone());
        for query in others.into_iter().chain(ranges) {
            let Verdict { yes, maybe } = self.query(query, &possible)?;
            possible = possible.and(&maybe.or(&yes));
            sure = sure.and(&yes);
        }
        Ok(Verdict { maybe: possible.without(&sure), yes: sure })
    }

    fn leaf(&self, field: &Field, ask: Ask, query: &Query, within: &Docs) -> tantivy::Result<Verdict> {
        let known = match field {
            Field::Key(path) => return keys::judge(self.segment, path, ask, query),
            Field::Known(known) => *known,
        };
        match known.field_type() {
            FieldType::Time => self.time(ask, within),
            FieldType::Number => self.number(known, ask, within),
            FieldType::Level => self.level(ask),
            FieldType::Keyword => self.keyword(known, ask),
            FieldType::Text | FieldType::Any => self.text(known, ask),
        }
    }

    fn time(&self, ask: Ask, within: &Docs) -> tantivy::Result<Verdict> {
        let range = match ask {
            Ask::Words(text) => time::parse_rfc3339(text).and_then(|ts| narrow(values::equal(&Bound::Time(ts)))),
            Ask::Compare(op, bound @ Bound::Time(_)) => narrow(values::integers(op, bound)),
            Ask::Compare(..) | Ask::Glob(_) => None,
            Ask::Exists => Some(i64::MIN..=i64::MAX),
            Ask::Matches => return Ok(self.doubtful(self.segment.all())),
        };
        let found = range.map(|range| self.segment.in_range(&self.segment.ts, range, within));
        Ok(self.exactly(found.unwrap_or_else(|| self.segment.none())))
    }

    fn number(&self, known: Known, ask: Ask, within: &Docs) -> tantivy::Result<Verdict> {
        let column = self.segment.reader.fast_fields().u64(known.name())?;
        let range = match ask {
            Ask::Words(text) => value::number(text).and_then(|bound| narrow(values::equal(&bound))),
            Ask::Compare(_, Bound::Time(_)) => None,
            Ask::Compare(op, bound) => narrow(values::integers(op, bound)),
            Ask::Exists => Some(0..=u64::MAX),
            Ask::Glob(_) | Ask::Matches => return Ok(self.doubtful(self.segment.all())),
        };
        let found = range.map(|range| self.segment.in_range(&column, range, within));
        Ok(self.exactly(found.unwrap_or_else(|| self.segment.none())))
    }

    fn level(&self, ask: Ask) -> tantivy::Result<Verdict> {
        let range = match ask {
            Ask::Words(text) => value::severity(text).map(|number| number..=number),
            Ask::Compare(op, Bound::Level(number)) => {
                narrow(values::integers(op, &Bound::Int(i128::from(*number)))).map(|range: RangeInclusive<u16>| range)
            }
            other => return self.keyword(Known::Level, other),
        };
        let Some(range) = range else { return Ok(self.exactly(self.segment.none())) };
        let term = |number: u16| Term::from_field_u64(self.segment.fields.severity, u64::from(number));
        let (from, to) = (term(*range.start()), u64::from(*range.end()) + 1);
        let to = Term::from_field_u64(self.segment.fields.severity, to);
        let bytes = (from.serialized_value_bytes(), to.serialized_value_bytes());
        Ok(self.exactly(self.segment.with_terms(self.segment.fields.severity, bytes, |_| true)?))
    }

    fn keyword(&self, known: Known, ask: Ask) -> tantivy::Result<Verdict> {
        let Some(column) = self.segment.fields.keyword(known) else { return Ok(self.doubtful(self.segment.all())) };
        match ask {
            Ask::Words(text) => {
                let term = Term::from_field_text(column, &text::lower(text));
                Ok(self.exactly(self.segment.with_term(&term)?))
            }
            Ask::Glob(text) => Ok(self.exactly(self.with_glob(column, &[], &Glob::whole(text))?)),
            Ask::Compare(op, Bound::Text(bound)) => {
                let fits = |term: &[u8]| values::holds(op, term.cmp(bound.as_bytes()));
                Ok(self.exactly(self.segment.with_terms(column, (&[], &[]), fits)?))
            }
            Ask::Compare(..) => Ok(self.exactly(self.segment.none())),
            Ask::Exists => Ok(self.exactly(self.segment.with_terms(column, (&[], &[]), |_| true)?)),
            Ask::Matches => Ok(self.doubtful(self.segment.with_terms(column, (&[], &[]), |_| true)?)),
        }
    }

    fn text(&self, known: Known, ask: Ask) -> tantivy::Result<Verdict> {
        let there = || match NAMED_IN_HAS.contains(&known) {
            false => Ok(self.segment.all()),
            true => {
                let name = format!("{KNOWN_MARK}{}", known.name());
                self.segment.with_term(&Term::from_field_text(self.segment.fields.has, &name))
            }
        };
        // Templates are not indexed.
        let Some(column) = self.segment.fields.text(known) else { return Ok(self.doubtful(self.segment.all())) };
        match ask {
            Ask::Words(text) => self.words(column, text, known == Known::Msg),
            Ask::Glob(text) => self.word_globs(column, text),
            Ask::Compare(_, Bound::Text(_)) | Ask::Matches => Ok(self.doubtful(there()?)),
            Ask::Compare(..) => Ok(self.exactly(self.segment.none())),
            Ask::Exists if NAMED_IN_HAS.contains(&known) => Ok(self.exactly(there()?)),
            Ask::Exists => Ok(self.doubtful(there()?)),
        }
    }

    fn words(&self, column: Column, text: &str, has_positions: bool) -> tantivy::Result<Verdict> {
        let words: Vec<Term> = text::tokens(text).map(|(_, word)| Term::from_field_text(column, &word)).collect();
        match words.as_slice() {
            [] => Ok(self.exactly(self.segment.none())),
            [word] => Ok(self.exactly(self.segment.with_term(word)?)),
            _ if has_positions => Ok(self.exactly(self.segment.with_phrase(words)?)),
            _ => {
                let mut all = self.segment.all();
                for word in &words {
                    all = all.and(&self.segment.with_term(word)?);
                }
                Ok(self.doubtful(all))
            }
        }
    }

    fn word_globs(&self, column: Column, text: &str) -> tantivy::Result<Verdict> {
        let globs = Glob::words(text);
        let mut all = if globs.is_empty() { self.segment.none() } else { self.segment.all() };
        for glob in &globs {
            all = all.and(&self.with_glob(column, &[], glob)?);
        }
        Ok(if globs.len() > 1 { self.doubtful(all) } else { self.exactly(all) })
    }

    /// The documents with a term that fits the glob.
    fn with_glob(&self, column: Column, before: &[u8], glob: &Glob) -> tantivy::Result<Docs> {
        with_glob(self.segment, column, before, glob)
    }

    fn exactly(&self, docs: Docs) -> Verdict {
        exactly(self.segment, docs)
    }

    fn doubtful(&self, docs: Docs) -> Verdict {
        doubtful(self.segment, docs)
    }
}

/// These documents match; of the odd ones nobody knows.
pub(super) fn exactly(segment: &Segment, docs: Docs) -> Verdict {
    Verdict { yes: docs.without(&segment.odd), maybe: segment.odd.clone() }
}

/// These documents may match, as may the odd ones.
pub(super) fn doubtful(segment: &Segment, docs: Docs) -> Verdict {
    Verdict { yes: segment.none(), maybe: docs.or(&segment.odd) }
}

/// The documents with a term that begins with `before` and goes on as the glob says.
pub(super) fn with_glob(segment: &Segment, column: Column, before: &[u8], glob: &Glob) -> tantivy::Result<Docs> {
    // What the glob begins with narrows the terms that have to be looked at.
    let mut from = before.to_vec();
    let just = glob.parts().iter().map_while(|part| match part {
        glob::Part::Just(letter) => Some(*letter),
        _ => None,
    });
    just.for_each(|letter| from.extend(letter.encode_utf8(&mut [0; 4]).bytes()));
    let to = values::after_prefix(&from);
    segment.with_terms(column, (&from, &to), |term| {
        std::str::from_utf8(&term[before.len()..]).is_ok_and(|text| glob.fits(text))
    })
}

/// Whether the query is answered by looking at a column's values.
fn is_range(query: &Query) -> bool {
    let (Query::Is { field, .. } | Query::Compare { field, .. }) = query else { return false };
    matches!(field.field_type(), FieldType::Time | FieldType::Number)
}

/// The part of a range that the type can hold.
fn narrow<T>(range: Option<RangeInclusive<i128>>) -> Option<RangeInclusive<T>>
where
    T: TryFrom<i128> + Into<i128> + Limits,
{
    let range = range?;
    let (low, high) = (T::MIN.into().max(*range.start()), T::MAX.into().min(*range.end()));
    if low > high { None } else { Some(T::try_from(low).ok()?..=T::try_from(high).ok()?) }
}

trait Limits {
    const MIN: Self;
    const MAX: Self;
}

macro_rules! limits {
    ($($int:ident),*) => { $(impl Limits for $int { const MIN: $int = $int::MIN; const MAX: $int = $int::MAX; })* };
}

limits!(i64, u64, u16);

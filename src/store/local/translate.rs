//! A query, answered by one segment: which documents surely match, and which may and have to be judged by their line.
//!
//! [`Query::matches`](crate::query::Query::matches) is the definition. What the index can say truly becomes `yes`; where
//! it can only narrow down (a regular expression, words in a row, ids, odd records) it becomes
//! `maybe`. The three ways of a document combine as in Kleene's logic, so that `NOT` and `OR` stay true.

use std::ops::RangeInclusive;

use super::docs::Docs;
use super::kinds::{self, CommonLeaf};
use super::segment::Segment;
use super::terms::{self, BORDER};
use super::{keys, messages, values};
use crate::query::{Bound, Expression, Op, Pattern, Query, text, value};
use crate::record::field::{Field, Known};
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
    Matches(&'q Expression),
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
            Query::Matches { field, regex } => self.leaf(field, Ask::Matches(regex), query, within),
        }
    }

    fn and(&self, queries: &[Query], within: &Docs) -> tantivy::Result<Verdict> {
        let (mut kinds, mut whos, mut others, mut ranges) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for query in joined(queries) {
            match CommonLeaf::of(query, &self.segment.fields) {
                Some(leaf) if leaf.column == self.segment.fields.kind => kinds.push(leaf),
                Some(leaf) => whos.push(leaf),
                None if is_range(query) => ranges.push(query),
                None => others.push(query),
            }
        }
        let mut left = Left { sure: within.clone(), possible: within.clone() };
        // Of lanes there may be very many: the kinds first.
        for leaves in [kinds, whos] {
            left.narrow(|_| kinds::judge(self.segment, &leaves))?;
        }
        // Ranges of columns come last: they need only look at the documents that are left.
        for query in others.into_iter().chain(ranges) {
            left.narrow(|within| self.query(query, within))?;
        }
        Ok(Verdict { maybe: left.possible.without(&left.sure), yes: left.sure })
    }

    fn leaf(&self, field: &Field, ask: Ask, query: &Query, within: &Docs) -> tantivy::Result<Verdict> {
        let known = match field {
            Field::Key(path) => return keys::judge(self.segment, path, ask, query),
            Field::Known(known) => *known,
        };
        match known {
            Known::Ts => self.time(ask, within),
            Known::Mono | Known::Seq => self.number(known, ask, within),
            Known::Obj => self.object(ask, query),
            Known::Msg => messages::judge(self.segment, ask, query),
            _ => {
                if let Some(leaf) = CommonLeaf::of(query, &self.segment.fields) {
                    return kinds::judge(self.segment, &[leaf]);
                }
                match terms::RARE_TEXTS.iter().find(|(own, _)| *own == known) {
                    Some((_, mark)) => messages::rare(self.segment, *mark, known.name(), ask),
                    None => Ok(doubtful(self.segment, self.segment.all())),
                }
            }
        }
    }

    /// The object of an event: there may be many, so a whole name is looked up.
    fn object(&self, ask: Ask, query: &Query) -> tantivy::Result<Verdict> {
        let mut range = (Vec::new(), Vec::new());
        if let Ask::Words(text) = ask {
            let name = text::lower(text);
            range = ([name.as_bytes(), &[BORDER]].concat(), [name.as_bytes(), &[BORDER, BORDER]].concat());
        }
        let matcher = query.compile();
        let found = self.segment.with_terms(self.segment.fields.obj, (&range.0, &range.1), |term| {
            matcher.accepts(terms::value_of(Known::Obj, terms::part(term, 1)).as_ref(), None)
        });
        Ok(exactly(self.segment, found?))
    }

    fn time(&self, ask: Ask, within: &Docs) -> tantivy::Result<Verdict> {
        let range = match ask {
            Ask::Words(text) => time::parse_rfc3339(text).and_then(|ts| narrow(values::equal(&Bound::Time(ts)))),
            Ask::Compare(op, bound @ Bound::Time(_)) => narrow(values::integers(op, bound)),
            Ask::Compare(..) | Ask::Glob(_) => None,
            Ask::Exists => Some(i64::MIN..=i64::MAX),
            Ask::Matches(_) => return Ok(self.doubtful(self.segment.all())),
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
            Ask::Glob(_) | Ask::Matches(_) => return Ok(self.doubtful(self.segment.all())),
        };
        let found = range.map(|range| self.segment.in_range(&column, range, within));
        Ok(self.exactly(found.unwrap_or_else(|| self.segment.none())))
    }

    fn exactly(&self, docs: Docs) -> Verdict {
        exactly(self.segment, docs)
    }

    fn doubtful(&self, docs: Docs) -> Verdict {
        doubtful(self.segment, docs)
    }
}

/// The queries that have to hold together, however they were nested.
fn joined(queries: &[Query]) -> Vec<&Query> {
    let mut all = Vec::new();
    for query in queries {
        match query {
            Query::And(inner) => all.extend(joined(inner)),
            query => all.push(query),
        }
    }
    all
}

/// The documents that are left after some of the questions that have to hold together.
struct Left {
    sure: Docs,
    possible: Docs,
}

impl Left {
    /// Puts the next question, if there is anything left to ask about.
    fn narrow(&mut self, ask: impl FnOnce(&Docs) -> tantivy::Result<Verdict>) -> tantivy::Result<()> {
        if self.possible.is_empty() {
            return Ok(());
        }
        let Verdict { yes, maybe } = ask(&self.possible)?;
        self.sure.keep(&yes);
        self.possible.keep(&maybe.or(&yes));
        Ok(())
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

/// These documents match, of these and the odd ones nobody knows.
pub(super) fn settled(segment: &Segment, yes: Docs, maybe: Docs) -> Verdict {
    let yes = yes.without(&segment.odd);
    Verdict { maybe: maybe.or(&segment.odd).without(&yes), yes }
}

/// Whether the query is answered by looking at a column's values.
fn is_range(query: &Query) -> bool {
    let (Query::Is { field, .. } | Query::Compare { field, .. }) = query else { return false };
    matches!(field, Field::Known(Known::Ts | Known::Mono | Known::Seq))
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

limits!(i64, u64);

//! Questions about fields that many records have in common: each different term is asked, and all questions that have to hold
//! together are put to it in one pass.

use tantivy::schema::Field as Column;

use super::schema::Fields;
use super::segment::Segment;
use super::terms::{self, KIND, WHO};
use super::translate::{Verdict, exactly};
use crate::query::{Matcher, Query};
use crate::record::field::{Field, Known};

/// A question about one field of a `kind` or a `who`, or that it does not hold.
pub(super) struct CommonLeaf {
    pub column: Column,
    known: Known,
    /// Of the field in the terms.
    place: usize,
    matcher: Matcher,
}

impl CommonLeaf {
    /// The query as such a question, if it is one.
    pub fn of(query: &Query, fields: &Fields) -> Option<CommonLeaf> {
        let (Query::Is { field, .. }
        | Query::Compare { field, .. }
        | Query::Exists(field)
        | Query::Matches { field, .. }) = inner(query)
        else {
            return None;
        };
        let Field::Known(known) = *field else { return None };
        let of = |column, names: &[Known]| Some((column, terms::place_in(names, known)?));
        let (column, place) = of(fields.kind, &KIND).or_else(|| of(fields.who, &WHO))?;
        Some(CommonLeaf { column, known, place, matcher: query.compile() })
    }

    fn holds(&self, term: &[u8]) -> bool {
        let severity = if self.known == Known::Level { terms::severity(term) } else { None };
        self.matcher.accepts(terms::value_of(self.known, terms::part(term, self.place)).as_ref(), severity)
    }
}

/// What is asked, whether or not it is to hold.
fn inner(query: &Query) -> &Query {
    match query {
        Query::Not(query) => inner(query),
        query => query,
    }
}

/// The documents for which all of these hold; they are of one column.
pub(super) fn judge(segment: &Segment, leaves: &[CommonLeaf]) -> tantivy::Result<Verdict> {
    let Some(first) = leaves.first() else { return Ok(exactly(segment, segment.all())) };
    let fits = |term: &[u8]| leaves.iter().all(|leaf| leaf.holds(term));
    Ok(exactly(segment, segment.with_terms(first.column, (&[], &[]), fits)?))
}

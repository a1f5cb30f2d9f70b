//! Counts by the values of a field, out of columns and terms: for each value, how many of the documents have it.

use std::collections::BTreeMap;

use tantivy::schema::Field as Column;

use super::docs::Docs;
use super::keys;
use super::segment::Segment;
use super::terms::{self, BORDER, KIND, WHO};
use crate::record::Field;
use crate::record::field::{FieldValue, Known};

type Counts = BTreeMap<String, u64>;

/// Adds the documents to the counts by value, as far as the index says it; gives those whose lines have to be read.
pub(super) fn count(segment: &Segment, docs: &Docs, field: &Field, counts: &mut Counts) -> tantivy::Result<Docs> {
    let plain = docs.clone().without(&segment.odd);
    let odd = docs.clone().and(&segment.odd);
    let known = match field {
        Field::Key(path) => return Ok(count_key(segment, &plain, path, counts)?.or(&odd)),
        Field::Known(known) => *known,
    };
    if let Some(place) = terms::place_in(&KIND, known) {
        count_parts(segment, segment.fields.kind, &plain, known, place, counts)?;
    } else if let Some(place) = terms::place_in(&WHO, known) {
        count_parts(segment, segment.fields.who, &plain, known, place, counts)?;
    } else if known == Known::Obj {
        count_parts(segment, segment.fields.obj, &plain, known, 1, counts)?;
    } else if segment.fields.number(known).is_some() {
        let column = segment.reader.fast_fields().u64(known.name())?;
        let mut by_value: BTreeMap<u64, u64> = BTreeMap::new();
        for value in plain.iter().filter_map(|doc| column.first(doc)) {
            *by_value.entry(value).or_default() += 1;
        }
        by_value.into_iter().for_each(|(value, count)| *counts.entry(value.to_string()).or_default() += count);
    } else {
        return Ok(docs.clone());
    }
    Ok(odd)
}

/// Counts by one part of the terms of a column.
fn count_parts(
    segment: &Segment,
    column: Column,
    docs: &Docs,
    known: Known,
    place: usize,
    counts: &mut Counts,
) -> tantivy::Result<()> {
    let is_all = docs.count() == u64::from(segment.size());
    segment.each_term(column, (&[], &[]), &mut |term, postings| {
        let Some(value) = terms::value_of(known, terms::part(term, place)) else { return Ok(()) };
        let count = if is_all { postings.count()? } else { postings.count_in(docs)? };
        if count > 0 {
            *counts.entry(value.to_string()).or_default() += count;
        }
        Ok(())
    })
}

/// Counts by a key. Documents with several values, and those whose values no term says, are left to their lines.
fn count_key(segment: &Segment, docs: &Docs, path: &str, counts: &mut Counts) -> tantivy::Result<Docs> {
    let marks = [terms::APART, terms::APART_NULL];
    let apart = segment.with_terms(segment.fields.shape, (&[], &[]), |shape| keys::names(shape, path, &marks))?;
    let from = [path.as_bytes(), &[BORDER, terms::TRUTH]].concat();
    let to = [path.as_bytes(), &[BORDER, BORDER]].concat();
    let column = segment.fields.value;
    let (mut once, mut by_line) = (segment.none(), apart);
    segment.each_term(column, (&from, &to), &mut |term, postings| {
        let is_plain = plain(term, path).is_some();
        postings.each(|doc| {
            if !is_plain || once.contains(doc) {
                by_line.insert(doc);
            }
            once.insert(doc);
        })
    })?;
    let by_line = by_line.and(docs);
    let by_term = docs.clone().without(&by_line);
    segment.each_term(column, (&from, &to), &mut |term, postings| {
        let Some(value) = plain(term, path) else { return Ok(()) };
        let count = postings.count_in(&by_term)?;
        if count > 0 {
            *counts.entry(value.to_string()).or_default() += count;
        }
        Ok(())
    })?;
    Ok(by_line)
}

/// The value that a term of the key stands for.
fn plain<'t>(term: &'t [u8], path: &str) -> Option<FieldValue<'t>> {
    let (mark, more) = term.get(path.len() + 1..)?.split_first()?;
    keys::plain(*mark, more)
}

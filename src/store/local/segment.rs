//! One segment of the index, opened: its columns, its terms, and sets of documents out of both.

use std::ops::RangeInclusive;
use tantivy::columnar::{Column as FastColumn, MonotonicallyMappableToU64};
use tantivy::schema::Field as Column;
use tantivy::{SegmentReader, Term};

use super::docs::Docs;
use super::postings::Postings;
use super::schema::{COMMON, Fields, ODD};
use super::terms;
use crate::store::Buckets;

pub(super) struct Segment {
    pub reader: SegmentReader,
    pub fields: Fields,
    pub ts: FastColumn<i64>,
    pub src: FastColumn<u64>,
    pub off: FastColumn<u64>,
    pub len: FastColumn<u64>,
    /// Documents whose line decides, whatever the index says.
    pub odd: Docs,
}

impl Segment {
    pub fn open(reader: SegmentReader, fields: Fields) -> tantivy::Result<Segment> {
        let columns = reader.fast_fields();
        let (ts, src) = (columns.i64("ts")?, columns.u64("src")?);
        let (off, len) = (columns.u64("off")?, columns.u64("len")?);
        let odd = Docs::none(reader.max_doc());
        let mut segment = Segment { reader, ts, src, off, len, odd, fields };
        segment.odd = segment.with_term(&Term::from_field_u64(segment.fields.odd, ODD))?;
        Ok(segment)
    }

    pub fn size(&self) -> u32 {
        self.reader.max_doc()
    }

    pub fn none(&self) -> Docs {
        Docs::none(self.size())
    }

    pub fn all(&self) -> Docs {
        Docs::all(self.size())
    }

    /// The documents with that term.
    pub fn with_term(&self, term: &Term) -> tantivy::Result<Docs> {
        let mut docs = self.none();
        let terms = self.reader.inverted_index(term.field())?;
        if let Some(info) = terms.get_term_info(term)? {
            Postings::at(&terms, &info).add_to(&mut docs)?;
        }
        Ok(docs)
    }

    /// The documents with any term between two byte strings (the second not included) that fits.
    pub fn with_terms(
        &self,
        column: Column,
        (from, to): (&[u8], &[u8]),
        mut fits: impl FnMut(&[u8]) -> bool,
    ) -> tantivy::Result<Docs> {
        let [docs] = self.sort_terms(column, (from, to), |term| u64::from(fits(term)))?;
        Ok(docs)
    }

    /// Sorts the documents of terms into sets: for each term between two byte strings it is said into which ones, by a bit
    /// each.
    pub fn sort_terms<const N: usize>(
        &self,
        column: Column,
        (from, to): (&[u8], &[u8]),
        mut sort: impl FnMut(&[u8]) -> u64,
    ) -> tantivy::Result<[Docs; N]> {
        let mut sets = std::array::from_fn(|_| self.none());
        self.sort_terms_into(column, (from, to), &mut sets, &mut sort)?;
        Ok(sets)
    }

    /// As [`Segment::sort_terms`], for sets that are there.
    pub fn sort_terms_into(
        &self,
        column: Column,
        (from, to): (&[u8], &[u8]),
        sets: &mut [Docs],
        sort: &mut dyn FnMut(&[u8]) -> u64,
    ) -> tantivy::Result<()> {
        self.each_term(column, (from, to), &mut |term, postings| {
            let mut wanted = sort(term);
            while wanted != 0 {
                if let Some(set) = sets.get_mut(wanted.trailing_zeros() as usize) {
                    postings.add_to(set)?;
                }
                wanted &= wanted - 1;
            }
            Ok(())
        })
    }

    /// Gives the terms between two byte strings, the second not included; an empty one is no bound.
    pub fn each_term(&self, column: Column, (from, to): (&[u8], &[u8]), each: &mut EachTerm) -> tantivy::Result<()> {
        if self.fields.is_common(column) {
            return self.each_common(column, each);
        }
        let terms = self.reader.inverted_index(column)?;
        let range = terms.terms().range().ge(from);
        let mut stream = if to.is_empty() { range.into_stream()? } else { range.lt(to).into_stream()? };
        while let Some((term, info)) = stream.next() {
            each(term, &Postings::at(&terms, info))?;
        }
        Ok(())
    }

    /// Gives what records have in common, each with the postings of its name.
    fn each_common(&self, column: Column, each: &mut EachTerm) -> tantivy::Result<()> {
        let Some(definitions) = self.reader.fast_fields().bytes(COMMON)? else { return Ok(()) };
        let terms = self.reader.inverted_index(column)?;
        let mut stream = definitions.dictionary().prefix_range([terms::mark_of(column)]).into_stream()?;
        while stream.advance() {
            let Some((name, common)) = stream.key()[1..].split_at_checked(terms::NAME_BYTES) else { continue };
            each(common, &Postings::named(&terms, column, name))?;
        }
        Ok(())
    }

    /// How many of the documents fall into each bucket.
    pub fn by_time(&self, docs: &Docs, buckets: &Buckets) -> Vec<u64> {
        let mut counts = vec![0; buckets.count];
        // Documents stand about in the order of time: most fall where the one before them fell.
        let mut last = (0..0, 0);
        for ts in docs.iter().filter_map(|doc| self.ts.first(doc)) {
            if !last.0.contains(&ts) {
                let Some(place) = buckets.of(ts) else { continue };
                last = (buckets.span(place), place);
            }
            counts[last.1] += 1;
        }
        counts
    }

    /// The documents with exactly that term, in bytes.
    pub fn with_bytes(&self, column: Column, term: &[u8]) -> tantivy::Result<Docs> {
        self.with_term(&Term::from_field_bytes(column, term))
    }

    /// Those of `within` whose value in the column lies in the range. More than these may be given.
    pub fn in_range<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static + MonotonicallyMappableToU64>(
        &self,
        column: &FastColumn<T>,
        range: RangeInclusive<T>,
        within: &Docs,
    ) -> Docs {
        let mut docs = self.none();
        if column.min_value() > *range.end() || column.max_value() < *range.start() {
            return docs;
        }
        // Looking up each document costs about as much as reading a block of sixteen.
        if within.count() < u64::from(self.size()) / 16 {
            for doc in within.iter() {
                if column.first(doc).is_some_and(|value| range.contains(&value)) {
                    docs.insert(doc);
                }
            }
            return docs;
        }
        let mut found = Vec::new();
        column.get_docids_for_value_range(range, 0..self.size(), &mut found);
        found.into_iter().for_each(|doc| docs.insert(doc));
        docs
    }
}

/// What is done with a term and its postings.
type EachTerm<'a> = dyn FnMut(&[u8], &Postings) -> tantivy::Result<()> + 'a;

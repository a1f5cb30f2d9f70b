//! One segment of the index, opened: its columns, its terms, and sets of documents out of both.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tantivy::columnar::{Column as FastColumn, MonotonicallyMappableToU64};
use tantivy::postings::TermInfo;
use tantivy::query::{EnableScoring, PhraseQuery, Query as _};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::docs::Docs;
use super::schema::{Fields, KNOWN_MARK, ODD};

pub(super) struct Segment {
    pub reader: SegmentReader,
    pub fields: Arc<Fields>,
    pub ts: FastColumn<i64>,
    pub src: FastColumn<u64>,
    pub off: FastColumn<u64>,
    pub len: FastColumn<u64>,
    /// Documents whose line decides, whatever the index says.
    pub odd: Docs,
}

impl Segment {
    pub fn open(reader: SegmentReader, fields: Arc<Fields>) -> tantivy::Result<Segment> {
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
            add_postings(&terms, &info, &mut docs)?;
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
        let mut docs = self.none();
        let terms = self.reader.inverted_index(column)?;
        let range = terms.terms().range().ge(from);
        let mut stream = if to.is_empty() { range.into_stream()? } else { range.lt(to).into_stream()? };
        while let Some((term, info)) = stream.next() {
            if fits(term) {
                add_postings(&terms, info, &mut docs)?;
            }
        }
        Ok(docs)
    }

    /// The keys in `has`.
    pub fn each_key_had(&self, each: &mut dyn FnMut(&str)) -> tantivy::Result<()> {
        let terms = self.reader.inverted_index(self.fields.has)?;
        let mut stream = terms.terms().stream()?;
        while let Some((name, _)) = stream.next() {
            let name = String::from_utf8_lossy(name);
            if !name.starts_with(KNOWN_MARK) {
                each(&name);
            }
        }
        Ok(())
    }

    /// The documents that have these words of a text in a row. There are at least two.
    pub fn with_phrase(&self, words: Vec<Term>) -> tantivy::Result<Docs> {
        let mut docs = self.none();
        let schema = self.reader.schema();
        let weight = PhraseQuery::new(words).weight(EnableScoring::disabled_from_schema(schema))?;
        let mut scorer = weight.scorer(&self.reader, 1.0)?;
        while scorer.doc() != TERMINATED {
            docs.insert(scorer.doc());
            scorer.advance();
        }
        Ok(docs)
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

/// Adds all documents of a term.
fn add_postings(terms: &InvertedIndexReader, info: &TermInfo, docs: &mut Docs) -> tantivy::Result<()> {
    let mut blocks = terms.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    while !blocks.docs().is_empty() {
        blocks.docs().iter().for_each(|doc| docs.insert(*doc));
        blocks.advance();
    }
    Ok(())
}

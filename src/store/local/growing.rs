//! A segment of the index that grows in memory, row by row, and is then written as tantivy reads it.
//!
//! tantivy's own writer takes documents of any schema apart for each of its parts anew. Rows are made for this schema, so each
//! value goes at once where it belongs.

use tantivy::directory::TerminatingWrite as _;
use tantivy::fieldnorm::FieldNormsSerializer;
use tantivy::index::SegmentComponent;
use tantivy::store::{Compressor, StoreWriter};
use tantivy::{Index, Segment, SegmentMeta};

use super::columns::Columns;
use super::dictionary::{Guess, Place};
use super::document::{Name, Row};
use super::inverted::Inverted;
use super::schema::Fields;

pub(super) struct GrowingSegment {
    segment: Segment,
    fields: Fields,
    columns: Columns,
    terms: Inverted,
    /// Where the names of what records have in common stand, in the order in which rows brought them.
    commons: Vec<Place>,
    memory: usize,
    guesses: Vec<Guess>,
}

impl GrowingSegment {
    /// `memory` is how many bytes it may grow to, about.
    pub fn begin(index: &Index, memory: usize) -> GrowingSegment {
        GrowingSegment {
            segment: index.new_segment(),
            fields: Fields::new(),
            columns: Columns::default(),
            terms: Inverted::default(),
            commons: Vec::new(),
            memory,
            guesses: Vec::new(),
        }
    }

    /// Adds rows, each as a document. Terms of several are found faster than those of one.
    pub fn add(&mut self, rows: &[Row]) {
        self.terms.guess(rows.iter().flat_map(|row| &row.terms), &mut self.guesses);
        let mut guesses = self.guesses.iter();
        for row in rows {
            self.columns.add(row);
            for name in &row.names {
                match name {
                    Name::New(term) => self.commons.push(self.terms.add(term, &row.bytes)),
                    Name::Known(number) => self.terms.add_known(self.commons[*number as usize]),
                }
            }
            self.terms.add_all(row.terms.iter().zip(guesses.by_ref()), &row.bytes);
            self.terms.end_document();
        }
    }

    pub fn is_full(&self) -> bool {
        self.columns.memory() + self.terms.memory() > self.memory
    }

    /// Writes the segment to disk. It is part of the index once that is told of it.
    pub fn end(mut self) -> tantivy::Result<SegmentMeta> {
        let segment = &self.segment;
        Self::write_empty_parts(segment)?;
        self.terms.write(segment, &self.fields.of_terms())?;
        let mut columns = segment.open_write(SegmentComponent::FastFields)?;
        self.columns.write(&mut columns)?;
        columns.terminate()?;
        let meta = segment.meta().clone().with_max_doc(self.columns.documents());
        // Without sorting there is no temporary document store to be kept.
        meta.untrack_temp_docstore();
        Ok(meta)
    }

    /// No field has norms and nothing is stored, but the files have to be there.
    pub fn write_empty_parts(segment: &Segment) -> tantivy::Result<()> {
        FieldNormsSerializer::from_write(segment.open_write(SegmentComponent::FieldNorms)?)?.close()?;
        let store = segment.open_write(SegmentComponent::Store)?;
        Ok(StoreWriter::new(store, Compressor::None, 0, false)?.close()?)
    }
}
